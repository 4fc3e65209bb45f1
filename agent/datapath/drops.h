/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_DROPS_H
#define PN_DATAPATH_DROPS_H

#include "base/err.h"
#include "bpf/drop.h"
#include "datapath/tracer.h"

/*
 * The kernel side of drops: loads drop.bpf.c, reads its table, knows the names of reasons and places.
 * Nothing of it outlives the agent.
 *
 * A kernel that does not take it has no drops and loses nothing else: the object is there all the
 * same, its table is empty, and pn_drops_feature() says why.
 *
 * Threads: _new, _feature, _losses and _free belong to the control thread; the rest to the flow thread,
 * which must have ended before _free.
 */
struct pn_drops;

/**
 * struct pn_drops_config
 * @max_drops: room in the table; what finds none is counted
 * @off:       switched off by the user
 * @no_reason: take the way of a kernel before 5.17, for tests
 * @symbols:   path of the list of symbols; NULL: PN_SYMBOLS_PATH. Outlives the object
 *
 * The list is opened once, by pn_drops_new(): later the caller needs no CAP_SYSLOG.
 */
struct pn_drops_config {
	uint32_t max_drops;
	bool off, no_reason;
	const char *symbols;
};

#define PN_MAX_DROPS 16384

/** pn_drops_new() - Return: 0 or -ENOMEM */
int pn_drops_new(const struct pn_drops_config *config, struct pn_drops **ret);
void pn_drops_free(struct pn_drops *d);

/** pn_drops_feature() - for `podonym status`; what it points to belongs to @d */
struct pn_feature pn_drops_feature(const struct pn_drops *d);

/**
 * struct pn_drop_losses_seen - drops that are in no entry, since the start
 * @missed: the program was running on that CPU already, or the kernel could not run it
 */
struct pn_drop_losses_seen {
	uint64_t table_full, unparsed, missed;
};

struct pn_drop_losses_seen pn_drops_losses(const struct pn_drops *d);

/** pn_drops_have_news() - has anything been counted since the last pn_drops_drain()? Costs one read of memory */
bool pn_drops_have_news(const struct pn_drops *d);

/**
 * struct pn_drop_words - names, each valid until pn_drops_free()
 * @reason:   without SKB_DROP_REASON_; "" where the kernel gives none
 * @location: the function; its address as text where the kernel hides the names
 */
struct pn_drop_words {
	const char *reason, *location;
};

/**
 * pn_drops_drain() - call @visit for every entry of the table that is a drop
 *
 * An entry is one consistent copy of its key; counters may be in motion. @visit must not touch the
 * table. Return: 0 or a negative errno
 */
int pn_drops_drain(struct pn_drops *d,
		   void (*visit)(void *data, const struct pn_drop_key *key,
				 const struct pn_drop_value *value,
				 const struct pn_drop_words *words),
		   void *data);

/** pn_drops_remove() - take an entry out that has been idle; @ret is its last state. Return: 0, -ENOENT or another negative errno */
int pn_drops_remove(struct pn_drops *d, const struct pn_drop_key *key, struct pn_drop_value *ret);

/** pn_drops_prog_fd() - of the program; -1: it is not loaded. Stays owned by @d */
int pn_drops_prog_fd(const struct pn_drops *d);

#endif
