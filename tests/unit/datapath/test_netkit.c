/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod behind a netkit pair in its mode L3, without neighbours and addresses of the link layer: found
 * like a veth, and its packets are counted the same.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "datapath/links.h"
#include "world_fixture.h"

#define HOST_END "pn-netkit"

struct found {
	int ifindex;
};

static void on_appeared(void *data, int ifindex, const char *name)
{
	struct found *f = data;

	(void)name;
	f->ifindex = ifindex;
}

static void on_vanished(void *data, int ifindex, const char *name, bool is_late)
{
	struct found *f = data;

	(void)ifindex;
	(void)name;
	(void)is_late;
	f->ifindex = 0;
}

/* The kernel names the other end; in a new namespace there is nothing else but lo. */
static bool name_of_peer(char name[static IF_NAMESIZE])
{
	struct if_nameindex *all = if_nameindex();
	bool found = false;

	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		if (strcmp(i->if_name, "lo") == 0 || strcmp(i->if_name, HOST_END) == 0)
			continue;
		(void)snprintf(name, IF_NAMESIZE, "%s", i->if_name);
		found = true;
	}
	if_freenameindex(all);
	return found;
}

/* Return: 0, -ENOTSUP or -EIO */
static int make_netkit(const struct pod *pod)
{
	char peer[IF_NAMESIZE];

	if (run("ip link add " HOST_END " type netkit 2>/dev/null") != 0)
		return -ENOTSUP;
	if (!name_of_peer(peer))
		return -EIO;
	if (run("ip link set %s netns %d && ip addr add 10.77.1.1/24 dev " HOST_END
		" && ip link set " HOST_END " up",
		peer, (int)pod->pid) != 0 ||
	    run("nsenter -t %d -n sh -c 'ip link set lo up && ip addr add " CLIENT
		"/24 dev %s && ip link set %s up'",
		(int)pod->pid, peer, peer) != 0)
		return -EIO;
	return 0;
}

static int set_up(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1, .max_flows = 64 };
	static struct world w;
	int r;

	w = (struct world) { .allowed = geteuid() == 0 };
	*state = &w;
	if (!w.allowed) {
		print_message("needs root and ip(8): makes network namespaces\n");
		return 0;
	}
	if (!enter_node_netns() || !pod_start(&w.client))
		return -1;
	w.node_netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	r = make_netkit(&w.client);
	if (r == -ENOTSUP) {
		print_message("needs netkit (Linux 6.7)\n");
		w.allowed = false;
		pod_stop(&w.client);
		return 0;
	}
	return r < 0 ? r : pn_tracer_new(&config, &w.tracer, NULL);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	pn_tracer_free(w->tracer);
	if (w->allowed)
		pod_stop(&w->client);
	return 0;
}

static void a_pod_behind_netkit_is_traced(void **state)
{
	static const struct pn_links_ops ops = { on_appeared, on_vanished };
	struct world *w = world_of(state);
	struct pn_links *links = NULL;
	struct found found = { 0 };
	struct search s;
	int node, pod;

	assert_int_equal(pn_links_open(&ops, &found, &links, NULL), 0);
	assert_int_equal(pn_links_dispatch(links, NULL), 0);
	assert_int_equal(found.ifindex, if_nametoindex(HOST_END));
	assert_int_equal(pn_tracer_attach(w->tracer, found.ifindex, NULL), 0);

	node = node_socket("10.77.1.1", 53);
	pod = pod_socket(w, &w->client, CLIENT, 4000);
	for (int i = 0; i < 5; i++) {
		send_to(pod, "10.77.1.1", 53, 10);
		echo(node);
		receive(pod);
	}
	s = udp_flow(w, "10.77.1.1", CLIENT);
	assert_int_equal(pn_flow_way(&s.value, 1)->sent.packets, 5);
	assert_int_equal(pn_flow_way(&s.value, 1)->sent.bytes, 5 * 38);
	assert_int_equal(pn_flow_way(&s.value, 0)->delivered.packets, 5);
	(void)close(node);
	(void)close(pod);
	pn_links_close(links);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pod_behind_netkit_is_traced, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("netkit", tests, NULL, NULL);
}
