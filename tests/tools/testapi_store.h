/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_STORE_H
#define PN_TESTAPI_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/**
 * struct pn_collection - one kind of object that the server knows
 * @short_name, @category: "" for none
 */
struct pn_collection {
	const char *kind, *plural, *short_name, *category;
	const char *prefix, *api_version; /* "/apis/apps/v1", "apps/v1" */
	bool namespaced;
};

/** pn_collection_find() - by path prefix and plural, both @len bytes long. Return: NULL if unknown */
const struct pn_collection *pn_collection_find(const char *prefix, size_t prefix_len,
					       const char *plural, size_t plural_len);

/** pn_collection_get() - the @i-th of them; NULL behind the last */
const struct pn_collection *pn_collection_get(size_t i);

/**
 * struct pn_selection - which objects a list or a watch is about
 * @name_space, @name, @node: "" selects all; @node is the field selector spec.nodeName
 * @labels: "key=value", "key!=value", "key" with commas between them; "" selects all
 */
struct pn_selection {
	const struct pn_collection *collection;
	char name_space[64], name[254], node[254], labels[512];
};

enum pn_change {
	PN_CHANGE_ADDED,
	PN_CHANGE_MODIFIED,
	PN_CHANGE_DELETED,
	PN_CHANGE_MAX, /* sentinel */
};

/** pn_change_name() - as in a watch event: "ADDED", ... */
const char *pn_change_name(enum pn_change change);

/**
 * struct pn_event - one write
 * @object:   as written; for a deletion the last state with the deletion's resourceVersion
 * @previous: what was there before; NULL for PN_CHANGE_ADDED
 */
struct pn_event {
	enum pn_change change;
	const struct pn_collection *collection;
	uint64_t rv;
	json_t *object, *previous;
};

/** pn_event_seen_as() - what a watch of @sel calls the event. Return: false if it sees nothing */
bool pn_event_seen_as(const struct pn_event *e, const struct pn_selection *sel,
		      enum pn_change *ret);

struct pn_teststore;

/** pn_listener - called after each write */
typedef void (*pn_listener)(void *data, const struct pn_event *event);

/**
 * pn_teststore_new() - an empty store
 * @max_history: how many writes a watch can go back
 *
 * Resource versions start at the wall clock in milliseconds: a server that is started again goes on
 * above those of its predecessor, whose history it has not.
 */
int pn_teststore_new(size_t max_history, pn_listener listener, void *data,
		     struct pn_teststore **ret);
void pn_teststore_free(struct pn_teststore *s);

/** pn_teststore_load() - create every object of a file: an array, or the "items" of a list */
int pn_teststore_load(struct pn_teststore *s, const char *path, struct pn_err *reterr);

/** pn_teststore_rv() - of the last write */
uint64_t pn_teststore_rv(const struct pn_teststore *s);

/** pn_teststore_get() - Return: borrowed, or NULL */
json_t *pn_teststore_get(const struct pn_teststore *s, const struct pn_collection *c,
			 const char *name_space, const char *name);

/**
 * pn_teststore_create(), _replace(), _remove() - the three writes
 * @object: borrowed; the store keeps its own copy with uid, times and version filled in
 * @ret:    what is stored now (what was removed), borrowed until the next write
 *
 * Return: 0; -EINVAL not an object of that kind; -EEXIST; -ENOENT; -ESTALE it was written by somebody
 * else (resourceVersion or uid differ); -ENOMEM; with @reterr.
 */
int pn_teststore_create(struct pn_teststore *s, const struct pn_collection *c,
			const char *name_space, const json_t *object, json_t **ret,
			struct pn_err *reterr);
int pn_teststore_replace(struct pn_teststore *s, const struct pn_collection *c,
			 const char *name_space, const char *name, const json_t *object,
			 json_t **ret, struct pn_err *reterr);
int pn_teststore_remove(struct pn_teststore *s, const struct pn_collection *c,
			const char *name_space, const char *name, json_t **ret,
			struct pn_err *reterr);

/** pn_teststore_select() - Return: a new array of references in order of namespace and name; NULL without memory */
json_t *pn_teststore_select(const struct pn_teststore *s, const struct pn_selection *sel);

/** pn_teststore_since() - the writes after @rv. Return: 0, or -ESTALE if some are forgotten */
int pn_teststore_since(const struct pn_teststore *s, uint64_t rv,
		       void (*visit)(void *data, const struct pn_event *event), void *data);

/** pn_teststore_expire() - forget all history */
void pn_teststore_expire(struct pn_teststore *s);

/**
 * pn_metadata_only() - an object as PartialObjectMetadata
 * Return: a new object; NULL without memory
 */
json_t *pn_metadata_only(const json_t *object);

#endif
