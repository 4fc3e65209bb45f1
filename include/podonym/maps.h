/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef PODONYM_MAPS_H
#define PODONYM_MAPS_H

/*
 * The map ABI, version 1: what podonym knows about addresses, for any BPF program or process on
 * the node. The maps are pinned below PN_MAPS_DIR by their names here. Only podonym writes them.
 * lookup.bpf.h has the look-ups for BPF programs in one line each, lookup.h what their loader needs.
 *
 *   ip        hash   struct pn_ip_key   -> struct pn_ip_value      who owns an address
 *   service   hash   struct pn_port_key -> struct pn_port_value    which Service a port belongs to
 *   hostport  hash   struct pn_port_key -> struct pn_port_value    which pod has a port of a node
 *   cidr      trie   struct pn_cidr_key -> struct pn_cidr_value    what a network is
 *   cgroup    hash   __u64 cgroup id    -> struct pn_cgroup_value  whose sockets these are
 *   owner     hash   __u32 owner id     -> struct pn_owner_value   names of an owner
 *   meta      array  __u32 0            -> struct pn_meta_value    version, freshness, counts
 *
 * Compare meta.abi_version with PN_MAPS_VERSION before anything else. A changed layout gets a new
 * version and a new directory; fields called reserved are zero until then, and so are flags without
 * a name here.
 *
 * Times are CLOCK_MONOTONIC in ns (bpf_ktime_get_ns()). Addresses are 16 bytes in network order,
 * IPv4 as ::ffff:a.b.c.d. Text is NUL-terminated; its sizes are the limits of Kubernetes names
 * (63 for a label, 253 for a subdomain) plus the NUL.
 *
 * The hash maps and the trie are made with BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG, `meta` with the
 * latter: BPF programs can look up and not write. An entry changes in one piece. `meta` does not: each
 * of its fields is right, two of them may be a moment apart.
 *
 * An owner id is never given to another owner: not after deletes, nor across restarts of the agent
 * while the maps are pinned. 0 is no owner. An owner that a value names is in `owner` before the
 * value is written, and stays there at least as long.
 */

#ifndef __VMLINUX_H__ /* which has these types itself */
#include <linux/types.h>
#endif

#define PN_MAPS_VERSION 1
#define PN_MAPS_DIR "/sys/fs/bpf/podonym/v1"

#define PN_NAMESPACE_LEN 64
#define PN_NAME_LEN 256
#define PN_KIND_LEN 64
#define PN_UID_LEN 40

enum pn_owner_kind {
	PN_OWNER_NONE,
	PN_OWNER_POD,
	PN_OWNER_SERVICE,
	PN_OWNER_NODE,
	PN_OWNER_PROCESS, /* of the node itself, outside of pods: name is its unit or its command */
	PN_OWNER_RANGE,	  /* a network that has been given a name */
	PN_OWNER_KIND_MAX, /* sentinel */
};

enum pn_owner_flags {
	PN_OWNER_LOCAL = 1 << 0,	/* on this node, or this node */
	PN_OWNER_HOST_NETWORK = 1 << 1, /* a pod that uses its node's addresses */
	PN_OWNER_NO_ENDPOINTS = 1 << 2, /* a Service that nobody stands behind */
};

enum pn_ip_flags {
	PN_IP_LOCAL = 1 << 0,	    /* the owner runs on this node */
	PN_IP_HOST = 1 << 1,	    /* an address of a node */
	PN_IP_SERVICE = 1 << 2,	    /* a virtual address of a Service */
	PN_IP_TERMINATING = 1 << 3, /* the owning pod has been asked to stop */
};

struct pn_ip_key {
	__u8 addr[16];
};

struct pn_ip_value {
	__u32 owner;	     /* owner id; 0: released, only prev_owner tells */
	__u32 prev_owner;    /* who had the address before; 0: nobody in the last five minutes */
	__u64 since_ns;	     /* owner may have it from then on */
	__u64 prev_until_ns; /* prev_owner may have had it until then; both are possible in between */
	__u32 generation;    /* grows by one with each change of owner */
	__u32 flags;	     /* enum pn_ip_flags, of owner */
};

/*
 * In `service` the unspecified address (16 zero bytes) stands for every address of a node: the
 * node ports of Services. Look it up where `ip` says PN_IP_HOST.
 */
struct pn_port_key {
	__u8 addr[16];
	__be16 port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	__u8 reserved;
};

struct pn_port_value {
	__u32 owner; /* owner id */
	__u32 reserved;
};

/*
 * As the kernel's tries want it (struct bpf_lpm_trie_key). The longest prefix is found. For a trie IPv4, which is
 * ::ffff:0:0/96, lies in wider networks of IPv6 such as ::/0; the agent itself takes these for IPv6 alone.
 */
struct pn_cidr_key {
	__u32 prefix_len; /* of 128, also for IPv4: a /24 is 120 */
	__u8 addr[16];
};

struct pn_cidr_value {
	__u32 owner; /* the Node whose pods live there, or a named range */
	__u32 reserved;
};

/* The key is what bpf_skb_cgroup_id() and its like return. */
struct pn_cgroup_value {
	__u32 owner; /* the pod, for its own cgroup and each container's; or a process of the node */
	__u32 reserved;
};

struct pn_owner_value {
	__u32 kind;  /* enum pn_owner_kind */
	__u32 flags; /* enum pn_owner_flags */
	char uid[PN_UID_LEN];
	char name_space[PN_NAMESPACE_LEN]; /* empty for what is in none */
	char name[PN_NAME_LEN];
	char workload_kind[PN_KIND_LEN]; /* "Deployment", ...; empty if nothing controls the pod */
	char workload_name[PN_NAME_LEN];
	char node[PN_NAME_LEN]; /* where it runs; empty if not known, or if it runs nowhere */
};

struct pn_meta_value {
	__u32 abi_version; /* PN_MAPS_VERSION */
	__u32 synced;	   /* 1: every list has been read once since the agent started */
	__u64 written_ns;  /* last write of any map, or last look that nothing had to be written */
	__u32 n_ip, n_service, n_owner;
	__u32 next_owner; /* the next owner id to be given */
	__u32 agent_pid;  /* 0: the agent stopped */
	__u32 n_hostport, n_cidr, n_cgroup;
	char node[PN_NAME_LEN]; /* this node; empty if not known */
};

#ifdef __cplusplus
#define PN_STATIC_ASSERT static_assert
#else
#define PN_STATIC_ASSERT _Static_assert
#endif

PN_STATIC_ASSERT(sizeof(struct pn_ip_key) == 16, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_ip_value) == 32, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_port_key) == 20, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_port_value) == 8, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_cidr_key) == 20, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_cidr_value) == 8, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_cgroup_value) == 8, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_owner_value) == 944, "ABI");
PN_STATIC_ASSERT(sizeof(struct pn_meta_value) == 304, "ABI");

#endif
