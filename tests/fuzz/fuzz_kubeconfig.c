/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the kubeconfig reader: any bytes become settings or an error with words, and nothing else.
 * A byte 0xff, which YAML cannot have, parts one file of a list from the next.
 */
#include <assert.h>
#include <string.h>

#include "kube/kubeconfig.h"

enum { MAX_FILES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t split(char *text, struct pn_kubeconfig_file files[static MAX_FILES])
{
	static char paths[MAX_FILES][8] = { "/a/conf", "/b/conf", "/c/conf" };
	size_t n = 0;

	while (text && n < MAX_FILES) {
		files[n].path = paths[n];
		files[n++].text = text;
		text = strchr(text, 0xff);
		if (text)
			*text++ = '\0';
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_kubeconfig_file files[MAX_FILES];
	struct pn_kube_config config = { 0 };
	struct pn_err err = { 0 };
	char *text = strndup((const char *)data, size);
	int r;

	config.source = strdup("source");
	r = pn_kubeconfig_parse(files, split(text, files), NULL, &config, &err);
	assert(r <= 0);
	assert((r == 0) == (err.text[0] == '\0'));
	if (r == 0) {
		assert(config.server);
		assert(!config.ca_file || config.ca_file[0] == '/');
		assert(!config.ca_pem || !config.ca_file);
		assert(!config.exec.command || (config.exec.api_version && !config.token));
	}
	pn_kube_config_done(&config);
	free(text);
	return 0;
}
