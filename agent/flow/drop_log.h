/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_DROP_LOG_H
#define PN_FLOW_DROP_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "bpf/drop.h"
#include "bpf/flow.h"
#include "flow/record.h"
#include "index/index.h"

/*
 * The drops of the last minutes, from entries of the kernel's table: what is new is told, so often
 * and not more often; what a connection has lost is there for its record. Flow thread.
 */
struct pn_drop_log;

/**
 * struct pn_drop_log_config - times in ns
 * @node_name: this node, "" or NULL if not known; outlives the log
 * @pause: between two lines of one sort of packets, dropped for one reason at one place
 * @idle:  an entry of the kernel's table that has not grown for so long is taken out
 * @hold:  what is told is remembered for so long
 * @max:   sorts held; when there are more, those go that are not in the kernel's table any more
 */
struct pn_drop_log_config {
	const struct pn_clock *clock;
	const struct pn_index *index;
	const char *node_name;
	pn_nsec pause, idle, hold;
	size_t max;
};

/**
 * struct pn_drop_log_ops
 * @record: one line: all but its drops is borrowed for the call
 * @remove: take an entry out of the kernel's table; @ret is its last state. Return: 0 or a negative errno
 * @lost: this connection has lost what the line that follows tells of; NULL: nobody wants to know
 * @find: the flow table's entry of a connection. Return: is there one?
 */
struct pn_drop_log_ops {
	void (*record)(void *data, const struct pn_flow_record *r);
	int (*remove)(void *data, const struct pn_drop_key *key, struct pn_drop_value *ret);
	void (*lost)(void *data, const struct pn_flow_key *key);
	bool (*find)(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret);
};

/** pn_drop_log_new() - @ops: outlive the log. Return: 0 or -ENOMEM */
int pn_drop_log_new(const struct pn_drop_log_config *config, const struct pn_drop_log_ops *ops,
		    void *data, struct pn_drop_log **ret);
void pn_drop_log_free(struct pn_drop_log *l);

/**
 * pn_drop_log_entry() - what one look at an entry of the kernel's table says
 * @reason, @location: their names, which outlive the log
 *
 * Return: 0; -ENOMEM: the entry is left for the next look, nothing is lost
 */
int pn_drop_log_entry(struct pn_drop_log *l, const struct pn_drop_key *key,
		      const struct pn_drop_value *value, const char *reason, const char *location);

/** pn_drop_log_answered() - an ICMP error quotes a packet of this connection; for what the kernel's table does not say */
void pn_drop_log_answered(struct pn_drop_log *l, const struct pn_flow_tuple *quoted, uint8_t proto);

/** pn_drop_log_tell() - a record of each sort that is due. @all: do not wait. Return: is anything left to tell? */
bool pn_drop_log_tell(struct pn_drop_log *l, bool all);

/** pn_drop_log_sweep() - forget what is old */
void pn_drop_log_sweep(struct pn_drop_log *l);

/**
 * pn_drop_log_list() - a record of all that is held, each with all its packets, by the time of the last
 *
 * What is told stays as it is. Return: 0; -ENOMEM, without a record
 */
int pn_drop_log_list(struct pn_drop_log *l,
		     void (*record)(void *data, const struct pn_flow_record *r), void *data);

/** pn_drop_log_count() - how many records that would be */
size_t pn_drop_log_count(const struct pn_drop_log *l);

/**
 * pn_drop_log_take() - what a connection has lost since it was asked for last
 * @key:  of the flow table
 * @drop: of all reasons and both directions; the newest of them gives the names. Untouched if it lost nothing
 */
void pn_drop_log_take(struct pn_drop_log *l, const struct pn_flow_key *key,
		      struct pn_record_drop *drop);

#endif
