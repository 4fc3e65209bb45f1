/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed, checked access to the fields of one object's JSON tree, for the decoders. The server is
 * not trusted to send the types of the API: a wrong one makes the reader remember an error, and
 * the decoder goes on with an empty value until it asks.
 */
#include "kube/json_fields.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { MAX_TIME_LEN = 40 };

void pn_json_wrong(struct pn_json_reader *rd, const char *field, const char *expected)
{
	if (rd->error)
		return;
	rd->error = pn_err_set(rd->err, -EINVAL, "%s: %s", field, expected);
}

/* The field if it is there and not null; the reader's concern is only its type. */
static const json_t *field_of(const json_t *parent, const char *field)
{
	const json_t *v = json_object_get(parent, field);

	return json_is_null(v) ? NULL : v;
}

const json_t *pn_json_object(struct pn_json_reader *rd, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (!v || json_is_object(v))
		return v;
	pn_json_wrong(rd, field, "not an object");
	return NULL;
}

const json_t *pn_json_array(struct pn_json_reader *rd, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (!v || json_is_array(v))
		return v;
	pn_json_wrong(rd, field, "not a list");
	return NULL;
}

const json_t *pn_json_item(struct pn_json_reader *rd, const json_t *array, size_t i,
			   const char *field)
{
	const json_t *v = json_array_get(array, i);

	if (json_is_object(v))
		return v;
	pn_json_wrong(rd, field, "an entry is not an object");
	return NULL;
}

const char *pn_json_text(struct pn_json_reader *rd, const json_t *value, const char *field,
			 size_t size)
{
	const char *s = json_string_value(value);

	if (!s)
		pn_json_wrong(rd, field, "not a string");
	else if (json_string_length(value) >= size)
		pn_json_wrong(rd, field, "too long");
	else if (strlen(s) != json_string_length(value))
		pn_json_wrong(rd, field, "a NUL character inside");
	else
		return s;
	return "";
}

const char *pn_json_string(struct pn_json_reader *rd, const json_t *parent, const char *field,
			   size_t size)
{
	const json_t *v = field_of(parent, field);

	return v ? pn_json_text(rd, v, field, size) : "";
}

bool pn_json_bool(struct pn_json_reader *rd, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (v && !json_is_boolean(v))
		pn_json_wrong(rd, field, "neither true nor false");
	return json_is_true(v);
}

int64_t pn_json_int(struct pn_json_reader *rd, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (v && !json_is_integer(v))
		pn_json_wrong(rd, field, "not a whole number");
	return json_integer_value(v);
}

int64_t pn_json_time(struct pn_json_reader *rd, const json_t *parent, const char *field)
{
	const char *text = pn_json_string(rd, parent, field, MAX_TIME_LEN), *rest;
	struct tm tm = { 0 };

	if (!text[0])
		return 0;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest || strcmp(rest, "Z") != 0) {
		pn_json_wrong(rd, field, "not a time like 2006-01-02T15:04:05Z");
		return 0;
	}
	return timegm(&tm);
}

const char *pn_json_name(struct pn_json_reader *rd, const json_t *parent, const char *field,
			 size_t size)
{
	const char *s = pn_json_string(rd, parent, field, size);

	for (const char *c = s; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '/') {
			pn_json_wrong(rd, field, "characters that no name has");
			return "";
		}
	}
	return s;
}

static void read_controller(struct pn_json_reader *rd, const json_t *meta, struct pn_meta *m)
{
	const json_t *owners = pn_json_array(rd, meta, "ownerReferences");

	for (size_t i = 0; i < json_array_size(owners); i++) {
		const json_t *owner = pn_json_item(rd, owners, i, "ownerReferences");

		if (!pn_json_bool(rd, owner, "controller"))
			continue;
		m->controller.kind = pn_json_name(rd, owner, "kind", PN_OBJECT_KIND_LEN);
		m->controller.name = pn_json_name(rd, owner, "name", PN_OBJECT_NAME_LEN);
		m->controller.uid = pn_json_name(rd, owner, "uid", PN_OBJECT_UID_LEN);
		return;
	}
}

void pn_json_meta(struct pn_json_reader *rd, const json_t *tree, struct pn_meta *ret)
{
	const json_t *meta = pn_json_object(rd, tree, "metadata");

	*ret = (struct pn_meta) {
		.name_space = pn_json_name(rd, meta, "namespace", PN_OBJECT_NAMESPACE_LEN),
		.name = pn_json_name(rd, meta, "name", PN_OBJECT_NAME_LEN),
		.uid = pn_json_name(rd, meta, "uid", PN_OBJECT_UID_LEN),
		.resource_version = pn_json_name(rd, meta, "resourceVersion", PN_OBJECT_RV_LEN),
		.controller = { "", "", "" },
		.created_s = pn_json_time(rd, meta, "creationTimestamp"),
		.terminating = pn_json_string(rd, meta, "deletionTimestamp", MAX_TIME_LEN)[0],
	};
	if (!ret->name[0])
		pn_json_wrong(rd, "name", "missing");
	read_controller(rd, meta, ret);
}
