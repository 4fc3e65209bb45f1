/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a record means in a cluster of today, and what becomes of records that mean nobody.
 */
#include "cmd/lines.h"
#include "cmd/policy/recorded.h"
#include "tests/unit/policy/fixture.h"

#include <errno.h>
#include <unistd.h>

static struct world w;
static struct pn_policy_workloads *workloads;

static int setup(void **state)
{
	(void)state;
	world_begin(&w);
	apply(&w, "{'kind':'Pod','metadata':{'namespace':'shop','name':'web-7d9-a','labels':"
		  "{'pod-template-hash':'7d9'},'ownerReferences':[{'kind':'ReplicaSet','name':"
		  "'web-7d9','uid':'u','controller':true}]},'spec':{'nodeName':'n1'},"
		  "'status':{'podIPs':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}]}}");
	apply(&w, "{'kind':'Pod','metadata':{'namespace':'shop','name':'web-7d9-b','labels':"
		  "{'pod-template-hash':'7d9'},'ownerReferences':[{'kind':'ReplicaSet','name':"
		  "'web-7d9','uid':'u','controller':true}]},'spec':{'nodeName':'n2'},"
		  "'status':{'podIP':'10.0.0.2'}}");
	apply(&w, "{'kind':'Node','metadata':{'name':'n1'},'status':{'addresses':"
		  "[{'type':'InternalIP','address':'192.0.2.1'}]}}");
	apply(&w, "{'kind':'Service','metadata':{'namespace':'shop','name':'web'},"
		  "'spec':{'clusterIP':'10.96.0.1','clusterIPs':['10.96.0.1']}}");
	assert_int_equal(pn_policy_workloads_new(w.set, &workloads), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pn_policy_workloads_free(workloads);
	world_end(&w);
	return 0;
}

static struct pn_recorded_end nobody(const char *address)
{
	return (struct pn_recorded_end) {
		.address = address,
		.attribution = "none",
		.name_space = "",
		.pod = "",
		.node = "",
		.workload_kind = "",
		.workload_name = "",
		.port = 80,
		.packets = 1,
	};
}

static struct pn_recorded_end pod_end(const char *address, const char *name, const char *kind,
				      const char *workload, const char *node)
{
	return (struct pn_recorded_end) {
		.address = address,
		.attribution = "ip",
		.name_space = "shop",
		.pod = name,
		.node = node,
		.workload_kind = kind,
		.workload_name = workload,
		.port = 80,
		.packets = 1,
	};
}

static enum pn_record_fate resolve(const struct pn_recorded_end *source, struct pn_sighting *ret)
{
	const struct pn_recorded_flow f = {
		.source = *source,
		.destination = nobody("198.51.100.1"),
		.id = "1",
		.end = "2026",
		.transport = "tcp",
		.state = "closed",
	};

	return pn_record_resolve(w.set, workloads, &f, ret);
}

static void assert_pod(const struct pn_recorded_end *source, const char *name, const char *addr)
{
	struct pn_sighting s;
	char text[PN_ADDR_STRLEN];

	assert_int_equal(resolve(source, &s), PN_RECORD_TAKEN);
	assert_string_equal(pn_policy_member_object(s.src.pod)->name, name);
	assert_string_equal(pn_addr_format(&s.src.addr, text), addr);
}

static void a_pod_is_found_by_name_then_by_workload(void **state)
{
	struct pn_recorded_end e;
	struct pn_sighting s;

	(void)state;
	e = pod_end("10.0.0.1", "web-7d9-a", "Deployment", "web", "n1");
	assert_pod(&e, "web-7d9-a", "10.0.0.1");
	e = pod_end("fd00::77", "web-7d9-a", "", "", "");
	assert_pod(&e, "web-7d9-a", "fd00::1");
	e = pod_end("10.0.0.77", "web-old-x", "Deployment", "web", "n2");
	assert_pod(&e, "web-7d9-b", "10.0.0.2");
	e = pod_end("10.0.0.77", "web-old-x", "Deployment", "web", "n9");
	assert_pod(&e, "web-7d9-a", "10.0.0.1");
	e = pod_end("10.0.0.77", "web-old-x", "ReplicaSet", "web-old", "n2");
	assert_pod(&e, "web-7d9-b", "10.0.0.2");
	e = pod_end("10.0.0.1", "gone", "Deployment", "gone", "n1");
	assert_int_equal(resolve(&e, &s), PN_RECORD_GONE);
	e = pod_end("10.0.0.1", "gone", "", "", "n1");
	assert_int_equal(resolve(&e, &s), PN_RECORD_GONE);
}

static void who_has_no_name_is_found_by_the_address(void **state)
{
	struct pn_recorded_end e = nobody("10.0.0.2");
	struct pn_sighting s;

	(void)state;
	assert_pod(&e, "web-7d9-b", "10.0.0.2");
	e = nobody("192.0.2.1");
	assert_int_equal(resolve(&e, &s), PN_RECORD_TAKEN);
	assert_string_equal(pn_policy_member_object(s.src.node)->name, "n1");
	e = nobody("198.51.100.7");
	assert_int_equal(resolve(&e, &s), PN_RECORD_TAKEN);
	assert_true(!s.src.pod && !s.src.node && s.src.has_addr);
	e.node = "n1"; /* another address of a node that is known */
	assert_int_equal(resolve(&e, &s), PN_RECORD_TAKEN);
	assert_string_equal(pn_policy_member_object(s.src.node)->name, "n1");
	e = nobody("10.0.0.2");
	e.attribution = "ambiguous";
	assert_int_equal(resolve(&e, &s), PN_RECORD_AMBIGUOUS);
	e = pod_end("10.0.0.1", "web-7d9-a", "Deployment", "web", "n1");
	e.attribution = "stale"; /* it has a name, but that one may be another's */
	assert_int_equal(resolve(&e, &s), PN_RECORD_STALE);
	e = nobody("10.96.0.1");
	assert_int_equal(resolve(&e, &s), PN_RECORD_SERVICE);
	e = nobody("10.96.0.77");
	e.attribution = "service";
	assert_int_equal(resolve(&e, &s), PN_RECORD_SERVICE);
	e = nobody("nonsense");
	assert_int_equal(resolve(&e, &s), PN_RECORD_UNREADABLE);
}

static void a_record_says_what_was_asked_for_and_how_far_it_came(void **state)
{
	struct pn_recorded_flow f = {
		.source = nobody("10.0.0.1"),
		.destination = nobody("10.0.0.2"),
		.id = "7",
		.end = "2026",
		.transport = "tcp",
		.state = "closed",
	};
	struct pn_sighting s;

	(void)state;
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_TAKEN);
	assert_int_equal(s.proto, IPPROTO_TCP);
	assert_int_equal(s.port, 80);
	assert_false(s.is_attempt);
	f.state = "refused";
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_TAKEN);
	assert_true(s.is_attempt);
	f.is_collapsed = true;
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_PORT);
	f.is_collapsed = false;
	f.destination.port = 65536;
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_PORT);
	f.transport = "icmp";
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_PROTOCOL);
	f.transport = "udp";
	f.destination = pod_end("10.0.0.77", "gone", "Deployment", "gone", "n1");
	f.source.node = "n1";
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_OWN_NODE);
	f.source.node = "n2";
	assert_int_equal(pn_record_resolve(w.set, workloads, &f, &s), PN_RECORD_GONE);
}

/* --- lines --- */

struct taken {
	char text[256];
	unsigned int n_rests;
};

static int take(void *data, char *line, size_t len)
{
	struct taken *t = data;
	size_t at = strlen(t->text);

	line[len] = '\0';
	(void)snprintf(t->text + at, sizeof(t->text) - at, "[%s]", line);
	return strcmp(line, "stop") == 0 ? -ECANCELED : 0;
}

static int rest(void *data)
{
	((struct taken *)data)->n_rests++;
	return 0;
}

static int read_lines(const char *text, size_t len, struct taken *t)
{
	static const struct pn_lines_ops ops = { take, rest };
	FILE *f = tmpfile();
	int r;

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
	*t = (struct taken) { 0 };
	r = pn_lines_read(fileno(f), &ops, t);
	(void)fclose(f);
	return r;
}

static void lines_come_whole_and_blank_ones_do_not(void **state)
{
	static const char text[] = "a\n\n \t\r\nb b\r\n\nlast";
	char *large = malloc(PN_LINE_MAX + 4096);
	struct taken t;

	(void)state;
	assert_int_equal(read_lines(text, sizeof(text) - 1, &t), 0);
	assert_string_equal(t.text, "[a][b b\r][last]");
	assert_true(t.n_rests >= 1);
	assert_int_equal(read_lines("", 0, &t), 0);
	assert_string_equal(t.text, "");
	assert_int_equal(read_lines("a\nstop\nb\n", 9, &t), -ECANCELED);
	assert_string_equal(t.text, "[a][stop]");
	assert_non_null(large);
	memset(large, 'x', PN_LINE_MAX + 4096);
	assert_int_equal(read_lines(large, PN_LINE_MAX + 4096, &t), -EMSGSIZE);
	free(large);
	assert_int_equal(pn_lines_read(-1, &(struct pn_lines_ops) { take, rest }, &t), -EBADF);
}

#define WITH_SHOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHOP(a_pod_is_found_by_name_then_by_workload),
		WITH_SHOP(who_has_no_name_is_found_by_the_address),
		WITH_SHOP(a_record_says_what_was_asked_for_and_how_far_it_came),
		WITH_SHOP(lines_come_whole_and_blank_ones_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
