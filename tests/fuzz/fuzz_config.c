/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes config files: any text is values of the agent's options, each with its line, or is refused with words.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(void *data, const char *words)
{
	assert(strncmp(words, "f:", 2) == 0);
	++*(unsigned int *)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n_told = 0;
	const struct pn_complaints complaints = { .tell = tell, .data = &n_told };
	struct pn_config_file file;
	char *text = calloc(1, size + 1);
	int r;

	assert(text);
	if (size)
		memcpy(text, data, size);
	r = pn_config_file_parse(&pn_cmd_agent, "f", text, &complaints, &file);
	assert(r == 0 ? n_told == 0 : r == -EINVAL && n_told > 0 && n_told <= 21);
	for (size_t i = 0; r == 0 && i < file.n; i++)
		assert(file.entries[i].line >= 1 && file.entries[i].line <= strlen(text) + 1);
	if (r == 0)
		pn_config_file_done(&file);
	free(text);
	return 0;
}
