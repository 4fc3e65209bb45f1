/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_STORE_PRIVATE_H
#define PN_KUBE_STORE_PRIVATE_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/util.h"
#include "kube/store.h"

/*
 * The inside of the store, for store*.c.
 *
 *   bin      what a writer has given up, freed when no reader can see it any more
 *   table    pointers found by hash: the objects by key, the values of an index by text, and the
 *            objects that share one value
 *   members  the objects under one value: none, one, or a table of them
 *   catalog  one index: from values to members
 *   state    a table of the objects and the catalogs, which agree
 *
 * Readers go from one to the next by acquire loads, each the partner of a release store with which
 * the writer publishes what it has filled in. What is plain (not _Atomic) never changes after that,
 * or is the writer's alone.
 */

/* --- bins: store_bin.c --- */

/** struct pn_scrap - first member of memory that can be put in a bin; made by pn_scrap_new() */
struct pn_scrap {
	struct pn_scrap *next;
	size_t size;
};

/** pn_scrap_new() - @size zeroed bytes. Return: NULL without memory */
void *pn_scrap_new(size_t size);

/** pn_scrap_free() - at once; NULL is allowed */
void pn_scrap_free(void *scrap);

struct pn_bin;

/** pn_bin_new() - an empty one. Return: NULL without memory */
struct pn_bin *pn_bin_new(void);

/** pn_bin_open() - the one that was closed last, or a new one; has room for one object. Return: NULL without memory */
struct pn_bin *pn_bin_open(void);

/** pn_bin_object() - give up a reference; @bin NULL: nobody else has seen it, give it back at once */
void pn_bin_object(struct pn_bin *bin, const struct pn_object *obj);

/** pn_bin_scrap() - give up memory; NULL is allowed; @bin as above */
void pn_bin_scrap(struct pn_bin *bin, void *scrap);

/** pn_bin_close() - the bin may go, or may be opened again for more */
void pn_bin_close(struct pn_bin *bin);

/** pn_bin_close_with() - the bin goes, and @fn is called when no reader has what was published before */
void pn_bin_close_with(struct pn_bin *bin, void (*fn)(void *data), void *data);

/** pn_bin_flush() - what is in a closed bin goes */
void pn_bin_flush(void);

/** pn_bin_start() - makes liburcu's helper thread, which has no way to tell of a lack of memory */
void pn_bin_start(void);

/* --- tables: store_table.c --- */

/**
 * struct pn_table - slots in the order of hashes; a search ends at a slot that was never used
 * @n_used:  slots that are or were in use; at least one is not
 * @n_live:  pointers
 * @notes:   one for each slot, the writer's; NULL if it was made without
 * @hashes:  0: never used. A slot whose pointer is NULL may be used again with another hash: a
 *           reader compares what the pointer leads to, the hash only saves it the way
 */
struct pn_table {
	struct pn_scrap scrap;
	uint32_t n_slots, n_used;
	_Atomic(uint32_t) n_live;
	uint16_t *notes;
	_Atomic(uint32_t) *hashes;
	_Atomic(void *) at[];
};

typedef _Atomic(struct pn_table *) pn_table_ref;

/** pn_table_reserve() - room for @n more, so that pn_table_add() cannot fail. Return: 0 or -ENOMEM */
int pn_table_reserve(pn_table_ref *ref, size_t n, bool with_notes, struct pn_bin *bin);

/** pn_table_add() - @hash is not 0; what @p leads to is only read. Return: the slot */
uint32_t pn_table_add(struct pn_table *t, uint32_t hash, const void *p);

/** pn_table_drop() - the slot is empty; the memory shrinks by pn_table_trim() */
void pn_table_drop(struct pn_table *t, uint32_t slot);

/** pn_table_trim() - a smaller table if most of it is unused and there is memory for another */
void pn_table_trim(pn_table_ref *ref, struct pn_bin *bin);

/** pn_table_each() - @ret walks over what is in @t, which may be NULL */
void pn_table_each(const struct pn_table *t, struct pn_iter *ret);

static inline const struct pn_table *pn_table_get(const pn_table_ref *ref)
{
	/* pairs with the release in store_table.c: the slots are there */
	return atomic_load_explicit(ref, memory_order_acquire);
}

/* For the writer, who needs no order with itself. */
static inline struct pn_table *pn_table_mine(pn_table_ref *ref)
{
	return atomic_load_explicit(ref, memory_order_relaxed);
}

static inline size_t pn_table_count(const struct pn_table *t)
{
	return t ? atomic_load_explicit(&t->n_live, memory_order_relaxed) : 0;
}

static inline void *pn_table_at(const struct pn_table *t, uint32_t slot)
{
	/* pairs with the release in pn_table_put(): what is found is whole */
	return atomic_load_explicit(&t->at[slot], memory_order_acquire);
}

/** pn_table_put() - another pointer with the same hash in its place */
static inline void pn_table_put(struct pn_table *t, uint32_t slot, const void *p)
{
	atomic_store_explicit(&t->at[slot], (void *)(uintptr_t)p, memory_order_release);
}

static inline uint32_t pn_table_next(const struct pn_table *t, uint32_t slot)
{
	return slot + 1 == t->n_slots ? 0 : slot + 1;
}

/** pn_table_scan() - the first pointer with @hash at or behind @slot, which moves there. Return: NULL at the end */
static inline void *pn_table_scan(const struct pn_table *t, uint32_t hash, uint32_t *slot)
{
	for (;; *slot = pn_table_next(t, *slot)) {
		uint32_t h = atomic_load_explicit(&t->hashes[*slot], memory_order_relaxed);
		void *p = h == hash ? pn_table_at(t, *slot) : NULL;

		if (p || h == 0)
			return p;
	}
}

/* All pointers with a hash, one after the other: the caller says which it looks for. */
#define PN_TABLE_SCAN(t, hash, slot, p)                                                           \
	for ((slot) = pn_hash_place(hash, (t)->n_slots); ((p) = pn_table_scan(t, hash, &(slot))); \
	     (slot) = pn_table_next(t, slot))

/* --- members: store_members.c --- */

/** pn_members - an object, or a table of them with the lowest bit set; the bit alone is nothing */
typedef _Atomic(uintptr_t) pn_members;

#define PN_MEMBERS_NONE ((uintptr_t)1)

static inline bool pn_members_any(uintptr_t m)
{
	return m > PN_MEMBERS_NONE;
}

/* For the writer. */
static inline uintptr_t pn_members_mine(const pn_members *m)
{
	return atomic_load_explicit(m, memory_order_relaxed);
}

/** pn_members_room() - pn_members_add() of one object cannot fail. Return: 0 or -ENOMEM */
int pn_members_room(pn_members *m, struct pn_bin *bin);

/** pn_members_add() - Return: false if @obj is there already. @hash is that of its key, here and below */
bool pn_members_add(pn_members *m, uint32_t hash, const struct pn_object *obj);

bool pn_members_has(const pn_members *m, uint32_t hash, const struct pn_object *obj);

/** pn_members_replace() - Return: false if @old is not there; then nothing was done */
bool pn_members_replace(pn_members *m, uint32_t hash, const struct pn_object *old,
			const struct pn_object *obj);

/** pn_members_remove() - Return: as pn_members_replace() */
bool pn_members_remove(pn_members *m, uint32_t hash, const struct pn_object *old,
		       struct pn_bin *bin);

/** pn_members_each() - @m as it was loaded, with acquire */
void pn_members_each(uintptr_t m, struct pn_iter *ret);

/** pn_members_done() - frees the table; nobody reads any more */
void pn_members_done(uintptr_t m);

/* --- catalogs: store_catalog.c --- */

struct pn_catalog;

/** pn_catalog_new() - @like: NULL, or a catalog whose number of values is made room for. Return: 0 or -ENOMEM */
int pn_catalog_new(const struct pn_indexer *indexer, const struct pn_catalog *like,
		   struct pn_catalog **ret);

/** pn_catalog_free() - nobody reads any more; NULL is allowed */
void pn_catalog_free(struct pn_catalog *c);

const struct pn_indexer *pn_catalog_indexer(const struct pn_catalog *c);

/**
 * pn_catalog_prepare() - all that can fail in putting @obj in the place of @old
 * @hash: of the key of both
 * @old:  NULL if there is none
 * @obj:  NULL if it is only removed
 *
 * Readers see nothing of it. Return: 0 or -ENOMEM; then all is as before
 */
int pn_catalog_prepare(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		       const struct pn_object *obj, struct pn_bin *bin);

/** pn_catalog_cancel() - undoes pn_catalog_prepare() */
void pn_catalog_cancel(struct pn_catalog *c, struct pn_bin *bin);

/**
 * pn_catalog_apply() - does what was prepared
 * @ret_gained: added to: under how many values @obj is now
 * @ret_lost:   added to: under how many values @old was
 */
void pn_catalog_apply(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		      const struct pn_object *obj, struct pn_bin *bin, size_t *ret_gained,
		      size_t *ret_lost);

/** pn_catalog_purge() - looks everywhere for an object that is not to be found by its values */
void pn_catalog_purge(struct pn_catalog *c, uint32_t hash, const struct pn_object *old,
		      struct pn_bin *bin);

/* Readers. */
void pn_catalog_by_text(const struct pn_catalog *c, const char *text, struct pn_iter *ret);
void pn_catalog_by_addr(const struct pn_catalog *c, const struct pn_addr *addr,
			struct pn_iter *ret);
void pn_catalog_each_value(const struct pn_catalog *c, pn_text_fn visit, void *data);

/** pn_catalog_like() - every object that shares a value with @obj, each once. Return: 0, or -ENOMEM and some are missing */
int pn_catalog_like(const struct pn_catalog *c, const struct pn_object *obj, pn_object_fn visit,
		    void *data);

/** The list of catalogs that a store has; the newest first. */
typedef _Atomic(struct pn_catalog *) pn_catalog_ref;

void pn_catalog_push(pn_catalog_ref *list, struct pn_catalog *c);
struct pn_catalog *pn_catalog_next(const struct pn_catalog *c);

static inline struct pn_catalog *pn_catalog_first(const pn_catalog_ref *list)
{
	/* pairs with the release in pn_catalog_push() */
	return atomic_load_explicit(list, memory_order_acquire);
}

/* --- keys: store.c --- */

/* --- states: store_state.c --- */

/**
 * struct pn_state
 * @objects:  by key; a note says under how many values of all indexes an object is (PN_NOTE_MAX: so
 *            many or more), so that it is noticed when some are not found again
 * @bin:      for the state itself, so that giving it up needs no memory
 */
struct pn_state {
	pn_table_ref objects;
	pn_catalog_ref catalogs;
	struct pn_bin *bin;
};

/* Besides the number, a note has a mark for pn_store_commit(). */
enum { PN_NOTE_MAX = 0x7fff, PN_NOTE_TOLD = 0x8000 };

/** pn_state_new() - an empty one, with the indexes of @like and room for as much. Return: NULL without memory */
struct pn_state *pn_state_new(const struct pn_state *like);

/** pn_state_free() - nobody reads any more; NULL is allowed */
void pn_state_free(struct pn_state *st);

/** pn_state_objects() - for the writer; NULL: none yet */
static inline struct pn_table *pn_state_objects(struct pn_state *st)
{
	return pn_table_mine(&st->objects);
}

/** pn_state_find() - for the writer: what is stored under the key of @like, whose hash is @hash */
struct pn_object *pn_state_find(struct pn_state *st, uint32_t hash, const struct pn_object *like,
				uint32_t *ret_slot);

/** pn_state_get() - for readers */
const struct pn_object *pn_state_get(const struct pn_state *st, const char *key);

/**
 * pn_state_put()
 * @bin:     as of pn_bin_object()
 * @ret_old: what was there, and its reference; not if it is @obj itself
 *
 * Return: 0 or -ENOMEM; then all is as before
 */
int pn_state_put(struct pn_state *st, uint32_t hash, const struct pn_object *obj,
		 struct pn_bin *bin, const struct pn_object **ret_old);

/** pn_state_remove() - @ret_old: with its reference; NULL if there is none. Return: as pn_state_put() */
int pn_state_remove(struct pn_state *st, const struct pn_object *like, struct pn_bin *bin,
		    const struct pn_object **ret_old);

/**
 * pn_state_index() - one more index, filled with what is stored, for pn_state_adopt()
 * @st:           NULL: none is needed, nothing is returned
 * @ret_n_values: for each slot, under how many values its object is; to be freed
 *
 * Return: 0 or -ENOMEM
 */
int pn_state_index(struct pn_state *st, const struct pn_indexer *indexer, struct pn_catalog **ret,
		   size_t **ret_n_values);
void pn_state_adopt(struct pn_state *st, struct pn_catalog *c, const size_t *n_values);

/** pn_store_hash() - of an object's key; not 0 */
uint32_t pn_store_hash(const struct pn_object *obj);

#endif
