/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_HISTORY_PAIRS_H
#define PN_EXPORT_HISTORY_PAIRS_H

#include "export/history_names.h"

/*
 * Records added up by minute and pair, before they are written; private to agent/export. A pair is
 * all that a filter may ask of a record: so what is told of a pair in a minute is one row.
 */

/* What is counted of a pair in a minute. */
enum pn_history_sum {
	PN_HISTORY_RECORDS,
	PN_HISTORY_CONNECTIONS, /* told for the first time */
	PN_HISTORY_ENDED,
	PN_HISTORY_PACKETS,
	PN_HISTORY_PACKETS_BACK,
	PN_HISTORY_BYTES,
	PN_HISTORY_BYTES_BACK,
	PN_HISTORY_DELIVERED,
	PN_HISTORY_DELIVERED_BACK,
	PN_HISTORY_RETRANSMITS, /* of those that ended: a record has the total of its connection */
	PN_HISTORY_RETRANSMITS_BACK,
	PN_HISTORY_DROPS,
	PN_HISTORY_DROPPED_BYTES,
	PN_HISTORY_RTT_SUM, /* us; with PN_HISTORY_RTTS the mean */
	PN_HISTORY_RTTS,    /* the last that is simply added */
	PN_HISTORY_MIN_RTT, /* us; 0: not known */
	PN_HISTORY_TCP_FLAGS,
	PN_HISTORY_TCP_FLAGS_BACK,
	PN_HISTORY_FIRST, /* ms of the minute: its first packet, 0 where it was there before */
	PN_HISTORY_LAST,
	PN_HISTORY_SUM_MAX, /* sentinel */
};

/* How two of them become one. */
enum pn_history_way {
	PN_HISTORY_ADD,
	PN_HISTORY_LEAST,
	PN_HISTORY_LEAST_KNOWN, /* 0: not known */
	PN_HISTORY_MOST,
	PN_HISTORY_ANY_BIT,
};

extern const struct pn_history_column {
	const char *name;
	enum pn_history_way way;
} pn_history_columns[PN_HISTORY_SUM_MAX];

enum pn_history_flag {
	PN_HISTORY_IS_V4 = 1,
	PN_HISTORY_IS_COLLAPSED = 2,
	PN_HISTORY_IS_HEADLESS = 4,
	PN_HISTORY_NO_ENDPOINTS = 8,
	PN_HISTORY_HAS_DROP = 16,
	PN_HISTORY_MANY_ADDRESSES = 32,
	PN_HISTORY_DISAGREES = 64,
	PN_HISTORY_FLAGS = 127, /* all of them */
};

/**
 * struct pn_history_key - a pair, and the minute; compared by its bytes, of which none is padding
 * @names: hash of the names, which may change while an id stays
 * @owners: ids; 0: no name. In the order source, destination, Service
 *
 * It is written into the file as it is: another layout wants another PN_HISTORY_LAYOUT.
 */
struct pn_history_key {
	uint64_t names;
	struct pn_addr source, destination, service;
	uint32_t owners[PN_HISTORY_OWNERS];
	uint32_t minute; /* since 1970; in the file 0 */
	uint32_t sampling;
	uint16_t port, service_port;
	uint8_t kinds[PN_HISTORY_OWNERS]; /* enum pn_owner_kind */
	uint8_t attributions[2];
	uint8_t proto, icmp_type, icmp_code, drop_kind, flags;
	uint8_t expected; /* enum pn_expected */
	uint8_t zero[5];
};
_Static_assert(sizeof(struct pn_history_key) == 96, "no padding");

/** struct pn_history_keys - a set of keys with room for @room, each at the index at which it came */
struct pn_history_keys {
	struct pn_history_key *keys;
	uint32_t *slots; /* 1 + index; 0: free */
	uint32_t n, room, n_slots;
};

/** pn_history_keys_init() - Return: 0 or -ENOMEM; pn_history_keys_done() is allowed in both cases */
int pn_history_keys_init(struct pn_history_keys *k, uint32_t room);
void pn_history_keys_done(struct pn_history_keys *k);
void pn_history_keys_clear(struct pn_history_keys *k);

/** pn_history_keys_find() - Return: its index; the number of keys if it is not there */
uint32_t pn_history_keys_find(const struct pn_history_keys *k, const struct pn_history_key *key);

/** pn_history_keys_add() - one that is not there; there must be room */
void pn_history_keys_add(struct pn_history_keys *k, const struct pn_history_key *key);

/**
 * struct pn_history_batch - records of a few seconds, added up
 * @names: of records, which must be forgotten before an owner may go
 * @sums: of each key
 * @texts: where the strings of each key are in @text: those of its owners, of drops reason and place; each ends
 *	   with a NUL
 * @n_records: of all keys
 */
struct pn_history_batch {
	struct pn_history_names names;
	struct pn_history_keys keys;
	uint64_t (*sums)[PN_HISTORY_SUM_MAX];
	struct pn_history_text {
		uint32_t at, len;
	} * texts;
	struct pn_buf text;
	uint64_t n_records;
};

/** pn_history_batch_new() - Return: NULL without memory */
struct pn_history_batch *pn_history_batch_new(uint32_t room);
void pn_history_batch_free(struct pn_history_batch *b);
void pn_history_batch_clear(struct pn_history_batch *b);

/**
 * pn_history_batch_add() - one more record
 * @many: ends without a name are put together, whatever their address
 * @ret_stranger: a pair has come that has such an end
 *
 * Return: 0; -ENOSPC or -ENOMEM: it is not in there
 */
int pn_history_batch_add(struct pn_history_batch *b, const struct pn_flow_record *r, bool many,
			 bool *ret_stranger);

/**
 * struct pn_history_row - a record from what is kept of a pair in a minute
 * @owners, @aggregate: what the record points to; it borrows the texts of pn_history_row_make()
 */
struct pn_history_row {
	struct pn_flow_record record;
	struct pn_owner owners[PN_HISTORY_OWNERS];
	struct pn_record_aggregate aggregate;
};

/**
 * pn_history_row_pair() - all but the counts
 * @key, @text: of @key_len and @text_len bytes, from a file
 *
 * Return: 0; -EBADMSG: nobody wrote that
 */
int pn_history_row_pair(struct pn_history_row *row, const void *key, size_t key_len,
			const char *text, size_t text_len);

/** pn_history_row_sums() - and the counts. Return: 0 or -EBADMSG */
int pn_history_row_sums(struct pn_history_row *row, uint64_t minute,
			const uint64_t sums[static PN_HISTORY_SUM_MAX]);

#endif
