/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client's filter costs for each record, and what keeping the last records costs: CPU time for
 * each record of a round, and resident memory, with few owners and with an owner of its own for each
 * end of each record.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "flow/filter.h"
#include "flow/recent.h"
#include "tests/unit/export/record_fixture.h"

enum { N_MATCHES = 5000000, N_KINDS = 64, N_KEPT = PN_RECENT_DEFAULT, N_ROUND = 100000 };

static struct pn_flow_record records[N_KINDS];
static volatile size_t n_matched; /* so that nothing is optimised away */

static void make_records(void)
{
	for (unsigned int i = 0; i < N_KINDS; i++) {
		records[i] = sample_record();
		records[i].source.port = (uint16_t)(32768 + i);
		records[i].source.addr.b[15] = (uint8_t)i;
	}
}

/* @filters: name, value, name, value... ends with NULL; "not" before a name negates */
static int measure_match(const char *what, const char *const *filters)
{
	struct pn_filter *f;
	bool negate = false;
	pn_nsec start;
	size_t n = 0;

	if (pn_filter_new(&f) < 0)
		return -1;
	for (; *filters; filters++) {
		if (strcmp(*filters, "not") == 0) {
			negate = true;
			continue;
		}
		if (pn_filter_add(f, filters[0], negate, filters[1], NULL) < 0)
			return -1;
		filters++;
		negate = false;
	}
	start = cpu_time();
	for (unsigned int i = 0; i < N_MATCHES; i++)
		n += pn_filter_match(f, &records[i % N_KINDS]);
	row(what, (double)(cpu_time() - start) / N_MATCHES, "ns");
	n_matched = n;
	pn_filter_free(f);
	return 0;
}

static double resident_kib(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		(void)fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* As long as they are in a cluster. */
static void make_owners(struct pn_owner *owners, char (*names)[64], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "checkout-7d9c6b5f4-%05zx", i);
		owners[i] = owner_web;
		owners[i].id = (uint32_t)i + 1;
		owners[i].uid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
		owners[i].name = names[i];
		owners[i].node = "ip-10-0-12-34.eu-central-1.compute.internal";
	}
}

static void keep(struct pn_recent *rec, const struct pn_owner *owners, size_t n_owners, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pn_flow_record r = records[i % N_KINDS];

		r.source.owner = &owners[i * 2 % n_owners];
		r.destination.owner = &owners[(i * 2 + 1) % n_owners];
		pn_recent_add(rec, &r);
	}
	pn_recent_settle(rec);
}

static int measure_kept(const char *what, size_t n_owners)
{
	struct pn_owner *owners = calloc(n_owners, sizeof(*owners));
	char(*names)[64] = calloc(n_owners, sizeof(*names));
	double before, after;
	struct pn_recent *rec;
	pn_nsec start;

	if (!owners || !names)
		return -1;
	make_owners(owners, names, n_owners);
	before = resident_kib();
	if (pn_recent_new(N_KEPT, &rec) < 0)
		return -1;
	start = cpu_time();
	keep(rec, owners, n_owners, N_ROUND);
	row(what, (double)(cpu_time() - start) / N_ROUND, "ns a record");
	after = resident_kib();
	row("  resident memory", after - before, "KiB");
	start = cpu_time();
	for (int i = 0; i < 100; i++)
		keep(rec, owners, n_owners, 1000);
	row("  in rounds of 1,000", (double)(cpu_time() - start) / 100000, "ns a record");
	pn_recent_free(rec);
	free(owners);
	free(names);
	return 0;
}

int main(void)
{
	make_records();
	return measure_match("match: no filter", (const char *const[]) { NULL }) < 0 ||
	       measure_match("match: --port, not met",
			     (const char *const[]) { "port", "53", NULL }) < 0 ||
	       measure_match("match: --cidr, not met",
			     (const char *const[]) { "cidr", "fd00::/8", NULL }) < 0 ||
	       measure_match("match: --pod, not met",
			     (const char *const[]) { "pod", "shop/cart", NULL }) < 0 ||
	       measure_match("match: -n --pod --not --port --protocol, met",
			     (const char *const[]) { "namespace", "shop", "pod", "web", "not",
						     "port", "53", "protocol", "tcp", NULL }) < 0 ||
	       measure_match("match: six of all kinds, met",
			     (const char *const[]) { "namespace", "shop", "pod", "web", "workload",
						     "db", "service", "shop/db", "node", "n2", "ip",
						     "10.0.0.0/16", NULL }) < 0 ||
	       measure_kept("keep: rounds of 100,000, 500 owners", 500) < 0 ||
	       measure_kept("keep: rounds of 100,000, each end another owner", 2 * N_KEPT) < 0;
}
