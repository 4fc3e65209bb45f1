/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_STATUS_H
#define PN_KUBE_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "kube/pb.h"

/**
 * struct pn_status - why the server refused something: the API's Status object, or what stands for it
 * @code:          HTTP status; of the object if it has one
 * @reason:        "Expired", "Forbidden", ...; "" if unknown
 * @message:       for people, one line of printable text; "" if unknown
 * @too_large:     a resourceVersion from the future, as after a restore from a backup
 * @retry_after_s: when to come again; -1 if the server did not say
 */
struct pn_status {
	int code;
	char reason[64];
	char message[256];
	bool too_large;
	int retry_after_s;
};

/** pn_status_from_json() - @tree may be anything; what is not there or not text stays empty */
void pn_status_from_json(const json_t *tree, struct pn_status *ret);

/** pn_status_from_pb() - the message Status; what cannot be read stays empty */
void pn_status_from_pb(struct pn_pb m, struct pn_status *ret);

/** pn_status_from_body() - of an answer with HTTP status @code: a Status in JSON or protobuf, or any text */
void pn_status_from_body(int code, const char *body, size_t len, struct pn_status *ret);

/** pn_status_gone() - the resourceVersion or continue token is too old */
bool pn_status_gone(const struct pn_status *st);

#endif
