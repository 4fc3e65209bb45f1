/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test server's watches. testapi_http.c opens them, the store's writes and the control verbs
 * feed them.
 *
 * A watch is a chunked answer without end: events are put into its buffer, libmicrohttpd takes them
 * from there when the socket has room. With an empty buffer the connection is suspended until the
 * next event. Everything happens on the one thread of the server, so nothing is locked.
 */
#include "testapi_watch.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
	MAX_WAITING = 64 << 20, /* bytes that a client may leave unread before it is cut off */
	BLOCK = 32 << 10,
};

enum ending { GOES_ON, ENDS, BREAKS }; /* the latter two once the buffer is empty */

struct pn_watch {
	struct pn_watch *next, *prev;
	struct pn_watches *watches;
	struct MHD_Connection *conn;
	struct pn_watch_request req;
	pn_nsec deadline;
	struct pn_buf out;
	size_t sent;
	enum ending ending;
	bool suspended, has_columns;
};

static void wake(struct pn_watch *w)
{
	if (!w->suspended)
		return;
	w->suspended = false;
	w->watches->woken = true;
	MHD_resume_connection(w->conn);
}

static void finish(struct pn_watch *w, enum ending ending)
{
	if (w->ending == GOES_ON)
		w->ending = ending;
	wake(w);
}

static void put(struct pn_watch *w, const char *bytes, size_t len)
{
	if (w->ending == GOES_ON && pn_buf_put(&w->out, bytes, len) < 0)
		w->ending = BREAKS;
	wake(w);
}

/* Takes the tree over; NULL (out of memory) breaks the watch. */
static void put_document(struct pn_watch *w, json_t *document)
{
	PN_CLEANUP(pn_freep) char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	if (!text) {
		finish(w, BREAKS);
		return;
	}
	put(w, text, strlen(text));
	put(w, "\n", 1);
}

/* A Table's columns are told once. */
static json_t *change_document(struct pn_watch *w, enum pn_change change, json_t *object)
{
	json_t *shown =
		pn_shape_object(w->req.shape, w->req.selection.collection, object, !w->has_columns);

	w->has_columns = true;
	return json_pack("{s:s, s:o}", "type", pn_change_name(change), "object", shown);
}

static void put_bookmark(struct pn_watch *w, uint64_t rv, bool is_end)
{
	const struct pn_collection *c = w->req.selection.collection;
	char version[24];
	json_t *metadata;

	(void)snprintf(version, sizeof(version), "%" PRIu64, rv);
	metadata = json_pack("{s:s, s:n}", "resourceVersion", version, "creationTimestamp");
	if (is_end)
		(void)json_object_set_new(metadata, "annotations",
					  json_pack("{s:s}", "k8s.io/initial-events-end", "true"));
	put_document(w, json_pack("{s:s, s:{s:s, s:s, s:o}}", "type", "BOOKMARK", "object", "kind",
				  c->kind, "apiVersion", c->api_version, "metadata", metadata));
}

static void put_event(void *data, const struct pn_event *e)
{
	struct pn_watch *w = data;
	enum pn_change change;

	if (pn_event_seen_as(e, &w->req.selection, &change))
		put_document(w, change_document(w, change, e->object));
}

/* What a real server says to a client that comes too late: status 200, then this. */
static void put_gone(struct pn_watch *w)
{
	char message[96];

	(void)snprintf(message, sizeof(message), "too old resource version: %" PRIu64, w->req.rv);
	put_document(w,
		     json_pack("{s:s, s:{s:s, s:s, s:{}, s:s, s:s, s:s, s:i}}", "type", "ERROR",
			       "object", "kind", "Status", "apiVersion", "v1", "metadata", "status",
			       "Failure", "message", message, "reason", "Expired", "code", 410));
	finish(w, ENDS);
}

static void put_beginning(struct pn_watch *w, const struct pn_teststore *store)
{
	uint64_t rv = pn_teststore_rv(store);
	json_auto_t *items = NULL;
	json_t *object;
	size_t i;

	if (!w->req.from_start) {
		if (pn_teststore_since(store, w->req.rv, put_event, w) < 0)
			put_gone(w);
		return;
	}
	items = pn_teststore_select(store, &w->req.selection);
	if (!items)
		finish(w, BREAKS);
	json_array_foreach (items, i, object)
		put_document(w, change_document(w, PN_CHANGE_ADDED, object));
	if (w->req.mark_end && w->req.bookmarks)
		put_bookmark(w, rv, true);
}

/* --- the answer as libmicrohttpd sees it --- */

static ssize_t read_stream(void *data, uint64_t pos, char *buf, size_t max)
{
	struct pn_watch *w = data;
	size_t n = PN_MIN(w->out.len - w->sent, max);

	(void)pos;
	if (n) {
		memcpy(buf, w->out.data + w->sent, n);
		w->sent += n;
		return (ssize_t)n;
	}
	pn_buf_reset(&w->out);
	w->sent = 0;
	if (w->ending == ENDS)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (w->ending == BREAKS)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	w->suspended = true;
	MHD_suspend_connection(w->conn);
	return 0;
}

static void free_watch(void *data)
{
	struct pn_watch *w = data;

	if (w->next)
		w->next->prev = w->prev;
	if (w->prev)
		w->prev->next = w->next;
	else
		w->watches->head = w->next;
	pn_buf_done(&w->out);
	free(w);
}

enum MHD_Result pn_watch_answer(struct pn_watches *watches, const struct pn_teststore *store,
				struct MHD_Connection *conn, const struct pn_watch_request *req)
{
	struct pn_watch *w = calloc(1, sizeof(*w));
	struct MHD_Response *response;
	enum MHD_Result r;

	if (!w)
		return MHD_NO;
	w->watches = watches;
	w->conn = conn;
	w->req = *req;
	w->deadline = pn_clock_now(&pn_clock_system) + req->timeout_s * PN_NSEC_PER_SEC;
	w->out = PN_BUF_INIT(MAX_WAITING);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, w,
						     free_watch);
	if (!response) {
		free(w);
		return MHD_NO;
	}
	w->next = watches->head;
	if (w->next)
		w->next->prev = w;
	watches->head = w;
	put_beginning(w, store);

	(void)MHD_add_response_header(response, "Content-Type", "application/json");
	r = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return r;
}

/* --- what happens to all of them --- */

void pn_watches_event(struct pn_watches *watches, const struct pn_event *event)
{
	for (struct pn_watch *w = watches->head; w; w = w->next)
		put_event(w, event);
}

void pn_watches_bookmark(struct pn_watches *watches, uint64_t rv)
{
	for (struct pn_watch *w = watches->head; w; w = w->next) {
		if (w->req.bookmarks)
			put_bookmark(w, rv, false);
	}
}

void pn_watches_raw(struct pn_watches *watches, const struct pn_collection *collection,
		    const char *bytes, size_t len)
{
	for (struct pn_watch *w = watches->head; w; w = w->next) {
		if (!collection || w->req.selection.collection == collection)
			put(w, bytes, len);
	}
}

/* The client must not take what it got of the object for the object. */
static void cut(struct pn_watch *w, const struct pn_teststore *store)
{
	json_auto_t *items = pn_teststore_select(store, &w->req.selection);
	json_t *object = json_array_get(items, 0);
	json_auto_t *document = NULL;
	PN_CLEANUP(pn_freep) char *text = NULL;

	if (object)
		document = change_document(w, PN_CHANGE_MODIFIED, object);
	text = document ? json_dumps(document, JSON_COMPACT) : strdup("{\"type\":\"ADDED\",\"obj");
	if (text)
		put(w, text, strlen(text) / 2);
	finish(w, BREAKS);
}

void pn_watches_cut(struct pn_watches *watches, const struct pn_teststore *store)
{
	for (struct pn_watch *w = watches->head; w; w = w->next)
		cut(w, store);
}

size_t pn_watches_count(const struct pn_watches *watches, const struct pn_collection *collection)
{
	size_t n = 0;

	for (const struct pn_watch *w = watches->head; w; w = w->next)
		n += w->req.selection.collection == collection && w->ending == GOES_ON;
	return n;
}

int pn_watches_expire(struct pn_watches *watches)
{
	pn_nsec now = pn_clock_now(&pn_clock_system), next = PN_NSEC_NEVER;

	for (struct pn_watch *w = watches->head; w; w = w->next) {
		if (w->deadline <= now)
			finish(w, ENDS);
		else
			next = PN_MIN(next, w->deadline);
	}
	return next == PN_NSEC_NEVER ? -1 : (int)((next - now) / PN_NSEC_PER_MSEC) + 1;
}

static int descriptor(const struct pn_watch *w)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(w->conn, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

size_t pn_watches_poll(const struct pn_watches *watches, struct pollfd *fds, size_t max)
{
	size_t n = 0;

	for (const struct pn_watch *w = watches->head; w && n < max; w = w->next) {
		if (w->suspended)
			fds[n++] = (struct pollfd) { .fd = descriptor(w), .events = POLLRDHUP };
	}
	return n;
}

void pn_watches_gone(struct pn_watches *watches, int fd)
{
	for (struct pn_watch *w = watches->head; w; w = w->next) {
		if (descriptor(w) == fd)
			finish(w, BREAKS);
	}
}
