/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym flows: records of the running agent, those it has kept and those that come. The agent
 * matches and writes; flows_request.c asks it, flows_print.c shows what it says.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/ask_agent.h"
#include "cmd/color.h"
#include "cmd/commands.h"
#include "cmd/flows.h"
#include "cmd/flows_options.h"
#include "serve/socket.h"

static int run(const void *values, int n_operands, char **operands)
{
	const struct pn_flows_options *o = values;
	PN_CLEANUP(pn_freep) char *request = NULL;
	PN_CLEANUP(pn_closep) int fd = -1;
	struct pn_err err = { "" };
	int r;

	(void)n_operands;
	(void)operands;
	r = pn_flows_request(o, pn_clock_realtime(&pn_clock_system), &request, &err);
	if (r < 0) {
		(void)fprintf(stderr, "podonym flows: %s\n%s", err.text,
			      r == -EINVAL ? "Try: podonym flows --help\n" : "");
		return r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED;
	}
	fd = pn_socket_connect(o->socket, request, &err);
	r = fd < 0 ? fd : pn_flows_print("flows", o, fd, &err);
	if (r < 0 && r != -EBADMSG)
		(void)fprintf(stderr, "podonym flows: %s\n", err.text);
	return r < 0 ? PN_EXIT_FAILED : PN_EXIT_DONE;
}

static const char *const outputs[] = { "compact", "table", "dict", "json", NULL };
static const char *const times[] = { "clock", "rfc3339", "rfc3339nano", "unix", "relative", NULL };

static const struct pn_option options[] = {
	PN_FLOWS_OPTIONS,
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct pn_flows_options, output),
		.preset = "compact",
		.choices = outputs,
		.help = "form of the records",
	},
	{
		.name = "no-headers",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct pn_flows_options, no_headers),
		.help = "a table without its first line",
	},
	{
		.name = "time-format",
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct pn_flows_options, time_format),
		.preset = "clock",
		.choices = times,
		.help = "form of times, except in JSON",
	},
	{
		.name = "numeric",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct pn_flows_options, numeric),
		.help = "addresses instead of names, except in JSON",
	},
	PN_COLOR_OPTION(struct pn_flows_options, color, "compact lines"),
	PN_SOCKET_OPTION(struct pn_flows_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_flows = {
	.name = "flows",
	.operands = "",
	.summary = "flow records of the running agent",
	.description =
		"  Prints records of the connections that the agent on this node sees, with the "
		"names "
		"of\n"
		"  both ends: those it has kept, or with -f those that come, at each of its "
		"intervals "
		"and\n"
		"  when a connection is over. They come in the order in which they were told.\n\n"
		"  All filters combine: those of different names must all be met, of the same name "
		"one "
		"of\n"
		"  them; --not turns the next one around. A filter without from- or to- is met by "
		"either\n"
		"  end. A pod, workload or Service without a namespace is one of the namespaces "
		"that "
		"-n\n"
		"  names, else of any.\n",
	.examples = "  podonym flows                                   # the last 20\n"
		    "  podonym flows -f -n shop --not --port 53        # what comes, without DNS\n"
		    "  podonym flows -f --last 20 --from-pod shop/web\n"
		    "  podonym flows --since 5m --to-workload Deployment/db -o table\n"
		    "  podonym flows --all --protocol tcp -o json | jq .source.k8s.pod.name\n",
	.options = options,
	.values_size = sizeof(struct pn_flows_options),
	.run = run,
};
