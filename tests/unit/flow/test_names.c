/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind an end, and how that was found; and when it is nobody, as it was somebody else later. */
#include "tests/unit/flow/names_fixture.h"

static void socket_tells_pods_of_the_host_network_apart(void **state)
{
	struct rig *r = *state;
	const struct way w = { "172.16.0.1", 4000, "172.16.0.1", 8080, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	add(r->w, &c.agent_b.p.meta);
	leave(r, w, 1);
	show_cgroup(r, w, CGROUP_A);
	show_cgroup(r, back(w), CGROUP_B);
	only_record(r, 1000);
	assert_named(&r->records[0].source, PN_ATTR_CGROUP, "agent-a");
	assert_named(&r->records[0].destination, PN_ATTR_CGROUP, "agent-b");
	assert_int_equal(r->records[0].source.owner->kind, PN_OWNER_POD);
}

static void process_is_named_where_the_address_is_the_nodes(void **state)
{
	struct rig *r = *state;
	const struct way w = { "172.16.0.1", 22, "10.0.0.2", 4000, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, w, 1);
	show_cgroup(r, w, CGROUP_SSHD);
	only_record(r, 1000);
	assert_named(&r->records[0].source, PN_ATTR_CGROUP, "sshd.service");
	assert_int_equal(r->records[0].source.owner->kind, PN_OWNER_PROCESS);
	assert_string_equal(r->records[0].source.owner->node, "n1");
	assert_named(&r->records[0].destination, PN_ATTR_IP, "db");
}

/* nsenter, a debugger: its cgroup is the node's, its network is the pod's. */
static void process_within_a_pods_network_is_the_pod(void **state)
{
	struct rig *r = *state;
	const struct way w = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, w, 1);
	show_cgroup(r, w, CGROUP_SSHD);
	assert_named(&only_record(r, 1000)->source, PN_ATTR_IP, "web");
}

/* Two machines on one kernel, as for kind: that process is not of this node. */
static void process_with_the_address_of_another_node_is_that_node(void **state)
{
	struct rig *r = *state;
	const struct way w = { "172.16.0.2", 4000, "10.0.0.2", 80, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, w, 1);
	show_cgroup(r, w, CGROUP_SSHD);
	assert_named(&only_record(r, 1000)->source, PN_ATTR_NODE, "n2");
}

static void pod_whose_object_has_not_come_is_nobody_else(void **state)
{
	struct rig *r = *state;
	const struct way w = { "172.16.0.1", 8080, "10.0.0.2", 4000, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, w, 1);
	show_cgroup(r, w, CGROUP_B);
	assert_named(&only_record(r, 1000)->source, PN_ATTR_NONE, "-");
}

static void cgroup_that_nobody_knows_says_nothing(void **state)
{
	struct rig *r = *state;
	const struct way w = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, w, 1);
	show_cgroup(r, w, 99999);
	assert_named(&only_record(r, 1000)->source, PN_ATTR_IP, "web");
}

static void kernels_stamp_is_not_believed(void **state)
{
	struct rig *r = *state;
	const struct way w = { "192.0.2.7", 1, "192.0.2.9", 2, IPPROTO_UDP };
	struct entry *e;
	struct cluster c;

	populate(r, &c);
	e = leave(r, w, 1);
	e->value.owner[0] = e->value.owner[1] = owner_now(r->w, "10.0.0.1")->id;
	only_record(r, 1000);
	assert_named(&r->records[0].source, PN_ATTR_NONE, "-");
	assert_named(&r->records[0].destination, PN_ATTR_NONE, "-");
}

static void two_possible_owners_are_ambiguous(void **state)
{
	struct rig *r = *state;
	const struct way w = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.1", 20);
	go_to(r->w, 21000);
	leave(r, w, 1);
	go_to(r->w, 22000);
	add(r->w, &heir.p.meta); /* since when is only known to a second and more */
	only_record(r, 23000);
	assert_named(&r->records[0].source, PN_ATTR_AMBIGUOUS, "-");
	assert_named(&r->records[0].destination, PN_ATTR_IP, "db");
}

static void declared_port_names_a_pod_of_another_node(void **state)
{
	struct rig *r = *state;
	const struct way to_port = { "10.0.0.1", 4000, "172.16.0.2", 9100, IPPROTO_TCP };
	const struct way to_node = { "10.0.0.1", 4001, "172.16.0.2", 9101, IPPROTO_TCP };
	struct pod exporter;
	struct cluster c;

	populate(r, &c);
	make_agent(&exporter, "exporter", "uid-e", "n2", "172.16.0.2");
	pod_add_host_port(&exporter, 9100);
	add(r->w, &exporter.p.meta);
	leave(r, to_port, 1);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_PORT, "exporter");
	leave(r, to_node, 1);
	assert_named(&only_record(r, 2000)->destination, PN_ATTR_NODE, "n2");
}

static void node_port_names_the_service(void **state)
{
	struct rig *r = *state;
	const struct way to_port = { "192.0.2.9", 5000, "172.16.0.1", 30080, IPPROTO_TCP };
	const struct way masqueraded = { "172.16.0.1", 6000, "10.0.0.2", 80, IPPROTO_TCP };
	struct pn_addr node = addr("172.16.0.1");
	struct service front;
	struct cluster c;

	populate(r, &c);
	service_init(&front, "front", "uid-front", "10.96.0.7", 80, 0);
	front.ports[0].node_port = 30080;
	add(r->w, &front.s.meta);
	tell_behind(enter(r, masqueraded, 1), masqueraded, to_port);
	only_record(r, 1000);
	assert_named(&r->records[0].source, PN_ATTR_NONE, "-");
	assert_named(&r->records[0].destination, PN_ATTR_IP, "db");
	assert_string_equal(r->records[0].service->name, "front");
	assert_memory_equal(&r->records[0].service_addr, &node, sizeof(node));
	assert_int_equal(r->records[0].service_port, 30080);
}

/* Its packets are translated before any hook sees them, so there is only the entry behind. */
static void process_that_calls_a_service_is_one_flow_with_the_backend(void **state)
{
	struct rig *r = *state;
	const struct way called = { "172.16.0.1", 4000, "10.96.0.7", 80, IPPROTO_TCP };
	const struct way backend = { "172.16.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
	struct service front;
	struct cluster c;

	populate(r, &c);
	service_init(&front, "front", "uid-front", "10.96.0.7", 80, 0);
	add(r->w, &front.s.meta);
	tell_behind(leave(r, backend, 3), backend, called);
	enter(r, back(backend), 2);
	show_cgroup(r, backend, CGROUP_SSHD);
	only_record(r, 1000);
	assert_counts(&r->records[0], 3, 2);
	assert_named(&r->records[0].source, PN_ATTR_CGROUP, "sshd.service");
	assert_named(&r->records[0].destination, PN_ATTR_IP, "db");
	assert_string_equal(r->records[0].service->name, "front");
	assert_int_equal(pn_joiner_count(r->joiner), 1);
}

static void socket_of_one_backend_does_not_name_another(void **state)
{
	struct rig *r = *state;
	const struct way called = { "10.0.0.1", 4000, "10.96.0.7", 53, IPPROTO_UDP };
	const struct way first = { "10.0.0.1", 4000, "172.16.0.1", 53, IPPROTO_UDP };
	const struct way second = { "10.0.0.1", 4000, "172.16.0.2", 53, IPPROTO_UDP };
	struct cluster c;

	populate(r, &c);
	leave(r, called, 1);
	tell_behind(enter(r, first, 1), first, called);
	show_cgroup(r, back(first), CGROUP_A);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_CGROUP, "agent-a");
	leave(r, called, 1);
	tell_behind(enter(r, second, 1), second, called);
	assert_named(&only_record(r, 2000)->destination, PN_ATTR_AMBIGUOUS, "-");
	leave(r, called, 1);
	tell_behind(enter(r, second, 1), second, called);
	assert_named(&only_record(r, 3000)->destination, PN_ATTR_NODE, "n2");
}

/* A slice with one endpoint; the index keeps references to it. */
struct slice {
	struct pn_endpointslice s;
	struct pn_endpoint endpoint;
	struct pn_addr addr;
	struct pn_endpoint_port port;
};

static void slice_init(struct slice *s, const char *service, const char *address, uint16_t port)
{
	memset(s, 0, sizeof(*s));
	fill_meta(&s->s.meta, PN_KIND_ENDPOINTSLICE, service, "uid-slice", 0);
	s->addr = addr(address);
	s->endpoint = (struct pn_endpoint) {
		.n_addrs = 1, .ready = true, .serving = true, .addrs = &s->addr
	};
	s->port = (struct pn_endpoint_port) { .name = "", .port = port, .proto = IPPROTO_TCP };
	s->s.address_type = "IPv4";
	s->s.service = service;
	s->s.endpoints = &s->endpoint;
	s->s.ports = &s->port;
	s->s.n_endpoints = s->s.n_ports = 1;
}

static void headless_service_is_named_without_an_address(void **state)
{
	static struct slice slice;
	struct rig *r = *state;
	const struct way w = { "10.0.0.1", 4000, "10.0.0.2", 5432, IPPROTO_TCP };
	struct service peers;
	struct cluster c;

	populate(r, &c);
	service_init(&peers, "peers", "uid-peers", "10.96.0.9", 5432, 0);
	peers.s.n_addrs = 0;
	add(r->w, &peers.s.meta);
	slice_init(&slice, "peers", "10.0.0.2", 5432);
	add(r->w, &slice.s.meta);
	leave(r, w, 1);
	only_record(r, 1000);
	assert_named(&r->records[0].destination, PN_ATTR_IP, "db");
	assert_string_equal(r->records[0].service->name, "peers");
	assert_true(r->records[0].is_headless);
}

static void called_service_without_endpoints_says_so(void **state)
{
	static struct slice slice;
	struct rig *r = *state;
	const struct way w = { "10.0.0.1", 4000, "10.96.0.7", 80, IPPROTO_TCP };
	struct service front;
	struct cluster c;

	populate(r, &c);
	service_init(&front, "front", "uid-front", "10.96.0.7", 80, 0);
	add(r->w, &front.s.meta);
	assert_int_equal(pn_index_endpoints_synced(r->w->idx), 0);
	leave(r, w, 1);
	only_record(r, 1000);
	assert_named(&r->records[0].destination, PN_ATTR_SERVICE, "front");
	assert_true(r->records[0].no_endpoints);
	slice_init(&slice, "front", "10.0.0.2", 80);
	add(r->w, &slice.s.meta);
	leave(r, w, 1);
	assert_false(only_record(r, 2000)->no_endpoints);
}

static void networks_come_last_and_the_smallest_first(void **state)
{
	struct rig *r = *state;
	const struct pn_range ranges[] = {
		{ cidr("192.0.2.0", 120), "office" },
		{ cidr("192.0.2.64", 122), "printers" },
	};
	const struct way to_office = { "10.0.0.1", 4000, "192.0.2.9", 443, IPPROTO_TCP };
	const struct way to_printer = { "10.0.0.1", 4000, "192.0.2.70", 443, IPPROTO_TCP };
	const struct way to_unknown = { "10.0.0.1", 4000, "10.9.0.7", 443, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	node_init(&c.n2, "n2", "uid-n2", "172.16.0.2");
	node_add_cidr(&c.n2, "10.9.0.0", 120);
	update(r->w, NULL, &c.n2.n.meta);
	assert_int_equal(pn_index_set_ranges(r->w->idx, ranges, PN_ARRAY_SIZE(ranges)), 0);
	leave(r, to_office, 1);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_CIDR, "office");
	leave(r, to_printer, 1);
	assert_named(&only_record(r, 2000)->destination, PN_ATTR_CIDR, "printers");
	leave(r, to_unknown, 1);
	assert_named(&only_record(r, 3000)->destination, PN_ATTR_CIDR, "n2");
	assert_int_equal(r->records[0].destination.owner->kind, PN_OWNER_NODE);
}

static void loopback_is_this_node_unless_the_socket_is_known(void **state)
{
	struct rig *r = *state;
	const struct way four = { "127.0.0.1", 4000, "127.0.0.1", 22, IPPROTO_TCP };
	const struct way six = { "::1", 4000, "::1", 22, IPPROTO_TCP };
	struct cluster c;

	populate(r, &c);
	leave(r, four, 1);
	show_cgroup(r, back(four), CGROUP_SSHD);
	only_record(r, 1000);
	assert_named(&r->records[0].source, PN_ATTR_NODE, "n1");
	assert_named(&r->records[0].destination, PN_ATTR_CGROUP, "sshd.service");
	leave(r, six, 1);
	show_cgroup(r, six, CGROUP_A);
	only_record(r, 2000);
	assert_named(&r->records[0].source, PN_ATTR_CGROUP, "agent-a");
	assert_named(&r->records[0].destination, PN_ATTR_NODE, "n1");
}

/* --- addresses that change hands meanwhile ------------------------------------------------------------- */

static void later_packets_of_another_owner_are_nobodys(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	r->verdict.expected = PN_EXPECTED_ALLOWED;
	go_to(r->w, 5000);
	leave(r, gossip, 1);
	assert_named(&only_record(r, 6000)->destination, PN_ATTR_IP, "db");
	assert_int_equal(r->records[0].policy.expected, PN_EXPECTED_ALLOWED);
	del(r->w, &c.db.p.meta);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.2", 12);
	go_to(r->w, 12500);
	add(r->w, &heir.p.meta);
	go_to(r->w, 13000);
	leave(r, gossip, 1);
	assert_named(&only_record(r, 14000)->destination, PN_ATTR_AMBIGUOUS, "-");
	assert_named(&r->records[0].source, PN_ATTR_IP, "web");
	assert_int_equal(r->records[0].state, PN_FLOW_REASSIGNED);
	assert_int_equal(r->records[0].policy.expected, PN_EXPECTED_UNKNOWN);
	leave(r, gossip, 1);
	assert_named(&only_record(r, 15000)->destination, PN_ATTR_IP, "heir");
}

static void later_packets_of_one_of_two_are_nobodys(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	go_to(r->w, 5000);
	leave(r, gossip, 1);
	assert_named(&only_record(r, 6000)->destination, PN_ATTR_IP, "db");
	pod_init(&heir, "heir", "uid-heir", "10.0.0.2", 12);
	leave(r, gossip, 1);
	go_to(r->w, 13000);
	leave(r, gossip, 1);
	go_to(r->w, 14000);
	add(r->w, &heir.p.meta); /* until now either may have had it */
	assert_named(&only_record(r, 14000)->destination, PN_ATTR_AMBIGUOUS, "-");
}

static void later_packets_without_an_owner_are_not_certainly_the_firsts(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	go_to(r->w, 5000);
	leave(r, gossip, 1);
	assert_named(&only_record(r, 6000)->destination, PN_ATTR_IP, "db");
	leave(r, gossip, 1);
	go_to(r->w, 7000);
	del(r->w, &c.db.p.meta);
	assert_named(&only_record(r, 7000)->destination, PN_ATTR_IP, "db");
	go_to(r->w, 9000);
	leave(r, gossip, 1);
	assert_named(&only_record(r, 10000)->destination, PN_ATTR_STALE, "db");
}

/* The node stays, and who has declared the port there is replaced. */
static void later_packets_to_another_pods_port_are_nobodys(void **state)
{
	static const struct way w = { "10.0.0.1", 4000, "172.16.0.2", 9100, IPPROTO_TCP };
	struct rig *r = *state;
	struct pod far, heir;
	struct cluster c;

	populate(r, &c);
	make_agent(&far, "far-agent", "uid-far", "n2", "172.16.0.2");
	pod_add_host_port(&far, 9100);
	add(r->w, &far.p.meta);
	go_to(r->w, 5000);
	leave(r, w, 1);
	assert_named(&only_record(r, 6000)->destination, PN_ATTR_PORT, "far-agent");
	go_to(r->w, 10000);
	del(r->w, &far.p.meta);
	go_to(r->w, 11000);
	leave(r, w, 1);
	assert_named(&only_record(r, 11000)->destination, PN_ATTR_STALE, "far-agent");
	make_agent(&heir, "heir", "uid-heir", "n2", "172.16.0.2");
	heir.p.start_time_s = WALL_S + 12;
	pod_add_host_port(&heir, 9100);
	go_to(r->w, 12500);
	add(r->w, &heir.p.meta);
	go_to(r->w, 13000);
	leave(r, w, 1);
	assert_named(&only_record(r, 13000)->destination, PN_ATTR_AMBIGUOUS, "-");
	assert_int_equal(r->records[0].state, PN_FLOW_REASSIGNED);
	leave(r, w, 1);
	assert_named(&only_record(r, 14000)->destination, PN_ATTR_PORT, "heir");
}

/* A server of the host network is replaced, its client goes on. */
static void end_that_has_been_several_sockets_is_nobody(void **state)
{
	static const struct way w = { "10.0.0.1", 4000, "172.16.0.1", 8125, IPPROTO_UDP };
	struct rig *r = *state;
	struct cluster c;
	struct entry *e;
	int server;

	populate(r, &c);
	add(r->w, &c.agent_b.p.meta);
	leave(r, w, 1);
	show_cgroup(r, back(w), CGROUP_A);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_CGROUP, "agent-a");
	e = leave(r, w, 1);
	(void)entry_of(r, back(w), &server);
	e->value.state |= (uint16_t)(PN_FLOW_SHARED << server);
	assert_named(&only_record(r, 2000)->destination, PN_ATTR_AMBIGUOUS, "-");
	assert_named(&r->records[0].source, PN_ATTR_IP, "web");
	assert_int_equal(r->records[0].state, PN_FLOW_REASSIGNED);
	assert_int_equal(entries_left(r), 0);
	leave(r, w, 1);
	show_cgroup(r, back(w), CGROUP_B);
	assert_named(&only_record(r, 3000)->destination, PN_ATTR_CGROUP, "agent-b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(socket_tells_pods_of_the_host_network_apart),
		RIG_TEST(process_is_named_where_the_address_is_the_nodes),
		RIG_TEST(process_within_a_pods_network_is_the_pod),
		RIG_TEST(process_with_the_address_of_another_node_is_that_node),
		RIG_TEST(pod_whose_object_has_not_come_is_nobody_else),
		RIG_TEST(cgroup_that_nobody_knows_says_nothing),
		RIG_TEST(kernels_stamp_is_not_believed),
		RIG_TEST(two_possible_owners_are_ambiguous),
		RIG_TEST(declared_port_names_a_pod_of_another_node),
		RIG_TEST(node_port_names_the_service),
		RIG_TEST(process_that_calls_a_service_is_one_flow_with_the_backend),
		RIG_TEST(socket_of_one_backend_does_not_name_another),
		RIG_TEST(headless_service_is_named_without_an_address),
		RIG_TEST(called_service_without_endpoints_says_so),
		RIG_TEST(networks_come_last_and_the_smallest_first),
		RIG_TEST(loopback_is_this_node_unless_the_socket_is_known),
		RIG_TEST(later_packets_of_another_owner_are_nobodys),
		RIG_TEST(later_packets_of_one_of_two_are_nobodys),
		RIG_TEST(later_packets_without_an_owner_are_not_certainly_the_firsts),
		RIG_TEST(later_packets_to_another_pods_port_are_nobodys),
		RIG_TEST(end_that_has_been_several_sockets_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
