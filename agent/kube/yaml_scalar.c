/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From YAML's scalars to JSON's, for the readers of YAML: yaml_tree.c keeps a document, cmd/policy/yaml_stream.c
 * does not.
 */
#include "kube/yaml_scalar.h"

#include <stdio.h>
#include <string.h>

int pn_yaml_quote(struct pn_buf *out, const char *text, size_t len)
{
	size_t start = 0;
	int r = pn_buf_put(out, "\"", 1);

	for (size_t i = 0; i < len && r == 0; i++) {
		unsigned char c = (unsigned char)text[i];
		char escape[8];
		int n = 0;

		if (c < ' ')
			n = snprintf(escape, sizeof(escape), "\\u%04x", c);
		else if (c == '"' || c == '\\')
			n = snprintf(escape, sizeof(escape), "\\%c", c);
		if (!n)
			continue;
		r = pn_buf_put(out, text + start, i - start);
		if (r == 0)
			r = pn_buf_put(out, escape, (size_t)n);
		start = i + 1;
	}
	if (r == 0)
		r = pn_buf_put(out, text + start, len - start);
	return r == 0 ? pn_buf_put(out, "\"", 1) : r;
}

/* Whole numbers and decimal fractions that YAML and JSON write in the same way: 0, -12, 1.5 */
static bool is_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (n == 0 || (*s == '0' && n > 1))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(s + 1, "0123456789");
		s += n ? n + 1 : 0;
	}
	return !*s;
}

static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(text, *words) != 0)
		words++;
	return *words;
}

bool pn_yaml_is_null(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };

	return is_one_of(text, nulls);
}

int pn_yaml_scalar(struct pn_buf *out, const char *text, size_t len, bool is_plain)
{
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };

	if (!is_plain || strlen(text) != len)
		return pn_yaml_quote(out, text, len);
	if (pn_yaml_is_null(text))
		return pn_buf_put(out, "null", 4);
	if (is_one_of(text, trues))
		return pn_buf_put(out, "true", 4);
	if (is_one_of(text, falses))
		return pn_buf_put(out, "false", 5);
	return is_number(text) ? pn_buf_put(out, text, len) : pn_yaml_quote(out, text, len);
}
