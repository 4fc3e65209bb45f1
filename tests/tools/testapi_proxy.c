/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test server's proxy to pods. The pod is asked by HTTP/1.0, so that its answer is all that comes until it
 * hangs up; a connection whose pod has nothing to say is suspended until its descriptor is readable.
 */
#include "testapi_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/buf.h"
#include "testapi_http.h"

enum { MAX_HEAD = 16 << 10, HEAD_WAIT_S = 10 };

struct pn_proxied {
	struct pn_proxied *prev, *next;
	struct pn_proxies *all;
	struct MHD_Connection *conn;
	int pod_fd, client_fd;
	bool is_asleep;
	struct pn_buf head; /* and what of the body came with it */
	size_t body_at;
};

static const char marker[] = "/proxy";

bool pn_proxy_is_path(const char *url)
{
	const char *pods = strstr(url, "/pods/");

	return strncmp(url, "/api/v1/namespaces/", 19) == 0 && pods && strstr(pods, marker);
}

/* --- the pod's side --- */

static int connect_to(const char *ip, unsigned int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval wait = { .tv_sec = HEAD_WAIT_S };
	PN_CLEANUP(pn_closep) int fd = -1;

	if (inet_pton(AF_INET, ip, &at.sin_addr) != 1)
		return -EINVAL;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return PN_TAKE_FD(fd);
}

static enum MHD_Result put_argument(void *data, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	struct pn_buf *b = data;

	(void)kind;
	(void)pn_buf_printf(b, "%s", memchr(b->data, '?', b->len) ? "&" : "?");
	(void)pn_buf_put_escaped(b, key);
	(void)pn_buf_printf(b, "=");
	(void)pn_buf_put_escaped(b, value ? value : "");
	return MHD_YES;
}

static enum MHD_Result put_header(void *data, enum MHD_ValueKind kind, const char *key,
				  const char *value)
{
	(void)kind;
	if (strcasecmp(key, "Authorization") != 0 && strcasecmp(key, "Connection") != 0)
		(void)pn_buf_printf(data, "%s: %s\r\n", key, value);
	return MHD_YES;
}

static int ask(int fd, struct MHD_Connection *conn, const char *path)
{
	struct pn_buf b = PN_BUF_INIT(64 << 10);
	ssize_t n;

	(void)pn_buf_printf(&b, "GET %s", *path ? path : "/");
	(void)MHD_get_connection_values(conn, MHD_GET_ARGUMENT_KIND, put_argument, &b);
	(void)pn_buf_printf(&b, " HTTP/1.0\r\n");
	(void)MHD_get_connection_values(conn, MHD_HEADER_KIND, put_header, &b);
	(void)pn_buf_printf(&b, "\r\n");
	n = send(fd, b.data, b.len, MSG_NOSIGNAL);
	pn_buf_done(&b);
	return n < 0 ? -errno : 0;
}

/* Return: 0 with all of the head in @b, and where the body begins */
static int read_head(int fd, struct pn_buf *b, size_t *ret_body)
{
	const char *end = NULL;

	while (!end) {
		ssize_t n = pn_buf_reserve(b, 1024) < 0 ? 0 : recv(fd, b->data + b->len, 1023, 0);

		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		b->len += (size_t)n;
		b->data[b->len] = '\0';
		end = strstr(b->data, "\r\n\r\n");
	}
	*ret_body = (size_t)(end - b->data) + 4;
	return 0;
}

/* --- the client's side --- */

static ssize_t on_wanted(void *data, uint64_t pos, char *to, size_t max)
{
	struct pn_proxied *x = data;
	ssize_t n;

	(void)pos;
	if (x->body_at < x->head.len) {
		size_t len = PN_MIN(max, x->head.len - x->body_at);

		memcpy(to, x->head.data + x->body_at, len);
		x->body_at += len;
		return (ssize_t)len;
	}
	n = recv(x->pod_fd, to, max, MSG_DONTWAIT);
	if (n > 0)
		return n;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (errno != EAGAIN)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	x->is_asleep = true;
	MHD_suspend_connection(x->conn);
	return 0;
}

static void on_free(void *data)
{
	struct pn_proxied *x = data;

	DL_DELETE(x->all->list, x);
	(void)close(x->pod_fd);
	pn_buf_done(&x->head);
	free(x);
}

static void wake(struct pn_proxied *x)
{
	if (!x->is_asleep)
		return;
	x->is_asleep = false;
	MHD_resume_connection(x->conn);
}

size_t pn_proxies_poll(const struct pn_proxies *p, struct pollfd *fds, size_t max)
{
	const struct pn_proxied *x;
	size_t n = 0;

	DL_FOREACH (p->list, x) {
		if (!x->is_asleep || n + 2 > max)
			continue;
		fds[n++] = (struct pollfd) { .fd = x->pod_fd, .events = POLLIN };
		fds[n++] = (struct pollfd) { .fd = x->client_fd, .events = POLLRDHUP };
	}
	return n;
}

void pn_proxies_ready(struct pn_proxies *p, const struct pollfd *fd)
{
	struct pn_proxied *x;

	DL_FOREACH (p->list, x) {
		if (fd->fd != x->pod_fd && fd->fd != x->client_fd)
			continue;
		if (fd->fd == x->client_fd)
			(void)shutdown(x->pod_fd, SHUT_RDWR);
		wake(x);
		return;
	}
}

void pn_proxies_cut(struct pn_proxies *p)
{
	struct pn_proxied *x;

	DL_FOREACH (p->list, x) {
		(void)shutdown(x->pod_fd, SHUT_RDWR);
		wake(x);
	}
}

/* --- one request --- */

static enum MHD_Result unreachable(struct MHD_Connection *conn, const char *ip, unsigned int port,
				   int error)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "error trying to reach service: dial tcp %s:%u: %s", ip,
		       port, strerror(-error));
	return pn_reply_status(conn, MHD_HTTP_SERVICE_UNAVAILABLE, "ServiceUnavailable", text);
}

/* Takes @fd over. */
static enum MHD_Result pass_on(struct pn_proxies *p, struct MHD_Connection *conn, int fd,
			       struct pn_buf *head, size_t body_at)
{
	struct pn_proxied *x = calloc(1, sizeof(*x));
	unsigned int status = 502;
	struct MHD_Response *r;
	enum MHD_Result done;

	if (!x) {
		(void)close(fd);
		pn_buf_done(head);
		return MHD_NO;
	}
	(void)sscanf(head->data, "HTTP/%*s %u", &status);
	*x = (struct pn_proxied) {
		.all = p,
		.conn = conn,
		.pod_fd = fd,
		.client_fd = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)
				     ->connect_fd,
		.head = *head,
		.body_at = body_at,
	};
	DL_APPEND(p->list, x);
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_wanted, x, on_free);
	if (!r) {
		on_free(x);
		return MHD_NO;
	}
	(void)MHD_add_response_header(r, "Content-Type", "application/octet-stream");
	done = MHD_queue_response(conn, status, r);
	MHD_destroy_response(r);
	return done;
}

enum MHD_Result pn_proxy_answer(struct pn_proxies *p, struct pn_teststore *store,
				struct MHD_Connection *conn, const char *url)
{
	char name_space[64], name[254];
	struct pn_path path;
	struct pn_buf head = PN_BUF_INIT(MAX_HEAD);
	unsigned int port;
	const json_t *pod;
	const char *ip;
	size_t body_at = 0;
	int at = 0, fd, r;

	if (sscanf(url, "/api/v1/namespaces/%63[^/]/pods/http:%253[^:]:%u/proxy%n", name_space,
		   name, &port, &at) != 3 ||
	    !at)
		return pn_reply_status(conn, MHD_HTTP_BAD_REQUEST, "BadRequest",
				       "pods are reached as http:NAME:PORT");
	pn_path_parse("/api/v1/pods", &path);
	pod = pn_teststore_get(store, path.collection, name_space, name);
	ip = json_string_value(json_object_get(json_object_get(pod, "status"), "podIP"));
	if (!ip)
		return pn_reply_status(conn, MHD_HTTP_NOT_FOUND, "NotFound",
				       "there is no such pod, or it has no address");
	fd = connect_to(ip, port);
	if (fd < 0)
		return unreachable(conn, ip, port, fd);
	r = ask(fd, conn, url + at);
	if (r == 0)
		r = read_head(fd, &head, &body_at);
	if (r == 0)
		return pass_on(p, conn, fd, &head, body_at);
	(void)close(fd);
	pn_buf_done(&head);
	return unreachable(conn, ip, port, r);
}
