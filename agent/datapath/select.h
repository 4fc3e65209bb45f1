/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_SELECT_H
#define PN_DATAPATH_SELECT_H

#include <podonym/objects.h>

#include "base/addr.h"
#include "base/err.h"
#include "bpf/flow.h"

/*
 * Which connections the kernel records, as ../bpf/select.bpf.h reads it. A selection is written beside
 * the one in force and then put in its place by one word, so no packet meets half of one. Whose
 * addresses the terms for owners mean changes with the cluster; these are written one by one, while the
 * selection is being prepared as well as when it is in force.
 *
 * Connections that have an entry keep it; those that were refused are judged again after a change.
 * Control thread, but for pn_select_sampling() and pn_select_lost().
 */
struct pn_select;

/** struct pn_select_term - of a rule; what the rule's terms of one sort mean together is in daemon/selection.h */
struct pn_select_term {
	enum pn_select_sort {
		PN_SELECT_NAMESPACE,
		PN_SELECT_LABEL,
		PN_SELECT_CIDR,
		PN_SELECT_PORT,
		PN_SELECT_PROTOCOL,
		PN_SELECT_DROPS,    /* the connection has lost a packet; without a value */
		PN_SELECT_SORT_MAX, /* sentinel */
	} sort;
	uint8_t rule;
	uint8_t proto;	      /* IPPROTO_* */
	uint16_t first, last; /* ports in host byte order, both included */
	const char *name;     /* of a namespace */
	struct pn_label_selector *labels;
	struct pn_cidr cidr;
};

enum { PN_SELECT_MAX_TERMS = 256, PN_SELECT_MAX_PORTS = 4096 };

/** struct pn_selection - at most PN_SELECT_MAX_RULES rules, any of which is enough; none: everything is recorded */
struct pn_selection {
	size_t n_rules, n_terms;
	const struct pn_select_term *terms;
};

/** pn_selection_rules() - the rules that have a term of this sort, a bit each */
uint32_t pn_selection_rules(const struct pn_selection *s, enum pn_select_sort sort);

/** struct pn_select_maps - what belongs to the programs; all borrowed, they outlive it */
struct pn_select_maps {
	int owners_fd, cidrs_fd, ports_fd, lost_fd;
	volatile uint32_t *selecting;
	struct pn_select_rules *banks;
};

/** pn_select_new() - nothing is in force yet. Return: 0 or -ENOMEM */
int pn_select_new(const struct pn_select_maps *maps, struct pn_select **ret);
void pn_select_free(struct pn_select *s);

/**
 * pn_select_prepare() - write @selection beside the one in force, without any owner
 * @sampling: of so many connections one is recorded; 0 or 1: all of them
 *
 * Return: 0, or a negative errno with @reterr: what is in force stays so
 */
int pn_select_prepare(struct pn_select *s, const struct pn_selection *selection, uint32_t sampling,
		      struct pn_err *reterr);

/**
 * pn_select_owner() - the owner of this address meets what these rules want of an owner; 0: of none
 *
 * In what is being prepared, else in what is in force. Return: 0, or a negative errno (-E2BIG: no room)
 */
int pn_select_owner(struct pn_select *s, const struct pn_addr *addr, uint32_t rules);

/**
 * pn_select_lost() - a connection has lost a packet, now
 * @key: of the flow table, on the side of a translation where it was lost
 *
 * Only for PN_SELECT_LOST_NS, if it does not lose another. Any thread. Return: 0 or a negative errno
 */
int pn_select_lost(struct pn_select *s, const struct pn_flow_key *key);

/** pn_select_commit() - what has been prepared is in force from now on */
void pn_select_commit(struct pn_select *s);

/** pn_select_abort() - it is not, and never will be */
void pn_select_abort(struct pn_select *s);

/** pn_select_sampling() - in force; 1: all connections are recorded. Any thread */
uint32_t pn_select_sampling(const struct pn_select *s);

/** pn_select_count() - addresses of owners in what is in force */
size_t pn_select_count(const struct pn_select *s);

#endif
