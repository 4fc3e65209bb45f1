/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that mean harm, for tests: N connections to a unix socket or to ADDRESS:PORT, each made again
 * within a second when the server hangs up.
 *
 *   hostile MODE N TARGET [REQUEST]
 *
 *   idle     says nothing
 *   slow     a byte every 50 ms, never a whole line
 *   huge     a line of 1 MB
 *   garbage  random bytes, again and again
 *   half     REQUEST, then its sending side is closed; does not read
 *   deaf     REQUEST; does not read
 *
 * Prints "ready" when every connection was made once, or refused; ends with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 50, AGAIN_TICKS = 20, CHUNK = 16 << 10 };

enum mode { IDLE, SLOW, HUGE_LINE, GARBAGE, HALF, DEAF, MODE_MAX };

static const char *const mode_names[] = { "idle", "slow", "huge", "garbage", "half", "deaf" };
_Static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == MODE_MAX, "a name for each mode");

struct target {
	struct sockaddr_storage addr;
	socklen_t len;
};

static char bytes[CHUNK];

static int parse_target(const char *text, struct target *ret)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&ret->addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->addr;
	const char *colon = strrchr(text, ':');
	char host[64];

	*ret = (struct target) { .len = sizeof(*un) };
	if (text[0] == '/') {
		un->sun_family = AF_UNIX;
		(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s", text);
		return 0;
	}
	(void)snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - text) : 0, text);
	in->sin_family = AF_INET;
	in->sin_port = colon ? htons((uint16_t)strtoul(colon + 1, NULL, 10)) : 0;
	ret->len = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? 0 : -EINVAL;
}

/* Return: a descriptor; -1: not now */
static int connect_to(const struct target *t)
{
	int fd = socket(t->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int small = 4096;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (connect(fd, (const struct sockaddr *)&t->addr, t->len) == 0 || errno == EINPROGRESS)
		return fd;
	(void)close(fd);
	return -1;
}

static void say(int fd, enum mode mode, const char *request, bool is_new)
{
	size_t len = 0;

	if (mode == SLOW)
		len = 1;
	else if (mode == GARBAGE || mode == HUGE_LINE)
		len = CHUNK;
	if (len)
		(void)send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (!is_new || (mode != HALF && mode != DEAF))
		return;
	(void)send(fd, request, strlen(request), MSG_NOSIGNAL);
	if (mode == HALF)
		(void)shutdown(fd, SHUT_WR);
}

/* Return: is the connection over? @asked: what has been said once is not said again */
static bool turn(struct pollfd *p, enum mode mode, const char *request, bool *asked)
{
	if (p->revents & (POLLERR | POLLHUP | POLLRDHUP))
		return true;
	if (p->revents & POLLOUT) {
		say(p->fd, mode, request, !*asked);
		*asked = true;
	}
	return false;
}

static int run(const struct target *t, enum mode mode, nfds_t n, const char *request)
{
	struct pollfd *all = calloc(n, sizeof(*all));
	bool *asked = calloc(n, sizeof(*asked));

	for (nfds_t i = 0; all && i < n; i++)
		all[i].fd = -1;
	for (unsigned int tick = 0; all && asked; tick++) {
		for (nfds_t i = 0; i < n && tick % AGAIN_TICKS == 0; i++) {
			if (all[i].fd >= 0)
				continue;
			all[i] = (struct pollfd) { connect_to(t), POLLOUT | POLLRDHUP, 0 };
			asked[i] = false;
		}
		(void)poll(all, n, 0);
		for (nfds_t i = 0; i < n; i++) {
			if (all[i].fd < 0 || !turn(&all[i], mode, request, &asked[i]))
				continue;
			(void)close(all[i].fd);
			all[i].fd = -1;
		}
		if (tick == 1)
			(void)puts("ready");
		(void)fflush(stdout);
		(void)nanosleep(&(struct timespec) { 0, TICK_MS * 1000000L }, NULL);
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct target target;
	size_t mode = 0;

	while (argc >= 4 && mode < MODE_MAX && strcmp(argv[1], mode_names[mode]) != 0)
		mode++;
	if (argc < 4 || mode == MODE_MAX || parse_target(argv[3], &target) < 0) {
		(void)fprintf(stderr, "usage: hostile idle|slow|huge|garbage|half|deaf N TARGET "
				      "[REQUEST]\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(mode == GARBAGE ? random() : 'a');
	return run(&target, (enum mode)mode, strtoul(argv[2], NULL, 10), argc > 4 ? argv[4] : "");
}
