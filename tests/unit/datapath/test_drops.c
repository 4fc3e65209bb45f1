/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops that the kernel makes of real packets, in each way that a policy or a mistake may: the right
 * reason, the right place, each packet counted. A pod's packets go through the node to another pod.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "cgroup_fixture.h"
#include "drops_fixture.h"
#include "tests/tools/nfqueue.h"

/* Drops of the whole machine are seen: so nobody else's port. */
enum { PORT = 5917, N_PACKETS = 7, QUEUE = 3 };

static const char *const cgroups[] = { "dropped" };

static bool next_look_fails;

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	static __typeof__(&bpf_map_lookup_batch) real;

	if (next_look_fails) {
		next_look_fails = false;
		return -ENOMEM;
	}
	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "bpf_map_lookup_batch");
	return real(fd, in, out, keys, values, count, opts);
}

/* --- who sends ---------------------------------------------------------------------------------- */

static void send_from(int fd, const char *to)
{
	struct sockaddr_in a = address(to, PORT);
	char payload[10] = {};

	for (int i = 0; i < N_PACKETS; i++) /* a drop on the way out is an error of the sender */
		(void)sendto(fd, payload, sizeof(payload), 0, (void *)&a, sizeof(a));
	(void)close(fd);
}

static void send_udp(struct scene *s)
{
	send_from(pod_socket(&s->w, &s->w.client, CLIENT, 4000), SERVER);
}

/* Return: the errno that connecting ended with */
static int connect_tcp(struct scene *s)
{
	struct sockaddr_in a = address(SERVER, PORT);
	int fd, r;

	assert_int_equal(setns(s->w.client.netns_fd, CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(s->w.node_netns_fd, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	r = connect(fd, (void *)&a, sizeof(a)) < 0 ? errno : 0;
	(void)close(fd);
	return r;
}

static void rule(const char *hook, const char *verdict)
{
	assert_int_equal(run("nft add table ip t && "
			     "nft 'add chain ip t c { type filter hook %s priority 0; }' && "
			     "nft add rule ip t c meta l4proto { tcp, udp } th dport %d %s",
			     hook, PORT, verdict),
			 0);
}

/* --- netfilter ---------------------------------------------------------------------------------- */

static void nftables_drop(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	rule("forward", "drop");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "NETFILTER_DROP", f.location);
	/* who frees the packet has moved from one to the other */
	assert_true(strcmp(f.location, "nft_do_chain") == 0 ||
		    strcmp(f.location, "nf_hook_slow") == 0);
	assert_false(f.value.is_answered);
}

static void iptables_drop(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	if (run("iptables-legacy -A FORWARD -p udp --dport %d -j DROP 2>/dev/null", PORT) != 0) {
		print_message("iptables-legacy does not work here\n");
		skip();
	}
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "NETFILTER_DROP", "nf_hook_slow");
}

static void reject_with_icmp(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	if (strstr(pn_drops_feature(s->d).reason, "with ICMP ")) {
		print_message("%s\n", pn_drops_feature(s->d).reason);
		skip();
	}
	rule("forward", "reject");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "NETFILTER_DROP", f.location);
	assert_true(f.value.is_answered);
}

/* The answer is a packet of its own; the flow table sees it. */
static void reject_with_reset(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	assert_int_equal(run("nft add table ip t && "
			     "nft 'add chain ip t c { type filter hook forward priority 0; }' && "
			     "nft add rule ip t c tcp dport %d reject with tcp reset",
			     PORT),
			 0);
	assert_int_equal(connect_tcp(s), ECONNREFUSED);
	f = await(s, PORT, 1);
	assert_string_equal(f.reason, "NETFILTER_DROP");
	assert_int_equal(f.value.tcp_flags, TH_SYN);
}

static void nfqueue_says_drop(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;
	int queue = nfqueue_open(QUEUE, PATIENCE_S);

	if (queue < 0) {
		print_message("the kernel has no NFQUEUE\n");
		skip();
	}
	if (run("nft add table ip t && "
		"nft 'add chain ip t c { type filter hook forward priority 0; }' && "
		"nft add rule ip t c udp dport %d queue num %d 2>/dev/null",
		PORT, QUEUE) != 0 &&
	    run("iptables-legacy -A FORWARD -p udp --dport %d -j NFQUEUE --queue-num %d", PORT,
		QUEUE) != 0) {
		print_message("no rule for NFQUEUE can be made\n");
		skip();
	}
	send_udp(s);
	for (int i = 0; i < N_PACKETS; i++)
		assert_true(nfqueue_say_no(queue, QUEUE));
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, f.reason, f.location);
	assert_true(strcmp(f.reason, "NOT_SPECIFIED") == 0 || strcmp(f.reason, "") == 0);
	assert_true(strcmp(f.location, "nfqnl_reinject") == 0 ||
		    strcmp(f.location, "nf_reinject") == 0);
	(void)close(queue);
}

/* --- BPF programs ------------------------------------------------------------------------------- */

/* Neighbours are found before a program is in the way. */
static void warm_up(struct scene *s)
{
	exchange(&s->w, SERVER, 7000, 7000, 1);
}

/* Says the same of everything. */
static int load_verdict(enum bpf_prog_type type, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, NULL, "GPL", insns, PN_ARRAY_SIZE(insns), NULL);

	assert_true(fd >= 0);
	return fd;
}

static void drop_at_tc(enum bpf_tc_attach_point point, const char *link)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(link), .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts,
		    .prog_fd = load_verdict(BPF_PROG_TYPE_SCHED_CLS, TC_ACT_SHOT));

	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	(void)close(opts.prog_fd);
}

static void program_at_tc_ingress(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	warm_up(s);
	drop_at_tc(BPF_TC_INGRESS, "pn-client");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "TC_INGRESS", "__netif_receive_skb_core");
}

static void program_at_tc_egress(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	warm_up(s);
	drop_at_tc(BPF_TC_EGRESS, "pn-server");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "TC_EGRESS", "__dev_queue_xmit");
}

static void program_at_tcx(void **state)
{
	struct scene *s = scene_of(state);
	int fd = load_verdict(BPF_PROG_TYPE_SCHED_CLS, TC_ACT_SHOT), link;
	struct found f;

	if (!pn_attach_has_tcx(fd)) {
		print_message("the kernel has no tcx\n");
		skip();
	}
	warm_up(s);
	link = bpf_link_create(fd, (int)if_nametoindex("pn-client"), (enum bpf_attach_type)46,
			       NULL);
	assert_true(link >= 0);
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "TC_INGRESS", "__netif_receive_skb_core");
	(void)close(link);
	(void)close(fd);
}

/* At the socket of the node itself, before the packet is anywhere. */
static void program_of_a_cgroup(void **state)
{
	struct scene *s = scene_of(state);
	int cgroup_fd, fd = load_verdict(BPF_PROG_TYPE_CGROUP_SKB, 0), from;
	struct found f;
	char path[256];

	need_reasons(s);
	if (!cgroup_root() || !cgroup_make("") || !cgroup_make("dropped")) {
		print_message("needs a cgroup v2 hierarchy\n");
		skip();
	}
	cgroup_path("dropped", path);
	cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(bpf_prog_attach(fd, cgroup_fd, BPF_CGROUP_INET_EGRESS, 0), 0);
	assert_true(cgroup_enter("dropped"));
	from = node_socket("10.77.2.1", 4000);
	assert_true(cgroup_enter(""));
	send_from(from, SERVER);
	f = await(s, PORT, N_PACKETS);
	cgroups_remove(cgroups, PN_ARRAY_SIZE(cgroups));
	assert_string_equal(f.reason, "BPF_CGROUP_EGRESS");
	assert_string_equal(f.location, "ip_finish_output");
	(void)close(fd);
	(void)close(cgroup_fd);
}

/* --- the end of the way ------------------------------------------------------------------------- */

static void nobody_listens(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_location(&f, "__udp4_lib_rcv", "udp_rcv");
	assert_udp(&f, "NO_SOCKET", f.location);
}

static void nobody_listens_to_tcp(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	assert_int_equal(connect_tcp(s), ECONNREFUSED);
	f = await(s, PORT, 1);
	assert_string_equal(f.reason, "NO_SOCKET");
	assert_string_equal(f.location, "tcp_v4_rcv");
	assert_int_equal(f.value.tcp_flags, TH_SYN);
}

/* --- headers ------------------------------------------------------------------------------------ */

/* To a port of the loopback where nobody listens. */
static struct found send_with_option(struct scene *s, int family, int level, int name,
				     const void *option, size_t len)
{
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(PORT),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in to4 = address("127.0.0.1", PORT);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_v4 = family == AF_INET;
	char payload[10] = {};

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, level, name, option, (socklen_t)len), 0);
	assert_int_equal(sendto(fd, payload, sizeof(payload), 0,
				is_v4 ? (void *)&to4 : (void *)&to6,
				is_v4 ? sizeof(to4) : sizeof(to6)),
			 sizeof(payload));
	(void)close(fd);
	return await(s, PORT, 1);
}

static void options_of_ipv4_are_in_nobodys_way(void **state)
{
	static const uint8_t nops[4] = { 1, 1, 1, 0 };
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	f = send_with_option(s, AF_INET, IPPROTO_IP, IP_OPTIONS, nops, sizeof(nops));
	assert_string_equal(f.reason, "NO_SOCKET");
	assert_int_equal(f.key.proto, IPPROTO_UDP);
	assert_addr(f.key.addr[1], "127.0.0.1");
	assert_int_equal(f.value.bytes, 20 + 4 + 8 + 10);
}

static void extension_headers_of_ipv6_are_skipped(void **state)
{
	/* next header, 8 bytes long, an option of padding */
	static const uint8_t padding[8] = { 0, 0, 1, 4 };
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	f = send_with_option(s, AF_INET6, IPPROTO_IPV6, IPV6_DSTOPTS, padding, sizeof(padding));
	assert_string_equal(f.reason, "NO_SOCKET");
	assert_location(&f, "__udp6_lib_rcv", "udpv6_rcv");
	assert_int_equal(f.key.proto, IPPROTO_UDP);
	assert_addr(f.key.addr[1], "::1");
	assert_int_equal(f.value.bytes, 40 + 8 + 8 + 10);
}

/* One packet of the kernel stands for several of the wire. */
static void each_segment_is_a_packet(void **state)
{
	enum { N_SEGMENTS = 6, SEGMENT = 500 };
	struct sockaddr_in to = address("127.0.0.1", PORT);
	struct scene *s = scene_of(state);
	char payload[N_SEGMENTS * SEGMENT] = {};
	int fd = node_socket("127.0.0.1", 4000), size = SEGMENT;

	need_reasons(s);
	rule("output", "drop");
	assert_int_equal(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	(void)sendto(fd, payload, sizeof(payload), 0, (void *)&to, sizeof(to));
	(void)await(s, PORT, N_SEGMENTS);
	(void)close(fd);
}

/* What is delivered and read is no drop, whatever the kernel does with it then. */
static void nothing_is_said_of_what_arrives(void **state)
{
	struct scene *s = scene_of(state);
	int client = pod_socket(&s->w, &s->w.client, CLIENT, 4000);
	int server = pod_socket(&s->w, &s->w.server, SERVER, PORT);
	struct found f;

	for (int i = 0; i < N_PACKETS; i++) {
		send_to(client, SERVER, PORT, 10);
		echo(server);
		receive(client);
	}
	f = look_for(s, PORT);
	assert_int_equal(f.n, 0);
	f = look_for(s, 4000);
	assert_int_equal(f.n, 0);
	(void)close(client);
	(void)close(server);
}

/* --- the table ---------------------------------------------------------------------------------- */

static void what_finds_no_room_is_counted(void **state)
{
	enum { N = 1000, ROOM = 64 };
	struct scene *s = scene_of(state);
	struct pn_drop_losses_seen before, after;
	int fd = pod_socket(&s->w, &s->w.client, CLIENT, 4000);

	need_reasons(s);
	assert_int_equal(run("nft add table ip t && "
			     "nft 'add chain ip t c { type filter hook forward priority 0; }' && "
			     "nft add rule ip t c udp dport 6000-6999 drop"),
			 0);
	before = pn_drops_losses(s->d);
	for (unsigned int i = 0; i < N; i++)
		send_to(fd, SERVER, 6000 + i, 10);
	for (int i = 0; i < N_POLLS; i++) {
		after = pn_drops_losses(s->d);
		if (after.table_full - before.table_full >= N - ROOM)
			break;
		(void)poll(NULL, 0, 1);
	}
	/* others on the machine may have used some of the room */
	assert_in_range(after.table_full - before.table_full, N - ROOM, N);
	(void)close(fd);
}

static void an_entry_that_was_taken_out_begins_anew(void **state)
{
	struct scene *s = scene_of(state);
	struct pn_drop_value last;
	struct found f;

	need_reasons(s);
	rule("forward", "drop");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_int_equal(pn_drops_remove(s->d, &f.key, &last), 0);
	assert_int_equal(last.packets, N_PACKETS);
	assert_int_equal(pn_drops_remove(s->d, &f.key, &last), -ENOENT);
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
}

/* A packet is dropped when the kernel comes to it. */
static void await_news(struct scene *s)
{
	for (int i = 0; i < N_POLLS && !pn_drops_have_news(s->d); i++)
		(void)poll(NULL, 0, 1);
	assert_true(pn_drops_have_news(s->d));
}

static void news_are_known_until_they_are_read(void **state)
{
	struct scene *s = scene_of(state);

	need_reasons(s);
	rule("forward", "drop");
	send_udp(s);
	(void)await(s, PORT, N_PACKETS);
	send_udp(s);
	await_news(s);
	(void)await(s, PORT, 2 * N_PACKETS);
}

static void news_that_could_not_be_read_are_news_still(void **state)
{
	struct scene *s = scene_of(state);
	struct drop_list l = { .n = 0 };

	need_reasons(s);
	rule("forward", "drop");
	send_udp(s);
	await_news(s);
	next_look_fails = true;
	assert_int_equal(pn_drops_drain(s->d, note_drop, &l), -ENOMEM);
	assert_true(pn_drops_have_news(s->d));
	(void)await(s, PORT, N_PACKETS);
}

/* --- less of a kernel --------------------------------------------------------------------------- */

static void without_reasons_the_place_tells(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	rule("forward", "drop");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "", f.location);
	assert_true(strcmp(f.location, "nft_do_chain") == 0 ||
		    strcmp(f.location, "nf_hook_slow") == 0);
	assert_non_null(strstr(pn_drops_feature(s->d).reason, "5.17"));
}

static void without_symbols_places_are_addresses(void **state)
{
	struct scene *s = scene_of(state);
	struct found f;

	need_reasons(s);
	rule("forward", "drop");
	send_udp(s);
	f = await(s, PORT, N_PACKETS);
	assert_udp(&f, "NETFILTER_DROP", f.location);
	assert_int_equal(strncmp(f.location, "0xffff", 6), 0);
	assert_non_null(strstr(pn_drops_feature(s->d).reason, "CAP_SYSLOG"));
}

static void switched_off_there_is_nothing(void **state)
{
	const struct pn_drops_config config = { .max_drops = 64, .off = true };
	struct pn_drop_value value;
	struct pn_drop_key key = {};
	struct pn_drops *d;
	struct found f = { .port = 0 };

	(void)state;
	assert_int_equal(pn_drops_new(&config, &d), 0);
	assert_string_equal(pn_drops_feature(d).state, "off");
	assert_string_equal(pn_drops_feature(d).reason, "switched off");
	assert_false(pn_drops_have_news(d));
	assert_int_equal(pn_drops_drain(d, look, &f), 0);
	assert_int_equal(pn_drops_remove(d, &key, &value), -ENOENT);
	assert_int_equal(pn_drops_losses(d).missed, 0);
	pn_drops_free(d);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(nftables_drop),
		SCENE_TEST(iptables_drop),
		SCENE_TEST(reject_with_icmp),
		SCENE_TEST(reject_with_reset),
		SCENE_TEST(nfqueue_says_drop),
		SCENE_TEST(program_at_tc_ingress),
		SCENE_TEST(program_at_tc_egress),
		SCENE_TEST(program_at_tcx),
		SCENE_TEST(program_of_a_cgroup),
		SCENE_TEST(nobody_listens),
		SCENE_TEST(nobody_listens_to_tcp),
		SCENE_TEST(options_of_ipv4_are_in_nobodys_way),
		SCENE_TEST(extension_headers_of_ipv6_are_skipped),
		SCENE_TEST(each_segment_is_a_packet),
		SCENE_TEST(nothing_is_said_of_what_arrives),
		SCENE_TEST(what_finds_no_room_is_counted),
		SCENE_TEST(an_entry_that_was_taken_out_begins_anew),
		SCENE_TEST(news_are_known_until_they_are_read),
		SCENE_TEST(news_that_could_not_be_read_are_news_still),
		cmocka_unit_test_setup_teardown(without_reasons_the_place_tells,
						set_up_without_reasons, tear_down),
		cmocka_unit_test_setup_teardown(without_symbols_places_are_addresses,
						set_up_without_symbols, tear_down),
		cmocka_unit_test(switched_off_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, end_shared);
}
