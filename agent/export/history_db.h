/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_HISTORY_DB_H
#define PN_EXPORT_HISTORY_DB_H

#include <sqlite3.h>

#include "export/history_file.h"

/* What history_file.c and history_rows.c share. */

enum pn_history_statement {
	PN_HISTORY_BEGIN,
	PN_HISTORY_COMMIT,
	PN_HISTORY_ADD_PAIR,
	PN_HISTORY_ADD_SUMS,
	PN_HISTORY_OLDEST,
	PN_HISTORY_DELETE_MINUTE,
	PN_HISTORY_DELETE_PAIRS,
	PN_HISTORY_NEXT_MINUTE,
	PN_HISTORY_EARLIER_MINUTE,
	PN_HISTORY_ROWS,
	PN_HISTORY_PAIR,
	PN_HISTORY_FREE_PAGES,
	PN_HISTORY_PAGES,
	PN_HISTORY_STATEMENT_MAX,
};

/**
 * struct pn_history_file
 * @known: the pairs of this epoch: the one at index i has the id @first_id + i
 * @first_own: the first id that this process has given
 * @epoch, @newest: minutes: when the epoch began, and the newest one that has rows
 * @max_pages: of the database; the log beside it has the rest of the bound
 */
struct pn_history_file {
	sqlite3 *db;
	sqlite3_stmt *statements[PN_HISTORY_STATEMENT_MAX];
	struct pn_history_keys known;
	int64_t first_id, first_own;
	uint32_t epoch, newest, max_pages;
	pn_nsec max_age;
	char *path;
};

/** pn_history_db_errno() - @code: of SQLite; with its words in @reterr */
int pn_history_db_errno(const struct pn_history_file *f, int code, struct pn_err *reterr);

/** pn_history_db_int() - the one number that a statement gives. Return: 1; 0: none; or a negative errno */
int pn_history_db_int(struct pn_history_file *f, enum pn_history_statement s, int64_t *ret);

#endif
