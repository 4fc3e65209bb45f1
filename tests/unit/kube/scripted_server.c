/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripted API server: connections, requests, answers. The server's thread reads and notices
 * what the client closes; the test's thread writes. A connection's descriptor is closed under its
 * lock, so that nobody writes to a number that means something else by then.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/kube/scripted_objects.h"

/**
 * struct api_conn - stays until api_stop()
 * @fd:      under @lock; -1 when either side has closed it
 * @is_open: under the server's lock: the same for those who wait
 * @is_busy: under the server's lock: a request is being answered
 */
struct api_conn {
	struct api_conn *next;
	pthread_mutex_t lock;
	int fd;
	bool is_open, is_busy;
	char head[API_TEXT];
	size_t len;
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t api_now_ms(void)
{
	return now_ns() / 1000000;
}

int64_t api_now_us(void)
{
	return now_ns() / 1000;
}

static void acted(struct api *api)
{
	(void)pthread_mutex_lock(&api->lock);
	api->acted_ns = now_ns();
	(void)pthread_mutex_unlock(&api->lock);
}

/* --- connections --- */

static void close_conn(struct api *api, struct api_conn *c)
{
	(void)pthread_mutex_lock(&c->lock);
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_mutex_lock(&api->lock);
	c->is_open = false;
	(void)pthread_cond_broadcast(&api->changed);
	(void)pthread_mutex_unlock(&api->lock);
}

static void reset_conn(struct api *api, struct api_conn *c)
{
	struct linger at_once = { .l_onoff = 1 };

	(void)pthread_mutex_lock(&c->lock);
	if (c->fd >= 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)pthread_mutex_unlock(&c->lock);
	close_conn(api, c);
}

static void write_conn(struct api_conn *c, const char *bytes, size_t len)
{
	(void)pthread_mutex_lock(&c->lock);
	while (len && c->fd >= 0) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			break; /* the client has gone; the server's thread sees it too */
		bytes += n;
		len -= (size_t)n;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

static void set_busy(struct api *api, struct api_conn *c, bool is_busy)
{
	(void)pthread_mutex_lock(&api->lock);
	c->is_busy = is_busy;
	(void)pthread_mutex_unlock(&api->lock);
}

/* --- the server's thread --- */

static void accept_conn(struct api *api)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct timeval guard = { .tv_sec = API_GUARD_S };
	struct api_conn *c = calloc(1, sizeof(*c));
	int on = 1;

	(void)pthread_mutex_lock(&api->lock);
	c->fd = api->listener < 0 ? -1 : accept4(api->listener, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd >= 0) {
		c->is_open = true;
		c->next = api->conns;
		api->conns = c;
	}
	(void)pthread_mutex_unlock(&api->lock);
	if (c->fd < 0) {
		free(c);
		return;
	}
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &guard, sizeof(guard));
	event.data.ptr = c;
	(void)epoll_ctl(api->poll, EPOLL_CTL_ADD, c->fd, &event);
}

static void take_request(struct api *api, struct api_conn *c)
{
	struct api_request *r = calloc(1, sizeof(*r));

	r->conn = c;
	r->arrived_ns = now_ns();
	memcpy(r->head, c->head, c->len);
	c->len = 0;
	set_busy(api, c, true);
	if (api->serve && api->serve(api, r)) {
		free(r);
		return;
	}
	(void)pthread_mutex_lock(&api->lock);
	*api->last = r;
	api->last = &r->next;
	(void)pthread_cond_broadcast(&api->changed);
	(void)pthread_mutex_unlock(&api->lock);
}

static void read_conn(struct api *api, struct api_conn *c)
{
	ssize_t n = -1;

	(void)pthread_mutex_lock(&c->lock);
	if (c->fd >= 0)
		n = recv(c->fd, c->head + c->len, sizeof(c->head) - 1 - c->len, MSG_DONTWAIT);
	if (c->fd < 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) {
		(void)pthread_mutex_unlock(&c->lock);
		return;
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (n <= 0) {
		close_conn(api, c);
		return;
	}
	c->len += (size_t)n;
	c->head[c->len] = '\0';
	if (strstr(c->head, "\r\n\r\n"))
		take_request(api, c);
}

static void *run(void *data)
{
	struct api *api = data;
	struct epoll_event events[64];

	while (true) {
		int n = epoll_wait(api->poll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == api)
				return NULL;
			if (events[i].data.ptr)
				read_conn(api, events[i].data.ptr);
			else
				accept_conn(api);
		}
	}
}

/* --- life --- */

static void open_listener(struct api *api)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(api->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN };
	socklen_t len = sizeof(addr);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4096), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	api->port = ntohs(addr.sin_port);
	(void)pthread_mutex_lock(&api->lock);
	api->listener = fd;
	(void)pthread_mutex_unlock(&api->lock);
	assert_int_equal(epoll_ctl(api->poll, EPOLL_CTL_ADD, fd, &event), 0);
}

/* A connection has a descriptor at either end. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void api_start(struct api *api)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = api };
	pthread_condattr_t attr;

	raise_limit();
	*api = (struct api) { .plural = "pods", .kind = "Pod", .group_version = "v1" };
	api->last = &api->first;
	(void)pthread_mutex_init(&api->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&api->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	api->poll = epoll_create1(EPOLL_CLOEXEC);
	api->wake = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(epoll_ctl(api->poll, EPOLL_CTL_ADD, api->wake, &event), 0);
	open_listener(api);
	(void)snprintf(api->url, sizeof(api->url), "http://127.0.0.1:%u", api->port);
	assert_int_equal(pthread_create(&api->thread, NULL, run, api), 0);
}

static struct api_conn *find_idle(struct api *api)
{
	struct api_conn *c;

	(void)pthread_mutex_lock(&api->lock);
	for (c = api->conns; c && (c->is_busy || !c->is_open);)
		c = c->next;
	(void)pthread_mutex_unlock(&api->lock);
	return c;
}

void api_listen(struct api *api, bool is_listening)
{
	struct api_conn *c;

	if (is_listening) {
		open_listener(api);
		acted(api);
		return;
	}
	(void)pthread_mutex_lock(&api->lock);
	(void)close(api->listener);
	api->listener = -1;
	(void)pthread_mutex_unlock(&api->lock);
	while ((c = find_idle(api)))
		close_conn(api, c);
	acted(api);
}

unsigned int api_stop(struct api *api)
{
	unsigned int n_left = 0;

	assert_int_equal(eventfd_write(api->wake, 1), 0);
	(void)pthread_join(api->thread, NULL);
	if (api->listener >= 0)
		(void)close(api->listener);
	for (struct api_conn *c = api->conns, *next; c; c = next) {
		next = c->next;
		if (c->fd >= 0)
			(void)close(c->fd);
		(void)pthread_mutex_destroy(&c->lock);
		free(c);
	}
	for (struct api_request *r = api->first, *next; r; r = next) {
		next = r->next;
		print_error("not expected: %.*s\n", (int)strcspn(r->head, "\r"), r->head);
		free(r);
		n_left++;
	}
	free(api->current);
	(void)close(api->poll);
	(void)close(api->wake);
	(void)pthread_cond_destroy(&api->changed);
	(void)pthread_mutex_destroy(&api->lock);
	return n_left;
}

void api_drop(struct api *api)
{
	struct api_request *r, *next;

	(void)pthread_mutex_lock(&api->lock);
	r = api->first;
	api->first = NULL;
	api->last = &api->first;
	(void)pthread_mutex_unlock(&api->lock);
	for (; r; r = next) {
		next = r->next;
		free(r);
	}
}

/* --- waiting --- */

static struct timespec guard_end(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += API_GUARD_S;
	return t;
}

void api_take(struct api *api)
{
	struct timespec end = guard_end();
	struct api_request *r;
	int result = 0;

	(void)pthread_mutex_lock(&api->lock);
	while (!api->first && result == 0)
		result = pthread_cond_timedwait(&api->changed, &api->lock, &end);
	r = api->first;
	if (r) {
		api->first = r->next;
		if (!api->first)
			api->last = &api->first;
		r->next = NULL;
		api->gap_ms = (r->arrived_ns - api->acted_ns) / 1000000;
		api->n_requests++;
	}
	(void)pthread_mutex_unlock(&api->lock);
	free(api->current);
	api->current = r;
}

void api_wait_closed(struct api *api)
{
	struct timespec end = guard_end();
	int result = 0;

	(void)pthread_mutex_lock(&api->lock);
	while (api->stream->is_open && result == 0)
		result = pthread_cond_timedwait(&api->changed, &api->lock, &end);
	(void)pthread_mutex_unlock(&api->lock);
	if (result)
		fail_msg("the client does not close the stream");
}

unsigned int api_n_open(struct api *api)
{
	unsigned int n = 0;

	(void)pthread_mutex_lock(&api->lock);
	for (struct api_conn *c = api->conns; c; c = c->next)
		n += c->is_open;
	(void)pthread_mutex_unlock(&api->lock);
	return n;
}

/* --- what a request is --- */

static void decode_percent(char *text)
{
	char *to = text;

	for (; *text; text++) {
		char hex[3] = { 0 };

		if (*text == '%' && isxdigit((unsigned char)text[1]) &&
		    isxdigit((unsigned char)text[2])) {
			memcpy(hex, text + 1, 2);
			*to++ = (char)strtol(hex, NULL, 16);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

const char *api_param(const struct api_request *r, const char *name, char *buf)
{
	const char *end = r->head + strcspn(r->head, "\r"), *p = strchr(r->head, '?');
	size_t len = strlen(name);

	*buf = '\0';
	for (; p && p < end; p = strpbrk(p, "&\r")) {
		p++;
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		p += len + 1;
		(void)snprintf(buf, API_TEXT, "%.*s", (int)strcspn(p, "& \r"), p);
		decode_percent(buf);
		break;
	}
	return buf;
}

bool api_header(const struct api_request *r, const char *name, const char *value)
{
	char line[API_TEXT];

	(void)snprintf(line, sizeof(line), "\r\n%s: %s\r\n", name, value);
	return strcasestr(r->head, line);
}

static bool param_is(const struct api_request *r, const char *name, const char *value)
{
	char buf[API_TEXT];

	(void)api_param(r, name, buf);
	return strcmp(value, "*") == 0 ? *buf != '\0' : strcmp(buf, value) == 0;
}

static bool is_list(const struct api_request *r)
{
	return param_is(r, "watch", "") && param_is(r, "sendInitialEvents", "") &&
	       param_is(r, "allowWatchBookmarks", "");
}

static bool is_watch(const struct api_request *r)
{
	char buf[API_TEXT], *end;
	unsigned long seconds = strtoul(api_param(r, "timeoutSeconds", buf), &end, 10);

	return (param_is(r, "watch", "true") || param_is(r, "watch", "1")) &&
	       param_is(r, "allowWatchBookmarks", "true") && !*end && seconds >= 300 &&
	       seconds <= 600 && param_is(r, "limit", "") && param_is(r, "continue", "");
}

static bool operation_is(const struct api_request *r, const char *operation)
{
	if (strcmp(operation, "LIST") == 0)
		return is_list(r);
	if (strcmp(operation, "WATCH") == 0)
		return is_watch(r) && param_is(r, "sendInitialEvents", "") &&
		       param_is(r, "resourceVersionMatch", "");
	return is_watch(r) && param_is(r, "sendInitialEvents", "true") &&
	       param_is(r, "resourceVersionMatch", "NotOlderThan");
}

static bool path_is(const struct api_request *r, const char *path)
{
	size_t len = strlen(path);

	return strncmp(r->head, "GET ", 4) == 0 && strncmp(r->head + 4, path, len) == 0 &&
	       strchr("? ", r->head[4 + len]);
}

bool api_is(const struct api *api, const char *what)
{
	const struct api_request *r = api->current;
	char text[API_TEXT], path[256], *rest = text, *word;
	bool is_right;

	(void)snprintf(text, sizeof(text), "%s", what);
	(void)snprintf(path, sizeof(path), "/%s/%s/%s",
		       strchr(api->group_version, '/') ? "apis" : "api", api->group_version,
		       api->plural);
	is_right = r && operation_is(r, strsep(&rest, " "));
	if (rest && *rest == '/')
		(void)snprintf(path, sizeof(path), "%s", strsep(&rest, " "));
	is_right = is_right && path_is(r, path);
	while (is_right && (word = strsep(&rest, " "))) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		is_right = param_is(r, word, value);
	}
	return is_right;
}

void api_expect(struct api *api, const char *what)
{
	api_take(api);
	if (!api->current)
		fail_msg("no request within %d s, want %s", API_GUARD_S, what);
	if (!api_is(api, what))
		fail_msg("got %.*s\nwant %s", (int)strcspn(api->current->head, "\r"),
			 api->current->head, what);
}

/* --- answers --- */

static void answer(struct api *api, struct api_conn *c, int code, const char *headers,
		   const char *type, const char *body, size_t len)
{
	char head[API_TEXT];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
			 code, code == 200 ? "OK" : "No", type, len, headers ? headers : "");

	set_busy(api, c, false);
	acted(api); /* before, as the next request may come at once */
	write_conn(c, head, (size_t)n);
	write_conn(c, body, len);
}

void api_answer(struct api *api, int code, const char *headers, const char *type, const char *body,
		size_t len)
{
	answer(api, api->current->conn, code, headers, type, body, len);
}

void api_list_to(struct api *api, struct api_conn *c, const char *version, const char *token,
		 const char *objects)
{
	size_t len;
	char *body = api_render_list(api, version, token, objects, &len);

	answer(api, c, 200, NULL,
	       api->protobuf ? "application/vnd.kubernetes.protobuf" : "application/json", body,
	       len);
	free(body);
}

void api_page(struct api *api, const char *version, const char *token, const char *objects)
{
	api_list_to(api, api->current->conn, version, token, objects);
}

void api_list(struct api *api, const char *version, const char *objects)
{
	api_page(api, version, NULL, objects);
}

void api_status(struct api *api, int code, const char *reason, const char *message,
		const char *details, const char *headers)
{
	size_t len;
	char *body = api_render_status(code, reason, message, details, &len);

	api_answer(api, code, headers, "application/json", body, len);
	free(body);
}

void api_stream_to(struct api *api, struct api_conn *c)
{
	char head[256];
	int n = snprintf(
		head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n",
		api->protobuf ? "application/vnd.kubernetes.protobuf;stream=watch"
			      : "application/json");

	acted(api);
	write_conn(c, head, (size_t)n);
}

void api_stream(struct api *api)
{
	api->stream = api->current->conn;
	api_stream_to(api, api->stream);
}

void api_reset(struct api *api)
{
	acted(api);
	reset_conn(api, api->current->conn);
}

void api_hang_up(struct api *api)
{
	acted(api);
	close_conn(api, api->current->conn);
}

/* --- streams --- */

static void write_chunk(struct api_conn *c, const char *bytes, size_t len)
{
	char *chunk = malloc(len + 32);
	int n = sprintf(chunk, "%zx\r\n", len);

	memcpy(chunk + n, bytes, len);
	memcpy(chunk + (size_t)n + len, "\r\n", 2);
	write_conn(c, chunk, (size_t)n + len + 2);
	free(chunk);
}

static void write_chunks(struct api *api, struct api_conn *c, const char *bytes, size_t len)
{
	size_t most = api->chunk_bytes ? api->chunk_bytes : len;

	acted(api);
	for (; len; bytes += most, len -= most) {
		if (most > len)
			most = len;
		write_chunk(c, bytes, most);
	}
}

void api_send_to(struct api *api, struct api_conn *c, const char *events)
{
	char *copy = strdup(events), *rest = copy, *event;

	while ((event = api_next_part(&rest))) {
		size_t len;
		char *bytes = api_render(api, event, &len);

		write_chunks(api, c, bytes, len);
		free(bytes);
	}
	free(copy);
}

void api_send(struct api *api, const char *events)
{
	api_send_to(api, api->stream, events);
}

void api_send_raw(struct api *api, const char *bytes, size_t len)
{
	write_chunks(api, api->stream, bytes, len);
}

void api_end_to(struct api *api, struct api_conn *c, enum api_end how)
{
	size_t len;
	char *half = api_render(api, "ADDED fragment@999", &len);

	if (how == API_TRUNCATE || how == API_FRAGMENT)
		write_chunk(c, half, len / 2);
	free(half);
	if (how == API_EOF || how == API_FRAGMENT)
		set_busy(api, c, false);
	acted(api);
	if (how == API_EOF || how == API_FRAGMENT)
		write_conn(c, "0\r\n\r\n", 5);
	else if (how == API_RESET)
		reset_conn(api, c);
	else
		close_conn(api, c);
}

void api_end(struct api *api, enum api_end how)
{
	api_end_to(api, api->stream, how);
}
