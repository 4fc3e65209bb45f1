/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The informer under test and the record of what it says. Handlers and hooks write under a lock and
 * wake whoever waits; only figures that nothing announces are looked at repeatedly.
 */
#include <stdio.h>
#include <time.h>

#include "tests/unit/kube/behaviour.h"
#include "tests/unit/kube/scripted_objects.h"

/* --- texts --- */

static void say(struct behaviour *b, struct texts *texts, char *text)
{
	(void)pthread_mutex_lock(&b->lock);
	if (!texts->text)
		texts->text = calloc(MAX_TEXTS, sizeof(*texts->text));
	if (texts->n < MAX_TEXTS)
		texts->text[texts->n++] = text;
	else
		free(text);
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
}

static void forget(struct texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->text[i]);
	free(texts->text);
}

static bool show_rest(const struct texts *texts, const char *what)
{
	for (size_t i = texts->n_seen; i < texts->n; i++)
		print_error("not expected, %s: %s\n", what, texts->text[i]);
	return texts->n > texts->n_seen;
}

static struct timespec guard_end(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += API_GUARD_S;
	return t;
}

/* Return: whether there are @n texts in all */
static bool wait_for_texts(struct behaviour *b, const struct texts *texts, size_t n)
{
	struct timespec end = guard_end();
	bool is_there;
	int result = 0;

	(void)pthread_mutex_lock(&b->lock);
	while (texts->n < n && result == 0)
		result = pthread_cond_timedwait(&b->changed, &b->lock, &end);
	is_there = texts->n >= n;
	(void)pthread_mutex_unlock(&b->lock);
	return is_there;
}

static size_t split(char *copy, char **parts)
{
	size_t n = 0;

	while (n < MAX_TEXTS && (parts[n] = api_next_part(&copy)))
		n++;
	return n;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(char **parts, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%s%s", i ? ", " : "", parts[i]);
	(void)fclose(out);
	return text;
}

static void texts_are(struct behaviour *b, struct texts *texts, const char *words, bool in_order)
{
	char *copy = strdup(words), *want, *got;
	char **parts = calloc(MAX_TEXTS, sizeof(*parts));
	size_t n = split(copy, parts), n_got;
	bool is_same;

	(void)wait_for_texts(b, texts, texts->n_seen + n);
	(void)pthread_mutex_lock(&b->lock);
	n_got = texts->n - texts->n_seen;
	if (n_got > n && n)
		n_got = n;
	if (!in_order) {
		qsort(parts, n, sizeof(*parts), compare_texts);
		qsort(texts->text + texts->n_seen, n_got, sizeof(*parts), compare_texts);
	}
	want = join(parts, n);
	got = join(texts->text + texts->n_seen, n_got);
	texts->n_seen += n_got;
	(void)pthread_mutex_unlock(&b->lock);
	is_same = strcmp(want, got) == 0;
	if (!is_same)
		print_error("said: %s\nwant: %s\n", got, want);
	free(want);
	free(got);
	free(parts);
	free(copy);
	assert_true(is_same);
}

/* --- handlers --- */

static void pass_gate(struct recorder *r)
{
	struct behaviour *b = r->b;

	(void)pthread_mutex_lock(&b->lock);
	r->n_inside++;
	(void)pthread_cond_broadcast(&b->changed);
	while (r->is_held)
		(void)pthread_cond_wait(&b->changed, &b->lock);
	(void)pthread_mutex_unlock(&b->lock);
}

void record_call(const void *handler, void *data, const struct pn_notice *n)
{
	struct recorder *r = data;
	char key[PN_KEY_LEN], *text = NULL;
	int len = -1;

	(void)handler;
	pass_gate(r);
	switch (n->type) {
	case PN_NOTICE_ADD:
		len = asprintf(&text, "add %s@%s%s", pn_object_key(n->obj, key),
			       n->obj->resource_version, n->is_initial ? " init" : "");
		break;
	case PN_NOTICE_UPDATE:
		len = asprintf(&text, "update %s@%s->%s", pn_object_key(n->obj, key),
			       n->old->resource_version, n->obj->resource_version);
		break;
	case PN_NOTICE_REMOVE:
		len = asprintf(&text, "delete %s@%s%s", pn_object_key(n->obj, key),
			       n->obj->resource_version, n->is_stale ? " tomb" : "");
		break;
	case PN_NOTICE_SYNCED:
		len = asprintf(&text, "synced");
		break;
	case PN_NOTICE_MAX:
		break;
	}
	if (len >= 0)
		say(r->b, &r->log, text);
}

struct recorder *record(struct behaviour *b, struct pn_informer *inf,
			const struct pn_handler_options *options)
{
	struct recorder *r = &b->recorders[b->n_recorders++];

	assert_true(b->n_recorders <= MAX_RECORDERS);
	r->b = b;
	r->inf = inf;
	assert_int_equal(
		pn_informer_add_handler(inf, record_call, NULL, r, options, &r->registration), 0);
	return r;
}

void let_go(struct recorder *r)
{
	(void)pthread_mutex_lock(&r->b->lock);
	r->is_held = false;
	(void)pthread_cond_broadcast(&r->b->changed);
	(void)pthread_mutex_unlock(&r->b->lock);
}

void wait_inside(struct recorder *r, unsigned int n)
{
	struct timespec end = guard_end();
	int result = 0;

	(void)pthread_mutex_lock(&r->b->lock);
	while (r->n_inside < n && result == 0)
		result = pthread_cond_timedwait(&r->b->changed, &r->b->lock, &end);
	(void)pthread_mutex_unlock(&r->b->lock);
	assert_int_equal(result, 0);
}

void log_is(struct recorder *r, const char *words)
{
	texts_are(r->b, &r->log, words, true);
}

void log_is_any_order(struct recorder *r, const char *words)
{
	texts_are(r->b, &r->log, words, false);
}

void log_skip(struct recorder *r, size_t n)
{
	if (!wait_for_texts(r->b, &r->log, n))
		fail_msg("%zu calls, want %zu", r->log.n, n);
	(void)pthread_mutex_lock(&r->b->lock);
	r->log.n_seen = n;
	(void)pthread_mutex_unlock(&r->b->lock);
}

void errors_are(struct behaviour *b, const char *words)
{
	texts_are(b, &b->errors, words, true);
}

void warnings_are(struct behaviour *b, const char *words)
{
	texts_are(b, &b->warnings, words, true);
}

void errors_skip(struct behaviour *b)
{
	(void)pthread_mutex_lock(&b->lock);
	b->errors.n_seen = b->errors.n;
	(void)pthread_mutex_unlock(&b->lock);
}

/* --- hooks --- */

static void on_error(void *data, const struct pn_watch_error *error)
{
	struct behaviour *b = data;
	char *text = NULL;

	if (asprintf(&text, "%d %s", error->code, *error->reason ? error->reason : "-") >= 0)
		say(b, &b->errors, text);
}

static void on_warning(void *data, const char *warning)
{
	struct behaviour *b = data;

	say(b, &b->warnings, strdup(warning));
}

struct pn_informer_options with_hooks(struct behaviour *b,
				      const struct pn_informer_options *options)
{
	struct pn_informer_options o = *options;

	o.on_error = on_error;
	o.on_warning = on_warning;
	if (!o.data)
		o.data = b;
	return o;
}

/* --- life --- */

int behaviour_setup(void **state)
{
	struct behaviour *b = calloc(1, sizeof(*b));
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&b->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	api_start(&b->api);
	*state = b;
	return 0;
}

void behaviour_prepare(struct behaviour *b, const struct pn_informer_options *options)
{
	const struct pn_factory_options to_api = { .size = sizeof(to_api), .server = b->api.url };
	const struct pn_informer_options o = with_hooks(b, options);
	struct pn_err err;

	if (!b->factory && pn_factory_new(&to_api, &b->factory, &err) != 0)
		fail_msg("%s", err.text);
	b->inf = pn_factory_informer(b->factory, PN_KIND_POD, &o, &err);
	if (!b->inf)
		fail_msg("%s", err.text);
	b->h = record(b, b->inf, NULL);
}

void start(struct behaviour *b)
{
	assert_int_equal(pn_factory_start(b->factory), 0);
}

int behaviour_teardown(void **state)
{
	struct behaviour *b = *state;
	bool is_bad = false;

	for (unsigned int i = 0; i < b->n_recorders; i++)
		let_go(&b->recorders[i]);
	if (b->inf)
		until(status_of(b).n_queued == 0); /* what is on its way counts as said */
	for (unsigned int i = 0; i < b->n_recorders; i++)
		pn_registration_free(b->recorders[i].registration);
	pn_factory_free(b->factory);
	is_bad |= api_stop(&b->api) > 0;
	for (unsigned int i = 0; i < b->n_recorders; i++)
		if (!b->recorders[i].ignores_rest)
			is_bad |= show_rest(&b->recorders[i].log, "a call");
	for (unsigned int i = 0; i < MAX_RECORDERS; i++)
		forget(&b->recorders[i].log);
	is_bad |= show_rest(&b->errors, "an error");
	forget(&b->errors);
	forget(&b->warnings);
	is_bad &= !b->ignores_rest;
	(void)pthread_cond_destroy(&b->changed);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
	return is_bad ? -1 : 0;
}

/* --- the store --- */

void behaviour_nap(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	(void)nanosleep(&moment, NULL);
}

static char *render_found(struct pn_iter *it, bool with_version)
{
	char **parts = calloc(MAX_TEXTS, sizeof(*parts)), key[PN_KEY_LEN], *text;
	const struct pn_object *o;
	size_t n = 0;

	while (n < MAX_TEXTS && (o = pn_iter_next(it)))
		if (asprintf(&parts[n], with_version ? "%s@%s" : "%s", pn_object_key(o, key),
			     o->resource_version) >= 0)
			n++;
	qsort(parts, n, sizeof(*parts), compare_texts);
	text = join(parts, n);
	while (n)
		free(parts[--n]);
	free(parts);
	return text;
}

static char *sorted(const char *words)
{
	char *copy = strdup(words), **parts = calloc(MAX_TEXTS, sizeof(*parts)), *text;
	size_t n = split(copy, parts);

	qsort(parts, n, sizeof(*parts), compare_texts);
	text = join(parts, n);
	free(parts);
	free(copy);
	return text;
}

/* @index NULL: the whole store */
static char *look(struct behaviour *b, const char *index, const char *value)
{
	struct pn_iter it;
	char *text;

	pn_read_begin();
	if (index)
		assert_int_equal(pn_informer_by_index(b->inf, index, value, &it), 0);
	else
		pn_informer_each(b->inf, &it);
	text = render_found(&it, !index);
	pn_read_end();
	return text;
}

static void found_is(struct behaviour *b, const char *index, const char *value, const char *words)
{
	char *want = sorted(words), *got = look(b, index, value);
	int64_t end = api_now_ms() + API_GUARD_S * 1000;
	bool is_same;

	while (!(is_same = strcmp(want, got) == 0) && api_now_ms() < end) {
		behaviour_nap();
		free(got);
		got = look(b, index, value);
	}
	if (!is_same)
		print_error("found: %s\nwant:  %s\n", got, want);
	free(got);
	free(want);
	assert_true(is_same);
}

void store_is(struct behaviour *b, const char *objects)
{
	found_is(b, NULL, NULL, objects);
}

void index_is(struct behaviour *b, const char *index, const char *value, const char *keys)
{
	found_is(b, index, value, keys);
}

struct pn_informer_status status_of(const struct behaviour *b)
{
	struct pn_informer_status status;

	pn_informer_status(b->inf, &status);
	return status;
}

/* --- usual beginnings --- */

void fetch_list(struct behaviour *b, const char *version, const char *objects)
{
	char watch[256];

	api_expect(&b->api, "LIST resourceVersion=0");
	api_list(&b->api, version, objects);
	(void)snprintf(watch, sizeof(watch), "WATCH resourceVersion=%s", version);
	api_expect(&b->api, watch);
	api_stream(&b->api);
}

void fetch_stream(struct behaviour *b, const char *events)
{
	api_expect(&b->api, "WATCHLIST resourceVersion=");
	api_stream(&b->api);
	api_send(&b->api, events);
}

void expect_relist(struct behaviour *b, const char *version)
{
	char what[64];

	api_send(&b->api, "ERROR 410 Expired");
	(void)snprintf(what, sizeof(what), "LIST resourceVersion=%s", version);
	api_expect(&b->api, what);
}

void relist(struct behaviour *b, const char *old, const char *new, const char *objects)
{
	char what[64];

	expect_relist(b, old);
	api_list(&b->api, new, objects);
	(void)snprintf(what, sizeof(what), "WATCH resourceVersion=%s", new);
	api_expect(&b->api, what);
	api_stream(&b->api);
}
