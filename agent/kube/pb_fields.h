/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_PB_FIELDS_H
#define PN_KUBE_PB_FIELDS_H

#include "kube/decode.h"
#include "kube/pb.h"

/*
 * Typed, checked access to the fields of protocol buffers, for the decoders; @name is for messages.
 * A field of another wire type than the API's makes the draft remember an error.
 */

/** pn_pb_invalid() - note that this is no message, unless something was wrong before */
void pn_pb_invalid(struct pn_draft *d);

/** pn_pb_next() - Return: is there another field? Not at the end, and not after what is no message, which is noted */
static inline bool pn_pb_next(struct pn_draft *d, struct pn_pb *m, struct pn_pb_field *ret)
{
	int r = pn_pb_read(m, ret);

	if (r < 0)
		pn_pb_invalid(d);
	return r > 0;
}

/** pn_pb_message() - Return: the message inside; empty if the field is not one */
struct pn_pb pn_pb_message(struct pn_draft *d, const struct pn_pb_field *f, const char *name);

/** pn_pb_string(), pn_pb_name() - see pn_draft_text(), pn_draft_name(). Return: NUL-terminated, never NULL, for as long as the draft */
const char *pn_pb_string(struct pn_draft *d, const struct pn_pb_field *f, const char *name,
			 size_t size);
const char *pn_pb_name(struct pn_draft *d, const struct pn_pb_field *f, const char *name,
		       size_t size);

bool pn_pb_bool(struct pn_draft *d, const struct pn_pb_field *f, const char *name);
int64_t pn_pb_int(struct pn_draft *d, const struct pn_pb_field *f, const char *name);

/** pn_pb_time() - a Timestamp. Return: seconds since 1970; 0 for an empty one */
int64_t pn_pb_time(struct pn_draft *d, const struct pn_pb_field *f, const char *name);

/** pn_pb_entry() - an entry of a map from text to text, as labels are; strings as of pn_pb_string(), without a limit */
void pn_pb_entry(struct pn_draft *d, const struct pn_pb_field *f, const char *name,
		 const char **ret_key, const char **ret_value);

/** pn_pb_meta() - ObjectMeta */
void pn_pb_meta(struct pn_draft *d, const struct pn_pb_field *f, struct pn_object *meta);

#endif
