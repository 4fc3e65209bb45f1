/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_OWNER_SET_H
#define PN_FLOW_OWNER_SET_H

#include "base/clock.h"
#include "base/err.h"
#include "index/index.h"

struct pn_label_selector;

/**
 * struct pn_owner_set - the pods and Services that have certain labels, by name
 *
 * Made with a filter, which asks it on the flow thread and on the history's; filled and kept current by the
 * control thread. A mutex is held for one change or one look-up. Who goes stays for as long as the index
 * remembers addresses (PN_INDEX_MEMORY): the last records of his connections are still to come.
 */
struct pn_owner_set;

/** pn_owner_set_new() - @selector: see pn_label_selector_parse(). Return: 0 with one reference; -EINVAL with @reterr; -ENOMEM */
int pn_owner_set_new(const char *selector, struct pn_owner_set **ret, struct pn_err *reterr);

/** Any thread. NULL is allowed to unref. */
struct pn_owner_set *pn_owner_set_ref(struct pn_owner_set *s);
void pn_owner_set_unref(struct pn_owner_set *s);

/** pn_owner_set_is_shared() - has anybody a reference beside the caller? Once not, never again */
bool pn_owner_set_is_shared(const struct pn_owner_set *s);

/** pn_owner_set_selector() - whose owners these are; never changes */
const struct pn_label_selector *pn_owner_set_selector(const struct pn_owner_set *s);

/** pn_owner_set_put() - has the labels from now on. Return: 0 or -ENOMEM */
int pn_owner_set_put(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
		     const char *name);

/** pn_owner_set_remove() - has them no more, or never had */
void pn_owner_set_remove(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
			 const char *name);

/** pn_owner_set_leave() - is no more, with the labels it had, if it is in there. @now: CLOCK_MONOTONIC */
void pn_owner_set_leave(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
			const char *name, pn_nsec now);

/** pn_owner_set_has() - @o: of any kind, from an index, a ring or a file */
bool pn_owner_set_has(struct pn_owner_set *s, const struct pn_owner *o);

#endif
