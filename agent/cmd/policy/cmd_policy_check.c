/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym policy check: what a change of policies would have meant for flows that were seen. For a
 * person before `kubectl apply`, and for CI: the exit status says whether anything would break.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/policy/cluster_file.h"
#include "cmd/policy/policy_check.h"
#include "cmd/policy/policy_run.h"

/** Beside those that every command has. */
enum { EXIT_BROKEN = 3 };

struct check_options {
	struct pn_cluster_source cluster;
	const char *file, *flows, *removed, *output;
	bool attempts;
};

/* --- the change --- */

/* KIND/NAME or KIND/NAMESPACE/NAME */
static int remove_one(struct pn_policy_set *set, const char *word, struct pn_err *reterr)
{
	const char *slash = strchr(word, '/');

	for (unsigned int k = 0; slash && k < PN_POLICY_KIND_MAX; k++) {
		const char *name = pn_policy_kind_name((enum pn_policy_kind)k);

		if (strlen(name) != (size_t)(slash - word) ||
		    strncasecmp(name, word, strlen(name)) != 0)
			continue;
		if (pn_policy_delete(set, (enum pn_policy_kind)k, slash + 1))
			return 0;
		return pn_err_set(reterr, -ENOENT, "--delete: the cluster has no %s %.320s", name,
				  slash + 1);
	}
	return pn_err_set(reterr, -EINVAL,
			  "--delete: \"%.320s\" is not KIND/NAMESPACE/NAME, as "
			  "NetworkPolicy/shop/db",
			  word);
}

static int remove_all(struct pn_policy_set *set, const char *words, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *copy = strdup(words);
	char *rest = copy, *word;
	int r = copy ? 0 : pn_err_set(reterr, -ENOMEM, "out of memory");

	while (r == 0 && (word = strsep(&rest, ",")))
		r = remove_one(set, word, reterr);
	return r;
}

static int change(const struct check_options *o, struct pn_policy_set *set, struct pn_err *reterr)
{
	size_t n = 0;
	int r = o->removed ? remove_all(set, o->removed, reterr) : 0;

	if (r < 0 || !o->file)
		return r;
	r = pn_cluster_read_policies(o->file, set, &n, reterr);
	if (r == 0 && !n)
		return pn_err_set(reterr, -ENODATA, "%s: there is no policy in it", o->file);
	return r == -EINVAL ? -EBADMSG : r; /* a file that makes no sense is not wrong usage */
}

/* --- the answer --- */

static int answer(const struct check_options *o, struct pn_policy_set *set,
		  const struct pn_recorded *recorded, struct pn_err *reterr)
{
	bool is_json = strcmp(o->output, "json") == 0, is_broken;
	struct pn_whatif w;
	int r;

	pn_observed_judge(recorded->flows);
	r = change(o, set, reterr);
	if (r < 0)
		return r;
	r = pn_whatif(recorded->flows, o->attempts, &w);
	if (r < 0)
		return pn_err_set(reterr, r, "out of memory");
	r = is_json ? pn_check_print_json(set, recorded, &w, stdout)
		    : pn_check_print_text(set, recorded, &w, stdout);
	is_broken = pn_check_is_broken(&w);
	pn_whatif_done(&w);
	if (r < 0)
		return pn_err_set(reterr, r, "printing: %s", strerror(-r));
	return is_broken ? EXIT_BROKEN : PN_EXIT_DONE;
}

/* Return: the exit status, or a negative errno with @reterr */
static int check(const void *values, struct pn_policy_set *set, struct pn_err *reterr)
{
	const struct check_options *o = values;
	struct pn_recorded recorded;
	int r = pn_recorded_load(&o->cluster, "policy check", o->flows, set, &recorded, reterr);

	if (r < 0)
		return r;
	r = answer(o, set, &recorded, reterr);
	pn_recorded_done(&recorded);
	return r;
}

static bool is_stdin(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

/* Return: NULL, or what is wrong */
static const char *check_usage(const struct check_options *o)
{
	if (!o->file && !o->removed)
		return "needs -f FILE with policies, or --delete, or both";
	if (!o->flows)
		return "needs --flows FILE; the agent writes one: podonym flows -f -o json >FILE";
	if (pn_cluster_is_stdin(&o->cluster) + is_stdin(o->file) + is_stdin(o->flows) > 1)
		return "only one of -f, --cluster and --flows can be standard input";
	return NULL;
}

static int run(const void *values, int n_operands, char **operands)
{
	(void)n_operands, (void)operands;
	return pn_policy_run("policy check", check_usage(values), check, values);
}

static const char *const outputs[] = { "text", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "file",
		.letter = 'f',
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct check_options, file),
		.help = "policies as they shall be, JSON or YAML; - is standard input",
	},
	{
		.name = "delete",
		.type = PN_OPT_STRING,
		.arg = "KIND/NS/NAME",
		.offset = offsetof(struct check_options, removed),
		.help = "policies that shall go, comma-separated; cluster-wide ones as KIND/NAME",
	},
	{
		.name = "flows",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct check_options, flows),
		.help = "recorded flows: lines of podonym flows -o json; - is standard input",
	},
	PN_CLUSTER_OPTIONS(struct check_options, cluster),
	{
		.name = "attempts",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct check_options, attempts),
		.help = "also TCP flows that were only tried: without an answer, or refused",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct check_options, output),
		.preset = "text",
		.choices = outputs,
		.help = "form of the answer",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_policy_check = {
	.name = "policy check",
	.operands = "",
	.summary = "which recorded flows a change of policies would deny or allow",
	.description =
		"  Holds recorded flows against policies as they are and as they shall be: those "
		"in\n"
		"  FILE are added, or replace the one of the same kind and name; other objects in "
		"it\n"
		"  are passed over. Shows for each two workloads, protocol and port what would "
		"newly\n"
		"  be denied or allowed, how many connections of it were seen, and by which "
		"policy.\n"
		"\n"
		"  Pods are found by their names, those that are gone as another pod of their\n"
		"  workload, and who has no name by the address. What cannot be judged is counted\n"
		"  and said. A connection that agents on two nodes have told counts twice.\n"
		"\n"
		"  Exit status: 0 nothing that was seen and is allowed would be denied, 3 "
		"something\n"
		"  would, 1 it failed, 2 wrong usage.\n",
	.examples = "  podonym policy check -f policies.yaml --flows flows.jsonl\n"
		    "  podonym policy check -f policies.yaml --cluster cluster.json --flows "
		    "flows.jsonl\n"
		    "  podonym policy check --delete NetworkPolicy/shop/db --flows flows.jsonl\n"
		    "  timeout 60 podonym flows -f -o json | podonym policy check -f policies.yaml "
		    "--flows -\n",
	.status = "3 a flow that was seen and is allowed would be denied",
	.options = options,
	.values_size = sizeof(struct check_options),
	.run = run,
};
