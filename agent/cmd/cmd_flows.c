/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym flows: records of the running agent, those it has kept and those that come.
 */
#include "cmd/ask_agent.h"
#include "cmd/color.h"
#include "cmd/commands.h"
#include "cmd/flows_options.h"

static int run(const void *values, int n_operands, char **operands)
{
	(void)n_operands;
	(void)operands;
	return pn_flows_run("flows", values);
}

static const char *const outputs[] = { "compact", "table", "dict", "json", NULL };
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
	PN_FLOWS_STYLE_OPTIONS,
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
		"  What is older than the records that are kept comes from the history of the "
		"node: a "
		"line\n"
		"  for each pair and minute, with the sums of its connections. A minute that "
		"--since "
		"or\n"
		"  --until cuts is whole if its last packet is in time.\n\n"
		"  All filters combine: those of different names must all be met, of the same name "
		"one "
		"of\n"
		"  them; --not turns the next one around. A filter without from- or to- is met by "
		"either\n"
		"  end. A pod, workload or Service without a namespace is one of the namespaces "
		"that "
		"-n\n"
		"  names, else of any.\n\n"
		"  --label takes a selector as `kubectl -l` does: all of its requirements must "
		"hold "
		"for\n"
		"  one pod. A Service counts by its own labels, and by those of the pods behind "
		"it, "
		"where\n"
		"  it is not known which of them was called. Labels are those of now, also for "
		"records of\n"
		"  the past: whoever has gone before the question has none, and who goes while it "
		"is\n"
		"  followed keeps those it had.\n",
	.examples = "  podonym flows                                   # the last 20\n"
		    "  podonym flows -f -n shop --not --port 53        # what comes, without DNS\n"
		    "  podonym flows -f --last 20 --from-pod shop/web\n"
		    "  podonym flows --since 5m --to-workload Deployment/db -o table\n"
		    "  podonym flows -f --from-label 'app in (web,api)' --not --to-label tier=db\n"
		    "  podonym flows --all --protocol tcp -o json | jq .source.k8s.pod.name\n",
	.options = options,
	.values_size = sizeof(struct pn_flows_options),
	.run = run,
};
