/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index costs, in CPU time: look-ups by address, alone and beside a writer that never rests; one event;
 * memory; and, as root, writing everything to pinned maps on a bpffs of its own.
 *
 *   bench_index [ADDRESSES]     default 50000
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "datapath/pinned_maps.h"
#include "index/index.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_pod.h"

static struct pn_index *idx;
static unsigned int n_addrs = 50000;

static pn_nsec now(void)
{
	return pn_clock_now(&pn_clock_system);
}

static struct pn_addr nth_addr(unsigned int i, uint8_t net)
{
	struct pn_addr a = { { [10] = 0xff, [11] = 0xff, [12] = net } };

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

/* Pod @i in its @life-th life: another uid at the same address. */
static void apply(unsigned int i, unsigned int life, bool gone)
{
	if (apply_pod(idx, nth_addr(i, 10), i, life, gone) < 0)
		exit(1);
}

/* ns for one look-up, in random order among the first @n_asked addresses. */
static double look_up(uint8_t net, unsigned int n_asked)
{
	const unsigned int n = 1000000;
	uint32_t x = 2463534242u;
	unsigned int n_found = 0;
	const struct pn_owner *owner;
	pn_nsec start = cpu_time();

	for (unsigned int i = 0; i < n; i++) {
		struct pn_addr a;

		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		a = nth_addr(x % n_asked, net);
		n_found += pn_index_at(idx, &a, PN_NSEC_NEVER, &owner) == 1;
	}
	start = cpu_time() - start;
	if (n_found > n || (net != 10 && n_found))
		exit(1);
	pn_index_reader_quiescent();
	return (double)start / n;
}

static atomic_bool stop;

static void *write_always(void *data)
{
	unsigned int *n = data;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		unsigned int i = *n % n_addrs, life = *n / n_addrs;

		apply(i, life + 1, false);
		apply(i, life, true);
		*n += 1;
	}
	return NULL;
}

static void bench_look_ups(void)
{
	pthread_t writer;
	unsigned int n = 0;
	pn_nsec start;

	pn_index_reader_begin();
	(void)look_up(10, n_addrs);
	row("look-up, hit", look_up(10, n_addrs), "ns");
	row("look-up, miss", look_up(11, n_addrs), "ns");
	(void)look_up(10, PN_MIN(n_addrs, 500));
	row("look-up, hit, the same 500 addresses", look_up(10, PN_MIN(n_addrs, 500)), "ns");
	start = now();
	if (pthread_create(&writer, NULL, write_always, &n) != 0)
		exit(1);
	row("look-up, hit, beside a writer", look_up(10, n_addrs), "ns");
	row("look-up, miss, beside a writer", look_up(11, n_addrs), "ns");
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	pn_index_reader_offline();
	(void)pthread_join(writer, NULL);
	row("writer meanwhile, events", 2e9 * n / (double)(now() - start), "1/s");
	pn_index_reader_online();
	pn_index_reader_end();
}

static void bench_fill(void)
{
	size_t before = mallinfo2().uordblks;
	pn_nsec start = cpu_time();

	for (unsigned int i = 0; i < n_addrs; i++)
		apply(i, 0, false);
	row("one event: a new pod", (double)(cpu_time() - start) / n_addrs, "ns");
	row("memory for one address, pod included",
	    (double)(mallinfo2().uordblks - before) / n_addrs, "bytes");
}

/* Kernel memory of a map, as its descriptor tells. */
static unsigned long memlock(int fd)
{
	char path[64], line[128];
	unsigned long n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "memlock: %lu", &n) == 1)
			break;
	}
	if (f)
		(void)fclose(f);
	return n;
}

static void bench_maps(const char *dir)
{
	const struct pn_maps_config config = {
		.dir = dir, .max_addrs = 4 * n_addrs, .node_name = "", .clock = &pn_clock_system
	};
	struct pn_err err = { "" };
	struct pn_maps *m;
	pn_nsec start;

	if (pn_maps_open(&config, &m, &err) < 0) {
		printf("%s\n", err.text);
		return;
	}
	start = cpu_time();
	if (pn_maps_flush(m, idx) < 0)
		printf("the maps could not be written\n");
	row("writing all addresses and owners to the maps", (double)(cpu_time() - start) / 1e6,
	    "ms");
	row("kernel memory for one address, map ip", (double)memlock(pn_maps_ip_fd(m)) / n_addrs,
	    "bytes");
	start = cpu_time();
	for (unsigned int i = 0; i < 100; i++)
		(void)pn_maps_flush(m, idx);
	row("writing nothing", (double)(cpu_time() - start) / 1e5, "us");
	pn_maps_close(m);
}

static void in_own_bpffs(void (*bench)(const char *dir))
{
	char mount_point[] = "/tmp/pn-bench-XXXXXX", dir[64];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(mount_point)) {
		printf("the maps need root: left out\n");
		return;
	}
	if (mount("bpf", mount_point, "bpf", 0, NULL) == 0) {
		(void)snprintf(dir, sizeof(dir), "%s/v1", mount_point);
		bench(dir);
		(void)umount2(mount_point, MNT_DETACH);
	}
	(void)rmdir(mount_point);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_addrs = (unsigned int)strtoul(argv[1], NULL, 10);
	if (n_addrs < 1 || n_addrs > 4000000) {
		(void)fprintf(stderr, "bench_index: ADDRESSES must be 1 to 4000000\n");
		return 2;
	}
	if (pn_index_new(&pn_clock_system, "", &idx) < 0)
		return 1;
	row("addresses", n_addrs, "");
	bench_fill();
	in_own_bpffs(bench_maps);
	bench_look_ups();
	pn_index_free(idx);
	return 0;
}
