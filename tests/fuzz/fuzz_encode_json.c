/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the encoders with records of any content: each JSON line is one document that another
 * parser reads back the same, each compact line is printable, and a line is a line.
 *
 * Input: numbers first, in fixed places; then names, separated by zero bytes.
 */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export/encode.h"
#include "export/ipfix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct numbers {
	uint64_t id, start, end, packets[2], bytes[2], delivered[2];
	uint8_t addr[3][16];
	uint16_t port[3], flags[2];
	uint8_t proto, icmp_type, icmp_code, is_v4, state, attribution[2], kind[2], has;
};

enum { N_NAMES = 16, N_OWNER_NAMES = 7 };

/* The names are the rest of the input, in a copy that ends with a zero byte. */
static void split(char *text, size_t size, const char *names[static N_NAMES])
{
	const char *end = text + size;

	for (int i = 0; i < N_NAMES; i++) {
		names[i] = text < end ? text : "";
		if (text < end)
			text += strlen(text) + 1;
	}
}

static struct pn_owner owner(uint8_t kind, const char *const names[static N_OWNER_NAMES])
{
	return (struct pn_owner) {
		.kind = (enum pn_owner_kind)(kind % PN_OWNER_KIND_MAX),
		.uid = "",
		.name_space = names[0],
		.name = names[1],
		.workload_kind = names[2],
		.workload_name = names[3],
		.node = names[4],
		.zone = names[5],
		.region = names[6],
	};
}

static void set_end(struct pn_record_end *e, const struct numbers *n, int i)
{
	memcpy(e->addr.b, n->addr[i], sizeof(e->addr.b));
	e->port = n->port[i];
	e->attribution = (enum pn_attribution)(n->attribution[i] % PN_ATTR_MAX);
	e->packets = n->packets[i];
	e->bytes = n->bytes[i];
	e->delivered = n->delivered[i];
	e->tcp_flags = n->flags[i];
}

static struct pn_flow_record record(const struct numbers *n)
{
	struct pn_flow_record r = {
		.id = n->id,
		.start = n->start,
		.end = n->end,
		.proto = n->proto,
		.icmp_type = n->icmp_type,
		.icmp_code = n->icmp_code,
		.is_v4 = n->is_v4 & 1,
		.state = (enum pn_flow_end)(n->state % PN_FLOW_END_MAX),
		.service_port = n->port[2],
	};

	set_end(&r.source, n, 0);
	set_end(&r.destination, n, 1);
	memcpy(r.service_addr.b, n->addr[2], sizeof(r.service_addr.b));
	return r;
}

static void check_json(enum pn_format format, size_t n_members, const struct pn_flow_record *r)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	char *again;
	json_t *root;
	int ret = pn_encode(format, r, &out);

	assert(ret == 0 || ret == -EMSGSIZE);
	if (ret == 0) {
		assert(out.data[out.len - 1] == '\n' && strlen(out.data) == out.len);
		assert(!memchr(out.data, '\n', out.len - 1));
		root = json_loadb(out.data, out.len,
				  JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
		assert(root);
		assert(!n_members || json_object_size(root) == n_members);
		again = json_dumps(root, 0);
		assert(again);
		free(again);
		json_decref(root);
	}
	pn_buf_done(&out);
}

/* A record fits into a message of the smallest size, or is refused, and says how long it is. */
static void check_ipfix(const struct pn_flow_record *r)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	int ret = pn_ipfix_record(r, 508, &out);

	assert(ret == 0);
	assert(out.len > PN_IPFIX_SET_HEADER_LEN && out.len <= PN_IPFIX_SET_HEADER_LEN + 508);
	assert(pn_ipfix_message_len(out.data) == out.len - PN_IPFIX_SET_HEADER_LEN);
	pn_buf_done(&out);
}

static void check_compact(const struct pn_flow_record *r)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	int ret = pn_encode(PN_FORMAT_COMPACT, r, &out);

	assert(ret == 0 || ret == -EMSGSIZE);
	for (size_t i = 0; i < out.len; i++)
		assert(i == out.len - 1 ? out.data[i] == '\n'
					: out.data[i] >= 0x20 && out.data[i] < 0x7f);
	pn_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *names[N_NAMES];
	struct pn_owner source, destination, service;
	struct pn_flow_record r;
	struct numbers n;
	char *text;

	if (size < sizeof(n))
		return 0;
	memcpy(&n, data, sizeof(n));
	size -= sizeof(n);
	text = calloc(1, size + 1);
	assert(text);
	memcpy(text, data + sizeof(n), size);
	split(text, size, names);
	source = owner(n.kind[0], names);
	destination = owner(n.kind[1], names + N_OWNER_NAMES);
	service = owner(PN_OWNER_SERVICE,
			(const char *const[]) { names[14], names[15], "", "", "", "", "" });
	r = record(&n);
	r.source.owner = n.has & 1 ? &source : NULL;
	r.destination.owner = n.has & 2 ? &destination : NULL;
	r.service = n.has & 4 ? &service : NULL;
	r.is_headless = n.has & 8;
	r.no_endpoints = n.has & 16;
	check_json(PN_FORMAT_JSON, 5, &r);
	check_json(PN_FORMAT_NETOBSERV, 0, &r);
	check_json(PN_FORMAT_HUBBLE, 2, &r); /* without a node's name */
	check_ipfix(&r);
	check_compact(&r);
	free(text);
	return 0;
}
