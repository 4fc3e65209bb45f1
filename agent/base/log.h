/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_LOG_H
#define PN_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

enum pn_log_level {
	PN_LOG_ERR,
	PN_LOG_WARN,
	PN_LOG_INFO,
	PN_LOG_DEBUG,
	PN_LOG_MAX, /* sentinel */
};

/** pn_log_set_level() - most talkative level that is still written; default PN_LOG_INFO. Any thread */
void pn_log_set_level(enum pn_log_level level);

/** pn_log_parse_level() - "err", "warn", "info", "debug". Return: 0, or -EINVAL and @ret untouched */
int pn_log_parse_level(const char *name, enum pn_log_level *ret);

/**
 * pn_log() - one line to standard error: time, level, area, message
 * @area: the part that speaks, for example "kube"
 * @fmt:  a sentence, then key=value pairs; never a token or a header
 *
 * Any thread; a line is written by one write(2) and so never mixed with another.
 */
void pn_log(enum pn_log_level level, const char *area, const char *fmt, ...) PN_PRINTF(3, 4);

#define pn_error(area, ...) pn_log(PN_LOG_ERR, area, __VA_ARGS__)
#define pn_warn(area, ...) pn_log(PN_LOG_WARN, area, __VA_ARGS__)
#define pn_info(area, ...) pn_log(PN_LOG_INFO, area, __VA_ARGS__)
#define pn_debug(area, ...) pn_log(PN_LOG_DEBUG, area, __VA_ARGS__)

/**
 * struct pn_log_limit - keeps a repeated message from filling the log
 *
 * Zeroed is ready to use. One message a @period is let through; the ones held back are counted and
 * the count is handed out with the next one let through. One thread.
 */
struct pn_log_limit {
	uint64_t next_ns;
	unsigned int n_held;
};

/** pn_log_allow() - @ret_held: how many were held back since the last one allowed. Return: write it? */
bool pn_log_allow(struct pn_log_limit *limit, uint64_t now_ns, uint64_t period_ns,
		  unsigned int *ret_held);

#endif
