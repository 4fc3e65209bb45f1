/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of interned strings. A mutex is enough: strings are looked up while objects are
 * decoded and freed, never while a flow is named.
 */
#include "base/intern.h"

#include <pthread.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct interned {
	UT_hash_handle hh;
	size_t n_refs;
	char text[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct interned *table;

static struct interned *from_text(const char *s)
{
	return (struct interned *)((uintptr_t)s - offsetof(struct interned, text));
}

static struct interned *add(const char *text, size_t len)
{
	struct interned *e = calloc(1, sizeof(*e) + len + 1);

	if (!e)
		return NULL;
	memcpy(e->text, text, len);
	HASH_ADD_KEYPTR(hh, table, e->text, len, e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	return e;
}

const char *pn_intern(const char *text, size_t len)
{
	struct interned *e;

	(void)pthread_mutex_lock(&lock);
	HASH_FIND(hh, table, text, len, e);
	if (!e)
		e = add(text, len);
	if (e)
		e->n_refs++;
	(void)pthread_mutex_unlock(&lock);
	return e ? e->text : NULL;
}

const char *pn_intern_ref(const char *s)
{
	if (!s)
		return NULL;
	(void)pthread_mutex_lock(&lock);
	from_text(s)->n_refs++;
	(void)pthread_mutex_unlock(&lock);
	return s;
}

void pn_intern_unref(const char *s)
{
	struct interned *e;

	if (!s)
		return;
	(void)pthread_mutex_lock(&lock);
	e = from_text(s);
	if (--e->n_refs == 0) {
		HASH_DEL(table, e);
		free(e);
	}
	(void)pthread_mutex_unlock(&lock);
}

size_t pn_intern_count(void)
{
	size_t n;

	(void)pthread_mutex_lock(&lock);
	n = HASH_COUNT(table);
	(void)pthread_mutex_unlock(&lock);
	return n;
}
