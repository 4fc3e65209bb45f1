/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_INDEX_PRIVATE_H
#define PN_INDEX_PRIVATE_H

#include <stdatomic.h>

#include <urcu-qsbr.h>
#include <urcu/list.h>
#include <urcu/rculfhash.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "index/index.h"

/*
 * The inside of the index, for the files of this folder.
 *
 *   claimant   who owns or owned something: a pod, a Service, a node, a named network, a process
 *   place      what can be owned: an address, a port, a network (enum pn_place_sort)
 *   rival      a claimant asks for a place; most places have one rival, who then owns it
 *   claim      from when until when one may have had a place; a place's claims are its history
 *
 * Readers go place -> history -> claim -> claimant -> owner. All of these are published by a release
 * store or by liburcu's table, and freed by pn_rcu_free() only. The fields below "writer" belong to
 * the control thread alone.
 */

struct pn_claim {
	struct pn_claimant *by;
	pn_nsec from;
	_Atomic(pn_nsec) until; /* PN_NSEC_NEVER: owns it now */
};

/*
 * One claim of each claimant, that of the owner now first. Changed by a copy; only ends are set in
 * place.
 */
struct pn_history {
	struct rcu_head rcu; /* first: see pn_rcu_free() */
	unsigned int n;
	struct pn_claim claims[];
};

enum pn_place_sort {
	PN_PLACE_ADDRESS,
	PN_PLACE_SERVICE,  /* addr, proto, port of a Service; the zero address: a node port */
	PN_PLACE_HOSTPORT, /* the same of a pod that is behind a node's address */
	PN_PLACE_ENDPOINT, /* the same of a Service without an address, behind a pod's */
	PN_PLACE_NETWORK,  /* addr with no bit set behind its first prefix_len */
	PN_PLACE_SORT_MAX, /* sentinel */
};

/* As bytes, what its sort does not need is zero. */
struct pn_place_key {
	uint8_t addr[16];
	uint16_t port_be;
	union {
		uint8_t proto;
		uint8_t prefix_len; /* of 128 */
	};
	uint8_t sort; /* enum pn_place_sort */
};

_Static_assert(sizeof(struct pn_place_key) == 20, "no padding, it is compared as bytes");

struct pn_place {
	struct rcu_head rcu;
	struct cds_lfht_node node;
	struct pn_place_key key;
	_Atomic(struct pn_history *) history;

	/* writer */
	uint32_t generation;
	struct cds_list_head rivals; /* in the order of arrival */
	struct cds_list_head dirty, past;
};

/* pn_place_is_shared() - nobody takes it from another */
static inline bool pn_place_is_shared(const struct pn_place *p)
{
	return p->key.sort == PN_PLACE_ENDPOINT;
}

struct pn_rival {
	struct pn_claimant *by;
	struct pn_place *place;
	struct cds_list_head of_place, of_claimant;
	uint64_t round; /* the last pass over the claimant's wishes that found it */
	pn_nsec asked;	/* since when this is known */
	bool displaced; /* another one got the place after that: whatever it asks, it is over */
};

/* liburcu's own macros for this cast const away, which clang refuses. */
#define PN_ENTRY(ptr, pos, member) PN_CONTAINER_OF(ptr, __typeof__(*(pos)), member)
#define PN_EACH(pos, head, member)                                                  \
	for ((pos) = PN_ENTRY((head)->next, pos, member); &(pos)->member != (head); \
	     (pos) = PN_ENTRY((pos)->member.next, pos, member))
#define PN_EACH_SAFE(pos, after, head, member)                   \
	for ((pos) = PN_ENTRY((head)->next, pos, member),        \
	    (after) = PN_ENTRY((pos)->member.next, pos, member); \
	     &(pos)->member != (head);                           \
	     (pos) = (after), (after) = PN_ENTRY((pos)->member.next, pos, member))

/* struct pn_named - an owner in one block with its strings */
struct pn_named {
	struct rcu_head rcu;
	struct pn_owner owner;
	char text[];
};

struct pn_claimant {
	struct rcu_head rcu;
	struct cds_lfht_node node;
	uint32_t id;
	_Atomic(struct pn_named *) named;

	/* writer */
	UT_hash_handle hh; /* by uid */
	enum pn_owner_kind kind;
	uint32_t flags;	  /* enum pn_ip_flags */
	bool confirmed;	  /* an object has come; false: only seeded */
	bool gone;	  /* asks for nothing any more; since gone_ns */
	bool clock_ahead; /* it said that it would start in the future */
	int64_t start_s;  /* seconds since 1970, for the order among rivals */
	int64_t first_s;  /* seconds since 1970: it had nothing before; 0: unknown */
	pn_nsec gone_ns;
	size_t n_claims; /* in histories */
	struct cds_list_head rivals, dirty, past;
	struct pn_replicaset_entry *replicaset;
	struct cds_list_head of_replicaset;
	struct pn_location *location;
	struct cds_list_head of_location;
	struct pn_endpoints_entry *endpoints; /* a Service's that exists */
	struct cds_list_head of_endpoints;
	bool is_headless;
	struct pn_cgroup_pod *mirrored; /* the static pod that this one stands for */
	struct cds_list_head of_mirrored;
	char uid[];
};

/* struct pn_cgroup_entry - a cgroup of this node; cgroup.c alone makes and changes it */
struct pn_cgroup_entry {
	struct rcu_head rcu;
	struct cds_lfht_node node;
	uint64_t id;
	_Atomic(struct pn_claimant *) by; /* NULL: of a pod of which no object has come */

	/* writer */
	bool gone;    /* the map is not to have it any more */
	bool removed; /* from the tree; since removed_ns */
	pn_nsec removed_ns;
	struct pn_cgroup_pod *pod; /* NULL: none of a pod */
	struct cds_list_head of_pod, dirty, past;
};

enum {
	PN_ADDR_BITS = 128,
	PN_N_LENGTHS = PN_ADDR_BITS + 1,
};

/* struct pn_lengths - which prefix lengths there are among the networks; the set, for readers, one bit each */
struct pn_lengths {
	uint32_t n[PN_N_LENGTHS];
	_Atomic(uint64_t) set[PN_N_LENGTHS / 64 + 1];
};

/*
 * Of most addresses no port is known: so many have one in each of this many sets of addresses, and a
 * look-up in an empty one is over.
 */
#define PN_PORT_SETS 4096

struct pn_index {
	const struct pn_clock *clock;
	struct cds_lfht *places, *owners, *cgroups;
	struct pn_lengths lengths;
	_Atomic(uint32_t) n_ports[PN_PORT_SETS];
	_Atomic(pn_nsec) heard_until;

	/* writer */
	struct pn_claimant *by_uid;
	struct pn_replicaset_entry *replicasets;
	struct pn_location *locations;
	struct pn_endpoints_entry *endpoints;
	struct pn_slice *slices;
	bool endpoints_synced;
	struct pn_cgroup_pod *cgroup_pods;
	struct cds_list_head dirty_places, past_places;
	struct cds_list_head dirty_claimants, past_claimants;
	struct cds_list_head dirty_cgroups, past_cgroups;
	struct pn_index_counts counts;
	uint64_t round;
	uint32_t next_id;
	struct pn_index_change batch[PN_INDEX_BATCH];
	char node_name[PN_NAME_LEN];
};

/* rcu.c */

/* The writer must be an online reader while it touches liburcu's tables; _end goes back to what it was. */
enum pn_rcu_state { PN_RCU_OUTSIDE, PN_RCU_OFFLINE, PN_RCU_ONLINE };

enum pn_rcu_state pn_rcu_writing_begin(void);
void pn_rcu_writing_end(enum pn_rcu_state *was);
#define PN_RCU_WRITING()                                                                \
	__attribute__((unused)) PN_CLEANUP(pn_rcu_writing_end) enum pn_rcu_state was_ = \
		pn_rcu_writing_begin()

/* pn_rcu_free() - free the block that begins with @head, once no reader can have it. NULL is allowed */
void pn_rcu_free(struct rcu_head *head);

/* place.c */

struct pn_place *pn_place_find(const struct pn_index *idx, const struct pn_place_key *key);
void pn_place_mark(struct pn_index *idx, struct pn_place *p);

/* pn_place_may_have_ports() - is there a place of a port, or an endpoint, at @addr? false is certain. Readers, too */
bool pn_place_may_have_ports(const struct pn_index *idx, const uint8_t addr[static 16]);

/* pn_place_port() - the key of a port; @addr NULL: of every node */
struct pn_place_key pn_place_port(enum pn_place_sort sort, const struct pn_addr *addr,
				  uint8_t proto, uint16_t port);
struct pn_place_key pn_place_address(const uint8_t addr[static 16]);

/* pn_place_ask() - @c asks for it, now or still, in the pass idx->round. Return: 0 or -ENOMEM */
int pn_place_ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_place_key *key,
		 pn_nsec now);

/* pn_place_withdraw() - free @r. Return: 0; -ENOMEM: withdrawn, but a rival could not take over */
int pn_place_withdraw(struct pn_index *idx, struct pn_rival *r, pn_nsec now);

/* pn_place_restore() - a history from the pinned maps; of the two one may be NULL. Return: 0, -EINVAL, -ENOMEM */
int pn_place_restore(struct pn_index *idx, const struct pn_ip_key *key,
		     const struct pn_ip_value *value, struct pn_claimant *now_by,
		     struct pn_claimant *prev_by, pn_nsec now);

/* pn_place_owners() - how many may have had it at @when: 0, 1, 2 for more. Readers and the writer; @ret is set with 1 */
int pn_place_owners(const struct pn_place *p, pn_nsec when, const struct pn_owner **ret);

/* pn_place_drop() - if nobody asks for it and nothing is remembered */
void pn_place_drop(struct pn_index *idx, struct pn_place *p);
void pn_place_drop_all(struct pn_index *idx);

/* history.c: the claims of a place */

static inline pn_nsec pn_claim_until(const struct pn_claim *c)
{
	return atomic_load_explicit(&c->until, memory_order_relaxed);
}

/* pn_claim_is_over() - one that ended at @until is not remembered any more */
bool pn_claim_is_over(pn_nsec until, pn_nsec now);

/* pn_place_current(), _previous() - the claim of the owner now, the one of all others that ends last; NULL if none */
const struct pn_claim *pn_place_current(const struct pn_place *p);
const struct pn_claim *pn_place_previous(const struct pn_place *p);

/* pn_history_find() - the claim of @by; NULL: none is remembered */
const struct pn_claim *pn_history_find(const struct pn_place *p, const struct pn_claimant *by);

/* pn_history_begin() - of the first claim; PN_NSEC_NEVER without one */
pn_nsec pn_history_begin(const struct pn_place *p);
bool pn_history_is_empty(const struct pn_place *p);

/*
 * pn_history_set() - publish the claims with @claim, in the place of one of the same claimant, and without those
 * whose memory is over. If @claim does not end, whoever owns the place does so no longer, unless it is shared
 *
 * @claim: copied; NULL: no other one. Return: 0 or -ENOMEM: nothing has changed
 */
int pn_history_set(struct pn_index *idx, struct pn_place *p, const struct pn_claim *claim,
		   pn_nsec now);

/* pn_history_end() - the claim of @by ends now, if there is one */
void pn_history_end(struct pn_index *idx, struct pn_place *p, const struct pn_claimant *by,
		    pn_nsec now);
void pn_history_clear(struct pn_place *p);

/* pn_place_prune() - forget the claims of all places whose memory is over */
void pn_place_prune(struct pn_index *idx, pn_nsec now);

/* wishes.c: what an object asks for */

/* pn_wishes_ask() - let @c ask for all of it, in the pass idx->round. Return: 0 or -ENOMEM: the rest is missing */
int pn_wishes_ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *o,
		  pn_nsec now);

/* pn_wishes_count() - how many addresses and networks it asks for, or ports where that is all */
uint32_t pn_wishes_count(const struct pn_object *o);

/* pn_wishes_any() - is it to be known at all? @is_here: runs on this node */
bool pn_wishes_any(const struct pn_object *o, bool is_here);

/* network.c */

/* pn_place_network() - the key; bits behind the prefix are cleared */
struct pn_place_key pn_place_network(const uint8_t addr[static 16], uint8_t prefix_len);

/* pn_network_count() - one more or one less of this length has an owner */
void pn_network_count(struct pn_index *idx, uint8_t prefix_len, bool more);

/* claimant.c */

struct pn_claimant *pn_claimant_find(const struct pn_index *idx, const char *uid);
struct pn_claimant *pn_claimant_by_id(const struct pn_index *idx, uint32_t id);

/* pn_claimant_new() - @owner tells kind and names; id 0: the next one. Return: 0, -ENOMEM, -EOVERFLOW */
int pn_claimant_new(struct pn_index *idx, const struct pn_owner *owner, struct pn_claimant **ret);

/* pn_claimant_rename() - publish @owner's names under @c's id, if they differ. Return: 0 or -ENOMEM */
int pn_claimant_rename(struct pn_index *idx, struct pn_claimant *c, const struct pn_owner *owner);

/* pn_claimant_named() - what is published now, for the writer */
const struct pn_owner *pn_claimant_named(const struct pn_claimant *c);

void pn_claimant_mark(struct pn_index *idx, struct pn_claimant *c);

/* pn_claimant_revive() - it has come again */
void pn_claimant_revive(struct pn_index *idx, struct pn_claimant *c);

/* pn_claimant_hold() - something refers to it again: if its memory was over, it is not */
void pn_claimant_hold(struct pn_index *idx, struct pn_claimant *c);

/* pn_claimant_start() - the first time at which it may have had anything; PN_NSEC_NEVER: nothing says */
pn_nsec pn_claimant_start(const struct pn_index *idx, const struct pn_claimant *c, pn_nsec now);

/*
 * pn_claimant_keep() - withdraw what the pass @round did not find, among the endpoints or among all else
 *
 * Return: 0; -ENOMEM as pn_place_withdraw()
 */
int pn_claimant_keep(struct pn_index *idx, struct pn_claimant *c, bool endpoints, uint64_t round,
		     pn_nsec now);
/* pn_claimant_release() - withdraw everything, endpoints too */
int pn_claimant_release(struct pn_index *idx, struct pn_claimant *c, pn_nsec now);

void pn_claimant_prune(struct pn_index *idx, pn_nsec now);
bool pn_claimant_is_over(struct pn_claimant *c);
void pn_claimant_drop(struct pn_index *idx, struct pn_claimant *c);
void pn_claimant_drop_all(struct pn_index *idx);

/* workload.c: a pod's ReplicaSet leads on to its Deployment */

/* pn_workload_link() - remember that pod @c belongs to ReplicaSet @uid ("" for none). Return: 0 or -ENOMEM */
int pn_workload_link(struct pn_index *idx, struct pn_claimant *c, const char *uid);

/* pn_workload_of() - Return: 1 the ReplicaSet's controller; 0 it has none; -ENOENT not known yet, or no ReplicaSet */
int pn_workload_of(const struct pn_claimant *c, const char **ret_kind, const char **ret_name);

/* pn_workload_apply() - a ReplicaSet came, changed (@new) or went. Return: 0 or -ENOMEM */
int pn_workload_apply(struct pn_index *idx, const struct pn_object *old,
		      const struct pn_object *new);
void pn_workload_drop_all(struct pn_index *idx);

/* topology.c: zone and region of a node, and of who runs there */

/* pn_topology_link() - remember that @c is on @node ("" for none). Return: 0 or -ENOMEM */
int pn_topology_link(struct pn_index *idx, struct pn_claimant *c, const char *node);

/* pn_topology_describe() - fill in zone and region; what is known of them is borrowed until the next call of topology.c */
void pn_topology_describe(const struct pn_claimant *c, struct pn_owner *owner);

/* pn_topology_apply() - a node came, changed or went; before anything else of it. Return: 0 or -ENOMEM */
int pn_topology_apply(struct pn_index *idx, const struct pn_object *old,
		      const struct pn_object *new);
void pn_topology_drop_all(struct pn_index *idx);

/* endpoints.c: what stands behind a Service */

/* pn_endpoints_apply() - an EndpointSlice came, changed or went. Return: 0 or -ENOMEM */
int pn_endpoints_apply(struct pn_index *idx, const struct pn_object *old,
		       const struct pn_object *new);

/* pn_endpoints_describe() - set or clear PN_OWNER_NO_ENDPOINTS of the Service @service */
void pn_endpoints_describe(const struct pn_index *idx, const struct pn_object *service,
			   struct pn_owner *owner);

/* pn_endpoints_service() - @c is now the Service @service, and asks for its endpoints. Return: 0 or -ENOMEM */
int pn_endpoints_service(struct pn_index *idx, struct pn_claimant *c,
			 const struct pn_object *service, pn_nsec now);

/* pn_endpoints_forget() - @c asks for nothing any more; does nothing for what is no Service */
void pn_endpoints_forget(struct pn_index *idx, struct pn_claimant *c);
void pn_endpoints_drop_all(struct pn_index *idx);

/* cgroup.c: whose sockets a cgroup's are */

/* pn_cgroups_pod() - @c is now the pod @pod. Return: 0 or -ENOMEM */
int pn_cgroups_pod(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *pod);

/* pn_cgroups_await() - may @pod have a cgroup here? Then there is an owner for it, whatever else it has */
bool pn_cgroups_await(const struct pn_index *idx, const struct pn_object *pod);

/* pn_cgroups_settle() - @c has gone: another mirror of its static pod may be the only one now */
void pn_cgroups_settle(struct pn_index *idx, struct pn_claimant *c);

/* pn_cgroups_forget() - @c will be freed; no cgroup is its own any more */
void pn_cgroups_forget(struct pn_index *idx, struct pn_claimant *c);
void pn_cgroups_prune(struct pn_index *idx, pn_nsec now);

/* pn_cgroup_mark() - what the maps have of @e is not right, or may not be */
void pn_cgroup_mark(struct pn_index *idx, struct pn_cgroup_entry *e);

/* pn_cgroup_settled() - the maps have what was on the dirty list: free @e if it is over */
void pn_cgroup_settled(struct pn_index *idx, struct pn_cgroup_entry *e);
void pn_cgroups_drop_all(struct pn_index *idx);

#endif
