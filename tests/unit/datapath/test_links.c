/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/sock_diag.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "datapath/links.h"
#include "netns_fixture.h"

#define PATIENCE_MS 60000

struct world {
	bool allowed;
	struct pod pod;
	struct pn_links *links;
	int n_appeared, n_vanished, n_late;
	int last_ifindex;
	char last_name[IF_NAMESIZE];
};

static void note(struct world *w, int ifindex, const char *name)
{
	w->last_ifindex = ifindex;
	(void)snprintf(w->last_name, sizeof(w->last_name), "%s", name);
}

static void on_appeared(void *data, int ifindex, const char *name)
{
	struct world *w = data;

	w->n_appeared++;
	note(w, ifindex, name);
}

static void on_vanished(void *data, int ifindex, const char *name, bool is_late)
{
	struct world *w = data;

	w->n_vanished++;
	w->n_late += is_late;
	note(w, ifindex, name);
}

static const struct pn_links_ops ops = { .appeared = on_appeared, .vanished = on_vanished };

static int set_up(void **state)
{
	static struct world w;

	w = (struct world) { .allowed = enter_node_netns() };
	*state = &w;
	if (!w.allowed)
		print_message("needs root and ip(8): makes network namespaces\n");
	return w.allowed && !pod_start(&w.pod) ? -1 : 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	pn_links_close(w->links);
	if (w->allowed)
		pod_stop(&w->pod);
	return 0;
}

static void start(struct world *w)
{
	struct pn_err err;

	if (pn_links_open(&ops, w, &w->links, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(pn_links_dispatch(w->links, &err), 0);
}

static struct world *world_of(void **state)
{
	struct world *w = *state;

	if (!w->allowed)
		skip();
	return w;
}

/* Dispatches what comes until that many have come and gone. */
static void wait_for(struct world *w, int n_appeared, int n_vanished)
{
	struct pollfd p = { .fd = pn_links_fd(w->links), .events = POLLIN };

	while (w->n_appeared != n_appeared || w->n_vanished != n_vanished) {
		assert_true(w->n_appeared <= n_appeared && w->n_vanished <= n_vanished);
		if (poll(&p, 1, PATIENCE_MS) != 1)
			fail_msg("%d appeared of %d, %d vanished of %d", w->n_appeared, n_appeared,
				 w->n_vanished, n_vanished);
		assert_int_equal(pn_links_dispatch(w->links, NULL), 0);
	}
}

static void add_pod_veth(struct world *w, const char *name)
{
	assert_int_equal(
		run("ip link add %s type veth peer name %s netns %d", name, name, (int)w->pod.pid),
		0);
}

/* What comes first in the node's messages has been seen when this end has. */
static void pass_a_marker(struct world *w)
{
	int appeared = w->n_appeared, vanished = w->n_vanished;

	add_pod_veth(w, "marker");
	wait_for(w, appeared + 1, vanished);
	assert_int_equal(run("ip link del marker"), 0);
	wait_for(w, appeared + 1, vanished + 1);
	w->n_appeared = appeared;
	w->n_vanished = vanished;
}

static void ends_that_are_there_are_found(void **state)
{
	struct world *w = world_of(state);

	add_pod_veth(w, "v0");
	start(w);
	wait_for(w, 1, 0);
	assert_string_equal(w->last_name, "v0");
	assert_int_equal(w->last_ifindex, if_nametoindex("v0"));
	assert_int_equal(run("ip link del v0"), 0);
	wait_for(w, 1, 1);
	assert_string_equal(w->last_name, "v0");
}

static void other_interfaces_are_passed_over(void **state)
{
	struct world *w = world_of(state);

	start(w);
	assert_int_equal(run("ip link add b0 type bridge"), 0);
	assert_int_equal(run("ip link add home0 type veth peer name home1"), 0);
	assert_int_equal(run("ip link set home0 up && ip link set home1 up"), 0);
	pass_a_marker(w);
	assert_int_equal(w->n_appeared, 0);
	assert_int_equal(run("ip link del b0; ip link del home0"), 0);
	pass_a_marker(w);
	assert_int_equal(w->n_vanished, 0);
}

static void a_peer_that_moves_makes_the_other_end_appear_and_vanish(void **state)
{
	struct world *w = world_of(state);

	start(w);
	assert_int_equal(run("ip link add v0 type veth peer name v1"), 0);
	assert_int_equal(run("ip link set v0 up && ip link set v1 up"), 0);
	assert_int_equal(run("ip link set v1 netns %d", (int)w->pod.pid), 0);
	wait_for(w, 1, 0);
	assert_string_equal(w->last_name, "v0");

	assert_int_equal(run("nsenter -t %d -n ip link set v1 up", (int)w->pod.pid), 0);
	assert_int_equal(
		run("nsenter -t %d -n ip link set v1 netns %d", (int)w->pod.pid, (int)getpid()), 0);
	wait_for(w, 1, 1);
	assert_string_equal(w->last_name, "v0");
	assert_int_equal(run("ip link del v0"), 0);
}

static void a_namespace_that_ends_takes_its_ends_along(void **state)
{
	struct world *w = world_of(state);

	start(w);
	add_pod_veth(w, "v0");
	add_pod_veth(w, "v1");
	wait_for(w, 2, 0);
	pod_stop(&w->pod);
	wait_for(w, 2, 2);
	assert_true(pod_start(&w->pod));
}

static void a_new_name_is_the_same_interface(void **state)
{
	struct world *w = world_of(state);

	start(w);
	add_pod_veth(w, "v0");
	wait_for(w, 1, 0);
	assert_int_equal(run("ip link set v0 name renamed"), 0);
	pass_a_marker(w);
	assert_int_equal(w->n_appeared, 1);
	assert_int_equal(run("ip link del renamed"), 0);
	wait_for(w, 1, 1);
	assert_int_equal(w->n_late, 0);
	assert_string_equal(w->last_name, "renamed");
}

static void leaving_a_bridge_is_not_vanishing(void **state)
{
	struct world *w = world_of(state);

	start(w);
	add_pod_veth(w, "v0");
	wait_for(w, 1, 0);
	assert_int_equal(run("ip link add b0 type bridge && ip link set v0 master b0"), 0);
	assert_int_equal(run("ip link set v0 nomaster && ip link del b0"), 0);
	pass_a_marker(w);
	assert_int_equal(w->n_appeared, 1);
	assert_int_equal(w->n_vanished, 0);
	assert_int_equal(run("ip link del v0"), 0);
	wait_for(w, 1, 1);
}

static void a_used_index_may_come_back(void **state)
{
	struct world *w = world_of(state);

	start(w);
	for (int round = 1; round <= 3; round++) {
		assert_int_equal(run("ip link add v%d index 4711 type veth peer name p netns %d",
				     round, (int)w->pod.pid),
				 0);
		wait_for(w, round, round - 1);
		assert_int_equal(w->last_ifindex, 4711);
		assert_int_equal(run("ip link del v%d", round), 0);
		wait_for(w, round, round);
	}
}

static uint32_t count_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[SK_MEMINFO_DROPS];
}

static void lost_messages_are_made_up_for(void **state)
{
	struct world *w = world_of(state);
	int smallest = 1;

	start(w);
	add_pod_veth(w, "stays");
	add_pod_veth(w, "goes");
	assert_int_equal(
		run("ip link add swap index 4711 type veth peer name p netns %d", (int)w->pod.pid),
		0);
	wait_for(w, 3, 0);

	assert_int_equal(setsockopt(pn_links_fd(w->links), SOL_SOCKET, SO_RCVBUF, &smallest,
				    sizeof(smallest)),
			 0);
	for (int i = 0; i < 8; i++) /* fills the queue */
		assert_int_equal(run("ip link add b0 type bridge && ip link del b0"), 0);
	assert_int_equal(run("ip link del goes && ip link del swap"), 0);
	add_pod_veth(w, "comes");
	assert_int_equal(
		run("ip link add other index 4711 type veth peer name p netns %d", (int)w->pod.pid),
		0);
	assert_true(count_drops(pn_links_fd(w->links)) > 0);
	assert_int_equal(w->n_late, 0);
	wait_for(w, 5, 2);
	assert_int_equal(w->n_late, 2);
}

static void a_thousand_come_and_go(void **state)
{
	struct world *w = world_of(state);

	start(w);
	for (int round = 1; round <= 10; round++) {
		assert_int_equal(run("for i in $(seq 100); do echo link add v$i type veth peer "
				     "name v$i netns %d; done | ip -batch -",
				     (int)w->pod.pid),
				 0);
		wait_for(w, round * 100, (round - 1) * 100);
		pod_stop(&w->pod);
		wait_for(w, round * 100, round * 100);
		assert_true(pod_start(&w->pod));
	}
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(ends_that_are_there_are_found),
		IN_WORLD(other_interfaces_are_passed_over),
		IN_WORLD(a_peer_that_moves_makes_the_other_end_appear_and_vanish),
		IN_WORLD(a_namespace_that_ends_takes_its_ends_along),
		IN_WORLD(a_new_name_is_the_same_interface),
		IN_WORLD(leaving_a_bridge_is_not_vanishing),
		IN_WORLD(a_used_index_may_come_back),
		IN_WORLD(lost_messages_are_made_up_for),
		IN_WORLD(a_thousand_come_and_go),
	};

	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
