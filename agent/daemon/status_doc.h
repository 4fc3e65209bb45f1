/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_STATUS_DOC_H
#define PN_DAEMON_STATUS_DOC_H

#include <podonym/informer.h>

#include "base/clock.h"
#include "daemon/confine.h"
#include "daemon/verdicts.h"
#include "daemon/selecting.h"
#include "datapath/drops.h"
#include "datapath/tracer.h"
#include "export/exporter.h"
#include "export/history.h"
#include "index/index.h"

/**
 * struct pn_status_config - the agent's settings
 * @path:    the config file; NULL: there is none
 * @error:   why it did not hold when it was read last; "": it does
 * @pending: what is another setting there but waits for a restart, with commas between; ""
 */
struct pn_status_config {
	const char *path, *error, *pending;
};

/**
 * struct pn_status_parts - where the figures come from; all borrowed for the call
 * @synced: the index has every object of the first lists
 * @server, @error: the API server's URL, or why there is none yet; the other is ""
 */
struct pn_status_parts {
	const struct pn_clock *clock;
	const char *node_name, *server, *error;
	pn_nsec started;
	bool synced;
	struct pn_informer *const *informers;
	size_t n_informers;
	const struct pn_index *index;
	const struct pn_tracer *tracer;
	const struct pn_selecting *selecting;
	const struct pn_drops *drops;
	const struct pn_confinement *confinement;
	struct pn_status_config config;
	struct pn_history *history;	    /* NULL: off */
	struct pn_exporters *exporters;	    /* NULL: there are none */
	const struct pn_verdicts *verdicts; /* NULL: off */
};

/**
 * pn_status_doc() - the document that `podonym status` asks the agent for, as JSON text
 *
 * Return: allocated with malloc(); NULL without memory.
 */
char *pn_status_doc(const struct pn_status_parts *parts);

/** pn_status_selection() - the answer to a client that asks for a selection, likewise */
char *pn_status_selection(const struct pn_selecting *selecting);

#endif
