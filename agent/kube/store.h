/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_STORE_H
#define PN_KUBE_STORE_H

#include "kube/informer.h"

/*
 * The objects of one kind by key, and by the values of any number of indexes. A new list is put
 * beside what is stored and takes its place in one step. One thread.
 */
struct pn_store;

/** pn_store_new() - Return: 0 or -ENOMEM */
int pn_store_new(struct pn_store **ret);

/** pn_store_free() - gives all references back; NULL is allowed */
void pn_store_free(struct pn_store *s);

/** pn_store_add_index() - see pn_informer_add_index() */
int pn_store_add_index(struct pn_store *s, const char *name, pn_index_fn fn);

/**
 * pn_store_put() - store @obj under its key; the store takes a reference
 * @ret_old: on success what was there before, with a reference for the caller; NULL if nothing
 *
 * Return: 0, or -ENOMEM and all is as before
 */
int pn_store_put(struct pn_store *s, const struct pn_object *obj, const struct pn_object **ret_old);

/** pn_store_remove() - Return: what was stored under @key, with a reference for the caller; NULL */
const struct pn_object *pn_store_remove(struct pn_store *s, const char *key);

/** pn_store_stage_begin() - begin to collect a list; one begun before is forgotten. Return: 0 or -ENOMEM */
int pn_store_stage_begin(struct pn_store *s);

/** pn_store_stage() - one more object of the list; of two under the same key the last one counts. Return: 0 or -ENOMEM */
int pn_store_stage(struct pn_store *s, const struct pn_object *obj);

/** pn_store_unstage() - forget what has been collected */
void pn_store_unstage(struct pn_store *s);

/**
 * struct pn_store_diff - what a new list changed; called when the store is the new list already
 * @remove: objects that the list does not have, before all others
 * @put:    in the order of the list; @old is NULL for a new object
 *
 * Objects are borrowed. Return: true to go on, false to hear no more.
 */
struct pn_store_diff {
	bool (*remove)(void *data, const struct pn_object *last);
	bool (*put)(void *data, const struct pn_object *old, const struct pn_object *obj);
};

/**
 * pn_store_commit() - what has been collected is the store from now on
 *
 * Cannot fail: all memory it needs was taken while collecting.
 * Objects of which the version did not change are shared with the old list and not told of.
 */
void pn_store_commit(struct pn_store *s, const struct pn_store_diff *diff, void *data);

/** pn_store_same_version() - are both the same state of the same object? */
bool pn_store_same_version(const struct pn_object *a, const struct pn_object *b);

/* As the functions of the same name in informer.h. */
const struct pn_object *pn_store_get(const struct pn_store *s, const char *key);
void pn_store_each(const struct pn_store *s, pn_visit_fn visit, void *data);
int pn_store_by_index(const struct pn_store *s, const char *index, const char *value,
		      pn_visit_fn visit, void *data);
size_t pn_store_count(const struct pn_store *s);

#endif
