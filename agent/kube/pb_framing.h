/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_PB_FRAMING_H
#define PN_KUBE_PB_FRAMING_H

#include "base/buf.h"
#include "base/err.h"
#include "kube/framing.h"
#include "kube/pb.h"

/**
 * struct pn_pb_framing_ops - what was found; the bytes are valid during the call only
 * @object: STREAM: one watch event; LIST: one of the items
 * @kind:   LIST only: what the envelope says is inside, "PodList"; mostly before all else
 * @meta:   LIST only: the list's metadata
 *
 * A negative errno ends pn_pb_framing_feed() with that result.
 */
struct pn_pb_framing_ops {
	int (*object)(void *data, const uint8_t *bytes, size_t len);
	int (*kind)(void *data, const char *kind, size_t len);
	int (*meta)(void *data, const uint8_t *bytes, size_t len);
};

enum pn_pb_framing_state {
	PN_PB_FRAMING_MAGIC,  /* the four bytes in front of a list */
	PN_PB_FRAMING_LENGTH, /* the four bytes in front of an event */
	PN_PB_FRAMING_TAG,    /* of a field of the envelope, or of the list in it */
	PN_PB_FRAMING_VARINT, /* the value of such a field */
	PN_PB_FRAMING_SIZE,   /* the length of its value */
	PN_PB_FRAMING_VALUE,  /* the value, which is wanted as a whole */
	PN_PB_FRAMING_SKIP,   /* the value, which is not */
};

/**
 * struct pn_pb_framing - where messages begin and end in protobuf that comes in pieces
 *
 * A list is never held as a whole: it is one message inside another, and both are followed field by
 * field. Holds at most one object, and none at all when it came in one piece.
 */
struct pn_pb_framing {
	const struct pn_pb_framing_ops *ops;
	void *data;
	enum pn_framing_mode mode;
	uint64_t offset; /* bytes taken so far */

	/* private */
	enum pn_pb_framing_state state;
	bool in_list, had_list;
	uint64_t list_end; /* as an offset */
	uint32_t number;   /* of the field */
	enum pn_pb_type type;
	uint64_t left;	  /* of the value */
	uint8_t head[10]; /* a varint, or four bytes, that may be cut */
	unsigned int n_head;
	struct pn_buf value; /* a value's beginning, if the rest is still to come */
};

void pn_pb_framing_init(struct pn_pb_framing *f, enum pn_framing_mode mode,
			const struct pn_pb_framing_ops *ops, void *data);
void pn_pb_framing_done(struct pn_pb_framing *f);

/**
 * pn_pb_framing_feed() - the next piece
 *
 * Return: 0, or what a callback returned; -EBADMSG not such an answer, -EMSGSIZE an object is longer
 * than PN_FRAMING_MAX_OBJECT, both with @reterr; -ENOMEM. After an error only pn_pb_framing_done()
 * makes sense.
 */
int pn_pb_framing_feed(struct pn_pb_framing *f, const uint8_t *bytes, size_t len,
		       struct pn_err *reterr);

/** pn_pb_framing_end() - nothing more comes. Return: 0, or -EBADMSG with @reterr in the middle of something */
int pn_pb_framing_end(const struct pn_pb_framing *f, struct pn_err *reterr);

#endif
