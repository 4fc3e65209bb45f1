/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's settings: the words of its command line are taken apart, the config file is read if the
 * command has one, and of each option what ranks highest goes into the command's struct. options.c
 * runs a command with them; the agent reads them again while it runs.
 */
#include "cmd/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "cmd/option_value.h"

enum { MAX_NAMES = 256, SHOWN_LEN = 64 };

/* An option on the command line; @shown: as it was written, for messages. */
struct given {
	const struct pn_option *option;
	char shown[SHOWN_LEN];
	const char *text;
};

struct pn_settings {
	const struct pn_command *command;
	const struct pn_complaints *complaints; /* while it is read */
	int argc, n_operands;
	char **argv;
	struct given *given;
	size_t n_given, cap;
	struct pn_config_file file;
	void *values;
};

static int complain(const struct pn_settings *s, const char *fmt, ...) PN_PRINTF(2, 3);

static int complain(const struct pn_settings *s, const char *fmt, ...)
{
	char words[sizeof(struct pn_err)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	s->complaints->tell(s->complaints->data, words);
	return -EINVAL;
}

/* --- the command line --------------------------------------------------------------------------- */

static int unknown_option(const struct pn_settings *s, const char *word)
{
	const char *names[MAX_NAMES], *near;
	size_t n = 0;

	for (const struct pn_option *o = s->command->options; o->name && n < MAX_NAMES - 1; o++)
		names[n++] = o->name;
	names[n++] = "help";
	near = pn_nearest(word, names, n);
	return complain(s, "unknown option --%s%s", word, pn_meant(near, "--", "").text);
}

static const struct pn_option *find_long(const struct pn_command *c, const char *name, size_t len)
{
	for (const struct pn_option *o = c->options; o->name; o++) {
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

static const struct pn_option *find_letter(const struct pn_command *c, char letter)
{
	for (const struct pn_option *o = c->options; o->name; o++) {
		if (o->letter == letter)
			return o;
	}
	return NULL;
}

static int add(struct pn_settings *s, const struct pn_option *o, const char *shown,
	       const char *text)
{
	if (s->n_given == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct given *grown = reallocarray(s->given, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->given = grown;
		s->cap = cap;
	}
	s->given[s->n_given] = (struct given) { .option = o, .text = text };
	(void)snprintf(s->given[s->n_given++].shown, SHOWN_LEN, "%s", shown);
	return 0;
}

/* @value: the one behind '=' or the letter, or NULL: the next word then. Moves *i over it. */
static int take_option(struct pn_settings *s, const struct pn_option *o, const char *shown,
		       const char *value, int *i)
{
	if (o->type == PN_OPT_MARK && value)
		return complain(s, "%s takes no value", shown);
	if (!pn_option_takes_value(o))
		return add(s, o, shown, value ? value : "true");
	if (!value) {
		if (*i + 1 >= s->argc)
			return complain(s, "%s needs a value: %s", shown, o->arg);
		value = s->argv[++*i];
	}
	return add(s, o, shown, value);
}

static int take_long(struct pn_settings *s, int *i)
{
	const char *word = s->argv[*i] + 2, *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct pn_option *o = find_long(s->command, word, len);
	char shown[SHOWN_LEN];

	if (!o) {
		(void)snprintf(shown, sizeof(shown), "%.*s", (int)PN_MIN(len, (size_t)40), word);
		return unknown_option(s, shown);
	}
	(void)snprintf(shown, sizeof(shown), "--%s", o->name);
	return take_option(s, o, shown, eq ? eq + 1 : NULL, i);
}

/* A word of letters: "-f", "-fo json", "-ojson". */
static int take_letters(struct pn_settings *s, int *i)
{
	for (const char *p = s->argv[*i] + 1; *p; p++) {
		const struct pn_option *o = find_letter(s->command, *p);
		char shown[] = { '-', *p, '\0' };
		const char *value = NULL;
		int r;

		if (!o)
			return complain(s, "unknown option -%c", *p);
		if (pn_option_takes_value(o) && p[1])
			value = p + 1;
		r = take_option(s, o, shown, value, i);
		if (r < 0 || pn_option_takes_value(o))
			return r;
	}
	return 0;
}

static int take_words(struct pn_settings *s)
{
	const struct pn_command *c = s->command;
	bool only_operands = false;
	int r = 0;

	for (int i = 0; i < s->argc; i++) {
		char *word = s->argv[i];

		if (only_operands || word[0] != '-' || word[1] == '\0') {
			s->argv[s->n_operands++] = word;
			continue;
		}
		if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
			return -ECANCELED;
		else if (word[1] == '-')
			r = take_long(s, &i);
		else
			r = take_letters(s, &i);
		if (r < 0)
			return r;
	}
	if (s->n_operands < c->n_operands_min)
		return complain(s, "needs %s", c->operands);
	if (s->n_operands > c->n_operands_max)
		return complain(s, "does not know what to do with \"%s\"",
				s->argv[c->n_operands_max]);
	return 0;
}

/* --- what ranks highest ------------------------------------------------------------------------- */

static const struct given *find_given(const struct pn_settings *s, const struct pn_option *o,
				      size_t n)
{
	for (size_t i = 0; i < s->n_given; i++) {
		if (s->given[i].option == o && n-- == 0)
			return &s->given[i];
	}
	return NULL;
}

static const struct pn_config_entry *find_entry(const struct pn_settings *s,
						const struct pn_option *o, size_t n)
{
	for (size_t i = 0; i < s->file.n; i++) {
		if (s->file.entries[i].option == o && n-- == 0)
			return &s->file.entries[i];
	}
	return NULL;
}

/* An empty variable is none. */
static const char *env_text(const struct pn_option *o)
{
	char name[PN_ENV_NAME_LEN];
	const char *text;

	if (!o->has_env)
		return NULL;
	pn_option_env_name(o, name);
	text = getenv(name);
	return text && *text ? text : NULL;
}

enum pn_origin pn_settings_origin(const struct pn_settings *s, const struct pn_option *o,
				  size_t *ret_line)
{
	const struct pn_config_entry *entry = find_entry(s, o, 0);

	*ret_line = 0;
	if (find_given(s, o, 0))
		return PN_FROM_FLAG;
	if (env_text(o))
		return PN_FROM_ENV;
	if (entry) {
		*ret_line = entry->line;
		return PN_FROM_FILE;
	}
	return o->preset ? PN_FROM_DEFAULT : PN_FROM_NOWHERE;
}

static bool is_list(const struct pn_option *o)
{
	return o->type == PN_OPT_ITEM || o->type == PN_OPT_MARK;
}

/* Of an option that has one value the last flag counts. */
static const char *flag_text(const struct pn_settings *s, const struct pn_option *o, size_t n)
{
	const struct given *found = find_given(s, o, n), *later;

	while (found && !is_list(o) && (later = find_given(s, o, ++n)))
		found = later;
	return found ? found->text : NULL;
}

const char *pn_settings_text(const struct pn_settings *s, const struct pn_option *o, size_t n)
{
	const struct pn_config_entry *entry;
	size_t line;

	if (n && !is_list(o))
		return NULL;
	switch (pn_settings_origin(s, o, &line)) {
	case PN_FROM_FLAG:
		return flag_text(s, o, n);
	case PN_FROM_ENV:
		return n ? NULL : env_text(o);
	case PN_FROM_FILE:
		entry = find_entry(s, o, n);
		return entry ? entry->text : NULL;
	case PN_FROM_DEFAULT:
		return n ? NULL : o->preset;
	case PN_FROM_NOWHERE:
		break;
	}
	return NULL;
}

bool pn_settings_differ(const struct pn_settings *a, const struct pn_settings *b,
			const struct pn_option *o)
{
	for (size_t n = 0;; n++) {
		const char *x = pn_settings_text(a, o, n), *y = pn_settings_text(b, o, n);

		if (!x || !y)
			return x != y;
		if (strcmp(x, y) != 0)
			return true;
	}
}

/* --- values ------------------------------------------------------------------------------------- */

static int set(struct pn_settings *s, const struct pn_option *o, const char *from, const char *text)
{
	struct pn_err err = { "" };

	return pn_option_set(o, from, text, s->values, &err) < 0 ? complain(s, "%s", err.text) : 0;
}

/* All but what was a flag. */
static int set_from_below(struct pn_settings *s, const struct pn_option *o)
{
	char name[PN_ENV_NAME_LEN];
	const char *text;
	int r = 0;

	if (find_given(s, o, 0))
		return 0;
	pn_option_env_name(o, name);
	for (size_t n = 0; r == 0 && (text = pn_settings_text(s, o, n)); n++)
		r = set(s, o, name, text);
	return r;
}

/* Flags in their order, in which they may be of one list. */
static int set_values(struct pn_settings *s)
{
	int r = 0;

	for (const struct pn_option *o = s->command->options; r == 0 && o->name; o++)
		r = set_from_below(s, o);
	for (size_t i = 0; r == 0 && i < s->n_given; i++)
		r = set(s, s->given[i].option, s->given[i].shown, s->given[i].text);
	return r;
}

/* That there is none is an error only where somebody has said that there is one. */
static int read_file(struct pn_settings *s)
{
	const struct pn_option *o = s->command->options;
	const char *path;
	size_t line;
	int r;

	while (o->name && o->type != PN_OPT_CONFIG)
		o++;
	path = o->name ? pn_settings_text(s, o, 0) : NULL;
	if (!path || strcmp(path, "none") == 0)
		return 0;
	r = pn_config_file_read(s->command, path, s->complaints, &s->file);
	if (r != -ENOENT)
		return r;
	if (pn_settings_origin(s, o, &line) == PN_FROM_DEFAULT)
		return 0;
	return complain(s, "%s: %s", path, strerror(ENOENT));
}

int pn_settings_read(const struct pn_command *command, int argc, char **argv,
		     const struct pn_complaints *complaints, struct pn_settings **ret)
{
	struct pn_settings *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (s)
		s->values = calloc(1, PN_MAX(command->values_size, (size_t)1));
	if (s && s->values) {
		s->command = command;
		s->complaints = complaints;
		s->argc = argc;
		s->argv = argv;
		r = take_words(s);
		if (r == 0)
			r = read_file(s);
		if (r == 0)
			r = set_values(s);
	}
	if (r == -ENOMEM)
		complaints->tell(complaints->data, "out of memory");
	if (r == 0)
		*ret = s;
	else
		pn_settings_free(s);
	return r;
}

void pn_settings_free(struct pn_settings *s)
{
	if (!s)
		return;
	pn_config_file_done(&s->file);
	free(s->given);
	free(s->values);
	free(s);
}

/* --- looking into them -------------------------------------------------------------------------- */

const void *pn_settings_values(const struct pn_settings *s)
{
	return s->values;
}

int pn_settings_operands(const struct pn_settings *s, char ***ret)
{
	*ret = s->argv;
	return s->n_operands;
}

const struct pn_command *pn_settings_command(const struct pn_settings *s)
{
	return s->command;
}

void pn_settings_arguments(const struct pn_settings *s, int *ret_argc, char ***ret_argv)
{
	*ret_argc = s->argc;
	*ret_argv = s->argv;
}

const char *pn_settings_path(const struct pn_settings *s)
{
	return s->file.path;
}
