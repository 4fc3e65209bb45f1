/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to JSON, for files as `kubectl get -o yaml` writes them and people do. Events of libyaml are
 * written as JSON text at once, so that a list of a whole cluster is never in memory. What an anchor
 * names is a piece of that text, and an alias is a copy of it.
 */
#include "cmd/policy/yaml_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "kube/framing.h"
#include "kube/yaml_scalar.h"

enum { MAX_DEPTH = 64, MAX_ANCHORS = 64, ANCHOR_LEN = 64, KIND_LEN = 64 };

/* @start, @end: in the JSON text of the object; @end is 0 while it is still being written. */
struct anchor {
	char name[ANCHOR_LEN];
	size_t start, end;
};

struct stream {
	yaml_parser_t parser;
	yaml_event_t event;
	struct pn_buf json;
	struct anchor anchors[MAX_ANCHORS];
	unsigned int n_anchors, depth;
	size_t object_line;
	char kind[KIND_LEN];
	bool has_items;
	int (*object)(void *data, const char *json, size_t len, size_t line, const char *kind);
	void *data;
	struct pn_err *reterr;
};

static size_t line(const struct stream *s)
{
	return s->event.start_mark.line + 1;
}

static int bad(const struct stream *s, const char *what)
{
	return pn_err_set(s->reterr, -EINVAL, "line %zu: %s", line(s), what);
}

static int next(struct stream *s)
{
	const yaml_parser_t *p = &s->parser;

	yaml_event_delete(&s->event);
	if (yaml_parser_parse(&s->parser, &s->event))
		return 0;
	memset(&s->event, 0, sizeof(s->event));
	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return pn_err_set(s->reterr, -EINVAL, "line %zu: not YAML: %s", p->problem_mark.line + 1,
			  p->problem ? p->problem : "it cannot be read");
}

static int checked(const struct stream *s, int r)
{
	return r == -EMSGSIZE ? bad(s, "an object of more than 16 MiB") : r;
}

static int put(struct stream *s, const char *text, size_t len)
{
	return checked(s, pn_buf_put(&s->json, text, len));
}

static int put_scalar(struct stream *s)
{
	bool is_plain = s->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	return checked(s, pn_yaml_scalar(&s->json, (const char *)s->event.data.scalar.value,
					 s->event.data.scalar.length, is_plain));
}

/* --- anchors and aliases --- */

static int find_anchor(const struct stream *s, const char *name)
{
	for (unsigned int i = s->n_anchors; i > 0; i--)
		if (strcmp(s->anchors[i - 1].name, name) == 0)
			return (int)i - 1;
	return -1;
}

/* Return: its number, -1 without an anchor, another negative number for an error */
static int begin_anchor(struct stream *s, const yaml_char_t *anchor)
{
	const char *name = (const char *)anchor;
	struct anchor *a = &s->anchors[s->n_anchors];

	if (!name)
		return -1;
	if (s->n_anchors == MAX_ANCHORS || strlen(name) >= sizeof(a->name))
		return bad(s, "too many anchors in one object, or too long a name of one");
	memcpy(a->name, name, strlen(name) + 1);
	a->start = s->json.len;
	a->end = 0;
	return (int)s->n_anchors++;
}

static int put_alias(struct stream *s)
{
	int n = find_anchor(s, (const char *)s->event.data.alias.anchor);
	const struct anchor *a = &s->anchors[n < 0 ? 0 : n];
	size_t len = n < 0 ? 0 : a->end - a->start;
	int r;

	if (n < 0 || !a->end)
		return bad(s, "an alias of nothing in the same object before it");
	r = pn_buf_reserve(&s->json, len);
	if (r == 0)
		r = put(s, s->json.data + a->start, len);
	return r == -EMSGSIZE ? bad(s, "an object of more than 16 MiB") : r;
}

/* --- nodes --- */

static int put_node(struct stream *s);

static int put_list(struct stream *s)
{
	bool first = true;
	int r = put(s, "[", 1);

	while (r == 0 && (r = next(s)) == 0 && s->event.type != YAML_SEQUENCE_END_EVENT) {
		if (!first)
			r = put(s, ",", 1);
		first = false;
		if (r == 0)
			r = put_node(s);
	}
	return r == 0 ? put(s, "]", 1) : r;
}

/* The event is a key. */
static int put_key(struct stream *s)
{
	if (s->event.type != YAML_SCALAR_EVENT)
		return bad(s, "a key that is not a text");
	if (strcmp((const char *)s->event.data.scalar.value, "<<") == 0)
		return bad(s, "merging maps (<<) is not supported here: write the keys out");
	return checked(s, pn_yaml_quote(&s->json, (const char *)s->event.data.scalar.value,
					s->event.data.scalar.length));
}

/* A key that the map has had already is no error: the last one counts, as in JSON. */
static int put_map(struct stream *s)
{
	bool first = true;
	int r = put(s, "{", 1);

	while (r == 0 && (r = next(s)) == 0 && s->event.type != YAML_MAPPING_END_EVENT) {
		if (!first)
			r = put(s, ",", 1);
		first = false;
		if (r == 0)
			r = put_key(s);
		if (r == 0)
			r = put(s, ":", 1);
		if (r == 0)
			r = next(s);
		if (r == 0)
			r = put_node(s);
	}
	return r == 0 ? put(s, "}", 1) : r;
}

static int put_value(struct stream *s)
{
	switch (s->event.type) {
	case YAML_SCALAR_EVENT:
		return put_scalar(s);
	case YAML_SEQUENCE_START_EVENT:
		return put_list(s);
	case YAML_MAPPING_START_EVENT:
		return put_map(s);
	default:
		return bad(s, "not YAML: something else was expected");
	}
}

static const yaml_char_t *anchor_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

/* The event begins a node; afterwards it is the node's last one. */
static int put_node(struct stream *s)
{
	int r, anchor;

	if (s->event.type == YAML_ALIAS_EVENT)
		return put_alias(s);
	if (s->depth == MAX_DEPTH)
		return bad(s, "nested too deeply");
	anchor = begin_anchor(s, anchor_of(&s->event));
	if (anchor < -1)
		return anchor;
	s->depth++;
	r = put_value(s);
	s->depth--;
	if (anchor >= 0 && r == 0)
		s->anchors[anchor].end = s->json.len;
	return r;
}

/* --- documents --- */

static void begin_object(struct stream *s)
{
	pn_buf_reset(&s->json);
	s->n_anchors = 0;
	s->object_line = line(s);
}

static int put_items(struct stream *s)
{
	int r = 0;

	s->has_items = true;
	while (r == 0 && (r = next(s)) == 0 && s->event.type != YAML_SEQUENCE_END_EVENT) {
		begin_object(s);
		if (s->event.type != YAML_MAPPING_START_EVENT)
			return bad(s, "an item that is not a map");
		r = put_node(s);
		if (r == 0)
			r = s->object(s->data, s->json.data, s->json.len, s->object_line, s->kind);
	}
	return r;
}

/* Its beginning is known: `items` leaves what was collected before it behind. */
static int put_member(struct stream *s, bool first)
{
	char key[KIND_LEN] = "";
	size_t before = s->json.len;
	int r;

	if (!first && (r = put(s, ",", 1)) < 0)
		return r;
	if (s->event.type == YAML_SCALAR_EVENT)
		(void)snprintf(key, sizeof(key), "%s", (char *)s->event.data.scalar.value);
	r = put_key(s);
	if (r == 0)
		r = put(s, ":", 1);
	if (r == 0)
		r = next(s);
	if (r < 0)
		return r;
	if (strcmp(key, "kind") == 0 && s->event.type == YAML_SCALAR_EVENT)
		(void)snprintf(s->kind, sizeof(s->kind), "%s", (char *)s->event.data.scalar.value);
	if (strcmp(key, "items") != 0 || s->event.type != YAML_SEQUENCE_START_EVENT)
		return put_node(s);
	s->json.len = before;
	return put_items(s);
}

/* The event begins the outermost map. */
static int put_root(struct stream *s)
{
	bool first = true;
	size_t at;
	int r;

	begin_object(s);
	at = s->object_line;
	s->kind[0] = '\0';
	s->has_items = false;
	r = put(s, "{", 1);
	while (r == 0 && (r = next(s)) == 0 && s->event.type != YAML_MAPPING_END_EVENT) {
		r = put_member(s, first || s->has_items);
		first = false;
	}
	if (r < 0 || s->has_items)
		return r;
	r = put(s, "}", 1);
	return r < 0 ? r : s->object(s->data, s->json.data, s->json.len, at, "");
}

static bool is_empty_scalar(const struct stream *s)
{
	return s->event.type == YAML_SCALAR_EVENT && s->event.data.scalar.length == 0;
}

/* The event begins what a document holds. */
static int read_document(struct stream *s)
{
	if (s->event.type == YAML_MAPPING_START_EVENT)
		return put_root(s);
	return is_empty_scalar(s) ? 0 : bad(s, "not an object of the API: no map");
}

static int read_all(struct stream *s)
{
	int r;

	while ((r = next(s)) == 0 && s->event.type != YAML_STREAM_END_EVENT) {
		if (s->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		r = next(s);
		if (r == 0)
			r = read_document(s);
		if (r < 0)
			break;
	}
	return r;
}

int pn_yaml_stream(FILE *in,
		   int (*object)(void *data, const char *json, size_t len, size_t line,
				 const char *kind),
		   void *data, struct pn_err *reterr)
{
	struct stream *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (!s || !yaml_parser_initialize(&s->parser)) {
		free(s);
		return -ENOMEM;
	}
	s->json = PN_BUF_INIT(PN_FRAMING_MAX_OBJECT);
	s->object = object;
	s->data = data;
	s->reterr = reterr;
	yaml_parser_set_input_file(&s->parser, in);
	r = read_all(s);
	yaml_event_delete(&s->event);
	yaml_parser_delete(&s->parser);
	pn_buf_done(&s->json);
	free(s);
	return r;
}
