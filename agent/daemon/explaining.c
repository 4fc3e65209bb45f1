// SPDX-License-Identifier: Apache-2.0
/*
 * Explanations by HTTP, for web.c. Made from a set of policies of their own: asking that of verdicts.c would
 * hold up the flow thread for as long as an explanation takes, which is a thousand verdicts. So the control
 * thread takes references to the cluster's objects, and a worker does what `podonym policy explain` does.
 */
#include "daemon/explaining.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "serve/records_page.h"
#include "serve/request.h"

enum { WRITE_TIMEOUT_S = 5 };

struct pn_explaining {
	struct pn_explaining_config config;
	unsigned int n_running;
};

/* One question; @q, which borrows from it, is complete with its objects; @fd is written to and closed by the worker. */
struct job {
	uv_work_t work;
	struct pn_explaining *owner;
	struct pn_explain_question q;
	char *flow, *src, *dst, *port;
	const struct pn_object **objects;
	size_t n, room;
	bool is_short; /* of memory */
	int fd;
};

int pn_explaining_new(const struct pn_explaining_config *config, struct pn_explaining **ret)
{
	struct pn_explaining *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->config = *config;
	*ret = e;
	return 0;
}

void pn_explaining_free(struct pn_explaining *e)
{
	free(e);
}

static void free_job(struct job *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++)
		pn_object_unref(j->objects[i]);
	free(j->objects);
	free(j->flow);
	free(j->src);
	free(j->dst);
	free(j->port);
	free(j);
}

/* --- the worker ----------------------------------------------------------------------------------- */

/* The other end is read by HTTP as fast as the client takes it, and closed when that has gone. */
static void write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void on_work(uv_work_t *work)
{
	struct job *j = work->data;
	PN_CLEANUP(pn_freep) char *text = NULL;
	struct pn_err err = { "the agent is out of memory" };

	if (j->owner->config.ops->explain(&j->q, &text, &err) < 0)
		text = pn_request_refusal(err.text);
	if (text)
		write_all(j->fd, text);
	(void)close(j->fd);
}

static void on_done(uv_work_t *work, int status)
{
	struct job *j = work->data;

	(void)status;
	j->owner->n_running--;
	free_job(j);
}

/* --- the question --------------------------------------------------------------------------------- */

static void add_object(void *data, const struct pn_object *o)
{
	struct job *j = data;

	if (j->n == j->room) {
		size_t room = j->room ? 2 * j->room : 256;
		const struct pn_object **more = reallocarray(j->objects, room, sizeof(*more));

		if (!more) {
			j->is_short = true;
			return;
		}
		j->objects = more;
		j->room = room;
	}
	j->objects[j->n++] = pn_object_ref(o);
}

/* Return: 0, or -ENOMEM */
static int take_objects(const struct pn_explaining *e, struct job *j)
{
	pn_read_begin();
	pn_names_each(e->config.names, add_object, j);
	pn_verdicts_each(e->config.verdicts, add_object, j);
	pn_read_end();
	j->q.objects = j->objects;
	j->q.n_objects = j->n;
	return j->is_short ? -ENOMEM : 0;
}

/* Return: 0, -ENOMEM, or -EINVAL with @reterr */
static int read_query(const struct pn_explaining *e, struct job *j,
		      const struct pn_http_pair *query, size_t n, struct pn_err *reterr)
{
	for (size_t i = 0; i < n; i++) {
		char **to = strcmp(query[i].key, "flow") == 0	? &j->flow
			    : strcmp(query[i].key, "src") == 0	? &j->src
			    : strcmp(query[i].key, "dst") == 0	? &j->dst
			    : strcmp(query[i].key, "port") == 0 ? &j->port
								: NULL;

		if (!to)
			return pn_err_set(reterr, -EINVAL,
					  "there are flow=ID, or src=, dst= and port=, and no "
					  "others");
		if (*to)
			return pn_err_set(reterr, -EINVAL, "a parameter is said twice");
		*to = strdup(query[i].value);
		if (!*to)
			return -ENOMEM;
	}
	if (j->flow ? j->src || j->dst || j->port : !j->src || !j->dst || !j->port)
		return pn_err_set(reterr, -EINVAL,
				  "needs flow=ID, or src=NAMESPACE/POD, dst=ADDRESS and "
				  "port=TCP/5432");
	j->q = (struct pn_explain_question) {
		.flow = j->flow,
		.src = j->src,
		.dst = j->dst,
		.port = j->port,
		.socket_path = e->config.socket_path,
	};
	return e->config.ops->check(&j->q, reterr);
}

static int start(struct pn_explaining *e, struct job *j, struct pn_http_answer *ret)
{
	const struct timeval timeout = { .tv_sec = WRITE_TIMEOUT_S };
	int fds[2], flags;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -ENOMEM;
	flags = fcntl(fds[0], F_GETFL);
	(void)fcntl(fds[0], F_SETFL, flags | O_NONBLOCK);
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	j->fd = fds[1];
	j->owner = e;
	j->work.data = j;
	if (uv_queue_work(e->config.loop, &j->work, on_work, on_done) < 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return -ENOMEM;
	}
	e->n_running++;
	*ret = (struct pn_http_answer) {
		.status = 200, .type = "application/json", .is_stream = true, .fd = fds[0]
	};
	return 0;
}

int pn_explaining_ask(struct pn_explaining *e, const struct pn_http_pair *query, size_t n,
		      struct pn_http_answer *ret)
{
	struct pn_verdicts_state state;
	struct pn_err err = { "" };
	struct job *j;
	int r;

	pn_verdicts_state(e->config.verdicts, &state);
	if (strcmp(state.state, "off") == 0 || strcmp(state.state, "waiting") == 0)
		return pn_records_refuse(503,
					 *state.state == 'o'
						 ? "this agent does not follow policies"
						 : "the agent does not know all policies yet",
					 ret);
	if (e->n_running == PN_EXPLAINING_MAX)
		return pn_records_refuse(503, "others are being explained, try again", ret);
	j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	r = read_query(e, j, query, n, &err);
	if (r == 0)
		r = take_objects(e, j);
	if (r == 0)
		r = start(e, j, ret);
	if (r < 0)
		free_job(j);
	return r == -EINVAL ? pn_records_refuse(400, err.text, ret) : r;
}
