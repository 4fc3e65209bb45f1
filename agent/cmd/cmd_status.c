/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym status: is the agent of this node well? Asks it over the unix socket and shows its
 * figures; the exit status serves as a probe.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/ask_agent.h"
#include "cmd/commands.h"
#include "cmd/table.h"
#include "serve/socket.h"

struct status_options {
	const char *output, *socket;
	bool live, quiet;
};

static const char *text_of(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	return s ? s : "";
}

static long long number_of(const json_t *doc, const char *key)
{
	return json_integer_value(json_object_get(doc, key));
}

static void print_kinds(const json_t *api)
{
	static const char *const headings[] = { "KIND", "SYNCED", "OBJECTS", "HEARD", "ERROR" };
	PN_CLEANUP(pn_table_freep)
	struct pn_table *t = pn_table_new(headings, PN_ARRAY_SIZE(headings));
	const json_t *kind;
	size_t i;

	if (!t)
		return;
	json_array_foreach (json_object_get(api, "kinds"), i, kind) {
		const json_t *heard = json_object_get(kind, "last_contact_s");

		(void)pn_table_cell(t, "%s", text_of(kind, "kind"));
		(void)pn_table_cell(t, "%s",
				    json_is_true(json_object_get(kind, "synced")) ? "yes" : "no");
		(void)pn_table_cell(t, "%lld", number_of(kind, "objects"));
		if (heard)
			(void)pn_table_cell(t, "%.0fs ago", json_real_value(heard));
		else
			(void)pn_table_cell(t, "%s", "never");
		(void)pn_table_cell(t, "%s", text_of(kind, "error"));
	}
	pn_table_print(t, stdout);
}

static void print_features(const json_t *features)
{
	const json_t *f;
	size_t i;

	json_array_foreach (features, i, f) {
		const char *reason = text_of(f, "reason");

		(void)printf("  %-12s%s%s%s\n", text_of(f, "name"), text_of(f, "state"),
			     *reason ? ": " : "", reason);
	}
}

static void print_selection(const json_t *selection)
{
	const char *expression = text_of(selection, "expression");

	(void)printf("  %-12s%s", "recorded", *expression ? expression : "everything");
	if (number_of(selection, "sampling") > 1)
		(void)printf(", 1 of %lld connections", number_of(selection, "sampling"));
	(void)putchar('\n');
}

static void print_config(const json_t *config)
{
	const char *path = json_string_value(json_object_get(config, "file"));

	(void)printf("\nSettings\n  %-12s%s\n", "file", path ? path : "none");
	if (*text_of(config, "error"))
		(void)printf("  %-12s%s\n", "refused", text_of(config, "error"));
	if (*text_of(config, "pending"))
		(void)printf("  %-12s%s\n", "at restart", text_of(config, "pending"));
}

static void print_policy(const json_t *policy)
{
	static const struct {
		const char *state, *words;
	} states[] = {
		{ "on", "connections are held against them" },
		{ "none", "there is none in the cluster" },
		{ "waiting", "not all are listed yet" },
		{ "off", "connections are not held against them (--policy off)" },
	};

	for (size_t i = 0; i < PN_ARRAY_SIZE(states); i++)
		if (strcmp(states[i].state, text_of(policy, "state")) == 0)
			(void)printf("\nNetwork policies: %s\n", states[i].words);
	if (json_array_size(json_object_get(policy, "kinds")))
		print_kinds(policy);
}

static void print_privilege(const char *name, const char *state, const char *reason)
{
	(void)printf("  %-14s%s%s%s\n", name, state, *reason ? ": " : "", reason);
}

static void print_privileges(const json_t *privileges)
{
	const json_t *capabilities = json_object_get(privileges, "capabilities"),
		     *seccomp = json_object_get(privileges, "seccomp");

	(void)printf("\nPrivileges\n");
	print_privilege("capabilities", text_of(capabilities, "kept"),
			text_of(capabilities, "reason"));
	print_privilege("seccomp", text_of(seccomp, "state"), text_of(seccomp, "reason"));
}

static void print_numbers(json_t *numbers)
{
	const char *name;
	json_t *value;

	json_object_foreach (numbers, name, value)
		(void)printf("  %-13s%lld\n", name, json_integer_value(value));
}

static void print_losses(json_t *metrics)
{
	const char *name;
	json_t *value;
	int n = 0;

	json_object_foreach (metrics, name, value) {
		bool is_loss = strstr(name, "failures") || strstr(name, "refused") ||
			       strstr(name, "dropped") || strstr(name, "lost");

		if (is_loss && json_integer_value(value))
			n += printf("  %-40s%lld\n", name, json_integer_value(value));
	}
	if (!n)
		(void)printf("  none\n");
}

static void print_reasons(json_t *dropped)
{
	const char *reason, *before = ": ";
	json_t *n;

	json_object_foreach (dropped, reason, n) {
		if (!json_integer_value(n))
			continue;
		(void)printf("%s%lld %s", before, json_integer_value(n), reason);
		before = ", ";
	}
}

static long long sum_of(json_t *dropped)
{
	long long sum = 0;
	const char *reason;
	json_t *n;

	json_object_foreach (dropped, reason, n)
		sum += json_integer_value(n);
	return sum;
}

static void print_sinks(const json_t *sinks)
{
	const json_t *s;
	size_t i;

	if (json_array_size(sinks))
		(void)printf("\nSinks\n");
	json_array_foreach (sinks, i, s) {
		json_t *dropped = json_object_get(s, "dropped");

		(void)printf("  %s\n    told %lld, sent %lld, waiting %lld, retries %lld, "
			     "dropped %lld",
			     text_of(s, "name"), number_of(s, "told"), number_of(s, "sent"),
			     number_of(s, "waiting"), number_of(s, "retries"), sum_of(dropped));
		print_reasons(dropped);
		(void)putchar('\n');
		if (*text_of(s, "error"))
			(void)printf("    %s\n", text_of(s, "error"));
	}
}

static void print_human(const json_t *doc)
{
	const json_t *api = json_object_get(doc, "api");
	json_t *metrics = json_object_get(doc, "metrics");

	(void)printf("podonym %s on %s, pid %lld, up %.0f s: %s\n\n", text_of(doc, "version"),
		     text_of(doc, "node"), number_of(doc, "pid"),
		     json_number_value(json_object_get(doc, "uptime_s")),
		     json_is_true(json_object_get(doc, "synced")) ? "in sync" : "not in sync");
	if (*text_of(api, "error"))
		(void)printf("API server: %s\n", text_of(api, "error"));
	else
		(void)printf("API server %s\n", text_of(api, "server"));
	print_kinds(api);
	print_policy(json_object_get(doc, "policy"));
	(void)printf("\nNames\n");
	print_numbers(json_object_get(doc, "index"));
	(void)printf("\nTracing\n  %-12s%lld\n  %-12s%lld\n", "interfaces",
		     number_of(metrics, "pn_links_traced"), "flows",
		     number_of(metrics, "pn_flow_active"));
	print_features(json_object_get(doc, "features"));
	print_selection(json_object_get(doc, "selection"));
	print_config(json_object_get(doc, "config"));
	print_privileges(json_object_get(doc, "privileges"));
	(void)printf("\nPackets since the start\n");
	print_numbers(json_object_get(doc, "ledger"));
	(void)printf("\nDropped packets since the start\n");
	print_numbers(json_object_get(doc, "drops"));
	print_sinks(json_object_get(doc, "sinks"));
	(void)printf("\nFailures and losses since the start\n");
	print_losses(metrics);
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct status_options *o = values;
	struct pn_err err = { "" };
	json_t *doc;
	bool synced;

	(void)n_operands;
	(void)operands;
	doc = pn_ask_agent(o->socket, "{\"command\": \"status\"}", &err);
	if (!doc) {
		(void)fprintf(stderr, "podonym status: %s\n", err.text);
		return PN_EXIT_FAILED;
	}
	synced = json_is_true(json_object_get(doc, "synced"));
	if (!o->quiet && strcmp(o->output, "json") == 0) {
		(void)json_dumpf(doc, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else if (!o->quiet) {
		print_human(doc);
	}
	json_decref(doc);
	return synced || o->live ? PN_EXIT_DONE : PN_EXIT_FAILED;
}

static const char *const outputs[] = { "text", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "live",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct status_options, live),
		.help = "succeed as soon as the agent answers, in sync or not",
	},
	{
		.name = "quiet",
		.letter = 'q',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct status_options, quiet),
		.help = "print nothing, only set the exit status",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct status_options, output),
		.preset = "text",
		.choices = outputs,
		.help = "form of the answer",
	},
	PN_SOCKET_OPTION(struct status_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_status = {
	.name = "status",
	.operands = "",
	.summary = "is this node's agent well",
	.description = "  Shows what the running agent knows, traces and has lost: the informers "
		       "and their\n"
		       "  last errors, the kernel features in use and why others are not, and the "
		       "ledger of\n"
		       "  packets. Succeeds if the agent answers and has read all objects once.\n",
	.examples = "  podonym status\n"
		    "  podonym status --live --quiet    # a liveness probe\n",
	.options = options,
	.values_size = sizeof(struct status_options),
	.run = run,
};
