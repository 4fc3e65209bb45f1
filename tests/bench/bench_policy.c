/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What network policies cost, in CPU time and memory: compiling a cluster's, one changed label, one
 * verdict; as most clusters are, and where it hurts most.
 *
 *   bench_policy              measure
 *   bench_policy --write DIR  write that cluster and flows in it, for tests/bench/policy_flows
 */
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kube/kind.h"
#include "policy/policy.h"
#include "tests/bench/bench.h"

enum {
	N_NAMESPACES = 50,
	N_PODS = 20000,
	N_POLICIES = 1000,
	N_APPS = 40, /* in a namespace */
	N_CHANGES = 20000,
	N_REPETITIONS = 3,
	N_VERDICTS = 2000000,
	N_FLOWS = 1000000,
};

/**
 * struct shape - how hard it is
 * @n_policy_namespaces: policies are spread over so many namespaces
 * @unique_labels:       each pod has a label that no other has, as in StatefulSets
 */
struct shape {
	const char *name;
	unsigned int n_policy_namespaces;
	bool unique_labels, policies_first;
};

struct cluster {
	struct pn_object *pods[N_PODS], *policies[N_POLICIES], *namespaces[N_NAMESPACES];
};

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static void __attribute__((noreturn)) give_up(const char *why)
{
	(void)fprintf(stderr, "bench_policy: %s\n", why);
	exit(1);
}

static void PN_PRINTF(2, 3) put(struct pn_buf *b, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (pn_buf_put(b, text, strlen(text)) < 0)
		give_up("out of memory");
}

/* --- objects --- */

static void put_pod(struct pn_buf *b, unsigned int i, bool unique, const char *version)
{
	unsigned int ns = i % N_NAMESPACES, app = i / N_NAMESPACES % N_APPS;

	put(b,
	    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"team-%03u\","
	    "\"name\":\"app-%02u-7c9d5b8f64-%05u\",\"labels\":{\"app\":\"app-%02u\","
	    "\"pod-template-hash\":\"7c9d5b8f64\",\"tier\":\"%s\",\"version\":\"%s\"",
	    ns, app, i, app, app % 3 ? "back" : "front", version);
	if (unique)
		put(b, ",\"statefulset.kubernetes.io/pod-name\":\"app-%02u-%u\"", app, i);
	put(b,
	    "}},\"spec\":{\"nodeName\":\"node-%03u\",\"containers\":[{\"ports\":[{\"name\":"
	    "\"http\","
	    "\"containerPort\":8080}]}]},\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":"
	    "\"10.%u.%u.%u\"}]}}",
	    i % 200, 1 + i / 65536, i / 256 % 256, i % 256);
}

/* Who may reach an app: another app of the namespace, monitoring, and a network without a part. */
static void put_policy(struct pn_buf *b, unsigned int i, unsigned int n_namespaces)
{
	unsigned int ns = i % n_namespaces, app = i / n_namespaces % N_APPS;

	put(b,
	    "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{"
	    "\"namespace\":\"team-%03u\",\"name\":\"p-%04u\"},\"spec\":{\"podSelector\":{"
	    "\"matchLabels\":{\"app\":\"app-%02u\"}},\"policyTypes\":[\"Ingress\",\"Egress\"],",
	    ns, i, app);
	put(b,
	    "\"ingress\":[{\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"app-%02u\"}}},"
	    "{\"namespaceSelector\":{\"matchLabels\":{\"purpose\":\"p-%u\"}},\"podSelector\":{"
	    "\"matchExpressions\":[{\"key\":\"tier\",\"operator\":\"In\",\"values\":[\"front\","
	    "\"edge-%u\"]}]}},{\"ipBlock\":{\"cidr\":\"172.%u.0.0/16\",\"except\":["
	    "\"172.%u.1.0/24\"]}}],\"ports\":[{\"port\":\"http\"},{\"port\":9000,\"endPort\":9100}]"
	    "}],\"egress\":[{\"to\":[{\"podSelector\":{}}]},{\"to\":[{\"namespaceSelector\":{}}],"
	    "\"ports\":[{\"protocol\":\"UDP\",\"port\":53}]}]}}",
	    (app + 1) % N_APPS, i % 10, i % 100, 16 + i % 16, 16 + i % 16);
}

static void put_namespace(struct pn_buf *b, unsigned int i)
{
	put(b,
	    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team-%03u\","
	    "\"labels\":{\"purpose\":\"p-%u\"}}}",
	    i, i % 12);
}

static struct pn_object *decode(enum pn_kind_id kind, const struct pn_buf *text)
{
	const struct pn_decoding decoding = { .kind = pn_kind_get(kind), .keep_labels = true };
	json_t *tree = json_loadb(text->data, text->len, 0, NULL);
	struct pn_object *o = NULL;

	if (!tree || decoding.kind->decode_json(&decoding, tree, &o, NULL) < 0)
		give_up("an object of its own making is none");
	json_decref(tree);
	return o;
}

static struct pn_object *pod(unsigned int i, bool unique, const char *version)
{
	struct pn_buf text = PN_BUF_INIT(64 << 10);
	struct pn_object *o;

	put_pod(&text, i, unique, version);
	o = decode(PN_KIND_POD, &text);
	pn_buf_done(&text);
	return o;
}

static void make(struct cluster *c, const struct shape *s)
{
	struct pn_buf text = PN_BUF_INIT(64 << 10);

	for (unsigned int i = 0; i < N_PODS; i++)
		c->pods[i] = pod(i, s->unique_labels, "1");
	for (unsigned int i = 0; i < N_POLICIES; i++) {
		pn_buf_reset(&text);
		put_policy(&text, i, s->n_policy_namespaces);
		c->policies[i] = decode(PN_KIND_NETWORKPOLICY, &text);
	}
	for (unsigned int i = 0; i < N_NAMESPACES; i++) {
		pn_buf_reset(&text);
		put_namespace(&text, i);
		c->namespaces[i] = decode(PN_KIND_NAMESPACE, &text);
	}
	pn_buf_done(&text);
}

static void unmake(struct cluster *c)
{
	for (unsigned int i = 0; i < N_PODS; i++)
		pn_object_unref(c->pods[i]);
	for (unsigned int i = 0; i < N_POLICIES; i++)
		pn_object_unref(c->policies[i]);
	for (unsigned int i = 0; i < N_NAMESPACES; i++)
		pn_object_unref(c->namespaces[i]);
}

/* --- measuring --- */

static void apply_all(struct pn_policy_set *set, struct pn_object *const objects[], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (pn_policy_apply(set, NULL, objects[i], NULL) < 0)
			give_up("an object was not taken");
}

static size_t memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static struct pn_policy_set *compile(const struct cluster *c, const struct shape *s, bool is_told)
{
	struct pn_policy_set *set;
	size_t before = memory();
	pn_nsec start = cpu_time();

	if (pn_policy_set_new(&set) < 0)
		give_up("out of memory");
	apply_all(set, c->namespaces, N_NAMESPACES);
	if (s->policies_first)
		apply_all(set, c->policies, N_POLICIES);
	apply_all(set, c->pods, N_PODS);
	if (!s->policies_first)
		apply_all(set, c->policies, N_POLICIES);
	if (!is_told)
		return set;
	row("compile 1,000 policies and 20,000 pods", (double)(cpu_time() - start) / 1e6, "ms");
	row("memory beside the objects", (double)(memory() - before) / 1e6, "MB");
	return set;
}

/*
 * Labels that no pod has had before, so that nothing is there to be shared; the same each time.
 * @fastest: of each change until now
 */
static void change_labels(struct pn_policy_set *set, const struct shape *s,
			  pn_nsec fastest[static N_CHANGES])
{
	char version[16];

	seed = 1;
	for (unsigned int i = 0; i < N_CHANGES; i++) {
		struct pn_object *o;
		pn_nsec start;

		(void)snprintf(version, sizeof(version), "2-%u", i);
		o = pod(draw(N_PODS), s->unique_labels, version);
		start = cpu_time();
		if (pn_policy_apply(set, NULL, o, NULL) < 0)
			give_up("a pod was not taken");
		start = cpu_time() - start;
		fastest[i] = PN_MIN(fastest[i], start);
		pn_object_unref(o);
	}
}

/*
 * With everything made anew, the strings too: what makes a change slow (a table that grows) does so once
 * each time. What is slow by chance, as the machine has other work, hardly hits the same change again.
 */
static void change_labels_often(struct cluster *c, const struct shape *s)
{
	static pn_nsec fastest[N_CHANGES];
	pn_nsec total = 0, worst = 0;

	for (unsigned int i = 0; i < N_CHANGES; i++)
		fastest[i] = PN_NSEC_NEVER;
	for (unsigned int i = 0; i < N_REPETITIONS; i++) {
		struct pn_policy_set *set;

		make(c, s);
		set = compile(c, s, false);
		change_labels(set, s, fastest);
		pn_policy_set_free(set);
		unmake(c);
	}
	for (unsigned int i = 0; i < N_CHANGES; i++) {
		total += fastest[i];
		worst = PN_MAX(worst, fastest[i]);
	}
	row("a changed label of a pod", (double)total / N_CHANGES / 1e3, "us");
	row("the slowest of 20,000, each at its best of three", (double)worst / 1e3, "us");
}

static void change_policies(struct pn_policy_set *set, const struct cluster *c)
{
	pn_nsec start = cpu_time();

	apply_all(set, c->policies, N_POLICIES);
	row("a policy once more", (double)(cpu_time() - start) / N_POLICIES / 1e3, "us");
}

static void ask(const struct pn_policy_set *set, const struct cluster *c)
{
	struct pn_policy_end *ends = calloc(N_PODS, sizeof(*ends));
	struct pn_policy_verdict v;
	unsigned int n_allowed = 0;
	char key[PN_KEY_LEN];
	pn_nsec start;

	for (unsigned int i = 0; ends && i < N_PODS; i++) {
		(void)pn_object_key(c->pods[i], key);
		pn_policy_end_pod(set, pn_policy_find(set, PN_KIND_POD, key, strlen(key)),
				  &ends[i]);
	}
	start = cpu_time();
	for (unsigned int i = 0; ends && i < N_VERDICTS; i++) {
		unsigned int a = draw(N_PODS), b = draw(N_PODS);

		/* half of them within a namespace */
		if (i & 1)
			b = (b - b % N_NAMESPACES + a % N_NAMESPACES) % N_PODS;
		pn_policy_evaluate(set, &ends[a], &ends[b], IPPROTO_TCP, 8080, &v);
		n_allowed += v.allow;
	}
	row("a verdict", (double)(cpu_time() - start) / N_VERDICTS, "ns");
	row("of which are allowed", 100.0 * n_allowed / N_VERDICTS, "%");
	free(ends);
}

static void measure(struct cluster *c, const struct shape *s)
{
	struct pn_policy_set *set;

	printf("%s\n", s->name);
	make(c, s);
	set = compile(c, s, true);
	ask(set, c);
	change_policies(set, c);
	pn_policy_set_free(set);
	unmake(c);
	change_labels_often(c, s);
}

/* --- files for the command --- */

static FILE *create(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		give_up(strerror(errno));
	return f;
}

static void finish(FILE *f, struct pn_buf *text)
{
	if (fwrite(text->data, 1, text->len, f) != text->len || fclose(f) != 0)
		give_up(strerror(errno));
	pn_buf_done(text);
}

static void write_cluster(const char *dir)
{
	struct pn_buf b = PN_BUF_INIT(64 << 20);

	put(&b, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
	for (unsigned int i = 0; i < N_NAMESPACES; i++) {
		put_namespace(&b, i);
		put(&b, ",\n");
	}
	for (unsigned int i = 0; i < N_POLICIES; i++) {
		put_policy(&b, i, N_NAMESPACES);
		put(&b, ",\n");
	}
	for (unsigned int i = 0; i < N_PODS; i++) {
		put_pod(&b, i, false, "1");
		put(&b, i + 1 < N_PODS ? ",\n" : "]}\n");
	}
	finish(create(dir, "cluster.json"), &b);
}

static void put_name(struct pn_buf *b, unsigned int i)
{
	put(b, "team-%03u/app-%02u-7c9d5b8f64-%05u", i % N_NAMESPACES, i / N_NAMESPACES % N_APPS,
	    i);
}

static void write_flows(const char *dir)
{
	struct pn_buf b = PN_BUF_INIT(512 << 20);

	for (unsigned int i = 0; i < N_FLOWS; i++) {
		unsigned int src = draw(N_PODS), dst = draw(N_PODS);

		put(&b, "{\"src\": \"");
		put_name(&b, src);
		put(&b, "\", \"dst\": \"");
		if (i & 1)
			put_name(&b, dst);
		else
			put(&b, "10.%u.%u.%u", 1 + dst / 65536, dst / 256 % 256, dst % 256);
		put(&b, "\", \"protocol\": \"TCP\", \"port\": 8080}\n");
	}
	finish(create(dir, "flows.jsonl"), &b);
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {
		{ "policies first", N_NAMESPACES, false, true },
		{ "pods first", N_NAMESPACES, false, false },
		{ "pods first, each with labels of its own", N_NAMESPACES, true, false },
		{ "all policies in one namespace", 1, true, false },
	};
	struct cluster *c = calloc(1, sizeof(*c));

	if (!c)
		give_up("out of memory");
	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		write_cluster(argv[2]);
		write_flows(argv[2]);
	} else {
		for (size_t i = 0; i < PN_ARRAY_SIZE(shapes); i++)
			measure(c, &shapes[i]);
	}
	free(c);
	return 0;
}
