/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds sinks with made-up records, for tests that hold the ledger against what a receiver has:
 *
 *   sink-feed SPEC...
 *
 * Lines on standard input: "records N RATE" (as many a second; 0: as fast as possible), "stats": one
 * line of JSON for each sink. It ends as an agent does, then shows the figures once more.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "export/exporter.h"
#include "tests/unit/export/record_fixture.h"

enum { ROUND = 500 }; /* records between two flushes */

static uint64_t n_fed;

static void show(struct pn_exporters *e)
{
	for (size_t i = 0; i < pn_exporters_count(e); i++) {
		struct pn_exporter_stats s;

		pn_exporters_stats(e, i, &s);
		(void)printf("{\"sink\":\"%s\",\"told\":%" PRIu64 ",\"sent\":%" PRIu64
			     ",\"waiting\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"error\":\"%s\"",
			     s.name, s.told, s.sent, s.waiting, s.retries, s.error.text);
		for (enum pn_loss loss = 0; loss < PN_LOSS_MAX; loss++)
			(void)printf(",\"%s\":%" PRIu64, pn_loss_name(loss), s.dropped[loss]);
		(void)printf("}\n");
	}
	(void)fflush(stdout);
}

/* Every second one is IPv6; packets and bytes say which one it is. */
static struct pn_flow_record make_record(uint64_t i)
{
	struct pn_flow_record r = sample_record();

	r.id = i;
	r.source.port = (uint16_t)(1024 + i % 60000);
	r.source.packets = i % 1000 + 1;
	r.source.bytes = r.source.packets * 100;
	r.is_v4 = i % 2;
	if (!r.is_v4) {
		r.source.addr = (struct pn_addr) { { 0xfd, [15] = 1 } };
		r.destination.addr = (struct pn_addr) { { 0xfd, [15] = 2 } };
	}
	return r;
}

static void feed(struct pn_exporters *e, uint64_t n, uint64_t rate)
{
	const struct timespec pause = { .tv_nsec = rate ? (long)(1000000000 / rate * ROUND) : 0 };

	for (uint64_t i = 0; i < n; i++) {
		struct pn_flow_record r = make_record(n_fed++);

		pn_exporters_record(e, &r);
		if (i % ROUND != ROUND - 1)
			continue;
		pn_exporters_flush(e);
		if (rate)
			(void)nanosleep(&pause, NULL);
	}
	pn_exporters_flush(e);
}

static void obey(struct pn_exporters *e)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin)) {
		uint64_t n, rate;

		/* NOLINTNEXTLINE(cert-err34-c): numbers of a test */
		if (sscanf(line, "records %" SCNu64 " %" SCNu64, &n, &rate) == 2)
			feed(e, n, rate);
		else if (strcmp(line, "stats\n") == 0)
			show(e);
		else
			(void)fprintf(stderr, "sink-feed: what is %s", line);
	}
}

int main(int argc, char **argv)
{
	struct pn_exporters *e = NULL;
	struct pn_err err = { "" };
	int r = pn_exporters_new(&e);

	for (int i = 1; i < argc && r == 0; i++)
		r = pn_exporters_add(e, argv[i], "feed-node", &err);
	if (r == 0)
		r = pn_exporters_start(e);
	if (r < 0) {
		(void)fprintf(stderr, "sink-feed: %s\n", err.text);
		return 1;
	}
	obey(e);
	pn_exporters_stop(e);
	show(e);
	pn_exporters_free(e);
	return 0;
}
