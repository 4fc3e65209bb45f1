/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/doctor_truth.h"

#define UID_A "11111111-2222-3333-4444-555555555555"
#define UID_B "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define FIB "|-- %s\n/32 host LOCAL\n|-- 127.0.0.1\n/32 host LOCAL\n"

/* A /proc and a tree of cgroups made of plain files. */
struct world {
	char dir[64], proc[96], cgroups[96];
	struct pn_truth truth;
};

static void put(const struct world *w, const char *path, const char *fmt, ...)
{
	char full[PATH_MAX], *slash;
	va_list ap;
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s/%s", w->dir, path);
	for (slash = full + strlen(w->dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (mkdir(full, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
	f = fopen(full, "we");
	assert_non_null(f);
	va_start(ap, fmt);
	(void)vfprintf(f, fmt, ap);
	va_end(ap);
	assert_int_equal(fclose(f), 0);
}

static void put_link(const struct world *w, const char *path, const char *target)
{
	char full[PATH_MAX];

	put(w, path, "");
	(void)snprintf(full, sizeof(full), "%s/%s", w->dir, path);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(symlink(target, full), 0);
}

static void put_process(const struct world *w, const char *pid, const char *cgroup, const char *net)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "proc/%s/ns/net", pid);
	put_link(w, path, net);
	(void)snprintf(path, sizeof(path), "proc/%s/cgroup", pid);
	put(w, path, "5:memory:/x\n0::%s\n", cgroup);
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world) { .dir = "/tmp/pn-doctor-XXXXXX" };
	*state = &w;
	if (!mkdtemp(w.dir))
		return -1;
	(void)snprintf(w.proc, sizeof(w.proc), "%s/proc", w.dir);
	(void)snprintf(w.cgroups, sizeof(w.cgroups), "%s/cgroup", w.dir);
	put_process(&w, "self", "/", "net:[1]");
	put(&w, "proc/self/net/fib_trie", FIB, "10.80.0.1");
	put(&w, "cgroup/cgroup.procs", "");
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	pn_truth_done(&w->truth);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	return system(command);
}

static struct world *read_world(void **state)
{
	struct world *w = *state;
	struct pn_err err = { "" };

	if (pn_truth_read(w->proc, w->cgroups, &w->truth, &err) < 0)
		fail_msg("%s", err.text);
	return w;
}

static void assert_has(const struct pn_addrs *addrs, const char *text)
{
	struct pn_addr addr;

	assert_int_equal(pn_addr_parse(text, &addr), 0);
	assert_true(pn_addrs_has(addrs, &addr));
}

static void addresses_are_those_of_the_namespaces_of_a_pods_processes(void **state)
{
	const struct pn_truth_pod *pod;
	struct world *w = *state;

	put_process(w, "10", "/kubepods/pod" UID_A "/c1", "net:[2]");
	put(w, "proc/10/net/fib_trie", FIB, "10.77.0.2");
	put(w, "proc/10/net/if_inet6", "fd000077000000000000000000000002 04 40 00 82 eth0\n");
	put_process(w, "11", "/kubepods/pod" UID_A "/c2", "net:[2]");
	put(w, "proc/11/net/if_inet6", ""); /* about to go: the other one still tells */
	put_process(w, "12", "/kubepods/pod" UID_A "/c2/inner", "net:[3]");
	put(w, "proc/12/net/fib_trie", FIB, "10.1.0.1");
	put_process(w, "13", "/kubepods/pod" UID_B "/c", "net:[1]"); /* host network */
	put_process(w, "14", "/system.slice/x.service", "net:[4]");
	(void)read_world(state);
	assert_int_equal(w->truth.n_pods, 1);
	pod = pn_truth_pod(&w->truth, UID_A);
	assert_non_null(pod);
	assert_int_equal(pod->addrs.n, 3);
	assert_has(&pod->addrs, "10.77.0.2");
	assert_has(&pod->addrs, "fd00:77::2");
	assert_has(&pod->addrs, "10.1.0.1");
	assert_int_equal(w->truth.own.n, 1);
	assert_has(&w->truth.own, "10.80.0.1");
}

static void cgroups_of_pods_count_while_somebody_is_in_them(void **state)
{
	struct world *w = *state;

	put(w, "cgroup/kubepods/pod" UID_A "/c/cgroup.events", "populated 1\nfrozen 0\n");
	put(w, "cgroup/kubepods/pod" UID_A "/cgroup.events", "populated 1\nfrozen 0\n");
	put(w, "cgroup/kubepods/pod" UID_B "/cgroup.events", "populated 0\nfrozen 0\n");
	put(w, "cgroup/system.slice/cgroup.events", "populated 1\nfrozen 0\n");
	(void)read_world(state);
	assert_int_equal(w->truth.n_cgroups, 2);
	assert_string_equal(w->truth.cgroups[0].path, "/kubepods/pod" UID_A);
	assert_string_equal(w->truth.cgroups[1].path, "/kubepods/pod" UID_A "/c");
	assert_string_equal(w->truth.cgroups[0].uid, UID_A);
}

static void a_socket_belongs_to_who_has_it_open(void **state)
{
	static const char tcp[] = "%d: 00000000:%04X 00000000:0000 %s 0:0 00:0 0 0 0 %d 1 0\n";
	char table[512];
	struct world *w = *state;
	const struct pn_truth_socket *s;
	int n;

	n = snprintf(table, sizeof(table), "header\n");
	n += snprintf(table + n, sizeof(table) - (size_t)n, tcp, 0, 80, "0A", 500);
	n += snprintf(table + n, sizeof(table) - (size_t)n, tcp, 1, 81, "01", 501);
	(void)snprintf(table + n, sizeof(table) - (size_t)n, tcp, 2, 82, "0A", 400);
	put(w, "proc/self/net/tcp", "%s", table);
	(void)snprintf(table, sizeof(table), tcp, 0, 53, "07", 600);
	put(w, "proc/self/net/udp", "%s", table);

	put_process(w, "10", "/kubepods/pod" UID_A "/c", "net:[1]");
	put_link(w, "proc/10/fd/3", "socket:[500]");
	put_link(w, "proc/10/fd/4", "/dev/null");
	put_link(w, "proc/10/fd/5", "socket:[501]");
	put_process(w, "9", "/init", "net:[1]"); /* has handed it on */
	put_link(w, "proc/9/fd/3", "socket:[500]");
	put_link(w, "proc/9/fd/7", "socket:[600]");
	(void)read_world(state);
	assert_int_equal(w->truth.n_sockets, 3);
	s = w->truth.sockets;
	assert_int_equal(s[0].inode, 400);
	assert_int_equal(s[0].pid, 0);
	assert_int_equal(s[1].port, 80);
	assert_int_equal(s[1].pid, 10);
	assert_string_equal(s[1].uid, UID_A);
	assert_int_equal(s[2].proto, IPPROTO_UDP);
	assert_int_equal(s[2].pid, 9);
	assert_string_equal(s[2].uid, "");
}

static void processes_that_vanish_are_passed_over(void **state)
{
	struct world *w = *state;

	put(w, "proc/20/cmdline", ""); /* nothing else is left of it */
	put(w, "proc/21", "");
	put_process(w, "22", "/kubepods/pod" UID_A "/c", "net:[2]"); /* without addresses by now */
	(void)read_world(state);
	assert_int_equal(w->truth.n_pods, 1);
	assert_int_equal(w->truth.pods[0].addrs.n, 0);
}

static void where_nothing_can_be_read_the_place_is_named(void **state)
{
	struct world *w = *state;
	struct pn_err err = { "" };

	assert_int_equal(pn_truth_read("/nowhere", NULL, &w->truth, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere"));
	assert_int_equal(pn_truth_read(w->cgroups, NULL, &w->truth, &err), -ENOENT);
	assert_non_null(strstr(err.text, "procfs"));
	assert_int_equal(pn_truth_read(w->proc, "/nowhere", &w->truth, &err), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_are_those_of_the_namespaces_of_a_pods_processes),
		TEST(cgroups_of_pods_count_while_somebody_is_in_them),
		TEST(a_socket_belongs_to_who_has_it_open),
		TEST(processes_that_vanish_are_passed_over),
		TEST(where_nothing_can_be_read_the_place_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
