/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of series that traffic.c keeps. All of its memory but for the names is taken at the start,
 * and touched as it is used: slots, found by a hash of the name through chains of slot numbers, and in a
 * list by the time when they were touched last, so that those to end are at its end.
 *
 * Values are copied out under the owner's lock and written without it. Names are not copied: they
 * never change, and a count of who uses them, guarded by the lock as well, keeps them until they are
 * written.
 */
#include "export/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE UINT32_MAX

struct name {
	uint32_t n_users;
	uint64_t hash;
	char text[];
};

struct slot {
	uint32_t chain;	       /* the next one of the same hash, or of those that are free */
	uint32_t newer, older; /* by the time of the last touch */
	uint64_t serial;       /* 0: free; of "_other": not touched yet */
	pn_nsec last;
	struct name *name;
};

struct pn_series {
	struct pn_series_config config;
	uint64_t n_added;
	uint32_t *heads, n_heads;
	struct slot *slots; /* the last one is "_other" */
	char *values;
	uint32_t free, n_used; /* slots before the second have been used, or are */
	uint32_t newest, oldest, n;
};

struct pn_series_copy {
	uint32_t n;
	size_t value_bytes;
	char *values;
	struct name *names[];
};

/* --- names --------------------------------------------------------------------------------------- */

/* Return: NULL without memory */
static struct name *new_name(const char *text, size_t len, uint64_t hash)
{
	struct name *n = malloc(sizeof(*n) + len + 1);

	if (!n)
		return NULL;
	n->n_users = 1;
	n->hash = hash;
	memcpy(n->text, text, len + 1);
	return n;
}

static void leave_name(struct name *n)
{
	if (n && --n->n_users == 0)
		free(n);
}

/* --- the table ----------------------------------------------------------------------------------- */

static void *value_of(const struct pn_series *s, uint32_t i)
{
	return s->values + (size_t)i * s->config.value_bytes;
}

static void list_remove(struct pn_series *s, uint32_t i)
{
	const struct slot *slot = &s->slots[i];

	*(slot->newer == NONE ? &s->newest : &s->slots[slot->newer].older) = slot->older;
	*(slot->older == NONE ? &s->oldest : &s->slots[slot->older].newer) = slot->newer;
}

static void list_put_newest(struct pn_series *s, uint32_t i)
{
	struct slot *slot = &s->slots[i];

	slot->newer = NONE;
	slot->older = s->newest;
	*(s->newest == NONE ? &s->oldest : &s->slots[s->newest].newer) = i;
	s->newest = i;
}

static uint32_t *head_of(struct pn_series *s, uint64_t hash)
{
	return &s->heads[hash & (s->n_heads - 1)];
}

static uint32_t find(struct pn_series *s, const char *text, uint64_t hash)
{
	uint32_t i = *head_of(s, hash);

	while (i != NONE &&
	       (s->slots[i].name->hash != hash || strcmp(s->slots[i].name->text, text) != 0))
		i = s->slots[i].chain;
	return i;
}

static void end_slot(struct pn_series *s, uint32_t i)
{
	struct slot *slot = &s->slots[i];
	uint32_t *at = head_of(s, slot->name->hash);

	while (*at != i)
		at = &s->slots[*at].chain;
	*at = slot->chain;
	list_remove(s, i);
	leave_name(PN_TAKE_PTR(slot->name));
	slot->serial = 0;
	slot->chain = s->free;
	s->free = i;
	s->n--;
	pn_metric_add(s->config.n_ended, 1);
}

static void end_idle(struct pn_series *s, pn_nsec now)
{
	while (s->oldest != NONE && now >= s->slots[s->oldest].last + s->config.idle)
		end_slot(s, s->oldest);
	pn_metric_set(s->config.n, s->n);
}

static bool is_full(const struct pn_series *s)
{
	return s->free == NONE && s->n_used == s->config.max;
}

/* There is one. */
static uint32_t take_slot(struct pn_series *s)
{
	uint32_t i = s->free;

	if (i == NONE)
		return s->n_used++;
	s->free = s->slots[i].chain;
	return i;
}

/* Return: its number; NONE: no room, or no memory */
static uint32_t add(struct pn_series *s, const char *text, size_t len, uint64_t hash)
{
	uint32_t i, *head = head_of(s, hash);
	struct name *name = is_full(s) ? NULL : new_name(text, len, hash);

	if (!name)
		return NONE;
	i = take_slot(s);
	s->slots[i] = (struct slot) { .chain = *head, .serial = ++s->n_added, .name = name };
	memset(value_of(s, i), 0, s->config.value_bytes);
	*head = i;
	list_put_newest(s, i);
	pn_metric_set(s->config.n, ++s->n);
	return i;
}

uint32_t pn_series_find(struct pn_series *s, const char *text, pn_nsec now)
{
	size_t len = strlen(text);
	uint64_t hash = pn_hash_bytes(text, len);
	uint32_t i = find(s, text, hash);

	if (i != NONE)
		return i;
	if (is_full(s))
		end_idle(s, now);
	i = add(s, text, len, hash);
	return i == NONE ? s->config.max : i;
}

uint32_t pn_series_other(const struct pn_series *s)
{
	return s->config.max;
}

uint64_t pn_series_serial(const struct pn_series *s, uint32_t number)
{
	return s->slots[number].serial;
}

void *pn_series_touch(struct pn_series *s, uint32_t number, pn_nsec now)
{
	struct slot *slot = &s->slots[number];

	if (number == s->config.max) {
		slot->serial = 1;
	} else if (s->newest != number) {
		list_remove(s, number);
		list_put_newest(s, number);
	}
	slot->last = now;
	return value_of(s, number);
}

/* --- copies -------------------------------------------------------------------------------------- */

static void copy_slot(struct pn_series_copy *c, const struct pn_series *s, uint32_t i)
{
	struct name *name = s->slots[i].name;

	name->n_users++;
	memcpy(c->values + c->n * c->value_bytes, value_of(s, i), c->value_bytes);
	c->names[c->n++] = name;
}

struct pn_series_copy *pn_series_copy(struct pn_series *s, pn_nsec now)
{
	struct pn_series_copy *c;
	size_t max;

	end_idle(s, now);
	max = (size_t)s->n + 1;
	c = malloc(sizeof(*c) + max * sizeof(c->names[0]));
	if (!c)
		return NULL;
	c->n = 0;
	c->value_bytes = s->config.value_bytes;
	c->values = malloc(max * c->value_bytes);
	if (!c->values) {
		free(c);
		return NULL;
	}
	for (uint32_t i = s->newest; i != NONE; i = s->slots[i].older)
		copy_slot(c, s, i);
	if (s->slots[s->config.max].serial)
		copy_slot(c, s, s->config.max);
	return c;
}

void pn_series_give_back(struct pn_series_copy *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		leave_name(c->names[i]);
	free(c->values);
	free(c);
}

const void *pn_series_at(const struct pn_series_copy *c, uint32_t i, const char **ret_name)
{
	if (i >= c->n)
		return NULL;
	*ret_name = c->names[i]->text;
	return c->values + i * c->value_bytes;
}

/* --- life ---------------------------------------------------------------------------------------- */

static uint32_t heads_for(uint32_t n)
{
	uint32_t heads = 16;

	while (heads < n)
		heads *= 2;
	return heads;
}

static int make_slots(struct pn_series *s)
{
	uint32_t max = s->config.max;

	s->n_heads = heads_for(max);
	s->heads = malloc(s->n_heads * sizeof(s->heads[0]));
	s->slots = calloc((size_t)max + 1, sizeof(s->slots[0]));
	s->values = calloc((size_t)max + 1, s->config.value_bytes);
	if (!s->heads || !s->slots || !s->values)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_heads; i++)
		s->heads[i] = NONE;
	s->free = s->newest = s->oldest = NONE;
	s->slots[max].name = new_name(s->config.other, strlen(s->config.other), 0);
	return s->slots[max].name ? 0 : -ENOMEM;
}

int pn_series_new(const struct pn_series_config *config, struct pn_series **ret)
{
	struct pn_series *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->config = *config;
	if (make_slots(s) < 0) {
		pn_series_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void pn_series_free(struct pn_series *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_used; i++)
		leave_name(s->slots[i].name);
	if (s->slots)
		leave_name(s->slots[s->config.max].name);
	free(s->slots);
	free(s->values);
	free(s->heads);
	free(s);
}
