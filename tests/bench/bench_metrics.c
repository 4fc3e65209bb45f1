/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What series of traffic cost: the flow thread for each record, the control thread for each answer.
 * Every pair has a histogram.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "export/traffic.h"
#include "tests/unit/export/record_fixture.h"

enum { N_RECORDS = 1000000, N_PAGES = 20, N_NAMES = 64, N_DRAIN = 10000 };

static double cpu_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void make_owners(struct pn_owner *owners, char (*names)[N_NAMES], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(names[i], N_NAMES, "workload-with-a-name-%u", i);
		owners[i] = owner_web;
		owners[i].workload_name = names[i];
		owners[i].id = i + 1;
	}
}

static void record(struct pn_traffic *t, const struct pn_owner *owners, uint32_t n, uint32_t i)
{
	struct pn_flow_record r = sample_record();

	r.source.owner = &owners[i % n];
	pn_traffic_record(t, &r, i / N_DRAIN);
}

static int measure(uint32_t n, unsigned int labels, const char *name)
{
	const struct pn_traffic_config config = { n, labels, PN_NSEC_NEVER / 2 };
	struct pn_owner *owners = calloc(n, sizeof(*owners));
	char(*names)[N_NAMES] = calloc(n, N_NAMES);
	struct pn_traffic *t = NULL;
	struct pn_buf out = PN_BUF_INIT((size_t)1 << 30);
	struct pn_exposition e = { .out = &out };
	double start, per_record, per_page;

	if (!owners || !names || pn_traffic_new(&config, &t) < 0)
		return -1;
	make_owners(owners, names, n);
	for (uint32_t i = 0; i < n; i++)
		record(t, owners, n, i);
	start = cpu_seconds();
	for (uint32_t i = 0; i < N_RECORDS; i++)
		record(t, owners, n, i);
	per_record = (cpu_seconds() - start) / N_RECORDS;
	start = cpu_seconds();
	for (int i = 0; i < N_PAGES; i++) {
		pn_buf_reset(&out);
		(void)pn_traffic_write(t, N_RECORDS, &e);
	}
	per_page = (cpu_seconds() - start) / N_PAGES;
	(void)printf("  %-20s %8u %10.0f %12.2f %12.2f\n", name, n, per_record * 1e9,
		     per_page * 1e3, (double)out.len / 1e6);
	pn_buf_done(&out);
	pn_traffic_free(t);
	free(names);
	free(owners);
	return 0;
}

int main(void)
{
	(void)printf("  %-20s %8s %10s %12s %12s\n", "labels", "pairs", "ns/record", "ms/page",
		     "MB/page");
	return measure(100, PN_TRAFFIC_NAMESPACE | PN_TRAFFIC_WORKLOAD, "namespace,workload") < 0 ||
	       measure(2000, PN_TRAFFIC_NAMESPACE | PN_TRAFFIC_WORKLOAD, "namespace,workload") <
		       0 ||
	       measure(20000, PN_TRAFFIC_NAMESPACE | PN_TRAFFIC_WORKLOAD, "namespace,workload") < 0;
}
