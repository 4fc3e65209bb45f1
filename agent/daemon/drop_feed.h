/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_DROP_FEED_H
#define PN_DAEMON_DROP_FEED_H

#include <uv.h>

#include "datapath/drops.h"
#include "export/sink.h"
#include "export/traffic.h"
#include "export/view.h"
#include "index/index.h"

/*
 * Drops on the flow thread: read soon after they happen, told to those who have asked. The flow thread
 * calls all of this.
 */
struct pn_drop_feed;

/** struct pn_drop_feed_config - all outlive the feed; @drops and @traffic may be NULL */
struct pn_drop_feed_config {
	const struct pn_clock *clock;
	const struct pn_index *index;
	const char *node_name;
	struct pn_drops *drops;
	struct pn_tracer *tracer;
	struct pn_traffic *traffic;
};

/** pn_drop_feed_new() - Return: 0 or -ENOMEM */
int pn_drop_feed_new(const struct pn_drop_feed_config *config, struct pn_drop_feed **ret);

/** pn_drop_feed_start() - looks from now on, on @loop */
void pn_drop_feed_start(struct pn_drop_feed *f, uv_loop_t *loop);

/** pn_drop_feed_add() - @sink gets what @view wants of what is held and of what is to come; see pn_viewers_add() */
int pn_drop_feed_add(struct pn_drop_feed *f, struct pn_sink *sink, const struct pn_view *view);

/** pn_drop_feed_entry() - an entry of the flow table: it may say that a drop was answered */
void pn_drop_feed_entry(struct pn_drop_feed *f, const struct pn_flow_key *key,
			const struct pn_flow_value *value);

/** pn_drop_feed_read() - now, so that pn_drop_feed_take() knows of everything until now */
void pn_drop_feed_read(struct pn_drop_feed *f);

/** pn_drop_feed_take() - see pn_drop_log_take() */
void pn_drop_feed_take(struct pn_drop_feed *f, const struct pn_flow_key *key,
		       struct pn_record_drop *drop);

/** pn_drop_feed_close() - tells what is left; the handle closes when the loop has run once more */
void pn_drop_feed_close(struct pn_drop_feed *f);
void pn_drop_feed_free(struct pn_drop_feed *f);

#endif
