/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_INDEX_INDEX_H
#define PN_INDEX_INDEX_H

#include <podonym/maps.h>

#include "base/addr.h"
#include "base/clock.h"
#include <podonym/objects.h>

/*
 * The IP index: address -> owners over time, and what is behind an owner; likewise for ports of
 * Services and of nodes, for networks, and for the cgroups of this node's sockets. Written by the
 * control thread from informer events, read by the flow thread without locks (liburcu, QSBR).
 *
 * An address has a list of claims (owner, from, until), newest first; claims stay five minutes past
 * their end, so that a flow is named by who had the address when its first packet passed. `from` is
 * the first time at which the owner may have had it and `until` the last one; where it is not known
 * when an address went from one to the other, their claims overlap, and a look-up says that several
 * are possible rather than guess.
 *
 * liburcu adds threads of its own, which take no part in the agent's work: one gives memory back
 * when every reader has passed a quiescent state, one a table makes it larger.
 */
struct pn_index;

/** Claims are kept this long past their end. */
#define PN_INDEX_MEMORY (300 * PN_NSEC_PER_SEC)

/** Most claims remembered for one address, and most objects that may ask for it at a time. */
enum {
	PN_INDEX_MAX_CLAIMS = 256,
	PN_INDEX_MAX_RIVALS = 64,
};

/**
 * struct pn_owner - who is behind an address: a pod with its workload, a Service, a node, a process
 * of this node, or a network with a name
 *
 * Immutable, one block of memory. When something about an owner changes (its workload becomes
 * known), a new struct with the same id takes its place. Strings are never NULL; "" is absent.
 */
struct pn_owner {
	uint32_t id; /* never given to another owner; see podonym/maps.h */
	enum pn_owner_kind kind;
	uint32_t flags; /* enum pn_owner_flags */
	const char *uid, *name_space, *name;
	const char *workload_kind, *workload_name; /* a pod's: "Deployment" "web"; "" if bare */
	const char *node;			   /* where a pod or a process runs */
	const char *zone, *region;		   /* of that node, or of the node itself */
};

/** pn_index_new() - @node_name: this node, "" if not known; copied. @clock outlives the index. Return: 0 or -ENOMEM */
int pn_index_new(const struct pn_clock *clock, const char *node_name, struct pn_index **ret);

/** pn_index_free() - no other thread may be reading any more; NULL is allowed. Waits for liburcu's threads. */
void pn_index_free(struct pn_index *idx);

/*
 * Writing: one thread only, the control thread. It may be a registered reader or not. One that
 * writes often registers once and stays offline: that saves two locks of liburcu a call.
 */

/*
 * Seeding: before any object, and only with what the pinned maps held when the agent started. So
 * ids, generations and the memory of earlier owners survive a restart. What is seeded counts as
 * written to the maps already. An owner that no object confirms goes with pn_index_confirm().
 */

/** pn_index_seed() - Return: 0; -EINVAL for a value that no agent wrote, or an id or uid twice; -ENOMEM */
int pn_index_seed(struct pn_index *idx, uint32_t id, const struct pn_owner_value *value);

/** pn_index_seed_ip() - after all owners. Return: 0; -EINVAL for values that make no sense; -ENOMEM */
int pn_index_seed_ip(struct pn_index *idx, const struct pn_ip_key *key,
		     const struct pn_ip_value *value);

/** pn_index_set_next_id() - ids below @id may be in use by somebody; give none of them */
void pn_index_set_next_id(struct pn_index *idx, uint32_t id);
uint32_t pn_index_next_id(const struct pn_index *idx);

/** pn_index_confirm() - every list is complete: release what was seeded and has not come again */
void pn_index_confirm(struct pn_index *idx);

/**
 * pn_index_apply() - an object came, changed or went
 * @old: NULL for a new one
 * @new: NULL for one that went
 *
 * Of any kind; what explains no address is ignored. @old and @new may have different uids. Late,
 * repeated and reordered calls are harmless: a release only counts for the uid that holds the claim.
 *
 * Return: 0; -ENOMEM: what @old held and @new does not is released, of what @new asks for some may
 * be missing, until it is applied again; -EOVERFLOW: no owner id is left.
 */
int pn_index_apply(struct pn_index *idx, const struct pn_object *old, const struct pn_object *new);

/**
 * pn_index_endpoints_synced() - every EndpointSlice is known from now on
 *
 * Before, no Service is said to be without endpoints. A slice is kept by a reference to the object.
 *
 * Return: 0; -ENOMEM: of some Services it is not said yet, call it again
 */
int pn_index_endpoints_synced(struct pn_index *idx);

/**
 * pn_index_backends() - call @fn for each endpoint of a Service's slices; of the writing thread
 * @fn: what it gets is borrowed for the call
 */
void pn_index_backends(const struct pn_index *idx, const char *name_space, const char *service,
		       void (*fn)(void *data, const struct pn_endpoint *e), void *data);

/**
 * pn_index_services_of() - call @fn for each slice that has the pod among its endpoints; likewise
 *
 * By the name of the pod, or by one of its addresses where a slice does not name who has them; slices are
 * of the pod's namespace. Goes over all of them.
 */
void pn_index_services_of(const struct pn_index *idx, const struct pn_pod *pod,
			  void (*fn)(void *data, const struct pn_endpointslice *slice), void *data);

/** The annotation that the mirror of a static pod must have kept. */
#define PN_CONFIG_HASH_ANNOTATION "kubernetes.io/config.hash"

/**
 * struct pn_cgroup - a cgroup of this node, as the cgroup tree tells
 * @id:	     what bpf_skb_cgroup_id() returns; the kernel never gives it to another cgroup
 * @pod_uid: of the pod that it or an ancestor of it belongs to; for a static pod the hash that its
 *	     mirror has in PN_CONFIG_HASH_ANNOTATION. "": none of a pod
 * @name:    without a pod: the unit or the command that it stands for
 */
struct pn_cgroup {
	uint64_t id;
	const char *pod_uid, *name;
};

/** pn_index_cgroup_add() - one that is there, or whose name has changed; copied. Return: 0 or -ENOMEM, -EOVERFLOW */
int pn_index_cgroup_add(struct pn_index *idx, const struct pn_cgroup *cgroup);

/** pn_index_cgroup_remove() - one that has gone; remembered as long as addresses are */
void pn_index_cgroup_remove(struct pn_index *idx, uint64_t id);

/** struct pn_range - a network that the configuration gives a name to */
struct pn_range {
	struct pn_cidr cidr;
	const char *name;
};

/** pn_index_set_ranges() - these and no others from now on; copied. Return: 0; -ENOMEM: some may be missing */
int pn_index_set_ranges(struct pn_index *idx, const struct pn_range *ranges, size_t n);

/**
 * pn_index_heard() - until @when (CLOCK_MONOTONIC) the index has been told of every change of a pod, but for
 *		      news under way; PN_NSEC_NEVER, as in the beginning: of all that there is
 */
void pn_index_heard(struct pn_index *idx, pn_nsec when);

/** pn_index_prune() - forget claims and owners whose memory is over; call it every few seconds */
void pn_index_prune(struct pn_index *idx);

/** Most changes handed out by one call of pn_index_take_fn. */
#define PN_INDEX_BATCH 256

/**
 * struct pn_index_change - one thing that the pinned maps must be told
 * @failed: set by who takes the change and could not write it: it is handed out again
 * @gone:   delete the entry; then only the key counts
 *
 * Values describe the state now, so a change that is taken twice does no harm.
 */
struct pn_index_change {
	enum pn_index_change_kind {
		PN_CHANGE_OWNER,    /* owner_id -> owner */
		PN_CHANGE_IP,	    /* addr -> ip */
		PN_CHANGE_SERVICE,  /* port -> owner_id */
		PN_CHANGE_HOSTPORT, /* port -> owner_id */
		PN_CHANGE_CIDR,	    /* cidr -> owner_id */
		PN_CHANGE_CGROUP,   /* cgroup -> owner_id */
	} kind;
	bool failed, gone;
	uint32_t owner_id;
	const struct pn_owner *owner;
	struct pn_ip_key addr;
	struct pn_ip_value ip;
	struct pn_port_key port;
	struct pn_cidr_key cidr;
	uint64_t cgroup;
};

/** pn_index_take_fn - @n changes of one kind, all of them gone or none. Must not call the index. */
typedef void (*pn_index_take_fn)(void *data, struct pn_index_change *changes, size_t n);

/**
 * pn_index_take_changes() - hand out and forget what changed since the last call
 * @take: NULL: nobody wants to know
 *
 * Order: new and changed owners, then all that refers to them, then owners that went; so a
 * reader of the maps never finds an owner id without its owner, failures included: an address is
 * handed out without the owner that failed, and again later; no owner goes while an address failed. Everything in the index
 * is one change on the first call. Memory of what is gone is only given back by this call.
 *
 * Return: how many were taken, failures not counted.
 */
size_t pn_index_take_changes(struct pn_index *idx, pn_index_take_fn take, void *data);

/** Does the map have such an entry, once all changes are written? For who compares map and index. */
bool pn_index_has_ip(const struct pn_index *idx, const struct pn_ip_key *key);
bool pn_index_has_service(const struct pn_index *idx, const struct pn_port_key *key);
bool pn_index_has_hostport(const struct pn_index *idx, const struct pn_port_key *key);
bool pn_index_has_cidr(const struct pn_index *idx, const struct pn_cidr_key *key);
bool pn_index_has_cgroup(const struct pn_index *idx, uint64_t id);
bool pn_index_has_owner(const struct pn_index *idx, uint32_t id);

/**
 * struct pn_index_counts - as they are now
 * @n_addrs, @n_services, @n_hostports, @n_cidrs, @n_cgroups: those that have an owner
 * @n_owners: owners known, those in memory only included
 */
struct pn_index_counts {
	size_t n_addrs, n_services, n_hostports, n_cidrs, n_cgroups, n_owners;
};

void pn_index_counts(const struct pn_index *idx, struct pn_index_counts *ret);

/*
 * Reading: any thread between pn_index_reader_begin() and _end(). What look-ups return is borrowed
 * until that thread calls pn_index_reader_quiescent(); a thread that sleeps says so with _offline()
 * and _online() around it, else no memory is ever given back. Look-ups never allocate, lock or wait.
 */
void pn_index_reader_begin(void);
void pn_index_reader_end(void);
void pn_index_reader_quiescent(void);
void pn_index_reader_offline(void);
void pn_index_reader_online(void);

/*
 * The look-ups below say how many owners are possible: 0, 1, or more. Only with 1 is @ret set.
 * @when: CLOCK_MONOTONIC; PN_NSEC_NEVER asks for now. @port: in host byte order.
 */

/**
 * pn_index_at() - who may have had an address at a time
 *
 * Cost: one hash probe and a walk over the address's few claims.
 */
int pn_index_at(const struct pn_index *idx, const struct pn_addr *addr, pn_nsec when,
		const struct pn_owner **ret);

/* struct pn_index_addr - an address that the index knows, for who asks several things of it */
struct pn_index_addr;

/** pn_index_addr_find() - Return: borrowed as all that look-ups return; NULL: nobody has had it */
const struct pn_index_addr *pn_index_addr_find(const struct pn_index *idx,
					       const struct pn_addr *addr);

/** pn_index_addr_at() - pn_index_at() without the probe; @a NULL: nobody */
int pn_index_addr_at(const struct pn_index_addr *a, pn_nsec when, const struct pn_owner **ret);

/**
 * pn_index_addr_sole() - of whom alone an address is known
 * @a:		NULL: of nobody
 * @ret_since:	with an owner: from when on, until now; of the time before nothing is known
 *
 * Return: NULL: of none, of several, or of one that has it no more
 */
const struct pn_owner *pn_index_addr_sole(const struct pn_index_addr *a, pn_nsec *ret_since);

/** pn_index_heard_until() - as last given to pn_index_heard() */
pn_nsec pn_index_heard_until(const struct pn_index *idx);

/**
 * pn_index_may_have_ports() - can pn_index_service() or pn_index_headless() find anything at this address?
 * @addr: NULL: at any of a node
 *
 * Return: false is certain
 */
bool pn_index_may_have_ports(const struct pn_index *idx, const struct pn_addr *addr);

/** pn_index_host_port() - the pod behind a port of a node: one in the node's network, or one with a host port */
int pn_index_host_port(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		       uint16_t port, pn_nsec when, const struct pn_owner **ret);

/** pn_index_service() - the Service that has an address and port; where a node has the address, its node ports */
int pn_index_service(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		     uint16_t port, pn_nsec when, const struct pn_owner **ret);

/** pn_index_headless() - the Service without an address of its own among whose endpoints this one is */
int pn_index_headless(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		      uint16_t port, pn_nsec when, const struct pn_owner **ret);

/** pn_index_cidr() - the smallest network that has the address: a named range, or a Node with its pods' range */
int pn_index_cidr(const struct pn_index *idx, const struct pn_addr *addr,
		  const struct pn_owner **ret);

/** What is known of a socket's cgroup. */
enum pn_cgroup_answer {
	PN_CGROUP_UNKNOWN, /* nothing */
	PN_CGROUP_AWAITED, /* a pod's, of which no object has come yet: nobody else has it */
	PN_CGROUP_POD,
	PN_CGROUP_PROCESS,
};

/** pn_index_cgroup() - whose sockets these are; exact, at any time. @ret is set for a pod and a process */
enum pn_cgroup_answer pn_index_cgroup(const struct pn_index *idx, uint64_t id,
				      const struct pn_owner **ret);

/** pn_index_owner() - by id, also an owner that is gone for less than the memory. Return: NULL if unknown */
const struct pn_owner *pn_index_owner(const struct pn_index *idx, uint32_t id);

#endif
