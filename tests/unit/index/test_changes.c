/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index tells the map writer: order, failures, seeding; and the names of workloads, which
 * reach the maps as changes.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

/* struct taker - plays the maps: notes what it is given, fails what the test says */
struct taker {
	size_t n[PN_CHANGE_CGROUP + 1], n_gone[PN_CHANGE_CGROUP + 1]; /* by kind */
	bool fail_owners, fail_ips;
	bool wrong_order;
	struct pn_index_change last[PN_CHANGE_CGROUP + 1];
	char last_owner[3][64]; /* name, workload kind, workload name */
};

static void take_owner(struct taker *t, struct pn_index_change *c)
{
	c->failed = t->fail_owners && !c->gone;
	if (c->gone)
		return;
	for (int kind = PN_CHANGE_IP; kind <= PN_CHANGE_CGROUP; kind++)
		t->wrong_order |= t->n[kind] || t->n_gone[kind];
	t->wrong_order |= t->n_gone[PN_CHANGE_OWNER] > 0;
	(void)snprintf(t->last_owner[0], 64, "%s", c->owner->name);
	(void)snprintf(t->last_owner[1], 64, "%s", c->owner->workload_kind);
	(void)snprintf(t->last_owner[2], 64, "%s", c->owner->workload_name);
}

static void take(void *data, struct pn_index_change *changes, size_t n)
{
	struct taker *t = data;

	for (size_t i = 0; i < n; i++) {
		struct pn_index_change *c = &changes[i];

		t->wrong_order |= c->kind != changes[0].kind || c->gone != changes[0].gone;
		if (c->kind == PN_CHANGE_OWNER)
			take_owner(t, c);
		else
			t->wrong_order |= t->n_gone[PN_CHANGE_OWNER] > 0;
		if (c->kind == PN_CHANGE_IP)
			c->failed = t->fail_ips;
		(c->gone ? t->n_gone : t->n)[c->kind]++;
		t->last[c->kind] = *c;
	}
}

static struct taker take_all(struct world *w)
{
	struct taker t = { .wrong_order = false };

	(void)pn_index_take_changes(w->idx, take, &t);
	assert_false(t.wrong_order);
	return t;
}

static void owners_come_before_addresses_and_go_after_them(void **state)
{
	struct world *w = *state;
	struct taker t;
	struct service s;
	struct pod a, b;

	go_to(w, 9000);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.2", 1);
	service_init(&s, "s", "uid-s", "10.96.0.1", 80, 1);
	add(w, &a.p.meta);
	add(w, &s.s.meta);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER], 2);
	assert_int_equal(t.n[PN_CHANGE_IP], 2);
	assert_int_equal(t.n[PN_CHANGE_SERVICE], 1);

	del(w, &a.p.meta);
	del(w, &s.s.meta);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_IP], 2); /* released, remembered */
	assert_int_equal(t.n_gone[PN_CHANGE_SERVICE], 1);
	go_to(w, 400000);
	pn_index_prune(w->idx);
	add(w, &b.p.meta);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER], 1);
	assert_int_equal(t.n[PN_CHANGE_IP], 1);
	assert_int_equal(t.n_gone[PN_CHANGE_IP], 2);
	assert_int_equal(t.n_gone[PN_CHANGE_OWNER], 2);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER] + t.n[PN_CHANGE_IP] + t.n_gone[PN_CHANGE_IP] +
				 t.n_gone[PN_CHANGE_OWNER],
			 0);
}

static void every_sort_of_place_is_a_change_of_its_own(void **state)
{
	const struct pn_range range = { cidr("172.16.0.0", 96 + 12), "lab" };
	struct world *w = *state;
	struct service s;
	struct node n;
	struct taker t;
	struct pod a;

	service_init(&s, "s", "uid-s", "10.96.0.1", 80, 1);
	s.ports[0].node_port = 30080;
	node_init(&n, "n2", "uid-n", "192.0.2.2");
	node_add_cidr(&n, "10.0.0.0", 96 + 24);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_add_host_port(&a, 8080);
	pod_add_host_addr(&a, "192.0.2.2");
	go_to(w, 9000);
	add(w, &a.p.meta);
	add(w, &s.s.meta);
	add(w, &n.n.meta);
	assert_int_equal(pn_index_set_ranges(w->idx, &range, 1), 0);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER], 4);
	assert_int_equal(t.n[PN_CHANGE_IP], 3);
	assert_int_equal(t.n[PN_CHANGE_SERVICE], 2);
	assert_int_equal(t.n[PN_CHANGE_HOSTPORT], 1);
	assert_int_equal(t.n[PN_CHANGE_CIDR], 2);
	assert_memory_equal(&t.last[PN_CHANGE_SERVICE].port,
			    (&(struct pn_port_key) { .port = htons(30080), .proto = 6 }),
			    sizeof(struct pn_port_key));
	assert_true(pn_index_has_service(w->idx, &t.last[PN_CHANGE_SERVICE].port));
	assert_false(pn_index_has_hostport(w->idx, &t.last[PN_CHANGE_SERVICE].port));
	assert_true(pn_index_has_hostport(w->idx, &t.last[PN_CHANGE_HOSTPORT].port));
	assert_int_equal(t.last[PN_CHANGE_HOSTPORT].port.port, htons(8080));
	assert_int_equal(t.last[PN_CHANGE_HOSTPORT].owner_id, owner_now(w, "10.0.0.1")->id);
	assert_int_equal(t.last[PN_CHANGE_CIDR].cidr.prefix_len, 96 + 12);
	assert_true(pn_index_has_cidr(w->idx, &t.last[PN_CHANGE_CIDR].cidr));

	del(w, &a.p.meta);
	del(w, &s.s.meta);
	del(w, &n.n.meta);
	assert_int_equal(pn_index_set_ranges(w->idx, NULL, 0), 0);
	t = take_all(w);
	assert_int_equal(t.n_gone[PN_CHANGE_SERVICE], 2);
	assert_int_equal(t.n_gone[PN_CHANGE_HOSTPORT], 1);
	assert_int_equal(t.n_gone[PN_CHANGE_CIDR], 2);
	go_to(w, 400000);
	pn_index_prune(w->idx);
	t = take_all(w);
	assert_int_equal(t.n_gone[PN_CHANGE_OWNER], 4);
	assert_int_equal(t.n_gone[PN_CHANGE_IP], 3);
}

static void an_ip_tells_when_two_owners_are_possible(void **state)
{
	struct world *w = *state;
	struct pn_index_change c;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	go_to(w, 2000);
	add(w, &a.p.meta);
	go_to(w, 22000);
	add(w, &b.p.meta);
	c = take_all(w).last[PN_CHANGE_IP];
	assert_int_equal(c.ip.since_ns, at(20));
	assert_int_equal(c.ip.prev_until_ns, at(22));
	assert_int_equal(c.ip.generation, 2);
}

static void many_changes_come_in_batches(void **state)
{
	struct world *w = *state;
	char uid[32], text[32];
	struct pod p;

	for (unsigned int i = 0; i < 1000; i++) {
		(void)snprintf(uid, sizeof(uid), "uid-%u", i);
		(void)snprintf(text, sizeof(text), "10.0.%u.%u", i / 200, 1 + i % 200);
		pod_init(&p, uid, uid, text, 0);
		add(w, &p.p.meta);
	}
	assert_int_equal(take_all(w).n[PN_CHANGE_IP], 1000);
	assert_int_equal(take_all(w).n[PN_CHANGE_IP], 0);
}

static void a_burst_is_one_change(void **state)
{
	struct world *w = *state;
	struct pod a, b;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 0);
	go_to(w, 3000);
	for (int i = 0; i < 10; i++) {
		add(w, &a.p.meta);
		del(w, &a.p.meta);
		add(w, &b.p.meta);
		del(w, &b.p.meta);
	}
	add(w, &b.p.meta);
	assert_int_equal(take_all(w).n[PN_CHANGE_IP], 1);
}

static void what_failed_comes_again(void **state)
{
	struct world *w = *state;
	struct taker t = { .fail_ips = true };
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	assert_int_equal(pn_index_take_changes(w->idx, take, &t), 1);
	assert_int_equal(t.n[PN_CHANGE_IP], 1);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER], 0);
	assert_int_equal(t.n[PN_CHANGE_IP], 1);
	assert_int_equal(take_all(w).n[PN_CHANGE_IP], 0);
}

static void an_address_never_names_an_owner_that_failed(void **state)
{
	struct world *w = *state;
	struct taker t = { .fail_owners = false };
	struct pod a, b;
	uint32_t id;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 1);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 5);
	go_to(w, 2000);
	add(w, &a.p.meta);
	id = owner_now(w, "10.0.0.1")->id;
	(void)take_all(w);
	go_to(w, 8000);
	add(w, &b.p.meta);
	t.fail_owners = true;
	(void)pn_index_take_changes(w->idx, take, &t);
	assert_int_equal(t.last[PN_CHANGE_IP].ip.owner, 0);
	assert_int_equal(t.last[PN_CHANGE_IP].ip.prev_owner, id);
	t = take_all(w);
	assert_int_equal(t.last[PN_CHANGE_IP].ip.owner, owner_now(w, "10.0.0.1")->id);
}

static void owners_stay_while_an_address_failed(void **state)
{
	struct world *w = *state;
	struct taker t = { .fail_ips = true };
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	(void)take_all(w);
	del(w, &a.p.meta);
	go_to(w, 400000);
	pn_index_prune(w->idx);
	(void)pn_index_take_changes(w->idx, take, &t);
	assert_int_equal(t.n_gone[PN_CHANGE_IP], 1);
	assert_int_equal(t.n_gone[PN_CHANGE_OWNER], 0);
	assert_int_equal(take_all(w).n_gone[PN_CHANGE_OWNER], 1);
}

static void flags_follow_the_object(void **state)
{
	struct world *w = *state;
	struct node n;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	assert_int_equal(take_all(w).last[PN_CHANGE_IP].ip.flags, PN_IP_LOCAL);
	a.p.meta.terminating = true;
	update(w, &a.p.meta, &a.p.meta);
	assert_int_equal(take_all(w).last[PN_CHANGE_IP].ip.flags, PN_IP_LOCAL | PN_IP_TERMINATING);
	a.p.node_name = "n2";
	update(w, &a.p.meta, &a.p.meta);
	assert_int_equal(take_all(w).last[PN_CHANGE_IP].ip.flags, PN_IP_TERMINATING);
	node_init(&n, "n1", "uid-n", "192.0.2.1");
	add(w, &n.n.meta);
	assert_int_equal(take_all(w).last[PN_CHANGE_IP].ip.flags, PN_IP_LOCAL | PN_IP_HOST);
}

/* --- workloads ---------------------------------------------------------------------------------- */

static void controlled_by(struct pod *p, const char *kind, const char *name, const char *uid)
{
	p->p.meta.controller = controller_of(kind, name, uid);
}

static void check_workload(const struct world *w, const char *kind, const char *name)
{
	assert_string_equal(owner_now(w, "10.0.0.1")->workload_kind, kind);
	assert_string_equal(owner_now(w, "10.0.0.1")->workload_name, name);
}

static void a_replicaset_leads_to_its_deployment(void **state)
{
	struct world *w = *state;
	struct pn_object rs;
	struct pod a;

	replicaset_init(&rs, "web-7d4", "rs-uid", "web");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	controlled_by(&a, "ReplicaSet", "web-7d4", "rs-uid");
	add(w, &rs);
	add(w, &a.p.meta);
	check_workload(w, "Deployment", "web");
	del(w, &rs); /* a rollout removed it before its last pod */
	update(w, &a.p.meta, &a.p.meta);
	check_workload(w, "Deployment", "web");
}

static void a_replicaset_that_comes_late_renames_its_pods(void **state)
{
	struct world *w = *state;
	struct pn_object rs;
	struct taker t;
	struct pod a;
	uint32_t id;

	replicaset_init(&rs, "web-7d4", "rs-uid", "web");
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	controlled_by(&a, "ReplicaSet", "web-7d4", "rs-uid");
	add(w, &a.p.meta);
	check_workload(w, "ReplicaSet", "web-7d4");
	id = owner_now(w, "10.0.0.1")->id;
	(void)take_all(w);
	add(w, &rs);
	check_workload(w, "Deployment", "web");
	assert_int_equal(owner_now(w, "10.0.0.1")->id, id);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER], 1);
	assert_int_equal(t.n[PN_CHANGE_IP], 0);
	assert_string_equal(t.last_owner[1], "Deployment");
	assert_string_equal(t.last_owner[2], "web");
}

static void a_replicaset_of_its_own_is_the_workload(void **state)
{
	struct world *w = *state;
	struct pn_object rs;
	struct pod a;

	replicaset_init(&rs, "web-7d4", "rs-uid", NULL);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	controlled_by(&a, "ReplicaSet", "web-7d4", "rs-uid");
	add(w, &rs);
	add(w, &a.p.meta);
	check_workload(w, "ReplicaSet", "web-7d4");
}

static void any_other_controller_is_the_workload(void **state)
{
	static const char *const kinds[] = { "Job", "StatefulSet", "DaemonSet", "Node", "Widget" };
	struct world *w = *state;
	struct pod a;

	for (size_t i = 0; i < PN_ARRAY_SIZE(kinds); i++) {
		pod_init(&a, "a", kinds[i], "10.0.0.1", (int64_t)i);
		controlled_by(&a, kinds[i], "x", "c-uid");
		go_to(w, 2000 + i * 1000);
		add(w, &a.p.meta);
		check_workload(w, kinds[i], "x");
	}
}

static void a_bare_pod_has_no_workload(void **state)
{
	struct world *w = *state;
	struct pod a;

	pod_init(&a, "a", "uid-a", "10.0.0.1", 0);
	add(w, &a.p.meta);
	check_workload(w, "", "");
}

/* --- seeding ------------------------------------------------------------------------------------ */

static struct pn_owner_value owner_value(const char *uid, const char *name)
{
	struct pn_owner_value v = { .kind = PN_OWNER_POD, .flags = PN_OWNER_LOCAL };

	(void)snprintf(v.uid, sizeof(v.uid), "%s", uid);
	(void)snprintf(v.name, sizeof(v.name), "%s", name);
	(void)snprintf(v.name_space, sizeof(v.name_space), "shop");
	(void)snprintf(v.node, sizeof(v.node), "n1");
	return v;
}

static int seed_ip(struct world *w, const char *text, const struct pn_ip_value *v)
{
	struct pn_addr a = addr(text);
	struct pn_ip_key key;

	memcpy(key.addr, a.b, sizeof(key.addr));
	return pn_index_seed_ip(w->idx, &key, v);
}

static void what_was_seeded_is_no_change_until_it_differs(void **state)
{
	struct world *w = *state;
	struct pn_owner_value va = owner_value("uid-a", "a");
	struct pn_ip_value ip = {
		.owner = 41, .since_ns = at(2), .generation = 7, .flags = PN_IP_LOCAL
	};
	struct taker t;
	struct pod a;

	go_to(w, 5000);
	assert_int_equal(pn_index_seed(w->idx, 41, &va), 0);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), 0);
	pod_init(&a, "a", "uid-a", "10.0.0.1", 3);
	add(w, &a.p.meta);
	pn_index_confirm(w->idx);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_OWNER] + t.n[PN_CHANGE_IP], 0);
	assert_string_equal(name_at(w, "10.0.0.1", at(2)), "a");

	del(w, &a.p.meta);
	t = take_all(w);
	assert_int_equal(t.n[PN_CHANGE_IP], 1);
	assert_int_equal(t.last[PN_CHANGE_IP].ip.generation, 8);
	assert_int_equal(t.last[PN_CHANGE_IP].ip.prev_owner, 41);
	assert_int_equal(pn_index_next_id(w->idx), 42);
}

static void what_is_not_confirmed_is_released(void **state)
{
	struct world *w = *state;
	struct pn_owner_value va = owner_value("uid-a", "a");
	struct pn_ip_value ip = { .owner = 41, .since_ns = at(2), .generation = 7 };

	go_to(w, 5000);
	assert_int_equal(pn_index_seed(w->idx, 41, &va), 0);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), 0);
	assert_string_equal(name_now(w, "10.0.0.1"), "a");
	pn_index_confirm(w->idx);
	assert_string_equal(name_now(w, "10.0.0.1"), "-");
	assert_string_equal(name_at(w, "10.0.0.1", at(4)), "a");
}

static void seeds_that_overlap_leave_both_possible(void **state)
{
	struct world *w = *state;
	struct pn_owner_value va = owner_value("uid-a", "a"), vb = owner_value("uid-b", "b");
	struct pn_ip_value ip = {
		.owner = 8,
		.prev_owner = 7,
		.since_ns = at(20),
		.prev_until_ns = at(22),
		.generation = 2,
	};
	struct pod b;

	go_to(w, 30000);
	assert_int_equal(pn_index_seed(w->idx, 7, &va), 0);
	assert_int_equal(pn_index_seed(w->idx, 8, &vb), 0);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), 0);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	add(w, &b.p.meta);
	pn_index_confirm(w->idx);
	assert_string_equal(name_at(w, "10.0.0.1", at_ms(19999)), "-");
	assert_string_equal(name_at(w, "10.0.0.1", at(20)), "?");
	assert_string_equal(name_at(w, "10.0.0.1", at_ms(21999)), "?");
	assert_string_equal(name_at(w, "10.0.0.1", at(22)), "b");
}

static void a_seeded_owner_whose_end_was_missed_may_have_had_it_until_the_confirmation(void **state)
{
	struct world *w = *state;
	struct pn_owner_value va = owner_value("uid-a", "a");
	struct pn_ip_value ip = { .owner = 7, .since_ns = at(2), .generation = 1 };
	struct pod b;

	go_to(w, 30000);
	assert_int_equal(pn_index_seed(w->idx, 7, &va), 0);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), 0);
	go_to(w, 31000);
	pod_init(&b, "b", "uid-b", "10.0.0.1", 20);
	add(w, &b.p.meta);
	assert_string_equal(name_now(w, "10.0.0.1"), "b");
	go_to(w, 32000);
	pn_index_confirm(w->idx);
	assert_string_equal(name_at(w, "10.0.0.1", at_ms(19999)), "a");
	assert_string_equal(name_at(w, "10.0.0.1", at(20)), "?");
	assert_string_equal(name_at(w, "10.0.0.1", at_ms(31999)), "?");
	assert_string_equal(name_at(w, "10.0.0.1", at(32)), "b");
}

static void ranges_nodes_and_services_keep_their_ids(void **state)
{
	const struct pn_range range = { cidr("172.16.0.0", 96 + 12), "lab" };
	struct world *w = *state;
	struct pn_owner_value v[3] = { owner_value("range:172.16.0.0/12", "lab"),
				       owner_value("uid-n", "n2"), owner_value("uid-s", "s") };
	struct pn_addr a = addr("172.16.1.1");
	const struct pn_owner *o = NULL;
	struct service s;
	struct node n;

	v[0].kind = PN_OWNER_RANGE;
	v[1].kind = PN_OWNER_NODE;
	v[2].kind = PN_OWNER_SERVICE;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pn_index_seed(w->idx, 50 + i, &v[i]), 0);
	node_init(&n, "n2", "uid-n", "192.0.2.2");
	service_init(&s, "s", "uid-s", "10.96.0.1", 80, 0);
	add(w, &n.n.meta);
	add(w, &s.s.meta);
	assert_int_equal(pn_index_set_ranges(w->idx, &range, 1), 0);
	pn_index_confirm(w->idx);
	assert_int_equal(pn_index_cidr(w->idx, &a, &o), 1);
	assert_int_equal(o->id, 50);
	assert_int_equal(owner_now(w, "192.0.2.2")->id, 51);
	assert_int_equal(owner_now(w, "10.96.0.1")->id, 52);
}

static void seeds_that_make_no_sense_are_refused(void **state)
{
	struct world *w = *state;
	struct pn_owner_value good = owner_value("uid-a", "a"), bad = good;
	struct pn_ip_value ip = { .owner = 9, .since_ns = at(2) };

	go_to(w, 5000);
	assert_int_equal(pn_index_seed(w->idx, 0, &good), -EINVAL);
	assert_int_equal(pn_index_seed(w->idx, UINT32_MAX, &good), -EINVAL);
	bad.kind = PN_OWNER_KIND_MAX;
	assert_int_equal(pn_index_seed(w->idx, 1, &bad), -EINVAL);
	bad = good;
	memset(bad.name, 'x', sizeof(bad.name));
	assert_int_equal(pn_index_seed(w->idx, 1, &bad), -EINVAL);
	assert_int_equal(pn_index_seed(w->idx, 1, &good), 0);
	assert_int_equal(pn_index_seed(w->idx, 1, &good), -EINVAL);
	assert_int_equal(pn_index_seed(w->idx, 2, &good), -EINVAL);

	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), -EINVAL); /* no such owner */
	ip = (struct pn_ip_value) { .owner = 1, .since_ns = at(6) };
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), -EINVAL); /* in the future */
	ip = (struct pn_ip_value) { .owner = 1, .since_ns = at(2), .prev_owner = 1 };
	ip.prev_until_ns = at(6);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), -EINVAL); /* in the future */
	ip.prev_until_ns = at(1);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), 0);
	assert_int_equal(seed_ip(w, "10.0.0.1", &ip), -EINVAL); /* twice */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(owners_come_before_addresses_and_go_after_them),
		TEST(every_sort_of_place_is_a_change_of_its_own),
		TEST(an_ip_tells_when_two_owners_are_possible),
		TEST(many_changes_come_in_batches),
		TEST(a_burst_is_one_change),
		TEST(what_failed_comes_again),
		TEST(an_address_never_names_an_owner_that_failed),
		TEST(owners_stay_while_an_address_failed),
		TEST(flags_follow_the_object),
		TEST(a_replicaset_leads_to_its_deployment),
		TEST(a_replicaset_that_comes_late_renames_its_pods),
		TEST(a_replicaset_of_its_own_is_the_workload),
		TEST(any_other_controller_is_the_workload),
		TEST(a_bare_pod_has_no_workload),
		TEST(what_was_seeded_is_no_change_until_it_differs),
		TEST(what_is_not_confirmed_is_released),
		TEST(seeds_that_overlap_leave_both_possible),
		TEST(a_seeded_owner_whose_end_was_missed_may_have_had_it_until_the_confirmation),
		TEST(ranges_nodes_and_services_keep_their_ids),
		TEST(seeds_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests_name("index changes", tests, NULL, NULL);
}
