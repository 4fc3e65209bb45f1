/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_NAME_H
#define PN_CMD_TOP_NAME_H

#include <stdbool.h>

#include "cmd/policy/record_line.h"

/* Ends of records in words for `podonym top`: printable ASCII whatever came, cut to the room there is. */

enum { PN_TOP_NAME_MAX = 400 }; /* a namespace, a slash, a name, and what stands in front of them */

/** pn_top_printable() - @text with a '?' for each byte that a terminal should not get */
void pn_top_printable(char *to, size_t size, const char *text);

/** pn_top_workload() - NAMESPACE/WORKLOAD; of who has none the pod, the process, the Service..., the address */
void pn_top_workload(char *to, size_t size, const struct pn_recorded_end *e);

/** pn_top_endpoint() - the pod, if it is one, with address and port */
void pn_top_endpoint(char *to, size_t size, const struct pn_recorded_end *e);

#endif
