/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the header Accept, and label values: any text chooses one of the forms, and any value is one
 * label that ends where it should, in UTF-8.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "export/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Between the quotes: no bare quote or newline, and each backslash is half of an escape. */
static void check_value(const char *s, const char *end)
{
	while (s < end) {
		size_t len = pn_text_utf8_len((const unsigned char *)s);

		assert(*s != '"' && *s != '\n');
		assert(len || (unsigned char)*s < 0x80);
		if (*s == '\\') {
			s++;
			assert(*s == '\\' || *s == '"' || *s == 'n');
		}
		s += len ? len : 1;
	}
	assert(s == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct pn_labels l;
	const char *label;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	assert(pn_exposition_choose(text) < PN_EXPO_FORM_MAX);
	label = pn_label(&l, "v", text);
	if (l.text.full) {
		assert(!*label);
	} else {
		assert(strncmp(label, "v=\"", 3) == 0 && label[strlen(label) - 1] == '"');
		check_value(label + 3, label + strlen(label) - 1);
	}
	free(text);
	return 0;
}
