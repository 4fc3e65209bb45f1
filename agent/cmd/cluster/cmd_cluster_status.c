/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl podonym status: is the agent of each node well? A row for each, those that do not answer too.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cluster/cluster.h"
#include "cmd/commands.h"
#include "cmd/table.h"

struct overview {
	json_t *rows; /* {"node": "...", "status": {...}}, or "error" instead */
	bool all_well;
};

static int on_line(void *data, const struct pn_node_agent *from, char *line, size_t len,
		   uint64_t now_ms)
{
	struct overview *v = data;
	json_t *doc = json_loadb(line, len, 0, NULL);

	(void)now_ms;
	if (!doc)
		return 0;
	v->all_well = v->all_well && json_is_true(json_object_get(doc, "synced"));
	return json_array_append_new(v->rows, json_pack("{s:s, s:s, s:o}", "node", from->node,
							"pod", from->pod, "status", doc)) < 0
		       ? -ENOMEM
		       : 0;
}

static void on_failed(void *data, const struct pn_node_agent *from, const char *why)
{
	struct overview *v = data;

	v->all_well = false;
	(void)json_array_append_new(v->rows, json_pack("{s:s, s:s, s:s}", "node", from->node, "pod",
						       from->pod, "error", why));
}

static const struct pn_cluster_ops ops = { .line = on_line, .failed = on_failed };

/* --- showing it ------------------------------------------------------------------------------------ */

static long long number_at(const json_t *doc, const char *part, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(doc, part), key));
}

static long long losses(const json_t *doc)
{
	const char *name;
	json_t *value;
	long long n = 0;

	json_object_foreach (json_object_get(doc, "metrics"), name, value) {
		if (strstr(name, "dropped"))
			n += json_integer_value(value);
	}
	return n;
}

static int put_answer(struct pn_table *t, const json_t *doc)
{
	const char *version = json_string_value(json_object_get(doc, "version"));
	bool is_synced = json_is_true(json_object_get(doc, "synced"));
	int r = pn_table_cell(t, "%s", is_synced ? "well" : "not in sync");

	r |= pn_table_cell(t, "%s", version ? version : "");
	r |= pn_table_cell(t, "%.0fs", json_number_value(json_object_get(doc, "uptime_s")));
	r |= pn_table_cell(t, "%lld", number_at(doc, "metrics", "pn_links_traced"));
	r |= pn_table_cell(t, "%lld", number_at(doc, "ledger", "seen"));
	r |= pn_table_cell(t, "%lld", number_at(doc, "metrics", "pn_flow_records_total"));
	r |= pn_table_cell(t, "%lld", losses(doc));
	return r;
}

static int compare(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;

	return strcmp(json_string_value(json_object_get(*x, "node")),
		      json_string_value(json_object_get(*y, "node")));
}

/* By the names of nodes. Return: a new reference; NULL without memory */
static json_t *sorted(const json_t *rows)
{
	size_t n = json_array_size(rows);
	PN_CLEANUP(pn_freep) json_t **each = calloc(n + 1, sizeof(*each));
	json_t *list = each ? json_array() : NULL;

	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++)
		each[i] = json_array_get(rows, i);
	qsort(each, n, sizeof(json_t *), compare);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(list, each[i]);
	return list;
}

static int print_table(const json_t *rows)
{
	static const char *const headings[] = { "NODE",	      "AGENT",	 "VERSION", "UP",
						"INTERFACES", "PACKETS", "RECORDS", "LOST" };
	PN_CLEANUP(pn_table_freep)
	struct pn_table *t = pn_table_new(headings, PN_ARRAY_SIZE(headings));
	const json_t *row;
	int r = t ? 0 : -ENOMEM;
	size_t i;

	json_array_foreach (rows, i, row) {
		const json_t *doc = json_object_get(row, "status");

		if (r == 0)
			r = pn_table_cell(t, "%s", json_string_value(json_object_get(row, "node")));
		if (r == 0 && doc)
			r = put_answer(t, doc);
		for (size_t cell = 1; r == 0 && !doc && cell < PN_ARRAY_SIZE(headings); cell++)
			r = pn_table_cell(t, "%s", cell == 1 ? "no answer" : "");
	}
	if (r == 0)
		pn_table_print(t, stdout);
	return r;
}

static int print(const json_t *rows, const char *output)
{
	PN_CLEANUP(json_decrefp) json_t *list = sorted(rows);

	if (!list)
		return -ENOMEM;
	if (strcmp(output, "json") != 0)
		return print_table(list);
	(void)json_dumpf(list, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	return 0;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct pn_cluster_options *o = values;
	struct overview v = { .rows = json_array(), .all_well = true };
	struct pn_err err = { "out of memory" };
	int r = v.rows ? 0 : -ENOMEM;

	(void)n_operands;
	(void)operands;
	if (r == 0)
		r = pn_cluster_run("kubectl podonym status", o, "/v1/status", false, &ops, &v,
				   &err);
	if (r >= 0 && print(v.rows, o->flows.output) < 0)
		r = -ENOMEM;
	json_decref(v.rows);
	if (r < 0)
		(void)fprintf(stderr, "kubectl podonym status: %s\n", err.text);
	if (r == PN_EXIT_DONE && !v.all_well)
		return PN_EXIT_SOME;
	return r < 0 ? PN_EXIT_FAILED : r;
}

static const char *const outputs[] = { "table", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct pn_cluster_options, flows.output),
		.preset = "table",
		.choices = outputs,
		.help = "form of the answer",
	},
	PN_CLUSTER_OPTIONS,
	PN_OPTION_END,
};

const struct pn_command pn_cmd_cluster_status = {
	.name = "cluster status",
	.operands = "",
	.summary = "are the agents of all nodes well, through the API server",
	.description =
		"  A row for each node's agent: whether it has read all objects once, how many "
		"interfaces\n"
		"  it traces, packets seen and records told since its start, and how many records "
		"were\n"
		"  lost to those who read too slowly. Rights and settings as of `cluster flows`.\n",
	.examples = "  kubectl podonym status\n"
		    "  kubectl podonym status -o json | jq '.[] | select(.error)'\n",
	.status = "4 some agents did not answer or are not in sync; 1 none did",
	.options = options,
	.values_size = sizeof(struct pn_cluster_options),
	.run = run,
};
