/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings that are read again at SIGHUP. Those in the file hold whole or not at all: the agent is told
 * what is another setting now and can change while it runs; what waits for a restart is named.
 */
#include "cmd/agent_reload.h"

#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "cmd/settings_doc.h"

static const struct pn_settings *now(const struct pn_reload *r)
{
	return r->now ? r->now : r->started;
}

/* Each is said; the first one stands in the status. */
static void tell(void *data, const char *words)
{
	struct pn_reload *r = data;

	pn_error("config", "%s", words);
	if (!r->error.text[0])
		(void)pn_err_set(&r->error, 0, "%s", words);
}

bool pn_reload_differs(const struct pn_reload *r, const char *name)
{
	const struct pn_option *o = pn_settings_command(r->next)->options;

	while (o->name && strcmp(o->name, name) != 0)
		o++;
	return o->name && pn_settings_differ(now(r), r->next, o);
}

static void fail(struct pn_reload *r)
{
	pn_metric_add(PN_METRIC_CONFIG_FAILURES, 1);
	pn_error("config", "the settings from before stay");
	pn_settings_free(PN_TAKE_PTR(r->next));
}

static int read_again(void *data, struct pn_agent_change *ret)
{
	struct pn_reload *r = data;
	const struct pn_complaints complaints = { .tell = tell, .data = r };
	char **argv;
	int argc, x;

	r->error.text[0] = '\0';
	pn_settings_arguments(r->started, &argc, &argv);
	x = pn_settings_read(pn_settings_command(r->started), argc, argv, &complaints, &r->next);
	if (x < 0)
		fail(r);
	else
		r->change(r, pn_settings_values(r->next), ret);
	return x;
}

static void note_pending(struct pn_reload *r)
{
	size_t len = 0;

	r->pending[0] = '\0';
	for (const struct pn_option *o = pn_settings_command(r->started)->options; o->name; o++) {
		if (o->live || !pn_settings_differ(r->started, r->next, o))
			continue;
		pn_warn("config", "%s changed; takes effect after a restart", o->name);
		(void)snprintf(r->pending + len, sizeof(r->pending) - len, "%s%s", len ? ", " : "",
			       o->name);
		len = strlen(r->pending);
	}
}

static void note_changed(const struct pn_reload *r)
{
	for (const struct pn_option *o = pn_settings_command(r->started)->options; o->name; o++) {
		const char *text = pn_settings_text(r->next, o, 0);

		if (o->live && pn_settings_differ(now(r), r->next, o))
			pn_info("config", "%s changed: %s", o->name, text ? text : "not set");
	}
}

static void hold(void *data, const char *error)
{
	struct pn_reload *r = data;

	if (error) {
		tell(r, error);
		fail(r);
		return;
	}
	pn_metric_add(PN_METRIC_CONFIG_RELOADS, 1);
	note_changed(r);
	note_pending(r);
	pn_settings_free(r->now);
	r->now = PN_TAKE_PTR(r->next);
	pn_info("config", "read again file=%s",
		pn_settings_path(r->now) ? pn_settings_path(r->now) : "none");
}

static char *settings(void *data)
{
	const struct pn_reload *r = data;
	json_t *doc = pn_settings_doc(r->started, now(r));
	char *text = json_dumps(doc, JSON_COMPACT);

	json_decref(doc);
	return text;
}

static struct pn_status_config state(void *data)
{
	const struct pn_reload *r = data;

	return (struct pn_status_config) {
		.path = pn_settings_path(now(r)),
		.error = r->error.text,
		.pending = r->pending,
	};
}

struct pn_agent_reload pn_reload_ops(struct pn_reload *r)
{
	return (struct pn_agent_reload) {
		.read = read_again,
		.done = hold,
		.settings = settings,
		.state = state,
		.data = r,
	};
}

void pn_reload_done(struct pn_reload *r)
{
	pn_settings_free(r->now);
}
