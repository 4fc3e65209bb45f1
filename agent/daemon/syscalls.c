/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls the agent may make once it has started, for confine.c: an allow-list, so that
 * somebody who takes the agent over by a hole in a library gets no shell, no new BPF program, no raw
 * socket and no other namespace.
 *
 * What is not on the list fails with ENOSYS. A C library that is newer than this list tries a new call and
 * then the old one, as on an older kernel; to end the process would cost a node its records for
 * a call that nobody depends on. The kernel logs each refusal (audit, type SECCOMP).
 */
#include "daemon/syscalls.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define REFUSED SCMP_ACT_ERRNO(ENOSYS)

/* A call of one processor alone is passed over on others. */
static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* threads: workers of libuv, names that libcurl resolves, liburcu; clone() is below */
	SCMP_SYS(clone3), /* refused already, see first_refused */
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(membarrier),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(prctl), /* a thread's name */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* signals: SIGHUP, SIGTERM; abort() */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(tgkill),
	/* time, randomness, who and where we are */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrusage),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	/* files: settings and credentials read again, lines of records, what is kept for the next start, /proc */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fcntl),
	SCMP_SYS(flock),
	SCMP_SYS(ioctl),
	SCMP_SYS(stat),
	SCMP_SYS(fstat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(fchown), /* a database gives its journal the owner of its file */
	SCMP_SYS(umask),
	SCMP_SYS(utimensat),
	/* the cgroup tree */
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	SCMP_SYS(name_to_handle_at),
	/* sockets: the API server, clients, receivers of records, netlink; socket() is below */
	SCMP_SYS(socketpair),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendfile),
	SCMP_SYS(shutdown),
	/* waiting */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
};

/* Of bpf(2): the maps, and attaching what is loaded. No new program, no new map. */
static const enum bpf_cmd bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM,
	BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM,
	BPF_MAP_GET_NEXT_KEY,
	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
	BPF_MAP_LOOKUP_BATCH,
	BPF_MAP_LOOKUP_AND_DELETE_BATCH,
	BPF_MAP_UPDATE_BATCH,
	BPF_MAP_DELETE_BATCH,
	BPF_OBJ_PIN,
	BPF_OBJ_GET,
	BPF_OBJ_GET_INFO_BY_FD,
	BPF_PROG_QUERY,
	BPF_PROG_TEST_RUN,
	BPF_LINK_CREATE,
	BPF_LINK_UPDATE,
	BPF_LINK_DETACH,
	BPF_LINK_GET_FD_BY_ID,
	BPF_PROG_GET_FD_BY_ID,
};

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

/* What libraries try first and do without. A ring would do for them what the filter forbids, and the flags of
 * clone3() cannot be looked at. */
static const int first_refused[] = { SCMP_SYS(io_uring_setup), SCMP_SYS(clone3) };

/* What no credential plugin needs, and an intruder might. */
static const int refused_to_programs[] = {
	/* other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	/* file systems, namespaces */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(quotactl),
	/* the kernel and the machine */
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(syslog),
	SCMP_SYS(acct),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	/* ways into the kernel that many holes have been in */
	SCMP_SYS(userfaultfd),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
};

static void releasep(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(filter, action, calls[i], 0);
	return r;
}

/* @mask of argument @arg is @value */
static int allow_if(scmp_filter_ctx filter, int call, unsigned int arg, uint64_t mask,
		    uint64_t value)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static int add_agent(scmp_filter_ctx filter)
{
	int r = add_all(filter, SCMP_ACT_ALLOW, allowed, PN_ARRAY_SIZE(allowed));

	if (r == 0) /* threads, no processes */
		r = allow_if(filter, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
	if (r == 0) /* limits are read, not set */
		r = allow_if(filter, SCMP_SYS(prlimit64), 2, UINT64_MAX, 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(families) && r == 0; i++)
		r = allow_if(filter, SCMP_SYS(socket), 0, UINT32_MAX, (uint64_t)families[i]);
	for (size_t i = 0; i < PN_ARRAY_SIZE(bpf_commands) && r == 0; i++)
		r = allow_if(filter, SCMP_SYS(bpf), 0, UINT32_MAX, bpf_commands[i]);
	return r;
}

static int add_programs(scmp_filter_ctx filter)
{
	static const enum bpf_cmd refused[] = { BPF_PROG_LOAD, BPF_MAP_CREATE, BPF_BTF_LOAD };
	int r = add_all(filter, REFUSED, refused_to_programs, PN_ARRAY_SIZE(refused_to_programs));

	for (size_t i = 0; i < PN_ARRAY_SIZE(refused) && r == 0; i++)
		r = seccomp_rule_add(filter, REFUSED, SCMP_SYS(bpf), 1,
				     SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, refused[i]));
	return r;
}

/*
 * For all threads. Kernels before 5.16 would slow every filtered process down against one that reads its own
 * memory by speculation (SSB); there is nobody in this one to be kept from it.
 */
static int load(scmp_filter_ctx filter, bool logs)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, logs);
	if (r == 0) /* a search by halves */
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return r < 0 ? r : seccomp_load(filter);
}

static int explain(int r, struct pn_err *reterr)
{
	return r < 0 ? pn_err_set(reterr, r, "the kernel does not take it: %s", strerror(-r)) : 0;
}

int pn_syscalls_prepare(struct pn_err *reterr)
{
	PN_CLEANUP(releasep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	if (r == 0)
		r = add_all(filter, REFUSED, first_refused, PN_ARRAY_SIZE(first_refused));
	return explain(r < 0 ? r : load(filter, false), reterr);
}

int pn_syscalls_filter(bool programs, struct pn_err *reterr)
{
	PN_CLEANUP(releasep)
	scmp_filter_ctx filter = seccomp_init(programs ? SCMP_ACT_ALLOW : REFUSED);
	int r = filter ? 0 : -ENOMEM;

	if (r == 0)
		r = programs ? add_programs(filter) : add_agent(filter);
	return explain(r < 0 ? r : load(filter, true), reterr);
}
