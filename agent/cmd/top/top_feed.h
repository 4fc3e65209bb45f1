/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_FEED_H
#define PN_CMD_TOP_FEED_H

#include <poll.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd/options.h"
#include "cmd/policy/record_line.h"

/*
 * What `podonym top` hears from the agent: records and drops as they come, and its state every two seconds.
 * When the agent goes it is called again, with growing pauses up to ten seconds. One thread; only the
 * call itself blocks.
 */
struct pn_top_feed;

enum pn_top_stream {
	PN_TOP_FLOWS_STREAM,
	PN_TOP_DROPS_STREAM,
	PN_TOP_STATUS_STREAM,
	PN_TOP_STREAMS, /* sentinel */
};

/** struct pn_top_hearer - who takes the lines; @f is valid during the call */
struct pn_top_hearer {
	void (*hear)(void *data, enum pn_top_stream from, const struct pn_recorded_flow *f);
	void *data;
};

/**
 * struct pn_top_agent - what is known of the agent; texts are printable ASCII
 * @is_there: records come
 * @why:     why not; "": not tried yet
 * @node:    its node, "" while not known
 * @is_synced: it knows all objects
 * @is_silent: it was asked for its state two seconds ago and has not answered
 * @note:    what it said of late beside records: what is missing, and why; ""
 * @n_unread: lines that made no sense
 */
struct pn_top_agent {
	bool is_there, is_synced, is_silent;
	char why[256], node[128], note[256];
	uint64_t n_unread;
};

/** pn_top_feed_new() - @path, the socket, is borrowed. Return: 0 or -ENOMEM */
int pn_top_feed_new(const char *path, const struct pn_top_hearer *hearer,
		    const struct pn_clock *clock, struct pn_top_feed **ret);
void pn_top_feed_free(struct pn_top_feed *f);

/** pn_top_feed_ask() - calls the agent with these filters from here on. Return: 0; -EINVAL, -ENOMEM with @reterr: all is as before */
int pn_top_feed_ask(struct pn_top_feed *f, const struct pn_option_items *filters,
		    struct pn_err *reterr);

/** pn_top_feed_wait() - what to wait for. Return: until when, CLOCK_MONOTONIC, if nothing comes */
pn_nsec pn_top_feed_wait(const struct pn_top_feed *f, struct pollfd fds[PN_TOP_STREAMS]);

/** pn_top_feed_run() - after poll(): reads what is there, calls whom it is time to call */
void pn_top_feed_run(struct pn_top_feed *f, const struct pollfd fds[PN_TOP_STREAMS]);

const struct pn_top_agent *pn_top_feed_agent(const struct pn_top_feed *f);

#endif
