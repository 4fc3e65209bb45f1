/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes selections: any text is rules of terms within their limits, or is refused with words.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/selection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pn_selection *s)
{
	static const struct pn_label label = { "app", "web" };
	static const struct pn_object pod = { .kind = PN_KIND_POD,
					      .labels = &label,
					      .n_labels = 1 };
	uint32_t all = s->n_rules == 32 ? UINT32_MAX : (1u << s->n_rules) - 1, used = 0;

	assert(s->n_rules <= PN_SELECT_MAX_RULES && s->n_terms <= PN_SELECT_MAX_TERMS);
	for (size_t i = 0; i < s->n_terms; i++) {
		const struct pn_select_term *t = &s->terms[i];

		used |= 1u << t->rule;
		assert(t->sort < PN_SELECT_SORT_MAX && t->cidr.prefix_len <= 128);
		assert(t->sort != PN_SELECT_PORT || (t->first && t->first <= t->last));
		assert(t->sort != PN_SELECT_NAMESPACE || *t->name);
		assert((t->sort == PN_SELECT_LABEL) == (t->labels != NULL));
	}
	assert(used == all); /* a rule without terms would select everything */
	assert(!(pn_expression_owner(s, "shop", &pod) & ~all));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_expression *e = NULL;
	struct pn_err err = { "" };
	char *text = calloc(1, size + 1);
	int r;

	assert(text);
	if (size)
		memcpy(text, data, size);
	r = pn_expression_parse(text, &e, &err);
	assert(r == 0 || (r == -EINVAL && err.text[0]));
	if (r == 0)
		check(&e->selection);
	pn_expression_free(e);
	free(text);
	return 0;
}
