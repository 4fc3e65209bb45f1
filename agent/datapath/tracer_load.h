/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_TRACER_LOAD_H
#define PN_DATAPATH_TRACER_LOAD_H

#include "datapath/attach.h"
#include "datapath/lines.h"
#include "datapath/pins.h"
#include "datapath/tracer.h"

/* Parts of the programs that a kernel may refuse, each by itself. */
enum pn_part {
	PN_PART_NAT,
	PN_PART_CGROUP,
	PN_PART_HOST,
	PN_PART_TCP,
	PN_PART_LINES,
	PN_PART_MAX, /* sentinel */
};

struct pn_flow_bpf;

/**
 * struct pn_programs - loaded programs
 * @skel:    owns them
 * @map_fd:  of each map but PN_PIN_NOTES; borrowed from @skel
 * @prog_fd: of each hook; borrowed from @skel
 * @room:    enum pn_flow_room, which the programs read; borrowed from @skel
 * @select, @lines: likewise
 * @is_on, @reason: of each part; why not
 */
struct pn_programs {
	struct pn_flow_bpf *skel;
	int map_fd[PN_PIN_MAX];
	int prog_fd[PN_HOOK_MAX];
	volatile uint32_t *room;
	struct pn_select_maps select;
	struct pn_lines_config lines;
	bool is_on[PN_PART_MAX];
	struct pn_err reason[PN_PART_MAX];
};

/**
 * pn_programs_load() - with all parts that are wanted and that this kernel takes
 * @map_fd: maps of an earlier agent to go on with, or -1 each
 *
 * Return: 0 and @ret to be released, or a negative errno with @reterr
 */
int pn_programs_load(const struct pn_tracer_config *config, const int map_fd[static PN_PIN_MAX],
		     struct pn_programs *ret, struct pn_err *reterr);
void pn_programs_release(struct pn_programs *p);

#endif
