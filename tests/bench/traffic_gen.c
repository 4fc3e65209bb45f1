/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending side of tests/bench/traffic; traffic_sink receives.
 *
 *   traffic_gen udp ADDRESS [--addresses N] [--ports N] [--rate N] [--count N] [--warm N]
 *   traffic_gen bulk ADDRESS
 *   traffic_gen requests ADDRESS [--addresses N] [--rate N] [--count N]
 *
 * udp sends small datagrams to N addresses from ADDRESS on, from each of N ports in turn, so that
 * neighbours are never of one connection unless there is but one address, to which each port sends 64
 * in turn. bulk writes one TCP stream.
 * requests connects, asks, gets its answer and closes, one connection after the other.
 *
 * Says "warm" when all that is done once has been done, for each connection if they stay: with udp after
 * --warm datagrams of each (9; sockets are looked for with the first 8). Runs until SIGTERM or SIGINT,
 * or until it has sent --count datagrams or requests; then says how many there were.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/util.h"
#include "tests/bench/traffic_ports.h"

enum {
	N_AT_ONCE = 64,
	FIRST_PORT = 20000,
	MAX_PORTS = 1000,
	MAX_ADDRESSES = 65536,
	DATAGRAM_BYTES = 18, /* the smallest frame on an Ethernet */
	STREAM_BYTES = 256 << 10,
	WARM_WRITES = 400,
	WARM_REQUESTS = 500,
};

static struct {
	uint32_t address; /* host order */
	unsigned long addresses, ports, rate, count, warm;
} opt = { .addresses = 1, .ports = 1, .warm = 9 };

static volatile sig_atomic_t is_over;
static uint64_t n_sent;
static pn_nsec started;

static void fail(const char *what)
{
	(void)fprintf(stderr, "traffic_gen: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

static struct sockaddr_in nth_address(unsigned long i, int port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(opt.address + (uint32_t)i),
	};
}

static void say_warm(void)
{
	static bool is_said;

	if (is_said)
		return;
	is_said = true;
	(void)printf("warm\n");
	(void)fflush(stdout);
}

/* Return: go on? */
static bool wait_for_turn(void)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };

	while (!is_over && opt.rate &&
	       n_sent * PN_NSEC_PER_SEC > (pn_clock_now(&pn_clock_system) - started) * opt.rate)
		(void)nanosleep(&pause, NULL);
	return !is_over && (!opt.count || n_sent < opt.count);
}

/* --- udp ---------------------------------------------------------------------------------------- */

static int bound_socket(unsigned long i)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)(FIRST_PORT + i)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&a, sizeof(a)) < 0)
		fail("a UDP socket");
	return fd;
}

/* A system call sends many even to one address: it is the packets that are measured. */
static unsigned long per_round(void)
{
	return opt.addresses > 1 ? opt.addresses : N_AT_ONCE;
}

static unsigned long left_to_send(void)
{
	return opt.count ? opt.count - n_sent : ULONG_MAX;
}

static void send_round(int fd, struct mmsghdr *messages)
{
	unsigned long done = 0, want;
	int n;

	while (done < per_round() && wait_for_turn()) {
		want = PN_MIN(per_round() - done, left_to_send());
		n = sendmmsg(fd, messages + done, (unsigned int)PN_MIN(want, N_AT_ONCE), 0);
		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
			fail("sending");
		done += n > 0 ? (unsigned long)n : 0;
		n_sent += n > 0 ? (uint64_t)n : 0;
	}
}

static void send_datagrams(void)
{
	static char bytes[DATAGRAM_BYTES];
	static struct sockaddr_in to[MAX_ADDRESSES];
	static struct mmsghdr messages[MAX_ADDRESSES];
	static int fds[MAX_PORTS];
	struct iovec part = { bytes, sizeof(bytes) };

	for (unsigned long i = 0; i < per_round(); i++) {
		to[i] = nth_address(i % opt.addresses, PORT_UDP);
		messages[i].msg_hdr = (struct msghdr) { .msg_name = &to[i],
							.msg_namelen = sizeof(to[i]),
							.msg_iov = &part,
							.msg_iovlen = 1 };
	}
	for (unsigned long i = 0; i < opt.ports; i++)
		fds[i] = bound_socket(i);
	for (unsigned long round = 0; wait_for_turn(); round++) {
		if (round == opt.warm * opt.ports)
			say_warm();
		send_round(fds[round % opt.ports], messages);
	}
}

/* --- tcp ---------------------------------------------------------------------------------------- */

/* -1: interrupted */
static int connection(unsigned long i, int port)
{
	struct sockaddr_in to = nth_address(i, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("a TCP socket");
	if (connect(fd, (void *)&to, sizeof(to)) < 0) {
		if (errno != EINTR)
			fail("connecting");
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void send_stream(void)
{
	static char bytes[STREAM_BYTES];
	int fd = connection(0, PORT_BULK);

	while (fd >= 0 && !is_over) {
		if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) < 0 && errno != EINTR)
			fail("sending");
		if (++n_sent == WARM_WRITES)
			say_warm();
	}
	if (fd >= 0)
		(void)close(fd);
}

static void ask(unsigned long i)
{
	PN_CLEANUP(pn_closep) int fd = connection(i, PORT_REQUESTS);
	char bytes[REQUEST_BYTES] = {};

	if (fd >= 0 && send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) == sizeof(bytes) &&
	    recv(fd, bytes, sizeof(bytes), MSG_WAITALL) == sizeof(bytes))
		n_sent++;
	else if (!is_over)
		fail("a request");
}

static void send_requests(void)
{
	for (unsigned long i = 0; wait_for_turn(); i++) {
		ask(i % opt.addresses);
		if (n_sent == WARM_REQUESTS)
			say_warm();
	}
}

/* --- the program -------------------------------------------------------------------------------- */

static const struct pattern {
	const char *name, *unit;
	void (*run)(void);
} patterns[] = {
	{ "udp", "datagrams", send_datagrams },
	{ "bulk", "writes", send_stream },
	{ "requests", "requests", send_requests },
};

static int usage(void)
{
	(void)fprintf(stderr, "usage: traffic_gen udp|bulk|requests ADDRESS [--addresses N] "
			      "[--ports N] [--rate N] [--count N] [--warm N]\n");
	return 2;
}

static const struct pattern *find_pattern(const char *name)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(patterns); i++) {
		if (strcmp(patterns[i].name, name) == 0)
			return &patterns[i];
	}
	return NULL;
}

static bool parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "addresses", required_argument, NULL, 'a' },
		{ "ports", required_argument, NULL, 'p' },
		{ "rate", required_argument, NULL, 'r' },
		{ "count", required_argument, NULL, 'c' },
		{ "warm", required_argument, NULL, 'w' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'a')
			opt.addresses = strtoul(optarg, NULL, 10);
		else if (c == 'p')
			opt.ports = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			opt.rate = strtoul(optarg, NULL, 10);
		else if (c == 'c')
			opt.count = strtoul(optarg, NULL, 10);
		else if (c == 'w')
			opt.warm = strtoul(optarg, NULL, 10);
		else
			return false;
	}
	return argc == optind + 2 && opt.addresses >= 1 && opt.addresses <= MAX_ADDRESSES &&
	       opt.ports >= 1 && opt.ports <= MAX_PORTS;
}

int main(int argc, char **argv)
{
	struct sigaction on_end = { .sa_handler = end }; /* interrupts what waits */
	const struct pattern *pattern;
	struct in_addr address;

	if (!parse_options(argc, argv) || inet_pton(AF_INET, argv[optind + 1], &address) != 1)
		return usage();
	pattern = find_pattern(argv[optind]);
	if (!pattern)
		return usage();
	opt.address = ntohl(address.s_addr);
	(void)sigaction(SIGTERM, &on_end, NULL);
	(void)sigaction(SIGINT, &on_end, NULL);
	started = pn_clock_now(&pn_clock_system);
	pattern->run();
	(void)printf("%llu %s\n", (unsigned long long)n_sent, pattern->unit);
	return 0;
}
