/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed fields of a JSON tree for the decoders, and ObjectMeta. The server is not trusted to send
 * the types of the API: a wrong one makes the draft remember an error, and the decoder goes on with
 * an empty value until it asks.
 */
#include "kube/json_fields.h"

#include <string.h>
#include <time.h>

/* The field if it is there and not null; the reader's concern is only its type. */
static const json_t *field_of(const json_t *parent, const char *field)
{
	const json_t *v = json_object_get(parent, field);

	return json_is_null(v) ? NULL : v;
}

const json_t *pn_json_object(struct pn_draft *d, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (!v || json_is_object(v))
		return v;
	pn_draft_wrong(d, field, "not an object");
	return NULL;
}

const json_t *pn_json_array(struct pn_draft *d, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (!v || json_is_array(v))
		return v;
	pn_draft_wrong(d, field, "not a list");
	return NULL;
}

const json_t *pn_json_item(struct pn_draft *d, const json_t *array, size_t i, const char *field)
{
	const json_t *v = json_array_get(array, i);

	if (json_is_object(v))
		return v;
	pn_draft_wrong(d, field, "an entry is not an object");
	return NULL;
}

const char *pn_json_text(struct pn_draft *d, const json_t *value, const char *field, size_t size)
{
	const char *s = json_string_value(value);

	if (!s)
		pn_draft_wrong(d, field, "not a string");
	else if (pn_draft_text(d, field, s, json_string_length(value), size))
		return s;
	return "";
}

const char *pn_json_string(struct pn_draft *d, const json_t *parent, const char *field, size_t size)
{
	const json_t *v = field_of(parent, field);

	return v ? pn_json_text(d, v, field, size) : "";
}

const char *pn_json_name(struct pn_draft *d, const json_t *parent, const char *field, size_t size)
{
	const char *s = pn_json_string(d, parent, field, size);

	return pn_draft_name(d, field, s, strlen(s), size) ? s : "";
}

bool pn_json_bool(struct pn_draft *d, const json_t *parent, const char *field, bool otherwise)
{
	const json_t *v = field_of(parent, field);

	if (v && !json_is_boolean(v))
		pn_draft_wrong(d, field, "neither true nor false");
	return v ? json_is_true(v) : otherwise;
}

int64_t pn_json_int(struct pn_draft *d, const json_t *parent, const char *field)
{
	const json_t *v = field_of(parent, field);

	if (v && !json_is_integer(v))
		pn_draft_wrong(d, field, "not a whole number");
	return json_integer_value(v);
}

/* @n digits. Return: false if there are others */
static bool number(const char **at, unsigned int n, int *ret)
{
	*ret = 0;
	for (; n; n--, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*ret = *ret * 10 + (**at - '0');
	}
	return true;
}

static bool character(const char **at, char c)
{
	return *(*at)++ == c;
}

/* By hand because strptime() costs a microsecond, and there are two times in each pod. */
static bool parse_time(const char *at, struct tm *ret)
{
	if (!number(&at, 4, &ret->tm_year) || !character(&at, '-') ||
	    !number(&at, 2, &ret->tm_mon) || !character(&at, '-') ||
	    !number(&at, 2, &ret->tm_mday) || !character(&at, 'T') ||
	    !number(&at, 2, &ret->tm_hour) || !character(&at, ':') ||
	    !number(&at, 2, &ret->tm_min) || !character(&at, ':') || !number(&at, 2, &ret->tm_sec))
		return false;
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	return strcmp(at, "Z") == 0 && ret->tm_mon >= 1 && ret->tm_mon <= 12 && ret->tm_mday >= 1 &&
	       ret->tm_mday <= 31 && ret->tm_hour <= 23 && ret->tm_min <= 59 && ret->tm_sec <= 60;
}

/* Days since 1970 in the Gregorian calendar; years begin in March, so that a leap day comes last. */
static int64_t days(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2), m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

int64_t pn_json_time(struct pn_draft *d, const json_t *parent, const char *field)
{
	const char *text = pn_json_string(d, parent, field, PN_TIME_TEXT_LEN);
	struct tm t;

	if (!text[0])
		return 0;
	if (!parse_time(text, &t)) {
		pn_draft_wrong(d, field, "not a time like 2006-01-02T15:04:05Z");
		return 0;
	}
	return ((days(t.tm_year, t.tm_mon, t.tm_mday) * 24 + t.tm_hour) * 60 + t.tm_min) * 60 +
	       t.tm_sec;
}

void pn_json_texts(struct pn_draft *d, const json_t *parent, const char *field, size_t size,
		   struct pn_texts *ret)
{
	const json_t *list = pn_json_array(d, parent, field);

	for (size_t i = 0; i < json_array_size(list); i++)
		pn_texts_add(d, ret, pn_json_text(d, json_array_get(list, i), field, size));
}

void pn_json_labels(struct pn_draft *d, const json_t *parent, const char *field,
		    struct pn_label_list *list,
		    void (*add)(struct pn_draft *d, struct pn_label_list *list, const char *key,
				const char *value))
{
	json_t *labels = (json_t *)(uintptr_t)pn_json_object(d, parent, field);

	for (void *i = json_object_iter(labels); i; i = json_object_iter_next(labels, i)) {
		const json_t *value = json_object_iter_value(i);

		add(d, list, json_object_iter_key(i),
		    json_is_null(value) ? "" : pn_json_text(d, value, field, SIZE_MAX));
	}
	pn_label_list_sort(list);
}

static void read_controller(struct pn_draft *d, const json_t *tree, struct pn_object *meta)
{
	const json_t *owners = pn_json_array(d, tree, "ownerReferences");

	for (size_t i = 0; i < json_array_size(owners); i++) {
		const json_t *owner = pn_json_item(d, owners, i, "ownerReferences");

		if (!pn_json_bool(d, owner, "controller", false))
			continue;
		pn_draft_controller(d, meta, pn_json_name(d, owner, "kind", PN_OBJECT_KIND_LEN),
				    pn_json_name(d, owner, "name", PN_OBJECT_NAME_LEN),
				    pn_json_name(d, owner, "uid", PN_OBJECT_UID_LEN));
		return;
	}
}

void pn_json_meta(struct pn_draft *d, const json_t *tree, struct pn_object *meta)
{
	const json_t *m = pn_json_object(d, tree, "metadata");
	struct pn_label_list labels = { 0 }, annotations = { 0 };

	meta->name_space = pn_json_name(d, m, "namespace", PN_OBJECT_NAMESPACE_LEN);
	meta->name = pn_json_name(d, m, "name", PN_OBJECT_NAME_LEN);
	meta->uid = pn_json_name(d, m, "uid", PN_OBJECT_UID_LEN);
	meta->resource_version = pn_json_name(d, m, "resourceVersion", PN_OBJECT_RV_LEN);
	meta->created_s = pn_json_time(d, m, "creationTimestamp");
	meta->terminating = pn_json_string(d, m, "deletionTimestamp", PN_TIME_TEXT_LEN)[0];
	read_controller(d, m, meta);
	if (d->keep_labels)
		pn_json_labels(d, m, "labels", &labels, pn_draft_label);
	else if (d->watch_label)
		pn_draft_label(d, &labels, d->watch_label,
			       pn_json_string(d, pn_json_object(d, m, "labels"), d->watch_label,
					      SIZE_MAX));
	if (d->annotations)
		pn_json_labels(d, m, "annotations", &annotations, pn_draft_annotation);
	pn_draft_labels(d, meta, &labels, &annotations);
}
