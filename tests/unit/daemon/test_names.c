/* SPDX-License-Identifier: Apache-2.0 */
/* Where names come from, with the real kernel's maps, on a bpffs that only this process sees. Needs root. */
#include "tests/unit/datapath/bpffs_fixture.h"
#include "tests/unit/index/fixture.h"

#include "daemon/names.h"

struct agent {
	struct world w;
	uv_loop_t loop;
	struct pn_names *names;
	unsigned int n_refused;
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
	uv_stop(&((struct agent *)data)->loop);
}

static void what_informers_said_goes_with_them(void **state)
{
	struct agent a = { .w.clock = { fake_now, fake_realtime, pn_clock_system.random,
					&a.w.fake } };
	const struct pn_names_config config = {
		.clock = &a.w.clock,
		.kube.server = "http://127.0.0.1:1",
		.node_name = "n1",
		.pin_path = mount_point,
		.max_addrs = 1024,
		.changed = nobody_cares,
		.watch = refuse,
		.tick = on_tick,
		.data = &a,
	};
	struct pn_informer *const *informers;
	const char *server, *error;
	struct pn_err err = { "" };

	(void)state;
	NEED_BPFFS();
	assert_int_equal(uv_loop_init(&a.loop), 0);
	assert_int_equal(pn_names_start(&a.loop, &config, &a.names, &err), 0);
	go_to(&a.w, 5000);
	(void)uv_run(&a.loop, UV_RUN_DEFAULT);
	assert_true(a.n_refused > 0);
	assert_int_equal(pn_names_informers(a.names, &informers, &server, &error), 0);
	assert_string_equal(error, "no memory");
	assert_int_equal(pn_index_heard_until(pn_names_index(a.names)), 0);
	pn_names_stop(a.names);
	(void)uv_run(&a.loop, UV_RUN_DEFAULT);
	pn_names_free(a.names);
	assert_int_equal(uv_loop_close(&a.loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_informers_said_goes_with_them),
	};

	return cmocka_run_group_tests_name("names", tests, mount_bpffs, umount_bpffs);
}
