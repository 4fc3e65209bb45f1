/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter line of `podonym top`: NAME=VALUE with spaces between, names and values those of
 * flow/filter.h, "not-" in front of one that must not be met. The agent filters; here it is only
 * found out whether the words make sense.
 */
#include "cmd/top/top_filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "flow/filter.h"

static int put(struct pn_option_items *items, const char *name, const char *value,
	       struct pn_err *reterr)
{
	if (items->n == PN_ARRAY_SIZE(items->items))
		return pn_err_set(reterr, -EINVAL, "there can be %d filters at most",
				  PN_FILTER_MAX);
	items->items[items->n++] = (struct pn_option_item) { .name = name, .value = value };
	return 0;
}

static int take_word(char *word, struct pn_filter *trial, struct pn_top_filter *ret,
		     struct pn_err *reterr)
{
	bool negate = strncmp(word, "not-", 4) == 0;
	char *name = negate ? word + 4 : word, *equals = strchr(name, '=');
	int r;

	if (!equals)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.64s\" is not a filter such as namespace=shop or not-port=53",
				  word);
	*equals = '\0';
	r = pn_filter_add(trial, name, negate, equals + 1, reterr);
	if (r == -ENOMEM)
		return r;
	if (r == -EINVAL)
		return pn_err_wrap(reterr, r, "%s", name);
	if (r < 0)
		return -EINVAL;
	r = negate ? put(&ret->items, "not", NULL, reterr) : 0;
	return r < 0 ? r : put(&ret->items, name, equals + 1, reterr);
}

int pn_top_filter_parse(const char *words, struct pn_top_filter *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_filter_freep) struct pn_filter *trial = NULL;
	char *at, *word;
	int r;

	if (strlen(words) >= sizeof(ret->words))
		return pn_err_set(reterr, -EINVAL, "the filters are longer than %d characters",
				  PN_TOP_WORDS_MAX - 1);
	if (pn_filter_new(&trial) < 0)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	(void)snprintf(ret->words, sizeof(ret->words), "%s", words);
	(void)snprintf(ret->parts, sizeof(ret->parts), "%s", words);
	ret->items.n = 0;
	at = ret->parts;
	while ((word = strsep(&at, " "))) {
		r = *word ? take_word(word, trial, ret, reterr) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int pn_top_filter_words(const struct pn_option_items *items, char *to, size_t size,
			struct pn_err *reterr)
{
	const char *negation = "";
	size_t n = 0;

	*to = '\0';
	for (size_t i = 0; i < items->n; i++) {
		const struct pn_option_item *item = &items->items[i];

		if (!item->value && *negation)
			return pn_err_set(reterr, -EINVAL, "--not stands twice before one filter");
		if (item->value)
			n += (size_t)snprintf(to + n, size - n, "%s%s%s=%s", n ? " " : "", negation,
					      item->name, item->value);
		if (n >= size)
			return pn_err_set(reterr, -EINVAL, "the filters are too long together");
		negation = item->value ? "" : "not-";
	}
	if (*negation)
		return pn_err_set(reterr, -EINVAL, "--not stands before no filter");
	return 0;
}
