/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of `podonym policy explain` for a person: the verdict first, then each end, and below
 * it who decided; for a denial what each rule wanted and what there was. Rules are counted from 1.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "base/addr.h"
#include "cmd/policy/explain_words.h"
#include "cmd/policy/policy_explain.h"
#include "policy/explain.h"

#define DIM "\033[2m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define RESET "\033[0m"

/* Of one policy; a person has lost the thread by then. */
enum { MAX_RULES = 10 };

struct page {
	FILE *out;
	bool color;
	const struct pn_policy_set *set;
	const struct pn_policy_flow *flow;
	const struct pn_seen *seen; /* NULL: nobody was asked */
};

static const char *const direction_names[] = { "egress", "ingress" };

/* Names of rules and domains may hold anything; a terminal must not take it for a command. */
static void put(const struct page *p, const char *s)
{
	for (; *s; s++)
		(void)fputc((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s, p->out);
}

static void PN_PRINTF(2, 3) say(const struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(p->out, fmt, ap);
	va_end(ap);
}

static void paint(const struct page *p, const char *color, const char *s)
{
	if (p->color)
		say(p, "%s", color);
	put(p, s);
	if (p->color)
		say(p, RESET);
}

/* --- ends --- */

static const char *name_of(const struct pn_policy_end *end, char *buf)
{
	const struct pn_policy_member *m = end->pod    ? end->pod
					   : end->node ? end->node
						       : end->service;

	return m ? pn_object_key(pn_policy_member_object(m), buf) : NULL;
}

static const char *sort_of(const struct pn_policy_end *end)
{
	const struct pn_pod *pod =
		end->pod ? pn_object_pod(pn_policy_member_object(end->pod)) : NULL;

	if (pod && (pod->phase == PN_POD_SUCCEEDED || pod->phase == PN_POD_FAILED))
		return "finished";
	if (pod)
		return pod->host_network ? "host network" : NULL;
	if (end->node)
		return "node";
	return end->service ? "Service: policies see its pods" : "outside the cluster";
}

static void put_end(const struct page *p, const struct pn_policy_end *end)
{
	char key[PN_KEY_LEN], addr[PN_ADDR_STRLEN] = "no address", about[128];
	const char *name = name_of(end, key), *sort = sort_of(end);

	if (end->has_addr)
		(void)pn_addr_format(&end->addr, addr);
	paint(p, CYAN, name ? name : addr);
	(void)snprintf(about, sizeof(about), " (%s%s%s)", name ? addr : "",
		       name && sort ? ", " : "", sort ? sort : "");
	paint(p, DIM, about);
}

static void put_short(const struct pn_policy_end *end, char *buf)
{
	char key[PN_KEY_LEN], addr[PN_ADDR_STRLEN] = "";
	const char *name = name_of(end, key);

	if (!name && end->has_addr)
		name = pn_addr_format(&end->addr, addr);
	(void)snprintf(buf, PN_KEY_LEN, "%s", name ? name : "");
}

/* --- a rule that missed --- */

static void put_condition(const struct page *p, const struct pn_condition *c)
{
	char wanted[512], has[512];

	pn_condition_wanted(c, wanted, sizeof(wanted));
	pn_condition_has(c, has, sizeof(has));
	say(p, "wants ");
	paint(p, YELLOW, wanted);
	say(p, ", has ");
	paint(p, YELLOW, has);
}

static void put_missed(const struct page *p, const struct pn_policy *policy,
		       enum pn_policy_direction d, const struct pn_missed_rule *m)
{
	const char *name = pn_policy_rule_name(policy, d, m->rule);
	const char *separator = ": ";

	say(p, "        rule %u", m->rule + 1);
	if (*name) {
		say(p, " ");
		paint(p, DIM, name);
	}
	say(p, ": %s",
	    m->port   ? "port matches, peer does not"
	    : m->peer ? "peer matches, port does not"
		      : "neither port nor peer matches");
	for (uint32_t i = 0; i < m->n_conditions; i++) {
		if (m->conditions[i].holds)
			continue;
		say(p, "%s", separator);
		put_condition(p, &m->conditions[i]);
		separator = "; ";
	}
	say(p, "\n");
}

/* --- an end --- */

static void put_policy_name(const struct page *p, const struct pn_policy *policy)
{
	paint(p, DIM, pn_policy_kind_name(pn_policy_kind(policy)));
	say(p, " ");
	paint(p, CYAN, pn_policy_key(policy));
}

static void put_decider(const struct page *p, const struct pn_deciding_policy *d,
			enum pn_policy_direction direction)
{
	uint32_t rule = (uint32_t)d->rule;

	say(p, "      ");
	put_policy_name(p, d->policy);
	if (d->rule >= 0) {
		const char *name = pn_policy_rule_name(d->policy, direction, rule);

		say(p, "  rule %u%s", rule + 1, *name ? " " : "");
		paint(p, DIM, name);
		say(p, "  %s\n", pn_policy_rule_action(d->policy, direction, rule));
		return;
	}
	say(p, "%s%s%s\n", d->n_missed ? "" : "  has no ",
	    d->n_missed ? "" : direction_names[direction], d->n_missed ? "" : " rules");
	for (uint32_t i = 0; i < d->n_missed && i < MAX_RULES; i++)
		put_missed(p, d->policy, direction, &d->missed[i]);
	if (d->n_missed > MAX_RULES)
		say(p, "        and %u more rules that do not match; -o json has them all\n",
		    d->n_missed - MAX_RULES);
}

static void put_reason(const struct page *p, const struct pn_explained_side *s,
		       enum pn_policy_direction d)
{
	switch (s->verdict.reason) {
	case PN_POLICY_NO_SUBJECT:
		say(p, "policies apply to pods on the pod network only");
		break;
	case PN_POLICY_SAME_POD:
		say(p, "a pod always reaches itself");
		break;
	case PN_POLICY_OWN_NODE:
		say(p, "a pod and its own node always reach each other");
		break;
	case PN_POLICY_TIER_RULE:
		say(p, "by the first rule that matches");
		break;
	case PN_POLICY_RULE:
		say(p, "isolated, and a rule matches");
		break;
	case PN_POLICY_ISOLATED:
		say(p, "isolated by %u %s, no rule matches", s->n_policies - !!s->verdict.passed_by,
		    s->n_policies - !!s->verdict.passed_by == 1 ? "policy" : "policies");
		break;
	default:
		say(p, "no policy %s for %s",
		    s->verdict.passed_by ? "below the admin tier decides" : "selects it",
		    direction_names[d]);
		break;
	}
}

static void put_side(const struct page *p, const struct pn_explained_side *s,
		     enum pn_policy_direction d)
{
	char src[PN_KEY_LEN], dst[PN_KEY_LEN], *key = d == PN_POLICY_EGRESS ? src : dst;

	put_short(p->flow->src, src);
	put_short(p->flow->dst, dst);
	say(p, "  %-7s of ", direction_names[d]);
	paint(p, CYAN, key);
	say(p, "%*s   ", (int)(PN_MAX(strlen(src), strlen(dst)) - strlen(key)), "");
	paint(p, s->verdict.allow ? GREEN : RED, s->verdict.allow ? "allowed" : "denied");
	say(p, s->verdict.allow ? "   " : "    ");
	put_reason(p, s, d);
	say(p, "\n");
	for (uint32_t i = 0; i < s->n_policies; i++)
		put_decider(p, &s->policies[i], d);
}

/* --- what the kernel did --- */

static void put_seen(const struct page *p, bool allow)
{
	static const char *const words[] = {
		[PN_AGREES] = "yes",
		[PN_DISAGREES] = "NO",
		[PN_UNDECIDED] = "cannot be told",
	};
	static const char *const colors[] = { GREEN, RED, YELLOW };
	enum pn_agreement agreement;
	const char *why;
	char text[1024];

	if (!p->seen)
		return;
	pn_seen_words(p->seen, text, sizeof(text));
	agreement = pn_seen_agreement(p->seen, allow, &why);
	say(p, "  seen     ");
	put(p, text);
	say(p, "\n  agrees   ");
	paint(p, colors[agreement], words[agreement]);
	say(p, "%s%s\n", *why ? ": " : "", why);
}

/* --- what could be changed, and what it depends on --- */

static void put_fix(const struct page *p, const struct pn_explanation *e,
		    enum pn_policy_direction d)
{
	struct pn_policy_fix fix;
	char words[512];

	if (pn_policy_fix(p->set, p->flow, e, d, &fix) != 1)
		return;
	pn_fix_words(&fix, words, sizeof(words));
	say(p, "  nearest fix   ");
	paint(p, DIM, pn_policy_kind_name(fix.kind));
	say(p, " ");
	paint(p, CYAN, fix.key);
	say(p, ", %s: ", direction_names[d]);
	put(p, words);
	say(p, "\n");
	pn_policy_fix_done(&fix);
}

static void put_depends(const struct page *p, const struct pn_explanation *e)
{
	uint32_t depends = pn_explanation_depends(e);
	const char *other = pn_explanation_allows(e) ? "DENIED" : "ALLOWED";

	for (unsigned int r = 0; r < PN_READING_MAX; r++) {
		if (!(depends >> r & 1))
			continue;
		say(p, "  depends on the network plugin   %s with %s\n", other,
		    pn_policy_reading_words((enum pn_policy_reading)r));
	}
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

static void put_page(const struct page *p, const struct pn_explanation *e)
{
	bool allow = pn_explanation_allows(e);

	put_end(p, p->flow->src);
	say(p, " -> ");
	put_end(p, p->flow->dst);
	say(p, " %s %u   ", proto_name(p->flow->proto), p->flow->port);
	paint(p, allow ? GREEN : RED, allow ? "ALLOWED" : "DENIED");
	say(p, "\n");
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		put_side(p, pn_explanation_side(e, (enum pn_policy_direction)d),
			 (enum pn_policy_direction)d);
	put_seen(p, allow);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
		put_fix(p, e, (enum pn_policy_direction)d);
	put_depends(p, e);
}

int pn_policy_print_text(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			 const struct pn_seen *seen, bool color, FILE *out)
{
	const struct page p = { out, color, set, flow, seen };
	struct pn_explanation *e;
	int r = pn_policy_explain(set, flow, &e);

	if (r < 0)
		return r;
	put_page(&p, e);
	pn_explanation_free(e);
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
