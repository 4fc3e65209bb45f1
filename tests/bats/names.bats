#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# Names where an address alone does not tell: pods in the node's own network and plain processes,
# which are known by the cgroup of their sockets; pods of other nodes behind a declared port; networks
# with names. One node and one agent serve all tests of the file.

load helper

setup_file() {
	suite_begin
	cgroup_up
	cluster_up 10.79.0.1 fd00:79::1
	pod_up server 10.79.0.2 fd00:79::2
	pod_up client 10.79.0.3 fd00:79::3
	remote_node_up 10.79.1.1
	printf '%s\n' '198.51.100.0/24 partner' >"$dir/ranges"
	objects "$dir/objects.json" \
		"$(node bats-node 10.79.0.1 fd00:79::1 | zone zone-a region-1)" \
		"$(node far-node 10.79.1.1 | jq -c '.spec.podCIDR = "10.79.2.0/24"')" \
		"$(pod test server 10.79.0.2 fd00:79::2)" \
		"$(pod test client 10.79.0.3 fd00:79::3)" \
		"$(host_pod kube-system proxy-a 11111111-1111-4111-8111-111111111111 bats-node 10.79.0.1)" \
		"$(host_pod kube-system proxy-b 22222222-2222-4222-8222-222222222222 bats-node 10.79.0.1)" \
		"$(host_pod kube-system far-agent 33333333-3333-4333-8333-333333333333 far-node 10.79.1.1 9100)" \
		"$(static_pod kube-system etcd-bats-node 0123456789abcdef0123456789abcdef)"
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url" --name-wait 500ms --ranges "$dir/ranges"
	await 10 agent_in_sync
	await 10 status_is '.metrics.pn_links_traced >= 2'
	proxy_a=kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod11111111_1111_4111_8111_111111111111.slice/cri-containerd-aaaa.scope
	proxy_b=kubepods/burstable/pod22222222-2222-4222-8222-222222222222/bbbb
	etcd=kubepods/pod0123456789abcdef0123456789abcdef/cccc
	process=system.slice/ntp-like.service
	export proxy_a proxy_b etcd process
	suite_export
}

teardown_file() {
	cgroup_down
	suite_end
}

zone() { # ZONE REGION: of the node on standard input
	jq -c --arg zone "$1" --arg region "$2" '.metadata.labels = {"topology.kubernetes.io/zone": $zone,
		"topology.kubernetes.io/region": $region}'
}

host_pod() { # NAMESPACE NAME UID NODE ADDRESS [PORT]
	jq -nc '$ARGS.positional as $a | {apiVersion: "v1", kind: "Pod",
		metadata: {namespace: $a[0], name: $a[1], uid: $a[2]},
		spec: {nodeName: $a[3], hostNetwork: true, containers: [{name: "c",
			ports: [$a[5:][] | tonumber | {hostPort: ., containerPort: ., protocol: "TCP"}]}]},
		status: {phase: "Running", hostIP: $a[4], podIPs: [{ip: $a[4]}]}}' --args "$@"
}

static_pod() { # NAMESPACE NAME HASH: its mirror has a uid of its own
	host_pod "$1" "$2" 44444444-4444-4444-8444-444444444444 bats-node 10.79.0.1 |
		jq -c --arg hash "$3" '.metadata.annotations = {"kubernetes.io/config.hash": $hash}'
}

# Another machine, at the end of a wire; its side answers on every port that a test opens.
remote_node_up() { # V4
	ip netns add "$cluster-far"
	no_multicast_reports "$cluster-far"
	ip -n "$cluster-node" link add veth-far address "$node_mac" \
		type veth peer name eth0 address "$pod_mac" netns "$cluster-far"
	ip -n "$cluster-far" link set lo up
	ip -n "$cluster-far" link set eth0 addrgenmode none up
	ip -n "$cluster-far" addr add "$1/32" dev eth0
	ip -n "$cluster-far" addr add 198.51.100.9/32 dev eth0
	ip -n "$cluster-far" addr add 10.79.2.77/32 dev eth0
	ip -n "$cluster-far" addr add 203.0.113.9/32 dev eth0
	ip -n "$cluster-far" neigh add 169.254.1.1 lladdr "$node_mac" dev eth0
	ip -n "$cluster-far" route add 169.254.1.1 dev eth0
	ip -n "$cluster-far" route add default via 169.254.1.1 dev eth0 src "$1"
	ip -n "$cluster-node" link set veth-far addrgenmode none up
	for address in "$1" 198.51.100.9 10.79.2.77 203.0.113.9; do
		ip -n "$cluster-node" neigh add "$address" lladdr "$pod_mac" dev veth-far
		ip -n "$cluster-node" route add "$address" dev veth-far
	done
}

# A server that answers every line, in a cgroup and a namespace.
serve_as() { # CGROUP NETNS-RUNNER PORT
	start /dev/null /dev/null in_cgroup "$1" "${@:2:$#-2}" socat \
		"TCP6-LISTEN:${*: -1},reuseaddr,fork,ipv6-v6only=0" PIPE
	await 5 listens "${@:2}"
}

ask_as() { # CGROUP RUNNER... ADDRESS PORT
	[[ $(echo hello | in_cgroup "$1" "${@:2:$#-3}" socat -t 60 - "TCP:${*: -2:1}:${*: -1}") == hello ]]
}

# One record of a connection to PORT, both ends by name and how they were found.
ends_of() { # PORT
	flows "select(.destination.port == $1)" | jq -r 'def name: if .k8s.pod then .k8s.pod.name
			elif .process then .process.name elif .k8s.node then .k8s.node.name
			elif .network then .network.name else "-" end;
		map("\(.source | name) \(.podonym.attribution.source) -> " +
			"\(.destination | name) \(.podonym.attribution.destination)") | unique | join(", ")'
}

ends_are() { # PORT WHAT
	local is
	is=$(ends_of "$1")
	echo "port $1: $is"
	[[ $is == "$2" ]]
}

@test "names: two host-network pods and a process of one node, to a server and to each other" {
	serve_as "$proxy_a" in_node 7101
	serve_as "$proxy_b" in_node 7102
	serve_as "$process" in_node 7103
	serve_as pods/server in_pod server 7104
	serve_as pods/server in_pod server 7105
	serve_as pods/server in_pod server 7106
	ask_as "$proxy_a" in_node 10.79.0.2 7104
	ask_as "$proxy_b" in_node 10.79.0.2 7105
	ask_as "$process" in_node 10.79.0.2 7106
	ask_as "$proxy_a" in_node 10.79.0.1 7102
	ask_as "$proxy_b" in_node 10.79.0.1 7103
	ask_as "$process" in_node 10.79.0.1 7101
	await 10 ends_are 7104 'proxy-a cgroup -> server ip'
	await 10 ends_are 7105 'proxy-b cgroup -> server ip'
	await 10 ends_are 7106 'ntp-like.service cgroup -> server ip'
	await 10 ends_are 7102 'proxy-a cgroup -> proxy-b cgroup'
	await 10 ends_are 7103 'proxy-b cgroup -> ntp-like.service cgroup'
	await 10 ends_are 7101 'ntp-like.service cgroup -> proxy-a cgroup'
}

@test "names: the same over IPv6 and by loopback addresses" {
	serve_as "$proxy_b" in_node 7111
	serve_as "$proxy_b" in_node 7112
	ask_as "$proxy_a" in_node '[fd00:79::1]' 7111
	ask_as "$proxy_a" in_node 127.0.0.1 7112
	await 10 ends_are 7111 'proxy-a cgroup -> proxy-b cgroup'
	await 10 ends_are 7112 'proxy-a cgroup -> proxy-b cgroup'
}

@test "names: a static pod is known by the hash in its cgroup" {
	serve_as pods/server in_pod server 7121
	ask_as "$etcd" in_node 10.79.0.2 7121
	await 10 ends_are 7121 'etcd-bats-node cgroup -> server ip'
}

@test "names: a pod that calls a host-network pod" {
	serve_as "$proxy_a" in_node 7131
	ask_as pods/client in_pod client 10.79.0.1 7131
	await 10 ends_are 7131 'client ip -> proxy-a cgroup'
}

@test "names: a host-network pod of another node by its declared port, else its node" {
	serve_as far/any in_pod far 9100
	serve_as far/any in_pod far 9101
	ask_as pods/client in_pod client 10.79.1.1 9100
	ask_as pods/client in_pod client 10.79.1.1 9101
	await 10 ends_are 9100 'client ip -> far-agent port'
	await 10 ends_are 9101 'client ip -> far-node node'
}

@test "names: networks: a node's pods, a range of the configuration, nothing" {
	serve_as far/any in_pod far 7141
	serve_as far/any in_pod far 7142
	serve_as far/any in_pod far 7143
	ask_as pods/client in_pod client 10.79.2.77 7141
	ask_as pods/client in_pod client 198.51.100.9 7142
	ask_as pods/client in_pod client 203.0.113.9 7143
	await 10 ends_are 7141 'client ip -> far-node cidr'
	await 10 ends_are 7142 'client ip -> partner cidr'
	await 10 ends_are 7143 'client ip -> - none'
}

@test "names: ranges are read again when the file changes, and stay when it is spoilt" {
	printf '%s\n' '198.51.100.0/24 partner' '203.0.113.0/28 lab' >"$dir/ranges.new"
	mv "$dir/ranges.new" "$dir/ranges"
	await 10 range_is 203.0.113.9 lab
	echo 'no network at all' >"$dir/ranges"
	await 10 grep -q 'ranges:1: "no" is not an address' "$dir/agent.err"
	range_is 203.0.113.9 lab
}

range_is() { # ADDRESS NAME
	whois "$1" -o json | grep -q "\"$2\""
}

@test "names: zone and region of a node stand with its pods" {
	serve_as pods/server in_pod server 7151
	ask_as pods/client in_pod client 10.79.0.2 7151
	await 10 ends_are 7151 'client ip -> server ip'
	run -0 flows 'select(.destination.port == 7151)'
	run -0 jq -r '[.[] | .source.cloud.availability_zone + " " + .source.cloud.region] | unique[]' <<<"$output"
	assert_output 'zone-a region-1'
}

@test "names: of a pod's cgroup before its object has come: no name but the right one" {
	local late=kubepods/pod55555555-5555-4555-8555-555555555555/dddd
	serve_as pods/server in_pod server 7161
	ask_as "$late" in_node 10.79.0.2 7161
	create "$(host_pod kube-system late 55555555-5555-4555-8555-555555555555 bats-node 10.79.0.1)"
	await 10 ends_are 7161 'late cgroup -> server ip'
}

# The first one's record does not wait for news of the server once the second one's interface has come.
first_and_second_are_told_apart() {
	local is
	is=$(ends_of 7171)
	echo "port 7171: $is"
	[[ $is =~ ^first\ cgroup\ -\>\ server\ (ip|stale),\ second\ cgroup\ -\>\ server\ ip$ ]]
}

@test "names: the next pod with an address may use the same ports" {
	local first=66666666-6666-4666-8666-666666666666 second=77777777-7777-4777-8777-777777777777
	local traced
	listen_udp 7171
	traced=$(agent_status .metrics.pn_links_traced)
	speak_as first $first
	pod_down heir
	await 10 status_is ".metrics.pn_links_traced == $traced"
	remove "$(pod test first)"
	speak_as second $second
	await 10 first_and_second_are_told_apart
	assert_equal "$(flow_sum 'select(.destination.port == 7171 and .source.k8s.pod.name == "first")' .source.packets)" 3
	assert_equal "$(flow_sum 'select(.destination.port == 7171 and .source.k8s.pod.name == "second")' .source.packets)" 3
	pod_down heir
}

listen_udp() { # PORT
	start /dev/null /dev/null in_pod server socat "UDP4-RECV:$1" /dev/null,ignoreeof
	await 5 listens in_pod server "$1"
}

# A pod comes with an address and a uid, and sends three datagrams from port 5555.
speak_as() { # NAME UID
	local n
	n=$(($(agent_status .metrics.pn_links_traced) + 1))
	pod_up heir 10.79.0.50 fd00:79::50
	await 10 status_is ".metrics.pn_links_traced == $n"
	create "$(pod test "$1" 10.79.0.50 fd00:79::50 | jq -c --arg uid "$2" '.metadata.uid = $uid')"
	for _ in 1 2 3; do
		echo hello | in_cgroup "kubepods/pod$2/c" in_pod heir socat -u - UDP4:10.79.0.2:7171,sourceport=5555,reuseaddr
	done
}

# The last of the file, as the others need the API server.
@test "names: while the API server is away, names by address wait for it, and are stale if it stays away" {
	serve_as pods/server in_pod server 7181
	stop "$api_pid"
	await 10 status_is '.api.kinds[] | select(.kind == "pods") | .behind_s >= 2'
	ask_as pods/client in_pod client 10.79.0.2 7181
	await 10 status_is '.metrics.pn_flow_waiting >= 1'
	await 30 ends_are 7181 'client stale -> server stale'
	start_testapi in_node --objects "$dir/objects.json" --port "${api_url##*:}"
	await 30 status_is '.api.kinds[] | select(.kind == "pods") | .behind_s == 0'
	serve_as pods/server in_pod server 7182
	ask_as pods/client in_pod client 10.79.0.2 7182
	await 10 ends_are 7182 'client ip -> server ip'
}
