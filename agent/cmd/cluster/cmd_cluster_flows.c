/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl podonym flows, and drops: what the agents of all nodes tell, in one stream in the order of time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cluster/cluster.h"
#include "cmd/cluster/line_time.h"
#include "cmd/cluster/merge.h"
#include "cmd/color.h"
#include "cmd/commands.h"
#include "cmd/flows_options.h"

enum { MAX_WAITING_BYTES = 64 << 20, MAX_QUERY_BYTES = 24 << 10 };

struct view {
	const char *command;
	const struct pn_cluster_options *o;
	bool is_json, shows_clock;
	int width; /* of the column of nodes, as wide as the widest so far */
	struct pn_merge *merge;
};

/* --- what goes out --------------------------------------------------------------------------------- */

/* The agent's node as a resource of OpenTelemetry: {"k8s":{"node":{"name":"..."}},"event":... */
static void print_json(const struct pn_node_agent *from, const char *line)
{
	(void)printf("{\"k8s\":{\"node\":{\"name\":\"%s\"}},%s\n", from->node, line + 1);
}

static void print_compact(struct view *v, const struct pn_node_agent *from, const char *line)
{
	char key[PN_LINE_TIME_LEN], shown[PN_LINE_TIME_LEN];
	size_t begin, end;

	v->width = PN_MAX(v->width, (int)from->len);
	(void)printf("%-*s ", v->width, from->node);
	if (!v->shows_clock || !pn_line_time_compact(line, key, &begin, &end)) {
		(void)puts(line);
		return;
	}
	pn_line_time_clock(key, shown);
	(void)printf("%.*s%s%s\n", (int)begin, line, shown, line + end);
}

static int on_ordered(void *data, void *from, const char *line, size_t len)
{
	struct view *v = data;

	if (v->is_json && len > 2)
		print_json(from, line);
	else
		print_compact(v, from, line);
	return ferror(stdout) ? -EPIPE : 0;
}

/* --- what comes in --------------------------------------------------------------------------------- */

/* {"note": "..."} and {"error": "..."}: not about a connection, so nobody waits for it. Return: is it one? */
static bool say(const struct view *v, const struct pn_node_agent *from, const char *line)
{
	const char *text = strstr(line, ": \"");

	if (strncmp(line, "{\"error\":", 9) != 0 && strncmp(line, "{\"note\":", 8) != 0)
		return false;
	text = text ? text + 3 : line;
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: node %s: %.*s\n", v->command, from->node,
		      (int)strcspn(text, "\""), text);
	return true;
}

static int on_line(void *data, const struct pn_node_agent *from, char *line, size_t len,
		   uint64_t now_ms)
{
	struct view *v = data;
	char key[PN_LINE_TIME_LEN] = "";
	size_t begin, end;

	if (say(v, from, line))
		return 0;
	if (v->is_json)
		(void)pn_line_time_json(line, key);
	else
		(void)pn_line_time_compact(line, key, &begin, &end);
	return pn_merge_add(v->merge, now_ms, key, (void *)(uintptr_t)from, line, len + 1);
}

static int flush(int r)
{
	if (fflush(stdout) < 0 || ferror(stdout))
		return -EPIPE;
	return r;
}

static int on_tick(void *data, uint64_t now_ms)
{
	struct view *v = data;

	return flush(pn_merge_due(v->merge, now_ms));
}

static int on_end(void *data)
{
	struct view *v = data;

	return flush(pn_merge_finish(v->merge));
}

static const struct pn_cluster_ops ops = { .line = on_line, .tick = on_tick, .end = on_end };

/* --- asking ---------------------------------------------------------------------------------------- */

/* Agents are asked for times that can be compared, and are shown as they were wanted. */
static int make_path(const struct pn_cluster_options *o, const char *time_format, const char *what,
		     struct pn_buf *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *request = NULL;
	struct pn_flows_options flows = o->flows;
	struct pn_buf query = PN_BUF_INIT(MAX_QUERY_BYTES);
	int r;

	flows.time_format = time_format;
	r = pn_flows_request(what, &flows, pn_clock_realtime(&pn_clock_system), &request, reterr);
	if (r == 0)
		r = pn_cluster_query(request, &query);
	if (r == 0)
		r = pn_buf_printf(ret, "/v1/%s?%s", what, query.data);
	pn_buf_done(&query);
	if (r < 0 && r != -EINVAL)
		return pn_err_set(reterr, r, "out of memory");
	return r;
}

static int run_with(struct view *v, const char *path, struct pn_err *reterr)
{
	const struct pn_cluster_options *o = v->o;
	const struct pn_merge_config config = {
		.delay_ms = o->flows.follow ? o->delay / PN_NSEC_PER_MSEC : UINT64_MAX,
		.max_bytes = MAX_WAITING_BYTES,
		.line = on_ordered,
		.data = v,
	};
	int r = pn_merge_new(&config, &v->merge);

	if (r < 0)
		return pn_err_set(reterr, r, "out of memory");
	r = pn_cluster_run(v->command, o, path, o->flows.follow, &ops, v, reterr);
	pn_merge_free(v->merge);
	return r;
}

/* @what: "flows" or "drops", which is also the last word of @command */
static int run(const struct pn_cluster_options *o, const char *command, const char *what)
{
	bool is_clock = strcmp(o->flows.time_format, "clock") == 0;
	struct view v = {
		.command = command,
		.o = o,
		.is_json = strcmp(o->flows.output, "json") == 0,
		.shows_clock = is_clock,
	};
	struct pn_buf path = PN_BUF_INIT(MAX_QUERY_BYTES + 64);
	struct pn_err err = { "" };
	int r = make_path(o, is_clock ? "rfc3339nano" : o->flows.time_format, what, &path, &err);

	if (r == 0)
		r = run_with(&v, path.data, &err);
	pn_buf_done(&path);
	if (r == -EPIPE)
		return PN_EXIT_DONE; /* nobody reads on */
	if (r < 0)
		(void)fprintf(stderr, "%s: %s\n%s", command, *err.text ? err.text : strerror(-r),
			      r == -EINVAL ? "Try: --help\n" : "");
	return r >= 0 ? r : r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED;
}

static int run_flows(const void *values, int n_operands, char **operands)
{
	(void)n_operands;
	(void)operands;
	return run(values, "kubectl podonym flows", "flows");
}

static int run_drops(const void *values, int n_operands, char **operands)
{
	(void)n_operands;
	(void)operands;
	return run(values, "kubectl podonym drops", "drops");
}

/* --- the command line ------------------------------------------------------------------------------ */

static const char *const outputs[] = { "compact", "json", NULL };
static const char *const times[] = { "clock", "rfc3339nano", NULL };

#define OUTPUT                                                                                    \
	{                                                                                         \
		.name = "output", .letter = 'o', .type = PN_OPT_CHOICE, .arg = "FORM",            \
		.offset = offsetof(struct pn_cluster_options, flows.output), .preset = "compact", \
		.choices = outputs, .help = "form of the lines",                                  \
	}
#define DELAY                                                                                   \
	{                                                                                       \
		.name = "delay", .type = PN_OPT_DURATION, .arg = "TIME",                        \
		.offset = offsetof(struct pn_cluster_options, delay), .preset = "1s", .min = 0, \
		.max = 60 * PN_NSEC_PER_SEC,                                                    \
		.help = "with -f, how long a line waits for older ones of other nodes",         \
	}

#define REST                                                                                     \
	OUTPUT,                                                                                  \
		{                                                                                \
			.name = "time-format",                                                   \
			.type = PN_OPT_CHOICE,                                                   \
			.arg = "FORM",                                                           \
			.offset = offsetof(struct pn_cluster_options, flows.time_format),        \
			.preset = "clock",                                                       \
			.choices = times,                                                        \
			.help = "form of times, except in JSON",                                 \
		},                                                                               \
		{                                                                                \
			.name = "numeric",                                                       \
			.type = PN_OPT_FLAG,                                                     \
			.offset = offsetof(struct pn_cluster_options, flows.numeric),            \
			.help = "addresses instead of names, except in JSON",                    \
		},                                                                               \
		PN_COLOR_OPTION(struct pn_cluster_options, flows.color, "compact lines"), DELAY, \
		PN_CLUSTER_OPTIONS, PN_OPTION_END

static const struct pn_option flows_options[] = { PN_FLOWS_OPTIONS, REST };

static const struct pn_option drops_options[] = {
	{
		.name = "follow",
		.letter = 'f',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct pn_cluster_options, flows.follow),
		.help = "print drops as they come, until interrupted; else those of the last five "
			"minutes",
	},
	PN_FLOWS_PAST_OPTIONS,
	PN_FLOWS_FILTER_OPTIONS,
	REST,
};

#define STATUS "4 some nodes did not answer; 1 none did"

const struct pn_command pn_cmd_cluster_flows = {
	.name = "cluster flows",
	.operands = "",
	.summary = "flow records of every node's agent, through the API server",
	.description =
		"  Asks the agent of each node through the API server's pod proxy, with the rights "
		"of the\n"
		"  kubeconfig's user (list on pods, get on pods/proxy in the agents' namespace), "
		"and "
		"prints\n"
		"  their records in the order of their last packets, each with the node that tells "
		"it. A\n"
		"  connection between two nodes is told by both. --last and --first count for each "
		"node.\n"
		"  With -f a line waits --delay for older ones; what comes later than that stands "
		"behind\n"
		"  younger lines. Nodes that do not answer are named at once on standard error and "
		"are\n"
		"  asked again; `kubectl podonym flows` is the same command.\n",
	.examples = "  kubectl podonym flows -f -n shop\n"
		    "  kubectl podonym flows --since 5m --to-workload Deployment/db -o json\n",
	.status = STATUS,
	.options = flows_options,
	.values_size = sizeof(struct pn_cluster_options),
	.run = run_flows,
};

const struct pn_command pn_cmd_cluster_drops = {
	.name = "cluster drops",
	.operands = "",
	.summary = "packets that the nodes have thrown away, through the API server",
	.description =
		"  What `podonym drops` says on each node, in the order of time, as `cluster "
		"flows`.\n",
	.examples = "  kubectl podonym drops -f\n",
	.status = STATUS,
	.options = drops_options,
	.values_size = sizeof(struct pn_cluster_options),
	.run = run_drops,
};
