/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Informers that are held to their word while a real API server is being troubled: pods with an
 * index by address, services and ReplicaSets, and for each a handler on the loop and one with a
 * thread of its own. A handler believes what it is told, and checks each call against that belief:
 * an object that is added must be unknown, an update must begin at the version believed in, a
 * removal must be of a known object, and versions of a key only grow. So a call that is missing, is
 * told twice or comes out of order is found at the next one of its key. In the end belief, store and
 * index have to agree, and both handlers must have heard the same for each key.
 *
 *   soak_informer [--json] [--plain] FOLDER
 *
 * The server is that of $KUBECONFIG. Each line "look" on standard input writes what is stored to
 * FOLDER/KIND, a line "KEY RESOURCEVERSION" each, and counts to standard output, as one JSON object;
 * so does the end of the input, after a second without a call, with the verdict. The driver is
 * tests/bench/soak.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include <podonym/informer.h>

enum {
	N_KINDS = 3,
	N_HANDLERS = 2, /* on the loop, and with a thread of its own */
	MAX_COMPLAINTS = 20,
	SYNC_MS = 60000,
	POLL_US = 100000,
	QUIET_POLLS = 10,
	MAX_POLLS = 600,
};

/* What a handler has heard of one key, also after its removal. */
struct heard {
	UT_hash_handle hh;
	const struct pn_object *believed; /* NULL: there is none */
	uint64_t version;		  /* the last one told */
	uint64_t n_calls, digest;	  /* of all calls in their order */
	char key[PN_KEY_LEN];
};

struct belief {
	pthread_mutex_t lock;
	const char *kind, *who;
	struct heard *keys;
	size_t n_believed;
	bool is_synced;
	uint64_t n_of[PN_NOTICE_MAX];
	uint64_t n_replaced, n_stale, n_violations;
};

struct watched {
	const char *kind;
	struct pn_informer *inf;
	struct belief beliefs[N_HANDLERS];
	struct pn_registration *registrations[N_HANDLERS];
	_Atomic uint64_t n_errors;
};

struct differences {
	uint64_t belief, handlers, index;
};

static _Noreturn void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "soak_informer: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static uint64_t version_of(const struct pn_object *obj)
{
	return strtoull(obj->resource_version, NULL, 10);
}

static bool is_same(const struct pn_object *a, const struct pn_object *b)
{
	return strcmp(a->uid, b->uid) == 0 && strcmp(a->resource_version, b->resource_version) == 0;
}

/* --- what handlers hear --- */

static struct heard *find(struct belief *b, const char *key)
{
	struct heard *h;

	HASH_FIND_STR(b->keys, key, h);
	return h;
}

static struct heard *find_or_add(struct belief *b, const char *key)
{
	struct heard *h = find(b, key);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		fail(key, "out of memory");
	(void)snprintf(h->key, sizeof(h->key), "%s", key);
	HASH_ADD_STR(b->keys, key, h);
	return h;
}

static const char *wrong_add(const struct belief *b, const struct heard *h,
			     const struct pn_notice *n)
{
	if (h->believed)
		return "added, and is known";
	if (version_of(n->obj) <= h->version)
		return "added with a version that is not new";
	if (n->is_initial && b->is_synced)
		return "added as part of the first list, after its end";
	return NULL;
}

static const char *wrong_update(const struct heard *h, const struct pn_notice *n)
{
	if (!h->believed)
		return "updated, and is unknown";
	if (!is_same(h->believed, n->old))
		return "updated from another version than was told";
	if (version_of(n->obj) <= h->version)
		return "updated to a version that is not new";
	return NULL;
}

static const char *wrong_removal(const struct heard *h, const struct pn_notice *n)
{
	if (!h->believed)
		return "removed, and is unknown";
	if (strcmp(h->believed->uid, n->obj->uid) != 0)
		return "removed under the uid of another";
	if (version_of(n->obj) < h->version)
		return "removed with an old version";
	return NULL;
}

static const char *what_is_wrong(const struct belief *b, const struct heard *h,
				 const struct pn_notice *n)
{
	if (n->type == PN_NOTICE_ADD)
		return wrong_add(b, h, n);
	return n->type == PN_NOTICE_UPDATE ? wrong_update(h, n) : wrong_removal(h, n);
}

static void complain(struct belief *b, const char *what, const char *key, const struct heard *h,
		     const struct pn_notice *n)
{
	if (b->n_violations++ >= MAX_COMPLAINTS)
		return;
	(void)fprintf(stderr,
		      "soak_informer: %s: %s: %s: %s: told %s, before %s, believed %" PRIu64 "\n",
		      b->kind, b->who, key, what, n->obj ? n->obj->resource_version : "-",
		      n->old ? n->old->resource_version : "-", h ? h->version : 0);
}

static void believe(struct belief *b, struct heard *h, const struct pn_notice *n)
{
	static const uint64_t prime = 0x100000001b3;
	const struct pn_object *now = n->type == PN_NOTICE_REMOVE ? NULL : n->obj;

	if (now)
		(void)pn_object_ref(now);
	b->n_believed += (now != NULL);
	b->n_believed -= (h->believed != NULL);
	pn_object_unref(h->believed);
	h->believed = now;
	h->version = version_of(n->obj);
	h->n_calls++;
	h->digest = (h->digest * prime ^ (uint64_t)n->type) * prime ^ h->version;
}

static void on_notice(const void *handler, void *data, const struct pn_notice *n)
{
	struct belief *b = data;
	char key[PN_KEY_LEN];
	struct heard *h;
	const char *wrong;

	(void)handler;
	(void)pthread_mutex_lock(&b->lock);
	b->n_of[n->type]++;
	if (n->type == PN_NOTICE_SYNCED) {
		if (b->is_synced)
			complain(b, "said to be complete twice", "-", NULL, n);
		b->is_synced = true;
	} else {
		h = find_or_add(b, pn_object_key(n->obj, key));
		wrong = what_is_wrong(b, h, n);
		if (wrong)
			complain(b, wrong, key, h, n);
		b->n_replaced +=
			n->type == PN_NOTICE_UPDATE && strcmp(n->old->uid, n->obj->uid) != 0;
		b->n_stale += n->is_stale;
		believe(b, h, n);
	}
	(void)pthread_mutex_unlock(&b->lock);
}

static void forget(struct belief *b)
{
	struct heard *h, *next;

	HASH_ITER (hh, b->keys, h, next) {
		HASH_DEL(b->keys, h);
		pn_object_unref(h->believed);
		free(h);
	}
}

/* --- belief, store and index beside each other --- */

static uint64_t compare_belief(const struct watched *w, struct belief *b)
{
	const struct pn_object *obj;
	char key[PN_KEY_LEN];
	uint64_t n_differ = 0;
	struct pn_iter it;
	size_t n = 0;

	(void)pthread_mutex_lock(&b->lock);
	pn_read_begin();
	pn_informer_each(w->inf, &it);
	while ((obj = pn_iter_next(&it))) {
		struct heard *h = find(b, pn_object_key(obj, key));

		n_differ += !h || !h->believed || !is_same(h->believed, obj);
		n++;
	}
	pn_read_end();
	n_differ += n > b->n_believed ? n - b->n_believed : b->n_believed - n;
	(void)pthread_mutex_unlock(&b->lock);
	return n_differ;
}

/* The calls of one key, by number and order, must be the same for both. */
static uint64_t compare_handlers(struct belief *a, struct belief *b)
{
	uint64_t n_differ = HASH_COUNT(a->keys) != HASH_COUNT(b->keys);
	struct heard *h, *next, *other;

	HASH_ITER (hh, a->keys, h, next) {
		other = find(b, h->key);
		n_differ += !other || other->n_calls != h->n_calls || other->digest != h->digest;
	}
	return n_differ;
}

static bool is_found(const struct pn_informer *pods, const struct pn_addr *addr,
		     const struct pn_object *obj)
{
	const struct pn_object *found;
	struct pn_iter it;

	(void)pn_informer_by_addr(pods, pn_indexer_ip.name, addr, &it);
	do
		found = pn_iter_next(&it);
	while (found && found != obj);
	return found != NULL;
}

struct entries {
	const struct pn_informer *pods;
	uint64_t n, n_unknown;
};

static bool count_entries(void *data, const char *text)
{
	struct entries *e = data;
	const struct pn_object *obj;
	char key[PN_KEY_LEN];
	struct pn_iter it;

	(void)pn_informer_by_index(e->pods, pn_indexer_ip.name, text, &it);
	while ((obj = pn_iter_next(&it))) {
		e->n++;
		e->n_unknown += pn_informer_get(e->pods, pn_object_key(obj, key)) != obj;
	}
	return true;
}

/* Each address of a stored pod leads to it, and the index holds nothing else. */
static uint64_t compare_index(const struct pn_informer *pods)
{
	struct entries entries = { .pods = pods };
	uint64_t n_differ = 0, n_addrs = 0;
	const struct pn_object *obj;
	struct pn_iter it;

	pn_read_begin();
	pn_informer_each(pods, &it);
	while ((obj = pn_iter_next(&it))) {
		const struct pn_pod *pod = pn_object_pod(obj);

		n_addrs += pod->n_addrs;
		for (uint32_t i = 0; i < pod->n_addrs; i++)
			n_differ += !is_found(pods, &pod->addrs[i], obj);
	}
	(void)pn_informer_index_values(pods, pn_indexer_ip.name, count_entries, &entries);
	pn_read_end();
	n_differ += entries.n_unknown;
	return n_differ + (entries.n > n_addrs ? entries.n - n_addrs : n_addrs - entries.n);
}

static void compare(struct watched *all, struct differences *ret)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		for (size_t k = 0; k < N_HANDLERS; k++)
			ret->belief += compare_belief(&all[i], &all[i].beliefs[k]);
		ret->handlers += compare_handlers(&all[i].beliefs[0], &all[i].beliefs[1]);
	}
	ret->index = compare_index(all[0].inf);
}

/* --- what is told outside --- */

static void write_versions(const char *folder, const struct watched *w)
{
	const struct pn_object *obj;
	char path[4096], key[PN_KEY_LEN];
	struct pn_iter it;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, w->kind);
	f = fopen(path, "we");
	if (!f)
		fail(path, "cannot be written");
	pn_read_begin();
	pn_informer_each(w->inf, &it);
	while ((obj = pn_iter_next(&it)))
		(void)fprintf(f, "%s %s\n", pn_object_key(obj, key), obj->resource_version);
	pn_read_end();
	if (fclose(f) != 0)
		fail(path, "cannot be written");
}

static json_t *describe_belief(struct belief *b)
{
	json_t *o;

	(void)pthread_mutex_lock(&b->lock);
	o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "adds",
		      (json_int_t)b->n_of[PN_NOTICE_ADD], "updates",
		      (json_int_t)b->n_of[PN_NOTICE_UPDATE], "removals",
		      (json_int_t)b->n_of[PN_NOTICE_REMOVE], "replaced", (json_int_t)b->n_replaced,
		      "stale", (json_int_t)b->n_stale, "keys", (json_int_t)HASH_COUNT(b->keys),
		      "violations", (json_int_t)b->n_violations);
	(void)pthread_mutex_unlock(&b->lock);
	return o;
}

static json_t *describe(struct watched *w)
{
	struct pn_informer_status st;
	json_t *o;

	pn_informer_status(w->inf, &st);
	o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "objects",
		      (json_int_t)st.n_objects, "events", (json_int_t)st.n_events, "lists",
		      (json_int_t)st.n_lists, "watches", (json_int_t)st.n_watches, "refused",
		      (json_int_t)st.n_refused, "queued", (json_int_t)st.n_queued, "errors",
		      (json_int_t)atomic_load_explicit(&w->n_errors, memory_order_relaxed),
		      "last_error", st.last_error.text);
	for (size_t k = 0; k < N_HANDLERS; k++)
		(void)json_object_set_new(o, w->beliefs[k].who, describe_belief(&w->beliefs[k]));
	return o;
}

static uint64_t violations(struct watched *all)
{
	uint64_t n = 0;

	for (size_t i = 0; i < N_KINDS * N_HANDLERS; i++) {
		struct belief *b = &all[i / N_HANDLERS].beliefs[i % N_HANDLERS];

		(void)pthread_mutex_lock(&b->lock);
		n += b->n_violations;
		(void)pthread_mutex_unlock(&b->lock);
	}
	return n;
}

static void look(struct watched *all, const char *folder, const struct differences *found)
{
	json_t *o = json_object();

	for (size_t i = 0; i < N_KINDS; i++) {
		write_versions(folder, &all[i]);
		(void)json_object_set_new(o, all[i].kind, describe(&all[i]));
	}
	(void)json_object_set_new(o, "violations", json_integer((json_int_t)violations(all)));
	if (found)
		(void)json_object_set_new(o, "differences",
					  json_pack("{s:I, s:I, s:I}", "belief",
						    (json_int_t)found->belief, "handlers",
						    (json_int_t)found->handlers, "index",
						    (json_int_t)found->index));
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	(void)fflush(stdout);
	json_decref(o);
}

/* --- the run --- */

static void on_error(void *data, const struct pn_watch_error *error)
{
	struct watched *w = data;

	(void)atomic_fetch_add_explicit(&w->n_errors, 1, memory_order_relaxed);
	(void)fprintf(stderr, "soak_informer: %s: %s\n", w->kind, error->message);
}

static void add_handlers(struct watched *w)
{
	static const char *const who[N_HANDLERS] = { "loop", "thread" };
	struct pn_handler_options options = { .size = sizeof(options) };

	for (size_t k = 0; k < N_HANDLERS; k++) {
		struct belief *b = &w->beliefs[k];

		*b = (struct belief) { .kind = w->kind, .who = who[k] };
		(void)pthread_mutex_init(&b->lock, NULL);
		options.own_thread = k == 1;
		if (pn_informer_add_handler(w->inf, on_notice, NULL, b, &options,
					    &w->registrations[k]) < 0)
			fail(w->kind, "no handler can be added");
	}
}

/* Until the handlers have heard the first list. */
static void await_handlers(const struct watched *w)
{
	for (size_t k = 0; k < N_HANDLERS; k++) {
		for (int i = 0; i < MAX_POLLS && !pn_registration_has_synced(w->registrations[k]);
		     i++)
			(void)usleep(POLL_US);
		if (!pn_registration_has_synced(w->registrations[k]))
			fail(w->kind, "a handler has not heard the first list after a minute");
	}
}

static struct pn_factory *start(struct watched *all, const struct pn_informer_options *like)
{
	static const enum pn_kind_id ids[N_KINDS] = { PN_KIND_POD, PN_KIND_SERVICE,
						      PN_KIND_REPLICASET };
	static const char *const kinds[N_KINDS] = { "pods", "services", "replicasets" };
	struct pn_factory *factory;
	struct pn_err err = { "" };

	if (pn_factory_new(NULL, &factory, &err) < 0)
		fail("connecting", err.text);
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pn_informer_options options = *like;

		options.on_error = on_error;
		options.data = &all[i];
		all[i].kind = kinds[i];
		all[i].inf = pn_factory_informer(factory, ids[i], &options, &err);
		if (!all[i].inf)
			fail(kinds[i], err.text);
		add_handlers(&all[i]);
	}
	if (pn_informer_add_index(all[0].inf, &pn_indexer_ip) < 0 ||
	    pn_factory_start(factory) < 0 || pn_factory_wait_for_sync(factory, SYNC_MS) < 0)
		fail("sync", "not complete after a minute");
	for (size_t i = 0; i < N_KINDS; i++)
		await_handlers(&all[i]);
	return factory;
}

static uint64_t calls(const struct watched *all, uint64_t *ret_queued)
{
	struct pn_informer_status st;
	uint64_t n = 0;

	*ret_queued = 0;
	for (size_t i = 0; i < N_KINDS; i++) {
		pn_informer_status(all[i].inf, &st);
		n += st.n_calls;
		*ret_queued += st.n_queued;
	}
	return n;
}

static void await_quiet(const struct watched *all)
{
	uint64_t queued, last = 0, now;
	int n_quiet = 0;

	for (int i = 0; i < MAX_POLLS && n_quiet < QUIET_POLLS; i++) {
		(void)usleep(POLL_US);
		now = calls(all, &queued);
		n_quiet = now == last && queued == 0 ? n_quiet + 1 : 0;
		last = now;
	}
	if (n_quiet < QUIET_POLLS)
		fail("the end", "objects are still being changed");
}

static const char *read_options(int argc, char **argv, struct pn_informer_options *options)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "plain", no_argument, NULL, 'l' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'j')
			options->json = true;
		else if (c == 'l')
			options->list_mode = PN_LIST_PLAIN;
		else
			exit(2);
	}
	if (optind != argc - 1) {
		(void)fputs("usage: soak_informer [--json] [--plain] FOLDER\n", stderr);
		exit(2);
	}
	return argv[optind];
}

int main(int argc, char **argv)
{
	struct pn_informer_options options = { .size = sizeof(options) };
	const char *folder = read_options(argc, argv, &options);
	struct differences found = { 0 };
	struct watched all[N_KINDS] = { 0 };
	struct pn_factory *factory;
	char line[64];

	if (!getenv("KUBECONFIG")) {
		(void)puts("  skipped: no KUBECONFIG names an API server to watch");
		return EXIT_SUCCESS;
	}
	factory = start(all, &options);
	while (fgets(line, sizeof(line), stdin))
		if (strcmp(line, "look\n") == 0)
			look(all, folder, NULL);
	await_quiet(all);
	compare(all, &found);
	look(all, folder, &found);
	for (size_t i = 0; i < N_KINDS * N_HANDLERS; i++)
		pn_registration_free(all[i / N_HANDLERS].registrations[i % N_HANDLERS]);
	pn_factory_free(factory);
	for (size_t i = 0; i < N_KINDS * N_HANDLERS; i++)
		forget(&all[i / N_HANDLERS].beliefs[i % N_HANDLERS]);
	return violations(all) || found.belief || found.handlers || found.index ? EXIT_FAILURE
										: EXIT_SUCCESS;
}
