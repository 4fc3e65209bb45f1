/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of the privileges, each case in a process of its own; as root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "daemon/confine.h"
#include "daemon/syscalls.h"

#define OTHER_USER 12345
#define PLAIN "net_admin, perfmon, bpf"

enum { SKIPPED = 77 };

static char dir[] = "/tmp/pn-confine-XXXXXX";
static char private_path[64], plugin_path[64];
static const struct pn_kube_config_source a_server = { .server = "http://127.0.0.1:1" };

/* In a child: says which check failed, and ends. */
#define CHECK(what)                                                              \
	do {                                                                     \
		if (!(what)) {                                                   \
			(void)fprintf(stderr, "line %d: %s\n", __LINE__, #what); \
			_exit(1);                                                \
		}                                                                \
	} while (0)

static void in_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		print_message("the kernel takes no seccomp filter here\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_files(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(private_path, sizeof(private_path), "%s/private", dir);
	(void)snprintf(plugin_path, sizeof(plugin_path), "%s/plugin", dir);
	write_file(private_path, "# of somebody else\n");
	assert_int_equal(chmod(private_path, 0600), 0);
	assert_int_equal(chown(private_path, OTHER_USER, OTHER_USER), 0);
	write_file(plugin_path,
		   "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
		   "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
		   "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
		   "users: [{name: u, user: {exec: {command: /bin/true, interactiveMode: Never, "
		   "apiVersion: client.authentication.k8s.io/v1}}}]\n");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	return unlink(private_path) || unlink(plugin_path) || rmdir(dir);
}

/* --- capabilities -------------------------------------------------------------------------------- */

static struct pn_confinement begin(const struct pn_confine_config *config)
{
	struct pn_confinement c;

	pn_confine_begin(config, &c);
	CHECK(c.capabilities);
	return c;
}

/* "0000..." of this line in the status of this thread */
static void read_status(const char *key, char ret[static 64])
{
	FILE *f = fopen("/proc/thread-self/status", "re");
	char line[256];

	ret[0] = '\0';
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			(void)sscanf(line + strlen(key), " %63s", ret);
	(void)fclose(f);
}

static void *look(void *data)
{
	char text[64];

	(void)data;
	read_status("CapPrm:", text);
	CHECK(strcmp(text, "000000c000001000") == 0);
	read_status("CapEff:", text);
	CHECK(strcmp(text, "000000c000001000") == 0);
	read_status("CapBnd:", text);
	CHECK(strcmp(text, "0000000000000000") == 0);
	read_status("NoNewPrivs:", text);
	CHECK(strcmp(text, "1") == 0);
	return NULL;
}

static void keep_three(void)
{
	struct pn_confinement c = begin(&(struct pn_confine_config) { .kube = &a_server });
	pthread_t thread;

	CHECK(strcmp(c.capabilities, PLAIN) == 0);
	CHECK(!c.capabilities_why.text[0]);
	CHECK(pthread_create(&thread, NULL, look, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	(void)look(NULL);
}

static void three_capabilities_are_kept_in_every_thread(void **state)
{
	(void)state;
	in_child(keep_three);
}

static void keep_reading(void)
{
	struct pn_confinement c = begin(&(struct pn_confine_config) {
		.kube = &a_server, .files = { plugin_path, private_path } });

	CHECK(strstr(c.capabilities, "dac_read_search"));
	CHECK(!strstr(c.capabilities, "dac_override"));
	CHECK(strstr(c.capabilities_why.text, private_path));
	CHECK(access(private_path, R_OK) == 0);
}

static void keep_reading_a_kubeconfig(void)
{
	const struct pn_kube_config_source kube = { .kubeconfig = private_path };
	struct pn_confinement c = begin(&(struct pn_confine_config) { .kube = &kube });

	CHECK(strstr(c.capabilities, "dac_read_search"));
	CHECK(strstr(c.capabilities_why.text, private_path));
}

static void anothers_file_that_is_read_again_can_be_read_again(void **state)
{
	(void)state;
	in_child(keep_reading);
	in_child(keep_reading_a_kubeconfig);
}

static void keep_binding(void)
{
	struct pn_confinement c =
		begin(&(struct pn_confine_config) { .kube = &a_server, .has_low_port = true });

	CHECK(strcmp(c.capabilities, "net_bind_service, " PLAIN) == 0);
}

static void a_low_port_can_be_bound_later(void **state)
{
	(void)state;
	in_child(keep_binding);
}

static void keep_all(void)
{
	struct pn_confinement c =
		begin(&(struct pn_confine_config) { .kube = &a_server, .off = true });
	char text[64];

	pn_confine_end(&c);
	CHECK(strstr(c.capabilities, "chown") && strstr(c.capabilities, "bpf"));
	CHECK(strcmp(c.seccomp, "off") == 0);
	read_status("NoNewPrivs:", text);
	CHECK(strcmp(text, "0") == 0);
	CHECK(unshare(CLONE_NEWUTS) == 0 || errno == EPERM);
}

static void nothing_is_given_up_where_it_is_switched_off(void **state)
{
	(void)state;
	in_child(keep_all);
}

/* --- system calls -------------------------------------------------------------------------------- */

static void confine(const struct pn_kube_config_source *kube)
{
	struct pn_confinement c = begin(&(struct pn_confine_config) { .kube = kube });

	pn_confine_end(&c);
	if (strcmp(c.seccomp, "refused") == 0)
		_exit(SKIPPED);
	CHECK(strcmp(c.seccomp, "on") == 0);
	CHECK((c.seccomp_why.text[0] != '\0') == c.runs_programs);
}

#define IS_REFUSED(call) ((call) == -1 && errno == ENOSYS)

static void *return_data(void *data)
{
	return data;
}

static void use_what_an_agent_uses(void)
{
	struct rlimit limit;
	pthread_t thread;
	int fd;

	CHECK(pthread_create(&thread, NULL, return_data, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK(fd >= 0 || errno == EAFNOSUPPORT);
	fd = open(plugin_path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && close(fd) == 0);
}

static void refuse_the_rest(void)
{
	const struct rlimit limit = { 10, 10 };
	char *const args[] = { NULL };
	union bpf_attr attr = { 0 };

	confine(&a_server);
	use_what_an_agent_uses();
	CHECK(IS_REFUSED(syscall(SYS_execve, "/bin/true", args, args)));
	CHECK(IS_REFUSED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
	CHECK(IS_REFUSED(syscall(SYS_clone3, NULL, 0)));
	CHECK(IS_REFUSED(syscall(SYS_io_uring_setup, 1, NULL)));
	CHECK(IS_REFUSED(syscall(SYS_ptrace, PTRACE_ATTACH, 1, 0, 0)));
	CHECK(IS_REFUSED(syscall(SYS_unshare, CLONE_NEWNS)));
	CHECK(IS_REFUSED(syscall(SYS_mount, "none", dir, "tmpfs", 0, NULL)));
	CHECK(IS_REFUSED(socket(AF_PACKET, SOCK_RAW, 0)));
	CHECK(IS_REFUSED(socket(AF_VSOCK, SOCK_STREAM, 0)));
	CHECK(IS_REFUSED(setrlimit(RLIMIT_NOFILE, &limit)));
	CHECK(IS_REFUSED(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr))));
	CHECK(IS_REFUSED(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))));
	CHECK(!IS_REFUSED(syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr))));
}

static void what_an_agent_does_not_do_is_refused(void **state)
{
	(void)state;
	in_child(refuse_the_rest);
}

static void allow_programs(void)
{
	const struct pn_kube_config_source kube = { .kubeconfig = plugin_path };
	union bpf_attr attr = { 0 };
	int status = -1;
	pid_t pid;

	confine(&kube);
	use_what_an_agent_uses();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)execl("/bin/true", "true", NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(IS_REFUSED(syscall(SYS_mount, "none", dir, "tmpfs", 0, NULL)));
	CHECK(IS_REFUSED(syscall(SYS_setns, -1, 0)));
	CHECK(IS_REFUSED(syscall(SYS_ptrace, PTRACE_ATTACH, 1, 0, 0)));
	CHECK(IS_REFUSED(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr))));
}

static void a_credential_plugin_can_be_run(void **state)
{
	(void)state;
	in_child(allow_programs);
}

/* Those that the cases begin with; root in a container has fewer. */
static bool has_privileges(void)
{
	const unsigned int all[] = { CAP_CHOWN,	    CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE,
				     CAP_NET_ADMIN, CAP_SETPCAP,	 CAP_PERFMON,
				     CAP_BPF };
	unsigned long long have;
	char text[64];

	read_status("CapEff:", text);
	have = strtoull(text, NULL, 16);
	for (size_t i = 0; i < PN_ARRAY_SIZE(all); i++)
		if (!(have >> all[i] & 1))
			return false;
	return true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_capabilities_are_kept_in_every_thread),
		cmocka_unit_test(anothers_file_that_is_read_again_can_be_read_again),
		cmocka_unit_test(a_low_port_can_be_bound_later),
		cmocka_unit_test(nothing_is_given_up_where_it_is_switched_off),
		cmocka_unit_test(what_an_agent_does_not_do_is_refused),
		cmocka_unit_test(a_credential_plugin_can_be_run),
	};

	if (!has_privileges()) {
		print_message("skipped: there is nothing to give up: not root, or a container's\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
