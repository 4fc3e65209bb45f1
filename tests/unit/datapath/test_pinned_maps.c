/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinned maps with the real kernel, on a bpffs that only this process sees. Needs root.
 */
#include "../index/fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/metric.h"
#include "datapath/pinned_maps.h"

#define MAX_ADDRS 16384

static char mount_point[] = "/tmp/pn-maps-XXXXXX";
static bool have_bpffs;

/* struct maps - an index and its maps, in a directory of their own */
struct maps {
	struct world w;
	char dir[64];
	struct pn_maps *m;
	struct pn_err err;
};

static int try_open(struct maps *t, uint32_t max_addrs)
{
	const struct pn_maps_config config = {
		.dir = t->dir,
		.max_addrs = max_addrs,
		.node_name = "n1",
		.clock = &t->w.clock,
	};

	return pn_maps_open(&config, &t->m, &t->err);
}

static void start_agent(struct maps *t, uint32_t max_addrs)
{
	assert_int_equal(pn_index_new(&t->w.clock, "n1", &t->w.idx), 0);
	assert_int_equal(try_open(t, max_addrs), 0);
	assert_int_equal(pn_maps_seed(t->m, t->w.idx), 0);
}

static void stop_agent(struct maps *t)
{
	pn_maps_close(t->m);
	t->m = NULL;
	pn_index_free(t->w.idx);
	t->w.idx = NULL;
}

static void flush(struct maps *t)
{
	assert_int_equal(pn_maps_flush(t->m, t->w.idx), 0);
}

static struct pn_maps_reader *open_reader(const struct maps *t)
{
	struct pn_maps_reader *r;

	assert_int_equal(pn_maps_reader_open(t->dir, &r, NULL), 0);
	return r;
}

static int read_ip(const struct maps *t, const char *address, struct pn_ip_value *ret)
{
	struct pn_maps_reader *r = open_reader(t);
	struct pn_addr a = addr(address);
	int err = pn_maps_reader_ip(r, &a, ret);

	pn_maps_reader_close(r);
	return err;
}

static void read_meta(const struct maps *t, struct pn_meta_value *ret)
{
	struct pn_maps_reader *r = open_reader(t);

	assert_int_equal(pn_maps_reader_meta(r, ret), 0);
	pn_maps_reader_close(r);
}

struct census {
	struct pn_maps_reader *r;
	size_t n, n_nameless;
};

static void count_ip(void *data, const struct pn_addr *a, const struct pn_ip_value *v)
{
	struct census *c = data;
	struct pn_owner_value o;

	(void)a;
	c->n++;
	if (v->owner && pn_maps_reader_owner(c->r, v->owner, &o) < 0)
		c->n_nameless++;
	if (v->prev_owner && pn_maps_reader_owner(c->r, v->prev_owner, &o) < 0)
		c->n_nameless++;
}

/* How many addresses; each must have its owner. */
static size_t count_ips(const struct maps *t)
{
	struct census c = { .r = open_reader(t) };

	assert_int_equal(pn_maps_reader_each_ip(c.r, count_ip, &c), 0);
	pn_maps_reader_close(c.r);
	assert_int_equal(c.n_nameless, 0);
	return c.n;
}

static void nth_pod(struct pod *p, unsigned int i, char text[2][32])
{
	(void)snprintf(text[0], sizeof(text[0]), "uid-%u", i);
	(void)snprintf(text[1], sizeof(text[1]), "10.%u.%u.%u", 1 + i / 62500, i / 250 % 250,
		       1 + i % 250);
	pod_init(p, text[0], text[0], text[1], 1);
}

static void apply_pods(struct maps *t, unsigned int first, unsigned int n, bool gone)
{
	char text[2][32];
	struct pod p;

	for (unsigned int i = first; i < first + n; i++) {
		nth_pod(&p, i, text);
		assert_int_equal(
			pn_index_apply(t->w.idx, gone ? &p.p.meta : NULL, gone ? NULL : &p.p.meta),
			0);
	}
}

/* --- fixture ------------------------------------------------------------------------------------ */

/* Each test has a directory that does not exist yet. */
static int maps_setup(void **state)
{
	static unsigned int n;
	struct maps *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	(void)snprintf(t->dir, sizeof(t->dir), "%s/t%u/v1", mount_point, n++);
	t->w.clock = (struct pn_clock) { fake_now, fake_realtime, NULL, &t->w.fake };
	go_to(&t->w, 5000);
	*state = t;
	return 0;
}

static int maps_teardown(void **state)
{
	struct maps *t = *state;

	stop_agent(t);
	free(t);
	return 0;
}

static int mount_bpffs(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("# not root: no bpffs can be mounted\n");
		return 0;
	}
	if (!mkdtemp(mount_point))
		return -1;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", mount_point, "bpf", 0, NULL) < 0) {
		print_message("# no bpffs: %s\n", strerror(errno));
		return rmdir(mount_point);
	}
	have_bpffs = true;
	return 0;
}

static int umount_bpffs(void **state)
{
	(void)state;
	if (!have_bpffs)
		return 0;
	return umount2(mount_point, MNT_DETACH) < 0 ? -1 : rmdir(mount_point);
}

#define NEED_BPFFS()             \
	do {                     \
		if (!have_bpffs) \
			skip();  \
	} while (0)

/* --- writing ------------------------------------------------------------------------------------ */

static void names_are_written_and_read(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;
	struct pn_owner_value owner;
	struct pn_meta_value meta;
	struct pn_ip_value ip;
	struct pod p;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&p, "web-1", "uid-1", "10.0.0.1", 4);
	p.p.meta.controller = controller_of("StatefulSet", "web", "s-uid");
	add(&t->w, &p.p.meta);
	flush(t);

	assert_int_equal(read_ip(t, "10.0.0.1", &ip), 0);
	assert_int_equal(ip.since_ns, at(4));
	assert_int_equal(ip.generation, 1);
	assert_int_equal(ip.flags, PN_IP_LOCAL);
	assert_int_equal(ip.prev_owner, 0);
	assert_int_equal(read_ip(t, "10.0.0.2", &ip), -ENOENT);

	r = open_reader(t);
	assert_int_equal(pn_maps_reader_owner(r, ip.owner, &owner), 0);
	pn_maps_reader_close(r);
	assert_int_equal(owner.kind, PN_OWNER_POD);
	assert_string_equal(owner.uid, "uid-1");
	assert_string_equal(owner.name_space, "shop");
	assert_string_equal(owner.name, "web-1");
	assert_string_equal(owner.workload_kind, "StatefulSet");
	assert_string_equal(owner.workload_name, "web");
	assert_string_equal(owner.node, "n1");

	read_meta(t, &meta);
	assert_int_equal(meta.abi_version, PN_MAPS_VERSION);
	assert_int_equal(meta.n_ip, 1);
	assert_int_equal(meta.agent_pid, getpid());
	assert_int_equal(meta.synced, 0);
	assert_string_equal(meta.node, "n1");
}

static void a_released_address_names_its_previous_owner_for_five_minutes(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value before, ip;
	struct pod p;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&p, "a", "uid-a", "10.0.0.1", 4);
	add(&t->w, &p.p.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &before), 0);
	go_to(&t->w, 9000);
	del(&t->w, &p.p.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &ip), 0);
	assert_int_equal(ip.owner, 0);
	assert_int_equal(ip.prev_owner, before.owner);
	assert_int_equal(ip.prev_until_ns, at(9));
	assert_int_equal(ip.generation, 2);
	assert_int_equal(count_ips(t), 1);

	go_to(&t->w, 309000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &ip), -ENOENT);
}

static void service_ports_come_and_go(void **state)
{
	struct maps *t = *state;
	struct pn_service_key key = { .port = htons(80), .proto = 6 };
	struct pn_service_value value;
	struct pn_ip_value ip;
	struct pn_addr a = addr("10.96.0.1");
	struct service s;
	char path[80];
	int fd;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 1);
	memcpy(key.addr, a.b, sizeof(key.addr));
	add(&t->w, &s.s.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.96.0.1", &ip), 0);
	assert_int_equal(ip.flags, PN_IP_SERVICE);

	(void)snprintf(path, sizeof(path), "%s/service", t->dir);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &value), 0);
	assert_int_equal(value.owner, ip.owner);
	del(&t->w, &s.s.meta);
	flush(t);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &value), -ENOENT);
	(void)close(fd);
}

static void ten_thousand_addresses_come_and_go(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 10000, false);
	flush(t);
	assert_int_equal(count_ips(t), 10000);
	go_to(&t->w, 9000);
	apply_pods(t, 0, 9000, true);
	flush(t);
	read_meta(t, &meta);
	assert_int_equal(meta.n_ip, 1000);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_int_equal(count_ips(t), 1000);
	read_meta(t, &meta);
	assert_int_equal(meta.n_owner, 1000);
}

static void freshness_goes_on_when_nothing_changes(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	go_to(&t->w, 77000);
	flush(t);
	read_meta(t, &meta);
	assert_int_equal(meta.written_ns, at(77));
}

static void a_full_map_is_counted_and_tried_again(void **state)
{
	struct maps *t = *state;
	uint64_t before = pn_metric_get(PN_METRIC_MAPS_FAILURES);
	struct pn_meta_value meta;

	NEED_BPFFS();
	start_agent(t, 100);
	apply_pods(t, 0, 130, false);
	assert_int_equal(pn_maps_flush(t->m, t->w.idx), -ENOSPC);
	assert_true(pn_metric_get(PN_METRIC_MAPS_FAILURES) > before);
	assert_int_equal(count_ips(t), 100); /* whose owner had no room has no address either */
	read_meta(t, &meta);
	assert_int_equal(meta.written_ns, 0);

	apply_pods(t, 0, 40, true);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	/* room is made by deletions, which come last: so the second call finds it */
	for (int i = 0; i < 3 && pn_maps_flush(t->m, t->w.idx) < 0; i++)
		;
	flush(t);
	assert_int_equal(count_ips(t), 90);
}

/* --- restart ------------------------------------------------------------------------------------ */

static void ids_and_generations_survive_a_restart(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value before, after;
	struct pn_meta_value meta;
	uint64_t writes;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 50, false);
	flush(t);
	assert_int_equal(read_ip(t, "10.1.0.8", &before), 0);
	stop_agent(t);
	read_meta(t, &meta);
	assert_int_equal(meta.agent_pid, 0);

	go_to(&t->w, 60000);
	start_agent(t, MAX_ADDRS);
	writes = pn_metric_get(PN_METRIC_MAPS_WRITES);
	apply_pods(t, 7, 43, false);
	flush(t);
	apply_pods(t, 0, 7, false);
	apply_pods(t, 50, 1, false);
	flush(t);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_int_equal(read_ip(t, "10.1.0.8", &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(read_ip(t, "10.1.0.51", &after), 0);
	assert_int_equal(after.owner, meta.next_owner);
	assert_int_equal(pn_metric_get(PN_METRIC_MAPS_WRITES) - writes, 2);
}

static void ids_are_not_given_again_after_their_owner_is_forgotten(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value ip;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 10, false);
	flush(t);
	apply_pods(t, 0, 10, true);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	flush(t);
	stop_agent(t);

	start_agent(t, MAX_ADDRS);
	apply_pods(t, 20, 1, false);
	flush(t);
	assert_int_equal(read_ip(t, "10.1.0.21", &ip), 0);
	assert_int_equal(ip.owner, 11);
}

static void what_went_while_no_agent_ran_is_swept(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;
	struct pn_ip_value ip;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 600, false);
	flush(t);
	stop_agent(t);

	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 100, false);
	flush(t);
	assert_int_equal(count_ips(t), 600);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	read_meta(t, &meta);
	assert_int_equal(meta.synced, 1);
	assert_int_equal(meta.n_ip, 100);
	assert_int_equal(read_ip(t, "10.1.0.200", &ip), 0); /* remembered, like any release */
	assert_int_equal(ip.owner, 0);
	assert_int_not_equal(ip.prev_owner, 0);
	go_to(&t->w, 400000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_int_equal(count_ips(t), 100);
}

static void an_address_that_changed_hands_while_no_agent_ran_has_both_names(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value before, after;
	struct pod a, b;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 4);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 40);
	add(&t->w, &a.p.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &before), 0);
	stop_agent(t);

	go_to(&t->w, 60000);
	start_agent(t, MAX_ADDRS);
	add(&t->w, &b.p.meta);
	flush(t);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_int_equal(read_ip(t, "10.0.0.1", &after), 0);
	assert_int_equal(after.prev_owner, before.owner);
	assert_int_equal(after.prev_until_ns, at(41));
	assert_int_equal(after.since_ns, at(41));
	assert_int_equal(after.generation, before.generation + 1);
	pn_index_reader_begin();
	assert_string_equal(name_at(&t->w, "10.0.0.1", at(20)), "a");
	assert_string_equal(name_now(&t->w, "10.0.0.1"), "b");
	pn_index_reader_end();
}

/* struct watcher - another process's view: reads all the time, counts what is missing */
struct watcher {
	const struct maps *t;
	atomic_bool stop;
	atomic_uint n_rounds;
	unsigned int n_missing;
};

static void watch_round(struct watcher *w, struct pn_maps_reader *r)
{
	char text[2][32];
	struct pn_owner_value owner;
	struct pn_ip_value ip;
	struct pod p;

	for (unsigned int i = 0; i < 300; i++) {
		nth_pod(&p, i, text);
		if (pn_maps_reader_ip(r, &p.addrs[0], &ip) < 0 || !ip.owner ||
		    pn_maps_reader_owner(r, ip.owner, &owner) < 0 ||
		    strcmp(owner.uid, text[0]) != 0)
			w->n_missing++;
	}
}

static void *watch(void *data)
{
	struct watcher *w = data;
	struct pn_maps_reader *r;

	if (pn_maps_reader_open(w->t->dir, &r, NULL) < 0) {
		w->n_missing = 1;
		return NULL;
	}
	while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
		watch_round(w, r);
		(void)atomic_fetch_add_explicit(&w->n_rounds, 1, memory_order_release);
	}
	pn_maps_reader_close(r);
	return NULL;
}

static void wait_for_round(struct watcher *w)
{
	unsigned int n = atomic_load_explicit(&w->n_rounds, memory_order_acquire);

	while (atomic_load_explicit(&w->n_rounds, memory_order_acquire) < n + 2 && !w->n_missing)
		(void)sched_yield();
}

static void readers_see_no_hole_during_restarts(void **state)
{
	struct maps *t = *state;
	struct watcher w = { .t = t };
	pthread_t thread;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 600, false);
	flush(t);
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	for (int i = 0; i < 5; i++) {
		stop_agent(t);
		wait_for_round(&w);
		start_agent(t, MAX_ADDRS);
		flush(t);
		apply_pods(t, 150, 150, false);
		flush(t);
		apply_pods(t, 0, 150, false);
		assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
		wait_for_round(&w);
	}
	atomic_store_explicit(&w.stop, true, memory_order_release);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(w.n_missing, 0);
}

/* --- refusing ----------------------------------------------------------------------------------- */

static void a_second_agent_is_refused_while_the_first_lives(void **state)
{
	struct maps *t = *state;
	struct pn_maps *first;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	first = PN_TAKE_PTR(t->m);
	assert_int_equal(try_open(t, MAX_ADDRS), -EBUSY);
	assert_non_null(strstr(t->err.text, "another agent"));
	assert_null(t->m);
	pn_maps_close(first);
	assert_int_equal(try_open(t, MAX_ADDRS), 0);
}

static void outside_a_bpffs_nothing_is_made(void **state)
{
	struct maps *t = *state;
	char base[] = "/tmp/pn-nobpf-XXXXXX";
	struct stat st;

	NEED_BPFFS();
	assert_non_null(mkdtemp(base));
	(void)snprintf(t->dir, sizeof(t->dir), "%s/a/b", base);
	assert_int_equal(try_open(t, MAX_ADDRS), -ENOENT);
	assert_non_null(strstr(t->err.text, "mount -t bpf"));
	(void)snprintf(t->dir, sizeof(t->dir), "%s/a", base);
	assert_int_equal(stat(t->dir, &st), -1);
	assert_int_equal(rmdir(base), 0);
	(void)snprintf(t->dir, sizeof(t->dir), "relative/path");
	assert_int_equal(try_open(t, MAX_ADDRS), -EINVAL);
}

static void pin(const struct maps *t, const char *name, int fd)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	assert_true(fd >= 0);
	(void)unlink(path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	(void)close(fd);
}

static void maps_of_another_layout_are_refused(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	pin(t, "ip", bpf_map_create(BPF_MAP_TYPE_HASH, "x", 16, 24, 10, NULL));
	assert_int_equal(try_open(t, MAX_ADDRS), -EPROTO);
	assert_non_null(strstr(t->err.text, "/ip has type 1, key 16, value 24"));
	assert_int_equal(pn_maps_reader_open(t->dir, &r, NULL), -EPROTO);
}

static void maps_of_another_version_are_refused(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta = { .abi_version = 2 };
	struct pn_maps_reader *r;
	__u32 zero = 0;
	int fd;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "x", 4, sizeof(meta), 1, NULL);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &meta, 0), 0);
	pin(t, "meta", fd);
	assert_int_equal(try_open(t, MAX_ADDRS), -EPROTO);
	assert_non_null(strstr(t->err.text, "version 2"));
	assert_int_equal(pn_maps_reader_open(t->dir, &r, NULL), -EPROTO);
}

static void a_reader_says_that_nothing_is_pinned(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;

	NEED_BPFFS();
	assert_int_equal(pn_maps_reader_open(t->dir, &r, &t->err), -ENOENT);
	assert_non_null(strstr(t->err.text, "is the agent running"));
}

static void put_raw(const struct maps *t, const char *name, const void *key, const void *value)
{
	char path[96];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, key, value, 0), 0);
	(void)close(fd);
}

static void nonsense_in_the_maps_is_neither_believed_nor_kept(void **state)
{
	struct maps *t = *state;
	struct pn_owner_value owner;
	struct pn_service_key port = { .proto = 6 };
	struct pn_service_value service = { .owner = 77 };
	struct pn_ip_value ip = { .owner = 77, .since_ns = at(1) }, future, got;
	struct pn_ip_key key = { .addr = { 1 } }, other = { .addr = { 2 } };
	__u32 bad = 77, none = 0;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 1, false);
	flush(t);
	stop_agent(t);
	memset(&owner, 'x', sizeof(owner)); /* no text ends, no such kind */
	put_raw(t, "owner", &bad, &owner);
	put_raw(t, "owner", &none, &owner);
	put_raw(t, "ip", &key, &ip);
	future = (struct pn_ip_value) { .owner = 1, .since_ns = UINT64_MAX };
	put_raw(t, "ip", &other, &future);
	put_raw(t, "service", &port, &service);

	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 1, false);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_int_equal(count_ips(t), 1);
	assert_int_equal(read_ip(t, "10.1.0.1", &got), 0);
	assert_int_equal(got.owner, 1);
}

#define MAPS_TEST(name) cmocka_unit_test_setup_teardown(name, maps_setup, maps_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(names_are_written_and_read),
		MAPS_TEST(a_released_address_names_its_previous_owner_for_five_minutes),
		MAPS_TEST(service_ports_come_and_go),
		MAPS_TEST(ten_thousand_addresses_come_and_go),
		MAPS_TEST(freshness_goes_on_when_nothing_changes),
		MAPS_TEST(a_full_map_is_counted_and_tried_again),
		MAPS_TEST(ids_and_generations_survive_a_restart),
		MAPS_TEST(ids_are_not_given_again_after_their_owner_is_forgotten),
		MAPS_TEST(what_went_while_no_agent_ran_is_swept),
		MAPS_TEST(an_address_that_changed_hands_while_no_agent_ran_has_both_names),
		MAPS_TEST(readers_see_no_hole_during_restarts),
		MAPS_TEST(a_second_agent_is_refused_while_the_first_lives),
		MAPS_TEST(outside_a_bpffs_nothing_is_made),
		MAPS_TEST(maps_of_another_layout_are_refused),
		MAPS_TEST(maps_of_another_version_are_refused),
		MAPS_TEST(a_reader_says_that_nothing_is_pinned),
		MAPS_TEST(nonsense_in_the_maps_is_neither_believed_nor_kept),
	};

	return cmocka_run_group_tests_name("pinned_maps", tests, mount_bpffs, umount_bpffs);
}
