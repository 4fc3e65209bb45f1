/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes files of clusters, JSON and YAML, and what the policies in them make of a few flows: a text
 * for a person must come out without control characters, a fix must be YAML, and what was allocated
 * must be given back.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/intern.h"
#include "cmd/policy/cluster_file.h"
#include "cmd/policy/policy_explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void explain(const struct pn_policy_set *set, const struct pn_policy_flow *flow)
{
	PN_CLEANUP(pn_freep) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *fixes;

	assert(out && pn_policy_print_text(set, flow, NULL, false, out) == 0);
	assert(fclose(out) == 0);
	for (size_t i = 0; i < len; i++)
		assert((unsigned char)text[i] >= ' ' || text[i] == '\n');
	free(text);
	text = NULL;
	out = open_memstream(&text, &len);
	assert(out && pn_policy_print_json(set, flow, NULL, out) == 0);
	assert(pn_policy_print_fix(set, flow, out) >= 0);
	assert(fclose(out) == 0);
	fixes = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	assert(fixes);
	json_decref(fixes);
}

static void ask(const struct pn_policy_set *set, const char *src, const char *dst, uint8_t proto,
		uint16_t port)
{
	struct pn_asked_flow asked = { 0 };

	if (pn_asked_flow_ends(set, src, dst, &asked, NULL) < 0)
		return;
	asked.flow.proto = proto;
	asked.flow.port = port;
	explain(set, &asked.flow);
}

static void ask_some(const struct pn_policy_set *set)
{
	ask(set, "a/x", "a/y", IPPROTO_TCP, 80);
	ask(set, "b/z", "a/y", IPPROTO_UDP, 53);
	ask(set, "a/y", "b/z", IPPROTO_SCTP, 80);
	ask(set, "a/x", "192.0.2.1", IPPROTO_TCP, 443);
	ask(set, "fd00::1", "a/y", IPPROTO_TCP, 1);
	ask(set, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_err err = { "" };
	struct pn_policy_set *set;
	FILE *in;

	if (!size)
		return 0;
	in = fmemopen((void *)(uintptr_t)data, size, "r");
	assert(in && pn_policy_set_new(&set) == 0);
	if (pn_cluster_read_stream(in, "file", set, &err) < 0)
		assert(strncmp(err.text, "file: ", 6) == 0 && err.text[6]);
	ask_some(set);
	pn_policy_set_free(set);
	(void)fclose(in);
	assert(pn_intern_count() == 0);
	return 0;
}
