/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records a filter lets through: each kind, their combinations, and thousands of random ones
 * against a plain reading of the same words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "flow/filter.h"
#include "tests/unit/export/record_fixture.h"

struct wish {
	bool negate;
	const char *name, *value;
};

#define ARE(...)                  \
	__VA_ARGS__,              \
	{                         \
		false, NULL, NULL \
	}
#define IS(name, value)                \
	{                              \
		false, (name), (value) \
	}
#define NOT(name, value)              \
	{                             \
		true, (name), (value) \
	}

static struct pn_filter *compile(const struct wish *w)
{
	struct pn_filter *f;
	struct pn_err err = { "" };

	assert_int_equal(pn_filter_new(&f), 0);
	for (; w->name; w++) {
		if (pn_filter_add(f, w->name, w->negate, w->value, &err) < 0)
			fail_msg("%s %s: %s", w->name, w->value, err.text);
	}
	return f;
}

static bool passes(const struct wish *wishes, const struct pn_flow_record *r)
{
	struct pn_filter *f = compile(wishes);
	bool passes = pn_filter_match(f, r);

	pn_filter_free(f);
	return passes;
}

static bool is(const char *name, const char *value, const struct pn_flow_record *r)
{
	return passes((struct wish[]) { ARE(IS(name, value)) }, r);
}

static void assert_meets(const char *name, const char *value, bool want)
{
	struct pn_flow_record r = sample_record();

	if (is(name, value, &r) != want)
		fail_msg("%s %s: %d", name, value, !want);
	if (passes((struct wish[]) { ARE(NOT(name, value)) }, &r) == want)
		fail_msg("not %s %s: %d", name, value, want);
}

/* shop/web-7d9 10.0.0.1:43210 on n1 -> shop/db-0 10.0.1.2:5432 on n2, service shop/db 10.96.0.7:5432 */
static void each_filter_compares_what_it_says(void **state)
{
	static const struct {
		const char *name, *value;
		bool want;
	} cases[] = {
		{ "namespace", "shop", true },
		{ "namespace", "sho", false },
		{ "from-namespace", "shop", true },
		{ "to-namespace", "other", false },
		{ "pod", "shop/web-7d9", true },
		{ "pod", "shop/web", true },
		{ "pod", "web", true },
		{ "pod", "/web", true },
		{ "pod", "shop/", true },
		{ "pod", "shop/eb", false },
		{ "pod", "sho/web", false },
		{ "pod", "shop/web-7d9x", false },
		{ "from-pod", "web", true },
		{ "to-pod", "web", false },
		{ "to-pod", "shop/db", true },
		{ "from-pod", "shop/db", false },
		{ "workload", "web", true },
		{ "workload", "we", false },
		{ "workload", "Deployment/web", true },
		{ "workload", "deployment/web", true },
		{ "workload", "StatefulSet/web", false },
		{ "to-workload", "StatefulSet/db", true },
		{ "from-workload", "db", false },
		{ "service", "shop/db", true },
		{ "service", "d", true },
		{ "service", "other/db", false },
		{ "node", "n1", true },
		{ "node", "n2", true },
		{ "node", "n", false },
		{ "ip", "10.0.0.1", true },
		{ "ip", "10.96.0.7", true },
		{ "ip", "10.0.0.2", false },
		{ "ip", "10.0.0.0/16", true },
		{ "ip", "::ffff:10.0.0.1", true },
		{ "from-ip", "10.96.0.7", false },
		{ "to-ip", "10.96.0.7", true },
		{ "to-ip", "10.0.0.1", false },
		{ "cidr", "10.0.1.0/24", true },
		{ "from-cidr", "10.0.1.0/24", false },
		{ "cidr", "10.0.0.1/32", true },
		{ "cidr", "10.0.0.3/30", true },
		{ "cidr", "10.0.0.2/31", false },
		{ "cidr", "0.0.0.0/0", true },
		{ "cidr", "::/0", false },
		{ "cidr", "fd00::/8", false },
		{ "port", "5432", true },
		{ "port", "43210", true },
		{ "port", "543", false },
		{ "to-port", "43210", false },
		{ "from-port", "43210", true },
		{ "protocol", "tcp", true },
		{ "protocol", "TCP", true },
		{ "protocol", "6", true },
		{ "protocol", "udp", false },
		{ "protocol", "icmp", false },
		{ "attribution", "ip", true },
		{ "attribution", "cgroup", false },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++)
		assert_meets(cases[i].name, cases[i].value, cases[i].want);
}

static void what_was_thrown_away_has_a_verdict_and_a_reason(void **state)
{
	struct pn_flow_record forwarded = { .proto = IPPROTO_TCP };
	struct pn_flow_record dropped = {
		.proto = IPPROTO_TCP,
		.drop = { .packets = 1, .kind = PN_DROP_NETFILTER, .reason = "NETFILTER_DROP" },
	};
	struct pn_flow_record rejected = dropped;

	(void)state;
	rejected.drop.kind = PN_DROP_REJECTED;
	assert_true(is("verdict", "forwarded", &forwarded));
	assert_false(is("verdict", "dropped", &forwarded));
	assert_true(is("verdict", "DROPPED", &dropped));
	assert_false(is("verdict", "forwarded", &dropped));
	assert_false(is("verdict", "rejected", &dropped));
	assert_true(is("verdict", "rejected", &rejected));
	assert_false(is("verdict", "dropped", &rejected));
	assert_true(is("drop-reason", "netfilter_drop", &dropped));
	assert_false(is("drop-reason", "NO_SOCKET", &dropped));
	assert_false(is("drop-reason", "NETFILTER_DROP", &forwarded));
}

static void policies_have_a_verdict_of_their_own(void **state)
{
	struct pn_flow_record allowed = { .policy.expected = PN_EXPECTED_ALLOWED };
	struct pn_flow_record denied = { .policy.expected = PN_EXPECTED_DENIED };

	(void)state;
	assert_true(is("verdict", "denied", &denied));
	assert_true(is("verdict", "forwarded", &denied));
	assert_false(is("verdict", "denied", &allowed));
	assert_false(is("verdict", "disagrees", &denied));
	denied.disagrees = allowed.disagrees = true;
	assert_true(is("verdict", "disagrees", &denied));
	assert_true(is("verdict", "disagrees", &allowed));
}

static void a_connection_is_found_by_its_id(void **state)
{
	struct pn_flow_record r = { .id = UINT64_MAX };

	(void)state;
	assert_true(is("id", "18446744073709551615", &r));
	assert_false(is("id", "1844674407370955161", &r));
	r.id = 0;
	assert_true(is("id", "0", &r));
}

static void icmp_is_both_of_its_kinds(void **state)
{
	struct pn_flow_record v4_echo = { .proto = IPPROTO_ICMP };
	struct pn_flow_record v6_echo = { .proto = IPPROTO_ICMPV6 };

	(void)state;
	assert_true(is("protocol", "icmp", &v4_echo));
	assert_true(is("protocol", "icmp", &v6_echo));
	assert_true(is("protocol", "icmpv4", &v4_echo));
	assert_false(is("protocol", "icmpv4", &v6_echo));
	assert_true(is("protocol", "icmpv6", &v6_echo));
}

static void ends_without_names_meet_no_name(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.source.owner = r.destination.owner = r.service = NULL;
	assert_false(is("namespace", "shop", &r));
	assert_false(is("pod", "shop/", &r));
	assert_false(is("workload", "web", &r));
	assert_false(is("service", "db", &r));
	assert_false(is("node", "n1", &r));
	assert_false(is("ip", "10.96.0.7", &r)); /* there is no Service */
	assert_true(is("port", "5432", &r));
}

static void other_owners_are_no_pods(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.source.owner = &owner_process;
	r.destination.owner = &owner_service;
	r.service = &owner_service;
	assert_false(is("pod", "db", &r));
	assert_false(is("pod", "sshd", &r));
	assert_true(is("service", "shop/db", &r));
	assert_true(is("node", "n1", &r));
	assert_true(is("namespace", "shop", &r));
	assert_false(is("from-namespace", "shop", &r));
}

static void headless_service_has_no_address(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	r.is_headless = true;
	assert_true(is("service", "shop/db", &r));
	assert_false(is("ip", "10.96.0.7", &r));
}

static void filters_of_one_name_are_alternatives_and_names_add_up(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_true(passes((struct wish[]) { ARE(IS("pod", "none"), IS("pod", "web")) }, &r));
	assert_true(passes(
		(struct wish[]) { ARE(IS("port", "1"), IS("pod", "web"), IS("port", "5432")) },
		&r));
	assert_false(passes((struct wish[]) { ARE(IS("port", "1"), IS("pod", "web")) }, &r));
	assert_false(passes(
		(struct wish[]) { ARE(IS("ip", "10.0.0.1"), IS("cidr", "10.9.0.0/16")) }, &r));
	assert_true(passes((struct wish[]) { ARE(IS("from-pod", "web"), IS("to-pod", "db")) }, &r));
}

static void each_negation_must_not_be_met(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_true(passes((struct wish[]) { ARE(IS("pod", "web"), NOT("port", "53")) }, &r));
	assert_false(passes((struct wish[]) { ARE(IS("pod", "web"), NOT("port", "5432")) }, &r));
	assert_false(passes((struct wish[]) { ARE(NOT("port", "53"), NOT("port", "5432")) }, &r));
	assert_false(passes((struct wish[]) { ARE(IS("port", "5432"), NOT("port", "43210")) }, &r));
	assert_true(passes((struct wish[]) { ARE(NOT("port", "53"), NOT("pod", "other")) }, &r));
}

static void names_without_namespace_are_in_the_namespaces_wanted(void **state)
{
	struct pn_owner elsewhere = owner_web;
	struct pn_flow_record r = sample_record();

	(void)state;
	elsewhere.name_space = "other";
	r.source.owner = &elsewhere;
	assert_true(is("pod", "web", &r));
	assert_false(
		passes((struct wish[]) { ARE(IS("namespace", "shop"), IS("pod", "web")) }, &r));
	assert_true(passes((struct wish[]) { ARE(IS("namespace", "shop"), IS("pod", "db")) }, &r));
	assert_true(passes((struct wish[]) { ARE(IS("pod", "web"), IS("namespace", "shop"),
						 IS("namespace", "other")) },
			   &r));
	assert_true(passes((struct wish[]) { ARE(IS("namespace", "shop"), IS("pod", "other/web")) },
			   &r));
	assert_false(passes((struct wish[]) { ARE(IS("namespace", "shop"), IS("workload", "web")) },
			    &r));
	assert_true(
		passes((struct wish[]) { ARE(NOT("namespace", "none"), IS("pod", "web")) }, &r));
}

static void no_filter_lets_everything_through(void **state)
{
	struct pn_flow_record r = sample_record();

	(void)state;
	assert_true(pn_filter_match(NULL, &r));
	assert_true(passes((struct wish[]) { { false, NULL, NULL } }, &r));
}

static void assert_refused(const char *name, const char *value, int code, const char *words)
{
	struct pn_filter *f = compile((struct wish[]) { { false, NULL, NULL } });
	struct pn_flow_record r = sample_record();
	struct pn_err err = { "" };

	assert_int_equal(pn_filter_add(f, name, false, value, &err), code);
	if (!strstr(err.text, words))
		fail_msg("%s %s: \"%s\" has no \"%s\"", name, value, err.text, words);
	assert_true(pn_filter_match(f, &r)); /* untouched */
	pn_filter_free(f);
}

static void what_makes_no_sense_is_refused_with_words(void **state)
{
	char longest[PN_FILTER_VALUE_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_refused("pot", "a", -ENOENT, "did you mean \"port\"?");
	assert_refused("completely-else", "a", -ENOENT, "no filter \"completely-else\"");
	assert_refused("pod", longest, -EINVAL, "longer than 1024 bytes");
	assert_refused("pod", "", -EINVAL, "a name is missing");
	assert_refused("pod", "/", -EINVAL, "a name is missing");
	assert_refused("pod", "a/b/c", -EINVAL, "cannot be a name");
	assert_refused("pod", "Web", -EINVAL, "lower-case");
	assert_refused("namespace", "", -EINVAL, "cannot be a name");
	assert_refused("namespace", "a/b", -EINVAL, "cannot be a name");
	assert_refused("node", "\x1b[2J", -EINVAL, "cannot be a name");
	assert_refused("workload", "a/b/c", -EINVAL, "KIND/NAME");
	assert_refused("workload", "Deployment/", -EINVAL, "KIND/NAME");
	assert_refused("workload", "/web", -EINVAL, "KIND/NAME");
	assert_refused("ip", "10.0.0.256", -EINVAL, "neither an address");
	assert_refused("ip", "10.0.0.0/33", -EINVAL, "neither an address");
	assert_refused("ip", "10.0.0.0/", -EINVAL, "neither an address");
	assert_refused("ip", "fd00::/129", -EINVAL, "neither an address");
	assert_refused("cidr", "10.0.0.1", -EINVAL, "is not a network");
	assert_refused("cidr", "/8", -EINVAL, "is not a network");
	assert_refused("port", "0", -EINVAL, "is not a port");
	assert_refused("port", "65536", -EINVAL, "is not a port");
	assert_refused("port", "+1", -EINVAL, "is not a port");
	assert_refused("port", "99999999999999999999", -EINVAL, "is not a port");
	assert_refused("protocol", "256", -EINVAL, "is not a protocol");
	assert_refused("protocol", "", -EINVAL, "is not a protocol");
	assert_refused("verdict", "lost", -EINVAL, "none of forwarded, dropped, rejected");
	assert_refused("id", "18446744073709551616", -EINVAL, "is not a flow_id");
	assert_refused("id", "-1", -EINVAL, "is not a flow_id");
	assert_refused("id", "", -EINVAL, "is not a flow_id");
	assert_refused("drop-reason", "no socket", -EINVAL, "is not a reason");
	assert_refused("attribution", "cgrop", -EINVAL, "did you mean cgroup?");
}

static void there_are_so_many_filters_and_no_more(void **state)
{
	struct pn_filter *f = compile((struct wish[]) { { false, NULL, NULL } });
	struct pn_flow_record r = sample_record();
	struct pn_err err = { "" };

	(void)state;
	for (int i = 0; i < PN_FILTER_MAX; i++)
		assert_int_equal(pn_filter_add(f, "pod", false, "none", &err), 0);
	assert_int_equal(pn_filter_add(f, "pod", false, "web", &err), -E2BIG);
	assert_false(pn_filter_match(f, &r));
	pn_filter_free(f);
}

/* --- a plain reading of the same words --------------------------------------------------------------- */

static bool naive_network(const char *value, const struct pn_addr *a)
{
	char text[64];
	char *slash;
	struct pn_addr net;
	int len = 128;

	(void)snprintf(text, sizeof(text), "%s", value);
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	assert_int_equal(pn_addr_parse(text, &net), 0);
	if (slash)
		len = atoi(slash + 1) + (pn_addr_is_v4(&net) ? 96 : 0);
	if (pn_addr_is_v4(&net) != pn_addr_is_v4(a))
		return false;
	for (int i = 0; i < len; i++) {
		if ((net.b[i / 8] ^ a->b[i / 8]) & 0x80 >> i % 8)
			return false;
	}
	return true;
}

static bool naive_namespace(const struct wish *all, const struct pn_owner *o)
{
	bool any = false, wanted = false;

	for (; all->name; all++) {
		if (all->negate || strcmp(all->name, "namespace") != 0)
			continue;
		any = true;
		wanted = wanted || strcmp(all->value, o->name_space) == 0;
	}
	return wanted || !any;
}

static bool naive_owner(const struct wish *all, const char *what, const char *value,
			const struct pn_owner *o)
{
	const char *slash = strchr(value, '/'), *name = slash ? slash + 1 : value;
	char first[64];

	if (!o)
		return false;
	(void)snprintf(first, sizeof(first), "%.*s", slash ? (int)(slash - value) : 0, value);
	if (strcmp(what, "namespace") == 0)
		return strcmp(o->name_space, value) == 0;
	if (strcmp(what, "node") == 0)
		return strcmp(o->kind == PN_OWNER_NODE ? o->name : o->node, value) == 0;
	if (strcmp(what, "workload") == 0)
		return strcmp(o->workload_name, name) == 0 &&
		       (!*first || strcasecmp(first, o->workload_kind) == 0) &&
		       naive_namespace(all, o);
	if (o->kind != (strcmp(what, "pod") == 0 ? PN_OWNER_POD : PN_OWNER_SERVICE) ||
	    strstr(o->name, name) != o->name)
		return false;
	return *first ? strcmp(first, o->name_space) == 0 : naive_namespace(all, o);
}

static bool naive_end(const struct wish *all, const char *what, const char *value,
		      const struct pn_flow_record *r, const struct pn_record_end *e)
{
	bool is_called = e == &r->destination && r->service;
	bool has_addr = is_called && !r->is_headless;

	if (strcmp(what, "protocol") == 0)
		return strcmp(value, "icmp") == 0
			       ? r->proto == IPPROTO_ICMP || r->proto == IPPROTO_ICMPV6
			       : r->proto ==
					 (strcmp(value, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_UDP);
	if (strcmp(what, "attribution") == 0)
		return strcmp(pn_attribution_name(e->attribution), value) == 0;
	if (strcmp(what, "port") == 0)
		return e->port == atoi(value) || (has_addr && r->service_port == atoi(value));
	if (strcmp(what, "ip") == 0 || strcmp(what, "cidr") == 0)
		return naive_network(value, &e->addr) ||
		       (has_addr && naive_network(value, &r->service_addr));
	if (is_called && (strcmp(what, "namespace") == 0 || strcmp(what, "service") == 0) &&
	    naive_owner(all, what, value, r->service))
		return true;
	return naive_owner(all, what, value, e->owner);
}

static bool naive_wish(const struct wish *all, const struct wish *w, const struct pn_flow_record *r)
{
	if (strncmp(w->name, "from-", 5) == 0)
		return naive_end(all, w->name + 5, w->value, r, &r->source);
	if (strncmp(w->name, "to-", 3) == 0)
		return naive_end(all, w->name + 3, w->value, r, &r->destination);
	return naive_end(all, w->name, w->value, r, &r->source) ||
	       naive_end(all, w->name, w->value, r, &r->destination);
}

static bool naive_passes(const struct wish *all, const struct pn_flow_record *r)
{
	for (const struct wish *w = all; w->name; w++) {
		bool any = false;

		if (w->negate && naive_wish(all, w, r))
			return false;
		for (const struct wish *o = all; !w->negate && o->name; o++)
			any = any || (!o->negate && strcmp(o->name, w->name) == 0 &&
				      naive_wish(all, o, r));
		if (!w->negate && !any)
			return false;
	}
	return true;
}

/* --- random ones --------------------------------------------------------------------------------------- */

static uint32_t seed = 2463534242u;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

#define ONE_OF(list) ((list)[below(PN_ARRAY_SIZE(list))])

static const struct {
	const char *name, *values[4];
} words[] = {
	{ "namespace", { "shop", "ops", "shop", "dev" } },
	{ "pod", { "web", "shop/web", "ops/", "web-1" } },
	{ "workload", { "web", "Deployment/web", "db", "statefulset/db" } },
	{ "service", { "db", "shop/db", "ops/db", "shop/" } },
	{ "node", { "n1", "n2", "n3", "web-1" } },
	{ "ip", { "10.0.0.1", "10.0.0.0/31", "fd00::1", "10.96.0.1" } },
	{ "cidr", { "10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/127" } },
	{ "port", { "80", "53", "8080", "443" } },
	{ "protocol", { "tcp", "udp", "icmp", "tcp" } },
	{ "attribution", { "ip", "cgroup", "none", "service" } },
};

static struct wish random_wish(char *name, size_t size)
{
	size_t i = below(PN_ARRAY_SIZE(words));
	bool has_ends = i < 3 || (i >= 5 && i <= 7);
	static const char *const ends[] = { "", "", "from-", "to-" };

	(void)snprintf(name, size, "%s%s", has_ends ? ONE_OF(ends) : "", words[i].name);
	return (struct wish) { below(3) == 0, name, words[i].values[below(4)] };
}

static const struct pn_owner *random_owner(void)
{
	static const char *const name_spaces[] = { "shop", "ops", "dev" };
	static struct pn_owner owners[256];
	static size_t n;
	struct pn_owner *o = &owners[n++ % PN_ARRAY_SIZE(owners)];

	*o = ONE_OF(((const struct pn_owner *const[]) { &owner_web, &owner_db, &owner_service,
							&owner_process, &owner_range }))[0];
	if (o->kind == PN_OWNER_POD || o->kind == PN_OWNER_SERVICE)
		o->name_space = ONE_OF(name_spaces);
	if (o->kind == PN_OWNER_POD)
		o->name = ONE_OF(((const char *const[]) { "web-1", "web-2", "db-0" }));
	return below(4) ? o : NULL;
}

static struct pn_addr random_addr(void)
{
	struct pn_addr a;

	assert_int_equal(
		pn_addr_parse(ONE_OF(((const char *const[]) { "10.0.0.0", "10.0.0.1", "10.96.0.1",
							      "fd00::1", "fd00::2" })),
			      &a),
		0);
	return a;
}

static struct pn_record_end random_end(void)
{
	static const uint16_t ports[] = { 80, 53, 8080, 443, 0 };

	return (struct pn_record_end) {
		.addr = random_addr(),
		.port = ONE_OF(ports),
		.attribution = (enum pn_attribution)below(PN_ATTR_MAX),
		.owner = random_owner(),
	};
}

static struct pn_flow_record random_record(void)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 };
	static const struct pn_owner *service;

	service = below(2) ? random_owner() : NULL;
	return (struct pn_flow_record) {
		.proto = ONE_OF(protos),
		.source = random_end(),
		.destination = random_end(),
		.service = service,
		.is_headless = below(4) == 0,
		.service_addr = random_addr(),
		.service_port = 443,
	};
}

static void random_filters_are_as_a_plain_reading_has_it(void **state)
{
	unsigned int n_passed = 0;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		char names[6][32];
		struct wish wishes[7] = { { 0 } };
		size_t n = below(6) + 1;
		struct pn_filter *f;

		for (size_t j = 0; j < n; j++)
			wishes[j] = random_wish(names[j], sizeof(names[j]));
		f = compile(wishes);
		for (int k = 0; k < 10; k++) {
			struct pn_flow_record r = random_record();
			bool want = naive_passes(wishes, &r);

			n_passed += want;
			if (pn_filter_match(f, &r) == want)
				continue;
			for (size_t j = 0; j < n; j++)
				print_error("%s%s %s\n", wishes[j].negate ? "not " : "",
					    wishes[j].name, wishes[j].value);
			fail_msg("filter %d, record %d: %d", i, k, !want);
		}
		pn_filter_free(f);
	}
	assert_in_range(n_passed, 30000, 270000); /* both answers are common */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_compares_what_it_says),
		cmocka_unit_test(what_was_thrown_away_has_a_verdict_and_a_reason),
		cmocka_unit_test(policies_have_a_verdict_of_their_own),
		cmocka_unit_test(a_connection_is_found_by_its_id),
		cmocka_unit_test(icmp_is_both_of_its_kinds),
		cmocka_unit_test(ends_without_names_meet_no_name),
		cmocka_unit_test(other_owners_are_no_pods),
		cmocka_unit_test(headless_service_has_no_address),
		cmocka_unit_test(filters_of_one_name_are_alternatives_and_names_add_up),
		cmocka_unit_test(each_negation_must_not_be_met),
		cmocka_unit_test(names_without_namespace_are_in_the_namespaces_wanted),
		cmocka_unit_test(no_filter_lets_everything_through),
		cmocka_unit_test(what_makes_no_sense_is_refused_with_words),
		cmocka_unit_test(there_are_so_many_filters_and_no_more),
		cmocka_unit_test(random_filters_are_as_a_plain_reading_has_it),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
