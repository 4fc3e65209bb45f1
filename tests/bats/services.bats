#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# Services as kube-proxy translates them, by nftables and by iptables, over both families: one record
# for client -> Service -> backend, and the same counts as the backends' own kernels have.

load helper

setup_file() {
	suite_begin
	cluster_up 10.80.0.1 fd00:80::1
	pod_up client 10.80.0.2 fd00:80::2
	pod_up one 10.80.0.3 fd00:80::3
	pod_up two 10.80.0.4 fd00:80::4
	objects "$dir/objects.json" \
		"$(node bats-node 10.80.0.1 fd00:80::1)" \
		"$(pod test client 10.80.0.2 fd00:80::2)" \
		"$(pod test one 10.80.0.3 fd00:80::3)" \
		"$(pod test two 10.80.0.4 fd00:80::4)" \
		"$(service test by-nft TCP 80 10.96.1.1 fd00:96:1::1)" \
		"$(service test by-iptables TCP 80 10.96.1.2 fd00:96:1::2)" \
		"$(service test masked TCP 80 10.96.1.3 fd00:96:1::3)" \
		"$(service test outer TCP 80 10.96.1.4 fd00:96:1::4 | node_port 30080)" \
		"$(service test balanced TCP 80 10.96.1.5 | load_balancer 192.0.2.80)" \
		"$(service test nobody TCP 80 10.96.1.6)" \
		"$(service test headless TCP 8070 None)" \
		"$(service test by-ipvs TCP 80 10.96.1.7)" \
		"$(slice by-nft 8010 10.80.0.3 10.80.0.4)" "$(slice by-iptables 8020 10.80.0.3 10.80.0.4)" \
		"$(slice masked 8030 10.80.0.3)" "$(slice outer 8040 10.80.0.3)" \
		"$(slice balanced 8050 10.80.0.4)" "$(slice headless 8070 10.80.0.4)" \
		"$(slice by-ipvs 8080 10.80.0.3 10.80.0.4)"
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url" --name-wait 500ms
	await 10 agent_in_sync
	await 10 status_is '.metrics.pn_links_traced == 3'
	suite_export
}

teardown_file() {
	suite_end
}

node_port() { # PORT: of the Service on standard input
	jq -c '.spec.type = "NodePort" | .spec.ports[0].nodePort = '"$1"
}

load_balancer() { # ADDRESS
	jq -c --arg ip "$1" '.spec.type = "LoadBalancer" | .status.loadBalancer.ingress = [{ip: $ip}]'
}

slice() { # SERVICE PORT ADDRESS...
	jq -nc '$ARGS.positional as $a | {apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
		metadata: {namespace: "test", name: ($a[0] + "-x"),
			labels: {"kubernetes.io/service-name": $a[0]}},
		addressType: "IPv4", ports: [{port: ($a[1] | tonumber), protocol: "TCP"}],
		endpoints: [$a[2:][] | {addresses: [.], conditions: {ready: true}}]}' --args "$@"
}

# Both backends answer on a port, and their kernels count what goes in and out there.
backends_up() { # PORT
	local pod
	for pod in one two; do
		start /dev/null /dev/null in_pod "$pod" socat "TCP6-LISTEN:$1,reuseaddr,fork,ipv6-v6only=0" PIPE
		in_pod "$pod" nft -f - <<-RULES
			table inet count$1 {
				counter got { }
				counter gave { }
				chain in {
					type filter hook input priority 0
					tcp dport $1 counter name got
				}
				chain out {
					type filter hook output priority 0
					tcp sport $1 counter name gave
				}
			}
		RULES
		await 5 listens in_pod "$pod" "$1"
	done
}

ask() { # POD ADDRESS PORT: some bytes there and back
	[[ $(head -c 500 /dev/zero | in_pod "$1" socat -t 60 - "TCP:$2:$3,connect-timeout=60" | wc -c) == 500 ]]
}

counted() { # POD PORT: packets and bytes it got and gave
	in_pod "$1" nft -j list counters table inet "count$2" | jq -c '[.nftables[].counter // empty |
		{(.name): [.packets, .bytes]}] | add | [.got, .gave]'
}

recorded() { # POD SERVICE-FILTER
	flows "select(.destination.k8s.pod.name == \"$1\") | select($2)" |
		jq -c '[[(map(.source.packets) | add // 0), (map(.source.bytes) | add // 0)],
			[(map(.destination.packets) | add // 0), (map(.destination.bytes) | add // 0)]]'
}

backend_agrees() { # POD PORT FILTER
	echo "$1 counted $(counted "$1" "$2"), the records say $(recorded "$1" "$3")"
	[[ $(counted "$1" "$2") == "$(recorded "$1" "$3")" && $(counted "$1" "$2") != "[[0,0],[0,0]]" ]]
}

of_service() { # NAME
	echo ".destination.k8s.service.name == \"$1\""
}

# Who called what, and who answered, of all records of the filter.
described() { # FILTER
	flows "select($1)" | jq -r 'map((.source.k8s.pod.name // .source.k8s.node.name // "-") + " -> " +
		(.destination.k8s.service | .name // "-") + " " +
		(.destination.k8s.service | if .address then "\(.address):\(.port)" else "-" end) + " -> " +
		(.destination.k8s.pod.name // "-")) | unique | join(", ")'
}

is_described() { # FILTER TEXT
	local is
	is=$(described "$1")
	echo "$is"
	[[ $is == "$2" ]]
}

# Until both backends have answered, as the choice is by chance.
ask_both() { # ADDRESS PORT BACKEND-PORT
	local i one two
	one=$(counted one "$3") two=$(counted two "$3")
	for ((i = 0; i < 60; i++)); do
		ask client "$1" "$2"
		((i >= 10)) && [[ $(counted one "$3") != "$one" && $(counted two "$3") != "$two" ]] && return
	done
	return 1
}

@test "services: by nftables, both families, two backends, counts as the backends have them" {
	backends_up 8010
	in_node nft -f - <<-'RULES'
		add rule inet services prerouting ip daddr 10.96.1.1 tcp dport 80 dnat ip to numgen random mod 2 map { 0 : 10.80.0.3, 1 : 10.80.0.4 } : 8010
		add rule inet services prerouting ip6 daddr fd00:96:1::1 tcp dport 80 dnat ip6 to numgen random mod 2 map { 0 : fd00:80::3, 1 : fd00:80::4 } : 8010
	RULES
	ask_both 10.96.1.1 80 8010
	ask_both '[fd00:96:1::1]' 80 8010
	await 10 backend_agrees one 8010 "$(of_service by-nft)"
	await 10 backend_agrees two 8010 "$(of_service by-nft)"
	is_described "$(of_service by-nft)" 'client -> by-nft 10.96.1.1:80 -> one, client -> by-nft 10.96.1.1:80 -> two, client -> by-nft fd00:96:1::1:80 -> one, client -> by-nft fd00:96:1::1:80 -> two'
	# nothing of it under another name, or without the Service
	is_described '.destination.port == 8010 and (.destination.k8s.service | not)' ''
	is_described '.source.port == 8010 or .source.port == 80' ''
}

@test "services: by iptables, both families, two backends, counts as the backends have them" {
	backends_up 8020
	local family
	for family in 'iptables 10.96.1.2 10.80.0.3:8020 10.80.0.4:8020' \
		'ip6tables fd00:96:1::2 [fd00:80::3]:8020 [fd00:80::4]:8020'; do
		# shellcheck disable=SC2086 # four words
		set -- $family
		in_node "$1" -t nat -A PREROUTING -d "$2" -p tcp --dport 80 -m statistic --mode random \
			--probability 0.5 -j DNAT --to-destination "$3"
		in_node "$1" -t nat -A PREROUTING -d "$2" -p tcp --dport 80 -j DNAT --to-destination "$4"
	done
	ask_both 10.96.1.2 80 8020
	ask_both '[fd00:96:1::2]' 80 8020
	await 10 backend_agrees one 8020 "$(of_service by-iptables)"
	await 10 backend_agrees two 8020 "$(of_service by-iptables)"
	is_described "$(of_service by-iptables)" 'client -> by-iptables 10.96.1.2:80 -> one, client -> by-iptables 10.96.1.2:80 -> two, client -> by-iptables fd00:96:1::2:80 -> one, client -> by-iptables fd00:96:1::2:80 -> two'
	is_described '.destination.port == 8020 and (.destination.k8s.service | not)' ''
}

@test "services: a masqueraded client keeps its name" {
	backends_up 8030
	in_node nft -f - <<-'RULES'
		add chain inet services postrouting { type nat hook postrouting priority srcnat; }
		add rule inet services prerouting ip daddr 10.96.1.3 tcp dport 80 dnat ip to 10.80.0.3:8030
		add rule inet services postrouting ip daddr 10.80.0.3 tcp dport 8030 masquerade
	RULES
	ask client 10.96.1.3 80
	ask client 10.96.1.3 80
	await 10 backend_agrees one 8030 "$(of_service masked)"
	is_described "$(of_service masked)" 'client -> masked 10.96.1.3:80 -> one'
}

@test "services: node port, load balancer" {
	backends_up 8040
	backends_up 8050
	in_node nft -f - <<-'RULES'
		add rule inet services prerouting ip daddr 10.80.0.1 tcp dport 30080 dnat ip to 10.80.0.3:8040
		add rule inet services prerouting ip daddr 192.0.2.80 tcp dport 80 dnat ip to 10.80.0.4:8050
	RULES
	ask client 10.80.0.1 30080
	ask client 192.0.2.80 80
	await 10 is_described "$(of_service outer)" 'client -> outer 10.80.0.1:30080 -> one'
	await 10 is_described "$(of_service balanced)" 'client -> balanced 192.0.2.80:80 -> two'
	await 10 backend_agrees one 8040 "$(of_service outer)"
	await 10 backend_agrees two 8050 "$(of_service balanced)"
}

@test "services: a process of the node calls one" {
	backends_up 8060
	ip -n "$cluster-node" route add 10.96.0.0/16 dev lo src 10.80.0.1
	in_node nft add rule inet services output ip daddr 10.96.1.4 tcp dport 80 dnat ip to 10.80.0.4:8060
	[[ $(echo hello | in_node socat -t 60 - TCP:10.96.1.4:80) == hello ]]
	await 10 is_described "$(of_service outer)"' and .destination.port == 8060' \
		'bats-node -> outer 10.96.1.4:80 -> two'
	await 10 backend_agrees two 8060 '.destination.port == 8060'
}

@test "services: headless, by its endpoints" {
	backends_up 8070
	ask client 10.80.0.4 8070
	await 10 is_described '.destination.port == 8070' 'client -> headless - -> two'
}

@test "services: one without endpoints is called in vain, and the record says so" {
	in_node nft -f - <<-'RULES'
		table inet refuse {
			chain forward {
				type filter hook prerouting priority -50
				ip daddr 10.96.1.6 drop
			}
		}
	RULES
	run -1 in_pod client socat -u - TCP:10.96.1.6:80,connect-timeout=1 </dev/null
	await 10 is_described "$(of_service nobody)" 'client -> nobody 10.96.1.6:80 -> -'
	run -0 flows "select($(of_service nobody))"
	run -0 jq -c '[.[].podonym.service.no_endpoints] | unique' <<<"$output"
	assert_output '[true]'
	run -0 flows "select($(of_service by-nft))"
	run -0 jq -c '[.[].podonym.service.no_endpoints] | unique' <<<"$output"
	assert_output '[null]'
}

@test "services: by IPVS" {
	command -v ipvsadm >/dev/null && in_node ipvsadm -L >/dev/null 2>&1 ||
		skip 'needs ipvsadm and a kernel with ip_vs'
	backends_up 8080
	ip -n "$cluster-node" addr add 10.96.1.7/32 dev lo
	in_node sysctl -qw net.ipv4.vs.conntrack=1
	in_node ipvsadm -A -t 10.96.1.7:80 -s rr
	in_node ipvsadm -a -t 10.96.1.7:80 -r 10.80.0.3:8080 -m
	in_node ipvsadm -a -t 10.96.1.7:80 -r 10.80.0.4:8080 -m
	ask_both 10.96.1.7 80 8080
	await 10 backend_agrees one 8080 "$(of_service by-ipvs)"
	await 10 backend_agrees two 8080 "$(of_service by-ipvs)"
}
