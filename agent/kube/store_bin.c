/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read sections, and what is freed after them. Called by all readers and by the stores' writers.
 *
 * Sections are those of liburcu's bp flavour, which registers each thread by itself. An object has
 * no room for liburcu's head, so what a writer gives up is collected in a bin, and a full bin is
 * handed over. Between two writers the one bin that is not full lies in `closed`; whoever opens it
 * takes it out, so there is no lock. It holds some 50 objects at most for as long as nothing
 * else happens.
 *
 * Large memory is mapped, not taken from the heap: it goes back at once, and leaves no holes. Its
 * pages are made in one go, as hashing touches all of them soon.
 */
#include <urcu-bp.h>
#include <urcu/static/urcu-bp.h>

#include <pthread.h>
#include <sys/mman.h>

#include "kube/store_private.h"

/*
 * liburcu orders "the last reader is done" before "free" by barriers that ThreadSanitizer cannot
 * see: the two macros tell it.
 */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

static char grace;
#define TSAN_BEFORE_GRACE() __tsan_release(&grace)
#define TSAN_AFTER_GRACE() __tsan_acquire(&grace)
#else
#define TSAN_BEFORE_GRACE() ((void)0)
#define TSAN_AFTER_GRACE() ((void)0)
#endif

/*
 * liburcu's inline versions take one nanosecond instead of ten. Both are small inline functions as
 * section 5 of the LGPL 2.1 has them: their use is unrestricted, and they say themselves that this
 * is meant. The sanitizers do not like how liburcu aligns what they read.
 */
#ifdef __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum {
	MAX_OBJECTS = 56,
	MAX_BYTES = 64 * 1024,
	MAP_FROM = 64 * 1024,
};

struct pn_bin {
	struct rcu_head rcu;
	void (*fn)(void *data);
	void *data;
	struct pn_scrap *scraps;
	size_t n_bytes, n_objects;
	unsigned int phase;
	const struct pn_object *objects[MAX_OBJECTS];
};

static _Atomic(struct pn_bin *) closed;

/*
 * Bins that were handed over and are not empty yet, those since the last barrier and those before.
 * Only a barrier changes `phase`, and waits for what the other one still has.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t is_empty;
	size_t n[2];
	unsigned int phase;
} pending = { .lock = PTHREAD_MUTEX_INITIALIZER, .is_empty = PTHREAD_COND_INITIALIZER };
static pthread_mutex_t barrier_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- sections --- */

void pn_read_begin(void)
{
#if SANITIZED
	urcu_bp_read_lock();
#else
	_urcu_bp_read_lock();
#endif
}

void pn_read_end(void)
{
	TSAN_BEFORE_GRACE();
#if SANITIZED
	urcu_bp_read_unlock();
#else
	_urcu_bp_read_unlock();
#endif
}

/* --- scraps --- */

void *pn_scrap_new(size_t size)
{
	struct pn_scrap *s;

	if (size < MAP_FROM) {
		s = calloc(1, size);
	} else {
		s = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (s == MAP_FAILED)
			s = NULL;
	}
	if (s)
		s->size = size;
	return s;
}

void pn_scrap_free(void *scrap)
{
	struct pn_scrap *s = scrap;

	if (s && s->size >= MAP_FROM)
		(void)munmap(s, s->size);
	else
		free(s);
}

/* --- bins --- */

static void empty(struct rcu_head *head)
{
	struct pn_bin *bin = PN_CONTAINER_OF(head, struct pn_bin, rcu);
	unsigned int phase;

	TSAN_AFTER_GRACE();
	phase = bin->phase;
	while (bin->scraps) {
		struct pn_scrap *next = bin->scraps->next;

		pn_scrap_free(bin->scraps);
		bin->scraps = next;
	}
	for (size_t i = 0; i < bin->n_objects; i++)
		pn_object_unref(bin->objects[i]);
	if (bin->fn)
		bin->fn(bin->data);
	free(bin);
	(void)pthread_mutex_lock(&pending.lock);
	if (--pending.n[phase] == 0)
		(void)pthread_cond_broadcast(&pending.is_empty);
	(void)pthread_mutex_unlock(&pending.lock);
}

static void hand_over(struct pn_bin *bin)
{
	(void)pthread_mutex_lock(&pending.lock);
	bin->phase = pending.phase;
	pending.n[bin->phase]++;
	(void)pthread_mutex_unlock(&pending.lock);
	TSAN_BEFORE_GRACE();
	urcu_bp_call_rcu(&bin->rcu, empty);
}

static bool is_empty(const struct pn_bin *bin)
{
	return !bin->scraps && bin->n_objects == 0 && !bin->fn;
}

static struct pn_bin *take_closed(void)
{
	/* acquire: pairs with the release in pn_bin_close() */
	return atomic_exchange_explicit(&closed, NULL, memory_order_acquire);
}

struct pn_bin *pn_bin_new(void)
{
	return calloc(1, sizeof(struct pn_bin));
}

struct pn_bin *pn_bin_open(void)
{
	struct pn_bin *bin = take_closed();

	return bin ? bin : pn_bin_new();
}

void pn_bin_object(struct pn_bin *bin, const struct pn_object *obj)
{
	if (bin)
		bin->objects[bin->n_objects++] = obj;
	else
		pn_object_unref(obj);
}

void pn_bin_scrap(struct pn_bin *bin, void *scrap)
{
	struct pn_scrap *s = scrap;

	if (!bin || !s) {
		pn_scrap_free(s);
		return;
	}
	s->next = bin->scraps;
	bin->scraps = s;
	bin->n_bytes += s->size;
}

void pn_bin_close(struct pn_bin *bin)
{
	struct pn_bin *none = NULL;

	if (bin->n_objects < MAX_OBJECTS && bin->n_bytes < MAX_BYTES &&
	    atomic_compare_exchange_strong_explicit(&closed, &none, bin, memory_order_release,
						    memory_order_relaxed))
		return;
	if (is_empty(bin))
		free(bin);
	else
		hand_over(bin);
}

void pn_bin_close_with(struct pn_bin *bin, void (*fn)(void *data), void *data)
{
	bin->fn = fn;
	bin->data = data;
	hand_over(bin);
}

void pn_bin_flush(void)
{
	struct pn_bin *bin = take_closed();

	if (bin && is_empty(bin))
		free(bin);
	else if (bin)
		hand_over(bin);
}

void pn_bin_start(void)
{
	(void)urcu_bp_get_default_call_rcu_data();
}

void pn_store_barrier(void)
{
	unsigned int phase;

	pn_bin_flush();
	(void)pthread_mutex_lock(&barrier_lock);
	(void)pthread_mutex_lock(&pending.lock);
	phase = pending.phase;
	pending.phase = !phase;
	while (pending.n[phase] > 0)
		(void)pthread_cond_wait(&pending.is_empty, &pending.lock);
	(void)pthread_mutex_unlock(&pending.lock);
	(void)pthread_mutex_unlock(&barrier_lock);
}
