/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym policy advise: NetworkPolicies from flows that were seen, as YAML for kubectl apply.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/get/yaml_print.h"
#include "cmd/policy/policy_run.h"
#include "cmd/policy/recorded.h"
#include "policy/advise.h"

struct advise_options {
	struct pn_cluster_source cluster;
	const char *flows, *name_space;
	bool attempts;
	uint32_t max_blocks;
};

/* --- what was left out, on standard error --- */

static int count_attempts(void *data, struct pn_observed_flow *f)
{
	uint64_t *n = data;

	*n += !f->n_connections;
	return 0;
}

static void say_line(const char *text)
{
	(void)fputs("podonym policy advise: ", stderr);
	for (; *text; text++)
		(void)fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stderr);
	(void)fputc('\n', stderr);
}

static void say_left_out(const struct advise_options *o, const struct pn_recorded *recorded)
{
	char line[PN_RECORD_EXAMPLE_LEN + 256];
	uint64_t n_attempts = 0;

	for (unsigned int i = PN_RECORD_UNREADABLE; i < PN_RECORD_FATE_MAX; i++) {
		if (!recorded->fates[i].n)
			continue;
		(void)snprintf(line, sizeof(line), "left out: records %s: %llu (first: %s)",
			       pn_record_fate_words((enum pn_record_fate)i),
			       (unsigned long long)recorded->fates[i].n,
			       recorded->fates[i].example);
		say_line(line);
	}
	(void)pn_observed_each(recorded->flows, count_attempts, &n_attempts);
	if (!n_attempts || o->attempts)
		return;
	(void)snprintf(line, sizeof(line),
		       "left out: flows that were only tried (no answer, or refused): %llu; see "
		       "--attempts",
		       (unsigned long long)n_attempts);
	say_line(line);
}

/* --- policies --- */

static void put_comment(const char *lines)
{
	bool is_start = true;

	for (; *lines; lines++) {
		if (is_start)
			(void)fputs("# ", stdout);
		(void)fputc(*lines, stdout);
		is_start = *lines == '\n';
	}
}

/* A stream of documents; what stands between them is ours. */
static int print(void *data, const struct pn_advised *policy)
{
	struct pn_yaml_out *y = pn_yaml_out_new(stdout);
	uint32_t *n = data;
	int r;

	if ((*n)++)
		(void)fputs("---\n", stdout);
	put_comment(policy->comment);
	r = y ? pn_yaml_document(y, policy->document) : -ENOMEM;
	pn_yaml_out_free(y);
	return r;
}

static int answer(const struct advise_options *o, const struct pn_policy_set *set,
		  const struct pn_recorded *recorded, struct pn_err *reterr)
{
	const struct pn_advise_options options = { o->name_space, o->attempts, o->max_blocks };
	uint32_t n = 0;
	int r;

	say_left_out(o, recorded);
	r = pn_policy_advise(set, recorded->flows, &options, print, &n, reterr);
	if (r == 0 && !n)
		return pn_err_set(reterr, -ENODATA,
				  "no flow of a pod was seen: there is nothing to advise");
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = -EIO;
	return r == -EIO ? pn_err_set(reterr, r, "printing: %s", strerror(-r)) : r;
}

static int advise(const void *values, struct pn_policy_set *set, struct pn_err *reterr)
{
	const struct advise_options *o = values;
	struct pn_recorded recorded;
	int r = pn_recorded_load(&o->cluster, "policy advise", o->flows, set, &recorded, reterr);

	if (r < 0)
		return r;
	r = answer(o, set, &recorded, reterr);
	pn_recorded_done(&recorded);
	return r;
}

/* Return: NULL, or what is wrong */
static const char *check_usage(const struct advise_options *o)
{
	if (!o->flows)
		return "needs --flows FILE; the agent writes one: podonym flows -f -o json >FILE";
	if (pn_cluster_is_stdin(&o->cluster) && strcmp(o->flows, "-") == 0)
		return "only one of --cluster and --flows can be standard input";
	return NULL;
}

static int run(const void *values, int n_operands, char **operands)
{
	(void)n_operands, (void)operands;
	return pn_policy_run("policy advise", check_usage(values), advise, values);
}

static const struct pn_option options[] = {
	{
		.name = "namespace",
		.letter = 'n',
		.type = PN_OPT_STRING,
		.arg = "NAME",
		.offset = offsetof(struct advise_options, name_space),
		.help = "only policies of these namespaces, comma-separated (default: each with "
			"a pod in the flows)",
	},
	{
		.name = "flows",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct advise_options, flows),
		.help = "recorded flows: lines of podonym flows -o json; - is standard input",
	},
	PN_CLUSTER_OPTIONS(struct advise_options, cluster),
	{
		.name = "attempts",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct advise_options, attempts),
		.help = "also allow TCP flows that were only tried: without an answer, or refused",
	},
	{
		.name = "max-blocks",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct advise_options, max_blocks),
		.preset = "64",
		.min = 1,
		.max = 1000000,
		.help = "addresses outside that a rule may name; more become larger networks",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_policy_advise = {
	.name = "policy advise",
	.operands = "",
	.summary = "network policies that allow the recorded flows, and nothing else",
	.description = "  Writes NetworkPolicies as YAML: for each namespace one that denies "
		       "everything in\n"
		       "  both directions, and for each workload in it one that allows the flows "
		       "that were\n"
		       "  seen. Pods are chosen by the labels that all pods of a workload have and "
		       "keep, with\n"
		       "  conditions that leave out others where needed; addresses outside and of "
		       "nodes by\n"
		       "  ipBlock. Nothing is allowed that was not seen, DNS neither, but for "
		       "addresses within\n"
		       "  networks where a rule has more than --max-blocks; no such network holds "
		       "a pod or a\n"
		       "  node. Between a pod and its own node nothing needs to be allowed.\n"
		       "\n"
		       "  Names begin with advised-, and the same input always gives the same "
		       "policies, so\n"
		       "  that new advice replaces old. Policies that are there already stay, and "
		       "allow what\n"
		       "  they allow; they are named in comments. What was left out of the flows "
		       "is said on\n"
		       "  standard error.\n",
	.examples = "  podonym policy advise -n shop --flows flows.jsonl >shop.yaml\n"
		    "  podonym policy check -f shop.yaml --flows flows.jsonl\n"
		    "  kubectl apply --dry-run=server -f shop.yaml\n",
	.options = options,
	.values_size = sizeof(struct advise_options),
	.run = run,
};
