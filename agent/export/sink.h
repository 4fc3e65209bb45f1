/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_SINK_H
#define PN_EXPORT_SINK_H

#include "base/err.h"
#include "export/encode.h"
#include "flow/place.h"

/*
 * Where records go. A sink is one destination with one format; the flow thread owns them all. No
 * sink ever makes the flow thread wait: what a destination does not take is counted
 * (pn_export_records_dropped_total) and gone. The program ignores SIGPIPE and SIGXFSZ.
 */
struct pn_sink;

/**
 * pn_sink_open_file() - @path, or "-" for standard output; appends
 *
 * A file that cannot be written for now (disk full) stays open; what fits into memory waits, and a
 * line that was cut in the middle is finished first.
 *
 * Return: 0 or a negative errno with @reterr
 */
int pn_sink_open_file(const char *path, enum pn_format format, struct pn_sink **ret,
		      struct pn_err *reterr);

/**
 * pn_sink_open_subscriber() - a client of the unix socket; takes @fd over, also on failure
 *
 * Bytes it does not read at once wait in at most @max_bytes; records beyond that are counted.
 */
int pn_sink_open_subscriber(int fd, enum pn_format format, size_t max_bytes, struct pn_sink **ret);

/** pn_sink_format() - what lines it wants */
enum pn_format pn_sink_format(const struct pn_sink *s);

/**
 * pn_sink_write() - whole lines, each a record
 *
 * Return: 0; -EAGAIN: some of the lines were dropped, the last ones; -EPIPE or others: the sink is
 * dead, close it
 */
int pn_sink_write(struct pn_sink *s, const char *lines, size_t len);

/** pn_sink_dropped() - lines that it did not take so far */
uint64_t pn_sink_dropped(const struct pn_sink *s);

/** pn_sink_sent() - bytes that it took so far */
uint64_t pn_sink_sent(const struct pn_sink *s);

/** pn_sink_flush() - try to write what waits. Return: 0, also if something waits on; or the sink is dead */
int pn_sink_flush(struct pn_sink *s);

/** pn_sink_is_waiting() - are there bytes that the destination has not taken yet? */
bool pn_sink_is_waiting(const struct pn_sink *s);

/** pn_sink_discard() - count what waits as dropped, but for the rest of a line that has gone out by half */
void pn_sink_discard(struct pn_sink *s);

/** pn_sink_place() - how far it has come, if it is a regular file. Return: 0; -EAGAIN: bytes wait */
int pn_sink_place(const struct pn_sink *s, struct pn_place *ret);

/**
 * pn_sink_resume() - what an agent that was killed has written behind @since
 *
 * Counts whole lines; half a line at the end is cut off. Before anything is written.
 *
 * Return: 0; -ENOENT: that is not this file, or it has become shorter; -EFBIG: more than an agent can
 * have left; or another negative errno
 */
int pn_sink_resume(struct pn_sink *s, const struct pn_place *since, uint64_t *ret_lines);

/** pn_sink_close() - flushes what can be flushed without waiting; NULL is allowed */
void pn_sink_close(struct pn_sink *s);

/** struct pn_sinks - all of them; encodes each record once a format */
struct pn_sinks;

int pn_sinks_new(struct pn_sinks **ret);
void pn_sinks_free(struct pn_sinks *s);

/** pn_sinks_set_node() - this node, for the forms that name it; outlives the sinks */
void pn_sinks_set_node(struct pn_sinks *s, const char *node);

/** pn_sinks_add() - takes @sink over, also on failure. Return: 0 or -ENOMEM */
int pn_sinks_add(struct pn_sinks *s, struct pn_sink *sink);

/** pn_sinks_add_main() - the same, of the one that counts for pn_sinks_place() */
int pn_sinks_add_main(struct pn_sinks *s, struct pn_sink *sink);

/**
 * pn_sinks_place() - how far the main sink has come; zeros: it is no regular file, or there is none
 *
 * Return: 0: all records are written; -EAGAIN: some wait
 */
int pn_sinks_place(const struct pn_sinks *s, struct pn_place *ret);

/** pn_sinks_lost() - has the main sink left a record out since the last call? */
bool pn_sinks_lost(struct pn_sinks *s);

/** pn_sinks_record() - give a record to every sink (buffered until pn_sinks_flush(); its owners stay until then) */
void pn_sinks_record(struct pn_sinks *s, const struct pn_flow_record *r);

/** pn_sinks_flush() - write what was buffered; dead sinks are closed. Return: does any sink wait? Then call again soon */
bool pn_sinks_flush(struct pn_sinks *s);

/** pn_sinks_count() - how many there are */
size_t pn_sinks_count(const struct pn_sinks *s);

#endif
