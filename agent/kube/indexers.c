/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ready-made indexes: where an object is found besides its key.
 */
#include <podonym/informer.h>

static void add_addrs(const struct pn_addr *addrs, uint32_t n, struct pn_values *values)
{
	for (uint32_t i = 0; i < n; i++)
		pn_values_add_addr(values, &addrs[i]);
}

static void add_endpoints(const struct pn_endpointslice *s, struct pn_values *values)
{
	for (uint32_t i = 0; i < s->n_endpoints; i++)
		add_addrs(s->endpoints[i].addrs, s->endpoints[i].n_addrs, values);
}

static void by_ip(const void *fn_data, const struct pn_object *obj, struct pn_values *values)
{
	const struct pn_endpointslice *slice = pn_object_endpointslice(obj);
	const struct pn_service *service = pn_object_service(obj);
	const struct pn_node *node = pn_object_node(obj);
	const struct pn_pod *pod = pn_object_pod(obj);

	(void)fn_data;
	if (pod)
		add_addrs(pod->addrs, pod->n_addrs, values);
	else if (service)
		add_addrs(service->addrs, service->n_addrs, values);
	else if (node)
		add_addrs(node->addrs, node->n_addrs, values);
	else if (slice)
		add_endpoints(slice, values);
}

static void by_namespace(const void *fn_data, const struct pn_object *obj, struct pn_values *values)
{
	(void)fn_data;
	if (obj->name_space[0])
		pn_values_add(values, obj->name_space);
}

static void by_node(const void *fn_data, const struct pn_object *obj, struct pn_values *values)
{
	const struct pn_pod *pod = pn_object_pod(obj);

	(void)fn_data;
	if (pod && pod->node_name[0])
		pn_values_add(values, pod->node_name);
}

static void by_controller(const void *fn_data, const struct pn_object *obj,
			  struct pn_values *values)
{
	(void)fn_data;
	if (obj->controller->uid[0])
		pn_values_add(values, obj->controller->uid);
}

const struct pn_indexer pn_indexer_ip = { .name = "ip", .of_addrs = true, .fn = by_ip };
const struct pn_indexer pn_indexer_namespace = { .name = "namespace", .fn = by_namespace };
const struct pn_indexer pn_indexer_node = { .name = "node", .fn = by_node };
const struct pn_indexer pn_indexer_controller = { .name = "controller", .fn = by_controller };
