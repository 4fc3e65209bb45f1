/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_DECODE_H
#define PN_KUBE_DECODE_H

#include <jansson.h>
#include <stdbool.h>

#include <podonym/objects.h>

#include "base/err.h"
#include "kube/pb.h"
#include "kube/scratch.h"

struct pn_decoding;

/*
 * What the decoders share. A decoder fills the kind's own struct with borrowed values, from either
 * encoding; pn_draft_finish() makes the object of it, in one piece of memory.
 *
 * Reading is forgiving: an absent or null field is empty ("", 0, false, no entries). A field of the
 * wrong type, or a name that cannot be one, is empty too and makes the draft remember an error: a
 * decoder reads all it needs and hears of it at the end.
 */

/* Sizes include the NUL. Names are those of Kubernetes, the uid that of the map ABI. */
enum {
	PN_OBJECT_NAMESPACE_LEN = 64,
	PN_OBJECT_NAME_LEN = 254,
	PN_OBJECT_KIND_LEN = 64,
	PN_OBJECT_UID_LEN = 40,
	PN_OBJECT_RV_LEN = 128,
	PN_LABEL_KEY_LEN = 253 + 1 + 63 + 1,
	PN_LABEL_VALUE_LEN = 64,
	PN_ADDR_TEXT_LEN = 256,
	PN_TIME_TEXT_LEN = 40,
	PN_SHORT_TEXT_LEN = 64,
};

/**
 * struct pn_draft - an object being decoded
 * @err:          may be NULL
 * @error:        0, or the first error: -EINVAL, -EBADMSG for what is not protobuf, -ENOMEM
 * @n_refused:    see struct pn_object
 * @refusal:      NULL, or words for the first of what was refused
 * @keep_labels, @annotations: see struct pn_decoding
 * @watch_label:  NULL, or a label whose value goes to @label_value
 */
struct pn_draft {
	struct pn_err *err;
	int error;
	uint32_t n_refused;
	const char *refusal;
	bool keep_labels;
	const char *const *annotations;
	const char *watch_label, *label_value;
	struct pn_scratch scratch;
};

/** pn_draft_begin() - @meta: first member of the kind's struct, which is zeroed */
void pn_draft_begin(struct pn_draft *d, const struct pn_decoding *decoding, struct pn_err *err,
		    struct pn_object *meta, enum pn_kind_id kind);

/** pn_draft_finish() - the object, if nothing was wrong; the draft's memory is given back in any case */
int pn_draft_finish(struct pn_draft *d, struct pn_object *meta, struct pn_object **ret);

/** pn_draft_wrong() - note that @field is not what it should be, unless something was wrong before */
void pn_draft_wrong(struct pn_draft *d, const char *field, const char *expected);

/**
 * pn_draft_more() - room for one more entry in a list of the draft
 * @array, @n: the list so far; NULL, 0 at first
 *
 * Return: the list, moved perhaps; NULL, and counted or noted, if there are @max or no memory is left
 */
void *pn_draft_more(struct pn_draft *d, const void *array, uint32_t n, size_t size, uint32_t max);

/** pn_draft_alloc() - for as long as the draft. Return: NULL, and noted, without memory */
void *pn_draft_alloc(struct pn_draft *d, size_t size);

/** pn_draft_text() - @len bytes must be shorter than @size, without NUL inside. Return: are they? */
bool pn_draft_text(struct pn_draft *d, const char *field, const char *text, size_t len,
		   size_t size);

/** pn_draft_name() - and printable ASCII without space or '/', so that a key has one meaning and a log line is one line */
bool pn_draft_name(struct pn_draft *d, const char *field, const char *text, size_t len,
		   size_t size);

/** struct pn_texts - a list of strings being collected */
struct pn_texts {
	const char **v;
	uint32_t n;
};

void pn_texts_add(struct pn_draft *d, struct pn_texts *texts, const char *text);

/** struct pn_addr_list - addresses being collected, without duplicates */
struct pn_addr_list {
	struct pn_addr *v;
	uint32_t n;
};

/** pn_addr_list_add() - "" is no address; what cannot be used is counted, here and in the metrics */
void pn_addr_list_add(struct pn_draft *d, struct pn_addr_list *list, const char *text);

/** struct pn_label_list - labels being collected */
struct pn_label_list {
	struct pn_label *v;
	uint32_t n;
};

/** pn_is_label_text() - printable ASCII without space, shorter than @size */
bool pn_is_label_text(const char *text, size_t size);

/** pn_label_list_add() - what cannot be a label is left out and counted */
void pn_label_list_add(struct pn_draft *d, struct pn_label_list *list, const char *key,
		       const char *value);

/** pn_label_list_sort() - by key; of equal ones the last stays */
void pn_label_list_sort(struct pn_label_list *list);

/** pn_draft_label() - a label of the object itself: into @list if labels are kept */
void pn_draft_label(struct pn_draft *d, struct pn_label_list *list, const char *key,
		    const char *value);

/** pn_draft_annotation() - into @list if it is one of those that are kept */
void pn_draft_annotation(struct pn_draft *d, struct pn_label_list *list, const char *key,
			 const char *value);

/** pn_draft_labels() - @meta's labels and annotations are these */
void pn_draft_labels(struct pn_draft *d, struct pn_object *meta, struct pn_label_list *labels,
		     struct pn_label_list *annotations);

/** pn_draft_controller() - @meta's controller is this one */
void pn_draft_controller(struct pn_draft *d, struct pn_object *meta, const char *kind,
			 const char *name, const char *uid);

/** pn_pod_phase_parse() - Return: the phase; PN_POD_PHASE_UNKNOWN for any other text */
enum pn_pod_phase pn_pod_phase_parse(const char *name);

/** pn_proto_parse() - "TCP" (also ""), "UDP", "SCTP" as IPPROTO_*. Return: 0 for anything else */
uint8_t pn_proto_parse(const char *name);

/* Two decoders a kind; see struct pn_kind. */
#define PN_DECODERS(kind)                                                                        \
	int pn_decode_##kind##_json(const struct pn_decoding *d, const json_t *tree,             \
				    struct pn_object **ret, struct pn_err *reterr);              \
	int pn_decode_##kind##_pb(const struct pn_decoding *d, const uint8_t *bytes, size_t len, \
				  struct pn_object **ret, struct pn_err *reterr)

PN_DECODERS(pod);
PN_DECODERS(service);
PN_DECODERS(node);
PN_DECODERS(meta); /* of which nothing but the metadata matters */
PN_DECODERS(endpointslice);
PN_DECODERS(networkpolicy);
int pn_decode_generic_json(const struct pn_decoding *d, const json_t *tree, struct pn_object **ret,
			   struct pn_err *reterr);

#endif
