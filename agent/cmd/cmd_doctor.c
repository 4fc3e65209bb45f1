/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym doctor: are the names right? Compares the pinned maps with what the node knows by itself,
 * and asks neither the agent nor the API server.
 *
 * Pods come and go while two sides are read one after the other. So what disagrees is looked at once
 * more a moment later, and only what still disagrees then is told.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/commands.h"
#include "cmd/doctor_check.h"
#include "cmd/maps_words.h"
#include "cmd/table.h"
#include "datapath/cgroups.h"

struct doctor_options {
	const char *output, *pin_path, *proc, *cgroup_root;
};

enum { REST_MS = 1100 }; /* a change reaches the maps long before */

/* --- output ------------------------------------------------------------------------------------- */

struct sums {
	size_t n_checked, n[PN_VERDICT_MAX], n_all;
	double percent;
};

static struct sums sum_up(const struct pn_diagnosis *d, enum pn_check first, enum pn_check last)
{
	struct sums s = { .n_checked = 0 };

	for (enum pn_check c = first; c <= last; c++) {
		s.n_checked += d->n_checked[c];
		for (enum pn_verdict v = 0; v < PN_VERDICT_MAX; v++)
			s.n[v] += pn_diagnosis_count(d, c, v);
	}
	for (enum pn_verdict v = 0; v < PN_VERDICT_MAX; v++)
		s.n_all += s.n[v];
	if (s.n_checked)
		s.percent = 100.0 * (double)s.n_all / (double)s.n_checked;
	return s;
}

static int print_disagreements(const struct pn_diagnosis *d)
{
	static const char *const headings[] = { "CHECK", "VERDICT", "SUBJECT", "NODE SAYS",
						"PODONYM SAYS" };
	PN_CLEANUP(pn_table_freep)
	struct pn_table *t = pn_table_new(headings, PN_ARRAY_SIZE(headings));
	int r = t ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < d->n; i++) {
		r = pn_table_cell(t, "%s", pn_check_name(d->items[i].check));
		r = r ? r : pn_table_cell(t, "%s", pn_verdict_name(d->items[i].verdict));
		r = r ? r : pn_table_cell(t, "%s", d->items[i].subject);
		r = r ? r : pn_table_cell(t, "%s", d->items[i].truth);
		r = r ? r : pn_table_cell(t, "%s", d->items[i].podonym);
	}
	if (r == 0) {
		pn_table_print(t, stdout);
		(void)putchar('\n');
	}
	return r;
}

static int print_row(struct pn_table *t, const char *name, const struct sums *s)
{
	int r = pn_table_cell(t, "%s", name);

	r = r ? r : pn_table_cell(t, "%zu", s->n_checked);
	for (enum pn_verdict v = 0; v < PN_VERDICT_MAX; v++)
		r = r ? r : pn_table_cell(t, "%zu", s->n[v]);
	return r ? r : pn_table_cell(t, "%.2f %%", s->percent);
}

static int print_summary(const struct pn_diagnosis *d)
{
	static const char *const headings[] = { "CHECK",   "CHECKED", "WRONG",
						"MISSING", "STALE",   "ERROR RATE" };
	PN_CLEANUP(pn_table_freep)
	struct pn_table *t = pn_table_new(headings, PN_ARRAY_SIZE(headings));
	struct sums s;
	int r = t ? 0 : -ENOMEM;

	for (enum pn_check c = 0; r == 0 && c < PN_CHECK_MAX; c++) {
		s = sum_up(d, c, c);
		r = print_row(t, pn_check_name(c), &s);
	}
	s = sum_up(d, 0, PN_CHECK_MAX - 1);
	r = r ? r : print_row(t, "all", &s);
	if (r == 0)
		pn_table_print(t, stdout);
	return r;
}

static void print_notes(const struct pn_diagnosis *d)
{
	const struct {
		size_t n;
		const char *words;
	} notes[] = {
		{ d->n_extra,
		  "addresses of pods that Kubernetes does not know, beside one it does" },
		{ d->n_unseen, "addresses of pods whose sandbox does not show its addresses" },
		{ d->n_undeclared, "ports that host-network pods listen at and do not declare" },
		{ d->n_elsewhere, "addresses of the node that are on none of its interfaces" },
		{ d->n_hidden, "processes of the node that may not be looked into" },
	};

	for (size_t i = 0; i < PN_ARRAY_SIZE(notes); i++) {
		if (notes[i].n)
			(void)printf("Not compared: %s: %zu\n", notes[i].words, notes[i].n);
	}
}

static int print_text(const struct pn_diagnosis *d)
{
	int r = d->n ? print_disagreements(d) : 0;

	r = r ? r : print_summary(d);
	print_notes(d);
	return r;
}

static json_t *sums_json(const struct sums *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:f}", "checked", (json_int_t)s->n_checked, "wrong",
			 (json_int_t)s->n[PN_VERDICT_WRONG], "missing",
			 (json_int_t)s->n[PN_VERDICT_MISSING], "stale",
			 (json_int_t)s->n[PN_VERDICT_STALE], "error_percent", s->percent);
}

static json_t *disagreements_json(const struct pn_diagnosis *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct pn_disagreement *item = &d->items[i];

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "check",
					pn_check_name(item->check), "verdict",
					pn_verdict_name(item->verdict), "subject", item->subject,
					"node_says", item->truth, "podonym_says", item->podonym));
	}
	return list;
}

static int print_json(const struct pn_diagnosis *d)
{
	struct sums s = sum_up(d, 0, PN_CHECK_MAX - 1);
	json_t *doc = sums_json(&s), *checks = json_object();
	int r;

	for (enum pn_check c = 0; c < PN_CHECK_MAX; c++) {
		s = sum_up(d, c, c);
		(void)json_object_set_new(checks, pn_check_name(c), sums_json(&s));
	}
	(void)json_object_set_new(doc, "checks", checks);
	(void)json_object_set_new(doc, "disagreements", disagreements_json(d));
	(void)json_object_set_new(
		doc, "not_compared",
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "extra_addresses", (json_int_t)d->n_extra,
			  "unseen_addresses", (json_int_t)d->n_unseen, "undeclared_ports",
			  (json_int_t)d->n_undeclared, "node_addresses_elsewhere",
			  (json_int_t)d->n_elsewhere, "hidden_processes", (json_int_t)d->n_hidden));
	r = json_dumpf(doc, stdout, JSON_INDENT(2));
	json_decref(doc);
	(void)putchar('\n');
	return r < 0 ? -EIO : 0;
}

/* --- the examination ---------------------------------------------------------------------------- */

static int examine(const struct doctor_options *o, const char *cgroup_root,
		   const struct pn_maps_reader *maps, struct pn_diagnosis *ret,
		   struct pn_err *reterr)
{
	struct pn_truth truth = { .n_pods = 0 };
	int r = pn_truth_read(o->proc, cgroup_root, &truth, reterr);

	if (r == 0)
		r = pn_diagnose(&truth, maps, ret, reterr);
	pn_truth_done(&truth);
	return r;
}

static int examine_twice(const struct doctor_options *o, const char *cgroup_root,
			 const struct pn_maps_reader *maps, struct pn_diagnosis *ret,
			 struct pn_err *reterr)
{
	const struct timespec rest = { .tv_sec = REST_MS / 1000,
				       .tv_nsec = REST_MS % 1000 * 1000000L };
	struct pn_diagnosis first = { .n = 0 };
	int r = examine(o, cgroup_root, maps, &first, reterr);

	if (r < 0 || !first.n) {
		*ret = first;
		return r;
	}
	(void)nanosleep(&rest, NULL);
	r = examine(o, cgroup_root, maps, ret, reterr);
	pn_diagnosis_keep(ret, &first);
	pn_diagnosis_done(&first);
	return r;
}

static const char *find_cgroups(const struct doctor_options *o, char buf[static PATH_MAX])
{
	struct pn_err err = { "" };

	if (o->cgroup_root)
		return o->cgroup_root;
	if (pn_cgroups_find_root(buf, PATH_MAX, &err) == 0)
		return buf;
	(void)fprintf(stderr, "podonym doctor: cgroups are not compared: %s\n", err.text);
	return NULL;
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct doctor_options *o = values;
	struct pn_diagnosis d = { .n = 0 };
	struct pn_maps_reader *maps = NULL;
	struct pn_err err = { "" };
	char root[PATH_MAX];
	bool agrees;
	int r;

	(void)n_operands;
	(void)operands;
	r = pn_maps_reader_open(o->pin_path, &maps, &err);
	if (r == 0) {
		pn_warn_if_stale("doctor", maps);
		r = examine_twice(o, find_cgroups(o, root), maps, &d, &err);
	}
	pn_maps_reader_close(maps);
	if (r < 0)
		(void)fprintf(stderr, "podonym doctor: %s\n", err.text);
	else
		r = strcmp(o->output, "json") == 0 ? print_json(&d) : print_text(&d);
	agrees = r == 0 && !d.n;
	pn_diagnosis_done(&d);
	return agrees ? PN_EXIT_DONE : PN_EXIT_FAILED;
}

static const char *const outputs[] = { "text", "json", NULL };

static const struct pn_option options[] = {
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct doctor_options, output),
		.preset = "text",
		.choices = outputs,
		.help = "form of the answer",
	},
	{
		.name = "pin-path",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct doctor_options, pin_path),
		.preset = PN_MAPS_DIR,
		.has_env = true,
		.help = "where the maps are pinned",
	},
	{
		.name = "proc",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct doctor_options, proc),
		.preset = "/proc",
		.help = "where the node's processes are seen",
	},
	{
		.name = "cgroup-root",
		.type = PN_OPT_STRING,
		.arg = "DIR",
		.offset = offsetof(struct doctor_options, cgroup_root),
		.has_env = true,
		.help = "where cgroup v2 is mounted; default: where the mounts say",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "are the names of this node right",
	.description =
		"  Compares the names in the pinned BPF maps with what the node knows by itself, "
		"and "
		"prints\n"
		"  each disagreement with both sides, and the error rate:\n"
		"    cgroup   cgroups of pods, by their paths, that have processes\n"
		"    address  addresses in the network namespaces of pods' processes\n"
		"    pod      the other way round: addresses of pods here that no namespace has\n"
		"    port     who listens at the ports that host-network pods declare\n"
		"    node     the node's own addresses\n"
		"  What disagrees is looked at again after a second, so that pods in transition do "
		"not "
		"count.\n"
		"  Asks neither the agent nor the API server. Needs root, and the node's PID and "
		"network\n"
		"  namespaces. Succeeds if nothing disagrees; fails also if it cannot look.\n",
	.examples = "  podonym doctor\n"
		    "  podonym doctor -o json | jq .error_percent\n",
	.options = options,
	.values_size = sizeof(struct doctor_options),
	.run = run,
};
