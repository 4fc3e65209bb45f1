/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_NOTES_H
#define PN_BASE_NOTES_H

#include <stddef.h>

/**
 * struct pn_notes - memory that outlives the agent, made accessible from its front as it is needed
 * @at:	   @len bytes of address space, aligned to 8
 * @reach: lets the first @len bytes be used from now on, more perhaps; what was accessible stays so.
 *	   Return: 0 or a negative errno. NULL: all of it is accessible
 *
 * One thread at a time.
 */
struct pn_notes {
	void *at;
	size_t len;
	int (*reach)(void *data, size_t len);
	void *data;
};

static inline int pn_notes_reach(const struct pn_notes *n, size_t len)
{
	return n->reach ? n->reach(n->data, len) : 0;
}

#endif
