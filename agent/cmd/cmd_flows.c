/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym flows: flow lines of the running agent, as they come.
 */
#include <stdio.h>

#include "cmd/commands.h"
#include "cmd/lines.h"
#include "serve/socket.h"

struct flows_options {
	bool follow;
	const char *output, *color, *socket;
};

static int run(const void *values, int n_operands, char **operands)
{
	const struct flows_options *o = values;
	char request[96];

	(void)n_operands;
	(void)operands;
	if (!o->follow) {
		(void)fprintf(stderr, "podonym flows: past flows are not kept; add -f to follow "
				      "the ones to come\n");
		return PN_EXIT_USAGE;
	}
	(void)snprintf(request, sizeof(request), "{\"command\": \"flows\", \"format\": \"%s\"}",
		       pn_lines_format(o->output, o->color));
	return pn_lines_print("flows", o->socket, request);
}

static const char *const outputs[] = { "compact", "json", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct pn_option options[] = {
	{
		.name = "follow",
		.letter = 'f',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct flows_options, follow),
		.help = "print flows as they come, until interrupted",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct flows_options, output),
		.preset = "compact",
		.choices = outputs,
		.help = "form of the lines",
	},
	{
		.name = "color",
		.type = PN_OPT_CHOICE,
		.arg = "WHEN",
		.offset = offsetof(struct flows_options, color),
		.preset = "auto",
		.choices = colors,
		.help = "colours in compact lines",
	},
	{
		.name = "socket",
		.type = PN_OPT_STRING,
		.arg = "PATH",
		.offset = offsetof(struct flows_options, socket),
		.preset = PN_SOCKET_PATH,
		.has_env = true,
		.help = "where the agent listens",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_flows = {
	.name = "flows",
	.operands = "",
	.summary = "flow lines of the running agent",
	.description = "  Prints a line for each connection that the agent on this node sees, with "
		       "the pods\n"
		       "  on both ends, at each of the agent's intervals and when the connection "
		       "is over.\n"
		       "  Ends when the agent does.\n",
	.examples = "  podonym flows -f\n"
		    "  podonym flows -f -o json | jq .source.k8s.pod.name\n",
	.options = options,
	.values_size = sizeof(struct flows_options),
	.run = run,
};
