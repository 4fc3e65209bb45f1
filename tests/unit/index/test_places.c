/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be owned beside addresses: ports of Services, of nodes and of pods behind a node's address,
 * and networks.
 */
#include "fixture.h"

#include <stdio.h>

#include "base/metric.h"

/* --- host ports --------------------------------------------------------------------------------- */

static void host_network_pod(struct pod *p, const char *name, const char *uid, uint16_t port)
{
	pod_init(p, name, uid, "192.0.2.2", 1);
	p->p.host_network = true;
	p->p.node_name = "n2";
	pod_add_host_port(p, port);
}

static void a_host_network_pod_is_found_by_its_declared_port(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod a, b;

	node_init(&n, "n2", "uid-n", "192.0.2.2");
	host_network_pod(&a, "a", "uid-a", 9100);
	host_network_pod(&b, "b", "uid-b", 9200);
	pod_add_addr(&b, "2001:db8::2");
	go_to(w, 2000);
	add(w, &a.p.meta);
	add(w, &b.p.meta);
	add(w, &n.n.meta);
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.2", 9100), "a");
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.2", 9200), "b");
	assert_string_equal(port_now(w, pn_index_host_port, "2001:db8::2", 9200), "b");
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.2", 9300), "-");
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.3", 9100), "-");
	assert_string_equal(name_now(w, "192.0.2.2"), "n2");
	del(w, &a.p.meta);
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.2", 9100), "-");
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.2", 9200), "b");
}

static void a_host_port_is_on_each_address_of_the_node(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_add_host_port(&a, 8080);
	pod_add_host_addr(&a, "192.0.2.1");
	pod_add_host_addr(&a, "2001:db8::1");
	go_to(w, 2000);
	add(w, &a.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	assert_string_equal(port_now(w, pn_index_host_port, "192.0.2.1", 8080), "a");
	assert_string_equal(port_now(w, pn_index_host_port, "2001:db8::1", 8080), "a");
	assert_string_equal(port_now(w, pn_index_host_port, "10.0.0.1", 8080), "-");
	assert_string_equal(name_now(w, "192.0.2.1"), "-");
}

static void ports_pass_on_over_time_as_addresses_do(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	host_network_pod(&a, "a", "uid-a", 9100);
	host_network_pod(&b, "b", "uid-b", 9100);
	b.p.start_time_s = WALL_S + 20;
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 20500);
	del(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	assert_string_equal(port_at(w, pn_index_host_port, "192.0.2.2", 9100, at(19)), "a");
	assert_string_equal(port_at(w, pn_index_host_port, "192.0.2.2", 9100, at(20)), "?");
	assert_string_equal(port_at(w, pn_index_host_port, "192.0.2.2", 9100, at(21)), "b");
}

static void a_pod_of_this_node_is_known_without_any_address(void **state)
{
	struct world *w = *state;
	struct pn_index_counts n;
	struct pod here, there;

	pod_init(&here, "here", "uid-h", NULL, 1);
	pod_init(&there, "there", "uid-t", NULL, 1);
	there.p.node_name = "n2";
	add(w, &here.p.meta);
	add(w, &there.p.meta);
	pn_index_counts(w->idx, &n);
	assert_int_equal(n.n_owners, 1);
	assert_string_equal(pn_index_owner(w->idx, 1)->name, "here");
	here.p.phase = PN_POD_SUCCEEDED;
	add(w, &here.p.meta);
	go_to(w, 400000);
	pn_index_prune(w->idx);
	(void)pn_index_take_changes(w->idx, NULL, NULL);
	assert_null(pn_index_owner(w->idx, 1));
}

static void flags_tell_a_pod_of_the_host_network(void **state)
{
	struct world *w = *state;
	const struct pn_owner *o = NULL;
	struct pn_addr a = addr("192.0.2.2");
	struct pod p;

	host_network_pod(&p, "a", "uid-a", 9100);
	p.p.node_name = "n1";
	add(w, &p.p.meta);
	assert_int_equal(pn_index_host_port(w->idx, &a, 6, 9100, PN_NSEC_NEVER, &o), 1);
	assert_int_equal(o->flags, PN_OWNER_LOCAL | PN_OWNER_HOST_NETWORK);
}

/* --- Services ----------------------------------------------------------------------------------- */

static void a_node_port_is_on_every_node_and_nowhere_else(void **state)
{
	struct world *w = *state;
	struct service s;
	struct node n;
	struct pod a;

	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 0);
	s.ports[0].node_port = 30080;
	node_init(&n, "n2", "uid-n", "192.0.2.2");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &s.s.meta);
	add(w, &n.n.meta);
	add(w, &a.p.meta);
	assert_string_equal(port_now(w, pn_index_service, "10.96.0.1", 80), "web");
	assert_string_equal(port_now(w, pn_index_service, "192.0.2.2", 30080), "web");
	assert_string_equal(port_now(w, pn_index_service, "192.0.2.2", 80), "-");
	assert_string_equal(port_now(w, pn_index_service, "10.0.0.1", 30080), "-");
	assert_string_equal(port_now(w, pn_index_service, "192.0.2.9", 30080), "-");
	del(w, &s.s.meta);
	assert_string_equal(port_now(w, pn_index_service, "192.0.2.2", 30080), "-");
}

static void protocols_are_told_apart(void **state)
{
	struct world *w = *state;
	const struct pn_owner *o = NULL;
	struct pn_addr a = addr("10.96.0.1");
	struct service s;

	service_init(&s, "dns", "uid-s", "10.96.0.1", 53, 0);
	s.ports[0].proto = 17;
	add(w, &s.s.meta);
	assert_int_equal(pn_index_service(w->idx, &a, 17, 53, PN_NSEC_NEVER, &o), 1);
	assert_string_equal(o->name, "dns");
	assert_int_equal(pn_index_service(w->idx, &a, 6, 53, PN_NSEC_NEVER, &o), 0);
	assert_int_equal(pn_index_service(w->idx, &a, 0, 0, PN_NSEC_NEVER, &o), 0);
	assert_int_equal(pn_index_host_port(w->idx, &a, 17, 53, PN_NSEC_NEVER, &o), 0);
	assert_int_equal(pn_index_headless(w->idx, &a, 17, 53, PN_NSEC_NEVER, &o), 0);
}

/* --- networks ----------------------------------------------------------------------------------- */

static void set_ranges(struct world *w, const struct pn_range *ranges, size_t n)
{
	assert_int_equal(pn_index_set_ranges(w->idx, ranges, n), 0);
}

static void the_smallest_network_names_an_address(void **state)
{
	const struct pn_range ranges[] = {
		{ cidr("10.0.0.0", 96 + 8), "company" },
		{ cidr("10.1.0.0", 96 + 16), "office" },
		{ cidr("10.1.2.3", 128), "printer" },
		{ cidr("0.0.0.0", 96), "internet" },
		{ cidr("2001:db8::", 32), "documentation" },
	};
	struct world *w = *state;
	struct node n;

	node_init(&n, "n2", "uid-n", "192.0.2.2");
	node_add_cidr(&n, "10.1.7.0", 96 + 24);
	node_add_cidr(&n, "2001:db8:7::", 64);
	add(w, &n.n.meta);
	set_ranges(w, ranges, PN_ARRAY_SIZE(ranges));
	assert_string_equal(network_of(w, "10.9.9.9"), "company");
	assert_string_equal(network_of(w, "10.1.9.9"), "office");
	assert_string_equal(network_of(w, "10.1.2.3"), "printer");
	assert_string_equal(network_of(w, "10.1.7.200"), "n2");
	assert_string_equal(network_of(w, "198.51.100.1"), "internet");
	assert_string_equal(network_of(w, "2001:db8:7::1"), "n2");
	assert_string_equal(network_of(w, "2001:db8:7:1::1"), "documentation");
	assert_string_equal(network_of(w, "2001:db9::1"), "-");
	del(w, &n.n.meta);
	assert_string_equal(network_of(w, "10.1.7.200"), "office");
}

static void a_network_of_all_of_ipv6_has_no_ipv4_address(void **state)
{
	const struct pn_range range = { cidr("::", 0), "six" };
	struct world *w = *state;

	set_ranges(w, &range, 1);
	assert_string_equal(network_of(w, "2001:db8::1"), "six");
	assert_string_equal(network_of(w, "192.0.2.1"), "-");
}

static void a_configured_name_stands_before_a_node(void **state)
{
	const struct pn_range range = { cidr("10.1.7.0", 96 + 24), "lab" };
	struct world *w = *state;
	struct node n;

	node_init(&n, "n2", "uid-n", "192.0.2.2");
	node_add_cidr(&n, "10.1.7.0", 96 + 24);
	set_ranges(w, &range, 1);
	add(w, &n.n.meta);
	assert_string_equal(network_of(w, "10.1.7.1"), "lab");
	set_ranges(w, NULL, 0);
	assert_string_equal(network_of(w, "10.1.7.1"), "n2");
	set_ranges(w, &range, 1);
	assert_string_equal(network_of(w, "10.1.7.1"), "lab");
}

static void ranges_are_exchanged_as_a_whole_and_keep_their_ids(void **state)
{
	struct pn_range first[] = { { cidr("10.0.0.0", 96 + 8), "a" },
				    { cidr("fd12:3456:789a:bcde:f012:3456:789a:bc00", 120), "b" } };
	struct pn_range second[] = { { cidr("10.0.0.0", 96 + 8), "renamed" },
				     { cidr("172.16.0.0", 96 + 12), "c" } };
	struct world *w = *state;
	struct pn_addr a = addr("10.1.1.1");
	const struct pn_owner *o = NULL;
	struct pn_index_counts n;
	uint32_t id;

	set_ranges(w, first, 2);
	assert_int_equal(pn_index_cidr(w->idx, &a, &o), 1);
	assert_int_equal(o->kind, PN_OWNER_RANGE);
	assert_string_equal(o->uid, "range:10.0.0.0/8");
	id = o->id;
	assert_string_equal(network_of(w, "fd12:3456:789a:bcde:f012:3456:789a:bcff"), "b");
	set_ranges(w, second, 2);
	assert_int_equal(pn_index_cidr(w->idx, &a, &o), 1);
	assert_string_equal(o->name, "renamed");
	assert_int_equal(o->id, id);
	assert_string_equal(network_of(w, "fd12:3456:789a:bcde:f012:3456:789a:bcff"), "-");
	assert_string_equal(network_of(w, "172.17.0.1"), "c");
	pn_index_counts(w->idx, &n);
	assert_int_equal(n.n_cidrs, 2);
}

static void bits_behind_the_prefix_count_for_nothing(void **state)
{
	const struct pn_range range = { cidr("10.1.7.99", 96 + 23), "lab" };
	const struct pn_cidr_key key = { 96 + 23, { [10] = 0xff, 0xff, 10, 1, 6, 0 } };
	struct world *w = *state;

	set_ranges(w, &range, 1);
	assert_string_equal(network_of(w, "10.1.6.1"), "lab");
	assert_string_equal(network_of(w, "10.1.8.1"), "-");
	assert_true(pn_index_has_cidr(w->idx, &key));
}

static void impossible_networks_are_refused(void **state)
{
	struct pn_range ranges[] = { { cidr("10.0.0.0", 129), "a" },
				     { cidr("10.0.0.0", 128), "" } };
	const struct pn_cidr_key key = { 1000, { 0 } };
	struct world *w = *state;
	uint64_t before = pn_metric_get(PN_METRIC_INDEX_REFUSED);
	struct node n;

	node_init(&n, "n2", "uid-n", "192.0.2.2");
	node_add_cidr(&n, "10.0.0.0", 255);
	add(w, &n.n.meta);
	set_ranges(w, ranges, 2);
	assert_string_equal(network_of(w, "10.0.0.0"), "-");
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_REFUSED) - before, 3);
	assert_false(pn_index_has_cidr(w->idx, &key));
}

static void every_prefix_length_is_found(void **state)
{
	struct pn_range range = { .name = "x" };
	struct world *w = *state;

	for (unsigned int len = 0; len <= 128; len++) {
		range.cidr = cidr("2001:db8::1", (uint8_t)len);
		set_ranges(w, &range, 1);
		assert_string_equal(network_of(w, "2001:db8::1"), "x");
		set_ranges(w, NULL, 0);
		assert_string_equal(network_of(w, "2001:db8::1"), "-");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_network_pod_is_found_by_its_declared_port),
		TEST(a_host_port_is_on_each_address_of_the_node),
		TEST(ports_pass_on_over_time_as_addresses_do),
		TEST(a_pod_of_this_node_is_known_without_any_address),
		TEST(flags_tell_a_pod_of_the_host_network),
		TEST(a_node_port_is_on_every_node_and_nowhere_else),
		TEST(protocols_are_told_apart),
		TEST(the_smallest_network_names_an_address),
		TEST(a_network_of_all_of_ipv6_has_no_ipv4_address),
		TEST(a_configured_name_stands_before_a_node),
		TEST(ranges_are_exchanged_as_a_whole_and_keep_their_ids),
		TEST(bits_behind_the_prefix_count_for_nothing),
		TEST(impossible_networks_are_refused),
		TEST(every_prefix_length_is_found),
	};

	return cmocka_run_group_tests_name("index places", tests, NULL, NULL);
}
