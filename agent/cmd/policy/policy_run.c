/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `podonym policy check` and `podonym policy advise` do alike: wrong usage is told, a set of policies
 * is made for the work and freed after it, and its failure becomes words and an exit status.
 */
#include "cmd/policy/policy_run.h"

#include <errno.h>
#include <stdio.h>

#include "cmd/commands.h"

int pn_policy_run(const char *command, const char *wrong,
		  int (*work)(const void *values, struct pn_policy_set *set, struct pn_err *reterr),
		  const void *values)
{
	struct pn_policy_set *set = NULL;
	struct pn_err err = { "out of memory" };
	int r;

	if (wrong) {
		(void)fprintf(stderr, "podonym %s: %s\nTry: podonym %s --help\n", command, wrong,
			      command);
		return PN_EXIT_USAGE;
	}
	r = pn_policy_set_new(&set);
	if (r == 0)
		r = work(values, set, &err);
	pn_policy_set_free(set);
	if (r >= 0)
		return r;
	(void)fprintf(stderr, "podonym %s: %s\n", command, err.text);
	return r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED;
}
