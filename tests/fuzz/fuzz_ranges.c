/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the file with names for networks: any text is a list of networks, each with a name and no
 * bits behind its prefix, or is refused with words.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ranges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pn_range *r)
{
	assert(r->cidr.prefix_len <= 128);
	assert(r->name[0] && strlen(r->name) < PN_NAME_LEN);
	for (unsigned int bit = r->cidr.prefix_len; bit < 128; bit++)
		assert(!(r->cidr.addr.b[bit / 8] & 0x80u >> bit % 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_ranges ranges = { .n = 0 };
	struct pn_err err = { "" };
	char *text = calloc(1, size + 1);
	int r;

	assert(text);
	if (size)
		memcpy(text, data, size);
	r = pn_ranges_parse("file", text, &ranges, &err);
	assert(r == 0 || (r == -EINVAL && err.text[0]));
	for (size_t i = 0; i < ranges.n; i++)
		check(&ranges.items[i]);
	pn_ranges_done(&ranges);
	return 0;
}
