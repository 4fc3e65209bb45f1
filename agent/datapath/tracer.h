/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_TRACER_H
#define PN_DATAPATH_TRACER_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/notes.h"
#include "base/ticks.h"
#include "bpf/flow.h"
#include "datapath/attach.h"
#include "datapath/select.h"

/*
 * The kernel side of flow tracing: loads flow.bpf.c, attaches it to interfaces and to the node's own
 * sockets, reads its table. Table, programs and attachments are pinned, so that counting goes on
 * without an agent; the next one takes them over and puts its own programs in the place of the old
 * ones, without a gap.
 *
 * Threads: _new, _attach, _detach, _features, _max_flows, _stats and _free belong to the control thread; _drain,
 * _find, _remove, _settle and _ticks to the flow thread, which must have ended before _free.
 */
struct pn_tracer;

/**
 * struct pn_tracer_config
 * @ip_map_fd: the pinned map `ip`, or -1: no names are stamped. Borrowed
 * @max_flows: room in the flow table; an adopted one keeps its size. What finds no room is counted by
 *	       pairs of addresses
 * @pin_dir:   where all that outlives the agent is pinned, on a BPF file system; created if missing.
 *	       NULL: nothing does
 * @cgroup_root: where the cgroup v2 hierarchy is mounted, for the sockets of the node itself; NULL: they
 *	       are not traced
 * @selection, @sampling: in force from the first packet on, see datapath/select.h; NULL, 0: everything. Without
 *	       owners, which have to follow
 * @force_clsact, @no_nat, @no_cgroup, @no_tcp, @no_lines: take the way of an older kernel, for tests. Without a hierarchy
 *	       or with @no_cgroup ends get no cgroup either
 */
struct pn_tracer_config {
	int ip_map_fd;
	uint32_t max_flows;
	const char *pin_dir, *cgroup_root;
	const struct pn_selection *selection;
	uint32_t sampling;
	bool force_clsact, no_nat, no_cgroup, no_tcp, no_lines;
};

/** pn_tracer_new() - Return: 0; -EPERM, -ENOTSUP, ... with @reterr (the verifier's last words included) */
int pn_tracer_new(const struct pn_tracer_config *config, struct pn_tracer **ret,
		  struct pn_err *reterr);

/** pn_tracer_free() - what is pinned goes on, the rest is detached; NULL is allowed */
void pn_tracer_free(struct pn_tracer *t);

/** pn_tracer_select() - which connections get an entry. Return: owned by @t */
struct pn_select *pn_tracer_select(const struct pn_tracer *t);

/** pn_tracer_left() - the addresses of interfaces that went while no agent ran; borrowed. Return: how many */
size_t pn_tracer_left(const struct pn_tracer *t, const struct pn_addr **ret);

/** pn_tracer_sampling() - of so many connections one is recorded now. Any thread */
uint32_t pn_tracer_sampling(const struct pn_tracer *t);

/**
 * pn_tracer_attach() - both directions of an interface; finds one that was taken over
 *
 * Return: 0, -EEXIST if it is attached, or a negative errno
 */
int pn_tracer_attach(struct pn_tracer *t, int ifindex, struct pn_err *reterr);

/**
 * pn_tracer_detach() - forget an interface, which may be gone already
 * @ret_addrs: room for two: the addresses that its sockets have used, one of each family at most;
 *	       NULL: not asked for
 *
 * Return: how many there are
 */
unsigned int pn_tracer_detach(struct pn_tracer *t, int ifindex, struct pn_addr *ret_addrs);

/**
 * pn_tracer_notes() - memory that lives as long as the flow table, for the bookkeeping of who drains it
 *
 * At least 128 bytes for each entry that the two tables have room for, and 4096 for a head. Zero when
 * the table is new; after a restart as the last agent left it at whatever moment it ended. What has
 * been reached counts as memory of the agent, touched or not.
 *
 * Return: owned by @t; after that for the flow thread, which must have ended before _free
 */
const struct pn_notes *pn_tracer_notes(const struct pn_tracer *t);

/** pn_tracer_cleanup() - `podonym cleanup`: detach and unpin all that is below @pin_dir. Return: 0 or a negative errno with @reterr */
int pn_tracer_cleanup(const char *pin_dir, struct pn_err *reterr);

/** struct pn_feature - one part that the kernel may refuse, for `podonym status` */
struct pn_feature {
	const char *name;   /* "hook", "nat", "cgroup", "host", "tcp", "lines" */
	const char *state;  /* "tcx", "clsact"; "on", "off" */
	const char *reason; /* why not better; "" if it is */
};

/** pn_tracer_features() - Return: how many; the array belongs to @t */
size_t pn_tracer_features(const struct pn_tracer *t, const struct pn_feature **ret);

/** pn_tracer_max_flows() - room for connections in the flow table, which an adopted one brings along */
uint32_t pn_tracer_max_flows(const struct pn_tracer *t);

/**
 * pn_tracer_drain() - call @visit for every entry of the flow table and of the table of pairs
 *
 * Where the flow table was full and has room now, connections are let in again.
 *
 * An entry is one consistent copy of its key; counters may be in motion, each only forwards. An
 * entry made or removed meanwhile may or may not be among them, and one just made may not have
 * its first packet yet. @visit must not touch the table.
 *
 * Return: 0 or a negative errno.
 */
int pn_tracer_drain(struct pn_tracer *t,
		    void (*visit)(void *data, const struct pn_flow_key *key,
				  const struct pn_flow_value *value),
		    void *data);

/** pn_tracer_find() - one entry of the flow table. Return: 0, -ENOENT, or another negative errno */
int pn_tracer_find(const struct pn_tracer *t, const struct pn_flow_key *key,
		   struct pn_flow_value *ret);

/**
 * pn_tracer_remove() - take an entry out; @ret is its last state
 *
 * A packet that another CPU is counting at this very instant may miss @ret, so take out what has
 * been idle. Return: 0; -ENOENT; -EAGAIN: not before pn_tracer_settle(); or another negative errno.
 */
int pn_tracer_remove(struct pn_tracer *t, const struct pn_flow_key *key, struct pn_flow_value *ret);

/** pn_tracer_leave() - could the entry be taken out now? Return: 0; -EAGAIN: after pn_tracer_settle(); or another negative errno */
int pn_tracer_leave(struct pn_tracer *t, const struct pn_flow_key *key);

/** pn_tracer_settle() - entries that could not be taken out can be now. Waits some 10 ms. Return: 0 or a negative errno */
int pn_tracer_settle(struct pn_tracer *t);

/**
 * pn_tracer_ticks() - what the ticks of entries mean that are read from now on; of the flow thread
 *
 * Return: 0 or a negative errno
 */
int pn_tracer_ticks(const struct pn_tracer *t, struct pn_ticks *ret);

/** pn_tracer_stats() - the ledger, summed over the CPUs; packets since the table was made */
int pn_tracer_stats(const struct pn_tracer *t, uint64_t ret[static PN_STAT_MAX]);

/** pn_tracer_prog_fd() - the program of a hook, for BPF_PROG_TEST_RUN; stays owned by @t */
int pn_tracer_prog_fd(const struct pn_tracer *t, enum pn_hook hook);

#endif
