/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to save what informers know and to give it to the next ones, in CPU time of this
 * thread: pods, and for each ten of them three ReplicaSets and a service. And for how long the loop
 * has to wait for one who saves.
 *
 *   bench_snapshot [PODS]     default 50000
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "kube/informer_private.h"
#include "kube/object_copy.h"
#include "kube/snapshot.h"
#include "tests/bench/bench.h"

enum { N = 3, REPEAT = 5 };
static const enum pn_kind_id kinds[N] = { PN_KIND_POD, PN_KIND_REPLICASET, PN_KIND_SERVICE };

static unsigned int n_pods = 50000;
static char path[64];

static double ms(pn_nsec t)
{
	return (double)t / (double)PN_NSEC_PER_MSEC;
}

static void check(int r, const struct pn_err *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", err->text, strerror(-r));
	exit(1);
}

/* --- objects as a cluster has them --- */

static char texts[6][64];

static void name_it(struct pn_object *meta, unsigned int i, struct pn_controller *c)
{
	static const char *const owners[] = { "ReplicaSet", "Deployment", "" };
	unsigned int owner = i * 3 / 10;

	(void)snprintf(texts[0], 64, "namespace-%u", i % 200);
	(void)snprintf(texts[1], 64, "checkout-service-%u-6d5f8c7b9-%05x", owner % 500, i);
	(void)snprintf(texts[2], 64, "%08x-1f2e-4d3c-8b9a-%012x", i * 2654435761u, i);
	(void)snprintf(texts[3], 64, "%u", 10000000 + i);
	(void)snprintf(texts[4], 64, "checkout-service-%u", owner);
	(void)snprintf(texts[5], 64, "%08x-1f2e-4d3c-8b9a-%012x", owner, owner);
	*c = (struct pn_controller) { "", "", "" };
	if (meta->kind != PN_KIND_SERVICE)
		*c = (struct pn_controller) { owners[meta->kind == PN_KIND_REPLICASET], texts[4],
					      texts[5] };
	meta->name_space = texts[0];
	meta->name = texts[1];
	meta->uid = texts[2];
	meta->resource_version = texts[3];
	meta->created_s = 1780000000 + i;
	meta->controller = c;
}

static struct pn_addr address(unsigned int i)
{
	return (struct pn_addr) { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10,
				    (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
}

static int copy_pod(unsigned int i, struct pn_object **ret)
{
	struct pn_addr addr = address(i), host = address(0x10000 + i % 1000);
	struct pn_controller c;
	char node[32];
	struct pn_pod pod = { .meta.kind = PN_KIND_POD,
			      .phase = PN_POD_RUNNING,
			      .start_time_s = 1780000000,
			      .node_name = node,
			      .addrs = &addr,
			      .n_addrs = 1,
			      .host_addrs = &host,
			      .n_host_addrs = 1 };

	(void)snprintf(node, sizeof(node), "node-%u.example.internal", i % 1000);
	name_it(&pod.meta, i, &c);
	return pn_object_copy(&pod.meta, ret);
}

static int copy_service(unsigned int i, struct pn_object **ret)
{
	struct pn_service_port ports[2] = { { "http", 80, 0, 6 }, { "metrics", 9090, 0, 6 } };
	struct pn_addr addr = address(i);
	struct pn_controller c;
	struct pn_service svc = { .meta.kind = PN_KIND_SERVICE,
				  .type = "ClusterIP",
				  .addrs = &addr,
				  .n_addrs = 1,
				  .ports = ports,
				  .n_ports = 2 };

	name_it(&svc.meta, i, &c);
	return pn_object_copy(&svc.meta, ret);
}

static int copy_replicaset(unsigned int i, struct pn_object **ret)
{
	struct pn_replicaset rs = { .meta.kind = PN_KIND_REPLICASET };
	struct pn_controller c;

	name_it(&rs.meta, i, &c);
	return pn_object_copy(&rs.meta, ret);
}

static struct pn_factory *new_factory(struct pn_informer **informers)
{
	static const struct pn_factory_options nowhere = { .size = sizeof(nowhere),
							   .server = "http://127.0.0.1:1" };
	struct pn_factory *f = NULL;
	struct pn_err err;

	check(pn_factory_new(&nowhere, &f, &err), &err);
	for (int i = 0; i < N; i++)
		informers[i] = pn_factory_informer(f, kinds[i], NULL, &err);
	return f;
}

static void fill(struct pn_informer *inf, unsigned int n,
		 int (*copy)(unsigned int i, struct pn_object **ret))
{
	const struct pn_object **objects = calloc(n, sizeof(*objects));
	struct pn_object *obj = NULL;

	for (unsigned int i = 0; objects && i < n; i++) {
		check(copy(i, &obj), &(struct pn_err) { "copying" });
		objects[i] = obj;
	}
	check(pn_informer_restore(inf, objects, n, "10000000"), &(struct pn_err) { "filling" });
	for (unsigned int i = 0; i < n; i++)
		pn_object_unref(objects[i]);
	free(objects);
}

/* --- measuring --- */

static pn_nsec save(struct pn_informer *const *informers)
{
	pn_nsec begun = cpu_time();
	struct pn_err err = { "" };

	check(pn_snapshot_save(path, informers, N, "cluster", &err), &err);
	return cpu_time() - begun;
}

static pn_nsec restore(void)
{
	struct pn_informer *informers[N];
	struct pn_factory *f = new_factory(informers);
	struct pn_err err = { "" };
	pn_nsec begun = cpu_time(), end;

	check(pn_snapshot_restore(path, informers, N, "cluster", &err), &err);
	end = cpu_time();
	pn_factory_free(f);
	return end - begun;
}

/* All of it, most of which is not under the lock. */
static pn_nsec take_out(struct pn_informer *inf)
{
	struct pn_informer_state s;
	pn_nsec begun = cpu_time(), end;

	check(pn_informer_state(inf, &s), &(struct pn_err) { "taking out" });
	end = cpu_time();
	pn_informer_state_done(&s);
	return end - begun;
}

/* What happens under the lock: a pointer for each object. */
static pn_nsec hold_up(const struct pn_informer *inf)
{
	const struct pn_object **objects = calloc(n_pods, sizeof(*objects));
	struct pn_iter it;
	pn_nsec begun, end;
	size_t n = 0;

	pn_read_begin();
	begun = cpu_time();
	pn_informer_each(inf, &it);
	while (n < n_pods && (objects[n] = pn_iter_next(&it)))
		n++;
	end = cpu_time();
	pn_read_end();
	free(objects);
	return end - begun;
}

int main(int argc, char **argv)
{
	pn_nsec best[4] = { PN_NSEC_NEVER, PN_NSEC_NEVER, PN_NSEC_NEVER, PN_NSEC_NEVER };
	struct pn_informer *informers[N];
	struct pn_factory *f = new_factory(informers);
	struct stat st = { .st_size = 0 };

	n_pods = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : n_pods;
	(void)snprintf(path, sizeof(path), "/tmp/bench-snapshot-%d", (int)getpid());
	fill(informers[0], n_pods, copy_pod);
	fill(informers[1], n_pods * 3 / 10, copy_replicaset);
	fill(informers[2], n_pods / 10, copy_service);
	for (int i = 0; i < REPEAT; i++) {
		best[0] = PN_MIN(best[0], save(informers));
		best[1] = PN_MIN(best[1], restore());
		best[2] = PN_MIN(best[2], take_out(informers[0]));
		best[3] = PN_MIN(best[3], hold_up(informers[0]));
	}
	(void)stat(path, &st);
	(void)unlink(path);
	pn_factory_free(f);
	row("objects", n_pods * 1.4, "");
	row("file", (double)st.st_size / 1e6, "MB");
	row("save", ms(best[0]), "ms");
	row("restore", ms(best[1]), "ms");
	row("take the pods out with a reference each", ms(best[2]), "ms");
	row("of it under the lock", ms(best[3]), "ms");
	return 0;
}
