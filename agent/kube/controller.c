/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controllers of objects, shared: the pods of a ReplicaSet all say the same about it, so a pod holds
 * one pointer in place of three strings. The decoders are the callers, and whoever gives an object
 * back, on any thread.
 *
 * A plain table of chains behind a mutex; an entry is one piece of memory with its strings. That
 * there is no memory for a larger table only makes the chains longer.
 */
#include "kube/controller.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/intern.h"

struct entry {
	struct pn_controller c;
	struct entry *next;
	uint32_t n_refs, hash;
	char text[]; /* name, uid */
};

enum { FIRST_SIZE = 64 };

static const struct pn_controller none = { "", "", "" };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry **table;
static size_t n_chains, n_entries; /* n_chains: 0 or a power of two */

static struct entry *from_controller(const struct pn_controller *c)
{
	return (struct entry *)(uintptr_t)c;
}

static uint32_t hash(const struct pn_controller *c)
{
	return (uint32_t)(pn_hash_bytes(c->uid, strlen(c->uid)) ^
			  pn_hash_bytes(c->name, strlen(c->name)));
}

static bool is_equal(const struct pn_controller *a, const struct pn_controller *b)
{
	return strcmp(a->uid, b->uid) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->kind, b->kind) == 0;
}

static void resize(size_t n)
{
	struct entry **to = calloc(n, sizeof(*to)), *e, *next;

	if (!to)
		return;
	for (size_t i = 0; i < n_chains; i++) {
		for (e = table[i]; e; e = next) {
			next = e->next;
			e->next = to[e->hash & (n - 1)];
			to[e->hash & (n - 1)] = e;
		}
	}
	free(table);
	table = to;
	n_chains = n;
}

static bool make_room(void)
{
	if (n_entries >= n_chains)
		resize(n_chains ? n_chains * 2 : FIRST_SIZE);
	return n_chains > 0;
}

static struct entry *find(const struct pn_controller *like, uint32_t h)
{
	struct entry *e = table[h & (n_chains - 1)];

	while (e && (e->hash != h || !is_equal(&e->c, like)))
		e = e->next;
	return e;
}

static struct entry *add(const struct pn_controller *like, uint32_t h)
{
	size_t name_size = strlen(like->name) + 1, uid_size = strlen(like->uid) + 1;
	struct entry *e = malloc(sizeof(*e) + name_size + uid_size);
	struct entry **chain = &table[h & (n_chains - 1)];

	if (!e)
		return NULL;
	e->c.kind = pn_intern(like->kind, strlen(like->kind));
	if (!e->c.kind) {
		free(e);
		return NULL;
	}
	e->c.name = memcpy(e->text, like->name, name_size);
	e->c.uid = memcpy(e->text + name_size, like->uid, uid_size);
	e->n_refs = 0;
	e->hash = h;
	e->next = *chain;
	*chain = e;
	n_entries++;
	return e;
}

static struct entry *get(const struct pn_controller *like)
{
	struct entry *e;
	uint32_t h;

	if (!make_room())
		return NULL;
	h = hash(like);
	e = find(like, h);
	if (!e)
		e = add(like, h);
	if (e)
		e->n_refs++;
	return e;
}

const struct pn_controller *pn_controller_get(const struct pn_controller *like)
{
	struct entry *e;

	if (!like->kind[0] && !like->name[0] && !like->uid[0])
		return &none;
	(void)pthread_mutex_lock(&lock);
	e = get(like);
	(void)pthread_mutex_unlock(&lock);
	return e ? &e->c : NULL;
}

/* With the last entry the table goes as well, so that nothing is left when all objects are gone. */
static void drop(struct entry *e)
{
	struct entry **at = &table[e->hash & (n_chains - 1)];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	pn_intern_unref(e->c.kind);
	free(e);
	if (--n_entries)
		return;
	free(table);
	table = NULL;
	n_chains = 0;
}

void pn_controller_unref(const struct pn_controller *c)
{
	struct entry *e = from_controller(c);

	if (!c || c == &none)
		return;
	(void)pthread_mutex_lock(&lock);
	if (--e->n_refs == 0)
		drop(e);
	(void)pthread_mutex_unlock(&lock);
}

size_t pn_controller_count(void)
{
	size_t n;

	(void)pthread_mutex_lock(&lock);
	n = n_entries;
	(void)pthread_mutex_unlock(&lock);
	return n;
}
