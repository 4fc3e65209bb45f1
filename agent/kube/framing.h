/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_FRAMING_H
#define PN_KUBE_FRAMING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "kube/json_scan.h"

/** Longest object that is taken: far above what etcd stores, far below what hurts. */
#define PN_FRAMING_MAX_OBJECT ((size_t)16 << 20)

enum pn_framing_mode {
	PN_FRAMING_STREAM, /* one object after the other, as in a watch */
	PN_FRAMING_LIST,   /* one object with a member "items", whose entries are the objects */
};

/**
 * struct pn_framing_ops - what was found; the text is valid during the call only
 * @object: one object of the stream, or one of the items
 * @member: LIST only: any other member of the outer object; @key without its quotes
 *
 * A negative errno ends pn_framing_feed() with that result.
 */
struct pn_framing_ops {
	int (*object)(void *data, const char *json, size_t len);
	int (*member)(void *data, const char *key, size_t key_len, const char *json, size_t len);
};

enum pn_framing_state {
	PN_FRAMING_OBJECT,
	PN_FRAMING_BEGIN,
	PN_FRAMING_KEY_OR_END,
	PN_FRAMING_KEY,
	PN_FRAMING_COLON,
	PN_FRAMING_MEMBER,
	PN_FRAMING_ITEM_OR_END,
	PN_FRAMING_ITEM,
	PN_FRAMING_ITEM_NEXT,
	PN_FRAMING_MEMBER_NEXT,
	PN_FRAMING_END,
};

/**
 * struct pn_framing - where objects begin and end in JSON text that comes in pieces
 * @offset: bytes taken so far
 *
 * Follows strings and brackets, nothing else: whether an object makes sense is for its parser.
 * Holds at most one object, and none at all when it came in one piece.
 */
struct pn_framing {
	const struct pn_framing_ops *ops;
	void *data;
	enum pn_framing_mode mode;
	uint64_t offset;

	/* private */
	enum pn_framing_state state;
	bool in_value, is_scalar;
	struct pn_json_scan scan;
	struct pn_buf value; /* a value's beginning, if the rest is still to come */
	struct pn_buf key;
};

void pn_framing_init(struct pn_framing *f, enum pn_framing_mode mode,
		     const struct pn_framing_ops *ops, void *data);
void pn_framing_done(struct pn_framing *f);

/**
 * pn_framing_feed() - the next piece of text
 *
 * Return: 0, or what a callback returned; -EBADMSG not JSON, -EMSGSIZE an object is too long, both
 * with @reterr; -ENOMEM. After an error only pn_framing_done() makes sense.
 */
int pn_framing_feed(struct pn_framing *f, const char *bytes, size_t len, struct pn_err *reterr);

/** pn_framing_end() - nothing more comes. Return: 0, or -EBADMSG with @reterr in the middle of something */
int pn_framing_end(const struct pn_framing *f, struct pn_err *reterr);

#endif
