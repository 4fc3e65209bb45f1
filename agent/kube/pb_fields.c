/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed fields of protocol buffers for the decoders, and ObjectMeta. Text is copied into the draft
 * because in a message it has no NUL at its end.
 */
#include "kube/pb_fields.h"

#include <string.h>

#include "kube/pb_numbers.h"

void pn_pb_invalid(struct pn_draft *d)
{
	if (!d->error)
		d->error = pn_err_set(d->err, -EBADMSG, "invalid protobuf");
}

static bool is_type(struct pn_draft *d, const struct pn_pb_field *f, enum pn_pb_type type,
		    const char *name)
{
	if (f->type == type)
		return true;
	pn_draft_wrong(d, name, "another type than the API's");
	return false;
}

struct pn_pb pn_pb_message(struct pn_draft *d, const struct pn_pb_field *f, const char *name)
{
	return is_type(d, f, PN_PB_BYTES, name) ? f->bytes : (struct pn_pb) { NULL, NULL };
}

static const char *copy_text(struct pn_draft *d, const char *from, size_t len)
{
	char *to = len ? pn_draft_alloc(d, len + 1) : NULL;

	if (!to)
		return "";
	memcpy(to, from, len);
	to[len] = '\0';
	return to;
}

const char *pn_pb_string(struct pn_draft *d, const struct pn_pb_field *f, const char *name,
			 size_t size)
{
	struct pn_pb m = pn_pb_message(d, f, name);
	const char *text = (const char *)m.at;
	size_t len = pn_pb_len(&m);

	return len && pn_draft_text(d, name, text, len, size) ? copy_text(d, text, len) : "";
}

const char *pn_pb_name(struct pn_draft *d, const struct pn_pb_field *f, const char *name,
		       size_t size)
{
	struct pn_pb m = pn_pb_message(d, f, name);
	const char *text = (const char *)m.at;
	size_t len = pn_pb_len(&m);

	return len && pn_draft_name(d, name, text, len, size) ? copy_text(d, text, len) : "";
}

bool pn_pb_bool(struct pn_draft *d, const struct pn_pb_field *f, const char *name)
{
	return is_type(d, f, PN_PB_VARINT, name) && f->value;
}

int64_t pn_pb_int(struct pn_draft *d, const struct pn_pb_field *f, const char *name)
{
	return is_type(d, f, PN_PB_VARINT, name) ? (int64_t)f->value : 0;
}

int64_t pn_pb_time(struct pn_draft *d, const struct pn_pb_field *f, const char *name)
{
	struct pn_pb m = pn_pb_message(d, f, name);
	struct pn_pb_field part;
	int64_t seconds = 0;

	while (pn_pb_next(d, &m, &part))
		if (part.number == PB_TIME_SECONDS)
			seconds = pn_pb_int(d, &part, name);
	return seconds;
}

void pn_pb_entry(struct pn_draft *d, const struct pn_pb_field *f, const char *name,
		 const char **ret_key, const char **ret_value)
{
	struct pn_pb m = pn_pb_message(d, f, name);
	struct pn_pb_field part;

	*ret_key = *ret_value = "";
	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_ENTRY_KEY)
			*ret_key = pn_pb_string(d, &part, name, SIZE_MAX);
		else if (part.number == PB_ENTRY_VALUE)
			*ret_value = pn_pb_string(d, &part, name, SIZE_MAX);
	}
}

/* Nothing is copied before it is known that this owner is the one. */
static void read_owner(struct pn_draft *d, const struct pn_pb_field *f, struct pn_object *meta,
		       bool *found)
{
	struct pn_pb m = pn_pb_message(d, f, "ownerReferences");
	struct pn_pb_field part, kind = { 0 }, name = { 0 }, uid = { 0 };
	bool is_controller = false;

	kind.type = name.type = uid.type = PN_PB_BYTES;
	while (pn_pb_next(d, &m, &part)) {
		if (part.number == PB_OWNER_KIND)
			kind = part;
		else if (part.number == PB_OWNER_NAME)
			name = part;
		else if (part.number == PB_OWNER_UID)
			uid = part;
		else if (part.number == PB_OWNER_CONTROLLER)
			is_controller = pn_pb_bool(d, &part, "controller");
	}
	if (!is_controller || *found)
		return;
	*found = true;
	pn_draft_controller(d, meta, pn_pb_name(d, &kind, "kind", PN_OBJECT_KIND_LEN),
			    pn_pb_name(d, &name, "name", PN_OBJECT_NAME_LEN),
			    pn_pb_name(d, &uid, "uid", PN_OBJECT_UID_LEN));
}

static void read_label(struct pn_draft *d, const struct pn_pb_field *f, struct pn_label_list *list)
{
	const char *key, *value;

	if (!d->keep_labels && !d->watch_label)
		return;
	pn_pb_entry(d, f, "labels", &key, &value);
	pn_draft_label(d, list, key, value);
}

static void read_annotation(struct pn_draft *d, const struct pn_pb_field *f,
			    struct pn_label_list *list)
{
	const char *key, *value;

	if (!d->annotations)
		return;
	pn_pb_entry(d, f, "annotations", &key, &value);
	pn_draft_annotation(d, list, key, value);
}

void pn_pb_meta(struct pn_draft *d, const struct pn_pb_field *f, struct pn_object *meta)
{
	struct pn_pb m = pn_pb_message(d, f, "metadata");
	struct pn_label_list labels = { 0 }, annotations = { 0 };
	struct pn_pb_field part;
	struct pn_pb deletion;
	bool has_controller = false;

	while (pn_pb_next(d, &m, &part)) {
		switch (part.number) {
		case PB_META_NAME:
			meta->name = pn_pb_name(d, &part, "name", PN_OBJECT_NAME_LEN);
			break;
		case PB_META_NAMESPACE:
			meta->name_space =
				pn_pb_name(d, &part, "namespace", PN_OBJECT_NAMESPACE_LEN);
			break;
		case PB_META_UID:
			meta->uid = pn_pb_name(d, &part, "uid", PN_OBJECT_UID_LEN);
			break;
		case PB_META_RESOURCE_VERSION:
			meta->resource_version =
				pn_pb_name(d, &part, "resourceVersion", PN_OBJECT_RV_LEN);
			break;
		case PB_META_CREATION_TIMESTAMP:
			meta->created_s = pn_pb_time(d, &part, "creationTimestamp");
			break;
		case PB_META_DELETION_TIMESTAMP:
			deletion = pn_pb_message(d, &part, "deletionTimestamp");
			meta->terminating = pn_pb_len(&deletion) > 0;
			break;
		case PB_META_LABELS:
			read_label(d, &part, &labels);
			break;
		case PB_META_ANNOTATIONS:
			read_annotation(d, &part, &annotations);
			break;
		case PB_META_OWNER_REFERENCES:
			read_owner(d, &part, meta, &has_controller);
			break;
		default:
			break;
		}
	}
	pn_draft_labels(d, meta, &labels, &annotations);
}
