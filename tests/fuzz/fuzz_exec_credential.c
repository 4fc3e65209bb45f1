/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a credential plugin prints: a credential that can be used, or an error with words. */
#include <assert.h>
#include <string.h>

#include "kube/credentials.h"
#include "kube/exec_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_exec_credential c = { 0 };
	struct pn_err err = { 0 };
	int r;

	r = pn_exec_credential_parse((const char *)data, size, "client.authentication.k8s.io/v1",
				     &c, &err);
	assert(r <= 0);
	assert((r == 0) == (err.text[0] == '\0'));
	if (r == 0) {
		assert(c.token || c.cert);
		assert(!c.cert == !c.key);
		assert(!c.token || pn_token_check(c.token, NULL) == 0);
	}
	pn_exec_credential_done(&c);
	return 0;
}
