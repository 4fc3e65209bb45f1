/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes from JSON: the addresses by which a node is reached.
 */
#include "kube/json_fields.h"

#include <errno.h>
#include <string.h>

enum { ADDR_TEXT_LEN = 256, SHORT_TEXT_LEN = 64 };

static bool is_ip_type(const char *type)
{
	return strcmp(type, "InternalIP") == 0 || strcmp(type, "ExternalIP") == 0;
}

static void read_addresses(struct pn_json_reader *rd, const json_t *tree,
			   struct pn_addr_list *addrs)
{
	const json_t *status = pn_json_object(rd, tree, "status");
	const json_t *list = pn_json_array(rd, status, "addresses");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = pn_json_item(rd, list, i, "addresses");

		if (is_ip_type(pn_json_string(rd, entry, "type", SHORT_TEXT_LEN)))
			pn_addr_list_add(addrs,
					 pn_json_string(rd, entry, "address", ADDR_TEXT_LEN));
	}
}

int pn_decode_node_json(const struct pn_decoding *decoding, const json_t *tree,
			struct pn_object **ret, struct pn_err *reterr)
{
	struct pn_json_reader rd = { .err = reterr };
	struct pn_addr_list addrs = { 0 };
	struct pn_meta meta;
	struct pn_node *node;
	size_t addrs_size;

	(void)decoding;
	pn_json_meta(&rd, tree, &meta);
	read_addresses(&rd, tree, &addrs);
	if (rd.error)
		return rd.error;
	addrs_size = addrs.n * sizeof(addrs.addrs[0]);
	node = (struct pn_node *)pn_object_new(PN_KIND_NODE, sizeof(*node) + addrs_size, &meta);
	if (!node)
		return -ENOMEM;
	node->meta.n_refused = (uint16_t)addrs.n_refused;
	node->n_addrs = addrs.n;
	node->addrs = memcpy(node + 1, addrs.addrs, addrs_size);
	*ret = &node->meta;
	return 0;
}
