/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_WIRE_H
#define PN_KUBE_WIRE_H

#include "kube/decode.h"
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

enum pn_wire_mode {
	PN_WIRE_LIST,  /* one list object */
	PN_WIRE_WATCH, /* a stream of watch events */
};

/**
 * struct pn_wire_config - what to ask for and how to read it; outlives everything opened with it
 * @protobuf:      prefer protobuf where the kind has it
 * @metadata_only: ask for PartialObjectMetadata although the kind does not want it anyway
 * @keep_labels, @annotations: see struct pn_decoding
 * @transform:     NULL, or changes each generic object's tree before it is kept, once an object; with
 *                 a negative errno the object is refused
 */
struct pn_wire_config {
	const struct pn_kind *kind;
	bool protobuf, metadata_only, keep_labels;
	const char *const *annotations;
	int (*transform)(void *data, json_t *object);
	void *transform_data;
};

/**
 * struct pn_wire_ops - what an answer says
 * @item:     LIST: one object, borrowed
 * @event:    WATCH: one change; @obj borrowed
 * @bookmark: WATCH: everything up to @resource_version has been sent; @is_initial_end: and with it
 *            all objects that there were when a streaming list began (the annotation
 *            k8s.io/initial-events-end is "true")
 * @error:    WATCH: an ERROR event, the last thing in a watch
 * @refused:  an object was left out, and why
 *
 * A negative errno ends pn_wire_feed() with that result.
 */
struct pn_wire_ops {
	int (*item)(void *data, const struct pn_object *obj);
	int (*event)(void *data, enum pn_event event, const struct pn_object *obj);
	int (*bookmark)(void *data, const char *resource_version, bool is_initial_end);
	int (*error)(void *data, const struct pn_status *status);
	void (*refused)(void *data, const struct pn_err *why);
};

/**
 * struct pn_wire - the body of one successful answer, from bytes to objects
 */
struct pn_wire;

/** pn_wire_accept() - the Accept header's value that asks for what pn_wire_open() takes; static text */
const char *pn_wire_accept(const struct pn_wire_config *config, enum pn_wire_mode mode);

/**
 * pn_wire_open() - begin with a body
 * @content_type: lower case, without parameters; the encoding is chosen here and nowhere else
 * @ret:          for pn_wire_close()
 *
 * Return: 0, -ENOMEM, or -EPROTO with @reterr for a content type that was not asked for.
 */
int pn_wire_open(const struct pn_wire_config *config, enum pn_wire_mode mode,
		 const char *content_type, const struct pn_wire_ops *ops, void *data,
		 struct pn_wire **ret, struct pn_err *reterr);

/** pn_wire_close() - free what it holds; NULL is allowed; not from inside a callback */
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

/** pn_wire_resource_version() - LIST: of the list, after pn_wire_end(); "" if it has none */
const char *pn_wire_resource_version(const struct pn_wire *w);

/** pn_wire_continue() - LIST: where the next page begins; "" after the last one */
const char *pn_wire_continue(const struct pn_wire *w);

#endif
