/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer of JSON for objects of the API. jansson's own would do but for the numbers, which it
 * writes with more digits than they came with.
 */
#include "cmd/get/json_print.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **pn_json_sorted_keys(json_t *object)
{
	const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys));
	const char *key;
	json_t *value;
	size_t n = 0;

	if (!keys)
		return NULL;
	json_object_foreach (object, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_text);
	return keys;
}

void pn_json_format_real(double value, char buf[static 64])
{
	if (value == floor(value) && fabs(value) < 1e21) {
		(void)snprintf(buf, 64, "%.0f", value);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(buf, 64, "%.*g", digits, value);
		if (strtod(buf, NULL) == value)
			return;
	}
}

static void indent(FILE *out, unsigned int depth)
{
	(void)fprintf(out, "\n%*s", (int)(4 * depth), "");
}

/* What goes instead of the character at @s; NULL: itself. @ret_len: its bytes */
static const char *escape(const char *s, size_t len, char buf[static 8], size_t *ret_len)
{
	static const char letters[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";
	unsigned char c = (unsigned char)*s;
	const char *letter = c ? strchr(letters, c) : NULL;

	*ret_len = 1;
	if (letter) {
		(void)snprintf(buf, 8, "\\%c", names[letter - letters]);
		return buf;
	}
	if (c < ' ' || c == '<' || c == '>' || c == '&') {
		(void)snprintf(buf, 8, "\\u%04x", c);
		return buf;
	}
	if (len >= 3 && (memcmp(s, "\xe2\x80\xa8", 3) == 0 || memcmp(s, "\xe2\x80\xa9", 3) == 0)) {
		*ret_len = 3;
		(void)snprintf(buf, 8, "\\u202%c", s[2] == '\xa8' ? '8' : '9');
		return buf;
	}
	return NULL;
}

static void print_string(FILE *out, const char *s, size_t len)
{
	const char *plain = s, *end = s + len;
	char buf[8];
	size_t n;

	(void)fputc('"', out);
	while (s < end) {
		const char *instead = escape(s, (size_t)(end - s), buf, &n);

		if (instead) {
			(void)fwrite(plain, 1, (size_t)(s - plain), out);
			(void)fputs(instead, out);
			plain = s + n;
		}
		s += n;
	}
	(void)fwrite(plain, 1, (size_t)(s - plain), out);
	(void)fputc('"', out);
}

static int print_object(FILE *out, json_t *object, unsigned int depth)
{
	PN_CLEANUP(pn_freep) const char **keys = pn_json_sorted_keys(object);
	size_t n = json_object_size(object);
	int r = 0;

	if (!keys)
		return -ENOMEM;
	(void)fputc('{', out);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i)
			(void)fputc(',', out);
		indent(out, depth + 1);
		print_string(out, keys[i], strlen(keys[i]));
		(void)fputs(": ", out);
		r = pn_json_print(out, json_object_get(object, keys[i]), depth + 1);
	}
	if (n)
		indent(out, depth);
	(void)fputc('}', out);
	return r;
}

static int print_array(FILE *out, const json_t *array, unsigned int depth)
{
	size_t n = json_array_size(array);
	int r = 0;

	(void)fputc('[', out);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i)
			(void)fputc(',', out);
		indent(out, depth + 1);
		r = pn_json_print(out, json_array_get(array, i), depth + 1);
	}
	if (n)
		indent(out, depth);
	(void)fputc(']', out);
	return r;
}

int pn_json_print(FILE *out, json_t *tree, unsigned int depth)
{
	char real[64];

	switch (json_typeof(tree)) {
	case JSON_OBJECT:
		return print_object(out, tree, depth);
	case JSON_ARRAY:
		return print_array(out, tree, depth);
	case JSON_STRING:
		print_string(out, json_string_value(tree), json_string_length(tree));
		return 0;
	case JSON_INTEGER:
		(void)fprintf(out, "%lld", (long long)json_integer_value(tree));
		return 0;
	case JSON_REAL:
		pn_json_format_real(json_real_value(tree), real);
		(void)fputs(real, out);
		return 0;
	default:
		(void)fputs(json_is_true(tree)	  ? "true"
			    : json_is_false(tree) ? "false"
						  : "null",
			    out);
		return 0;
	}
}
