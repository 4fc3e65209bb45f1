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
#include "base/number.h"
#include "daemon/agent.h"
#include "cmd/agent_reload.h"
#include "cmd/commands.h"
#include "cmd/kube_options.h"
#include "cmd/policy/explain_agent.h"
#include "flow/recent.h"
#include "kube/file.h"
#include "serve/http.h"
#include "serve/http_host.h"
#include "serve/http_tls.h"
#include "serve/socket.h"

struct agent_options {
	struct pn_kube_config_source kube;
	const char *node, *output, *format, *socket, *pin_path, *ranges, *state, *cgroup_root,
		*config, *log_level, *disable, *policy, *select, *http, *http_token_file,
		*metrics_labels, *history, *history_size, *http_cert, *http_key, *confine;
	pn_nsec interval, name_wait, metrics_idle, history_age;
	uint32_t max_addrs, max_flows, sampling, recent, metrics_pairs;
	struct pn_option_items sinks, http_hosts;
};

enum { HOST_NAME_LEN = 256, MAX_TOKEN_BYTES = 4096 };

static const char *const formats[] = { "compact", "json", "netobserv", "hubble", NULL };
static const char *const policies[] = { "auto", "off", NULL };
static const char *const on_off[] = { "on", "off", NULL };
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
					  "\"%.*s\" is not a feature; there are: tcx, "
					  "nat, cgroup, tcp, drops",
					  (int)len, list);
		*switches[i] = true;
		list += len;
		list += *list == ',';
	}
	return 0;
}

static int check_disable(const char *text, struct pn_err *reterr)
{
	struct pn_agent_config config = { 0 };

	return parse_disable(text, &config, reterr);
}

static int check_select(const char *text, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) struct pn_expression *e = NULL;

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

/* Return: 0, or a negative errno with @reterr; @ret_token is for pn_wipe_free() */
static int parse_http(const struct agent_options *o, struct pn_agent_config *config,
		      char **ret_token, struct pn_err *reterr)
{
	struct sockaddr_storage address;
	size_t len;
	int r;

	if (strcmp(o->http, "none") == 0)
		return 0;
	config->http_address = o->http;
	r = pn_http_address(o->http, &address, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "--http");
	r = pn_traffic_parse_labels(o->metrics_labels, &config->traffic.labels, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "--metrics-labels");
	if (!o->http_token_file)
		return 0;
	r = pn_file_read(o->http_token_file, MAX_TOKEN_BYTES, ret_token, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "--http-token-file");
	len = strcspn(*ret_token, " \t\r\n");
	if (!len || strspn(*ret_token + len, " \t\r\n") != strlen(*ret_token + len))
		return pn_err_set(reterr, -EINVAL,
				  "--http-token-file: %s: should have one word, the token",
				  o->http_token_file);
	(*ret_token)[len] = '\0';
	config->http_token = *ret_token;
	return 0;
}

/* Return: 0, or -EINVAL with @reterr */
static int parse_history(const struct agent_options *o, struct pn_agent_config *config,
			 struct pn_err *reterr)
{
	struct pn_history_config *h = &config->history;

	if (strcmp(o->history, "off") == 0)
		return 0;
	h->path = o->history;
	h->max_age = o->history_age;
	if (pn_size_parse(o->history_size, &h->max_bytes) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "--history-size: \"%.64s\" is not a size such as 64M or 1G",
				  o->history_size);
	if (h->max_bytes < PN_HISTORY_MIN_BYTES || h->max_bytes > PN_HISTORY_MAX_BYTES)
		return pn_err_set(reterr, -EINVAL, "--history-size: must be from 8M to 64G");
	return 0;
}

/* Also by the node's name, which is nobody's to give away. */
static void list_hosts(const struct agent_options *o, const char *node,
		       const char *ret[static PN_OPTION_ITEMS_MAX + 2])
{
	size_t n = 0;

	ret[n++] = node;
	for (size_t i = 0; i < o->http_hosts.n; i++)
		ret[n++] = o->http_hosts.items[i].value;
	ret[n] = NULL;
}

/* Each --sink. Return: 0, or a negative errno with @reterr */
static int open_exporters(const struct agent_options *o, const char *node,
			  struct pn_exporters **ret, struct pn_err *reterr)
{
	int r = 0;

	if (!o->sinks.n)
		return 0;
	if (pn_exporters_new(ret) < 0)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	for (size_t i = 0; i < o->sinks.n && r == 0; i++)
		r = pn_exporters_add(*ret, o->sinks.items[i].value, node, reterr);
	return r < 0 ? pn_err_wrap(reterr, r, "--sink") : 0;
}

static int parse_tls(const struct agent_options *o, struct pn_agent_config *config,
		     struct pn_err *reterr)
{
	int r;

	if (!config->http_address || (!o->http_cert && !o->http_key))
		return 0;
	if (!o->http_cert || !o->http_key)
		return pn_err_set(reterr, -EINVAL,
				  "--http-cert and --http-key are given together or not at all");
	config->http_cert_path = o->http_cert;
	config->http_key_path = o->http_key;
	r = pn_http_tls_new(o->http_cert, o->http_key, &config->http_tls, reterr);
	return r < 0 ? pn_err_wrap(reterr, r, "--http-cert, --http-key") : 0;
}

static int run_agent(const struct agent_options *o, struct pn_agent_config *config,
		     struct pn_err *reterr)
{
	int r;

	config->kube = o->kube;
	config->socket_path = o->socket;
	config->pin_path = o->pin_path;
	config->no_confine = strcmp(o->confine, "off") == 0;
	config->ranges_path = o->ranges;
	config->state_path = strcmp(o->state, "none") == 0 ? NULL : o->state;
	config->cgroup_root = o->cgroup_root;
	config->interval = o->interval;
	config->name_wait = o->name_wait;
	config->max_addrs = o->max_addrs;
	config->max_flows = o->max_flows;
	config->sampling = o->sampling;
	config->n_recent = o->recent;
	config->no_policy = strcmp(o->policy, "off") == 0;
	config->traffic.max_series = o->metrics_pairs;
	config->traffic.idle = o->metrics_idle;
	r = open_sink(o, &config->sink, reterr);
	if (r < 0) {
		free(config->selection);
		return r;
	}
	return pn_agent_run(config, reterr);
}

/* The rows that are live. */
static void change(const struct pn_reload *r, const void *next, struct pn_agent_change *ret)
{
	const struct agent_options *o = next;

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

static int run(const struct pn_settings *settings)
{
	const struct agent_options *o = pn_settings_values(settings);
	struct pn_reload reload = { .started = settings, .change = change };
	struct pn_agent_config config = {
		.reload = pn_reload_ops(&reload),
		.explain = pn_policy_explain_for_agent,
	};
	enum pn_log_level level = PN_LOG_INFO;
	PN_CLEANUP(pn_wipe_freep) char *token = NULL;
	char host[HOST_NAME_LEN] = "";
	struct pn_err err = { "" };
	const char *hosts[PN_OPTION_ITEMS_MAX + 2];
	int r;

	config.node_name = o->node;
	if (!config.node_name && gethostname(host, sizeof(host) - 1) == 0)
		config.node_name = host;
	list_hosts(o, config.node_name, hosts);
	config.http_hosts = hosts;
	(void)pn_log_parse_level(o->log_level, &level);
	pn_log_set_level(level);
	(void)signal(SIGHUP, SIG_IGN); /* until the agent listens to it */
	(void)signal(SIGPIPE,
		     SIG_IGN); /* a reader that goes, a file that is full: both are errors */
	(void)signal(SIGXFSZ, SIG_IGN); /* of one sink, not the end */

	r = parse_disable(o->disable ? o->disable : "", &config, &err);
	if (r == 0) {
		r = pn_expression_parse(o->select ? o->select : "", &config.selection, &err);
		if (r < 0)
			(void)pn_err_wrap(&err, r, "--select");
	}
	if (r == 0)
		r = parse_http(o, &config, &token, &err);
	if (r == 0)
		r = parse_history(o, &config, &err);
	if (r == 0)
		r = open_exporters(o, config.node_name, &config.exporters, &err);
	if (r == 0)
		r = parse_tls(o, &config, &err);
	if (r < 0) {
		pn_exporters_free(config.exporters);
		(void)fprintf(stderr, "podonym agent: %s\n", err.text);
		return PN_EXIT_USAGE;
	}
	config.config_path = pn_settings_path(settings);
	r = run_agent(o, &config, &err);
	pn_reload_done(&reload);
	pn_exporters_free(config.exporters);
	pn_http_tls_free(config.http_tls);
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
		.offset = offsetof(struct agent_options, config),
		.preset = PN_CONFIG_PATH,
		.has_env = true,
		.help = "settings in YAML, each option here by its name: see `podonym config "
			"example`; the "
			"default one need not be there; none",
	},
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
		.name = "sink",
		.type = PN_OPT_ITEM,
		.arg = "KIND:TARGET[,OPTION=VALUE...]",
		.offset = offsetof(struct agent_options, sinks),
		.check = pn_exporters_check,
		.has_env = true,
		.help = "where records go as well, given as often as wanted; see SINKS above",
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
		.live = true,
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
		.live = true,
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
		.name = "http",
		.type = PN_OPT_STRING,
		.arg = "ADDRESS:PORT",
		.offset = offsetof(struct agent_options, http),
		.preset = PN_HTTP_ADDRESS,
		.has_env = true,
		.check = check_http,
		.help = "serve the page, /metrics and probes there, IPv6 in brackets; none",
	},
	{
		.name = "http-token-file",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct agent_options, http_token_file),
		.has_env = true,
		.help = "who asks for metrics has to show the token in this file, read at the "
			"start",
	},
	{
		.name = "http-host",
		.type = PN_OPT_ITEM,
		.arg = "NAME",
		.offset = offsetof(struct agent_options, http_hosts),
		.check = pn_http_host_check,
		.has_env = true,
		.help = "without a token, answer also who calls the agent by this name, given as "
			"often as wanted; else by addresses, localhost and the node's name only",
	},
	{
		.name = "http-cert",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct agent_options, http_cert),
		.has_env = true,
		.help = "serve HTTPS with this certificate in PEM and those that lead to its root; "
			"read again when it changes",
	},
	{
		.name = "http-key",
		.type = PN_OPT_STRING,
		.arg = "FILE",
		.offset = offsetof(struct agent_options, http_key),
		.has_env = true,
		.help = "and with this key in PEM",
	},
	{
		.name = "metrics-pairs",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct agent_options, metrics_pairs),
		.preset = "2000",
		.max = 100000,
		.has_env = true,
		.help = "metrics of traffic for so many pairs of ends, the rest together; 0: none",
	},
	{
		.name = "metrics-idle",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct agent_options, metrics_idle),
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
		.offset = offsetof(struct agent_options, metrics_labels),
		.preset = PN_TRAFFIC_LABELS,
		.has_env = true,
		.check = check_metrics_labels,
		.help = "what such ends are told apart by: namespace, workload, pod, port",
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
		.name = "recent",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct agent_options, recent),
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
		.offset = offsetof(struct agent_options, history),
		.preset = PN_HISTORY_PATH,
		.has_env = true,
		.help = "keeps what was told in the last hours, by minute and pair, for `podonym "
			"flows`; off",
	},
	{
		.name = "history-size",
		.type = PN_OPT_STRING,
		.arg = "SIZE",
		.offset = offsetof(struct agent_options, history_size),
		.preset = "64M",
		.has_env = true,
		.help = "how large it may become: the oldest minutes make room",
	},
	{
		.name = "history-age",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct agent_options, history_age),
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
		.offset = offsetof(struct agent_options, select),
		.has_env = true,
		.check = check_select,
		.live = true,
		.help = "record only these connections, see `podonym select --help`; else all",
	},
	{
		.name = "sample",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct agent_options, sampling),
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
		.offset = offsetof(struct agent_options, policy),
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
		.offset = offsetof(struct agent_options, disable),
		.has_env = true,
		.check = check_disable,
		.help = "do without, as an older kernel would: tcx, nat, cgroup, tcp, drops",
	},
	{
		.name = "confine",
		.type = PN_OPT_CHOICE,
		.arg = "SWITCH",
		.offset = offsetof(struct agent_options, confine),
		.preset = "on",
		.choices = on_off,
		.has_env = true,
		.help = "give up capabilities, and system calls by a seccomp filter, once started",
	},
	{
		.name = "log-level",
		.type = PN_OPT_CHOICE,
		.arg = "LEVEL",
		.offset = offsetof(struct agent_options, log_level),
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
	.values_size = sizeof(struct agent_options),
	.run_settings = run,
};
