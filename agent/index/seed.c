/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting from what the agent before this one left in the pinned maps: owners with their ids, and who
 * had which address. Called once, before any object.
 *
 * What is seeded counts as written already, and gives way to every object. Ports and networks are
 * not seeded, because they have no history in the maps: with the owners' uids their ids come back,
 * so the same entries are written again, in place.
 */
#include "index/private.h"

#include <errno.h>
#include <string.h>

#define KNOWN_FLAGS (PN_OWNER_LOCAL | PN_OWNER_HOST_NETWORK | PN_OWNER_NO_ENDPOINTS)

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
		.flags = value->flags & KNOWN_FLAGS,
		.uid = value->uid,
		.name_space = value->name_space,
		.name = value->name,
		.workload_kind = value->workload_kind,
		.workload_name = value->workload_name,
		.node = value->node,
		.zone = "",
		.region = "",
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
	if (value->since_ns > now || value->prev_until_ns > now)
		return -EINVAL;
	if (now_by)
		now_by->flags = value->flags;
	return pn_place_restore(idx, key, value, now_by, prev_by, now);
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
