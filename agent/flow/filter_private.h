/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_FILTER_PRIVATE_H
#define PN_FLOW_FILTER_PRIVATE_H

#include "base/cidr.h"
#include "flow/filter.h"

/* What filter.c, which has the table of filters, and filter_terms.c, which compares, share. */

/** struct pn_filter_term - one filter with its value; @row: of the table */
struct pn_filter_term {
	unsigned int row;
	bool negate;
	union {
		struct {
			char *name_space, *kind; /* NULL: any */
			char *name;
			size_t len;
		};
		struct pn_cidr network;
		unsigned int numbers[2]; /* one, and another that will do as well */
		uint64_t id;
		struct pn_owner_set *owners;
	};
};

struct pn_filter {
	struct pn_filter_term terms[PN_FILTER_MAX];
	size_t n;
	const struct pn_filter_term
		*name_spaces; /* the terms that say in which namespaces names are */
	size_t n_name_spaces;
};

/**
 * struct pn_filter_sort - what is compared
 * @parse: @t is zero before; what it has taken is given back by @done, also if this fails. Return: 0; -EINVAL
 *	   with @reterr; -ENOMEM
 * @match: by one end of a record, or by what both ends share
 * @done:  NULL: a term has nothing to give back
 */
struct pn_filter_sort {
	int (*parse)(const char *value, struct pn_filter_term *t, struct pn_err *reterr);
	bool (*match)(const struct pn_filter *f, const struct pn_filter_term *t,
		      const struct pn_flow_record *r, const struct pn_record_end *e);
	void (*done)(struct pn_filter_term *t);
};

extern const struct pn_filter_sort pn_filter_id, pn_filter_protocol, pn_filter_verdict,
	pn_filter_drop_reason, pn_filter_attribution, pn_filter_port, pn_filter_ip, pn_filter_cidr,
	pn_filter_namespace, pn_filter_pod, pn_filter_workload, pn_filter_service, pn_filter_node,
	pn_filter_label;

#endif
