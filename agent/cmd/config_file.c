/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the config file, for settings.c. libyaml's events are gone through once, each with its line, and
 * every value is tried on a struct of the command's that nobody uses, so that a file is known to be
 * right before anything of it holds. Reading goes on behind an error as long as the text is YAML.
 */
#include "cmd/config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/util.h"
#include "cmd/option_value.h"
#include "kube/file.h"
#include "kube/yaml_scalar.h"

enum { MAX_ROWS = 256, MAX_TOLD = 20 };

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	const char *path, *text;
	const struct pn_command *command;
	const struct pn_complaints *complaints;
	unsigned int n_errors;
	void *scratch;		     /* a struct of the command's */
	size_t seen_lines[MAX_ROWS]; /* where each row was set first; 0: nowhere yet */
	struct pn_config_file *out;
	size_t cap;
};

/* --- what is wrong ------------------------------------------------------------------------------ */

static int bad_at(struct reader *r, size_t line, const char *fmt, ...) PN_PRINTF(3, 4);

/* Return: -EINVAL, which need not end the reading */
static int bad_at(struct reader *r, size_t line, const char *fmt, ...)
{
	char words[sizeof(struct pn_err)], told[sizeof(words) + 256];
	va_list ap;

	if (r->n_errors++ >= MAX_TOLD)
		return -EINVAL;
	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	(void)snprintf(told, sizeof(told), "%.200s:%zu: %s", r->path, line, words);
	r->complaints->tell(r->complaints->data, told);
	return -EINVAL;
}

static size_t line_of(const struct reader *r)
{
	return r->event.start_mark.line + 1;
}

#define bad(r, ...) bad_at(r, line_of(r), __VA_ARGS__)

static void tell_rest(const struct reader *r)
{
	char told[320];

	if (r->n_errors <= MAX_TOLD)
		return;
	(void)snprintf(told, sizeof(told), "%.200s: %u more errors", r->path,
		       r->n_errors - MAX_TOLD);
	r->complaints->tell(r->complaints->data, told);
}

/* Where bytes are not UTF-8 libyaml knows the byte alone. */
static size_t line_of_byte(const struct reader *r, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && r->text[i]; i++)
		line += r->text[i] == '\n';
	return line;
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	switch (p->error) {
	case YAML_MEMORY_ERROR:
		return -ENOMEM;
	case YAML_READER_ERROR:
		return bad_at(r, line_of_byte(r, p->problem_offset), "not UTF-8 text: %s",
			      p->problem);
	default:
		return bad_at(r, p->problem_mark.line + 1, "not YAML: %s",
			      p->problem ? p->problem : "it cannot be read");
	}
}

/* --- events ------------------------------------------------------------------------------------- */

static int next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	memset(&r->event, 0, sizeof(r->event));
	return syntax_error(r);
}

static bool starts_node(const yaml_event_t *e)
{
	return e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
}

static bool ends_node(const yaml_event_t *e)
{
	return e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
}

/* The event begins a node; afterwards it is the node's last one. */
static int skip(struct reader *r)
{
	unsigned int depth = starts_node(&r->event);
	int x = 0;

	while (depth && x == 0) {
		x = next(r);
		depth += starts_node(&r->event);
		depth -= ends_node(&r->event);
	}
	return x;
}

/* --- values ------------------------------------------------------------------------------------- */

static int keep(struct reader *r, const struct pn_option *o, const char *text)
{
	struct pn_config_file *f = r->out;

	if (f->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct pn_config_entry *grown = reallocarray(f->entries, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		f->entries = grown;
		r->cap = cap;
	}
	f->entries[f->n] = (struct pn_config_entry) {
		.option = o,
		.text = strdup(text),
		.line = line_of(r),
	};
	return f->entries[f->n].text ? (f->n++, 0) : -ENOMEM;
}

/* Return: 0 also for a value that is wrong, which has been told */
static int take_scalar(struct reader *r, const struct pn_option *o)
{
	const char *text = (const char *)r->event.data.scalar.value;
	bool is_plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct pn_err err = { "" };
	int x;

	if (strlen(text) != r->event.data.scalar.length)
		return (void)bad(r, "%s: holds a NUL", o->name), 0;
	if (r->event.data.scalar.tag || r->event.data.scalar.anchor)
		return (void)bad(r, "%s: tags (!) and anchors (&) are not supported", o->name), 0;
	if (is_plain && pn_yaml_is_null(text))
		return (void)bad(r, "%s: has no value; leave the key out for the default", o->name),
		       0;
	x = keep(r, o, text);
	if (x < 0)
		return x;
	/* What is kept stays where it is until the file is done with. */
	if (pn_option_set(o, o->name, r->out->entries[r->out->n - 1].text, r->scratch, &err) < 0)
		(void)bad(r, "%s", err.text);
	return 0;
}

static int take_list(struct reader *r, const struct pn_option *o)
{
	int x;

	while ((x = next(r)) == 0 && r->event.type != YAML_SEQUENCE_END_EVENT) {
		if (r->event.type == YAML_SCALAR_EVENT) {
			x = take_scalar(r, o);
		} else {
			(void)bad(r, "%s: each entry of the list has to be a text", o->name);
			x = skip(r);
		}
		if (x < 0)
			break;
	}
	return x;
}

/* The event begins the value; afterwards it is the value's last one. */
static int take_value(struct reader *r, const struct pn_option *o)
{
	const char *what = r->event.type == YAML_SEQUENCE_START_EVENT  ? "a list"
			   : r->event.type == YAML_MAPPING_START_EVENT ? "a map"
								       : "an alias (*)";

	if (r->event.type == YAML_SCALAR_EVENT)
		return take_scalar(r, o);
	if (r->event.type == YAML_SEQUENCE_START_EVENT && o->type == PN_OPT_ITEM)
		return take_list(r, o);
	(void)bad(r, "%s: is %s where %s belongs", o->name, what, pn_option_wanted(o));
	return skip(r);
}

/* --- keys --------------------------------------------------------------------------------------- */

static bool is_key(const struct pn_option *o)
{
	return o->type != PN_OPT_CONFIG && o->type != PN_OPT_MARK;
}

static const struct pn_option *find(const struct reader *r, const char *key, size_t *ret_row)
{
	const struct pn_option *o = r->command->options;

	for (size_t i = 0; i < MAX_ROWS && o[i].name; i++) {
		if (is_key(&o[i]) && strcmp(o[i].name, key) == 0) {
			*ret_row = i;
			return &o[i];
		}
	}
	return NULL;
}

static void unknown_key(struct reader *r, const char *key)
{
	const char *names[MAX_ROWS], *near;
	size_t n = 0;

	for (const struct pn_option *o = r->command->options; o->name && n < MAX_ROWS; o++)
		if (is_key(o))
			names[n++] = o->name;
	near = pn_nearest(key, names, n);
	if (near)
		(void)bad(r, "unknown key \"%.64s\"%s", key, pn_meant(near, "", "").text);
	else
		(void)bad(r, "unknown key \"%.64s\"; see: podonym %s --help", key,
			  r->command->name);
}

/* Return: the row of the key that the event is; NULL: there is none, which has been told */
static const struct pn_option *take_key(struct reader *r)
{
	const struct pn_option *o;
	const char *key;
	size_t row;

	if (r->event.type != YAML_SCALAR_EVENT) {
		(void)bad(r, "a key has to be one word");
		return NULL;
	}
	key = (const char *)r->event.data.scalar.value;
	o = find(r, key, &row);
	if (!o) {
		unknown_key(r, key);
		return NULL;
	}
	if (r->seen_lines[row]) {
		(void)bad(r, "%s: is there twice, first in line %zu", key, r->seen_lines[row]);
		return NULL;
	}
	r->seen_lines[row] = line_of(r);
	return o;
}

static int take_map(struct reader *r)
{
	int x;

	while ((x = next(r)) == 0 && r->event.type != YAML_MAPPING_END_EVENT) {
		const struct pn_option *o = take_key(r);

		x = o ? 0 : skip(r);
		if (x == 0)
			x = next(r);
		if (x == 0)
			x = o ? take_value(r, o) : skip(r);
		if (x < 0)
			break;
	}
	return x;
}

/* --- files -------------------------------------------------------------------------------------- */

static bool is_nothing(const yaml_event_t *e)
{
	return e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       pn_yaml_is_null((const char *)e->data.scalar.value);
}

/* The event begins what a document holds. */
static int take_root(struct reader *r)
{
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return take_map(r);
	if (!is_nothing(&r->event))
		(void)bad(r, "not a map: a line is KEY: VALUE");
	return skip(r);
}

static int take_stream(struct reader *r)
{
	unsigned int n_documents = 0;
	int x;

	while ((x = next(r)) == 0 && r->event.type != YAML_STREAM_END_EVENT) {
		if (r->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (n_documents++)
			return bad(r, "a second document (---): a config file has one");
		x = next(r);
		if (x == 0)
			x = take_root(r);
		if (x < 0)
			break;
	}
	return x;
}

static int read_all(struct reader *r)
{
	int x;

	if (!yaml_parser_initialize(&r->parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, strlen(r->text));
	x = take_stream(r);
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
	return x < 0 ? x : r->n_errors ? -EINVAL : 0;
}

int pn_config_file_parse(const struct pn_command *command, const char *path, const char *text,
			 const struct pn_complaints *complaints, struct pn_config_file *ret)
{
	PN_CLEANUP(pn_freep) struct reader *r = calloc(1, sizeof(*r));
	PN_CLEANUP(pn_freep) void *scratch = calloc(1, command->values_size);
	struct pn_config_file out = { .path = strdup(path) };
	int x = -ENOMEM;

	if (r && scratch && out.path) {
		r->path = path;
		r->text = text;
		r->command = command;
		r->complaints = complaints;
		r->scratch = scratch;
		r->out = &out;
		x = read_all(r);
		tell_rest(r);
	}
	if (x == 0) {
		*ret = out;
		return 0;
	}
	if (x == -ENOMEM)
		complaints->tell(complaints->data, "out of memory");
	pn_config_file_done(&out);
	return x;
}

int pn_config_file_read(const struct pn_command *command, const char *path,
			const struct pn_complaints *complaints, struct pn_config_file *ret)
{
	PN_CLEANUP(pn_wipe_freep) char *text = NULL;
	struct pn_err err = { "" };
	int r = pn_file_read(path, PN_CONFIG_MAX_BYTES, &text, &err);

	if (r == 0)
		return pn_config_file_parse(command, path, text, complaints, ret);
	if (r != -ENOENT)
		complaints->tell(complaints->data, err.text);
	return r;
}

void pn_config_file_done(struct pn_config_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->entries[i].text);
	free(f->entries);
	free(f->path);
	*f = (struct pn_config_file) { .n = 0 };
}
