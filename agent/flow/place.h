/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_PLACE_H
#define PN_FLOW_PLACE_H

#include <stdint.h>

/**
 * struct pn_place - how far records have come in a regular file
 * @dev, @ino: which file; all 0: they go elsewhere, or nowhere
 * @offset:    its length
 */
struct pn_place {
	uint64_t dev, ino, offset;
};

#endif
