/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a person calls the ends of a flow to the ends. Somebody who mistypes a pod's name should
 * not have to look it up: the nearest one is named.
 */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "cmd/options.h"
#include "cmd/policy/flow_line.h"
#include "cmd/policy/policy_explain.h"

static int no_pod(const struct pn_policy_set *set, const char *text, struct pn_err *reterr)
{
	const char *near;

	if (pn_policy_find(set, PN_KIND_SERVICE, text, strlen(text)))
		return pn_err_set(
			reterr, -ENOENT,
			"%.320s is a Service; policies know only the pods behind it: name "
			"one of them and its own port",
			text);
	near = pn_policy_nearest_pod(set, text);
	return pn_err_set(reterr, -ENOENT, "no pod %.320s%s", text, pn_meant(near, "", "").text);
}

int pn_asked_end_check(const char *text, struct pn_addr *ret, struct pn_err *reterr)
{
	if (strchr(text, '/') || pn_addr_parse(text, ret) == 0)
		return 0;
	return pn_err_set(reterr, -EINVAL, "\"%.320s\" is neither namespace/pod nor an address",
			  text);
}

static int read_end(const struct pn_policy_set *set, const char *text, struct pn_policy_end *ret,
		    struct pn_err *reterr)
{
	const struct pn_policy_member *pod;
	struct pn_addr addr;
	int r = pn_asked_end_check(text, &addr, reterr);

	if (r < 0)
		return r;
	if (!strchr(text, '/')) {
		pn_policy_end_addr(set, &addr, ret);
		return 0;
	}
	pod = pn_policy_find(set, PN_KIND_POD, text, strlen(text));
	if (!pod)
		return no_pod(set, text, reterr);
	pn_policy_end_pod(set, pod, ret);
	return 0;
}

/* A flow has one family: that of the end that was given as an address. */
int pn_asked_flow_ends(const struct pn_policy_set *set, const char *src, const char *dst,
		       struct pn_asked_flow *ret, struct pn_err *reterr)
{
	int r = read_end(set, src, &ret->src, reterr);

	if (r == 0)
		r = read_end(set, dst, &ret->dst, reterr);
	if (r < 0)
		return r;
	if (!strchr(src, '/'))
		pn_policy_end_family(&ret->dst, &ret->src.addr);
	else if (ret->dst.has_addr)
		pn_policy_end_family(&ret->src, &ret->dst.addr);
	ret->flow.src = &ret->src;
	ret->flow.dst = &ret->dst;
	return 0;
}

int pn_asked_flow_port(const char *text, struct pn_asked_flow *ret, struct pn_err *reterr)
{
	const char *slash = strchr(text, '/');
	char left[16] = "";
	uint64_t port = 0;
	int r;

	if (slash && (size_t)(slash - text) < sizeof(left))
		memcpy(left, text, (size_t)(slash - text));
	ret->flow.proto = slash ? pn_flow_proto(left) : pn_flow_proto("TCP");
	r = pn_number_parse(slash ? slash + 1 : text, UINT16_MAX, &port);
	if (slash && !ret->flow.proto) {
		ret->flow.proto = pn_flow_proto(slash + 1);
		r = pn_number_parse(left, UINT16_MAX, &port);
	}
	if (r < 0 || !ret->flow.proto || !port)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.80s\" is not PROTOCOL/PORT, as TCP/5432 or UDP/53", text);
	ret->flow.port = (uint16_t)port;
	return 0;
}

int pn_asked_flow_seen(const struct pn_seen *seen, struct pn_asked_flow *ret, struct pn_err *reterr)
{
	ret->flow.proto = pn_flow_proto(seen->transport);
	ret->flow.port = (uint16_t)seen->port;
	if (ret->flow.proto && ret->flow.port)
		return 0;
	return pn_err_set(reterr, -EOPNOTSUPP,
			  "policies are about TCP, UDP and SCTP alone, and this flow is neither");
}
