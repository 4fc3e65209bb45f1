// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent has the kernel record: the selection in force, and whose addresses it means. Called by
 * agent.c, when a client asks and when an object has changed.
 *
 * Whose address it is, the index says; what labels a pod has, its object. So an address is looked at
 * again whenever an object that has it or had it comes, changes or goes.
 */
#include "daemon/selecting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "index/index.h"

struct pn_selecting {
	const struct pn_names *names;
	struct pn_select *select;
	struct pn_expression *expression;
	struct pn_log_limit limit;
};

int pn_selecting_start(const struct pn_names *names, struct pn_select *select,
		       struct pn_expression *expression, struct pn_selecting **ret)
{
	struct pn_selecting *s = calloc(1, sizeof(*s));

	if (!s) {
		free(expression);
		return -ENOMEM;
	}
	*s = (struct pn_selecting) {
		.names = names,
		.select = select,
		.expression = expression,
	};
	*ret = s;
	return 0;
}

void pn_selecting_free(struct pn_selecting *s)
{
	if (!s)
		return;
	free(s->expression);
	free(s);
}

/* --- addresses ---------------------------------------------------------------------------------- */

/* @hint: an object that may be the owner's own; NULL: none */
static uint32_t rules_of(const struct pn_selecting *s, const struct pn_selection *selection,
			 const struct pn_addr *addr, const struct pn_object *hint)
{
	const struct pn_object *pod = NULL;
	const struct pn_owner *owner;

	if (pn_index_at(pn_names_index(s->names), addr, PN_NSEC_NEVER, &owner) != 1)
		return 0;
	if (owner->kind == PN_OWNER_POD)
		pod = hint && strcmp(hint->uid, owner->uid) == 0
			      ? hint
			      : pn_names_pod(s->names, owner->name_space, owner->name);
	return pn_expression_owner(selection, owner->name_space, pod);
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

int pn_selecting_change(struct pn_selecting *s, const char *expression, uint32_t sampling,
			struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) struct pn_expression *e = NULL;
	int r;

	if (sampling > PN_SELECT_MAX_SAMPLING)
		return pn_err_set(reterr, -EINVAL, "sampling: %u is more than %d", sampling,
				  PN_SELECT_MAX_SAMPLING);
	r = pn_expression_parse(expression ? expression : s->expression->text, &e, reterr);
	if (r < 0)
		return r;
	r = pn_select_prepare(s->select, &e->selection,
			      sampling ? sampling : pn_select_sampling(s->select), reterr);
	if (r < 0)
		return r;
	if (has_owners(&e->selection))
		fill(s, &e->selection);
	pn_select_commit(s->select);
	free(s->expression);
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
