/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_STALE_H
#define PN_CMD_STALE_H

#include "datapath/pinned_maps.h"

/** pn_warn_if_stale() - say on standard error, in the name of @command, if no agent keeps the maps right */
void pn_warn_if_stale(const char *command, const struct pn_maps_reader *maps);

#endif
