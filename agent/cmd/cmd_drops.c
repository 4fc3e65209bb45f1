/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym drops: what the node has thrown away, between whom, and why.
 */
#include "cmd/ask_agent.h"
#include "cmd/color.h"
#include "cmd/commands.h"
#include "cmd/flows_options.h"

static int run(const void *values, int n_operands, char **operands)
{
	(void)n_operands;
	(void)operands;
	return pn_flows_run("drops", values);
}

static const char *const outputs[] = { "compact", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "follow",
		.letter = 'f',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct pn_flows_options, follow),
		.help = "print drops as they come, until interrupted; else those of the last five "
			"minutes",
	},
	PN_FLOWS_PAST_OPTIONS,
	PN_FLOWS_FILTER_OPTIONS,
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct pn_flows_options, output),
		.preset = "compact",
		.choices = outputs,
		.help = "form of the lines",
	},
	PN_FLOWS_STYLE_OPTIONS,
	PN_COLOR_OPTION(struct pn_flows_options, color, "compact lines"),
	PN_SOCKET_OPTION(struct pn_flows_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_drops = {
	.name = "drops",
	.operands = "",
	.summary = "packets that this node has thrown away, and why",
	.description =
		"  Prints a line for each connection, reason and place in the kernel: who sent the "
		"packets\n"
		"  to whom, how many were dropped, what that means, the kernel's own word for the "
		"reason\n"
		"  and the function that did it. With -f a new drop is shown at once; while it "
		"goes "
		"on, a\n"
		"  line a second says how many there were since the line before.\n\n"
		"  \"policy-like\" is what enforces network policies: netfilter, Open vSwitch, BPF "
		"programs\n"
		"  at tc, netkit and cgroups. They drop for other reasons too, so only an expected "
		"denial\n"
		"  makes it a policy's; `podonym policy explain` knows what is expected.\n\n"
		"  Filters are those of `podonym flows` and combine as they do there; from- is who "
		"sent the\n"
		"  packets that were dropped. With -f, --last, --all or --since show those held "
		"before those\n"
		"  to come.\n",
	.examples = "  podonym drops -f\n"
		    "  podonym drops -f -n shop --not --drop-reason NO_SOCKET\n"
		    "  podonym drops --since 1m --to-workload Deployment/db --port 5432\n"
		    "  podonym drops -o json | jq -r .podonym.drop.reason | sort | uniq -c\n",
	.options = options,
	.values_size = sizeof(struct pn_flows_options),
	.run = run,
};
