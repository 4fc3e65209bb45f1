/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's refusals in words. The reflector decides by code and reason, a person reads the
 * message; it comes from the network and may go to a terminal, so only printable text is kept.
 */
#include "kube/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

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

static bool has_cause(const json_t *details, const char *reason)
{
	const json_t *causes = json_object_get(details, "causes");

	for (size_t i = 0; i < json_array_size(causes); i++) {
		const char *s =
			json_string_value(json_object_get(json_array_get(causes, i), "reason"));

		if (s && strcmp(s, reason) == 0)
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
	ret->too_large = ret->code == 504 && (has_cause(details, too_large_reason) ||
					      strstr(ret->message, too_large_message));
}

void pn_status_from_body(int code, const char *body, size_t len, struct pn_status *ret)
{
	json_t *tree = len ? json_loadb(body, len, JSON_ALLOW_NUL, NULL) : NULL;

	pn_status_from_json(tree, ret);
	if (!tree && len)
		copy_text(ret->message, sizeof(ret->message), body, len);
	if (!ret->code)
		ret->code = code;
	json_decref(tree);
}

bool pn_status_gone(const struct pn_status *st)
{
	return st->code == 410 || strcmp(st->reason, "Expired") == 0 ||
	       strcmp(st->reason, "Gone") == 0;
}
