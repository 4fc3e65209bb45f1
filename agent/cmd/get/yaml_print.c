/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that writes YAML; `podonym get -o yaml` is the caller. libyaml decides how a scalar
 * can be written; what is decided here is when a string needs quotes so that no YAML reader, of
 * version 1.1 either, takes it for something else.
 */
#include "cmd/get/yaml_print.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/util.h"
#include "cmd/get/json_print.h"

struct pn_yaml_out {
	yaml_emitter_t emitter;
	size_t n_documents;
	int error;
};

static int why(const struct pn_yaml_out *y)
{
	return y->emitter.error == YAML_MEMORY_ERROR || !errno ? -ENOMEM : -errno;
}

/* After the first error nothing is written any more. */
static void emit(struct pn_yaml_out *y, yaml_event_t *event, int is_made)
{
	if (!is_made)
		y->error = -ENOMEM;
	else if (y->error)
		yaml_event_delete(event);
	else if (!yaml_emitter_emit(&y->emitter, event))
		y->error = why(y);
}

struct pn_yaml_out *pn_yaml_out_new(FILE *out)
{
	struct pn_yaml_out *y = calloc(1, sizeof(*y));
	yaml_event_t event;

	if (!y)
		return NULL;
	if (!yaml_emitter_initialize(&y->emitter)) {
		free(y);
		return NULL;
	}
	yaml_emitter_set_output_file(&y->emitter, out);
	yaml_emitter_set_unicode(&y->emitter, 1);
	emit(y, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	return y;
}

void pn_yaml_out_free(struct pn_yaml_out *y)
{
	if (!y)
		return;
	yaml_emitter_delete(&y->emitter);
	free(y);
}

/* --- what a plain scalar would be taken for --- */

/* Readers know three ways to write each of these: true, True, TRUE. */
static bool has_usual_case(const char *s)
{
	size_t n_letters = 0, n_upper = 0;
	bool begins_upper = false;

	for (; *s; s++) {
		if (!isalpha((unsigned char)*s))
			continue;
		if (isupper((unsigned char)*s)) {
			begins_upper |= n_letters == 0;
			n_upper++;
		}
		n_letters++;
	}
	return n_upper == 0 || n_upper == n_letters || (n_upper == 1 && begins_upper);
}

static bool is_word(const char *s)
{
	static const char *const words[] = { "",    "~",    "null",  "true",  "false",
					     "y",   "n",    "on",    "yes",   "no",
					     "off", ".inf", "+.inf", "-.inf", "<<" };

	for (size_t i = 0; i < PN_ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i]) == 0)
			return has_usual_case(s);
	}
	return strcasecmp(s, ".nan") == 0;
}

static const char *skip_digits(const char *s)
{
	return s + strspn(s, "0123456789_"); /* 1_000 is a number too */
}

/* 0x1f, 0b1, 0o17; @s is behind the sign */
static bool is_prefixed_number(const char *s)
{
	const char *digits = "";

	if (s[0] != '0' || !s[1] || !s[2])
		return false;
	switch (s[1]) {
	case 'x':
	case 'X':
		digits = "0123456789abcdefABCDEF_";
		break;
	case 'o':
	case 'O':
		digits = "01234567_";
		break;
	case 'b':
	case 'B':
		digits = "01_";
		break;
	default:
		break;
	}
	return !s[2 + strspn(s + 2, digits)];
}

/* 12, 1.5, .5, 1e3 */
static bool is_number(const char *s)
{
	const char *p;

	s += *s == '+' || *s == '-';
	if (is_prefixed_number(s))
		return true;
	if (!isdigit((unsigned char)*s) && !(*s == '.' && isdigit((unsigned char)s[1])))
		return false;
	p = skip_digits(s);
	if (*p == '.')
		p = skip_digits(p + 1);
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '+' || p[1] == '-');
		if (!isdigit((unsigned char)*p))
			return false;
		p = skip_digits(p);
	}
	return !*p;
}

/* 1:30, which YAML 1.1 reads as 90 */
static bool is_base_60(const char *s)
{
	const char *p = s + (*s == '+' || *s == '-'), *colon;

	if (!isdigit((unsigned char)*p))
		return false;
	p += strspn(p, "0123456789_");
	colon = p;
	while (*p == ':' && isdigit((unsigned char)p[1])) {
		const char *digits = p + 1;

		p = skip_digits(digits);
		if (p - digits > 2 || (p - digits == 2 && *digits > '5'))
			return false;
	}
	if (p == colon)
		return false;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789_");
	return !*p;
}

static bool is_time_of_day(const char *s)
{
	int n = 0;

	if (sscanf(s, "%*[0-9]:%*[0-9]:%*[0-9]%n", &n) < 0 || !n)
		return false;
	s += n;
	if (*s == '.')
		s = skip_digits(s + 1);
	if (*s == 'Z')
		s++;
	else if (*s == '+' || *s == '-')
		s += 1 + strspn(s + 1, "0123456789:");
	return !*s;
}

static bool is_timestamp(const char *s)
{
	const char *p = skip_digits(s);
	int n = 0;

	if (p - s != 4 || *p != '-')
		return false;
	if (sscanf(p, "-%*2[0-9]-%*2[0-9]%n", &n) < 0 || !n)
		return false;
	p += n;
	return !*p || ((*p == 'T' || *p == 't' || *p == ' ') && is_time_of_day(p + 1));
}

static yaml_scalar_style_t string_style(const char *s)
{
	if (strchr(s, '\n'))
		return YAML_LITERAL_SCALAR_STYLE;
	if (is_word(s) || is_number(s) || is_base_60(s) || is_timestamp(s))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE;
}

/* --- trees --- */

static void emit_scalar(struct pn_yaml_out *y, const char *text, size_t len,
			yaml_scalar_style_t style)
{
	yaml_event_t event;

	emit(y, &event,
	     yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)len,
					  1, 1, style));
}

static void emit_string(struct pn_yaml_out *y, const char *text, size_t len)
{
	emit_scalar(y, text, len,
		    strlen(text) == len ? string_style(text) : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static void emit_key(struct pn_yaml_out *y, const char *key)
{
	emit_string(y, key, strlen(key));
}

static void begin_map(struct pn_yaml_out *y, size_t n)
{
	yaml_event_t event;

	emit(y, &event,
	     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						 n ? YAML_BLOCK_MAPPING_STYLE
						   : YAML_FLOW_MAPPING_STYLE));
}

static void end_map(struct pn_yaml_out *y)
{
	yaml_event_t event;

	emit(y, &event, yaml_mapping_end_event_initialize(&event));
}

static void begin_sequence(struct pn_yaml_out *y)
{
	yaml_event_t event;

	emit(y, &event,
	     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  YAML_BLOCK_SEQUENCE_STYLE));
}

static void end_sequence(struct pn_yaml_out *y)
{
	yaml_event_t event;

	emit(y, &event, yaml_sequence_end_event_initialize(&event));
}

static void emit_tree(struct pn_yaml_out *y, json_t *tree);

static void emit_map(struct pn_yaml_out *y, json_t *map)
{
	PN_CLEANUP(pn_freep) const char **keys = pn_json_sorted_keys(map);
	size_t n = json_object_size(map);

	if (!keys) {
		y->error = -ENOMEM;
		return;
	}
	begin_map(y, n);
	for (size_t i = 0; i < n; i++) {
		emit_key(y, keys[i]);
		emit_tree(y, json_object_get(map, keys[i]));
	}
	end_map(y);
}

static void emit_sequence(struct pn_yaml_out *y, const json_t *array)
{
	begin_sequence(y);
	for (size_t i = 0; i < json_array_size(array); i++)
		emit_tree(y, json_array_get(array, i));
	end_sequence(y);
}

static void emit_plain(struct pn_yaml_out *y, const json_t *value)
{
	char text[64];

	if (json_is_integer(value))
		(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		pn_json_format_real(json_real_value(value), text);
	else
		(void)snprintf(text, sizeof(text), "%s",
			       json_is_true(value)    ? "true"
			       : json_is_false(value) ? "false"
						      : "null");
	emit_scalar(y, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
}

static void emit_tree(struct pn_yaml_out *y, json_t *tree)
{
	if (y->error)
		return;
	if (json_is_object(tree))
		emit_map(y, tree);
	else if (json_is_array(tree))
		emit_sequence(y, tree);
	else if (json_is_string(tree))
		emit_string(y, json_string_value(tree), json_string_length(tree));
	else
		emit_plain(y, tree);
}

/* --- documents --- */

/* "---" stands between documents, not in front of the first. */
static void begin_document(struct pn_yaml_out *y)
{
	yaml_event_t event;

	emit(y, &event,
	     yaml_document_start_event_initialize(&event, NULL, NULL, NULL, y->n_documents == 0));
	y->n_documents++;
}

static int end_document(struct pn_yaml_out *y)
{
	yaml_event_t event;

	emit(y, &event, yaml_document_end_event_initialize(&event, 1));
	if (!y->error && !yaml_emitter_flush(&y->emitter))
		y->error = why(y);
	return y->error;
}

int pn_yaml_document(struct pn_yaml_out *y, json_t *tree)
{
	begin_document(y);
	emit_tree(y, tree);
	return end_document(y);
}

int pn_yaml_list_begin(struct pn_yaml_out *y)
{
	begin_document(y);
	begin_map(y, 1);
	emit_key(y, "apiVersion");
	emit_key(y, "v1");
	emit_key(y, "items");
	begin_sequence(y);
	return y->error;
}

int pn_yaml_list_item(struct pn_yaml_out *y, json_t *tree)
{
	emit_tree(y, tree);
	return y->error;
}

int pn_yaml_list_end(struct pn_yaml_out *y)
{
	end_sequence(y);
	emit_key(y, "kind");
	emit_key(y, "List");
	emit_key(y, "metadata");
	begin_map(y, 1);
	emit_key(y, "resourceVersion");
	emit_key(y, "");
	end_map(y);
	end_map(y);
	return end_document(y);
}
