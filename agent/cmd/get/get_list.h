/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_GET_GET_LIST_H
#define PN_CMD_GET_GET_LIST_H

#include "cmd/get/get.h"
#include "cmd/get/get_body.h"

/* What get_list.c and get_watch.c share: an answer on its way to the printer. */

/** struct pn_get_stream - @flushes: show rows as they come, not when they are all there */
struct pn_get_stream {
	struct pn_get *get;
	struct pn_body body;
	bool flushes;
};

/** pn_get_stream_ops - for pn_fetch_get(); data is the struct pn_get_stream */
extern const struct pn_fetch_ops pn_get_stream_ops;

/** pn_get_print_ops - for pn_body_init(); data is the struct pn_get */
extern const struct pn_body_ops pn_get_print_ops;

/** pn_get_accept() - the Accept header's value for what the printer wants */
const char *pn_get_accept(const struct pn_get *g, bool is_list);

#endif
