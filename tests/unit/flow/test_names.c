/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind an end, how that was found, and when it can be trusted. Node "n1" has 172.16.0.1 and
 * is this one, node "n2" has 172.16.0.2; pod "web" has 10.0.0.1, pod "db" has 10.0.0.2.
 */
#include "tests/unit/flow/fixture.h"

enum { CGROUP_A = 101, CGROUP_B = 102, CGROUP_SSHD = 103 };

struct cluster {
	struct node n1, n2;
	struct pod web, db, agent_a, agent_b; /* the agents are of the host network */
};

static void make_agent(struct pod *p, const char *name, const char *uid, const char *node,
		       const char *address)
{
	pod_init(p, name, uid, address, 0);
	p->p.node_name = node;
	p->p.host_network = true;
	pod_add_host_addr(p, address);
}

static void populate(struct rig *r, struct cluster *c)
{
	const struct pn_cgroup groups[] = {
		{ CGROUP_A, "uid-a", "" },
		{ CGROUP_B, "uid-b", "" },
		{ CGROUP_SSHD, "", "sshd.service" },
	};

	node_init(&c->n1, "n1", "uid-n1", "172.16.0.1");
	node_init(&c->n2, "n2", "uid-n2", "172.16.0.2");
	pod_init(&c->web, "web", "uid-web", "10.0.0.1", 0);
	pod_init(&c->db, "db", "uid-db", "10.0.0.2", 0);
	make_agent(&c->agent_a, "agent-a", "uid-a", "n1", "172.16.0.1");
	make_agent(&c->agent_b, "agent-b", "uid-b", "n1", "172.16.0.1");
	add(r->w, &c->n1.n.meta);
	add(r->w, &c->n2.n.meta);
	add(r->w, &c->web.p.meta);
	add(r->w, &c->db.p.meta);
	add(r->w, &c->agent_a.p.meta);
	for (size_t i = 0; i < PN_ARRAY_SIZE(groups); i++)
		assert_int_equal(pn_index_cgroup_add(r->w->idx, &groups[i]), 0);
}

/* The kernel has seen the socket of the end that sends on this way. */
static void show_cgroup(struct rig *r, struct way w, uint64_t id)
{
	int sender;
	struct entry *e = entry_of(r, w, &sender);

	e->value.cgroups.low[sender] = (uint32_t)id;
}

static void assert_named(const struct pn_record_end *e, enum pn_attribution attribution,
			 const char *name)
{
	assert_string_equal(pn_attribution_name(e->attribution), pn_attribution_name(attribution));
	assert_string_equal(e->owner ? e->owner->name : "-", name);
}

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

static const struct way gossip = { "10.0.0.1", 7946, "10.0.0.2", 7946, IPPROTO_UDP };

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

/* --- waiting -------------------------------------------------------------------------------------- */

static const struct way web_to_db = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
static const struct way agent_to_agent = { "172.16.0.1", 4000, "172.16.0.1", 8080, IPPROTO_TCP };

static void wait_for_names(struct rig *r)
{
	r->config.name_wait = PN_JOINER_NAME_WAIT;
	r->config.pod_wait = PN_JOINER_POD_WAIT;
	restart(r);
}

static void first_record_waits_and_later_ones_do_not(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 2);
	no_record(r, 1000);
	no_record(r, 2999);
	assert_counts(only_record(r, 3000), 2, 0);
	leave(r, web_to_db, 1);
	assert_counts(only_record(r, 3100), 1, 0);
	restart(r);
	leave(r, web_to_db, 1);
	assert_counts(only_record(r, 3200), 1, 0);
}

static void owner_that_is_announced_late_is_named(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	go_to(r->w, 10000);
	del(r->w, &c.web.p.meta);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.1", 11);
	go_to(r->w, 12000);
	leave(r, web_to_db, 1);
	no_record(r, 13000); /* nobody, for all that is known */
	go_to(r->w, 14500);
	add(r->w, &heir.p.meta);
	assert_named(&only_record(r, 15000)->source, PN_ATTR_IP, "heir");
}

static void sockets_need_no_waiting(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	add(r->w, &c.agent_b.p.meta);
	wait_for_names(r);
	leave(r, agent_to_agent, 1);
	show_cgroup(r, agent_to_agent, CGROUP_A);
	show_cgroup(r, back(agent_to_agent), CGROUP_B);
	no_record(r, 99);
	assert_counts(only_record(r, 100), 1, 0);
}

static void awaited_pod_is_waited_for_longer(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, agent_to_agent, 1);
	show_cgroup(r, agent_to_agent, CGROUP_A);
	show_cgroup(r, back(agent_to_agent), CGROUP_B);
	no_record(r, 3000);
	no_record(r, 9000);
	add(r->w, &c.agent_b.p.meta);
	assert_named(&only_record(r, 9100)->destination, PN_ATTR_CGROUP, "agent-b");
}

static void awaited_pod_is_not_waited_for_without_end(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, agent_to_agent, 1);
	show_cgroup(r, back(agent_to_agent), CGROUP_B);
	no_record(r, 14999);
	assert_named(&only_record(r, 15000)->destination, PN_ATTR_NONE, "-");
}

static void connection_that_ends_meanwhile_is_held(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 3);
	show_flags(r, web_to_db, TH_RST);
	no_record(r, 2500); /* it would have been told by now */
	assert_int_equal(entries_left(r), 1);
	assert_counts(only_record(r, 3000), 3, 0);
	assert_int_equal(r->records[0].state, PN_FLOW_CLOSED);
	assert_int_equal(entries_left(r), 0);
}

static void what_has_left_waits_until_another_interface_comes(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	assert_false(pn_joiner_came(r->joiner));
	go_to(r->w, 10000);
	leave(r, web_to_db, 2);
	assert_true(pn_joiner_left(r->joiner, &web, false));
	no_record(r, 10050);
	no_record(r, 11000);
	assert_true(pn_joiner_came(r->joiner));
	assert_counts(only_record(r, 11010), 2, 0);
	assert_named(&r->records[0].source, PN_ATTR_STALE, "web"); /* it was to wait for news */
	assert_named(&r->records[0].destination, PN_ATTR_STALE, "db");
	assert_int_equal(r->records[0].state, PN_FLOW_LEFT);
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_db, 1); /* the same ports, by who came */
	assert_false(pn_joiner_came(r->joiner));
	no_record(r, 12000);
	assert_counts(only_record(r, 14010), 1, 0);
	assert_int_equal(r->records[0].state, PN_FLOW_ACTIVE);
}

/* All three within one batch of news. */
static void what_comes_right_after_one_has_left_meets_an_empty_table(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 2);
	assert_true(pn_joiner_left(r->joiner, &web, false));
	assert_true(pn_joiner_came(r->joiner));
	assert_counts(only_record(r, 20), 2, 0);
	assert_int_equal(entries_left(r), 0);
}

/* The address was given away before its interface went; or messages were lost, and a list of all tells who came first. */
static void what_came_just_before_one_has_left_meets_an_empty_table(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 2);
	no_record(r, 1000);
	assert_false(pn_joiner_came(r->joiner));
	assert_true(pn_joiner_left(r->joiner, &web, false));
	assert_counts(only_record(r, 1010), 2, 0);
	assert_int_equal(entries_left(r), 0);
}

/* What began when the one had left already is told with the rest, before anybody has heard of the next one. */
static void who_uses_an_address_that_was_just_left_has_no_certain_name(void **state)
{
	struct rig *r = *state;
	static const struct way next = { "10.0.0.1", 5000, "10.0.0.2", 80, IPPROTO_TCP };
	struct pn_addr web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	go_to(r->w, 20000);
	assert_true(pn_joiner_left(r->joiner, &web, false));
	assert_true(pn_joiner_came(r->joiner));
	leave(r, next, 1);
	assert_named(&only_record(r, 20010)->source, PN_ATTR_STALE, "web");
}

/* An output that takes nothing keeps the entry in the table, and the next one's packets are counted in it. */
static void what_comes_after_one_has_left_is_not_certainly_his(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	show_cgroup(r, web_to_db, CGROUP_A);
	go_to(r->w, 1000);
	r->is_stuck = true;
	assert_true(pn_joiner_left(r->joiner, &web, false));
	run_round(r, false);
	assert_named(&r->records[0].source, PN_ATTR_CGROUP, "agent-a");
	leave(r, web_to_db, 1);
	go_to(r->w, 2000);
	run_round(r, false);
	assert_int_equal(r->n_records, 2);
	assert_named(&r->records[1].source, PN_ATTR_STALE, "agent-a");
	assert_named(&r->records[1].destination, PN_ATTR_STALE, "db");
}

/* While no agent ran, the next one's packets may have been counted in the entry. */
static void what_left_while_nobody_looked_has_no_certain_name(void **state)
{
	struct rig *r = *state;
	struct pn_addr web = addr("10.0.0.1");
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	show_cgroup(r, web_to_db, CGROUP_A);
	assert_named(&only_record(r, 1000)->source, PN_ATTR_CGROUP, "agent-a");
	leave(r, web_to_db, 1);
	restart(r);
	assert_true(pn_joiner_left(r->joiner, &web, true));
	assert_counts(only_record(r, 2000), 1, 0);
	assert_named(&r->records[0].source, PN_ATTR_STALE, "agent-a");
	assert_int_equal(r->records[0].state, PN_FLOW_LEFT);
	assert_int_equal(entries_left(r), 0);
}

static void nothing_waits_on_shutdown(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 2);
	go_to(r->w, 200);
	run_round(r, true);
	assert_int_equal(r->n_records, 1);
	assert_counts(&r->records[0], 2, 0);
	assert_named(&r->records[0].source, PN_ATTR_STALE, "web");
}

static void what_has_waited_is_certain_on_shutdown(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 2);
	no_record(r, 2900);
	go_to(r->w, 3000);
	run_round(r, true);
	assert_int_equal(r->n_records, 1);
	assert_named(&r->records[0].source, PN_ATTR_IP, "web");
}

static void connection_that_waited_when_the_agent_was_killed_is_told_by_the_next(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	leave(r, web_to_db, 2);
	no_record(r, 1000);
	restart(r);
	no_record(r, 3000);
	assert_counts(only_record(r, 4000), 2, 0);
}

static void wait_for_the_index(struct rig *r)
{
	r->config.sync_wait = PN_JOINER_SYNC_WAIT;
	wait_for_names(r);
}

/* It may be of a pod that took the address over meanwhile. */
static void connection_that_began_without_an_agent_waits_for_the_whole_index(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	go_to(r->w, 20000);
	wait_for_the_index(r);
	no_record(r, 26000);
	pn_joiner_synced(r->joiner);
	no_record(r, 28999);
	assert_counts(only_record(r, 29000), 2, 0);
}

/* Who had an address when the earlier agent ended may have gone since. */
static void connection_that_was_told_waits_for_the_whole_index_too(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	leave(r, gossip, 2);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_IP, "db");
	go_to(r->w, 20000);
	wait_for_the_index(r);
	leave(r, gossip, 1); /* to whoever has the address */
	no_record(r, 20500);
	no_record(r, 21000);
	del(r->w, &c.db.p.meta);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.2", 12);
	add(r->w, &heir.p.meta);
	pn_joiner_synced(r->joiner);
	leave(r, gossip, 1);
	assert_counts(only_record(r, 21100), 2, 0);
	assert_named(&r->records[0].destination, PN_ATTR_AMBIGUOUS, "-");
	leave(r, gossip, 1);
	no_record(r, 22000);
	assert_named(&only_record(r, 25000)->destination, PN_ATTR_IP, "heir");
}

static void index_is_not_waited_for_without_end(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	go_to(r->w, 20000);
	wait_for_the_index(r);
	no_record(r, 37999);
	assert_counts(only_record(r, 38000), 2, 0);
}

/* --- an API server that is away ------------------------------------------------------------------- */

static void heard_until(struct rig *r, uint64_t ms)
{
	pn_index_heard(r->w->idx, at_ms(ms));
}

static void api_server_that_is_just_away_is_waited_for(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	heard_until(r, 10000);
	go_to(r->w, 11000);
	leave(r, web_to_db, 1);
	no_record(r, 14000);
	no_record(r, 20000);
	pn_index_heard(r->w->idx, PN_NSEC_NEVER);
	assert_named(&only_record(r, 20001)->source, PN_ATTR_IP, "web");
}

/* The pod behind a declared port is another one by then as well as one behind an address. */
static void port_from_before_the_api_server_went_is_stale(void **state)
{
	static const struct way w = { "10.0.0.1", 4000, "172.16.0.2", 9100, IPPROTO_TCP };
	struct rig *r = *state;
	struct pod far;
	struct cluster c;

	populate(r, &c);
	make_agent(&far, "far-agent", "uid-far", "n2", "172.16.0.2");
	pod_add_host_port(&far, 9100);
	add(r->w, &far.p.meta);
	leave(r, w, 1);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_PORT, "far-agent");
	heard_until(r, 1000);
	go_to(r->w, 70000);
	run_round(r, false);
	leave(r, w, 1);
	assert_named(&only_record(r, 71000)->destination, PN_ATTR_STALE, "far-agent");
}

static void name_from_before_the_api_server_went_is_stale(void **state)
{
	static const struct way next = { "10.0.0.1", 4001, "10.0.0.2", 80, IPPROTO_TCP };
	const struct pn_flow_record *rec;
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	heard_until(r, 10000);
	go_to(r->w, 11000);
	leave(r, web_to_db, 1);
	no_record(r, 24999);
	rec = only_record(r, 25000);
	assert_named(&rec->source, PN_ATTR_STALE, "web");
	assert_named(&rec->destination, PN_ATTR_STALE, "db");
	/* One that has been away for so long is not waited for again. */
	go_to(r->w, 30000);
	leave(r, next, 1);
	no_record(r, 32999);
	assert_named(&only_record(r, 33000)->source, PN_ATTR_STALE, "web");
	pn_index_heard(r->w->idx, PN_NSEC_NEVER);
	leave(r, web_to_db, 1);
	assert_named(&only_record(r, 34000)->source, PN_ATTR_IP, "web");
}

static void connection_from_before_the_api_server_went_is_not_stale(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	go_to(r->w, 7000);
	leave(r, web_to_db, 1);
	heard_until(r, 10000);
	assert_named(&only_record(r, 10001)->source, PN_ATTR_IP, "web");
}

/* What the API server says of that time takes a while to arrive, and then it was away. */
static void connection_from_just_before_it_went_is(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	go_to(r->w, 7001);
	leave(r, web_to_db, 1);
	heard_until(r, 10000);
	no_record(r, 21999);
	assert_named(&only_record(r, 22001)->source, PN_ATTR_STALE, "web");
}

/* An agent that is held up has not read what has arrived. */
static void news_that_is_not_read_yet_is_waited_for(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	wait_for_names(r);
	heard_until(r, 10000);
	go_to(r->w, 10000);
	del(r->w, &c.web.p.meta);
	go_to(r->w, 11000);
	leave(r, web_to_db, 1);
	heard_until(r, 13999);
	no_record(r, 17000);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.1", 10);
	add(r->w, &heir.p.meta);
	heard_until(r, 17000);
	assert_named(&only_record(r, 17200)->source, PN_ATTR_IP, "heir");
}

static void who_does_not_wait_for_names_does_not_wait_for_the_api_server(void **state)
{
	static const struct way next = { "10.0.0.1", 4001, "10.0.0.2", 80, IPPROTO_TCP };
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	heard_until(r, 10000);
	go_to(r->w, 12000); /* a watch is being opened again */
	leave(r, web_to_db, 1);
	assert_named(&only_record(r, 12100)->source, PN_ATTR_IP, "web");
	go_to(r->w, 12500);
	leave(r, next, 1);
	assert_named(&only_record(r, 12600)->source, PN_ATTR_STALE, "web");
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
		RIG_TEST(first_record_waits_and_later_ones_do_not),
		RIG_TEST(owner_that_is_announced_late_is_named),
		RIG_TEST(sockets_need_no_waiting),
		RIG_TEST(awaited_pod_is_waited_for_longer),
		RIG_TEST(awaited_pod_is_not_waited_for_without_end),
		RIG_TEST(connection_that_ends_meanwhile_is_held),
		RIG_TEST(what_has_left_waits_until_another_interface_comes),
		RIG_TEST(what_comes_right_after_one_has_left_meets_an_empty_table),
		RIG_TEST(what_came_just_before_one_has_left_meets_an_empty_table),
		RIG_TEST(who_uses_an_address_that_was_just_left_has_no_certain_name),
		RIG_TEST(what_comes_after_one_has_left_is_not_certainly_his),
		RIG_TEST(what_left_while_nobody_looked_has_no_certain_name),
		RIG_TEST(nothing_waits_on_shutdown),
		RIG_TEST(what_has_waited_is_certain_on_shutdown),
		RIG_TEST(connection_that_waited_when_the_agent_was_killed_is_told_by_the_next),
		RIG_TEST(connection_that_began_without_an_agent_waits_for_the_whole_index),
		RIG_TEST(connection_that_was_told_waits_for_the_whole_index_too),
		RIG_TEST(index_is_not_waited_for_without_end),
		RIG_TEST(api_server_that_is_just_away_is_waited_for),
		RIG_TEST(name_from_before_the_api_server_went_is_stale),
		RIG_TEST(port_from_before_the_api_server_went_is_stale),
		RIG_TEST(connection_from_before_the_api_server_went_is_not_stale),
		RIG_TEST(connection_from_just_before_it_went_is),
		RIG_TEST(news_that_is_not_read_yet_is_waited_for),
		RIG_TEST(who_does_not_wait_for_names_does_not_wait_for_the_api_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
