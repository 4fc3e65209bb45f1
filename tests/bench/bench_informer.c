/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the informers of a node agent cost against a real API server: pods with an index by address,
 * services and ReplicaSets, as one factory. Prints one JSON object; informers.sh runs it beside a
 * client-go program that prints the same, and makes a table of both.
 *
 *   bench_informer [--json] [--plain] [--lookups N] [--settle SECONDS] [--server-pid PID]
 *                  [--churn PROGRAM --rates 100,1000 --secs N]
 *
 * The server is that of $KUBECONFIG. PROGRAM changes pods: PROGRAM churn --rate R --secs S --pods N,
 * and writes the time of each change, in ns since 1970, to the annotation bench/ts.
 */
#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <podonym/informer.h>

enum { BATCHES = 40, MAX_LATENCIES = 1 << 20 };

struct options {
	bool json, plain;
	unsigned long lookups, secs, server_pid;
	double settle_s;
	const char *churn;
	char *rates;
};

/* The handler's thread writes, the main thread takes. */
static struct {
	pthread_mutex_t lock;
	int64_t ns[MAX_LATENCIES];
	size_t n;
} latencies = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double seconds(clockid_t id)
{
	return (double)clock_ns(id) / 1e9;
}

static double cpu_seconds(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Of another process, in its kernel's ticks. */
static double cpu_seconds_of(unsigned long pid)
{
	unsigned long user = 0, system = 0;
	char path[64], line[1024];
	const char *rest;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%lu/stat", pid);
	f = pid ? fopen(path, "re") : NULL;
	if (!f)
		return 0;
	rest = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (rest)
		(void)sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			     &system);
	(void)fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double status_mb(const char *key)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtod(line + strlen(key) + 1, NULL);
	if (f)
		(void)fclose(f);
	return kb / 1024;
}

static _Noreturn void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_informer: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* --- look-ups --- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void shuffle(struct pn_addr *addrs, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)random() % i;
		struct pn_addr a = addrs[i - 1];

		addrs[i - 1] = addrs[k];
		addrs[k] = a;
	}
}

static size_t look_up(const struct pn_pods *pods, const struct pn_addr *addr)
{
	struct pn_pods_iter it;
	size_t found;

	pn_read_begin();
	(void)pn_pods_by_addr(pods, addr, &it);
	found = pn_pods_next(&it) != NULL;
	pn_read_end();
	return found;
}

/* Best and median batch, ns a look-up: whoever else uses the machine can only make one slower. */
static void time_lookups(const struct pn_pods *pods, const struct pn_addr *addrs, size_t n,
			 unsigned long lookups, bool is_hit, double *ret_best, double *ret_median)
{
	size_t a_batch = lookups / BATCHES, at = 0, n_found = 0;
	double ns[BATCHES];

	for (size_t b = 0; b < BATCHES; b++) {
		int64_t begun = clock_ns(CLOCK_MONOTONIC);

		for (size_t i = 0; i < a_batch; i++) {
			n_found += look_up(pods, &addrs[at]);
			at = at + 1 == n ? 0 : at + 1;
		}
		ns[b] = (double)(clock_ns(CLOCK_MONOTONIC) - begun) / (double)a_batch;
	}
	if (n_found != (is_hit ? BATCHES * a_batch : 0))
		fail("look-ups", "an address is not where it should be");
	qsort(ns, BATCHES, sizeof(ns[0]), compare_doubles);
	*ret_best = ns[0];
	*ret_median = ns[BATCHES / 2];
}

static size_t all_addresses(const struct pn_pods *pods, struct pn_addr **ret)
{
	size_t n = 0, size = 1 << 20;
	struct pn_addr *addrs = calloc(size, sizeof(*addrs));
	const struct pn_pod *pod;
	struct pn_pods_iter it;

	pn_read_begin();
	pn_pods_each(pods, &it);
	while (addrs && (pod = pn_pods_next(&it)))
		for (uint32_t i = 0; i < pod->n_addrs && n < size; i++)
			addrs[n++] = pod->addrs[i];
	pn_read_end();
	*ret = addrs;
	return n;
}

static void bench_lookups(const struct pn_pods *pods, const struct options *o, json_t *result)
{
	double best = 0, median = 0, miss_best = 0, miss = 0;
	struct pn_addr *addrs;
	size_t n = all_addresses(pods, &addrs);

	if (o->lookups && n) {
		shuffle(addrs, n);
		time_lookups(pods, addrs, n, o->lookups, true, &best, &median);
		for (size_t i = 0; i < n; i++) /* a block that the pods do not have */
			addrs[i].b[0] = 0x20;
		time_lookups(pods, addrs, n, o->lookups, false, &miss_best, &miss);
	}
	free(addrs);
	(void)json_object_update_new(result, json_pack("{s:f, s:f, s:f, s:f}", "hit_best_ns", best,
						       "hit_ns", median, "miss_best_ns", miss_best,
						       "miss_ns", miss));
}

/* --- events --- */

static void on_update(void *data, const struct pn_pod *old, const struct pn_pod *pod)
{
	const char *stamp = pn_object_annotation(&pod->meta, "bench/ts");

	(void)data, (void)old;
	if (!stamp)
		return;
	(void)pthread_mutex_lock(&latencies.lock);
	if (latencies.n < MAX_LATENCIES)
		latencies.ns[latencies.n++] = clock_ns(CLOCK_REALTIME) - strtoll(stamp, NULL, 10);
	(void)pthread_mutex_unlock(&latencies.lock);
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double pick_us(const int64_t *ns, size_t n, double q)
{
	return n ? (double)ns[(size_t)(q * (double)(n - 1))] / 1e3 : 0;
}

static json_t *run_phase(const struct options *o, const char *rate, size_t n_pods)
{
	char command[512];
	double cpu;
	json_t *phase;
	size_t n;

	(void)snprintf(command, sizeof(command),
		       "'%s' churn --rate '%s' --secs %lu --pods %zu >/dev/null", o->churn, rate,
		       o->secs, n_pods);
	latencies.n = 0;
	cpu = cpu_seconds();
	if (system(command) != 0)
		fail(command, "failed");
	(void)usleep(500000);
	cpu = cpu_seconds() - cpu;
	(void)pthread_mutex_lock(&latencies.lock);
	n = latencies.n;
	qsort(latencies.ns, n, sizeof(latencies.ns[0]), compare_ns);
	phase = json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "rate", rate, "events",
			  (json_int_t)n, "p50_us", pick_us(latencies.ns, n, 0.5), "p90_us",
			  pick_us(latencies.ns, n, 0.9), "p99_us", pick_us(latencies.ns, n, 0.99),
			  "cpu_secs", cpu, "cpu_us_per_event", n ? cpu / (double)n * 1e6 : 0);
	(void)pthread_mutex_unlock(&latencies.lock);
	return phase;
}

static json_t *run_phases(const struct options *o, size_t n_pods)
{
	json_t *phases = json_array();
	char *rest = o->churn ? o->rates : NULL, *rate;

	while ((rate = strsep(&rest, ",")))
		if (*rate)
			(void)json_array_append_new(phases, run_phase(o, rate, n_pods));
	return phases;
}

/* --- the sync --- */

struct informers {
	struct pn_factory *factory;
	struct pn_pods *pods;
	struct pn_services *services;
	struct pn_replicasets *replicasets;
};

static void start(struct informers *all, const struct options *o)
{
	static const struct pn_pods_handler handler = { .update = on_update };
	static const char *const annotations[] = { "bench/ts", NULL };
	struct pn_informer_options options = {
		.size = sizeof(options),
		.list_mode = o->plain ? PN_LIST_PLAIN : PN_LIST_STREAMING,
		.json = o->json,
	};
	struct pn_informer_options of_pods = options;
	struct pn_err err = { "" };

	if (o->churn)
		of_pods.keep_annotations = annotations;
	if (pn_factory_new(NULL, &all->factory, &err) < 0)
		fail("connecting", err.text);
	all->pods = pn_factory_pods(all->factory, &of_pods, &err);
	all->services = pn_factory_services(all->factory, &options, &err);
	all->replicasets = pn_factory_replicasets(all->factory, &options, &err);
	if (!all->pods || !all->services || !all->replicasets ||
	    pn_pods_add_ip_index(all->pods) < 0 ||
	    pn_pods_add_handler(all->pods, &handler, NULL, NULL, NULL) < 0 ||
	    pn_factory_start(all->factory) < 0)
		fail("informers", err.text);
}

static size_t count(const struct pn_informer *inf)
{
	return pn_informer_count(inf);
}

static void sync_all(struct informers *all, const struct options *o, json_t *result)
{
	double server = cpu_seconds_of(o->server_pid), cpu = cpu_seconds();
	double begun = seconds(CLOCK_MONOTONIC), took;

	start(all, o);
	if (pn_factory_wait_for_sync(all->factory, 300000) < 0)
		fail("sync", "not complete after five minutes");
	took = seconds(CLOCK_MONOTONIC) - begun;
	cpu = cpu_seconds() - cpu;
	(void)json_object_update_new(result, json_pack("{s:f, s:f, s:f, s:f}", "sync_secs", took,
						       "sync_cpu_secs", cpu, "server_cpu_secs",
						       cpu_seconds_of(o->server_pid) - server,
						       "wire_mb", 0.0));
	(void)usleep((useconds_t)(o->settle_s * 1e6));
	(void)json_object_update_new(
		result,
		json_pack("{s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "peak_rss_mb", status_mb("VmHWM"),
			  "rest_rss_mb", status_mb("VmRSS"), "gc_rss_mb", status_mb("VmRSS"),
			  "heap_mb", 0.0, "pods", (json_int_t)count(pn_pods_informer(all->pods)),
			  "replicasets",
			  (json_int_t)count(pn_replicasets_informer(all->replicasets)), "services",
			  (json_int_t)count(pn_services_informer(all->services))));
}

static void read_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "plain", no_argument, NULL, 'l' },
		{ "lookups", required_argument, NULL, 'n' },
		{ "settle", required_argument, NULL, 's' },
		{ "server-pid", required_argument, NULL, 'p' },
		{ "churn", required_argument, NULL, 'c' },
		{ "rates", required_argument, NULL, 'r' },
		{ "secs", required_argument, NULL, 't' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'j':
			o->json = true;
			break;
		case 'l':
			o->plain = true;
			break;
		case 'n':
			o->lookups = strtoul(optarg, NULL, 10);
			break;
		case 's':
			o->settle_s = strtod(optarg, NULL);
			break;
		case 'p':
			o->server_pid = strtoul(optarg, NULL, 10);
			break;
		case 'c':
			o->churn = optarg;
			break;
		case 'r':
			o->rates = optarg;
			break;
		case 't':
			o->secs = strtoul(optarg, NULL, 10);
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .lookups = 2000000, .secs = 8, .settle_s = 5 };
	struct informers all = { NULL };
	json_t *result;

	read_options(argc, argv, &o);
	if (!getenv("KUBECONFIG")) {
		(void)puts("  skipped: no KUBECONFIG names an API server to measure with");
		return EXIT_SUCCESS;
	}
	result = json_pack("{s:b, s:b, s:s, s:f}", "protobuf", !o.json, "trim", 1, "watchlist",
			   o.plain ? "false" : "true", "base_rss_mb", status_mb("VmRSS"));
	sync_all(&all, &o, result);
	bench_lookups(all.pods, &o, result);
	(void)json_object_set_new(result, "phases",
				  run_phases(&o, count(pn_pods_informer(all.pods))));
	(void)json_dumpf(result, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(result);
	pn_factory_free(all.factory);
	return EXIT_SUCCESS;
}
