/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/metric.h"
#include "datapath/cgroups.h"

#define PATIENCE_MS 60000
#define POD "kubepods/besteffort/pod1e597579-417e-482f-bf65-5fe170c3aebd"
#define POD_UID "1e597579-417e-482f-bf65-5fe170c3aebd"

/* The call of readdir() that this counts down to fails; 0: none does. */
static unsigned int n_until_no_entry;

struct dirent *readdir(DIR *dir)
{
	static struct dirent *(*real)(DIR *);

	if (n_until_no_entry && --n_until_no_entry == 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (!real)
		real = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir64");
	return real(dir);
}

/* What the caller has been told and not been told the end of. */
struct known {
	uint64_t id;
	char pod_uid[PN_UID_LEN], name[256];
};

struct world {
	char root[PATH_MAX]; /* of the tests' own tree; empty: not allowed to make one */
	struct pn_cgroups *cgroups;
	struct known known[256];
	size_t n_known, n_appeared;
};

static struct known *find(struct world *w, uint64_t id)
{
	for (size_t i = 0; i < w->n_known; i++) {
		if (w->known[i].id == id)
			return &w->known[i];
	}
	return NULL;
}

static void on_appeared(void *data, const struct pn_cgroup *cgroup)
{
	struct world *w = data;
	struct known *k = find(w, cgroup->id);

	w->n_appeared++;
	if (!k) {
		assert_true(w->n_known < PN_ARRAY_SIZE(w->known));
		k = &w->known[w->n_known++];
	}
	k->id = cgroup->id;
	(void)snprintf(k->pod_uid, sizeof(k->pod_uid), "%s", cgroup->pod_uid);
	(void)snprintf(k->name, sizeof(k->name), "%s", cgroup->name);
}

static void on_vanished(void *data, uint64_t id)
{
	struct world *w = data;
	struct known *k = find(w, id);

	if (!k)
		fail_msg("cgroup %llu was never there", (unsigned long long)id);
	else
		*k = w->known[--w->n_known];
}

static const struct pn_cgroups_ops ops = { .appeared = on_appeared, .vanished = on_vanished };

/* --- the tree ----------------------------------------------------------------------------------- */

static const char *path_of(const struct world *w, const char *name)
{
	static char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", w->root, name);
	return path;
}

/* With all directories above it. */
static void make(const struct world *w, const char *name)
{
	char part[NAME_MAX];

	for (size_t i = 1; i <= strlen(name); i++) {
		if (name[i] != '/' && name[i] != '\0')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, name);
		if (mkdir(path_of(w, part), 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

static void drop(const struct world *w, const char *name)
{
	assert_int_equal(rmdir(path_of(w, name)), 0);
}

static uint64_t id_of(const struct world *w, const char *name)
{
	struct stat st;

	assert_int_equal(stat(path_of(w, name), &st), 0);
	return st.st_ino;
}

/* In a cgroup, with a name of its own; ends with the test. */
static pid_t start_process(const struct world *w, const char *cgroup, const char *command)
{
	char path[PATH_MAX];
	FILE *f;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, command);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	/* the name is there before the process is in the cgroup */
	for (char comm[64] = ""; strncmp(comm, command, strlen(command)) != 0;) {
		(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		f = fopen(path, "re");
		assert_non_null(f);
		assert_non_null(fgets(comm, sizeof(comm), f));
		(void)fclose(f);
	}
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	f = fopen(path_of(w, path), "we");
	assert_non_null(f);
	(void)fprintf(f, "%d\n", (int)pid);
	assert_int_equal(fclose(f), 0);
	return pid;
}

static void end_process(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int set_up(void **state)
{
	static struct world w;
	char root[PATH_MAX - NAME_MAX];

	w = (struct world) { .n_known = 0 };
	*state = &w;
	if (pn_cgroups_find_root(root, sizeof(root), NULL) == 0)
		(void)snprintf(w.root, sizeof(w.root), "%s/pn-test-%d", root, (int)getpid());
	if (w.root[0] && mkdir(w.root, 0755) < 0)
		w.root[0] = '\0';
	if (!w.root[0])
		print_message("needs root and cgroup v2: makes cgroups\n");
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[PATH_MAX + 64];

	pn_cgroups_close(w->cgroups);
	if (!w->root[0])
		return 0;
	(void)snprintf(command, sizeof(command), "find %s -depth -type d -exec rmdir {} +",
		       w->root);
	return system(command);
}

static void start(struct world *w)
{
	struct pn_err err = { "" };

	if (pn_cgroups_open(w->root, &ops, w, &w->cgroups, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(w->n_appeared, 0);
	assert_int_equal(pn_cgroups_dispatch(w->cgroups, &err), 0);
}

static struct world *world_of(void **state)
{
	struct world *w = *state;

	if (!w->root[0])
		skip();
	return w;
}

static void wait_for_more(struct world *w)
{
	struct pollfd p = { .fd = pn_cgroups_fd(w->cgroups), .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		fail_msg("nothing more has come: %zu known", w->n_known);
	assert_int_equal(pn_cgroups_dispatch(w->cgroups, NULL), 0);
}

static void wait_for_number(struct world *w, size_t n)
{
	while (w->n_known != n)
		wait_for_more(w);
}

static void wait_for_name(struct world *w, uint64_t id, const char *name)
{
	while (!find(w, id) || strcmp(find(w, id)->name, name) != 0)
		wait_for_more(w);
}

static void assert_known(struct world *w, const char *path, const char *pod_uid, const char *name)
{
	const struct known *k = find(w, id_of(w, path));

	if (!k)
		fail_msg("%s is not known", path);
	assert_string_equal(k->pod_uid, pod_uid);
	assert_string_equal(k->name, name);
}

/* --- tests -------------------------------------------------------------------------------------- */

static void what_is_there_at_the_start_is_found(void **state)
{
	struct world *w = world_of(state);

	make(w, POD "/container/init");
	make(w, "system.slice/sshd.service");
	start(w);
	assert_int_equal(w->n_known, 7);
	assert_known(w, POD, POD_UID, "");
	assert_known(w, POD "/container", POD_UID, "");
	assert_known(w, POD "/container/init", POD_UID, "");
	assert_known(w, "kubepods", "", "kubepods");
	assert_known(w, "system.slice", "", "system.slice");
	assert_known(w, "system.slice/sshd.service", "", "sshd.service");
	assert_int_equal(pn_metric_get(PN_METRIC_CGROUPS_FOLLOWED), 7);
}

static void what_comes_and_goes_is_followed_at_any_depth(void **state)
{
	struct world *w = world_of(state);

	start(w);
	make(w, POD "/container");
	wait_for_number(w, 4);
	assert_known(w, POD "/container", POD_UID, "");
	drop(w, POD "/container");
	drop(w, POD);
	wait_for_number(w, 2);
	make(w, POD "/other");
	wait_for_number(w, 4);
	assert_known(w, POD "/other", POD_UID, "");
}

/* Nothing is read between the changes, so every event is late. */
static void late_events_do_no_harm(void **state)
{
	struct world *w = world_of(state);
	uint64_t first;

	make(w, "a.slice");
	first = id_of(w, "a.slice");
	start(w);
	for (int i = 0; i < 50; i++) {
		make(w, "a.slice/b.slice/c.slice");
		drop(w, "a.slice/b.slice/c.slice");
		drop(w, "a.slice/b.slice");
		drop(w, "a.slice");
	}
	make(w, "a.slice/b.slice");
	make(w, "end.slice");
	while (!find(w, id_of(w, "end.slice")))
		wait_for_more(w);
	assert_int_equal(w->n_known, 3);
	assert_null(find(w, first));
	assert_known(w, "a.slice/b.slice", "", "b.slice");
}

static void lost_events_lead_to_reading_everything_again(void **state)
{
	struct world *w = world_of(state);
	uint64_t before = pn_metric_get(PN_METRIC_CGROUPS_REREADS);

	make(w, "old.slice");
	start(w);
	while (pn_metric_get(PN_METRIC_CGROUPS_REREADS) == before) {
		for (int i = 0; i < 20000; i++) { /* more than the queue holds */
			make(w, "x.slice");
			drop(w, "x.slice");
		}
		drop(w, "old.slice");
		make(w, "new.slice");
		wait_for_more(w);
		make(w, "old.slice");
	}
	while (!find(w, id_of(w, "old.slice")) || w->n_known != 2)
		wait_for_more(w);
	assert_known(w, "new.slice", "", "new.slice");
}

static void what_cannot_be_read_is_not_taken_to_be_gone(void **state)
{
	struct world *w = world_of(state);
	struct pn_err err = { "" };
	size_t n;

	make(w, "a.slice/b.slice");
	make(w, "c.slice/d.slice");
	assert_int_equal(pn_cgroups_open(w->root, &ops, w, &w->cgroups, &err), 0);
	n_until_no_entry = 1;
	for (n = 1; pn_cgroups_dispatch(w->cgroups, &err) < 0; n++) {
		assert_non_null(strstr(err.text, "reading the cgroup tree"));
		assert_true(w->n_known == w->n_appeared);
		n_until_no_entry = 2 * n;
	}
	n_until_no_entry = 0;
	assert_true(n > 4);
	assert_int_equal(w->n_known, 4);
}

static void without_descriptors_it_waits_for_its_timer(void **state)
{
	enum { MANY = 1000 };
	struct world *w = world_of(state);
	struct pollfd p = { .events = POLLIN };
	struct rlimit was, few = { .rlim_cur = 3 };
	int n = 0, r;

	start(w);
	p.fd = pn_cgroups_fd(w->cgroups);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	make(w, "a.slice");
	r = pn_cgroups_dispatch(w->cgroups, NULL);
	make(w, "b.slice");
	while (n < MANY && poll(&p, 1, 0) == 1) {
		(void)pn_cgroups_dispatch(w->cgroups, NULL);
		n++;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(r, -EMFILE);
	assert_true(n < MANY);
	wait_for_number(w, 2);
}

static void a_process_gives_its_name(void **state)
{
	struct world *w = world_of(state);
	pid_t pid;

	make(w, "session-3.scope");
	pid = start_process(w, "session-3.scope", "bash");
	start(w);
	assert_known(w, "session-3.scope", "", "bash");
	end_process(pid);
}

static void a_process_that_comes_later_gives_its_name_then(void **state)
{
	struct world *w = world_of(state);
	uint64_t id;
	pid_t pid;

	start(w);
	make(w, "podruntime/kubelet");
	wait_for_number(w, 2);
	id = id_of(w, "podruntime/kubelet");
	assert_known(w, "podruntime/kubelet", "", "kubelet");
	pid = start_process(w, "podruntime/kubelet", "hyperkube");
	wait_for_name(w, id, "hyperkube");
	assert_known(w, "podruntime", "", "podruntime");
	end_process(pid);
}

static void a_process_that_starts_another_program_is_asked_again(void **state)
{
	struct world *w = world_of(state);
	uint64_t id;
	pid_t pid;

	make(w, "x.scope");
	pid = start_process(w, "x.scope", "runc");
	start(w);
	assert_known(w, "x.scope", "", "runc");
	id = id_of(w, "x.scope");
	end_process(pid);
	pid = start_process(w, "x.scope", "ng\tinx");
	wait_for_name(w, id, "ng?inx");
	end_process(pid);
}

static void what_is_too_deep_is_left_out_and_counted(void **state)
{
	struct world *w = world_of(state);
	char path[PATH_MAX] = "d";

	for (int i = 1; i < 70; i++)
		(void)strcat(path, "/d");
	make(w, path);
	start(w);
	assert_int_equal(w->n_known, 64);
	assert_int_equal(pn_metric_get(PN_METRIC_CGROUPS_REFUSED), 1);
}

static void a_removed_root_is_an_error_with_words(void **state)
{
	struct world *w = world_of(state);
	struct pn_err err = { "" };

	if (pn_cgroups_open(w->root, &ops, w, &w->cgroups, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rmdir(w->root), 0);
	assert_int_equal(pn_cgroups_dispatch(w->cgroups, &err), -ENOENT);
	assert_non_null(strstr(err.text, w->root));
	assert_int_equal(mkdir(w->root, 0755), 0);
}

static void what_is_no_cgroup_file_system_is_refused(void **state)
{
	struct pn_cgroups *c;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(pn_cgroups_open("/proc", &ops, NULL, &c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/proc is not a cgroup v2"));
	assert_int_equal(pn_cgroups_open("/nowhere", &ops, NULL, &c, &err), -ENOENT);
	assert_int_equal(pn_cgroups_open("sys", &ops, NULL, &c, &err), -EINVAL);
}

/* In a child, with a user namespace whose owner may watch three files. */
static int follow_with_few_watches(struct world *w, int ready_fd)
{
	FILE *f;

	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	f = fopen("/proc/sys/user/max_inotify_watches", "we");
	if (!f || fprintf(f, "3\n") < 0 || fclose(f) != 0)
		return 77;
	if (pn_cgroups_open(w->root, &ops, w, &w->cgroups, NULL) < 0 ||
	    pn_cgroups_dispatch(w->cgroups, NULL) < 0)
		return 1;
	if (w->n_known != 8 || write(ready_fd, "", 1) != 1)
		return 2;
	for (int i = 0; i < 20 && w->n_known != 9; i++) {
		struct pollfd p = { .fd = pn_cgroups_fd(w->cgroups), .events = POLLIN };

		if (poll(&p, 1, PATIENCE_MS) != 1 || pn_cgroups_dispatch(w->cgroups, NULL) < 0)
			return 3;
	}
	return w->n_known == 9 && pn_metric_get(PN_METRIC_CGROUPS_REREADS) ? 0 : 4;
}

static void without_enough_watches_the_tree_is_read_again_and_again(void **state)
{
	struct world *w = world_of(state);
	int ready[2], status;
	char byte;
	pid_t pid;

	make(w, "1.slice/2.slice/3.slice/4.slice/5.slice/6.slice/7.slice/8.slice");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		_exit(follow_with_few_watches(w, ready[1]));
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) == 1)
		make(w, "1.slice/2.slice/3.slice/4.slice/5.slice/6.slice/7.slice/8.slice/9.slice");
	(void)close(ready[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("needs user namespaces\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_at_the_start_is_found),
		TEST(what_comes_and_goes_is_followed_at_any_depth),
		TEST(late_events_do_no_harm),
		TEST(lost_events_lead_to_reading_everything_again),
		TEST(what_cannot_be_read_is_not_taken_to_be_gone),
		TEST(without_descriptors_it_waits_for_its_timer),
		TEST(a_process_gives_its_name),
		TEST(a_process_that_comes_later_gives_its_name_then),
		TEST(a_process_that_starts_another_program_is_asked_again),
		TEST(what_is_too_deep_is_left_out_and_counted),
		TEST(a_removed_root_is_an_error_with_words),
		TEST(without_enough_watches_the_tree_is_read_again_and_again),
		cmocka_unit_test(what_is_no_cgroup_file_system_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
