/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cmd/policy_explain.h"

int pn_policy_print_text(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			 bool color, FILE *out)
{
	(void)set, (void)flow, (void)color, (void)out;
	return -ENOSYS;
}
int pn_policy_print_json(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			 bool with_fix, FILE *out)
{
	(void)set, (void)flow, (void)with_fix, (void)out;
	return -ENOSYS;
}
int pn_policy_print_fix(const struct pn_policy_set *set, const struct pn_policy_flow *flow, FILE *out)
{
	(void)set, (void)flow, (void)out;
	return -ENOSYS;
}
