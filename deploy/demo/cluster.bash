# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A node with pods, made of network namespaces, for the demo and the test suites to source.
#
#   <prefix>-node                       <prefix>-web
#     veth-web 169.254.1.1, fe80::1 ------ eth0 10.77.0.2, fd00:77::2
#     route to 10.77.0.2 by veth-web       default route by 169.254.1.1 and fe80::1
#
# The node is a namespace too, so nothing touches the machine's own network. Pods are routed, as
# by many network plugins; neighbours are written down, so that every packet seen is a packet that
# somebody sent on purpose. Services are translated by nftables in the node's namespace.
#
# A caller sets cluster to a prefix of its own before sourcing this, and calls cluster_down when it
# ends, whatever happened.

: "${cluster:?must be set: a prefix for the names of the namespaces}"

node_mac=02:00:00:00:00:01
pod_mac=02:00:00:00:00:02

# Programs run in the node or a pod, with the machine's file system: unlike `ip netns exec` this
# leaves /sys and the BPF file systems below it alone. In the background, `cluster_exec=exec in_node
# COMMAND &` makes $! the pid of the command instead of a shell's.
in_node() { # COMMAND...
	${cluster_exec-} nsenter --net="/run/netns/$cluster-node" "$@"
}

in_pod() { # POD COMMAND...
	${cluster_exec-} nsenter --net="/run/netns/$cluster-$1" "${@:2}"
}

cluster_up() { # NODE-V4 NODE-V6
	node_v4=$1 node_v6=$2
	ip netns add "$cluster-node"
	ip -n "$cluster-node" link set lo up
	ip -n "$cluster-node" addr add "$1/32" dev lo
	ip -n "$cluster-node" addr add "$2/128" dev lo nodad
	in_node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	in_node nft -f - <<-'RULES'
		table inet services {
			chain prerouting { type nat hook prerouting priority dstnat; }
			chain output { type nat hook output priority -100; }
		}
	RULES
	no_multicast_reports "$cluster-node"
}

# The kernel reports each IPv6 address to multicast routers; nobody asked for those packets.
no_multicast_reports() { # NETNS
	nsenter --net="/run/netns/$1" nft -f - <<-'RULES'
		table ip6 quiet {
			chain output {
				type filter hook output priority 0
				ip6 daddr ff02::16 drop
			}
		}
	RULES
}

pod_up() { # POD V4 V6
	local netns=$cluster-$1 veth=veth-$1

	ip netns add "$netns"
	no_multicast_reports "$netns"
	ip -n "$cluster-node" link add "$veth" address $node_mac \
		type veth peer name eth0 address $pod_mac netns "$netns"

	ip -n "$netns" link set lo up
	ip -n "$netns" link set eth0 addrgenmode none up
	ip -n "$netns" addr add "$2/32" dev eth0
	ip -n "$netns" addr add "$3/128" dev eth0 nodad
	ip -n "$netns" neigh add 169.254.1.1 lladdr $node_mac dev eth0
	ip -n "$netns" neigh add fe80::1 lladdr $node_mac dev eth0
	ip -n "$netns" route add 169.254.1.1 dev eth0
	ip -n "$netns" route add default via 169.254.1.1 dev eth0 src "$2"
	ip -n "$netns" route add default via fe80::1 dev eth0 src "$3"

	ip -n "$cluster-node" link set "$veth" addrgenmode none up
	ip -n "$cluster-node" addr add 169.254.1.1/32 dev "$veth"
	ip -n "$cluster-node" addr add fe80::1/64 dev "$veth" nodad
	ip -n "$cluster-node" neigh add "$2" lladdr $pod_mac dev "$veth"
	ip -n "$cluster-node" neigh add "$3" lladdr $pod_mac dev "$veth"
	ip -n "$cluster-node" route add "$2" dev "$veth" src "$node_v4"
	ip -n "$cluster-node" route add "$3" dev "$veth" src "$node_v6"
}

service_up() { # PROTOCOL PORT SERVICE-V4 POD-V4 SERVICE-V6 POD-V6
	local chain
	for chain in prerouting output; do
		in_node nft add rule inet services $chain ip daddr "$3" "$1" dport "$2" dnat ip to "$4"
		in_node nft add rule inet services $chain ip6 daddr "$5" "$1" dport "$2" dnat ip6 to "$6"
	done
}

# Ends the processes inside first, as a namespace lives as long as they do; again if some were just
# being forked.
netns_down() { # NAME
	local pids
	[[ -e /run/netns/$1 ]] || return 0
	while pids=$(ip netns pids "$1") && [[ $pids ]]; do
		# shellcheck disable=SC2086 # a list of numbers
		kill -KILL $pids 2>/dev/null || true
	done
	ip netns del "$1"
}

pod_down() { # POD
	ip -n "$cluster-node" link del "veth-$1" 2>/dev/null || true
	netns_down "$cluster-$1"
}

# A BPF file system of our own: pins in it meet nobody else's, and end with it.
bpffs_up() { # DIRECTORY
	mkdir -p "$1"
	mount -t bpf none "$1"
}

bpffs_down() { # DIRECTORY
	! mountpoint -q "$1" || umount "$1" 2>/dev/null || umount -l "$1"
}

cluster_down() {
	local path
	for path in /run/netns/"$cluster"-*; do
		netns_down "${path##*/}"
	done
}
