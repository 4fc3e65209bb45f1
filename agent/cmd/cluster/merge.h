/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_CLUSTER_MERGE_H
#define PN_CMD_CLUSTER_MERGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Lines of many streams in the order of their times. None of the streams need be in order itself: a
 * line waits for a while for older ones, and then comes whatever is still missing. So what was waited
 * for in vain stands behind younger lines; nothing is ever left out.
 */
struct pn_merge;

/**
 * struct pn_merge_config
 * @delay_ms:  how long a line waits; UINT64_MAX: until pn_merge_finish()
 * @max_bytes: when more lines wait, the oldest come earlier
 * @line:      called with what is due, in order; a negative errno ends the call it was made from
 */
struct pn_merge_config {
	uint64_t delay_ms;
	size_t max_bytes;
	int (*line)(void *data, void *from, const char *line, size_t len);
	void *data;
};

/** pn_merge_new() - Return: 0 or -ENOMEM */
int pn_merge_new(const struct pn_merge_config *config, struct pn_merge **ret);
void pn_merge_free(struct pn_merge *m);

/**
 * pn_merge_add() - a line that came at @now_ms; copied
 * @key: NUL-terminated, compared as bytes: a time with leading zeros
 *
 * Return: 0, -ENOMEM, or what line() returned
 */
int pn_merge_add(struct pn_merge *m, uint64_t now_ms, const char *key, void *from, const char *line,
		 size_t len);

/** pn_merge_due() - what has waited long enough. Return: as line() */
int pn_merge_due(struct pn_merge *m, uint64_t now_ms);

/** pn_merge_finish() - everything. Return: as line() */
int pn_merge_finish(struct pn_merge *m);

/** pn_merge_waiting() - how many lines wait */
size_t pn_merge_waiting(const struct pn_merge *m);

#endif
