/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym completion: a script for the user's shell.
 */
#include <string.h>

#include "base/util.h"
#include "cmd/commands.h"
#include "cmd/completion.h"

static const struct {
	const char *name;
	void (*print)(const struct pn_command *const *commands, size_t n, FILE *out);
} shells[] = {
	{ "bash", pn_completion_bash },
	{ "zsh", pn_completion_zsh },
	{ "fish", pn_completion_fish },
};

static int run(const void *values, int n_operands, char **operands)
{
	const struct pn_command *const *commands;
	size_t n = pn_commands(&commands);

	(void)values;
	(void)n_operands;
	for (size_t i = 0; i < PN_ARRAY_SIZE(shells); i++) {
		if (strcmp(operands[0], shells[i].name) != 0)
			continue;
		shells[i].print(commands, n, stdout);
		return fflush(stdout) == 0 ? PN_EXIT_DONE : PN_EXIT_FAILED;
	}
	(void)fprintf(
		stderr,
		"podonym completion: \"%s\" is not a shell that is known here: bash, zsh, fish\n",
		operands[0]);
	return PN_EXIT_USAGE;
}

static const struct pn_option options[] = { PN_OPTION_END };

const struct pn_command pn_cmd_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.n_operands_min = 1,
	.n_operands_max = 1,
	.summary = "a script that lets a shell complete commands and options",
	.description =
		"  Prints the script. It knows all options and their choices, as --help does.\n",
	.examples = "  source <(podonym completion bash)        # in this shell\n"
		    "  podonym completion bash > /usr/share/bash-completion/completions/podonym\n"
		    "  podonym completion zsh > /usr/share/zsh/vendor-completions/_podonym\n"
		    "  podonym completion fish > ~/.config/fish/completions/podonym.fish\n",
	.options = options,
	.run = run,
};
