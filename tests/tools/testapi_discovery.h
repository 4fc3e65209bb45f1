/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_DISCOVERY_H
#define PN_TESTAPI_DISCOVERY_H

#include <jansson.h>
#include <stdbool.h>

/**
 * pn_discovery_document() - what the server says about its kinds
 * @url:        "/api", "/apis", "/api/v1", "/apis/example.com/v1"
 * @aggregated: of the first two: with all that is below them
 *
 * Return: a new document, or NULL if the path is none of discovery's
 */
json_t *pn_discovery_document(const char *url, bool aggregated);

#endif
