/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request is answered with, for http.c: who may ask for what, a page that is made or kept from a moment
 * ago, the answer to a query, a file, or why not.
 */
#include <errno.h>
#include <string.h>

#include "base/metric.h"
#include "serve/http_file.h"
#include "serve/http_host.h"
#include "serve/http_private.h"
#include "serve/http_stream.h"
#include "serve/http_token.h"

/* --- answers ------------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void add_headers(struct MHD_Response *r, const char *type)
{
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* Takes @body over. Return: NULL without memory */
static struct MHD_Response *new_response(const char *type, char *body, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);

	if (r)
		add_headers(r, type);
	else
		free(body);
	return r;
}

/* @header, @value: one more header, or NULL. Return: MHD_NO closes the connection */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *header, const char *value, const char *text)
{
	char *body = strdup(text);
	struct MHD_Response *r;
	enum MHD_Result done;

	pn_metric_add(PN_METRIC_HTTP_REFUSED, 1);
	r = body ? new_response("text/plain; charset=utf-8", body, strlen(body)) : NULL;
	if (!r)
		return MHD_NO;
	if (header)
		(void)MHD_add_response_header(r, header, value);
	done = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return done;
}

/* --- pages, and which are kept -------------------------------------------------------------------- */

static void forget(struct pn_http_kept *k)
{
	if (k->response)
		MHD_destroy_response(k->response);
	k->response = NULL;
}

static bool is_old(const struct pn_http *h, size_t page, const struct pn_http_kept *k)
{
	return uv_now(h->loop) - k->made_ms >= h->config.pages[page].keep_ms;
}

size_t pn_http_forget_old(struct pn_http *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->config.n_pages * PN_HTTP_MAX_FORMS; i++) {
		size_t page = i / PN_HTTP_MAX_FORMS;
		struct pn_http_kept *k = &h->kept[page][i % PN_HTTP_MAX_FORMS];

		if (k->response && is_old(h, page, k))
			forget(k);
		n += k->response != NULL;
	}
	return n;
}

void pn_http_forget_all(struct pn_http *h)
{
	for (size_t i = 0; i < PN_HTTP_MAX_PAGES * PN_HTTP_MAX_FORMS; i++)
		forget(&h->kept[i / PN_HTTP_MAX_FORMS][i % PN_HTTP_MAX_FORMS]);
}

/* Return: 0 or a negative errno */
static int make(struct pn_http *h, const struct pn_http_page *page, unsigned int form,
		struct pn_http_kept *k)
{
	struct pn_http_answer answer = { .status = MHD_HTTP_OK };
	int r = page->make(h->config.data, form, &answer);

	if (r < 0)
		return r;
	k->response = new_response(answer.type, answer.body, answer.len);
	k->status = answer.status;
	k->made_ms = uv_now(h->loop);
	return k->response ? 0 : -ENOMEM;
}

static enum MHD_Result give_page(struct pn_http *h, const struct pn_http_page *page,
				 struct MHD_Connection *connection)
{
	const char *accept = header(connection, MHD_HTTP_HEADER_ACCEPT);
	unsigned int form = page->choose ? page->choose(accept ? accept : "") : 0;
	size_t i = (size_t)(page - h->config.pages);
	struct pn_http_kept *k = &h->kept[i][form];
	enum MHD_Result done;

	if (k->response && is_old(h, i, k))
		forget(k);
	if (!k->response && make(h, page, form, k) < 0)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL,
			      "no memory for this page now, try again\n");
	done = MHD_queue_response(connection, k->status, k->response);
	if (!page->keep_ms)
		forget(k);
	return done;
}

/* --- answers to a query -------------------------------------------------------------------------- */

struct query {
	struct pn_http_pair pairs[PN_HTTP_MAX_PAIRS];
	size_t n;
	bool is_bad;
};

static enum MHD_Result on_pair(void *data, enum MHD_ValueKind kind, const char *key, size_t key_len,
			       const char *value, size_t value_len)
{
	struct query *q = data;

	(void)kind;
	if (!value)
		value = "";
	if (q->n == PN_HTTP_MAX_PAIRS || strlen(key) != key_len || strlen(value) != value_len) {
		q->is_bad = true;
		return MHD_NO;
	}
	q->pairs[q->n++] = (struct pn_http_pair) { key, value };
	return MHD_YES;
}

static bool wants_events(struct MHD_Connection *connection)
{
	const char *accept = header(connection, MHD_HTTP_HEADER_ACCEPT);

	return accept && strcasestr(accept, PN_HTTP_EVENTS);
}

/* Takes the descriptor over. */
static enum MHD_Result give_stream(struct pn_http *h, struct MHD_Connection *connection,
				   const struct pn_http_answer *answer)
{
	struct pn_http_client *c =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;
	bool as_events = wants_events(connection);
	struct pn_http_stream_config config = {
		.connection = connection,
		.client_fd = c->fd,
		.fd = answer->fd,
		.as_events = as_events,
		.keep_alive_ms = h->config.keep_alive_ms,
		.run = pn_http_run,
		.data = h,
	};
	struct pn_http_stream *stream;
	struct MHD_Response *r;
	enum MHD_Result done;

	if (pn_http_stream_new(h->loop, &config, &stream, &r) < 0)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL,
			      "no memory for this now, try again\n");
	pn_http_client_streams(&h->clients, c, stream);
	add_headers(r, as_events ? PN_HTTP_EVENTS : answer->type);
	done = MHD_queue_response(connection, answer->status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result give_body(struct MHD_Connection *connection,
				 const struct pn_http_answer *answer)
{
	struct MHD_Response *r = new_response(answer->type, answer->body, answer->len);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	done = MHD_queue_response(connection, answer->status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result give_answer(struct pn_http *h, const struct pn_http_page *page,
				   struct MHD_Connection *connection)
{
	struct pn_http_answer answer = { .status = MHD_HTTP_OK };
	struct query q = { .n = 0 };

	(void)MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, on_pair, &q);
	if (q.is_bad)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL, NULL,
			      "the query has too many parameters, or a NUL\n");
	if (h->clients.n_streams == PN_HTTP_MAX_STREAMS)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, MHD_HTTP_HEADER_RETRY_AFTER,
			      "10", "too many clients read records already, try again later\n");
	if (page->ask(h->config.data, q.pairs, q.n, &answer) < 0)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL,
			      "no memory for this now, try again\n");
	if (answer.status >= MHD_HTTP_BAD_REQUEST)
		pn_metric_add(PN_METRIC_HTTP_REFUSED, 1);
	return answer.is_stream ? give_stream(h, connection, &answer)
				: give_body(connection, &answer);
}

/* --- files ---------------------------------------------------------------------------------------- */

static const struct pn_http_file *find_file(const struct pn_http *h, const char *path)
{
	for (size_t i = 0; i < h->config.n_files; i++) {
		if (strcmp(h->config.files[i].path, path) == 0)
			return &h->config.files[i];
	}
	return NULL;
}

static enum MHD_Result give_file(struct MHD_Connection *connection, const struct pn_http_file *file)
{
	unsigned int status;
	struct MHD_Response *r = pn_http_file_response(
		file, header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH), &status);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	done = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return done;
}

/* --- requests ------------------------------------------------------------------------------------ */

static bool is_allowed(const struct pn_http *h, struct MHD_Connection *connection)
{
	return pn_http_token_matches(h->config.token,
				     header(connection, MHD_HTTP_HEADER_AUTHORIZATION)) ||
	       pn_http_token_is(h->config.token, header(connection, "X-Podonym-Token"));
}

/* Who knows the token is no page of somebody else. */
static bool is_called_by_name(const struct pn_http *h, struct MHD_Connection *connection)
{
	return h->config.token ||
	       pn_http_host_is_ours(header(connection, MHD_HTTP_HEADER_HOST), h->config.hosts);
}

enum MHD_Result pn_http_answer_request(void *data, struct MHD_Connection *connection,
				       const char *path, const char *method, const char *version,
				       const char *body, size_t *body_len, void **request)
{
	struct pn_http *h = data;
	const struct pn_http_page *page = h->config.pages, *end = page + h->config.n_pages;
	const struct pn_http_file *file = find_file(h, path);
	bool is_asked; /* the answer depends on the query */

	(void)version;
	(void)body;
	(void)body_len;
	(void)request;
	pn_metric_add(PN_METRIC_HTTP_REQUESTS, 1);
	while (page < end && strcmp(page->path, path) != 0)
		page++;
	if (page == end && !file)
		return refuse(connection, MHD_HTTP_NOT_FOUND, NULL, NULL, h->paths);
	is_asked = !file && page->ask;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    (is_asked || strcmp(method, MHD_HTTP_METHOD_HEAD) != 0))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_HEADER_ALLOW,
			      is_asked ? "GET" : "GET, HEAD",
			      is_asked ? "only GET is served here\n"
				       : "only GET and HEAD are served here\n");
	if ((file || !page->is_open) && !is_called_by_name(h, connection))
		return refuse(connection, MHD_HTTP_MISDIRECTED_REQUEST, NULL, NULL,
			      "this agent is not known by the name in the request: call it by its "
			      "address, or start it with --http-host NAME\n");
	if (file)
		return give_file(connection, file);
	if (!page->is_open && !is_allowed(h, connection))
		return refuse(connection, MHD_HTTP_UNAUTHORIZED, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
			      "Bearer", "this needs \"Authorization: Bearer TOKEN\"\n");
	return page->ask ? give_answer(h, page, connection) : give_page(h, page, connection);
}
