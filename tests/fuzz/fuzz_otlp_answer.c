/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what a collector answers: any bytes give a number and printable words that fit.
 */
#include <assert.h>
#include <string.h>

#include "export/otlp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(const char *why, size_t size)
{
	assert(strlen(why) < size);
	for (; *why; why++)
		assert(*why >= 0x20 && *why < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[32];

	(void)pn_otlp_rejected((const char *)data, size, why, sizeof(why));
	check_words(why, sizeof(why));
	pn_otlp_why((const char *)data, size, why, sizeof(why));
	check_words(why, sizeof(why));
	return 0;
}
