/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym whois: who is behind an address, read from the pinned maps. No agent is asked, so it
 * answers while the agent is being replaced, and shows just what other BPF programs would find.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cmd/commands.h"
#include "cmd/table.h"
#include "datapath/pinned_maps.h"

struct whois_options {
	const char *output, *pin_path;
	bool all;
};

/* What the maps say of one address. */
struct answer {
	struct pn_addr addr;
	struct pn_ip_value ip;
	struct pn_owner_value owner, previous;
	bool has_owner, has_previous;
};

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = { "none", "pod", "service", "node" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_OWNER_KIND_MAX, "a name for each kind");

	return kind < PN_OWNER_KIND_MAX ? names[kind] : "unknown";
}

static void full_name(const struct pn_owner_value *o, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", o->name_space, *o->name_space ? "/" : "", o->name);
}

static int read_owner(const struct pn_maps_reader *maps, uint32_t id, struct pn_owner_value *ret,
		      bool *ret_found)
{
	int r;

	*ret_found = false;
	if (!id)
		return 0;
	r = pn_maps_reader_owner(maps, id, ret);
	if (r == -ENOENT)
		return 0;
	*ret_found = r == 0;
	return r;
}

static int look_up(const struct pn_maps_reader *maps, struct answer *a)
{
	int r;

	r = pn_maps_reader_ip(maps, &a->addr, &a->ip);
	if (r == 0)
		r = read_owner(maps, a->ip.owner, &a->owner, &a->has_owner);
	if (r == 0)
		r = read_owner(maps, a->ip.prev_owner, &a->previous, &a->has_previous);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		(void)fprintf(stderr, "podonym whois: reading the maps: %s\n", strerror(-r));
	return r;
}

static void format_time(uint64_t monotonic_ns, char *buf, size_t size)
{
	pn_nsec wall = pn_clock_to_realtime(&pn_clock_system, monotonic_ns);
	time_t s = (time_t)(wall / PN_NSEC_PER_SEC);
	struct tm tm;

	buf[0] = '\0';
	if (monotonic_ns && gmtime_r(&s, &tm))
		(void)strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int add_row(struct pn_table *t, const struct answer *a)
{
	char name[PN_NAMESPACE_LEN + PN_NAME_LEN] = "", before[sizeof(name)] = "", since[32] = "";
	char workload[PN_KIND_LEN + PN_NAME_LEN] = "", addr[PN_ADDR_STRLEN];
	int r;

	if (a->has_owner) {
		full_name(&a->owner, name, sizeof(name));
		format_time(a->ip.since_ns, since, sizeof(since));
		(void)snprintf(workload, sizeof(workload), "%s%s%s", a->owner.workload_kind,
			       *a->owner.workload_kind ? "/" : "", a->owner.workload_name);
	}
	if (a->has_previous)
		full_name(&a->previous, before, sizeof(before));
	r = pn_table_cell(t, "%s", pn_addr_format(&a->addr, addr));
	r = r ? r : pn_table_cell(t, "%s", a->has_owner ? kind_name(a->owner.kind) : "unknown");
	r = r ? r : pn_table_cell(t, "%s", name);
	r = r ? r : pn_table_cell(t, "%s", workload);
	r = r ? r : pn_table_cell(t, "%s", a->has_owner ? a->owner.node : "");
	r = r ? r : pn_table_cell(t, "%s", since);
	return r ? r : pn_table_cell(t, "%s", before);
}

static json_t *owner_json(const struct pn_owner_value *o)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", kind_name(o->kind),
			 "namespace", o->name_space, "name", o->name, "uid", o->uid,
			 "workload_kind", o->workload_kind, "workload_name", o->workload_name,
			 "node", o->node);
}

static json_t *answer_json(const struct answer *a)
{
	char since[32], addr[PN_ADDR_STRLEN];
	json_t *doc = json_pack("{s:s}", "address", pn_addr_format(&a->addr, addr));

	if (a->has_owner) {
		format_time(a->ip.since_ns, since, sizeof(since));
		(void)json_object_set_new(doc, "owner", owner_json(&a->owner));
		(void)json_object_set_new(doc, "since", json_string(since));
		(void)json_object_set_new(doc, "generation", json_integer(a->ip.generation));
		(void)json_object_set_new(doc, "local", json_boolean(a->ip.flags & PN_IP_LOCAL));
		(void)json_object_set_new(doc, "terminating",
					  json_boolean(a->ip.flags & PN_IP_TERMINATING));
	}
	if (a->has_previous)
		(void)json_object_set_new(doc, "previous_owner", owner_json(&a->previous));
	return doc;
}

static void warn_if_stale(const struct pn_maps_reader *maps)
{
	struct pn_meta_value meta;

	if (pn_maps_reader_meta(maps, &meta) < 0)
		return;
	if (!meta.agent_pid)
		(void)fprintf(stderr,
			      "podonym whois: no agent is running; names are as of its end\n");
	else if (!meta.synced)
		(void)fprintf(stderr, "podonym whois: the agent has not read all objects yet\n");
}

/* The addresses asked about, each with room for its answer. */
struct question {
	struct answer *answers;
	size_t n, cap;
	bool no_memory;
};

static void ask_about(struct question *q, const struct pn_addr *addr)
{
	if (q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 64;
		struct answer *answers = reallocarray(q->answers, cap, sizeof(*answers));

		if (!answers) {
			q->no_memory = true;
			return;
		}
		q->answers = answers;
		q->cap = cap;
	}
	q->answers[q->n++] = (struct answer) { .addr = *addr };
}

static void on_ip(void *data, const struct pn_addr *addr, const struct pn_ip_value *value)
{
	if (value->owner)
		ask_about(data, addr);
}

static int by_addr(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static int print_table(const struct question *q)
{
	static const char *const headings[] = { "ADDRESS", "KIND",  "NAME",  "WORKLOAD",
						"NODE",	   "SINCE", "BEFORE" };
	PN_CLEANUP(pn_table_freep)
	struct pn_table *t = pn_table_new(headings, PN_ARRAY_SIZE(headings));

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < q->n; i++) {
		if (add_row(t, &q->answers[i]) < 0)
			return -ENOMEM;
	}
	pn_table_print(t, stdout);
	return 0;
}

static int print_json(const struct question *q)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->n; i++)
		r = json_array_append_new(list, answer_json(&q->answers[i]));
	if (r == 0)
		r = json_dumpf(list, stdout, JSON_INDENT(2));
	json_decref(list);
	(void)putchar('\n');
	return r < 0 ? -EIO : 0;
}

/* Return: an exit status; PN_EXIT_FAILED if any address is unknown. */
static int answer(const struct pn_maps_reader *maps, const struct whois_options *o,
		  struct question *q)
{
	bool all_known = true;
	int r = 0;

	if (o->all)
		r = pn_maps_reader_each_ip(maps, on_ip, q);
	if (r < 0 || q->no_memory) {
		(void)fprintf(stderr, "podonym whois: reading the maps: %s\n",
			      strerror(r < 0 ? -r : ENOMEM));
		return PN_EXIT_FAILED;
	}
	for (size_t i = 0; i < q->n; i++) {
		if (look_up(maps, &q->answers[i]) < 0)
			return PN_EXIT_FAILED;
		all_known = all_known && q->answers[i].has_owner;
	}
	if (o->all)
		qsort(q->answers, q->n, sizeof(q->answers[0]), by_addr);
	r = strcmp(o->output, "json") == 0 ? print_json(q) : print_table(q);
	return r == 0 && all_known ? PN_EXIT_DONE : PN_EXIT_FAILED;
}

static int parse_operands(struct question *q, const struct whois_options *o, int n, char **texts)
{
	if ((n == 0) != o->all) {
		(void)fprintf(stderr, "podonym whois: needs either addresses or --all\n");
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		struct pn_addr addr;

		if (pn_addr_parse(texts[i], &addr) < 0) {
			(void)fprintf(stderr, "podonym whois: \"%s\" is not an IP address\n",
				      texts[i]);
			return -EINVAL;
		}
		ask_about(q, &addr);
	}
	return 0;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct whois_options *o = values;
	struct pn_maps_reader *maps = NULL;
	struct question q = { 0 };
	struct pn_err err = { "" };
	int r;

	if (parse_operands(&q, o, n_operands, operands) < 0) {
		free(q.answers);
		return PN_EXIT_USAGE;
	}
	r = pn_maps_reader_open(o->pin_path, &maps, &err);
	if (r < 0) {
		(void)fprintf(stderr, "podonym whois: %s\n", err.text);
		r = PN_EXIT_FAILED;
	} else {
		warn_if_stale(maps);
		r = answer(maps, o, &q);
	}
	pn_maps_reader_close(maps);
	free(q.answers);
	return r;
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
	.operands = "ADDRESS...|--all",
	.summary = "who is behind an address",
	.description = "  Looks IPv4 and IPv6 addresses up in the pinned BPF maps: the pod, "
		       "service or node\n"
		       "  that has it now, the workload behind a pod, and who had it in the last "
		       "minutes.\n"
		       "  Needs no agent, only the maps. Fails if an address is unknown.\n",
	.examples = "  podonym whois 10.244.1.7 fd00:10:244::7\n"
		    "  podonym whois --all -o json\n",
	.n_operands_max = 65536,
	.options = options,
	.values_size = sizeof(struct whois_options),
	.run = run,
};
