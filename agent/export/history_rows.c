/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the history's file: written, deleted and read. history_file.c has the tables.
 *
 * The running minute is written as it comes: a row that is there is added to. A transaction has so
 * many rows at most that the log beside the file keeps to its share of the bound. Before each there
 * is room in the database: the oldest minutes make it, and their pages are used again.
 */
#include "export/history_db.h"

#include <errno.h>
#include <string.h>

enum {
	ROWS_AT_ONCE = 512,
	MINUTES_AT_ONCE = 120, /* deleted by age; a longer time is made up for little by little */
	RESERVE_SHARE = 8,     /* of the pages: room for a transaction */
	EPOCH_MINUTES = 60,
};

#define MINUTE (60 * PN_NSEC_PER_SEC)

static int finish(struct pn_history_file *f, enum pn_history_statement s, struct pn_err *reterr)
{
	int code = sqlite3_step(f->statements[s]);

	if (code == SQLITE_DONE)
		code = sqlite3_reset(f->statements[s]);
	else
		(void)sqlite3_reset(f->statements[s]);
	return code == SQLITE_OK ? 0 : pn_history_db_errno(f, code, reterr);
}

/* --- deleting ------------------------------------------------------------------------------------- */

static int delete_minute(struct pn_history_file *f, int64_t minute, struct pn_err *reterr)
{
	int r;

	(void)sqlite3_bind_int64(f->statements[PN_HISTORY_DELETE_MINUTE], 1, minute);
	r = finish(f, PN_HISTORY_DELETE_MINUTE, reterr);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(f->statements[PN_HISTORY_DELETE_PAIRS], 1, minute + 1);
	return finish(f, PN_HISTORY_DELETE_PAIRS, reterr);
}

static bool has_room(struct pn_history_file *f)
{
	int64_t n_free = 0, n_pages = 0;

	if (pn_history_db_int(f, PN_HISTORY_FREE_PAGES, &n_free) < 0 ||
	    pn_history_db_int(f, PN_HISTORY_PAGES, &n_pages) < 0)
		return true;
	return n_free + f->max_pages >= n_pages + f->max_pages / RESERVE_SHARE;
}

static int make_room(struct pn_history_file *f, struct pn_err *reterr)
{
	int64_t minute = 0;
	int r = 0;

	while (r == 0 && !has_room(f)) {
		r = pn_history_db_int(f, PN_HISTORY_OLDEST, &minute);
		if (r <= 0)
			return r < 0 ? pn_err_set(reterr, r, "%s cannot be read", f->path) : 0;
		r = delete_minute(f, minute, reterr);
	}
	return r;
}

static int delete_old(struct pn_history_file *f, pn_nsec now, struct pn_err *reterr)
{
	int64_t oldest_kept = now > f->max_age ? (int64_t)((now - f->max_age) / MINUTE) : 0;
	int r = 0;

	for (int i = 0; r == 0 && i < MINUTES_AT_ONCE; i++) {
		int64_t minute = 0;

		r = pn_history_db_int(f, PN_HISTORY_OLDEST, &minute);
		if (r <= 0 || minute >= oldest_kept)
			return r < 0 ? pn_err_set(reterr, r, "%s cannot be read", f->path) : 0;
		r = delete_minute(f, minute, reterr);
	}
	return r;
}

/* A file that was allowed to be larger gives back what it has too much. */
static int shrink(struct pn_history_file *f, struct pn_err *reterr)
{
	int64_t n_pages = 0;
	int code;

	if (pn_history_db_int(f, PN_HISTORY_PAGES, &n_pages) <= 0 || n_pages <= f->max_pages)
		return 0;
	code = sqlite3_exec(f->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : pn_history_db_errno(f, code, reterr);
}

/* --- writing -------------------------------------------------------------------------------------- */

static void begin_epoch(struct pn_history_file *f)
{
	f->first_id += f->known.n;
	pn_history_keys_clear(&f->known);
	f->epoch = f->newest;
}

static int add_pair(struct pn_history_file *f, const struct pn_history_key *key, const char *text,
		    size_t len, struct pn_err *reterr)
{
	sqlite3_stmt *stmt = f->statements[PN_HISTORY_ADD_PAIR];
	int r;

	(void)sqlite3_bind_int64(stmt, 1, f->first_id + f->known.n);
	(void)sqlite3_bind_int64(stmt, 2, f->epoch);
	(void)sqlite3_bind_blob(stmt, 3, key, sizeof(*key), SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 4, text, (int)len, SQLITE_STATIC);
	r = finish(f, PN_HISTORY_ADD_PAIR, reterr);
	if (r == 0)
		pn_history_keys_add(&f->known, key);
	return r;
}

static int find_pair(struct pn_history_file *f, const struct pn_history_batch *b, uint32_t i,
		     int64_t *ret, struct pn_err *reterr)
{
	struct pn_history_key key = b->keys.keys[i];
	uint32_t at;
	int r = 0;

	f->newest = PN_MAX(f->newest, key.minute);
	if (f->known.n == f->known.room || f->newest >= f->epoch + EPOCH_MINUTES)
		begin_epoch(f);
	key.minute = 0;
	at = pn_history_keys_find(&f->known, &key);
	if (at == f->known.n) {
		/* an empty blob has an address, too: else it would be NULL */
		const char *text = b->text.len ? b->text.data + b->texts[i].at : "";

		r = add_pair(f, &key, text, b->texts[i].len, reterr);
	}
	*ret = f->first_id + at;
	return r;
}

static int add_row(struct pn_history_file *f, const struct pn_history_batch *b, uint32_t i,
		   struct pn_err *reterr)
{
	sqlite3_stmt *stmt = f->statements[PN_HISTORY_ADD_SUMS];
	int64_t pair = 0;
	int r = find_pair(f, b, i, &pair, reterr);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, b->keys.keys[i].minute);
	(void)sqlite3_bind_int64(stmt, 2, pair);
	for (int n = 0; n < PN_HISTORY_SUM_MAX; n++)
		(void)sqlite3_bind_int64(stmt, n + 3, (int64_t)b->sums[i][n]);
	return finish(f, PN_HISTORY_ADD_SUMS, reterr);
}

/* A transaction that is undone takes its pairs along: their ids are not given again. */
static void undo(struct pn_history_file *f)
{
	(void)sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	begin_epoch(f);
}

static int write_rows(struct pn_history_file *f, const struct pn_history_batch *b, uint32_t from,
		      uint32_t to, struct pn_err *reterr)
{
	int r = finish(f, PN_HISTORY_BEGIN, reterr);

	if (r < 0)
		return r;
	r = make_room(f, reterr);
	for (uint32_t i = from; r == 0 && i < to; i++)
		r = add_row(f, b, i, reterr);
	if (r == 0)
		r = finish(f, PN_HISTORY_COMMIT, reterr);
	if (r < 0)
		undo(f);
	return r;
}

static int clean_up(struct pn_history_file *f, pn_nsec now, struct pn_err *reterr)
{
	int r = finish(f, PN_HISTORY_BEGIN, reterr);

	if (r < 0)
		return r;
	r = delete_old(f, now, reterr);
	if (r == 0)
		r = make_room(f, reterr);
	if (r == 0)
		r = shrink(f, reterr);
	if (r == 0)
		r = finish(f, PN_HISTORY_COMMIT, reterr);
	if (r < 0)
		undo(f);
	return r;
}

static uint64_t records_of(const struct pn_history_batch *b, uint32_t from, uint32_t to)
{
	uint64_t n = 0;

	for (uint32_t i = from; i < to; i++)
		n += b->sums[i][PN_HISTORY_RECORDS];
	return n;
}

static bool is_moved(struct pn_history_file *f)
{
	int moved = 0;

	return sqlite3_file_control(f->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	       moved;
}

int pn_history_file_write(struct pn_history_file *f, const struct pn_history_batch *b, pn_nsec now,
			  uint64_t *ret_lost, struct pn_err *reterr)
{
	uint32_t i = 0;
	int r = 0;

	if (is_moved(f))
		r = pn_err_set(reterr, -ESTALE, "%s is no longer there", f->path);
	if (r == 0)
		r = clean_up(f, now, reterr);
	while (r == 0 && i < b->keys.n) {
		uint32_t to = PN_MIN(i + ROWS_AT_ONCE, b->keys.n);

		r = write_rows(f, b, i, to, reterr);
		if (r == 0)
			i = to;
	}
	*ret_lost = records_of(b, i, b->keys.n);
	return r;
}

/* --- reading -------------------------------------------------------------------------------------- */

int pn_history_file_minute(struct pn_history_file *f, uint32_t from, bool backwards, uint32_t *ret)
{
	enum pn_history_statement s =
		backwards ? PN_HISTORY_EARLIER_MINUTE : PN_HISTORY_NEXT_MINUTE;
	int64_t minute = 0;
	int r;

	(void)sqlite3_bind_int64(f->statements[s], 1, from);
	r = pn_history_db_int(f, s, &minute);
	if (r > 0 && (minute < 0 || minute > UINT32_MAX))
		return -EBADMSG;
	if (r > 0)
		*ret = (uint32_t)minute;
	return r;
}

/* Return: is it one? What nobody wrote is left out. */
static bool read_pair(struct pn_history_file *f, int64_t pair, struct pn_history_row *ret)
{
	sqlite3_stmt *stmt = f->statements[PN_HISTORY_PAIR];
	bool is_there = false;

	(void)sqlite3_reset(stmt);
	(void)sqlite3_bind_int64(stmt, 1, pair);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		const void *key = sqlite3_column_blob(stmt, 0);
		const char *text = sqlite3_column_blob(stmt, 1);
		int key_len = sqlite3_column_bytes(stmt, 0);
		int text_len = sqlite3_column_bytes(stmt, 1);

		is_there = key && pn_history_row_pair(ret, key, (size_t)key_len, text ? text : "",
						      (size_t)text_len) == 0;
	}
	return is_there;
}

/* The row at hand of PN_HISTORY_ROWS; its names are borrowed until the next one is read. */
static bool read_row(struct pn_history_file *f, uint32_t minute, struct pn_history_place *place,
		     struct pn_history_row *ret)
{
	sqlite3_stmt *stmt = f->statements[PN_HISTORY_ROWS];
	uint64_t sums[PN_HISTORY_SUM_MAX];

	place->last = sqlite3_column_int64(stmt, 0);
	place->pair = sqlite3_column_int64(stmt, 1);
	for (int i = 0; i < PN_HISTORY_SUM_MAX; i++)
		sums[i] = (uint64_t)sqlite3_column_int64(stmt, i + 2);
	return read_pair(f, place->pair, ret) && pn_history_row_sums(ret, minute, sums) == 0;
}

int pn_history_file_rows(struct pn_history_file *f, uint32_t minute, uint32_t own_before,
			 struct pn_history_place *place, unsigned int n,
			 bool (*row)(void *data, const struct pn_flow_record *r), void *data)
{
	sqlite3_stmt *stmt = f->statements[PN_HISTORY_ROWS];
	struct pn_history_row at;
	int n_rows = 0, code = SQLITE_DONE;
	bool goes_on = true;

	(void)sqlite3_bind_int64(stmt, 1, minute);
	(void)sqlite3_bind_int64(stmt, 2, minute < own_before ? INT64_MAX : f->first_own);
	(void)sqlite3_bind_int64(stmt, 3, place->last);
	(void)sqlite3_bind_int64(stmt, 4, place->pair);
	(void)sqlite3_bind_int64(stmt, 5, n);
	while (goes_on && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		n_rows++;
		if (read_row(f, minute, place, &at))
			goes_on = row(data, &at.record);
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_reset(f->statements[PN_HISTORY_PAIR]);
	if (!goes_on)
		return (int)n;
	return code == SQLITE_DONE ? n_rows : pn_history_db_errno(f, code, NULL);
}
