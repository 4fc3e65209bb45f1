/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_TEXT_H
#define PN_CMD_TOP_TEXT_H

#include "cmd/top/top_feed.h"
#include "cmd/top/top_table.h"

/* Figures of `podonym top` in words, for the screen and for --batch. */

enum { PN_TOP_TEXT_MAX = 80 };

/** The columns of a pair, in their order. */
enum pn_top_column {
	PN_TOP_SOURCE,
	PN_TOP_DESTINATION,
	PN_TOP_PORT, /* "TCP/443" */
	PN_TOP_BYTE_RATE,
	PN_TOP_PACKET_RATE,
	PN_TOP_CONNECTIONS,
	PN_TOP_DROP_RATE,
	PN_TOP_REASON,
	PN_TOP_RTT,
	PN_TOP_AGE,
	PN_TOP_BYTE_SUM, /* exact, as those that follow: --batch alone has them */
	PN_TOP_PACKET_SUM,
	PN_TOP_DROP_SUM,
	PN_TOP_COLUMNS, /* sentinel */
};

extern const char *const pn_top_headings[PN_TOP_COLUMNS];

/** pn_top_cell() - a column of a row that stands for a pair, or for those without room */
void pn_top_cell(char *to, size_t size, enum pn_top_column column, const struct pn_top_row *r,
		 pn_nsec now);

/** pn_top_number() - at most three digits and a prefix: "0", "0.25", "12", "1.02k", "45.6M" */
void pn_top_number(char *to, size_t size, double n);

/** pn_top_age() - "3s", "2m" since @then */
void pn_top_age(char *to, size_t size, pn_nsec then, pn_nsec now);

/** pn_top_rtt() - "240us", "1.5ms"; of 0 nothing */
void pn_top_rtt(char *to, size_t size, uint64_t us);

/** pn_top_heading() - the first line: the agent and its state; the second: everything together */
void pn_top_heading(char *to, size_t size, const struct pn_top_agent *agent, const char *filter,
		    pn_nsec realtime);
void pn_top_summary(char *to, size_t size, const struct pn_top *t, size_t n_pairs, pn_nsec now);

#endif
