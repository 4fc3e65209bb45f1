/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_DISCOVERY_H
#define PN_KUBE_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Which kinds a server has, custom ones too, and which of them a word means. No I/O of its own: the
 * caller asks for paths and feeds the answers, as long as its word is not found:
 *
 *	while (!(r = pn_discovery_find(d, word, &res)) && (path = pn_discovery_next(d)))
 *		get path with pn_discovery_accept, feed, end
 *
 * A server since 1.27 tells all in two answers; an older one is asked group by group.
 */
struct pn_discovery;

/**
 * struct pn_api_resource - one kind of object; belongs to its discovery, as do all its strings
 * @group:       "" for the core group
 * @singular:    lower case
 * @short_names, @categories: comma-separated, "" if there are none
 */
struct pn_api_resource {
	const char *group, *version, *plural, *singular, *kind, *short_names, *categories;
	bool is_namespaced, can_list;
};

/** pn_discovery_accept - the Accept header's value for every path */
extern const char pn_discovery_accept[];

/** pn_discovery_new() - Return: 0 or -ENOMEM */
int pn_discovery_new(struct pn_discovery **ret);
void pn_discovery_free(struct pn_discovery *d);

/**
 * pn_discovery_find() - what is meant by @word: plural, singular, short name or kind, in any case;
 * with .GROUP or .VERSION.GROUP behind it if wanted
 *
 * Kinds that the agent knows are found without any answer. Of several that match, the one that the
 * server names first is meant; one that can be listed goes before one that cannot.
 *
 * Return: 1 with @ret, 0 if nothing was found so far, or -ENOMEM
 */
int pn_discovery_find(struct pn_discovery *d, const char *word, const struct pn_api_resource **ret);

/** pn_discovery_next() - the path to ask now, valid until the next call; NULL: all is known */
const char *pn_discovery_next(struct pn_discovery *d);

/**
 * pn_discovery_feed() - the next bytes of the answer with status 200 for the path asked last
 *
 * Resources that make no sense are left out. Return: 0; -EBADMSG or -EMSGSIZE with @reterr; -ENOMEM
 */
int pn_discovery_feed(struct pn_discovery *d, const char *bytes, size_t len, struct pn_err *reterr);

/** pn_discovery_end() - the answer is complete. Return: 0, or -EBADMSG with @reterr if it is not */
int pn_discovery_end(struct pn_discovery *d, struct pn_err *reterr);

/** pn_discovery_at() - the @i-th resource that is known so far; NULL behind the last */
const struct pn_api_resource *pn_discovery_at(const struct pn_discovery *d, size_t i);

/** pn_resource_is_in() - is @word in @list, one of the comma-separated ones? any case */
bool pn_resource_is_in(const char *list, const char *word);

#endif
