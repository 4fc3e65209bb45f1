/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The word that was probably meant, for messages about one that is not known: an option, a kind of
 * object, a filter.
 */
#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* Damerau-Levenshtein distance without repeated edits; words longer than the row are never near. */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	size_t la = strlen(a), lb = strlen(b);
	size_t rows[3][MAX + 1];
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2];

	if (la > MAX || lb > MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++) {
		prev[j] = j;
		before[j] = 0;
	}
	for (size_t i = 1; i <= la; i++) {
		size_t *swap = before;

		cur[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t d = prev[j - 1] + (a[i - 1] != b[j - 1]);

			d = PN_MIN(d, PN_MIN(prev[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = PN_MIN(d, before[j - 2] + 1);
			cur[j] = d;
		}
		before = prev;
		prev = cur;
		cur = swap;
	}
	return prev[lb];
}

const char *pn_nearest(const char *word, const char *const *names, size_t n)
{
	size_t best = SIZE_MAX;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, names[i]);

		if (strlen(word) >= 3 && strncmp(word, names[i], strlen(word)) == 0)
			d = PN_MIN(d, (size_t)1);
		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return best <= PN_MAX(strlen(word) / 3, (size_t)1) ? found : NULL;
}

struct pn_meant pn_meant(const char *near, const char *before, const char *after)
{
	struct pn_meant m = {};

	if (near)
		(void)snprintf(m.text, sizeof(m.text), ", did you mean %s%.320s%s?", before, near,
			       after);
	return m;
}
