/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose socket an end is, and the sockets of the node itself: pods and node each have a cgroup of
 * their own here, and talk to each other in every way.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "cgroup_fixture.h"
#include "world_fixture.h"

#define GATEWAY "10.77.1.1" /* the node, as the client sees it */
#define LOOPBACK "127.0.0.1"

enum party {
	NODE,
	NODE_OTHER,
	CLIENT_POD,
	SERVER_POD,
	MAKER, /* of the pods' network namespaces */
	N_PARTIES,
};

static const char *const names[] = { "node", "other", "client", "server", "maker" };
_Static_assert(PN_ARRAY_SIZE(names) == N_PARTIES, "a name for each");

static uint64_t cgroup_of[N_PARTIES];

static bool make_cgroups(void)
{
	bool ok = cgroup_make("") != 0;

	for (int i = 0; ok && i < N_PARTIES; i++) {
		cgroup_of[i] = cgroup_make(names[i]);
		ok = cgroup_of[i] != 0;
	}
	return ok && cgroup_enter(names[MAKER]);
}

static struct pn_tracer_config on_tcx = { .ip_map_fd = -1, .max_flows = 1024 };
static struct pn_tracer_config on_clsact = { .ip_map_fd = -1,
					     .max_flows = 1024,
					     .force_clsact = true };
static struct pn_tracer_config without_cgroups = { .ip_map_fd = -1,
						   .max_flows = 1024,
						   .no_cgroup = true };

static int start(void **state, struct pn_tracer_config *config)
{
	static struct world none;

	*state = &none;
	if (geteuid() != 0 || !cgroup_root()) {
		print_message("needs root and a cgroup v2 hierarchy\n");
		return 0;
	}
	if (!cgroup_of[MAKER] && !make_cgroups())
		return -1;
	config->cgroup_root = cgroup_root();
	return share_world(state, config);
}

static int set_up(void **state)
{
	return start(state, &on_tcx);
}

static int set_up_clsact(void **state)
{
	return start(state, &on_clsact);
}

static int set_up_without_cgroups(void **state)
{
	return start(state, &without_cgroups);
}

static int end(void **state)
{
	(void)end_shared_world(state);
	if (cgroup_of[MAKER])
		cgroups_remove(names, N_PARTIES);
	return 0;
}

static const struct pod *pod_of(const struct world *w, enum party who)
{
	return who == CLIENT_POD ? &w->client : who == SERVER_POD ? &w->server : NULL;
}

static int socket_as(struct world *w, enum party who, int family, int type, int proto)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	const struct pod *pod = pod_of(w, who);
	int fd;

	assert_true(cgroup_enter(names[who]));
	if (pod)
		assert_int_equal(setns(pod->netns_fd, CLONE_NEWNET), 0);
	fd = socket(family, type | SOCK_CLOEXEC, proto);
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	assert_true(cgroup_enter(names[MAKER]));
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static int udp_as(struct world *w, enum party who, const char *addr, unsigned int port)
{
	int fd = socket_as(w, who, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = address(addr, port);

	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	return fd;
}

/* One asks, the other answers, n times. */
static void talk(int asking, int answering, const char *to, unsigned int port, int n)
{
	for (int i = 0; i < n; i++) {
		send_to(asking, to, port, 10);
		echo(answering);
		receive(asking);
	}
	(void)close(asking);
	(void)close(answering);
}

static void assert_each_way(const struct pn_flow_value *v, uint64_t packets)
{
	for (int d = 0; d < 2; d++) {
		assert_int_equal(pn_flow_way(v, d)->sent.packets, packets);
		assert_int_equal(pn_flow_way(v, d)->sent.bytes, packets * 38);
		assert_int_equal(pn_flow_way(v, d)->delivered.packets, packets);
		assert_int_equal(pn_flow_way(v, d)->delivered.bytes, packets * 38);
	}
}

static struct pn_flow_value last_seen(struct world *w, uint8_t proto, const char *low,
				      const char *high)
{
	struct search s = {};

	for (int i = 0; i < N_POLLS && !s.n; i++) {
		s = flows_between(w, proto, low, high);
		if (!s.n)
			(void)poll(NULL, 0, 1);
	}
	assert_true(s.n > 0);
	return s.value;
}

static bool is_delivered(const struct pn_flow_value *v)
{
	for (int d = 0; d < 2; d++)
		if (pn_flow_way(v, d)->sent.packets != pn_flow_way(v, d)->delivered.packets)
			return false;
	return true;
}

/* --- pods --------------------------------------------------------------------------------------- */

static void each_pod_is_known_by_its_socket(void **state)
{
	struct world *w = world_of(state);
	struct pn_flow_value v;

	talk(udp_as(w, CLIENT_POD, CLIENT, 4000), udp_as(w, SERVER_POD, SERVER, 53), SERVER, 53, 3);
	v = udp_flow(w, CLIENT, SERVER).value;
	assert_each_way(&v, 3);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[CLIENT_POD]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[SERVER_POD]);
}

/* It has spoken once, of something else; its interface remembers. */
static void a_silent_server_is_known_by_its_interface(void **state)
{
	struct world *w = world_of(state);
	int client = udp_as(w, CLIENT_POD, CLIENT, 4000);
	int server = udp_as(w, SERVER_POD, SERVER, 53);
	struct pn_flow_value v;

	send_to(server, "10.77.2.1", 9, 10);
	(void)last_seen(w, IPPROTO_UDP, "10.77.2.1", SERVER);
	send_to(client, SERVER, 53, 10);
	receive(server);
	v = udp_flow(w, CLIENT, SERVER).value;
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[CLIENT_POD]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[SERVER_POD]);
	(void)close(client);
	(void)close(server);
}

static void a_pod_that_never_spoke_is_not_known(void **state)
{
	struct world *w = world_of(state);
	int client = udp_as(w, CLIENT_POD, CLIENT, 4000);
	int server = udp_as(w, SERVER_POD, SERVER, 53);

	for (int i = 0; i < 20; i++) {
		send_to(client, SERVER, 53, 10);
		receive(server);
	}
	assert_int_equal(pn_flow_cgroup(udp_flow(w, CLIENT, SERVER).value.cgroups, 1), 0);
	(void)close(client);
	(void)close(server);
}

static void refuse_tcp(struct world *w)
{
	int fd = socket_as(w, CLIENT_POD, AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = address(SERVER, 81);

	assert_int_equal(connect(fd, (void *)&a, sizeof(a)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	(void)close(fd);
}

/* The kernel's own sockets are in the cgroup of who made the namespace. */
static void an_answer_of_the_kernel_is_not_its_maker_s(void **state)
{
	struct world *w = world_of(state);
	int client = udp_as(w, CLIENT_POD, CLIENT, 4000);
	struct pn_flow_value v;

	refuse_tcp(w);
	v = last_seen(w, IPPROTO_TCP, CLIENT, SERVER);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[CLIENT_POD]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), 0);
	send_to(client, SERVER, 9, 10);
	v = last_seen(w, IPPROTO_ICMP, CLIENT, SERVER);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), 0);
	(void)close(client);
}

static void resets_and_icmp_are_known_by_the_interface(void **state)
{
	struct world *w = world_of(state);
	int client = udp_as(w, CLIENT_POD, CLIENT, 4000);
	struct pn_flow_value v;

	talk(udp_as(w, CLIENT_POD, CLIENT, 4001), udp_as(w, SERVER_POD, SERVER, 53), SERVER, 53, 1);
	refuse_tcp(w);
	v = last_seen(w, IPPROTO_TCP, CLIENT, SERVER);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[SERVER_POD]);
	send_to(client, SERVER, 9, 10);
	v = last_seen(w, IPPROTO_ICMP, CLIENT, SERVER);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[CLIENT_POD]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[SERVER_POD]);
	(void)close(client);
}

/* What passes through a pod's interface from behind it is not the pod's. */
static void an_interface_speaks_for_its_own_address_only(void **state)
{
	struct world *w = world_of(state);
	int server = udp_as(w, SERVER_POD, SERVER, 53);
	int node = udp_as(w, NODE, GATEWAY, 4000);

	talk(udp_as(w, CLIENT_POD, CLIENT, 4001), server, SERVER, 53, 1);
	assert_int_equal(run("ip route add 10.99.0.0/24 via " CLIENT), 0);
	send_to(node, "10.99.0.1", 53, 10);
	assert_int_equal(pn_flow_cgroup(udp_flow(w, GATEWAY, "10.99.0.1").value.cgroups, 1), 0);
	assert_int_equal(pn_flow_cgroup(udp_flow(w, GATEWAY, "10.99.0.1").value.cgroups, 0),
			 cgroup_of[NODE]);
	(void)close(node);
}

static void a_detached_interface_is_forgotten(void **state)
{
	struct world *w = world_of(state);
	int ifindex = (int)if_nametoindex("pn-server");

	talk(udp_as(w, CLIENT_POD, CLIENT, 4001), udp_as(w, SERVER_POD, SERVER, 53), SERVER, 53, 1);
	(void)pn_tracer_detach(w->tracer, ifindex, NULL);
	assert_int_equal(pn_tracer_attach(w->tracer, ifindex, NULL), 0);
	refuse_tcp(w);
	assert_int_equal(pn_flow_cgroup(last_seen(w, IPPROTO_TCP, CLIENT, SERVER).cgroups, 1), 0);
}

static void without_cgroups_nobody_is_stamped(void **state)
{
	struct world *w = world_of(state);
	const struct pn_feature *f;
	struct pn_flow_value v;

	talk(udp_as(w, CLIENT_POD, CLIENT, 4000), udp_as(w, SERVER_POD, SERVER, 53), SERVER, 53, 3);
	v = udp_flow(w, CLIENT, SERVER).value;
	assert_each_way(&v, 3);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), 0);
	assert_int_equal(pn_tracer_features(w->tracer, &f), 6);
	assert_string_equal(f[2].reason, "switched off");
	assert_string_equal(f[3].reason, "switched off");
}

/* --- the node ----------------------------------------------------------------------------------- */

static void the_node_s_sockets_are_seen_from_both_sides_of_a_veth(void **state)
{
	struct world *w = world_of(state);
	struct pn_flow_value v;

	talk(udp_as(w, NODE, GATEWAY, 4000), udp_as(w, CLIENT_POD, CLIENT, 53), CLIENT, 53, 100);
	v = udp_flow(w, GATEWAY, CLIENT).value;
	assert_each_way(&v, 100);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[NODE]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[CLIENT_POD]);
}

static void processes_of_the_node_are_told_apart(void **state)
{
	struct world *w = world_of(state);
	struct pn_flow_value v;

	talk(udp_as(w, NODE, LOOPBACK, 4000), udp_as(w, NODE_OTHER, LOOPBACK, 4001), LOOPBACK, 4001,
	     100);
	v = udp_flow(w, LOOPBACK, LOOPBACK).value;
	assert_each_way(&v, 100);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[NODE]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[NODE_OTHER]);
}

/* A client that has a port after another one, and a server that takes another one's place. */
static void a_port_of_the_node_that_changes_hands_is_noticed(void **state)
{
	struct world *w = world_of(state);
	struct pn_flow_value v;

	for (int i = 0; i < 2; i++) {
		talk(udp_as(w, NODE, GATEWAY, 4000), udp_as(w, CLIENT_POD, CLIENT, 53), CLIENT, 53,
		     20);
		v = udp_flow(w, GATEWAY, CLIENT).value;
		assert_false(v.state & (PN_FLOW_SHARED << 0 | PN_FLOW_SHARED << 1));
	}
	talk(udp_as(w, NODE_OTHER, GATEWAY, 4000), udp_as(w, CLIENT_POD, CLIENT, 53), CLIENT, 53,
	     1);
	v = udp_flow(w, GATEWAY, CLIENT).value;
	assert_each_way(&v, 41);
	assert_true(v.state & PN_FLOW_SHARED << 0);
	assert_false(v.state & PN_FLOW_SHARED << 1);
}

static void a_server_of_the_node_that_is_replaced_is_noticed(void **state)
{
	struct world *w = world_of(state);
	int client = udp_as(w, CLIENT_POD, CLIENT, 4000);
	const enum party servers[] = { NODE, NODE, NODE_OTHER };

	for (size_t i = 0; i < PN_ARRAY_SIZE(servers); i++) {
		int server = udp_as(w, servers[i], GATEWAY, 8125);
		struct pn_flow_value v;

		for (int n = 0; n < 10; n++) {
			send_to(client, GATEWAY, 8125, 10);
			receive(server);
		}
		(void)close(server);
		v = udp_flow(w, GATEWAY, CLIENT).value;
		assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[NODE]);
		assert_int_equal(!!(v.state & PN_FLOW_SHARED << 0), servers[i] == NODE_OTHER);
		assert_false(v.state & PN_FLOW_SHARED << 1);
	}
	(void)close(client);
}

static int member_as(struct world *w, enum party who, const char *group)
{
	struct ip_mreqn member = { .imr_ifindex = (int)if_nametoindex("pn-client") };
	int on = 1, fd = socket_as(w, who, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = address(group, 5353);

	member.imr_multiaddr = a.sin_addr;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof(member)), 0);
	return fd;
}

/* Both are the end at the same time: that is no change. */
static void a_group_of_sockets_of_the_node_does_not_change_hands(void **state)
{
	struct world *w = world_of(state);
	int client = udp_as(w, CLIENT_POD, CLIENT, 4000);
	int one = member_as(w, NODE, "224.0.0.251"),
	    other = member_as(w, NODE_OTHER, "224.0.0.251");
	struct pn_flow_value v;

	for (int i = 0; i < 3; i++) {
		send_to(client, "224.0.0.251", 5353, 10);
		receive(one);
		receive(other);
	}
	v = udp_flow(w, CLIENT, "224.0.0.251").value;
	assert_int_equal(pn_flow_way(&v, 0)->sent.packets, 3);
	assert_true(pn_flow_cgroup(v.cgroups, 1) == cgroup_of[NODE] ||
		    pn_flow_cgroup(v.cgroups, 1) == cgroup_of[NODE_OTHER]);
	assert_false(v.state & PN_FLOW_SHARED << 1);
	(void)close(client);
	(void)close(one);
	(void)close(other);
}

static void ipv6_between_sockets_of_the_node_is_seen(void **state)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct world *w = world_of(state);
	int one = socket_as(w, NODE, AF_INET6, SOCK_DGRAM, 0);
	int two = socket_as(w, NODE_OTHER, AF_INET6, SOCK_DGRAM, 0);
	struct pn_flow_value v;

	a.sin6_port = htons(4001);
	assert_int_equal(bind(two, (void *)&a, sizeof(a)), 0);
	assert_int_equal(connect(one, (void *)&a, sizeof(a)), 0);
	assert_int_equal(send(one, "12345", 5, 0), 5);
	receive(two);
	v = udp_flow(w, "::1", "::1").value;
	assert_int_equal(pn_flow_way(&v, 0)->sent.bytes + pn_flow_way(&v, 1)->sent.bytes, 53);
	assert_int_equal(pn_flow_way(&v, 0)->delivered.bytes + pn_flow_way(&v, 1)->delivered.bytes,
			 53);
	assert_int_equal(pn_flow_cgroup(v.cgroups, pn_flow_opener(&v)), cgroup_of[NODE]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, !pn_flow_opener(&v)), cgroup_of[NODE_OTHER]);
	(void)close(one);
	(void)close(two);
}

/* Listening, accepted and connecting sockets, segments on lo, and the end of the connection. */
static void tcp_on_the_node_is_delivered_as_sent(void **state)
{
	struct world *w = world_of(state);
	int listener = socket_as(w, NODE_OTHER, AF_INET, SOCK_STREAM, 0);
	int client = socket_as(w, NODE, AF_INET, SOCK_STREAM, 0), accepted;
	struct sockaddr_in a = address(LOOPBACK, 80);
	char block[40000] = {}, sink[sizeof(block)];
	struct pn_flow_value v;

	assert_int_equal(bind(listener, (void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(client, (void *)&a, sizeof(a)), 0);
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(send(client, block, sizeof(block), 0), sizeof(block));
		assert_int_equal(recv(accepted, sink, sizeof(sink), MSG_WAITALL), sizeof(sink));
	}
	for (int i = 0; i < N_POLLS; i++) { /* an acknowledgement may be on its way */
		v = last_seen(w, IPPROTO_TCP, LOOPBACK, LOOPBACK);
		if (is_delivered(&v))
			break;
		(void)poll(NULL, 0, 1);
	}
	assert_true(v.state & PN_FLOW_INITIATOR);
	assert_int_equal(pn_flow_opener(&v), 1);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 1), cgroup_of[NODE]);
	assert_int_equal(pn_flow_cgroup(v.cgroups, 0), cgroup_of[NODE_OTHER]);
	for (int d = 0; d < 2; d++) {
		assert_true(pn_flow_way(&v, d)->sent.packets > 0);
		assert_int_equal(pn_flow_way(&v, d)->sent.packets,
				 pn_flow_way(&v, d)->delivered.packets);
		assert_int_equal(pn_flow_way(&v, d)->sent.bytes,
				 pn_flow_way(&v, d)->delivered.bytes);
	}
	assert_true(pn_flow_way(&v, 1)->sent.bytes > 10 * sizeof(block));
	(void)close(client);
	(void)close(accepted);
	(void)close(listener);
}

static void sockets_inside_of_pods_are_left_alone(void **state)
{
	struct world *w = world_of(state);

	talk(udp_as(w, CLIENT_POD, LOOPBACK, 4000), udp_as(w, CLIENT_POD, LOOPBACK, 53), LOOPBACK,
	     53, 20);
	assert_int_equal(flows_between(w, IPPROTO_UDP, LOOPBACK, LOOPBACK).n, 0);
}

/* No two entries have the same id, whichever hook made them. */
struct id_list {
	uint64_t id[256];
	size_t n;
};

static void note_id(void *data, const struct pn_flow_key *key, const struct pn_flow_value *value)
{
	struct id_list *l = data;

	(void)key;
	assert_true(value->id > 0);
	for (size_t i = 0; i < l->n; i++)
		assert_int_not_equal(l->id[i], value->id);
	if (l->n < PN_ARRAY_SIZE(l->id))
		l->id[l->n++] = value->id;
}

static void ids_of_all_hooks_differ(void **state)
{
	struct world *w = world_of(state);
	struct id_list ids = {};

	for (unsigned int port = 1000; port < 1050; port++) {
		talk(udp_as(w, NODE, LOOPBACK, 4000), udp_as(w, NODE, LOOPBACK, port), LOOPBACK,
		     port, 1);
		talk(udp_as(w, CLIENT_POD, CLIENT, 4000), udp_as(w, SERVER_POD, SERVER, port),
		     SERVER, port, 1);
	}
	assert_int_equal(pn_tracer_drain(w->tracer, note_id, &ids), 0);
	assert_true(ids.n >= 100);
}

static void the_ledger_counts_sockets_too(void **state)
{
	struct world *w = world_of(state);
	uint64_t before[PN_STAT_MAX], after[PN_STAT_MAX], sum = 0;

	assert_int_equal(pn_tracer_stats(w->tracer, before), 0);
	talk(udp_as(w, NODE, LOOPBACK, 4000), udp_as(w, NODE, LOOPBACK, 53), LOOPBACK, 53, 50);
	assert_int_equal(pn_tracer_stats(w->tracer, after), 0);
	assert_true(after[PN_STAT_RECORDED] >= before[PN_STAT_RECORDED] + 200);
	for (int s = PN_STAT_SEEN + 1; s < PN_STAT_MAX; s++)
		sum += after[s];
	assert_int_equal(after[PN_STAT_SEEN], sum);
}

static void require_nft(void)
{
	if (run("nft add table ip t 2>/dev/null") != 0) {
		print_message("needs nft(8) and nf_tables\n");
		skip();
	}
}

/* What is sent is seen translated, what arrives is seen translated back. */
static void a_service_called_by_the_node_is_joined(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	require_nft();
	assert_int_equal(run("nft 'add chain ip t out { type nat hook output priority -100; }; add "
			     "rule ip t out ip daddr " SERVICE " udp dport 53 dnat to " SERVER
			     ":5353'; ip route add 10.96.0.0/16 dev pn-server src 10.77.2.1"),
			 0);
	talk(udp_as(w, NODE, "10.77.2.1", 4000), udp_as(w, SERVER_POD, SERVER, 5353), SERVICE, 53,
	     3);

	s = udp_flow(w, "10.77.2.1", SERVER);
	assert_int_equal(s.value.state & (PN_FLOW_NAT | PN_FLOW_BEHIND_NAT),
			 PN_FLOW_NAT | PN_FLOW_BEHIND_NAT);
	assert_tuple(&s.value.nat, "10.77.2.1", 4000, SERVICE, 53);
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 3);
	assert_int_equal(pn_flow_cgroup(s.value.cgroups, 0), cgroup_of[NODE]);
	assert_int_equal(pn_flow_cgroup(s.value.cgroups, 1), cgroup_of[SERVER_POD]);
	s = udp_flow(w, "10.77.2.1", SERVICE);
	assert_int_equal(s.value.state & (PN_FLOW_NAT | PN_FLOW_BEHIND_NAT), PN_FLOW_NAT);
	assert_tuple(&s.value.nat, "10.77.2.1", 4000, SERVER, 5353);
	assert_int_equal(pn_flow_opener(&s.value), 0);
	assert_int_equal(pn_flow_way(&s.value, 1)->delivered.packets, 3);
	assert_int_equal(pn_flow_cgroup(s.value.cgroups, 0), cgroup_of[NODE]);
}

/* Behind it a socket of the node: it gets translated packets and answers are translated at once. */
static void a_service_on_the_node_is_joined(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	require_nft();
	assert_int_equal(
		run("nft 'add chain ip t pre { type nat hook prerouting priority dstnat; }; "
		    "add rule ip t pre ip daddr " SERVICE " udp dport 53 dnat to " GATEWAY
		    ":5353'"),
		0);
	talk(udp_as(w, CLIENT_POD, CLIENT, 4000), udp_as(w, NODE, GATEWAY, 5353), SERVICE, 53, 3);

	s = udp_flow(w, CLIENT, SERVICE);
	assert_int_equal(s.value.state & (PN_FLOW_NAT | PN_FLOW_BEHIND_NAT), PN_FLOW_NAT);
	assert_tuple(&s.value.nat, CLIENT, 4000, GATEWAY, 5353);
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&s.value, 1)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&s.value, 1)->delivered.packets, 3);
	assert_int_equal(pn_flow_cgroup(s.value.cgroups, 0), cgroup_of[CLIENT_POD]);
	assert_int_equal(pn_flow_cgroup(s.value.cgroups, 1), cgroup_of[NODE]);
	s = udp_flow(w, GATEWAY, CLIENT);
	assert_int_equal(s.value.state & (PN_FLOW_NAT | PN_FLOW_BEHIND_NAT),
			 PN_FLOW_NAT | PN_FLOW_BEHIND_NAT);
	assert_tuple(&s.value.nat, CLIENT, 4000, SERVICE, 53);
	assert_int_equal(pn_flow_opener(&s.value), 1);
	assert_int_equal(pn_flow_way(&s.value, 1)->delivered.packets, 3);
	assert_int_equal(pn_flow_cgroup(s.value.cgroups, 0), cgroup_of[NODE]);
}

static void a_place_that_is_no_hierarchy_is_named(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1,
						 .max_flows = 8,
						 .cgroup_root = "/tmp" };
	const struct pn_feature *f;
	struct pn_tracer *t = NULL;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pn_tracer_new(&config, &t, NULL), 0);
	assert_int_equal(pn_tracer_features(t, &f), 6);
	assert_string_equal(f[3].state, "off");
	assert_string_equal(f[3].reason, "/tmp is not a cgroup v2 hierarchy");
	pn_tracer_free(t);
}

#define ON_TCX(test) cmocka_unit_test_setup(test, set_up)
#define ON_CLSACT(test)                                            \
	{                                                          \
#test " (clsact)", test, set_up_clsact, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TCX(each_pod_is_known_by_its_socket),
		ON_TCX(a_silent_server_is_known_by_its_interface),
		ON_TCX(a_pod_that_never_spoke_is_not_known),
		ON_TCX(an_answer_of_the_kernel_is_not_its_maker_s),
		ON_TCX(resets_and_icmp_are_known_by_the_interface),
		ON_TCX(an_interface_speaks_for_its_own_address_only),
		ON_TCX(a_detached_interface_is_forgotten),
		ON_TCX(the_node_s_sockets_are_seen_from_both_sides_of_a_veth),
		ON_TCX(processes_of_the_node_are_told_apart),
		ON_TCX(a_port_of_the_node_that_changes_hands_is_noticed),
		ON_TCX(a_server_of_the_node_that_is_replaced_is_noticed),
		ON_TCX(a_group_of_sockets_of_the_node_does_not_change_hands),
		ON_TCX(ipv6_between_sockets_of_the_node_is_seen),
		ON_TCX(tcp_on_the_node_is_delivered_as_sent),
		ON_TCX(sockets_inside_of_pods_are_left_alone),
		ON_TCX(ids_of_all_hooks_differ),
		ON_TCX(the_ledger_counts_sockets_too),
		ON_TCX(a_service_called_by_the_node_is_joined),
		ON_TCX(a_service_on_the_node_is_joined),
		ON_CLSACT(each_pod_is_known_by_its_socket),
		ON_CLSACT(the_node_s_sockets_are_seen_from_both_sides_of_a_veth),
		cmocka_unit_test_setup(without_cgroups_nobody_is_stamped, set_up_without_cgroups),
		cmocka_unit_test(a_place_that_is_no_hierarchy_is_named),
	};

	return cmocka_run_group_tests_name("sockets", tests, NULL, end);
}
