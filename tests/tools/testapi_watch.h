/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_WATCH_H
#define PN_TESTAPI_WATCH_H

#include <microhttpd.h>
#include <poll.h>

#include "testapi_shape.h"

/**
 * struct pn_watches - every watch that is open; zeroed is ready to use
 * @woken: some were resumed since this was last cleared, so libmicrohttpd has work to do; its
 *         descriptor does not say so
 */
struct pn_watches {
	struct pn_watch *head;
	bool woken;
};

/**
 * struct pn_watch_request - what the client asked for
 * @from_start: first an ADDED for each object there is (resourceVersion absent or 0)
 * @mark_end:   then a bookmark that says that those were all (sendInitialEvents)
 * @rv:         without @from_start: the last version the client knows
 */
struct pn_watch_request {
	struct pn_selection selection;
	enum pn_shape shape;
	bool bookmarks, from_start, mark_end;
	uint64_t rv;
	unsigned int timeout_s;
};

/** pn_watch_answer() - answer @conn with a stream. @watches must outlive the connection */
enum MHD_Result pn_watch_answer(struct pn_watches *watches, const struct pn_teststore *store,
				struct MHD_Connection *conn, const struct pn_watch_request *req);

/** pn_watches_event() - tell those whom it concerns */
void pn_watches_event(struct pn_watches *watches, const struct pn_event *event);

/** pn_watches_bookmark() - to all that asked for bookmarks */
void pn_watches_bookmark(struct pn_watches *watches, uint64_t rv);

/** pn_watches_raw() - these bytes to all watches of @collection; NULL: to all */
void pn_watches_raw(struct pn_watches *watches, const struct pn_collection *collection,
		    const char *bytes, size_t len);

/** pn_watches_cut() - send half of an event and break the connection, on all */
void pn_watches_cut(struct pn_watches *watches, const struct pn_teststore *store);

/** pn_watches_count() - of one collection */
size_t pn_watches_count(const struct pn_watches *watches, const struct pn_collection *collection);

/** pn_watches_expire() - end those whose time is up. Return: milliseconds to the next, -1 if there is none */
int pn_watches_expire(struct pn_watches *watches);

/**
 * pn_watches_poll() - one pollfd for each watch, for clients that go away; libmicrohttpd does not
 * look at connections that have nothing to send. Return: how many were filled in, at most @max
 */
size_t pn_watches_poll(const struct pn_watches *watches, struct pollfd *fds, size_t max);

/** pn_watches_gone() - break the watch on this descriptor */
void pn_watches_gone(struct pn_watches *watches, int fd);

#endif
