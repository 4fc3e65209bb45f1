/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_MAPS_FIXTURE_H
#define PN_TESTS_MAPS_FIXTURE_H

/*
 * An index and its pinned maps with the real kernel, on a bpffs that only this process sees. Needs
 * root; tests begin with NEED_BPFFS(), and the group has mount_bpffs() and umount_bpffs().
 */
#include "../index/fixture.h"

#include <bpf/bpf.h>
#include <stdio.h>

#include "bpffs_fixture.h"
#include "datapath/pinned_maps.h"

#define MAX_ADDRS 16384

/* struct maps - an index and its maps, in a directory of their own */
struct maps {
	struct world w;
	char dir[64];
	struct pn_maps *m;
	struct pn_err err;
};

static inline int try_open(struct maps *t, uint32_t max_addrs)
{
	const struct pn_maps_config config = {
		.dir = t->dir,
		.max_addrs = max_addrs,
		.node_name = "n1",
		.clock = &t->w.clock,
	};

	return pn_maps_open(&config, &t->m, &t->err);
}

static inline void start_agent(struct maps *t, uint32_t max_addrs)
{
	assert_int_equal(pn_index_new(&t->w.clock, "n1", &t->w.idx), 0);
	assert_int_equal(try_open(t, max_addrs), 0);
	assert_int_equal(pn_maps_seed(t->m, t->w.idx), 0);
}

static inline void stop_agent(struct maps *t)
{
	pn_maps_close(t->m);
	t->m = NULL;
	pn_index_free(t->w.idx);
	t->w.idx = NULL;
}

static inline void flush(struct maps *t)
{
	assert_int_equal(pn_maps_flush(t->m, t->w.idx), 0);
}

static inline struct pn_maps_reader *open_reader(const struct maps *t)
{
	struct pn_maps_reader *r;

	assert_int_equal(pn_maps_reader_open(t->dir, &r, NULL), 0);
	return r;
}

static inline int read_ip(const struct maps *t, const char *address, struct pn_ip_value *ret)
{
	struct pn_maps_reader *r = open_reader(t);
	struct pn_addr a = addr(address);
	int err = pn_maps_reader_ip(r, &a, ret);

	pn_maps_reader_close(r);
	return err;
}

static inline void read_meta(const struct maps *t, struct pn_meta_value *ret)
{
	struct pn_maps_reader *r = open_reader(t);

	assert_int_equal(pn_maps_reader_meta(r, ret), 0);
	pn_maps_reader_close(r);
}

struct census {
	struct pn_maps_reader *r;
	size_t n, n_nameless;
};

static inline void count_ip(void *data, const struct pn_addr *a, const struct pn_ip_value *v)
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
static inline size_t count_ips(const struct maps *t)
{
	struct census c = { .r = open_reader(t) };

	assert_int_equal(pn_maps_reader_each_ip(c.r, count_ip, &c), 0);
	pn_maps_reader_close(c.r);
	assert_int_equal(c.n_nameless, 0);
	return c.n;
}

static inline void nth_pod(struct pod *p, unsigned int i, char text[2][32])
{
	(void)snprintf(text[0], sizeof(text[0]), "uid-%u", i);
	(void)snprintf(text[1], sizeof(text[1]), "10.%u.%u.%u", 1 + i / 62500, i / 250 % 250,
		       1 + i % 250);
	pod_init(p, text[0], text[0], text[1], 1);
}

static inline void apply_pods(struct maps *t, unsigned int first, unsigned int n, bool gone)
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

/* Each test has a directory that does not exist yet. */
static inline int maps_setup(void **state)
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

static inline int maps_teardown(void **state)
{
	struct maps *t = *state;

	stop_agent(t);
	free(t);
	return 0;
}

static inline void pin(const struct maps *t, const char *name, int fd)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	assert_true(fd >= 0);
	(void)unlink(path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	(void)close(fd);
}

/* The descriptor of a map, to look at it or to write to it as another program might. */
static inline int open_map(const struct maps *t, const char *name)
{
	char path[96];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static inline void put_raw(const struct maps *t, const char *name, const void *key,
			   const void *value)
{
	int fd = open_map(t, name);

	assert_int_equal(bpf_map_update_elem(fd, key, value, 0), 0);
	(void)close(fd);
}

#define MAPS_TEST(name) cmocka_unit_test_setup_teardown(name, maps_setup, maps_teardown)

#endif
