/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_DROP_PLACES_H
#define PN_DATAPATH_DROP_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The functions of the kernel that have dropped packets, by address; each is looked up once. */

/**
 * struct pn_drop_place
 * @name: the function; the address as text if it has no name for us
 * @has_copies: what is dropped here is another's copy of a packet: nothing is lost
 * @tells: a drop here means something though the kernel says no reason: for want of anything better /
 *	  because this kernel gives no reasons at all
 */
struct pn_drop_place {
	uint64_t addr;
	char name[64];
	bool has_copies;
	struct {
		bool unspecified, no_reason;
	} tells;
};

/** struct pn_drop_places - zero is empty; sorted by address */
struct pn_drop_places {
	struct pn_drop_place **all;
	size_t n;
};

void pn_drop_places_done(struct pn_drop_places *p);

/** pn_drop_places_find() - Return: as long as @p lives; NULL: not known yet */
const struct pn_drop_place *pn_drop_places_find(const struct pn_drop_places *p, uint64_t addr);

/**
 * pn_drop_places_add() - look up @n addresses that are not known yet
 * @symbols_fd: see pn_symbols_find()
 *
 * Return: 0 or -ENOMEM. What cannot be looked up gets its address for a name
 */
int pn_drop_places_add(struct pn_drop_places *p, int symbols_fd, const uint64_t *addrs, size_t n);

#endif
