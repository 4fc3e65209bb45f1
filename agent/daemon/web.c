/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's pages, for agent.c: what each is made of and for how long it may be kept. HTTP itself is
 * serve/http.c's.
 */
#include "daemon/web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "daemon/health.h"
#include "daemon/metrics_doc.h"
#include "serve/http.h"
#include "serve/page_files.h"
#include "serve/records_page.h"

enum {
	KEEP_MS = 1000,
	RETRY_MS = 5000,
	MAX_PAGE_BYTES = 64 << 20,
	MISSED_DRAINS = 3,
};

struct pn_web {
	struct pn_web_config config;
	uv_timer_t retry;
	struct pn_http *http;
	int last_error;
};

static int take_page(struct pn_buf *b, int r, const char *type, struct pn_http_answer *ret)
{
	if (r < 0 || !b->data) {
		pn_buf_done(b);
		return r < 0 ? r : -ENOMEM;
	}
	ret->type = type;
	ret->body = PN_TAKE_PTR(b->data);
	ret->len = b->len;
	return 0;
}

static int make_metrics(void *data, unsigned int form, struct pn_http_answer *ret)
{
	struct pn_web *w = data;
	struct pn_buf b = PN_BUF_INIT(MAX_PAGE_BYTES);
	struct pn_web_parts parts = { .drain_age = 0 };

	w->config.look(w->config.data, &parts);
	return take_page(&b, pn_metrics_doc(&parts, form, &b), pn_expo_content_types[form], ret);
}

static unsigned int choose_metrics(const char *accept)
{
	return pn_exposition_choose(accept);
}

/* Kinds whose first list is not complete, with commas between them. */
static void list_unsynced(const struct pn_status_parts *p, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->n_informers && len < size; i++) {
		struct pn_informer_status s;

		pn_informer_status(p->informers[i], &s);
		if (!s.is_synced)
			len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
						s.kind);
	}
}

static int make_health(struct pn_web *w, bool (*judge)(const struct pn_health *, struct pn_buf *),
		       struct pn_http_answer *ret)
{
	struct pn_buf b = PN_BUF_INIT(1 << 16);
	struct pn_web_parts parts = { .drain_age = 0 };
	char unsynced[256];
	struct pn_health h;

	w->config.look(w->config.data, &parts);
	list_unsynced(&parts.status, unsynced, sizeof(unsynced));
	h = (struct pn_health) {
		.drain_age = parts.drain_age,
		.drain_limit = MISSED_DRAINS * parts.interval + 10 * PN_NSEC_PER_SEC,
		.server_error = parts.status.error,
		.unsynced = unsynced,
		.maps_written = pn_names_maps_are_written(parts.names),
		.n_links = parts.n_links,
		.n_traced = (unsigned int)pn_metric_get(PN_METRIC_LINKS_TRACED),
	};
	ret->status = judge(&h, &b) ? 200 : 503;
	return take_page(&b, 0, "text/plain; charset=utf-8", ret);
}

static int make_healthz(void *data, unsigned int form, struct pn_http_answer *ret)
{
	(void)form;
	return make_health(data, pn_health_live, ret);
}

static int make_readyz(void *data, unsigned int form, struct pn_http_answer *ret)
{
	(void)form;
	return make_health(data, pn_health_ready, ret);
}

static int make_status(void *data, unsigned int form, struct pn_http_answer *ret)
{
	const struct pn_web *w = data;

	(void)form;
	ret->body = w->config.ops->status(w->config.data);
	if (!ret->body)
		return -ENOMEM;
	ret->len = strlen(ret->body);
	ret->type = "application/json";
	return 0;
}

static int ask_flows(void *data, const struct pn_http_pair *query, size_t n,
		     struct pn_http_answer *ret)
{
	const struct pn_web *w = data;

	return pn_records_ask(w->config.ops, w->config.data, "flows", query, n, ret);
}

static int ask_drops(void *data, const struct pn_http_pair *query, size_t n,
		     struct pn_http_answer *ret)
{
	const struct pn_web *w = data;

	return pn_records_ask(w->config.ops, w->config.data, "drops", query, n, ret);
}

static int ask_explain(void *data, const struct pn_http_pair *query, size_t n,
		       struct pn_http_answer *ret)
{
	const struct pn_web *w = data;

	return pn_explaining_ask(w->config.explaining, query, n, ret);
}

static const struct pn_http_page pages[] = {
	{ "/metrics", false, KEEP_MS, choose_metrics, make_metrics, NULL },
	{ "/healthz", true, 0, NULL, make_healthz, NULL },
	{ "/readyz", true, 0, NULL, make_readyz, NULL },
	{ "/v1/flows", false, 0, NULL, NULL, ask_flows },
	{ "/v1/drops", false, 0, NULL, NULL, ask_drops },
	{ "/v1/explain", false, 0, NULL, NULL, ask_explain },
	{ "/v1/status", false, KEEP_MS, NULL, make_status, NULL },
};

_Static_assert(PN_ARRAY_SIZE(pages) <= PN_HTTP_MAX_PAGES, "room for each page");

static void on_retry(uv_timer_t *timer);

/* The agent before us may have the port until it has ended: names and packets do not wait for it. */
static void listen_or_retry(struct pn_web *w)
{
	const struct pn_http_config config = {
		.address = w->config.address,
		.token = w->config.token,
		.hosts = w->config.hosts,
		.tls = w->config.tls,
		.pages = pages,
		.n_pages = PN_ARRAY_SIZE(pages),
		.files = pn_page_files,
		.n_files = PN_PAGE_N_FILES,
		.timeout_ms = PN_HTTP_TIMEOUT_MS,
		.keep_alive_ms = PN_HTTP_KEEP_ALIVE_MS,
		.data = w,
	};
	struct pn_err err = { "" };
	int r = pn_http_listen(w->retry.loop, &config, &w->http, &err);

	if (r == 0) {
		pn_info("http", "serving on %s port=%u", w->config.address, pn_http_port(w->http));
		return;
	}
	if (r != w->last_error)
		pn_warn("http", "%s; continuing without it, trying again every %d s", err.text,
			RETRY_MS / 1000);
	w->last_error = r;
	(void)uv_timer_start(&w->retry, on_retry, RETRY_MS, 0);
}

static void on_retry(uv_timer_t *timer)
{
	listen_or_retry(timer->data);
}

int pn_web_start(uv_loop_t *loop, const struct pn_web_config *config, struct pn_web **ret,
		 struct pn_err *reterr)
{
	struct pn_web *w = calloc(1, sizeof(*w));

	if (!w)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	w->config = *config;
	(void)uv_timer_init(loop, &w->retry);
	w->retry.data = w;
	listen_or_retry(w);
	*ret = w;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void pn_web_stop(struct pn_web *w)
{
	if (!w)
		return;
	pn_http_close(w->http);
	uv_close((uv_handle_t *)&w->retry, on_closed);
}
