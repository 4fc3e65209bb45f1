/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's figures as one JSON document. Built in the control thread when a client asks; the
 * flow thread's figures come through the metrics cells and the kernel's ledger.
 */
#include "daemon/status_doc.h"

#include <jansson.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/version.h"
#include "daemon/ledger.h"

static double seconds_since(const struct pn_status_parts *p, pn_nsec then)
{
	pn_nsec now = pn_clock_now(p->clock);

	return now > then ? (double)(now - then) / (double)PN_NSEC_PER_SEC : 0;
}

static json_t *informer_json(const struct pn_informer_status *s)
{
	json_t *doc =
		json_pack("{s:s, s:b, s:I, s:s, s:I, s:s}", "kind", s->kind, "synced", s->is_synced,
			  "objects", (json_int_t)s->n_objects, "resource_version", s->watch_version,
			  "failures", (json_int_t)s->n_failures, "error", s->last_error.text);

	if (s->last_contact_ms >= 0)
		(void)json_object_set_new(doc, "last_contact_s",
					  json_real((double)s->last_contact_ms / 1000));
	if (s->behind_ms >= 0)
		(void)json_object_set_new(doc, "behind_s", json_real((double)s->behind_ms / 1000));
	return doc;
}

static json_t *informers_json(struct pn_informer *const *informers, size_t n)
{
	json_t *kinds = json_array();

	for (size_t i = 0; i < n; i++) {
		struct pn_informer_status s;

		pn_informer_status(informers[i], &s);
		(void)json_array_append_new(kinds, informer_json(&s));
	}
	return kinds;
}

static json_t *api_json(const struct pn_status_parts *p)
{
	return json_pack("{s:s, s:s, s:o}", "server", p->server, "error", p->error, "kinds",
			 informers_json(p->informers, p->n_informers));
}

static json_t *policy_json(const struct pn_verdicts *verdicts)
{
	struct pn_verdicts_state s;

	pn_verdicts_state(verdicts, &s);
	return json_pack("{s:s, s:I, s:o}", "state", s.state, "policies", (json_int_t)s.n_policies,
			 "kinds", informers_json(s.informers, s.n_informers));
}

static json_t *index_json(const struct pn_status_parts *p)
{
	struct pn_index_counts n;

	pn_index_counts(p->index, &n);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "addresses", (json_int_t)n.n_addrs,
			 "services", (json_int_t)n.n_services, "hostports",
			 (json_int_t)n.n_hostports, "networks", (json_int_t)n.n_cidrs, "cgroups",
			 (json_int_t)n.n_cgroups, "owners", (json_int_t)n.n_owners);
}

static void put(json_t *doc, const char *key, uint64_t n)
{
	(void)json_object_set_new(doc, key, json_integer((json_int_t)n));
}

static json_t *ledger_json(const struct pn_status_parts *p)
{
	struct pn_ledger ledger;
	json_t *doc = json_object();

	if (pn_ledger_read(p->tracer, &ledger) < 0)
		return doc;
	for (enum pn_flow_stat i = 0; i < PN_STAT_MAX; i++)
		put(doc, pn_ledger_name(i), ledger.stats[i]);
	put(doc, "told", ledger.told);
	put(doc, "in_doubt", ledger.in_doubt);
	put(doc, "untold", ledger.untold);
	return doc;
}

static json_t *feature_json(const struct pn_feature *f)
{
	return json_pack("{s:s, s:s, s:s}", "name", f->name, "state", f->state, "reason",
			 f->reason);
}

static json_t *history_json(struct pn_history *history)
{
	struct pn_history_state s = { .why = "" };
	struct pn_feature f = { "history", "off", "" };

	if (history) {
		pn_history_state(history, &s);
		f.state = *s.why ? "failing" : "on";
		f.reason = s.why;
	}
	return feature_json(&f);
}

static json_t *features_json(const struct pn_status_parts *p)
{
	const struct pn_feature drops = pn_drops_feature(p->drops), *features;
	size_t n = pn_tracer_features(p->tracer, &features);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, feature_json(&features[i]));
	(void)json_array_append_new(list, feature_json(&drops));
	(void)json_array_append_new(list, history_json(p->history));
	return list;
}

static json_t *selection_json(const struct pn_selecting *selecting)
{
	struct pn_selecting_state now = pn_selecting_state(selecting);

	return json_pack("{s:s, s:I, s:I}", "expression", now.expression, "sampling",
			 (json_int_t)now.sampling, "addresses", (json_int_t)now.n_addrs);
}

/* What is not told is told soon, or stands in one of the lines that follow. */
static json_t *drops_json(const struct pn_status_parts *p)
{
	struct pn_drop_losses_seen lost = pn_drops_losses(p->drops);
	json_t *doc = json_object();

	put(doc, "told", pn_metric_get(PN_METRIC_DROPS_TOLD));
	put(doc, "table_full", lost.table_full);
	put(doc, "unparsed", lost.unparsed);
	put(doc, "missed", lost.missed);
	return doc;
}

static json_t *config_json(const struct pn_status_config *c)
{
	return json_pack("{s:s?, s:s, s:s}", "file", c->path, "error", c->error, "pending",
			 c->pending);
}

static json_t *sink_json(const struct pn_exporter_stats *s)
{
	json_t *doc, *dropped = json_object();

	for (enum pn_loss i = 0; i < PN_LOSS_MAX; i++)
		put(dropped, pn_loss_name(i), s->dropped[i]);
	doc = json_pack("{s:s, s:o, s:s}", "name", s->name, "dropped", dropped, "error",
			s->error.text);
	put(doc, "told", s->told);
	put(doc, "sent", s->sent);
	put(doc, "waiting", s->waiting);
	put(doc, "retries", s->retries);
	return doc;
}

static json_t *sinks_json(const struct pn_status_parts *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pn_exporters_count(p->exporters); i++) {
		struct pn_exporter_stats s;

		pn_exporters_stats(p->exporters, i, &s);
		(void)json_array_append_new(list, sink_json(&s));
	}
	return list;
}

static json_t *privileges_json(const struct pn_confinement *c)
{
	return json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "capabilities", "kept",
			 c->capabilities ? c->capabilities : "", "reason", c->capabilities_why.text,
			 "seccomp", "state", c->seccomp, "reason", c->seccomp_why.text);
}

static json_t *metrics_json(void)
{
	json_t *doc = json_object();

	for (enum pn_metric m = 0; m < PN_METRIC_MAX; m++)
		(void)json_object_set_new(doc, pn_metric_name(m),
					  json_integer((json_int_t)pn_metric_get(m)));
	return doc;
}

char *pn_status_doc(const struct pn_status_parts *p)
{
	json_t *doc;
	char *text;

	doc = json_pack("{s:s, s:s, s:i, s:f, s:b}", "version", pn_version(), "node", p->node_name,
			"pid", (int)getpid(), "uptime_s", seconds_since(p, p->started), "synced",
			p->synced);
	(void)json_object_set_new(doc, "api", api_json(p));
	(void)json_object_set_new(doc, "index", index_json(p));
	(void)json_object_set_new(doc, "features", features_json(p));
	(void)json_object_set_new(doc, "selection", selection_json(p->selecting));
	(void)json_object_set_new(doc, "ledger", ledger_json(p));
	(void)json_object_set_new(doc, "drops", drops_json(p));
	(void)json_object_set_new(doc, "policy", policy_json(p->verdicts));
	(void)json_object_set_new(doc, "config", config_json(&p->config));
	(void)json_object_set_new(doc, "privileges", privileges_json(p->confinement));
	(void)json_object_set_new(doc, "sinks", sinks_json(p));
	(void)json_object_set_new(doc, "metrics", metrics_json());
	text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(doc);
	return text;
}

char *pn_status_selection(const struct pn_selecting *selecting)
{
	json_t *doc = selection_json(selecting);
	char *text = json_dumps(doc, JSON_COMPACT);

	json_decref(doc);
	return text;
}
