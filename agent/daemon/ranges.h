/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_RANGES_H
#define PN_DAEMON_RANGES_H

#include <sys/stat.h>

#include "base/err.h"
#include "index/index.h"

/*
 * Names for networks that are not the cluster's, from a file that may change while the agent runs:
 *
 *   # network        name
 *   10.20.0.0/16     office Berlin
 *   192.0.2.7        time server
 *   2001:db8:1::/48  partner
 */

/** struct pn_ranges - what a file says; the names point into @text */
struct pn_ranges {
	struct pn_range *items;
	size_t n;
	char *text;
};

/**
 * pn_ranges_parse() - @path: for the messages; @text: allocated, taken over, also on failure
 *
 * Return: 0; -EINVAL or -ENOMEM with @reterr, which names file and line
 */
int pn_ranges_parse(const char *path, char *text, struct pn_ranges *ret, struct pn_err *reterr);

void pn_ranges_done(struct pn_ranges *r);

/** struct pn_ranges_file - zero but for @path is ready to use */
struct pn_ranges_file {
	const char *path;
	struct stat seen; /* private */
	bool was_missing;
};

/**
 * pn_ranges_file_read() - read the file, if it is not as it was at the last call
 *
 * Return: 1 and @ret to be undone by pn_ranges_done(); 0 nothing changed; or a negative errno with
 * @reterr, once for each state of the file; but what failed for want of memory or descriptors is tried again
 */
int pn_ranges_file_read(struct pn_ranges_file *f, struct pn_ranges *ret, struct pn_err *reterr);

#endif
