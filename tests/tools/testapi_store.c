/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test server's objects. testapi_http.c writes here, lists and watches read.
 *
 * An object is a JSON tree that is never changed once it is stored: a write puts a new tree in its
 * place, so lists under way and the history just hold references. Objects stand in one array sorted
 * by collection, namespace and name; a test cluster is small.
 */
#include "testapi_store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

struct entry {
	const struct pn_collection *collection;
	json_t *object;
};

struct pn_teststore {
	pn_listener listener;
	void *listener_data;
	uint64_t rv, forgotten_rv; /* a watch cannot begin before forgotten_rv */
	struct entry *entries;
	size_t n_entries, cap_entries;
	struct pn_event *history; /* a ring */
	size_t first, n_history, max_history;
};

static const struct pn_collection collections[] = {
	{ "Pod", "pods", "po", "all", "/api/v1", "v1", true },
	{ "Service", "services", "svc", "all", "/api/v1", "v1", true },
	{ "Node", "nodes", "no", "", "/api/v1", "v1", false },
	{ "Namespace", "namespaces", "ns", "", "/api/v1", "v1", false },
	{ "ReplicaSet", "replicasets", "rs", "all", "/apis/apps/v1", "apps/v1", true },
	{ "EndpointSlice", "endpointslices", "", "", "/apis/discovery.k8s.io/v1",
	  "discovery.k8s.io/v1", true },
	{ "NetworkPolicy", "networkpolicies", "netpol", "", "/apis/networking.k8s.io/v1",
	  "networking.k8s.io/v1", true },
	{ "ClusterNetworkPolicy", "clusternetworkpolicies", "cnp", "",
	  "/apis/policy.networking.k8s.io/v1alpha2", "policy.networking.k8s.io/v1alpha2", false },
	{ "Widget", "widgets", "wd", "", "/apis/example.com/v1", "example.com/v1", true },
};

static bool same(const char *a, const char *b, size_t b_len)
{
	return strlen(a) == b_len && memcmp(a, b, b_len) == 0;
}

const struct pn_collection *pn_collection_find(const char *prefix, size_t prefix_len,
					       const char *plural, size_t plural_len)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(collections); i++) {
		if (same(collections[i].prefix, prefix, prefix_len) &&
		    same(collections[i].plural, plural, plural_len))
			return &collections[i];
	}
	return NULL;
}

const struct pn_collection *pn_collection_get(size_t i)
{
	return i < PN_ARRAY_SIZE(collections) ? &collections[i] : NULL;
}

static const struct pn_collection *find_kind(const char *api_version, const char *kind)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(collections); i++) {
		if (strcmp(collections[i].kind, kind) == 0 &&
		    strcmp(collections[i].api_version, api_version) == 0)
			return &collections[i];
	}
	return NULL;
}

const char *pn_change_name(enum pn_change change)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED" };

	static_assert(PN_ARRAY_SIZE(names) == PN_CHANGE_MAX, "a name for each");
	return names[change];
}

/* --- reading a tree --- */

static const char *text(const json_t *tree, const char *name)
{
	const char *s = json_string_value(json_object_get(tree, name));

	return s ? s : "";
}

static const char *meta(const json_t *object, const char *name)
{
	return text(json_object_get(object, "metadata"), name);
}

/* One of the conditions of a label selector. */
static bool label_matches(const json_t *labels, char *condition)
{
	char *equals = strchr(condition, '=');
	bool is_not = equals && equals > condition && equals[-1] == '!';
	const char *value;

	if (!equals)
		return json_object_get(labels, condition) != NULL;
	equals[is_not ? -1 : 0] = '\0';
	value = equals + 1 + (equals[1] == '=');
	return (strcmp(text(labels, condition), value) == 0) != is_not;
}

static bool labels_match(const char *selector, const json_t *object)
{
	const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
	char copy[512], *rest = copy, *condition;

	(void)snprintf(copy, sizeof(copy), "%s", selector);
	while (*selector && (condition = strsep(&rest, ","))) {
		if (!label_matches(labels, condition))
			return false;
	}
	return true;
}

static bool selected(const struct pn_selection *sel, const struct pn_collection *c,
		     const json_t *object)
{
	const char *node = text(json_object_get(object, "spec"), "nodeName");

	return sel->collection == c &&
	       (!*sel->name_space || strcmp(sel->name_space, meta(object, "namespace")) == 0) &&
	       (!*sel->name || strcmp(sel->name, meta(object, "name")) == 0) &&
	       (!*sel->node || strcmp(sel->node, node) == 0) && labels_match(sel->labels, object);
}

/* To a watch that selects, an object appears and vanishes when it begins and ceases to match. */
bool pn_event_seen_as(const struct pn_event *e, const struct pn_selection *sel, enum pn_change *ret)
{
	bool was = e->previous && selected(sel, e->collection, e->previous);
	bool is = e->change != PN_CHANGE_DELETED && selected(sel, e->collection, e->object);

	if (!was && !is)
		return false;
	*ret = !was ? PN_CHANGE_ADDED : !is ? PN_CHANGE_DELETED : PN_CHANGE_MODIFIED;
	return true;
}

json_t *pn_metadata_only(const json_t *object)
{
	return json_pack("{s:s, s:s, s:O}", "kind", "PartialObjectMetadata", "apiVersion",
			 "meta.k8s.io/v1", "metadata", json_object_get(object, "metadata"));
}

/* --- life --- */

int pn_teststore_new(size_t max_history, pn_listener listener, void *data,
		     struct pn_teststore **ret)
{
	struct pn_teststore *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->history = calloc(max_history, sizeof(*s->history));
	if (!s->history) {
		free(s);
		return -ENOMEM;
	}
	s->max_history = max_history;
	s->rv = pn_clock_realtime(&pn_clock_system) / PN_NSEC_PER_MSEC;
	s->forgotten_rv = s->rv;
	s->listener = listener;
	s->listener_data = data;
	*ret = s;
	return 0;
}

static void forget_oldest(struct pn_teststore *s)
{
	struct pn_event *e = &s->history[s->first];

	s->forgotten_rv = e->rv;
	json_decref(e->object);
	json_decref(e->previous);
	s->first = (s->first + 1) % s->max_history;
	s->n_history--;
}

void pn_teststore_expire(struct pn_teststore *s)
{
	while (s->n_history)
		forget_oldest(s);
}

void pn_teststore_free(struct pn_teststore *s)
{
	if (!s)
		return;
	pn_teststore_expire(s);
	for (size_t i = 0; i < s->n_entries; i++)
		json_decref(s->entries[i].object);
	free(s->entries);
	free(s->history);
	free(s);
}

uint64_t pn_teststore_rv(const struct pn_teststore *s)
{
	return s->rv;
}

/* --- finding --- */

static int compare(const struct entry *e, const struct pn_collection *c, const char *name_space,
		   const char *name)
{
	int r;

	if (e->collection != c)
		return e->collection < c ? -1 : 1;
	r = strcmp(meta(e->object, "namespace"), name_space);
	return r ? r : strcmp(meta(e->object, "name"), name);
}

/* Where the object is, or where it belongs. Return: is it there? */
static bool find(const struct pn_teststore *s, const struct pn_collection *c,
		 const char *name_space, const char *name, size_t *ret)
{
	size_t lo = 0, hi = s->n_entries;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int r = compare(&s->entries[mid], c, name_space, name);

		if (r == 0) {
			*ret = mid;
			return true;
		}
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret = lo;
	return false;
}

json_t *pn_teststore_get(const struct pn_teststore *s, const struct pn_collection *c,
			 const char *name_space, const char *name)
{
	size_t at;

	return find(s, c, name_space, name, &at) ? s->entries[at].object : NULL;
}

json_t *pn_teststore_select(const struct pn_teststore *s, const struct pn_selection *sel)
{
	json_t *items = json_array();

	for (size_t i = 0; items && i < s->n_entries; i++) {
		const struct entry *e = &s->entries[i];

		if (!selected(sel, e->collection, e->object))
			continue;
		if (json_array_append(items, e->object) < 0) {
			json_decref(items);
			return NULL;
		}
	}
	return items;
}

int pn_teststore_since(const struct pn_teststore *s, uint64_t rv,
		       void (*visit)(void *data, const struct pn_event *event), void *data)
{
	if (rv < s->forgotten_rv)
		return -ESTALE;
	for (size_t i = 0; i < s->n_history; i++) {
		const struct pn_event *e = &s->history[(s->first + i) % s->max_history];

		if (e->rv > rv)
			visit(data, e);
	}
	return 0;
}

/* --- writing --- */

/* Tells the history and the listener. Takes a reference to each tree. */
static void record(struct pn_teststore *s, const struct pn_event *e)
{
	struct pn_event *slot;

	if (s->n_history == s->max_history)
		forget_oldest(s);
	slot = &s->history[(s->first + s->n_history++) % s->max_history];
	*slot = *e;
	json_incref(slot->object);
	json_incref(slot->previous);
	s->listener(s->listener_data, slot);
}

static void format_uuid(char buf[static 37])
{
	uint32_t r[4];

	for (size_t i = 0; i < PN_ARRAY_SIZE(r); i++)
		r[i] = pn_clock_system.random(pn_clock_system.data);
	(void)snprintf(buf, 37, "%08x-%04x-4%03x-%04x-%04x%08x", r[0], r[1] >> 16, r[1] & 0xfff,
		       0x8000 | (r[2] >> 18), r[2] & 0xffff, r[3]);
}

static int fill_in(json_t *metadata, const char *name, const char *value)
{
	if (*text(metadata, name))
		return 0;
	return json_object_set_new(metadata, name, json_string(value));
}

/* A copy of @object as it will be stored: complete metadata, the next resourceVersion. */
static json_t *prepare(struct pn_teststore *s, const struct pn_collection *c,
		       const char *name_space, const json_t *object, const json_t *previous)
{
	json_t *copy = json_deep_copy(object), *metadata = json_object_get(copy, "metadata");
	char uuid[37], now[32], rv[24];
	time_t t = time(NULL);
	struct tm tm;
	int r = 0;

	format_uuid(uuid);
	(void)strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	(void)snprintf(rv, sizeof(rv), "%" PRIu64, s->rv + 1);
	if (c->namespaced)
		r |= fill_in(metadata, "namespace", name_space);
	r |= fill_in(metadata, "uid", previous ? meta(previous, "uid") : uuid);
	r |= fill_in(metadata, "creationTimestamp",
		     previous ? meta(previous, "creationTimestamp") : now);
	r |= json_object_set_new(metadata, "resourceVersion", json_string(rv));
	r |= json_object_set_new(copy, "kind", json_string(c->kind));
	r |= json_object_set_new(copy, "apiVersion", json_string(c->api_version));
	if (r) {
		json_decref(copy);
		return NULL;
	}
	s->rv++;
	return copy;
}

static int check(const struct pn_collection *c, const char *name_space, const json_t *object,
		 struct pn_err *reterr)
{
	const char *kind = text(object, "kind"), *ns = meta(object, "namespace");

	if (*kind && strcmp(kind, c->kind) != 0)
		return pn_err_set(reterr, -EINVAL, "kind is %s, this is the collection of %s", kind,
				  c->plural);
	if (!*meta(object, "name"))
		return pn_err_set(reterr, -EINVAL, "metadata.name is missing");
	if (*ns && strcmp(ns, name_space) != 0)
		return pn_err_set(reterr, -EINVAL, "metadata.namespace is %s, the path says %s", ns,
				  name_space);
	return 0;
}

static int not_found(const struct pn_collection *c, const char *name, struct pn_err *reterr)
{
	return pn_err_set(reterr, -ENOENT, "%s \"%s\" not found", c->plural, name);
}

static int insert(struct pn_teststore *s, size_t at, const struct pn_collection *c, json_t *object)
{
	if (s->n_entries == s->cap_entries) {
		size_t cap = PN_MAX(2 * s->cap_entries, (size_t)64);
		struct entry *entries = reallocarray(s->entries, cap, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		s->entries = entries;
		s->cap_entries = cap;
	}
	memmove(&s->entries[at + 1], &s->entries[at], (s->n_entries - at) * sizeof(*s->entries));
	s->entries[at] = (struct entry) { c, object };
	s->n_entries++;
	return 0;
}

int pn_teststore_create(struct pn_teststore *s, const struct pn_collection *c,
			const char *name_space, const json_t *object, json_t **ret,
			struct pn_err *reterr)
{
	json_auto_t *stored = NULL;
	const char *name;
	size_t at;
	int r;

	r = check(c, name_space, object, reterr);
	if (r < 0)
		return r;
	name = meta(object, "name");
	if (find(s, c, name_space, name, &at))
		return pn_err_set(reterr, -EEXIST, "%s \"%s\" already exists", c->plural, name);
	stored = prepare(s, c, name_space, object, NULL);
	if (!stored || insert(s, at, c, stored) < 0)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	*ret = PN_TAKE_PTR(stored);
	record(s, &(struct pn_event) { PN_CHANGE_ADDED, c, s->rv, *ret, NULL });
	return 0;
}

/* An empty value in the new object means "whatever it is now". */
static bool differs(const json_t *old, const json_t *new, const char *field)
{
	return *meta(new, field) && strcmp(meta(old, field), meta(new, field)) != 0;
}

int pn_teststore_replace(struct pn_teststore *s, const struct pn_collection *c,
			 const char *name_space, const char *name, const json_t *object,
			 json_t **ret, struct pn_err *reterr)
{
	json_auto_t *previous = NULL;
	json_t *stored;
	size_t at;
	int r;

	r = check(c, name_space, object, reterr);
	if (r < 0)
		return r;
	if (strcmp(meta(object, "name"), name) != 0)
		return pn_err_set(reterr, -EINVAL, "metadata.name is %s, the path says %s",
				  meta(object, "name"), name);
	if (!find(s, c, name_space, name, &at))
		return not_found(c, name, reterr);
	if (differs(s->entries[at].object, object, "resourceVersion") ||
	    differs(s->entries[at].object, object, "uid"))
		return pn_err_set(reterr, -ESTALE, "%s \"%s\" has changed meanwhile", c->plural,
				  name);
	stored = prepare(s, c, name_space, object, s->entries[at].object);
	if (!stored)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	previous = s->entries[at].object;
	s->entries[at].object = stored;
	*ret = stored;
	record(s, &(struct pn_event) { PN_CHANGE_MODIFIED, c, s->rv, stored, previous });
	return 0;
}

int pn_teststore_remove(struct pn_teststore *s, const struct pn_collection *c,
			const char *name_space, const char *name, json_t **ret,
			struct pn_err *reterr)
{
	json_auto_t *previous = NULL, *last = NULL;
	size_t at;

	if (!find(s, c, name_space, name, &at))
		return not_found(c, name, reterr);
	last = prepare(s, c, name_space, s->entries[at].object, NULL);
	if (!last)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	previous = s->entries[at].object;
	s->n_entries--;
	memmove(&s->entries[at], &s->entries[at + 1], (s->n_entries - at) * sizeof(*s->entries));
	*ret = last; /* the history holds it until the next write */
	record(s, &(struct pn_event) { PN_CHANGE_DELETED, c, s->rv, last, previous });
	return 0;
}

static int load_one(struct pn_teststore *s, const json_t *object, struct pn_err *reterr)
{
	const char *kind = text(object, "kind"), *api_version = text(object, "apiVersion");
	const struct pn_collection *c = find_kind(api_version, kind);
	const char *ns = meta(object, "namespace");
	json_t *stored;

	if (!c)
		return pn_err_set(reterr, -EINVAL, "no such kind: \"%s\" of \"%s\"", kind,
				  api_version);
	if (c->namespaced && !*ns)
		ns = "default";
	return pn_teststore_create(s, c, ns, object, &stored, reterr);
}

int pn_teststore_load(struct pn_teststore *s, const char *path, struct pn_err *reterr)
{
	json_auto_t *file = NULL;
	const json_t *items;
	json_error_t where;

	file = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	if (!file)
		return pn_err_set(reterr, -EINVAL, "%s:%d: %s", path, where.line, where.text);
	items = json_is_array(file) ? file : json_object_get(file, "items");
	if (!json_is_array(items))
		return pn_err_set(reterr, -EINVAL, "%s: neither an array nor \"items\"", path);
	for (size_t i = 0; i < json_array_size(items); i++) {
		int r = load_one(s, json_array_get(items, i), reterr);

		if (r < 0)
			return pn_err_wrap(reterr, r, "%s: object %zu", path, i);
	}
	return 0;
}
