/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_WORDS_H
#define PN_EXPORT_WORDS_H

#include "export/encode.h"
#include "export/text.h"

#define PN_CYAN "\033[36m"
#define PN_GREEN "\033[32m"
#define PN_YELLOW "\033[33m"

/**
 * struct pn_words - a line for a person while it is written
 * @color: escapes are written; else they are left out
 *
 * Private to agent/export. Names go to a terminal: nothing of them may act on it.
 */
struct pn_words {
	struct pn_text text;
	const struct pn_style *style;
	bool color;
};

void pn_words_put(struct pn_words *w, const char *s);
void pn_words_color(struct pn_words *w, const char *escape);
void pn_words_uncolor(struct pn_words *w);
void pn_words_name(struct pn_words *w, const char *name);

/** pn_words_time() - in the form of the style */
void pn_words_time(struct pn_words *w, pn_nsec realtime);

/** pn_words_address() - 10.0.0.1:80, [fd00::1]:80; without a port where it is 0 */
void pn_words_address(struct pn_words *w, const struct pn_addr *addr, uint16_t port);

/** pn_words_end() - its name and port; its address where there is no name, or none is wanted */
void pn_words_end(struct pn_words *w, const struct pn_record_end *e, const char *color);

/** pn_words_transport() - "TCP"; "protocol 47" */
void pn_words_transport(struct pn_words *w, uint8_t proto);

/** pn_words_protocol() - the same, and what ICMP says */
void pn_words_protocol(struct pn_words *w, const struct pn_flow_record *r);

/** pn_words_bytes() - both ways: "12 kB/3 kB" */
void pn_words_bytes(struct pn_words *w, const struct pn_flow_record *r);

/** pn_words_packets() - both ways: "18/14" */
void pn_words_packets(struct pn_words *w, const struct pn_flow_record *r);

/** pn_words_state() - why it is over, and of TCP whether that was as it should be; "": it is not. Borrowed */
const char *pn_words_state(const struct pn_flow_record *r);

#endif
