/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym whois: who is behind an address, read from the pinned maps. No agent is asked, so it
 * answers while the agent is being replaced, and shows just what other BPF programs would find.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/maps_words.h"
#include "cmd/whois.h"

struct whois_options {
	const char *output, *pin_path, *cgroup;
	bool all;
};

/* All that is asked. */
struct questions {
	struct pn_whois_question *q;
	size_t n, cap;
	bool no_memory;
};

static void add_question(struct questions *all, const struct pn_whois_question *q)
{
	if (all->n == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 64;
		struct pn_whois_question *more = reallocarray(all->q, cap, sizeof(*more));

		if (!more) {
			all->no_memory = true;
			return;
		}
		all->q = more;
		all->cap = cap;
	}
	all->q[all->n++] = *q;
}

static void on_ip(void *data, const struct pn_addr *addr, const struct pn_ip_value *value)
{
	const struct pn_whois_question q = { .addr = *addr };

	if (value->owner)
		add_question(data, &q);
}

static int by_addr(const void *a, const void *b)
{
	const struct pn_whois_question *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

/* Return: 0 or a negative errno */
static int answer_all(const struct pn_maps_reader *maps, const struct whois_options *o,
		      struct questions *all, struct pn_whois_report *report, bool *ret_all_known)
{
	struct pn_whois_answer a;
	int r = 0;

	if (o->all)
		r = pn_maps_reader_each_ip(maps, on_ip, all);
	if (r == 0 && all->no_memory)
		r = -ENOMEM;
	if (o->all && all->n)
		qsort(all->q, all->n, sizeof(all->q[0]), by_addr);
	*ret_all_known = true;
	for (size_t i = 0; r == 0 && i < all->n; i++) {
		r = pn_whois_ask(maps, &all->q[i], &a);
		r = r ? r : pn_whois_report_add(report, &a);
		*ret_all_known = *ret_all_known && a.has_owner;
	}
	return r;
}

/* Return: an exit status; PN_EXIT_FAILED if nothing is known of any of them. */
static int answer(const struct pn_maps_reader *maps, const struct whois_options *o,
		  struct questions *all)
{
	struct pn_whois_report *report = NULL;
	bool all_known = false;
	int r;

	r = pn_whois_report_new(strcmp(o->output, "json") == 0, &report);
	if (r == 0)
		r = answer_all(maps, o, all, report, &all_known);
	if (r < 0)
		(void)fprintf(stderr, "podonym whois: reading the maps: %s\n", strerror(-r));
	else
		r = pn_whois_report_print(report, stdout);
	pn_whois_report_free(report);
	return r == 0 && all_known ? PN_EXIT_DONE : PN_EXIT_FAILED;
}

/* Return: 0; -EINVAL wrong usage; others, after saying so */
static int parse_operands(struct questions *all, const struct whois_options *o, int n, char **texts)
{
	struct pn_whois_question q;
	struct pn_err err = { "" };
	int r = 0;

	if ((n || o->cgroup) == o->all) {
		(void)fprintf(stderr,
			      "podonym whois: needs addresses, --cgroup, or --all by itself\n");
		return -EINVAL;
	}
	if (o->cgroup) {
		r = pn_whois_parse_cgroup(o->cgroup, &q, &err);
		if (r == 0)
			add_question(all, &q);
	}
	for (int i = 0; r == 0 && i < n; i++) {
		r = pn_whois_parse(texts[i], &q, &err);
		if (r == 0)
			add_question(all, &q);
	}
	if (r < 0)
		(void)fprintf(stderr, "podonym whois: %s\n", err.text);
	return r;
}

static int open_and_answer(const struct whois_options *o, struct questions *all)
{
	struct pn_maps_reader *maps = NULL;
	struct pn_err err = { "" };
	int status;

	if (pn_maps_reader_open(o->pin_path, &maps, &err) < 0) {
		(void)fprintf(stderr, "podonym whois: %s\n", err.text);
		return PN_EXIT_FAILED;
	}
	pn_warn_if_stale("whois", maps);
	status = answer(maps, o, all);
	pn_maps_reader_close(maps);
	return status;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct whois_options *o = values;
	struct questions all = { 0 };
	int status, r;

	r = parse_operands(&all, o, n_operands, operands);
	if (r < 0)
		status = r == -EINVAL ? PN_EXIT_USAGE : PN_EXIT_FAILED;
	else
		status = open_and_answer(o, &all);
	free(all.q);
	return status;
}

static const char *const outputs[] = { "table", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "all",
		.letter = 'a',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct whois_options, all),
		.help = "every address that has an owner now",
	},
	{
		.name = "cgroup",
		.type = PN_OPT_STRING,
		.arg = "ID|PATH",
		.offset = offsetof(struct whois_options, cgroup),
		.help = "whose sockets are in a cgroup: its number, its directory, or its path as "
			"in "
			"/proc/PID/cgroup",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct whois_options, output),
		.preset = "table",
		.choices = outputs,
		.help = "form of the answer",
	},
	{
		.name = "pin-path",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct whois_options, pin_path),
		.preset = PN_MAPS_DIR,
		.has_env = true,
		.help = "where the maps are pinned",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_whois = {
	.name = "whois",
	.operands = "ADDRESS[:PORT[/PROTOCOL]]...|--cgroup ID|PATH|--all",
	.summary = "who is behind an address, a port or a cgroup",
	.description =
		"  Looks IPv4 and IPv6 addresses up in the pinned BPF maps: the pod, service or "
		"node\n"
		"  that has it now, the workload behind a pod, and who had it in the last "
		"minutes.\n"
		"  An address that nobody has is shown with the network that it lies in. With a "
		"port\n"
		"  (of tcp, udp or sctp; tcp unless said) a node's address leads to the pod or "
		"the\n"
		"  node port that listens there, and a service's to the one with that port.\n"
		"  NOTES says where both the owner and the one before are possible for a time, "
		"and\n"
		"  what else is special. Needs no agent, only the maps. Fails if nothing is known "
		"of\n"
		"  an address.\n",
	.examples = "  podonym whois 10.244.1.7 fd00:10:244::7\n"
		    "  podonym whois 192.168.1.20:9100 [fd00::20]:53/udp\n"
		    "  podonym whois --cgroup \"$(grep ^0:: /proc/4711/cgroup)\"\n"
		    "  podonym whois --all -o json\n",
	.n_operands_max = 65536,
	.options = options,
	.values_size = sizeof(struct whois_options),
	.run = run,
};
