/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_PRIVATE_H
#define PN_CMD_TOP_PRIVATE_H

#include "base/hash.h"

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned int)pn_hash_bytes(key, len))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "cmd/top/top_window.h"

/* What the files of the table share: top_table.c puts in and forgets, top_rows.c takes out. */

/** struct top_pair - @key: whom it is between, see top_table.c; @source and the others lie in it */
struct top_pair {
	UT_hash_handle hh;
	uint64_t id;
	const char *source, *destination, *protocol;
	uint16_t port;
	uint64_t sums[PN_TOP_FIGURES];
	struct pn_top_window window;
	size_t n_known, n_open; /* connections */
	uint64_t rtt_us;
	pn_nsec last;
	struct pn_top_reason reasons[PN_TOP_REASONS];
	char key[];
};

/** struct top_connection - @source and @destination lie in @text */
struct top_connection {
	UT_hash_handle hh;
	uint64_t id;
	struct top_pair *pair;
	bool is_open;
	char state[16];
	uint64_t sums[PN_TOP_FIGURES];
	uint64_t rtt_us;
	pn_nsec last;
	const char *source, *destination;
	char text[];
};

/** struct top_lot - several pairs in one: all, and those that there was no room for */
struct top_lot {
	uint64_t sums[PN_TOP_FIGURES];
	struct pn_top_window window;
	pn_nsec last;
};

struct pn_top {
	struct pn_top_limits limits;
	struct pn_top_span span;
	struct top_pair *pairs;
	struct top_connection *connections;
	struct top_lot all, others;
	uint64_t last_id, untracked;
	size_t n_open;
	struct pn_top_row *rows; /* what was given out last */
	struct pn_top_connection *given;
};

#endif
