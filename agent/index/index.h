/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_INDEX_INDEX_H
#define PN_INDEX_INDEX_H

#include <podonym/maps.h>

#include "base/addr.h"
#include "base/clock.h"
#include <podonym/objects.h>

/*
 * The IP index: address -> owners over time, and what is behind an owner. Written by the control
 * thread from informer events, read by the flow thread without locks (liburcu, QSBR).
 *
 * An address has a list of claims (owner, from, until), newest first; claims stay five minutes past
 * their end, so that a flow is named by who had the address when its first packet passed.
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
 * struct pn_owner - who is behind an address: a pod with its workload, a Service or a node
 *
 * Immutable, one block of memory. When something about an owner changes (its workload becomes
 * known), a new struct with the same id takes its place. Strings are never NULL; "" is absent.
 */
struct pn_owner {
	uint32_t id; /* never given to another owner; see podonym/maps.h */
	enum pn_owner_kind kind;
	bool local; /* a pod of this node, or this node */
	const char *uid, *name_space, *name;
	const char *workload_kind,
		*workload_name; /* a pod's: "Deployment" "web"; "" for a bare pod */
	const char *node;	/* where a pod runs */
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
		PN_CHANGE_OWNER,   /* owner_id -> owner */
		PN_CHANGE_IP,	   /* addr -> ip */
		PN_CHANGE_SERVICE, /* service_key -> service_owner */
	} kind;
	bool failed, gone;
	uint32_t owner_id;
	const struct pn_owner *owner;
	struct pn_ip_key addr;
	struct pn_ip_value ip;
	struct pn_service_key service_key;
	uint32_t service_owner;
};

/** pn_index_take_fn - @n changes of one kind, all of them gone or none. Must not call the index. */
typedef void (*pn_index_take_fn)(void *data, struct pn_index_change *changes, size_t n);

/**
 * pn_index_take_changes() - hand out and forget what changed since the last call
 * @take: NULL: nobody wants to know
 *
 * Order: new and changed owners, then addresses and service ports, then owners that went; so a
 * reader of the maps never finds an owner id without its owner, failures included: an address is
 * handed out without the owner that failed, and again later; no owner goes while an address failed. Everything in the index
 * is one change on the first call. Memory of what is gone is only given back by this call.
 *
 * Return: how many were taken, failures not counted.
 */
size_t pn_index_take_changes(struct pn_index *idx, pn_index_take_fn take, void *data);

/** Does the map have such an entry, once all changes are written? For who compares map and index. */
bool pn_index_has_ip(const struct pn_index *idx, const struct pn_ip_key *key);
bool pn_index_has_service(const struct pn_index *idx, const struct pn_service_key *key);
bool pn_index_has_owner(const struct pn_index *idx, uint32_t id);

/**
 * struct pn_index_counts - as they are now
 * @n_addrs, @n_services: addresses and service ports that have an owner
 * @n_owners:		  owners known, those in memory only included
 */
struct pn_index_counts {
	size_t n_addrs, n_services, n_owners;
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

/**
 * pn_index_at() - who had an address at a time
 * @when: CLOCK_MONOTONIC; PN_NSEC_NEVER asks for the owner now
 *
 * Cost: one hash probe and a walk over the address's few claims.
 *
 * Return: the owner, or NULL if nobody did (or it is forgotten).
 */
const struct pn_owner *pn_index_at(const struct pn_index *idx, const struct pn_addr *addr,
				   pn_nsec when);

/** pn_index_service() - the Service of a virtual address and port. @port in host byte order. Return: NULL if none */
const struct pn_owner *pn_index_service(const struct pn_index *idx, const struct pn_addr *addr,
					uint8_t proto, uint16_t port);

/** pn_index_owner() - by id, also an owner that is gone for less than the memory. Return: NULL if unknown */
const struct pn_owner *pn_index_owner(const struct pn_index *idx, uint32_t id);

#endif
