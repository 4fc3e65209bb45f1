/* SPDX-License-Identifier: Apache-2.0 */
/* Where names come from, with the real kernel's maps and cgroups; the bpffs only this process sees. Needs root. */
#include "tests/unit/datapath/bpffs_fixture.h"
#include "tests/unit/datapath/cgroup_fixture.h"
#include "tests/unit/index/fixture.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "daemon/names.h"

struct agent {
	struct world w;
	uv_loop_t loop;
	struct pn_names *names;
	unsigned int n_refused, n_ticks;
};

static void nobody_cares(void *data, const struct pn_object *old, const struct pn_object *new)
{
	(void)data;
	(void)old;
	(void)new;
}

static int refuse(void *data, struct pn_factory *factory, struct pn_err *reterr)
{
	struct agent *a = data;

	if (!factory)
		return 0;
	a->n_refused++;
	return pn_err_set(reterr, -ENOMEM, "no memory");
}

static void on_tick(void *data)
{
	struct agent *a = data;

	a->n_ticks++;
	uv_stop(&a->loop);
}

static void start(struct agent *a, const char *cgroups)
{
	const struct pn_names_config config = {
		.clock = &a->w.clock,
		.kube.server = "http://127.0.0.1:1",
		.node_name = "n1",
		.pin_path = mount_point,
		.cgroup_root = cgroups,
		.max_addrs = 1024,
		.changed = nobody_cares,
		.watch = refuse,
		.tick = on_tick,
		.data = a,
	};
	struct pn_err err = { "" };

	*a = (struct agent) { .w.clock = { fake_now, fake_realtime, pn_clock_system.random,
					   &a->w.fake } };
	assert_int_equal(uv_loop_init(&a->loop), 0);
	if (pn_names_start(&a->loop, &config, &a->names, &err) < 0)
		fail_msg("%s", err.text);
}

static void run_for_ticks(struct agent *a, unsigned int n)
{
	for (n += a->n_ticks; a->n_ticks < n;)
		(void)uv_run(&a->loop, UV_RUN_DEFAULT);
}

static void stop(struct agent *a)
{
	pn_names_stop(a->names);
	(void)uv_run(&a->loop, UV_RUN_DEFAULT);
	pn_names_free(a->names);
	assert_int_equal(uv_loop_close(&a->loop), 0);
}

static void what_informers_said_goes_with_them(void **state)
{
	struct pn_informer *const *informers;
	const char *server, *error;
	struct agent a;

	(void)state;
	NEED_BPFFS();
	start(&a, NULL);
	go_to(&a.w, 5000);
	run_for_ticks(&a, 1);
	assert_true(a.n_refused > 0);
	assert_int_equal(pn_names_informers(a.names, &informers, &server, &error), 0);
	assert_string_equal(error, "no memory");
	assert_int_equal(pn_index_heard_until(pn_names_index(a.names)), 0);
	stop(&a);
}

/* With only those three descriptors that are open: what is written to standard error meanwhile. */
static void run_without_descriptors(struct agent *a, unsigned int n_ticks, FILE *log)
{
	int err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	struct rlimit was, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit) { .rlim_cur = 3, .rlim_max = was.rlim_max };
	assert_int_equal(dup2(fileno(log), STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	run_for_ticks(a, n_ticks);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(dup2(err, STDERR_FILENO), STDERR_FILENO);
	(void)close(err);
}

static void cgroups_that_cannot_be_followed_are_said_once(void **state)
{
	const char *const names[] = { "a.slice" };
	FILE *log = tmpfile();
	char root[256], line[512];
	unsigned int n_said = 0;
	struct agent a;

	(void)state;
	NEED_BPFFS();
	if (!cgroup_root() || !cgroup_make(""))
		skip();
	cgroup_path("", root);
	start(&a, root);
	assert_true(cgroup_make("a.slice") != 0);
	run_without_descriptors(&a, 4, log);
	stop(&a);
	cgroups_remove(names, PN_ARRAY_SIZE(names));
	rewind(log);
	while (fgets(line, sizeof(line), log))
		n_said += strstr(line, "cgroup") != NULL;
	(void)fclose(log);
	assert_int_equal(n_said, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_informers_said_goes_with_them),
		cmocka_unit_test(cgroups_that_cannot_be_followed_are_said_once),
	};

	return cmocka_run_group_tests_name("names", tests, mount_bpffs, umount_bpffs);
}
