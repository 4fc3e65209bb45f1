/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym get: objects as the agent would see them, read once from the API server. Uses the same
 * informer as the agent, so it also shows whether the agent's settings and rights are good.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "cmd/commands.h"
#include "cmd/kube_options.h"
#include "cmd/object_print.h"
#include "kube/informer.h"

struct get_options {
	struct pn_kube_config_source kube;
	const char *name_space, *by_ip, *output;
	bool all_namespaces;
	pn_nsec timeout;
};

/* One run: the informer is driven until it is synced, has failed, or time is up. */
struct get {
	const struct get_options *options;
	const struct pn_kind *kind;
	const char *name_space, *name; /* "" for any */
	uv_loop_t loop;
	uv_check_t after_poll;
	uv_timer_t deadline;
	struct pn_client *client;
	struct pn_informer *informer;
	bool synced;
	struct pn_err err;

	const struct pn_object **found;
	size_t n_found, cap;
};

static void on_synced(void *data)
{
	struct get *g = data;

	g->synced = true;
	uv_stop(&g->loop);
}

static const struct pn_handler handler = { .synced = on_synced };

/* The agent would go on trying; a person wants to hear of the first failure. */
static void on_after_poll(uv_check_t *check)
{
	struct get *g = check->data;
	struct pn_informer_status s;

	pn_informer_status(g->informer, &s);
	if (g->synced || s.n_failures == 0)
		return;
	(void)pn_err_set(&g->err, -EIO, "%s", s.last_error);
	uv_stop(&g->loop);
}

static void on_deadline(uv_timer_t *timer)
{
	struct get *g = timer->data;

	(void)pn_err_set(&g->err, -ETIMEDOUT, "%s: no complete answer in time; see --timeout",
			 pn_client_server(g->client));
	uv_stop(timer->loop);
}

static int start(struct get *g, const struct pn_kube_config *config)
{
	struct pn_informer_config informer = { .clock = &pn_clock_system, .kind = g->kind };
	int r;

	r = pn_client_new(&g->loop, config, &g->client, &g->err);
	if (r < 0)
		return r;
	informer.client = g->client;
	r = pn_informer_new(&g->loop, &informer, &g->informer);
	if (r == 0)
		r = pn_informer_add_index(g->informer, "by-ip", pn_index_by_ip);
	if (r == 0)
		r = pn_informer_add_handler(g->informer, &handler, g);
	if (r == 0)
		r = pn_informer_start(g->informer);
	return r < 0 ? pn_err_set(&g->err, r, "%s", strerror(-r)) : 0;
}

static int sync_once(struct get *g, const struct pn_kube_config *config)
{
	int r = start(g, config);

	if (r < 0)
		return r;
	(void)uv_check_init(&g->loop, &g->after_poll);
	(void)uv_timer_init(&g->loop, &g->deadline);
	g->after_poll.data = g->deadline.data = g;
	(void)uv_check_start(&g->after_poll, on_after_poll);
	(void)uv_timer_start(&g->deadline, on_deadline, g->options->timeout / PN_NSEC_PER_MSEC, 0);
	(void)uv_run(&g->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&g->after_poll, NULL);
	uv_close((uv_handle_t *)&g->deadline, NULL);
	pn_informer_stop(g->informer);
	return g->synced ? 0 : -EIO;
}

static bool wanted(const struct get *g, const struct pn_object *obj)
{
	if (*g->name && strcmp(obj->name, g->name) != 0)
		return false;
	return !*g->name_space || !*obj->name_space || strcmp(obj->name_space, g->name_space) == 0;
}

static bool collect(const struct pn_object *obj, void *data)
{
	struct get *g = data;

	if (!wanted(g, obj))
		return true;
	if (g->n_found == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 256;
		const struct pn_object **found = reallocarray(g->found, cap, sizeof(*found));

		if (!found) {
			(void)pn_err_set(&g->err, -ENOMEM, "out of memory");
			return false;
		}
		g->found = found;
		g->cap = cap;
	}
	g->found[g->n_found++] = obj;
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct pn_object *const *x = a, *const *y = b;
	int r = strcmp((*x)->name_space, (*y)->name_space);

	return r ? r : strcmp((*x)->name, (*y)->name);
}

static int print_table(const struct get *g)
{
	PN_CLEANUP(pn_table_freep) struct pn_table *t = pn_print_table_new(g->kind->id);
	int64_t now_s = (int64_t)time(NULL);

	for (size_t i = 0; t && i < g->n_found; i++) {
		if (pn_print_row(t, g->found[i], now_s) < 0)
			return -ENOMEM;
	}
	if (!t)
		return -ENOMEM;
	pn_table_print(t, stdout);
	return 0;
}

static int print_json(const struct get *g)
{
	json_t *items = json_array(), *doc;
	int r;

	for (size_t i = 0; i < g->n_found; i++)
		(void)json_array_append_new(items, pn_print_json(g->found[i]));
	doc = json_pack("{s:s, s:o}", "kind", "List", "items", items);
	r = json_dumpf(doc, stdout, JSON_INDENT(2));
	json_decref(doc);
	(void)putchar('\n');
	return r < 0 ? -EIO : 0;
}

static int print_found(struct get *g)
{
	int r;

	if (g->options->by_ip)
		(void)pn_informer_by_index(g->informer, "by-ip", g->options->by_ip, collect, g);
	else
		pn_informer_each(g->informer, collect, g);
	if (*g->err.text)
		return -ENOMEM;
	if (!g->n_found)
		return pn_err_set(&g->err, -ENOENT, "no %s found", g->kind->plural);
	qsort(g->found, g->n_found, sizeof(g->found[0]), by_key);
	r = strcmp(g->options->output, "json") == 0 ? print_json(g) : print_table(g);
	return r < 0 ? pn_err_set(&g->err, r, "printing: %s", strerror(-r)) : 0;
}

static const char *wanted_namespace(const struct get_options *o,
				    const struct pn_kube_config *config)
{
	if (o->all_namespaces || (o->by_ip && !o->name_space))
		return "";
	if (o->name_space)
		return o->name_space;
	return config->name_space && *config->name_space ? config->name_space : "default";
}

static int get(struct get *g, struct pn_kube_config *config)
{
	int r = uv_loop_init(&g->loop);

	if (r < 0)
		return pn_err_set(&g->err, r, "starting the event loop: %s", uv_strerror(r));
	g->name_space = wanted_namespace(g->options, config);
	r = sync_once(g, config);
	if (r == 0)
		r = print_found(g);
	pn_informer_free(g->informer);
	pn_client_free(g->client);
	(void)uv_run(&g->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&g->loop);
	free(g->found);
	return r;
}

static int unknown_kind(const char *word)
{
	(void)fprintf(stderr, "podonym get: unknown kind \"%s\"; there are:", word);
	for (enum pn_kind_id id = 0; id < PN_KIND_MAX; id++)
		(void)fprintf(stderr, " %s", pn_kind_get(id)->plural);
	(void)fputc('\n', stderr);
	return PN_EXIT_USAGE;
}

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
	struct get_options o = *(const struct get_options *)values;
	struct get g = { .options = &o, .kind = pn_kind_find(operands[0]) };
	struct pn_kube_config config = { 0 };
	char by_ip[PN_ADDR_STRLEN];
	int r;

	if (!g.kind)
		return unknown_kind(operands[0]);
	if (o.by_ip && normal_address(o.by_ip, by_ip) < 0)
		return PN_EXIT_USAGE;
	if (o.by_ip)
		o.by_ip = by_ip;
	g.name = n_operands > 1 ? operands[1] : "";
	r = pn_kube_config_load(&o.kube, &config, &g.err);
	if (r == 0)
		r = get(&g, &config);
	pn_kube_config_done(&config);
	if (r < 0)
		(void)fprintf(stderr, "podonym get: %s\n", g.err.text);
	return r < 0 ? PN_EXIT_FAILED : PN_EXIT_DONE;
}

static const char *const outputs[] = { "table", "json", NULL };

static const struct pn_option options[] = {
	PN_KUBE_OPTIONS(struct get_options, kube),
	{
		.name = "namespace",
		.letter = 'n',
		.type = PN_OPT_STRING,
		.arg = "NAME",
		.offset = offsetof(struct get_options, name_space),
		.help = "only this namespace (default: the context's)",
	},
	{
		.name = "all-namespaces",
		.letter = 'A',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct get_options, all_namespaces),
		.help = "of every namespace",
	},
	{
		.name = "by-ip",
		.type = PN_OPT_STRING,
		.arg = "ADDRESS",
		.offset = offsetof(struct get_options, by_ip),
		.help = "only those with this address, of every namespace",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct get_options, output),
		.preset = "table",
		.choices = outputs,
		.help = "form of the answer",
	},
	{
		.name = "timeout",
		.type = PN_OPT_DURATION,
		.arg = "TIME",
		.offset = offsetof(struct get_options, timeout),
		.preset = "30s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.help = "give up after so long",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_get = {
	.name = "get",
	.operands = "KIND [NAME]",
	.summary = "objects as the agent sees them, from the API server",
	.description = "  Lists pods, services, nodes, namespaces or replicasets (singular and "
		       "short names\n"
		       "  work too), with the fields that podonym keeps of them. Fails if none is "
		       "found.\n",
	.examples = "  podonym get pods -A\n"
		    "  podonym get pods --by-ip 10.244.1.7\n"
		    "  podonym get svc -n shop -o json\n",
	.n_operands_min = 1,
	.n_operands_max = 2,
	.options = options,
	.values_size = sizeof(struct get_options),
	.run = run,
};
