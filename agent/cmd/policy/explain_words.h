/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_EXPLAIN_WORDS_H
#define PN_CMD_POLICY_EXPLAIN_WORDS_H

#include <stddef.h>

#include "policy/explain.h"

/*
 * Conditions and fixes in words. What does not fit is cut; bytes of names are as they came.
 */

/** pn_condition_wanted() - "app=api", "namespace label tier in (a, b)", "TCP 80, TCP 443" */
void pn_condition_wanted(const struct pn_condition *c, char *buf, size_t size);

/** pn_condition_has() - "app=web", "no label app", "10.0.0.1" */
void pn_condition_has(const struct pn_condition *c, char *buf, size_t size);

/** pn_fix_words() - "a peer podSelector app=web for rule 1" */
void pn_fix_words(const struct pn_policy_fix *fix, char *buf, size_t size);

#endif
