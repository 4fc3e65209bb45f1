/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer on real interfaces: two pods, each a network namespace behind a veth, and between them
 * the node's namespace, which routes and translates. Every packet that a pod sends is told apart
 * from noise (neighbour discovery) by its flow.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "datapath/tracer.h"
#include "packet_fixture.h"
#include "world_fixture.h"

static const struct pn_tracer_config on_tcx = { .ip_map_fd = -1, .max_flows = 1024 };
static const struct pn_tracer_config on_clsact = { .ip_map_fd = -1,
						   .max_flows = 1024,
						   .force_clsact = true };

static int set_up(void **state)
{
	return share_world(state, &on_tcx);
}

static int set_up_clsact(void **state)
{
	return share_world(state, &on_clsact);
}

static void every_datagram_is_counted_once_at_each_pod(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	exchange(w, SERVER, 53, 53, 100);
	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(ntohs(s.key.port[0]), 4000);
	assert_int_equal(ntohs(s.key.port[1]), 53);
	for (int d = 0; d < 2; d++) {
		assert_int_equal(pn_flow_way(&s.value, d)->sent.packets, 100);
		assert_int_equal(pn_flow_way(&s.value, d)->sent.bytes, 3800);
		assert_int_equal(pn_flow_way(&s.value, d)->delivered.packets, 100);
		assert_int_equal(pn_flow_way(&s.value, d)->delivered.bytes, 3800);
	}
	assert_int_equal(pn_flow_opener(&s.value), 0);
}

static void what_the_node_drops_is_sent_and_not_delivered(void **state)
{
	struct world *w = world_of(state);
	struct search s;
	int client;

	assert_int_equal(run("echo 0 > /proc/sys/net/ipv4/ip_forward"), 0);
	client = pod_socket(w, &w->client, CLIENT, 4000);
	for (int i = 0; i < 5; i++)
		send_to(client, SERVER, 53, 10);
	(void)close(client);
	for (int i = 0; i < N_POLLS; i++) {
		s = udp_flow(w, CLIENT, SERVER);
		if (pn_flow_way(&s.value, 0)->sent.packets == 5)
			break;
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 5);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 0);
}

static void require_nat(struct world *w)
{
	const struct pn_feature *f;

	assert_int_equal(pn_tracer_features(w->tracer, &f), 6);
	if (strcmp(f[1].state, "on") != 0) {
		print_message("needs the feature nat: %s\n", f[1].reason);
		skip();
	}
	if (run("nft add table ip t 2>/dev/null") != 0) {
		print_message("needs nft(8) and nf_tables\n");
		skip();
	}
}

static void both_sides_of_a_service_name_each_other(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	require_nat(w);
	assert_int_equal(
		run("nft 'add chain ip t pre { type nat hook prerouting priority dstnat; }; add "
		    "rule ip t pre ip daddr " SERVICE " udp dport 53 dnat to " SERVER ":5353'"),
		0);
	exchange(w, SERVICE, 53, 5353, 3);

	s = udp_flow(w, CLIENT, SERVICE);
	assert_true(s.value.state & PN_FLOW_NAT);
	assert_false(s.value.state & PN_FLOW_BEHIND_NAT);
	assert_true(s.value.state & PN_FLOW_INITIATOR);
	assert_int_equal(pn_flow_opener(&s.value), 0);
	assert_tuple(&s.value.nat, CLIENT, 4000, SERVER, 5353);
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&s.value, 1)->delivered.packets, 3);

	s = udp_flow(w, CLIENT, SERVER);
	assert_true(s.value.state & PN_FLOW_NAT);
	assert_true(s.value.state & PN_FLOW_BEHIND_NAT);
	assert_int_equal(pn_flow_opener(&s.value), 0);
	assert_tuple(&s.value.nat, CLIENT, 4000, SERVICE, 53);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 3);
	assert_int_equal(pn_flow_way(&s.value, 1)->sent.packets, 3);
}

/* Conntrack has forgotten the connection, and its next packet goes to another backend. */
static void another_backend_of_the_same_entry_is_noticed(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	require_nat(w);
	assert_int_equal(run("cd /proc/sys/net/netfilter && echo 1 > nf_conntrack_udp_timeout && "
			     "echo 1 > nf_conntrack_udp_timeout_stream"),
			 0);
	assert_int_equal(
		run("nft 'add chain ip t pre { type nat hook prerouting priority dstnat; }; add "
		    "rule ip t pre ip daddr " SERVICE " udp dport 53 dnat to " SERVER ":5353'"),
		0);
	exchange(w, SERVICE, 53, 5353, 20);
	(void)poll(NULL, 0, 1500);
	exchange(w, SERVICE, 53, 5353, 1);
	s = udp_flow(w, CLIENT, SERVICE);
	assert_false(s.value.state & (PN_FLOW_SHARED << 0 | PN_FLOW_SHARED << 1));
	assert_int_equal(run("nft 'flush chain ip t pre; add rule ip t pre ip daddr " SERVICE
			     " udp dport 53 dnat to " SERVER ":5354'"),
			 0);
	(void)poll(NULL, 0, 1500);
	exchange(w, SERVICE, 53, 5354, 1);
	s = udp_flow(w, CLIENT, SERVICE);
	assert_tuple(&s.value.nat, CLIENT, 4000, SERVER, 5353);
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 22);
	assert_false(s.value.state & PN_FLOW_SHARED << 0);
	assert_true(s.value.state & PN_FLOW_SHARED << 1);
}

/* The source is translated too, as for a client that reaches itself or comes from outside. */
static void source_translation_is_joined_too(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	require_nat(w);
	assert_int_equal(
		run("nft 'add chain ip t post { type nat hook postrouting priority srcnat; }; add "
		    "rule ip t post ip saddr " CLIENT " udp dport 53 snat to 10.77.2.1:7777'"),
		0);
	exchange(w, SERVER, 53, 53, 3);

	s = udp_flow(w, "10.77.2.1", SERVER);
	assert_true(s.value.state & PN_FLOW_NAT);
	assert_true(s.value.state & PN_FLOW_BEHIND_NAT);
	assert_tuple(&s.value.nat, CLIENT, 4000, SERVER, 53);
	s = udp_flow(w, CLIENT, SERVER);
	assert_true(s.value.state & PN_FLOW_NAT);
	assert_tuple(&s.value.nat, "10.77.2.1", 7777, SERVER, 53);
}

/* The end with the greater address speaks first, so sorting and order of sight both mislead. */
static void conntrack_knows_who_opened(void **state)
{
	struct world *w = world_of(state);
	struct search s;
	int client, server;

	require_nat(w);
	assert_int_equal(
		run("nft 'add chain ip t forwarding { type filter hook forward priority 0; }; "
		    "add rule ip t forwarding ct state new accept'"),
		0);
	(void)pn_tracer_detach(w->tracer, (int)if_nametoindex("pn-server"), NULL);
	server = pod_socket(w, &w->server, SERVER, 4000);
	client = pod_socket(w, &w->client, CLIENT, 53);
	(void)pn_tracer_detach(w->tracer, (int)if_nametoindex("pn-client"), NULL);
	send_to(server, CLIENT, 53, 10);
	receive(client);
	assert_int_equal(pn_tracer_attach(w->tracer, (int)if_nametoindex("pn-client"), NULL), 0);
	send_to(client, SERVER, 4000, 10);
	receive(server);
	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pn_flow_opener(&s.value), 0);
	send_to(server, CLIENT, 53, 10);
	receive(client);

	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pn_flow_opener(&s.value), 1);
	assert_true(s.value.state & PN_FLOW_INITIATOR);
	assert_false(s.value.state & PN_FLOW_NAT);
	(void)close(client);
	(void)close(server);
}

static void send_frame(struct world *w, const struct pod *pod, const struct packet *p)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd;

	assert_int_equal(setns(pod->netns_fd, CLONE_NEWNET), 0);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = (int)if_nametoindex("eth0");
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, p->b, p->len, 0, (void *)&to, sizeof(to)), p->len);
	(void)close(fd);
}

/* The stack takes the outer tag out of the frame before the hook sees it. */
static void a_vlan_tag_beside_the_frame_is_not_in_the_way(void **state)
{
	struct world *w = world_of(state);
	struct search s = { .proto = IPPROTO_UDP };
	struct packet p;

	put_ethernet(&p);
	put_vlan(&p, 0x8100, 5);
	put_ipv4(&p, "10.77.5.2", "10.77.5.1", 0);
	put_udp(&p, 4000, 53);
	packet_end(&p, 10);
	send_frame(w, &w->client, &p);
	assert_int_equal(pn_addr_parse("10.77.5.1", &s.low), 0);
	assert_int_equal(pn_addr_parse("10.77.5.2", &s.high), 0);
	for (int i = 0; i < N_POLLS && !s.n; i++) {
		assert_int_equal(pn_tracer_drain(w->tracer, match, &s), 0);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(s.n, 1);
	assert_int_equal(ntohs(s.key.port[1]), 4000);
	assert_int_equal(pn_flow_way(&s.value, 1)->sent.bytes, 38);
}

static void an_interface_is_attached_once(void **state)
{
	struct world *w = world_of(state);
	int ifindex = (int)if_nametoindex("pn-client");
	struct pn_err err;

	assert_int_equal(pn_tracer_attach(w->tracer, ifindex, &err), -EEXIST);
	(void)pn_tracer_detach(w->tracer, ifindex, NULL);
	(void)pn_tracer_detach(w->tracer, ifindex, NULL);
	assert_int_equal(pn_tracer_attach(w->tracer, ifindex, &err), 0);
	assert_int_equal(pn_tracer_attach(w->tracer, 999999, &err), -ENODEV);
	assert_non_null(strstr(err.text, "999999"));
}

static void a_detached_interface_is_not_counted(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	(void)pn_tracer_detach(w->tracer, (int)if_nametoindex("pn-server"), NULL);
	exchange(w, SERVER, 53, 53, 10);
	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 10);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 0);
}

/* As after a crash: the filters of the last tracer are still there. */
static void clsact_filters_of_an_earlier_agent_are_replaced(void **state)
{
	struct world *w = world_of(state);
	struct pn_tracer *earlier = w->tracer;
	struct search s;

	assert_int_equal(pn_tracer_new(&on_clsact, &w->tracer, NULL), 0);
	assert_int_equal(pn_tracer_attach(w->tracer, (int)if_nametoindex("pn-client"), NULL), 0);
	assert_int_equal(pn_tracer_attach(w->tracer, (int)if_nametoindex("pn-server"), NULL), 0);
	exchange(w, SERVER, 53, 53, 10);
	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 10);
	assert_int_equal(
		run("test $(tc filter show dev pn-client ingress | grep -c direct-action) = 1"), 0);
	pn_tracer_free(earlier);
}

static void nothing_of_ours_stays_behind(void **state)
{
	struct world *w = world_of(state);

	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(run("! tc filter show dev pn-client ingress | grep -q bpf"), 0);
	assert_int_equal(run("! tc filter show dev pn-client egress | grep -q bpf"), 0);
}

/* Even at the same priority. */
static void filters_of_others_are_left_alone(void **state)
{
	struct world *w = world_of(state);

	assert_int_equal(
		run("for hook in ingress egress; do tc filter add dev pn-client $hook prio 1 "
		    "protocol all handle 2 bpf bytecode '1,6 0 0 0,' flowid 1:1 || exit 1; done"),
		0);
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(run("tc filter show dev pn-client ingress | grep -q 'handle 0x2 '"), 0);
	assert_int_equal(run("tc filter show dev pn-client egress | grep -q 'handle 0x2 '"), 0);
	assert_int_equal(run("! tc filter show dev pn-client egress | grep -q direct-action"), 0);
}

#define ON_TCX(test) cmocka_unit_test_setup(test, set_up)
#define ON_CLSACT(test)                                            \
	{                                                          \
#test " (clsact)", test, set_up_clsact, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TCX(every_datagram_is_counted_once_at_each_pod),
		ON_TCX(what_the_node_drops_is_sent_and_not_delivered),
		ON_TCX(both_sides_of_a_service_name_each_other),
		ON_TCX(another_backend_of_the_same_entry_is_noticed),
		ON_TCX(source_translation_is_joined_too),
		ON_TCX(conntrack_knows_who_opened),
		ON_TCX(a_vlan_tag_beside_the_frame_is_not_in_the_way),
		ON_TCX(an_interface_is_attached_once),
		ON_TCX(a_detached_interface_is_not_counted),
		ON_CLSACT(every_datagram_is_counted_once_at_each_pod),
		ON_CLSACT(both_sides_of_a_service_name_each_other),
		ON_CLSACT(an_interface_is_attached_once),
		ON_CLSACT(a_detached_interface_is_not_counted),
		ON_CLSACT(clsact_filters_of_an_earlier_agent_are_replaced),
		ON_CLSACT(nothing_of_ours_stays_behind),
		ON_CLSACT(filters_of_others_are_left_alone),
	};

	return cmocka_run_group_tests_name("traffic", tests, NULL, end_shared_world);
}
