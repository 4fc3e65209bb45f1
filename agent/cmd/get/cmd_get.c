/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym get: objects of any kind as the API server has them, as `kubectl get` shows them. For
 * machines without kubectl, which are most nodes, and to see that the agent's settings and rights
 * are good. get.h says where its parts are.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "cmd/commands.h"
#include "cmd/get/get.h"
#include "cmd/kube_options.h"

static const char *const outputs[] = { "table", "wide", "json", "yaml", "name", NULL };

static enum pn_output wanted_output(const char *word)
{
	static const enum pn_output in_order[] = { PN_OUTPUT_TABLE, PN_OUTPUT_WIDE, PN_OUTPUT_JSON,
						   PN_OUTPUT_YAML, PN_OUTPUT_NAME };
	size_t i = 0;

	_Static_assert(PN_ARRAY_SIZE(in_order) + 1 == PN_ARRAY_SIZE(outputs), "one for each word");
	while (strcmp(outputs[i], word) != 0)
		i++;
	return in_order[i];
}

/* --- what is asked for --- */

static const char *wanted_namespace(const struct pn_get_options *o,
				    const struct pn_kube_config *config)
{
	if (o->all_namespaces || (o->by_ip && !o->name_space))
		return "";
	if (o->name_space && *o->name_space)
		return o->name_space;
	return config->name_space && *config->name_space ? config->name_space : "default";
}

static int make_printer(struct pn_get *g)
{
	const struct pn_get_options *o = g->options;
	struct pn_printer_options options = {
		.output = wanted_output(o->output),
		.as_documents = o->watch,
		.with_event = o->watch_events,
		.with_labels = o->show_labels,
		.no_headings = o->no_headings,
		.managed_fields = o->show_managed_fields,
	};

	if (g->n_targets == 1 && *g->targets[0].name && !o->by_ip)
		options.as_documents = true;
	for (size_t i = 1; i < g->n_targets; i++)
		options.with_kind |= g->targets[i].res != g->targets[0].res;
	g->printer = pn_printer_new(&options, stdout);
	return g->printer ? 0 : pn_err_set(&g->err, -ENOMEM, "out of memory");
}

/* Options that do not go together, as far as only the targets tell. */
static int check_targets(struct pn_get *g)
{
	const struct pn_get_options *o = g->options;
	bool is_named = g->n_targets && *g->targets[0].name;

	if (is_named && (o->labels || o->fields))
		return pn_err_set(&g->err, -EINVAL,
				  "names and selectors do not go together: either or");
	if (is_named && o->by_ip)
		return pn_err_set(&g->err, -EINVAL, "--by-ip looks for names: give a kind only");
	if (o->watch && g->n_targets != 1)
		return pn_err_set(&g->err, -EINVAL,
				  "--watch follows one kind, or one object by its name");
	return 0;
}

/* --- getting it --- */

static int print_target(struct pn_get *g, const struct pn_get_target *t)
{
	int r;

	g->with_namespace |= !*g->name_space && t->res->is_namespaced;
	r = pn_printer_kind(g->printer, t->res, g->with_namespace);
	if (r < 0)
		return r;
	g->err.text[0] = '\0';
	r = g->options->watch ? pn_get_watch(g, t) : pn_get_list(g, t, NULL);
	if (r != PN_GET_MISSING)
		return r;
	pn_get_complain(g, "%s", g->err.text);
	return 0;
}

static void say_nothing_found(const struct pn_get *g)
{
	bool is_namespaced = *g->name_space;

	for (size_t i = 0; i < g->n_targets; i++)
		is_namespaced &= g->targets[i].res->is_namespaced;
	if (is_namespaced)
		(void)fprintf(stderr, "No resources found in %s namespace.\n", g->name_space);
	else
		(void)fprintf(stderr, "No resources found\n");
}

static int print_all(struct pn_get *g)
{
	bool is_empty;
	int r = 0;

	for (size_t i = 0; i < g->n_targets && r == 0; i++)
		r = print_target(g, &g->targets[i]);
	is_empty = pn_printer_count(g->printer) == 0;
	if (r == 0 && !(is_empty && g->has_failed))
		r = pn_printer_end(g->printer);
	else
		(void)pn_printer_flush(g->printer);
	if (r == 0 && is_empty && !g->has_failed && !g->options->watch &&
	    !g->options->ignore_not_found && pn_printer_wants_rows(g->printer))
		say_nothing_found(g);
	if (r < 0 && !*g->err.text)
		return pn_err_set(&g->err, r, "printing: %s", strerror(-r));
	return r;
}

static int get(struct pn_get *g, const char *by_ip, size_t n_operands, char *const *operands)
{
	int r = pn_discovery_new(&g->discovery);

	if (r < 0)
		return pn_err_set(&g->err, r, "out of memory");
	r = pn_get_resolve(g, n_operands, operands);
	if (r == 0)
		r = check_targets(g);
	if (r == 0 && by_ip)
		r = pn_get_by_ip(g, by_ip);
	if (r == 0)
		r = make_printer(g);
	return r < 0 ? r : print_all(g);
}

static int connect_and_get(struct pn_get *g, const char *by_ip, size_t n_operands,
			   char *const *operands)
{
	struct pn_kube_config config = { 0 };
	int r;

	r = pn_kube_config_load(&g->options->kube, &config, &g->err);
	if (r == -EINVAL)
		r = -EIO; /* a file that makes no sense is not wrong usage */
	g->name_space = wanted_namespace(g->options, &config);
	if (r == 0)
		r = pn_fetch_new(&config, g->options->timeout, &g->fetch, &g->err);
	if (r == 0)
		r = get(g, by_ip, n_operands, operands);
	pn_printer_free(g->printer);
	pn_get_drop_targets(g);
	pn_discovery_free(g->discovery);
	pn_fetch_free(g->fetch);
	pn_kube_config_done(&config);
	return r;
}

/* --- the command line --- */

/* Index values are normal forms of addresses, so the one asked for must be too. */
static int normal_address(const char *text, char buf[static PN_ADDR_STRLEN])
{
	struct pn_addr addr;
	int r = pn_addr_parse(text, &addr);

	if (r == 0)
		(void)pn_addr_format(&addr, buf);
	else
		(void)fprintf(stderr, "podonym get: --by-ip: \"%s\" is not an IP address\n", text);
	return r;
}

static int run(const void *values, int n_operands, char **operands)
{
	struct pn_get_options o = *(const struct pn_get_options *)values;
	struct pn_get g = { .options = &o };
	char by_ip[PN_ADDR_STRLEN];
	int r;

	o.watch |= o.watch_only;
	if (o.by_ip && normal_address(o.by_ip, by_ip) < 0)
		return PN_EXIT_USAGE;
	if (o.by_ip && (o.watch || o.labels || o.fields)) {
		(void)fprintf(stderr, "podonym get: --by-ip goes neither with --watch nor with "
				      "selectors\n");
		return PN_EXIT_USAGE;
	}
	r = connect_and_get(&g, o.by_ip ? by_ip : NULL, (size_t)n_operands, operands);
	if (r < 0)
		pn_get_complain(&g, "%s", g.err.text);
	if (r == -EINVAL)
		return PN_EXIT_USAGE;
	return g.has_failed ? PN_EXIT_FAILED : PN_EXIT_DONE;
}

#define FLAG(long_name, short_name, field, text)                                  \
	{                                                                         \
		.name = (long_name), .letter = (short_name), .type = PN_OPT_FLAG, \
		.offset = offsetof(struct pn_get_options, field), .help = (text), \
	}

#define STRING(long_name, short_name, value, field, text)                                         \
	{                                                                                         \
		.name = (long_name), .letter = (short_name), .type = PN_OPT_STRING,               \
		.arg = (value), .offset = offsetof(struct pn_get_options, field), .help = (text), \
	}

static const struct pn_option options[] = {
	PN_KUBE_OPTIONS(struct pn_get_options, kube),
	STRING("namespace", 'n', "NAME", name_space,
	       "only this namespace (default: the context's)"),
	FLAG("all-namespaces", 'A', all_namespaces, "of every namespace"),
	STRING("selector", 'l', "LABELS", labels,
	       "only those with these labels: app=web,tier!=test,x in (a,b)"),
	STRING("field-selector", 0, "FIELDS", fields,
	       "only those with these fields: status.phase=Running"),
	STRING("by-ip", 0, "ADDRESS", by_ip,
	       "only those with this address; of every namespace without -n"),
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct pn_get_options, output),
		.preset = "table",
		.choices = outputs,
		.help = "form of the answer",
	},
	FLAG("no-headers", 0, no_headings, "tables without headings"),
	FLAG("show-labels", 0, show_labels, "tables with a last column of labels"),
	FLAG("show-managed-fields", 0, show_managed_fields,
	     "leave metadata.managedFields in JSON and YAML"),
	FLAG("ignore-not-found", 0, ignore_not_found, "what is not there is no failure"),
	FLAG("watch", 'w', watch, "then follow the changes until interrupted"),
	FLAG("watch-only", 0, watch_only, "only the changes from now on"),
	FLAG("output-watch-events", 0, watch_events, "say of each what happened to it"),
	{
		.name = "timeout",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct pn_get_options, timeout),
		.preset = "30s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.help = "give up after so long; a watch goes on",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_get = {
	.name = "get",
	.operands = "KIND[,KIND...] [NAME...] | KIND/NAME...",
	.summary = "objects of any kind from the API server, as kubectl shows them",
	.description = "  Shows what the API server has. KIND is any kind it knows, custom ones "
		       "too: plural,\n"
		       "  singular or short name, or KIND.GROUP where several have the same name. "
		       "Tables are\n"
		       "  the server's own, JSON and YAML the whole objects.\n"
		       "\n"
		       "  Nothing found is said on standard error and is no failure; a NAME or an "
		       "address\n"
		       "  that is not found is one. An interrupted --watch is done, not failed.\n",
	.examples = "  podonym get pods -A -o wide\n"
		    "  podonym get pods,services -n shop -l app=web\n"
		    "  podonym get deployment/web -n shop -o yaml\n"
		    "  podonym get pods --field-selector spec.nodeName=node-1 -A --watch\n"
		    "  podonym get pods,services,nodes --by-ip 10.244.1.7\n",
	.n_operands_min = 1,
	.n_operands_max = 1000,
	.options = options,
	.values_size = sizeof(struct pn_get_options),
	.run = run,
};
