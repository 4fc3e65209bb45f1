/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent writes to the pinned maps: addresses and their owners. Needs root.
 */
#include "maps_fixture.h"

#include "base/metric.h"

static void names_are_written_and_read(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;
	struct pn_owner_value owner;
	struct pn_meta_value meta;
	struct pn_ip_value ip;
	struct pod p;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&p, "web-1", "uid-1", "10.0.0.1", 4);
	p.p.meta.controller = controller_of("StatefulSet", "web", "s-uid");
	add(&t->w, &p.p.meta);
	flush(t);

	assert_int_equal(read_ip(t, "10.0.0.1", &ip), 0);
	assert_int_equal(ip.since_ns, at(4));
	assert_int_equal(ip.generation, 1);
	assert_int_equal(ip.flags, PN_IP_LOCAL);
	assert_int_equal(ip.prev_owner, 0);
	assert_int_equal(read_ip(t, "10.0.0.2", &ip), -ENOENT);

	r = open_reader(t);
	assert_int_equal(pn_maps_reader_owner(r, ip.owner, &owner), 0);
	pn_maps_reader_close(r);
	assert_int_equal(owner.kind, PN_OWNER_POD);
	assert_string_equal(owner.uid, "uid-1");
	assert_string_equal(owner.name_space, "shop");
	assert_string_equal(owner.name, "web-1");
	assert_string_equal(owner.workload_kind, "StatefulSet");
	assert_string_equal(owner.workload_name, "web");
	assert_string_equal(owner.node, "n1");

	read_meta(t, &meta);
	assert_int_equal(meta.abi_version, PN_MAPS_VERSION);
	assert_int_equal(meta.n_ip, 1);
	assert_int_equal(meta.agent_pid, getpid());
	assert_int_equal(meta.synced, 0);
	assert_string_equal(meta.node, "n1");
}

static void a_released_address_names_its_previous_owner_for_five_minutes(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value before, ip;
	struct pod p;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&p, "a", "uid-a", "10.0.0.1", 4);
	add(&t->w, &p.p.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &before), 0);
	go_to(&t->w, 9000);
	del(&t->w, &p.p.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &ip), 0);
	assert_int_equal(ip.owner, 0);
	assert_int_equal(ip.prev_owner, before.owner);
	assert_int_equal(ip.prev_until_ns, at(9));
	assert_int_equal(ip.generation, 2);
	assert_int_equal(count_ips(t), 1);

	go_to(&t->w, 309000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_int_equal(read_ip(t, "10.0.0.1", &ip), -ENOENT);
}

static void ten_thousand_addresses_come_and_go(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 10000, false);
	flush(t);
	assert_int_equal(count_ips(t), 10000);
	go_to(&t->w, 9000);
	apply_pods(t, 0, 9000, true);
	flush(t);
	read_meta(t, &meta);
	assert_int_equal(meta.n_ip, 1000);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_int_equal(count_ips(t), 1000);
	read_meta(t, &meta);
	assert_int_equal(meta.n_owner, 1000);
}

static void freshness_goes_on_when_nothing_changes(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	go_to(&t->w, 77000);
	flush(t);
	read_meta(t, &meta);
	assert_int_equal(meta.written_ns, at(77));
}

static void a_full_map_is_counted_and_tried_again(void **state)
{
	struct maps *t = *state;
	uint64_t before = pn_metric_get(PN_METRIC_MAPS_FAILURES);
	struct pn_meta_value meta;

	NEED_BPFFS();
	start_agent(t, 100);
	apply_pods(t, 0, 130, false);
	assert_int_equal(pn_maps_flush(t->m, t->w.idx), -ENOSPC);
	assert_true(pn_metric_get(PN_METRIC_MAPS_FAILURES) > before);
	assert_int_equal(count_ips(t), 100); /* whose owner had no room has no address either */
	read_meta(t, &meta);
	assert_int_equal(meta.written_ns, 0);

	apply_pods(t, 0, 40, true);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	/* room is made by deletions, which come last: so the second call finds it */
	for (int i = 0; i < 3 && pn_maps_flush(t->m, t->w.idx) < 0; i++)
		;
	flush(t);
	assert_int_equal(count_ips(t), 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(names_are_written_and_read),
		MAPS_TEST(a_released_address_names_its_previous_owner_for_five_minutes),
		MAPS_TEST(ten_thousand_addresses_come_and_go),
		MAPS_TEST(freshness_goes_on_when_nothing_changes),
		MAPS_TEST(a_full_map_is_counted_and_tried_again),
	};

	return cmocka_run_group_tests_name("pinned_maps", tests, mount_bpffs, umount_bpffs);
}
