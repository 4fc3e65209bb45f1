/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_HISTORY_NAMES_H
#define PN_EXPORT_HISTORY_NAMES_H

#include "base/buf.h"
#include "flow/record.h"

/*
 * The strings of a record that the history keeps; private to agent/export.
 */

/* The owners of a record, in this order, and of each the strings that are kept. */
enum { PN_HISTORY_OWNERS = 3, PN_HISTORY_STRINGS = 7 };

enum { PN_HISTORY_NAMES_BITS = 11 };

/**
 * struct pn_history_names - hashes of owners' strings, made once a round
 * @round: hashes of another one do not count
 * @known: by the owner's id; a newcomer takes the place of another
 *
 * An owner is known by its address, so pn_history_names_forget() comes before one may go. One thread.
 */
struct pn_history_names {
	uint32_t round;
	struct pn_history_name {
		const struct pn_owner *owner;
		uint64_t hash;
		uint32_t round;
	} known[1 << PN_HISTORY_NAMES_BITS];
};

/** pn_history_names_forget() - all of them. Also makes one of zeros ready for use */
void pn_history_names_forget(struct pn_history_names *n);

/** pn_history_owners() - NULL where a record has none */
void pn_history_owners(const struct pn_flow_record *r,
		       const struct pn_owner *ret[static PN_HISTORY_OWNERS]);

/** pn_history_hash_names() - of all strings of a record and of whom they are; 0: it has none */
uint64_t pn_history_hash_names(struct pn_history_names *n, const struct pn_flow_record *r);

/** pn_history_put_names() - the strings one after the other, each with a NUL. Return: 0 or -ENOMEM */
int pn_history_put_names(struct pn_buf *text, const struct pn_flow_record *r);

#endif
