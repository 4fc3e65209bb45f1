/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of /proc/kallsyms: a name that is found stands on a line whose address is not above the one looked for. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "datapath/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line, struct pn_symbol *symbols, uint64_t *starts, size_t n)
{
	uint64_t addr = pn_symbols_line(line, symbols, starts, n);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(symbols[i].name);

		assert(len < sizeof(symbols[i].name));
		assert(starts[i] <= symbols[i].addr);
		if (addr && starts[i] == addr)
			assert(strstr(line, symbols[i].name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_symbol symbols[] = {
		{ .addr = 0xffffffff81000123 },
		{ .addr = UINT64_MAX },
		{ .addr = 1 },
	};
	uint64_t starts[PN_ARRAY_SIZE(symbols)] = { 0 };
	char *text = strndup((const char *)data, size), *rest = text, *line;

	assert(text);
	while ((line = strsep(&rest, "\n")))
		check_line(line, symbols, starts, PN_ARRAY_SIZE(symbols));
	free(text);
	return 0;
}
