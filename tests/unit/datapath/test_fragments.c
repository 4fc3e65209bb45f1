/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments: which of them take the ports of their first, by BPF_PROG_TEST_RUN; and real ones, of
 * datagrams between two pods.
 */
#include "tracer_fixture.h"
#include "world_fixture.h"

#define ID 0x1234
#define NS_PER_S 1000000000ULL

static const struct kind {
	int family;
	uint8_t proto;
} kinds[] = {
	{ AF_INET, IPPROTO_UDP },  { AF_INET, IPPROTO_TCP },  { AF_INET, IPPROTO_ICMP },
	{ AF_INET6, IPPROTO_UDP }, { AF_INET6, IPPROTO_TCP }, { AF_INET6, IPPROTO_ICMPV6 },
};

static void put_fragment(struct packet *p, int family, unsigned int id, unsigned int offset,
			 bool more)
{
	put_ethernet(p);
	if (family == AF_INET) {
		put_ipv4(p, POD, PEER, 0);
		put_ipv4_fragment(p, offset, more);
		put16(p->b + p->ip_at + 4, id);
	} else {
		put_ipv6(p, POD6, PEER6);
		put_ipv6_fragment(p, offset, more);
		put16(p->b + p->len - 2, id);
	}
}

/* From port @port to the same one: as an echo's identifier is both. */
static void put_head(struct packet *p, uint8_t proto, unsigned int port)
{
	if (proto == IPPROTO_UDP)
		put_udp(p, port, port);
	else if (proto == IPPROTO_TCP)
		put_tcp(p, port, port, ACK);
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		put_icmp(p, proto, proto == IPPROTO_ICMP ? 8 : 128, 0, port);
	else
		(void)put_transport(p, proto, 8);
}

static size_t send_first(struct pn_tracer *t, struct kind kind, unsigned int id, unsigned int port)
{
	struct packet p;

	put_fragment(&p, kind.family, id, 0, true);
	put_head(&p, kind.proto, port);
	packet_end(&p, 1000);
	send_packet(t, PN_HOOK_INGRESS, &p);
	return p.len - p.ip_at;
}

static size_t send_later(struct pn_tracer *t, enum pn_hook hook, struct kind kind, unsigned int id,
			 bool more)
{
	struct packet p;

	put_fragment(&p, kind.family, id, 1024, more);
	p.b[p.type_at] = kind.proto;
	packet_end(&p, 96);
	send_packet(t, hook, &p);
	return p.len - p.ip_at;
}

static size_t send_last(struct pn_tracer *t, struct kind kind, unsigned int id)
{
	return send_later(t, PN_HOOK_INGRESS, kind, id, false);
}

/* Takes the entry with that port out of the table; zero if there is none. */
static struct flow take_flow(struct pn_tracer *t, struct kind kind, unsigned int port)
{
	struct table all = {};

	assert_int_equal(pn_tracer_drain(t, collect, &all), 0);
	assert_true(all.n <= PN_ARRAY_SIZE(all.flows));
	for (size_t i = 0; i < all.n; i++) {
		struct flow f = all.flows[i];

		if (f.key.proto != kind.proto || f.key.port[0] != htons((uint16_t)port))
			continue;
		assert_int_equal(f.key.port[1], f.key.port[0]);
		assert_int_equal(pn_tracer_remove(t, &f.key, &f.value), 0);
		return f;
	}
	return (struct flow) {};
}

static void assert_joined(struct pn_tracer *t, struct kind kind, unsigned int port, uint64_t n)
{
	struct flow f = take_flow(t, kind, port);

	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, n);
	assert_false(f.value.state & PN_FLOW_FRAGMENT);
}

static void assert_without_ports(struct pn_tracer *t, struct kind kind, uint64_t n)
{
	struct flow f = take_flow(t, kind, 0);

	assert_int_equal(pn_flow_way(&f.value, 0)->sent.packets, n);
	assert_true(f.value.state & PN_FLOW_FRAGMENT);
}

static void all_fragments_are_in_the_flow_of_their_first(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	for (size_t k = 0; k < PN_ARRAY_SIZE(kinds); k++) {
		size_t len = send_first(t, kinds[k], ID, 4000);
		struct flow f;

		len += send_later(t, PN_HOOK_INGRESS, kinds[k], ID, true);
		len += send_last(t, kinds[k], ID);
		f = only_flow(t);
		assert_int_equal(pn_flow_way(&f.value, 0)->sent.bytes, len);
		assert_joined(t, kinds[k], 4000, 3);
	}
}

static void a_first_seen_at_one_hook_serves_the_other(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	for (size_t k = 0; k < PN_ARRAY_SIZE(kinds); k++) {
		(void)send_first(t, kinds[k], ID, 4000);
		(void)send_later(t, PN_HOOK_EGRESS, kinds[k], ID, false);
		assert_int_equal(only_flow(t).value.way_0.delivered.packets, 1);
		assert_joined(t, kinds[k], 4000, 1);
	}
}

static void fragments_before_their_first_have_no_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	for (size_t k = 0; k < PN_ARRAY_SIZE(kinds); k++) {
		/* what is left of the kind before must not serve this one */
		unsigned int id = ID + (unsigned int)k;

		(void)send_last(t, kinds[k], id);
		(void)send_first(t, kinds[k], id, 4000);
		assert_without_ports(t, kinds[k], 1);
		assert_joined(t, kinds[k], 4000, 1);
	}
}

static void fragments_of_another_packet_are_not_joined(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	for (size_t k = 0; k < PN_ARRAY_SIZE(kinds); k++) {
		(void)send_first(t, kinds[k], ID, 4000);
		(void)send_last(t, kinds[k], ID + 1);
		assert_without_ports(t, kinds[k], 1);
		assert_joined(t, kinds[k], 4000, 1);
	}
}

/* Each protocol of IPv4 has ids of its own. */
static void ipv4_ids_are_told_apart_by_protocol(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	(void)send_first(t, kinds[0], ID, 4000);
	(void)send_last(t, kinds[1], ID);
	assert_without_ports(t, kinds[1], 1);
	assert_joined(t, kinds[0], 4000, 1);
}

static void an_id_that_comes_back_has_the_new_ports(void **state)
{
	struct pn_tracer *t = tracer_of(state);

	for (size_t k = 0; k < PN_ARRAY_SIZE(kinds); k++) {
		(void)send_first(t, kinds[k], ID, 4000);
		(void)send_last(t, kinds[k], ID);
		(void)send_first(t, kinds[k], ID, 5000);
		(void)send_last(t, kinds[k], ID);
		assert_joined(t, kinds[k], 4000, 2);
		assert_joined(t, kinds[k], 5000, 2);
	}
}

static void an_id_that_comes_back_without_ports_has_none(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct pn_tracer *t = tracer_of(state);

	for (size_t i = 0; i < PN_ARRAY_SIZE(families); i++) {
		struct kind udp = { families[i], IPPROTO_UDP }, esp = { families[i], IPPROTO_ESP };

		(void)send_first(t, udp, ID, 4000);
		(void)send_first(t, esp, ID, 0);
		(void)send_last(t, esp, ID);
		assert_joined(t, udp, 4000, 1);
		assert_joined(t, esp, 0, 2);
	}
}

/* Later fragments name the header that comes first in the whole packet, which is not in them. */
static void extensions_in_the_first_fragment_are_skipped_for_all(void **state)
{
	static const struct kind udp = { AF_INET6, IPPROTO_UDP };
	static const struct kind options = { AF_INET6, IPPROTO_DSTOPTS };
	struct pn_tracer *t = tracer_of(state);
	struct packet p;

	put_fragment(&p, AF_INET6, ID, 0, true);
	put_extension(&p, IPPROTO_DSTOPTS, 8);
	put_udp(&p, 4000, 4000);
	packet_end(&p, 1000);
	send_packet(t, PN_HOOK_INGRESS, &p);
	(void)send_last(t, options, ID);
	assert_joined(t, udp, 4000, 2);
}

static int open_fragments(struct pn_tracer *t)
{
	uint32_t ids[16];
	struct bpf_prog_info prog = { .nr_map_ids = PN_ARRAY_SIZE(ids), .map_ids = (uintptr_t)ids };
	uint32_t len = sizeof(prog);

	assert_int_equal(bpf_obj_get_info_by_fd(pn_tracer_prog_fd(t, PN_HOOK_INGRESS), &prog, &len),
			 0);
	assert_true(prog.nr_map_ids <= PN_ARRAY_SIZE(ids));
	for (uint32_t i = 0; i < prog.nr_map_ids; i++) {
		struct bpf_map_info map = {};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		len = sizeof(map);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &map, &len), 0);
		if (strcmp(map.name, "fragments") == 0)
			return fd;
		(void)close(fd);
	}
	fail_msg("no map of fragments");
	return -1;
}

/* Makes the one note that there is older. */
static void age_note(struct pn_tracer *t, uint64_t ns)
{
	uint64_t key[8], value[8]; /* which begins with the time */
	int fd = open_fragments(t);

	assert_int_equal(bpf_map_get_next_key(fd, NULL, key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, key, value), 0);
	value[0] -= ns;
	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_EXIST), 0);
	(void)close(fd);
}

static void an_old_first_does_not_count(void **state)
{
	static const struct kind udp = { AF_INET, IPPROTO_UDP };
	struct pn_tracer *t = tracer_of(state);

	(void)send_first(t, udp, ID, 4000);
	age_note(t, 15 * NS_PER_S);
	(void)send_last(t, udp, ID);
	assert_joined(t, udp, 4000, 2);
	age_note(t, 16 * NS_PER_S);
	(void)send_last(t, udp, ID);
	assert_without_ports(t, udp, 1);
}

/* --- real ones ---------------------------------------------------------------------------------- */

#define CLIENT6 "fd77:1::2"
#define SERVER6 "fd77:2::2"
#define DATAGRAM 4000 /* three fragments at an MTU of 1500 */

static void add_ipv6(const struct pod *pod, const char *name, int net)
{
	assert_int_equal(run("ip addr add fd77:%d::1/64 dev %s nodad", net, name), 0);
	assert_int_equal(run("nsenter -t %d -n sh -c 'ip addr add fd77:%d::2/64 dev eth0 nodad && "
			     "ip route add default via fd77:%d::1'",
			     (int)pod->pid, net, net),
			 0);
}

static int set_up_own(void **state)
{
	return start(state, (struct pn_tracer_config) { .ip_map_fd = -1, .max_flows = MAX_FLOWS });
}

static int set_up_world(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1, .max_flows = 1024 };
	static struct world w;

	*state = &w;
	if (world_start(&w, &config) < 0)
		return -1;
	if (!w.allowed)
		return 0;
	add_ipv6(&w.client, "pn-client", 1);
	add_ipv6(&w.server, "pn-server", 2);
	return run("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
}

static int tear_down_world(void **state)
{
	world_stop(*state);
	return 0;
}

static struct sockaddr_in6 address6(const char *addr, unsigned int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	assert_int_equal(inet_pton(AF_INET6, addr, &a.sin6_addr), 1);
	return a;
}

static int pod_socket6(struct world *w, const struct pod *pod, const char *addr, unsigned int port)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_in6 a = address6(addr, port);
	int fd;

	assert_int_equal(setns(pod->netns_fd, CLONE_NEWNET), 0);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static void pass_datagram(int client, int server, const void *to, socklen_t to_len)
{
	char payload[DATAGRAM] = {};

	assert_int_equal(sendto(client, payload, DATAGRAM, 0, to, to_len), DATAGRAM);
	assert_int_equal(recv(server, payload, DATAGRAM, 0), DATAGRAM);
	(void)close(client);
	(void)close(server);
}

/* One flow, from 4000 to 53, with each fragment and its headers in it. */
static void assert_whole(const struct search *s, uint64_t headers_len)
{
	uint64_t bytes = DATAGRAM + 8 + 3 * headers_len;

	assert_int_equal(ntohs(s->key.port[0]), 4000);
	assert_int_equal(ntohs(s->key.port[1]), 53);
	assert_int_equal(pn_flow_way(&s->value, 0)->sent.packets, 3);
	assert_int_equal(pn_flow_way(&s->value, 0)->sent.bytes, bytes);
	assert_int_equal(pn_flow_way(&s->value, 0)->delivered.packets, 3);
	assert_int_equal(pn_flow_way(&s->value, 0)->delivered.bytes, bytes);
	assert_false(s->value.state & PN_FLOW_FRAGMENT);
}

static void a_datagram_in_fragments_is_one_flow(void **state)
{
	struct world *w = world_of(state);
	struct sockaddr_in to = address(SERVER, 53);
	struct search s;

	pass_datagram(pod_socket(w, &w->client, CLIENT, 4000),
		      pod_socket(w, &w->server, SERVER, 53), &to, sizeof(to));
	s = udp_flow(w, CLIENT, SERVER);
	assert_whole(&s, 20);
}

static void an_ipv6_datagram_in_fragments_is_one_flow(void **state)
{
	struct world *w = world_of(state);
	struct sockaddr_in6 to = address6(SERVER6, 53);
	struct search s;

	pass_datagram(pod_socket6(w, &w->client, CLIENT6, 4000),
		      pod_socket6(w, &w->server, SERVER6, 53), &to, sizeof(to));
	s = udp_flow(w, CLIENT6, SERVER6);
	assert_whole(&s, 48);
}

/* Conntrack joins the fragments to translate the datagram, and the node cuts it again. */
static void both_sides_of_a_service_count_fragments(void **state)
{
	struct world *w = world_of(state);
	struct sockaddr_in to = address(SERVICE, 53);
	struct search s;

	if (run("nft 'add table ip t; add chain ip t pre { type nat hook prerouting priority "
		"dstnat; }; add rule ip t pre ip daddr " SERVICE " udp dport 53 dnat to " SERVER
		":5353' 2>/dev/null") != 0) {
		print_message("needs nft(8) and nf_tables\n");
		skip();
	}
	pass_datagram(pod_socket(w, &w->client, CLIENT, 4000),
		      pod_socket(w, &w->server, SERVER, 5353), &to, sizeof(to));
	s = udp_flow(w, CLIENT, SERVICE);
	assert_int_equal(pn_flow_way(&s.value, 0)->sent.packets, 3);
	assert_false(s.value.state & PN_FLOW_FRAGMENT);
	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 3);
	assert_false(s.value.state & PN_FLOW_FRAGMENT);
}

/* What one test has sent is remembered for the next. */
#define ON_OWN_TRACER(test) cmocka_unit_test_setup_teardown(test, set_up_own, tear_down)
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up_world, tear_down_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_OWN_TRACER(all_fragments_are_in_the_flow_of_their_first),
		ON_OWN_TRACER(a_first_seen_at_one_hook_serves_the_other),
		ON_OWN_TRACER(fragments_before_their_first_have_no_ports),
		ON_OWN_TRACER(fragments_of_another_packet_are_not_joined),
		ON_OWN_TRACER(ipv4_ids_are_told_apart_by_protocol),
		ON_OWN_TRACER(an_id_that_comes_back_has_the_new_ports),
		ON_OWN_TRACER(an_id_that_comes_back_without_ports_has_none),
		ON_OWN_TRACER(extensions_in_the_first_fragment_are_skipped_for_all),
		ON_OWN_TRACER(an_old_first_does_not_count),
		IN_WORLD(a_datagram_in_fragments_is_one_flow),
		IN_WORLD(an_ipv6_datagram_in_fragments_is_one_flow),
		IN_WORLD(both_sides_of_a_service_count_fragments),
	};

	return cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
