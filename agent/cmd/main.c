/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: finds the subcommand and hands over to its row. Commands of one group share their first
 * word: policy explain. As kubectl-podonym, the name by which kubectl finds its plugins, it asks all nodes: a
 * command that there is for the cluster goes before the node's own.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "base/version.h"
#include "cmd/commands.h"

static const struct pn_command *const commands[] = {
	&pn_cmd_agent,
	&pn_cmd_flows,
	&pn_cmd_drops,
	&pn_cmd_top,
	&pn_cmd_whois,
	&pn_cmd_policy_explain,
	&pn_cmd_policy_check,
	&pn_cmd_policy_advise,
	&pn_cmd_get,
	&pn_cmd_config_check,
	&pn_cmd_config_show,
	&pn_cmd_config_example,
	&pn_cmd_status,
	&pn_cmd_select,
	&pn_cmd_doctor,
	&pn_cmd_cleanup,
	&pn_cmd_cluster_flows,
	&pn_cmd_cluster_drops,
	&pn_cmd_cluster_status,
	&pn_cmd_completion,
	&pn_cmd_man,
	&pn_cmd_version,
};

size_t pn_commands(const struct pn_command *const **ret)
{
	*ret = commands;
	return PN_ARRAY_SIZE(commands);
}

static void list(FILE *out, const char *group)
{
	size_t len = strlen(group);

	(void)fprintf(out, "COMMANDS\n");
	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++)
		if (strncmp(commands[i]->name, group, len) == 0)
			(void)fprintf(out, "  %-16s%s\n", commands[i]->name, commands[i]->summary);
	(void)fprintf(out, "\nEach has its own --help.\n");
}

static void help(FILE *out)
{
	(void)fprintf(out, "podonym %s - puts workload names on packets\n\n", pn_version());
	(void)fprintf(out, "USAGE\n  podonym COMMAND [OPTIONS] [OPERANDS]\n\n");
	list(out, "");
}

static const struct pn_command *find(const char *name)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	}
	return NULL;
}

static bool is_group(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++) {
		if (strncmp(commands[i]->name, word, len) == 0 && commands[i]->name[len] == ' ')
			return true;
	}
	return false;
}

static int unknown_command(const char *word)
{
	const char *names[PN_ARRAY_SIZE(commands)], *near;

	for (size_t i = 0; i < PN_ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	near = pn_nearest(word, names, PN_ARRAY_SIZE(names));
	(void)fprintf(stderr, "podonym: unknown command \"%s\"%s\nTry: podonym --help\n", word,
		      pn_meant(near, "\"", "\"").text);
	return PN_EXIT_USAGE;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* Called by kubectl: "flows" is "cluster flows". Return: NULL if there is none of that name */
static const struct pn_command *find_for_cluster(const char *program, const char *word)
{
	const char *slash = strrchr(program, '/');
	char name[64];

	if (strcmp(slash ? slash + 1 : program, "kubectl-podonym") != 0)
		return NULL;
	(void)snprintf(name, sizeof(name), "cluster %s", word);
	return find(name);
}

/* The command that the first words name; one of two words if the first is a group's. */
static const struct pn_command *parse(int n, char **words, char *name, size_t size, int *ret_taken)
{
	*ret_taken = is_group(words[0]) && n > 1 ? 2 : 1;
	(void)snprintf(name, size, "%s%s%s", words[0], *ret_taken == 2 ? " " : "",
		       *ret_taken == 2 ? words[1] : "");
	return find(strcmp(name, "--version") == 0 ? "version" : name);
}

static int group_help(const char *group, bool is_asked_for)
{
	FILE *out = is_asked_for ? stdout : stderr;

	(void)fprintf(out, "USAGE\n  podonym %s COMMAND [OPTIONS] [OPERANDS]\n\n", group);
	list(out, group);
	return is_asked_for ? PN_EXIT_DONE : PN_EXIT_USAGE;
}

static int help_for(int n, char **words)
{
	const struct pn_command *command;
	char name[64];
	int n_taken;

	if (!n) {
		help(stdout);
		return PN_EXIT_DONE;
	}
	command = parse(n, words, name, sizeof(name), &n_taken);
	if (!command)
		return is_group(name) ? group_help(name, true) : unknown_command(name);
	pn_command_help(command, stdout);
	return PN_EXIT_DONE;
}

int main(int argc, char **argv)
{
	const struct pn_command *command;
	char name[64];
	int n_taken;

	if (argc < 2) {
		help(stderr);
		return PN_EXIT_USAGE;
	}
	if (is_help(argv[1]))
		return help_for(argc - 2, argv + 2);
	command = find_for_cluster(argv[0], argv[1]);
	if (command)
		return pn_command_main(command, argc - 2, argv + 2);
	command = parse(argc - 1, argv + 1, name, sizeof(name), &n_taken);
	if (command)
		return pn_command_main(command, argc - 1 - n_taken, argv + 1 + n_taken);
	if (is_group(argv[1]) && (n_taken == 1 || is_help(argv[2])))
		return group_help(argv[1], n_taken == 2);
	return unknown_command(name);
}
