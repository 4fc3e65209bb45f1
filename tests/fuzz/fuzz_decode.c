/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the decoders: the first byte chooses the kind, the rest is JSON. What is kept stays within
 * its limits, and nothing of a refused object stays behind.
 */
#include <assert.h>
#include <string.h>

#include "base/intern.h"
#include "kube/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, size_t longest)
{
	assert(strlen(name) <= longest);
	for (const char *c = name; *c; c++)
		assert(*c > ' ' && *c <= '~' && *c != '/');
}

static void check_pod(const struct pn_pod *pod)
{
	assert(pod->n_addrs <= PN_MAX_ADDRS && pod->n_host_ports <= PN_MAX_PORTS);
	check_name(pod->node_name, 253);
	for (uint32_t i = 0; i < pod->n_addrs; i++)
		for (uint32_t k = 0; k < i; k++)
			assert(!pn_addr_eq(&pod->addrs[i], &pod->addrs[k]));
	for (uint32_t i = 0; i < pod->n_host_ports; i++)
		assert(pod->host_ports[i].host_port && pod->host_ports[i].proto);
}

static void check_service(const struct pn_service *svc)
{
	assert(svc->n_addrs <= PN_MAX_ADDRS && svc->n_ports <= PN_MAX_PORTS);
	for (uint32_t i = 0; i < svc->n_ports; i++) {
		check_name(svc->ports[i].name, 63);
		assert(svc->ports[i].port && svc->ports[i].proto);
	}
}

static void check_object(const struct pn_object *obj)
{
	char key[PN_KEY_LEN];

	check_name(obj->name_space, 63);
	check_name(obj->name, 253);
	check_name(obj->uid, 39);
	check_name(obj->controller.kind, 63);
	check_name(obj->controller.name, 253);
	check_name(obj->controller.uid, 39);
	assert(obj->name[0] && strlen(pn_object_key(obj, key)) < PN_KEY_LEN);
	if (obj->kind == PN_KIND_POD)
		check_pod(pn_object_pod(obj));
	else if (obj->kind == PN_KIND_SERVICE)
		check_service(pn_object_service(obj));
	else if (obj->kind == PN_KIND_NODE)
		assert(pn_object_node(obj)->n_addrs <= PN_MAX_ADDRS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_object *obj = NULL;
	struct pn_err err = { "" };
	json_t *tree;
	int r;

	if (size < 1)
		return 0;
	tree = json_loadb((const char *)data + 1, size - 1, JSON_ALLOW_NUL, NULL);
	if (!tree)
		return 0;
	r = pn_kind_get((enum pn_kind_id)(data[0] % PN_KIND_MAX))->decode_json(tree, &obj, &err);
	json_decref(tree);
	assert((r == 0) == (obj != NULL) && (r == 0) == (err.text[0] == '\0'));
	if (r == 0)
		check_object(obj);
	pn_object_unref(obj);
	assert(pn_intern_count() == 0);
	return 0;
}
