/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_OWNER_JSON_H
#define PN_EXPORT_OWNER_JSON_H

#include "export/json_writer.h"
#include "flow/record.h"

/**
 * struct pn_owner_texts - what JSON says of owners, written once and copied from then on
 *
 * An owner is known by its address, so all must be forgotten before one may go. One thread.
 */
struct pn_owner_texts;

/** pn_owner_texts_new() - Return: NULL without memory */
struct pn_owner_texts *pn_owner_texts_new(void);

/** pn_owner_texts_free() - NULL is allowed */
void pn_owner_texts_free(struct pn_owner_texts *t);

/** pn_owner_texts_forget() - all of them; NULL is allowed */
void pn_owner_texts_forget(struct pn_owner_texts *t);

/**
 * pn_owner_json_put_kubernetes() - the members of "k8s" that name @o
 * pn_owner_json_put_rest() - the members beside "k8s"
 * @texts: NULL: nothing is remembered
 */
void pn_owner_json_put_kubernetes(struct pn_json *j, struct pn_owner_texts *texts,
				  const struct pn_owner *o);
void pn_owner_json_put_rest(struct pn_json *j, struct pn_owner_texts *texts,
			    const struct pn_owner *o);

#endif
