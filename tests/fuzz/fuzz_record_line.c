/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes recorded flows as `podonym policy check` reads them: what is taken of one lies in its line,
 * and what jansson takes as a record is not refused for its form.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/policy/policy_explain.h"
#include "cmd/policy/record_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *line, size_t size)
{
	assert(!*text || (text > line && text + strlen(text) < line + size));
}

static void check_end(const struct pn_recorded_end *e, const char *line, size_t size)
{
	const char *const texts[] = {
		e->address, e->attribution,   e->name_space,	e->pod,
		e->node,    e->workload_kind, e->workload_name, e->tcp_flags,
		e->service, e->service_space, e->process,	e->network,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_text(texts[i], line, size);
}

/* Where jansson finds a source address that is plain text, it is the one that was taken. */
static void compare(const struct pn_recorded_flow *f, const uint8_t *data, size_t size)
{
	json_t *tree = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	const char *address =
		json_string_value(json_object_get(json_object_get(tree, "source"), "address"));

	for (const char *c = address; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			address = NULL;
	if (address)
		assert(strcmp(address, f->source.address) == 0);
	json_decref(tree);
}

/* As `podonym policy explain` reads it. */
static void explain(const struct pn_recorded_flow *f)
{
	struct pn_seen s = { 0 };
	const char *why;
	char words[256];

	pn_seen_take(&s, f);
	pn_seen_take_drop(&s, f);
	pn_seen_words(&s, words, sizeof(words));
	assert(strlen(words) < sizeof(words));
	(void)pn_seen_agreement(&s, true, &why);
	json_decref(pn_seen_json(&s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct pn_recorded_flow f;
	const char *wrong;

	assert(line);
	memcpy(line, data, size);
	line[size] = '\n';
	wrong = pn_record_line_read(line, size, &f);
	assert(!wrong || *wrong);
	if (!wrong) {
		check_end(&f.source, line, size);
		check_end(&f.destination, line, size);
		check_text(f.id, line, size);
		check_text(f.end, line, size);
		check_text(f.transport, line, size);
		check_text(f.state, line, size);
		check_text(f.told_as, line, size);
		check_text(f.start, line, size);
		check_text(f.drop.reason, line, size);
		check_text(f.drop.location, line, size);
		check_text(f.drop.kind, line, size);
		explain(&f);
		compare(&f, data, size);
	}
	free(line);
	return 0;
}
