/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. main.c finds the command, this file reads its options by the command's table
 * and runs it. Every refusal names the word that is wrong and, where one is near, the right one.
 */
#include "cmd/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Where a value came from, for messages: "--interval" or "PODONYM_INTERVAL". */
struct origin {
	const char *command, *name;
};

enum { ENV_NAME_LEN = 64, HELP_COLUMN = 28, MAX_NAMES = 64 };

static int usage_error(const char *command, const char *fmt, ...) PN_PRINTF(2, 3);

static int usage_error(const char *command, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "podonym %s: ", command);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nTry: podonym %s --help\n", command);
	return -EINVAL;
}

static int unknown_option(const struct pn_command *c, const char *word)
{
	const char *names[MAX_NAMES], *near;
	size_t n = 0;

	for (const struct pn_option *o = c->options; o->name && n < MAX_NAMES - 1; o++)
		names[n++] = o->name;
	names[n++] = "help";
	near = pn_nearest(word, names, n);
	if (near)
		return usage_error(c->name, "unknown option --%s, did you mean --%s?", word, near);
	return usage_error(c->name, "unknown option --%s", word);
}

static int set_choice(const struct pn_option *o, const struct origin *from, const char *text,
		      const char **ret)
{
	char list[256] = "";
	const char *near;
	size_t n = 0;

	for (; o->choices[n]; n++) {
		size_t len = strlen(list);

		if (strcmp(text, o->choices[n]) == 0) {
			*ret = o->choices[n];
			return 0;
		}
		(void)snprintf(list + len, sizeof(list) - len, "%s%s", n ? ", " : "",
			       o->choices[n]);
	}
	near = pn_nearest(text, o->choices, n);
	if (near)
		return usage_error(from->command, "%s: \"%s\" is not one of %s; did you mean %s?",
				   from->name, text, list, near);
	return usage_error(from->command, "%s: \"%s\" is not one of %s", from->name, text, list);
}

static int set_uint(const struct pn_option *o, const struct origin *from, const char *text,
		    uint32_t *ret)
{
	uint64_t n;

	if (pn_number_parse(text, o->max, &n) < 0 || n < o->min)
		return usage_error(from->command, "%s: \"%s\" is not a number from %llu to %llu",
				   from->name, text, (unsigned long long)o->min,
				   (unsigned long long)o->max);
	*ret = (uint32_t)n;
	return 0;
}

static int set_duration(const struct pn_option *o, const struct origin *from, const char *text,
			pn_nsec *ret)
{
	pn_nsec ns;

	if (pn_duration_parse(text, &ns) < 0)
		return usage_error(from->command,
				   "%s: \"%s\" is not a duration; write 500ms, 5s, 2m or 1h",
				   from->name, text);
	if (ns < o->min || ns > o->max)
		return usage_error(from->command, "%s: \"%s\" is not between %llums and %llus",
				   from->name, text,
				   (unsigned long long)(o->min / PN_NSEC_PER_MSEC),
				   (unsigned long long)(o->max / PN_NSEC_PER_SEC));
	*ret = ns;
	return 0;
}

static int set_flag(const struct origin *from, const char *text, bool *ret)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return usage_error(from->command, "%s: \"%s\" is neither true nor false",
				   from->name, text);
	*ret = text[0] == 't';
	return 0;
}

static int add_item(const struct pn_option *o, const struct origin *from, const char *text,
		    struct pn_option_items *list)
{
	if (list->n == PN_ARRAY_SIZE(list->items))
		return usage_error(from->command,
				   "%s: too many options of this kind, more than %zu", from->name,
				   list->n);
	list->items[list->n++] = (struct pn_option_item) {
		.name = o->name,
		.value = o->type == PN_OPT_MARK ? NULL : text,
	};
	return 0;
}

static int set_value(const struct pn_option *o, const struct origin *from, const char *text,
		     void *values)
{
	void *at = (char *)values + o->offset;

	switch (o->type) {
	case PN_OPT_FLAG:
		return set_flag(from, text, at);
	case PN_OPT_STRING:
		*(const char **)at = text;
		return 0;
	case PN_OPT_CHOICE:
		return set_choice(o, from, text, at);
	case PN_OPT_UINT:
		return set_uint(o, from, text, at);
	case PN_OPT_DURATION:
		return set_duration(o, from, text, at);
	case PN_OPT_ITEM:
	case PN_OPT_MARK:
		return add_item(o, from, text, at);
	}
	return -EINVAL;
}

static void env_name(const struct pn_option *o, char buf[static ENV_NAME_LEN])
{
	(void)snprintf(buf, ENV_NAME_LEN, "PODONYM_%s", o->name);
	for (char *p = buf; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

/* Defaults first, then the environment; flags come over both. */
static int set_initial(const struct pn_command *c, void *values)
{
	for (const struct pn_option *o = c->options; o->name; o++) {
		char name[ENV_NAME_LEN];
		struct origin from = { .command = c->name, .name = name };
		const char *text = NULL;
		int r = 0;

		env_name(o, name);
		if (o->has_env)
			text = getenv(name);
		if (!text || !*text)
			text = o->preset;
		if (text)
			r = set_value(o, &from, text, values);
		if (r < 0)
			return r;
	}
	return 0;
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

static bool takes_value(const struct pn_option *o)
{
	return o->type != PN_OPT_FLAG && o->type != PN_OPT_MARK;
}

/* @given: the value behind '=' or the letter, or NULL: the next word then. Moves *i over it. */
static int take_option(const struct pn_command *c, const struct pn_option *o, const char *shown,
		       const char *given, int argc, char **argv, int *i, void *values)
{
	struct origin from = { .command = c->name, .name = shown };

	if (o->type == PN_OPT_MARK && given)
		return usage_error(c->name, "%s takes no value", shown);
	if (!takes_value(o))
		return set_value(o, &from, given ? given : "true", values);
	if (!given) {
		if (*i + 1 >= argc)
			return usage_error(c->name, "%s needs a value: %s", shown, o->arg);
		given = argv[++*i];
	}
	return set_value(o, &from, given, values);
}

static int take_long(const struct pn_command *c, int argc, char **argv, int *i, void *values)
{
	const char *word = argv[*i] + 2, *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct pn_option *o = find_long(c, word, len);
	char shown[ENV_NAME_LEN];

	if (!o) {
		(void)snprintf(shown, sizeof(shown), "%.*s", (int)PN_MIN(len, (size_t)40), word);
		return unknown_option(c, shown);
	}
	(void)snprintf(shown, sizeof(shown), "--%s", o->name);
	return take_option(c, o, shown, eq ? eq + 1 : NULL, argc, argv, i, values);
}

/* A word of letters: "-f", "-fo json", "-ojson". */
static int take_letters(const struct pn_command *c, int argc, char **argv, int *i, void *values)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct pn_option *o = find_letter(c, *p);
		char shown[] = { '-', *p, '\0' };
		const char *given = NULL;
		int r;

		if (!o)
			return usage_error(c->name, "unknown option -%c", *p);
		if (takes_value(o) && p[1])
			given = p + 1;
		r = take_option(c, o, shown, given, argc, argv, i, values);
		if (r < 0 || takes_value(o))
			return r;
	}
	return 0;
}

/* Operands are moved to the front of @argv. Return: how many, or -EINVAL, or -ECANCELED for help. */
static int parse(const struct pn_command *c, int argc, char **argv, void *values)
{
	bool only_operands = false;
	int n = 0, r = 0;

	for (int i = 0; i < argc; i++) {
		char *word = argv[i];

		if (only_operands || word[0] != '-' || word[1] == '\0') {
			argv[n++] = word;
			continue;
		}
		if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
			return -ECANCELED;
		else if (word[1] == '-')
			r = take_long(c, argc, argv, &i, values);
		else
			r = take_letters(c, argc, argv, &i, values);
		if (r < 0)
			return r;
	}
	if (n < c->n_operands_min)
		return usage_error(c->name, "needs %s", c->operands);
	if (n > c->n_operands_max)
		return usage_error(c->name, "does not know what to do with \"%s\"",
				   argv[c->n_operands_max]);
	return n;
}

int pn_command_main(const struct pn_command *command, int argc, char **argv)
{
	PN_CLEANUP(pn_freep) void *values = calloc(1, PN_MAX(command->values_size, (size_t)1));
	int n;

	if (!values) {
		(void)fprintf(stderr, "podonym %s: out of memory\n", command->name);
		return PN_EXIT_FAILED;
	}
	n = set_initial(command, values);
	if (n == 0)
		n = parse(command, argc, argv, values);
	if (n == -ECANCELED) {
		pn_command_help(command, stdout);
		return PN_EXIT_DONE;
	}
	if (n < 0)
		return PN_EXIT_USAGE;
	return command->run(values, n, argv);
}

/* Behind the text, on a line of its own: "(default 5s; $PODONYM_INTERVAL)". */
static void option_sources_help(const struct pn_option *o, FILE *out)
{
	char name[ENV_NAME_LEN];

	if (!o->preset && !o->has_env)
		return;
	env_name(o, name);
	(void)fprintf(out, "%*s(%s%s%s%s%s)\n", HELP_COLUMN, "", o->preset ? "default " : "",
		      o->preset ? o->preset : "", o->preset && o->has_env ? "; " : "",
		      o->has_env ? "$" : "", o->has_env ? name : "");
}

static void option_help(const struct pn_option *o, FILE *out)
{
	char left[96];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", o->letter ? '-' : ' ',
		     o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name, o->arg ? " " : "",
		     o->arg ? o->arg : "");
	(void)fprintf(out, "%-*s%s", HELP_COLUMN, left, n >= HELP_COLUMN ? " " : "");
	(void)fputs(o->help, out);
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		(void)fprintf(out, "%s%s", i ? ", " : ": ", o->choices[i]);
	(void)fputc('\n', out);
	option_sources_help(o, out);
}

void pn_command_help(const struct pn_command *command, FILE *out)
{
	(void)fprintf(out, "podonym %s - %s\n\nUSAGE\n  podonym %s%s%s%s\n\nDESCRIPTION\n%s",
		      command->name, command->summary, command->name,
		      command->options->name ? " [OPTIONS]" : "", *command->operands ? " " : "",
		      command->operands, command->description);
	if (command->options->name) {
		(void)fprintf(out, "\nOPTIONS\n");
		for (const struct pn_option *o = command->options; o->name; o++)
			option_help(o, out);
	}
	(void)fprintf(out, "\nEXAMPLES\n%s", command->examples);
	(void)fprintf(out, "\nEXIT STATUS\n  0 done, 1 failed, 2 wrong usage%s%s\n",
		      command->status ? ", " : "", command->status ? command->status : "");
}
