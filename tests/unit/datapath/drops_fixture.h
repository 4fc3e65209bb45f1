/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_DROPS_FIXTURE_H
#define PN_TEST_DROPS_FIXTURE_H

/*
 * A small world with the program that sees its drops, and what its table has of a port.
 */

#include "datapath/drops.h"
#include "world_fixture.h"

struct scene {
	struct world w;
	struct pn_drops *d;
};

/*
 * Loading takes long in an emulated machine, so tests in a row that want the same have one program. Each
 * has a node and pods of its own, and finds an empty table.
 */
static struct scene shared;
static const struct pn_drops_config *shared_config;

static inline int end_shared(void **state)
{
	(void)state;
	pn_drops_free(shared.d);
	shared.d = NULL;
	return 0;
}

static inline int load(const struct pn_drops_config *config)
{
	struct pn_feature f;

	(void)end_shared(NULL);
	if (pn_drops_new(config, &shared.d) < 0)
		return -1;
	shared_config = config;
	f = pn_drops_feature(shared.d);
	if (strcmp(f.state, "on") == 0)
		return 0;
	print_message("drops are off: %s\n", f.reason);
	return -1;
}

struct drop_list {
	struct pn_drop_key keys[64];
	size_t n;
};

static inline void note_drop(void *data, const struct pn_drop_key *key,
			     const struct pn_drop_value *value, const struct pn_drop_words *words)
{
	struct drop_list *l = data;

	(void)value;
	(void)words;
	if (l->n < PN_ARRAY_SIZE(l->keys))
		l->keys[l->n++] = *key;
}

static inline int empty_drops(struct pn_drops *d)
{
	struct pn_drop_value last;
	struct drop_list l = { .n = 0 };
	int r;

	do {
		l.n = 0;
		r = pn_drops_drain(d, note_drop, &l);
		for (size_t i = 0; i < l.n; i++)
			(void)pn_drops_remove(d, &l.keys[i], &last);
	} while (r == 0 && l.n == PN_ARRAY_SIZE(l.keys));
	return r;
}

static inline int start(void **state, const struct pn_drops_config *config)
{
	bool is_loaded = shared.d && shared_config == config;

	*state = &shared;
	shared.w = (struct world) { .allowed = geteuid() == 0 };
	if (!shared.w.allowed)
		return 0;
	if (!world_make(&shared.w))
		return -1;
	return is_loaded ? empty_drops(shared.d) : load(config);
}

static inline int set_up(void **state)
{
	static const struct pn_drops_config config = { .max_drops = 64 };

	return start(state, &config);
}

static inline int set_up_without_reasons(void **state)
{
	static const struct pn_drops_config config = { .max_drops = 8192, .no_reason = true };

	return start(state, &config);
}

static inline int set_up_without_symbols(void **state)
{
	static const struct pn_drops_config config = { .max_drops = 64, .symbols = "/dev/null" };

	return start(state, &config);
}

static inline int tear_down(void **state)
{
	struct scene *s = *state;

	world_stop(&s->w);
	return 0;
}

static inline struct scene *scene_of(void **state)
{
	struct scene *s = *state;

	if (!s->w.allowed) {
		print_message("needs root: makes network namespaces\n");
		skip();
	}
	return s;
}

/* Kernels before 5.17 say no reasons. */
static inline void need_reasons(const struct scene *s)
{
	if (strstr(pn_drops_feature(s->d).reason, "without reasons")) {
		print_message("this kernel gives no reasons\n");
		skip();
	}
}

struct found {
	uint16_t port;
	unsigned int n;
	struct pn_drop_key key;
	struct pn_drop_value value;
	char reason[64], location[64];
};

static inline void look(void *data, const struct pn_drop_key *key,
			const struct pn_drop_value *value, const struct pn_drop_words *words)
{
	struct found *f = data;

	if (ntohs(key->port[1]) != f->port)
		return;
	f->n++;
	f->key = *key;
	f->value = *value;
	(void)snprintf(f->reason, sizeof(f->reason), "%s", words->reason);
	(void)snprintf(f->location, sizeof(f->location), "%s", words->location);
}

static inline struct found look_for(struct scene *s, unsigned int port)
{
	struct found f = { .port = (uint16_t)port };

	assert_int_equal(pn_drops_drain(s->d, look, &f), 0);
	return f;
}

/* Waits until so many are counted. */
static inline struct found await(struct scene *s, unsigned int port, uint64_t packets)
{
	struct found f = look_for(s, port);

	for (int i = 0; i < N_POLLS && f.value.packets < packets; i++) {
		(void)poll(NULL, 0, 1);
		f = look_for(s, port);
	}
	assert_int_equal(f.n, 1);
	assert_int_equal(f.value.packets, packets);
	return f;
}

static inline void assert_addr(const uint8_t addr[16], const char *text)
{
	struct pn_addr a;

	assert_int_equal(pn_addr_parse(text, &a), 0);
	assert_memory_equal(addr, &a, sizeof(a));
}

/* @also: what else the function is called, since Linux 7. */
static inline void assert_location(const struct found *f, const char *location, const char *also)
{
	if (strcmp(f->location, also) != 0)
		assert_string_equal(f->location, location);
}

static inline void assert_udp(const struct found *f, const char *reason, const char *location)
{
	assert_string_equal(f->reason, reason);
	assert_string_equal(f->location, location);
	assert_int_equal(f->key.proto, IPPROTO_UDP);
	assert_addr(f->key.addr[0], CLIENT);
	assert_addr(f->key.addr[1], SERVER);
	assert_int_equal(ntohs(f->key.port[0]), 4000);
	assert_int_equal(f->value.bytes, f->value.packets * 38);
	assert_true(f->value.first_ns && f->value.last_ns >= f->value.first_ns);
	assert_true(f->value.netns != 0);
}

#endif
