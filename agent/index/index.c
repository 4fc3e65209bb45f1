/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IP index's front: which object asks for which addresses and ports, and since when. Called by
 * the control thread with every change of every object.
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
	return o->uid[0] && strlen(o->uid) < PN_UID_LEN && o->name[0] &&
	       strlen(o->name) < PN_NAME_LEN && strlen(o->name_space) < PN_NAMESPACE_LEN &&
	       strlen(o->controller->kind) < PN_KIND_LEN &&
	       strlen(o->controller->name) < PN_NAME_LEN && strlen(o->controller->uid) < PN_UID_LEN;
}

/* Unspecified, loopback and multicast addresses are nobody's. */
static bool is_ownable(const struct pn_addr *a)
{
	static const uint8_t zero[15];

	if (pn_addr_is_v4(a))
		return a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224;
	return a->b[0] != 0xff && (memcmp(a->b, zero, sizeof(zero)) != 0 || a->b[15] > 1);
}

static bool has_addresses(const struct pn_pod *pod)
{
	return !pod->host_network && pod->phase != PN_POD_SUCCEEDED && pod->phase != PN_POD_FAILED;
}

/* struct wishes - what an object asks for; ports only with a Service */
struct wishes {
	const struct pn_addr *addrs;
	const struct pn_service_port *ports;
	uint32_t n_addrs, n_ports;
};

static struct wishes wishes_of(const struct pn_object *o)
{
	const struct pn_pod *pod;
	const struct pn_service *svc;
	const struct pn_node *node;

	switch (o->kind) {
	case PN_KIND_POD:
		pod = pn_object_pod(o);
		if (!has_addresses(pod))
			break;
		return (struct wishes) { .addrs = pod->addrs, .n_addrs = pod->n_addrs };
	case PN_KIND_SERVICE:
		svc = pn_object_service(o);
		return (struct wishes) { svc->addrs, svc->ports, svc->n_addrs, svc->n_ports };
	case PN_KIND_NODE:
		node = pn_object_node(o);
		return (struct wishes) { .addrs = node->addrs, .n_addrs = node->n_addrs };
	default:
		break;
	}
	return (struct wishes) { .n_addrs = 0 };
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

static int64_t wall_seconds(const struct pn_index *idx)
{
	return (int64_t)(pn_clock_realtime(idx->clock) / PN_NSEC_PER_SEC);
}

static pn_nsec monotonic(const struct pn_index *idx, int64_t seconds, pn_nsec now)
{
	pn_nsec t;

	if (seconds >= wall_seconds(idx))
		return now; /* this second, or a node's clock that is ahead */
	t = pn_clock_to_monotonic(idx->clock, (pn_nsec)seconds * PN_NSEC_PER_SEC);
	return PN_MIN(t, now);
}

static bool is_here(const struct pn_index *idx, enum pn_owner_kind kind, const char *name,
		    const char *node)
{
	const char *where = kind == PN_OWNER_NODE ? name : node;

	return kind != PN_OWNER_SERVICE && where[0] && strcmp(where, idx->node_name) == 0;
}

static uint32_t flags_of(const struct pn_owner *owner, bool terminating)
{
	return (owner->local ? PN_IP_LOCAL : 0u) | (terminating ? PN_IP_TERMINATING : 0u) |
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

static void describe(const struct pn_index *idx, const struct pn_object *o, struct pn_owner *ret)
{
	enum pn_owner_kind kind = owner_kind(o->kind);
	const char *node = o->kind == PN_KIND_POD ? pn_object_pod(o)->node_name : "";

	*ret = (struct pn_owner) {
		.kind = kind,
		.local = is_here(idx, kind, o->name, node),
		.uid = o->uid,
		.name_space = o->name_space,
		.name = o->name,
		.workload_kind = "",
		.workload_name = "",
		.node = strlen(node) < PN_NAME_LEN ? node : "",
	};
	if (o->kind == PN_KIND_POD)
		describe_workload(NULL, o->controller, ret);
}

/* @c says what @o says: names, flags, life. */
static int refresh(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *o,
		   struct pn_owner *owner)
{
	bool is_pod = o->kind == PN_KIND_POD;
	uint32_t flags = flags_of(owner, is_pod && o->terminating);
	int64_t start_s = start_seconds(o);
	struct pn_rival *r;

	if (is_pod) {
		int ret = pn_workload_link(idx, c,
					   is_replicaset(o->controller) ? o->controller->uid : "");

		if (ret < 0)
			return ret;
		describe_workload(c, o->controller, owner);
	}
	if (c->gone) {
		c->gone = false;
		cds_list_del_init(&c->past);
		pn_claimant_mark(idx, c); /* its deletion may be on the way */
	}
	if (flags != c->flags) {
		PN_EACH (r, &c->rivals, of_claimant)
			pn_place_mark(idx, r->place);
	}
	c->flags = flags;
	c->start_s = start_s ? start_s : c->confirmed ? c->start_s : wall_seconds(idx);
	c->confirmed = true;
	return pn_claimant_rename(idx, c, owner);
}

static int ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_addr *addr,
	       const struct wishes *w, pn_nsec start, pn_nsec now)
{
	struct pn_service_key key = { .proto = 0 };
	int r;

	if (!is_ownable(addr)) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return 0;
	}
	memcpy(key.addr, addr->b, sizeof(key.addr));
	r = pn_place_ask(idx, c, &key, start, now);
	for (uint32_t i = 0; r == 0 && i < w->n_ports; i++) {
		if (!w->ports[i].proto)
			continue; /* would be the address itself */
		key.port = htons(w->ports[i].port);
		key.proto = w->ports[i].proto;
		r = pn_place_ask(idx, c, &key, start, now);
	}
	return r;
}

static int ask_all(struct pn_index *idx, struct pn_claimant *c, const struct wishes *w, pn_nsec now)
{
	pn_nsec start = c->had_places ? now : monotonic(idx, c->start_s, now);
	uint64_t round = ++idx->round;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < w->n_addrs; i++)
		r = ask(idx, c, &w->addrs[i], w, start, now);
	if (r < 0)
		return r; /* keeps what it had; the caller tries again */
	c->had_places = true;
	return pn_claimant_keep(idx, c, round, now);
}

static int release(struct pn_index *idx, const char *uid, pn_nsec now)
{
	struct pn_claimant *c = pn_claimant_find(idx, uid);

	return c ? pn_claimant_release(idx, c, now) : 0;
}

static int update(struct pn_index *idx, const struct pn_object *o, pn_nsec now)
{
	struct pn_claimant *c = pn_claimant_find(idx, o->uid);
	struct wishes w = wishes_of(o);
	struct pn_owner owner;
	int r;

	if (!w.n_addrs)
		return release(idx, o->uid, now);
	describe(idx, o, &owner);
	if (c && c->kind != owner.kind) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, w.n_addrs);
		return 0;
	}
	r = c ? 0 : pn_claimant_new(idx, &owner, &c);
	if (r < 0)
		return r;
	r = refresh(idx, c, o, &owner);
	return r < 0 ? r : ask_all(idx, c, &w, now);
}

int pn_index_apply(struct pn_index *idx, const struct pn_object *old, const struct pn_object *new)
{
	pn_nsec now = pn_clock_now(idx->clock);
	const struct pn_object *o = new ? new : old;
	int r = 0, r2 = 0;
	PN_RCU_WRITING();

	if (o && o->kind == PN_KIND_REPLICASET) {
		if (new && !is_well_formed(new))
			new = NULL;
		return pn_workload_apply(idx, old, new);
	}
	if (!o || owner_kind(o->kind) == PN_OWNER_NONE)
		return 0;
	if (new && !is_well_formed(new)) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, wishes_of(new).n_addrs);
		new = NULL;
	}
	if (old && (!new || strcmp(old->uid, new->uid) != 0))
		r = release(idx, old->uid, now);
	if (new)
		r2 = update(idx, new, now);
	return r < 0 ? r : r2;
}

/* --- seeding ------------------------------------------------------------------------------------ */

/* Text from a map: ends within its array. */
static bool is_text(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

static bool is_owner_value(const struct pn_owner_value *v)
{
	return v->kind > PN_OWNER_NONE && v->kind < PN_OWNER_KIND_MAX && v->uid[0] && v->name[0] &&
	       is_text(v->uid, sizeof(v->uid)) && is_text(v->name_space, sizeof(v->name_space)) &&
	       is_text(v->name, sizeof(v->name)) &&
	       is_text(v->workload_kind, sizeof(v->workload_kind)) &&
	       is_text(v->workload_name, sizeof(v->workload_name)) &&
	       is_text(v->node, sizeof(v->node));
}

int pn_index_seed(struct pn_index *idx, uint32_t id, const struct pn_owner_value *value)
{
	struct pn_claimant *c;
	struct pn_owner owner;
	int r;
	PN_RCU_WRITING();

	if (!id || id == UINT32_MAX || !is_owner_value(value) ||
	    pn_claimant_find(idx, value->uid) || pn_claimant_by_id(idx, id))
		return -EINVAL;
	owner = (struct pn_owner) {
		.id = id,
		.kind = (enum pn_owner_kind)value->kind,
		.local = is_here(idx, value->kind, value->name, value->node),
		.uid = value->uid,
		.name_space = value->name_space,
		.name = value->name,
		.workload_kind = value->workload_kind,
		.workload_name = value->workload_name,
		.node = value->node,
	};
	r = pn_claimant_new(idx, &owner, &c);
	if (r < 0)
		return r;
	cds_list_del_init(&c->dirty); /* the maps have it */
	return 0;
}

int pn_index_seed_ip(struct pn_index *idx, const struct pn_ip_key *key,
		     const struct pn_ip_value *value)
{
	pn_nsec now = pn_clock_now(idx->clock);
	struct pn_claimant *now_by, *prev_by;
	PN_RCU_WRITING();

	now_by = value->owner ? pn_claimant_by_id(idx, value->owner) : NULL;
	prev_by = value->prev_owner ? pn_claimant_by_id(idx, value->prev_owner) : NULL;
	if ((value->owner && !now_by) || (value->prev_owner && !prev_by) || (!now_by && !prev_by))
		return -EINVAL;
	if (value->since_ns > now || value->prev_until_ns > (now_by ? value->since_ns : now))
		return -EINVAL;
	if (now_by) {
		now_by->flags = value->flags;
		now_by->had_places = true;
	}
	return pn_place_restore(idx, key, value, now_by, prev_by);
}

void pn_index_set_next_id(struct pn_index *idx, uint32_t id)
{
	idx->next_id = PN_MAX(idx->next_id, id);
}

uint32_t pn_index_next_id(const struct pn_index *idx)
{
	return idx->next_id;
}

void pn_index_confirm(struct pn_index *idx)
{
	pn_nsec now = pn_clock_now(idx->clock);
	struct pn_claimant *c, *next;
	PN_RCU_WRITING();

	HASH_ITER (hh, idx->by_uid, c, next) {
		/* without memory for a rival's claim, the rival's next event makes up for it */
		if (!c->confirmed)
			(void)pn_claimant_release(idx, c, now);
	}
}

/* --- the whole ---------------------------------------------------------------------------------- */

/*
 * Buckets at birth, 16 bytes each. A table grows by itself, but only when its chains are eight long:
 * so the one of every look-up is large from the start.
 */
#define N_PLACE_BUCKETS 65536
#define N_OWNER_BUCKETS 4096

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
	(void)stpncpy(idx->node_name, node_name, sizeof(idx->node_name) - 1);
	CDS_INIT_LIST_HEAD(&idx->dirty_places);
	CDS_INIT_LIST_HEAD(&idx->past_places);
	CDS_INIT_LIST_HEAD(&idx->dirty_claimants);
	CDS_INIT_LIST_HEAD(&idx->past_claimants);
	idx->places = new_table(N_PLACE_BUCKETS);
	idx->owners = new_table(N_OWNER_BUCKETS);
	if (!idx->places || !idx->owners) {
		pn_index_free(idx);
		return -ENOMEM;
	}
	*ret = idx;
	return 0;
}

static void drop_everything(struct pn_index *idx)
{
	PN_RCU_WRITING();

	pn_place_drop_all(idx);
	pn_claimant_drop_all(idx);
	pn_workload_drop_all(idx);
}

void pn_index_free(struct pn_index *idx)
{
	if (!idx)
		return;
	if (idx->places && idx->owners)
		drop_everything(idx);
	if (idx->places)
		(void)cds_lfht_destroy(idx->places, NULL);
	if (idx->owners)
		(void)cds_lfht_destroy(idx->owners, NULL);
	rcu_barrier();
	free(idx);
}

void pn_index_prune(struct pn_index *idx)
{
	pn_nsec now = pn_clock_now(idx->clock);
	PN_RCU_WRITING();

	pn_place_prune(idx, now);
	pn_claimant_prune(idx, now);
}

void pn_index_counts(const struct pn_index *idx, struct pn_index_counts *ret)
{
	*ret = idx->counts;
}

bool pn_index_has_ip(const struct pn_index *idx, const struct pn_ip_key *key)
{
	struct pn_service_key k = { .proto = 0 };
	const struct pn_place *p;
	PN_RCU_WRITING();

	memcpy(k.addr, key->addr, sizeof(k.addr));
	p = pn_place_find(idx, &k);
	return p && (pn_place_current(p) || pn_place_previous(p));
}

bool pn_index_has_service(const struct pn_index *idx, const struct pn_service_key *key)
{
	const struct pn_place *p;
	PN_RCU_WRITING();

	p = key->proto ? pn_place_find(idx, key) : NULL;
	return p && pn_place_current(p);
}

bool pn_index_has_owner(const struct pn_index *idx, uint32_t id)
{
	struct pn_claimant *c;
	PN_RCU_WRITING();

	c = pn_claimant_by_id(idx, id);
	return c && !pn_claimant_is_over(c);
}
