/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_STORE_H
#define PN_KUBE_STORE_H

#include <podonym/informer.h>

/*
 * The objects of one kind by key, and by the values of any number of indexes. A new list is put
 * beside what is stored and takes its place in one step, indexes included.
 *
 * One thread at a time writes. Any thread reads at any time, without a lock and without waiting,
 * between pn_read_begin() and pn_read_end(): what it finds stays whole until the latter, whatever
 * the writer does. A reader sees each change to an object whole in the store and in each index;
 * between the two a moment may pass.
 */
struct pn_store;

/** pn_store_new() - Return: 0 or -ENOMEM */
int pn_store_new(struct pn_store **ret);

/** pn_store_free() - gives all references back; nobody reads any more; NULL is allowed */
void pn_store_free(struct pn_store *s);

/** pn_store_ops() - the store as an informer uses it, see struct pn_store_ops; its `store` is a struct pn_store */
extern const struct pn_store_ops pn_store_ops;

/**
 * pn_store_add_index() - indexes what is stored already
 * @indexer: copied, its name too
 *
 * Writer. Return: 0, -EEXIST, -ENOMEM
 */
int pn_store_add_index(struct pn_store *s, const struct pn_indexer *indexer);

/* The functions behind pn_store_ops, for whoever has the type. Writer. */
int pn_store_put(struct pn_store *s, const struct pn_object *obj, const struct pn_object **ret_old);
int pn_store_remove(struct pn_store *s, const struct pn_object *like,
		    const struct pn_object **ret_old);
int pn_store_stage_begin(struct pn_store *s);
int pn_store_stage(struct pn_store *s, const struct pn_object *obj);
int pn_store_stage_remove(struct pn_store *s, const struct pn_object *like);
void pn_store_unstage(struct pn_store *s);
void pn_store_commit(struct pn_store *s, const struct pn_store_diff *diff, void *data);

/**
 * pn_store_stage_reserve() - room for so many objects at once
 *
 * Objects in the order in which a store had them are long in finding their places in a table that
 * grows. Return: 0 or -ENOMEM
 */
int pn_store_stage_reserve(struct pn_store *s, size_t n);

/* As the functions of the same name in informer.h. Reader. */
const struct pn_object *pn_store_get(const struct pn_store *s, const char *key);
void pn_store_each(const struct pn_store *s, struct pn_iter *ret);
int pn_store_by_index(const struct pn_store *s, const char *index, const char *value,
		      struct pn_iter *ret);
int pn_store_by_addr(const struct pn_store *s, const char *index, const struct pn_addr *addr,
		     struct pn_iter *ret);
int pn_store_index_values(const struct pn_store *s, const char *index, pn_text_fn visit,
			  void *data);
int pn_store_index_like(const struct pn_store *s, const char *index, const struct pn_object *obj,
			pn_object_fn visit, void *data);
size_t pn_store_count(const struct pn_store *s);

/** pn_store_same_version() - are both the same state of the same object? */
bool pn_store_same_version(const struct pn_object *a, const struct pn_object *b);

/** pn_store_barrier() - returns when everything that any store gave up before has been freed. Not within a read section. */
void pn_store_barrier(void);

#endif
