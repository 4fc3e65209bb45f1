/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving side of tests/bench/traffic: takes UDP and one TCP stream after the other and throws
 * them away, and answers requests on short connections. Says "ready", runs until it is killed.
 *
 *   traffic_sink
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "tests/bench/traffic_ports.h"

enum {
	N_AT_ONCE = 64,
	DATAGRAM_BYTES = 2048,
	STREAM_BYTES = 1 << 20,
	BACKLOG = 1024,
	BUFFER_BYTES = 8 << 20,
};

static void must(long r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "traffic_sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int bound_socket(int type, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

	must(fd, "a socket");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must(bind(fd, (void *)&a, sizeof(a)), "binding");
	return fd;
}

static int listening_socket(int port)
{
	int fd = bound_socket(SOCK_STREAM, port);

	must(listen(fd, BACKLOG), "listening");
	return fd;
}

static void *take_datagrams(void *data)
{
	static char bytes[N_AT_ONCE][DATAGRAM_BYTES];
	struct iovec parts[N_AT_ONCE];
	struct mmsghdr messages[N_AT_ONCE] = {};
	int fd = *(int *)data;

	for (size_t i = 0; i < N_AT_ONCE; i++) {
		parts[i] = (struct iovec) { bytes[i], DATAGRAM_BYTES };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;)
		(void)recvmmsg(fd, messages, N_AT_ONCE, MSG_WAITFORONE, NULL);
	return NULL;
}

static void *take_streams(void *data)
{
	for (;;) {
		PN_CLEANUP(pn_closep) int fd = accept4(*(int *)data, NULL, NULL, SOCK_CLOEXEC);

		/* not even copied */
		while (fd >= 0 && recv(fd, NULL, STREAM_BYTES, MSG_TRUNC) > 0)
			;
	}
	return NULL;
}

static void *answer_requests(void *data)
{
	char bytes[REQUEST_BYTES];

	for (;;) {
		PN_CLEANUP(pn_closep) int fd = accept4(*(int *)data, NULL, NULL, SOCK_CLOEXEC);

		while (fd >= 0 && recv(fd, bytes, sizeof(bytes), MSG_WAITALL) == sizeof(bytes))
			(void)send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
	}
	return NULL;
}

int main(void)
{
	int udp = bound_socket(SOCK_DGRAM, PORT_UDP), bulk = listening_socket(PORT_BULK),
	    requests = listening_socket(PORT_REQUESTS), bytes = BUFFER_BYTES;
	pthread_t threads[2];

	must(setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), "a large buffer");
	if (pthread_create(&threads[0], NULL, take_datagrams, &udp) != 0 ||
	    pthread_create(&threads[1], NULL, take_streams, &bulk) != 0)
		must(-1, "a thread");
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)answer_requests(&requests);
	return 0;
}
