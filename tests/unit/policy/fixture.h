/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_POLICY_FIXTURE_H
#define PN_TEST_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/intern.h"
#include "kube/kind.h"
#include "policy/observed.h"
#include "policy/policy.h"

/*
 * A set of policies filled from JSON in which ' stands for ", and flows asked in words:
 * "shop/web 10.0.0.1 TCP/80".
 */
struct world {
	struct pn_policy_set *set;
	struct pn_kind *generic;
};

static inline json_t *tree_of(const char *text)
{
	json_error_t error;
	char *json = strdup(text);
	json_t *tree;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	tree = json_loads(json, 0, &error);
	if (!tree)
		fail_msg("%s: %s", text, error.text);
	free(json);
	return tree;
}

static inline const struct pn_kind *kind_of(const struct world *w, const json_t *tree)
{
	static const enum pn_kind_id ids[] = { PN_KIND_POD, PN_KIND_NAMESPACE, PN_KIND_NODE,
					       PN_KIND_SERVICE, PN_KIND_NETWORKPOLICY };
	const char *kind = json_string_value(json_object_get(tree, "kind"));

	for (size_t i = 0; i < PN_ARRAY_SIZE(ids); i++)
		if (strcmp(kind, pn_kind_get(ids[i])->kind) == 0)
			return pn_kind_get(ids[i]);
	return w->generic;
}

static inline struct pn_object *decode(const struct world *w, const json_t *tree)
{
	const struct pn_decoding decoding = { .kind = kind_of(w, tree), .keep_labels = true };
	struct pn_err err = { "" };
	struct pn_object *o = NULL;

	if (decoding.kind->decode_json(&decoding, tree, &o, &err) < 0)
		fail_msg("%s", err.text);
	return o;
}

static inline struct pn_object *object_of(const struct world *w, const char *text)
{
	json_t *tree = tree_of(text);
	struct pn_object *o = decode(w, tree);

	json_decref(tree);
	return o;
}

static inline int try_apply(const struct world *w, const char *text, struct pn_err *err)
{
	struct pn_object *o = object_of(w, text);
	int r = pn_policy_apply(w->set, NULL, o, err);

	pn_object_unref(o);
	return r;
}

static inline void apply(const struct world *w, const char *text)
{
	struct pn_err err = { "" };

	if (try_apply(w, text, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static inline void drop(const struct world *w, const char *text)
{
	struct pn_object *o = object_of(w, text);

	assert_int_equal(pn_policy_apply(w->set, o, NULL, NULL), 0);
	pn_object_unref(o);
}

static inline void world_begin(struct world *w)
{
	assert_int_equal(pn_policy_set_new(&w->set), 0);
	assert_int_equal(pn_kind_new_generic("policy.networking.k8s.io", "v1alpha2",
					     "ClusterNetworkPolicy", "clusternetworkpolicies",
					     false, &w->generic),
			 0);
}

static inline void world_end(struct world *w)
{
	pn_policy_set_free(w->set);
	pn_kind_free(w->generic);
	assert_int_equal(pn_intern_count(), 0);
}

/* --- short forms of objects --- */

/* @labels: "'app':'web'"; @addr: "" for a pod without one */
static inline void pod(const struct world *w, const char *ns, const char *name, const char *labels,
		       const char *addr)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "{'kind':'Pod','metadata':{'namespace':'%s','name':'%s','labels':{%s}},"
		       "'spec':{'nodeName':'n1','containers':[{'ports':[{'name':'http',"
		       "'containerPort':8080},{'name':'dns','containerPort':53,'protocol':'UDP'}]}]"
		       "},'status':{'phase':'Running','podIP':'%s'}}",
		       ns, name, labels, addr);
	apply(w, text);
}

static inline void name_space(const struct world *w, const char *name, const char *labels)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "{'kind':'Namespace','metadata':{'name':'%s','labels':{%s}}}", name, labels);
	apply(w, text);
}

static inline void policy(const struct world *w, const char *ns, const char *name, const char *spec)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
		       "{'kind':'NetworkPolicy','metadata':{'namespace':'%s','name':'%s'},"
		       "'spec':{%s}}",
		       ns, name, spec);
	apply(w, text);
}

/* --- flows --- */

struct asked {
	struct pn_policy_end src, dst;
	struct pn_policy_flow flow;
};

static inline void end_of(const struct world *w, const char *text, struct pn_policy_end *ret)
{
	const struct pn_policy_member *p;
	struct pn_addr addr;

	if (strchr(text, '/')) {
		p = pn_policy_find(w->set, PN_KIND_POD, text, strlen(text));
		if (!p)
			fail_msg("no pod %s", text);
		pn_policy_end_pod(w->set, p, ret);
		return;
	}
	assert_int_equal(pn_addr_parse(text, &addr), 0);
	pn_policy_end_addr(w->set, &addr, ret);
}

static inline void ask(const struct world *w, const char *words, struct asked *a)
{
	char src[128], dst[128], proto[8];
	unsigned int port;

	assert_int_equal(sscanf(words, "%127s %127s %7[A-Z]/%u", src, dst, proto, &port), 4);
	end_of(w, src, &a->src);
	end_of(w, dst, &a->dst);
	if (!strchr(src, '/'))
		pn_policy_end_family(&a->dst, &a->src.addr);
	else if (!strchr(dst, '/'))
		pn_policy_end_family(&a->src, &a->dst.addr);
	a->flow = (struct pn_policy_flow) {
		.src = &a->src,
		.dst = &a->dst,
		.proto = proto[0] == 'T'   ? IPPROTO_TCP
			 : proto[0] == 'U' ? IPPROTO_UDP
					   : IPPROTO_SCTP,
		.port = (uint16_t)port,
	};
}

/* The same words as a connection that was seen. */
static inline struct pn_sighting sighting(const struct world *w, const char *words)
{
	struct asked a;

	ask(w, words, &a);
	return (struct pn_sighting) {
		.src = a.src, .dst = a.dst, .proto = a.flow.proto, .port = a.flow.port, .end = ""
	};
}

static inline struct pn_policy_verdict verdict_of(const struct world *w, const char *words)
{
	struct pn_policy_verdict v;
	struct asked a;

	ask(w, words, &a);
	pn_policy_evaluate(w->set, &a.src, &a.dst, a.flow.proto, a.flow.port, &v);
	return v;
}

static inline void check_allows(const struct world *w, const char *words)
{
	if (!verdict_of(w, words).allow)
		fail_msg("denied: %s", words);
}

static inline void check_denies(const struct world *w, const char *words)
{
	if (verdict_of(w, words).allow)
		fail_msg("allowed: %s", words);
}

static inline uint32_t depends_of(const struct world *w, const char *words)
{
	struct pn_policy_verdict v = verdict_of(w, words);
	struct asked a;

	ask(w, words, &a);
	return pn_policy_depends(w->set, &a.flow, &v);
}

static inline int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_begin(w);
	*state = w;
	return 0;
}

static inline int end(void **state)
{
	struct world *w = *state;

	world_end(w);
	free(w);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
