/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reflector asks for, as paths and queries. The order of the parameters never changes, so
 * that requests can be compared and read in a server's log.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/reflector_private.h"

enum {
	DEFAULT_PAGE_SIZE = 500,
	LIST_IDLE_MS = 60 * 1000,
	WATCH_MIN_S = 300,	     /* no server is to be asked for less */
	WATCH_MAX_S = 7 * 24 * 3600, /* so that twice as much and the grace fit into milliseconds */
	WATCH_GRACE_S = 30,
	MAX_BASE = 32 << 10,
};

/* One more "key=value" of the query; without a value nothing. */
static int put_query(struct pn_buf *b, const char *key, const char *value)
{
	int e;

	if (!value || !value[0])
		return 0;
	e = pn_buf_printf(b, "%c%s=", strchr(b->data, '?') ? '&' : '?', key);
	return e < 0 ? e : pn_buf_put_escaped(b, value);
}

static int put_number(struct pn_buf *b, const char *key, unsigned int value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", value);
	return put_query(b, key, text);
}

/* What a path's segment may not be, escaped or not. */
static bool is_segment(const char *text)
{
	return strcmp(text, ".") != 0 && strcmp(text, "..") != 0 && !strpbrk(text, "/%");
}

static int put_collection(struct pn_buf *b, const struct pn_kind *kind, const char *name_space)
{
	int e;

	if (kind->group[0])
		e = pn_buf_printf(b, "/apis/%s/%s", kind->group, kind->version);
	else
		e = pn_buf_printf(b, "/api/%s", kind->version);
	if (e == 0 && kind->is_namespaced && name_space && name_space[0]) {
		e = pn_buf_printf(b, "/namespaces/");
		if (e == 0)
			e = pn_buf_put_escaped(b, name_space);
	}
	return e < 0 ? e : pn_buf_printf(b, "/%s", kind->plural);
}

int pn_reflector_base(struct pn_reflector *r, const struct pn_reflector_config *config)
{
	int e;

	if (config->name_space && !is_segment(config->name_space))
		return -EINVAL;
	r->base = PN_BUF_INIT(MAX_BASE);
	e = put_collection(&r->base, config->wire.kind, config->name_space);
	if (e == 0)
		e = put_query(&r->base, "fieldSelector", config->field_selector);
	if (e == 0)
		e = put_query(&r->base, "labelSelector", config->label_selector);
	return e == -EMSGSIZE ? -EINVAL : e;
}

const char *pn_reflector_list_version(const struct pn_reflector *r)
{
	if (r->is_rv_unusable)
		return "";
	return r->rv[0] ? r->rv : "0";
}

/*
 * The server's cache serves a list at a version whole, so a limit is for the others. Decided once
 * for all requests of an attempt.
 */
static void decide(struct pn_reflector *r)
{
	const char *rv = pn_reflector_list_version(r);

	if (r->list.is_decided)
		return;
	r->list.is_decided = true;
	r->list.is_from_zero = strcmp(rv, "0") == 0;
	r->list.is_paged = r->config.page_size || r->has_pages || !rv[0] || r->list.is_from_zero;
}

static int put_list(struct pn_reflector *r)
{
	unsigned int page = r->config.page_size ? r->config.page_size : DEFAULT_PAGE_SIZE;
	int e = 0;

	decide(r);
	if (r->list.is_paged && !r->list.is_whole)
		e = put_number(&r->path, "limit", page);
	if (e < 0)
		return e;
	if (r->list.token[0])
		return put_query(&r->path, "continue", r->list.token);
	return put_query(&r->path, "resourceVersion", pn_reflector_list_version(r));
}

/* A version that was found unusable is of no use to a streaming list; a watch has just had a list. */
static int put_watch(struct pn_reflector *r, unsigned int timeout_s)
{
	bool is_stream = r->phase == PN_PHASE_STREAM;
	int e = put_query(&r->path, "watch", "true");

	if (e == 0 && is_stream)
		e = put_query(&r->path, "sendInitialEvents", "true");
	if (e == 0 && is_stream)
		e = put_query(&r->path, "resourceVersionMatch", "NotOlderThan");
	if (e == 0)
		e = put_query(&r->path, "allowWatchBookmarks", "true");
	if (e == 0)
		e = put_query(&r->path, "resourceVersion",
			      is_stream && r->is_rv_unusable ? "" : r->rv);
	return e < 0 ? e : put_number(&r->path, "timeoutSeconds", timeout_s);
}

static unsigned int draw_timeout(const struct pn_reflector *r)
{
	const struct pn_clock *c = r->config.clock;
	unsigned int min = PN_MIN(PN_MAX(r->config.min_watch_timeout_s, (unsigned int)WATCH_MIN_S),
				  (unsigned int)WATCH_MAX_S);

	return min + c->random(c->data) % (min + 1);
}

int pn_reflector_request(struct pn_reflector *r, struct pn_reflector_step *ret)
{
	bool is_list = r->phase == PN_PHASE_LIST;
	unsigned int timeout_s;
	int e;

	ret->accept = pn_wire_accept(&r->config.wire, is_list ? PN_WIRE_LIST : PN_WIRE_WATCH);
	pn_buf_reset(&r->path);
	e = pn_buf_put(&r->path, r->base.data, r->base.len);
	if (e == 0 && is_list) {
		ret->idle_ms = LIST_IDLE_MS;
		e = put_list(r);
	} else if (e == 0) {
		timeout_s = draw_timeout(r);
		ret->idle_ms = (timeout_s + WATCH_GRACE_S) * 1000;
		e = put_watch(r, timeout_s);
	}
	if (e == 0)
		ret->path = r->path.data;
	return e;
}
