/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_JSON_TRIM_H
#define PN_KUBE_JSON_TRIM_H

#include "base/buf.h"
#include "kube/kind.h"

struct pn_json_set;

/**
 * struct pn_json_wanted - a member of an object
 * @in:    what is wanted of it, or of each object in it if it is a list; NULL: all
 * @when:  PN_JSON_NEVER: drop it, in a set that keeps the rest
 */
struct pn_json_wanted {
	const char *key;
	size_t key_len;
	const struct pn_json_set *in;
	enum {
		PN_JSON_ALWAYS,
		PN_JSON_IF_KEPT_LABELS,
		PN_JSON_IF_KEPT_ANNOTATIONS,
		PN_JSON_NEVER
	} when;
};

/** struct pn_json_set - the members of an object that are wanted; the first entry with a key counts */
struct pn_json_set {
	const struct pn_json_wanted *members;
	size_t n;
	bool keeps_rest;
};

/** pn_json_wanted_object(), pn_json_wanted_event() - what is read of an object of a kind, bookmarks and Status included */
const struct pn_json_set *pn_json_wanted_object(const struct pn_kind *kind);
const struct pn_json_set *pn_json_wanted_event(const struct pn_kind *kind);

/** What is wanted of an object besides what is always wanted. */
enum {
	PN_JSON_KEEP_LABELS = 1 << 0,
	PN_JSON_KEEP_ANNOTATIONS = 1 << 1,
};

/**
 * pn_json_trim() - the text of an object without what nobody reads
 * @keep: PN_JSON_KEEP_*
 * @ret: emptied first
 *
 * What is dropped is only followed to its end by strings and brackets: bad JSON in there may go
 * unnoticed. What is kept is not looked at either; a member whose key has an escape is kept.
 *
 * Return: 0; -EBADMSG if this is no object as far as one looked; -ENOMEM
 */
int pn_json_trim(const struct pn_json_set *set, unsigned int keep, const char *json, size_t len,
		 struct pn_buf *ret);

#endif
