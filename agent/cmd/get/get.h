/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_GET_H
#define PN_CMD_GET_GET_H

#include "base/buf.h"
#include "cmd/get/get_fetch.h"
#include "cmd/get/object_print.h"
#include "kube/discovery.h"

/*
 * The parts of `podonym get`: which objects are meant (get_kinds.c, get_by_ip.c), getting them once
 * (get_list.c) and following them (get_watch.c). cmd_get.c has the options and puts it together.
 */

/** struct pn_get_options - as on the command line */
struct pn_get_options {
	struct pn_kube_config_source kube;
	const char *name_space, *by_ip, *output, *labels, *fields;
	bool all_namespaces, watch, watch_only, watch_events, no_headings, show_labels;
	bool show_managed_fields, ignore_not_found;
	pn_nsec timeout;
};

/** struct pn_get_target - a collection, or one object of it; strings are owned, "" for none */
struct pn_get_target {
	const struct pn_api_resource *res;
	char *name_space, *name;
};

/**
 * struct pn_get - one run
 * @name_space: where objects are looked for; "" for everywhere
 * @with_namespace: tables have a column for it; as with kubectl, from the first kind that needs it on
 * @has_failed: something was wrong and has been said; the rest goes on
 */
struct pn_get {
	const struct pn_get_options *options;
	const char *name_space;
	struct pn_fetch *fetch;
	struct pn_discovery *discovery;
	struct pn_printer *printer;
	struct pn_get_target *targets;
	size_t n_targets;
	bool with_namespace, has_failed;
	struct pn_err err;
};

/** pn_get_complain() - "podonym get: ..." on standard error; the exit status will say so too */
void pn_get_complain(struct pn_get *g, const char *fmt, ...) PN_PRINTF(2, 3);

enum { PN_GET_MISSING = 1 };

/**
 * pn_get_refused() - put into g->err why the server did not answer as hoped
 * @verb: "list", "watch", "get"
 *
 * Return: PN_GET_MISSING
 */
int pn_get_refused(struct pn_get *g, const struct pn_get_target *t, const char *verb,
		   const struct pn_status *st);

/** pn_get_add_target() - copies the strings. Return: 0, or -ENOMEM with g->err */
int pn_get_add_target(struct pn_get *g, const struct pn_api_resource *res, const char *name_space,
		      const char *name);

/** pn_get_drop_targets() - forget all, and free them */
void pn_get_drop_targets(struct pn_get *g);

/**
 * pn_get_resolve() - targets from operands: KIND[,KIND...] [NAME...] or KIND/NAME...
 *
 * Return: 0; -EINVAL for words that make no sense, others for a server that does not answer, with
 * g->err
 */
int pn_get_resolve(struct pn_get *g, size_t n_operands, char *const *operands);

/** pn_get_by_ip() - instead of collections those of their objects that have the address. Return: as above */
int pn_get_by_ip(struct pn_get *g, const char *address);

/**
 * pn_get_path() - path and query of a target, into @path, without what may follow: limit, continue, ...
 * @one: the object itself; else the collection, with the selectors of the command line or @t->name
 *
 * Return: 0, or -ENOMEM or -EMSGSIZE with g->err
 */
int pn_get_path(struct pn_get *g, const struct pn_get_target *t, bool one, struct pn_buf *path);

enum { PN_GET_MAX_PATH = 64 << 10 };

/** pn_get_query() - add "key=value". Return: 0, -ENOMEM or -EMSGSIZE */
int pn_get_query(struct pn_buf *path, const char *key, const char *value);

/**
 * pn_get_list() - print what there is of a target
 * @ret_version: where a watch can begin, PN_OBJECT_RV_LEN bytes; NULL: it is not wanted
 *
 * Return: 0; PN_GET_MISSING if it is not there or not to be had, others may be; a negative errno if
 * it makes no sense to go on; both with g->err
 */
int pn_get_list(struct pn_get *g, const struct pn_get_target *t, char *ret_version);

/** pn_get_watch() - print a target and then its changes, until interrupted. Return: as pn_get_list() */
int pn_get_watch(struct pn_get *g, const struct pn_get_target *t);

#endif
