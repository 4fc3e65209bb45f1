/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: lines on standard error, which a supervisor or the container runtime collects.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = { "err", "warn", "info", "debug" };
_Static_assert(PN_ARRAY_SIZE(level_names) == PN_LOG_MAX, "a name for each level");

static atomic_int max_level = PN_LOG_INFO;

void pn_log_set_level(enum pn_log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

int pn_log_parse_level(const char *name, enum pn_log_level *ret)
{
	for (int i = 0; i < PN_LOG_MAX; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret = (enum pn_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void pn_log(enum pn_log_level level, const char *area, const char *fmt, ...)
{
	char line[1024];
	struct timespec now;
	struct tm tm;
	va_list ap;
	size_t n;
	int r;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	r = snprintf(line + n, sizeof(line) - n, ".%03ldZ %-5s %s: ", now.tv_nsec / 1000000,
		     level_names[level], area);
	n += (size_t)PN_MAX(r, 0);

	va_start(ap, fmt);
	r = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	n = PN_MIN(n + (size_t)PN_MAX(r, 0), sizeof(line) - 2);
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}

bool pn_log_allow(struct pn_log_limit *limit, uint64_t now_ns, uint64_t period_ns,
		  unsigned int *ret_held)
{
	if (now_ns < limit->next_ns) {
		limit->n_held++;
		return false;
	}
	*ret_held = limit->n_held;
	limit->n_held = 0;
	limit->next_ns = now_ns + period_ns;
	return true;
}
