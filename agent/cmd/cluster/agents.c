/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to each node's agent, through the API server's pod proxy, for the commands of `kubectl podonym`.
 *
 * Agents are found by a list of pods; following, the list is read again every now and then, since pods get
 * other names when they are replaced. An agent that does not answer, or whose answer ends although it is
 * followed, is named once and asked again with growing pauses until it answers or its pod is gone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "cmd/cluster/pods.h"
#include "kube/file.h"
#include "kube/status.h"

enum {
	LIST_AGAIN_MS = 15000,
	TICK_MS = 50,
	FOLLOW_IDLE_MS = 45000, /* an agent shows that it lives every 15 s */
	MAX_AT_ONCE = 64,	/* that end by themselves */
	MAX_LINE_BYTES = 4 << 20,
	MAX_PATH_BYTES = 32 << 10,
	MAX_TOKEN_BYTES = 4096,
	HTTP_OK = 200,
};

struct cluster;

struct agent {
	struct agent *prev, *next;
	struct pn_node_agent name;
	char *pod, *node;
	struct cluster *c;
	struct pn_request *request;
	uv_timer_t again;
	struct pn_backoff pauses;
	struct pn_buf buf; /* the beginning of a line; of a refusal all of it */
	int http_status;
	bool is_listed, is_over, has_answered, is_told, is_closed;
};

struct cluster {
	const char *command, *path;
	const struct pn_cluster_options *o;
	const struct pn_cluster_ops *ops;
	void *data;
	bool follow;

	uv_loop_t loop;
	uv_timer_t tick, list_again;
	uv_signal_t sigint, sigterm;
	struct pn_client *client;
	struct pn_pods *pods;
	bool has_list;
	struct agent *agents;
	struct agent *left; /* whose pods are gone; freed at the end */
	int result;	    /* why it was ended */
	struct pn_err *err;
};

static void finish(struct cluster *c, int result)
{
	if (c->result == 0)
		c->result = result;
	uv_stop(&c->loop);
}

/* --- one agent ------------------------------------------------------------------------------------- */

static void ask(struct agent *a);
static void ask_more(struct cluster *c);

static void on_again(uv_timer_t *timer)
{
	ask(timer->data);
}

static void say(const struct agent *a, const char *what)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: node %s: %s\n", a->c->command, *a->node ? a->node : "(none yet)",
		      what);
}

/* It is named when it fails, not each time that it fails again. */
static void failed(struct agent *a, const char *why)
{
	struct cluster *c = a->c;
	char text[sizeof(struct pn_err) + 64];

	a->is_over = true;
	if (!a->is_told) {
		(void)snprintf(text, sizeof(text), "does not answer: %s%s", why,
			       c->follow ? "; asking again" : "");
		say(a, text);
		if (c->ops->failed)
			c->ops->failed(c->data, &a->name, why);
	}
	a->is_told = true;
	if (c->follow)
		(void)uv_timer_start(
			&a->again, on_again,
			pn_backoff_next(&a->pauses, &pn_clock_system) / PN_NSEC_PER_MSEC, 0);
}

static void refused(struct agent *a)
{
	struct pn_status st;
	struct pn_err err;

	pn_status_from_body(a->http_status, a->buf.data, a->buf.len, &st);
	(void)pn_err_set(&err, -EACCES, "%d %s%s%s%s", a->http_status, st.reason,
			 *st.reason && *st.message ? ": " : "", st.message,
			 a->http_status == 403	 ? "; a role must allow get on pods/proxy there"
			 : a->http_status == 401 ? "; see --http-token-file"
						 : "");
	failed(a, err.text);
}

static void on_headers(void *data, const struct pn_response *response)
{
	struct agent *a = data;

	a->http_status = response->status;
	pn_buf_reset(&a->buf);
	if (response->status != HTTP_OK)
		return;
	if (a->is_told)
		say(a, "answers again");
	a->has_answered = true;
	a->is_told = false;
}

static int hand_on(struct agent *a, char *line, size_t len)
{
	struct cluster *c = a->c;

	line[len] = '\0';
	return len ? c->ops->line(c->data, &a->name, line, len, uv_now(&c->loop)) : 0;
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct agent *a = data;
	char *at, *newline, *end;
	int r = pn_buf_put(&a->buf, bytes, len);

	if (r < 0 || a->http_status != HTTP_OK)
		return r;
	at = a->buf.data;
	end = at + a->buf.len;
	while (r == 0 && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		r = hand_on(a, at, (size_t)(newline - at));
		at = newline + 1;
	}
	pn_buf_consume(&a->buf, (size_t)(at - a->buf.data));
	if (r < 0)
		finish(a->c, r);
	return r;
}

/* A last line needs no newline. */
static int take_rest(struct agent *a)
{
	size_t len = a->buf.len;

	return len && pn_buf_put(&a->buf, "", 1) == 0 ? hand_on(a, a->buf.data, len) : 0;
}

static void on_done(void *data, int result, const struct pn_err *err)
{
	struct agent *a = data;
	int r = 0;

	a->request = NULL;
	if (result < 0) {
		failed(a, err->text);
	} else if (a->http_status != HTTP_OK) {
		refused(a);
	} else {
		r = take_rest(a);
		if (a->c->follow)
			failed(a, "it has ended its answer");
		else
			a->is_over = true;
	}
	pn_buf_reset(&a->buf);
	if (r < 0)
		finish(a->c, r);
	else
		ask_more(a->c);
}

static const struct pn_request_ops request_ops = {
	.headers = on_headers,
	.data = on_data,
	.done = on_done,
};

static int make_path(const struct agent *a, struct pn_buf *path)
{
	const struct pn_cluster_options *o = a->c->o;
	int r = pn_buf_printf(path, "/api/v1/namespaces/");

	r = r < 0 ? r : pn_buf_put_escaped(path, o->name_space);
	r = r < 0 ? r : pn_buf_printf(path, "/pods/http:");
	r = r < 0 ? r : pn_buf_put_escaped(path, a->pod);
	return r < 0 ? r : pn_buf_printf(path, ":%u/proxy%s", o->port, a->c->path);
}

static void ask(struct agent *a)
{
	struct cluster *c = a->c;
	struct pn_buf path = PN_BUF_INIT(MAX_PATH_BYTES);
	uint64_t ms = c->follow ? (uint64_t)FOLLOW_IDLE_MS : c->o->timeout / PN_NSEC_PER_MSEC;
	int r = make_path(a, &path);

	a->http_status = 0;
	a->is_over = false;
	if (r == 0)
		r = pn_client_get(c->client, path.data, "*/*", (unsigned int)ms, &request_ops, a,
				  &a->request);
	pn_buf_done(&path);
	if (r < 0)
		failed(a, strerror(-r));
}

static void on_agent_closed(uv_handle_t *handle)
{
	struct agent *a = handle->data;

	pn_buf_done(&a->buf);
	free(a->pod);
	free(a->node);
	free(a);
}

static void close_agents(struct agent **list)
{
	struct agent *a, *next;

	DL_FOREACH_SAFE (*list, a, next) {
		DL_DELETE(*list, a);
		pn_request_cancel(a->request);
		uv_close((uv_handle_t *)&a->again, on_agent_closed);
	}
}

/* --- all of them ----------------------------------------------------------------------------------- */

/* Those that have not been asked yet, as many as may be; and the end, when there is nothing to wait for. */
static void ask_more(struct cluster *c)
{
	size_t n_asked = 0, n_over = 0, n_all = 0, n_answered = 0;
	struct agent *a;

	DL_FOREACH (c->agents, a)
		n_asked += a->request != NULL;
	DL_FOREACH (c->agents, a) {
		bool is_new = !a->request && !a->is_over;

		if (is_new && (c->follow || n_asked < MAX_AT_ONCE)) {
			ask(a);
			n_asked++;
		}
		n_all++;
		n_over += a->is_over;
		n_answered += a->has_answered;
	}
	if (c->has_list && n_over == n_all && !(c->follow && n_answered))
		finish(c, 0);
}

static struct agent *find(const struct cluster *c, const char *pod)
{
	struct agent *a;

	DL_FOREACH (c->agents, a) {
		if (strcmp(a->pod, pod) == 0)
			return a;
	}
	return NULL;
}

static int add(struct cluster *c, const char *pod, const char *node)
{
	struct agent *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->pod = strdup(pod);
	a->node = strdup(node);
	if (!a->pod || !a->node) {
		free(a->pod);
		free(a->node);
		free(a);
		return -ENOMEM;
	}
	a->c = c;
	a->name = (struct pn_node_agent) { a->pod, a->node, strlen(node) };
	a->pauses = PN_BACKOFF_DEFAULT;
	a->buf = PN_BUF_INIT(MAX_LINE_BYTES);
	a->is_listed = true;
	(void)uv_timer_init(&c->loop, &a->again);
	a->again.data = a;
	DL_APPEND(c->agents, a);
	return 0;
}

/* One that had no node when it was seen first is another one when it has. */
static int on_pod(void *data, const char *pod, const char *node)
{
	struct cluster *c = data;
	struct agent *a = find(c, pod);

	if (!a || strcmp(a->node, node) != 0)
		return add(c, pod, node);
	a->is_listed = true;
	return 0;
}

static void on_list_again(uv_timer_t *timer);

/* Lines may still wait that name them, so they are kept until the end. */
static void forget_unlisted(struct cluster *c)
{
	struct agent *a, *next;

	DL_FOREACH_SAFE (c->agents, a, next) {
		if (a->is_listed) {
			a->is_listed = false; /* until the next list */
			continue;
		}
		if (!a->is_told)
			say(a, "its agent's pod is gone");
		pn_request_cancel(a->request);
		a->request = NULL;
		(void)uv_timer_stop(&a->again);
		DL_DELETE(c->agents, a);
		DL_APPEND(c->left, a);
	}
}

static void on_listed(void *data, int result, const struct pn_err *err)
{
	struct cluster *c = data;

	pn_pods_free(PN_TAKE_PTR(c->pods));
	if (result < 0 && !c->has_list) {
		finish(c, pn_err_set(c->err, result, "%s", err->text));
		return;
	}
	if (result == 0) {
		forget_unlisted(c);
		c->has_list = true;
	}
	if (c->follow)
		(void)uv_timer_start(&c->list_again, on_list_again, LIST_AGAIN_MS, 0);
	if (!c->agents && !c->left)
		finish(c,
		       pn_err_set(c->err, -ENOENT,
				  "there are no agents: no pod in namespace %s has the labels %s; "
				  "see --agents-namespace and --agents-selector",
				  c->o->name_space, c->o->selector));
	else
		ask_more(c);
}

static const struct pn_pods_ops pods_ops = { .pod = on_pod, .done = on_listed };

static void on_list_again(uv_timer_t *timer)
{
	struct cluster *c = timer->data;

	if (pn_pods_list(c->client, c->o, &pods_ops, c, &c->pods) < 0)
		finish(c, pn_err_set(c->err, -ENOMEM, "out of memory"));
}

/* --- start and end --------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	struct cluster *c = timer->data;
	int r = c->ops->tick(c->data, uv_now(&c->loop));

	if (r < 0)
		finish(c, r);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	(void)signum;
	finish(handle->data, 0);
}

static void close_handles(struct cluster *c)
{
	pn_pods_free(c->pods);
	close_agents(&c->agents);
	close_agents(&c->left);
	pn_client_free(c->client);
	uv_close((uv_handle_t *)&c->tick, NULL);
	uv_close((uv_handle_t *)&c->list_again, NULL);
	uv_close((uv_handle_t *)&c->sigint, NULL);
	uv_close((uv_handle_t *)&c->sigterm, NULL);
	(void)uv_run(&c->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&c->loop);
}

/* The proxy removes Authorization, so the agents take the token from a header of its own. */
static int add_token(const char *path, struct pn_kube_config *config, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *token = NULL;
	PN_CLEANUP(pn_wipe_freep) char *line = NULL;
	int r = pn_file_read(path, MAX_TOKEN_BYTES, &token, reterr);

	if (r < 0)
		return r;
	token[strcspn(token, " \t\r\n")] = '\0';
	if (asprintf(&line, "X-Podonym-Token: %s", token) < 0) {
		line = NULL;
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	r = pn_strings_push(&config->headers, line);
	return r < 0 ? pn_err_set(reterr, r, "out of memory") : 0;
}

static int connect_to(struct cluster *c, struct pn_err *reterr)
{
	struct pn_kube_config config = { 0 };
	int r = pn_kube_config_load(&c->o->kube, &config, reterr);

	if (r == 0 && c->o->token_file)
		r = add_token(c->o->token_file, &config, reterr);
	if (r == 0)
		r = pn_client_new(&c->loop, &config, &c->client, reterr);
	pn_kube_config_done(&config);
	return r;
}

static void start_handles(struct cluster *c)
{
	(void)uv_timer_init(&c->loop, &c->tick);
	(void)uv_timer_init(&c->loop, &c->list_again);
	(void)uv_signal_init(&c->loop, &c->sigint);
	(void)uv_signal_init(&c->loop, &c->sigterm);
	c->tick.data = c->list_again.data = c->sigint.data = c->sigterm.data = c;
	if (c->follow) {
		(void)uv_signal_start(&c->sigint, on_signal, SIGINT);
		(void)uv_signal_start(&c->sigterm, on_signal, SIGTERM);
	}
	if (c->follow && c->ops->tick)
		(void)uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
}

static int exit_status(const struct cluster *c)
{
	size_t n_answered = 0, n_failed = 0;
	const struct agent *a;

	DL_FOREACH (c->agents, a) {
		n_answered += a->has_answered;
		n_failed += !a->has_answered || a->is_told;
	}
	DL_FOREACH (c->left, a)
		n_answered += a->has_answered;
	if (!n_answered)
		return PN_EXIT_FAILED;
	return n_failed ? PN_EXIT_SOME : PN_EXIT_DONE;
}

int pn_cluster_run(const char *command, const struct pn_cluster_options *o, const char *path,
		   bool follow, const struct pn_cluster_ops *ops, void *data, struct pn_err *reterr)
{
	struct cluster c = {
		.command = command,
		.path = path,
		.o = o,
		.ops = ops,
		.data = data,
		.follow = follow,
		.err = reterr,
	};
	int r = uv_loop_init(&c.loop);

	if (r < 0)
		return pn_err_set(reterr, r, "starting the event loop: %s", uv_strerror(r));
	start_handles(&c);
	r = connect_to(&c, reterr);
	if (r == 0)
		r = pn_pods_list(c.client, o, &pods_ops, &c, &c.pods);
	if (r == 0) {
		(void)uv_run(&c.loop, UV_RUN_DEFAULT);
		r = c.result < 0 ? c.result : exit_status(&c);
	}
	if (r >= 0 && ops->end)
		r = ops->end(data) < 0 ? -EPIPE : r;
	close_handles(&c);
	return r;
}
