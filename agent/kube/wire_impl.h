/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_WIRE_IMPL_H
#define PN_KUBE_WIRE_IMPL_H

#include "kube/framing.h"
#include "kube/pb_framing.h"
#include "kube/wire.h"

/*
 * What wire.c shares with its two encodings, wire_json.c and wire_pb.c.
 */

/** struct pn_wire_encoding - the functions behind those of wire.h with the same names */
struct pn_wire_encoding {
	void (*open)(struct pn_wire *w);
	void (*close)(struct pn_wire *w);
	int (*feed)(struct pn_wire *w, const char *bytes, size_t len, struct pn_err *reterr);
	int (*end)(struct pn_wire *w, struct pn_err *reterr);
};

extern const struct pn_wire_encoding pn_wire_json, pn_wire_pb;

struct pn_wire {
	const struct pn_wire_config *config;
	const struct pn_wire_encoding *encoding;
	struct pn_decoding decoding;
	enum pn_wire_mode mode;
	const struct pn_wire_ops *ops;
	void *data;
	struct pn_err *err; /* of the call that is under way */

	/* of a list */
	char resource_version[PN_OBJECT_RV_LEN], continue_token[PN_CONTINUE_LEN];
	bool kind_ok;

	/* of an encoding */
	union {
		struct {
			struct pn_framing framing;
			struct pn_buf trimmed;
		} json;
		struct pn_pb_framing pb;
	};
};

/** pn_wire_is_kind() - may an object that calls itself so stand here? */
bool pn_wire_is_kind(const struct pn_wire *w, const char *kind, size_t len);

/** pn_wire_list_kind() - what the list calls itself. Return: 0 or -EBADMSG with w->err */
int pn_wire_list_kind(struct pn_wire *w, const char *kind, size_t len);

/** pn_wire_bad_list() - Return: -EBADMSG with w->err: "a list without a usable ..." */
int pn_wire_bad_list(struct pn_wire *w, const char *what);

/** pn_wire_refuse() - an object was left out */
void pn_wire_refuse(struct pn_wire *w, const struct pn_err *why);

/** pn_wire_refuse_object() - the same; @name_space, @name: as far as they are known, else "" */
void pn_wire_refuse_object(struct pn_wire *w, struct pn_err *why, const char *name_space,
			   const char *name);

/** pn_wire_deliver() - an item, or a change of the type @event; takes @obj's reference */
int pn_wire_deliver(struct pn_wire *w, int event, struct pn_object *obj);

/** pn_wire_event_type() - Return: enum pn_event, PN_EVENT_BOOKMARK, PN_EVENT_ERROR, or -EBADMSG with w->err */
enum { PN_EVENT_BOOKMARK = PN_EVENT_MAX, PN_EVENT_ERROR };
int pn_wire_event_type(struct pn_wire *w, const char *type, size_t len);

#endif
