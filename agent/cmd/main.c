/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: finds the subcommand and hands over to its row.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "base/version.h"
#include "cmd/commands.h"

static const struct pn_command *const commands[] = {
	&pn_cmd_agent,	&pn_cmd_flows,	&pn_cmd_whois,	 &pn_cmd_get,
	&pn_cmd_status, &pn_cmd_doctor, &pn_cmd_cleanup, &pn_cmd_version,
};

static void help(FILE *out)
{
	(void)fprintf(out, "podonym %s - puts workload names on packets\n\n", pn_version());
	(void)fprintf(out, "USAGE\n  podonym COMMAND [OPTIONS] [OPERANDS]\n\nCOMMANDS\n");
	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++)
		(void)fprintf(out, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
	(void)fprintf(out, "\nEach has its own --help.\n");
}

static const struct pn_command *find(const char *name)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	}
	return NULL;
}

static int unknown_command(const char *word)
{
	const char *names[PN_ARRAY_SIZE(commands)], *near;

	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	near = pn_nearest(word, names, PN_ARRAY_SIZE(names));
	(void)fprintf(stderr, "podonym: unknown command \"%s\"", word);
	if (near)
		(void)fprintf(stderr, ", did you mean \"%s\"?", near);
	(void)fprintf(stderr, "\nTry: podonym --help\n");
	return PN_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const struct pn_command *command;
	const char *word = argc > 1 ? argv[1] : "";

	if (argc < 2) {
		help(stderr);
		return PN_EXIT_USAGE;
	}
	if (strcmp(word, "--version") == 0)
		word = "version";
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		command = argc > 2 ? find(argv[2]) : NULL;
		if (argc > 2 && !command)
			return unknown_command(argv[2]);
		if (command)
			pn_command_help(command, stdout);
		else
			help(stdout);
		return PN_EXIT_DONE;
	}
	command = find(word);
	if (!command)
		return unknown_command(word);
	return pn_command_main(command, argc - 2, argv + 2);
}
