/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_INFORMER_H
#define PN_KUBE_INFORMER_H

#include <uv.h>

#include "base/clock.h"
#include "kube/client.h"
#include "kube/kind.h"
#include "kube/objects.h"

/*
 * An informer keeps a copy of all objects of one kind: list, then watch, for ever, through every
 * failure; the copy is a store with indexes, changes go to handlers. client-go's SharedInformer is
 * the model. Everything belongs to the loop's thread.
 */
struct pn_informer;

/**
 * struct pn_handler - told of each change, after the store has it
 * @add:    @is_initial: part of the first complete list
 * @update: @old and @new may be different objects (uids) under the same name
 * @remove: @last is the last state known; @is_stale: the deletion itself was not seen, only that
 *          the object is absent from a later list
 * @synced: once, after the adds of the first complete list, which may be empty
 *
 * Each may be NULL. Objects are borrowed: take a reference to keep one. Short: no blocking.
 */
struct pn_handler {
	void (*add)(void *data, const struct pn_object *obj, bool is_initial);
	void (*update)(void *data, const struct pn_object *old, const struct pn_object *new);
	void (*remove)(void *data, const struct pn_object *last, bool is_stale);
	void (*synced)(void *data);
};

/**
 * struct pn_informer_config
 * @page_size: objects asked for at a time in a list; 0: 500
 * @field_selector: as in the API, or NULL; copied
 */
struct pn_informer_config {
	struct pn_client *client;
	const struct pn_clock *clock;
	const struct pn_kind *kind;
	unsigned int page_size;
	const char *field_selector;
};

/** pn_informer_new() - starts nothing. Return: 0 or -ENOMEM */
int pn_informer_new(uv_loop_t *loop, const struct pn_informer_config *config,
		    struct pn_informer **ret);

/**
 * pn_informer_free() - stops, releases all objects; NULL is allowed
 *
 * Not from inside a handler; pn_informer_stop() is fine there. Its timer closes when the loop has
 * run once more.
 */
void pn_informer_free(struct pn_informer *inf);

/** pn_informer_add_handler() - before start. @handler outlives the informer. Return: 0 or -ENOMEM */
int pn_informer_add_handler(struct pn_informer *inf, const struct pn_handler *handler, void *data);

/**
 * pn_index_fn - the values under which an object can be found; calls @emit for each, 0..n times.
 * @value is copied by @emit.
 */
typedef void (*pn_index_fn)(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
			    void *ctx);

/** pn_informer_add_index() - at any time; indexes what is stored already. Return: 0, -EEXIST, -ENOMEM */
int pn_informer_add_index(struct pn_informer *inf, const char *name, pn_index_fn fn);

/** Ready-made functions for the indexes "namespace", "by-ip", "by-node" and "by-owner" (controller's uid). */
void pn_index_by_namespace(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
			   void *ctx);
void pn_index_by_ip(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
		    void *ctx);
void pn_index_by_node(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
		      void *ctx);
void pn_index_by_owner(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
		       void *ctx);

/** pn_informer_start() - a second call changes nothing. Return: 0, or -ECANCELED after stop */
int pn_informer_start(struct pn_informer *inf);

/** pn_informer_stop() - at once: no request and no call to a handler after it. The store stays readable. */
void pn_informer_stop(struct pn_informer *inf);

/** pn_informer_get() - Return: the object under "namespace/name" (or "name"), borrowed until the next event; NULL */
const struct pn_object *pn_informer_get(const struct pn_informer *inf, const char *key);

/** pn_visit_fn - Return: true to go on, false to stop */
typedef bool (*pn_visit_fn)(const struct pn_object *obj, void *data);

/** pn_informer_each() - every object, in no order */
void pn_informer_each(const struct pn_informer *inf, pn_visit_fn visit, void *data);

/** pn_informer_by_index() - every object under @value. Return: 0, -ENOENT if there is no such index */
int pn_informer_by_index(const struct pn_informer *inf, const char *index, const char *value,
			 pn_visit_fn visit, void *data);

size_t pn_informer_count(const struct pn_informer *inf);

/** struct pn_informer_status - for people; strings are borrowed until the next event */
struct pn_informer_status {
	const char *kind; /* "pods", ... */
	bool synced;	  /* the first complete list is in the store */
	size_t n_objects;
	const char *resource_version; /* where the watch stands; "" before the first list */
	pn_nsec last_contact;	      /* when the server last said something; 0: never */
	unsigned int n_failures;      /* in a row; 0: all is well */
	const char *last_error;	      /* of the last failure; "" if all is well */
};

void pn_informer_status(const struct pn_informer *inf, struct pn_informer_status *ret);

#endif
