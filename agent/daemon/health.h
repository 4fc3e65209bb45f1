/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_HEALTH_H
#define PN_DAEMON_HEALTH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"

/**
 * struct pn_health - what is looked at; strings are borrowed
 * @drain_age, @drain_limit: since the flow thread last began to read the flow table; allowed
 * @server_error: why there is no API server; "" if there is
 * @unsynced:	  kinds whose first list is not complete, with commas between them; "" for none
 * @maps_written: the pinned maps have what the index has
 * @n_links, @n_traced: interfaces that should be traced, and that are
 */
struct pn_health {
	pn_nsec drain_age, drain_limit;
	const char *server_error, *unsynced;
	bool maps_written;
	unsigned int n_links, n_traced;
};

/**
 * pn_health_live() - does every loop of the agent turn? That of the caller does
 * @out: gets "ok", or a line for each reason against it
 */
bool pn_health_live(const struct pn_health *h, struct pn_buf *out);

/** pn_health_ready() - is this node's agent complete: names known, in the maps, packets traced? @out: as above */
bool pn_health_ready(const struct pn_health *h, struct pn_buf *out);

#endif
