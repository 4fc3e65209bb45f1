/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: the addresses by which a node is reached, and the ranges its pods' addresses are from.
 */
#include <string.h>

#include "base/cidr.h"
#include "kube/json_fields.h"
#include "kube/kind.h"
#include "kube/pb_fields.h"
#include "kube/pb_numbers.h"

struct draft {
	struct pn_draft common;
	struct pn_node node;
	struct pn_addr_list addrs;
	const char *pod_cidr;
	struct pn_texts pod_cidrs;
};

static void begin(struct draft *d, const struct pn_decoding *decoding, struct pn_err *err)
{
	pn_draft_begin(&d->common, decoding, err, &d->node.meta, PN_KIND_NODE);
	d->pod_cidr = "";
}

static void add_address(struct draft *d, const char *type, const char *address)
{
	if (strcmp(type, "InternalIP") == 0 || strcmp(type, "ExternalIP") == 0)
		pn_addr_list_add(&d->common, &d->addrs, address);
}

static void add_cidr(struct draft *d, const char *text)
{
	struct pn_node *n = &d->node;
	struct pn_cidr *v, cidr;

	if (!text[0])
		return;
	if (pn_cidr_parse(text, &cidr) < 0) {
		d->common.n_refused++;
		return;
	}
	v = pn_draft_more(&d->common, n->pod_cidrs, n->n_pod_cidrs, sizeof(*v), PN_MAX_ADDRS);
	if (!v)
		return;
	v[n->n_pod_cidrs++] = cidr;
	n->pod_cidrs = v;
}

static int finish(struct draft *d, struct pn_object **ret)
{
	for (uint32_t i = 0; i < d->pod_cidrs.n; i++)
		add_cidr(d, d->pod_cidrs.v[i]);
	if (!d->pod_cidrs.n)
		add_cidr(d, d->pod_cidr);
	d->node.addrs = d->addrs.v;
	d->node.n_addrs = d->addrs.n;
	return pn_draft_finish(&d->common, &d->node.meta, ret);
}

int pn_decode_node_json(const struct pn_decoding *decoding, const json_t *tree,
			struct pn_object **ret, struct pn_err *reterr)
{
	struct draft d = { 0 };
	struct pn_draft *c = &d.common;
	const json_t *spec, *list;

	begin(&d, decoding, reterr);
	pn_json_meta(c, tree, &d.node.meta);
	spec = pn_json_object(c, tree, "spec");
	d.pod_cidr = pn_json_string(c, spec, "podCIDR", PN_ADDR_TEXT_LEN);
	pn_json_texts(c, spec, "podCIDRs", PN_ADDR_TEXT_LEN, &d.pod_cidrs);
	list = pn_json_array(c, pn_json_object(c, tree, "status"), "addresses");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = pn_json_item(c, list, i, "addresses");

		add_address(&d, pn_json_string(c, entry, "type", PN_SHORT_TEXT_LEN),
			    pn_json_string(c, entry, "address", PN_ADDR_TEXT_LEN));
	}
	return finish(&d, ret);
}

static void read_address(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_pb m = pn_pb_message(&d->common, f, "addresses");
	const char *type = "", *address = "";
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part)) {
		if (part.number == PB_NODE_ADDRESS_TYPE)
			type = pn_pb_string(&d->common, &part, "type", PN_SHORT_TEXT_LEN);
		else if (part.number == PB_NODE_ADDRESS_ADDRESS)
			address = pn_pb_string(&d->common, &part, "address", PN_ADDR_TEXT_LEN);
	}
	add_address(d, type, address);
}

static void read_spec(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_pb m = pn_pb_message(&d->common, f, "spec");
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part)) {
		if (part.number == PB_NODE_SPEC_POD_CIDR)
			d->pod_cidr = pn_pb_string(&d->common, &part, "podCIDR", PN_ADDR_TEXT_LEN);
		else if (part.number == PB_NODE_SPEC_POD_CIDRS)
			pn_texts_add(&d->common, &d->pod_cidrs,
				     pn_pb_string(&d->common, &part, "podCIDRs", PN_ADDR_TEXT_LEN));
	}
}

static void read_status(struct draft *d, const struct pn_pb_field *f)
{
	struct pn_pb m = pn_pb_message(&d->common, f, "status");
	struct pn_pb_field part;

	while (pn_pb_next(&d->common, &m, &part))
		if (part.number == PB_NODE_STATUS_ADDRESSES)
			read_address(d, &part);
}

int pn_decode_node_pb(const struct pn_decoding *decoding, const uint8_t *bytes, size_t len,
		      struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(bytes, len);
	struct draft d = { 0 };
	struct pn_pb_field f;

	begin(&d, decoding, reterr);
	while (pn_pb_next(&d.common, &m, &f)) {
		if (f.number == PB_OBJECT_METADATA)
			pn_pb_meta(&d.common, &f, &d.node.meta);
		else if (f.number == PB_OBJECT_SPEC)
			read_spec(&d, &f);
		else if (f.number == PB_OBJECT_STATUS)
			read_status(&d, &f);
	}
	return finish(&d, ret);
}
