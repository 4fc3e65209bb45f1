/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_HISTORY_FILE_H
#define PN_EXPORT_HISTORY_FILE_H

#include "base/err.h"
#include "export/history_pairs.h"

/*
 * The file of the history: an SQLite database in WAL mode that one process has for itself. Private to
 * agent/export; the history's thread.
 *
 *   pairs    id, epoch, key (struct pn_history_key), text
 *   minutes  minute, pair, and a column for each of enum pn_history_sum
 *
 * A pair has one row an epoch, which is an hour, less if there are very many, and ends with the
 * process; so an id tells whether this process has written a row.
 */
struct pn_history_file;

/** Another layout of the tables, of keys or texts is another number: a file with another one is set aside. */
#define PN_HISTORY_LAYOUT 2

/**
 * pn_history_file_open() - the file at @path, made if it is missing
 * @max_bytes, @max_age: see struct pn_history_config
 * @ret_aside: the file was there and could not be used: where it is now, and why; "": it was not so
 *
 * Return: 0; -EBUSY: another process has it; or another negative errno; with @reterr
 */
int pn_history_file_open(const char *path, uint64_t max_bytes, pn_nsec max_age,
			 struct pn_history_file **ret, struct pn_err *ret_aside,
			 struct pn_err *reterr);
void pn_history_file_close(struct pn_history_file *f);

/**
 * pn_history_file_write() - add what a batch has, and delete what is too old or too much
 * @now: CLOCK_REALTIME
 * @ret_lost: records that could not be written
 *
 * Return: 0; -EBADMSG: the file is damaged; -ESTALE: it is no longer at its path; -ENOSPC: the disk is
 * full; or another negative errno; with @reterr. After -EBADMSG and -ESTALE close it.
 */
int pn_history_file_write(struct pn_history_file *f, const struct pn_history_batch *b, pn_nsec now,
			  uint64_t *ret_lost, struct pn_err *reterr);

/** pn_history_file_set_aside() - after pn_history_file_close(): out of the way of a new one. Return: 0 or a negative errno */
int pn_history_file_set_aside(const char *path, const char *why, struct pn_err *ret_aside);

/** struct pn_history_place - the last row that was read of a minute */
struct pn_history_place {
	int64_t last, pair;
};

#define PN_HISTORY_FROM_START ((struct pn_history_place) { -1, 0 })

/**
 * pn_history_file_minute() - the first minute from @from on that has rows, or the last one up to there
 *
 * Return: 1; 0: there is none; or a negative errno as above
 */
int pn_history_file_minute(struct pn_history_file *f, uint32_t from, bool backwards, uint32_t *ret);

/**
 * pn_history_file_rows() - the next @n rows of a minute, in the order of their last packets
 * @own_before: of the rows that this process has written only those of earlier minutes
 * @place: changed
 * @row: Return: false: no more for now. The record is borrowed
 *
 * Return: @n, or less at the end of the minute; or a negative errno
 */
int pn_history_file_rows(struct pn_history_file *f, uint32_t minute, uint32_t own_before,
			 struct pn_history_place *place, unsigned int n,
			 bool (*row)(void *data, const struct pn_flow_record *r), void *data);

/** pn_history_file_bytes() - with the log beside it */
uint64_t pn_history_file_bytes(const struct pn_history_file *f);

#endif
