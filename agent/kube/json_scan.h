/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_JSON_SCAN_H
#define PN_KUBE_JSON_SCAN_H

#include <stdbool.h>

/**
 * struct pn_json_scan - within an object, a list or a string; zeroed in front of it
 *
 * Follows strings and brackets, nothing else: whether the text makes sense is for its parser.
 */
struct pn_json_scan {
	unsigned int depth;
	bool in_string, is_escaped;
};

/** pn_json_scan() - Return: behind the value's last byte; NULL if it goes on behind @end */
const char *pn_json_scan(struct pn_json_scan *s, const char *p, const char *end);

/** pn_json_scan_scalar() - true, null or a number. Return: where it ends, in front of what follows it; NULL as above */
const char *pn_json_scan_scalar(const char *p, const char *end);

static inline bool pn_json_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

#endif
