/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_AGENT_PRIVATE_H
#define PN_DAEMON_AGENT_PRIVATE_H

#include <limits.h>
#include <uv.h>

#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/confine.h"
#include "daemon/flow_thread.h"
#include "daemon/labelled.h"
#include "daemon/names.h"
#include "daemon/selecting.h"
#include "daemon/verdicts.h"
#include "daemon/web.h"
#include "datapath/drops.h"
#include "datapath/links.h"
#include "serve/socket.h"

/* The agent's parts, for agent.c, which makes them in this order, and agent_answers.c. */

struct pn_agent {
	const struct pn_agent_config *config;
	const struct pn_clock *clock;
	pn_nsec started;

	struct pn_drops *drops;
	struct pn_confinement confinement;
	gid_t socket_group;
	bool has_socket_group;

	uv_loop_t loop;
	uv_poll_t links_poll;
	uv_signal_t sigint, sigterm, sighup;
	bool loop_is_open, links_poll_is_open;

	char cgroup_root[PATH_MAX], trace_path[PATH_MAX];
	struct pn_verdicts *verdicts; /* NULL: off */
	struct pn_names *names;
	struct pn_tracer *tracer;
	struct pn_selecting *selecting;
	struct pn_labelled *labelled;
	struct pn_traffic *traffic;
	struct pn_history *history;
	struct pn_flow_thread *flow;
	struct pn_links *links;
	unsigned int n_links;  /* that should be traced */
	bool links_are_behind; /* the last look at them failed */
	struct pn_log_limit links_limit;
	struct pn_socket *socket;
	struct pn_explaining *explaining;
	struct pn_web *web;
	pn_nsec interval;
};

/* agent_answers.c; the data of these is the agent. */
extern const struct pn_socket_ops pn_agent_socket_ops;
void pn_agent_look(void *data, struct pn_web_parts *ret);

/** pn_agent_reload() - read the settings again, and change what may be changed: all of it or nothing */
void pn_agent_reload(struct pn_agent *a);

#endif
