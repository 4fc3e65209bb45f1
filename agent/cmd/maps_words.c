/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the pinned maps and what is in them, in words. For podonym whois and doctor. */
#include "cmd/maps_words.h"

#include <stdio.h>

#include "base/util.h"

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

const char *pn_owner_kind_name(uint32_t kind)
{
	static const char *const names[] = { "none", "pod", "service", "node", "process", "range" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_OWNER_KIND_MAX, "a name for each kind");

	return kind < PN_OWNER_KIND_MAX ? names[kind] : "unknown";
}
