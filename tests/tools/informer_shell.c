/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer-shell: informers behind a line protocol, for tests that drive them from outside. Each
 * line of standard input is a command, each line of standard output an answer or the record of one
 * call of a handler; all are JSON objects. It uses the public interface only and holds no logic of
 * informers of its own.
 *
 * Handlers have threads of their own, so that one can be made to block. Commands that may take long
 * run on a thread each; all others are answered before the next line is read.
 */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <podonym/informer.h>

#include "shell_churn.h"
#include "shell_description.h"
#include "shell_objects.h"

enum { MAX_HANDLERS = 256, MAX_INFORMERS = 16, MAX_TASKS = 256 };

struct shell;

struct named {
	struct pn_informer *inf;
	const char *name; /* of an entry of a factory; "" else */
};

struct handler {
	struct shell *shell;
	struct pn_informer *inf;
	struct pn_registration *registration;
	char *name;
	bool is_blocked, is_removed;
};

struct task {
	struct shell *shell;
	json_t *command;
	void (*run)(struct shell *sh, const json_t *command);
	pthread_t thread;
};

struct shell {
	pthread_mutex_t lock; /* for the handlers' states and for lines */
	pthread_cond_t unblocked;
	json_t *config;
	struct pn_factory *factory;
	struct named informers[MAX_INFORMERS];
	size_t n_informers;
	struct handler *handlers[MAX_HANDLERS];
	size_t n_handlers;
	struct task *tasks[MAX_TASKS];
	size_t n_tasks;
};

/* --- lines --- */

static void put_line(struct shell *sh, json_t *line)
{
	(void)pthread_mutex_lock(&sh->lock);
	(void)json_dumpf(line, stdout, JSON_COMPACT);
	(void)putchar('\n');
	(void)fflush(stdout);
	(void)pthread_mutex_unlock(&sh->lock);
	json_decref(line);
}

/* @fields is taken over; NULL: nothing but that it went well */
static void answer(struct shell *sh, const json_t *command, json_t *fields)
{
	json_t *line = json_pack("{s:O, s:b}", "id", json_object_get(command, "id"), "ok", 1);

	if (fields)
		(void)json_object_update(line, fields);
	json_decref(fields);
	put_line(sh, line);
}

static void refuse(struct shell *sh, const json_t *command, const char *why)
{
	put_line(sh, json_pack("{s:O, s:b, s:s}", "id", json_object_get(command, "id"), "ok", 0,
			       "error", why));
}

static void answer_result(struct shell *sh, const json_t *command, int r)
{
	if (r < 0)
		refuse(sh, command, r == -ECANCELED ? "the informer is stopped" : strerror(-r));
	else
		answer(sh, command, NULL);
}

/* --- records --- */

static void wait_while_blocked(struct handler *h)
{
	(void)pthread_mutex_lock(&h->shell->lock);
	while (h->is_blocked)
		(void)pthread_cond_wait(&h->shell->unblocked, &h->shell->lock);
	(void)pthread_mutex_unlock(&h->shell->lock);
}

static json_t *stored_version(struct pn_informer *inf, const struct pn_object *obj)
{
	const struct pn_object *stored;
	char key[PN_KEY_LEN];
	json_t *version;

	pn_read_begin();
	stored = pn_informer_get(inf, pn_object_key(obj, key));
	version = json_string(stored ? stored->resource_version : "");
	pn_read_end();
	return version;
}

static void on_notice(const void *unused, void *data, const struct pn_notice *n)
{
	static const char *const names[] = { "add", "update", "delete", NULL };
	struct handler *h = data;
	char key[PN_KEY_LEN];
	json_t *event;

	(void)unused;
	if (n->type == PN_NOTICE_SYNCED)
		return;
	wait_while_blocked(h);
	event = json_pack("{s:s, s:s, s:s, s:s}", "handler", h->name, "type", names[n->type], "key",
			  pn_object_key(n->obj, key), "rv", n->obj->resource_version);
	if (n->type == PN_NOTICE_ADD)
		(void)json_object_set_new(event, "initial", json_boolean(n->is_initial));
	if (n->type == PN_NOTICE_UPDATE)
		(void)json_object_set_new(event, "old_rv", json_string(n->old->resource_version));
	if (n->type == PN_NOTICE_REMOVE)
		(void)json_object_set_new(event, "tombstone", json_boolean(n->is_stale));
	(void)json_object_set_new(event, "stored_rv", stored_version(h->inf, n->obj));
	put_line(h->shell, json_pack("{s:o}", "event", event));
}

static void on_error(void *data, const struct pn_watch_error *e)
{
	put_line(data, json_pack("{s:{s:i, s:s, s:s}}", "error_hook", "code", e->code, "reason",
				 e->reason, "message", e->message));
}

static void on_warning(void *data, const char *warning)
{
	put_line(data, json_pack("{s:{s:s}}", "warning", "name", warning));
}

/* --- handlers --- */

/* The newest of that name. */
static struct handler *find_handler(struct shell *sh, const char *name)
{
	for (size_t i = sh->n_handlers; i--;)
		if (strcmp(sh->handlers[i]->name, name) == 0)
			return sh->handlers[i];
	return NULL;
}

static int add_handler(struct shell *sh, struct pn_informer *inf, const char *name,
		       const json_t *description)
{
	double resync_s = number(description, "resync_s");
	struct pn_handler_options options = {
		.size = sizeof(options),
		.own_thread = true,
		.resync_ms = resync_s > 0 ? milliseconds(resync_s) : PN_NO_RESYNC,
		.filter = shell_filter(text(description, "filter")),
	};
	struct handler *h;
	int r;

	if (sh->n_handlers == MAX_HANDLERS)
		return -ENOSPC;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->shell = sh;
	h->inf = inf;
	h->name = strdup(name);
	h->is_blocked = flag(description, "blocked");
	r = pn_informer_add_handler(inf, on_notice, NULL, h, &options, &h->registration);
	if (r < 0) {
		free(h->name);
		free(h);
		return r;
	}
	sh->handlers[sh->n_handlers++] = h;
	return 0;
}

static void unblock(struct shell *sh, struct handler *h)
{
	(void)pthread_mutex_lock(&sh->lock);
	h->is_blocked = false;
	(void)pthread_cond_broadcast(&sh->unblocked);
	(void)pthread_mutex_unlock(&sh->lock);
}

/* --- making informers --- */

static int add_described_handlers(struct shell *sh, struct pn_informer *inf, const json_t *d)
{
	const json_t *h;
	size_t i;
	int r = 0;

	json_array_foreach (json_object_get(d, "handlers"), i, h)
		r = r < 0 ? r : add_handler(sh, inf, text(h, "name"), h);
	return r;
}

static int add_index(struct pn_informer *inf, const char *name, const char *func)
{
	struct pn_indexer indexer;

	return shell_indexer(func, name, &indexer) ? pn_informer_add_index(inf, &indexer) : -ENOENT;
}

static int add_described_indexes(struct pn_informer *inf, const json_t *d)
{
	const json_t *index;
	size_t i;
	int r = 0;

	json_array_foreach (json_object_get(d, "indexes"), i, index)
		r = r < 0 ? r : add_index(inf, text(index, "name"), text(index, "func"));
	return r;
}

static int add_informer(struct shell *sh, const json_t *d, struct pn_err *err)
{
	struct pn_informer_options options;
	struct pn_informer *inf;
	int r;

	if (sh->n_informers == MAX_INFORMERS)
		return -ENOSPC;
	shell_read_options(d, &options);
	options.on_error = on_error;
	options.on_warning = on_warning;
	options.data = sh;
	inf = shell_make_informer(sh->factory, json_object_get(d, "resource"), &options, err);
	if (!inf)
		return -EINVAL;
	sh->informers[sh->n_informers++] = (struct named) { inf, text(d, "name") };
	r = add_described_handlers(sh, inf, d);
	return r < 0 ? r : add_described_indexes(inf, d);
}

static const json_t *first_description(const json_t *command)
{
	const json_t *first = json_array_get(json_object_get(command, "factory"), 0);

	return first ? first : command;
}

static int configure(struct shell *sh, const json_t *command, struct pn_err *err)
{
	const json_t *first = first_description(command), *entries, *d;
	struct pn_factory_options options = {
		.size = sizeof(options),
		.server = text(command, "server"),
	};
	size_t i;
	int r;

	if (text(first, "token_file")[0])
		options.token_file = text(first, "token_file");
	if (text(first, "user_agent")[0])
		options.user_agent = text(first, "user_agent");
	r = pn_factory_new(&options, &sh->factory, err);
	entries = json_object_get(command, "factory");
	if (r == 0 && !json_is_array(entries))
		return add_informer(sh, command, err);
	json_array_foreach (entries, i, d)
		r = r < 0 ? r : add_informer(sh, d, err);
	return r;
}

static void cmd_configure(struct shell *sh, const json_t *command)
{
	struct pn_err err = { "" };
	int r;

	sh->config = json_deep_copy(command); /* the informers' names are borrowed from it */
	r = configure(sh, sh->config, &err);
	if (r < 0)
		refuse(sh, command, err.text[0] ? err.text : strerror(-r));
	else
		answer(sh, command, NULL);
}

/* --- commands --- */

static void cmd_capabilities(struct shell *sh, const json_t *command)
{
	static const char *const names[] = {
		"transform",
		"indexes",
		"metadata_only",
		"resync",
		"filter_handler",
		"introspection",
		"store_rv",
		"token_file",
		"factory",
		"stress",
		"protobuf",
		"internal_error_retry",
		"in_order_queue",
		"event_size_limit",
		"table_refusal",
		"fixed_after_start",
		"missing_bookmark_warning",
		"bounded_watchlist",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)json_array_append_new(list, json_string(names[i]));
	answer(sh, command, json_pack("{s:o}", "capabilities", list));
}

static void cmd_start(struct shell *sh, const json_t *command)
{
	answer_result(sh, command, pn_factory_start(sh->factory));
}

static void cmd_stop(struct shell *sh, const json_t *command)
{
	pn_factory_stop(sh->factory);
	answer(sh, command, NULL);
}

static json_t *handlers_json(struct shell *sh)
{
	json_t *all = json_object();

	for (size_t i = 0; i < sh->n_handlers; i++) {
		const struct handler *h = sh->handlers[i];

		if (!h->is_removed)
			(void)json_object_set_new(
				all, h->name,
				json_pack("{s:b, s:f}", "synced",
					  pn_registration_has_synced(h->registration), "resync_s",
					  pn_registration_resync_ms(h->registration) / 1000.0));
	}
	return all;
}

static json_t *store_json(struct pn_informer *inf)
{
	const struct pn_object *obj;
	json_t *all = json_object();
	char key[PN_KEY_LEN];
	struct pn_iter it;

	pn_read_begin();
	pn_informer_each(inf, &it);
	while ((obj = pn_iter_next(&it)))
		(void)json_object_set_new(all, pn_object_key(obj, key),
					  json_string(obj->resource_version));
	pn_read_end();
	return all;
}

static json_t *objects_json(struct pn_informer *inf, const json_t *keys)
{
	const struct pn_object *obj;
	json_t *all = json_object();
	const json_t *key;
	size_t i;

	pn_read_begin();
	json_array_foreach (keys, i, key) {
		obj = pn_informer_get(inf, json_string_value(key));
		if (obj)
			(void)json_object_set_new(all, json_string_value(key),
						  shell_object_json(obj));
	}
	pn_read_end();
	return all;
}

static void cmd_dump(struct shell *sh, const json_t *command)
{
	struct pn_informer *inf = sh->informers[0].inf;
	struct pn_informer_status st;
	json_t *fields;

	pn_informer_status(inf, &st);
	fields = json_pack("{s:b, s:b, s:b, s:s, s:s, s:I, s:f, s:I, s:o, s:o}", "started",
			   st.is_started, "stopped", st.is_stopped, "synced", st.is_synced,
			   "last_rv", st.watch_version, "store_rv", st.store_version, "count",
			   (json_int_t)st.n_objects, "resync_check_s", st.resync_ms / 1000.0,
			   "transform_errors", (json_int_t)st.n_transform_errors, "handlers",
			   handlers_json(sh), "objects",
			   objects_json(inf, json_object_get(command, "objects")));
	if (flag(command, "store"))
		(void)json_object_set_new(fields, "store", store_json(inf));
	answer(sh, command, fields);
}

static void cmd_wait_sync(struct shell *sh, const json_t *command)
{
	int ms = (int)milliseconds(number(command, "timeout_s"));
	const json_t *informers = json_object_get(command, "informers");
	json_t *result;

	if (informers && json_array_size(informers) == 0) {
		answer(sh, command, json_pack("{s:b}", "result", 1));
		return;
	}
	result = json_boolean(pn_factory_wait_for_sync(sh->factory, ms) == 0);
	if (json_object_get(sh->config, "factory")) {
		json_decref(result);
		result = json_object();
		for (size_t i = 0; i < sh->n_informers; i++)
			(void)json_object_set_new(
				result, sh->informers[i].name,
				json_boolean(pn_informer_has_synced(sh->informers[i].inf)));
	}
	answer(sh, command, json_pack("{s:o}", "result", result));
}

static void cmd_add_handler(struct shell *sh, const json_t *command)
{
	answer_result(sh, command,
		      add_handler(sh, sh->informers[0].inf, text(command, "handler"), command));
}

static void cmd_remove_handler(struct shell *sh, const json_t *command)
{
	struct handler *h = find_handler(sh, text(command, "handler"));

	if (h) {
		h->is_removed = true;
		pn_registration_remove(h->registration);
	}
	answer_result(sh, command, h ? 0 : -ENOENT);
}

static void cmd_shutdown_handler(struct shell *sh, const json_t *command)
{
	struct handler *h = find_handler(sh, text(command, "handler"));

	if (h) {
		h->is_removed = true;
		pn_registration_shutdown(h->registration);
	}
	answer_result(sh, command, h ? 0 : -ENOENT);
}

/* A registration knows its informer, so that there is no way to give it to another one. */
static void cmd_remove_at_other(struct shell *sh, const json_t *command)
{
	answer(sh, command, NULL);
}

static void cmd_unblock(struct shell *sh, const json_t *command)
{
	struct handler *h = find_handler(sh, text(command, "handler"));

	if (h)
		unblock(sh, h);
	answer_result(sh, command, h ? 0 : -ENOENT);
}

static void cmd_add_index(struct shell *sh, const json_t *command)
{
	answer_result(
		sh, command,
		add_index(sh->informers[0].inf, text(command, "name"), text(command, "func")));
}

static void cmd_index(struct shell *sh, const json_t *command)
{
	const struct pn_object *obj;
	json_t *keys = json_array();
	char key[PN_KEY_LEN];
	struct pn_iter it;
	int r;

	pn_read_begin();
	r = pn_informer_by_index(sh->informers[0].inf, text(command, "name"),
				 text(command, "value"), &it);
	while ((obj = pn_iter_next(&it)))
		(void)json_array_append_new(keys, json_string(pn_object_key(obj, key)));
	pn_read_end();
	if (r < 0) {
		json_decref(keys);
		answer_result(sh, command, r);
	} else {
		answer(sh, command, json_pack("{s:o}", "keys", keys));
	}
}

static bool append_value(void *data, const char *value)
{
	return json_array_append_new(data, json_string(value)) == 0;
}

static void cmd_index_values(struct shell *sh, const json_t *command)
{
	json_t *values = json_array();
	int r = pn_informer_index_values(sh->informers[0].inf, text(command, "name"), append_value,
					 values);

	if (r < 0) {
		json_decref(values);
		answer_result(sh, command, r);
	} else {
		answer(sh, command, json_pack("{s:o}", "values", values));
	}
}

static void cmd_set_transform(struct shell *sh, const json_t *command)
{
	answer_result(sh, command,
		      pn_informer_set_transform(sh->informers[0].inf,
						shell_transform(text(command, "transform")), sh));
}

static void cmd_set_error_hook(struct shell *sh, const json_t *command)
{
	answer_result(sh, command, pn_informer_set_on_error(sh->informers[0].inf, on_error, sh));
}

static void cmd_churn(struct shell *sh, const json_t *command)
{
	size_t n = (size_t)number(command, "threads");

	answer_result(sh, command,
		      shell_churn(sh->informers[0].inf, n, number(command, "seconds")));
}

/* --- the loop over lines --- */

static const struct command {
	const char *name;
	void (*run)(struct shell *sh, const json_t *command);
	bool may_take_long, needs_no_informer;
} commands[] = {
	{ "capabilities", cmd_capabilities, false, true },
	{ "configure", cmd_configure, false, true },
	{ "start", cmd_start, false, false },
	{ "stop", cmd_stop, false, false },
	{ "dump", cmd_dump, false, false },
	{ "wait-sync", cmd_wait_sync, true, false },
	{ "add-handler", cmd_add_handler, false, false },
	{ "remove-handler", cmd_remove_handler, false, false },
	{ "shutdown-handler", cmd_shutdown_handler, true, false },
	{ "remove-handler-at-other-informer", cmd_remove_at_other, false, false },
	{ "unblock", cmd_unblock, false, false },
	{ "add-index", cmd_add_index, false, false },
	{ "index", cmd_index, false, false },
	{ "index-values", cmd_index_values, false, false },
	{ "set-transform", cmd_set_transform, false, false },
	{ "set-error-hook", cmd_set_error_hook, false, false },
	{ "churn-handlers", cmd_churn, true, false },
};

static void *run_task(void *data)
{
	struct task *t = data;

	t->run(t->shell, t->command);
	return NULL;
}

static void start_task(struct shell *sh, const struct command *c, json_t *command)
{
	struct task *t = sh->n_tasks < MAX_TASKS ? calloc(1, sizeof(*t)) : NULL;

	if (t) {
		*t = (struct task) { .shell = sh, .command = json_incref(command), .run = c->run };
		if (pthread_create(&t->thread, NULL, run_task, t) == 0) {
			sh->tasks[sh->n_tasks++] = t;
			return;
		}
		json_decref(t->command);
		free(t);
	}
	refuse(sh, command, "too many commands at a time");
}

static void run_line(struct shell *sh, json_t *command)
{
	const char *name = text(command, "cmd");

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->name, name) != 0)
			continue;
		if (!c->needs_no_informer && !sh->n_informers)
			refuse(sh, command, "configure comes first");
		else if (c->may_take_long)
			start_task(sh, c, command);
		else
			c->run(sh, command);
		return;
	}
	refuse(sh, command, "unknown command");
}

static void finish(struct shell *sh)
{
	if (sh->factory)
		pn_factory_stop(sh->factory);
	for (size_t i = 0; i < sh->n_handlers; i++)
		unblock(sh, sh->handlers[i]);
	for (size_t i = 0; i < sh->n_tasks; i++) {
		(void)pthread_join(sh->tasks[i]->thread, NULL);
		json_decref(sh->tasks[i]->command);
		free(sh->tasks[i]);
	}
	for (size_t i = 0; i < sh->n_handlers; i++)
		pn_registration_free(sh->handlers[i]->registration);
	pn_factory_free(sh->factory);
	for (size_t i = 0; i < sh->n_handlers; i++) {
		free(sh->handlers[i]->name);
		free(sh->handlers[i]);
	}
	json_decref(sh->config);
}

int main(void)
{
	static struct shell sh = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.unblocked = PTHREAD_COND_INITIALIZER,
	};
	char *line = NULL;
	size_t size = 0;
	json_t *command;

	while (getline(&line, &size, stdin) > 0) {
		command = json_loads(line, 0, NULL);
		run_line(&sh, command);
		json_decref(command);
	}
	free(line);
	finish(&sh);
	return EXIT_SUCCESS;
}
