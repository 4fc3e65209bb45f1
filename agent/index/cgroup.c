/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups of this node: whose sockets are these? Filled by the control thread with what the cgroup
 * tree tells, read by the flow thread.
 *
 * A cgroup names its pod by uid, and the pod's object comes from elsewhere, before or after it. What
 * the cgroups of one pod have in common is the record struct pn_cgroup_pod; whenever one of the two
 * sides arrives, the record is settled anew. A static pod is the exception: its cgroups carry the
 * hash that the kubelet made, and the API server's object, the mirror, has another uid and that hash
 * as an annotation. An annotation is anybody's to write: it only counts for a pod of this node, never
 * stands for the uid of another pod, and between several mirrors of one hash nobody is chosen.
 *
 * A cgroup without a pod is a claimant by itself, of kind process. The kernel never uses an id twice:
 * a cgroup has one owner from its beginning to its end, and what is known of it holds at any time.
 */
#include "index/private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"

struct pn_cgroup_pod {
	UT_hash_handle hh; /* by uid */
	struct cds_list_head cgroups;
	struct cds_list_head mirrors; /* claimants whose objects carry this hash */
	char uid[];
};

static struct pn_cgroup_entry *of_node(struct cds_lfht_node *node)
{
	return PN_CONTAINER_OF(node, struct pn_cgroup_entry, node);
}

static unsigned long hash_id(uint64_t id)
{
	return (unsigned long)((id ^ id >> 32) * 0x9e3779b97f4a7c15u >> 16);
}

static int match(struct cds_lfht_node *node, const void *id)
{
	const struct pn_cgroup_entry *e = of_node(node);

	/* pairs with the release in new_entry(): the id is there */
	(void)atomic_load_explicit(&e->by, memory_order_acquire);
	return e->id == *(const uint64_t *)id;
}

static struct pn_cgroup_entry *find(const struct pn_index *idx, uint64_t id)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *node;

	cds_lfht_lookup(idx->cgroups, hash_id(id), match, &id, &it);
	node = cds_lfht_iter_get_node(&it);
	return node ? of_node(node) : NULL;
}

/* The writer's own view; it needs no order with itself. */
static struct pn_claimant *owner_of(const struct pn_cgroup_entry *e)
{
	return atomic_load_explicit(&e->by, memory_order_relaxed);
}

static bool is_process(const struct pn_claimant *c)
{
	return c && c->kind == PN_OWNER_PROCESS;
}

void pn_cgroup_mark(struct pn_index *idx, struct pn_cgroup_entry *e)
{
	if (cds_list_empty(&e->dirty))
		cds_list_add_tail(&e->dirty, &idx->dirty_cgroups);
}

static bool is_over(struct pn_cgroup_entry *e)
{
	return e->removed && cds_list_empty(&e->past);
}

/* As a claim does, it holds the claimant in memory. */
static void set_owner(struct pn_index *idx, struct pn_cgroup_entry *e, struct pn_claimant *c)
{
	struct pn_claimant *was = owner_of(e);

	if (was == c)
		return;
	if (was)
		was->n_claims--;
	if (c) {
		c->n_claims++;
		pn_claimant_hold(idx, c);
	}
	/* pairs with the acquire in pn_index_cgroup() */
	atomic_store_explicit(&e->by, c, memory_order_release);
	idx->counts.n_cgroups += (size_t)(c != NULL) - (size_t)(was != NULL);
	e->gone = !c || is_over(e);
	pn_cgroup_mark(idx, e);
}

/* --- pods --------------------------------------------------------------------------------------- */

static struct pn_cgroup_pod *find_pod(const struct pn_index *idx, const char *uid)
{
	struct pn_cgroup_pod *p;

	HASH_FIND_STR(idx->cgroup_pods, uid, p);
	return p;
}

static struct pn_cgroup_pod *find_or_add_pod(struct pn_index *idx, const char *uid)
{
	struct pn_cgroup_pod *p = find_pod(idx, uid);
	size_t len = strlen(uid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p) + len + 1);
	if (!p)
		return NULL;
	memcpy(p->uid, uid, len);
	CDS_INIT_LIST_HEAD(&p->cgroups);
	CDS_INIT_LIST_HEAD(&p->mirrors);
	HASH_ADD_KEYPTR(hh, idx->cgroup_pods, p->uid, len, p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	return p;
}

static void drop_pod_if_unused(struct pn_index *idx, struct pn_cgroup_pod *p)
{
	if (!cds_list_empty(&p->cgroups) || !cds_list_empty(&p->mirrors))
		return;
	HASH_DEL(idx->cgroup_pods, p);
	free(p);
}

/* The one that exists, else the last that did. Return: NULL if there is none, or more than one */
static struct pn_claimant *only_mirror(const struct pn_cgroup_pod *p)
{
	struct pn_claimant *c, *present = NULL, *past = NULL;
	unsigned int n_present = 0;

	PN_EACH (c, &p->mirrors, of_mirrored) {
		if (c->gone) {
			past = c;
			continue;
		}
		present = c;
		n_present++;
	}
	return n_present == 1 ? present : n_present ? NULL : past;
}

static struct pn_claimant *pod_owner(const struct pn_index *idx, const struct pn_cgroup_pod *p)
{
	struct pn_claimant *c = pn_claimant_find(idx, p->uid);

	return c && c->kind == PN_OWNER_POD ? c : only_mirror(p);
}

static void settle(struct pn_index *idx, struct pn_cgroup_pod *p)
{
	struct pn_claimant *c = pod_owner(idx, p);
	struct pn_cgroup_entry *e;

	PN_EACH (e, &p->cgroups, of_pod)
		set_owner(idx, e, c);
}

static void unlink_mirror(struct pn_index *idx, struct pn_claimant *c)
{
	struct pn_cgroup_pod *p = PN_TAKE_PTR(c->mirrored);

	if (!p)
		return;
	cds_list_del(&c->of_mirrored);
	settle(idx, p);
	drop_pod_if_unused(idx, p);
}

static int link_mirror(struct pn_index *idx, struct pn_claimant *c, const char *hash)
{
	struct pn_cgroup_pod *p;

	if (c->mirrored && strcmp(c->mirrored->uid, hash) == 0)
		return 0;
	unlink_mirror(idx, c);
	if (!hash[0])
		return 0;
	p = find_or_add_pod(idx, hash);
	if (!p)
		return -ENOMEM;
	cds_list_add_tail(&c->of_mirrored, &p->mirrors);
	c->mirrored = p;
	return 0;
}

/* "": it is no mirror, or one of another node's pod. A hash is hex digits only, which no uid is. */
static const char *hash_of(const struct pn_index *idx, const struct pn_object *o)
{
	const char *hash = pn_object_annotation(o, PN_CONFIG_HASH_ANNOTATION);

	if (!hash || strlen(hash) >= PN_UID_LEN || hash[strspn(hash, "0123456789abcdef")] ||
	    (idx->node_name[0] && strcmp(pn_object_pod(o)->node_name, idx->node_name) != 0))
		return "";
	return hash;
}

/* As long as this node's name is not known, any pod may be one of its. */
bool pn_cgroups_await(const struct pn_index *idx, const struct pn_object *pod)
{
	return !idx->node_name[0] || find_pod(idx, pod->uid) || find_pod(idx, hash_of(idx, pod));
}

int pn_cgroups_pod(struct pn_index *idx, struct pn_claimant *c, const struct pn_object *pod)
{
	int r = link_mirror(idx, c, hash_of(idx, pod));

	pn_cgroups_settle(idx, c);
	return r;
}

void pn_cgroups_settle(struct pn_index *idx, struct pn_claimant *c)
{
	struct pn_cgroup_pod *p = find_pod(idx, c->uid);

	if (p)
		settle(idx, p);
	if (c->mirrored)
		settle(idx, c->mirrored);
}

void pn_cgroups_forget(struct pn_index *idx, struct pn_claimant *c)
{
	unlink_mirror(idx, c);
}

/* --- the cgroup tree ---------------------------------------------------------------------------- */

static void leave_pod(struct pn_index *idx, struct pn_cgroup_entry *e)
{
	struct pn_cgroup_pod *p = PN_TAKE_PTR(e->pod);

	if (!p)
		return;
	cds_list_del(&e->of_pod);
	drop_pod_if_unused(idx, p);
}

/* A process is not there for longer than its cgroup. */
static void end_process(struct pn_index *idx, const struct pn_cgroup_entry *e, pn_nsec now)
{
	struct pn_claimant *c = owner_of(e);

	if (is_process(c))
		(void)pn_claimant_release(idx, c, now); /* has no places: nothing can fail */
}

static int belong_to_pod(struct pn_index *idx, struct pn_cgroup_entry *e, const char *uid,
			 pn_nsec now)
{
	struct pn_cgroup_pod *p = find_or_add_pod(idx, uid);

	if (!p)
		return -ENOMEM;
	if (e->pod == p)
		return 0;
	end_process(idx, e, now);
	leave_pod(idx, e);
	cds_list_add_tail(&e->of_pod, &p->cgroups);
	e->pod = p;
	set_owner(idx, e, pod_owner(idx, p));
	return 0;
}

#define PROCESS_UID "cgroup:%" PRIu64

static int belong_to_process(struct pn_index *idx, struct pn_cgroup_entry *e, const char *name)
{
	char uid[PN_UID_LEN], shown[PN_NAME_LEN];
	struct pn_claimant *c;
	struct pn_owner owner = {
		.kind = PN_OWNER_PROCESS,
		.flags = PN_OWNER_LOCAL,
		.uid = uid,
		.name_space = "",
		.name = shown,
		.workload_kind = "",
		.workload_name = "",
		.node = idx->node_name,
		.zone = "",
		.region = "",
	};
	int r;

	(void)snprintf(uid, sizeof(uid), PROCESS_UID, e->id);
	(void)snprintf(shown, sizeof(shown), "%s", name[0] ? name : uid);
	c = pn_claimant_find(idx, uid);
	if (c && c->kind != PN_OWNER_PROCESS)
		return -EINVAL;
	r = c ? 0 : pn_claimant_new(idx, &owner, &c);
	if (r < 0)
		return r;
	c->confirmed = true;
	pn_claimant_revive(idx, c);
	r = pn_topology_link(idx, c, idx->node_name);
	if (r == 0) {
		pn_topology_describe(c, &owner);
		r = pn_claimant_rename(idx, c, &owner);
	}
	leave_pod(idx, e);
	set_owner(idx, e, c);
	return r; /* without memory for a new name: still the old one */
}

static int belong(struct pn_index *idx, struct pn_cgroup_entry *e, const struct pn_cgroup *cgroup)
{
	if (cgroup->pod_uid[0])
		return belong_to_pod(idx, e, cgroup->pod_uid, pn_clock_now(idx->clock));
	return belong_to_process(idx, e, cgroup->name);
}

static struct pn_cgroup_entry *new_entry(uint64_t id)
{
	struct pn_cgroup_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->id = id;
	e->gone = true;
	CDS_INIT_LIST_HEAD(&e->dirty);
	CDS_INIT_LIST_HEAD(&e->past);
	/* pairs with the acquire in match() */
	atomic_store_explicit(&e->by, NULL, memory_order_release);
	return e;
}

/* With its owner, so that a reader never takes a process for a pod that is awaited. */
static int add(struct pn_index *idx, const struct pn_cgroup *cgroup)
{
	struct pn_cgroup_entry *e = new_entry(cgroup->id);
	int r;

	if (!e)
		return -ENOMEM;
	r = belong(idx, e, cgroup);
	if (e->pod || owner_of(e))
		cds_lfht_add(idx->cgroups, hash_id(e->id), &e->node);
	else
		free(e);
	return r;
}

static void drop(struct pn_index *idx, struct pn_cgroup_entry *e)
{
	struct pn_claimant *c = owner_of(e);

	leave_pod(idx, e);
	if (c) {
		c->n_claims--;
		idx->counts.n_cgroups--;
	}
	cds_list_del_init(&e->dirty);
	cds_list_del_init(&e->past);
	(void)cds_lfht_del(idx->cgroups, &e->node);
	pn_rcu_free(&e->rcu);
}

int pn_index_cgroup_add(struct pn_index *idx, const struct pn_cgroup *cgroup)
{
	struct pn_cgroup_entry *e;
	PN_RCU_WRITING();

	if (strlen(cgroup->pod_uid) >= PN_UID_LEN) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return 0;
	}
	e = find(idx, cgroup->id);
	if (!e)
		return add(idx, cgroup);
	if (e->removed) {
		e->removed = false;
		e->gone = !owner_of(e);
		cds_list_del_init(&e->past);
		pn_cgroup_mark(idx, e); /* its deletion may be on the way */
	}
	return belong(idx, e, cgroup);
}

void pn_index_cgroup_remove(struct pn_index *idx, uint64_t id)
{
	struct pn_cgroup_entry *e;
	PN_RCU_WRITING();

	e = find(idx, id);
	if (!e || e->removed)
		return;
	e->removed = true;
	e->removed_ns = pn_clock_now(idx->clock);
	cds_list_add_tail(&e->past, &idx->past_cgroups);
	end_process(idx, e, e->removed_ns);
}

/* --- memory, changes, end ----------------------------------------------------------------------- */

void pn_cgroups_prune(struct pn_index *idx, pn_nsec now)
{
	struct pn_cgroup_entry *e, *next;

	PN_EACH_SAFE (e, next, &idx->past_cgroups, past) {
		if (e->removed_ns + PN_INDEX_MEMORY > now)
			break; /* in the order of their ends */
		cds_list_del_init(&e->past);
		e->gone = true;
		if (owner_of(e) || !cds_list_empty(&e->dirty))
			pn_cgroup_mark(idx, e);
		else
			drop(idx, e); /* the map does not have it */
	}
}

void pn_cgroup_settled(struct pn_index *idx, struct pn_cgroup_entry *e)
{
	if (is_over(e))
		drop(idx, e);
}

void pn_cgroups_drop_all(struct pn_index *idx)
{
	struct cds_lfht_iter it;
	struct cds_lfht_node *node;
	struct pn_claimant *c, *next;

	HASH_ITER (hh, idx->by_uid, c, next)
		unlink_mirror(idx, c);
	cds_lfht_for_each (idx->cgroups, &it, node) {
		drop(idx, of_node(node));
	}
}

bool pn_index_has_cgroup(const struct pn_index *idx, uint64_t id)
{
	const struct pn_cgroup_entry *e;
	PN_RCU_WRITING();

	e = find(idx, id);
	return e && !e->gone;
}

/* --- the read side ------------------------------------------------------------------------------ */

enum pn_cgroup_answer pn_index_cgroup(const struct pn_index *idx, uint64_t id,
				      const struct pn_owner **ret)
{
	const struct pn_cgroup_entry *e = find(idx, id);
	const struct pn_claimant *c;

	if (!e)
		return PN_CGROUP_UNKNOWN;
	/* pairs with the release in set_owner() */
	c = atomic_load_explicit(&e->by, memory_order_acquire);
	if (!c)
		return PN_CGROUP_AWAITED;
	/* pairs with the release in pn_claimant_rename() */
	*ret = &atomic_load_explicit(&c->named, memory_order_acquire)->owner;
	return (*ret)->kind == PN_OWNER_PROCESS ? PN_CGROUP_PROCESS : PN_CGROUP_POD;
}
