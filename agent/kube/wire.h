/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_WIRE_H
#define PN_KUBE_WIRE_H

#include "kube/decode.h"
#include "kube/framing.h"
#include "kube/kind.h"
#include "kube/status.h"

/* Longest continue token: it holds a namespace, a name and little else, in base64. */
#define PN_CONTINUE_LEN 4096

enum pn_event {
	PN_EVENT_ADDED,
	PN_EVENT_MODIFIED,
	PN_EVENT_DELETED,
	PN_EVENT_MAX, /* sentinel */
};

/**
 * struct pn_wire_ops - what an answer says
 * @item:     LIST: one object, borrowed
 * @event:    WATCH: one change; @obj borrowed
 * @bookmark: WATCH: everything up to @resource_version has been sent
 * @error:    WATCH: an ERROR event, the last thing in a watch
 * @refused:  an object was left out, and why
 *
 * A negative errno ends pn_wire_feed() with that result.
 */
struct pn_wire_ops {
	int (*item)(void *data, const struct pn_object *obj);
	int (*event)(void *data, enum pn_event event, const struct pn_object *obj);
	int (*bookmark)(void *data, const char *resource_version);
	int (*error)(void *data, const struct pn_status *status);
	void (*refused)(void *data, const struct pn_err *why);
};

/**
 * struct pn_wire - the body of one successful answer, from bytes to objects
 * @resource_version: LIST: of the list, after pn_wire_end()
 * @continue_token:   LIST: where the next page begins; "" after the last one
 */
struct pn_wire {
	char resource_version[PN_OBJECT_RV_LEN];
	char continue_token[PN_CONTINUE_LEN];

	/* private */
	const struct pn_kind *kind;
	const struct pn_wire_ops *ops;
	void *data;
	struct pn_framing framing;
	struct pn_err *err;
	bool kind_ok;
};

/** pn_wire_accept() - the Accept header's value that asks for what pn_wire_open() takes */
const char *pn_wire_accept(const struct pn_kind *kind, enum pn_framing_mode mode);

/**
 * pn_wire_open() - begin with a body
 * @content_type: lower case, without parameters; the encoding is chosen here and nowhere else
 *
 * Return: 0, or -EPROTO with @reterr for a content type that was not asked for. Either way
 * pn_wire_close() is allowed.
 */
int pn_wire_open(struct pn_wire *w, const struct pn_kind *kind, enum pn_framing_mode mode,
		 const char *content_type, const struct pn_wire_ops *ops, void *data,
		 struct pn_err *reterr);

/** pn_wire_close() - free what it holds; zeroed or closed before is fine */
void pn_wire_close(struct pn_wire *w);

/**
 * pn_wire_feed() - the next bytes
 *
 * An object that cannot be used is counted, told to @refused, and left out. Return: 0; -EBADMSG or
 * -EMSGSIZE with @reterr if what comes is not such an answer; -ENOMEM; what a callback returned.
 */
int pn_wire_feed(struct pn_wire *w, const char *bytes, size_t len, struct pn_err *reterr);

/** pn_wire_end() - the body is complete. Return: 0, or -EBADMSG with @reterr if it is not */
int pn_wire_end(struct pn_wire *w, struct pn_err *reterr);

#endif
