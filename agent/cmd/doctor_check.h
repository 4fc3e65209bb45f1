/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_DOCTOR_CHECK_H
#define PN_CMD_DOCTOR_CHECK_H

#include <stddef.h>

#include "cmd/doctor_truth.h"
#include "datapath/pinned_maps.h"

/* The names in the pinned maps against the node's truth. */

enum pn_check {
	PN_CHECK_CGROUP,  /* of pods: map `cgroup` */
	PN_CHECK_ADDRESS, /* in pods' network namespaces: map `ip` */
	PN_CHECK_POD,	  /* the other way round: addresses of this node's pods in map `ip` */
	PN_CHECK_PORT,	  /* of host-network pods: map `hostport` */
	PN_CHECK_NODE,	  /* the node's own addresses: map `ip` */
	PN_CHECK_MAX,	  /* sentinel */
};

enum pn_verdict {
	PN_VERDICT_WRONG,   /* somebody else's name */
	PN_VERDICT_MISSING, /* no name */
	PN_VERDICT_STALE,   /* a name for what is not there any more */
	PN_VERDICT_MAX,	    /* sentinel */
};

/** struct pn_disagreement - @subject: what both sides speak of; the texts are owned */
struct pn_disagreement {
	enum pn_check check;
	enum pn_verdict verdict;
	char *subject, *truth, *podonym;
};

/**
 * struct pn_diagnosis
 * @n_checked:	  by check
 * @n_extra:	  addresses of pods that Kubernetes does not know, beside others that it does
 * @n_unseen:	  addresses of pods whose namespaces show none: a sandbox keeps them to itself
 * @n_undeclared: ports that host-network pods listen at and do not declare
 * @n_elsewhere:  addresses of the node that are on none of its interfaces
 * @n_hidden:	  processes of the node that may not be looked into
 */
struct pn_diagnosis {
	size_t n_checked[PN_CHECK_MAX];
	struct pn_disagreement *items;
	size_t n, cap;
	size_t n_extra, n_unseen, n_undeclared, n_elsewhere, n_hidden;
};

/** pn_diagnose() - @ret: zeroed; to be given to pn_diagnosis_done(), also after a failure. Return: 0 or a negative errno with @reterr */
int pn_diagnose(const struct pn_truth *truth, const struct pn_maps_reader *maps,
		struct pn_diagnosis *ret, struct pn_err *reterr);
void pn_diagnosis_done(struct pn_diagnosis *d);

/** pn_diagnosis_keep() - of the disagreements in @d only those that @earlier has as well */
void pn_diagnosis_keep(struct pn_diagnosis *d, const struct pn_diagnosis *earlier);

/** pn_diagnosis_count() - disagreements of one check and verdict */
size_t pn_diagnosis_count(const struct pn_diagnosis *d, enum pn_check check,
			  enum pn_verdict verdict);

const char *pn_check_name(enum pn_check check);
const char *pn_verdict_name(enum pn_verdict verdict);

#endif
