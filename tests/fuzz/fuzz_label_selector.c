// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzes selectors of labels: any text selects something, or is refused with words. What it selects, the
 * same selector turned round does not.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/label_selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pn_label labels[] = { { "a", "" }, { "app", "web" } };
	struct pn_label_selector *s;
	struct pn_err err = { "" };
	char *text = strndup((const char *)data, size);
	int r;

	if (!text)
		return 0;
	r = pn_label_selector_parse(text, &s, &err);
	free(text);
	if (r < 0) {
		assert(r == -EINVAL && err.text[0]);
		return 0;
	}
	assert(s->n_requirements && !s->n_labels);
	for (uint32_t i = 0; i < s->n_requirements; i++) {
		struct pn_label_requirement q = s->requirements[i];
		struct pn_label_selector one = { .n_requirements = 1, .requirements = &q };
		bool matches = pn_label_selector_matches(&one, labels, PN_ARRAY_SIZE(labels));

		assert(*q.key && q.op < PN_SELECTOR_OP_MAX);
		q.op = q.op < PN_SELECTOR_EXISTS
			       ? (enum pn_selector_op)(PN_SELECTOR_NOT_IN - q.op)
			       : (enum pn_selector_op)(PN_SELECTOR_EXISTS +
						       PN_SELECTOR_DOES_NOT_EXIST - q.op);
		assert(pn_label_selector_matches(&one, labels, PN_ARRAY_SIZE(labels)) != matches);
	}
	free(s);
	return 0;
}
