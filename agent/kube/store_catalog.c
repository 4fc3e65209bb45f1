/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One index of a store: from values to the objects under them. The values of an object are not
 * kept anywhere: the function that names them is asked again when the object goes. Should it then
 * say something else, the counts that pn_catalog_apply() returns do not match, and the store has
 * the object looked for everywhere (pn_catalog_purge()), so that no reader ever finds one that is
 * freed.
 *
 * A change is made in two steps, room first. Values of the old object that the new one has too are
 * not told apart beforehand: where the old object is found, the new one takes its place, and what
 * is left of the old one afterwards is removed.
 */
#include "kube/store_private.h"

#include <errno.h>
#include <string.h>

#include "kube/store_addrs.h"

/* The values of one object: addresses, or texts each with its NUL. */
struct pn_values {
	bool of_addrs, has_failed;
	size_t len, size, n;
	char *data;
};

/* A value of an index of text. */
struct text {
	struct pn_scrap scrap;
	pn_members members;
	char s[];
};

struct pn_catalog {
	struct pn_catalog *next;
	struct pn_indexer indexer;
	pn_table_ref texts;
	pn_addrs_ref addrs;
	struct pn_values before, now; /* of the object that is worked on */
	char name[];
};

/* --- values --- */

/* What one change has needed stays for the next, unless it is much. */
enum { KEEP_VALUES_BYTES = 4096 };

static void values_reset(struct pn_values *v)
{
	if (v->size > KEEP_VALUES_BYTES) {
		free(v->data);
		v->data = NULL;
		v->size = 0;
	}
	v->len = v->n = 0;
	v->has_failed = false;
}

static void append(struct pn_values *v, const void *bytes, size_t len)
{
	size_t size = PN_MAX(2 * v->size, v->len + len + 64);
	char *data = v->data;

	if (v->has_failed)
		return;
	if (v->len + len > v->size) {
		data = realloc(v->data, size);
		if (!data) {
			v->has_failed = true;
			return;
		}
		v->data = data;
		v->size = size;
	}
	memcpy(data + v->len, bytes, len);
	v->len += len;
	v->n++;
}

/* A text that is no address is found under none. */
void pn_values_add(struct pn_values *values, const char *text)
{
	struct pn_addr addr;

	if (!values->of_addrs)
		append(values, text, strlen(text) + 1);
	else if (pn_addr_parse(text, &addr) == 0)
		append(values, &addr, sizeof(addr));
}

void pn_values_add_addr(struct pn_values *values, const struct pn_addr *addr)
{
	char text[PN_ADDR_STRLEN];

	if (values->of_addrs)
		append(values, addr, sizeof(*addr));
	else
		pn_values_add(values, pn_addr_format(addr, text));
}

/* @value: NULL for the first. Return: NULL behind the last */
static const char *next_value(const struct pn_values *v, const char *value)
{
	if (!value)
		value = v->data;
	else
		value += v->of_addrs ? sizeof(struct pn_addr) : strlen(value) + 1;
	return v->len > 0 && value < v->data + v->len ? value : NULL;
}

static int ask(struct pn_catalog *c, const struct pn_object *obj, struct pn_values *ret)
{
	values_reset(ret);
	if (obj)
		c->indexer.fn(c->indexer.fn_data, obj, ret);
	return ret->has_failed ? -ENOMEM : 0;
}

/* --- texts --- */

static uint32_t text_hash(const char *s)
{
	uint32_t hash = (uint32_t)pn_hash_bytes(s, strlen(s));

	return hash ? hash : 1;
}

static struct text *find_text(const struct pn_table *t, const char *s, uint32_t *ret_slot)
{
	uint32_t hash;
	struct text *text;

	if (!t)
		return NULL;
	hash = text_hash(s);
	PN_TABLE_SCAN(t, hash, *ret_slot, text)
	{
		if (strcmp(text->s, s) == 0)
			return text;
	}
	return NULL;
}

static pn_members *claim_text(struct pn_catalog *c, const char *s)
{
	uint32_t slot;
	struct text *text = find_text(pn_table_mine(&c->texts), s, &slot);
	size_t size = strlen(s) + 1;

	if (!text) {
		text = pn_scrap_new(sizeof(*text) + size);
		if (!text)
			return NULL;
		memcpy(text->s, s, size);
		atomic_init(&text->members, PN_MEMBERS_NONE);
		(void)pn_table_add(pn_table_mine(&c->texts), text_hash(s), text);
	}
	return &text->members;
}

static void drop_text_if_empty(struct pn_catalog *c, const char *s, struct pn_bin *bin)
{
	struct pn_table *t = pn_table_mine(&c->texts);
	uint32_t slot;
	struct text *text = find_text(t, s, &slot);

	if (!text || pn_members_any(pn_members_mine(&text->members)))
		return;
	pn_table_drop(t, slot);
	pn_table_trim(&c->texts, bin);
	pn_bin_scrap(bin, text);
}

/* --- both kinds of values --- */

static int reserve(struct pn_catalog *c, size_t n, struct pn_bin *bin)
{
	if (n == 0)
		return 0;
	return c->indexer.of_addrs ? pn_addrs_reserve(&c->addrs, n, bin)
				   : pn_table_reserve(&c->texts, n, false, bin);
}

/* Return: NULL if there is no such value */
static pn_members *find(struct pn_catalog *c, const char *value)
{
	uint32_t slot;
	struct text *text;

	if (c->indexer.of_addrs)
		return pn_addrs_find(pn_addrs_mine(&c->addrs), (const void *)value);
	text = find_text(pn_table_mine(&c->texts), value, &slot);
	return text ? &text->members : NULL;
}

/* The same, and there is one then; reserve() came before. Return: NULL without memory */
static pn_members *claim(struct pn_catalog *c, const char *value)
{
	return c->indexer.of_addrs ? pn_addrs_claim(pn_addrs_mine(&c->addrs), (const void *)value)
				   : claim_text(c, value);
}

static void drop_if_empty(struct pn_catalog *c, const char *value, struct pn_bin *bin)
{
	if (c->indexer.of_addrs)
		pn_addrs_drop_if_empty(&c->addrs, (const void *)value, bin);
	else
		drop_text_if_empty(c, value, bin);
}

/* --- changes --- */

int pn_catalog_new(const struct pn_indexer *indexer, const struct pn_catalog *like,
		   struct pn_catalog **ret)
{
	size_t size = strlen(indexer->name) + 1, n;
	struct pn_catalog *c = calloc(1, sizeof(*c) + size);

	if (!c)
		return -ENOMEM;
	memcpy(c->name, indexer->name, size);
	c->indexer = *indexer;
	c->indexer.name = c->name;
	c->before.of_addrs = c->now.of_addrs = indexer->of_addrs;
	n = !like		? 0
	    : indexer->of_addrs ? pn_addrs_count(pn_addrs_get(&like->addrs))
				: pn_table_count(pn_table_get(&like->texts));
	if (reserve(c, n, NULL) < 0) {
		pn_catalog_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

static void free_texts(struct pn_table *t)
{
	for (uint32_t i = 0; t && i < t->n_slots; i++) {
		struct text *text = pn_table_at(t, i);

		if (text)
			pn_members_done(pn_members_mine(&text->members));
		pn_scrap_free(text);
	}
	pn_scrap_free(t);
}

void pn_catalog_free(struct pn_catalog *c)
{
	if (!c)
		return;
	free_texts(pn_table_mine(&c->texts));
	pn_addrs_free(pn_addrs_mine(&c->addrs));
	free(c->before.data);
	free(c->now.data);
	free(c);
}

const struct pn_indexer *pn_catalog_indexer(const struct pn_catalog *c)
{
	return &c->indexer;
}

/* Where the old object is there is room for the new one. */
static int make_room(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		     const char *value, struct pn_bin *bin)
{
	pn_members *m = claim(c, value);

	if (!m)
		return -ENOMEM;
	return old && pn_members_has(m, hash, old) ? 0 : pn_members_room(m, bin);
}

int pn_catalog_prepare(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		       const struct pn_object *obj, struct pn_bin *bin)
{
	int r = ask(c, old, &c->before);

	if (r == 0)
		r = ask(c, obj, &c->now);
	if (r == 0)
		r = reserve(c, c->now.n, bin);
	if (r < 0) {
		values_reset(&c->now);
		return r;
	}
	for (const char *v = NULL; r == 0 && (v = next_value(&c->now, v));)
		r = make_room(c, hash, old, v, bin);
	if (r < 0)
		pn_catalog_cancel(c, bin);
	return r;
}

void pn_catalog_cancel(struct pn_catalog *c, struct pn_bin *bin)
{
	for (const char *v = NULL; (v = next_value(&c->now, v));)
		drop_if_empty(c, v, bin);
	values_reset(&c->now);
}

void pn_catalog_apply(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		      const struct pn_object *obj, struct pn_bin *bin, size_t *ret_gained,
		      size_t *ret_lost)
{
	pn_members *m;

	for (const char *v = NULL; (v = next_value(&c->now, v));) {
		m = find(c, v);
		if (old && pn_members_replace(m, hash, old, obj)) {
			++*ret_lost;
			++*ret_gained;
		} else if (pn_members_add(m, hash, obj)) {
			++*ret_gained;
		}
	}
	for (const char *v = NULL; (v = next_value(&c->before, v));) {
		m = find(c, v);
		if (!m || !pn_members_remove(m, hash, old, bin))
			continue;
		++*ret_lost;
		drop_if_empty(c, v, bin);
	}
}

static void purge_texts(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
			struct pn_bin *bin)
{
	struct pn_table *t = pn_table_mine(&c->texts);

	for (uint32_t i = 0; t && i < t->n_slots; i++) {
		struct text *text = pn_table_at(t, i);

		if (!text || !pn_members_remove(&text->members, hash, old, bin) ||
		    pn_members_any(pn_members_mine(&text->members)))
			continue;
		pn_table_drop(t, i);
		pn_bin_scrap(bin, text);
	}
}

void pn_catalog_purge(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		      struct pn_bin *bin)
{
	purge_texts(c, hash, old, bin);
	pn_addrs_purge(pn_addrs_mine(&c->addrs), hash, old, bin);
}

void pn_catalog_push(pn_catalog_ref *list, struct pn_catalog *c)
{
	c->next = atomic_load_explicit(list, memory_order_relaxed);
	/* pairs with the acquire in pn_catalog_first() */
	atomic_store_explicit(list, c, memory_order_release);
}

struct pn_catalog *pn_catalog_next(const struct pn_catalog *c)
{
	return c->next;
}

/* --- readers --- */

static uintptr_t members_of(const pn_members *m)
{
	/* pairs with the release in store_members.c */
	return atomic_load_explicit(m, memory_order_acquire);
}

void pn_catalog_by_addr(const struct pn_catalog *c, const struct pn_addr *addr, struct pn_iter *ret)
{
	pn_members_each(pn_addrs_look_up(pn_addrs_get(&c->addrs), addr), ret);
}

void pn_catalog_by_text(const struct pn_catalog *c, const char *s, struct pn_iter *ret)
{
	const struct text *text;
	struct pn_addr addr;
	uint32_t slot;

	*ret = (struct pn_iter) { .only = NULL };
	if (c->indexer.of_addrs) {
		if (pn_addr_parse(s, &addr) == 0)
			pn_catalog_by_addr(c, &addr, ret);
		return;
	}
	text = find_text(pn_table_get(&c->texts), s, &slot);
	if (text)
		pn_members_each(members_of(&text->members), ret);
}

void pn_catalog_each_value(const struct pn_catalog *c, pn_text_fn visit, void *data)
{
	const struct pn_table *t = pn_table_get(&c->texts);

	if (c->indexer.of_addrs) {
		pn_addrs_each(pn_addrs_get(&c->addrs), visit, data);
		return;
	}
	for (uint32_t i = 0; t && i < t->n_slots; i++) {
		const struct text *text = pn_table_at(t, i);

		if (text && pn_members_any(members_of(&text->members)) && !visit(data, text->s))
			return;
	}
}

static void each_under(const struct pn_catalog *c, const char *value, struct pn_iter *ret)
{
	if (c->indexer.of_addrs)
		pn_catalog_by_addr(c, (const void *)value, ret);
	else
		pn_catalog_by_text(c, value, ret);
}

static bool has_value(const struct pn_values *v, const char *value, const char *end)
{
	for (const char *w = NULL; (w = next_value(v, w)) && w != end;)
		if (v->of_addrs ? memcmp(w, value, sizeof(struct pn_addr)) == 0
				: strcmp(w, value) == 0)
			return true;
	return false;
}

/* Has @obj one of the values that come before @end? Then it has been visited. */
static bool was_visited(const struct pn_catalog *c, const struct pn_values *values, const char *end,
			const struct pn_object *obj, struct pn_values *scratch)
{
	values_reset(scratch);
	c->indexer.fn(c->indexer.fn_data, obj, scratch);
	for (const char *w = NULL; (w = next_value(scratch, w));)
		if (has_value(values, w, end))
			return true;
	return false;
}

int pn_catalog_like(const struct pn_catalog *c, const struct pn_object *obj, pn_object_fn visit,
		    void *data)
{
	struct pn_values values = { .of_addrs = c->indexer.of_addrs }, scratch = values;
	const struct pn_object *found;
	struct pn_iter it;
	bool go_on = true;
	int r;

	c->indexer.fn(c->indexer.fn_data, obj, &values);
	for (const char *v = NULL; go_on && (v = next_value(&values, v));) {
		if (has_value(&values, v, v))
			continue;
		each_under(c, v, &it);
		while (go_on && (found = pn_iter_next(&it)))
			if (!was_visited(c, &values, v, found, &scratch))
				go_on = visit(data, found);
	}
	r = values.has_failed || scratch.has_failed ? -ENOMEM : 0;
	free(values.data);
	free(scratch.data);
	return r;
}
