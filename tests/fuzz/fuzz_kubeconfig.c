/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the kubeconfig reader: any bytes become settings or an error with words, and nothing else. */
#include <assert.h>
#include <string.h>

#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_kube_config config = { 0 };
	struct pn_err err = { 0 };
	int r;

	r = pn_kubeconfig_parse("/etc/kubeconfig", (const char *)data, size, NULL, &config, &err);
	assert(r <= 0);
	assert((r == 0) == (err.text[0] == '\0'));
	if (r == 0) {
		assert(config.server);
		assert(!config.ca_file || config.ca_file[0] == '/');
		assert(!config.ca_pem || !config.ca_file);
	}
	pn_kube_config_done(&config);
	return 0;
}
