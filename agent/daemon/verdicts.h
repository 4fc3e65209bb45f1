/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_VERDICTS_H
#define PN_DAEMON_VERDICTS_H

#include <podonym/informer.h>

#include "base/clock.h"
#include "base/err.h"
#include "flow/record.h"

/*
 * What network policies make of the connections that are told. The control thread keeps the policies,
 * the flow thread asks.
 */
struct pn_verdicts;
struct pn_names;

/** pn_verdicts_new() - @clock: outlives them. Return: 0 or -ENOMEM */
int pn_verdicts_new(const struct pn_clock *clock, struct pn_verdicts **ret);

/** pn_verdicts_free() - after the flow thread has ended; NULL is allowed */
void pn_verdicts_free(struct pn_verdicts *p);

/* --- control thread; @p may be NULL: nobody judges ----------------------------------------------- */

/** pn_verdicts_watch() - @factory: has not been started; NULL: the one from before goes. Return: 0, or a negative errno with @reterr */
int pn_verdicts_watch(struct pn_verdicts *p, struct pn_factory *factory, struct pn_err *reterr);

/** pn_verdicts_object() - an object of pn_names_each() came, changed or went */
void pn_verdicts_object(struct pn_verdicts *p, const struct pn_object *old,
			const struct pn_object *new);

/** pn_verdicts_tick() - once a second: what has to wait for something. @names: of the objects */
void pn_verdicts_tick(struct pn_verdicts *p, const struct pn_names *names);

/**
 * struct pn_verdicts_state
 * @state: "off", "waiting" for lists, "none" in the cluster, "on"
 * @informers: one for each kind of policy; NULL: no API server yet
 */
struct pn_verdicts_state {
	const char *state;
	size_t n_policies, n_informers;
	struct pn_informer *const *informers;
};

void pn_verdicts_state(const struct pn_verdicts *p, struct pn_verdicts_state *ret);

/* --- flow thread --------------------------------------------------------------------------------- */

/**
 * pn_verdicts_judge() - see struct pn_joiner_ops
 *
 * About a microsecond, unless it has to wait for a change on the control thread.
 */
void pn_verdicts_judge(struct pn_verdicts *p, const struct pn_flow_record *r, pn_nsec start,
		       struct pn_record_policy *ret);

/** pn_verdicts_each() - every policy, between pn_read_begin() and pn_read_end(); NULL is allowed for @p */
void pn_verdicts_each(const struct pn_verdicts *p,
		      void (*fn)(void *data, const struct pn_object *o), void *data);

#endif
