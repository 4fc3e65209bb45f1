/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym cleanup: when podonym leaves a node. Maps, programs and their attachments stay when an agent
 * ends, so that the next one takes them over; this takes them away.
 */
#include <stdio.h>

#include "cmd/commands.h"
#include "datapath/cleanup.h"
#include "datapath/pinned_maps.h"

struct cleanup_options {
	const char *pin_path;
};

static int run(const void *values, int n_operands, char **operands)
{
	const struct cleanup_options *o = values;
	struct pn_cleanup removed;
	struct pn_err err = { "" };
	int r = pn_cleanup(o->pin_path, &removed, &err);

	(void)n_operands;
	(void)operands;
	if (removed.n_maps || removed.n_trace)
		(void)printf("removed %zu maps of names and %zu pins of the tracer from %s\n",
			     removed.n_maps, removed.n_trace, o->pin_path);
	else if (r == 0)
		(void)printf("nothing is pinned in %s\n", o->pin_path);
	if (r == 0)
		return PN_EXIT_DONE;
	(void)fprintf(stderr, "podonym cleanup: %s\n", err.text);
	return PN_EXIT_FAILED;
}

static const struct pn_option options[] = {
	{
		.name = "pin-path",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct cleanup_options, pin_path),
		.preset = PN_MAPS_DIR,
		.has_env = true,
		.help = "where the agent has pinned maps and programs",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_cleanup = {
	.name = "cleanup",
	.operands = "",
	.summary = "remove what an agent has left pinned",
	.description = "  Detaches podonym's programs from the interfaces and sockets of the node "
		       "and unpins "
		       "its maps,\n"
		       "  which otherwise stay when the agent ends, so that the next one takes "
		       "them over. Run "
		       "it once,\n"
		       "  in the node's network namespace, when podonym is to leave the node. "
		       "Other programs "
		       "that have\n"
		       "  the maps open keep them, without news. Refuses while an agent is alive. "
		       "Succeeds if "
		       "nothing\n"
		       "  of podonym is left.\n",
	.examples = "  podonym cleanup\n",
	.options = options,
	.values_size = sizeof(struct cleanup_options),
	.run = run,
};
