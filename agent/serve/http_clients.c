// SPDX-License-Identifier: Apache-2.0
/*
 * Connections for http.c. What libmicrohttpd does not do is to end one on which something comes all the time,
 * ever so slowly. So each is in a list, the oldest first, and is shut down by its descriptor when its time is
 * over or when newer ones need its place; the library then finds it dead and closes it.
 */
#include "serve/http_clients.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/metric.h"

static void cut(struct pn_http_clients *all, struct pn_http_client *c)
{
	c->is_cut = true;
	all->n_timed--;
	(void)shutdown(c->fd, SHUT_RDWR);
	pn_metric_add(PN_METRIC_HTTP_CUT, 1);
}

static struct pn_http_client *oldest(const struct pn_http_clients *all)
{
	struct pn_http_client *c;

	DL_FOREACH (all->timed, c) {
		if (!c->is_cut)
			return c;
	}
	return NULL;
}

struct pn_http_client *pn_http_client_new(struct pn_http_clients *all, int fd, size_t max,
					  uint64_t now_ms)
{
	struct pn_http_client *c = calloc(1, sizeof(*c)), *old;

	if (!c) {
		(void)shutdown(fd, SHUT_RDWR);
		return NULL;
	}
	c->fd = fd;
	c->since_ms = now_ms;
	DL_APPEND(all->timed, c);
	all->n_timed++;
	if (all->n_timed > max && (old = oldest(all)))
		cut(all, old);
	return c;
}

void pn_http_client_streams(struct pn_http_clients *all, struct pn_http_client *c,
			    struct pn_http_stream *stream)
{
	DL_DELETE(all->timed, c);
	all->n_timed -= !c->is_cut;
	c->stream = stream;
	DL_APPEND(all->streams, c);
	all->n_streams++;
}

void pn_http_clients_cut(struct pn_http_clients *all, uint64_t timeout_ms, uint64_t now_ms)
{
	struct pn_http_client *c;

	while ((c = oldest(all)) && now_ms - c->since_ms >= timeout_ms)
		cut(all, c);
}

void pn_http_client_free(struct pn_http_clients *all, struct pn_http_client *c)
{
	if (c->stream) {
		DL_DELETE(all->streams, c);
		all->n_streams--;
	} else {
		DL_DELETE(all->timed, c);
		all->n_timed -= !c->is_cut;
	}
	free(c);
}
