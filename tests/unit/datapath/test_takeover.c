/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives an agent: one tracer ends, or never ends properly, and the next one goes on. The
 * traffic between two pods is the witness: whatever was sent must be in the table, once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/metric.h"
#include "bpffs_fixture.h"
#include "cgroup_fixture.h"
#include "world_fixture.h"

#define MAX_FLOWS 1024
#define HEAD_BYTES 4096
#define NOTE_BYTES 128

static char pin_dir[64];

static const struct pn_tracer_config plain = { .ip_map_fd = -1,
					       .max_flows = MAX_FLOWS,
					       .pin_dir = pin_dir };
static const struct pn_tracer_config clsact = {
	.ip_map_fd = -1, .max_flows = MAX_FLOWS, .pin_dir = pin_dir, .force_clsact = true
};

static int start(void **state, const struct pn_tracer_config *config)
{
	static struct world w;

	w = (struct world) {};
	*state = &w;
	if (!have_bpffs)
		return 0;
	(void)snprintf(pin_dir, sizeof(pin_dir), "%s/podonym/flows", mount_point);
	return world_start(&w, config);
}

static int set_up(void **state)
{
	return start(state, &plain);
}

static int set_up_clsact(void **state)
{
	return start(state, &clsact);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	world_stop(w);
	if (w->allowed)
		assert_int_equal(pn_tracer_cleanup(pin_dir, NULL), 0);
	return 0;
}

/* The agent ends, and another one starts. */
static void next_agent(struct world *w, const struct pn_tracer_config *config)
{
	struct pn_err err = {};

	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	if (pn_tracer_new(config, &w->tracer, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(world_attach(w));
}

/* What the world was made with. */
static const struct pn_tracer_config *config_of(struct world *w)
{
	const struct pn_feature *f;

	assert_non_null(w->tracer);
	assert_int_equal(pn_tracer_features(w->tracer, &f), 6);
	return strcmp(f[0].reason, "switched off") == 0 ? &clsact : &plain;
}

static void assert_counted(struct world *w, uint64_t packets)
{
	struct pn_flow_value v = udp_flow(w, CLIENT, SERVER).value;

	for (int d = 0; d < 2; d++) {
		assert_int_equal(pn_flow_way(&v, d)->sent.packets, packets);
		assert_int_equal(pn_flow_way(&v, d)->delivered.packets, packets);
	}
}

static bool has_pin(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	return access(path, F_OK) == 0;
}

static void link_pin(const char *interface, const char *hook, char ret[static 64])
{
	(void)snprintf(ret, 64, "link-%u-%s", if_nametoindex(interface), hook);
}

static void unlink_pin(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	assert_int_equal(unlink(path), 0);
}

static int open_pin(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	return bpf_obj_get(path);
}

/* How many programs a hook of the interface has in its tcx chain; none where the kernel has no tcx. */
static uint32_t count_tcx(const char *interface, enum pn_hook hook)
{
	uint32_t progs[64], n = PN_ARRAY_SIZE(progs);
	int ifindex = (int)if_nametoindex(interface);

	assert_true(ifindex > 0);
	return bpf_prog_query(ifindex, (enum bpf_attach_type)(46 + hook), 0, NULL, progs, &n) < 0
		       ? 0
		       : n;
}

static bool has_tcx(const struct world *w)
{
	const struct pn_feature *f;

	assert_int_equal(pn_tracer_features(w->tracer, &f), 6);
	return strcmp(f[0].state, "tcx") == 0;
}

/* A map of no use under a name of ours. */
static void pin_nonsense(const char *name)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "nonsense", 4, 4, 1, NULL);
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	(void)unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	(void)close(fd);
}

/* --- what stays --------------------------------------------------------------------------------- */

static void counting_goes_on_without_an_agent(void **state)
{
	struct world *w = world_of(state);
	const struct pn_tracer_config *config = config_of(w);
	uint64_t before[PN_STAT_MAX], after[PN_STAT_MAX], id;

	exchange(w, SERVER, 53, 53, 10);
	id = udp_flow(w, CLIENT, SERVER).value.id;
	assert_int_equal(pn_tracer_stats(w->tracer, before), 0);
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	exchange(w, SERVER, 53, 53, 10);
	next_agent(w, config);
	exchange(w, SERVER, 53, 53, 10);

	assert_counted(w, 30);
	assert_int_equal(udp_flow(w, CLIENT, SERVER).value.id, id);
	assert_int_equal(pn_tracer_stats(w->tracer, after), 0);
	assert_true(after[PN_STAT_RECORDED] >= before[PN_STAT_RECORDED] + 80);
}

static void ids_are_not_given_twice(void **state)
{
	struct world *w = world_of(state);
	struct search s;

	exchange(w, SERVER, 53, 53, 1);
	s = udp_flow(w, CLIENT, SERVER);
	assert_int_equal(pn_tracer_remove(w->tracer, &s.key, &s.value), 0);
	next_agent(w, &plain);
	exchange(w, SERVER, 53, 53, 1);
	assert_int_not_equal(udp_flow(w, CLIENT, SERVER).value.id, s.value.id);
}

static void an_interface_that_was_taken_over_is_found_once(void **state)
{
	struct world *w = world_of(state);
	int ifindex = (int)if_nametoindex("pn-client");

	next_agent(w, &plain);
	assert_int_equal(pn_tracer_attach(w->tracer, ifindex, NULL), -EEXIST);
	(void)pn_tracer_detach(w->tracer, ifindex, NULL);
	exchange(w, SERVER, 53, 53, 3);
	assert_int_equal(udp_flow(w, CLIENT, SERVER).value.way_1.delivered.packets, 0);
	assert_int_equal(pn_tracer_attach(w->tracer, ifindex, NULL), 0);
}

static void an_adopted_table_keeps_its_size(void **state)
{
	struct pn_tracer_config larger = plain;
	struct world *w = world_of(state);
	size_t before = pn_tracer_notes(w->tracer)->len;

	larger.max_flows *= 4;
	next_agent(w, &larger);
	assert_int_equal(pn_tracer_notes(w->tracer)->len, before);
}

/* All of them, reached in steps. */
static unsigned char *reach(const struct pn_tracer *t, size_t *ret_len)
{
	const struct pn_notes *notes = pn_tracer_notes(t);

	*ret_len = notes->len;
	for (size_t len = 1; len < notes->len; len *= 3)
		assert_int_equal(pn_notes_reach(notes, len), 0);
	assert_int_equal(pn_notes_reach(notes, notes->len), 0);
	assert_true(pn_notes_reach(notes, notes->len + 1) < 0);
	return notes->at;
}

static void notes_are_found_as_they_were(void **state)
{
	struct world *w = world_of(state);
	unsigned char *notes;
	size_t len;

	notes = reach(w->tracer, &len);
	assert_true(len >= HEAD_BYTES + MAX_FLOWS * NOTE_BYTES);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(notes[i], 0);
	notes[0] = 1;
	notes[len - 1] = 2;
	next_agent(w, &plain);
	notes = reach(w->tracer, &len);
	assert_int_equal(notes[0], 1);
	assert_int_equal(notes[len - 1], 2);
}

static void without_a_pin_directory_there_are_notes_too(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1, .max_flows = 3 };
	struct pn_tracer *t = NULL;
	unsigned char *notes;
	size_t len;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pn_tracer_new(&config, &t, NULL), 0);
	notes = reach(t, &len);
	assert_true(len >= HEAD_BYTES + 3 * NOTE_BYTES);
	assert_int_equal(notes[len - 1], 0);
	notes[len - 1] = 1;
	pn_tracer_free(t);
}

struct beside {
	_Atomic(unsigned int) n_takeovers, n_exchanges;
};

/* Asks and answers until it has done so often and there have been some take-overs, in a process of its own. */
static pid_t exchange_beside(struct world *w, struct beside *b)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (b->n_exchanges < 20000 || b->n_takeovers < 3) {
			exchange(w, SERVER, 53, 53, 1000);
			b->n_exchanges += 1000;
		}
		_exit(0);
	}
	return pid;
}

static void no_packet_is_lost_under_a_take_over(void **state)
{
	struct world *w = world_of(state);
	struct beside *b =
		mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	assert_ptr_not_equal(b, MAP_FAILED);
	pid = exchange_beside(w, b);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		next_agent(w, config_of(w));
		b->n_takeovers++;
	}
	assert_int_equal(status, 0);
	assert_counted(w, b->n_exchanges);
	(void)munmap(b, sizeof(*b));
}

/* --- what does not ------------------------------------------------------------------------------ */

static void a_table_of_another_layout_is_left_and_counted(void **state)
{
	const uint32_t zero = 0, other = PN_FLOW_LAYOUT - 1;
	uint64_t before = pn_metric_get(PN_METRIC_FLOW_ABANDONED);
	struct world *w = world_of(state);
	int fd = open_pin("layout");

	assert_true(fd >= 0);
	exchange(w, SERVER, 53, 53, 10);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &other, BPF_ANY), 0);
	(void)close(fd);
	next_agent(w, &plain);
	assert_true(pn_metric_get(PN_METRIC_FLOW_ABANDONED) > before);
	assert_int_equal(flows_between(w, IPPROTO_UDP, CLIENT, SERVER).n, 0);
	exchange(w, SERVER, 53, 53, 10);
	assert_counted(w, 10);
	next_agent(w, &plain);
	assert_counted(w, 10);
}

static void an_interface_that_is_gone_is_unpinned(void **state)
{
	struct world *w = world_of(state);
	char ingress[64], egress[64];
	struct pn_err err;

	if (!has_tcx(w))
		skip();
	link_pin("pn-client", "ingress", ingress);
	link_pin("pn-client", "egress", egress);
	assert_true(has_pin(ingress) && has_pin(egress));
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(run("ip link del pn-client"), 0);
	assert_int_equal(pn_tracer_new(&plain, &w->tracer, &err), 0);
	assert_false(has_pin(ingress) || has_pin(egress));
	link_pin("pn-server", "egress", egress);
	assert_true(has_pin(egress));
}

/* A link's memory, as the programs make it; it goes through this map's pin to the next agent. */
static void remember(const char *interface, const char *address)
{
	struct pn_flow_link link = { .cgroup = 77 };
	uint32_t index = if_nametoindex(interface);
	int fd = open_pin("links");

	assert_true(fd >= 0 && index > 0);
	assert_int_equal(inet_pton(AF_INET, address, &link.addr[1][3]), 1);
	link.addr[1][2] = htonl(0xffff);
	assert_int_equal(bpf_map_update_elem(fd, &index, &link, BPF_ANY), 0);
	(void)close(fd);
}

/* Who left while no agent ran is known to the next one, and what is still there is not forgotten. */
static void an_interface_that_went_without_an_agent_has_left(void **state)
{
	struct world *w = world_of(state);
	const struct pn_tracer_config *config = config_of(w);
	char text[PN_ADDR_STRLEN];
	const struct pn_addr *left;
	struct pn_addr server[2];
	struct pn_err err;

	remember("pn-client", CLIENT);
	remember("pn-server", SERVER);
	next_agent(w, config);
	assert_int_equal(pn_tracer_left(w->tracer, &left), 0);
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(run("ip link del pn-client"), 0);
	assert_int_equal(pn_tracer_new(config, &w->tracer, &err), 0);
	assert_int_equal(pn_tracer_left(w->tracer, &left), 1);
	assert_string_equal(pn_addr_format(left, text), CLIENT);
	assert_int_equal(pn_tracer_attach(w->tracer, (int)if_nametoindex("pn-server"), NULL), 0);
	assert_int_equal(pn_tracer_detach(w->tracer, (int)if_nametoindex("pn-server"), server), 1);
	assert_string_equal(pn_addr_format(server, text), SERVER);
}

/* With the same index, as interfaces in other network namespaces have it. */
static void an_interface_in_the_place_of_another_is_attached_anew(void **state)
{
	struct world *w = world_of(state);
	unsigned int index = if_nametoindex("pn-client");
	struct pod elsewhere = {};

	if (!has_tcx(w))
		skip();
	assert_true(pod_start(&elsewhere));
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(run("ip link set pn-client netns %d", (int)elsewhere.pid), 0);
	assert_int_equal(run("ip link add pn-other index %u type veth peer name x netns %d", index,
			     (int)elsewhere.pid),
			 0);
	assert_int_equal(if_nametoindex("pn-other"), index);
	assert_int_equal(pn_tracer_new(&plain, &w->tracer, NULL), 0);
	assert_int_equal(pn_tracer_attach(w->tracer, (int)index, NULL), 0);
	assert_int_equal(pn_tracer_attach(w->tracer, (int)index, NULL), -EEXIST);
	assert_int_equal(count_tcx("pn-other", PN_HOOK_INGRESS), 1);
	assert_int_equal(count_tcx("pn-other", PN_HOOK_EGRESS), 1);
	assert_int_equal(setns(elsewhere.netns_fd, CLONE_NEWNET), 0);
	assert_int_equal(count_tcx("pn-client", PN_HOOK_INGRESS), 0);
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	pod_stop(&elsewhere);
}

/* Each of the pins missing, and each of them something else: as a start that was cut off, or worse. */
static void damaged_pins_are_repaired(void **state)
{
	static const char *const names[] = { "layout", "flows", "lines", "cpus",
					     "ids",    "links", "notes" };
	struct world *w = world_of(state);

	for (size_t i = 0; i < 2 * PN_ARRAY_SIZE(names); i++) {
		if (i % 2)
			unlink_pin(names[i / 2]);
		else
			pin_nonsense(names[i / 2]);
		next_agent(w, &plain);
		exchange(w, SERVER, 53, 53, 5);
		assert_counted(w, 5);
		next_agent(w, &plain);
		exchange(w, SERVER, 53, 53, 5);
		assert_counted(w, 10);
	}
}

static void half_an_interface_is_completed(void **state)
{
	struct world *w = world_of(state);
	char name[64];

	if (!has_tcx(w))
		skip();
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	link_pin("pn-client", "ingress", name);
	unlink_pin(name);
	link_pin("pn-server", "egress", name);
	pin_nonsense(name);
	pin_nonsense("link-0-ingress");
	pin_nonsense("link-99999999999999999999-ingress");
	pin_nonsense("link-1-sideways");
	next_agent(w, &plain);
	exchange(w, SERVER, 53, 53, 5);
	assert_counted(w, 5);
	unlink_pin("link-0-ingress");
	unlink_pin("link-99999999999999999999-ingress");
	unlink_pin("link-1-sideways");
}

static void start_and_stop_for_ever(void)
{
	for (;;) {
		struct pn_tracer *t = NULL;

		if (pn_tracer_new(&plain, &t, NULL) < 0)
			_exit(1);
		(void)pn_tracer_attach(t, (int)if_nametoindex("pn-client"), NULL);
		(void)pn_tracer_attach(t, (int)if_nametoindex("pn-server"), NULL);
		pn_tracer_free(t);
	}
}

/* Killed anywhere, the first time with nothing there yet. The seed is fixed, the moments are not. */
static void an_agent_killed_at_any_moment_leaves_nothing_broken(void **state)
{
	struct world *w = world_of(state);

	for (unsigned int i = 0; i < 20; i++) {
		struct timespec moment = { .tv_nsec = (long)(i * 7919 % 400) * 1000000 };
		int status;
		pid_t pid;

		pn_tracer_free(w->tracer);
		w->tracer = NULL;
		if (i % 4 == 0)
			assert_int_equal(pn_tracer_cleanup(pin_dir, NULL), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			start_and_stop_for_ever();
		(void)nanosleep(&moment, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(pn_tracer_new(&plain, &w->tracer, NULL), 0);
		assert_true(world_attach(w));
		exchange(w, SERVER, 53, 53, 5);
		assert_counted(w, i % 4 * 5 + 5);
	}
}

/* --- the other way of attaching ----------------------------------------------------------------- */

static void another_way_of_attaching_counts_once(void **state)
{
	struct world *w = world_of(state);

	exchange(w, SERVER, 53, 53, 5);
	next_agent(w, &clsact);
	exchange(w, SERVER, 53, 53, 5);
	assert_counted(w, 10);
	next_agent(w, &plain);
	exchange(w, SERVER, 53, 53, 5);
	assert_counted(w, 15);
}

/* --- sockets ------------------------------------------------------------------------------------ */

static void exchange_on_the_node(int n)
{
	int one = node_socket("127.0.0.1", 4000), two = node_socket("127.0.0.1", 53);

	for (int i = 0; i < n; i++) {
		send_to(one, "127.0.0.1", 53, 10);
		echo(two);
		receive(one);
	}
	(void)close(one);
	(void)close(two);
}

static uint64_t counted_on_the_node(struct world *w)
{
	struct pn_flow_value v = udp_flow(w, "127.0.0.1", "127.0.0.1").value;

	assert_int_equal(pn_flow_way(&v, 0)->sent.packets, pn_flow_way(&v, 0)->delivered.packets);
	assert_int_equal(pn_flow_way(&v, 0)->sent.packets, pn_flow_way(&v, 1)->sent.packets);
	assert_int_equal(pn_flow_way(&v, 1)->sent.packets, pn_flow_way(&v, 1)->delivered.packets);
	return pn_flow_way(&v, 0)->sent.packets;
}

static void sockets_go_on_too(void **state)
{
	struct pn_tracer_config sockets = plain;
	struct world *w = world_of(state);

	sockets.cgroup_root = cgroup_root();
	if (!sockets.cgroup_root)
		skip();
	next_agent(w, &sockets);
	exchange_on_the_node(5);
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	exchange_on_the_node(5);
	next_agent(w, &sockets);
	exchange_on_the_node(5);
	assert_int_equal(counted_on_the_node(w), 15);
	unlink_pin("socket-egress");
	pin_nonsense("socket-ingress");
	next_agent(w, &sockets);
	exchange_on_the_node(5);
	assert_int_equal(counted_on_the_node(w), 20);

	next_agent(w, &plain); /* which does not want them */
	assert_false(has_pin("socket-egress") || has_pin("socket-ingress"));
	exchange_on_the_node(5);
	assert_int_equal(counted_on_the_node(w), 20);
}

/* --- cleaning up -------------------------------------------------------------------------------- */

static void cleanup_leaves_nothing(void **state)
{
	struct world *w = world_of(state);
	struct pn_tracer_config sockets = *config_of(w);

	sockets.cgroup_root = cgroup_root();
	next_agent(w, &sockets);
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(pn_tracer_cleanup(pin_dir, NULL), 0);
	assert_int_equal(access(pin_dir, F_OK), -1);
	for (int hook = 0; hook < PN_HOOK_INTERFACE_MAX; hook++)
		assert_int_equal(count_tcx("pn-client", (enum pn_hook)hook), 0);
	assert_int_equal(run("! tc filter show dev pn-client ingress | grep -q bpf"), 0);
	assert_int_equal(run("! tc filter show dev pn-client egress | grep -q bpf"), 0);
	assert_int_equal(pn_tracer_cleanup(pin_dir, NULL), 0);
}

static void cleanup_touches_only_what_is_ours(void **state)
{
	struct world *w = world_of(state);
	struct pn_err err;

	if (!has_tcx(w)) /* the handle is taken */
		skip();
	pin_nonsense("somebodys");
	assert_int_equal(run("tc qdisc add dev pn-client clsact && tc filter add dev pn-client "
			     "ingress prio 1 "
			     "handle 0x706e protocol all bpf bytecode '1,6 0 0 0,' flowid 1:1"),
			 0);
	pn_tracer_free(w->tracer);
	w->tracer = NULL;
	assert_int_equal(pn_tracer_cleanup(pin_dir, &err), -ENOTEMPTY);
	assert_non_null(strstr(err.text, "not ours"));
	assert_true(has_pin("somebodys"));
	assert_false(has_pin("layout"));
	assert_int_equal(run("tc filter show dev pn-client ingress | grep -q bpf"), 0);
	unlink_pin("somebodys");
}

static void a_place_that_is_no_bpf_file_system_is_named(void **state)
{
	const struct pn_tracer_config config = { .ip_map_fd = -1,
						 .max_flows = 8,
						 .pin_dir = "/tmp/pn-nowhere" };
	struct pn_tracer *t = NULL;
	struct pn_err err;

	(void)state;
	assert_int_equal(pn_tracer_new(&config, &t, &err), -ENOENT);
	assert_non_null(strstr(err.text, "mount -t bpf"));
	assert_int_equal(access("/tmp/pn-nowhere", F_OK), -1);
}

/* Files may be called like our pins. */
static void cleanup_of_another_file_system_is_refused(void **state)
{
	char dir[] = "/tmp/pn-cleanup-XXXXXX", path[64];
	struct pn_err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/flows", dir);
	(void)close(open(path, O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(pn_tracer_cleanup(dir, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, dir));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

#define ON_TCX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define ON_CLSACT(test)                                                 \
	{                                                               \
#test " (clsact)", test, set_up_clsact, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TCX(counting_goes_on_without_an_agent),
		ON_CLSACT(counting_goes_on_without_an_agent),
		ON_TCX(ids_are_not_given_twice),
		ON_TCX(an_interface_that_was_taken_over_is_found_once),
		ON_TCX(an_adopted_table_keeps_its_size),
		ON_TCX(notes_are_found_as_they_were),
		cmocka_unit_test(without_a_pin_directory_there_are_notes_too),
		ON_TCX(no_packet_is_lost_under_a_take_over),
		ON_CLSACT(no_packet_is_lost_under_a_take_over),
		ON_TCX(a_table_of_another_layout_is_left_and_counted),
		ON_TCX(an_interface_that_is_gone_is_unpinned),
		ON_TCX(an_interface_that_went_without_an_agent_has_left),
		ON_CLSACT(an_interface_that_went_without_an_agent_has_left),
		ON_TCX(an_interface_in_the_place_of_another_is_attached_anew),
		ON_TCX(damaged_pins_are_repaired),
		ON_TCX(half_an_interface_is_completed),
		ON_TCX(an_agent_killed_at_any_moment_leaves_nothing_broken),
		ON_TCX(another_way_of_attaching_counts_once),
		ON_TCX(sockets_go_on_too),
		ON_TCX(cleanup_leaves_nothing),
		ON_CLSACT(cleanup_leaves_nothing),
		ON_TCX(cleanup_touches_only_what_is_ours),
		cmocka_unit_test(a_place_that_is_no_bpf_file_system_is_named),
		cmocka_unit_test(cleanup_of_another_file_system_is_refused),
	};

	return cmocka_run_group_tests_name("takeover", tests, mount_bpffs, umount_bpffs);
}
