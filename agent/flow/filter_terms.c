// SPDX-License-Identifier: Apache-2.0
/*
 * What filters of records compare, each by a function that reads a value as a user writes it and one that holds a
 * record against it; filter.c has the names. Read where a filter is made, matched on the flow thread.
 *
 * Records borrow their names from the index, where equal texts are not equal pointers: so names are compared by
 * their bytes.
 */
#include "flow/filter_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/number.h"
#include "base/protocol.h"

/* --- numbers -------------------------------------------------------------------------------------- */

static int parse_protocol(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	uint8_t numbers[2];
	int r = pn_protocol_parse(value, numbers, reterr);

	if (r < 0)
		return r;
	t->numbers[0] = numbers[0];
	t->numbers[1] = numbers[1];
	return 0;
}

static bool match_protocol(const struct pn_filter *f, const struct pn_filter_term *t,
			   const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	(void)e;
	return r->proto == t->numbers[0] || r->proto == t->numbers[1];
}

static int parse_port(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	uint64_t port;

	if (pn_number_parse(value, UINT16_MAX, &port) < 0 || !port)
		return pn_err_set(reterr, -EINVAL, "\"%.64s\" is not a port from 1 to 65535",
				  value);
	t->numbers[0] = (unsigned int)port;
	return 0;
}

/* The Service that was called, when its address and port are known and @e stands behind it. */
static bool was_called(const struct pn_flow_record *r, const struct pn_record_end *e)
{
	return r->service && !r->is_headless && e == &r->destination;
}

static bool match_port(const struct pn_filter *f, const struct pn_filter_term *t,
		       const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	return e->port == t->numbers[0] || (was_called(r, e) && r->service_port == t->numbers[0]);
}

static int parse_attribution(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	const char *words[PN_ATTR_MAX], *near;

	for (unsigned int i = 0; i < PN_ATTR_MAX; i++) {
		words[i] = pn_attribution_name((enum pn_attribution)i);
		if (strcmp(value, words[i]) != 0)
			continue;
		t->numbers[0] = i;
		return 0;
	}
	near = pn_nearest(value, words, PN_ATTR_MAX);
	return pn_err_set(reterr, -EINVAL,
			  "\"%.64s\" is none of cgroup, ip, stale, port, service, node, cidr, "
			  "ambiguous, none%s",
			  value, pn_meant(near, "", "").text);
}

static bool match_attribution(const struct pn_filter *f, const struct pn_filter_term *t,
			      const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	(void)r;
	return e->attribution == t->numbers[0];
}

/* What became of a record's packets on this node, as hubble has it; and what policies say of them. */
enum verdict {
	FORWARDED, /* none was thrown away */
	DROPPED,
	REJECTED, /* thrown away and answered by a rule */
	DENIED,	  /* by network policies, whatever the kernel did */
	DISAGREES,
	VERDICT_MAX,
};

static const char *const verdicts[] = { "forwarded", "dropped", "rejected", "denied", "disagrees" };
_Static_assert(PN_ARRAY_SIZE(verdicts) == VERDICT_MAX, "a word for each");

static int parse_verdict(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	for (unsigned int i = 0; i < VERDICT_MAX; i++) {
		if (strcasecmp(value, verdicts[i]) != 0)
			continue;
		t->numbers[0] = i;
		return 0;
	}
	return pn_err_set(reterr, -EINVAL,
			  "\"%.64s\" is none of forwarded, dropped, rejected, denied, disagrees",
			  value);
}

static bool match_verdict(const struct pn_filter *f, const struct pn_filter_term *t,
			  const struct pn_flow_record *r, const struct pn_record_end *e)
{
	enum verdict v = FORWARDED;

	(void)f;
	(void)e;
	if (t->numbers[0] == DENIED)
		return r->policy.expected == PN_EXPECTED_DENIED;
	if (t->numbers[0] == DISAGREES)
		return r->disagrees;
	if (r->drop.packets)
		v = r->drop.kind == PN_DROP_REJECTED ? REJECTED : DROPPED;
	return v == t->numbers[0];
}

static int parse_id(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	if (pn_number_parse(value, UINT64_MAX, &t->id) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.64s\" is not a flow_id, as records in JSON have it", value);
	return 0;
}

static bool match_id(const struct pn_filter *f, const struct pn_filter_term *t,
		     const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	(void)e;
	return r->id == t->id;
}

/* --- addresses ------------------------------------------------------------------------------------ */

static int parse_ip(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	if (pn_cidr_parse_any(value, &t->network) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.64s\" is neither an address nor a network such as "
				  "10.0.0.0/8 or fd00::/8",
				  value);
	return 0;
}

static int parse_cidr(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	if (pn_cidr_parse(value, &t->network) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.64s\" is not a network; write 10.0.0.0/8 or fd00::/8",
				  value);
	return 0;
}

static bool match_network(const struct pn_filter *f, const struct pn_filter_term *t,
			  const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	return pn_cidr_has(&t->network, &e->addr) ||
	       (was_called(r, e) && pn_cidr_has(&t->network, &r->service_addr));
}

/* --- names ---------------------------------------------------------------------------------------- */

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char of_reasons[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static bool consists_of(const char *text, size_t len, const char *characters)
{
	return strspn(text, characters) >= len;
}

static int no_name(const char *value, struct pn_err *reterr)
{
	return pn_err_set(
		reterr, -EINVAL,
		"\"%.64s\" cannot be a name: names are made of lower-case letters, digits, "
		"- and .",
		value);
}

static void free_names(struct pn_filter_term *t)
{
	free(t->name_space);
	free(t->kind);
	free(t->name);
}

static int keep(const char *text, size_t len, char **ret)
{
	*ret = strndup(text, len);
	return *ret ? 0 : -ENOMEM;
}

static int keep_name(const char *name, struct pn_filter_term *t)
{
	t->len = strlen(name);
	return keep(name, t->len, &t->name);
}

static int parse_name(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	if (!*value || !consists_of(value, strlen(value), lower))
		return no_name(value, reterr);
	return keep_name(value, t);
}

/* [NAMESPACE/]NAME; what is left out is any. */
static int parse_namespaced(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	const char *slash = strchr(value, '/'), *name = slash ? slash + 1 : value;
	size_t len = slash ? (size_t)(slash - value) : 0;
	int r = 0;

	if (!*value || strcmp(value, "/") == 0)
		return pn_err_set(reterr, -EINVAL,
				  "a name is missing: write NAMESPACE/NAME, NAME or NAMESPACE/");
	if (!consists_of(value, len, lower) || !consists_of(name, strlen(name), lower))
		return no_name(value, reterr);
	if (len)
		r = keep(value, len, &t->name_space);
	return r < 0 ? r : keep_name(name, t);
}

/* [KIND/]NAME */
static int parse_workload(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	const char *slash = strchr(value, '/'), *name = slash ? slash + 1 : value;
	size_t len = slash ? (size_t)(slash - value) : 0;
	int r = 0;

	if (!*name || (slash && !len) || !consists_of(value, len, letters) ||
	    !consists_of(name, strlen(name), lower))
		return pn_err_set(reterr, -EINVAL,
				  "\"%.64s\" is not a workload: write NAME or KIND/NAME, as in "
				  "Deployment/web",
				  value);
	if (len)
		r = keep(value, len, &t->kind);
	return r < 0 ? r : keep_name(name, t);
}

static bool is_wanted_namespace(const struct pn_filter *f, const char *name_space)
{
	for (size_t i = 0; i < f->n_name_spaces; i++) {
		if (strcmp(f->name_spaces[i].name, name_space) == 0)
			return true;
	}
	return f->n_name_spaces == 0;
}

static bool is_in_namespace(const struct pn_filter *f, const struct pn_filter_term *t,
			    const struct pn_owner *o)
{
	return t->name_space ? strcmp(t->name_space, o->name_space) == 0
			     : is_wanted_namespace(f, o->name_space);
}

static const struct pn_owner *service_of(const struct pn_flow_record *r,
					 const struct pn_record_end *e)
{
	return e == &r->destination ? r->service : NULL;
}

static bool match_namespace(const struct pn_filter *f, const struct pn_filter_term *t,
			    const struct pn_flow_record *r, const struct pn_record_end *e)
{
	const struct pn_owner *service = service_of(r, e);

	(void)f;
	return (e->owner && strcmp(e->owner->name_space, t->name) == 0) ||
	       (service && strcmp(service->name_space, t->name) == 0);
}

static bool has_name(const struct pn_filter *f, const struct pn_filter_term *t,
		     const struct pn_owner *o, enum pn_owner_kind kind)
{
	return o && o->kind == kind && strncmp(o->name, t->name, t->len) == 0 &&
	       is_in_namespace(f, t, o);
}

static bool match_pod(const struct pn_filter *f, const struct pn_filter_term *t,
		      const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)r;
	return has_name(f, t, e->owner, PN_OWNER_POD);
}

static bool match_service(const struct pn_filter *f, const struct pn_filter_term *t,
			  const struct pn_flow_record *r, const struct pn_record_end *e)
{
	return has_name(f, t, service_of(r, e), PN_OWNER_SERVICE) ||
	       has_name(f, t, e->owner, PN_OWNER_SERVICE);
}

static bool match_workload(const struct pn_filter *f, const struct pn_filter_term *t,
			   const struct pn_flow_record *r, const struct pn_record_end *e)
{
	const struct pn_owner *o = e->owner;

	(void)r;
	return o && strcmp(o->workload_name, t->name) == 0 &&
	       (!t->kind || strcasecmp(o->workload_kind, t->kind) == 0) &&
	       is_wanted_namespace(f, o->name_space);
}

static bool match_node(const struct pn_filter *f, const struct pn_filter_term *t,
		       const struct pn_flow_record *r, const struct pn_record_end *e)
{
	const struct pn_owner *o = e->owner;

	(void)f;
	(void)r;
	return o && strcmp(o->kind == PN_OWNER_NODE ? o->name : o->node, t->name) == 0;
}

static void unref_owners(struct pn_filter_term *t)
{
	pn_owner_set_unref(t->owners);
}

static int parse_label(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	return pn_owner_set_new(value, &t->owners, reterr);
}

static bool match_label(const struct pn_filter *f, const struct pn_filter_term *t,
			const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	(void)r;
	return e->owner && pn_owner_set_has(t->owners, e->owner);
}

/* Which ones there are, only the node's kernel knows. */
static int parse_reason(const char *value, struct pn_filter_term *t, struct pn_err *reterr)
{
	if (!*value || !consists_of(value, strlen(value), of_reasons))
		return pn_err_set(reterr, -EINVAL,
				  "\"%.64s\" is not a reason such as NETFILTER_DROP", value);
	return keep_name(value, t);
}

static bool match_drop_reason(const struct pn_filter *f, const struct pn_filter_term *t,
			      const struct pn_flow_record *r, const struct pn_record_end *e)
{
	(void)f;
	(void)e;
	return r->drop.packets && strcasecmp(t->name, r->drop.reason) == 0;
}

/* --- all of them ------------------------------------------------------------------------------------ */

const struct pn_filter_sort pn_filter_id = { parse_id, match_id, NULL };
const struct pn_filter_sort pn_filter_protocol = { parse_protocol, match_protocol, NULL };
const struct pn_filter_sort pn_filter_verdict = { parse_verdict, match_verdict, NULL };
const struct pn_filter_sort pn_filter_drop_reason = { parse_reason, match_drop_reason, free_names };
const struct pn_filter_sort pn_filter_attribution = { parse_attribution, match_attribution, NULL };
const struct pn_filter_sort pn_filter_port = { parse_port, match_port, NULL };
const struct pn_filter_sort pn_filter_ip = { parse_ip, match_network, NULL };
const struct pn_filter_sort pn_filter_cidr = { parse_cidr, match_network, NULL };
const struct pn_filter_sort pn_filter_namespace = { parse_name, match_namespace, free_names };
const struct pn_filter_sort pn_filter_pod = { parse_namespaced, match_pod, free_names };
const struct pn_filter_sort pn_filter_workload = { parse_workload, match_workload, free_names };
const struct pn_filter_sort pn_filter_service = { parse_namespaced, match_service, free_names };
const struct pn_filter_sort pn_filter_node = { parse_name, match_node, free_names };
const struct pn_filter_sort pn_filter_label = { parse_label, match_label, unref_owners };
