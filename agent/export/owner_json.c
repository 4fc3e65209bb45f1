/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line of JSON says of an owner. The encoder calls this for each end of a record.
 *
 * Names are most of a line, and a thousand owners are the ends of a hundred thousand connections. So what
 * is said of an owner is written once a round, keys and escapes included, and is one copy for each
 * further record. There is room for a fixed number of owners; a newcomer takes the place of another.
 */
#include "export/owner_json.h"

#include <stdlib.h>

#include "base/hash.h"

enum {
	PLACE_BITS = 11,
	N_PLACES = 1 << PLACE_BITS,
	TEXT_BYTES = 512 << 10,
	OWNER_MAX_BYTES = 4 << 10, /* who needs more is written anew each time */
};

/* struct place - @owner's text begins at @at: members of "k8s", then those beside it */
struct place {
	const struct pn_owner *owner;
	uint32_t round, at;
	uint16_t kubernetes_len, rest_len;
};

struct pn_owner_texts {
	uint32_t round; /* what is of another one is forgotten; never 0 */
	uint32_t n_bytes;
	struct place places[N_PLACES];
	char text[TEXT_BYTES];
};

/* {"key":{"name":"..."}}, or nothing without a name */
PN_JSON_INLINE void put_named(struct pn_json *j, const char *key, const char *name)
{
	if (!*name)
		return;
	pn_json_put_open(j, key);
	pn_json_put_string(j, "name", name);
	pn_json_put_close(j);
}

static void put_workload(struct pn_json *j, const struct pn_owner *o)
{
	if (!*o->workload_name)
		return;
	pn_json_put_open(j, "workload");
	pn_json_put_string(j, "kind", o->workload_kind);
	pn_json_put_string(j, "name", o->workload_name);
	pn_json_put_close(j);
}

static void put_kubernetes(struct pn_json *j, const struct pn_owner *o)
{
	put_named(j, "namespace", o->name_space);
	switch (o->kind) {
	case PN_OWNER_POD:
		put_named(j, "pod", o->name);
		put_workload(j, o);
		put_named(j, "node", o->node);
		break;
	case PN_OWNER_NODE:
		put_named(j, "node", o->name);
		break;
	case PN_OWNER_PROCESS:
		put_named(j, "node", o->node);
		break;
	case PN_OWNER_SERVICE: /* the record's Service says more */
	case PN_OWNER_RANGE:
	case PN_OWNER_NONE:
	case PN_OWNER_KIND_MAX:
		break;
	}
}

static void put_cloud(struct pn_json *j, const struct pn_owner *o)
{
	if (!*o->zone && !*o->region)
		return;
	pn_json_put_open(j, "cloud");
	if (*o->zone)
		pn_json_put_string(j, "availability_zone", o->zone);
	if (*o->region)
		pn_json_put_string(j, "region", o->region);
	pn_json_put_close(j);
}

static void put_rest(struct pn_json *j, const struct pn_owner *o)
{
	if (o->kind == PN_OWNER_PROCESS)
		put_named(j, "process", o->name);
	else if (o->kind == PN_OWNER_RANGE)
		put_named(j, "network", o->name);
	put_cloud(j, o);
}

struct pn_owner_texts *pn_owner_texts_new(void)
{
	struct pn_owner_texts *t = calloc(1, sizeof(*t)); /* touched as it is used */

	if (t)
		t->round = 1;
	return t;
}

void pn_owner_texts_free(struct pn_owner_texts *t)
{
	free(t);
}

void pn_owner_texts_forget(struct pn_owner_texts *t)
{
	if (!t || !t->n_bytes)
		return;
	t->n_bytes = 0;
	if (++t->round)
		return;
	memset(t->places, 0, sizeof(t->places)); /* it has gone round */
	t->round = 1;
}

static struct place *place_of(struct pn_owner_texts *t, const struct pn_owner *o)
{
	return &t->places[pn_hash_spread(o->id, PLACE_BITS)];
}

/* Return: false: its names are too long */
static bool write_owner(struct pn_owner_texts *t, const struct pn_owner *o, struct place *ret)
{
	struct pn_json j;
	char *start, *middle;

	if (TEXT_BYTES - t->n_bytes < OWNER_MAX_BYTES)
		pn_owner_texts_forget(t);
	start = t->text + t->n_bytes;
	j = (struct pn_json) { { .at = start, .end = start + OWNER_MAX_BYTES } };
	put_kubernetes(&j, o);
	middle = j.text.at;
	put_rest(&j, o);
	if (j.text.full)
		return false;
	*ret = (struct place) { o, t->round, t->n_bytes, (uint16_t)(middle - start),
				(uint16_t)(j.text.at - middle) };
	t->n_bytes += (uint32_t)(j.text.at - start);
	return true;
}

/* Return: NULL: it has to be written anew */
static const struct place *find(struct pn_owner_texts *t, const struct pn_owner *o)
{
	struct place *p;

	if (!t)
		return NULL;
	p = place_of(t, o);
	if (p->owner == o && p->round == t->round)
		return p;
	return write_owner(t, o, p) ? p : NULL;
}

void pn_owner_json_put_kubernetes(struct pn_json *j, struct pn_owner_texts *texts,
				  const struct pn_owner *o)
{
	const struct place *p = find(texts, o);

	if (p)
		pn_text_put(&j->text, texts->text + p->at, p->kubernetes_len);
	else
		put_kubernetes(j, o);
}

void pn_owner_json_put_rest(struct pn_json *j, struct pn_owner_texts *texts,
			    const struct pn_owner *o)
{
	const struct place *p = find(texts, o);

	if (p)
		pn_text_put(&j->text, texts->text + p->at + p->kubernetes_len, p->rest_len);
	else
		put_rest(j, o);
}
