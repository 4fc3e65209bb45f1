/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_POLICY_EXPLAIN_H
#define PN_CMD_POLICY_POLICY_EXPLAIN_H

#include <stdbool.h>
#include <stdio.h>

#include "cmd/policy/seen.h"
#include "policy/explain.h"

/*
 * The parts of `podonym policy explain`: from words to the ends of a flow, and answers in their
 * forms.
 */

/**
 * struct pn_asked_flow - a flow with its own ends; what it points to lives as long as the set
 *
 * `flow` points to src and dst: it stays where it was filled.
 */
struct pn_asked_flow {
	struct pn_policy_end src, dst;
	struct pn_policy_flow flow;
};

/**
 * pn_asked_flow_ends() - both ends, each "namespace/pod" or an address
 *
 * Return: 0, or -ENOENT or -EINVAL with @reterr, which names what is near
 */
int pn_asked_flow_ends(const struct pn_policy_set *set, const char *src, const char *dst,
		       struct pn_asked_flow *ret, struct pn_err *reterr);

/**
 * pn_asked_end_check() - "namespace/pod", or an address
 * @ret: the address; untouched if it is a name
 *
 * Return: 0, or -EINVAL with @reterr
 */
int pn_asked_end_check(const char *text, struct pn_addr *ret, struct pn_err *reterr);

/** pn_asked_flow_port() - "TCP/5432", "5432/tcp" or "5432". Return: 0, or -EINVAL with @reterr */
int pn_asked_flow_port(const char *text, struct pn_asked_flow *ret, struct pn_err *reterr);

/** pn_asked_flow_seen() - protocol and port of a recorded flow. Return: 0, or -EOPNOTSUPP with @reterr */
int pn_asked_flow_seen(const struct pn_seen *seen, struct pn_asked_flow *ret,
		       struct pn_err *reterr);

/**
 * pn_policy_answer_flows() - a line of JSON for each line of flows from @in, until it ends
 * @with_fix: what would allow a flow that is denied, too
 *
 * Whatever has been read is answered before more is waited for. A line that makes no sense is
 * answered with {"error": ...}.
 *
 * Return: 0; 1 if a line could not be answered; a negative errno if reading or writing failed
 */
int pn_policy_answer_flows(const struct pn_policy_set *set, int in, int out, bool with_fix);

/**
 * pn_policy_print_text(), pn_policy_print_json() - one flow, in full
 * @seen: what the agent says of it; NULL: nobody was asked
 *
 * Return: 0 or a negative errno
 */
int pn_policy_print_text(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			 const struct pn_seen *seen, bool color, FILE *out);
int pn_policy_print_json(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			 const struct pn_seen *seen, FILE *out);

/** pn_seen_words() - "3 packets, no answer; 3x dropped by netfilter ..." into @buf */
void pn_seen_words(const struct pn_seen *s, char *buf, size_t size);

/** pn_seen_json() - Return: a new object */
json_t *pn_seen_json(const struct pn_seen *s);

/** pn_policy_fixes_json() - the fixes of both sides. Return: a new list */
json_t *pn_policy_fixes_json(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			     const struct pn_explanation *e);

/** pn_policy_print_fix() - as YAML, for kubectl patch. Return: 0; 1 nothing needs to be changed; a negative errno */
int pn_policy_print_fix(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
			FILE *out);

#endif
