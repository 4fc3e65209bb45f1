/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's refusals in words. The reflector decides by code and reason, a person reads the
 * message; it comes from the network and may go to a terminal, so only printable text is kept.
 */
#include "kube/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kube/pb_numbers.h"

static const char too_large_reason[] = "ResourceVersionTooLarge";
static const char too_large_message[] = "Too large resource version";

static void copy_text(char *to, size_t size, const char *from, size_t len)
{
	size_t n = PN_MIN(len, size - 1);

	for (size_t i = 0; i < n; i++)
		to[i] = isprint((unsigned char)from[i]) ? from[i] : ' ';
	to[n] = '\0';
	while (n && to[n - 1] == ' ')
		to[--n] = '\0';
}

static void copy_field(char *to, size_t size, const json_t *tree, const char *field)
{
	const json_t *v = json_object_get(tree, field);

	if (json_is_string(v))
		copy_text(to, size, json_string_value(v), json_string_length(v));
}

static bool is_text(const json_t *tree, const char *field, const char *want)
{
	const char *s = json_string_value(json_object_get(tree, field));

	return s && strcmp(s, want) == 0;
}

/* Servers of 1.17 and 1.18 gave the cause no reason. */
static bool has_too_large_cause(const json_t *details)
{
	const json_t *causes = json_object_get(details, "causes");

	for (size_t i = 0; i < json_array_size(causes); i++) {
		const json_t *cause = json_array_get(causes, i);

		if (is_text(cause, "reason", too_large_reason) ||
		    is_text(cause, "message", too_large_message))
			return true;
	}
	return false;
}

/* A number of the Status that an int can hold and that is not negative; else @otherwise. */
static int number(const json_t *tree, const char *field, int otherwise)
{
	const json_t *v = json_object_get(tree, field);
	json_int_t n = json_integer_value(v);

	return json_is_integer(v) && n >= 0 && n <= INT32_MAX ? (int)n : otherwise;
}

void pn_status_from_json(const json_t *tree, struct pn_status *ret)
{
	const json_t *details = json_object_get(tree, "details");

	*ret = (struct pn_status) {
		.code = number(tree, "code", 0),
		.retry_after_s = number(details, "retryAfterSeconds", -1),
	};
	copy_field(ret->reason, sizeof(ret->reason), tree, "reason");
	copy_field(ret->message, sizeof(ret->message), tree, "message");
	ret->too_large = ret->code == 504 &&
			 (has_too_large_cause(details) || strstr(ret->message, too_large_message));
}

static int pb_number(const struct pn_pb_field *f, int otherwise)
{
	return f->type == PN_PB_VARINT && f->value <= INT32_MAX ? (int)f->value : otherwise;
}

static void pb_text(char *to, size_t size, const struct pn_pb_field *f)
{
	if (f->type == PN_PB_BYTES)
		copy_text(to, size, (const char *)f->bytes.at, pn_pb_len(&f->bytes));
}

static bool pb_is_too_large(const struct pn_pb_field *cause)
{
	struct pn_pb m = cause->bytes;
	struct pn_pb_field f;

	while (cause->type == PN_PB_BYTES && pn_pb_read(&m, &f) > 0)
		if (f.type == PN_PB_BYTES &&
		    ((f.number == PB_CAUSE_REASON && pn_pb_is(f.bytes, too_large_reason)) ||
		     (f.number == PB_CAUSE_MESSAGE && pn_pb_is(f.bytes, too_large_message))))
			return true;
	return false;
}

static void read_details(const struct pn_pb_field *details, struct pn_status *st)
{
	struct pn_pb m = details->bytes;
	struct pn_pb_field f;

	while (details->type == PN_PB_BYTES && pn_pb_read(&m, &f) > 0) {
		if (f.number == PB_DETAILS_RETRY_AFTER_SECONDS)
			st->retry_after_s = pb_number(&f, -1);
		else if (f.number == PB_DETAILS_CAUSES)
			st->too_large |= pb_is_too_large(&f);
	}
}

void pn_status_from_pb(struct pn_pb m, struct pn_status *ret)
{
	struct pn_pb_field f;

	*ret = (struct pn_status) { .retry_after_s = -1 };
	while (pn_pb_read(&m, &f) > 0) {
		if (f.number == PB_STATUS_MESSAGE)
			pb_text(ret->message, sizeof(ret->message), &f);
		else if (f.number == PB_STATUS_REASON)
			pb_text(ret->reason, sizeof(ret->reason), &f);
		else if (f.number == PB_STATUS_DETAILS)
			read_details(&f, ret);
		else if (f.number == PB_STATUS_CODE)
			ret->code = pb_number(&f, 0);
	}
	ret->too_large =
		ret->code == 504 && (ret->too_large || strstr(ret->message, too_large_message));
}

static bool from_envelope(const char *body, size_t len, struct pn_status *ret)
{
	struct pn_pb kind, raw;

	if (pn_pb_unwrap(pn_pb_from(body, len), &kind, &raw) < 0)
		return false;
	pn_status_from_pb(pn_pb_is(kind, "Status") ? raw : pn_pb_from("", 0), ret);
	return true;
}

static void from_text(const char *body, size_t len, struct pn_status *ret)
{
	json_t *tree = len ? json_loadb(body, len, JSON_ALLOW_NUL, NULL) : NULL;

	pn_status_from_json(tree, ret);
	if (!tree && len)
		copy_text(ret->message, sizeof(ret->message), body, len);
	json_decref(tree);
}

void pn_status_from_body(int code, const char *body, size_t len, struct pn_status *ret)
{
	if (!from_envelope(body, len, ret))
		from_text(body, len, ret);
	if (!ret->code)
		ret->code = code;
}

bool pn_status_gone(const struct pn_status *st)
{
	return st->code == 410 || strcmp(st->reason, "Expired") == 0 ||
	       strcmp(st->reason, "Gone") == 0;
}
