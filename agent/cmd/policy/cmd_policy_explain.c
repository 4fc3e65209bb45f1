/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym policy explain: what the network policies of a cluster make of a connection, and why;
 * policy_explain.h says where its parts are.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ask_agent.h"
#include "cmd/color.h"
#include "cmd/commands.h"
#include "cmd/policy/cluster_live.h"
#include "cmd/policy/flow_line.h"
#include "cmd/policy/policy_explain.h"

struct explain_options {
	struct pn_cluster_source cluster;
	const char *flows, *output, *color, *flow_id, *socket;
	bool fix, last_drop;
};

static int complain(int code, const char *what)
{
	(void)fprintf(stderr, "podonym policy explain: %s\n", what);
	return code;
}

static int answer_flows(const struct explain_options *o, const struct pn_policy_set *set)
{
	int r = pn_policy_answer_flows(set, STDIN_FILENO, STDOUT_FILENO, o->fix);

	if (r == -EPIPE)
		return PN_EXIT_DONE;
	if (r < 0)
		return complain(PN_EXIT_FAILED,
				r == -EMSGSIZE ? "a line of more than 64 KiB" : strerror(-r));
	return r ? complain(PN_EXIT_FAILED, "some lines were answered with an error")
		 : PN_EXIT_DONE;
}

static int print_fix(const struct pn_policy_set *set, const struct pn_policy_flow *flow)
{
	int r = pn_policy_print_fix(set, flow, stdout);

	return r == 1 ? complain(0, "nothing to change: it is allowed, or no policy can allow it")
		      : r;
}

static int print(const struct explain_options *o, const struct pn_policy_set *set,
		 const struct pn_policy_flow *flow, const struct pn_seen *seen)
{
	if (strcmp(o->output, "json") == 0)
		return pn_policy_print_json(set, flow, seen, stdout);
	if (o->fix)
		return print_fix(set, flow);
	return pn_policy_print_text(set, flow, seen, pn_color_wanted(o->color), stdout);
}

/* What the agent has seen of a flow that was named; nobody has to run one. Return: NULL: it is not known */
static const struct pn_seen *look_between(const struct explain_options *o,
					  const struct pn_policy_flow *flow, struct pn_seen *seen)
{
	struct pn_err err;

	if ((o->cluster.file && *o->cluster.file) || !flow->src->has_addr || !flow->dst->has_addr)
		return NULL;
	return pn_seen_between(o->socket, &flow->src->addr, &flow->dst->addr,
			       pn_flow_transport(flow->proto), flow->port, seen, &err) < 0
		       ? NULL
		       : seen;
}

static int explain_named(const struct explain_options *o, const struct pn_policy_set *set,
			 char **operands)
{
	struct pn_asked_flow asked = { 0 };
	struct pn_err err = { "" };
	struct pn_seen seen;
	int r = pn_asked_flow_port(operands[2], &asked, &err);

	if (r < 0)
		return complain(PN_EXIT_USAGE, err.text);
	r = pn_asked_flow_ends(set, operands[0], operands[1], &asked, &err);
	if (r < 0)
		return complain(r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED, err.text);
	r = print(o, set, &asked.flow, look_between(o, &asked.flow, &seen));
	return r < 0 ? complain(PN_EXIT_FAILED, strerror(-r)) : PN_EXIT_DONE;
}

/* --flow and --last-drop */
static int explain_recorded(const struct explain_options *o, const struct pn_policy_set *set,
			    const struct pn_seen *seen)
{
	struct pn_asked_flow asked = { 0 };
	struct pn_err err = { "" };
	int r = pn_asked_flow_seen(seen, &asked, &err);

	if (r == 0)
		r = pn_asked_flow_ends(set, seen->src, seen->dst, &asked, &err);
	if (r < 0)
		return complain(PN_EXIT_FAILED, err.text);
	r = print(o, set, &asked.flow, seen);
	return r < 0 ? complain(PN_EXIT_FAILED, strerror(-r)) : PN_EXIT_DONE;
}

/* Before the cluster is read, as there may be nothing to explain. Return: 0 or a negative errno with @reterr */
static int find_recorded(const struct explain_options *o, struct pn_seen *ret,
			 struct pn_err *reterr)
{
	if (o->flow_id)
		return pn_seen_by_id(o->socket, o->flow_id, ret, reterr);
	return o->last_drop ? pn_seen_last_drop(o->socket, ret, reterr) : 0;
}

static int answer(const struct explain_options *o, const struct pn_policy_set *set,
		  const struct pn_seen *seen, char **operands)
{
	if (o->flows)
		return answer_flows(o, set);
	if (o->flow_id || o->last_drop)
		return explain_recorded(o, set, seen);
	return explain_named(o, set, operands);
}

/* Return: NULL, or what is wrong */
static const char *check(const struct explain_options *o, int n_operands)
{
	if (o->flows && strcmp(o->flows, "-") != 0)
		return "--flows takes only -, standard input";
	if (o->flows && pn_cluster_is_stdin(&o->cluster))
		return "the cluster and the flows cannot both come from standard input";
	if (!!o->flows + !!o->flow_id + o->last_drop + !!n_operands > 1)
		return "SRC DST PROTOCOL/PORT, --flow, --last-drop and --flows do not go together";
	if (!o->flows && !o->flow_id && !o->last_drop && n_operands != 3)
		return "needs SRC DST PROTOCOL/PORT, --flow ID, --last-drop or --flows -";
	return NULL;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct explain_options *o = values;
	struct pn_cluster_source cluster = o->cluster;
	const char *wrong = check(o, n_operands);
	struct pn_policy_set *set = NULL;
	struct pn_err err = { "out of memory" };
	struct pn_seen seen;
	int status, r;

	if (wrong) {
		(void)complain(0, wrong);
		(void)fprintf(stderr, "Try: podonym policy explain --help\n");
		return PN_EXIT_USAGE;
	}
	cluster.command = "policy explain";
	r = find_recorded(o, &seen, &err);
	if (r == 0)
		r = pn_policy_set_new(&set);
	if (r == 0)
		r = pn_cluster_load(&cluster, set, &err);
	if (r < 0)
		status = complain(r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED, err.text);
	else
		status = answer(o, set, &seen, operands);
	pn_policy_set_free(set);
	return status;
}

static const char *const outputs[] = { "text", "json", NULL };

static const struct pn_option options[] = {
	PN_CLUSTER_OPTIONS(struct explain_options, cluster),
	{
		.name = "flow",
		.type = PN_OPT_STRING,
		.arg = "ID",
		.offset = offsetof(struct explain_options, flow_id),
		.help = "a flow that the agent on this node has recorded: flow_id of its JSON",
	},
	{
		.name = "last-drop",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct explain_options, last_drop),
		.help = "the flow of which this node has last dropped a packet",
	},
	{
		.name = "flows",
		.type = PN_OPT_STRING,
		.arg = "-",
		.offset = offsetof(struct explain_options, flows),
		.help = "many flows: a JSON object a line from standard input, one a line back",
	},
	{
		.name = "fix",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct explain_options, fix),
		.help = "the smallest change that would allow it, as YAML for kubectl patch",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct explain_options, output),
		.preset = "text",
		.choices = outputs,
		.help = "form of the answer",
	},
	PN_COLOR_OPTION(struct explain_options, color, "text"),
	PN_SOCKET_OPTION(struct explain_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_policy_explain = {
	.name = "policy explain",
	.operands = "SRC DST PROTOCOL/PORT | --flow ID | --last-drop | --flows -",
	.summary = "what network policies make of a connection, and why",
	.description =
		"  Says for both ends of a connection whether policies allow it: which ones "
		"decide, "
		"by\n"
		"  which rule, and for a denial how near each rule came and what it wanted. SRC "
		"and "
		"DST\n"
		"  are namespace/pod or an address; PORT is the destination pod's own, behind any\n"
		"  Service. Reads NetworkPolicy, ClusterNetworkPolicy, AdminNetworkPolicy and\n"
		"  BaselineAdminNetworkPolicy. Where network plugins differ and that would change "
		"the\n"
		"  answer, it says so.\n"
		"\n"
		"  The cluster is that of the API server, or a file as kubectl get -o json or -o "
		"yaml\n"
		"  writes it; then neither a cluster nor any right is needed. A line of --flows "
		"is\n"
		"    {\"src\": \"shop/web-1\", \"dst\": \"10.1.0.11\", \"protocol\": \"TCP\", "
		"\"port\": 5432}\n"
		"\n"
		"  Where an agent runs on this node, it also says what the kernel has done to the "
		"newest\n"
		"  connection of the kind, and whether that agrees with the policies; not for a "
		"flow "
		"that\n"
		"  is named in the cluster of a file.\n"
		"\n"
		"  Allowed and denied are both done; it fails if there is no answer.\n",
	.examples =
		"  podonym policy explain shop/web-1 shop/db-0 TCP/5432\n"
		"  podonym policy explain --last-drop\n"
		"  kubectl get ns,nodes,pods,services,networkpolicies -A -o json >cluster.json\n"
		"  podonym policy explain --cluster cluster.json shop/web-1 shop/db-0 TCP/5432\n"
		"  podonym policy explain --cluster cluster.json shop/web-1 192.0.2.7 TCP/443 "
		"--fix\n"
		"  podonym policy explain --cluster cluster.json --flows - -o json <flows.jsonl\n",
	.n_operands_max = 3,
	.options = options,
	.values_size = sizeof(struct explain_options),
	.run = run,
};
