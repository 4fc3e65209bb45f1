/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PODONYM_LOOKUP_BPF_H
#define PODONYM_LOOKUP_BPF_H

/*
 * Names for your eBPF program: look-ups in podonym's pinned maps, one line each. maps.h says what is
 * in the maps; this is how to get at it. Needs clang 14, libbpf 1.0 and Linux 5.10 or newer, and no
 * other file of podonym's. Include it in one source file of an object, after vmlinux.h if you use that.
 *
 * A program that counts packets by who sent them, count.bpf.c:
 *
 *	#include <linux/bpf.h>
 *	#include <linux/pkt_cls.h>
 *	#include <bpf/bpf_endian.h>
 *	#include <bpf/bpf_helpers.h>
 *	#include <podonym/lookup.bpf.h>
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_LRU_HASH);
 *		__uint(max_entries, 10240);
 *		__type(key, __u32);
 *		__type(value, __u64);
 *	} packets SEC(".maps");
 *
 *	SEC("tc")
 *	int count(struct __sk_buff *skb)
 *	{
 *		const struct pn_ip_value *ip;
 *		__u64 one = 1, *n;
 *		__u32 owner;
 *		__be32 source;
 *
 *		if (skb->protocol != bpf_htons(0x0800) || bpf_skb_load_bytes(skb, 26, &source, 4))
 *			return TC_ACT_UNSPEC;
 *		ip = pn_lookup_addr4(source);
 *		owner = ip ? ip->owner : 0;
 *		n = bpf_map_lookup_elem(&packets, &owner);
 *		if (n)
 *			__sync_fetch_and_add(n, 1);
 *		else
 *			bpf_map_update_elem(&packets, &owner, &one, BPF_NOEXIST);
 *		return TC_ACT_UNSPEC;
 *	}
 *
 *	char LICENSE[] SEC("license") = "Dual BSD/GPL";
 *
 * and its loader. Between open and load, pn_maps_use() of lookup.h puts the pinned maps in the place
 * of those declared here, after it has compared version and layout:
 *
 *	#include <podonym/lookup.h>
 *	#include "count.skel.h"
 *
 *	int main(void)
 *	{
 *		struct count_bpf *skel = count_bpf__open();
 *		char why[PN_WHY_LEN] = "cannot be opened";
 *
 *		if (!skel || pn_maps_use(skel->obj, PN_MAPS_DIR, why) < 0) {
 *			fprintf(stderr, "count: %s\n", why);
 *			return 1;
 *		}
 *		if (count_bpf__load(skel) < 0)
 *			return 1;
 *		return attach_and_print(skel);
 *	}
 *
 * To print a name, look the owner id up in the map `owner` from user space, by
 * bpf_map__fd(skel->maps.pn_owner), into a struct pn_owner_value. tests/bpf/drop_counter.c in
 * podonym's sources is a whole program of this kind.
 *
 * With another loader than libbpf: open PN_MAPS_DIR "/ip" and so on, and hand the descriptors over for
 * the maps pn_ip, pn_service, pn_hostport, pn_cidr, pn_cgroup, pn_owner and pn_meta. Do not let it pin
 * maps below PN_MAPS_DIR by itself: where podonym's are missing, yours would be in its way.
 *
 * A program that is loaded without this still runs: its maps are its own and empty, every look-up
 * finds nothing, and pn_maps_ok() is false.
 *
 * A look-up is one probe of a hash map, pn_lookup_end() at most four. Pointers returned are into the
 * map: the entry may change or go while you read it, and what you read twice may differ; for a
 * consistent view copy it first. Owner ids are for storing: an id is never given to another owner, and
 * names of who had an address can be looked up for five minutes after it was released.
 *
 * The maps survive the agent, and its restarts and upgrades, and a new agent writes over what is there:
 * look-ups find what they found before, all the time. `meta` tells whether an agent runs (agent_pid)
 * and how fresh the maps are (written_ns).
 */

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#endif
#include <bpf/bpf_helpers.h>

#include <podonym/maps.h>

/* Placeholders, for the verifier and for pn_maps_use(); the pinned maps' sizes are their own. */
#define PN_PINNED_MAP(name, map_type, flags, key_type, value_type) \
	struct {                                                   \
		__uint(type, map_type);                            \
		__uint(map_flags, (flags) | BPF_F_RDONLY_PROG);    \
		__uint(max_entries, 1);                            \
		__type(key, key_type);                             \
		__type(value, value_type);                         \
	} name SEC(".maps")

PN_PINNED_MAP(pn_meta, BPF_MAP_TYPE_ARRAY, 0, __u32, struct pn_meta_value);
PN_PINNED_MAP(pn_ip, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct pn_ip_key, struct pn_ip_value);
PN_PINNED_MAP(pn_service, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct pn_port_key,
	      struct pn_port_value);
PN_PINNED_MAP(pn_hostport, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct pn_port_key,
	      struct pn_port_value);
PN_PINNED_MAP(pn_cidr, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, struct pn_cidr_key,
	      struct pn_cidr_value);
PN_PINNED_MAP(pn_cgroup, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, __u64, struct pn_cgroup_value);
PN_PINNED_MAP(pn_owner, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, __u32, struct pn_owner_value);

/** enum pn_lookup_by - what pn_lookup_end() found an owner by, as in podonym's records */
enum pn_lookup_by {
	PN_BY_NONE,
	PN_BY_IP,      /* the address is a pod's own */
	PN_BY_PORT,    /* a node's address and a pod's port there */
	PN_BY_SERVICE, /* a Service's address, or a node's and a Service's node port */
	PN_BY_NODE,    /* a node's address, and no port that anyone is known to have */
	PN_BY_CIDR,    /* nobody's address, in a network that is known */
};

/** pn_maps_ok() - are these podonym's maps, of the layout that this header knows? Return: 1 or 0 */
static __always_inline int pn_maps_ok(void)
{
	__u32 zero = 0;
	const struct pn_meta_value *meta = bpf_map_lookup_elem(&pn_meta, &zero);

	return meta && meta->abi_version == PN_MAPS_VERSION;
}

/**
 * pn_lookup_addr() - who has an address now
 * @addr: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d; any memory that you may read
 *
 * Return: NULL if nobody had it in the last five minutes; its `owner` is 0 if nobody has it any more
 */
static __always_inline const struct pn_ip_value *pn_lookup_addr(const __u8 addr[16])
{
	struct pn_ip_key key;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&pn_ip, &key);
}

/** pn_addr_from_v4() - the 16 bytes that stand for an IPv4 address, in network order */
static __always_inline void pn_addr_from_v4(__be32 addr, __u8 ret[16])
{
	__builtin_memset(ret, 0, 10);
	ret[10] = ret[11] = 0xff;
	__builtin_memcpy(ret + 12, &addr, sizeof(addr));
}

/** pn_lookup_addr4() - the same for IPv4. @addr: in network order, as in the packet */
static __always_inline const struct pn_ip_value *pn_lookup_addr4(__be32 addr)
{
	__u8 key[16];

	pn_addr_from_v4(addr, key);
	return pn_lookup_addr(key);
}

/**
 * pn_ip_owner_at() - who had an address when something happened
 * @ip:	     what pn_lookup_addr() found, not NULL
 * @when_ns: of bpf_ktime_get_ns()
 *
 * Return: an owner id; 0 if it is not known, or if two owners are possible
 */
static __always_inline __u32 pn_ip_owner_at(const struct pn_ip_value *ip, __u64 when_ns)
{
	__u32 owner = when_ns >= ip->since_ns ? ip->owner : 0;
	__u32 before = when_ns < ip->prev_until_ns ? ip->prev_owner : 0;

	if (owner && before)
		return 0;
	return owner ? owner : before;
}

/** pn_lookup_cgroup() - whose sockets are in a cgroup. @id: of bpf_skb_cgroup_id() and its like. Return: an owner id, 0 if not known */
static __always_inline __u32 pn_lookup_cgroup(__u64 id)
{
	const struct pn_cgroup_value *v = bpf_map_lookup_elem(&pn_cgroup, &id);

	return v ? v->owner : 0;
}

/**
 * pn_lookup_skb_cgroup() - whose socket sent or gets a packet, for programs at tc and at cgroups
 *
 * Exact, also for pods in the node's network. Only where the packet has a socket: on its way out of
 * this node's stack, or past the hooks where it is handed to one. Return: an owner id, 0 if not known
 */
static __always_inline __u32 pn_lookup_skb_cgroup(struct __sk_buff *skb)
{
	return pn_lookup_cgroup(bpf_skb_cgroup_id(skb));
}

static __always_inline void pn_port_key_init(struct pn_port_key *key, const __u8 addr[16],
					     __u8 proto, __be16 port)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->addr, addr, sizeof(key->addr));
	key->port = port;
	key->proto = proto;
}

/** pn_lookup_hostport() - the pod that has a port of a node's address. @port: in network order. Return: an owner id, 0 if none */
static __always_inline __u32 pn_lookup_hostport(const __u8 addr[16], __u8 proto, __be16 port)
{
	const struct pn_port_value *v;
	struct pn_port_key key;

	pn_port_key_init(&key, addr, proto, port);
	v = bpf_map_lookup_elem(&pn_hostport, &key);
	return v ? v->owner : 0;
}

/** pn_lookup_service() - the Service that has an address and port. @port: in network order. Return: an owner id, 0 if none */
static __always_inline __u32 pn_lookup_service(const __u8 addr[16], __u8 proto, __be16 port)
{
	const struct pn_port_value *v;
	struct pn_port_key key;

	pn_port_key_init(&key, addr, proto, port);
	v = bpf_map_lookup_elem(&pn_service, &key);
	return v ? v->owner : 0;
}

/** pn_lookup_nodeport() - the Service that has a port of every node. @port: in network order. Return: an owner id, 0 if none */
static __always_inline __u32 pn_lookup_nodeport(__u8 proto, __be16 port)
{
	__u8 any[16] = {};

	return pn_lookup_service(any, proto, port);
}

/** pn_lookup_cidr() - the smallest known network that has an address. Return: the owner id of a Node or a named range, 0 if none */
static __always_inline __u32 pn_lookup_cidr(const __u8 addr[16])
{
	struct pn_cidr_key key = { .prefix_len = 128 };
	const struct pn_cidr_value *v;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	v = bpf_map_lookup_elem(&pn_cidr, &key);
	return v ? v->owner : 0;
}

/**
 * pn_lookup_end() - who is behind one end of a connection, now
 * @addr:   as for pn_lookup_addr()
 * @proto:  IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP
 * @port:   of this end, in network order; 0 if there is none
 * @ret_by: set to what the answer rests on; may be NULL
 *
 * The order of podonym's own records: the address's owner; on a node's address the pod with that port,
 * then the Service with that node port, then the Node; at last the network. Where the packet's socket
 * is at hand, ask pn_lookup_skb_cgroup() first: that is exact.
 *
 * Return: an owner id, 0 if nothing is known
 */
static __always_inline __u32 pn_lookup_end(const __u8 addr[16], __u8 proto, __be16 port,
					   enum pn_lookup_by *ret_by)
{
	const struct pn_ip_value *ip = pn_lookup_addr(addr);
	enum pn_lookup_by by = PN_BY_IP;
	__u32 owner = ip ? ip->owner : 0, flags = ip ? ip->flags : 0, at_port = 0;

	if (!owner) {
		owner = pn_lookup_cidr(addr);
		by = owner ? PN_BY_CIDR : PN_BY_NONE;
	} else if (flags & (PN_IP_HOST | PN_IP_SERVICE)) {
		by = flags & PN_IP_HOST ? PN_BY_NODE : PN_BY_SERVICE;
		if (flags & PN_IP_HOST)
			at_port = pn_lookup_hostport(addr, proto, port);
		if (at_port) {
			by = PN_BY_PORT;
		} else {
			at_port = pn_lookup_service(addr, proto, port);
			if (!at_port && (flags & PN_IP_HOST))
				at_port = pn_lookup_nodeport(proto, port);
			by = at_port ? PN_BY_SERVICE : by;
		}
		owner = at_port ? at_port : owner;
	}
	if (ret_by)
		*ret_by = by;
	return owner;
}

/** pn_lookup_owner() - kind, namespace, name, workload, node and flags of an owner. Return: NULL if it is long gone */
static __always_inline const struct pn_owner_value *pn_lookup_owner(__u32 id)
{
	return bpf_map_lookup_elem(&pn_owner, &id);
}

#endif
