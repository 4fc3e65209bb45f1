/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the lines of `podonym policy explain --flows`: what is taken of one is what jansson reads in
 * it, where that takes it at all.
 */
#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/policy/flow_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Anything but ASCII is not the same: it cannot be in a name or an address, and is only noted. */
static bool is_ascii(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] >= 0x80)
			return false;
	return !memmem(data, size, "\\u", 2);
}

/* Beside what is asked for, a line is only followed by its brackets. */
static bool has_more(const json_t *tree)
{
	return json_object_size(tree) > 4;
}

static void check(const struct pn_flow_line *l, const uint8_t *data, size_t size)
{
	json_t *tree = json_loadb((const char *)data, size, 0, NULL);
	const json_t *port = json_object_get(tree, "port");

	if (tree && !has_more(tree)) {
		assert(strcmp(json_string_value(json_object_get(tree, "src")), l->src) == 0);
		assert(strcmp(json_string_value(json_object_get(tree, "dst")), l->dst) == 0);
		assert(pn_flow_proto(json_string_value(json_object_get(tree, "protocol"))) ==
		       l->proto);
		assert(json_integer_value(port) == l->port);
	}
	json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct pn_flow_line l;
	const char *wrong;

	assert(line);
	memcpy(line, data, size);
	line[size] = '\n';
	wrong = pn_flow_line_read(line, size, &l);
	if (!wrong) {
		assert(l.proto && strlen(l.src) < size && strlen(l.dst) < size);
		if (is_ascii(data, size))
			check(&l, data, size);
	} else {
		assert(*wrong);
	}
	free(line);
	return 0;
}
