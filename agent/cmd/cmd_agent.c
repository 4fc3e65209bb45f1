/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym agent: reads the options, opens the output, runs the agent.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/agent.h"
#include "cmd/commands.h"
#include "cmd/kube_options.h"
#include "serve/socket.h"

struct agent_options {
	struct pn_kube_config_source kube;
	const char *node, *output, *format, *socket, *pin_path, *ranges, *state, *cgroup_root,
		*log_level, *disable;
	pn_nsec interval, name_wait;
	uint32_t max_addrs, max_flows;
};

enum { HOST_NAME_LEN = 256 };

static const char *const formats[] = { "compact", "json", NULL };
static const char *const log_levels[] = { "err", "warn", "info", "debug", NULL };

static enum pn_format line_format(const struct agent_options *o)
{
	enum pn_format f = PN_FORMAT_JSON;

	(void)pn_format_parse(o->format, &f);
	if (f == PN_FORMAT_COMPACT && strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO) &&
	    !getenv("NO_COLOR"))
		f = PN_FORMAT_COLOR;
	return f;
}

static int open_sink(const struct agent_options *o, struct pn_sink **ret, struct pn_err *reterr)
{
	if (strcmp(o->output, "none") == 0)
		return 0;
	return pn_sink_open_file(o->output, line_format(o), ret, reterr);
}

/* @list: names with commas between them. Return: 0, or -EINVAL with @reterr */
static int parse_disable(const char *list, struct pn_agent_config *config, struct pn_err *reterr)
{
	static const char *const names[] = { "tcx", "nat", "cgroup", "tcp", "drops" };
	bool *const switches[] = { &config->no_tcx, &config->no_nat, &config->no_cgroup,
				   &config->no_tcp, &config->no_drops };

	while (*list) {
		size_t len = strcspn(list, ","), i = 0;

		while (i < PN_ARRAY_SIZE(names) &&
		       (strlen(names[i]) != len || strncmp(list, names[i], len) != 0))
			i++;
		if (i == PN_ARRAY_SIZE(names))
			return pn_err_set(reterr, -EINVAL,
					  "--disable: \"%.*s\" is not a feature; there are: tcx, "
					  "nat, cgroup, tcp, drops",
					  (int)len, list);
		*switches[i] = true;
		list += len;
		list += *list == ',';
	}
	return 0;
}

static int run_agent(const struct agent_options *o, struct pn_agent_config *config,
		     struct pn_err *reterr)
{
	char host[HOST_NAME_LEN] = "";
	int r;

	config->kube = o->kube;
	config->socket_path = o->socket;
	config->pin_path = o->pin_path;
	config->ranges_path = o->ranges;
	config->state_path = strcmp(o->state, "none") == 0 ? NULL : o->state;
	config->cgroup_root = o->cgroup_root;
	config->interval = o->interval;
	config->name_wait = o->name_wait;
	config->max_addrs = o->max_addrs;
	config->max_flows = o->max_flows;
	config->node_name = o->node;
	if (!config->node_name && gethostname(host, sizeof(host) - 1) == 0)
		config->node_name = host;
	r = open_sink(o, &config->sink, reterr);
	return r < 0 ? r : pn_agent_run(config, reterr);
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct agent_options *o = values;
	enum pn_log_level level = PN_LOG_INFO;
	struct pn_agent_config config = { 0 };
	struct pn_err err = { "" };
	int r;

	(void)n_operands;
	(void)operands;
	(void)pn_log_parse_level(o->log_level, &level);
	pn_log_set_level(level);
	(void)signal(SIGPIPE,
		     SIG_IGN); /* a reader that goes, a file that is full: both are errors */
	(void)signal(SIGXFSZ, SIG_IGN); /* of one sink, not the end */

	r = parse_disable(o->disable ? o->disable : "", &config, &err);
	if (r < 0) {
		(void)fprintf(stderr, "podonym agent: %s\n", err.text);
		return PN_EXIT_USAGE;
	}
	r = run_agent(o, &config, &err);
	if (r < 0) {
		(void)fprintf(stderr, "podonym agent: %s\n", err.text);
		return PN_EXIT_FAILED;
	}
	return PN_EXIT_DONE;
}

static const struct pn_option options[] = {
	PN_KUBE_OPTIONS(struct agent_options, kube),
	{
		.name = "node",
		.type = PN_OPT_STRING,
		.arg = "NAME",
		.offset = offsetof(struct agent_options, node),
		.has_env = true,
		.help = "this node's name in the cluster; else the host name",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct agent_options, output),
		.preset = "-",
		.has_env = true,
		.help = "where flow lines go: a file (appended to), - for standard output, none",
	},
	{
		.name = "format",
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct agent_options, format),
		.preset = "compact",
		.choices = formats,
		.has_env = true,
		.help = "form of the flow lines",
	},
	{
		.name = "interval",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct agent_options, interval),
		.preset = "5s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.has_env = true,
		.help = "a line for each connection with news, so often",
	},
	{
		.name = "name-wait",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct agent_options, name_wait),
		.preset = "3s",
		.max = 60 * PN_NSEC_PER_SEC,
		.has_env = true,
		.help = "a connection whose names rest on addresses alone is first told of after "
			"so "
			"long, because news of pods come late",
	},
	{
		.name = "ranges",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct agent_options, ranges),
		.has_env = true,
		.help = "names for networks: lines of \"10.0.0.0/8 NAME\"; read again when it "
			"changes",
	},
	{
		.name = "socket",
		.type = PN_OPT_STRING,
		.arg = "PATH",
		.offset = offsetof(struct agent_options, socket),
		.preset = PN_SOCKET_PATH,
		.has_env = true,
		.help = "unix socket for the other commands",
	},
	{
		.name = "pin-path",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct agent_options, pin_path),
		.preset = PN_MAPS_DIR,
		.has_env = true,
		.help = "where the maps are pinned, on a BPF file system",
	},
	{
		.name = "cgroup-root",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct agent_options, cgroup_root),
		.has_env = true,
		.help = "where the node's cgroup v2 tree is mounted; else found",
	},
	{
		.name = "state",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct agent_options, state),
		.preset = "/run/podonym/objects",
		.has_env = true,
		.help = "keeps the cluster's objects for the next start, which then need not list "
			"them; "
			"none",
	},
	{
		.name = "max-addresses",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct agent_options, max_addrs),
		.preset = "262144",
		.min = 16,
		.max = 1 << 24,
		.has_env = true,
		.help = "room for addresses in the maps",
	},
	{
		.name = "max-flows",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct agent_options, max_flows),
		.preset = "131072",
		.min = 1,
		.max = 1 << 24,
		.has_env = true,
		.help = "room for connections in the kernel's table",
	},
	{
		.name = "disable",
		.type = PN_OPT_STRING,
		.arg = "FEATURES",
		.offset = offsetof(struct agent_options, disable),
		.has_env = true,
		.help = "do without, as an older kernel would: tcx, nat, cgroup, tcp, drops",
	},
	{
		.name = "log-level",
		.type = PN_OPT_CHOICE,
		.arg = "LEVEL",
		.offset = offsetof(struct agent_options, log_level),
		.preset = "info",
		.choices = log_levels,
		.has_env = true,
		.help = "how much is said on standard error",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_agent = {
	.name = "agent",
	.operands = "",
	.summary = "watch the cluster and trace this node's pods",
	.description =
		"  Runs on each node. Watches pods, services and what else explains an address, "
		"keeps\n"
		"  the pinned BPF maps that say who is behind it, traces the packets of this "
		"node's\n"
		"  pods at the host ends of their interfaces and those of the node's own sockets, "
		"and\n"
		"  writes a line for each connection with the names of both ends. Goes on through "
		"every\n"
		"  failure of the API server with what it knows. Ends with SIGINT or SIGTERM; "
		"maps and\n"
		"  programs stay pinned and go on counting for the next agent, until `podonym "
		"cleanup`.\n\n"
		"  Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and a mounted BPF file system; "
		"for "
		"the names\n"
		"  of places where packets are dropped also CAP_SYSLOG.\n",
	.examples = "  podonym agent --kubeconfig /etc/kubernetes/admin.conf\n"
		    "  podonym agent --format json --output /var/log/podonym/flows.json\n"
		    "  podonym agent --output none --interval 1s    # then: podonym flows -f\n",
	.options = options,
	.values_size = sizeof(struct agent_options),
	.run = run,
};
