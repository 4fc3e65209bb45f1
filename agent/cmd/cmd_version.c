/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym version: which build this is.
 */
#include <stdio.h>

#include "base/version.h"
#include "cmd/commands.h"

static const struct pn_option options[] = { PN_OPTION_END };

static int run(const void *values, int n_operands, char **operands)
{
	(void)values;
	(void)n_operands;
	(void)operands;
	(void)printf("podonym %s\n", pn_version());
	return PN_EXIT_DONE;
}

const struct pn_command pn_cmd_version = {
	.name = "version",
	.operands = "",
	.summary = "print the version",
	.description = "  Prints the version this program was built from.\n",
	.examples = "  podonym version\n",
	.options = options,
	.run = run,
};
