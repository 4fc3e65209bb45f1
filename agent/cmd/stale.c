/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that read the pinned maps say of them first. */
#include "cmd/stale.h"

#include <stdio.h>

void pn_warn_if_stale(const char *command, const struct pn_maps_reader *maps)
{
	struct pn_meta_value meta;

	if (pn_maps_reader_meta(maps, &meta) < 0)
		return;
	if (!meta.agent_pid)
		(void)fprintf(stderr, "podonym %s: no agent is running; names are as of its end\n",
			      command);
	else if (!meta.synced)
		(void)fprintf(stderr, "podonym %s: the agent has not read all objects yet\n",
			      command);
}
