/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When names can be trusted: how long a connection waits for news of its ends, for an API server that is away,
 * for an agent that has just started, and what it is called when it cannot wait.
 */
#include "tests/unit/flow/names_fixture.h"

static const struct way web_to_db = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
static const struct way agent_to_agent = { "172.16.0.1", 4000, "172.16.0.1", 8080, IPPROTO_TCP };

static void wait_for_names(struct rig *r)
{
	r->config.name_wait = PN_JOINER_NAME_WAIT;
	r->config.pod_wait = PN_JOINER_POD_WAIT;
	restart(r);
}

static void populate_and_wait(struct rig *r, struct cluster *c)
{
	populate(r, c);
	wait_for_names(r);
}

static void first_record_waits_and_later_ones_do_not(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 2);
	no_record(r, 1000);
	no_record(r, 2999);
	assert_counts(only_record(r, 3000), 2, 0);
	leave(r, web_to_db, 1);
	assert_counts(only_record(r, 3100), 1, 0);
	restart(r);
	leave(r, web_to_db, 1);
	assert_counts(only_record(r, 3200), 1, 0);
}

static void owner_that_is_announced_late_is_named(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate_and_wait(r, &c);
	go_to(r->w, 10000);
	del(r->w, &c.web.p.meta);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.1", 11);
	go_to(r->w, 12000);
	leave(r, web_to_db, 1);
	no_record(r, 13000); /* nobody, for all that is known */
	go_to(r->w, 14500);
	add(r->w, &heir.p.meta);
	assert_named(&only_record(r, 15000)->source, PN_ATTR_IP, "heir");
}

static void sockets_need_no_waiting(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	add(r->w, &c.agent_b.p.meta);
	wait_for_names(r);
	leave(r, agent_to_agent, 1);
	show_cgroup(r, agent_to_agent, CGROUP_A);
	show_cgroup(r, back(agent_to_agent), CGROUP_B);
	no_record(r, 99);
	assert_counts(only_record(r, 100), 1, 0);
}

static void awaited_pod_is_waited_for_longer(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, agent_to_agent, 1);
	show_cgroup(r, agent_to_agent, CGROUP_A);
	show_cgroup(r, back(agent_to_agent), CGROUP_B);
	no_record(r, 3000);
	no_record(r, 9000);
	add(r->w, &c.agent_b.p.meta);
	assert_named(&only_record(r, 9100)->destination, PN_ATTR_CGROUP, "agent-b");
}

static void awaited_pod_is_not_waited_for_without_end(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, agent_to_agent, 1);
	show_cgroup(r, back(agent_to_agent), CGROUP_B);
	no_record(r, 14999);
	assert_named(&only_record(r, 15000)->destination, PN_ATTR_NONE, "-");
}

static void connection_that_ends_meanwhile_is_held(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 3);
	show_flags(r, web_to_db, TH_RST);
	no_record(r, 2500); /* it would have been told by now */
	assert_int_equal(entries_left(r), 1);
	assert_counts(only_record(r, 3000), 3, 0);
	assert_int_equal(r->records[0].state, PN_FLOW_CLOSED);
	assert_int_equal(entries_left(r), 0);
}

static void web_leaves(struct rig *r, bool is_unseen)
{
	struct pn_addr web = addr("10.0.0.1");

	assert_true(pn_joiner_left(r->joiner, &web, is_unseen));
}

static void what_has_left_waits_until_another_interface_comes(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	assert_false(pn_joiner_came(r->joiner));
	go_to(r->w, 10000);
	leave(r, web_to_db, 2);
	web_leaves(r, false);
	no_record(r, 10050);
	no_record(r, 11000);
	assert_true(pn_joiner_came(r->joiner));
	assert_counts(only_record(r, 11010), 2, 0);
	assert_named(&r->records[0].source, PN_ATTR_STALE, "web"); /* it was to wait for news */
	assert_named(&r->records[0].destination, PN_ATTR_STALE, "db");
	assert_int_equal(r->records[0].state, PN_FLOW_LEFT);
	assert_int_equal(entries_left(r), 0);
	leave(r, web_to_db, 1); /* the same ports, by who came */
	assert_false(pn_joiner_came(r->joiner));
	no_record(r, 12000);
	assert_counts(only_record(r, 14010), 1, 0);
	assert_int_equal(r->records[0].state, PN_FLOW_ACTIVE);
}

/* All three within one batch of news. */
static void what_comes_right_after_one_has_left_meets_an_empty_table(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 2);
	web_leaves(r, false);
	assert_true(pn_joiner_came(r->joiner));
	assert_counts(only_record(r, 20), 2, 0);
	assert_int_equal(entries_left(r), 0);
}

/* The address was given away before its interface went; or messages were lost, and a list of all tells who came first. */
static void what_came_just_before_one_has_left_meets_an_empty_table(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 2);
	no_record(r, 1000);
	assert_false(pn_joiner_came(r->joiner));
	web_leaves(r, false);
	assert_counts(only_record(r, 1010), 2, 0);
	assert_int_equal(entries_left(r), 0);
}

/* What began when the one had left already is told with the rest, before anybody has heard of the next one. */
static void who_uses_an_address_that_was_just_left_has_no_certain_name(void **state)
{
	struct rig *r = *state;
	static const struct way next = { "10.0.0.1", 5000, "10.0.0.2", 80, IPPROTO_TCP };
	struct cluster c;

	populate_and_wait(r, &c);
	go_to(r->w, 20000);
	web_leaves(r, false);
	assert_true(pn_joiner_came(r->joiner));
	leave(r, next, 1);
	assert_named(&only_record(r, 20010)->source, PN_ATTR_STALE, "web");
}

/* An output that takes nothing keeps the entry in the table, and the next one's packets are counted in it. */
static void what_comes_after_one_has_left_is_not_certainly_his(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	show_cgroup(r, web_to_db, CGROUP_A);
	go_to(r->w, 1000);
	r->is_stuck = true;
	web_leaves(r, false);
	run_round(r, false);
	assert_named(&r->records[0].source, PN_ATTR_CGROUP, "agent-a");
	leave(r, web_to_db, 1);
	go_to(r->w, 2000);
	run_round(r, false);
	assert_int_equal(r->n_records, 2);
	assert_named(&r->records[1].source, PN_ATTR_STALE, "agent-a");
	assert_named(&r->records[1].destination, PN_ATTR_STALE, "db");
}

/* While no agent ran, the next one's packets may have been counted in the entry. */
static void what_left_while_nobody_looked_has_no_certain_name(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	show_cgroup(r, web_to_db, CGROUP_A);
	assert_named(&only_record(r, 1000)->source, PN_ATTR_CGROUP, "agent-a");
	leave(r, web_to_db, 1);
	restart(r);
	web_leaves(r, true);
	assert_counts(only_record(r, 2000), 1, 0);
	assert_named(&r->records[0].source, PN_ATTR_STALE, "agent-a");
	assert_int_equal(r->records[0].state, PN_FLOW_LEFT);
	assert_int_equal(entries_left(r), 0);
}

static void nothing_waits_on_shutdown(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 2);
	go_to(r->w, 200);
	run_round(r, true);
	assert_int_equal(r->n_records, 1);
	assert_counts(&r->records[0], 2, 0);
	assert_named(&r->records[0].source, PN_ATTR_STALE, "web");
}

static void what_has_waited_is_certain_on_shutdown(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 2);
	no_record(r, 2900);
	go_to(r->w, 3000);
	run_round(r, true);
	assert_int_equal(r->n_records, 1);
	assert_named(&r->records[0].source, PN_ATTR_IP, "web");
}

static void connection_that_waited_when_the_agent_was_killed_is_told_by_the_next(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	leave(r, web_to_db, 2);
	no_record(r, 1000);
	restart(r);
	no_record(r, 3000);
	assert_counts(only_record(r, 4000), 2, 0);
}

static void wait_for_the_index(struct rig *r)
{
	r->config.sync_wait = PN_JOINER_SYNC_WAIT;
	wait_for_names(r);
}

/* It may be of a pod that took the address over meanwhile. */
static void connection_that_began_without_an_agent_waits_for_the_whole_index(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	go_to(r->w, 20000);
	wait_for_the_index(r);
	no_record(r, 26000);
	pn_joiner_synced(r->joiner);
	no_record(r, 28999);
	assert_counts(only_record(r, 29000), 2, 0);
}

/* Who had an address when the earlier agent ended may have gone since. */
static void connection_that_was_told_waits_for_the_whole_index_too(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate(r, &c);
	leave(r, gossip, 2);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_IP, "db");
	go_to(r->w, 20000);
	wait_for_the_index(r);
	leave(r, gossip, 1); /* to whoever has the address */
	no_record(r, 20500);
	no_record(r, 21000);
	del(r->w, &c.db.p.meta);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.2", 12);
	add(r->w, &heir.p.meta);
	pn_joiner_synced(r->joiner);
	leave(r, gossip, 1);
	assert_counts(only_record(r, 21100), 2, 0);
	assert_named(&r->records[0].destination, PN_ATTR_AMBIGUOUS, "-");
	leave(r, gossip, 1);
	no_record(r, 22000);
	assert_named(&only_record(r, 25000)->destination, PN_ATTR_IP, "heir");
}

static void index_is_not_waited_for_without_end(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	leave(r, web_to_db, 2);
	go_to(r->w, 20000);
	wait_for_the_index(r);
	no_record(r, 37999);
	assert_counts(only_record(r, 38000), 2, 0);
}

/* --- an API server that is away ------------------------------------------------------------------- */

static void heard_until(struct rig *r, uint64_t ms)
{
	pn_index_heard(r->w->idx, at_ms(ms));
}

static void api_server_that_is_just_away_is_waited_for(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	heard_until(r, 10000);
	go_to(r->w, 11000);
	leave(r, web_to_db, 1);
	no_record(r, 14000);
	no_record(r, 20000);
	pn_index_heard(r->w->idx, PN_NSEC_NEVER);
	assert_named(&only_record(r, 20001)->source, PN_ATTR_IP, "web");
}

/* The pod behind a declared port is another one by then as well as one behind an address. */
static void port_from_before_the_api_server_went_is_stale(void **state)
{
	static const struct way w = { "10.0.0.1", 4000, "172.16.0.2", 9100, IPPROTO_TCP };
	struct rig *r = *state;
	struct pod far;
	struct cluster c;

	populate(r, &c);
	make_agent(&far, "far-agent", "uid-far", "n2", "172.16.0.2");
	pod_add_host_port(&far, 9100);
	add(r->w, &far.p.meta);
	leave(r, w, 1);
	assert_named(&only_record(r, 1000)->destination, PN_ATTR_PORT, "far-agent");
	heard_until(r, 1000);
	go_to(r->w, 70000);
	run_round(r, false);
	leave(r, w, 1);
	assert_named(&only_record(r, 71000)->destination, PN_ATTR_STALE, "far-agent");
}

static void name_from_before_the_api_server_went_is_stale(void **state)
{
	static const struct way next = { "10.0.0.1", 4001, "10.0.0.2", 80, IPPROTO_TCP };
	const struct pn_flow_record *rec;
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	heard_until(r, 10000);
	go_to(r->w, 11000);
	leave(r, web_to_db, 1);
	no_record(r, 24999);
	rec = only_record(r, 25000);
	assert_named(&rec->source, PN_ATTR_STALE, "web");
	assert_named(&rec->destination, PN_ATTR_STALE, "db");
	/* One that has been away for so long is not waited for again. */
	go_to(r->w, 30000);
	leave(r, next, 1);
	no_record(r, 32999);
	assert_named(&only_record(r, 33000)->source, PN_ATTR_STALE, "web");
	pn_index_heard(r->w->idx, PN_NSEC_NEVER);
	leave(r, web_to_db, 1);
	assert_named(&only_record(r, 34000)->source, PN_ATTR_IP, "web");
}

static void connection_from_before_the_api_server_went_is_not_stale(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	go_to(r->w, 7000);
	leave(r, web_to_db, 1);
	heard_until(r, 10000);
	assert_named(&only_record(r, 10001)->source, PN_ATTR_IP, "web");
}

/* What the API server says of that time takes a while to arrive, and then it was away. */
static void connection_from_just_before_it_went_is(void **state)
{
	struct rig *r = *state;
	struct cluster c;

	populate_and_wait(r, &c);
	go_to(r->w, 7001);
	leave(r, web_to_db, 1);
	heard_until(r, 10000);
	no_record(r, 21999);
	assert_named(&only_record(r, 22001)->source, PN_ATTR_STALE, "web");
}

/* An agent that is held up has not read what has arrived. */
static void news_that_is_not_read_yet_is_waited_for(void **state)
{
	struct rig *r = *state;
	struct pod heir;
	struct cluster c;

	populate_and_wait(r, &c);
	heard_until(r, 10000);
	go_to(r->w, 10000);
	del(r->w, &c.web.p.meta);
	go_to(r->w, 11000);
	leave(r, web_to_db, 1);
	heard_until(r, 13999);
	no_record(r, 17000);
	pod_init(&heir, "heir", "uid-heir", "10.0.0.1", 10);
	add(r->w, &heir.p.meta);
	heard_until(r, 17000);
	assert_named(&only_record(r, 17200)->source, PN_ATTR_IP, "heir");
}

static void who_does_not_wait_for_names_does_not_wait_for_the_api_server(void **state)
{
	static const struct way next = { "10.0.0.1", 4001, "10.0.0.2", 80, IPPROTO_TCP };
	struct rig *r = *state;
	struct cluster c;

	populate(r, &c);
	heard_until(r, 10000);
	go_to(r->w, 12000); /* a watch is being opened again */
	leave(r, web_to_db, 1);
	assert_named(&only_record(r, 12100)->source, PN_ATTR_IP, "web");
	go_to(r->w, 12500);
	leave(r, next, 1);
	assert_named(&only_record(r, 12600)->source, PN_ATTR_STALE, "web");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(first_record_waits_and_later_ones_do_not),
		RIG_TEST(owner_that_is_announced_late_is_named),
		RIG_TEST(sockets_need_no_waiting),
		RIG_TEST(awaited_pod_is_waited_for_longer),
		RIG_TEST(awaited_pod_is_not_waited_for_without_end),
		RIG_TEST(connection_that_ends_meanwhile_is_held),
		RIG_TEST(what_has_left_waits_until_another_interface_comes),
		RIG_TEST(what_comes_right_after_one_has_left_meets_an_empty_table),
		RIG_TEST(what_came_just_before_one_has_left_meets_an_empty_table),
		RIG_TEST(who_uses_an_address_that_was_just_left_has_no_certain_name),
		RIG_TEST(what_comes_after_one_has_left_is_not_certainly_his),
		RIG_TEST(what_left_while_nobody_looked_has_no_certain_name),
		RIG_TEST(nothing_waits_on_shutdown),
		RIG_TEST(what_has_waited_is_certain_on_shutdown),
		RIG_TEST(connection_that_waited_when_the_agent_was_killed_is_told_by_the_next),
		RIG_TEST(connection_that_began_without_an_agent_waits_for_the_whole_index),
		RIG_TEST(connection_that_was_told_waits_for_the_whole_index_too),
		RIG_TEST(index_is_not_waited_for_without_end),
		RIG_TEST(api_server_that_is_just_away_is_waited_for),
		RIG_TEST(name_from_before_the_api_server_went_is_stale),
		RIG_TEST(port_from_before_the_api_server_went_is_stale),
		RIG_TEST(connection_from_before_the_api_server_went_is_not_stale),
		RIG_TEST(connection_from_just_before_it_went_is),
		RIG_TEST(news_that_is_not_read_yet_is_waited_for),
		RIG_TEST(who_does_not_wait_for_names_does_not_wait_for_the_api_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
