/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the informers' store costs: look-ups by one thread, alone and while another one replaces the
 * whole store again and again; changes and lists; memory. Pods have two addresses each, drawn at
 * random, and are looked up in random order. Times are CPU time of the thread.
 *
 *   bench_store [PODS]     default 50000
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/intern.h"
#include "base/util.h"
#include "kube/object_copy.h"
#include "kube/store.h"
#include "tests/bench/bench.h"

enum { N_LOOK_UPS = 2000000, N_NODES = 500, N_NAMESPACES = 200, N_PER_OWNER = 4 };

static struct pn_store *store;
static uint32_t n_pods = 50000;
static struct pn_addr *addrs; /* two for each pod */
static uint32_t *sequence;    /* of pods, at random */
static struct pn_addr *asked; /* all addresses in random order */

/* From /proc/self/status, in bytes. */
static double memory(const char *field)
{
	unsigned long kb = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			(void)sscanf(line + strlen(field), ": %lu", &kb);
	if (f)
		(void)fclose(f);
	return 1024.0 * (double)kb;
}

/* --- pods --- */

static uint32_t next_random(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void draw(void)
{
	addrs = calloc(2 * (size_t)n_pods, sizeof(*addrs));
	sequence = calloc(n_pods, sizeof(*sequence));
	asked = calloc(2 * (size_t)n_pods, sizeof(*asked));
	if (!addrs || !sequence || !asked)
		exit(1);
	for (uint32_t i = 0; i < n_pods; i++) {
		uint32_t r = next_random(), other = next_random() % (i + 1);
		uint8_t v4[] = {
			0xff, 0xff, 10, (uint8_t)(r >> 16), (uint8_t)(r >> 8), (uint8_t)r
		};
		uint8_t v6[] = { 0xfd, 0, (uint8_t)(r >> 24), (uint8_t)(r >> 16), (uint8_t)i };

		memcpy(addrs[2 * i].b + 10, v4, sizeof(v4));
		memcpy(addrs[2 * i + 1].b, v6, sizeof(v6));
		memcpy(addrs[2 * i + 1].b + 12, &r, sizeof(r));
		sequence[i] = sequence[other];
		sequence[other] = i;
	}
	for (uint32_t i = 0; i < 2 * n_pods; i++)
		asked[i] = addrs[2 * (size_t)sequence[i % n_pods] + (i < n_pods)];
}

static void pod_key(uint32_t i, char key[static PN_KEY_LEN])
{
	(void)snprintf(key, PN_KEY_LEN, "namespace-%u/checkout-6d5c7b9f4-%05u", i % N_NAMESPACES,
		       i);
}

static void owner_uid(uint32_t i, char uid[static 40])
{
	(void)snprintf(uid, 40, "%08x-1c4b-4f0e-9d3a-4a1b2c3d4e5f", i / N_PER_OWNER);
}

static struct pn_object *new_pod(uint32_t i, unsigned int version)
{
	char ns[32], name[64], uid[40], rv[16], node[32], owner[40];
	struct pn_controller controller = { "ReplicaSet", "checkout-6d5c7b9f4", owner };
	struct pn_pod pod = {
		.meta = { .kind = PN_KIND_POD,
			  .name_space = ns,
			  .name = name,
			  .uid = uid,
			  .resource_version = rv,
			  .created_s = 1,
			  .controller = &controller },
		.phase = PN_POD_RUNNING,
		.n_addrs = 2,
		.addrs = &addrs[2 * (size_t)i],
		.node_name = node,
	};
	struct pn_object *obj;

	(void)snprintf(ns, sizeof(ns), "namespace-%u", i % N_NAMESPACES);
	(void)snprintf(name, sizeof(name), "checkout-6d5c7b9f4-%05u", i);
	(void)snprintf(uid, sizeof(uid), "%08x-77aa-4f0e-9d3a-%012x", i, i);
	(void)snprintf(rv, sizeof(rv), "%u", 1000000 + version);
	(void)snprintf(node, sizeof(node), "node-%u", i % N_NODES);
	owner_uid(i, owner);
	if (pn_object_copy(&pod.meta, &obj) < 0)
		exit(1);
	return obj;
}

/* --- lists --- */

static bool hear_remove(void *data, const struct pn_object *last)
{
	(void)data;
	(void)last;
	return false;
}

static bool hear_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	(void)data;
	(void)old;
	(void)obj;
	return true;
}

/* Return: CPU time of the store, without that of making the pods */
static pn_nsec list(unsigned int version)
{
	static const struct pn_store_diff diff = { hear_remove, hear_put };
	enum { AT_ONCE = 100 };
	struct pn_object *some[AT_ONCE];
	pn_nsec start, used = 0;

	if (pn_store_stage_begin(store) < 0)
		exit(1);
	for (uint32_t i = 0; i < n_pods; i += AT_ONCE) {
		uint32_t n = PN_MIN(AT_ONCE, n_pods - i);

		for (uint32_t k = 0; k < n; k++)
			some[k] = new_pod(i + k, version);
		start = cpu_time();
		for (uint32_t k = 0; k < n; k++) {
			if (pn_store_stage(store, some[k]) < 0)
				exit(1);
			pn_object_unref(some[k]);
		}
		used += cpu_time() - start;
	}
	start = cpu_time();
	pn_store_commit(store, &diff, NULL);
	return used + cpu_time() - start;
}

static void bench_list(void)
{
	double before = memory("VmRSS"), filled;
	struct pn_object **pods = calloc(n_pods, sizeof(struct pn_object *));

	if (!pods)
		exit(1);
	for (uint32_t i = 0; i < n_pods; i++)
		pods[i] = new_pod(i, 0);
	row("pods alone", (memory("VmRSS") - before) / n_pods - sizeof(pods[0]), "bytes a pod");
	for (uint32_t i = 0; i < n_pods; i++)
		pn_object_unref(pods[i]);
	free(pods);
	(void)malloc_trim(0);

	before = memory("VmRSS");
	row("first list, a pod", (double)list(0) / n_pods, "ns");
	pn_store_barrier();
	filled = memory("VmRSS");
	row("pods in the store, index of addresses", (filled - before) / n_pods, "bytes a pod");
	row("highest use of memory so far, above that", (memory("VmHWM") - filled) / 1e6, "MB");
	row("list without a change, a pod", (double)list(0) / n_pods, "ns");
	row("list that changes all, a pod", (double)list(1) / n_pods, "ns");
	pn_store_barrier();
	row("more memory afterwards", (memory("VmRSS") - filled) / 1e6, "MB");
}

/* --- look-ups --- */

static void check(bool is_right)
{
	if (is_right)
		return;
	(void)fprintf(stderr, "bench_store: a look-up went wrong\n");
	exit(1);
}

static double bench_sections(void)
{
	pn_nsec start = cpu_time();

	for (unsigned int i = 0; i < N_LOOK_UPS; i++) {
		pn_read_begin();
		pn_read_end();
	}
	return (double)(cpu_time() - start) / N_LOOK_UPS;
}

/* @flip: changes each address, so that it is not found */
static double look_up_addrs(uint8_t flip)
{
	pn_nsec start = cpu_time();
	unsigned int n_found = 0;

	for (unsigned int i = 0; i < N_LOOK_UPS; i++) {
		struct pn_addr addr = asked[i % (2 * n_pods)];
		struct pn_iter it;

		addr.b[1] ^= flip;
		pn_read_begin();
		(void)pn_store_by_addr(store, "ip", &addr, &it);
		n_found += pn_iter_next(&it) != NULL;
		pn_read_end();
	}
	check(n_found == (flip ? 0 : N_LOOK_UPS));
	return (double)(cpu_time() - start) / N_LOOK_UPS;
}

/* Texts are made beforehand, @size bytes each, in the order in which they are looked for. */
static char *texts(size_t size, void (*make)(uint32_t i, char *text))
{
	char *t = calloc(n_pods, size);

	for (uint32_t i = 0; t && i < n_pods; i++)
		make(sequence[i], t + i * size);
	if (!t)
		exit(1);
	return t;
}

static void make_key(uint32_t i, char *text)
{
	pod_key(i, text);
}

static void make_uid(uint32_t i, char *text)
{
	owner_uid(i, text);
}

static void make_addr(uint32_t i, char *text)
{
	(void)pn_addr_format(&addrs[2 * (size_t)i], text);
}

static double look_up_keys(void)
{
	char *keys = texts(PN_KEY_LEN, make_key);
	pn_nsec start = cpu_time();
	unsigned int n_found = 0;

	for (unsigned int i = 0; i < N_LOOK_UPS; i++) {
		pn_read_begin();
		n_found += pn_store_get(store, keys + (size_t)(i % n_pods) * PN_KEY_LEN) != NULL;
		pn_read_end();
	}
	check(n_found == N_LOOK_UPS);
	free(keys);
	return (double)(cpu_time() - start) / N_LOOK_UPS;
}

static double look_up_texts(const char *index, void (*make)(uint32_t i, char *text))
{
	enum { SIZE = 64 };
	char *values = texts(SIZE, make);
	pn_nsec start = cpu_time();
	unsigned int n_found = 0;

	for (unsigned int i = 0; i < N_LOOK_UPS; i++) {
		struct pn_iter it;

		pn_read_begin();
		(void)pn_store_by_index(store, index, values + (size_t)(i % n_pods) * SIZE, &it);
		n_found += pn_iter_next(&it) != NULL;
		pn_read_end();
	}
	check(n_found == N_LOOK_UPS);
	free(values);
	return (double)(cpu_time() - start) / N_LOOK_UPS;
}

static void bench_look_ups(const char *when)
{
	char what[96];

	(void)look_up_addrs(0);
#define ROW(text, value) \
	((void)snprintf(what, sizeof(what), "look-up by %s%s", text, when), row(what, value, "ns"))
	ROW("address, hit", look_up_addrs(0));
	ROW("address, miss", look_up_addrs(0x80));
	ROW("key", look_up_keys());
	ROW("address as text", look_up_texts("ip", make_addr));
	ROW("text: controller", look_up_texts("controller", make_uid));
#undef ROW
}

static atomic_bool stop;

static void *list_always(void *data)
{
	unsigned int *n = data;

	for (*n = 0; !atomic_load_explicit(&stop, memory_order_relaxed); ++*n)
		(void)list(*n);
	return NULL;
}

static void bench_beside_lists(void)
{
	unsigned int n_lists = 0;
	pthread_t writer;

	if (pthread_create(&writer, NULL, list_always, &n_lists) != 0)
		exit(1);
	bench_look_ups(", beside lists");
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	(void)pthread_join(writer, NULL);
	row("lists meanwhile, each changing all", n_lists, "");
	pn_store_barrier();
	row("memory afterwards", memory("VmRSS") / 1e6, "MB");
}

/* --- changes --- */

static void give_back(const struct pn_object *old)
{
	pn_object_unref(old);
}

static void bench_changes(void)
{
	enum { N = 20000 };
	static struct pn_object *pods[N];
	const struct pn_object *old;
	pn_nsec start;

	for (uint32_t i = 0; i < N; i++)
		pods[i] = new_pod(sequence[i % n_pods], 1u << 30);
	start = cpu_time();
	for (uint32_t i = 0; i < N; i++) {
		(void)pn_store_put(store, pods[i], &old);
		give_back(old);
	}
	row("update", (double)(cpu_time() - start) / N, "ns");
	start = cpu_time();
	for (uint32_t i = 0; i < N; i++) {
		(void)pn_store_remove(store, pods[i], &old);
		give_back(old);
	}
	row("remove", (double)(cpu_time() - start) / N, "ns");
	start = cpu_time();
	for (uint32_t i = 0; i < N; i++) {
		(void)pn_store_put(store, pods[i], &old);
		give_back(old);
	}
	row("add", (double)(cpu_time() - start) / N, "ns");
	for (uint32_t i = 0; i < N; i++)
		pn_object_unref(pods[i]);
}

static void bench_intern(void)
{
	char text[32];
	pn_nsec start = cpu_time();

	for (unsigned int i = 0; i < N_LOOK_UPS; i++) {
		int len = snprintf(text, sizeof(text), "node-%u", i % N_NODES);

		pn_intern_unref(pn_intern(text, (size_t)len));
	}
	row("interning a known string, and back, with snprintf()",
	    (double)(cpu_time() - start) / N_LOOK_UPS, "ns");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_pods = (uint32_t)strtoul(argv[1], NULL, 10);
	if (n_pods < 1 || n_pods > 10000000) {
		(void)fprintf(stderr, "bench_store: PODS must be 1 to 10000000\n");
		return 2;
	}
	draw();
	if (pn_store_new(&store) < 0 || pn_store_add_index(store, &pn_indexer_ip) < 0)
		return 1;
	row("pods", n_pods, "");
	bench_list();
	if (pn_store_add_index(store, &pn_indexer_controller) < 0)
		return 1;
	row("a read section", bench_sections(), "ns");
	bench_look_ups("");
	bench_changes();
	bench_intern();
	bench_beside_lists();
	pn_store_free(store);
	free(addrs);
	free(sequence);
	free(asked);
	return 0;
}
