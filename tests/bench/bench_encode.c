/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to write a record down: CPU time and size of a line, for each form, with both ends
 * and the Service named. Records differ in addresses, ports, times and counts.
 */
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "export/encode.h"
#include "tests/unit/export/record_fixture.h"

enum { N_RECORDS = 2000000, N_KINDS = 64 };

static double cpu_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void vary(struct pn_flow_record *r, unsigned int i, bool v6)
{
	r->id = (uint64_t)i << 16 | 1;
	r->start += (uint64_t)i * 1234567891;
	r->end = r->start + i * 77777777u;
	r->source.port = (uint16_t)(32768 + i);
	r->source.packets = i * 7 + 1;
	r->source.bytes = r->source.packets * 831;
	r->destination.packets = i * 5;
	r->destination.bytes = r->destination.packets * 1311;
	r->source.addr.b[15] = (uint8_t)i;
	if (!v6)
		return;
	r->is_v4 = false;
	r->source.addr = (struct pn_addr) { { 0xfd, 0, 0x10, 0x24, [13] = 1, [15] = (uint8_t)i } };
	r->destination.addr = (struct pn_addr) { { 0xfd, 0, 0x10, 0x24, [13] = 2, [15] = 9 } };
}

static int measure(const char *name, enum pn_format format, bool v6)
{
	struct pn_flow_record records[N_KINDS];
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	uint64_t n_bytes = 0;
	double start, spent;

	for (unsigned int i = 0; i < N_KINDS; i++) {
		records[i] = sample_record();
		vary(&records[i], i, v6);
	}
	start = cpu_seconds();
	for (unsigned int i = 0; i < N_RECORDS; i++) {
		if (pn_encode(format, &records[i % N_KINDS], &out) < 0)
			return -1;
		if (out.len > 64 << 10) {
			n_bytes += out.len;
			pn_buf_reset(&out);
		}
	}
	spent = cpu_seconds() - start;
	n_bytes += out.len;
	(void)printf("  %-14s %10.0f %16.0f %14.0f\n", name, spent / N_RECORDS * 1e9,
		     N_RECORDS / spent, (double)n_bytes / N_RECORDS);
	pn_buf_done(&out);
	return 0;
}

int main(void)
{
	(void)printf("  %-14s %10s %16s %14s\n", "form", "ns/record", "records/CPU-s",
		     "bytes/record");
	return measure("json ipv4", PN_FORMAT_JSON, false) < 0 ||
	       measure("json ipv6", PN_FORMAT_JSON, true) < 0 ||
	       measure("compact ipv4", PN_FORMAT_COMPACT, false) < 0 ||
	       measure("color ipv4", PN_FORMAT_COLOR, false) < 0;
}
