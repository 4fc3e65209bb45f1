/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_SNAPSHOT_FIXTURE_H
#define PN_TEST_SNAPSHOT_FIXTURE_H

/*
 * Informers that know something without a server, and a file of it in a directory of the test's own:
 * the group has make_dir() and remove_dir().
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kube/informer_private.h"
#include "kube/snapshot.h"
#include "tests/unit/kube/behaviour.h"

#define IDENTITY "https://10.96.0.1"

static char dir[] = "/tmp/podonym-snapshot-XXXXXX";
static char path[64], temporary[80];

enum { N = 3 };
static const enum pn_kind_id kinds[N] = { PN_KIND_POD, PN_KIND_NODE, PN_KIND_NAMESPACE };

/* Informers of a process: before nobody's server, never started. */
struct process {
	struct pn_factory *factory;
	struct pn_informer *informers[N];
	struct pn_err err;
};

static inline struct process begin_process(const struct pn_informer_options *options)
{
	static const struct pn_factory_options nowhere = { .size = sizeof(nowhere),
							   .server = "http://127.0.0.1:1" };
	struct process p = { .factory = NULL };

	assert_int_equal(pn_factory_new(&nowhere, &p.factory, NULL), 0);
	for (int i = 0; i < N; i++) {
		p.informers[i] = pn_factory_informer(p.factory, kinds[i], options, NULL);
		assert_non_null(p.informers[i]);
	}
	return p;
}

static inline void end_process(struct process *p)
{
	pn_factory_free(p->factory);
}

static inline int save(struct process *p)
{
	return pn_snapshot_save(path, p->informers, N, IDENTITY, &p->err);
}

static inline int restore(struct process *p)
{
	return pn_snapshot_restore(path, p->informers, N, IDENTITY, &p->err);
}

static inline void error_has(const struct process *p, const char *text)
{
	if (!strstr(p->err.text, text) || !strstr(p->err.text, path))
		fail_msg("the error is \"%s\"", p->err.text);
}

static inline void knows_nothing(const struct process *p)
{
	for (int i = 0; i < N; i++) {
		assert_false(pn_informer_has_synced(p->informers[i]));
		assert_int_equal(pn_informer_count(p->informers[i]), 0);
	}
}

static inline struct pn_object *new_object(const struct pn_informer *inf, const char *json)
{
	const struct pn_decoding d = { .kind = inf->kind, .keep_labels = inf->options.keep_labels };
	struct pn_object *obj = NULL;
	json_t *tree = json_loads(json, 0, NULL);

	assert_int_equal(d.kind->decode_json(&d, tree, &obj, NULL), 0);
	json_decref(tree);
	return obj;
}

static inline void learn(struct pn_informer *inf, const char *version, unsigned int n)
{
	const struct pn_object **objects = calloc(n + 1, sizeof(*objects));
	char json[400];

	for (unsigned int i = 0; i < n; i++) {
		(void)snprintf(json, sizeof(json),
			       "{\"metadata\":{\"name\":\"o-%u\",\"resourceVersion\":\"%u\","
			       "\"labels\":{\"a\":\"%u\"}},\"spec\":{\"nodeName\":\"node\"},"
			       "\"status\":{\"phase\":\"Running\",\"podIP\":\"10.%u.%u.%u\"}}",
			       i, i + 1, i, i >> 16, i >> 8 & 255, i & 255);
		objects[i] = new_object(inf, json);
	}
	assert_int_equal(pn_informer_restore(inf, objects, n, version), 0);
	for (unsigned int i = 0; i < n; i++)
		pn_object_unref(objects[i]);
	free(objects);
}

/* A process that knows @n objects of each kind, and a file of it. */
static inline void save_some(unsigned int n)
{
	struct process p = begin_process(NULL);

	learn(p.informers[0], "100", n);
	learn(p.informers[1], "101", n);
	learn(p.informers[2], "102", 0);
	if (save(&p) != 0)
		fail_msg("%s", p.err.text);
	end_process(&p);
}

static inline void holds_some(unsigned int n)
{
	struct process p = begin_process(NULL);

	assert_int_equal(restore(&p), N);
	assert_int_equal(pn_informer_count(p.informers[0]), n);
	assert_int_equal(pn_informer_count(p.informers[1]), n);
	end_process(&p);
}

static inline int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/objects", dir);
	(void)snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	return 0;
}

static inline int remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

#endif
