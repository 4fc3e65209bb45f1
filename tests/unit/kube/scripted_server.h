/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_SCRIPTED_SERVER_H
#define PN_TESTS_SCRIPTED_SERVER_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An API server whose every answer the test writes: plain HTTP/1.1 on loopback. One thread accepts,
 * reads requests and notices closed connections; the test's thread takes the requests one by one,
 * says what they must be, and answers them.
 *
 *	api_expect(&api, "LIST resourceVersion=0");
 *	api_list(&api, "5", "a@3 ip=10.0.0.1, b@4");
 *	api_expect(&api, "WATCH resourceVersion=5");
 *	api_stream(&api);
 *	api_send(&api, "MODIFIED a@6, DELETED b@7, BOOKMARK @9");
 *	api_end(&api, API_EOF);
 *
 * An object is "[NAMESPACE/]NAME@VERSION [FIELD=VALUE ...]", its namespace "default" if the kind has
 * one, its uid its name. Fields: uid, kind, ip (repeated: all addresses), node, host=true, pad (an
 * annotation of so many bytes), label.KEY. In an event "BOOKMARK @9 end=true" ends the initial
 * events and "ERROR 410 Expired" carries a Status.
 *
 * Waiting ends at an event or fails the test after API_GUARD_S.
 */

enum { API_GUARD_S = 90, API_TEXT = 8192 };

/** How an open stream ends. */
enum api_end {
	API_EOF,      /* cleanly; the connection may be used again */
	API_RESET,    /* TCP reset */
	API_TRUNCATE, /* half an event, then a closed connection */
	API_FRAGMENT, /* half an event, then a clean end */
	API_CLOSE,    /* a connection closed where it is */
};

struct api;
struct api_conn;

/** struct api_request - one that has arrived; @head ends with an empty line */
struct api_request {
	struct api_request *next;
	struct api_conn *conn;
	int64_t arrived_ns;
	char head[API_TEXT];
};

/**
 * struct api
 * @plural, @kind, @group_version, @is_cluster_scoped: of the objects; pods after api_start()
 * @list_kind:   of lists; NULL: @kind and "List"
 * @protobuf:    answer in protobuf
 * @chunk_bytes: size of a stream's chunks, each sent on its own; 0: an event is a chunk
 * @serve:       answers on the server's thread; what it returns false for goes to api_expect()
 * @current:     the request that api_expect() took last
 * @stream:      the connection on which api_stream() was called last
 * @gap_ms:      between the last act of the server and @current
 */
struct api {
	const char *plural, *kind, *group_version, *list_kind;
	bool is_cluster_scoped, protobuf;
	size_t chunk_bytes;
	bool (*serve)(struct api *api, const struct api_request *request);
	void *serve_data;

	struct api_request *current;
	struct api_conn *stream;
	int64_t gap_ms;
	char url[64];

	int listener, poll, wake; /* the listener under the lock */
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct api_request *first, **last;
	struct api_conn *conns;
	int64_t acted_ns;
	uint64_t n_requests;
};

void api_start(struct api *api);

/** api_stop() - closes everything. Return: how many requests nobody has taken */
unsigned int api_stop(struct api *api);

/** api_listen() - false: refuse connections and close those without an open request or stream */
void api_listen(struct api *api, bool is_listening);

/**
 * api_expect() - wait for the next request and fail unless it is this one
 * @what: an operation, then "/PATH" if it is not the kind's collection, then for parameters of the
 *        query "NAME=VALUE" (decoded), "NAME=" (absent or empty), "NAME=*" (any value)
 *
 * LIST is a request without watch, sendInitialEvents and allowWatchBookmarks; WATCH one with watch,
 * bookmarks and a timeout of 300 to 600 seconds and without limit, continue, resourceVersionMatch
 * and sendInitialEvents; WATCHLIST a WATCH with sendInitialEvents and resourceVersionMatch.
 */
void api_expect(struct api *api, const char *what);

/** api_is() - whether the current request is this one, for loops that end at another */
bool api_is(const struct api *api, const char *what);

/** api_take() - wait for the next request, whatever it is */
void api_take(struct api *api);

/** api_param() - decoded parameter of the query. Return: @buf of API_TEXT bytes, "" if absent */
const char *api_param(const struct api_request *request, const char *name, char *buf);

/** api_header() - whether the request has this header with exactly this value */
bool api_header(const struct api_request *request, const char *name, const char *value);

/* --- answers to the current request --- */

void api_list(struct api *api, const char *version, const char *objects);

/** api_page() - a list with a continue token */
void api_page(struct api *api, const char *version, const char *token, const char *objects);

/** api_status() - a Status; @details: JSON of its details, or NULL; @headers: whole lines, or NULL */
void api_status(struct api *api, int code, const char *reason, const char *message,
		const char *details, const char *headers);

/** api_answer() - any body */
void api_answer(struct api *api, int code, const char *headers, const char *type, const char *body,
		size_t len);

/** api_stream() - 200 and a chunked body that stays open */
void api_stream(struct api *api);

/** api_reset() - a TCP reset instead of an answer */
void api_reset(struct api *api);

/** api_hang_up() - a closed connection instead of an answer */
void api_hang_up(struct api *api);

/* --- what goes over the stream --- */

void api_send(struct api *api, const char *events);
void api_send_raw(struct api *api, const char *bytes, size_t len);
void api_end(struct api *api, enum api_end how);

/** api_render() - an event's bytes as api_send() would write them; free() it */
char *api_render(const struct api *api, const char *events, size_t *ret_len);

/** api_wait_closed() - until the client has closed the stream's connection */
void api_wait_closed(struct api *api);

/** api_n_open() - connections that are open now */
unsigned int api_n_open(struct api *api);

/** api_drop() - forget the requests that nobody has taken */
void api_drop(struct api *api);

/** api_now_ms(), api_now_us() - monotonic */
int64_t api_now_ms(void);
int64_t api_now_us(void);

/* For @serve: the same answers, to a request that is not the current one. */
void api_list_to(struct api *api, struct api_conn *conn, const char *version, const char *token,
		 const char *objects);
void api_stream_to(struct api *api, struct api_conn *conn);
void api_send_to(struct api *api, struct api_conn *conn, const char *events);
void api_end_to(struct api *api, struct api_conn *conn, enum api_end how);

#endif
