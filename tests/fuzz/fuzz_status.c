/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the bodies of refusals: whatever they are, what is kept is short printable text.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "kube/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	assert(strlen(text) < size);
	for (; *text; text++)
		assert(isprint((unsigned char)*text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_status st;

	pn_status_from_body(503, (const char *)data, size, &st);
	assert(st.code > 0 && st.retry_after_s >= -1);
	check_text(st.reason, sizeof(st.reason));
	check_text(st.message, sizeof(st.message));
	assert(!st.too_large || st.code == 504);
	return 0;
}
