// SPDX-License-Identifier: Apache-2.0
/*
 * podonym select: which connections the running agent records, shown and changed over its unix socket.
 * The agent alone judges what is asked for, so that both sides can be of different builds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/ask_agent.h"
#include "cmd/commands.h"
#include "daemon/selection.h"
#include "serve/socket.h"

struct select_options {
	const char *output, *socket;
	uint32_t sampling;
	bool all;
};

enum { MAX_OPERANDS = 256 };

/* With blanks between them, as the shell has taken them apart. Return: 0, or -E2BIG or -ENOMEM */
static int join(struct pn_buf *out, int n, char **words)
{
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		if (i)
			r = pn_buf_put(out, " ", 1);
		if (r == 0)
			r = pn_buf_put(out, words[i], strlen(words[i]));
	}
	return r == 0 ? pn_buf_put(out, "", 1) : r;
}

/* Return: to be freed; NULL: no memory, or the words are no text */
static char *request_of(const struct select_options *o, const char *expression)
{
	json_t *doc = json_pack("{s:s}", "command", "select");
	char *text;
	int r = 0;

	if (expression)
		r = json_object_set_new(doc, "expression", json_string(expression));
	if (r == 0 && o->sampling)
		r = json_object_set_new(doc, "sampling", json_integer(o->sampling));
	text = r == 0 ? json_dumps(doc, JSON_COMPACT) : NULL;
	json_decref(doc);
	return text;
}

static void print(const json_t *doc)
{
	const char *expression = json_string_value(json_object_get(doc, "expression"));
	long long sampling = json_integer_value(json_object_get(doc, "sampling"));

	(void)printf("selection  %s\n", expression && *expression ? expression : "everything");
	if (sampling > 1)
		(void)printf("sampling   1 of %lld connections\n", sampling);
	else
		(void)printf("sampling   every connection\n");
	(void)printf("addresses  %lld\n", json_integer_value(json_object_get(doc, "addresses")));
}

static int fail(const char *words, int status)
{
	(void)fprintf(stderr, "podonym select: %s\n", words);
	return status;
}

static int ask(const struct select_options *o, const char *expression)
{
	PN_CLEANUP(pn_freep) char *request = request_of(o, expression);
	struct pn_err err = { "" };
	json_t *doc;

	if (!request)
		return fail("the selection is not UTF-8 text", PN_EXIT_USAGE);
	doc = pn_ask_agent(o->socket, request, &err);
	if (!doc)
		return fail(err.text, PN_EXIT_FAILED);
	if (strcmp(o->output, "json") == 0)
		(void)(json_dumpf(doc, stdout, JSON_INDENT(2)), putchar('\n'));
	else
		print(doc);
	json_decref(doc);
	return PN_EXIT_DONE;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct select_options *o = values;
	struct pn_buf text = PN_BUF_INIT(PN_EXPRESSION_SIZE);
	const char *expression = o->all ? "" : NULL;
	int r;

	if (o->all && n_operands)
		return fail("--all and a selection do not go together: either or", PN_EXIT_USAGE);
	if (!n_operands)
		return ask(o, expression);
	r = join(&text, n_operands, operands);
	if (r < 0)
		r = fail(r == -ENOMEM ? "no memory" : "the selection is too long", PN_EXIT_USAGE);
	else
		r = ask(o, text.data);
	pn_buf_done(&text);
	return r;
}

static const char *const outputs[] = { "text", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "all",
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct select_options, all),
		.help = "no selection: record everything",
	},
	{
		.name = "sample",
		.type = PN_OPT_UINT,
		.arg = "N",
		.offset = offsetof(struct select_options, sampling),
		.min = 1,
		.max = PN_SELECT_MAX_SAMPLING,
		.help = "record one of N connections, whole; 1: every one",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct select_options, output),
		.preset = "text",
		.choices = outputs,
		.help = "form of the answer",
	},
	PN_SOCKET_OPTION(struct select_options, socket),
	PN_OPTION_END,
};

const struct pn_command pn_cmd_select = {
	.name = "select",
	.operands = "[TERM...] [or TERM...]...",
	.summary = "which connections this node's agent records",
	.description =
		"  Shows what the running agent records, or changes it; what is not given "
		"stays as it\n"
		"  is. It holds until the agent ends: the next one goes by its own --select "
		"and --sample.\n\n"
		"  A selection is one or more rules with \"or\" between them, a rule one or "
		"more terms:\n"
		"    namespace=NAME,...      of a pod or a Service\n"
		"    label=SELECTOR          of a pod or a Service, as `kubectl -l` takes it: "
		"key=value,\n"
		"                            key!=value, key in (a,b), key notin (a), key, !key; "
		"with\n"
		"                            commas between them: all of them\n"
		"    cidr=NETWORK,...        10.0.0.0/8, fd00::/8, or one address\n"
		"    port=PORT,...           443, 8000-8100; of TCP, UDP and SCTP\n"
		"    protocol=NAME,...       tcp, udp, sctp, icmp, icmpv4, icmpv6, or a number\n"
		"    drops                   it has lost a packet in the last five minutes\n"
		"  All terms of a rule must be met, each by either end of the connection; "
		"namespaces and\n"
		"  labels in one rule by the same end. Except for labels any of the values "
		"is enough. A\n"
		"  Service also meets what any pod behind it meets.\n\n"
		"  The kernel judges a connection by its first packet. One that is recorded "
		"stays so to its\n"
		"  end; one that is not is judged again when the selection changes, or whom "
		"it means. Pods in\n"
		"  their node's network have no address of their own: give the port or the "
		"node's address.\n"
		"  Packets that are not recorded are counted by `podonym status`.\n\n"
		"  With drops a connection is recorded from the packet on that follows the "
		"first loss, and its\n"
		"  record tells of all it has lost; what was lost is in `podonym drops` "
		"anyway.\n\n"
		"  With --sample N each connection has the same chance, and its records say "
		"podonym.sampling:\n"
		"  its counts times that number, added up, are those of all connections "
		"that are selected.\n",
	.examples = "  podonym select\n"
		    "  podonym select namespace=shop port=443\n"
		    "  podonym select label=app=web or cidr=192.0.2.0/24 protocol=udp\n"
		    "  podonym select 'label=app in (web,api),!canary' port=443\n"
		    "  podonym select namespace=shop drops\n"
		    "  podonym select --all --sample 100\n",
	.n_operands_max = MAX_OPERANDS,
	.options = options,
	.values_size = sizeof(struct select_options),
	.run = run,
};
