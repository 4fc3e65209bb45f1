/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_LABEL_SELECTOR_H
#define PN_BASE_LABEL_SELECTOR_H

#include <podonym/objects.h>

#include "base/err.h"

/** Longest text of one. */
enum { PN_LABEL_SELECTOR_MAX = 1024 };

/**
 * pn_label_selector_parse() - a selector as kubectl -l takes it
 * @text: requirements with commas between them, all of which must hold: app=web, app==web, app!=web,
 *	  app in (web,api), app notin (web), app, !app
 * @ret: one block of memory, given back with free(); it has requirements only, of which there is one at least
 *
 * Return: 0; -EINVAL with @reterr: what is wrong, and what would be right; -ENOMEM
 */
int pn_label_selector_parse(const char *text, struct pn_label_selector **ret,
			    struct pn_err *reterr);

/** pn_label_selector_matches() - do all requirements of @s hold for labels? What has no key meets != and notin */
bool pn_label_selector_matches(const struct pn_label_selector *s, const struct pn_label *labels,
			       size_t n_labels);

#endif
