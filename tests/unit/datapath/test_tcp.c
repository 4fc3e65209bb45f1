/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sockets of real TCP connections say: round-trip times, and what had to be sent again.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/tcp.h>

#include "world_fixture.h"

#define PORT 80

static const struct pn_tracer_config with_tcp = { .ip_map_fd = -1, .max_flows = 1024 };
static const struct pn_tracer_config without_tcp = { .ip_map_fd = -1,
						     .max_flows = 1024,
						     .no_tcp = true };

static int set_up(void **state)
{
	return share_world(state, &with_tcp);
}

static int set_up_without(void **state)
{
	return share_world(state, &without_tcp);
}

static int stream_socket(struct world *w, const struct pod *pod)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd;

	assert_int_equal(setns(pod->netns_fd, CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static int listener(struct world *w)
{
	struct sockaddr_in a = address(SERVER, PORT);
	int fd = stream_socket(w, &w->server);

	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

struct talk {
	int client, server;
};

static struct talk talk_begin(struct world *w)
{
	struct sockaddr_in a = address(SERVER, PORT);
	struct talk talk = { .client = stream_socket(w, &w->client) };
	int fd = listener(w);

	assert_int_equal(connect(talk.client, (void *)&a, sizeof(a)), 0);
	talk.server = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(talk.server >= 0);
	(void)close(fd);
	return talk;
}

static void say(int from, int to)
{
	char b = 1;

	assert_int_equal(send(from, &b, 1, 0), 1);
	assert_int_equal(recv(to, &b, 1, 0), 1);
}

static void talk_end(struct talk *talk)
{
	(void)close(talk->client);
	(void)close(talk->server);
}

static struct search connection(struct world *w)
{
	struct search s = flows_between(w, IPPROTO_TCP, CLIENT, SERVER);

	assert_int_equal(s.n, 1);
	return s;
}

static void sockets_tell_their_round_trip_times(void **state)
{
	struct world *w = world_of(state);
	struct talk talk = talk_begin(w);
	struct search s;

	say(talk.client, talk.server);
	say(talk.server, talk.client);
	talk_end(&talk);
	s = connection(w);
	assert_true(s.value.state & PN_FLOW_RTT_OPENER);
	assert_in_range(s.value.tcp.srtt_us, 1, PATIENCE_S * 1000000);
	assert_in_range(s.value.tcp.min_rtt_us, 1, s.value.tcp.srtt_us * 8);
	assert_int_equal(s.value.tcp.retransmits[0], 0);
	assert_int_equal(s.value.tcp.retransmits[1], 0);
}

/* Lets nothing of the client through any more; its sender then tries again and again. */
static void what_is_sent_again_is_counted_at_its_sender(void **state)
{
	struct world *w = world_of(state);
	struct talk talk = talk_begin(w);
	struct tcp_info info = {};
	struct search s;
	socklen_t len;

	say(talk.client, talk.server);
	if (run("nft 'add table ip t; add chain ip t f { type filter hook forward priority 0; }; "
		"add rule ip t f ip saddr " CLIENT " drop' 2>/dev/null") != 0) {
		talk_end(&talk);
		print_message("needs nft(8) and nf_tables\n");
		skip();
	}
	assert_int_equal(send(talk.client, "1", 1, 0), 1);
	for (int i = 0; i < N_POLLS && info.tcpi_total_retrans < 2; i++) {
		len = sizeof(info);
		assert_int_equal(getsockopt(talk.client, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
		(void)poll(NULL, 0, 1);
	}
	assert_true(info.tcpi_total_retrans >= 2);
	assert_int_equal(run("nft delete table ip t"), 0);
	assert_int_equal(recv(talk.server, &(char) { 0 }, 1, 0), 1);
	talk_end(&talk);
	s = connection(w);
	assert_true(s.value.tcp.retransmits[0] >= 2);
	assert_int_equal(s.value.tcp.retransmits[1], 0);
}

/* A raw socket that sends TCP is none of TCP's. */
static void a_raw_socket_tells_nothing(void **state)
{
	struct world *w = world_of(state);
	struct sockaddr_in to = address(SERVER, PORT);
	const uint8_t syn[20] = { 0x0f, 0xa0, 0, PORT, [12] = 0x50, [13] = 0x02 };
	struct search s;
	int fd;

	assert_int_equal(setns(w->client.netns_fd, CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, syn, sizeof(syn), 0, (void *)&to, sizeof(to)), sizeof(syn));
	(void)close(fd);
	s = connection(w);
	assert_int_equal(s.value.tcp.srtt_us, 0);
	assert_int_equal(s.value.tcp.min_rtt_us, 0);
	assert_int_equal(s.value.tcp.retransmits[0], 0);
}

static void switched_off_nothing_is_told(void **state)
{
	struct world *w = world_of(state);
	struct talk talk = talk_begin(w);
	struct search s;

	say(talk.client, talk.server);
	talk_end(&talk);
	s = connection(w);
	assert_int_equal(s.value.tcp.srtt_us, 0);
	assert_int_equal(s.value.tcp.min_rtt_us, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sockets_tell_their_round_trip_times, set_up),
		cmocka_unit_test_setup(what_is_sent_again_is_counted_at_its_sender, set_up),
		cmocka_unit_test_setup(a_raw_socket_tells_nothing, set_up),
		cmocka_unit_test_setup(switched_off_nothing_is_told, set_up_without),
	};

	return cmocka_run_group_tests_name("tcp", tests, NULL, end_shared_world);
}
