/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pinned maps that are not as they should be, and agents that are not alone. Needs root.
 */
#include "maps_fixture.h"

#include <sys/stat.h>

static void a_second_agent_is_refused_while_the_first_lives(void **state)
{
	struct maps *t = *state;
	struct pn_maps *first;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	first = PN_TAKE_PTR(t->m);
	assert_int_equal(try_open(t, MAX_ADDRS), -EBUSY);
	assert_non_null(strstr(t->err.text, "an agent uses"));
	assert_null(t->m);
	pn_maps_close(first);
	assert_int_equal(try_open(t, MAX_ADDRS), 0);
}

static void outside_a_bpffs_nothing_is_made(void **state)
{
	struct maps *t = *state;
	char base[] = "/tmp/pn-nobpf-XXXXXX";
	struct stat st;

	NEED_BPFFS();
	assert_non_null(mkdtemp(base));
	(void)snprintf(t->dir, sizeof(t->dir), "%s/a/b", base);
	assert_int_equal(try_open(t, MAX_ADDRS), -ENOENT);
	assert_non_null(strstr(t->err.text, "mount -t bpf"));
	(void)snprintf(t->dir, sizeof(t->dir), "%s/a", base);
	assert_int_equal(stat(t->dir, &st), -1);
	assert_int_equal(rmdir(base), 0);
	(void)snprintf(t->dir, sizeof(t->dir), "relative/path");
	assert_int_equal(try_open(t, MAX_ADDRS), -EINVAL);
}

static void maps_of_another_layout_are_refused(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	pin(t, "ip", bpf_map_create(BPF_MAP_TYPE_HASH, "x", 16, 24, 10, NULL));
	assert_int_equal(try_open(t, MAX_ADDRS), -EPROTO);
	assert_non_null(strstr(t->err.text, "/ip has type 1, key 16, value 24"));
	assert_int_equal(pn_maps_reader_open(t->dir, &r, NULL), -EPROTO);
}

/* A later version may have another size, but begins with its number too. */
static void maps_of_another_version_are_refused(void **state)
{
	static const uint32_t sizes[] = { sizeof(struct pn_meta_value), 320, 8 };
	struct maps *t = *state;
	__u32 zero = 0, value[128] = { 2 };
	struct pn_maps_reader *r;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	for (size_t i = 0; i < PN_ARRAY_SIZE(sizes); i++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "x", 4, sizes[i], 1, NULL);

		assert_int_equal(bpf_map_update_elem(fd, &zero, value, 0), 0);
		pin(t, "meta", fd);
		assert_int_equal(try_open(t, MAX_ADDRS), -EPROTO);
		assert_non_null(strstr(t->err.text, "version 2, this podonym uses 1: remove"));
		assert_int_equal(pn_maps_reader_open(t->dir, &r, &t->err), -EPROTO);
		assert_non_null(strstr(t->err.text, "version 2, this podonym uses 1: use"));
	}
}

static void maps_that_are_being_made_are_said_to_be(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	pin(t, "meta",
	    bpf_map_create(BPF_MAP_TYPE_ARRAY, "x", 4, sizeof(struct pn_meta_value), 1, NULL));
	assert_int_equal(pn_maps_reader_open(t->dir, &r, &t->err), -EPROTO);
	assert_non_null(strstr(t->err.text, "try again"));
}

static void a_reader_says_that_nothing_is_pinned(void **state)
{
	struct maps *t = *state;
	struct pn_maps_reader *r;

	NEED_BPFFS();
	assert_int_equal(pn_maps_reader_open(t->dir, &r, &t->err), -ENOENT);
	assert_non_null(strstr(t->err.text, "is the agent running"));
}

static void nonsense_in_the_maps_is_neither_believed_nor_kept(void **state)
{
	struct maps *t = *state;
	struct pn_owner_value owner;
	struct pn_port_key port = { .proto = 6 };
	struct pn_port_value service = { .owner = 77 };
	struct pn_ip_value ip = { .owner = 77, .since_ns = at(1) }, future, got;
	struct pn_ip_key key = { .addr = { 1 } }, other = { .addr = { 2 } };
	__u32 bad = 77, none = 0;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 1, false);
	flush(t);
	stop_agent(t);
	memset(&owner, 'x', sizeof(owner)); /* no text ends, no such kind */
	put_raw(t, "owner", &bad, &owner);
	put_raw(t, "owner", &none, &owner);
	put_raw(t, "ip", &key, &ip);
	future = (struct pn_ip_value) { .owner = 1, .since_ns = UINT64_MAX };
	put_raw(t, "ip", &other, &future);
	put_raw(t, "service", &port, &service);

	start_agent(t, MAX_ADDRS);
	apply_pods(t, 0, 1, false);
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_int_equal(count_ips(t), 1);
	assert_int_equal(read_ip(t, "10.1.0.1", &got), 0);
	assert_int_equal(got.owner, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(a_second_agent_is_refused_while_the_first_lives),
		MAPS_TEST(outside_a_bpffs_nothing_is_made),
		MAPS_TEST(maps_of_another_layout_are_refused),
		MAPS_TEST(maps_of_another_version_are_refused),
		MAPS_TEST(maps_that_are_being_made_are_said_to_be),
		MAPS_TEST(a_reader_says_that_nothing_is_pinned),
		MAPS_TEST(nonsense_in_the_maps_is_neither_believed_nor_kept),
	};

	return cmocka_run_group_tests_name("pinned_maps_refuse", tests, mount_bpffs, umount_bpffs);
}
