/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_MAPS_WORDS_H
#define PN_CMD_MAPS_WORDS_H

#include "datapath/pinned_maps.h"

/* What all commands that read the pinned maps say in the same words. */

/** pn_warn_if_stale() - say on standard error, in the name of @command, if no agent keeps the maps right */
void pn_warn_if_stale(const char *command, const struct pn_maps_reader *maps);

/** pn_owner_kind_name() - @kind: as a map holds it */
const char *pn_owner_kind_name(uint32_t kind);

#endif
