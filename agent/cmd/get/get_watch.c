/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym get --watch: a list, then its changes until somebody has seen enough. Watches end all the
 * time, cleanly or not; the next one begins where the last one stood. Only when the server does not
 * remember that any more, everything is listed and shown again, which is said.
 */
#include <errno.h>
#include <string.h>

#include "cmd/get/get_list.h"

enum { WATCH_S = 600, GRACE_S = 30 };

/* A watch that ends sooner, without an event, is a server in trouble. */
static const pn_nsec short_watch = PN_NSEC_PER_SEC;

struct watch {
	struct pn_get *get;
	const struct pn_get_target *target;
	struct pn_buf path;
	struct pn_backoff backoff;
	char version[PN_OBJECT_RV_LEN]; /* "": list first */
	bool is_away;			/* has been said */
};

static int watch_path(struct watch *w)
{
	struct pn_get *g = w->get;
	char seconds[16];
	int r = pn_get_path(g, w->target, false, &w->path);

	(void)snprintf(seconds, sizeof(seconds), "%d", WATCH_S);
	if (r == 0)
		r = pn_get_query(&w->path, "watch", "true");
	if (r == 0)
		r = pn_get_query(&w->path, "allowWatchBookmarks", "true");
	if (r == 0)
		r = pn_get_query(&w->path, "resourceVersion", w->version);
	if (r == 0)
		r = pn_get_query(&w->path, "timeoutSeconds", seconds);
	return r < 0 ? pn_err_set(&g->err, r, "asking for a watch: %s", strerror(-r)) : 0;
}

static bool is_overload(const struct pn_status *st)
{
	return st->code == 429 || st->code >= 500;
}

static void note(struct watch *w, const char *text)
{
	if (!w->is_away)
		(void)fprintf(stderr, "podonym get: %s; trying again\n", text);
	w->is_away = true;
}

/* The server's own words for why a watch ended. Return: 0 to go on, or an end */
static int refused(struct watch *w, const struct pn_status *st)
{
	struct pn_get *g = w->get;

	if (pn_status_gone(st)) {
		(void)fprintf(stderr,
			      "podonym get: %s: the server does not remember what happened since; "
			      "listed again\n",
			      pn_fetch_server(g->fetch));
		w->version[0] = '\0';
		return 0;
	}
	(void)pn_get_refused(g, w->target, "watch", st);
	if (!is_overload(st))
		return PN_GET_MISSING;
	note(w, g->err.text);
	return pn_fetch_pause(g->fetch, pn_backoff_next(&w->backoff, &pn_clock_system), &g->err);
}

/* One request. Return: 0 to go on with the next */
static int watch_once(struct watch *w)
{
	pn_nsec begun = pn_clock_now(&pn_clock_system);
	struct pn_get_stream s = { .get = w->get, .flushes = true };
	struct pn_get *g = w->get;
	struct pn_status st;
	bool was_short;
	int r = watch_path(w);

	if (r < 0)
		return r;
	pn_body_init(&s.body, PN_BODY_WATCH, &pn_get_print_ops, g);
	memcpy(s.body.resource_version, w->version, sizeof(w->version));
	r = pn_fetch_get(g->fetch, w->path.data, pn_get_accept(g, false),
			 (WATCH_S + GRACE_S) * 1000, &pn_get_stream_ops, &s, &st, &g->err);
	memcpy(w->version, s.body.resource_version, sizeof(w->version));
	was_short = !s.body.n_events && pn_clock_now(&pn_clock_system) - begun < short_watch;
	pn_body_done(&s.body);
	if (s.body.has_error)
		return refused(w, &s.body.error);
	if (r == PN_FETCH_REFUSED)
		return refused(w, &st);
	if (r == -ECANCELED || r == -ENOMEM || r == -EBADMSG || r == -EMSGSIZE || ferror(stdout))
		return r;
	if (!was_short) {
		w->is_away = false;
		return 0;
	}
	note(w, r < 0 ? g->err.text : "the server ended the watch at once");
	return pn_fetch_pause(g->fetch, pn_backoff_next(&w->backoff, &pn_clock_system), &g->err);
}

static int list_once(struct watch *w)
{
	int r = pn_get_list(w->get, w->target, w->version);

	return r ? r : pn_printer_flush(w->get->printer);
}

int pn_get_watch(struct pn_get *g, const struct pn_get_target *t)
{
	struct watch w = {
		.get = g,
		.target = t,
		.path = PN_BUF_INIT(PN_GET_MAX_PATH),
		.backoff = PN_BACKOFF_DEFAULT,
	};
	int r = list_once(&w);

	if (r == 0 && pn_fetch_until_interrupted(g->fetch) < 0)
		r = pn_err_set(&g->err, -EIO, "signals cannot be caught");
	while (r == 0)
		r = w.version[0] ? watch_once(&w) : list_once(&w);
	pn_buf_done(&w.path);
	return r == -ECANCELED ? 0 : r;
}
