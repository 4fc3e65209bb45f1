/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advised policies, applied to the cluster that they were made for: what was seen is allowed, and what
 * was not seen between workloads is denied, in random clusters with random flows.
 */
#include "policy/advise.h"
#include "policy/advise_write.h"
#include "policy/blocks.h"
#include "policy/parties.h"
#include "tests/unit/policy/random_world.h"

enum { N_WORLDS = 300, N_SPACES = 3, N_WORKLOADS = 5, MOST_PODS = 3, MOST_FLOWS = 40 };
enum { MOST_POLICIES = N_SPACES * (N_WORKLOADS + 1) };
enum { N_PODS_ALL = N_SPACES * N_WORKLOADS * MOST_PODS, N_OUTSIDE = 12 };

/* --- a random cluster --- */

struct some_pod {
	char key[32], addr[32];
	uint32_t space, workload; /* of all */
};

struct seen_flow {
	char words[96];
	uint32_t src, dst; /* a pod's number, or N_PODS_ALL and the address outside */
	const char *port;
};

struct some_world {
	struct world *w;
	struct some_pod pods[N_PODS_ALL];
	uint32_t n_pods;
	struct seen_flow flows[MOST_FLOWS];
	uint32_t n_flows;
	bool same_labels[N_SPACES * N_WORKLOADS][N_SPACES * N_WORKLOADS];
};

/* The last one is asked about, and never seen. */
static const char *const ports[] = { "TCP/80", "TCP/81",  "TCP/82", "TCP/443",
				     "UDP/53", "SCTP/80", "TCP/83" };

/* Any few labels: subsets of each other, the same, or none at all. */
static void draw_labels(char *text, size_t size)
{
	static const char *const keys[] = { "app", "tier", "app.kubernetes.io/version", "x" };
	static const char *const values[] = { "a", "b", "" };

	*text = '\0';
	for (size_t i = 0; i < PN_ARRAY_SIZE(keys); i++) {
		size_t len = strlen(text);

		if (draw(2))
			(void)snprintf(text + len, size - len, "'%s':'%s',", keys[i],
				       values[draw(PN_ARRAY_SIZE(values))]);
	}
}

static void add_pod(struct some_world *s, uint32_t space, uint32_t workload, const char *labels)
{
	struct some_pod *p = &s->pods[s->n_pods];
	char text[1024];

	p->space = space;
	p->workload = space * N_WORKLOADS + workload;
	(void)snprintf(p->key, sizeof(p->key), "s%u/w%u-%u", space, workload, s->n_pods);
	(void)snprintf(p->addr, sizeof(p->addr), "10.0.%u.%u", space, s->n_pods);
	(void)snprintf(
		text, sizeof(text),
		"{'kind':'Pod','metadata':{'namespace':'s%u','name':'w%u-%u','labels':{%.250s"
		"'controller-revision-hash':'%u'},'ownerReferences':[{'kind':'StatefulSet',"
		"'name':'w%u','uid':'u','controller':true}]},'spec':{'nodeName':'node%u'},"
		"'status':{'podIP':'%s'}}",
		space, workload, s->n_pods, labels, draw(1000), workload, draw(N_NODES), p->addr);
	apply(s->w, text);
	s->n_pods++;
}

/* @varied: the pods of a workload need not have the same labels. */
static void draw_world(struct some_world *s, bool varied)
{
	char labels[N_SPACES * N_WORKLOADS][256];

	for (uint32_t i = 0; i < N_SPACES * N_WORKLOADS; i++) {
		draw_labels(labels[i], sizeof(labels[i]));
		for (uint32_t n = 1 + draw(MOST_PODS); n > 0; n--) {
			if (varied && draw(3) == 0)
				draw_labels(labels[i], sizeof(labels[i]));
			add_pod(s, i / N_WORKLOADS, i % N_WORKLOADS, labels[i]);
		}
	}
	for (uint32_t i = 0; i < N_SPACES * N_WORKLOADS; i++)
		for (uint32_t k = 0; k < N_SPACES * N_WORKLOADS; k++)
			s->same_labels[i][k] = i / N_WORKLOADS == k / N_WORKLOADS &&
					       strcmp(labels[i], labels[k]) == 0;
	for (uint32_t n = 0; n < N_NODES; n++) {
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "{'kind':'Node','metadata':{'name':'node%u'},'status':{'addresses':"
			       "[{'type':'InternalIP','address':'192.0.2.%u'}]}}",
			       n, n);
		apply(s->w, text);
	}
}

static const char *end_text(const struct some_world *s, uint32_t end, char buf[static 32])
{
	if (end < N_PODS_ALL)
		return s->pods[end].key;
	(void)snprintf(buf, 32, "198.51.100.%u", end - N_PODS_ALL);
	return buf;
}

static uint32_t draw_side(const struct some_world *s)
{
	return draw(4) ? draw(s->n_pods) : N_PODS_ALL + draw(N_OUTSIDE);
}

static void put_words(const struct some_world *s, uint32_t src, uint32_t dst, const char *port,
		      char *words, size_t size)
{
	char a[32], b[32];

	(void)snprintf(words, size, "%s %s %s", end_text(s, src, a), end_text(s, dst, b), port);
}

static void draw_flows(struct some_world *s)
{
	for (s->n_flows = 0; s->n_flows < MOST_FLOWS; s->n_flows++) {
		struct seen_flow *f = &s->flows[s->n_flows];

		f->src = draw_side(s);
		f->dst = draw_side(s);
		f->port = ports[draw(PN_ARRAY_SIZE(ports) - 1)];
		put_words(s, f->src, f->dst, f->port, f->words, sizeof(f->words));
	}
}

/* --- advice --- */

/* What was advised, to be looked at. */
struct advice {
	uint32_t n;
	struct pn_advised v[MOST_POLICIES];
};

static int gather(void *data, const struct pn_advised *one)
{
	struct advice *a = data;

	assert_true(a->n < MOST_POLICIES);
	a->v[a->n] = *one;
	a->v[a->n].comment = strdup(one->comment);
	json_incref(one->document);
	a->n++;
	return 0;
}

static void advice_done(struct advice *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		pn_advised_done(&a->v[i]);
}

static void see(const struct world *w, struct pn_observed *o, const char *words,
		uint64_t connection)
{
	struct pn_sighting s = sighting(w, words);

	s.connection = connection;
	assert_int_equal(pn_observed_add(o, &s), 0);
}

static void advise(const struct world *w, struct pn_observed *o, const char *namespaces,
		   uint32_t max_blocks, struct advice *ret)
{
	const struct pn_advise_options options = { namespaces, false, max_blocks };
	struct pn_err err = { "" };

	ret->n = 0;
	if (pn_policy_advise(w->set, o, &options, gather, ret, &err) < 0)
		fail_msg("%s", err.text);
}

/* Lower case letters and digits, and between them '-' and '.' with a letter or digit on both sides. */
static bool is_dns_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		bool is_inner = i && i + 1 < n;
		bool is_ok = (name[i] >= 'a' && name[i] <= 'z') ||
			     (name[i] >= '0' && name[i] <= '9') || (is_inner && name[i] == '-') ||
			     (is_inner && name[i] == '.' && name[i - 1] != '-' &&
			      name[i - 1] != '.' && name[i + 1] != '-');

		if (!is_ok)
			return false;
	}
	return n && n <= 253;
}

static void apply_advice(const struct world *w, const struct advice *a)
{
	for (uint32_t i = 0; i < a->n; i++) {
		struct pn_object *x = decode(w, a->v[i].document);
		struct pn_err err = { "" };
		char key[PN_KEY_LEN];

		assert_string_equal(pn_object_key(x, key), a->v[i].key);
		assert_true(is_dns_name(x->name));
		if (pn_policy_apply(w->set, NULL, x, &err) < 0)
			fail_msg("%s: %s", a->v[i].key, err.text);
		pn_object_unref(x);
	}
}

/* One side of a flow has been seen from or to a pod of the same workload, the other side as it is. */
static bool is_like(const struct some_world *s, uint32_t a, uint32_t b)
{
	if (a >= N_PODS_ALL || b >= N_PODS_ALL)
		return a == b;
	return s->pods[a].workload == s->pods[b].workload ||
	       s->same_labels[s->pods[a].workload][s->pods[b].workload];
}

static bool was_seen(const struct some_world *s, uint32_t src, uint32_t dst, const char *port)
{
	for (uint32_t i = 0; i < s->n_flows; i++)
		if (is_like(s, s->flows[i].src, src) && is_like(s, s->flows[i].dst, dst) &&
		    strcmp(s->flows[i].port, port) == 0)
			return true;
	return false;
}

/* A namespace is advised if a pod of it was seen. */
static bool is_advised(const struct some_world *s, uint32_t end)
{
	for (uint32_t i = 0; end < N_PODS_ALL && i < s->n_flows; i++) {
		const struct seen_flow *f = &s->flows[i];

		if ((f->src < N_PODS_ALL && s->pods[f->src].space == s->pods[end].space) ||
		    (f->dst < N_PODS_ALL && s->pods[f->dst].space == s->pods[end].space))
			return true;
	}
	return false;
}

static void assert_nothing_breaks(const struct some_world *s)
{
	for (uint32_t i = 0; i < s->n_flows; i++)
		if (!verdict_of(s->w, s->flows[i].words).allow)
			fail_msg("seed %u: seen, and denied: %s", seed, s->flows[i].words);
}

static void assert_exact(const struct some_world *s, uint32_t src, uint32_t dst, const char *port)
{
	bool is_subject = is_advised(s, src) || is_advised(s, dst);
	char words[96];

	if (src == dst || !is_subject || was_seen(s, src, dst, port))
		return;
	put_words(s, src, dst, port, words, sizeof(words));
	if (verdict_of(s->w, words).allow)
		fail_msg("seed %u: not seen, and allowed: %s", seed, words);
}

static void assert_nothing_more(const struct some_world *s)
{
	for (uint32_t src = 0; src < N_PODS_ALL + N_OUTSIDE; src++)
		for (uint32_t dst = 0; dst < N_PODS_ALL + N_OUTSIDE; dst++)
			for (size_t p = 0; p < PN_ARRAY_SIZE(ports); p++)
				if ((src < s->n_pods || src >= N_PODS_ALL) &&
				    (dst < s->n_pods || dst >= N_PODS_ALL))
					assert_exact(s, src, dst, ports[p]);
}

static void try_world(uint32_t number, bool varied)
{
	struct some_world *s = calloc(1, sizeof(*s));
	struct advice advice;
	struct pn_observed *o;
	struct world w;

	assert_non_null(s);
	seed = number;
	world_begin(&w);
	s->w = &w;
	draw_world(s, varied);
	draw_flows(s);
	assert_int_equal(pn_observed_new(w.set, &o), 0);
	for (uint32_t i = 0; i < s->n_flows; i++)
		see(&w, o, s->flows[i].words, i);
	advise(&w, o, NULL, 1000, &advice);
	apply_advice(&w, &advice);
	seed = number;
	assert_nothing_breaks(s);
	if (!varied)
		assert_nothing_more(s);
	advice_done(&advice);
	pn_observed_free(o);
	world_end(&w);
	free(s);
}

static void what_was_seen_is_allowed_and_nothing_else(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= N_WORLDS; i++)
		try_world(i, false);
}

static void nothing_breaks_while_a_workload_has_pods_of_several_versions(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= N_WORLDS; i++)
		try_world(i, true);
}

/* --- details --- */

static const json_t *at(const json_t *tree, const char *path)
{
	char copy[128], *rest = copy, *key;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while (tree && (key = strsep(&rest, "/")))
		tree = json_is_array(tree) ? json_array_get(tree, (size_t)atoi(key))
					   : json_object_get(tree, key);
	return tree;
}

static void assert_text(const json_t *tree, const char *path, const char *want)
{
	json_t *wanted = tree_of(want);
	const json_t *got = at(tree, path);

	if (!got || !json_equal(got, wanted)) {
		char *text = got ? json_dumps(got, JSON_ENCODE_ANY) : NULL;

		fail_msg("%s: %s instead of %s", path, text ? text : "nothing", want);
	}
	json_decref(wanted);
}

static void ports_in_a_row_are_a_range_and_peers_with_the_same_ports_a_rule(void **state)
{
	const struct world *w = *state;
	struct advice a;
	struct pn_observed *o;

	pod(w, "shop", "db", "'app':'db','pod-template-hash':'x'", "10.0.0.1");
	pod(w, "shop", "web", "'app':'web'", "10.0.0.2");
	pod(w, "other", "api", "'app':'api'", "10.0.0.3");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "shop/web shop/db TCP/8003", 1);
	see(w, o, "shop/web shop/db TCP/8001", 2);
	see(w, o, "shop/web shop/db TCP/8002", 3);
	see(w, o, "other/api shop/db TCP/8001", 4);
	see(w, o, "other/api shop/db TCP/8002", 5);
	see(w, o, "other/api shop/db TCP/8003", 6);
	see(w, o, "192.0.2.1 shop/db TCP/80", 7);
	see(w, o, "192.0.2.1 shop/db TCP/81", 8);
	see(w, o, "192.0.2.0 shop/db TCP/80", 9);
	see(w, o, "192.0.2.0 shop/db TCP/81", 10);
	see(w, o, "fd00::1 10.0.0.1 UDP/80", 11);
	advise(w, o, "shop", 8, &a);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[0].key, "shop/advised-default-deny");
	assert_string_equal(a.v[1].key, "shop/advised-db");
	assert_text(a.v[1].document, "spec",
		    "{'podSelector':{'matchLabels':{'app':'db'}},'policyTypes':['Ingress'],"
		    "'ingress':[{'from':[{'ipBlock':{'cidr':'192.0.2.0/31'}}],'ports':"
		    "[{'protocol':'TCP','port':80},{'protocol':'TCP','port':81}]},"
		    "{'from':[{'podSelector':{'matchLabels':{'app':'api'}},'namespaceSelector':"
		    "{'matchLabels':{'kubernetes.io/metadata.name':'other'}}},"
		    "{'podSelector':{'matchLabels':{'app':'web'}}}],'ports':"
		    "[{'protocol':'TCP','port':8001,'endPort':8003}]},"
		    "{'from':[{'ipBlock':{'cidr':'fd00::1/128'}}],'ports':"
		    "[{'protocol':'UDP','port':80}]}]}");
	assert_string_equal(a.v[2].key, "shop/advised-web");
	assert_text(a.v[2].document, "spec/policyTypes", "['Egress']");
	advice_done(&a);
	pn_observed_free(o);
}

static void selectors_leave_out_the_pods_of_others(void **state)
{
	const struct world *w = *state;
	struct advice a;
	struct pn_observed *o;

	pod(w, "shop", "plain", "'app':'x'", "10.0.0.1");
	pod(w, "shop", "tiered", "'app':'x','tier':'y'", "10.0.0.2");
	pod(w, "shop", "canary", "'app':'x','tier':'z','helm.sh/chart':'x-1'", "10.0.0.3");
	pod(w, "shop", "twin-a", "'app':'t'", "10.0.0.4");
	pod(w, "shop", "twin-b", "'app':'t'", "10.0.0.5");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "192.0.2.1 shop/plain TCP/1", 1);
	see(w, o, "192.0.2.1 shop/tiered TCP/2", 2);
	see(w, o, "192.0.2.1 shop/canary TCP/3", 3);
	see(w, o, "192.0.2.1 shop/twin-a TCP/4", 4);
	advise(w, o, NULL, 8, &a);
	assert_int_equal(a.n, 5);
	assert_text(a.v[1].document, "spec/podSelector", "{'matchLabels':{'app':'x','tier':'z'}}");
	assert_text(a.v[2].document, "spec/podSelector",
		    "{'matchLabels':{'app':'x'},'matchExpressions':[{'key':'tier',"
		    "'operator':'DoesNotExist'}]}");
	assert_text(a.v[3].document, "spec/podSelector", "{'matchLabels':{'app':'x','tier':'y'}}");
	assert_text(a.v[4].document, "spec/podSelector", "{'matchLabels':{'app':'t'}}");
	assert_string_equal(a.v[4].comment, "Pod shop/twin-a\nPod shop/twin-b\n"
					    "their pods cannot be told apart by labels\n");
	advice_done(&a);
	pn_observed_free(o);
}

static void versions_of_a_workload_are_told_from_a_pod_without(void **state)
{
	static const char form[] =
		"{'kind':'Pod','metadata':{'namespace':'shop','name':'web-%u','labels':{'app':'x',"
		"'build':'%u'},'ownerReferences':[{'kind':'StatefulSet','name':'web','uid':'u',"
		"'controller':true}]},'status':{'podIP':'10.0.0.%u'}}";
	const struct world *w = *state;
	struct advice a;
	struct pn_observed *o;
	char text[512];

	for (unsigned int i = 1; i < 3; i++) {
		(void)snprintf(text, sizeof(text), form, i, i, i);
		apply(w, text);
	}
	pod(w, "shop", "plain", "'app':'x'", "10.0.0.9");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "shop/plain shop/web-1 TCP/80", 1);
	advise(w, o, NULL, 8, &a);
	assert_int_equal(a.n, 3);
	assert_text(a.v[2].document, "spec/podSelector",
		    "{'matchLabels':{'app':'x'},'matchExpressions':[{'key':'build',"
		    "'operator':'Exists'}]}");
	advice_done(&a);
	pn_observed_free(o);
}

static void host_pods_and_nodes_are_addresses(void **state)
{
	const struct world *w = *state;
	struct advice a;
	struct pn_observed *o;

	apply(w, "{'kind':'Node','metadata':{'name':'n2'},'status':{'addresses':[{'type':"
		 "'InternalIP','address':'192.0.2.9'}]}}");
	apply(w, "{'kind':'Pod','metadata':{'namespace':'shop','name':'host','labels':{'a':'b'}},"
		 "'spec':{'nodeName':'n2','hostNetwork':true},'status':{'podIP':'192.0.2.9'}}");
	pod(w, "shop", "web", "'app':'web'", "10.0.0.2");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "shop/host shop/web TCP/80", 1);
	advise(w, o, NULL, 8, &a);
	assert_int_equal(a.n, 2);
	assert_text(a.v[1].document, "spec/ingress/0/from",
		    "[{'ipBlock':{'cidr':'192.0.2.9/32'}}]");
	assert_string_equal(a.v[1].comment, "Pod shop/web\nnode n2 is 192.0.2.9\n");
	advice_done(&a);
	pn_observed_free(o);
}

static void names_are_such_as_an_api_server_takes(void **state)
{
	static const struct {
		const char *from, *to;
	} names[] = {
		{ "web", "n/advised-web-2" },
		{ "a.example.com", "n/advised-a.example.com-2" },
		{ "Odd_Name", "n/advised-odd-name-2" },
		{ "a..b.-c-", "n/advised-a--b--c-2" },
		{ "___", "n/advised-pods-2" },
		{ "", "n/advised-pods-2" },
	};
	char key[PN_KEY_LEN], other[PN_KEY_LEN], name[254];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(names); i++) {
		pn_advised_key("n", names[i].from, "-2", key);
		assert_string_equal(key, names[i].to);
		assert_true(is_dns_name(key + 2));
	}
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	pn_advised_key("n", name, "-2", key);
	assert_true(is_dns_name(key + 2));
	name[252] = 'y';
	pn_advised_key("n", name, "-2", other);
	assert_true(is_dns_name(other + 2));
	assert_string_not_equal(key, other);
}

static void workloads_of_one_name_have_policies_of_their_own(void **state)
{
	const struct world *w = *state;
	struct advice a;
	struct pn_observed *o;

	apply(w, "{'kind':'Pod','metadata':{'namespace':'shop','name':'web-0','labels':{'a':'s'},"
		 "'ownerReferences':[{'kind':'StatefulSet','name':'web','uid':'u','controller':"
		 "true}]},"
		 "'status':{'podIP':'10.0.0.1'}}");
	apply(w,
	      "{'kind':'Pod','metadata':{'namespace':'shop','name':'web-x','labels':{'a':'d'},"
	      "'ownerReferences':[{'kind':'DaemonSet','name':'web','uid':'v','controller':true}]},"
	      "'status':{'podIP':'10.0.0.2'}}");
	assert_int_equal(pn_observed_new(w->set, &o), 0);
	see(w, o, "shop/web-0 shop/web-x TCP/80", 1);
	advise(w, o, NULL, 8, &a);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[1].key, "shop/advised-web");
	assert_string_equal(a.v[1].comment, "DaemonSet shop/web\n");
	assert_string_equal(a.v[2].key, "shop/advised-web-2");
	advice_done(&a);
	pn_observed_free(o);
}

/* --- networks --- */

static struct pn_cidr cidr(const char *addr, unsigned int len)
{
	struct pn_cidr c = { .prefix_len = (uint8_t)len };

	assert_int_equal(pn_addr_parse(addr, &c.addr), 0);
	return c;
}

static bool covers(const struct pn_cidr *c, const struct pn_addr *a)
{
	for (unsigned int i = 0; i < c->prefix_len; i++)
		if ((c->addr.b[i / 8] ^ a->b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool any_covers(const struct pn_cidr *c, uint32_t n, const struct pn_addr *a)
{
	for (uint32_t i = 0; i < n; i++)
		if (covers(&c[i], a))
			return true;
	return false;
}

static struct pn_cidr draw_addr(void)
{
	char text[32];

	(void)snprintf(text, sizeof(text), draw(4) ? "10.0.%u.%u" : "fd00::%x:%x", draw(2),
		       draw(64));
	return cidr(text, 128);
}

static void networks_hold_all_that_was_seen_and_nothing_to_be_avoided(void **state)
{
	enum { N_ROUNDS = 2000, MOST = 60, MOST_AVOIDED = 10 };

	(void)state;
	for (uint32_t round = 1; round <= N_ROUNDS; round++) {
		struct pn_cidr seen[MOST] = { 0 }, blocks[MOST], avoid[MOST_AVOIDED];
		uint32_t n, n_avoid, most, left;

		seed = round;
		n = draw(MOST);
		n_avoid = draw(MOST_AVOIDED);
		most = 1 + draw(20);
		for (uint32_t i = 0; i < n; i++)
			seen[i] = draw_addr();
		for (uint32_t i = 0; i < n_avoid; i++)
			avoid[i] = draw_addr();
		memcpy(blocks, seen, sizeof(blocks));
		n_avoid = pn_blocks_normalize(avoid, n_avoid);
		left = pn_blocks_cover(blocks, n, most, avoid, n_avoid);
		assert_true(left <= n);
		for (uint32_t i = 0; i < n; i++)
			assert_true(any_covers(blocks, left, &seen[i].addr));
		for (uint32_t i = 0; i < n_avoid; i++)
			assert_true(!any_covers(blocks, left, &avoid[i].addr) ||
				    any_covers(seen, n, &avoid[i].addr));
		if (!n_avoid)
			assert_true(left <= PN_MAX(most, 2U)); /* one a family at the least */
	}
}

static void networks_that_are_few_hold_nothing_else(void **state)
{
	struct pn_cidr blocks[] = { cidr("10.0.0.3", 128), cidr("10.0.0.1", 128),
				    cidr("10.0.0.2", 128), cidr("10.0.0.0", 128),
				    cidr("10.0.0.9", 128), cidr("10.0.0.9", 128) };

	(void)state;
	assert_int_equal(pn_blocks_cover(blocks, 6, 2, NULL, 0), 2);
	assert_int_equal(blocks[0].prefix_len, 126);
	assert_int_equal(blocks[1].prefix_len, 128);
	assert_int_equal(pn_blocks_cover(blocks, 2, 1, NULL, 0), 1);
	assert_int_equal(blocks[0].prefix_len, 124);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_seen_is_allowed_and_nothing_else),
		cmocka_unit_test(nothing_breaks_while_a_workload_has_pods_of_several_versions),
		TEST(ports_in_a_row_are_a_range_and_peers_with_the_same_ports_a_rule),
		TEST(selectors_leave_out_the_pods_of_others),
		TEST(versions_of_a_workload_are_told_from_a_pod_without),
		TEST(host_pods_and_nodes_are_addresses),
		cmocka_unit_test(names_are_such_as_an_api_server_takes),
		TEST(workloads_of_one_name_have_policies_of_their_own),
		cmocka_unit_test(networks_hold_all_that_was_seen_and_nothing_to_be_avoided),
		cmocka_unit_test(networks_that_are_few_hold_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
