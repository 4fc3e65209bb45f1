// SPDX-License-Identifier: Apache-2.0
/*
 * `podonym policy explain -o json` for the agent's HTTP, see daemon/explaining.h: the cluster is not read but
 * given, and of its pods only those at the ends are put into the set, as policies look at no others.
 */
#include "cmd/policy/explain_agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cmd/policy/flow_line.h"
#include "cmd/policy/policy_explain.h"

/* @text: "namespace/pod" or an address */
static bool is_end(const struct pn_pod *pod, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : 0;
	struct pn_addr addr;

	if (slash)
		return strlen(pod->meta.name_space) == len &&
		       strncmp(pod->meta.name_space, text, len) == 0 &&
		       strcmp(pod->meta.name, slash + 1) == 0;
	if (pn_addr_parse(text, &addr) < 0)
		return false;
	for (size_t i = 0; i < pod->n_addrs; i++) {
		if (memcmp(&pod->addrs[i], &addr, sizeof(addr)) == 0)
			return true;
	}
	return false;
}

static int fill(struct pn_policy_set *set, const struct pn_explain_question *q, const char *src,
		const char *dst)
{
	struct pn_err ignored; /* a policy that makes no sense is in nobody's set */

	for (size_t i = 0; i < q->n_objects; i++) {
		const struct pn_pod *pod = pn_object_pod(q->objects[i]);

		if (pod && !is_end(pod, src) && !is_end(pod, dst))
			continue;
		if (pn_policy_apply(set, NULL, q->objects[i], &ignored) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int print(const struct pn_policy_set *set, const struct pn_policy_flow *flow,
		 const struct pn_seen *seen, char **ret)
{
	size_t len = 0;
	FILE *out = open_memstream(ret, &len);
	int r = out ? pn_policy_print_json(set, flow, seen, out) : -ENOMEM;

	if (out && fclose(out) != 0)
		r = -ENOMEM;
	return r;
}

/* What was seen between two ends that were named; no records are no failure. */
static const struct pn_seen *look(const struct pn_explain_question *q,
				  const struct pn_policy_flow *flow, struct pn_seen *seen)
{
	struct pn_err ignored;

	if (!flow->src->has_addr || !flow->dst->has_addr)
		return NULL;
	return pn_seen_between(q->socket_path, &flow->src->addr, &flow->dst->addr,
			       pn_flow_transport(flow->proto), flow->port, seen, &ignored) < 0
		       ? NULL
		       : seen;
}

static int check(const struct pn_explain_question *q, struct pn_err *reterr)
{
	struct pn_asked_flow asked;
	struct pn_addr addr;
	uint64_t id;
	int r;

	if (q->flow && pn_number_parse(q->flow, UINT64_MAX, &id) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "flow: \"%.64s\" is not a flow_id, as records in JSON have it",
				  q->flow);
	if (q->flow)
		return 0;
	r = pn_asked_end_check(q->src, &addr, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "src");
	r = pn_asked_end_check(q->dst, &addr, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "dst");
	r = pn_asked_flow_port(q->port, &asked, reterr);
	return r < 0 ? pn_err_wrap(reterr, r, "port") : 0;
}

static int explain(const struct pn_explain_question *q, char **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_policy_set_freep) struct pn_policy_set *set = NULL;
	struct pn_asked_flow asked = { 0 };
	const char *src = q->src, *dst = q->dst;
	struct pn_seen seen;
	int r = 0;

	if (q->flow) {
		r = pn_seen_by_id(q->socket_path, q->flow, &seen, reterr);
		if (r == 0)
			r = pn_asked_flow_seen(&seen, &asked, reterr);
		src = seen.src;
		dst = seen.dst;
	} else {
		r = pn_asked_flow_port(q->port, &asked, reterr);
	}
	if (r < 0)
		return r;
	if (pn_policy_set_new(&set) < 0 || fill(set, q, src, dst) < 0)
		return pn_err_set(reterr, -ENOMEM, "the agent is out of memory");
	r = pn_asked_flow_ends(set, src, dst, &asked, reterr);
	if (r < 0)
		return r;
	r = print(set, &asked.flow, q->flow ? &seen : look(q, &asked.flow, &seen), ret);
	return r < 0 ? pn_err_set(reterr, r, "%s", strerror(-r)) : 0;
}

const struct pn_explain_ops pn_policy_explain_ops = {
	.check = check,
	.explain = explain,
};
