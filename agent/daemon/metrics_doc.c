/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's figures for Prometheus, made in the control thread when they are asked for. Every row of
 * base/metric.h is here by itself, under its own name and help; the rest is what `podonym status` shows.
 */
#include "daemon/metrics_doc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"
#include "base/version.h"
#include "daemon/ledger.h"
#include "daemon/process.h"

enum { MAX_INFORMERS = 16 };

/* Names of cells are written once, in front of their samples, so one buffer serves one family. */
static void write_cells(struct pn_exposition *e)
{
	char name[128];

	for (enum pn_metric m = 0; m < PN_METRIC_MAX; m++) {
		const char *cell = pn_metric_name(m) + sizeof("pn_") - 1;
		size_t len = strlen(cell);
		bool is_counter = len > 6 && strcmp(cell + len - 6, "_total") == 0;

		(void)snprintf(name, sizeof(name), "podonym_%s", cell);
		pn_expo_family(e, is_counter ? PN_EXPO_COUNTER : PN_EXPO_GAUGE, name,
			       pn_metric_help(m));
		pn_expo_value(e, "", pn_metric_get(m));
	}
}

static void write_gauge(struct pn_exposition *e, const char *name, const char *help, double value)
{
	pn_expo_family(e, PN_EXPO_GAUGE, name, help);
	pn_expo_real(e, "", value);
}

static void write_process(struct pn_exposition *e)
{
	struct pn_process p;

	pn_process_read(&p);
	pn_expo_family(e, PN_EXPO_COUNTER, "process_cpu_seconds_total",
		       "user and system CPU time spent in seconds");
	pn_expo_real(e, "", p.cpu_s);
	write_gauge(e, "process_start_time_seconds", "start of the process in seconds since 1970",
		    p.started_s);
	write_gauge(e, "process_resident_memory_bytes", "resident memory in bytes",
		    (double)p.rss_bytes);
	write_gauge(e, "process_virtual_memory_bytes", "virtual memory in bytes",
		    (double)p.virtual_bytes);
	write_gauge(e, "process_open_fds", "open file descriptors", (double)p.n_fds);
	write_gauge(e, "process_max_fds", "most file descriptors that may be open",
		    (double)p.max_fds);
	write_gauge(e, "process_threads", "threads of the process", (double)p.n_threads);
}

static void write_build(struct pn_exposition *e)
{
	struct pn_labels l;

	pn_expo_family(e, PN_EXPO_INFO, "podonym_build_info", "the version that runs");
	pn_expo_value(e, pn_label(&l, "version", pn_version()), 1);
}

static void write_ledger(struct pn_exposition *e, const struct pn_tracer *tracer)
{
	struct pn_ledger ledger;
	struct pn_labels l;

	if (pn_ledger_read(tracer, &ledger) < 0)
		return;
	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_ledger_seen_packets_total",
		       "packets that came to a hook, each as often as a hook saw it");
	pn_expo_value(e, "", ledger.stats[PN_STAT_SEEN]);
	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_ledger_packets_total",
		       "what has become of them: recorded (in a connection), collapsed (in a pair "
		       "of addresses, because the flow table was full), or left out for a reason");
	for (enum pn_flow_stat i = PN_STAT_SEEN + 1; i < PN_STAT_MAX; i++)
		pn_expo_value(e, pn_label(&l, "outcome", pn_ledger_name(i)), ledger.stats[i]);
	pn_expo_family(e, PN_EXPO_GAUGE, "podonym_ledger_untold_packets",
		       "those recorded or collapsed that no record has told yet");
	pn_expo_value(e, "", ledger.untold);
}

static void write_features(struct pn_exposition *e, const struct pn_tracer *tracer)
{
	const struct pn_feature *features;
	size_t n = pn_tracer_features(tracer, &features);
	struct pn_labels l;

	pn_expo_family(e, PN_EXPO_GAUGE, "podonym_feature_enabled",
		       "1: this part of tracing runs as it should; 0: not, for the reason given");
	for (size_t i = 0; i < n; i++) {
		pn_labels_begin(&l);
		pn_labels_put(&l, "feature", features[i].name);
		pn_labels_put(&l, "state", features[i].state);
		pn_labels_put(&l, "reason", features[i].reason);
		pn_expo_value(e, pn_labels_end(&l), !*features[i].reason);
	}
}

static void write_drops(struct pn_exposition *e, const struct pn_drops *drops)
{
	struct pn_drop_losses_seen lost = pn_drops_losses(drops);
	struct pn_labels l;

	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_drops_uncounted_total",
		       "dropped packets that are in no line: table_full (no room for their sort), "
		       "unparsed (headers that could not be read), missed (the program was running "
		       "on that CPU already)");
	pn_expo_value(e, pn_label(&l, "cause", "table_full"), lost.table_full);
	pn_expo_value(e, pn_label(&l, "cause", "unparsed"), lost.unparsed);
	pn_expo_value(e, pn_label(&l, "cause", "missed"), lost.missed);
}

/* --- sinks --------------------------------------------------------------------------------------- */

static void write_sink_losses(struct pn_exposition *e, const struct pn_exporter_stats *s)
{
	struct pn_labels l;

	for (enum pn_loss i = 0; i < PN_LOSS_MAX; i++) {
		pn_labels_begin(&l);
		pn_labels_put(&l, "sink", s->name);
		pn_labels_put(&l, "reason", pn_loss_name(i));
		pn_expo_value(e, pn_labels_end(&l), s->dropped[i]);
	}
}

static const struct {
	const char *name;
	enum pn_expo_type type;
	size_t offset;
	const char *help;
} sink_rows[] = {
	{ "podonym_sink_records_told_total", PN_EXPO_COUNTER,
	  offsetof(struct pn_exporter_stats, told),
	  "records given to a sink: those sent, dropped and waiting together" },
	{ "podonym_sink_records_sent_total", PN_EXPO_COUNTER,
	  offsetof(struct pn_exporter_stats, sent), "records that the receiver has taken" },
	{ "podonym_sink_records_waiting", PN_EXPO_GAUGE,
	  offsetof(struct pn_exporter_stats, waiting),
	  "records that wait to be sent or confirmed" },
	{ "podonym_sink_retries_total", PN_EXPO_COUNTER,
	  offsetof(struct pn_exporter_stats, retries), "attempts to send that failed" },
};

static void write_sinks(struct pn_exposition *e, struct pn_exporters *exporters)
{
	struct pn_exporter_stats all[PN_MAX_EXPORTERS];
	size_t n = pn_exporters_count(exporters);
	struct pn_labels l;

	for (size_t i = 0; i < n; i++)
		pn_exporters_stats(exporters, i, &all[i]);
	for (size_t row = 0; n && row < PN_ARRAY_SIZE(sink_rows); row++) {
		pn_expo_family(e, sink_rows[row].type, sink_rows[row].name, sink_rows[row].help);
		for (size_t i = 0; i < n; i++) {
			const char *s = (const char *)&all[i] + sink_rows[row].offset;
			uint64_t value;

			memcpy(&value, s, sizeof(value));
			pn_expo_value(e, pn_label(&l, "sink", all[i].name), value);
		}
	}
	if (n)
		pn_expo_family(e, PN_EXPO_COUNTER, "podonym_sink_records_dropped_total",
			       "records that a sink has lost, by reason");
	for (size_t i = 0; i < n; i++)
		write_sink_losses(e, &all[i]);
}

/* --- the pinned maps and the flow table ---------------------------------------------------------- */

struct fill {
	const char *map;
	uint64_t n, room;
};

enum { N_MAPS = 7 };

static void read_fills(const struct pn_web_parts *p, struct fill ret[static N_MAPS])
{
	struct pn_index_counts n;
	const struct fill fills[N_MAPS] = {
		{ "ip", 0, 0 },	    { "service", 0, 0 }, { "hostport", 0, 0 }, { "cidr", 0, 0 },
		{ "cgroup", 0, 0 }, { "owner", 0, 0 },	 { "flows", 0, 0 },
	};

	memcpy(ret, fills, sizeof(fills));
	pn_index_counts(p->status.index, &n);
	ret[0].n = n.n_addrs;
	ret[1].n = n.n_services;
	ret[2].n = n.n_hostports;
	ret[3].n = n.n_cidrs;
	ret[4].n = n.n_cgroups;
	ret[5].n = n.n_owners;
	for (size_t i = 0; i < N_MAPS - 1; i++)
		ret[i].room = pn_names_map_room(p->names, ret[i].map);
	ret[6].n = pn_metric_get(PN_METRIC_FLOW_ACTIVE);
	ret[6].room = pn_tracer_max_flows(p->status.tracer);
}

static void write_maps(struct pn_exposition *e, const struct pn_web_parts *p)
{
	struct fill fills[N_MAPS];
	struct pn_labels l;

	read_fills(p, fills);
	pn_expo_family(e, PN_EXPO_GAUGE, "podonym_map_entries",
		       "entries that a map should have now, of the flow table at the last drain");
	for (size_t i = 0; i < N_MAPS; i++)
		pn_expo_value(e, pn_label(&l, "map", fills[i].map), fills[i].n);
	pn_expo_family(e, PN_EXPO_GAUGE, "podonym_map_max_entries", "room for entries in a map");
	for (size_t i = 0; i < N_MAPS; i++)
		pn_expo_value(e, pn_label(&l, "map", fills[i].map), fills[i].room);
}

/* --- informers ----------------------------------------------------------------------------------- */

static double synced(const struct pn_informer_status *s)
{
	return s->is_synced;
}

static double objects(const struct pn_informer_status *s)
{
	return (double)s->n_objects;
}

static double lists(const struct pn_informer_status *s)
{
	return (double)s->n_lists;
}

static double watches(const struct pn_informer_status *s)
{
	return (double)s->n_watches;
}

static double short_watches(const struct pn_informer_status *s)
{
	return (double)s->n_short_watches;
}

static double events(const struct pn_informer_status *s)
{
	return (double)s->n_events;
}

static double refused(const struct pn_informer_status *s)
{
	return (double)s->n_refused;
}

static double failures(const struct pn_informer_status *s)
{
	return s->n_failures;
}

static double list_seconds(const struct pn_informer_status *s)
{
	return (double)s->list_us / 1e6;
}

static double queued(const struct pn_informer_status *s)
{
	return (double)s->n_queued;
}

static double silent(const struct pn_informer_status *s)
{
	return s->last_contact_ms < 0 ? INFINITY : (double)s->last_contact_ms / 1e3;
}

static double behind(const struct pn_informer_status *s)
{
	return s->behind_ms < 0 ? INFINITY : (double)s->behind_ms / 1e3;
}

static const struct {
	const char *name;
	enum pn_expo_type type;
	double (*value)(const struct pn_informer_status *s);
	const char *help;
} informer_rows[] = {
	{ "podonym_informer_synced", PN_EXPO_GAUGE, synced,
	  "1: the first complete list of this kind is known" },
	{ "podonym_informer_objects", PN_EXPO_GAUGE, objects, "objects of this kind" },
	{ "podonym_informer_lists_total", PN_EXPO_COUNTER, lists,
	  "lists asked for; all but the first are relists" },
	{ "podonym_informer_watches_total", PN_EXPO_COUNTER, watches, "watches asked for" },
	{ "podonym_informer_short_watches_total", PN_EXPO_COUNTER, short_watches,
	  "watches that ended within a second and without an event" },
	{ "podonym_informer_events_total", PN_EXPO_COUNTER, events,
	  "watch events, bookmarks included" },
	{ "podonym_informer_refused_objects_total", PN_EXPO_COUNTER, refused,
	  "objects left out because they could not be understood" },
	{ "podonym_informer_consecutive_failures", PN_EXPO_GAUGE, failures,
	  "requests that failed one after the other; 0: all is well" },
	{ "podonym_informer_last_list_duration_seconds", PN_EXPO_GAUGE, list_seconds,
	  "how long the last complete list took" },
	{ "podonym_informer_queued_notices", PN_EXPO_GAUGE, queued,
	  "changes that handlers have not been told of yet" },
	{ "podonym_informer_silent_seconds", PN_EXPO_GAUGE, silent,
	  "time since the API server last said something; +Inf: never yet" },
	{ "podonym_informer_behind_seconds", PN_EXPO_GAUGE, behind,
	  "time for which there may be changes that have not come, as no watch is open; 0: none; "
	  "+Inf: "
	  "nothing was listed yet" },
};

static void write_informers(struct pn_exposition *e, const struct pn_status_parts *p)
{
	struct pn_informer_status all[MAX_INFORMERS];
	size_t n = PN_MIN(p->n_informers, (size_t)MAX_INFORMERS);
	struct pn_labels l;

	for (size_t i = 0; i < n; i++)
		pn_informer_status(p->informers[i], &all[i]);
	for (size_t row = 0; n && row < PN_ARRAY_SIZE(informer_rows); row++) {
		pn_expo_family(e, informer_rows[row].type, informer_rows[row].name,
			       informer_rows[row].help);
		for (size_t i = 0; i < n; i++)
			pn_expo_real(e, pn_label(&l, "kind", all[i].kind),
				     informer_rows[row].value(&all[i]));
	}
	write_gauge(e, "podonym_api_server_known", "1: it is known where the API server is",
		    !*p->error);
	write_gauge(e, "podonym_synced", "1: the index has every object of the first lists",
		    p->synced);
}

/* --- all ----------------------------------------------------------------------------------------- */

int pn_metrics_doc(const struct pn_web_parts *p, enum pn_expo_form form, struct pn_buf *out)
{
	struct pn_exposition e = { .form = form, .out = out };
	int r = 0;

	write_build(&e);
	write_process(&e);
	write_informers(&e, &p->status);
	write_maps(&e, p);
	write_features(&e, p->status.tracer);
	write_ledger(&e, p->status.tracer);
	write_drops(&e, p->status.drops);
	write_sinks(&e, p->status.exporters);
	write_cells(&e);
	write_gauge(&e, "podonym_flow_drain_age_seconds",
		    "time since the flow thread last began to read the flow table",
		    (double)p->drain_age / (double)PN_NSEC_PER_SEC);
	if (p->traffic)
		r = pn_traffic_write(p->traffic, pn_clock_now(p->status.clock), &e);
	pn_expo_end(&e);
	return r < 0 ? r : e.error;
}
