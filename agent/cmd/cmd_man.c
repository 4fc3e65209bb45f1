/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym man: manual pages.
 */
#include <string.h>

#include "base/util.h"
#include "cmd/commands.h"
#include "cmd/man.h"

enum { MAX_COMMANDS = 64, NAME_LEN = 64 };

static int unknown(const char *name, const struct pn_command *const *commands, size_t n)
{
	const char *names[MAX_COMMANDS], *near;

	n = PN_MIN(n, (size_t)MAX_COMMANDS);
	for (size_t i = 0; i < n; i++)
		names[i] = commands[i]->name;
	near = pn_nearest(name, names, n);
	(void)fprintf(stderr, "podonym man: there is no command \"%s\"%s\n", name,
		      pn_meant(near, "\"", "\"").text);
	return PN_EXIT_USAGE;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct pn_command *const *commands;
	size_t n = pn_commands(&commands), i = 0;
	char name[NAME_LEN];

	(void)values;
	if (!n_operands) {
		pn_man_program(commands, n, stdout);
		return fflush(stdout) == 0 ? PN_EXIT_DONE : PN_EXIT_FAILED;
	}
	(void)snprintf(name, sizeof(name), "%s%s%s", operands[0], n_operands > 1 ? " " : "",
		       n_operands > 1 ? operands[1] : "");
	while (i < n && strcmp(commands[i]->name, name) != 0)
		i++;
	if (i == n)
		return unknown(name, commands, n);
	pn_man_command(commands[i], stdout);
	return fflush(stdout) == 0 ? PN_EXIT_DONE : PN_EXIT_FAILED;
}

static const struct pn_option options[] = { PN_OPTION_END };

const struct pn_command pn_cmd_man = {
	.name = "man",
	.operands = "[COMMAND]",
	.n_operands_max = 2,
	.summary = "manual pages, as source for man",
	.description =
		"  Prints the page of a command, or the one that names all commands. The words are "
		"those of --help.\n",
	.examples = "  podonym man flows | man -l -\n"
		    "  podonym man policy explain > "
		    "/usr/local/share/man/man1/podonym-policy-explain.1\n",
	.options = options,
	.run = run,
};
