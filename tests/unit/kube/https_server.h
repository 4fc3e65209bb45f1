/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_HTTPS_SERVER_H
#define PN_TESTS_HTTPS_SERVER_H

/*
 * An HTTP/1.1 server on loopback for tests of the client, with TLS or without. It reads a request's
 * head and calls a script, which writes whatever bytes it likes and can stop in the middle. Each
 * connection has a thread; stopping the server shuts all of them down.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

enum { MAX_CONNECTIONS = 4096, STACK_BYTES = 256 << 10 };

struct server;

/** struct exchange - one request and the connection that it came on */
struct exchange {
	struct server *server;
	int fd;
	SSL *tls;
	unsigned int n; /* requests before this one, over all connections */
	char head[8192];
	size_t len;
};

/** script_fn - Return: true to read another request from the connection, false to close it */
typedef bool (*script_fn)(struct exchange *x);

struct server {
	int listener;
	uint16_t port;
	SSL_CTX *tls;
	script_fn script;
	bool is_rude; /* answers without having read anything */
	pthread_t thread, threads[MAX_CONNECTIONS];
	pthread_mutex_t lock;
	int fds[MAX_CONNECTIONS]; /* under the lock; -1: closed */
	atomic_uint n_connections, n_requests;
};

static inline bool say_bytes(struct exchange *x, const char *bytes, size_t len)
{
	ssize_t n;

	while (len) {
		n = x->tls ? SSL_write(x->tls, bytes, (int)len)
			   : send(x->fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool say(struct exchange *x, const char *text)
{
	return say_bytes(x, text, strlen(text));
}

static inline int read_some(struct exchange *x, char *buf, size_t size)
{
	return x->tls ? SSL_read(x->tls, buf, (int)size) : (int)recv(x->fd, buf, size, 0);
}

/** wait_until_closed() - by the client, or by the end of the test */
static inline void wait_until_closed(struct exchange *x)
{
	char bytes[256];

	while (read_some(x, bytes, sizeof(bytes)) > 0)
		;
}

static bool read_head(struct exchange *x)
{
	int n;

	x->len = 0;
	while (x->len < sizeof(x->head) - 1) {
		n = read_some(x, x->head + x->len, sizeof(x->head) - 1 - x->len);
		if (n <= 0)
			return false;
		x->len += (size_t)n;
		x->head[x->len] = '\0';
		if (strstr(x->head, "\r\n\r\n"))
			return true;
	}
	return false;
}

struct arrival {
	struct server *server;
	unsigned int n;
};

static void close_connection(struct server *s, unsigned int n)
{
	(void)pthread_mutex_lock(&s->lock);
	(void)close(s->fds[n]);
	s->fds[n] = -1;
	(void)pthread_mutex_unlock(&s->lock);
}

/* So that the last words are not lost to a reset, as they are when something unread is there at close. */
static void finish_connection(int fd)
{
	char bytes[256];

	(void)shutdown(fd, SHUT_WR);
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
}

static void *serve_connection(void *data)
{
	struct arrival arrival = *(struct arrival *)data;
	struct exchange *x = calloc(1, sizeof(*x));
	bool ready = true;

	free(data);
	x->server = arrival.server;
	x->fd = x->server->fds[arrival.n];
	if (x->server->tls) {
		x->tls = SSL_new(x->server->tls);
		(void)SSL_set_fd(x->tls, x->fd);
		ready = SSL_accept(x->tls) == 1;
	}
	while (ready && (x->server->is_rude || read_head(x))) {
		x->n = atomic_fetch_add(&x->server->n_requests, 1);
		ready = x->server->script(x);
	}
	SSL_free(x->tls);
	finish_connection(x->fd);
	close_connection(x->server, arrival.n);
	free(x);
	return NULL;
}

static void *accept_connections(void *data)
{
	struct server *s = data;
	pthread_attr_t attr;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned int n = 0; n < MAX_CONNECTIONS; n++) {
		struct arrival *arrival;
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		arrival = malloc(sizeof(*arrival));
		*arrival = (struct arrival) { .server = s, .n = n };
		s->fds[n] = fd;
		atomic_fetch_add(&s->n_connections, 1);
		(void)pthread_create(&s->threads[n], &attr, serve_connection, arrival);
	}
	(void)pthread_attr_destroy(&attr);
	return NULL;
}

/** server_start() - @tls: taken over; NULL for plain HTTP. Return: 0 or a negative errno */
static inline int server_start(struct server *s, SSL_CTX *tls, script_fn script)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	memset(s, 0, sizeof(*s));
	s->tls = tls;
	s->script = script;
	(void)pthread_mutex_init(&s->lock, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(s->listener, MAX_CONNECTIONS) < 0 ||
	    getsockname(s->listener, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	s->port = ntohs(addr.sin_port);
	return -pthread_create(&s->thread, NULL, accept_connections, s);
}

static inline void server_stop(struct server *s)
{
	if (!s->port)
		return;
	(void)shutdown(s->listener, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	for (unsigned int n = 0; n < atomic_load(&s->n_connections); n++) {
		(void)pthread_mutex_lock(&s->lock);
		(void)shutdown(s->fds[n], SHUT_RDWR); /* nothing happens to -1 */
		(void)pthread_mutex_unlock(&s->lock);
		(void)pthread_join(s->threads[n], NULL);
	}
	(void)close(s->listener);
	SSL_CTX_free(s->tls);
	s->port = 0;
}

#endif
