/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pinned maps, read: for `podonym whois` and `podonym doctor`, which ask the maps and not the
 * agent.
 *
 * Any program with the right to write may have written a pinned map, so nothing in it is believed:
 * layout and version are compared before the first look-up, and text is made to end.
 */
#include "datapath/pinned_maps_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/cidr.h"

struct pn_maps_reader {
	int fds[PN_MAP_MAX];
};

void pn_maps_reader_close(struct pn_maps_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < PN_MAP_MAX; i++)
		pn_closep(&r->fds[i]);
	free(r);
}

static void reader_closep(struct pn_maps_reader **r)
{
	pn_maps_reader_close(*r);
}

static int open_meta(struct pn_maps_reader *r, const char *dir, struct pn_err *reterr)
{
	struct pn_meta_value meta;
	int ret = pn_map_open(dir, PN_MAP_META, true, &r->fds[PN_MAP_META], reterr);

	if (ret == -ENOENT)
		return pn_err_set(reterr, ret,
				  "no maps are pinned in %s: is the agent running on this node?",
				  dir);
	if (ret < 0)
		return ret;
	ret = pn_map_read_meta(r->fds[PN_MAP_META], &meta);
	if (ret < 0)
		return pn_err_set(reterr, ret, "reading %s/meta: %s", dir, strerror(-ret));
	return pn_map_check_version(dir, meta.abi_version, true, reterr);
}

int pn_maps_reader_open(const char *dir, struct pn_maps_reader **ret, struct pn_err *reterr)
{
	PN_CLEANUP(reader_closep) struct pn_maps_reader *r = NULL;
	int err;

	r = malloc(sizeof(*r));
	if (!r)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	for (int i = 0; i < PN_MAP_MAX; i++)
		r->fds[i] = -1;
	err = open_meta(r, dir, reterr);
	for (int i = PN_MAP_META + 1; err == 0 && i < PN_MAP_MAX; i++)
		err = pn_map_open(dir, (enum pn_map_id)i, true, &r->fds[i], reterr);
	if (err < 0)
		return err;
	*ret = PN_TAKE_PTR(r);
	return 0;
}

int pn_maps_reader_ip(const struct pn_maps_reader *r, const struct pn_addr *addr,
		      struct pn_ip_value *ret)
{
	struct pn_ip_key key;

	memcpy(key.addr, addr->b, sizeof(key.addr));
	return pn_map_find(r->fds[PN_MAP_IP], &key, ret);
}

static int read_port(const struct pn_maps_reader *r, enum pn_map_id id, const struct pn_addr *addr,
		     uint8_t proto, uint16_t port, uint32_t *ret_owner)
{
	struct pn_port_key key = { .port = htons(port), .proto = proto };
	struct pn_port_value value;
	int err;

	memcpy(key.addr, addr->b, sizeof(key.addr));
	err = pn_map_find(r->fds[id], &key, &value);
	if (err == 0)
		*ret_owner = value.owner;
	return err;
}

int pn_maps_reader_service(const struct pn_maps_reader *r, const struct pn_addr *addr,
			   uint8_t proto, uint16_t port, uint32_t *ret_owner)
{
	return read_port(r, PN_MAP_SERVICE, addr, proto, port, ret_owner);
}

int pn_maps_reader_hostport(const struct pn_maps_reader *r, const struct pn_addr *addr,
			    uint8_t proto, uint16_t port, uint32_t *ret_owner)
{
	return read_port(r, PN_MAP_HOSTPORT, addr, proto, port, ret_owner);
}

int pn_maps_reader_cgroup(const struct pn_maps_reader *r, uint64_t id, uint32_t *ret_owner)
{
	struct pn_cgroup_value value;
	int err = pn_map_find(r->fds[PN_MAP_CGROUP], &id, &value);

	if (err == 0)
		*ret_owner = value.owner;
	return err;
}

/* struct network - the smallest one seen that has @addr */
struct network {
	struct pn_addr addr;
	struct pn_cidr cidr;
	uint32_t owner;
	bool found;
};

static int visit_network(void *data, const void *key, const void *value)
{
	struct network *n = data;
	struct pn_cidr_value v;
	struct pn_cidr_key k;
	struct pn_cidr cidr;

	memcpy(&k, key, sizeof(k));
	memcpy(&v, value, sizeof(v));
	if (k.prefix_len > 128 || (n->found && k.prefix_len < n->cidr.prefix_len))
		return 0;
	cidr.prefix_len = (uint8_t)k.prefix_len;
	memcpy(cidr.addr.b, k.addr, sizeof(cidr.addr.b));
	if (!pn_cidr_has(&cidr, &n->addr))
		return 0;
	n->cidr = cidr;
	n->owner = v.owner;
	n->found = true;
	return 0;
}

/* The trie says quickly that there is none, but not which one it is, nor that ::/0 has no IPv4. */
int pn_maps_reader_cidr(const struct pn_maps_reader *r, const struct pn_addr *addr,
			struct pn_cidr *ret, uint32_t *ret_owner)
{
	struct pn_cidr_key key = { .prefix_len = 128 };
	struct network n = { .addr = *addr };
	struct pn_cidr_value value;
	int err;

	memcpy(key.addr, addr->b, sizeof(key.addr));
	err = pn_map_find(r->fds[PN_MAP_CIDR], &key, &value);
	if (err == 0)
		err = pn_map_each(r->fds[PN_MAP_CIDR], PN_MAP_CIDR, visit_network, &n);
	if (err < 0)
		return err;
	if (!n.found)
		return -ENOENT;
	*ret = n.cidr;
	*ret_owner = n.owner;
	return 0;
}

int pn_maps_reader_owner(const struct pn_maps_reader *r, uint32_t id, struct pn_owner_value *ret)
{
	struct pn_owner_value v;
	int err = pn_map_find(r->fds[PN_MAP_OWNER], &id, &v);

	if (err < 0)
		return err;
	v.uid[sizeof(v.uid) - 1] = '\0';
	v.name_space[sizeof(v.name_space) - 1] = '\0';
	v.name[sizeof(v.name) - 1] = '\0';
	v.workload_kind[sizeof(v.workload_kind) - 1] = '\0';
	v.workload_name[sizeof(v.workload_name) - 1] = '\0';
	v.node[sizeof(v.node) - 1] = '\0';
	*ret = v;
	return 0;
}

int pn_maps_reader_meta(const struct pn_maps_reader *r, struct pn_meta_value *ret)
{
	return pn_map_read_meta(r->fds[PN_MAP_META], ret);
}

struct ip_visit {
	void (*visit)(void *data, const struct pn_addr *addr, const struct pn_ip_value *value);
	void *data;
};

static int visit_ip(void *data, const void *key, const void *value)
{
	const struct ip_visit *v = data;
	struct pn_ip_value ip;
	struct pn_addr addr;

	memcpy(addr.b, key, sizeof(addr.b));
	memcpy(&ip, value, sizeof(ip));
	v->visit(v->data, &addr, &ip);
	return 0;
}

int pn_maps_reader_each_ip(const struct pn_maps_reader *r,
			   void (*visit)(void *data, const struct pn_addr *addr,
					 const struct pn_ip_value *value),
			   void *data)
{
	struct ip_visit v = { visit, data };

	return pn_map_each(r->fds[PN_MAP_IP], PN_MAP_IP, visit_ip, &v);
}
