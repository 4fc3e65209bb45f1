/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_NAMES_PRIVATE_H
#define PN_DAEMON_NAMES_PRIVATE_H

#include "base/log.h"
#include "daemon/names.h"
#include "daemon/ranges.h"
#include "datapath/cgroups.h"
#include "datapath/pinned_maps.h"
#include "kube/factory.h"
#include "kube/snapshot.h"

/*
 * The parts of names.h: names.c has the index, the pinned maps, the cgroup tree and the file of ranges,
 * names_kube.c the objects of the API server, into the index and into a file for the next start. All on
 * the control thread, but for the saving of objects.
 */

enum {
	PN_NAMES_N_KINDS = 6,
	PN_NAMES_PULSE_MS = 200, /* so often at least is said until when has been heard of pods */
};

/**
 * struct pn_names
 * @ranges_path:  of a file that came later than the config
 * @maps_dirty:	  the index changed since the last flush
 * @maps_swept:	  every list is complete and what nobody has any more is gone
 * @maps_failed:  the last flush did not write everything
 * @factory:	  NULL: no API server yet, and @kube_err says why; @informers are its own
 * @identity:	  of the cluster
 * @n_synced:	  kinds whose lists are complete
 * @saved_events: watch events that the saved objects reflect
 * @index_missed: a change was lost for want of memory: read the stores again
 */
struct pn_names {
	struct pn_names_config config;
	uv_loop_t *loop;
	pn_nsec started;

	struct pn_index *index;
	struct pn_maps *maps;
	struct pn_cgroups *cgroups;
	struct pn_ranges_file ranges;
	char *ranges_path;
	uv_timer_t tick, pulse;
	uv_check_t after_poll;
	uv_poll_t cgroups_poll;
	bool cgroups_poll_is_open;
	bool maps_dirty, maps_swept, maps_failed;
	unsigned int n_ticks;
	pn_nsec noted_heard;
	struct pn_log_limit maps_limit, cgroups_limit;

	struct pn_factory *factory;
	struct pn_informer *informers[PN_NAMES_N_KINDS];
	struct pn_backoff kube_backoff;
	struct pn_err kube_err;
	char identity[PN_SNAPSHOT_IDENTITY_LEN];
	uv_timer_t kube_retry;
	uv_work_t save;
	bool is_saving, index_missed;
	unsigned int n_synced;
	uint64_t saved_events;
	struct pn_log_limit save_limit;
};

/** pn_names_kube_start() - as soon as the loop runs, and again and again until the settings make sense */
void pn_names_kube_start(struct pn_names *n);

/** pn_names_kube_stop() - the objects are saved; closes its handles */
void pn_names_kube_stop(struct pn_names *n);

/** pn_names_apply_again() - every object, where a change was lost */
void pn_names_apply_again(struct pn_names *n);

/** pn_names_save_if_changed() - on a worker, unless nothing has come since the last time */
void pn_names_save_if_changed(struct pn_names *n);

/**
 * pn_names_note_heard() - tell the index until when it has heard of pods
 *
 * That is when this thread last looked for input, if the pods' watch was open: what had arrived then has been
 * dealt with. What has arrived since has not, and where this thread is busy or held up that is long ago.
 */
void pn_names_note_heard(struct pn_names *n);

#endif
