/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_EXPORT_EXPORTER_FIXTURE_H
#define PN_TESTS_EXPORT_EXPORTER_FIXTURE_H

#include <time.h>

#include "export/exporter.h"
#include "tests/unit/export/record_fixture.h"

/* Records for an exporter, and its ledger, whatever kind of sink it has. */

static inline uint64_t dropped(const struct pn_exporter_stats *s)
{
	uint64_t n = 0;

	for (enum pn_loss i = 0; i < PN_LOSS_MAX; i++)
		n += s->dropped[i];
	return n;
}

/* Every look at the ledger adds up, whatever is going on. */
static inline struct pn_exporter_stats look(struct pn_exporter *x)
{
	struct pn_exporter_stats s;

	pn_exporter_stats(x, &s);
	assert_int_equal(s.told, s.sent + dropped(&s) + s.waiting);
	return s;
}

static inline void nap(void)
{
	const struct timespec ts = { .tv_nsec = 2000000 };

	(void)nanosleep(&ts, NULL);
}

/* Numbered from 0. */
static inline void record(struct pn_exporter *x, unsigned int n)
{
	struct pn_flow_record r = sample_record();

	for (unsigned int i = 0; i < n; i++) {
		r.id = i;
		pn_exporter_record(x, &r);
	}
	pn_exporter_flush(x);
}

static inline void await_nothing_waits(struct pn_exporter *x)
{
	while (look(x).waiting)
		nap();
}

#endif
