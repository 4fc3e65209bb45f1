/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_BEHIND_H
#define PN_DAEMON_BEHIND_H

#include "daemon/names.h"

/*
 * Services and the pods behind them, by what EndpointSlices say. Control thread, between pn_read_begin()
 * and pn_read_end(), and while it is online as a reader of the index.
 */

/** pn_behind_pods() - call @fn with each pod behind a Service, borrowed, as the store has it */
void pn_behind_pods(const struct pn_names *n, const char *name_space, const char *service,
		    void (*fn)(void *data, const struct pn_object *pod), void *data);

/** pn_behind_service() - Return: the Service of a slice, borrowed; NULL: none that is known. NULL is allowed */
const struct pn_object *pn_behind_service(const struct pn_names *n,
					  const struct pn_endpointslice *slice);

#endif
