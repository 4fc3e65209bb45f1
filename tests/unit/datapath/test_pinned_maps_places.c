/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent writes to the pinned maps beside addresses: ports of Services and of nodes, networks,
 * cgroups, and who is behind them. Needs root.
 */
#include "maps_fixture.h"

#include <arpa/inet.h>

#include "base/metric.h"

#define TCP 6

/* --- what there is to write --------------------------------------------------------------------- */

/* A pod on node 192.0.2.1 that declares a port of it. */
struct port_pod {
	struct pod pod;
	struct pn_host_port port;
	struct pn_addr host;
};

static void port_pod_init(struct port_pod *p, const char *name, const char *uid,
			  const char *address, uint16_t port)
{
	pod_init(&p->pod, name, uid, address, 1);
	p->port = (struct pn_host_port) { port, port, TCP };
	p->host = addr("192.0.2.1");
	p->pod.p.host_ports = &p->port;
	p->pod.p.n_host_ports = 1;
	p->pod.p.host_addrs = &p->host;
	p->pod.p.n_host_addrs = 1;
}

/* --- what is in the maps ------------------------------------------------------------------------ */

/* @owner: set by the look-up that returned @err */
static void name_owner(const struct pn_maps_reader *r, int err, const uint32_t *owner,
		       char name[64])
{
	struct pn_owner_value value;

	(void)snprintf(name, 64, "-");
	if (err == -ENOENT)
		return;
	assert_int_equal(err, 0);
	assert_int_equal(pn_maps_reader_owner(r, *owner, &value), 0);
	(void)snprintf(name, 64, "%.63s", value.name);
}

static void assert_service(const struct maps *t, const char *address, uint16_t port,
			   const char *expected)
{
	struct pn_maps_reader *r = open_reader(t);
	struct pn_addr a = addr(address);
	uint32_t owner = 0;
	char name[64];

	name_owner(r, pn_maps_reader_service(r, &a, TCP, port, &owner), &owner, name);
	pn_maps_reader_close(r);
	assert_string_equal(name, expected);
}

static void assert_host_port(const struct maps *t, uint16_t port, const char *expected)
{
	struct pn_maps_reader *r = open_reader(t);
	struct pn_addr a = addr("192.0.2.1");
	uint32_t owner = 0;
	char name[64];

	name_owner(r, pn_maps_reader_hostport(r, &a, TCP, port, &owner), &owner, name);
	pn_maps_reader_close(r);
	assert_string_equal(name, expected);
}

static void assert_network(const struct maps *t, const char *address, unsigned int prefix_len,
			   const char *expected)
{
	struct pn_maps_reader *r = open_reader(t);
	struct pn_addr a = addr(address);
	struct pn_cidr net = { .prefix_len = 0 };
	uint32_t owner = 0;
	char name[64];

	name_owner(r, pn_maps_reader_cidr(r, &a, &net, &owner), &owner, name);
	pn_maps_reader_close(r);
	assert_string_equal(name, expected);
	assert_int_equal(net.prefix_len, prefix_len);
}

static void assert_cgroup(const struct maps *t, uint64_t id, const char *expected)
{
	struct pn_maps_reader *r = open_reader(t);
	uint32_t owner = 0;
	char name[64];

	name_owner(r, pn_maps_reader_cgroup(r, id, &owner), &owner, name);
	pn_maps_reader_close(r);
	assert_string_equal(name, expected);
}

static void map_info(const struct maps *t, const char *name, struct bpf_map_info *ret)
{
	uint32_t len = sizeof(*ret);
	int fd = open_map(t, name);

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(bpf_obj_get_info_by_fd(fd, ret, &len), 0);
	(void)close(fd);
}

/* --- coming and going --------------------------------------------------------------------------- */

static void ports_of_services_come_and_go(void **state)
{
	struct maps *t = *state;
	struct pn_ip_value ip;
	struct service s;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	service_init(&s, "web", "uid-s", "10.96.0.1", 80, 1);
	s.ports[0].node_port = 30080;
	add(&t->w, &s.s.meta);
	flush(t);
	assert_int_equal(read_ip(t, "10.96.0.1", &ip), 0);
	assert_int_equal(ip.flags, PN_IP_SERVICE);
	assert_service(t, "10.96.0.1", 80, "web");
	assert_service(t, "10.96.0.1", 81, "-");
	assert_service(t, "::", 30080, "web");
	del(&t->w, &s.s.meta);
	flush(t);
	assert_service(t, "10.96.0.1", 80, "-");
	assert_service(t, "::", 30080, "-");
}

static void ports_of_nodes_come_and_go(void **state)
{
	struct maps *t = *state;
	struct pn_meta_value meta;
	struct port_pod p;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	port_pod_init(&p, "exporter", "uid-e", "10.0.0.1", 9100);
	add(&t->w, &p.pod.p.meta);
	flush(t);
	assert_host_port(t, 9100, "exporter");
	assert_host_port(t, 9101, "-");
	read_meta(t, &meta);
	assert_int_equal(meta.n_hostport, 1);
	del(&t->w, &p.pod.p.meta);
	flush(t);
	assert_host_port(t, 9100, "-");
}

static void the_smallest_network_is_found_and_told(void **state)
{
	struct maps *t = *state;
	const struct pn_range ranges[] = {
		{ cidr("10.0.0.0", 96 + 8), "everything" },
		{ cidr("10.2.0.0", 96 + 15), "office" },
		{ cidr("fd00::", 7), "private" },
		{ cidr("::", 0), "six" },
	};
	struct pn_meta_value meta;
	struct pn_cidr pods;
	struct node n;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	node_init(&n, "n1", "uid-n", "192.0.2.1");
	pods = cidr("10.1.1.0", 96 + 24);
	n.n.pod_cidrs = &pods;
	n.n.n_pod_cidrs = 1;
	add(&t->w, &n.n.meta);
	assert_int_equal(pn_index_set_ranges(t->w.idx, ranges, PN_ARRAY_SIZE(ranges)), 0);
	flush(t);
	assert_network(t, "10.1.1.255", 96 + 24, "n1");
	assert_network(t, "10.1.2.0", 96 + 8, "everything");
	assert_network(t, "10.3.255.255", 96 + 15, "office");
	assert_network(t, "fd12::1", 7, "private");
	assert_network(t, "2001:db8::1", 0, "six");
	assert_network(t, "192.0.2.77", 0, "-");
	read_meta(t, &meta);
	assert_int_equal(meta.n_cidr, 5);
}

static void cgroups_of_pods_and_of_the_node_come_and_go(void **state)
{
	struct maps *t = *state;
	const struct pn_cgroup of_pod = { 1ull << 33 | 7, "uid-1", "" },
			       of_unit = { 8, "", "sshd" };
	struct pn_meta_value meta;
	struct pod p;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	pod_init(&p, "web-1", "uid-1", "10.0.0.1", 1);
	add(&t->w, &p.p.meta);
	assert_int_equal(pn_index_cgroup_add(t->w.idx, &of_pod), 0);
	assert_int_equal(pn_index_cgroup_add(t->w.idx, &of_unit), 0);
	flush(t);
	assert_cgroup(t, of_pod.id, "web-1");
	assert_cgroup(t, of_unit.id, "sshd");
	assert_cgroup(t, 9, "-");
	read_meta(t, &meta);
	assert_int_equal(meta.n_cgroup, 2);
	pn_index_cgroup_remove(t->w.idx, of_unit.id);
	go_to(&t->w, 310000);
	pn_index_prune(t->w.idx);
	flush(t);
	assert_cgroup(t, of_unit.id, "-");
	assert_cgroup(t, of_pod.id, "web-1");
}

static void a_full_trie_is_counted_and_tried_again(void **state)
{
	struct maps *t = *state;
	const struct pn_range ranges[] = {
		{ cidr("10.1.0.0", 96 + 16), "a" },
		{ cidr("10.2.0.0", 96 + 16), "b" },
		{ cidr("10.3.0.0", 96 + 16), "c" },
	};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	uint64_t before = pn_metric_get(PN_METRIC_MAPS_FAILURES);

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	pin(t, "cidr", bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "pn_cidr", 20, 8, 2, &opts));
	start_agent(t, MAX_ADDRS);
	assert_int_equal(pn_index_set_ranges(t->w.idx, ranges, 3), 0);
	assert_int_equal(pn_maps_flush(t->m, t->w.idx), -ENOSPC);
	assert_int_equal(pn_metric_get(PN_METRIC_MAPS_FAILURES), before + 1);
	assert_int_equal(pn_index_set_ranges(t->w.idx, ranges + 1, 2), 0);
	/* room is made by deletions, which come last: so the second call finds it */
	(void)pn_maps_flush(t->m, t->w.idx);
	flush(t);
	assert_network(t, "10.1.0.1", 0, "-");
	assert_network(t, "10.2.0.1", 96 + 16, "b");
	assert_network(t, "10.3.0.1", 96 + 16, "c");
}

/* --- restart ------------------------------------------------------------------------------------ */

/* Everything that the next agent finds again, and only it. */
static void apply_all(struct maps *t, struct port_pod *p, struct service *s)
{
	const struct pn_range range = { cidr("10.2.0.0", 96 + 16), "office" };
	const struct pn_cgroup cgroup = { 7, "uid-e", "" };

	port_pod_init(p, "exporter", "uid-e", "10.0.0.1", 9100);
	service_init(s, "web", "uid-s", "10.96.0.1", 80, 1);
	add(&t->w, &p->pod.p.meta);
	add(&t->w, &s->s.meta);
	assert_int_equal(pn_index_set_ranges(t->w.idx, &range, 1), 0);
	assert_int_equal(pn_index_cgroup_add(t->w.idx, &cgroup), 0);
}

static void assert_all(const struct maps *t)
{
	assert_service(t, "10.96.0.1", 80, "web");
	assert_host_port(t, 9100, "exporter");
	assert_network(t, "10.2.0.1", 96 + 16, "office");
	assert_cgroup(t, 7, "exporter");
}

/* Owner 1 has them, which exists: only the sweep can tell that they are stale. */
static void put_stale(const struct maps *t)
{
	struct pn_port_key port = { .addr = { [15] = 1 }, .port = htons(1), .proto = TCP };
	struct pn_cidr_key cidr = { .prefix_len = 8, .addr = { 0x20 } };
	struct pn_port_value value = { .owner = 1 };
	uint64_t cgroup = 99;

	put_raw(t, "service", &port, &value);
	put_raw(t, "hostport", &port, &value);
	put_raw(t, "cidr", &cidr, &value);
	put_raw(t, "cgroup", &cgroup, &value);
}

static bool has_stale(const struct maps *t)
{
	struct pn_maps_reader *r = open_reader(t);
	struct pn_addr one = addr("::1"), in_net = addr("2000::1");
	struct pn_cidr net;
	uint32_t owner;
	bool has = pn_maps_reader_service(r, &one, TCP, 1, &owner) == 0 ||
		   pn_maps_reader_hostport(r, &one, TCP, 1, &owner) == 0 ||
		   pn_maps_reader_cidr(r, &in_net, &net, &owner) == 0 ||
		   pn_maps_reader_cgroup(r, 99, &owner) == 0;

	pn_maps_reader_close(r);
	return has;
}

static void what_is_stale_is_swept_and_the_rest_is_never_away(void **state)
{
	struct maps *t = *state;
	struct port_pod p;
	struct service s;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_all(t, &p, &s);
	flush(t);
	assert_all(t);
	stop_agent(t);
	put_stale(t);
	assert_all(t);

	start_agent(t, MAX_ADDRS);
	assert_all(t);
	flush(t);
	assert_all(t);
	apply_all(t, &p, &s);
	flush(t);
	assert_true(has_stale(t));
	assert_int_equal(pn_maps_sweep(t->m, t->w.idx), 0);
	assert_all(t);
	assert_false(has_stale(t));
}

static void maps_that_an_older_agent_did_not_know_are_made(void **state)
{
	static const char *const names[] = { "hostport", "cidr", "cgroup" };
	struct maps *t = *state;
	struct port_pod p;
	struct service s;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	apply_all(t, &p, &s);
	flush(t);
	stop_agent(t);
	for (size_t i = 0; i < PN_ARRAY_SIZE(names); i++) {
		char path[96];

		(void)snprintf(path, sizeof(path), "%s/%s", t->dir, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	start_agent(t, MAX_ADDRS);
	assert_service(t, "10.96.0.1", 80, "web");
	apply_all(t, &p, &s);
	flush(t);
	assert_all(t);
}

static void new_maps_are_sized_by_the_addresses_and_adopted_ones_stay(void **state)
{
	static const struct {
		const char *name;
		uint32_t max_entries;
	} expected[] = {
		{ "ip", 16384 },  { "service", 16384 }, { "owner", 16384 }, { "hostport", 8192 },
		{ "cidr", 2048 }, { "cgroup", 16384 },	{ "meta", 1 },
	};
	struct maps *t = *state;
	struct bpf_map_info info;

	NEED_BPFFS();
	start_agent(t, MAX_ADDRS);
	stop_agent(t);
	start_agent(t, 2 * MAX_ADDRS);
	for (size_t i = 0; i < PN_ARRAY_SIZE(expected); i++) {
		map_info(t, expected[i].name, &info);
		assert_int_equal(info.max_entries, expected[i].max_entries);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAPS_TEST(ports_of_services_come_and_go),
		MAPS_TEST(ports_of_nodes_come_and_go),
		MAPS_TEST(the_smallest_network_is_found_and_told),
		MAPS_TEST(cgroups_of_pods_and_of_the_node_come_and_go),
		MAPS_TEST(a_full_trie_is_counted_and_tried_again),
		MAPS_TEST(what_is_stale_is_swept_and_the_rest_is_never_away),
		MAPS_TEST(maps_that_an_older_agent_did_not_know_are_made),
		MAPS_TEST(new_maps_are_sized_by_the_addresses_and_adopted_ones_stay),
	};

	return cmocka_run_group_tests_name("pinned_maps_places", tests, mount_bpffs, umount_bpffs);
}
