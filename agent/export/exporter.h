/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_EXPORTER_H
#define PN_EXPORT_EXPORTER_H

#include <podonym/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "flow/record.h"

/*
 * Places where records go beside the main output, each by one --sink KIND:TARGET,option=value,...
 * An exporter is a bounded queue that the flow thread fills without waiting, a thread that sends,
 * and a ledger: told = sent + the sum of dropped + waiting, at every moment.
 *
 * A kind is a table of functions (struct pn_sink_kind), a file of its own and a row in exporters.c.
 */
struct pn_exporter;

/** Why a record did not get to its receiver. */
enum pn_loss {
	PN_LOSS_QUEUE_FULL,  /* the receiver is too slow, or away for too long */
	PN_LOSS_NOT_ENCODED, /* it does not fit into this form, or no memory */
	PN_LOSS_REFUSED,     /* the receiver does not want it */
	PN_LOSS_GIVEN_UP,    /* not confirmed in time */
	PN_LOSS_SHUTDOWN,    /* the agent stopped before it was taken */
	PN_LOSS_MAX,	     /* sentinel */
};

/** pn_loss_name() - "queue_full", ... */
const char *pn_loss_name(enum pn_loss loss);

/**
 * struct pn_exporter_stats - the ledger of one exporter, all of one moment
 * @name:  KIND:TARGET
 * @error: why the last attempt failed; "": it did not
 */
struct pn_exporter_stats {
	const char *name;
	uint64_t told, sent, dropped[PN_LOSS_MAX], waiting, retries;
	struct pn_err error;
};

/**
 * struct pn_batch - records on their way
 * @bytes:     as the kind's encode() has appended them
 * @at:	       how much of them is dealt with; a kind's send() moves it when it has to be called again
 * @n_records: those at and behind @at
 */
struct pn_batch {
	struct pn_batch *next;
	struct pn_buf bytes;
	size_t at, n_records;
};

/** struct pn_sink_setup - what a kind is opened with; strings outlive the exporter, @values only the call */
struct pn_sink_setup {
	const char *target, *node; /* @node: this node, "" if not known */
	const void *values;	   /* by the kind's options */
	struct pn_exporter *exporter;
};

enum pn_sink_option_type {
	PN_SINK_NUMBER,	  /* uint64_t */
	PN_SINK_SIZE,	  /* uint64_t, bytes: "64K", "100M", "2G" */
	PN_SINK_DURATION, /* pn_nsec */
	PN_SINK_CHOICE,	  /* const char *, one of a list */
	PN_SINK_TEXT,	  /* const char *; NULL: not given */
	PN_SINK_PAIRS,	  /* struct pn_sink_pairs */
};

enum { PN_SINK_MAX_PAIRS = 16 };

/** struct pn_sink_pairs - what options PREFIX-NAME=VALUE say, in their order; the row's name is "PREFIX-" */
struct pn_sink_pairs {
	const char *names[PN_SINK_MAX_PAIRS], *values[PN_SINK_MAX_PAIRS];
	size_t n;
};

/**
 * struct pn_sink_option - a row of a kind's options
 * @preset:  default, as text; NULL: zero
 * @choices: PN_SINK_CHOICE: NULL-terminated
 * @offset:  where the value goes in the kind's struct of values
 */
struct pn_sink_option {
	const char *name;
	enum pn_sink_option_type type;
	const char *preset;
	const char *const *choices;
	uint64_t min, max;
	size_t offset;
};

/**
 * struct pn_sink_kind - one kind of sink
 * @name:    in front of the colon
 * @target:  what stands behind it, for messages: "PATH"
 * @options: of this kind; ends with a row without a name
 * @attend_ms: how often attend() is called while records wait; 0: not at all
 * @attends_always: also while none waits
 * @confirms_later: what send() takes may still fail: that all is well is what attend() says, which is
 *	    called until it does
 *
 * @open:   control thread. Checks everything that can be known at the start; a receiver that is not
 *	    there is no error. Return: 0, or a negative errno with @reterr
 * @encode: flow thread: appends one record. Return: 0, or a negative errno and @out is as it was
 * @send:   sender's thread; may wait for two seconds at most. Every record is told once, now or later,
 *	    by pn_exporter_sent() or pn_exporter_lost(). Return: 0: the batch is dealt with, or taken over
 *	    as far as the kind needs it; -EAGAIN: call again soon; another negative errno with @reterr: call
 *	    again after a pause, with what is left behind batch->at
 * @attend: sender's thread, NULL if not needed: what has been confirmed meanwhile? Return: as @send
 * @close:  after the last of the other calls
 */
struct pn_sink_kind {
	const char *name, *target;
	const struct pn_sink_option *options;
	size_t values_size;
	unsigned int attend_ms;
	bool attends_always, confirms_later;
	int (*open)(const struct pn_sink_setup *setup, void **ret, struct pn_err *reterr);
	int (*encode)(void *sink, const struct pn_flow_record *r, struct pn_buf *out);
	int (*send)(void *sink, struct pn_batch *batch, struct pn_err *reterr);
	int (*attend)(void *sink, struct pn_err *reterr);
	void (*close)(void *sink);
};

/** pn_exporter_sent(), pn_exporter_lost() - by a kind, of records handed to it */
void pn_exporter_sent(struct pn_exporter *x, uint64_t n_records);
void pn_exporter_lost(struct pn_exporter *x, enum pn_loss why, uint64_t n_records);

/**
 * pn_exporter_new() - reads @spec and opens what it says; nothing is sent before pn_exporter_start()
 * @spec: KIND:TARGET,option=value,...; copied. All kinds have the options `queue` (bytes that may
 *	  wait) and `retry-max` (the longest pause between attempts)
 *
 * Return: 0, or a negative errno with @reterr, which names the word that is wrong
 */
int pn_exporter_new(const char *spec, const struct pn_sink_kind *const *kinds, size_t n_kinds,
		    const char *node, struct pn_exporter **ret, struct pn_err *reterr);

/** pn_exporter_start() - Return: 0 or a negative errno */
int pn_exporter_start(struct pn_exporter *x);

/** pn_exporter_record() - flow thread; never waits, and what does not fit is counted */
void pn_exporter_record(struct pn_exporter *x, const struct pn_flow_record *r);

/** pn_exporter_flush() - flow thread: the records so far may be sent */
void pn_exporter_flush(struct pn_exporter *x);

/** pn_exporter_stop() - nothing is recorded any more: what waits has a few seconds to be sent. Does not wait */
void pn_exporter_stop(struct pn_exporter *x);

/** pn_exporter_join() - waits for that; what is not sent then is counted as lost */
void pn_exporter_join(struct pn_exporter *x);

/** pn_exporter_stats() - any thread */
void pn_exporter_stats(struct pn_exporter *x, struct pn_exporter_stats *ret);

/** pn_exporter_free() - stops and joins what was started; NULL is allowed */
void pn_exporter_free(struct pn_exporter *x);

enum { PN_MAX_EXPORTERS = 16 };

/** struct pn_exporters - all of an agent's, at most PN_MAX_EXPORTERS */
struct pn_exporters;

int pn_exporters_new(struct pn_exporters **ret);

/** pn_exporters_add() - one more of the kinds that there are; as pn_exporter_new() */
int pn_exporters_add(struct pn_exporters *e, const char *spec, const char *node,
		     struct pn_err *reterr);

/** pn_exporters_check() - would it be taken? Opens nothing. Return: as pn_exporters_add() */
int pn_exporters_check(const char *spec, struct pn_err *reterr);

/** pn_exporters_start() - all of them; NULL is allowed here and below: there are none. Return: 0 or a negative errno */
int pn_exporters_start(struct pn_exporters *e);
void pn_exporters_record(struct pn_exporters *e, const struct pn_flow_record *r);
void pn_exporters_flush(struct pn_exporters *e);
void pn_exporters_stop(struct pn_exporters *e); /* waits until all have ended */

size_t pn_exporters_count(const struct pn_exporters *e);

/** pn_exporters_stats() - @i: below the count; in the order in which they were added */
void pn_exporters_stats(struct pn_exporters *e, size_t i, struct pn_exporter_stats *ret);

/** pn_exporters_free() - after pn_exporters_stop(), if they were started */
void pn_exporters_free(struct pn_exporters *e);

#endif
