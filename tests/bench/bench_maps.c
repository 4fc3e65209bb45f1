/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinned maps at the size of a large cluster: how long they take to fill, how long one change takes
 * from the index to the kernel's map, and what an address costs in kernel and agent memory. Needs root,
 * and makes a bpffs of its own.
 *
 *   bench_maps [ADDRESSES]     default 100000
 *
 * Times are those of the clock on the wall, so they are better on a machine that does nothing else; CPU
 * time beside them is this thread's own.
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <bpf/bpf.h>

#include "datapath/pinned_maps.h"
#include "index/index.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_pod.h"

#define N_CHANGES 20000

static unsigned int n_addrs = 100000;

static pn_nsec now(void)
{
	return pn_clock_now(&pn_clock_system);
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "bench_maps: %s: %s\n", what, strerror(-r));
	exit(1);
}

static struct pn_addr nth_addr(unsigned int i)
{
	struct pn_addr a = { { [10] = 0xff, [11] = 0xff, [12] = 10 } };

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

static void apply(struct pn_index *idx, unsigned int i, unsigned int life)
{
	must(apply_pod(idx, nth_addr(i), i, life, false), "the index");
}

/* --- one change --------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const pn_nsec *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What other programs would find at an address. */
static uint32_t generation_of(const struct pn_maps *m, unsigned int i)
{
	struct pn_addr a = nth_addr(i);
	struct pn_ip_value v = { .generation = 0 };

	must(bpf_map_lookup_elem(pn_maps_ip_fd(m), a.b, &v), "looking up");
	return v.generation;
}

/* From the object until the kernel's map tells of it: another pod takes an address over. */
static pn_nsec time_change(struct pn_maps *m, struct pn_index *idx, unsigned int n,
			   pn_nsec (*clock)(void))
{
	unsigned int i = (unsigned int)((uint64_t)n * 2654435761u % n_addrs);
	uint32_t before = generation_of(m, i), after;
	pn_nsec start = clock(), end;

	apply(idx, i, n + 1);
	must(pn_maps_flush(m, idx), "writing one change");
	after = generation_of(m, i);
	end = clock();
	if (after != before + 1)
		must(-EIO, "a change is not to be seen");
	return end - start;
}

static void bench_changes(struct pn_maps *m, struct pn_index *idx, const char *what,
			  unsigned int first, pn_nsec (*clock)(void))
{
	static const unsigned int percent[] = { 50, 99 };
	static pn_nsec times[N_CHANGES];
	char text[64];

	for (unsigned int n = 0; n < N_CHANGES; n++)
		times[n] = time_change(m, idx, first + n, clock);
	qsort(times, N_CHANGES, sizeof(times[0]), by_size);
	for (size_t i = 0; i < PN_ARRAY_SIZE(percent); i++) {
		(void)snprintf(text, sizeof(text),
			       "one change, applied to seen in the map, %s, p%u", what, percent[i]);
		row(text, (double)times[N_CHANGES * percent[i] / 100] / 1e3, "us");
	}
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* What the kernel says that a map takes. */
static unsigned long memory_of(const char *dir, const char *map)
{
	char path[128], line[128];
	unsigned long n = 0;
	FILE *f;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, map);
	fd = bpf_obj_get(path);
	must(fd, path);
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "memlock: %lu", &n) == 1)
			break;
	}
	if (f)
		(void)fclose(f);
	(void)close(fd);
	return n;
}

static void report_memory(const char *dir, size_t agent_bytes)
{
	row("agent memory, for one address and its pod", (double)agent_bytes / n_addrs, "bytes");
	row("kernel memory, map ip, for one address", (double)memory_of(dir, "ip") / n_addrs,
	    "bytes");
	row("kernel memory, map owner, for one address", (double)memory_of(dir, "owner") / n_addrs,
	    "bytes");
}

/* A second agent on the same maps: seeded, everything applied again, nothing to write, swept. */
static void bench_restart(const struct pn_maps_config *config)
{
	struct pn_index *idx;
	struct pn_maps *m;
	struct pn_err err;
	pn_nsec start = now();

	must(pn_index_new(&pn_clock_system, "", &idx), "the index");
	must(pn_maps_open(config, &m, &err), "opening the maps");
	must(pn_maps_seed(m, idx), "seeding");
	row("restart: seeding the index from the maps", (double)(now() - start) / 1e6, "ms");
	for (unsigned int i = 0; i < n_addrs; i++)
		apply(idx, i, 0);
	start = now();
	must(pn_maps_sweep(m, idx), "sweeping");
	row("restart: sweeping", (double)(now() - start) / 1e6, "ms");
	pn_maps_close(m);
	pn_index_free(idx);
}

static void bench(const char *dir)
{
	const struct pn_maps_config config = {
		.dir = dir,
		.max_addrs = 2 * n_addrs + 2 * N_CHANGES,
		.node_name = "",
		.clock = &pn_clock_system,
	};
	size_t before = mallinfo2().uordblks, agent_bytes;
	struct pn_err err = { "" };
	struct pn_index *idx;
	struct pn_maps *m;
	pn_nsec start, cpu_start;

	if (pn_maps_open(&config, &m, &err) < 0) {
		(void)fprintf(stderr, "bench_maps: %s\n", err.text);
		exit(1);
	}
	must(pn_index_new(&pn_clock_system, "", &idx), "the index");
	for (unsigned int i = 0; i < n_addrs; i++)
		apply(idx, i, 0);
	start = now();
	cpu_start = cpu_time();
	must(pn_maps_flush(m, idx), "filling");
	row("filling the maps with addresses and owners, wall", (double)(now() - start) / 1e6,
	    "ms");
	row("filling the maps with addresses and owners, CPU",
	    (double)(cpu_time() - cpu_start) / 1e6, "ms");
	agent_bytes = mallinfo2().uordblks - before;
	report_memory(dir, agent_bytes);
	pn_maps_close(m);
	pn_index_free(idx);

	bench_restart(&config);
	must(pn_index_new(&pn_clock_system, "", &idx), "the index");
	must(pn_maps_open(&config, &m, &err), "opening the maps");
	must(pn_maps_seed(m, idx), "seeding");
	bench_changes(m, idx, "wall", 0, now);
	bench_changes(m, idx, "CPU", N_CHANGES, cpu_time);
	pn_maps_close(m);
	pn_index_free(idx);
}

int main(int argc, char **argv)
{
	char mount_point[] = "/tmp/pn-bench-XXXXXX", dir[64];

	if (argc > 1)
		n_addrs = (unsigned int)strtoul(argv[1], NULL, 10);
	if (n_addrs < 1 || n_addrs > 4000000) {
		(void)fprintf(stderr, "bench_maps: ADDRESSES must be 1 to 4000000\n");
		return 2;
	}
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(mount_point)) {
		printf("the maps need root: left out\n");
		return 0;
	}
	if (mount("bpf", mount_point, "bpf", 0, NULL) < 0)
		must(-errno, "mounting a bpffs");
	(void)snprintf(dir, sizeof(dir), "%s/v1", mount_point);
	row("addresses", n_addrs, "");
	pn_index_reader_begin(); /* as the agent's control thread */
	pn_index_reader_offline();
	bench(dir);
	pn_index_reader_end();
	(void)umount2(mount_point, MNT_DETACH);
	(void)rmdir(mount_point);
	return 0;
}
