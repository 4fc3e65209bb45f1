/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pair of the history has the strings of its owners with it, and is another pair when one of them
 * changes. history_pairs.c asks for each record.
 *
 * There are twenty strings in a record and a thousand owners in a round of a hundred thousand records. So an
 * owner's strings are hashed once a round, and copied only for a pair that is new.
 */
#include "export/history_names.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

static void strings_of(const struct pn_owner *o, const char *ret[static PN_HISTORY_STRINGS])
{
	const char *all[PN_HISTORY_STRINGS] = { o->name_space,	  o->name, o->workload_kind,
						o->workload_name, o->node, o->zone,
						o->region };

	memcpy(ret, all, sizeof(all));
}

void pn_history_names_forget(struct pn_history_names *n)
{
	if (++n->round)
		return;
	memset(n->known, 0, sizeof(n->known)); /* it has gone round */
	n->round = 1;
}

void pn_history_owners(const struct pn_flow_record *r,
		       const struct pn_owner *ret[static PN_HISTORY_OWNERS])
{
	ret[0] = r->source.owner;
	ret[1] = r->destination.owner;
	ret[2] = r->service;
}

static uint64_t hash_string(uint64_t before, const char *s)
{
	size_t len = strlen(s);

	return pn_hash_pair(before, pn_hash_bytes(s, len), len);
}

static uint64_t hash_owner(const struct pn_owner *o)
{
	const char *strings[PN_HISTORY_STRINGS];
	uint64_t hash = 0;

	strings_of(o, strings);
	for (size_t i = 0; i < PN_HISTORY_STRINGS; i++)
		hash = hash_string(hash, strings[i]);
	return hash;
}

static uint64_t owner_hash(struct pn_history_names *n, const struct pn_owner *o)
{
	struct pn_history_name *k = &n->known[pn_hash_spread(o->id, PN_HISTORY_NAMES_BITS)];

	if (k->owner != o || k->round != n->round)
		*k = (struct pn_history_name) { o, hash_owner(o), n->round };
	return k->hash;
}

uint64_t pn_history_hash_names(struct pn_history_names *n, const struct pn_flow_record *r)
{
	const struct pn_owner *owners[PN_HISTORY_OWNERS];
	uint64_t hash = 0;

	pn_history_owners(r, owners);
	for (size_t i = 0; i < PN_HISTORY_OWNERS; i++) {
		if (owners[i])
			hash = pn_hash_pair(hash, owner_hash(n, owners[i]), i);
	}
	if (r->drop.packets)
		hash = hash_string(hash_string(hash, r->drop.reason), r->drop.location);
	return hash;
}

static int put_text(struct pn_buf *text, const char *s)
{
	return pn_buf_put(text, s, strlen(s) + 1);
}

int pn_history_put_names(struct pn_buf *text, const struct pn_flow_record *r)
{
	const struct pn_owner *owners[PN_HISTORY_OWNERS];
	const char *strings[PN_HISTORY_STRINGS];
	int ret = 0;

	pn_history_owners(r, owners);
	for (size_t i = 0; i < PN_HISTORY_OWNERS; i++) {
		if (!owners[i])
			continue;
		strings_of(owners[i], strings);
		for (size_t s = 0; s < PN_HISTORY_STRINGS; s++)
			ret |= put_text(text, strings[s]);
	}
	if (r->drop.packets) {
		ret |= put_text(text, r->drop.reason);
		ret |= put_text(text, r->drop.location);
	}
	return ret < 0 ? -ENOMEM : 0;
}
