/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: main.c finds one, this file runs it with its settings, or prints its manual page.
 */
#include "cmd/options.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cmd/option_value.h"
#include "cmd/settings.h"

enum { HELP_COLUMN = 28 };

static void tell(void *data, const char *words)
{
	const struct pn_command *const *command = data;

	(void)fprintf(stderr, "podonym %s: %s\n", (*command)->name, words);
}

static int run(const struct pn_settings *s)
{
	const struct pn_command *command = pn_settings_command(s);
	char **operands;
	int n = pn_settings_operands(s, &operands);

	return command->run_settings ? command->run_settings(s)
				     : command->run(pn_settings_values(s), n, operands);
}

int pn_command_main(const struct pn_command *command, int argc, char **argv)
{
	const struct pn_complaints complaints = { .tell = tell, .data = &command };
	struct pn_settings *s;
	int r = pn_settings_read(command, argc, argv, &complaints, &s), status;

	if (r == -ECANCELED) {
		pn_command_help(command, stdout);
		return PN_EXIT_DONE;
	}
	if (r == -ENOMEM)
		return PN_EXIT_FAILED;
	if (r < 0) {
		(void)fprintf(stderr, "Try: podonym %s --help\n", command->name);
		return PN_EXIT_USAGE;
	}
	status = run(s);
	pn_settings_free(s);
	return status;
}

/* Behind the text, on a line of its own: "(default 5s; $PODONYM_INTERVAL; reload)". */
static void option_sources_help(const struct pn_option *o, FILE *out)
{
	char name[PN_ENV_NAME_LEN];

	if (!o->preset && !o->has_env)
		return;
	pn_option_env_name(o, name);
	(void)fprintf(out, "%*s(%s%s%s%s%s%s)\n", HELP_COLUMN, "", o->preset ? "default " : "",
		      o->preset ? o->preset : "", o->preset && o->has_env ? "; " : "",
		      o->has_env ? "$" : "", o->has_env ? name : "", o->live ? "; reload" : "");
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
