/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending side of tests/bench/drops_flood: as many datagrams of one connection as go out, and how
 * many those were.
 *
 *   drops_gen ADDRESS PORT SECONDS     prints "SENT SECONDS"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { N_AT_ONCE = 64, PAYLOAD = 16 };

static int fail(const char *what)
{
	(void)fprintf(stderr, "drops_gen: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Return: how many, or -1 */
static long long send_until(int fd, pn_nsec end)
{
	static char payload[PAYLOAD];
	struct mmsghdr messages[N_AT_ONCE];
	struct iovec part = { payload, sizeof(payload) };
	long long n_sent = 0;

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < N_AT_ONCE; i++)
		messages[i].msg_hdr = (struct msghdr) { .msg_iov = &part, .msg_iovlen = 1 };
	while (pn_clock_now(&pn_clock_system) < end) {
		int n = sendmmsg(fd, messages, N_AT_ONCE, 0);

		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
			return -1;
		n_sent += n > 0 ? n : 0;
	}
	return n_sent;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	pn_nsec start = pn_clock_now(&pn_clock_system), took;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long long n_sent;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		(void)fprintf(stderr, "usage: drops_gen ADDRESS PORT SECONDS\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	if (fd < 0 || connect(fd, (void *)&to, sizeof(to)) < 0)
		return fail("a socket");
	n_sent = send_until(fd, start + (pn_nsec)atoi(argv[3]) * PN_NSEC_PER_SEC);
	if (n_sent < 0)
		return fail("sending");
	took = pn_clock_now(&pn_clock_system) - start;
	(void)printf("%lld %.3f\n", n_sent, (double)took / PN_NSEC_PER_SEC);
	return 0;
}
