/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of interned strings, made to be small: a string costs eight bytes beside its text, and
 * a slot of twelve. Slots are searched one after the other from the place that the hash gives, and
 * taking one out closes the gap, so nothing is left behind by strings that come and go.
 *
 * The mutex guards the table. Counts are atomic, so that whoever holds a reference may take another
 * one or give it back without the lock; only the step to the last one and to none is done under it,
 * because that is when pn_intern() might find the string.
 */
#include "base/intern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/hash.h"

struct interned {
	_Atomic(uint32_t) n_refs;
	uint32_t hash;
	char text[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A slot is free if it has no entry. The hashes stand right behind the entries. */
static struct interned **entries;
static uint32_t *hashes;
static uint32_t n_slots, n_entries;

static struct interned *from_text(const char *s)
{
	return (struct interned *)((uintptr_t)s - offsetof(struct interned, text));
}

static uint32_t next_slot(uint32_t i)
{
	return i + 1 == n_slots ? 0 : i + 1;
}

static uint32_t free_slot(uint32_t hash)
{
	uint32_t i = pn_hash_place(hash, n_slots);

	while (entries[i])
		i = next_slot(i);
	return i;
}

static void set_slot(uint32_t i, struct interned *e, uint32_t hash)
{
	entries[i] = e;
	hashes[i] = hash;
}

/* By the hashes beside the slots: the strings themselves are all over the memory. */
static int resize(uint32_t n)
{
	struct interned **old = entries;
	const uint32_t *old_hashes = hashes;
	uint32_t n_old = n_slots;

	entries = calloc(n, sizeof(*entries) + sizeof(*hashes));
	if (!entries) {
		entries = old;
		return -1;
	}
	hashes = (uint32_t *)(void *)(entries + n);
	n_slots = n;
	for (uint32_t i = 0; i < n_old; i++)
		if (old[i])
			set_slot(free_slot(old_hashes[i]), old[i], old_hashes[i]);
	free(old);
	return 0;
}

/* At most seven slots of eight are in use, and a quarter of them after a mass has gone. */
static int make_room(void)
{
	if (n_entries < n_slots - n_slots / 8)
		return 0;
	if (n_entries > UINT32_MAX / 2)
		return -1;
	return resize(n_slots + n_slots / 4 + 16);
}

static void shrink(void)
{
	if (n_entries == 0) {
		free(entries);
		entries = NULL;
		n_slots = 0;
	} else if (n_slots > 64 && n_entries < n_slots / 4) {
		(void)resize(n_slots / 2); /* without memory it stays large */
	}
}

static struct interned *find(const char *text, size_t len, uint32_t hash)
{
	uint32_t i;

	if (n_slots == 0)
		return NULL;
	for (i = pn_hash_place(hash, n_slots); entries[i]; i = next_slot(i))
		if (hashes[i] == hash && strncmp(entries[i]->text, text, len) == 0 &&
		    entries[i]->text[len] == '\0')
			return entries[i];
	return NULL;
}

static struct interned *add(const char *text, size_t len, uint32_t hash)
{
	struct interned *e;

	if (make_room() < 0)
		return NULL;
	e = malloc(sizeof(*e) + len + 1);
	if (!e)
		return NULL;
	atomic_init(&e->n_refs, 0);
	e->hash = hash;
	memcpy(e->text, text, len);
	e->text[len] = '\0';
	set_slot(free_slot(hash), e, hash);
	n_entries++;
	return e;
}

/* Entries behind the gap move up, unless that would put them before their place. */
static void take_out(const struct interned *e)
{
	uint32_t gap = pn_hash_place(e->hash, n_slots), i;

	while (entries[gap] != e)
		gap = next_slot(gap);
	for (i = next_slot(gap); entries[i]; i = next_slot(i)) {
		uint32_t home = pn_hash_place(hashes[i], n_slots);

		if (gap <= i ? home <= gap || home > i : home <= gap && home > i) {
			set_slot(gap, entries[i], hashes[i]);
			gap = i;
		}
	}
	entries[gap] = NULL;
	n_entries--;
	shrink();
}

const char *pn_intern(const char *text, size_t len)
{
	uint32_t hash = (uint32_t)pn_hash_bytes(text, len);
	struct interned *e;

	(void)pthread_mutex_lock(&lock);
	e = find(text, len, hash);
	if (!e)
		e = add(text, len, hash);
	if (e)
		(void)atomic_fetch_add_explicit(&e->n_refs, 1, memory_order_relaxed);
	(void)pthread_mutex_unlock(&lock);
	return e ? e->text : NULL;
}

const char *pn_intern_ref(const char *s)
{
	if (s)
		(void)atomic_fetch_add_explicit(&from_text(s)->n_refs, 1, memory_order_relaxed);
	return s;
}

/* Gives back a reference that is not the last one. */
static bool give_back(struct interned *e)
{
	uint32_t n = atomic_load_explicit(&e->n_refs, memory_order_relaxed);

	/* release: pairs with the acquire of whoever gives the last one back and frees */
	while (n > 1)
		if (atomic_compare_exchange_weak_explicit(
			    &e->n_refs, &n, n - 1, memory_order_release, memory_order_relaxed))
			return true;
	return false;
}

void pn_intern_unref(const char *s)
{
	struct interned *e = s ? from_text(s) : NULL;

	if (!e || give_back(e))
		return;
	(void)pthread_mutex_lock(&lock);
	if (atomic_fetch_sub_explicit(&e->n_refs, 1, memory_order_acq_rel) == 1)
		take_out(e);
	else
		e = NULL;
	(void)pthread_mutex_unlock(&lock);
	free(e);
}

size_t pn_intern_count(void)
{
	size_t n;

	(void)pthread_mutex_lock(&lock);
	n = n_entries;
	(void)pthread_mutex_unlock(&lock);
	return n;
}
