/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List, then watch, for ever. The informer drives it: ask what to do, do it, tell what came.
 *
 * The state is small: which request comes next (phase), not before when (wait_until), and the last
 * resourceVersion seen (rv). The protocol's rules are in how an answer ends: reflector_list.c and
 * reflector_watch.c. A version is only ever compared with "" and "0"; what it means is the server's
 * business.
 */
#include "kube/reflector.h"

#include <errno.h>
#include <string.h>

#include "base/metric.h"
#include "kube/reflector_private.h"

enum {
	MAX_PATH = 64 << 10,
	MAX_ERROR_BODY = 64 << 10,
};

static const pn_nsec late_after = 10 * PN_NSEC_PER_SEC;

static void free_reflectorp(struct pn_reflector **r)
{
	pn_reflector_free(*r);
}

int pn_reflector_new(const struct pn_reflector_config *config, struct pn_reflector **ret)
{
	PN_CLEANUP(free_reflectorp) struct pn_reflector *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->config = *config;
	r->config.name_space = r->config.field_selector = r->config.label_selector = NULL;
	if (!r->config.backoff.initial)
		r->config.backoff = PN_BACKOFF_DEFAULT;
	r->phase = pn_reflector_cycle(r);
	r->answer.retry_after_s = -1;
	r->body = PN_BUF_INIT(MAX_ERROR_BODY);
	r->path = PN_BUF_INIT(MAX_PATH);
	e = pn_reflector_base(r, config);
	if (e < 0)
		return e;
	*ret = PN_TAKE_PTR(r);
	return 0;
}

void pn_reflector_free(struct pn_reflector *r)
{
	if (!r)
		return;
	pn_wire_close(r->wire);
	pn_buf_done(&r->base);
	pn_buf_done(&r->body);
	pn_buf_done(&r->path);
	free(r);
}

static int begin_request(struct pn_reflector *r, struct pn_reflector_step *ret)
{
	int e = 0;

	if (r->phase != PN_PHASE_WATCH)
		e = pn_reflector_begin_list(r);
	return e < 0 ? e : pn_reflector_request(r, ret);
}

void pn_reflector_next(struct pn_reflector *r, struct pn_reflector_step *ret)
{
	pn_nsec now = pn_reflector_now(r);
	int e;

	*ret = (struct pn_reflector_step) { 0 };
	if (now >= r->wait_until) {
		r->is_server_absent = false;
		r->answer.asked_at = r->answer.since = now;
		e = begin_request(r, ret);
		if (e == 0) {
			r->answer.is_asked = true;
			return;
		}
		pn_reflector_done(r, e, NULL);
	}
	ret->path = NULL;
	ret->wait_ns = r->wait_until > now ? r->wait_until - now : 0;
}

void pn_reflector_headers(struct pn_reflector *r, int status, const char *content_type,
			  int retry_after_s)
{
	struct pn_answer *a = &r->answer;
	bool is_list = r->phase == PN_PHASE_LIST;

	a->http_status = status;
	a->retry_after_s = retry_after_s;
	r->last_contact = pn_reflector_now(r);
	if (status != 200)
		return;
	r->last_good = a->open_since = r->last_contact;
	a->error = pn_wire_open(&r->config.wire, is_list ? PN_WIRE_LIST : PN_WIRE_WATCH,
				content_type, &pn_reflector_wire_ops, r, &r->wire, &a->err);
	if (is_list || a->error)
		return;
	r->n_watches++;
	pn_metric_add(PN_METRIC_KUBE_WATCHES, 1);
	if (r->phase == PN_PHASE_STREAM)
		return;
	r->n_failures = 0;
	r->last_error.text[0] = '\0';
}

int pn_reflector_data(struct pn_reflector *r, const char *bytes, size_t len)
{
	struct pn_answer *a = &r->answer;

	r->last_contact = pn_reflector_now(r);
	if (a->http_status != 200)
		return pn_buf_put(&r->body, bytes, len);
	r->last_good = r->last_contact;
	if (a->error == 0)
		a->error = pn_wire_feed(r->wire, bytes, len, &a->err);
	return a->error;
}

void pn_reflector_done(struct pn_reflector *r, int result, const struct pn_err *err)
{
	switch (r->phase) {
	case PN_PHASE_STREAM:
		pn_reflector_stream_done(r, result, err);
		break;
	case PN_PHASE_LIST:
		pn_reflector_list_done(r, result, err);
		break;
	case PN_PHASE_WATCH:
		pn_reflector_watch_done(r, result, err);
		break;
	}
	pn_wire_close(PN_TAKE_PTR(r->wire));
	pn_buf_done(&r->body);
	r->answer = (struct pn_answer) { .retry_after_s = -1 };
}

pn_nsec pn_reflector_deadline(const struct pn_reflector *r)
{
	const struct pn_answer *a = &r->answer;

	if (r->phase != PN_PHASE_STREAM || !a->is_asked || a->is_late)
		return PN_NSEC_NEVER;
	return a->asked_at + late_after;
}

void pn_reflector_late(struct pn_reflector *r)
{
	if (pn_reflector_now(r) < pn_reflector_deadline(r))
		return;
	r->answer.is_late = true;
	r->config.ops->late_end(r->config.data);
}

bool pn_reflector_server_is_back(struct pn_reflector *r)
{
	const struct pn_clock *c = r->config.clock;
	pn_nsec soon;

	if (!r->is_server_absent)
		return false;
	soon = pn_reflector_now(r) + ((PN_NSEC_PER_SEC * c->random(c->data)) >> 32);
	if (r->wait_until <= soon)
		return false;
	r->wait_until = soon;
	r->config.backoff.base =
		0; /* how long the outage was says nothing about what comes after it */
	r->is_server_absent = false; /* once for each pause */
	return true;
}

void pn_reflector_status(const struct pn_reflector *r, struct pn_reflector_status *ret)
{
	*ret = (struct pn_reflector_status) {
		.watch_version = r->rv,
		.store_version = r->rv,
		.last_contact = r->last_contact,
		.last_good = r->last_good,
		.current = pn_reflector_is_current(r) ? pn_reflector_now(r) : r->current,
		.n_failures = r->n_failures,
		.is_absent = r->is_absent,
		.last_error = r->last_error.text,
		.n_lists = r->n_lists,
		.n_watches = r->n_watches,
		.n_short_watches = r->n_short_watches,
		.n_events = r->n_events,
		.n_refused = r->n_refused,
		.list_time = r->list_time,
	};
}
