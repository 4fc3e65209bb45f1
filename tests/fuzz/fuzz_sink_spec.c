/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes --sink: any text is a sink of a known kind with a target, or is refused with words. Nothing
 * is opened.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/sink_kinds.h"
#include "export/sink_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pn_sink_kind *const kinds[] = { &pn_sink_kind_file, &pn_sink_kind_ipfix,
							    &pn_sink_kind_kafka,
							    &pn_sink_kind_otlp };
	struct pn_sink_spec spec = { 0 };
	struct pn_err err = { "" };
	char *text = calloc(1, size + 1);
	int r;

	assert(text);
	if (size)
		memcpy(text, data, size);
	r = pn_sink_spec_parse(text, kinds, PN_ARRAY_SIZE(kinds), &spec, &err);
	assert(r == 0 || (r == -EINVAL && err.text[0]));
	if (r == 0) {
		assert(*spec.target && !strchr(spec.target, ','));
		assert(strncmp(spec.name, text, strlen(spec.name)) == 0);
		assert(spec.max_queue >= 64 << 10 && spec.retry_max);
	}
	pn_sink_spec_done(&spec);
	free(text);
	return 0;
}
