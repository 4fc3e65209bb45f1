/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server, for daemon/web.c. libmicrohttpd speaks HTTP; it has one epoll descriptor for all of its
 * sockets, which is polled by the control thread's loop, so there is no other thread. How long a connection
 * may take is up to http_clients.c.
 */
#include "serve/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/metric.h"
#include "serve/http_clients.h"
#include "serve/http_file.h"
#include "serve/http_host.h"
#include "serve/http_stream.h"
#include "serve/http_tls.h"
#include "serve/http_token.h"

enum {
	/* Above it the library accepts no more; what was cut off has to fit in between. */
	MAX_CONNECTIONS = 2 * PN_HTTP_MAX_CLIENTS + PN_HTTP_MAX_STREAMS,
	MAX_HEAD_BYTES = 16 << 10,
	BACKLOG = 128,
	SWEEPS = 10, /* within the time that a connection has */
};

/* A page's last answer, as long as it may be given again. */
struct kept {
	struct MHD_Response *response;
	unsigned int status;
	uint64_t made_ms;
};

struct pn_http {
	struct pn_http_config config;
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t soon,
		sweep; /* when the library wants to be called; when clients are looked at */
	unsigned int n_handles; /* not closed yet */
	struct MHD_Daemon *daemon;
	uint16_t port;
	struct pn_http_clients clients;
	struct kept kept[PN_HTTP_MAX_PAGES][PN_HTTP_MAX_FORMS];
	char *paths; /* what an unknown path is answered with */
};

/* --- connections, and pages that are kept ---------------------------------------------------------- */

static void forget(struct kept *k)
{
	if (k->response)
		MHD_destroy_response(k->response);
	k->response = NULL;
}

static bool is_old(const struct pn_http *h, size_t page, const struct kept *k)
{
	return uv_now(h->loop) - k->made_ms >= h->config.pages[page].keep_ms;
}

/* Return: how many pages are kept on */
static size_t forget_old(struct pn_http *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->config.n_pages * PN_HTTP_MAX_FORMS; i++) {
		size_t page = i / PN_HTTP_MAX_FORMS;
		struct kept *k = &h->kept[page][i % PN_HTTP_MAX_FORMS];

		if (k->response && is_old(h, page, k))
			forget(k);
		n += k->response != NULL;
	}
	return n;
}

static void on_sweep(uv_timer_t *timer)
{
	struct pn_http *h = timer->data;

	pn_http_clients_cut(&h->clients, h->config.timeout_ms, uv_now(h->loop));
	if (forget_old(h) == 0 && !h->clients.timed)
		(void)uv_timer_stop(timer);
}

static struct pn_http_client *client_started(struct pn_http *h, struct MHD_Connection *connection)
{
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

	if (!h->clients.timed)
		(void)uv_timer_start(&h->sweep, on_sweep, h->config.timeout_ms / SWEEPS,
				     h->config.timeout_ms / SWEEPS);
	return pn_http_client_new(&h->clients, fd, PN_HTTP_MAX_CLIENTS, uv_now(h->loop));
}

static void client_gone(struct pn_http *h, struct pn_http_client *c)
{
	if (!c)
		return;
	if (c->stream)
		pn_http_stream_gone(c->stream);
	pn_http_client_free(&h->clients, c);
}

static void on_connection(void *data, struct MHD_Connection *connection, void **client,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*client = client_started(data, connection);
	else
		client_gone(data, *client);
}

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

/* Return: 0 or a negative errno */
static int make(struct pn_http *h, const struct pn_http_page *page, unsigned int form,
		struct kept *k)
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
	struct kept *k = &h->kept[i][form];
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

static void run(void *data);

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
		.run = run,
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

/* Called with the request's head. A body is not waited for: the answer ends the connection. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **request)
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

/* --- the library in the loop --------------------------------------------------------------------- */

static void on_soon(uv_timer_t *timer);

static void run(void *data)
{
	struct pn_http *h = data;
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		(void)uv_timer_start(&h->soon, on_soon, ms, 0);
	else
		(void)uv_timer_stop(&h->soon);
}

static void on_soon(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

/* Broken requests are the clients' matter: seen with --log-level debug. */
PN_PRINTF(2, 0) static void on_log(void *data, const char *format, va_list args)
{
	char text[256];

	(void)data;
	(void)vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	pn_debug("http", "%s", text);
}

/* --- start and stop ------------------------------------------------------------------------------ */

static int open_socket(const char *address, uint16_t *ret_port, struct pn_err *reterr)
{
	struct sockaddr_storage at;
	struct sockaddr *sa = (struct sockaddr *)&at;
	socklen_t len = sizeof(at);
	PN_CLEANUP(pn_closep) int fd = -1;
	int on = 1, r = pn_http_address(address, &at, reterr);

	if (r < 0)
		return r;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, sa, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, sa, &len) < 0)
		return pn_err_set(reterr, -errno, "HTTP: cannot listen on %s: %s", address,
				  strerror(errno));
	*ret_port = ntohs(sa->sa_family == AF_INET6 ? ((struct sockaddr_in6 *)sa)->sin6_port
						    : ((struct sockaddr_in *)sa)->sin_port);
	return PN_TAKE_FD(fd);
}

static struct MHD_Daemon *start_library(struct pn_http *h, int fd)
{
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)pn_http_tls_pick },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PN_HTTP_TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem *extra = h->config.tls ? tls : &tls[PN_ARRAY_SIZE(tls) - 1];

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME |
					(h->config.tls ? MHD_USE_TLS : 0u),
				0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log,
				NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned int)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)MAX_HEAD_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
				h, MHD_OPTION_ARRAY, extra, MHD_OPTION_END);
}

/* Return: allocated; NULL without memory */
static char *list_paths(const struct pn_http_config *config)
{
	struct pn_buf b = PN_BUF_INIT(4096);
	int r = pn_buf_printf(&b, "there is nothing here; pages:\n");

	for (size_t i = 0; r == 0 && i < config->n_pages; i++)
		r = pn_buf_printf(&b, "%s\n", config->pages[i].path);
	for (size_t i = 0; r == 0 && i < config->n_files; i++)
		r = pn_buf_printf(&b, "%s\n", config->files[i].path);
	if (r < 0)
		pn_buf_done(&b);
	return PN_TAKE_PTR(b.data);
}

static void free_http(struct pn_http *h)
{
	free(h->paths);
	free(h);
}

static int start_handles(struct pn_http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r = uv_poll_init(h->loop, &h->poll, info->epoll_fd);

	if (r < 0)
		return r;
	(void)uv_timer_init(h->loop, &h->soon);
	(void)uv_timer_init(h->loop, &h->sweep);
	h->n_handles = 3;
	h->poll.data = h->soon.data = h->sweep.data = h;
	return uv_poll_start(&h->poll, UV_READABLE, on_readable);
}

int pn_http_listen(uv_loop_t *loop, const struct pn_http_config *config, struct pn_http **ret,
		   struct pn_err *reterr)
{
	struct pn_http *h;
	uint16_t port = 0;
	int r, fd = open_socket(config->address, &port, reterr);

	if (fd < 0)
		return fd;
	h = calloc(1, sizeof(*h));
	if (h) {
		h->config = *config;
		h->loop = loop;
		h->port = port;
		h->paths = list_paths(config);
		h->daemon = h->paths ? start_library(h, fd) : NULL;
	}
	if (!h || !h->daemon) {
		(void)close(fd);
		if (h)
			free_http(h);
		return pn_err_set(reterr, -ENOMEM, "HTTP: the server cannot be started");
	}
	r = start_handles(h);
	if (r < 0) {
		pn_http_close(h);
		return pn_err_set(reterr, r, "HTTP: polling: %s", uv_strerror(r));
	}
	*ret = h;
	return 0;
}

uint16_t pn_http_port(const struct pn_http *h)
{
	return h->port;
}

static void on_closed(uv_handle_t *handle)
{
	struct pn_http *h = handle->data;

	if (--h->n_handles == 0)
		free_http(h);
}

void pn_http_close(struct pn_http *h)
{
	struct pn_http_client *c;

	if (!h)
		return;
	DL_FOREACH (h->clients.streams, c)
		pn_http_stream_wake(c->stream); /* the library ends none that is asleep */
	if (h->n_handles) {
		uv_close((uv_handle_t *)&h->poll, on_closed); /* before its descriptor goes */
		uv_close((uv_handle_t *)&h->soon, on_closed);
		uv_close((uv_handle_t *)&h->sweep, on_closed);
	}
	for (size_t i = 0; i < PN_HTTP_MAX_PAGES * PN_HTTP_MAX_FORMS; i++)
		forget(&h->kept[i / PN_HTTP_MAX_FORMS][i % PN_HTTP_MAX_FORMS]);
	MHD_stop_daemon(h->daemon);
	if (!h->n_handles)
		free_http(h);
}
