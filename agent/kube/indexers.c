/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ready-made index functions: where an object is found besides its key.
 */
#include "kube/informer.h"

static void emit_addrs(const struct pn_addr *addrs, uint32_t n,
		       void (*emit)(void *ctx, const char *value), void *ctx)
{
	char text[PN_ADDR_STRLEN];

	for (uint32_t i = 0; i < n; i++)
		emit(ctx, pn_addr_format(&addrs[i], text));
}

void pn_index_by_namespace(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
			   void *ctx)
{
	if (obj->name_space[0])
		emit(ctx, obj->name_space);
}

void pn_index_by_ip(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
		    void *ctx)
{
	if (obj->kind == PN_KIND_POD)
		emit_addrs(pn_object_pod(obj)->addrs, pn_object_pod(obj)->n_addrs, emit, ctx);
	else if (obj->kind == PN_KIND_SERVICE)
		emit_addrs(pn_object_service(obj)->addrs, pn_object_service(obj)->n_addrs, emit,
			   ctx);
	else if (obj->kind == PN_KIND_NODE)
		emit_addrs(pn_object_node(obj)->addrs, pn_object_node(obj)->n_addrs, emit, ctx);
}

void pn_index_by_node(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
		      void *ctx)
{
	if (obj->kind == PN_KIND_POD && pn_object_pod(obj)->node_name[0])
		emit(ctx, pn_object_pod(obj)->node_name);
}

void pn_index_by_owner(const struct pn_object *obj, void (*emit)(void *ctx, const char *value),
		       void *ctx)
{
	if (obj->controller.uid[0])
		emit(ctx, obj->controller.uid);
}
