/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a pod to its workload. A pod names its controller; when that is a ReplicaSet, people know it
 * by the ReplicaSet's own controller, the Deployment. Both kinds are watched apart from each other,
 * so either may come first: a record is made by whoever comes first, and pods hang on it until the
 * ReplicaSet is known, when their owners are published again under the same ids.
 */
#include "index/private.h"

#include <errno.h>
#include <string.h>

struct pn_replicaset_entry {
	UT_hash_handle hh; /* by uid */
	struct cds_list_head pods;
	bool is_present;   /* the object exists */
	bool is_known;	   /* kind and name below are right, also after the object went */
	char *kind, *name; /* its controller; NULL: none */
	char uid[];
};

static void drop_if_unused(struct pn_index *idx, struct pn_replicaset_entry *rs)
{
	if (rs->is_present || !cds_list_empty(&rs->pods))
		return;
	HASH_DEL(idx->replicasets, rs);
	free(rs->kind);
	free(rs->name);
	free(rs);
}

static struct pn_replicaset_entry *find(const struct pn_index *idx, const char *uid)
{
	struct pn_replicaset_entry *rs;

	HASH_FIND_STR(idx->replicasets, uid, rs);
	return rs;
}

static struct pn_replicaset_entry *find_or_add(struct pn_index *idx, const char *uid)
{
	struct pn_replicaset_entry *rs = find(idx, uid);
	size_t len = strlen(uid);

	if (rs)
		return rs;
	rs = calloc(1, sizeof(*rs) + len + 1);
	if (!rs)
		return NULL;
	memcpy(rs->uid, uid, len);
	CDS_INIT_LIST_HEAD(&rs->pods);
	HASH_ADD_KEYPTR(hh, idx->replicasets, rs->uid, len, rs);
	if (!rs->hh.tbl) {
		free(rs);
		return NULL;
	}
	return rs;
}

static void unlink_pod(struct pn_index *idx, struct pn_claimant *c)
{
	struct pn_replicaset_entry *rs = PN_TAKE_PTR(c->replicaset);

	if (!rs)
		return;
	cds_list_del(&c->of_replicaset);
	drop_if_unused(idx, rs);
}

int pn_workload_link(struct pn_index *idx, struct pn_claimant *c, const char *uid)
{
	struct pn_replicaset_entry *rs;

	if (c->replicaset && strcmp(c->replicaset->uid, uid) == 0)
		return 0;
	unlink_pod(idx, c);
	if (!uid[0])
		return 0;
	rs = find_or_add(idx, uid);
	if (!rs)
		return -ENOMEM;
	cds_list_add(&c->of_replicaset, &rs->pods);
	c->replicaset = rs;
	return 0;
}

int pn_workload_of(const struct pn_claimant *c, const char **ret_kind, const char **ret_name)
{
	const struct pn_replicaset_entry *rs = c->replicaset;

	if (!rs || !rs->is_known)
		return -ENOENT;
	if (!rs->kind)
		return 0;
	*ret_kind = rs->kind;
	*ret_name = rs->name;
	return 1;
}

static int rename_pods(struct pn_index *idx, const struct pn_replicaset_entry *rs)
{
	struct pn_claimant *c;
	int r = 0;

	if (!rs->kind)
		return 0; /* the pods name the ReplicaSet itself already */
	PN_EACH (c, &rs->pods, of_replicaset) {
		struct pn_owner owner = *pn_claimant_named(c);

		owner.workload_kind = rs->kind;
		owner.workload_name = rs->name;
		r = r < 0 ? r : pn_claimant_rename(idx, c, &owner);
	}
	return r;
}

static int learn(struct pn_index *idx, struct pn_replicaset_entry *rs,
		 const struct pn_controller *by)
{
	PN_CLEANUP(pn_freep) char *kind = NULL;
	PN_CLEANUP(pn_freep) char *name = NULL;

	if (by->kind[0]) {
		kind = strdup(by->kind);
		name = strdup(by->name);
		if (!kind || !name)
			return -ENOMEM;
	}
	free(rs->kind);
	free(rs->name);
	rs->kind = PN_TAKE_PTR(kind);
	rs->name = PN_TAKE_PTR(name);
	rs->is_known = true;
	return rename_pods(idx, rs);
}

static void forget(struct pn_index *idx, const char *uid)
{
	struct pn_replicaset_entry *rs = find(idx, uid);

	if (!rs)
		return;
	rs->is_present = false;
	drop_if_unused(idx, rs);
}

int pn_workload_apply(struct pn_index *idx, const struct pn_object *old,
		      const struct pn_object *new)
{
	struct pn_replicaset_entry *rs;

	if (old && (!new || strcmp(old->uid, new->uid) != 0))
		forget(idx, old->uid);
	if (!new)
		return 0;
	rs = find_or_add(idx, new->uid);
	if (!rs)
		return -ENOMEM;
	rs->is_present = true;
	return learn(idx, rs, new->controller);
}

void pn_workload_drop_all(struct pn_index *idx)
{
	struct pn_replicaset_entry *rs, *next;

	HASH_ITER (hh, idx->replicasets, rs, next) {
		rs->is_present = false;
		drop_if_unused(idx, rs);
	}
}
