/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_EXEC_INFO_H
#define PN_KUBE_EXEC_INFO_H

#include "kube/config.h"

/**
 * struct pn_exec_credential - what a credential plugin has brought
 * @token:     NULL, or fit for a header
 * @cert:      PEM, with @key; both or neither. At least one of token and certificate is there.
 * @expires_s: seconds since 1970; INT64_MAX: not said
 */
struct pn_exec_credential {
	char *token, *cert, *key;
	int64_t expires_s;
};

/** pn_exec_credential_done() - wipes and frees */
void pn_exec_credential_done(struct pn_exec_credential *c);

/**
 * pn_exec_info() - the text for the plugin's KUBERNETES_EXEC_INFO
 * @ca: PEM of the cluster's CA, or NULL; only used if the plugin is to know about the cluster
 *
 * Return: new text; NULL without memory
 */
char *pn_exec_info(const struct pn_kube_config *config, const char *ca, bool is_interactive);

/**
 * pn_exec_credential_parse() - what the plugin printed
 * @api_version: the one that was asked for
 *
 * Return: 0, -ENOMEM, or -EINVAL with @reterr; nothing secret is in the words
 */
int pn_exec_credential_parse(const char *text, size_t len, const char *api_version,
			     struct pn_exec_credential *ret, struct pn_err *reterr);

#endif
