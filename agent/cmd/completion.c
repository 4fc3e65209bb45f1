/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts for the shells, for `podonym completion`. Each shell has its own way to say the same: which
 * commands there are, which options each has, and what their values can be. A command of two words
 * (policy explain) is found by its second word, behind the first.
 */
#include "cmd/completion.h"

#include <string.h>

#include "base/util.h"

static bool takes_value(const struct pn_option *o)
{
	return o->arg != NULL;
}

static bool is_repeatable(const struct pn_option *o)
{
	return o->type == PN_OPT_ITEM || o->type == PN_OPT_MARK;
}

static bool takes_file(const struct pn_option *o)
{
	static const char *const args[] = { "FILE", "PATH", "DIR" };

	for (size_t i = 0; o->arg && i < PN_ARRAY_SIZE(args); i++) {
		if (strcmp(o->arg, args[i]) == 0)
			return true;
	}
	return false;
}

static void put_choices(const struct pn_option *o, FILE *out)
{
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		(void)fprintf(out, "%s%s", i ? " " : "", o->choices[i]);
}

static int first_word_len(const struct pn_command *c)
{
	return (int)strcspn(c->name, " ");
}

static const char *second_word(const struct pn_command *c)
{
	const char *space = strchr(c->name, ' ');

	return space ? space + 1 : NULL;
}

/* Of several commands with the same first word, is this the first? */
static bool is_first_of_group(const struct pn_command *const *commands, size_t i)
{
	int len = first_word_len(commands[i]);

	for (size_t j = 0; j < i; j++) {
		if (first_word_len(commands[j]) == len &&
		    strncmp(commands[j]->name, commands[i]->name, (size_t)len) == 0)
			return false;
	}
	return true;
}

/* The first words of all commands, each once. */
static void put_first_words(const struct pn_command *const *commands, size_t n, FILE *out)
{
	const char *between = "";

	for (size_t i = 0; i < n; i++) {
		if (!is_first_of_group(commands, i))
			continue;
		(void)fprintf(out, "%s%.*s", between, first_word_len(commands[i]),
			      commands[i]->name);
		between = " ";
	}
}

/* The second words of the group that command @i is of. */
static void put_second_words(const struct pn_command *const *commands, size_t n, size_t i,
			     FILE *out)
{
	int len = first_word_len(commands[i]);
	const char *between = "";

	for (size_t j = 0; j < n; j++) {
		const char *second = second_word(commands[j]);

		if (!second || first_word_len(commands[j]) != len ||
		    strncmp(commands[j]->name, commands[i]->name, (size_t)len) != 0)
			continue;
		(void)fprintf(out, "%s%s", between, second);
		between = " ";
	}
}

/* A text within single quotes of a shell; @escaped: characters that get a backslash besides. */
static void put_quoted(const char *text, const char *escaped, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			(void)fputs("'\\'", out);
		else if (strchr(escaped, *text))
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
}

/* --- bash ------------------------------------------------------------------------------------------ */

/* "-o | --output)": what stands before a value. */
static void bash_put_names(const struct pn_option *o, FILE *out)
{
	if (o->letter)
		(void)fprintf(out, "-%c | ", o->letter);
	(void)fprintf(out, "--%s", o->name);
}

static void bash_put_value(const struct pn_option *o, FILE *out)
{
	if (!takes_value(o))
		return;
	(void)fputs("\t\t", out);
	bash_put_names(o, out);
	(void)fputs(") ", out);
	if (o->choices) {
		(void)fputs("words='", out);
		put_choices(o, out);
		(void)fputs("'", out);
	} else {
		(void)fputs(takes_file(o) ? "words=:file" : "words=:none", out);
	}
	(void)fputs(" ;;\n", out);
}

static void bash_put_command(const struct pn_command *c, FILE *out)
{
	(void)fprintf(out, "\t'%s')\n\t\twords='", c->name);
	for (const struct pn_option *o = c->options; o->name; o++)
		(void)fprintf(out, "--%s ", o->name);
	(void)fputs("--help'\n\t\tcase $before in\n", out);
	for (const struct pn_option *o = c->options; o->name; o++)
		bash_put_value(o, out);
	(void)fputs("\t\tesac\n\t\t;;\n", out);
}

static void bash_put_group(const struct pn_command *const *commands, size_t n, size_t i, FILE *out)
{
	if (!second_word(commands[i]) || !is_first_of_group(commands, i))
		return;
	(void)fprintf(out, "\t'%.*s') words='", first_word_len(commands[i]), commands[i]->name);
	put_second_words(commands, n, i, out);
	(void)fputs("' ;;\n", out);
}

void pn_completion_bash(const struct pn_command *const *commands, size_t n, FILE *out)
{
	(void)fputs("# bash completion for podonym; made by: podonym completion bash\n"
		    "_podonym() {\n"
		    "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} "
		    "words\n"
		    "\tlocal command=${COMP_WORDS[1]}\n"
		    "\tCOMPREPLY=()\n"
		    "\t[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}\n"
		    "\tif [[ $word == = ]]; then word=''; fi\n"
		    "\tcase $command in\n",
		    out);
	for (size_t i = 0; i < n; i++) {
		if (second_word(commands[i]) && is_first_of_group(commands, i))
			(void)fprintf(
				out,
				"\t%.*s) ((COMP_CWORD < 3)) || command+=\" ${COMP_WORDS[2]}\" ;;\n",
				first_word_len(commands[i]), commands[i]->name);
	}
	(void)fputs("\tesac\n\t((COMP_CWORD > 1)) || command=''\n\tcase $command in\n\t'') words='",
		    out);
	put_first_words(commands, n, out);
	(void)fputs(" help' ;;\n", out);
	for (size_t i = 0; i < n; i++) {
		bash_put_group(commands, n, i, out);
		bash_put_command(commands[i], out);
	}
	(void)fputs("\tesac\n"
		    "\tcase $words in\n"
		    "\t:none) ;;\n"
		    "\t:file) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
		    "\t*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\") ;;\n"
		    "\tesac\n"
		    "}\n"
		    "complete -F _podonym podonym\n",
		    out);
}

/* --- zsh ------------------------------------------------------------------------------------------- */

/* What may stand in brackets and between colons of _arguments. */
static const char zsh_special[] = "[]:\\";

static void zsh_put_value(const struct pn_option *o, FILE *out)
{
	if (!takes_value(o))
		return;
	(void)fputc(':', out);
	put_quoted(o->arg, zsh_special, out);
	(void)fputc(':', out);
	if (takes_file(o))
		(void)fputs("_files", out);
	if (!o->choices)
		return;
	(void)fputc('(', out);
	put_choices(o, out);
	(void)fputc(')', out);
}

static void zsh_put_option(const struct pn_option *o, FILE *out)
{
	const char *value = takes_value(o) ? "=" : "";

	if (is_repeatable(o))
		(void)fputs(" \\\n\t\t\t'*'", out);
	else if (o->letter)
		(void)fprintf(out, " \\\n\t\t\t'(-%c --%s)'", o->letter, o->name);
	else
		(void)fputs(" \\\n\t\t\t", out);
	if (o->letter)
		(void)fprintf(out, "{-%c%s,--%s%s}", o->letter, takes_value(o) ? "+" : "", o->name,
			      value);
	else
		(void)fprintf(out, "--%s%s", o->name, value);
	(void)fputs("'[", out);
	put_quoted(o->help, zsh_special, out);
	(void)fputc(']', out);
	zsh_put_value(o, out);
	(void)fputc('\'', out);
}

static void zsh_put_command(const struct pn_command *c, FILE *out)
{
	(void)fprintf(out, "\t'%s')\n\t\t_arguments -s '--help[say what it does]'", c->name);
	for (const struct pn_option *o = c->options; o->name; o++)
		zsh_put_option(o, out);
	if (*c->operands)
		(void)fputs(" \\\n\t\t\t'*: :_files'", out);
	(void)fputs("\n\t\t;;\n", out);
}

static void zsh_put_group(const struct pn_command *const *commands, size_t n, size_t i, FILE *out)
{
	if (!second_word(commands[i]) || !is_first_of_group(commands, i))
		return;
	(void)fprintf(out, "\t'%.*s') compadd ", first_word_len(commands[i]), commands[i]->name);
	put_second_words(commands, n, i, out);
	(void)fputs(" ;;\n", out);
}

void pn_completion_zsh(const struct pn_command *const *commands, size_t n, FILE *out)
{
	(void)fputs("#compdef podonym\n"
		    "# zsh completion for podonym; made by: podonym completion zsh\n"
		    "_podonym() {\n"
		    "\tif ((CURRENT == 2)); then\n"
		    "\t\tcompadd ",
		    out);
	put_first_words(commands, n, out);
	(void)fputs(" help\n\t\treturn\n\tfi\n\tlocal command=${words[2]}\n\tshift "
		    "words\n\t((CURRENT--))\n"
		    "\tcase $command in\n",
		    out);
	for (size_t i = 0; i < n; i++) {
		if (second_word(commands[i]) && is_first_of_group(commands, i))
			(void)fprintf(out,
				      "\t%.*s) if ((CURRENT > 2)); then command+=\" ${words[2]}\"; "
				      "shift words; "
				      "((CURRENT--)); fi ;;\n",
				      first_word_len(commands[i]), commands[i]->name);
	}
	(void)fputs("\tesac\n\tcase $command in\n", out);
	for (size_t i = 0; i < n; i++) {
		zsh_put_group(commands, n, i, out);
		zsh_put_command(commands[i], out);
	}
	(void)fputs("\tesac\n}\n"
		    "if [[ $funcstack[1] == _podonym ]]; then _podonym \"$@\"; else compdef "
		    "_podonym podonym; fi\n",
		    out);
}

/* --- fish ------------------------------------------------------------------------------------------ */

static void fish_put_condition(const struct pn_command *c, FILE *out)
{
	(void)fprintf(out, "complete -c podonym -n '__fish_seen_subcommand_from %.*s",
		      first_word_len(c), c->name);
	if (second_word(c))
		(void)fprintf(out, "; and __fish_seen_subcommand_from %s", second_word(c));
	(void)fputc('\'', out);
}

static void fish_put_option(const struct pn_command *c, const struct pn_option *o, FILE *out)
{
	fish_put_condition(c, out);
	(void)fprintf(out, " -l %s", o->name);
	if (o->letter)
		(void)fprintf(out, " -s %c", o->letter);
	if (takes_value(o))
		(void)fputs(takes_file(o) ? " -r -F" : " -x", out);
	if (o->choices) {
		(void)fputs(" -a '", out);
		put_choices(o, out);
		(void)fputc('\'', out);
	}
	(void)fputs(" -d '", out);
	put_quoted(o->help, "", out);
	(void)fputs("'\n", out);
}

static void fish_put_words(const struct pn_command *const *commands, size_t n, size_t i, FILE *out)
{
	const struct pn_command *c = commands[i];

	if (is_first_of_group(commands, i)) {
		(void)fprintf(out, "complete -c podonym -f -n __fish_use_subcommand -a %.*s",
			      first_word_len(c), c->name);
		if (!second_word(c)) {
			(void)fputs(" -d '", out);
			put_quoted(c->summary, "", out);
			(void)fputc('\'', out);
		}
		(void)fputc('\n', out);
	}
	if (!second_word(c))
		return;
	(void)fprintf(out,
		      "complete -c podonym -f -n '__fish_seen_subcommand_from %.*s; and not "
		      "__fish_seen_subcommand_from ",
		      first_word_len(c), c->name);
	put_second_words(commands, n, i, out);
	(void)fprintf(out, "' -a %s -d '", second_word(c));
	put_quoted(c->summary, "", out);
	(void)fputs("'\n", out);
}

void pn_completion_fish(const struct pn_command *const *commands, size_t n, FILE *out)
{
	(void)fputs("# fish completion for podonym; made by: podonym completion fish\n", out);
	for (size_t i = 0; i < n; i++) {
		fish_put_words(commands, n, i, out);
		for (const struct pn_option *o = commands[i]->options; o->name; o++)
			fish_put_option(commands[i], o, out);
	}
}
