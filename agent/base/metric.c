/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells behind metric.h.
 */
#include "base/metric.h"

#include <stdatomic.h>

static const struct {
	const char *name, *help;
} info[] = {
#define ROW(id, name, help) { name, help },
	PN_METRICS(ROW)
#undef ROW
};
_Static_assert(sizeof(info) / sizeof(info[0]) == PN_METRIC_MAX, "a row for each metric");

static _Atomic uint64_t cells[PN_METRIC_MAX];

void pn_metric_add(enum pn_metric m, uint64_t n)
{
	(void)atomic_fetch_add_explicit(&cells[m], n, memory_order_relaxed);
}

void pn_metric_set(enum pn_metric m, uint64_t value)
{
	atomic_store_explicit(&cells[m], value, memory_order_relaxed);
}

uint64_t pn_metric_get(enum pn_metric m)
{
	return atomic_load_explicit(&cells[m], memory_order_relaxed);
}

const char *pn_metric_name(enum pn_metric m)
{
	return info[m].name;
}

const char *pn_metric_help(enum pn_metric m)
{
	return info[m].help;
}
