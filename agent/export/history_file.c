/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of the history is opened, and found to be ours or set aside. history_rows.c writes and reads
 * its rows, history.c says when.
 *
 * WAL with synchronous=NORMAL: a process that is killed loses what it had not committed, a machine
 * that loses power may lose some of the last commits, and neither damages the file. The lock is kept
 * (locking_mode=EXCLUSIVE), so there is no memory to share with others, and a second agent is told.
 */
#include "export/history_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PAGE_BYTES = 4096,
	LOG_PAGES = 256,     /* the log goes into the file from this size on */
	LOG_BYTES = 4 << 20, /* with the largest transaction behind that */
	CACHE_KIB = 1024,
	BUSY_MS = 500,
	APPLICATION_ID = 0x706f646e, /* "podn" */
	KEYS_MAX = 32768,
	KEYS_MIN = 1024,
	PAIR_BYTES = 512, /* with its row */
};

static const char columns[] =
	"records, connections, ended, packets, packets_back, bytes, bytes_back, "
	"delivered, delivered_back, retransmits, retransmits_back, drops, "
	"dropped_bytes, rtt_sum, rtts, min_rtt, tcp_flags, tcp_flags_back, "
	"first, last";

int pn_history_db_errno(const struct pn_history_file *f, int code, struct pn_err *reterr)
{
	int r = -EIO;

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		r = -EBADMSG;
		break;
	case SQLITE_FULL:
		r = -ENOSPC;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		r = -EBUSY;
		break;
	case SQLITE_NOMEM:
		r = -ENOMEM;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		r = -EACCES;
		break;
	case SQLITE_CANTOPEN:
		r = -ENOENT;
		break;
	default:
		break;
	}
	return pn_err_set(reterr, r, "%s: %s", f->path,
			  r == -EBUSY ? "another process has it open" : sqlite3_errmsg(f->db));
}

int pn_history_db_int(struct pn_history_file *f, enum pn_history_statement s, int64_t *ret)
{
	sqlite3_stmt *stmt = f->statements[s];
	int code = sqlite3_step(stmt), r = 0;

	if (code == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
		*ret = sqlite3_column_int64(stmt, 0);
		r = 1;
	} else if (code != SQLITE_ROW && code != SQLITE_DONE) {
		r = pn_history_db_errno(f, code, NULL);
	}
	(void)sqlite3_reset(stmt);
	return r;
}

/* --- what is at the path -------------------------------------------------------------------------- */

/* The directory is made, its parents are not. The file is for its owner alone. */
static int make_file(const char *path, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	PN_CLEANUP(pn_freep) char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	struct stat st;

	if (!dir)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	if (slash && slash != dir) {
		*slash = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return pn_err_set(reterr, -errno, "making the directory %s: %s", dir,
					  strerror(errno));
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	if (fd < 0)
		return pn_err_set(reterr, -errno, "opening %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return pn_err_set(reterr, -EINVAL, "%s is not a file", path);
	return 0;
}

static int move(const char *path, const char *suffix, const char *ending)
{
	PN_CLEANUP(pn_freep) char *from = NULL;
	PN_CLEANUP(pn_freep) char *to = NULL;

	if (asprintf(&from, "%s%s", path, ending) < 0) {
		from = NULL;
		return -ENOMEM;
	}
	if (asprintf(&to, "%s%s%s", path, suffix, ending) < 0) {
		to = NULL;
		return -ENOMEM;
	}
	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

int pn_history_file_set_aside(const char *path, const char *why, struct pn_err *ret_aside)
{
	static const char suffix[] = ".aside";
	int r = move(path, suffix, "-wal");

	if (r == 0)
		r = move(path, suffix, "");
	if (r < 0)
		return r;
	return pn_err_set(ret_aside, 0, "%s%s: %s", path, suffix, why);
}

/* --- its tables ----------------------------------------------------------------------------------- */

static int exec(struct pn_history_file *f, struct pn_err *reterr, const char *format, ...)
	PN_PRINTF(3, 4);

static int exec(struct pn_history_file *f, struct pn_err *reterr, const char *format, ...)
{
	char sql[1024];
	va_list args;
	int code;

	va_start(args, format);
	(void)vsnprintf(sql, sizeof(sql), format, args);
	va_end(args);
	code = sqlite3_exec(f->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : pn_history_db_errno(f, code, reterr);
}

static int pragma(struct pn_history_file *f, const char *name, int64_t *ret, struct pn_err *reterr)
{
	sqlite3_stmt *stmt = NULL;
	char sql[64];
	int code;

	(void)snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	code = sqlite3_prepare_v2(f->db, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return code == SQLITE_ROW ? 0 : pn_history_db_errno(f, code, reterr);
}

static int make_tables(struct pn_history_file *f, struct pn_err *reterr)
{
	int r = exec(f, reterr,
		     "BEGIN IMMEDIATE;"
		     "CREATE TABLE pairs(id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL,"
		     " key BLOB NOT NULL, text BLOB NOT NULL);"
		     "CREATE INDEX pairs_epoch ON pairs(epoch);"
		     "CREATE TABLE minutes(minute INTEGER NOT NULL, pair INTEGER NOT NULL, %s,"
		     " PRIMARY KEY(minute, pair)) WITHOUT ROWID;"
		     "PRAGMA application_id = %d;"
		     "PRAGMA user_version = %d;"
		     "COMMIT",
		     columns, APPLICATION_ID, PN_HISTORY_LAYOUT);

	if (r < 0)
		(void)sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* Return: 0; -EBADMSG: it is to be set aside, with the reason; -EINVAL: it belongs to somebody else */
static int check_tables(struct pn_history_file *f, struct pn_err *reterr)
{
	int64_t application = 0, version = 0, schema = 0;
	int r = pragma(f, "application_id", &application, reterr);

	if (r == 0)
		r = pragma(f, "user_version", &version, reterr);
	if (r == 0)
		r = pragma(f, "schema_version", &schema, reterr);
	if (r < 0)
		return r;
	if (!application && !version && !schema)
		return make_tables(f, reterr);
	if (application != APPLICATION_ID)
		return pn_err_set(reterr, -EINVAL, "%s is a database of another program", f->path);
	if (version != PN_HISTORY_LAYOUT)
		return pn_err_set(reterr, -EBADMSG, "written by another version of podonym");
	return 0;
}

static int configure(struct pn_history_file *f, struct pn_err *reterr)
{
	(void)sqlite3_busy_timeout(f->db, BUSY_MS);
	(void)sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return exec(f, reterr,
		    "PRAGMA locking_mode = EXCLUSIVE;"
		    "PRAGMA page_size = %d;"
		    "PRAGMA auto_vacuum = INCREMENTAL;"
		    "PRAGMA journal_mode = WAL;"
		    "PRAGMA synchronous = NORMAL;"
		    "PRAGMA wal_autocheckpoint = %d;"
		    "PRAGMA journal_size_limit = %d;"
		    "PRAGMA cache_size = -%d;"
		    "PRAGMA cell_size_check = ON;"
		    "PRAGMA temp_store = MEMORY",
		    PAGE_BYTES, LOG_PAGES, LOG_PAGES * PAGE_BYTES, CACHE_KIB);
}

/* What an epoch wrote is of no minute behind the begin of the next one. */
static const char delete_pairs[] = "DELETE FROM pairs WHERE epoch < "
				   "(SELECT max(epoch) FROM pairs WHERE epoch < ?1)";

static const char *const statements[PN_HISTORY_STATEMENT_MAX] = {
	[PN_HISTORY_BEGIN] = "BEGIN IMMEDIATE",
	[PN_HISTORY_COMMIT] = "COMMIT",
	[PN_HISTORY_ADD_PAIR] = "INSERT INTO pairs VALUES(?1, ?2, ?3, ?4)",
	[PN_HISTORY_OLDEST] = "SELECT min(minute) FROM minutes",
	[PN_HISTORY_DELETE_MINUTE] = "DELETE FROM minutes WHERE minute = ?1",
	[PN_HISTORY_DELETE_PAIRS] = delete_pairs,
	[PN_HISTORY_NEXT_MINUTE] = "SELECT min(minute) FROM minutes WHERE minute >= ?1",
	[PN_HISTORY_EARLIER_MINUTE] = "SELECT max(minute) FROM minutes WHERE minute <= ?1",
	[PN_HISTORY_PAIR] = "SELECT key, text FROM pairs WHERE id = ?1",
	[PN_HISTORY_FREE_PAGES] = "PRAGMA freelist_count",
	[PN_HISTORY_PAGES] = "PRAGMA page_count",
};

/* How a column's value and a new one become one, in the words of SQLite. */
static int put_way(struct pn_buf *sql, const struct pn_history_column *c)
{
	static const char least_known[] = "%s = ifnull(min(nullif(%s, 0), nullif(excluded.%s, 0)), "
					  "max(%s, excluded.%s))";
	static const char *const forms[] = {
		[PN_HISTORY_ADD] = "%s = %s + excluded.%s",
		[PN_HISTORY_LEAST] = "%s = min(%s, excluded.%s)",
		[PN_HISTORY_LEAST_KNOWN] = least_known,
		[PN_HISTORY_MOST] = "%s = max(%s, excluded.%s)",
		[PN_HISTORY_ANY_BIT] = "%s = %s | excluded.%s",
	};
	const char *at = forms[c->way];
	int r = 0;

	for (const char *hole; r == 0 && (hole = strstr(at, "%s")); at = hole + 2) {
		r = pn_buf_put(sql, at, (size_t)(hole - at));
		if (r == 0)
			r = pn_buf_put(sql, c->name, strlen(c->name));
	}
	return r < 0 ? r : pn_buf_put(sql, at, strlen(at));
}

static int make_upsert(struct pn_buf *sql)
{
	int r = pn_buf_printf(sql, "INSERT INTO minutes VALUES(?1, ?2");

	for (int i = 0; r == 0 && i < PN_HISTORY_SUM_MAX; i++)
		r = pn_buf_printf(sql, ", ?%d", i + 3);
	if (r == 0)
		r = pn_buf_printf(sql, ") ON CONFLICT(minute, pair) DO UPDATE SET ");
	for (int i = 0; r == 0 && i < PN_HISTORY_SUM_MAX; i++) {
		if (i)
			r = pn_buf_printf(sql, ", ");
		if (r == 0)
			r = put_way(sql, &pn_history_columns[i]);
	}
	return r;
}

static int make_select(struct pn_buf *sql)
{
	return pn_buf_printf(sql,
			     "SELECT last, pair, %s FROM minutes WHERE minute = ?1 AND pair < ?2"
			     " AND (last, pair) > (?3, ?4) ORDER BY last, pair LIMIT ?5",
			     columns);
}

static int prepare(struct pn_history_file *f, const char *sql, enum pn_history_statement s,
		   struct pn_err *reterr)
{
	int code = sqlite3_prepare_v3(f->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &f->statements[s],
				      NULL);

	if (code == SQLITE_ERROR) /* not these tables */
		return pn_err_set(reterr, -EBADMSG, "%s", sqlite3_errmsg(f->db));
	return code == SQLITE_OK ? 0 : pn_history_db_errno(f, code, reterr);
}

static int prepare_all(struct pn_history_file *f, struct pn_err *reterr)
{
	struct pn_buf sql = PN_BUF_INIT(8192);
	int r = make_upsert(&sql);

	if (r == 0)
		r = prepare(f, sql.data, PN_HISTORY_ADD_SUMS, reterr);
	pn_buf_reset(&sql);
	if (r == 0)
		r = make_select(&sql);
	if (r == 0)
		r = prepare(f, sql.data, PN_HISTORY_ROWS, reterr);
	pn_buf_done(&sql);
	for (unsigned int i = 0; r == 0 && i < PN_HISTORY_STATEMENT_MAX; i++) {
		if (statements[i])
			r = prepare(f, statements[i], i, reterr);
	}
	return r;
}

/* --- opening -------------------------------------------------------------------------------------- */

/* Where the numbers go on, and how large it may become. */
static int settle(struct pn_history_file *f, uint64_t max_bytes, struct pn_err *reterr)
{
	uint32_t room;
	int r;

	f->max_pages = (uint32_t)((max_bytes - LOG_BYTES) / PAGE_BYTES);
	r = exec(f, reterr, "PRAGMA max_page_count = %u", f->max_pages);
	if (r < 0)
		return r;
	room = (uint32_t)((uint64_t)f->max_pages * PAGE_BYTES / 8 / PAIR_BYTES);
	room = PN_MAX(PN_MIN(room, (uint32_t)KEYS_MAX), (uint32_t)KEYS_MIN);
	if (pn_history_keys_init(&f->known, room) < 0)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	return 0;
}

static int find_numbers(struct pn_history_file *f, struct pn_err *reterr)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(f->db,
				      "SELECT (SELECT max(id) FROM pairs), (SELECT max(epoch) FROM"
				      " pairs), (SELECT max(minute) FROM minutes)",
				      -1, &stmt, NULL);
	int64_t newest;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		f->first_id = f->first_own = sqlite3_column_int64(stmt, 0) + 1;
		newest = PN_MAX(sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2));
		f->newest = f->epoch = (uint32_t)PN_MAX(newest, 0);
	}
	(void)sqlite3_finalize(stmt);
	return code == SQLITE_ROW ? 0 : pn_history_db_errno(f, code, reterr);
}

static int open_once(const char *path, uint64_t max_bytes, pn_nsec max_age,
		     struct pn_history_file **ret, struct pn_err *reterr)
{
	struct pn_history_file *f;
	int r = make_file(path, reterr), code;

	if (r < 0)
		return r;
	f = calloc(1, sizeof(*f));
	if (!f || !(f->path = strdup(path))) {
		free(f);
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	f->max_age = max_age;
	code = sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	r = code == SQLITE_OK ? configure(f, reterr) : pn_history_db_errno(f, code, reterr);
	if (r == 0)
		r = check_tables(f, reterr);
	if (r == 0)
		r = prepare_all(f, reterr);
	if (r == 0)
		r = settle(f, max_bytes, reterr);
	if (r == 0)
		r = find_numbers(f, reterr);
	if (r < 0) {
		pn_history_file_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

int pn_history_file_open(const char *path, uint64_t max_bytes, pn_nsec max_age,
			 struct pn_history_file **ret, struct pn_err *ret_aside,
			 struct pn_err *reterr)
{
	struct pn_err why = { "" };
	int r = open_once(path, max_bytes, max_age, ret, &why);

	ret_aside->text[0] = '\0';
	if (r == -EBADMSG) {
		r = pn_history_file_set_aside(path, why.text, ret_aside);
		if (r < 0)
			return pn_err_set(reterr, r, "%s cannot be used (%s), nor renamed: %s",
					  path, why.text, strerror(-r));
		r = open_once(path, max_bytes, max_age, ret, &why);
	}
	return r < 0 ? pn_err_set(reterr, r, "%s", why.text) : 0;
}

void pn_history_file_close(struct pn_history_file *f)
{
	if (!f)
		return;
	for (unsigned int i = 0; i < PN_HISTORY_STATEMENT_MAX; i++)
		(void)sqlite3_finalize(f->statements[i]);
	(void)sqlite3_close(f->db);
	pn_history_keys_done(&f->known);
	free(f->path);
	free(f);
}

uint64_t pn_history_file_bytes(const struct pn_history_file *f)
{
	PN_CLEANUP(pn_freep) char *log = NULL;
	uint64_t n = 0;
	struct stat st;

	if (stat(f->path, &st) == 0)
		n += (uint64_t)st.st_size;
	if (asprintf(&log, "%s-wal", f->path) < 0)
		log = NULL;
	if (log && stat(log, &st) == 0)
		n += (uint64_t)st.st_size;
	return n;
}
