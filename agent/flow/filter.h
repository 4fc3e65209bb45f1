/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_FILTER_H
#define PN_FLOW_FILTER_H

#include "base/err.h"
#include "base/label_selector.h"
#include "flow/owner_set.h"
#include "flow/record.h"

/**
 * struct pn_filter - which records somebody wants
 *
 * Filters of different names must all be met; of the same name, one of them. A negated one must not
 * be met, whatever else is. A name that stands without a namespace is one of the namespaces that
 * filters of the name "namespace" want, or of any.
 *
 * Made by one thread, then read only: matching does not allocate, and locks only what has the owners
 * with certain labels. Those somebody has to fill, see pn_filter_owner_sets(); until then nobody has them.
 */
struct pn_filter;

/** Most filters at a time, and the longest value of one. */
enum {
	PN_FILTER_MAX = 64,
	PN_FILTER_VALUE_MAX = PN_LABEL_SELECTOR_MAX, /* names are shorter */
};

/** pn_filter_new() - one that every record meets. Return: 0 or -ENOMEM */
int pn_filter_new(struct pn_filter **ret);
void pn_filter_free(struct pn_filter *f);
void pn_filter_freep(struct pn_filter **f);

/**
 * pn_filter_add() - one more to be met, or not to be met
 * @name: "pod", "from-pod", "port"...
 *
 * Return: 0; -ENOENT: there is no such filter; -EINVAL: @value makes no sense, with words in @reterr
 * that do not repeat @name; -E2BIG: too many; -ENOMEM
 */
int pn_filter_add(struct pn_filter *f, const char *name, bool negate, const char *value,
		  struct pn_err *reterr);

/** pn_filter_owner_sets() - call @fn with each set that it asks, borrowed. @f may be NULL. Return: as @fn, which ends it with < 0 */
int pn_filter_owner_sets(const struct pn_filter *f, int (*fn)(void *data, struct pn_owner_set *set),
			 void *data);

/** pn_filter_match() - does somebody want this record? @f may be NULL: every one */
bool pn_filter_match(const struct pn_filter *f, const struct pn_flow_record *r);

#endif
