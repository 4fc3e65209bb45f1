/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_SELECTING_H
#define PN_DAEMON_SELECTING_H

#include "daemon/names.h"
#include "daemon/selection.h"
#include "datapath/drops.h"
#include "datapath/select.h"

/*
 * The agent's selection: what is in force, changed on request, and whose addresses its namespaces and
 * labels mean, kept right as objects come and go. Control thread.
 */
struct pn_selecting;

/**
 * pn_selecting_start() - go on with what the tracer has in force
 * @names, @select, @drops: outlive it
 * @expression: the same that the tracer was made with; taken over, also on failure
 *
 * Return: 0 or -ENOMEM
 */
int pn_selecting_start(const struct pn_names *names, struct pn_select *select,
		       const struct pn_drops *drops, struct pn_expression *expression,
		       struct pn_selecting **ret);
void pn_selecting_free(struct pn_selecting *s);

/**
 * pn_selecting_change() - another selection, from now on
 * @expression: NULL: it stays as it is
 * @sampling:   0: it stays as it is
 *
 * Return: 0, or a negative errno with @reterr: nothing has changed
 */
int pn_selecting_change(struct pn_selecting *s, const char *expression, uint32_t sampling,
			struct pn_err *reterr);

/** pn_selecting_object() - an object came, changed or went, and the index knows. NULL is allowed for @s */
void pn_selecting_object(struct pn_selecting *s, const struct pn_object *old,
			 const struct pn_object *new);

/** pn_selecting_synced() - every list is complete */
void pn_selecting_synced(struct pn_selecting *s);

/**
 * struct pn_selecting_state - what is in force
 * @expression: borrowed until the next change; "": everything
 * @sampling:   of so many connections one is recorded
 * @n_addrs:    addresses that its namespaces and labels mean
 */
struct pn_selecting_state {
	const char *expression;
	uint32_t sampling;
	size_t n_addrs;
};

struct pn_selecting_state pn_selecting_state(const struct pn_selecting *s);

#endif
