/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_JOINER_H
#define PN_FLOW_JOINER_H

#include "base/clock.h"
#include "base/ticks.h"
#include "bpf/flow.h"
#include "flow/journal.h"
#include "flow/record.h"
#include "index/index.h"

/*
 * From entries of the kernel's flow table to records: takes differences to the last look, joins the
 * two entries of a translated connection, names both ends, says which entries are over. Flow thread.
 */
struct pn_joiner;

/**
 * struct pn_joiner_config - times in ns
 * @journal:   settled; outlives the joiner
 * @node_name: this node, "" or NULL if not known; outlives the joiner
 * @settle:    an entry younger than this waits for the next round, so that its other half is there
 * @name_wait: so long after its first packet a connection's first record waits for events that name
 *	       its ends, unless both are known by their sockets
 * @pod_wait:  the same where an end is a pod of which no object has come yet, or while news of that time may be with
 *	       an API server that is away, or with a thread that is held up, see pn_index_heard(); what has not been
 *	       heard of for so long is not waited for
 * @sync_wait: both count from pn_joiner_synced() on where that is later, but wait for it no longer than
 *	       this since the start: a connection that began while no agent was there may belong to a
 *	       pod that is not in the index yet. 0: from the start on
 * @idle_timeout:  no packet for so long: over
 * @close_timeout: the same for TCP that is closed
 */
struct pn_joiner_config {
	const struct pn_clock *clock;
	const struct pn_index *index;
	struct pn_journal *journal;
	const char *node_name;
	pn_nsec settle, name_wait, pod_wait, sync_wait;
	pn_nsec idle_timeout, close_timeout;
};

#define PN_JOINER_SETTLE (100 * PN_NSEC_PER_MSEC)
#define PN_JOINER_NAME_WAIT (3 * PN_NSEC_PER_SEC)
#define PN_JOINER_POD_WAIT (15 * PN_NSEC_PER_SEC)
#define PN_JOINER_SYNC_WAIT (15 * PN_NSEC_PER_SEC)
#define PN_JOINER_IDLE (60 * PN_NSEC_PER_SEC)
#define PN_JOINER_CLOSE (2 * PN_NSEC_PER_SEC)

int pn_joiner_new(const struct pn_joiner_config *config, struct pn_joiner **ret);
void pn_joiner_free(struct pn_joiner *j);

/**
 * One round: _begin, _entry for each entry of the table, _finish; then, when the records have been
 * written and the journal says so, _sweep.
 *
 * @record is called for each connection with news (borrowed during the call); @remove for each entry
 * that is over and told: it takes the entry out of the table and gives its last state. Before several are
 * taken out that belong together, @leave says of each whether it could go now. Return of
 * both: 0 or a negative errno (then it is tried again). @drops adds what this node has dropped of the
 * packets of an entry since it was asked for last; NULL: nobody knows. @judge says once for a connection
 * what policies make of it, by the record to come, which has all but these fields; @start: its first
 * packet, CLOCK_MONOTONIC. `by` of @ret is a reference for the joiner. What is left PN_EXPECTED_UNKNOWN is
 * asked again with the next record; NULL: nobody judges.
 */
struct pn_joiner_ops {
	void (*record)(void *data, const struct pn_flow_record *r);
	int (*leave)(void *data, const struct pn_flow_key *key);
	int (*remove)(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret);
	void (*drops)(void *data, const struct pn_flow_key *key, struct pn_record_drop *drop);
	void (*judge)(void *data, const struct pn_flow_record *r, pn_nsec start,
		      struct pn_record_policy *ret);
};

/** pn_joiner_begin() - @ticks: what those of the entries that follow mean */
void pn_joiner_begin(struct pn_joiner *j, const struct pn_ticks *ticks);

/** Return: 0 or -ENOMEM: the entry is left for the next round, nothing is lost */
int pn_joiner_entry(struct pn_joiner *j, const struct pn_flow_key *key,
		    const struct pn_flow_value *value);

/**
 * pn_joiner_finish() - all entries have been given: not after a drain that failed
 * @shutdown: the last round: nothing waits, everything is told. The entries stay for the next agent
 */
void pn_joiner_finish(struct pn_joiner *j, bool shutdown, const struct pn_joiner_ops *ops,
		      void *data);

/**
 * pn_joiner_sweep() - take the entries of connections that are over and told out of the table
 *
 * Packets that came since the last round are told in one more record. Return: were there any? Then
 * write, commit and sweep again.
 */
bool pn_joiner_sweep(struct pn_joiner *j, const struct pn_joiner_ops *ops, void *data);

/** pn_joiner_synced() - the index knows all that the API server knows */
void pn_joiner_synced(struct pn_joiner *j);

/** pn_joiner_set_sampling() - of so many connections the kernel records one, from about now on; 1: all */
void pn_joiner_set_sampling(struct pn_joiner *j, uint32_t n);

/** A plugin gives an address away no longer before its interface goes, see pn_joiner_came(). */
#define PN_JOINER_CAME_BEFORE (3 * PN_NSEC_PER_SEC)

/** So many addresses may leave between two rounds. */
#define PN_JOINER_MAX_LEFT 64

/**
 * pn_joiner_left() - the interface behind an address has gone: the next round ends its connections
 *
 * Whoever gets the address next may use the same ports, and is somebody else.
 * @is_unseen: it went while no agent ran or the news was lost, so that one's packets may have been counted already
 * Return: is there room for another before the next round?
 */
bool pn_joiner_left(struct pn_joiner *j, const struct pn_addr *addr, bool is_unseen);

/**
 * pn_joiner_came() - an interface has come, so an address that was left may have somebody else by now
 *
 * The next round tells what has left and ends it; until then it waits for names as others do. So does the one
 * after pn_joiner_left() if the interface came not longer before than PN_JOINER_CAME_BEFORE.
 * Return: is there any of it?
 */
bool pn_joiner_came(struct pn_joiner *j);

/** pn_joiner_count() - connections held now */
size_t pn_joiner_count(const struct pn_joiner *j);

#endif
