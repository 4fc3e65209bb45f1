/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual pages, for `podonym man`, from the tables that --help prints: the same words in another
 * form. Only macros of man(7) that mandoc and groff both know.
 */
#include "cmd/man.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/version.h"

enum { LINE_BYTES = 70 };

/* @text as it is: nothing of it is a request or an escape. */
static void put_len(const char *text, size_t len, FILE *out)
{
	if (len && (text[0] == '.' || text[0] == '\''))
		(void)fputs("\\&", out);
	for (; len; len--, text++) {
		if (*text == '\\')
			(void)fputs("\\e", out);
		else if (*text == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(*text, out);
	}
}

static void put(const char *text, FILE *out)
{
	put_len(text, strlen(text), out);
}

/* Words in lines that are short enough for mandoc; the last one ends. */
static void put_filled(const char *text, size_t len, FILE *out)
{
	size_t column = 0;

	while (len) {
		size_t word = 0, gap = 0;

		while (word < len && text[word] != ' ')
			word++;
		while (word + gap < len && text[word + gap] == ' ')
			gap++;
		if (column && column + word + 1 > LINE_BYTES) {
			(void)fputc('\n', out);
			column = 0;
		}
		if (column)
			(void)fputc(' ', out);
		put_len(text, word, out);
		column += word + 1;
		text += word + gap;
		len -= word + gap;
	}
	(void)fputc('\n', out);
}

/* The name with '-' for spaces: "podonym-policy-explain". */
static void put_page_name(const struct pn_command *c, bool upper, FILE *out)
{
	(void)fputs(upper ? "PODONYM\\-" : "podonym\\-", out);
	for (const char *p = c->name; *p; p++) {
		if (*p == ' ' || *p == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(upper ? toupper((unsigned char)*p) : *p, out);
	}
}

static size_t indent_of(const char *line)
{
	return strspn(line, " ");
}

static void put_line(const char *text, size_t len, FILE *out)
{
	put_len(text, len, out);
	(void)fputc('\n', out);
}

/*
 * Text as tables have it: lines with two spaces before them, an empty one between paragraphs; what is
 * indented more keeps its lines.
 */
static void put_text(const char *text, FILE *out)
{
	bool verbatim = false, pause = false;

	while (*text) {
		size_t len = strcspn(text, "\n"), indent = indent_of(text);

		if (indent >= len) {
			pause = true;
		} else {
			bool deep = indent > 2;

			if (verbatim && !deep)
				(void)fputs(".fi\n.RE\n", out);
			if (pause)
				(void)fputs(".PP\n", out);
			if (deep && !verbatim)
				(void)fputs(".RS 4\n.nf\n", out);
			if (deep)
				put_line(text + indent, len - indent, out);
			else
				put_filled(text + indent, len - indent, out);
			verbatim = deep;
			pause = false;
		}
		text += len + (text[len] == '\n');
	}
	if (verbatim)
		(void)fputs(".fi\n.RE\n", out);
}

static void put_verbatim(const char *text, FILE *out)
{
	(void)fputs(".nf\n", out);
	while (*text) {
		size_t len = strcspn(text, "\n"), indent = indent_of(text);

		indent = indent > 2 ? 2 : indent;
		put_line(text + indent, len - indent, out);
		text += len + (text[len] == '\n');
	}
	(void)fputs(".fi\n", out);
}

static void put_env_name(const struct pn_option *o, FILE *out)
{
	(void)fputs("PODONYM_", out);
	for (const char *p = o->name; *p; p++)
		(void)fputc(*p == '-' ? '_' : toupper((unsigned char)*p), out);
}

static void put_choices(const struct pn_option *o, FILE *out)
{
	(void)fputs(".br\nOne of ", out);
	for (size_t i = 0; o->choices[i]; i++) {
		(void)fputs(i ? ", " : "", out);
		put(o->choices[i], out);
	}
	(void)fputs(".\n", out);
}

static void put_option(const struct pn_option *o, FILE *out)
{
	(void)fputs(".TP\n", out);
	if (o->letter)
		(void)fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
	(void)fputs("\\fB\\-\\-", out);
	put(o->name, out);
	(void)fputs("\\fR", out);
	if (o->arg)
		(void)fprintf(out, " \\fI%s\\fR", o->arg);
	(void)fputc('\n', out);
	put_filled(o->help, strlen(o->help), out);
	if (o->choices)
		put_choices(o, out);
	if (o->preset) {
		(void)fputs(".br\nDefault: ", out);
		put(o->preset, out);
		(void)fputs(".\n", out);
	}
	if (o->has_env) {
		(void)fputs(".br\nEnvironment: \\fB", out);
		put_env_name(o, out);
		(void)fputs("\\fR.\n", out);
	}
	if (o->live)
		(void)fputs(".br\nChanges at once when the config file is read again (reload).\n",
			    out);
}

static void put_exit_status(FILE *out)
{
	(void)fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n", out);
}

/* Behind the page's name. The day is today, unless a build that is to be repeated says which. */
static void put_date_and_version(FILE *out)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	(void)fprintf(out, " 1 \"%s\" \"podonym ", date);
	put(pn_version(), out);
	(void)fputs("\" \"podonym\"\n", out);
}

void pn_man_command(const struct pn_command *c, FILE *out)
{
	(void)fputs(".TH ", out);
	put_page_name(c, true, out);
	put_date_and_version(out);
	(void)fputs(".SH NAME\n", out);
	put_page_name(c, false, out);
	(void)fputs(" \\-\n", out);
	put_filled(c->summary, strlen(c->summary), out);
	(void)fprintf(out, ".SH SYNOPSIS\n\\fBpodonym %s\\fR%s%s", c->name,
		      c->options->name ? " [\\fIOPTIONS\\fR]" : "", *c->operands ? " " : "");
	put(c->operands, out);
	(void)fputs("\n.SH DESCRIPTION\n", out);
	put_text(c->description, out);
	if (c->options->name)
		(void)fputs(".SH OPTIONS\n", out);
	for (const struct pn_option *o = c->options; o->name; o++)
		put_option(o, out);
	(void)fputs(".SH EXAMPLES\n", out);
	put_verbatim(c->examples, out);
	put_exit_status(out);
	(void)fputs(".SH SEE ALSO\n\\fBpodonym\\fR(1)\n", out);
}

void pn_man_program(const struct pn_command *const *commands, size_t n, FILE *out)
{
	(void)fputs(".TH PODONYM", out);
	put_date_and_version(out);
	(void)fputs(".SH NAME\npodonym \\- puts workload names on packets\n"
		    ".SH SYNOPSIS\n"
		    "\\fBpodonym\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIOPERANDS\\fR]\n"
		    ".SH COMMANDS\n",
		    out);
	for (size_t i = 0; i < n; i++) {
		(void)fputs(".TP\n\\fB", out);
		put_page_name(commands[i], false, out);
		(void)fputs("\\fR(1)\n", out);
		put(commands[i]->summary, out);
		(void)fputs(".\n", out);
	}
	put_exit_status(out);
}
