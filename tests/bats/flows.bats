#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# Real packets between the namespaces of a small cluster, and what the agent writes about them:
# each packet once, under the right names. One cluster and one agent serve all tests of the file;
# each test has ports of its own to find its flows by.

load helper

setup_file() {
	suite_begin
	two_pods 78 client server \
		"$(service test front UDP 7000 10.98.0.1 fd00:98::1)" \
		"$(service test front-tcp TCP 7001 10.98.0.2 fd00:98::2)"
	service_up udp 7000 10.98.0.1 10.78.0.3 fd00:98::1 fd00:78::3
	service_up tcp 7001 10.98.0.2 10.78.0.3 fd00:98::2 fd00:78::3
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods
	suite_export
}

teardown_file() {
	suite_end
}

# What a test that failed has left is not in the way of those behind it.
teardown() {
	local pod
	[[ ! ${BATS_TEST_COMPLETED-} ]] || return 0
	kill -CONT "$agent_pid" || true
	for pod in late first second mover; do
		pod_down "$pod"
	done
	await 10 status_is '.metrics.pn_links_traced == 2' || true
}

# What listens ends with the test's pod or with the file's cluster.
listen() { # POD SOCAT-ADDRESS SOCAT-ADDRESS PORT
	start /dev/null /dev/null in_pod "$1" socat "$2" "$3"
	await 5 listens in_pod "$1" "$4"
}

udp_sink() { # POD PORT
	listen "$1" "UDP6-RECV:$2,ipv6-v6only=0" /dev/null,ignoreeof "$2"
}

tcp_echo() { # POD PORT
	listen "$1" "TCP6-LISTEN:$2,reuseaddr,fork,ipv6-v6only=0" PIPE "$2"
}

# N datagrams of SIZE bytes from one socket.
udp_send() { # POD ADDRESS PORT N SIZE
	# shellcheck disable=SC2016 # for the inner shell
	in_pod "$1" bash -c 'exec 3<>"/dev/udp/$0/$1"; for ((i = 0; i < $2; i++)); do printf "%0*d" "$3" 0 >&3; done' \
		"${@:2}"
}

tcp_ask() { # POD ADDRESS PORT BYTES
	[[ $(head -c "$4" /dev/zero | in_pod "$1" socat -t 60 - "TCP:$2:$3" | wc -c) == "$4" ]]
}

sum_is_at_least() { # JQ-FILTER FIELD N
	(($(flow_sum "$1" "$2") >= $3))
}

# Waits for the packets, then wants exactly so many in each direction.
assert_packets() { # JQ-FILTER FORTH BACK
	await 10 sum_is_at_least "$1" .source.packets "$2"
	await 10 sum_is_at_least "$1" .destination.packets "$3"
	assert_equal "$(flow_sum "$1" .source.packets)/$(flow_sum "$1" .destination.packets)" "$2/$3"
}

# All lines of the filter have this value, and there are some.
assert_all() { # JQ-FILTER FIELD VALUE
	assert_equal "$(flows "$1" | jq -c "[.[] | $2] | unique")" "[$3]"
}

pod_to_pod='.source.k8s.pod.name + " " + .destination.k8s.pod.name'
to_port() { # PORT
	echo "select(.destination.port == $1)"
}

@test "flows: UDP, each datagram once, over IPv4 and IPv6" {
	udp_sink server 9001
	udp_send client 10.78.0.3 9001 50 100
	udp_send client fd00:78::3 9001 70 200
	v4="$(to_port 9001) | select(.network.type == \"ipv4\")"
	v6="$(to_port 9001) | select(.network.type == \"ipv6\")"
	assert_packets "$v4" 50 0
	assert_packets "$v6" 70 0
	assert_equal "$(flow_sum "$v4" .source.bytes)" $((50 * (20 + 8 + 100)))
	assert_equal "$(flow_sum "$v6" .source.bytes)" $((70 * (40 + 8 + 200)))
	assert_all "$(to_port 9001)" "$pod_to_pod" '"client server"'
	assert_all "$(to_port 9001)" .network.transport '"udp"'
	assert_all "$(to_port 9001)" .source.k8s.node.name '"bats-node"'
	assert_all "$(to_port 9001)" '.podonym.attribution | .source + .destination' '"ipip"'
}

@test "flows: ICMP echo, each packet once, in both directions" {
	in_pod client ping -q -c 7 -i 0.1 10.78.0.3
	in_pod client ping -q -c 9 -i 0.1 fd00:78::3
	echo='select(.network.transport == "icmp") | select(.source.k8s.pod.name == "client")'
	assert_packets "$echo | select(.network.type == \"ipv4\")" 7 7
	assert_packets "$echo | select(.network.type == \"ipv6\")" 9 9
	assert_all "$echo" '.source.port' null
}

@test "flows: TCP, packets and bytes as the client's own kernel counts them" {
	tcp_echo server 9002
	in_pod client nft -f - <<-'RULES'
		table inet count {
			counter sent { }
			counter received { }
			chain out {
				type filter hook output priority 0
				tcp dport 9002 counter name sent
			}
			chain in {
				type filter hook input priority 0
				tcp sport 9002 counter name received
			}
		}
	RULES
	tcp_ask client 10.78.0.3 9002 1000
	tcp_ask client '[fd00:78::3]' 9002 1000
	await 10 counts_agree 9002
	in_pod client nft delete table inet count
}

counts_agree() { # PORT
	local counted seen
	counted=$(in_pod client nft -j list counters table inet count | jq -c '[.nftables[].counter // empty
		| {(.name): [.packets, .bytes]}] | add | [.sent, .received]')
	seen=$(flows "$(to_port "$1")" | jq -c '[(map(.source.packets) | add), (map(.source.bytes) | add),
		(map(.destination.packets) | add), (map(.destination.bytes) | add)] | [.[0:2], .[2:4]]')
	echo "the kernel counted $counted, the flow lines say $seen"
	[[ $counted == "$seen" ]]
}

@test "flows: TCP in segments larger than the wire allows counts packets of the wire" {
	tcp_echo server 9003
	tcp_ask client 10.78.0.3 9003 3000000
	await 10 sum_is_at_least "$(to_port 9003)" .source.bytes $((3000000 + 2071 * 40)) # in 2071 segments
	bytes=$(flow_sum "$(to_port 9003)" .source.bytes)
	packets=$(flow_sum "$(to_port 9003)" .source.packets)
	((bytes > 3000000 && bytes < 3300000))
	((packets >= 3000000 / 1448))
	((bytes / packets <= 1500))
}

@test "flows: a connection through a Service is one flow, named by backend and Service" {
	udp_sink server 7000
	for address in 10.98.0.1 fd00:98::1; do
		udp_send client "$address" 7000 30 10
	done
	assert_packets "$(to_port 7000)" 60 0
	assert_all "$(to_port 7000)" "$pod_to_pod" '"client server"'
	assert_all "$(to_port 7000)" '.destination.k8s.service | .namespace + "/" + .name' '"test/front"'
	assert_all "$(to_port 7000) | select(.network.type == \"ipv4\")" \
		'[.destination.address, .destination.k8s.service.address]' '["10.78.0.3","10.98.0.1"]'
	assert_all "$(to_port 7000) | select(.network.type == \"ipv6\")" \
		'[.destination.address, .destination.k8s.service.address]' '["fd00:78::3","fd00:98::1"]'
}

@test "flows: the same pod's port without the Service is told apart from with it" {
	tcp_echo server 7001
	tcp_ask client 10.98.0.2 7001 100
	tcp_ask client '[fd00:98::2]' 7001 100
	tcp_ask client 10.78.0.3 7001 100
	await 10 connections_are 7001 3
	assert_equal "$(flows "$(to_port 7001)" | jq -c '[group_by(.podonym.flow_id)[] |
			[.[].destination.k8s.service.name] | unique | select(length == 1) | .[0]] | sort')" \
		'[null,"front-tcp","front-tcp"]'
}

connections_are() { # PORT N
	[[ $(flows "$(to_port "$1")" | jq '[.[].podonym.flow_id] | unique | length') == "$2" ]]
}

@test "flows: the node itself is a name" {
	in_node ping -q -c 4 -i 0.1 10.78.0.2
	from_node='select(.network.transport == "icmp" and .destination.k8s.pod.name == "client" and .source.k8s.pod == null)'
	assert_packets "$from_node" 4 4
	assert_all "$from_node" '[.source.k8s.node.name, .podonym.attribution.source]' '["bats-node","node"]'
}

@test "flows: an address nobody has is shown as it is" {
	ip -n "$cluster-node" addr add 10.78.99.99/32 dev lo
	in_pod client ping -q -c 3 -i 0.1 10.78.99.99
	outside='select(.destination.address == "10.78.99.99")'
	assert_packets "$outside" 3 3
	assert_all "$outside" '[.destination.k8s, .podonym.attribution.destination]' '[null,"none"]'
}

@test "flows: a pod whose interface appears later is traced from then on, and forgotten after" {
	create "$(pod test late 10.78.0.20 fd00:78::20)"
	pod_up late 10.78.0.20 fd00:78::20
	await 10 status_is '.metrics.pn_links_traced == 3'
	await 10 owner_is 10.78.0.20 test/late
	udp_sink late 9004
	udp_send client 10.78.0.20 9004 11 10
	assert_packets "$(to_port 9004)" 11 0
	assert_all "$(to_port 9004)" "$pod_to_pod" '"client late"'
	remove "$(pod test late)"
	pod_down late
	await 10 status_is '.metrics.pn_links_traced == 2'
	await 10 owner_is 10.78.0.20 ''
}

# Of the sockets of netlink in the node's namespace: has one lost a message?
netlink_has_lost() {
	# shellcheck disable=SC2016 # for awk
	in_node awk '$2 == 0 && $9 > 0 { lost = 1 } END { exit !lost }' /proc/net/netlink
}

@test "flows: interfaces are followed on after more news of them than there was room for" {
	ip -n "$cluster-node" link add chatty type bridge
	kill -STOP "$agent_pid"
	for ((i = 0; i < 4000; i++)); do
		echo "link set chatty mtu $((1300 + i % 2))"
	done | ip -n "$cluster-node" -batch -
	run -0 netlink_has_lost
	kill -CONT "$agent_pid"
	ip -n "$cluster-node" link del chatty
	await 10 status_is '.metrics.pn_links_traced == 2'
	pod_up late 10.78.0.23 fd00:78::23
	await 10 status_is '.metrics.pn_links_traced == 3'
	pod_down late
	await 10 status_is '.metrics.pn_links_traced == 2'
}

@test "flows: an address that changes hands has its owner of the time" {
	udp_sink server 9005
	create "$(pod test first 10.78.0.21 fd00:78::21)"
	pod_up first 10.78.0.21 fd00:78::21
	await 10 status_is '.metrics.pn_links_traced == 3'
	await 10 owner_is 10.78.0.21 test/first
	udp_send first 10.78.0.3 9005 5 10
	udp_send first fd00:78::3 9005 5 10
	remove "$(pod test first)"
	pod_down first
	await 10 status_is '.metrics.pn_links_traced == 2'

	# objects say when they began in whole seconds; within the same one both are possible
	next_second
	create "$(pod test second 10.78.0.21 fd00:78::21)"
	pod_up second 10.78.0.21 fd00:78::21
	await 10 status_is '.metrics.pn_links_traced == 3'
	await 10 owner_is 10.78.0.21 test/second
	udp_send second 10.78.0.3 9005 8 10
	udp_send second fd00:78::3 9005 8 10
	await 10 sum_is_at_least "$(to_port 9005)" .source.packets 26
	assert_equal "$(flow_sum "$(to_port 9005) | select(.source.k8s.pod.name == \"first\")" .source.packets)" 10
	assert_equal "$(flow_sum "$(to_port 9005) | select(.source.k8s.pod.name == \"second\")" .source.packets)" 16
	remove "$(pod test second)"
	pod_down second
	await 10 status_is '.metrics.pn_links_traced == 2'
}

@test "flows: one connection that goes on while its address changes hands is split at the change" {
	create "$(pod test before 10.78.0.22)"
	pod_up mover 10.78.0.22 fd00:78::22
	await 10 status_is '.metrics.pn_links_traced == 3'
	await 10 owner_is 10.78.0.22 test/before
	udp_sink server 9006
	# the same source port before and after: one entry in the kernel's table
	in_pod mover socat -u SYSTEM:'printf 1' UDP:10.78.0.3:9006,bind=10.78.0.22:5555
	await 10 sum_is_at_least "$(to_port 9006)" .source.packets 1
	remove "$(pod test before)"
	create "$(pod test after 10.78.0.22)"
	await 10 owner_is 10.78.0.22 test/after
	# the first packet after the change may end the old entry; those behind it belong to the new owner
	for i in 2 3 4 5 6; do
		in_pod mover socat -u SYSTEM:'printf 1' UDP:10.78.0.3:9006,bind=10.78.0.22:5555
		await 10 sum_is_at_least "$(to_port 9006)" .source.packets "$i"
	done
	assert_equal "$(flow_sum "$(to_port 9006)" .source.packets)" 6
	assert_equal "$(flows "$(to_port 9006)" | jq -r '[.[].source.k8s.pod.name] | first, last' | paste -sd ' ')" 'before after'
	remove "$(pod test after)"
	pod_down mover
	await 10 status_is '.metrics.pn_links_traced == 2'
}

@test "flows: the ledger: packets seen are packets recorded, or counted by the reason" {
	# between one cell and the next a packet may come
	await 5 status_is '.ledger | .seen == .recorded + .collapsed + .not_ip + .malformed + .table_full + .not_selected + .not_sampled'
	status_is '.ledger | .recorded > 200 and .malformed == 0 and .table_full == 0'
}

# --- podonym flows ---------------------------------------------------------------------------------

ask_flows() { # OPTIONS
	"$podonym" flows --socket "$dir/socket" "$@"
}

# Of the records that match, as many as lines were written about the port.
asked_are() { # N OPTIONS
	[[ $(ask_flows "${@:2}" -o json | wc -l) == "$1" ]]
}

@test "flows: what has been is there at once, and filters combine" {
	udp_sink server 9010
	udp_sink server 9011
	# one packet each, as several may be told in several records
	udp_send client 10.78.0.3 9010 1 10
	udp_send client fd00:78::3 9011 1 10
	assert_packets "$(to_port 9010)" 1 0
	assert_packets "$(to_port 9011)" 1 0
	await 5 asked_are 1 --all --port 9010
	await 5 asked_are 1 --all --port 9011
	asked_are 2 --all --port 9010 --port 9011
	asked_are 1 --all --port 9010 --port 9011 --ip 10.78.0.2
	asked_are 1 --all --port 9010 --port 9011 --not --cidr 10.78.0.0/16
	asked_are 2 --all --port 9010 --port 9011 --from-pod test/cli --to-pod server -n test
	asked_are 0 --all --port 9010 --port 9011 --to-pod test/client
	asked_are 0 --all --port 9010 -n other
	asked_are 0 --all --port 9010 --protocol tcp
	asked_are 1 --all --port 9010 --protocol udp --attribution ip --node bats-node
	asked_are 0 --all --port 9010 --not --attribution ip
}

@test "flows: the Service that was called is a filter by name, address and port" {
	udp_sink server 7000
	udp_send client 10.98.0.1 7000 3 10
	await 5 some_are_asked --last 20 --service test/front
	assert_equal "$(ask_flows --last 1 --service test/front --ip 10.98.0.1 -o json | jq -r .destination.k8s.service.name)" front
	run ask_flows --all --to-port 7000 --not --service test/front
	assert_success
	refute_output
}

some_are_asked() { # OPTIONS
	[[ $(ask_flows "$@") ]]
}

@test "flows: the last, the first, since and until" {
	udp_sink server 9012
	for i in 1 2 3; do
		udp_send client 10.78.0.3 9012 1 10
		await 5 asked_are "$i" --all --port 9012
	done
	all=$(ask_flows --all --port 9012 -o json)
	assert_equal "$(ask_flows --last 2 --port 9012 -o json)" "$(tail -n 2 <<<"$all")"
	assert_equal "$(ask_flows --first 2 --port 9012 -o json)" "$(head -n 2 <<<"$all")"
	assert_equal "$(ask_flows --since 1h --port 9012 -o json)" "$all"
	assert_equal "$(ask_flows --port 9012 -o json)" "$all" # fewer than the 20
	second=$(sed -n 2p <<<"$all" | jq -r .event.end)
	assert_equal "$(ask_flows --since "$second" --port 9012 -o json)" "$(tail -n 2 <<<"$all")"
	assert_equal "$(ask_flows --until "$second" --port 9012 -o json)" "$(head -n 2 <<<"$all")"
	assert_equal "$(ask_flows --since "$second" --until "$second" --port 9012 -o json)" "$(sed -n 2p <<<"$all")"
}

@test "flows: a follower gets what has been and what comes, of what it wants" {
	udp_sink server 9013
	udp_sink server 9014
	udp_send client 10.78.0.3 9013 1 10
	await 5 asked_are 1 --all --port 9013
	start "$dir/wanted.json" "$dir/wanted.err" "$podonym" flows -f --last 1 --port 9013 --port 9014 \
		--not --ip fd00:78::3 -o json --socket "$dir/socket"
	follower=$started
	await 5 has_lines "$dir/wanted.json" 1
	udp_send client fd00:78::3 9014 1 10
	udp_send client 10.78.0.3 9014 1 10
	await 5 has_lines "$dir/wanted.json" 2
	assert_packets "$(to_port 9014)" 2 0
	assert_equal "$(jq -c '[.destination.port, .network.type]' "$dir/wanted.json" | paste -sd ' ')" \
		'[9013,"ipv4"] [9014,"ipv4"]'
	stop "$follower"
}

has_lines() { # FILE N
	(($(wc -l <"$1") >= $2))
}

labelled() { # KEY VALUE: the pod on standard input
	jq -c --arg key "$1" --arg value "$2" '.metadata.labels = {($key): $value}'
}

@test "flows: labels are those of now, for what has been and for what comes" {
	udp_sink server 9020
	udp_sink server 9021
	udp_send client 10.78.0.3 9020 1 10
	await 5 asked_are 1 --all --port 9020
	asked_are 0 --all --port 9020 --label app
	replace "$(pod test server 10.78.0.3 fd00:78::3 | labelled app web)"
	await 5 asked_are 1 --all --port 9020 --to-label 'app in (web,api)'
	asked_are 0 --all --port 9020 --from-label app=web
	asked_are 1 --all --port 9020 --label '!app'
	asked_are 0 --all --port 9020 --not --label app=web

	start "$dir/labels.json" "$dir/labels.err" "$podonym" flows -f --last 1 --port 9020 --port 9021 \
		--label app=web -o json --socket "$dir/socket"
	follower=$started
	await 5 has_lines "$dir/labels.json" 1
	replace "$(pod test server 10.78.0.3 fd00:78::3)"
	await 5 asked_are 0 --all --port 9020 --label app=web
	udp_send client 10.78.0.3 9021 1 10
	await 5 asked_are 1 --all --port 9021
	replace "$(pod test client 10.78.0.2 fd00:78::2 | labelled app web)"
	await 5 asked_are 1 --all --port 9021 --label app=web
	udp_send client fd00:78::3 9021 1 10
	await 5 has_lines "$dir/labels.json" 2
	assert_equal "$(jq -c '[.destination.port, .network.type]' "$dir/labels.json" | paste -sd ' ')" \
		'[9020,"ipv4"] [9021,"ipv6"]'
	stop "$follower"
	replace "$(pod test client 10.78.0.2 fd00:78::2)"
}

@test "flows: selectors of labels are checked, and so many at a time" {
	local many=()
	refused '--label: "app in web": "in" and "notin" stand before values in brackets' --label 'app in web'
	for i in {1..17}; do
		many+=(--label "app=$i")
	done
	run --separate-stderr "$podonym" flows --socket "$dir/socket" "${many[@]}"
	assert_failure 1
	[[ $stderr == *'there are 16 selectors of labels in use, which is the most at a time'* ]]
	run -0 "$podonym" flows --socket "$dir/socket" "${many[@]:2}"
}

@test "flows: a table, a list, times and addresses in the form wanted" {
	udp_sink server 9015
	udp_send client 10.78.0.3 9015 1 10
	await 5 asked_are 1 --all --port 9015
	run ask_flows --all --port 9015 -o table
	assert_line --index 0 --regexp '^TIME +SOURCE +DESTINATION +PROTOCOL +BYTES +PACKETS +SERVICE +STATE +SOURCE ADDRESS +DESTINATION ADDRESS +ATTRIBUTION$'
	assert_line --index 1 --regexp '^[0-9:.]+ +test/client:[0-9]+ +test/server:9015 +UDP +38 B/0 B +1/0 +- +[a-z-]+ +10.78.0.2 +10.78.0.3 +ip/ip$'
	assert_equal "${#lines[@]}" 2
	run ask_flows --all --port 9015 -o table --no-headers
	assert_equal "${#lines[@]}" 1
	run ask_flows --all --port 9015 -o dict --time-format rfc3339
	assert_line --index 0 --regexp '^ +TIME: [0-9-]+T[0-9:]+Z$'
	assert_line --index 2 --regexp '^ +DESTINATION: test/server:9015$'
	run ask_flows --all --port 9015 --numeric --time-format unix
	assert_output --regexp '^[0-9]+\.[0-9]{3} 10.78.0.2:[0-9]+ -> 10.78.0.3:9015 UDP '
	run ask_flows --all --port 9015 --time-format relative
	assert_output --regexp '^[0-9.ms]+ ago test/client:'
}

@test "flows: what makes no sense is refused before the agent is asked" {
	refused '--port: "http" is not a port from 1 to 65535' --port http
	refused '--ip: "10.0.0" is neither an address nor a network' --ip 10.0.0
	refused '--cidr: "10.0.0.1" is not a network' --cidr 10.0.0.1
	refused '--pod: "Shop/web" cannot be a name' --pod Shop/web
	refused '--protocol: "tpc" is not a protocol' --protocol tpc
	refused 'did you mean cgroup?' --attribution cgrop
	refused '--not stands before no filter' --port 1 --not
	refused '--not stands twice' --not --not --port 1
	refused '--all, --first and --last do not go together' --last 1 --first 1
	refused '--first and --until do not go together with -f' -f --until 5m
	refused '--since: "yesterday" is neither a duration' --since yesterday
	refused 'unknown option --prot, did you mean' --prot tcp
	refused 'A and -n do not go together' -A -n test
}

@test "flows: an output that is full is said, and not blamed on the agent" {
	local form
	udp_sink server 9016
	udp_send client 10.78.0.3 9016 1 10
	await 5 asked_are 1 --port 9016
	for form in table json; do
		# shellcheck disable=SC2016 # for the inner shell
		run -1 bash -c '"$0" flows --socket "$1" -o "$2" >/dev/full' "$podonym" "$dir/socket" "$form"
		assert_output 'podonym flows: standard output: No space left on device'
	done
}

refused() { # WORDS OPTIONS
	run --separate-stderr "$podonym" flows --socket /nonexistent "${@:2}"
	assert_failure 2
	refute_output
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"$1"* ]] || { echo "no \"$1\" in: $stderr"; return 1; }
}

@test "flows: a hostile request is refused by the agent with words" {
	run bash -c "printf '%s\n' '{\"command\": \"flows\", \"filters\": [{\"prt\": \"1\"}]}' | socat -t 60 - UNIX:$dir/socket"
	assert_output '{"error": "there is no filter \"prt\", did you mean \"port\"?"}'
}

@test "flows: followers get the lines as they come, in both forms, until the agent ends" {
	start "$dir/follow.json" "$dir/follow.err" "$podonym" flows -f -o json --socket "$dir/socket"
	json_pid=$started
	start "$dir/follow.txt" "$dir/follow2.err" "$podonym" flows -f --socket "$dir/socket"
	text_pid=$started
	udp_sink server 9007
	await 10 follows 9007
	run grep -E '^[0-9:.]+ test/client:[0-9]+ -> test/server:9007 UDP ' "$dir/follow.txt"
	assert_success
	assert_equal "$(jq -r 'select(.destination.port == 9007) | .destination.k8s.pod.name' "$dir/follow.json" | sort -u)" server
	stop "$agent_pid"
	await 5 is_gone "$json_pid"
	await 5 is_gone "$text_pid"
}

# A packet now and then until both followers have seen one: they subscribe when they are scheduled.
follows() { # PORT
	udp_send client 10.78.0.3 "$1" 1 10
	grep -q ":$1 " "$dir/follow.txt" && grep -q "\"port\":$1" "$dir/follow.json"
}

@test "flows: names stay in the maps without an agent, and the next one takes over" {
	run whois 10.78.0.3
	assert_success
	assert_output --partial test/server
	assert_output --partial 'no agent is running'
	start_agent in_node --server "$api_url"
	suite_export
	await_two_pods
	udp_sink server 9008
	udp_send client 10.78.0.3 9008 13 10
	stop "$agent_pid"
	assert_equal "$(flow_sum "$(to_port 9008)" .source.packets)" 13
	assert_all "$(to_port 9008)" "$pod_to_pod" '"client server"'
}
