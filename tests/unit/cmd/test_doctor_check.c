/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor_check.h"

#define UID_A "11111111-2222-3333-4444-555555555555"
#define UID_B "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define HASH "8daa50c3a64c9ff60bb9eab7b44b56fd"

enum { NODE = 1, OTHER_NODE, POD_A, POD_B, HOST_POD, SERVICE, N_OWNERS };

/* The pinned maps of these tests: the functions below stand in for the ones that read real maps. */
struct pn_maps_reader {
	struct pn_owner_value owners[N_OWNERS];
	struct {
		struct pn_addr addr;
		struct pn_ip_value value;
	} ips[16];
	struct {
		uint64_t id;
		uint32_t owner;
	} cgroups[16];
	struct {
		uint8_t proto;
		uint16_t port;
		uint32_t owner;
	} ports[16];
	size_t n_ips, n_cgroups, n_ports;
	int failure;
};

int pn_maps_reader_ip(const struct pn_maps_reader *r, const struct pn_addr *addr,
		      struct pn_ip_value *ret)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		if (!pn_addr_eq(&r->ips[i].addr, addr))
			continue;
		*ret = r->ips[i].value;
		return 0;
	}
	return -ENOENT;
}

int pn_maps_reader_cgroup(const struct pn_maps_reader *r, uint64_t id, uint32_t *ret_owner)
{
	for (size_t i = 0; i < r->n_cgroups; i++) {
		if (r->cgroups[i].id != id)
			continue;
		*ret_owner = r->cgroups[i].owner;
		return 0;
	}
	return -ENOENT;
}

int pn_maps_reader_hostport(const struct pn_maps_reader *r, const struct pn_addr *addr,
			    uint8_t proto, uint16_t port, uint32_t *ret_owner)
{
	(void)addr;
	for (size_t i = 0; i < r->n_ports; i++) {
		if (r->ports[i].proto != proto || r->ports[i].port != port)
			continue;
		*ret_owner = r->ports[i].owner;
		return 0;
	}
	return -ENOENT;
}

int pn_maps_reader_owner(const struct pn_maps_reader *r, uint32_t id, struct pn_owner_value *ret)
{
	if (id >= N_OWNERS)
		return -ENOENT;
	*ret = r->owners[id];
	return 0;
}

int pn_maps_reader_meta(const struct pn_maps_reader *r, struct pn_meta_value *ret)
{
	*ret = (struct pn_meta_value) { .node = "here" };
	return r->failure;
}

int pn_maps_reader_each_ip(const struct pn_maps_reader *r,
			   void (*visit)(void *data, const struct pn_addr *addr,
					 const struct pn_ip_value *value),
			   void *data)
{
	for (size_t i = 0; i < r->n_ips; i++)
		visit(data, &r->ips[i].addr, &r->ips[i].value);
	return 0;
}

struct world {
	struct pn_maps_reader maps;
	struct pn_truth truth;
	struct pn_addr addrs[8], own[4];
	struct pn_truth_pod pods[2];
	struct pn_truth_cgroup cgroup;
	struct pn_truth_socket socket;
	struct pn_diagnosis result;
};

static struct pn_addr addr_of(const char *text)
{
	struct pn_addr addr;

	assert_int_equal(pn_addr_parse(text, &addr), 0);
	return addr;
}

static void owner(struct world *w, uint32_t id, enum pn_owner_kind kind, const char *name,
		  const char *uid, uint32_t flags)
{
	struct pn_owner_value *o = &w->maps.owners[id];

	o->kind = kind;
	o->flags = flags;
	(void)stpcpy(o->name, name);
	(void)stpcpy(o->uid, uid);
	if (kind == PN_OWNER_POD)
		(void)stpcpy(o->name_space, "shop");
}

static void ip(struct world *w, const char *addr, uint32_t owner_id, uint32_t flags)
{
	w->maps.ips[w->maps.n_ips].addr = addr_of(addr);
	w->maps.ips[w->maps.n_ips++].value =
		(struct pn_ip_value) { .owner = owner_id, .flags = flags };
}

/* The truth: a pod has these addresses. */
static void pod_has(struct world *w, const char *uid, const char *first, const char *second)
{
	struct pn_truth_pod *pod = &w->pods[w->truth.n_pods];

	(void)stpcpy(pod->uid, uid);
	pod->pid = 77;
	pod->addrs.items = &w->addrs[w->truth.n_pods++ * 2];
	if (first)
		pod->addrs.items[pod->addrs.n++] = addr_of(first);
	if (second)
		pod->addrs.items[pod->addrs.n++] = addr_of(second);
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world) { .truth.n_pods = 0 };
	*state = &w;
	owner(&w, NODE, PN_OWNER_NODE, "here", "", PN_OWNER_LOCAL);
	owner(&w, OTHER_NODE, PN_OWNER_NODE, "there", "", 0);
	owner(&w, POD_A, PN_OWNER_POD, "a", UID_A, PN_OWNER_LOCAL);
	owner(&w, POD_B, PN_OWNER_POD, "b", UID_B, PN_OWNER_LOCAL);
	owner(&w, HOST_POD, PN_OWNER_POD, "h", UID_B, PN_OWNER_LOCAL | PN_OWNER_HOST_NETWORK);
	owner(&w, SERVICE, PN_OWNER_SERVICE, "s", "", 0);
	w.truth.pods = w.pods;
	w.truth.cgroups = &w.cgroup;
	w.truth.sockets = &w.socket;
	w.truth.own.items = w.own;
	w.own[w.truth.own.n++] = addr_of("10.80.0.1");
	ip(&w, "10.80.0.1", NODE, PN_IP_LOCAL | PN_IP_HOST);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	pn_diagnosis_done(&w->result);
	return 0;
}

static struct world *diagnose(void **state)
{
	struct world *w = *state;
	struct pn_err err = { "" };

	pn_diagnosis_done(&w->result);
	if (pn_diagnose(&w->truth, &w->maps, &w->result, &err) < 0)
		fail_msg("%s", err.text);
	return w;
}

/* One disagreement and no other; the words name both sides. */
static void assert_only(const struct world *w, enum pn_check check, enum pn_verdict verdict,
			const char *subject, const char *truth, const char *podonym)
{
	assert_int_equal(w->result.n, 1);
	assert_int_equal(w->result.items[0].check, check);
	assert_int_equal(w->result.items[0].verdict, verdict);
	assert_string_equal(w->result.items[0].subject, subject);
	assert_non_null(strstr(w->result.items[0].truth, truth));
	assert_non_null(strstr(w->result.items[0].podonym, podonym));
}

static void what_is_right_is_counted_only(void **state)
{
	struct world *w = *state;

	pod_has(w, UID_A, "10.77.0.2", "fd00::2");
	ip(w, "10.77.0.2", POD_A, PN_IP_LOCAL);
	ip(w, "fd00::2", POD_A, PN_IP_LOCAL);
	ip(w, "10.99.0.1", POD_B, 0); /* of another node */
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_checked[PN_CHECK_ADDRESS], 2);
	assert_int_equal(w->result.n_checked[PN_CHECK_POD], 2);
	assert_int_equal(w->result.n_checked[PN_CHECK_NODE], 1);
}

static void an_address_with_another_pods_name_is_wrong(void **state)
{
	struct world *w = *state;

	pod_has(w, UID_A, "10.77.0.2", NULL);
	ip(w, "10.77.0.2", POD_B, PN_IP_LOCAL);
	(void)diagnose(state);
	assert_only(w, PN_CHECK_ADDRESS, PN_VERDICT_WRONG, "10.77.0.2", UID_A, "shop/b");
}

static void an_address_without_a_name_is_missing(void **state)
{
	struct world *w = *state;

	pod_has(w, UID_A, "10.77.0.2", "fd00::2");
	ip(w, "10.77.0.2", POD_A, PN_IP_LOCAL);
	ip(w, "fd00::2", 0, 0); /* released */
	(void)diagnose(state);
	assert_only(w, PN_CHECK_ADDRESS, PN_VERDICT_MISSING, "fd00::2", "process 77", "nothing");
}

static void an_address_of_a_second_network_is_not_compared(void **state)
{
	struct world *w = *state;

	pod_has(w, UID_A, "192.168.7.1", "10.77.0.2");
	ip(w, "10.77.0.2", POD_A, PN_IP_LOCAL);
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_extra, 1);
	ip(w, "192.168.7.1", POD_B, 0); /* unless it has a name, and a wrong one */
	(void)diagnose(state);
	assert_only(w, PN_CHECK_ADDRESS, PN_VERDICT_WRONG, "192.168.7.1", UID_A, "shop/b");
}

static void an_address_that_no_namespace_has_is_stale(void **state)
{
	struct world *w = *state;

	ip(w, "10.77.0.9", POD_A, PN_IP_LOCAL);
	(void)diagnose(state);
	assert_only(w, PN_CHECK_POD, PN_VERDICT_STALE, "10.77.0.9", "no network namespace",
		    " for ");
}

static void a_pod_that_ends_or_hides_its_addresses_is_not_stale(void **state)
{
	struct world *w = *state;

	pod_has(w, UID_A, NULL, NULL);
	ip(w, "10.77.0.9", POD_A, PN_IP_LOCAL);
	ip(w, "10.77.0.10", POD_B, PN_IP_LOCAL | PN_IP_TERMINATING);
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_unseen, 1);
}

static void a_cgroup_must_lead_to_its_pod(void **state)
{
	struct world *w = *state;

	w->cgroup = (struct pn_truth_cgroup) { .id = 5, .uid = UID_A, .path = (char[]) { "/x" } };
	w->truth.n_cgroups = 1;
	(void)diagnose(state);
	assert_only(w, PN_CHECK_CGROUP, PN_VERDICT_MISSING, "/x", UID_A, "nothing");
	w->maps.cgroups[w->maps.n_cgroups].id = 5;
	w->maps.cgroups[w->maps.n_cgroups++].owner = POD_B;
	(void)diagnose(state);
	assert_only(w, PN_CHECK_CGROUP, PN_VERDICT_WRONG, "/x", UID_A, UID_B);
	w->maps.cgroups[0].owner = POD_A;
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	/* of a static pod only that it is one */
	(void)stpcpy(w->cgroup.uid, HASH);
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	w->maps.cgroups[0].owner = NODE;
	(void)diagnose(state);
	assert_int_equal(w->result.n, 1);
}

static void a_declared_port_belongs_to_who_listens(void **state)
{
	struct world *w = *state;

	w->socket = (struct pn_truth_socket) {
		.proto = IPPROTO_TCP, .port = 9100, .pid = 5, .uid = UID_A
	};
	w->truth.n_sockets = 1;
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_undeclared, 1);
	w->maps.ports[0].proto = IPPROTO_TCP;
	w->maps.ports[0].port = 9100;
	w->maps.ports[0].owner = HOST_POD;
	w->maps.n_ports = 1;
	(void)diagnose(state);
	assert_only(w, PN_CHECK_PORT, PN_VERDICT_WRONG, "tcp 10.80.0.1:9100", UID_A, "shop/h");
	(void)stpcpy(w->socket.uid, "");
	(void)diagnose(state);
	assert_only(w, PN_CHECK_PORT, PN_VERDICT_WRONG, "tcp 10.80.0.1:9100", "no pod", "shop/h");
	(void)stpcpy(w->socket.uid, UID_B);
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_checked[PN_CHECK_PORT], 1);
	/* a translation leads to that pod, whoever listens here */
	w->maps.ports[0].owner = POD_A;
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	/* not for what comes from outside */
	w->maps.ports[0].owner = HOST_POD;
	w->socket.addr = addr_of("127.0.0.1");
	(void)stpcpy(w->socket.uid, UID_A);
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_undeclared, 0);
}

static void the_nodes_addresses_must_be_the_nodes(void **state)
{
	struct world *w = *state;

	w->own[w->truth.own.n++] = addr_of("10.80.0.2");
	w->own[w->truth.own.n++] = addr_of("10.96.0.1");
	ip(w, "10.96.0.1", SERVICE, PN_IP_SERVICE); /* IPVS */
	ip(w, "203.0.113.1", NODE, PN_IP_LOCAL | PN_IP_HOST);
	(void)diagnose(state);
	assert_int_equal(w->result.n, 0);
	assert_int_equal(w->result.n_elsewhere, 1);
	ip(w, "10.80.0.2", OTHER_NODE, PN_IP_HOST);
	(void)diagnose(state);
	assert_only(w, PN_CHECK_NODE, PN_VERDICT_WRONG, "10.80.0.2", "node here", "node there");
}

static void a_node_none_of_whose_addresses_is_here_is_another_one(void **state)
{
	struct world *w = *state;

	w->own[0] = addr_of("10.80.0.7");
	(void)diagnose(state);
	assert_only(w, PN_CHECK_NODE, PN_VERDICT_WRONG, "10.80.0.1", "no interface", "node here");
}

static void only_what_disagrees_twice_is_kept(void **state)
{
	struct pn_diagnosis first = { .n = 0 };
	struct world *w = *state;

	ip(w, "10.77.0.8", POD_A, PN_IP_LOCAL);
	ip(w, "10.77.0.9", POD_A, PN_IP_LOCAL);
	assert_int_equal(pn_diagnose(&w->truth, &w->maps, &first, NULL), 0);
	assert_int_equal(first.n, 2);
	w->maps.ips[w->maps.n_ips - 1].addr = addr_of("10.77.0.10");
	(void)diagnose(state);
	assert_int_equal(w->result.n, 2);
	pn_diagnosis_keep(&w->result, &first);
	pn_diagnosis_done(&first);
	assert_only(w, PN_CHECK_POD, PN_VERDICT_STALE, "10.77.0.8", "", "");
	assert_int_equal(pn_diagnosis_count(&w->result, PN_CHECK_POD, PN_VERDICT_STALE), 1);
}

static void maps_that_cannot_be_read_are_an_error(void **state)
{
	struct world *w = *state;
	struct pn_err err = { "" };

	w->maps.failure = -EPERM;
	assert_int_equal(pn_diagnose(&w->truth, &w->maps, &w->result, &err), -EPERM);
	assert_non_null(strstr(err.text, "maps"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_right_is_counted_only),
		TEST(an_address_with_another_pods_name_is_wrong),
		TEST(an_address_without_a_name_is_missing),
		TEST(an_address_of_a_second_network_is_not_compared),
		TEST(an_address_that_no_namespace_has_is_stale),
		TEST(a_pod_that_ends_or_hides_its_addresses_is_not_stale),
		TEST(a_cgroup_must_lead_to_its_pod),
		TEST(a_declared_port_belongs_to_who_listens),
		TEST(the_nodes_addresses_must_be_the_nodes),
		TEST(a_node_none_of_whose_addresses_is_here_is_another_one),
		TEST(only_what_disagrees_twice_is_kept),
		TEST(maps_that_cannot_be_read_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
