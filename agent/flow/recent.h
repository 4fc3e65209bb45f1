/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_RECENT_H
#define PN_FLOW_RECENT_H

#include "flow/record.h"

/**
 * struct pn_recent - the last records told, for who asks afterwards
 *
 * Each record has a number, one more than the one before it. Room is made once, and touched as it is
 * used: PN_RECENT_BYTES a record, besides the names, of which there is one copy for all records that
 * have it. Flow thread.
 */
struct pn_recent;

enum {
	PN_RECENT_DEFAULT = 4096,
	PN_RECENT_MAX = 65536,
};

/** pn_recent_new() - of @n records, at most PN_RECENT_MAX. Return: 0 or -ENOMEM */
int pn_recent_new(uint32_t n, struct pn_recent **ret);
void pn_recent_free(struct pn_recent *rec);

/** pn_recent_add() - keep @r and the quote in it; the oldest goes where there is no room */
void pn_recent_add(struct pn_recent *rec, const struct pn_flow_record *r);

/**
 * pn_recent_settle() - make the names of all records our own
 *
 * Until then they are borrowed as those of the records given were: call it before they go. A record
 * whose names find no memory is not kept.
 */
void pn_recent_settle(struct pn_recent *rec);

/** pn_recent_room() - how many records it can keep */
uint32_t pn_recent_room(const struct pn_recent *rec);

/** pn_recent_begin(), pn_recent_end() - the number of the oldest record kept, and of the next one to come */
uint64_t pn_recent_begin(const struct pn_recent *rec);
uint64_t pn_recent_end(const struct pn_recent *rec);

/** pn_recent_at() - borrowed until the next record. Return: NULL: its names found no memory */
const struct pn_flow_record *pn_recent_at(const struct pn_recent *rec, uint64_t number);

/** pn_recent_gone_until() - no record with a later end has been overwritten; CLOCK_REALTIME, 0: none has */
pn_nsec pn_recent_gone_until(const struct pn_recent *rec);

#endif
