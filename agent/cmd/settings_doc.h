/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_SETTINGS_DOC_H
#define PN_CMD_SETTINGS_DOC_H

#include <jansson.h>
#include <stdio.h>

#include "cmd/settings.h"

/*
 * Settings as a document:
 *
 *   {"file": PATH, "settings": [{"name": "interval", "value": "5s", "from": "file", "where": "PATH:3",
 *     "live": true}]}
 *
 * "file" and "value" are null where there is none; "from" is flag, environment, file or default. A
 * setting that the file has since changed, but which waits for a restart, has the other value as
 * "pending". What stands before the @ of a URL is left out.
 */

/**
 * pn_settings_doc() - @started: what the command was started with; @now: what holds now, where it can
 *		       change without a restart; may be the same
 *
 * Return: a new reference; NULL without memory
 */
json_t *pn_settings_doc(const struct pn_settings *started, const struct pn_settings *now);

/** pn_settings_doc_yaml() - such a document as a config file that says the same, with where it is from */
void pn_settings_doc_yaml(const json_t *doc, FILE *out);

#endif
