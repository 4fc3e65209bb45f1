/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_TOP_FILTER_H
#define PN_CMD_TOP_FILTER_H

#include "base/err.h"
#include "cmd/options.h"

enum { PN_TOP_WORDS_MAX = 2048 };

/**
 * struct pn_top_filter - the filters of `podonym flows` as one line: "namespace=shop not-port=53"
 * @items: the same as options; their texts lie in @parts
 */
struct pn_top_filter {
	char words[PN_TOP_WORDS_MAX], parts[PN_TOP_WORDS_MAX];
	struct pn_option_items items;
};

/** pn_top_filter_parse() - Return: 0; -EINVAL or -ENOMEM with @reterr; then @ret may hold anything */
int pn_top_filter_parse(const char *words, struct pn_top_filter *ret, struct pn_err *reterr);

/** pn_top_filter_words() - from options to a line. Return: 0 or -EINVAL with @reterr: too long, or "not" at the end */
int pn_top_filter_words(const struct pn_option_items *items, char *to, size_t size,
			struct pn_err *reterr);

#endif
