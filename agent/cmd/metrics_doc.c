/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's figures for Prometheus, made in the control thread when they are asked for. Every row of
 * base/metric.h is here by itself, under its own name and help; the rest is what `podonym status` shows.
 */
#include "cmd/metrics_doc.h"

#include <stdio.h>

#include "base/metric.h"
#include "base/version.h"
#include "cmd/ledger.h"
#include "cmd/process.h"

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

int pn_metrics_doc(const struct pn_web_parts *p, enum pn_expo_form form, struct pn_buf *out)
{
	struct pn_exposition e = { .form = form, .out = out };

	write_build(&e);
	write_process(&e);
	write_ledger(&e, p->status.tracer);
	write_features(&e, p->status.tracer);
	write_cells(&e);
	write_gauge(&e, "podonym_flow_drain_age_seconds",
		    "time since the flow thread last began to read the flow table",
		    (double)p->drain_age / (double)PN_NSEC_PER_SEC);
	pn_expo_end(&e);
	return e.error;
}
