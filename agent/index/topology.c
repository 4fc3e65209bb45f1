/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zone and region: a node has them as labels, and whoever runs on it is there too. Nodes are watched
 * apart from pods, so either may come first: a record by the node's name is made by whoever does, and
 * owners hang on it; when the labels become known or change, these are published again under the
 * same ids. Called by index.c with nodes and with all that runs on one, by cgroup.c with processes.
 */
#include "index/private.h"

#include <errno.h>
#include <string.h>

struct pn_location {
	UT_hash_handle hh; /* by the node's name */
	struct cds_list_head owners;
	char *zone,
		*region; /* NULL: not known; kept when the node goes, for those that were on it */
	char *uid;	 /* of the object that exists; NULL: none */
	char name[];
};

static void drop_if_unused(struct pn_index *idx, struct pn_location *l)
{
	if (l->uid || !cds_list_empty(&l->owners))
		return;
	HASH_DEL(idx->locations, l);
	free(l->zone);
	free(l->region);
	free(l);
}

static struct pn_location *find(const struct pn_index *idx, const char *name)
{
	struct pn_location *l;

	HASH_FIND_STR(idx->locations, name, l);
	return l;
}

static struct pn_location *find_or_add(struct pn_index *idx, const char *name)
{
	struct pn_location *l = find(idx, name);
	size_t len = strlen(name);

	if (l)
		return l;
	l = calloc(1, sizeof(*l) + len + 1);
	if (!l)
		return NULL;
	memcpy(l->name, name, len);
	CDS_INIT_LIST_HEAD(&l->owners);
	HASH_ADD_KEYPTR(hh, idx->locations, l->name, len, l);
	if (!l->hh.tbl) {
		free(l);
		return NULL;
	}
	return l;
}

int pn_topology_link(struct pn_index *idx, struct pn_claimant *c, const char *node)
{
	struct pn_location *l;

	if (c->location && strcmp(c->location->name, node) == 0)
		return 0;
	l = PN_TAKE_PTR(c->location);
	if (l) {
		cds_list_del(&c->of_location);
		drop_if_unused(idx, l);
	}
	if (!node[0])
		return 0;
	l = find_or_add(idx, node);
	if (!l)
		return -ENOMEM;
	cds_list_add(&c->of_location, &l->owners);
	c->location = l;
	return 0;
}

void pn_topology_describe(const struct pn_claimant *c, struct pn_owner *owner)
{
	const struct pn_location *l = c->location;

	owner->zone = l && l->zone ? l->zone : "";
	owner->region = l && l->region ? l->region : "";
}

static int publish(struct pn_index *idx, const struct pn_location *l)
{
	struct pn_claimant *c;
	int r = 0;

	PN_EACH (c, &l->owners, of_location) {
		struct pn_owner owner = *pn_claimant_named(c);
		int r2;

		pn_topology_describe(c, &owner);
		r2 = pn_claimant_rename(idx, c, &owner);
		r = r < 0 ? r : r2;
	}
	return r;
}

/* The label's name of today, or that of the servers before 1.17. */
static char *label(const struct pn_object *o, const char *key, const char *old_key)
{
	const char *value = pn_object_label(o, key);

	value = value ? value : pn_object_label(o, old_key);
	return strdup(value ? value : "");
}

static int learn(struct pn_index *idx, struct pn_location *l, const struct pn_object *o)
{
	PN_CLEANUP(pn_freep)
	char *zone =
		label(o, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
	PN_CLEANUP(pn_freep)
	char *region = label(o, "topology.kubernetes.io/region",
			     "failure-domain.beta.kubernetes.io/region");
	PN_CLEANUP(pn_freep) char *uid = strdup(o->uid);

	if (!zone || !region || !uid)
		return -ENOMEM;
	free(l->zone);
	free(l->region);
	free(l->uid);
	l->zone = PN_TAKE_PTR(zone);
	l->region = PN_TAKE_PTR(region);
	l->uid = PN_TAKE_PTR(uid);
	return publish(idx, l);
}

/* A node of the same name may have come before the old one's end is heard of. */
static void forget(struct pn_index *idx, const struct pn_object *o)
{
	struct pn_location *l = find(idx, o->name);

	if (!l || !l->uid || strcmp(l->uid, o->uid) != 0)
		return;
	free(PN_TAKE_PTR(l->uid));
	drop_if_unused(idx, l);
}

int pn_topology_apply(struct pn_index *idx, const struct pn_object *old,
		      const struct pn_object *new)
{
	struct pn_location *l;
	int r;

	if (old && (!new || strcmp(old->uid, new->uid) != 0))
		forget(idx, old);
	if (!new)
		return 0;
	l = find_or_add(idx, new->name);
	if (!l)
		return -ENOMEM;
	r = learn(idx, l, new);
	drop_if_unused(idx, l);
	return r;
}

void pn_topology_drop_all(struct pn_index *idx)
{
	struct pn_location *l, *next;

	HASH_ITER (hh, idx->locations, l, next) {
		free(PN_TAKE_PTR(l->uid));
		drop_if_unused(idx, l);
	}
}
