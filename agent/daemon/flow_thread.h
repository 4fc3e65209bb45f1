/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_FLOW_THREAD_H
#define PN_DAEMON_FLOW_THREAD_H

#include "base/clock.h"
#include "daemon/verdicts.h"
#include "datapath/drops.h"
#include "datapath/tracer.h"
#include "export/exporter.h"
#include "export/history.h"
#include "export/sink.h"
#include "export/traffic.h"
#include "export/view.h"
#include "index/index.h"

/*
 * The flow thread: drains the kernel's flow table at each interval, names what it finds from the
 * published index and writes records to the sinks. Functions here are called by the control thread;
 * what they hand over goes through a mailbox.
 */
struct pn_flow_thread;

/**
 * struct pn_flow_thread_config
 * @tracer, @drops, @index: outlive the thread; @drops may be NULL
 * @notes: pn_tracer_notes() of @tracer: what earlier agents have told; outlive it
 * @node_name: this node, "" if not known; outlives it
 * @sink: the main sink, or NULL; taken over, also on failure. Where it is a regular file, an agent
 *	  that is killed neither repeats nor loses a packet in it
 * @history: is given every record too, or NULL; outlives the thread
 * @exporters: are given every record too, or NULL; started, and outlive the thread
 * @traffic: is given every record too, or NULL; outlives the thread
 * @verdicts: judge each connection, or NULL; outlive the thread
 * @interval: between drains, ns
 * @n_recent: how many of the last records are kept for who asks afterwards; see recent.h
 * @name_wait, @pod_wait, @sync_wait: see struct pn_joiner_config
 */
struct pn_flow_thread_config {
	const struct pn_clock *clock;
	struct pn_tracer *tracer;
	struct pn_drops *drops;
	const struct pn_index *index;
	const struct pn_notes *notes;
	const char *node_name;
	struct pn_sink *sink;
	struct pn_exporters *exporters;
	uint32_t n_recent;
	struct pn_history *history;
	struct pn_traffic *traffic;
	struct pn_verdicts *verdicts;
	pn_nsec interval, name_wait, pod_wait, sync_wait;
};

/** pn_flow_thread_start() - Return: 0 or a negative errno */
int pn_flow_thread_start(const struct pn_flow_thread_config *config, struct pn_flow_thread **ret);

/** pn_flow_thread_stop() - one last drain, everything is told, the thread has ended; NULL is allowed */
void pn_flow_thread_stop(struct pn_flow_thread *t);

/** pn_flow_thread_left() - see pn_joiner_left(); at once */
void pn_flow_thread_left(struct pn_flow_thread *t, const struct pn_addr *addr, bool is_unseen);

/** pn_flow_thread_came() - see pn_joiner_came(); at once */
void pn_flow_thread_came(struct pn_flow_thread *t);

/** pn_flow_thread_synced() - see pn_joiner_synced() */
void pn_flow_thread_synced(struct pn_flow_thread *t);

/** pn_flow_thread_set_interval() - between drains from now on, ns */
void pn_flow_thread_set_interval(struct pn_flow_thread *t, pn_nsec interval);

/** pn_flow_thread_subscribe() - write records to @fd too; takes @fd and the filter over, also when memory is short */
void pn_flow_thread_subscribe(struct pn_flow_thread *t, int fd, const struct pn_view *view);

/** pn_flow_thread_drained() - when it last began to read the flow table, or was started; of the config's clock */
pn_nsec pn_flow_thread_drained(const struct pn_flow_thread *t);

/** pn_flow_thread_drops() - write drops to @fd: those to come (@view->follow), or those held and then the end; takes @fd over likewise */
void pn_flow_thread_drops(struct pn_flow_thread *t, int fd, const struct pn_view *view);

#endif
