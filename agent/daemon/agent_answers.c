// SPDX-License-Identifier: Apache-2.0
/*
 * What others ask of the running agent, by its socket, by HTTP and by SIGHUP: answered from its parts or handed
 * on to them. Called from the loop of agent.c, when all parts are there.
 */
#include "daemon/agent_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the socket --------------------------------------------------------------------------------- */

static void refuse_view(int fd, const struct pn_view *view, const char *why)
{
	pn_filter_free(view->filter);
	pn_socket_refuse(fd, why);
}

static void on_subscribe(void *data, int fd, const struct pn_view *view)
{
	struct pn_agent *a = data;
	struct pn_err err;

	if (pn_labelled_add(a->labelled, view->filter, &err) < 0)
		refuse_view(fd, view, err.text);
	else
		pn_flow_thread_subscribe(a->flow, fd, view);
}

static void on_drops(void *data, int fd, const struct pn_view *view)
{
	struct pn_agent *a = data;
	struct pn_feature f = pn_drops_feature(a->drops);
	struct pn_err err;
	int r;

	if (strcmp(f.state, "on") != 0)
		r = pn_err_set(&err, -ENOTSUP, "this agent does not see drops: %s", f.reason);
	else
		r = pn_labelled_add(a->labelled, view->filter, &err);
	if (r < 0)
		refuse_view(fd, view, err.text);
	else
		pn_flow_thread_drops(a->flow, fd, view);
}

static struct pn_status_parts status_parts(const struct pn_agent *a)
{
	struct pn_status_parts parts = {
		.clock = a->clock,
		.node_name = a->config->node_name,
		.started = a->started,
		.synced = pn_names_are_synced(a->names),
		.index = pn_names_index(a->names),
		.tracer = a->tracer,
		.selecting = a->selecting,
		.drops = a->drops,
		.confinement = &a->confinement,
		.config = a->config->reload.state(a->config->reload.data),
		.history = a->history,
		.exporters = a->config->exporters,
		.verdicts = a->verdicts,
	};

	parts.n_informers =
		pn_names_informers(a->names, &parts.informers, &parts.server, &parts.error);
	return parts;
}

static char *on_status(void *data)
{
	struct pn_status_parts parts = status_parts(data);

	return pn_status_doc(&parts);
}

static char *on_select(void *data, const char *expression, uint32_t sampling, struct pn_err *reterr)
{
	struct pn_agent *a = data;

	if ((expression || sampling) &&
	    pn_selecting_change(a->selecting, expression, sampling, reterr) < 0)
		return NULL;
	return pn_status_selection(a->selecting);
}

static char *on_config(void *data)
{
	const struct pn_agent *a = data;

	return a->config->reload.settings(a->config->reload.data);
}

const struct pn_socket_ops pn_agent_socket_ops = {
	.subscribe = on_subscribe,
	.drops = on_drops,
	.status = on_status,
	.select = on_select,
	.config = on_config,
};

/* --- HTTP --------------------------------------------------------------------------------------- */

void pn_agent_look(void *data, struct pn_web_parts *ret)
{
	const struct pn_agent *a = data;
	pn_nsec now = pn_clock_now(a->clock), drained = pn_flow_thread_drained(a->flow);

	ret->status = status_parts(a);
	ret->names = a->names;
	ret->traffic = a->traffic;
	ret->drain_age = now > drained ? now - drained : 0;
	ret->interval = a->interval;
	ret->n_links = a->n_links;
}

/* --- other settings ------------------------------------------------------------------------------- */

/* All of it or nothing: what can fail comes first. */
static int change(struct pn_agent *a, const struct pn_agent_change *c, struct pn_err *reterr)
{
	bool selects = c->selection || c->sampling;
	enum pn_log_level level;
	int r = 0;

	if (selects)
		r = pn_selecting_change(a->selecting, c->selection, c->sampling, reterr);
	if (r < 0)
		return r;
	if (c->interval) {
		pn_flow_thread_set_interval(a->flow, c->interval);
		a->interval = c->interval;
	}
	if (c->log_level && pn_log_parse_level(c->log_level, &level) == 0)
		pn_log_set_level(level);
	return 0;
}

static int change_all(struct pn_agent *a, const struct pn_agent_change *c, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *before = NULL;
	int r;

	if (!c->ranges_path)
		return change(a, c, reterr);
	before = strdup(pn_names_ranges(a->names));
	if (!before)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	r = pn_names_set_ranges(a->names, c->ranges_path, reterr);
	if (r < 0)
		return r;
	r = change(a, c, reterr);
	if (r < 0)
		(void)pn_names_set_ranges(a->names, before, NULL);
	return r;
}

void pn_agent_reload(struct pn_agent *a)
{
	const struct pn_agent_reload *reload = &a->config->reload;
	struct pn_agent_change c = { .interval = 0 };
	struct pn_err err = { "" };

	if (reload->read(reload->data, &c) == 0)
		reload->done(reload->data, change_all(a, &c, &err) < 0 ? err.text : NULL);
}
