/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_LIST_H
#define PN_TESTAPI_LIST_H

#include "testapi_shape.h"

struct pn_lists;

struct pn_lists *pn_lists_new(void);
void pn_lists_free(struct pn_lists *l);

/** pn_lists_expire() - forget all snapshots: every `continue` is answered with -ESTALE */
void pn_lists_expire(struct pn_lists *l);

/**
 * pn_lists_first() - a list, or its first page
 * @limit: objects on a page; 0: all at once
 *
 * Return: the document (PodList, PartialObjectMetadataList, Table); NULL without memory
 */
json_t *pn_lists_first(struct pn_lists *l, const struct pn_teststore *store,
		       const struct pn_selection *sel, enum pn_shape shape, size_t limit);

/**
 * pn_lists_next() - the page that the token of the page before leads to
 * Return: 0; -ESTALE its snapshot is forgotten; -EINVAL not a token of this list; -ENOMEM
 */
int pn_lists_next(struct pn_lists *l, const char *token, const struct pn_selection *sel,
		  enum pn_shape shape, size_t limit, json_t **ret);

#endif
