/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_RECORDED_H
#define PN_CMD_POLICY_RECORDED_H

#include "base/err.h"
#include "cmd/policy/cluster_live.h"
#include "cmd/policy/record_line.h"
#include "policy/observed.h"

/*
 * Recorded flows, for the commands that hold policies against them: lines of JSON as the agent
 * writes them, from a file or standard input.
 */

/** What became of a record. */
enum pn_record_fate {
	PN_RECORD_TAKEN,
	PN_RECORD_OWN_NODE,   /* between a pod and its own node: always allowed */
	PN_RECORD_UNREADABLE, /* the line is no record */
	PN_RECORD_PROTOCOL,   /* one that policies cannot name, as ICMP */
	PN_RECORD_PORT,	      /* none is known: connections that the full table told together */
	PN_RECORD_AMBIGUOUS,  /* several may have had the address */
	PN_RECORD_STALE,      /* another may have had it by then, of whom no news had come */
	PN_RECORD_SERVICE,    /* only the Service is known, and policies see pods */
	PN_RECORD_GONE,	      /* a pod, and no pod of its workload is there */
	PN_RECORD_FATE_MAX,   /* sentinel */
};

/** pn_record_fate_name() - for programs: "pod-gone" */
const char *pn_record_fate_name(enum pn_record_fate fate);

/** pn_record_fate_words() - for a person */
const char *pn_record_fate_words(enum pn_record_fate fate);

enum { PN_RECORD_EXAMPLE_LEN = 512 };

/**
 * struct pn_recorded - what was read
 * @fates: how many records, and of those that are not taken the first one
 */
struct pn_recorded {
	struct pn_observed *flows;
	uint64_t n_lines;
	struct {
		uint64_t n;
		char example[PN_RECORD_EXAMPLE_LEN];
	} fates[PN_RECORD_FATE_MAX];
};

/**
 * pn_record_resolve() - the ends of a record in a cluster
 *
 * A pod is found by its name; one that is gone is judged as another pod of its workload. Who has no
 * name is found by the address.
 */
enum pn_record_fate pn_record_resolve(const struct pn_policy_set *set,
				      const struct pn_policy_workloads *workloads,
				      const struct pn_recorded_flow *f, struct pn_sighting *ret);

/**
 * pn_recorded_load() - a cluster, and all records of a file
 * @cluster: its command is filled in: @command
 * @path:    of the records; "-": standard input
 * @set:     empty
 *
 * Return: 0, with @ret for pn_recorded_done(); a negative errno with @reterr, also if there is no
 * record at all
 */
int pn_recorded_load(const struct pn_cluster_source *cluster, const char *command, const char *path,
		     struct pn_policy_set *set, struct pn_recorded *ret, struct pn_err *reterr);
void pn_recorded_done(struct pn_recorded *r);

#endif
