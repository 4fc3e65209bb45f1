/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_POLICY_CHECK_H
#define PN_CMD_POLICY_POLICY_CHECK_H

#include <stdio.h>

#include "cmd/policy/recorded.h"

/*
 * What `podonym policy check` has found, in its forms.
 *
 * Both return 0, -ENOMEM, or -EIO if it could not be written.
 */

int pn_check_print_text(const struct pn_policy_set *set, const struct pn_recorded *recorded,
			const struct pn_whatif *w, FILE *out);
int pn_check_print_json(const struct pn_policy_set *set, const struct pn_recorded *recorded,
			const struct pn_whatif *w, FILE *out);

/** pn_check_is_broken() - would anything be denied that was allowed? */
bool pn_check_is_broken(const struct pn_whatif *w);

#endif
