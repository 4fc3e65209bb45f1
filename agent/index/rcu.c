/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index needs of liburcu: threads that read, the one that writes, and memory that is given
 * back later. Called by every file of this folder; the reader functions by the threads that look up.
 *
 * A look-up needs no call at all: in the QSBR flavour a registered thread is always inside a
 * read-side section, until it says that it holds no pointer (quiescent) or goes offline. The writer
 * has to be a reader too while it walks or changes liburcu's tables, for these may be resized under
 * it by another thread; it becomes one for the length of each call, so that the control thread
 * holds up nobody while it sleeps.
 */
#include "index/private.h"

#include <assert.h>

/*
 * liburcu orders "the last reader is done" before "free" by barriers that ThreadSanitizer cannot see:
 * the two macros tell it. What the library allocates and frees for itself is not watched; memory that
 * our functions touch is, also when the library calls them.
 */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:liburcu-cds.so\ncalled_from_lib:liburcu-qsbr.so\n";
}

static char grace;
#define TSAN_BEFORE_GRACE() __tsan_release(&grace)
#define TSAN_AFTER_GRACE() __tsan_acquire(&grace)
#else
#define TSAN_BEFORE_GRACE() ((void)0)
#define TSAN_AFTER_GRACE() ((void)0)
#endif

static _Thread_local enum pn_rcu_state state;

void pn_index_reader_begin(void)
{
	assert(state == PN_RCU_OUTSIDE);
	rcu_register_thread();
	state = PN_RCU_ONLINE;
}

void pn_index_reader_end(void)
{
	assert(state != PN_RCU_OUTSIDE);
	TSAN_BEFORE_GRACE();
	rcu_unregister_thread();
	state = PN_RCU_OUTSIDE;
}

void pn_index_reader_quiescent(void)
{
	assert(state == PN_RCU_ONLINE);
	TSAN_BEFORE_GRACE();
	rcu_quiescent_state();
}

void pn_index_reader_offline(void)
{
	assert(state == PN_RCU_ONLINE);
	TSAN_BEFORE_GRACE();
	rcu_thread_offline();
	state = PN_RCU_OFFLINE;
}

void pn_index_reader_online(void)
{
	assert(state == PN_RCU_OFFLINE);
	rcu_thread_online();
	state = PN_RCU_ONLINE;
}

enum pn_rcu_state pn_rcu_writing_begin(void)
{
	enum pn_rcu_state was = state;

	if (was == PN_RCU_OUTSIDE)
		pn_index_reader_begin();
	else if (was == PN_RCU_OFFLINE)
		pn_index_reader_online();
	return was;
}

void pn_rcu_writing_end(enum pn_rcu_state *was)
{
	if (*was == PN_RCU_OUTSIDE)
		pn_index_reader_end();
	else if (*was == PN_RCU_OFFLINE)
		pn_index_reader_offline();
}

static void reclaim(struct rcu_head *head)
{
	TSAN_AFTER_GRACE();
	free(head);
}

void pn_rcu_free(struct rcu_head *head)
{
	if (!head)
		return;
	TSAN_BEFORE_GRACE();
	call_rcu(head, reclaim);
}
