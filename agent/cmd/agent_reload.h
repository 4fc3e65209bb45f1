/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_AGENT_RELOAD_H
#define PN_CMD_AGENT_RELOAD_H

#include "cmd/settings.h"
#include "daemon/agent.h"

/**
 * struct pn_reload - the settings of the running agent
 * @started: with which it was started
 * @now:     those that hold, as far as they can change without a restart; may be @started
 * @next:    just read, perhaps to hold
 * @change:  what of @next differs from @now and can change, see pn_reload_differs()
 * @error, @pending: see struct pn_status_config
 *
 * Zero but for @started and @change is ready to use.
 */
struct pn_reload {
	const struct pn_settings *started;
	struct pn_settings *now, *next;
	void (*change)(const struct pn_reload *r, const void *next, struct pn_agent_change *ret);
	struct pn_err error;
	char pending[512];
};

/** pn_reload_ops() - what the agent calls; @r outlives it */
struct pn_agent_reload pn_reload_ops(struct pn_reload *r);

/** pn_reload_differs() - is this option another one in @next? */
bool pn_reload_differs(const struct pn_reload *r, const char *name);

void pn_reload_done(struct pn_reload *r);

#endif
