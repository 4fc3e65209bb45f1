/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_LABELLED_H
#define PN_DAEMON_LABELLED_H

#include "base/err.h"
#include "daemon/names.h"
#include "flow/filter.h"

/*
 * The labels that clients ask for: whose they are, kept right as objects come and go for as long as the
 * filter that asks is in use. Control thread.
 */
struct pn_labelled;

/** Most selectors at a time, of all clients together: each may mean every pod of the cluster. */
enum { PN_LABELLED_MAX = 16 };

/** pn_labelled_new() - @clock, @names: outlive it. Return: 0 or -ENOMEM */
int pn_labelled_new(const struct pn_clock *clock, const struct pn_names *names,
		    struct pn_labelled **ret);
void pn_labelled_free(struct pn_labelled *l);

/**
 * pn_labelled_add() - fill what @f asks for, and go on with it until @f is freed, on whatever thread
 * @f: nobody matches with it yet; NULL: asks for nothing
 *
 * Return: 0; -EBUSY: too many; -ENOMEM; both with @reterr, and @f must not be used
 */
int pn_labelled_add(struct pn_labelled *l, const struct pn_filter *f, struct pn_err *reterr);

/** pn_labelled_object() - an object came, changed or went, and the index knows. NULL is allowed for @l */
void pn_labelled_object(struct pn_labelled *l, const struct pn_object *old,
			const struct pn_object *new);

/** pn_labelled_synced() - every list is complete */
void pn_labelled_synced(struct pn_labelled *l);

#endif
