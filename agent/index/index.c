/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IP index's front: every change of every object, from the control thread. An object becomes
 * a claimant with names and a start; wishes.c says what it asks for.
 *
 * An object is not translated into steps; it states what it asks for now, and what it no longer asks
 * for is withdrawn. So it does not matter what was missed or came twice. Everything goes by uid:
 * another object under the same name is another claimant.
 */
#include "index/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/metric.h"

/* --- what an object says ------------------------------------------------------------------------ */

/* Longer ones are in no cluster, and would not fit the maps. */
static bool is_well_formed(const struct pn_object *o)
{
	const struct pn_endpointslice *slice = pn_object_endpointslice(o);

	if (slice && strlen(slice->service) >= PN_NAME_LEN)
		return false;
	return o->uid[0] && strlen(o->uid) < PN_UID_LEN && o->name[0] &&
	       strlen(o->name) < PN_NAME_LEN && strlen(o->name_space) < PN_NAMESPACE_LEN &&
	       strlen(o->controller->kind) < PN_KIND_LEN &&
	       strlen(o->controller->name) < PN_NAME_LEN && strlen(o->controller->uid) < PN_UID_LEN;
}

static enum pn_owner_kind owner_kind(enum pn_kind_id kind)
{
	switch (kind) {
	case PN_KIND_POD:
		return PN_OWNER_POD;
	case PN_KIND_SERVICE:
		return PN_OWNER_SERVICE;
	case PN_KIND_NODE:
		return PN_OWNER_NODE;
	default:
		return PN_OWNER_NONE;
	}
}

/* Seconds since 1970; 0: it does not say. */
static int64_t start_seconds(const struct pn_object *o)
{
	int64_t s = o->kind == PN_KIND_POD ? pn_object_pod(o)->start_time_s : 0;

	s = s > 0 ? s : o->created_s;
	return PN_MAX(s, 0);
}

/*
 * Since when it may own something. A start in the future is that of a node whose clock is ahead: it
 * is no bound, and for the order it counts as the time at which that was first seen.
 */
static void learn_start(struct pn_claimant *c, const struct pn_object *o, int64_t wall_s)
{
	int64_t said_s = start_seconds(o);

	if (said_s > wall_s)
		c->clock_ahead = true;
	if (said_s && !c->clock_ahead) {
		c->start_s = c->first_s = said_s;
		return;
	}
	if (!c->confirmed)
		c->start_s = wall_s;
	c->first_s = o->created_s > 0 && o->created_s <= wall_s ? o->created_s : 0;
}

static int64_t wall_seconds(const struct pn_index *idx)
{
	return (int64_t)(pn_clock_realtime(idx->clock) / PN_NSEC_PER_SEC);
}

static uint32_t flags_of(const struct pn_owner *owner, bool terminating)
{
	return (owner->flags & PN_OWNER_LOCAL ? PN_IP_LOCAL : 0u) |
	       (terminating ? PN_IP_TERMINATING : 0u) |
	       (owner->kind == PN_OWNER_NODE ? PN_IP_HOST : 0u) |
	       (owner->kind == PN_OWNER_SERVICE ? PN_IP_SERVICE : 0u);
}

/* --- objects ------------------------------------------------------------------------------------ */

static bool is_replicaset(const struct pn_controller *c)
{
	return strcmp(c->kind, "ReplicaSet") == 0;
}

/* The workload of a pod; while its ReplicaSet is not known, what was known already or the ReplicaSet. */
static void describe_workload(const struct pn_claimant *c, const struct pn_controller *by,
			      struct pn_owner *owner)
{
	const struct pn_owner *was = c ? pn_claimant_named(c) : NULL;
	int r = -ENOENT;

	owner->workload_kind = by->kind;
	owner->workload_name = by->name;
	if (!c || !is_replicaset(by))
		return;
	r = pn_workload_of(c, &owner->workload_kind, &owner->workload_name);
	if (r == -ENOENT && was->workload_kind[0]) {
		owner->workload_kind = was->workload_kind;
		owner->workload_name = was->workload_name;
	}
}

static bool is_here(const struct pn_index *idx, const char *node)
{
	return node[0] && strcmp(node, idx->node_name) == 0;
}

static void describe(const struct pn_index *idx, const struct pn_object *o, struct pn_owner *ret)
{
	const struct pn_pod *pod = pn_object_pod(o);
	const char *node = pod && strlen(pod->node_name) < PN_NAME_LEN ? pod->node_name : "";
	enum pn_owner_kind kind = owner_kind(o->kind);

	*ret = (struct pn_owner) {
		.kind = kind,
		.uid = o->uid,
		.name_space = o->name_space,
		.name = o->name,
		.workload_kind = "",
		.workload_name = "",
		.node = node,
		.zone = "",
		.region = "",
	};
	if (is_here(idx, kind == PN_OWNER_NODE ? o->name : node))
		ret->flags |= PN_OWNER_LOCAL;
	if (pod && pod->host_network)
		ret->flags |= PN_OWNER_HOST_NETWORK;
	if (pod)
		describe_workload(NULL, o->controller, ret);
	if (kind == PN_OWNER_SERVICE)
		pn_endpoints_describe(idx, o, ret);
}

/* What is known from other objects: the pod's workload, where a node is. */
static int link_others(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *o,
		       struct pn_owner *owner)
{
	bool has_replicaset = is_replicaset(o->controller);
	int r;

	r = pn_topology_link(idx, c, c->kind == PN_OWNER_NODE ? o->name : owner->node);
	if (r < 0)
		return r;
	pn_topology_describe(c, owner);
	if (c->kind != PN_OWNER_POD)
		return 0;
	r = pn_workload_link(idx, c, has_replicaset ? o->controller->uid : "");
	if (r < 0)
		return r;
	describe_workload(c, o->controller, owner);
	return 0;
}

/* @c says what @o says: names, flags, life. */
static int refresh(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *o,
		   struct pn_owner *owner)
{
	uint32_t flags = flags_of(owner, c->kind == PN_OWNER_POD && o->terminating);
	struct pn_rival *rival;
	int r = link_others(idx, c, o, owner);

	if (r < 0)
		return r;
	if (flags != c->flags) {
		PN_EACH (rival, &c->rivals, of_claimant)
			pn_place_mark(idx, rival->place);
	}
	c->flags = flags;
	learn_start(c, o, wall_seconds(idx));
	c->confirmed = true;
	pn_claimant_revive(idx, c);
	return pn_claimant_rename(idx, c, owner);
}

static int ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *o, pn_nsec now)
{
	uint64_t round = ++idx->round;
	int r = pn_wishes_ask(idx, c, o, now);

	if (r < 0)
		return r; /* keeps what it had; the caller tries again */
	r = pn_claimant_keep(idx, c, false, round, now);
	if (r == 0 && c->kind == PN_OWNER_SERVICE)
		r = pn_endpoints_service(idx, c, o, now);
	if (r == 0 && c->kind == PN_OWNER_POD)
		r = pn_cgroups_pod(idx, c, o);
	return r;
}

static int release(struct pn_index *idx, const char *uid, pn_nsec now)
{
	struct pn_claimant *c = pn_claimant_find(idx, uid);

	return c ? pn_claimant_release(idx, c, now) : 0;
}

static int update(struct pn_index *idx, const struct pn_object *o, pn_nsec now)
{
	struct pn_claimant *c = pn_claimant_find(idx, o->uid);
	struct pn_owner owner;
	bool is_local;
	int r;

	describe(idx, o, &owner);
	is_local = owner.flags & PN_OWNER_LOCAL ||
		   (owner.kind == PN_OWNER_POD && pn_cgroups_await(idx, o));
	if (!pn_wishes_any(o, is_local))
		return release(idx, o->uid, now);
	if (c && c->kind != owner.kind) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, pn_wishes_count(o));
		return 0;
	}
	r = c ? 0 : pn_claimant_new(idx, &owner, &c);
	if (r < 0)
		return r;
	r = refresh(idx, c, o, &owner);
	return r < 0 ? r : ask(idx, c, o, now);
}

static int apply_owner(struct pn_index *idx, const struct pn_object *old,
		       const struct pn_object *new)
{
	pn_nsec now = pn_clock_now(idx->clock);
	int r = 0, r2 = 0;

	if (old && (!new || strcmp(old->uid, new->uid) != 0))
		r = release(idx, old->uid, now);
	if (new)
		r2 = update(idx, new, now);
	return r < 0 ? r : r2;
}

int pn_index_apply(struct pn_index *idx, const struct pn_object *old, const struct pn_object *new)
{
	const struct pn_object *o = new ? new : old;
	int r, r2;
	PN_RCU_WRITING();

	if (new && !is_well_formed(new)) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, pn_wishes_count(new));
		new = NULL;
	}
	switch (o ? (enum pn_kind_id)o->kind : PN_KIND_MAX) {
	case PN_KIND_REPLICASET:
		return pn_workload_apply(idx, old, new);
	case PN_KIND_ENDPOINTSLICE:
		return pn_endpoints_apply(idx, old, new);
	case PN_KIND_NODE:
		r = pn_topology_apply(idx, old, new);
		r2 = apply_owner(idx, old, new);
		return r < 0 ? r : r2;
	case PN_KIND_POD:
	case PN_KIND_SERVICE:
		return apply_owner(idx, old, new);
	default:
		return 0;
	}
}

/* --- the whole ---------------------------------------------------------------------------------- */

/*
 * Buckets at birth, 16 bytes each. A table grows by itself, but only when its chains are eight long:
 * so the one of every look-up is large from the start.
 */
#define N_PLACE_BUCKETS 8192
#define N_OWNER_BUCKETS 4096
#define N_CGROUP_BUCKETS 1024

static struct cds_lfht *new_table(unsigned long n)
{
	return cds_lfht_new(n, n, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL);
}

int pn_index_new(const struct pn_clock *clock, const char *node_name, struct pn_index **ret)
{
	struct pn_index *idx = calloc(1, sizeof(*idx));

	if (!idx)
		return -ENOMEM;
	idx->clock = clock;
	idx->next_id = 1;
	atomic_init(&idx->heard_until, PN_NSEC_NEVER);
	(void)stpncpy(idx->node_name, node_name, sizeof(idx->node_name) - 1);
	CDS_INIT_LIST_HEAD(&idx->dirty_places);
	CDS_INIT_LIST_HEAD(&idx->past_places);
	CDS_INIT_LIST_HEAD(&idx->dirty_claimants);
	CDS_INIT_LIST_HEAD(&idx->past_claimants);
	CDS_INIT_LIST_HEAD(&idx->dirty_cgroups);
	CDS_INIT_LIST_HEAD(&idx->past_cgroups);
	idx->places = new_table(N_PLACE_BUCKETS);
	idx->owners = new_table(N_OWNER_BUCKETS);
	idx->cgroups = new_table(N_CGROUP_BUCKETS);
	if (!idx->places || !idx->owners || !idx->cgroups) {
		pn_index_free(idx);
		return -ENOMEM;
	}
	*ret = idx;
	return 0;
}

static void drop_everything(struct pn_index *idx)
{
	PN_RCU_WRITING();

	pn_cgroups_drop_all(idx);
	pn_endpoints_drop_all(idx);
	pn_place_drop_all(idx);
	pn_claimant_drop_all(idx);
	pn_workload_drop_all(idx);
	pn_topology_drop_all(idx);
}

static void destroy(struct cds_lfht *table)
{
	if (table)
		(void)cds_lfht_destroy(table, NULL);
}

void pn_index_free(struct pn_index *idx)
{
	if (!idx)
		return;
	if (idx->places && idx->owners && idx->cgroups)
		drop_everything(idx);
	destroy(idx->places);
	destroy(idx->owners);
	destroy(idx->cgroups);
	rcu_barrier();
	free(idx);
}

void pn_index_heard(struct pn_index *idx, pn_nsec when)
{
	atomic_store_explicit(&idx->heard_until, when, memory_order_release);
}

void pn_index_prune(struct pn_index *idx)
{
	pn_nsec now = pn_clock_now(idx->clock);
	PN_RCU_WRITING();

	pn_cgroups_prune(idx, now);
	pn_place_prune(idx, now);
	pn_claimant_prune(idx, now);
}

void pn_index_counts(const struct pn_index *idx, struct pn_index_counts *ret)
{
	*ret = idx->counts;
}

static bool has_owner(const struct pn_index *idx, struct pn_place_key key)
{
	const struct pn_place *p;
	PN_RCU_WRITING();

	p = pn_place_find(idx, &key);
	return p && pn_place_current(p);
}

static struct pn_place_key port_key(enum pn_place_sort sort, const struct pn_port_key *key)
{
	struct pn_addr addr;

	memcpy(addr.b, key->addr, sizeof(addr.b));
	return pn_place_port(sort, &addr, key->proto, ntohs(key->port));
}

bool pn_index_has_ip(const struct pn_index *idx, const struct pn_ip_key *key)
{
	struct pn_place_key k = pn_place_address(key->addr);
	const struct pn_place *p;
	PN_RCU_WRITING();

	p = pn_place_find(idx, &k);
	return p && (pn_place_current(p) || pn_place_previous(p));
}

bool pn_index_has_service(const struct pn_index *idx, const struct pn_port_key *key)
{
	return has_owner(idx, port_key(PN_PLACE_SERVICE, key));
}

bool pn_index_has_hostport(const struct pn_index *idx, const struct pn_port_key *key)
{
	return has_owner(idx, port_key(PN_PLACE_HOSTPORT, key));
}

bool pn_index_has_cidr(const struct pn_index *idx, const struct pn_cidr_key *key)
{
	return key->prefix_len <= PN_ADDR_BITS &&
	       has_owner(idx, pn_place_network(key->addr, (uint8_t)key->prefix_len));
}

bool pn_index_has_owner(const struct pn_index *idx, uint32_t id)
{
	struct pn_claimant *c;
	PN_RCU_WRITING();

	c = pn_claimant_by_id(idx, id);
	return c && !pn_claimant_is_over(c);
}
