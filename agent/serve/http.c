/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server, for daemon/web.c: its socket, its connections, the library in the loop; what requests are
 * answered with is up to http_answer.c. libmicrohttpd speaks HTTP; it has one epoll descriptor for all of its
 * sockets, which is polled by the control thread's loop, so there is no other thread. How long a connection
 * may take is up to http_clients.c.
 */
#include "serve/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/log.h"
#include "serve/http_private.h"
#include "serve/http_stream.h"
#include "serve/http_tls.h"

enum {
	/* Above it the library accepts no more; what was cut off has to fit in between. */
	MAX_CONNECTIONS = 2 * PN_HTTP_MAX_CLIENTS + PN_HTTP_MAX_STREAMS,
	MAX_HEAD_BYTES = 16 << 10,
	BACKLOG = 128,
	SWEEPS = 10, /* within the time that a connection has */
};

/* --- connections ---------------------------------------------------------------------------------- */

static void on_sweep(uv_timer_t *timer)
{
	struct pn_http *h = timer->data;

	pn_http_clients_cut(&h->clients, h->config.timeout_ms, uv_now(h->loop));
	if (pn_http_forget_old(h) == 0 && !h->clients.timed)
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

/* --- the library in the loop --------------------------------------------------------------------- */

static void on_soon(uv_timer_t *timer);

void pn_http_run(void *data)
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
	pn_http_run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	pn_http_run(poll->data);
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
				0, NULL, NULL, pn_http_answer_request, h,
				MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET,
				fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MAX_CONNECTIONS,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_HEAD_BYTES,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_ARRAY,
				extra, MHD_OPTION_END);
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
	pn_http_forget_all(h);
	MHD_stop_daemon(h->daemon);
	if (!h->n_handles)
		free_http(h);
}
