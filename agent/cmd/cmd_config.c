/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym config: the agent's config file checked before it is used, the settings that follow from it
 * shown, and a file with every key to begin with. All of it is made from the agent's table of options.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ask_agent.h"
#include "cmd/commands.h"
#include "cmd/option_value.h"
#include "cmd/settings_doc.h"

enum { MAX_OPTIONS = 128, HELP_WIDTH = 90 };

static const char *config_path(void)
{
	const char *env = getenv("PODONYM_CONFIG");

	return env && *env ? env : PN_CONFIG_PATH;
}

static void tell(void *data, const char *words)
{
	(void)fprintf(stderr, "%s%s\n", (const char *)data, words);
}

/* --- check -------------------------------------------------------------------------------------- */

static int run_check(const void *values, int n_operands, char **operands)
{
	static char prefix[] = "";
	const struct pn_complaints complaints = { .tell = tell, .data = prefix };
	const char *path = n_operands ? operands[0] : config_path();
	struct pn_config_file file;
	int r = pn_config_file_read(&pn_cmd_agent, path, &complaints, &file);

	(void)values;
	if (r == -ENOENT)
		(void)fprintf(stderr, "podonym config check: %s: %s\n", path, strerror(ENOENT));
	if (r < 0)
		return PN_EXIT_FAILED;
	(void)printf("%s: right, values: %zu\n", path, file.n);
	pn_config_file_done(&file);
	return PN_EXIT_DONE;
}

static const struct pn_option no_options[] = { PN_OPTION_END };

const struct pn_command pn_cmd_config_check = {
	.name = "config check",
	.operands = "[FILE]",
	.summary = "what is wrong in a config file",
	.description =
		"  Reads a config file of the agent, or the one it would read "
		"($PODONYM_CONFIG,\n"
		"  " PN_CONFIG_PATH ") and tells every error with its line: keys that there are "
		"not, values\n"
		"  of another type or beyond their range, a key twice. No agent is needed.\n",
	.status = "1 also for a file with errors",
	.examples = "  podonym config check\n"
		    "  podonym config check new.yaml && mv new.yaml " PN_CONFIG_PATH
		    " && pkill -HUP -x podonym\n",
	.n_operands_max = 1,
	.options = no_options,
	.run = run_check,
};

/* --- show --------------------------------------------------------------------------------------- */

struct show_options {
	const char *config, *output, *socket;
	bool running;
};

static json_t *running_doc(const struct show_options *o)
{
	struct pn_err err = { "" };
	json_t *doc = pn_ask_agent(o->socket, "{\"command\": \"config\"}", &err);

	if (!doc)
		(void)fprintf(stderr, "podonym config show: %s\n", err.text);
	return doc;
}

/* Of an agent that would be started with these words behind its name. */
static json_t *started_doc(const struct show_options *o, int n, char **words)
{
	static char prefix[] = "podonym config show: ", flag[] = "--config";
	const struct pn_complaints complaints = { .tell = tell, .data = prefix };
	PN_CLEANUP(pn_freep) char *path = NULL;
	struct pn_settings *s;
	char *argv[MAX_OPTIONS + 2];
	int argc = 0, r;
	json_t *doc;

	if (o->config) {
		path = strdup(o->config);
		argv[argc++] = flag;
		argv[argc++] = path;
	}
	for (int i = 0; i < n; i++)
		argv[argc++] = words[i];
	r = o->config && !path ? -ENOMEM
			       : pn_settings_read(&pn_cmd_agent, argc, argv, &complaints, &s);
	if (r == -ECANCELED)
		tell(prefix, "what stands behind -- are options of podonym agent, without --help");
	if (r < 0)
		return NULL;
	doc = pn_settings_doc(s, s);
	pn_settings_free(s);
	return doc;
}

static int run_show(const void *values, int n_operands, char **operands)
{
	const struct show_options *o = values;
	json_t *doc;

	if (o->running && (n_operands || o->config)) {
		(void)fprintf(stderr, "podonym config show: --running shows an agent's own "
				      "settings: no others can be given\n");
		return PN_EXIT_USAGE;
	}
	doc = o->running ? running_doc(o) : started_doc(o, n_operands, operands);
	if (!doc)
		return PN_EXIT_FAILED;
	if (strcmp(o->output, "json") == 0)
		(void)(json_dumpf(doc, stdout, JSON_INDENT(2)), putchar('\n'));
	else
		pn_settings_doc_yaml(doc, stdout);
	json_decref(doc);
	return PN_EXIT_DONE;
}

static const char *const outputs[] = { "yaml", "json", NULL };

static const struct pn_option show_options[] = {
	{
		.name = "config",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct show_options, config),
		.help = "instead of $PODONYM_CONFIG or " PN_CONFIG_PATH,
	},
	{
		.name = "running",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct show_options, running),
		.help = "the settings of the agent that runs on this node, and what waits for its "
			"restart",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct show_options, output),
		.preset = "yaml",
		.choices = outputs,
		.help = "form of the answer",
	},
	PN_SOCKET_OPTION(struct show_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_config_show = {
	.name = "config show",
	.operands = "[-- AGENT-OPTION...]",
	.summary = "the agent's settings and where each is from",
	.description =
		"  Shows what an agent would go by that is started in this environment with the "
		"options\n"
		"  behind --: of each setting the flag, else the environment variable, else the "
		"config file,\n"
		"  else the default. The YAML is a config file that says the same. With --running "
		"it is the\n"
		"  running agent that answers. Credentials in a URL are left out.\n",
	.examples = "  podonym config show\n"
		    "  podonym config show --config new.yaml -- --interval 1s\n"
		    "  podonym config show --running\n",
	.n_operands_max = MAX_OPTIONS,
	.options = show_options,
	.values_size = sizeof(struct show_options),
	.run = run_show,
};

/* --- example ------------------------------------------------------------------------------------ */

/* In lines of comment. */
static void put_help(const char *text)
{
	while (*text) {
		size_t len = strlen(text), most = HELP_WIDTH;

		if (len > most) {
			while (most && text[most] != ' ')
				most--;
			len = most ? most : len;
		}
		(void)printf("# %.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static void put_choices(const struct pn_option *o)
{
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		(void)printf("%s%s", i ? ", " : "# One of: ", o->choices[i]);
	if (o->choices)
		(void)putchar('\n');
}

static void put_example(const struct pn_option *o)
{
	(void)putchar('\n');
	put_help(o->help);
	put_choices(o);
	if (o->live)
		(void)printf("# Changes with SIGHUP.\n");
	if (o->type == PN_OPT_ITEM)
		(void)printf("#%s: [\"%s\"]\n", o->name, o->arg);
	else if (o->preset)
		(void)printf(strcmp(o->preset, "-") == 0 ? "#%s: \"%s\"\n" : "#%s: %s\n", o->name,
			     o->preset);
	else
		(void)printf("#%s: %s\n", o->name, o->type == PN_OPT_FLAG ? "true" : o->arg);
}

static int run_example(const void *values, int n_operands, char **operands)
{
	(void)values;
	(void)n_operands;
	(void)operands;
	(void)printf(
		"# Settings of podonym agent. Lines without # in front hold; what a flag or an "
		"environment\n# variable says goes before. Check: podonym config check\n");
	for (const struct pn_option *o = pn_cmd_agent.options; o->name; o++)
		if (o->type != PN_OPT_CONFIG)
			put_example(o);
	return PN_EXIT_DONE;
}

const struct pn_command pn_cmd_config_example = {
	.name = "config example",
	.operands = "",
	.summary = "a config file with every setting, to begin with",
	.description = "  Prints a config file in which every setting stands with its meaning and "
		       "its default,\n"
		       "  all behind #, so that nothing is changed until a # is taken away.\n",
	.examples = "  podonym config example >" PN_CONFIG_PATH "\n",
	.options = no_options,
	.run = run_example,
};
