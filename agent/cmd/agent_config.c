/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the values of the options of `podonym agent` to what the agent is started with. The table of
 * options has checked each value by itself; here is what takes two of them, or a file. cmd_agent.c
 * calls it.
 */
#include "cmd/agent_config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "kube/file.h"
#include "serve/http.h"
#include "serve/http_tls.h"

enum { MAX_TOKEN_BYTES = 4096 };

int pn_agent_disable(const char *list, struct pn_agent_config *config, struct pn_err *reterr)
{
	static const char *const names[] = { "tcx", "nat", "cgroup", "tcp", "lines", "drops" };
	bool *const switches[] = { &config->no_tcx, &config->no_nat,   &config->no_cgroup,
				   &config->no_tcp, &config->no_lines, &config->no_drops };

	while (*list) {
		size_t len = strcspn(list, ","), i = 0;

		while (i < PN_ARRAY_SIZE(names) &&
		       (strlen(names[i]) != len || strncmp(list, names[i], len) != 0))
			i++;
		if (i == PN_ARRAY_SIZE(names))
			return pn_err_set(reterr, -EINVAL,
					  "\"%.*s\" is not a feature; there are: tcx, "
					  "nat, cgroup, tcp, lines, drops",
					  (int)len, list);
		*switches[i] = true;
		list += len;
		list += *list == ',';
	}
	return 0;
}

/* Return: 0, or a negative errno with @reterr; @ret_token is for pn_wipe_free() */
static int parse_http(const struct pn_agent_values *v, struct pn_agent_config *config,
		      char **ret_token, struct pn_err *reterr)
{
	struct sockaddr_storage address;
	size_t len;
	int r;

	if (strcmp(v->http, "none") == 0)
		return 0;
	config->http_address = v->http;
	r = pn_http_address(v->http, &address, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "--http");
	r = pn_traffic_parse_labels(v->metrics_labels, &config->traffic.labels, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "--metrics-labels");
	if (!v->http_token_file)
		return 0;
	r = pn_file_read(v->http_token_file, MAX_TOKEN_BYTES, ret_token, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "--http-token-file");
	len = strcspn(*ret_token, " \t\r\n");
	if (!len || strspn(*ret_token + len, " \t\r\n") != strlen(*ret_token + len))
		return pn_err_set(reterr, -EINVAL,
				  "--http-token-file: %s: should have one word, the token",
				  v->http_token_file);
	(*ret_token)[len] = '\0';
	config->http_token = *ret_token;
	return 0;
}

/* Return: 0, or -EINVAL with @reterr */
static int parse_history(const struct pn_agent_values *v, struct pn_agent_config *config,
			 struct pn_err *reterr)
{
	struct pn_history_config *h = &config->history;

	if (strcmp(v->history, "off") == 0)
		return 0;
	h->path = v->history;
	h->max_age = v->history_age;
	if (pn_size_parse(v->history_size, &h->max_bytes) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "--history-size: \"%.64s\" is not a size such as 64M or 1G",
				  v->history_size);
	if (h->max_bytes < PN_HISTORY_MIN_BYTES || h->max_bytes > PN_HISTORY_MAX_BYTES)
		return pn_err_set(reterr, -EINVAL, "--history-size: must be from 8M to 64G");
	return 0;
}

/* Also by the node's name, which is nobody's to give away. */
static void list_hosts(const struct pn_agent_values *v, struct pn_agent_setup *s)
{
	size_t n = 0;

	if (s->config.node_name)
		s->http_hosts[n++] = s->config.node_name;
	for (size_t i = 0; i < v->http_hosts.n; i++)
		s->http_hosts[n++] = v->http_hosts.items[i].value;
	s->http_hosts[n] = NULL;
	s->config.http_hosts = s->http_hosts;
}

/* Each --sink. Return: 0, or a negative errno with @reterr */
static int open_exporters(const struct pn_agent_values *v, const char *node,
			  struct pn_exporters **ret, struct pn_err *reterr)
{
	int r = 0;

	if (!v->sinks.n)
		return 0;
	if (pn_exporters_new(ret) < 0)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	for (size_t i = 0; i < v->sinks.n && r == 0; i++)
		r = pn_exporters_add(*ret, v->sinks.items[i].value, node, reterr);
	return r < 0 ? pn_err_wrap(reterr, r, "--sink") : 0;
}

static int parse_tls(const struct pn_agent_values *v, struct pn_agent_config *config,
		     struct pn_err *reterr)
{
	int r;

	if (!config->http_address || (!v->http_cert && !v->http_key))
		return 0;
	if (!v->http_cert || !v->http_key)
		return pn_err_set(reterr, -EINVAL,
				  "--http-cert and --http-key are given together or not at all");
	config->http_cert_path = v->http_cert;
	config->http_key_path = v->http_key;
	r = pn_http_tls_new(v->http_cert, v->http_key, &config->http_tls, reterr);
	return r < 0 ? pn_err_wrap(reterr, r, "--http-cert, --http-key") : 0;
}

static void take_plain_values(struct pn_agent_config *config, const struct pn_agent_values *v)
{
	config->kube = v->kube;
	config->socket_path = v->socket;
	config->pin_path = v->pin_path;
	config->no_confine = strcmp(v->confine, "off") == 0;
	config->ranges_path = v->ranges;
	config->state_path = strcmp(v->state, "none") == 0 ? NULL : v->state;
	config->cgroup_root = v->cgroup_root;
	config->interval = v->interval;
	config->name_wait = v->name_wait;
	config->max_addrs = v->max_addrs;
	config->max_flows = v->max_flows;
	config->sampling = v->sampling;
	config->n_recent = v->recent;
	config->no_policy = strcmp(v->policy, "off") == 0;
	config->traffic.max_series = v->metrics_pairs;
	config->traffic.idle = v->metrics_idle;
}

static int parse_selection(const struct pn_agent_values *v, struct pn_agent_config *config,
			   struct pn_err *reterr)
{
	int r = pn_expression_parse(v->select ? v->select : "", &config->selection, reterr);

	return r < 0 ? pn_err_wrap(reterr, r, "--select") : 0;
}

int pn_agent_setup_init(struct pn_agent_setup *s, const struct pn_agent_values *v,
			struct pn_err *reterr)
{
	struct pn_agent_config *config = &s->config;
	int r;

	*s = (struct pn_agent_setup) { .config.node_name = v->node };
	if (!config->node_name && gethostname(s->host, sizeof(s->host) - 1) == 0)
		config->node_name = s->host;
	take_plain_values(config, v);
	list_hosts(v, s);
	r = pn_agent_disable(v->disable ? v->disable : "", config, reterr);
	if (r == 0)
		r = parse_selection(v, config, reterr);
	if (r == 0)
		r = parse_http(v, config, &s->token, reterr);
	if (r == 0)
		r = parse_history(v, config, reterr);
	if (r == 0)
		r = open_exporters(v, config->node_name, &config->exporters, reterr);
	if (r == 0)
		r = parse_tls(v, config, reterr);
	return r;
}

void pn_agent_setup_done(struct pn_agent_setup *s)
{
	pn_expression_free(s->config.selection);
	pn_exporters_free(s->config.exporters);
	pn_http_tls_free(s->config.http_tls);
	pn_wipe_free(s->token);
	*s = (struct pn_agent_setup) { .token = NULL };
}
