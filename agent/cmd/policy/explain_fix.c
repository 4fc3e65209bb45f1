/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would allow a flow, as YAML: a patch for each policy that has to be changed, or a new policy,
 * and the command that applies it. A patch rather than the policy, so that nothing else in it is
 * touched.
 */
#include <errno.h>
#include <string.h>

#include "cmd/get/yaml_print.h"
#include "cmd/policy/explain_words.h"
#include "cmd/policy/policy_explain.h"
#include "policy/explain.h"

static const char *resource_of(enum pn_policy_kind kind)
{
	static const char *const names[] = {
		[PN_POLICY_NETWORK] = "networkpolicy",
		[PN_POLICY_CLUSTER_NETWORK] = "clusternetworkpolicy",
		[PN_POLICY_ADMIN_NETWORK] = "adminnetworkpolicy",
		[PN_POLICY_BASELINE_ADMIN_NETWORK] = "baselineadminnetworkpolicy",
	};

	return names[kind];
}

/* A comment of one line, whatever names hold. */
static void put_comment(FILE *out, const char *text)
{
	(void)fputs("# ", out);
	for (; *text; text++)
		(void)fputc((unsigned char)*text < ' ' ? '?' : *text, out);
	(void)fputc('\n', out);
}

static int put_document(FILE *out, const struct pn_policy_fix *fix)
{
	struct pn_yaml_out *y = pn_yaml_out_new(out);
	int r = y ? pn_yaml_document(y, fix->document) : -ENOMEM;

	pn_yaml_out_free(y);
	return r;
}

static void put_command(FILE *out, const struct pn_policy_fix *fix)
{
	const char *key = fix->key, *slash = strchr(key, '/');
	char line[1024];

	if (fix->change == PN_FIX_NEW_POLICY) {
		put_comment(out, "kubectl apply -f FILE");
		return;
	}
	(void)snprintf(line, sizeof(line),
		       "kubectl patch %s %s%s%.*s --type=json --patch-file=FILE",
		       resource_of(fix->kind), slash ? slash + 1 : key, slash ? " -n " : "",
		       slash ? (int)(slash - key) : 0, key);
	put_comment(out, line);
}

static int put_fix(FILE *out, const struct pn_policy_fix *fix)
{
	static const char *const directions[] = { "egress", "ingress" };
	char words[512], line[1024];

	pn_fix_words(fix, words, sizeof(words));
	(void)snprintf(line, sizeof(line), "%s %s, %s: %s", pn_policy_kind_name(fix->kind),
		       fix->key, directions[fix->direction], words);
	put_comment(out, line);
	put_command(out, fix);
	return put_document(out, fix);
}

int pn_policy_print_fix(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			FILE *out)
{
	struct pn_explanation *e;
	unsigned int n = 0;
	int r = pn_policy_explain(set, flow, &e);

	if (r < 0)
		return r;
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX && r >= 0; d++) {
		struct pn_policy_fix fix;

		r = pn_policy_fix(set, flow, e, (enum pn_policy_direction)d, &fix);
		if (r != 1)
			continue;
		if (n++)
			(void)fputs("---\n", out);
		r = put_fix(out, &fix);
		pn_policy_fix_done(&fix);
	}
	pn_explanation_free(e);
	if (r >= 0 && (fflush(out) != 0 || ferror(out)))
		return -EIO;
	return r < 0 ? r : !n;
}
