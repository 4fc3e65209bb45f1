/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym get --by-ip: who has an address. The collections are read as the agent reads them, so what
 * is found is what the agent would find; then each object is asked for by its name and shown as ever.
 */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "cmd/get/get.h"
#include "kube/wire.h"

enum { IDLE_MS = 60 * 1000 };

struct scan {
	struct pn_get *get;
	const struct pn_api_resource *res;
	struct pn_wire_config config;
	struct pn_addr address;
	struct pn_wire *wire; /* NULL until a page's headers are there */
};

static bool has(const struct pn_addr *addrs, size_t n, const struct pn_addr *address)
{
	for (size_t i = 0; i < n; i++)
		if (pn_addr_eq(&addrs[i], address))
			return true;
	return false;
}

static bool has_address(const struct pn_object *obj, const struct pn_addr *address)
{
	const struct pn_pod *pod = pn_object_pod(obj);
	const struct pn_service *service = pn_object_service(obj);
	const struct pn_node *node = pn_object_node(obj);

	if (pod)
		return has(pod->addrs, pod->n_addrs, address);
	if (service)
		return has(service->addrs, service->n_addrs, address);
	return node && has(node->addrs, node->n_addrs, address);
}

static int on_item(void *data, const struct pn_object *obj)
{
	struct scan *s = data;

	return has_address(obj, &s->address)
		       ? pn_get_add_target(s->get, s->res, obj->name_space, obj->name)
		       : 0;
}

static void on_refused(void *data, const struct pn_err *why)
{
	struct scan *s = data;

	pn_get_complain(s->get, "%s: left out: %s", s->res->plural, why->text);
}

static const struct pn_wire_ops wire_ops = { .item = on_item, .refused = on_refused };

static int on_open(void *data, const char *content_type)
{
	struct scan *s = data;

	return pn_wire_open(&s->config, PN_WIRE_LIST, content_type, &wire_ops, s, &s->wire,
			    &s->get->err);
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct scan *s = data;

	return pn_wire_feed(s->wire, bytes, len, &s->get->err);
}

static const struct pn_fetch_ops fetch_ops = { .open = on_open, .data = on_data };

/* The answer is whole: where the next page begins. */
static int end_page(struct scan *s, struct pn_buf *token)
{
	int r = pn_wire_end(s->wire, &s->get->err);

	pn_buf_reset(token);
	return r < 0 ? r : pn_buf_printf(token, "%s", pn_wire_continue(s->wire));
}

static int scan_page(struct scan *s, const struct pn_get_target *t, const char *path,
		     struct pn_buf *token)
{
	struct pn_get *g = s->get;
	struct pn_status st;
	int r;

	r = pn_fetch_get(g->fetch, path, pn_wire_accept(&s->config, PN_WIRE_LIST), IDLE_MS,
			 &fetch_ops, s, &st, &g->err);
	if (r == 0)
		r = end_page(s, token);
	pn_wire_close(PN_TAKE_PTR(s->wire));
	if (r != PN_FETCH_REFUSED)
		return r;
	(void)pn_get_refused(g, t, "list", &st);
	return -EIO;
}

static int scan(struct scan *s, const struct pn_get_target *t)
{
	struct pn_buf path = PN_BUF_INIT(PN_GET_MAX_PATH);
	struct pn_buf token = PN_BUF_INIT(PN_CONTINUE_LEN);
	int r;

	do {
		r = pn_get_path(s->get, t, false, &path);
		if (r == 0)
			r = pn_get_query(&path, "limit", "500");
		if (r == 0)
			r = pn_get_query(&path, "continue", token.data ? token.data : "");
		if (r == 0)
			r = scan_page(s, t, path.data, &token);
	} while (r == 0 && token.len);
	pn_buf_done(&token);
	pn_buf_done(&path);
	return r;
}

static const struct pn_kind *kind_of(const struct pn_api_resource *res)
{
	const struct pn_kind *k = *res->group ? NULL : pn_kind_find(res->plural);

	if (k && (k->id == PN_KIND_POD || k->id == PN_KIND_SERVICE || k->id == PN_KIND_NODE))
		return k;
	return NULL;
}

/* The targets found take the place of the collections they are in. */
int pn_get_by_ip(struct pn_get *g, const char *address)
{
	struct pn_get_target *collections = g->targets;
	size_t n = g->n_targets, n_found;
	int r = 0;

	g->targets = NULL;
	g->n_targets = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct scan s = {
			.get = g,
			.res = collections[i].res,
			.config = { .kind = kind_of(collections[i].res), .protobuf = true },
		};

		(void)pn_addr_parse(address, &s.address); /* the options were checked */
		r = s.config.kind
			    ? scan(&s, &collections[i])
			    : pn_err_set(&g->err, -EINVAL,
					 "--by-ip: pods, services and nodes have addresses, not %s",
					 s.res->plural);
	}
	n_found = g->n_targets;
	for (size_t i = 0; i < n; i++) {
		free(collections[i].name_space);
		free(collections[i].name);
	}
	free(collections);
	if (r == 0 && !n_found)
		return pn_err_set(&g->err, -ENOENT, "nothing with the address %s found", address);
	return r;
}
