/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_POLICY_RANDOM_WORLD_H
#define PN_TEST_POLICY_RANDOM_WORLD_H

#include "base/buf.h"
#include "tests/unit/policy/fixture.h"

/*
 * Objects drawn by chance from so few names, labels and ports that they meet each other all the
 * time. The same seed draws the same objects.
 */
static uint32_t seed;

static inline uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

enum { N_NAMESPACES = 3, N_PODS = 6, N_NODES = 2, N_POLICIES = 5, N_TIERS = 4 };

#define PUT(...) assert_int_equal(pn_buf_printf(b, __VA_ARGS__), 0)

static inline void put_labels(struct pn_buf *b)
{
	static const char *const pairs[] = { "'app':'a'", "'app':'b'", "'tier':'1'", "'tier':''" };
	uint32_t first = draw(5), second = 2 + draw(3);

	PUT("{");
	if (first < 2)
		PUT("%s%s", pairs[first], second < 4 ? "," : "");
	if (second < 4)
		PUT("%s", pairs[second]);
	PUT("}");
}

static inline void put_selector(struct pn_buf *b)
{
	static const char *const expressions[] = {
		"{'key':'app','operator':'Exists'}",
		"{'key':'tier','operator':'DoesNotExist'}",
		"{'key':'app','operator':'In','values':['a','x']}",
		"{'key':'app','operator':'In','values':['a','b','a']}",
		"{'key':'app','operator':'NotIn','values':['a']}",
		"{'key':'tier','operator':'NotIn','values':['','2']}",
	};

	PUT("{");
	if (draw(2)) {
		PUT("'matchLabels':");
		put_labels(b);
		PUT("%s", draw(3) ? "" : ",'matchExpressions':[]");
	} else if (draw(3)) {
		PUT("'matchExpressions':[%s]", expressions[draw(PN_ARRAY_SIZE(expressions))]);
	}
	PUT("}");
}

static inline void put_cidr(struct pn_buf *b)
{
	static const char *const cidrs[] = { "10.0.0.0/8",   "10.0.1.0/24", "10.0.1.2/31",
					     "192.0.2.0/25", "0.0.0.0/0",   "::/0",
					     "fd00::/120",   "192.0.2.1/32" };

	PUT("'%s'", cidrs[draw(PN_ARRAY_SIZE(cidrs))]);
}

static inline void put_np_peer(struct pn_buf *b)
{
	uint32_t form = draw(4);

	if (form == 0) {
		PUT("{'ipBlock':{'cidr':");
		put_cidr(b);
		PUT(",'except':[");
		if (draw(2))
			put_cidr(b);
		PUT("]}}");
		return;
	}
	PUT("{");
	if (form & 1) {
		PUT("'podSelector':");
		put_selector(b);
	}
	if (form & 2) {
		PUT("%s'namespaceSelector':", form & 1 ? "," : "");
		put_selector(b);
	}
	PUT("}");
}

static inline void put_np_rules(struct pn_buf *b, const char *peers)
{
	static const char *const ports[] = { "{'port':80}", "{'protocol':'UDP'}", "{'port':'http'}",
					     "{'port':79,'endPort':81}",
					     "{'protocol':'SCTP','port':80}" };
	uint32_t n = draw(3);

	PUT("[");
	for (uint32_t i = 0; i < n; i++) {
		PUT("%s{'%s':[", i ? "," : "", peers);
		for (uint32_t k = draw(3); k > 0; k--) {
			put_np_peer(b);
			PUT("%s", k > 1 ? "," : "");
		}
		PUT("],'ports':[%s]}", draw(2) ? ports[draw(PN_ARRAY_SIZE(ports))] : "");
	}
	PUT("]");
}

static inline void put_networkpolicy(struct pn_buf *b)
{
	static const char *const types[] = { "", ",'policyTypes':['Ingress']",
					     ",'policyTypes':['Egress']",
					     ",'policyTypes':['Ingress','Egress']" };

	PUT("{'kind':'NetworkPolicy','metadata':{'namespace':'n%u','name':'p%u'},'spec':{"
	    "'podSelector':",
	    draw(N_NAMESPACES), draw(N_POLICIES));
	put_selector(b);
	PUT("%s,'ingress':", types[draw(PN_ARRAY_SIZE(types))]);
	put_np_rules(b, "from");
	PUT(",'egress':");
	put_np_rules(b, "to");
	PUT("}}");
}

static inline void put_tier_peer(struct pn_buf *b, bool is_egress)
{
	uint32_t form = draw(is_egress ? 5 : 2);

	if (form == 0) {
		PUT("{'namespaces':");
		put_selector(b);
	} else if (form == 1) {
		PUT("{'pods':{'namespaceSelector':");
		put_selector(b);
		PUT(",'podSelector':");
		put_selector(b);
		PUT("}");
	} else if (form == 2) {
		PUT("{'nodes':");
		put_selector(b);
	} else if (form == 3) {
		PUT("{'networks':[");
		put_cidr(b);
		PUT(",");
		put_cidr(b);
		PUT("]");
	} else {
		PUT("{'domainNames':['example.com']");
	}
	PUT("}");
}

static inline void put_tier_rules(struct pn_buf *b, bool is_egress)
{
	static const char *const actions[] = { "Accept", "Deny", "Pass" };
	static const char *const protocols[] = {
		"", ",'protocols':[{'tcp':{'destinationPort':{'number':80}}}]",
		",'protocols':[{'destinationNamedPort':'http'}]"
	};
	uint32_t n = draw(3);

	PUT("[");
	for (uint32_t i = 0; i < n; i++) {
		PUT("%s{'action':'%s','%s':[", i ? "," : "", actions[draw(3)],
		    is_egress ? "to" : "from");
		put_tier_peer(b, is_egress);
		PUT("]%s}", protocols[draw(PN_ARRAY_SIZE(protocols))]);
	}
	PUT("]");
}

static inline void put_tier(struct pn_buf *b)
{
	PUT("{'apiVersion':'policy.networking.k8s.io/v1alpha2','kind':'ClusterNetworkPolicy',"
	    "'metadata':{'name':'t%u'},'spec':{'tier':'%s','priority':%u,'subject':{'namespaces':",
	    draw(N_TIERS), draw(2) ? "Admin" : "Baseline", draw(3));
	put_selector(b);
	PUT("},'ingress':");
	put_tier_rules(b, false);
	PUT(",'egress':");
	put_tier_rules(b, true);
	PUT("}}");
}

static inline void put_pod(struct pn_buf *b)
{
	uint32_t ns = draw(N_NAMESPACES), name = draw(N_PODS);

	PUT("{'kind':'Pod','metadata':{'namespace':'n%u','name':'x%u','labels':", ns, name);
	put_labels(b);
	PUT("},'spec':{'nodeName':'node%u'%s,'containers':[{'ports':[{'name':'http',"
	    "'containerPort':%u}]}]},'status':{'phase':'%s','podIPs':[{'ip':'10.0.%u.%u'},{'ip':"
	    "'fd00::%u'}]}}",
	    draw(N_NODES), draw(8) ? "" : ",'hostNetwork':true", 80 + draw(2),
	    draw(8) ? "Running" : "Failed", ns, name, ns * 16 + name);
}

/** put_object() - any kind of object, one that has come before or a new one */
static inline void put_object(struct pn_buf *b)
{
	uint32_t form = draw(10);

	pn_buf_reset(b);
	if (form < 4) {
		put_pod(b);
	} else if (form < 7) {
		put_networkpolicy(b);
	} else if (form < 8) {
		put_tier(b);
	} else if (form < 9) {
		PUT("{'kind':'Namespace','metadata':{'name':'n%u','labels':", draw(N_NAMESPACES));
		put_labels(b);
		PUT("}}");
	} else {
		uint32_t n = draw(N_NODES);

		PUT("{'kind':'Node','metadata':{'name':'node%u','labels':", n);
		put_labels(b);
		PUT("},'status':{'addresses':[{'type':'InternalIP','address':'192.0.2.%u'}]}}", n);
	}
}

/** draw_end() - a pod by name, if it is there, or an address */
static inline void draw_end(const struct world *w, char *text, size_t size)
{
	(void)snprintf(text, size, "n%u/x%u", draw(N_NAMESPACES), draw(N_PODS));
	if (pn_policy_find(w->set, PN_KIND_POD, text, strlen(text)) && draw(4))
		return;
	if (draw(2))
		(void)snprintf(text, size, "10.0.%u.%u", draw(N_NAMESPACES), draw(N_PODS));
	else
		(void)snprintf(text, size, "192.0.2.%u", draw(N_NODES + 1));
}

static inline void draw_flow(const struct world *w, char *words, size_t size)
{
	static const char *const ports[] = { "TCP/80", "TCP/81", "TCP/82", "UDP/80", "SCTP/80" };
	char src[64], dst[64];

	draw_end(w, src, sizeof(src));
	draw_end(w, dst, sizeof(dst));
	(void)snprintf(words, size, "%s %s %s", src, dst, ports[draw(PN_ARRAY_SIZE(ports))]);
}

#endif
