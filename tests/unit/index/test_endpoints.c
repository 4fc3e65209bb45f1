/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind Services: who has nobody, and who is an endpoint of a headless one; slices and
 * Services in any order.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/kube/failing_malloc.h"

#define TCP 6
#define UDP 17

/*
 * A slice with up to four endpoints on one port; fields may be changed afterwards. The index keeps
 * references, so it has to be there until the index is gone or has no use for it.
 */
struct slice {
	struct pn_endpointslice s;
	struct pn_endpoint endpoints[4];
	struct pn_addr addrs[4];
	struct pn_endpoint_port port;
};

static void slice_init(struct slice *s, const char *uid, const char *service, uint16_t port)
{
	memset(s, 0, sizeof(*s));
	fill_meta(&s->s.meta, PN_KIND_ENDPOINTSLICE, uid, uid, 0);
	s->s.address_type = "IPv4";
	s->s.service = service;
	s->s.endpoints = s->endpoints;
	s->s.ports = &s->port;
	s->s.n_ports = 1;
	s->port = (struct pn_endpoint_port) { .name = "", .port = port, .proto = TCP };
}

static void slice_add(struct slice *s, const char *address, bool ready)
{
	uint32_t i = s->s.n_endpoints++;

	s->addrs[i] = addr(address);
	s->endpoints[i] = (struct pn_endpoint) {
		.n_addrs = 1,
		.ready = ready,
		.serving = ready,
		.addrs = &s->addrs[i],
	};
}

static void headless_init(struct service *s, const char *name, const char *uid, int64_t created_s)
{
	service_init(s, name, uid, "10.96.0.9", 80, created_s);
	s->s.n_addrs = 0;
}

static bool is_without_endpoints(const struct world *w, const char *address)
{
	struct pn_addr a = addr(address);
	const struct pn_owner *o = NULL;

	assert_int_equal(pn_index_at(w->idx, &a, PN_NSEC_NEVER, &o), 1);
	return o->flags & PN_OWNER_NO_ENDPOINTS;
}

static void synced(struct world *w)
{
	assert_int_equal(pn_index_endpoints_synced(w->idx), 0);
}

static const char *headless_at(const struct world *w, const char *address, uint16_t port,
			       pn_nsec when)
{
	struct pn_addr a = addr(address);
	const struct pn_owner *o = NULL;
	int n = pn_index_headless(w->idx, &a, TCP, port, when, &o);

	return n == 0 ? "-" : n > 1 ? "?" : o->name;
}

static const char *headless(const struct world *w, const char *address, uint16_t port)
{
	return headless_at(w, address, port, PN_NSEC_NEVER);
}

/* --- does anybody serve? ------------------------------------------------------------------------ */

static void nothing_is_said_before_all_slices_are_known(void **state)
{
	struct world *w = *state;
	struct service s;

	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	assert_false(is_without_endpoints(w, "10.96.0.1"));
	synced(w);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
}

static void a_service_with_an_endpoint_that_serves_is_not_without(void **state)
{
	static struct slice ready, unready, ending;
	struct world *w = *state;
	struct service s;

	slice_init(&unready, "uid-1", "web", 8080);
	slice_add(&unready, "10.0.0.1", false);
	slice_init(&ready, "uid-1", "web", 8080);
	slice_add(&ready, "10.0.0.1", true);
	slice_init(&ending, "uid-1", "web", 8080);
	slice_add(&ending, "10.0.0.1", false);
	ending.endpoints[0].serving = ending.endpoints[0].terminating = true;

	synced(w);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	add(w, &unready.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
	update(w, &unready.s.meta, &ready.s.meta);
	assert_false(is_without_endpoints(w, "10.96.0.1"));
	update(w, &ready.s.meta, &ending.s.meta);
	assert_false(is_without_endpoints(w, "10.96.0.1"));
	del(w, &ending.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
}

static void slices_may_come_before_their_service(void **state)
{
	static struct slice slice;
	struct world *w = *state;
	struct service s;

	synced(w);
	slice_init(&slice, "uid-1", "web", 8080);
	slice_add(&slice, "10.0.0.1", true);
	add(w, &slice.s.meta);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	assert_false(is_without_endpoints(w, "10.96.0.1"));
	del(w, &slice.s.meta);
}

static void endpoints_of_all_slices_count(void **state)
{
	static struct slice v4, v6;
	struct world *w = *state;
	struct service s;

	synced(w);
	slice_init(&v4, "uid-4", "web", 8080);
	slice_add(&v4, "10.0.0.1", true);
	slice_init(&v6, "uid-6", "web", 8080);
	slice_add(&v6, "2001:db8::1", true);
	v6.s.address_type = "IPv6";
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	add(w, &v4.s.meta);
	add(w, &v6.s.meta);
	del(w, &v4.s.meta);
	assert_false(is_without_endpoints(w, "10.96.0.1"));
	del(w, &v6.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
}

static void a_slice_that_moves_serves_its_new_service_only(void **state)
{
	static struct slice before, after, stray;
	struct world *w = *state;
	struct service web, api;

	synced(w);
	service_init(&web, "web", "uid-w", "10.96.0.1", 80, 0);
	service_init(&api, "api", "uid-a", "10.96.0.2", 80, 0);
	add(w, &web.s.meta);
	add(w, &api.s.meta);
	slice_init(&before, "uid-1", "web", 8080);
	slice_add(&before, "10.0.0.1", true);
	slice_init(&after, "uid-1", "api", 8080);
	slice_add(&after, "10.0.0.1", true);
	slice_init(&stray, "uid-1", "", 8080);
	slice_add(&stray, "10.0.0.1", true);
	add(w, &before.s.meta);
	update(w, &before.s.meta, &after.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
	assert_false(is_without_endpoints(w, "10.96.0.2"));
	update(w, &after.s.meta, &stray.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.2"));
}

static void a_slice_replaced_under_another_uid_is_counted_once(void **state)
{
	static struct slice old, new;
	struct world *w = *state;
	struct service s;

	synced(w);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	slice_init(&old, "uid-1", "web", 8080);
	slice_add(&old, "10.0.0.1", true);
	slice_init(&new, "uid-2", "web", 8080);
	slice_add(&new, "10.0.0.1", true);
	add(w, &old.s.meta);
	update(w, &old.s.meta, &new.s.meta);
	add(w, &new.s.meta); /* again */
	del(w, &old.s.meta); /* late */
	assert_false(is_without_endpoints(w, "10.96.0.1"));
	del(w, &new.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
}

static void endpoints_without_a_usable_address_serve_nobody(void **state)
{
	static struct slice names;
	struct world *w = *state;
	struct service s;

	synced(w);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	slice_init(&names, "uid-1", "web", 8080);
	names.s.address_type = "FQDN";
	slice_add(&names, "10.0.0.1", true);
	names.endpoints[0].n_addrs = 0;
	add(w, &names.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
	del(w, &names.s.meta);
}

static void an_external_name_is_never_without_endpoints(void **state)
{
	struct world *w = *state;
	struct service s;

	synced(w);
	service_init(&s, "web", "uid-s", "198.51.100.1", 80, 0);
	s.s.type = "ExternalName";
	add(w, &s.s.meta);
	assert_false(is_without_endpoints(w, "198.51.100.1"));
	s.s.type = "ClusterIP";
	add(w, &s.s.meta);
	assert_true(is_without_endpoints(w, "198.51.100.1"));
	s.s.type = "ExternalName";
	add(w, &s.s.meta);
	assert_false(is_without_endpoints(w, "198.51.100.1"));
}

static void a_service_that_is_gone_is_remembered_as_it_was(void **state)
{
	static struct slice slice;
	struct world *w = *state;
	struct service s;
	struct pn_addr a = addr("10.96.0.1");
	const struct pn_owner *o = NULL;

	synced(w);
	slice_init(&slice, "uid-1", "web", 8080);
	slice_add(&slice, "10.0.0.1", true);
	add(w, &slice.s.meta);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	go_to(w, 1000);
	add(w, &s.s.meta);
	go_to(w, 5000);
	del(w, &s.s.meta);
	del(w, &slice.s.meta);
	assert_int_equal(pn_index_at(w->idx, &a, at(2), &o), 1);
	assert_int_equal(o->flags & PN_OWNER_NO_ENDPOINTS, 0);
}

static void services_of_another_namespace_are_others(void **state)
{
	static struct slice slice;
	struct world *w = *state;
	struct service s;

	synced(w);
	slice_init(&slice, "uid-1", "web", 8080);
	slice_add(&slice, "10.0.0.1", true);
	slice.s.meta.name_space = "test";
	add(w, &slice.s.meta);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	assert_true(is_without_endpoints(w, "10.96.0.1"));
	del(w, &slice.s.meta);
}

/* --- headless Services -------------------------------------------------------------------------- */

static void a_headless_service_has_its_endpoints_whichever_comes_first(void **state)
{
	static struct slice early, late;
	struct world *w = *state;
	struct service s;

	slice_init(&early, "uid-1", "db", 5432);
	slice_add(&early, "10.0.0.1", true);
	slice_init(&late, "uid-2", "db", 5432);
	slice_add(&late, "2001:db8::1", false);
	add(w, &early.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "-");
	headless_init(&s, "db", "uid-s", 0);
	add(w, &s.s.meta);
	add(w, &late.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "db");
	assert_string_equal(headless(w, "2001:db8::1", 5432), "db");
	assert_string_equal(headless(w, "10.0.0.1", 5433), "-");
	assert_string_equal(headless(w, "10.0.0.2", 5432), "-");
	del(w, &early.s.meta);
	del(w, &late.s.meta);
}

static void a_service_with_an_address_has_no_endpoint_places(void **state)
{
	static struct slice slice;
	struct world *w = *state;
	struct service s;

	slice_init(&slice, "uid-1", "web", 8080);
	slice_add(&slice, "10.0.0.1", true);
	add(w, &slice.s.meta);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	add(w, &s.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 8080), "-");
	s.s.n_addrs = 0;
	add(w, &s.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 8080), "web");
	s.s.n_addrs = 1;
	add(w, &s.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 8080), "-");
	del(w, &slice.s.meta);
}

static void an_endpoint_that_no_slice_lists_is_released(void **state)
{
	static struct slice before, after, other;
	struct world *w = *state;
	struct service s;

	go_to(w, 1000);
	headless_init(&s, "db", "uid-s", 0);
	add(w, &s.s.meta);
	slice_init(&before, "uid-1", "db", 5432);
	slice_add(&before, "10.0.0.1", true);
	slice_add(&before, "10.0.0.2", true);
	slice_add(&before, "10.0.0.3", true);
	slice_init(&after, "uid-1", "db", 5432);
	slice_add(&after, "10.0.0.1", true);
	slice_init(&other, "uid-2", "db", 5432);
	slice_add(&other, "10.0.0.3", true);
	add(w, &before.s.meta);
	add(w, &other.s.meta);
	go_to(w, 5000);
	update(w, &before.s.meta, &after.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "db");
	assert_string_equal(headless(w, "10.0.0.2", 5432), "-");
	assert_string_equal(headless_at(w, "10.0.0.2", 5432, at(4)), "db");
	assert_string_equal(headless(w, "10.0.0.3", 5432), "db");
	del(w, &other.s.meta);
	assert_string_equal(headless(w, "10.0.0.3", 5432), "-");
	del(w, &s.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "-");
	del(w, &after.s.meta);
}

static void an_endpoint_of_several_headless_services_is_ambiguous(void **state)
{
	static struct slice one, two;
	struct world *w = *state;
	struct service db, peers;

	go_to(w, 9000);
	headless_init(&db, "db", "uid-s", 0);
	headless_init(&peers, "peers", "uid-p", 5);
	slice_init(&one, "uid-1", "db", 5432);
	slice_add(&one, "10.0.0.1", true);
	slice_init(&two, "uid-2", "peers", 5432);
	slice_add(&two, "10.0.0.1", true);
	add(w, &db.s.meta);
	add(w, &peers.s.meta);
	add(w, &one.s.meta);
	add(w, &two.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "?");
	go_to(w, 20000);
	del(w, &one.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "peers");
	assert_string_equal(headless_at(w, "10.0.0.1", 5432, at(15)), "?");
	add(w, &one.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "?");
	del(w, &peers.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 5432), "db");
	del(w, &one.s.meta);
	del(w, &two.s.meta);
}

static void endpoints_without_a_port_are_no_places(void **state)
{
	static struct slice every_port, no_port;
	struct world *w = *state;
	struct service s;

	headless_init(&s, "db", "uid-s", 0);
	add(w, &s.s.meta);
	slice_init(&every_port, "uid-1", "db", 0);
	slice_add(&every_port, "10.0.0.1", true);
	slice_init(&no_port, "uid-2", "db", 5432);
	slice_add(&no_port, "10.0.0.2", true);
	no_port.s.n_ports = 0;
	add(w, &every_port.s.meta);
	add(w, &no_port.s.meta);
	assert_string_equal(headless(w, "10.0.0.1", 0), "-");
	assert_string_equal(headless(w, "10.0.0.1", 5432), "-");
	assert_string_equal(headless(w, "10.0.0.2", 5432), "-");
	del(w, &every_port.s.meta);
	del(w, &no_port.s.meta);
}

/*
 * Slices of three headless Services and one with an address, drawn: content, Service and order. After
 * each step the index has to say what the slices say.
 */
enum { N_DRAWN = 4 };

struct drawn {
	unsigned int seed;
	struct service services[N_DRAWN];
	struct slice slices[6][2]; /* what it is now, and what it was or will be */
	bool has_service[N_DRAWN], has_slice[6];
	int now[6];
};

static const char *const drawn_names[N_DRAWN] = { "s0", "s1", "s2", "web" };

static void drawn_init(struct drawn *d, unsigned int seed)
{
	memset(d, 0, sizeof(*d));
	d->seed = seed;
	for (int i = 0; i < N_DRAWN - 1; i++)
		headless_init(&d->services[i], drawn_names[i], drawn_names[i], 0);
	service_init(&d->services[3], "web", "web", "10.96.0.1", 80, 0);
}

static void draw_service(struct world *w, struct drawn *d)
{
	unsigned int i = draw_below(&d->seed, N_DRAWN);

	d->has_service[i] = draw_below(&d->seed, 3) > 0;
	if (d->has_service[i])
		add(w, &d->services[i].s.meta);
	else
		del(w, &d->services[i].s.meta);
}

static void draw_slice(struct world *w, struct drawn *d)
{
	static const char *const uids[] = { "e0", "e1", "e2", "e3", "e4", "e5" };
	unsigned int i = draw_below(&d->seed, 6);
	struct slice *was = &d->slices[i][d->now[i]], *is = &d->slices[i][!d->now[i]];
	char text[16];

	if (d->has_slice[i] && draw_below(&d->seed, 4) == 0) {
		del(w, &was->s.meta);
		d->has_slice[i] = false;
		return;
	}
	slice_init(is, uids[i], drawn_names[draw_below(&d->seed, N_DRAWN)], 80);
	for (unsigned int k = draw_below(&d->seed, 5); k > 0; k--) {
		(void)snprintf(text, sizeof(text), "10.0.0.%u", 1 + draw_below(&d->seed, 6));
		slice_add(is, text, draw_below(&d->seed, 2));
	}
	update(w, d->has_slice[i] ? &was->s.meta : NULL, &is->s.meta);
	d->has_slice[i] = true;
	d->now[i] = !d->now[i];
}

/* Does a slice of the Service list @addr, or (NULL) anything that serves? */
static bool is_listed(const struct drawn *d, unsigned int service, const struct pn_addr *addr)
{
	for (int i = 0; i < 6; i++) {
		const struct pn_endpointslice *s = &d->slices[i][d->now[i]].s;

		if (!d->has_slice[i] || strcmp(s->service, drawn_names[service]) != 0)
			continue;
		for (uint32_t k = 0; k < s->n_endpoints; k++)
			if (addr ? pn_addr_eq(addr, s->endpoints[k].addrs) : s->endpoints[k].ready)
				return true;
	}
	return false;
}

static void check_drawn(const struct world *w, const struct drawn *d)
{
	char text[16];

	for (unsigned int i = 1; i <= 6; i++) {
		const char *want = "-";
		struct pn_addr a;

		(void)snprintf(text, sizeof(text), "10.0.0.%u", i);
		a = addr(text);
		for (unsigned int k = 0; k < N_DRAWN - 1; k++)
			if (d->has_service[k] && is_listed(d, k, &a))
				want = want[0] == '-' ? drawn_names[k] : "?";
		assert_string_equal(headless(w, text, 80), want);
	}
	if (d->has_service[3])
		assert_int_equal(is_without_endpoints(w, "10.96.0.1"), !is_listed(d, 3, NULL));
}

static void slices_drawn_in_any_order_end_in_the_same_places(void **state)
{
	static struct drawn d;
	struct world *w = *state;

	for (unsigned int seed = 1; seed <= 200; seed++) {
		pn_index_free(w->idx);
		assert_int_equal(pn_index_new(&w->clock, "n1", &w->idx), 0);
		synced(w);
		drawn_init(&d, seed);
		for (int i = 0; i < 60; i++) {
			go_to(w, w->fake.t / PN_NSEC_PER_MSEC + 10000);
			if (draw_below(&d.seed, 4) == 0)
				draw_service(w, &d);
			else
				draw_slice(w, &d);
			pn_index_prune(w->idx);
			(void)pn_index_take_changes(w->idx, NULL, NULL);
			check_drawn(w, &d);
		}
	}
}

/* More of them than are released one by one. */
static void a_large_slice_is_released_as_a_whole(void **state)
{
	enum { N = 100 };
	static struct pn_endpoint endpoints[N];
	static struct pn_addr addrs[N];
	static struct slice large, small;
	struct world *w = *state;
	struct service s;
	char text[32];

	headless_init(&s, "db", "uid-s", 0);
	add(w, &s.s.meta);
	slice_init(&large, "uid-1", "db", 5432);
	slice_init(&small, "uid-2", "db", 5432);
	slice_add(&small, "10.0.0.7", true);
	for (unsigned int i = 0; i < N; i++) {
		(void)snprintf(text, sizeof(text), "10.0.0.%u", i);
		addrs[i] = addr(text);
		endpoints[i] =
			(struct pn_endpoint) { .n_addrs = 1, .ready = true, .addrs = &addrs[i] };
	}
	large.s.endpoints = endpoints;
	large.s.n_endpoints = N;
	add(w, &large.s.meta);
	add(w, &small.s.meta);
	assert_string_equal(headless(w, "10.0.0.99", 5432), "db");
	del(w, &large.s.meta);
	for (unsigned int i = 0; i < N; i++) {
		(void)snprintf(text, sizeof(text), "10.0.0.%u", i);
		assert_string_equal(headless(w, text, 5432), i == 7 ? "db" : "-");
	}
	del(w, &small.s.meta);
}

static void without_memory_nothing_is_lost_for_good(void **state)
{
	static struct slice before, after;
	struct world *w = *state;
	unsigned long n = 0;
	struct service s;
	int r;

	if (!CAN_FAIL)
		skip();
	headless_init(&s, "db", "uid-s", 0);
	s.ports[0].node_port = 30000; /* so that the owner is found in the test */
	slice_init(&before, "uid-1", "db", 5432);
	slice_add(&before, "10.0.0.1", true);
	slice_add(&before, "10.0.0.2", true);
	slice_init(&after, "uid-1", "db", 5432);
	slice_add(&after, "10.0.0.2", true);
	slice_add(&after, "10.0.0.3", true);
	synced(w);
	add(w, &s.s.meta);
	del(w, &s.s.meta); /* liburcu has its thread now */
	do {
		go_to(w, n * 400000);
		for (int i = 0; i < 3; i++) {
			pn_index_prune(w->idx);
			(void)pn_index_take_changes(w->idx, NULL, NULL);
		}
		has_failed = false;
		n_until_failure = ++n;
		r = pn_index_apply(w->idx, NULL, &before.s.meta);
		r = r < 0 ? r : pn_index_apply(w->idx, NULL, &s.s.meta);
		r = r < 0 ? r : pn_index_apply(w->idx, &before.s.meta, &after.s.meta);
		n_until_failure = 0;
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		add(w, &s.s.meta);
		update(w, &before.s.meta, &after.s.meta);
		assert_string_equal(headless(w, "10.0.0.1", 5432), "-");
		assert_string_equal(headless(w, "10.0.0.2", 5432), "db");
		assert_string_equal(headless(w, "10.0.0.3", 5432), "db");
		del(w, &after.s.meta);
		del(w, &s.s.meta);
		assert_string_equal(headless(w, "10.0.0.3", 5432), "-");
	} while (has_failed);
	assert_true(n > 10);
}

/* --- who stands behind whom --------------------------------------------------------------------- */

static void count_endpoint(void *data, const struct pn_endpoint *e)
{
	assert_true(e->n_addrs > 0);
	(*(unsigned int *)data)++;
}

static void note_slice(void *data, const struct pn_endpointslice *slice)
{
	char *names = data;

	(void)strcat(strcat(names, slice->service), " ");
}

static void a_service_has_backends_and_a_pod_is_one(void **state)
{
	struct world *w = *state;
	char names[64] = "";
	struct slice by_name, by_address, other;
	struct pod pod;
	unsigned int n = 0;

	pod_init(&pod, "web", "uid-web", "10.1.0.5", 0);
	slice_init(&by_name, "slice-1", "front", 80);
	slice_add(&by_name, "10.1.0.9", true);
	slice_add(&by_name, "10.1.0.77", false);
	by_name.endpoints[0].target_kind = "";
	by_name.endpoints[1].target_kind = "Pod";
	by_name.endpoints[1].target_name = "web";
	slice_init(&by_address, "slice-2", "side", 80);
	slice_add(&by_address, "10.1.0.5", true);
	by_address.endpoints[0].target_kind = "";
	slice_init(&other, "slice-3", "other", 80);
	slice_add(&other, "10.1.0.5", true);
	other.endpoints[0].target_kind = "Pod";
	other.endpoints[0].target_name = "web-2";

	assert_int_equal(pn_index_apply(w->idx, NULL, &by_name.s.meta), 0);
	assert_int_equal(pn_index_apply(w->idx, NULL, &by_address.s.meta), 0);
	assert_int_equal(pn_index_apply(w->idx, NULL, &other.s.meta), 0);
	pn_index_backends(w->idx, by_name.s.meta.name_space, "front", count_endpoint, &n);
	assert_int_equal(n, 2);
	pn_index_backends(w->idx, by_name.s.meta.name_space, "nobody", count_endpoint, &n);
	assert_int_equal(n, 2);
	pn_index_services_of(w->idx, &pod.p, note_slice, names);
	assert_string_equal(names, "front side ");

	assert_int_equal(pn_index_apply(w->idx, &by_name.s.meta, NULL), 0);
	names[0] = '\0';
	pn_index_services_of(w->idx, &pod.p, note_slice, names);
	assert_string_equal(names, "side ");
	assert_int_equal(pn_index_apply(w->idx, &by_address.s.meta, NULL), 0);
	assert_int_equal(pn_index_apply(w->idx, &other.s.meta, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_said_before_all_slices_are_known),
		TEST(a_service_with_an_endpoint_that_serves_is_not_without),
		TEST(slices_may_come_before_their_service),
		TEST(endpoints_of_all_slices_count),
		TEST(a_slice_that_moves_serves_its_new_service_only),
		TEST(a_slice_replaced_under_another_uid_is_counted_once),
		TEST(endpoints_without_a_usable_address_serve_nobody),
		TEST(an_external_name_is_never_without_endpoints),
		TEST(a_service_that_is_gone_is_remembered_as_it_was),
		TEST(services_of_another_namespace_are_others),
		TEST(a_headless_service_has_its_endpoints_whichever_comes_first),
		TEST(a_service_with_an_address_has_no_endpoint_places),
		TEST(an_endpoint_that_no_slice_lists_is_released),
		TEST(an_endpoint_of_several_headless_services_is_ambiguous),
		TEST(endpoints_without_a_port_are_no_places),
		TEST(a_large_slice_is_released_as_a_whole),
		TEST(slices_drawn_in_any_order_end_in_the_same_places),
		TEST(without_memory_nothing_is_lost_for_good),
		TEST(a_service_has_backends_and_a_pod_is_one),
	};

	return cmocka_run_group_tests_name("index endpoints", tests, NULL, NULL);
}
