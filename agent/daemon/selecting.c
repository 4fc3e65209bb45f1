// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent has the kernel record: the selection in force, and whose addresses it means. Called by
 * agent.c, when a client asks and when an object has changed.
 *
 * Whose address it is, the index says; what labels a pod or a Service has, its object. So an address is
 * looked at again whenever an object that has it or had it comes, changes or goes. What leaves a client
 * has the address of a Service only, so that one counts also by each pod that stands behind it; it is
 * looked at again with each slice and with each pod of it that has come to meet other rules.
 */
#include "daemon/selecting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "daemon/behind.h"
#include "index/index.h"

struct pn_selecting {
	const struct pn_names *names;
	struct pn_select *select;
	const struct pn_drops *drops;
	struct pn_expression *expression;
	struct pn_log_limit limit;
};

/* Where no drops are seen, a selection of what has lost packets would never select anything. */
static int check_drops(const struct pn_selecting *s, const struct pn_expression *e,
		       struct pn_err *reterr)
{
	struct pn_feature f = pn_drops_feature(s->drops);

	if (!pn_selection_rules(&e->selection, PN_SELECT_DROPS) || strcmp(f.state, "off") != 0)
		return 0;
	return pn_err_set(reterr, -ENOTSUP, "drops: this agent does not see drops: %s", f.reason);
}

int pn_selecting_start(const struct pn_names *names, struct pn_select *select,
		       const struct pn_drops *drops, struct pn_expression *expression,
		       struct pn_selecting **ret)
{
	struct pn_selecting *s = calloc(1, sizeof(*s));
	struct pn_err err;

	if (!s) {
		pn_expression_free(expression);
		return -ENOMEM;
	}
	*s = (struct pn_selecting) {
		.names = names,
		.select = select,
		.drops = drops,
		.expression = expression,
	};
	if (check_drops(s, expression, &err) < 0)
		pn_warn("select", "no connection is recorded for its %s", err.text);
	*ret = s;
	return 0;
}

void pn_selecting_free(struct pn_selecting *s)
{
	if (!s)
		return;
	pn_expression_free(s->expression);
	free(s);
}

/* --- addresses ---------------------------------------------------------------------------------- */

/* @hint: an object that may be the owner's own, and newer than what the store has; NULL: none */
struct asking {
	const struct pn_selecting *s;
	const struct pn_selection *selection;
	const struct pn_object *hint;
	uint32_t rules;
};

static const struct pn_object *or_hint(const struct asking *a, const struct pn_object *o,
				       const char *uid)
{
	return a->hint && strcmp(a->hint->uid, uid) == 0 ? a->hint : o;
}

static void add_pod(void *data, const struct pn_object *pod)
{
	struct asking *a = data;

	a->rules |= pn_expression_owner(a->selection, pod->name_space, or_hint(a, pod, pod->uid));
}

static uint32_t rules_of(const struct pn_selecting *s, const struct pn_selection *selection,
			 const struct pn_addr *addr, const struct pn_object *hint)
{
	struct asking a = { .s = s, .selection = selection, .hint = hint };
	const struct pn_index *index = pn_names_index(s->names);
	const struct pn_object *o = NULL;
	const struct pn_owner *owner;

	if (pn_index_at(index, addr, PN_NSEC_NEVER, &owner) != 1)
		return 0;
	if (owner->kind == PN_OWNER_POD)
		o = pn_names_pod(s->names, owner->name_space, owner->name);
	else if (owner->kind == PN_OWNER_SERVICE)
		o = pn_names_service(s->names, owner->name_space, owner->name);
	a.rules = pn_expression_owner(selection, owner->name_space, or_hint(&a, o, owner->uid));
	if (owner->kind == PN_OWNER_SERVICE)
		pn_behind_pods(s->names, owner->name_space, owner->name, add_pod, &a);
	return a.rules;
}

static int update(struct pn_selecting *s, const struct pn_selection *selection,
		  const struct pn_addr *addr, const struct pn_object *hint)
{
	int r = pn_select_owner(s->select, addr, rules_of(s, selection, addr, hint));
	unsigned int n_held;

	if (r < 0) {
		pn_metric_add(PN_METRIC_SELECT_FAILURES, 1);
		if (pn_log_allow(&s->limit, pn_clock_now(&pn_clock_system), 60 * PN_NSEC_PER_SEC,
				 &n_held))
			pn_warn("select", "an address is not selected: %s held=%u",
				r == -E2BIG ? "there is no room for more" : strerror(-r), n_held);
	}
	return r;
}

static size_t addrs_of(const struct pn_object *o, const struct pn_addr **ret)
{
	const struct pn_pod *pod = pn_object_pod(o);
	const struct pn_service *service = pn_object_service(o);

	*ret = pod ? pod->addrs : service ? service->addrs : NULL;
	return pod ? pod->n_addrs : service ? service->n_addrs : 0;
}

static void update_all_of(struct pn_selecting *s, const struct pn_selection *selection,
			  const struct pn_object *o, const struct pn_object *hint)
{
	const struct pn_addr *addrs;
	size_t n = o ? addrs_of(o, &addrs) : 0;

	for (size_t i = 0; i < n; i++)
		(void)update(s, selection, &addrs[i], hint);
}

static bool has_owners(const struct pn_selection *s)
{
	return pn_selection_rules(s, PN_SELECT_NAMESPACE) || pn_selection_rules(s, PN_SELECT_LABEL);
}

/* @hint: as in struct asking */
static void update_service(struct pn_selecting *s, const struct pn_endpointslice *slice,
			   const struct pn_object *hint)
{
	update_all_of(s, &s->expression->selection, pn_behind_service(s->names, slice), hint);
}

struct behind {
	struct pn_selecting *s;
	const struct pn_object *pod;
};

static void update_service_of(void *data, const struct pn_endpointslice *slice)
{
	const struct behind *b = data;

	update_service(b->s, slice, b->pod);
}

/*
 * Has the pod come to meet other rules? Only then what it stands behind is looked at; while the lists are
 * being read, not for each: that is done for all when they are complete.
 */
static void update_services_of(struct pn_selecting *s, const struct pn_object *old,
			       const struct pn_object *new)
{
	const struct pn_selection *selection = &s->expression->selection;
	const struct pn_object *pod = new ? new : old;
	struct behind b = { s, pod };

	if (!pn_object_pod(pod) || !pn_names_are_synced(s->names) ||
	    (old ? pn_expression_owner(selection, old->name_space, old) : 0) ==
		    (new ? pn_expression_owner(selection, new->name_space, new) : 0))
		return;
	pn_index_services_of(pn_names_index(s->names), pn_object_pod(pod), update_service_of, &b);
}

void pn_selecting_object(struct pn_selecting *s, const struct pn_object *old,
			 const struct pn_object *new)
{
	const struct pn_selection *selection;

	if (!s || !has_owners(&s->expression->selection))
		return;
	selection = &s->expression->selection;
	pn_read_begin();
	pn_index_reader_online();
	update_all_of(s, selection, old, new);
	update_all_of(s, selection, new, new);
	update_service(s, pn_object_endpointslice(old), NULL);
	update_service(s, pn_object_endpointslice(new), NULL);
	update_services_of(s, old, new);
	pn_index_reader_offline();
	pn_read_end();
}

/* --- another selection -------------------------------------------------------------------------- */

struct filling {
	struct pn_selecting *s;
	const struct pn_selection *selection;
};

static void fill_with(void *data, const struct pn_object *o)
{
	const struct filling *f = data;

	update_all_of(f->s, f->selection, o, o);
}

static void fill(struct pn_selecting *s, const struct pn_selection *selection)
{
	struct filling f = { .s = s, .selection = selection };

	pn_read_begin();
	pn_index_reader_online();
	pn_names_each(s->names, fill_with, &f);
	pn_index_reader_offline();
	pn_read_end();
}

void pn_selecting_synced(struct pn_selecting *s)
{
	if (has_owners(&s->expression->selection))
		fill(s, &s->expression->selection);
}

int pn_selecting_change(struct pn_selecting *s, const char *expression, uint32_t sampling,
			struct pn_err *reterr)
{
	PN_CLEANUP(pn_expression_freep) struct pn_expression *e = NULL;
	int r;

	if (sampling > PN_SELECT_MAX_SAMPLING)
		return pn_err_set(reterr, -EINVAL, "sampling: %u is more than %d", sampling,
				  PN_SELECT_MAX_SAMPLING);
	r = pn_expression_parse(expression ? expression : s->expression->text, &e, reterr);
	if (r < 0)
		return r;
	r = check_drops(s, e, reterr);
	if (r < 0)
		return r;
	r = pn_select_prepare(s->select, &e->selection,
			      sampling ? sampling : pn_select_sampling(s->select), reterr);
	if (r < 0)
		return r;
	if (has_owners(&e->selection))
		fill(s, &e->selection);
	pn_select_commit(s->select);
	pn_expression_free(s->expression);
	s->expression = PN_TAKE_PTR(e);
	pn_info("select", "in force: %s, sampling=%u",
		*s->expression->text ? s->expression->text : "everything",
		pn_select_sampling(s->select));
	return 0;
}

struct pn_selecting_state pn_selecting_state(const struct pn_selecting *s)
{
	return (struct pn_selecting_state) {
		.expression = s->expression->text,
		.sampling = pn_select_sampling(s->select),
		.n_addrs = pn_select_count(s->select),
	};
}
