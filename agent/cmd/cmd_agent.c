/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym agent: its options, the output, and the agent until it ends.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/agent.h"
#include "cmd/agent_config.h"
#include "cmd/agent_reload.h"
#include "cmd/commands.h"
#include "cmd/kube_options.h"
#include "cmd/policy/explain_agent.h"
#include "flow/recent.h"
#include "serve/http.h"
#include "serve/http_host.h"
#include "serve/socket.h"

static const char *const formats[] = { "compact", "json", "netobserv", "hubble", NULL };
static const char *const policies[] = { "auto", "off", NULL };
static const char *const on_off[] = { "on", "off", NULL };
static const char *const log_levels[] = { "err", "warn", "info", "debug", NULL };

static enum pn_format line_format(const struct pn_agent_values *o)
{
	enum pn_format f = PN_FORMAT_JSON;

	(void)pn_format_parse(o->format, &f);
	if (f == PN_FORMAT_COMPACT && strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO) &&
	    !getenv("NO_COLOR"))
		f = PN_FORMAT_COLOR;
	return f;
}

static int open_sink(const struct pn_agent_values *o, struct pn_sink **ret, struct pn_err *reterr)
{
	if (strcmp(o->output, "none") == 0)
		return 0;
	return pn_sink_open_file(o->output, line_format(o), ret, reterr);
}

static int check_disable(const char *text, struct pn_err *reterr)
{
	struct pn_agent_config config = { 0 };

	return pn_agent_disable(text, &config, reterr);
}

static int check_select(const char *text, struct pn_err *reterr)
{
	PN_CLEANUP(pn_expression_freep) struct pn_expression *e = NULL;

	return pn_expression_parse(text, &e, reterr);
}

static int check_http(const char *text, struct pn_err *reterr)
{
	struct sockaddr_storage address;

	return strcmp(text, "none") == 0 ? 0 : pn_http_address(text, &address, reterr);
}

static int check_metrics_labels(const char *text, struct pn_err *reterr)
{
	struct pn_traffic_config config = { 0 };

	return pn_traffic_parse_labels(text, &config.labels, reterr);
}

/* The rows that are live. */
static void change(const struct pn_reload *r, const void *next, struct pn_agent_change *ret)
{
	const struct pn_agent_values *o = next;

	if (pn_reload_differs(r, "log-level"))
		ret->log_level = o->log_level;
	if (pn_reload_differs(r, "select"))
		ret->selection = o->select ? o->select : "";
	if (pn_reload_differs(r, "sample"))
		ret->sampling = o->sampling;
	if (pn_reload_differs(r, "ranges"))
		ret->ranges_path = o->ranges ? o->ranges : "";
	if (pn_reload_differs(r, "interval"))
		ret->interval = o->interval;
}

static int run_agent(struct pn_agent_setup *setup, const struct pn_agent_values *o,
		     struct pn_err *reterr)
{
	struct pn_agent_config config = setup->config;
	int r;

	r = open_sink(o, &config.sink, reterr);
	if (r < 0)
		return r;
	setup->config.selection = NULL; /* the agent's now */
	return pn_agent_run(&config, reterr);
}

static int run(const struct pn_settings *settings)
{
	const struct pn_agent_values *o = pn_settings_values(settings);
	struct pn_reload reload = { .started = settings, .change = change };
	enum pn_log_level level = PN_LOG_INFO;
	PN_CLEANUP(pn_agent_setup_done) struct pn_agent_setup setup;
	struct pn_err err = { "" };
	int r;

	(void)pn_log_parse_level(o->log_level, &level);
	pn_log_set_level(level);
	(void)signal(SIGHUP, SIG_IGN); /* until the agent listens to it */
	/* A reader that goes, a file that is full: both are errors of one sink, not the end. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);

	r = pn_agent_setup_init(&setup, o, &err);
	if (r < 0) {
		(void)fprintf(stderr, "podonym agent: %s\n", err.text);
		return PN_EXIT_USAGE;
	}
	setup.config.config_path = pn_settings_path(settings);
	setup.config.reload = pn_reload_ops(&reload);
	setup.config.explain = &pn_policy_explain_ops;
	r = run_agent(&setup, o, &err);
	pn_reload_done(&reload);
	if (r < 0) {
		(void)fprintf(stderr, "podonym agent: %s\n", err.text);
		return PN_EXIT_FAILED;
	}
	return PN_EXIT_DONE;
}

static const struct pn_option options[] = {
	{
		.name = "config",
		.type = PN_OPT_CONFIG,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, config),
		.preset = PN_CONFIG_PATH,
		.has_env = true,
		.help = "settings in YAML, each option here by its name: see `podonym config "
			"example`; the "
			"default one need not be there; none",
	},
	PN_KUBE_OPTIONS(struct pn_agent_values, kube),
	{
		.name = "node",
		.type = PN_OPT_STRING,
		.arg = "NAME",
		.offset = offsetof(struct pn_agent_values, node),
		.has_env = true,
		.help = "this node's name in the cluster; else the host name",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, output),
		.preset = "-",
		.has_env = true,
		.help = "where flow lines go: a file (appended to), - for standard output, none",
	},
	{
		.name = "format",
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct pn_agent_values, format),
		.preset = "compact",
		.choices = formats,
		.has_env = true,
		.help = "form of the flow lines",
	},
	{
		.name = "sink",
		.type = PN_OPT_ITEM,
		.arg = "KIND:TARGET[,OPTION=VALUE...]",
		.offset = offsetof(struct pn_agent_values, sinks),
		.check = pn_exporters_check,
		.has_env = true,
		.help = "where records go as well, given as often as wanted; see SINKS above",
	},
	{
		.name = "interval",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct pn_agent_values, interval),
		.preset = "5s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.has_env = true,
		.live = true,
		.help = "a line for each connection with news, so often",
	},
	{
		.name = "name-wait",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct pn_agent_values, name_wait),
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
		.offset = offsetof(struct pn_agent_values, ranges),
		.has_env = true,
		.live = true,
		.help = "names for networks: lines of \"10.0.0.0/8 NAME\"; read again when it "
			"changes",
	},
	{
		.name = "socket",
		.type = PN_OPT_STRING,
		.arg = "PATH",
		.offset = offsetof(struct pn_agent_values, socket),
		.preset = PN_SOCKET_PATH,
		.has_env = true,
		.help = "unix socket for the other commands",
	},
	{
		.name = "http",
		.type = PN_OPT_STRING,
		.arg = "ADDRESS:PORT",
		.offset = offsetof(struct pn_agent_values, http),
		.preset = PN_HTTP_ADDRESS,
		.has_env = true,
		.check = check_http,
		.help = "serve the page, /metrics and probes there, IPv6 in brackets; none",
	},
	{
		.name = "http-token-file",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, http_token_file),
		.has_env = true,
		.help = "who asks for metrics has to show the token in this file, read at the "
			"start",
	},
	{
		.name = "http-host",
		.type = PN_OPT_ITEM,
		.arg = "NAME",
		.offset = offsetof(struct pn_agent_values, http_hosts),
		.check = pn_http_host_check,
		.has_env = true,
		.help = "without a token, answer also who calls the agent by this name, given as "
			"often as wanted; else by addresses, localhost and the node's name only",
	},
	{
		.name = "http-cert",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, http_cert),
		.has_env = true,
		.help = "serve HTTPS with this certificate in PEM and those that lead to its root; "
			"read again when it changes",
	},
	{
		.name = "http-key",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, http_key),
		.has_env = true,
		.help = "and with this key in PEM",
	},
	{
		.name = "metrics-pairs",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct pn_agent_values, metrics_pairs),
		.preset = "2000",
		.max = 100000,
		.has_env = true,
		.help = "metrics of traffic for so many pairs of ends, the rest together; 0: none",
	},
	{
		.name = "metrics-idle",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct pn_agent_values, metrics_idle),
		.preset = "5m",
		.min = PN_NSEC_PER_SEC,
		.max = 86400 * PN_NSEC_PER_SEC,
		.has_env = true,
		.help = "such metrics end when a pair has been silent for so long",
	},
	{
		.name = "metrics-labels",
		.type = PN_OPT_STRING,
		.arg = "LABELS",
		.offset = offsetof(struct pn_agent_values, metrics_labels),
		.preset = PN_TRAFFIC_LABELS,
		.has_env = true,
		.check = check_metrics_labels,
		.help = "what such ends are told apart by: namespace, workload, pod, port",
	},
	{
		.name = "pin-path",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct pn_agent_values, pin_path),
		.preset = PN_MAPS_DIR,
		.has_env = true,
		.help = "where the maps are pinned, on a BPF file system",
	},
	{
		.name = "cgroup-root",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct pn_agent_values, cgroup_root),
		.has_env = true,
		.help = "where the node's cgroup v2 tree is mounted; else found",
	},
	{
		.name = "state",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, state),
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
		.offset = offsetof(struct pn_agent_values, max_addrs),
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
		.offset = offsetof(struct pn_agent_values, max_flows),
		.preset = "131072",
		.min = 1,
		.max = 1 << 24,
		.has_env = true,
		.help = "room for connections in the kernel's table",
	},
	{
		.name = "recent",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct pn_agent_values, recent),
		.preset = "4096",
		.max = PN_RECENT_MAX,
		.has_env = true,
		.help = "how many of the last records are kept for `podonym flows`; 304 bytes each "
			"and their names",
	},
	{
		.name = "history",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct pn_agent_values, history),
		.preset = PN_HISTORY_PATH,
		.has_env = true,
		.help = "keeps what was told in the last hours, by minute and pair, for `podonym "
			"flows`; off",
	},
	{
		.name = "history-size",
		.type = PN_OPT_STRING,
		.arg = "SIZE",
		.offset = offsetof(struct pn_agent_values, history_size),
		.preset = "64M",
		.has_env = true,
		.help = "how large it may become: the oldest minutes make room",
	},
	{
		.name = "history-age",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct pn_agent_values, history_age),
		.preset = "24h",
		.min = 60 * PN_NSEC_PER_SEC,
		.max = 8784 * 3600 * PN_NSEC_PER_SEC,
		.has_env = true,
		.help = "older minutes are deleted",
	},
	{
		.name = "select",
		.type = PN_OPT_STRING,
		.arg = "SELECTION",
		.offset = offsetof(struct pn_agent_values, select),
		.has_env = true,
		.check = check_select,
		.live = true,
		.help = "record only these connections, see `podonym select --help`; else all",
	},
	{
		.name = "sample",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct pn_agent_values, sampling),
		.preset = "1",
		.min = 1,
		.max = PN_SELECT_MAX_SAMPLING,
		.has_env = true,
		.live = true,
		.help = "record one of N connections, whole; its records say that it stands for N",
	},
	{
		.name = "policy",
		.type = PN_OPT_CHOICE,
		.arg = "WHEN",
		.offset = offsetof(struct pn_agent_values, policy),
		.preset = "auto",
		.choices = policies,
		.has_env = true,
		.help = "records say what network policies make of each connection: where the "
			"cluster has any, or never",
	},
	{
		.name = "disable",
		.type = PN_OPT_STRING,
		.arg = "FEATURES",
		.offset = offsetof(struct pn_agent_values, disable),
		.has_env = true,
		.check = check_disable,
		.help = "do without, as an older kernel would: tcx, nat, cgroup, tcp, lines, drops",
	},
	{
		.name = "confine",
		.type = PN_OPT_CHOICE,
		.arg = "SWITCH",
		.offset = offsetof(struct pn_agent_values, confine),
		.preset = "on",
		.choices = on_off,
		.has_env = true,
		.help = "give up capabilities, and system calls by a seccomp filter, once started",
	},
	{
		.name = "log-level",
		.type = PN_OPT_CHOICE,
		.arg = "LEVEL",
		.offset = offsetof(struct pn_agent_values, log_level),
		.preset = "info",
		.choices = log_levels,
		.has_env = true,
		.live = true,
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
		"  Options are also keys of a config file. With SIGHUP it is read again: "
		"those marked\n"
		"  reload change at once, without a gap in what is recorded; others wait for a "
		"restart, and\n"
		"  the log and `podonym status` name them. A file with an error changes "
		"nothing.\n\n"
		"  Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and a mounted BPF file system; "
		"for "
		"the names\n"
		"  of places where packets are dropped also CAP_SYSLOG. Once started it keeps the "
		"first three "
		"and\n"
		"  makes only the system calls that it needs, see --confine.\n"
		"\n"
		"SINKS\n"
		"  --sink KIND:TARGET,OPTION=VALUE,... sends every record to one place more. Each "
		"has a\n"
		"  queue of its own, tries again with growing pauses, and counts what it sends "
		"and loses\n"
		"  in `podonym status`.\n\n"
		"  file:PATH           lines; format=json|compact|netobserv|hubble, max-size=100M, "
		"max-age=24h,\n"
		"                      keep=5: rotated files PATH.1, PATH.2, ...\n"
		"  ipfix:udp://HOST:PORT, ipfix:tcp://HOST:PORT\n"
		"                      names as strings under enterprise=32473, domain=1; by UDP "
		"mtu=1400,\n"
		"                      max-rate=8M bytes a second, template-refresh=1m, "
		"template-packets=4096\n"
		"  kafka:BROKER[:PORT][;BROKER...]\n"
		"                      a message a record: topic=podonym-flows, "
		"format=json|netobserv|hubble,\n"
		"                      key=pair|none, acks=all|1, "
		"compression=lz4|zstd|gzip|snappy|none,\n"
		"                      buffer=16M, timeout=5m, x-PROPERTY=VALUE of librdkafka, or "
		"config=FILE of\n"
		"                      lines PROPERTY=VALUE, for passwords\n"
		"  otlp:http://HOST:4318, otlp:https://HOST:4318\n"
		"                      OpenTelemetry: a log record a record, to /v1/logs; "
		"compression=gzip|none,\n"
		"                      batch=512 records, timeout=10s, header-NAME=VALUE, or "
		"headers=FILE of lines\n"
		"                      NAME: VALUE, ca=FILE; metrics=30s|off: the agent's own "
		"figures, to /v1/metrics\n"
		"  all                 queue=16M bytes that may wait, retry-max=30s between "
		"attempts\n",
	.examples = "  podonym agent --kubeconfig /etc/kubernetes/admin.conf\n"
		    "  podonym agent --format json --output /var/log/podonym/flows.json\n"
		    "  podonym agent --output none "
		    "--sink file:/var/log/podonym/flows.json,max-size=100M\n"
		    "  podonym agent --output none --sink ipfix:udp://collector:4739\n"
		    "  podonym agent --output none "
		    "--sink 'kafka:kafka-0;kafka-1,topic=flows,x-security.protocol=ssl'\n"
		    "  podonym agent --output none --sink otlp:http://collector:4318\n"
		    "  podonym agent --output none --interval 1s    # then: podonym flows -f\n",
	.options = options,
	.values_size = sizeof(struct pn_agent_values),
	.run_settings = run,
};
