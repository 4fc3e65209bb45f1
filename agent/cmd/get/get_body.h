/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_GET_BODY_H
#define PN_CMD_GET_GET_BODY_H

#include <jansson.h>

#include "kube/framing.h"
#include "kube/wire.h"

enum pn_body_form {
	PN_BODY_LIST,  /* a list of objects, or a Table, cut into its items or rows */
	PN_BODY_ONE,   /* one object, or a Table with it */
	PN_BODY_WATCH, /* events with either */
};

/**
 * struct pn_body_ops - what an answer says; all trees are borrowed
 * @columns: of the rows that follow: an array
 * @row:     of a Table
 * @object:  where the server sent no Table; it may be changed
 *
 * @change is "ADDED" outside of a watch. A negative errno ends pn_body_feed() with that result.
 */
struct pn_body_ops {
	int (*columns)(void *data, const json_t *columns);
	int (*row)(void *data, const char *change, const json_t *row);
	int (*object)(void *data, const char *change, json_t *object);
};

/**
 * struct pn_body - an answer with objects, from bytes to what can be printed
 * @resource_version: LIST: of the list; WATCH: what was seen last, set by the caller at first
 * @continue_token:   LIST: where the next page begins; "" after the last one
 * @n_events:         WATCH: how many came, bookmarks too
 * @has_error, @error: WATCH: the server ended it with this; then feed() returned -ECANCELED
 */
struct pn_body {
	char resource_version[PN_OBJECT_RV_LEN];
	char continue_token[PN_CONTINUE_LEN];
	size_t n_events;
	bool has_error;
	struct pn_status error;

	/* private */
	enum pn_body_form form;
	const struct pn_body_ops *ops;
	void *data;
	struct pn_framing framing;
	struct pn_err *err;
};

void pn_body_init(struct pn_body *b, enum pn_body_form form, const struct pn_body_ops *ops,
		  void *data);
void pn_body_done(struct pn_body *b);

/** pn_body_feed() - Return: 0; -EBADMSG, -EMSGSIZE or -ENOMEM with @reterr; what a callback returned */
int pn_body_feed(struct pn_body *b, const char *bytes, size_t len, struct pn_err *reterr);

/** pn_body_end() - Return: 0, or -EBADMSG with @reterr if it was not complete */
int pn_body_end(struct pn_body *b, struct pn_err *reterr);

#endif
