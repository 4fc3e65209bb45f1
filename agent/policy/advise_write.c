/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advised policies as objects, with words for a person beside each: who it is for, which addresses are
 * nodes', where networks hold more than was seen.
 */
#include "policy/advise_write.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/cidr.h"
#include "policy/blocks.h"
#include "policy/explain.h"
#include "policy/private.h"

/* With what stands around it, a name may have 253 bytes. */
enum { NAME_MOST = 220, MOST_NAMED = 12, COMMENT_MAX = 64 << 10 };

static const char prefix[] = "advised-";

/* All that goes into one policy; @failed: memory was short somewhere. */
struct writing {
	const struct pn_blocks_limit *limit;
	struct pn_buf comment;
	bool failed;
};

/* --- names --- */

/* The same in every process, unlike the hashes of tables. */
static uint64_t fixed_hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

/* Lower case letters, digits, and between them '-' and '.'. */
static size_t put_name(char *to, const char *from, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; from[i] && n < most; i++) {
		bool is_between = from[i] == '.' && i && isalnum((unsigned char)from[i - 1]) &&
				  isalnum((unsigned char)from[i + 1]);

		to[n++] = isalnum((unsigned char)from[i]) ? (char)tolower((unsigned char)from[i])
							  : (char)(is_between ? '.' : '-');
	}
	while (n && !isalnum((unsigned char)to[n - 1]))
		n--;
	to[n] = '\0';
	return n;
}

/* Long names are cut, and told apart by their hash. */
void pn_advised_key(const char *name_space, const char *name, const char *tail,
		    char key[static PN_KEY_LEN])
{
	char clean[NAME_MOST + 1];
	size_t n = put_name(clean, name, strlen(name) > NAME_MOST ? NAME_MOST - 17 : NAME_MOST);

	if (strlen(name) > NAME_MOST)
		(void)snprintf(clean + n, sizeof(clean) - n, "-%016llx",
			       (unsigned long long)fixed_hash(name));
	(void)snprintf(key, PN_KEY_LEN, "%.63s/%s%s%s", name_space, prefix, n ? clean : "pods",
		       tail);
}

/* --- trees --- */

/* Takes @value. */
static void set_new(struct writing *w, json_t *object, const char *key, json_t *value)
{
	w->failed |= json_object_set_new(object, key, value) < 0;
}

static void append_new(struct writing *w, json_t *list, json_t *value)
{
	w->failed |= json_array_append_new(list, value) < 0;
}

static json_t *policy_of(const char *key, json_t *spec)
{
	const char *slash = strchr(key, '/');

	return json_pack("{s:s, s:s, s:{s:s, s:s%}, s:o}", "apiVersion", "networking.k8s.io/v1",
			 "kind", "NetworkPolicy", "metadata", "name", slash + 1, "namespace", key,
			 (size_t)(slash - key), "spec", spec);
}

static json_t *expression_of(struct writing *w, const struct pn_party_requirement *q)
{
	static const char *const ops[] = {
		[PN_SELECTOR_IN] = "In",
		[PN_SELECTOR_NOT_IN] = "NotIn",
		[PN_SELECTOR_EXISTS] = "Exists",
		[PN_SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
	};
	json_t *e = json_pack("{s:s, s:s}", "key", q->key, "operator", ops[q->op]);
	json_t *values = json_array();

	for (uint32_t i = 0; i < q->n_values; i++)
		append_new(w, values, json_string(q->values[i]));
	if (q->n_values)
		set_new(w, e, "values", values);
	else
		json_decref(values);
	return e;
}

static json_t *selector_of(struct writing *w, const struct pn_party *p)
{
	json_t *selector = json_object(), *part = json_object();

	for (uint32_t i = 0; i < p->n_labels; i++)
		set_new(w, part, p->labels[i]->key, json_string(p->labels[i]->value));
	if (p->n_labels)
		set_new(w, selector, "matchLabels", part);
	else
		json_decref(part);
	part = json_array();
	for (uint32_t i = 0; i < p->n_requirements; i++)
		append_new(w, part, expression_of(w, &p->requirements[i]));
	if (p->n_requirements)
		set_new(w, selector, "matchExpressions", part);
	else
		json_decref(part);
	return selector;
}

static json_t *peer_of(struct writing *w, const struct pn_edge *e)
{
	json_t *peer = json_pack("{s:o}", "podSelector", selector_of(w, e->peer));

	if (strcmp(e->peer->name_space, e->party->name_space) != 0)
		set_new(w, peer, "namespaceSelector",
			json_pack("{s:{s:s}}", "matchLabels", "kubernetes.io/metadata.name",
				  e->peer->name_space));
	return peer;
}

static json_t *block_of(const struct pn_cidr *c)
{
	char text[PN_CIDR_STRLEN];

	return json_pack("{s:{s:s}}", "ipBlock", "cidr", pn_cidr_format(c, text));
}

/* --- ports --- */

/* How many edges from here on are one port after the other. */
static uint32_t run_length(const struct pn_edge *e, uint32_t n)
{
	uint32_t i = 1;

	while (i < n && e[i].proto == e[0].proto && e[i].port == e[0].port + i)
		i++;
	return i;
}

static json_t *ports_of(struct writing *w, const struct pn_edge *e, uint32_t n)
{
	enum { WORTH_A_RANGE = 3 };
	json_t *ports = json_array();

	for (uint32_t i = 0; i < n;) {
		uint32_t run = run_length(&e[i], n - i);
		json_t *port = json_pack("{s:s, s:i}", "protocol",
					 e[i].proto == IPPROTO_UDP    ? "UDP"
					 : e[i].proto == IPPROTO_SCTP ? "SCTP"
								      : "TCP",
					 "port", e[i].port);

		if (run < WORTH_A_RANGE)
			run = 1;
		else
			set_new(w, port, "endPort", json_integer(e[i].port + (json_int_t)run - 1));
		append_new(w, ports, port);
		i += run;
	}
	return ports;
}

/* --- rules --- */

/* A peer, with its edges: one for each port. */
struct peer {
	const struct pn_edge *edges;
	uint32_t n;
};

static int ports_order(const struct peer *a, const struct peer *b)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++) {
		int r = a->edges[i].proto - b->edges[i].proto;

		r = r ? r : a->edges[i].port - b->edges[i].port;
		if (r)
			return r;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

static int peer_order(const void *x, const void *y)
{
	const struct peer *a = x, *b = y;
	int r = ports_order(a, b);

	return r ? r : pn_edge_peer_order(a->edges, b->edges);
}

static void comment(struct writing *w, const char *fmt, ...) PN_PRINTF(2, 3);

/* Longer than anybody reads is cut. */
static void comment(struct writing *w, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	w->failed |= pn_buf_printf(&w->comment, "%s\n", line) == -ENOMEM;
}

/* How many addresses there are in networks; no more than can be told. */
static uint64_t size_of(const struct pn_cidr *c, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		unsigned int bits = 128U - c[i].prefix_len;

		if (bits > 62 || sum > UINT64_MAX / 2)
			return UINT64_MAX;
		sum += UINT64_C(1) << bits;
	}
	return sum;
}

static void name_node(struct writing *w, const struct pn_edge *e)
{
	char addr[PN_ADDR_STRLEN];

	if (e->node)
		comment(w, "node %s is %s", e->node->key, pn_addr_format(&e->addr, addr));
}

static void put_blocks(struct writing *w, json_t *list, const struct peer *peers, uint32_t n)
{
	struct pn_cidr *blocks = calloc(n + 1, sizeof(*blocks));
	uint32_t n_blocks;

	if (!blocks) {
		w->failed = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		blocks[i] = (struct pn_cidr) { peers[i].edges->addr, 128 };
		if (i < MOST_NAMED)
			name_node(w, peers[i].edges);
	}
	n_blocks = pn_blocks_cover(blocks, n, w->limit->most, w->limit->avoid, w->limit->n_avoid);
	for (uint32_t i = 0; i < n_blocks; i++)
		append_new(w, list, block_of(&blocks[i]));
	if (size_of(blocks, n_blocks) > n)
		comment(w, "%u addresses were seen; the %u networks for them hold others, too", n,
			n_blocks);
	free(blocks);
}

/* @n peers with the same ports. */
static json_t *rule_of(struct writing *w, const struct peer *peers, uint32_t n)
{
	bool is_egress = peers->edges->direction == PN_POLICY_EGRESS;
	json_t *list = json_array();
	uint32_t n_parties = 0;

	while (n_parties < n && peers[n_parties].edges->peer)
		append_new(w, list, peer_of(w, peers[n_parties++].edges));
	if (n_parties < n)
		put_blocks(w, list, &peers[n_parties], n - n_parties);
	return json_pack("{s:o, s:o}", is_egress ? "to" : "from", list, "ports",
			 ports_of(w, peers->edges, peers->n));
}

/* @edges: of one direction. */
static json_t *rules_of(struct writing *w, const struct pn_edge *edges, uint32_t n)
{
	struct peer *peers = calloc(n + 1, sizeof(*peers));
	json_t *rules = json_array();
	uint32_t n_peers = 0, next;

	if (!peers) {
		w->failed = true;
		return rules;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!i || pn_edge_peer_order(&edges[i - 1], &edges[i]) != 0)
			peers[n_peers++].edges = &edges[i];
		peers[n_peers - 1].n++;
	}
	if (n_peers)
		qsort(peers, n_peers, sizeof(*peers), peer_order);
	for (uint32_t i = 0; i < n_peers; i = next) {
		next = i + 1;
		while (next < n_peers && ports_order(&peers[i], &peers[next]) == 0)
			next++;
		append_new(w, rules, rule_of(w, &peers[i], next - i));
	}
	free(peers);
	return rules;
}

/* --- policies --- */

/* Return: 0, with @ret, or -ENOMEM. Takes @document */
static int finish(struct writing *w, const char *key, json_t *document, struct pn_advised *ret)
{
	struct pn_advised a = { .document = document, .comment = w->comment.data };

	if (!a.comment)
		a.comment = strdup("");
	(void)snprintf(a.key, sizeof(a.key), "%s", key);
	if (!w->failed && a.document && a.comment) {
		*ret = a;
		return 0;
	}
	pn_advised_done(&a);
	return -ENOMEM;
}

void pn_advised_done(struct pn_advised *a)
{
	json_decref(a->document);
	free(a->comment);
}

static bool is_advised_before(const struct pn_policy *p)
{
	const char *slash = strchr(pn_policy_key(p), '/');

	return slash && strncmp(slash + 1, prefix, sizeof(prefix) - 1) == 0;
}

/* They only add: what they allow stays allowed. */
static void name_existing(struct writing *w, const struct pn_policy_set *set, const char *key)
{
	size_t n_namespace = strcspn(key, "/") + 1;
	const struct pn_policy *p;
	unsigned int n = 0;

	for (p = set->policies; p; p = p->hh.next) {
		if (p->kind != PN_POLICY_NETWORK ||
		    strncmp(pn_policy_key(p), key, n_namespace) != 0 || is_advised_before(p))
			continue;
		if (++n <= MOST_NAMED)
			comment(w, "stays, and allows what it allows: NetworkPolicy %s",
				pn_policy_key(p));
	}
	if (n > MOST_NAMED)
		comment(w, "and %u more", n - MOST_NAMED);
}

int pn_advised_deny(const struct pn_policy_set *set, const char *key, struct pn_advised *ret)
{
	struct writing w = { .comment = PN_BUF_INIT(COMMENT_MAX) };
	json_t *spec =
		json_pack("{s:{}, s:[s, s]}", "podSelector", "policyTypes", "Ingress", "Egress");

	comment(&w, "namespace %.*s: what is not allowed below is denied", (int)strcspn(key, "/"),
		key);
	name_existing(&w, set, key);
	return finish(&w, key, policy_of(key, spec), ret);
}

static void name_workloads(struct writing *w, const struct pn_party *p)
{
	for (uint32_t i = 0; i < p->n_workloads && i < MOST_NAMED; i++)
		comment(w, "%s %s/%s", p->workloads[i]->kind, p->workloads[i]->name_space,
			p->workloads[i]->name);
	if (p->n_workloads > MOST_NAMED)
		comment(w, "and %u more", p->n_workloads - MOST_NAMED);
	if (p->n_workloads > 1)
		comment(w, "their pods cannot be told apart by labels");
}

int pn_advised_party(const struct pn_edge *edges, uint32_t n, const struct pn_blocks_limit *limit,
		     const char *key, struct pn_advised *ret)
{
	struct writing w = { .limit = limit, .comment = PN_BUF_INIT(COMMENT_MAX) };
	json_t *spec = json_object(), *types = json_array();
	uint32_t n_egress = 0;

	while (n_egress < n && edges[n_egress].direction == PN_POLICY_EGRESS)
		n_egress++;
	name_workloads(&w, edges->party);
	set_new(&w, spec, "podSelector", selector_of(&w, edges->party));
	if (n_egress < n) {
		append_new(&w, types, json_string("Ingress"));
		set_new(&w, spec, "ingress", rules_of(&w, edges + n_egress, n - n_egress));
	}
	if (n_egress) {
		append_new(&w, types, json_string("Egress"));
		set_new(&w, spec, "egress", rules_of(&w, edges, n_egress));
	}
	set_new(&w, spec, "policyTypes", types);
	return finish(&w, key, policy_of(key, spec), ret);
}
