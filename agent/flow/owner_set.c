// SPDX-License-Identifier: Apache-2.0
/*
 * Which owners have certain labels, for filter_terms.c: so that a record costs one look-up, and nobody
 * looks at labels on its way. Filled by daemon/labelled.c.
 *
 * Owners are found by kind and name, not by their ids: those in the history may be of another time.
 */
#include "flow/owner_set.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "base/label_selector.h"

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned int)pn_hash_bytes(key, len))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A kind, a namespace, a slash, a name. */
enum { KEY_MAX = 1 + PN_NAMESPACE_LEN + 1 + PN_NAME_LEN };

/* @gone: when it has gone; then it is in the list of those, the first to go first */
struct member {
	UT_hash_handle hh;
	struct member *prev, *next;
	pn_nsec gone;
	bool is_gone;
	char key[];
};

struct pn_owner_set {
	_Atomic unsigned int n_refs;
	struct pn_label_selector *selector;
	pthread_mutex_t lock; /* of the rest */
	struct member *members, *gone;
};

int pn_owner_set_new(const char *selector, struct pn_owner_set **ret, struct pn_err *reterr)
{
	struct pn_owner_set *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	r = pn_label_selector_parse(selector, &s->selector, reterr);
	if (r < 0) {
		free(s);
		return r;
	}
	atomic_init(&s->n_refs, 1);
	(void)pthread_mutex_init(&s->lock, NULL);
	*ret = s;
	return 0;
}

struct pn_owner_set *pn_owner_set_ref(struct pn_owner_set *s)
{
	(void)atomic_fetch_add_explicit(&s->n_refs, 1, memory_order_relaxed);
	return s;
}

/* The lock is held, or nobody else knows the set any more. */
static void forget(struct pn_owner_set *s, struct member *m)
{
	if (m->is_gone)
		DL_DELETE(s->gone, m);
	HASH_DEL(s->members, m);
	free(m);
}

void pn_owner_set_unref(struct pn_owner_set *s)
{
	/* What others have done with it is done before it is freed. */
	if (!s || atomic_fetch_sub_explicit(&s->n_refs, 1, memory_order_acq_rel) > 1)
		return;
	while (s->members)
		forget(s, s->members);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->selector);
	free(s);
}

bool pn_owner_set_is_shared(const struct pn_owner_set *s)
{
	return atomic_load_explicit(&s->n_refs, memory_order_relaxed) > 1;
}

const struct pn_label_selector *pn_owner_set_selector(const struct pn_owner_set *s)
{
	return s->selector;
}

/* Return: its length; 0: longer than names are */
static size_t make_key(enum pn_owner_kind kind, const char *name_space, const char *name,
		       char key[static KEY_MAX])
{
	size_t len = strlen(name_space), name_len = strlen(name);

	if (len + name_len + 2 > KEY_MAX)
		return 0;
	key[0] = (char)kind;
	memcpy(key + 1, name_space, len);
	key[1 + len] = '/';
	memcpy(key + 2 + len, name, name_len);
	return 2 + len + name_len;
}

static struct member *find(const struct pn_owner_set *s, enum pn_owner_kind kind,
			   const char *name_space, const char *name)
{
	struct member *m = NULL;
	char key[KEY_MAX];
	size_t len = make_key(kind, name_space, name, key);

	if (len)
		HASH_FIND(hh, s->members, key, len, m);
	return m;
}

static int add(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
	       const char *name)
{
	char key[KEY_MAX];
	size_t len = make_key(kind, name_space, name, key);
	struct member *m = len ? calloc(1, sizeof(*m) + len) : NULL;

	if (!m)
		return len ? -ENOMEM : -ENAMETOOLONG;
	memcpy(m->key, key, len);
	HASH_ADD_KEYPTR(hh, s->members, m->key, len, m);
	if (m->hh.tbl)
		return 0;
	free(m);
	return -ENOMEM;
}

int pn_owner_set_put(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
		     const char *name)
{
	struct member *m;
	int r = 0;

	(void)pthread_mutex_lock(&s->lock);
	m = find(s, kind, name_space, name);
	if (!m) {
		r = add(s, kind, name_space, name);
	} else if (m->is_gone) {
		DL_DELETE(s->gone, m);
		m->is_gone = false;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

void pn_owner_set_remove(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
			 const char *name)
{
	struct member *m;

	(void)pthread_mutex_lock(&s->lock);
	m = find(s, kind, name_space, name);
	if (m)
		forget(s, m);
	(void)pthread_mutex_unlock(&s->lock);
}

void pn_owner_set_leave(struct pn_owner_set *s, enum pn_owner_kind kind, const char *name_space,
			const char *name, pn_nsec now)
{
	struct member *m;

	(void)pthread_mutex_lock(&s->lock);
	while (s->gone && now - s->gone->gone > PN_INDEX_MEMORY)
		forget(s, s->gone);
	m = find(s, kind, name_space, name);
	if (m && !m->is_gone) {
		m->is_gone = true;
		m->gone = now;
		DL_APPEND(s->gone, m);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

bool pn_owner_set_has(struct pn_owner_set *s, const struct pn_owner *o)
{
	bool has;

	(void)pthread_mutex_lock(&s->lock);
	has = find(s, o->kind, o->name_space, o->name);
	(void)pthread_mutex_unlock(&s->lock);
	return has;
}
