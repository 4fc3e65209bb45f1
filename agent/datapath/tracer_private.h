/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_TRACER_PRIVATE_H
#define PN_DATAPATH_TRACER_PRIVATE_H

#include "base/log.h"
#include "datapath/attach_list.h"
#include "datapath/lines.h"
#include "datapath/pins.h"
#include "datapath/tracer.h"
#include "datapath/tracer_load.h"

/* What tracer.c, which makes it, and tracer_table.c, which reads, share. */

enum pn_tracer_feature {
	PN_FEATURE_HOOK,
	PN_FEATURE_NAT,
	PN_FEATURE_CGROUP,
	PN_FEATURE_HOST,
	PN_FEATURE_TCP,
	PN_FEATURE_LINES,
	PN_FEATURE_MAX, /* sentinel */
};

struct pn_tracer {
	struct pn_programs programs;
	struct pn_select *select;
	struct pn_attach_list attachments;
	struct pn_flow_cpu *ledger_cells; /* of all CPUs */
	int socket_link_fd[PN_HOOK_MAX - PN_HOOK_SOCKET_INGRESS];
	struct pn_feature features[PN_FEATURE_MAX];
	struct pn_notes notes; /* at NULL: none yet */
	size_t notes_reached;
	int notes_fd;	      /* of the map; -1: memory of the process */
	struct pn_addr *left; /* of interfaces that went while no agent ran */
	size_t n_left;

	/* of the flow thread */
	struct pn_lines *lines;
	uint32_t max_flows;
	pn_nsec soon_since;
	struct pn_log_limit full_limit;
	struct pn_flow_key *batch_keys;
	struct pn_flow_value *batch_values;
	uint32_t batch_cap;
	struct pn_flow_cpu *cells;
	size_t n_cpus;
};

/** pn_tracer_table_init() - what is read into. Return: 0 or a negative errno; then _done, too */
int pn_tracer_table_init(struct pn_tracer *t);
void pn_tracer_table_done(struct pn_tracer *t);

#endif
