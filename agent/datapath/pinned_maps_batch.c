/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many entries of a pinned map written in one call of the kernel, for pinned_maps.c.
 *
 * One entry that the kernel refuses holds up none of the others: it is marked, and the rest goes on.
 */
#include "datapath/pinned_maps_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/metric.h"

static const void *key_at(const struct pn_map_batch *b, uint32_t i)
{
	return (const char *)&b->keys + (size_t)i * pn_map_layouts[b->id].key_size;
}

static const void *value_at(const struct pn_map_batch *b, uint32_t i)
{
	return (const char *)&b->values + (size_t)i * pn_map_layouts[b->id].value_size;
}

static int write_some(const struct pn_map_batch *b, uint32_t first, uint32_t *n)
{
	return b->gone ? bpf_map_delete_batch(b->fd, key_at(b, first), n, NULL)
		       : bpf_map_update_batch(b->fd, key_at(b, first), value_at(b, first), n, NULL);
}

static int write_one(const struct pn_map_batch *b, uint32_t i)
{
	return b->gone ? bpf_map_delete_elem(b->fd, key_at(b, i))
		       : bpf_map_update_elem(b->fd, key_at(b, i), value_at(b, i), BPF_ANY);
}

/*
 * How many entries from @first on went in one call. The kernel stops at the first one that it refuses
 * and says how many it had done, but leaves the count alone when it refuses the call; so a count that
 * did not shrink means none. Tries take no batches before Linux 5.13, and there are few networks.
 */
static uint32_t write_together(const struct pn_map_batch *b, uint32_t first)
{
	uint32_t n = b->n - first;

	if (pn_map_layouts[b->id].type == BPF_MAP_TYPE_LPM_TRIE)
		return 0;
	if (write_some(b, first, &n) == 0)
		return b->n - first;
	return n < b->n - first ? n : 0;
}

/* The entry that a batch stopped at goes alone, and the batch goes on behind it. */
int pn_map_write(struct pn_map_batch *b)
{
	uint32_t done = 0, n_not = 0;
	int first_error = 0;

	memset(b->failed, 0, sizeof(b->failed));
	while (done < b->n) {
		int r;

		done += write_together(b, done);
		if (done == b->n)
			break;
		r = write_one(b, done);
		n_not += r < 0;
		if (r < 0 && !(b->gone && r == -ENOENT)) {
			b->failed[done] = true;
			pn_metric_add(PN_METRIC_MAPS_FAILURES, 1);
			r = r == -E2BIG ? -ENOSPC : r; /* of a hash; a trie says -ENOSPC */
			first_error = first_error ? first_error : r;
		}
		done++;
	}
	pn_metric_add(b->gone ? PN_METRIC_MAPS_DELETES : PN_METRIC_MAPS_WRITES, b->n - n_not);
	return first_error;
}
