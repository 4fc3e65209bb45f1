/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of /proc/kallsyms: a name that is found stands on a line whose address is not above the one looked for. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N = 3 };

static void check_line(const char *line, struct pn_symbol symbols[static N],
		       uint64_t starts[static N])
{
	uint64_t before[N];

	memcpy(before, starts, sizeof(before));
	(void)pn_symbols_line(line, symbols, starts, N);
	for (size_t i = 0; i < N; i++) {
		assert(memchr(symbols[i].name, '\0', sizeof(symbols[i].name)));
		assert(starts[i] >= before[i] && starts[i] <= symbols[i].addr);
		if (starts[i] != before[i])
			assert(strstr(line, symbols[i].name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_symbol symbols[N] = {
		{ .addr = 0xffffffff81000123 },
		{ .addr = UINT64_MAX },
		{ .addr = 1 },
	};
	uint64_t starts[N] = { 0 };
	char *text = strndup((const char *)data, size), *rest = text, *line;

	assert(text);
	while ((line = strsep(&rest, "\n")))
		check_line(line, symbols, starts);
	free(text);
	return 0;
}
