/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops packets in one of the ways that network plugins have, until it is killed; for tests/bats. Says
 * "ready" when it does.
 *
 *   drop-by nfqueue NUMBER     all that a rule of netfilter sends to this queue
 *   drop-by tcx LINK           all that comes in at this interface, by a BPF program (Linux 6.6)
 *   drop-by tcx-egress LINK    all that goes out there
 *   drop-by cgroup DIRECTORY   all that sockets of this cgroup send, by a BPF program
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/nfqueue.h"

/* newer than some headers */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)

static int fail(const char *what)
{
	(void)fprintf(stderr, "drop-by: %s: %s\n", what, strerror(errno));
	return 1;
}

static int say_ready(void)
{
	(void)puts("ready");
	return fflush(stdout) == 0 ? 0 : fail("standard output");
}

static int wait_for_ever(void)
{
	if (say_ready())
		return 1;
	for (;;)
		(void)pause();
}

static int drop_from_queue(const char *number)
{
	uint16_t queue = (uint16_t)atoi(number);
	int fd = nfqueue_open(queue, 0);

	if (fd < 0)
		return fail("nfqueue");
	if (say_ready())
		return 1;
	while (nfqueue_say_no(fd, queue))
		;
	return fail("nfqueue");
}

/* A program that says the same of each packet. */
static int load(enum bpf_prog_type type, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(type, NULL, "GPL", insns, sizeof(insns) / sizeof(insns[0]), NULL);
}

static int drop_at_link(const char *link, enum bpf_attach_type where)
{
	int fd = load(BPF_PROG_TYPE_SCHED_CLS, TC_ACT_SHOT);

	if (fd < 0 || bpf_link_create(fd, (int)if_nametoindex(link), where, NULL) < 0)
		return fail(link);
	return wait_for_ever();
}

static int drop_of_cgroup(const char *path)
{
	int fd = load(BPF_PROG_TYPE_CGROUP_SKB, 0);
	int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || cgroup < 0 || bpf_link_create(fd, cgroup, BPF_CGROUP_INET_EGRESS, NULL) < 0)
		return fail(path);
	return wait_for_ever();
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "nfqueue") == 0)
		return drop_from_queue(argv[2]);
	if (argc == 3 && strcmp(argv[1], "tcx") == 0)
		return drop_at_link(argv[2], TCX_INGRESS);
	if (argc == 3 && strcmp(argv[1], "tcx-egress") == 0)
		return drop_at_link(argv[2], TCX_EGRESS);
	if (argc == 3 && strcmp(argv[1], "cgroup") == 0)
		return drop_of_cgroup(argv[2]);
	(void)fprintf(
		stderr,
		"usage: drop-by nfqueue NUMBER | tcx LINK | tcx-egress LINK | cgroup DIRECTORY\n");
	return 2;
}
