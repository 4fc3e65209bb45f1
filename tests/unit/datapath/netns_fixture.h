/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_NETNS_FIXTURE_H
#define PN_TEST_NETNS_FIXTURE_H

/*
 * Network namespaces of the test's own. The test moves into one that stands for the node; each pod
 * is one more, held by a child process. They end with the test, and their interfaces with them.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* false: not allowed to; the tests that need it skip */
static inline bool enter_node_netns(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return false;
	return system("ip link set lo up") == 0;
}

static inline __attribute__((format(printf, 1, 2))) int run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

struct pod {
	pid_t pid;
	int netns_fd;
};

static inline void hold_netns(int ready_fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 || write(ready_fd, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static inline bool pod_start(struct pod *ret)
{
	char path[64], byte;
	int ready[2];
	bool ok;

	if (pipe(ready) < 0)
		return false;
	ret->pid = fork();
	if (ret->pid == 0)
		hold_netns(ready[1]);
	(void)close(ready[1]);
	ok = ret->pid > 0 && read(ready[0], &byte, 1) == 1;
	(void)close(ready[0]);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)ret->pid);
	ret->netns_fd = ok ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return ret->netns_fd >= 0;
}

static inline void pod_stop(struct pod *p)
{
	if (p->pid <= 0)
		return; /* was not started */
	(void)close(p->netns_fd);
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
	*p = (struct pod) { .netns_fd = -1 };
}

#endif
