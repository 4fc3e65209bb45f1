/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_JOINER_H
#define PN_FLOW_JOINER_H

#include "base/clock.h"
#include "bpf/flow.h"
#include "flow/record.h"
#include "index/index.h"

/*
 * From entries of the kernel's flow table to records: takes differences to the last look, joins the
 * two entries of a translated connection, names both ends, says which entries are over. Flow thread.
 */
struct pn_joiner;

/** struct pn_joiner_config - times in ns */
struct pn_joiner_config {
	const struct pn_clock *clock;
	const struct pn_index *index;
	pn_nsec settle; /* an entry younger than this waits for the next round, so that its other half is there */
	pn_nsec idle_timeout;  /* no packet for so long: over */
	pn_nsec close_timeout; /* the same for TCP that is closed */
};

#define PN_JOINER_SETTLE (100 * PN_NSEC_PER_MSEC)
#define PN_JOINER_IDLE (60 * PN_NSEC_PER_SEC)
#define PN_JOINER_CLOSE (2 * PN_NSEC_PER_SEC)

int pn_joiner_new(const struct pn_joiner_config *config, struct pn_joiner **ret);
void pn_joiner_free(struct pn_joiner *j);

/**
 * One round: _begin, _entry for each entry of the table, _finish.
 *
 * pn_joiner_finish() - @record is called for each connection with news (borrowed during the call);
 * @remove for each entry that is over: it takes the entry out of the table and gives its last state,
 * so that no packet is left uncounted. Return of @remove: 0 or a negative errno (then it is tried again).
 */
struct pn_joiner_ops {
	void (*record)(void *data, const struct pn_flow_record *r);
	int (*remove)(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret);
};

void pn_joiner_begin(struct pn_joiner *j);

/** Return: 0 or -ENOMEM: the entry is left for the next round, nothing is lost */
int pn_joiner_entry(struct pn_joiner *j, const struct pn_flow_key *key,
		    const struct pn_flow_value *value);

/** @shutdown: the last round; everything is settled, over and removed */
void pn_joiner_finish(struct pn_joiner *j, bool shutdown, const struct pn_joiner_ops *ops,
		      void *data);

/** pn_joiner_count() - connections held now */
size_t pn_joiner_count(const struct pn_joiner *j);

#endif
