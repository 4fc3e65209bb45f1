#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What is counted is true to the packet: every kind of packet, packets changed at random and bulk TCP
# go between two pods and the node, are captured on the host ends of the pods' interfaces, and are
# counted a second time, from the captures, by tests/tools/count-packets. Records and ledger must say the
# same to the byte. One cluster, one agent and one set of captures serve all tests of the file, which
# send first and compare then.
#
# EXACT_SEED=N repeats the random packets of an earlier run, EXACT_MUTATIONS=N sends more of them than 2,000.

load helper

gen=$build/tests/tools/packet-gen
# One end each, as the other side of its wire sees it; nobody has the last one's addresses.
a_v4=10.86.0.2 a_v6=fd00:86::2
b_v4=10.86.0.3 b_v6=fd00:86::3
# shellcheck disable=SC2034 # see ends_of
outside_v4=192.0.2.1 outside_v6=2001:db8::1

setup_file() {
	local tool
	for tool in tshark tcpdump iperf3 ethtool; do
		type "$tool" >/dev/null 2>&1 || skip "there is no $tool"
	done
	suite_begin
	cluster_up 10.86.0.1 fd00:86::1
	pod_up a $a_v4 $a_v6
	pod_up b $b_v4 $b_v6
	keep_fragments
	objects "$dir/objects.json" "$(node bats-node 10.86.0.1 fd00:86::1)" \
		"$(pod test a $a_v4 $a_v6)" "$(pod test b $b_v4 $b_v6)"
	capture_pids=''
	for end in a-in a-out b-in b-out; do
		capture $end
	done
	# the node's own sockets are captured nowhere
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods --disable cgroup
	suite_export
	export capture_pids
	export seed=${EXACT_SEED-$((RANDOM * 32768 + RANDOM))}
	echo "# EXACT_SEED=$seed" >&3
}

teardown_file() {
	local pid
	for pid in $capture_pids; do
		stop "$pid" INT || true
	done
	suite_end
}

# After half a minute the kernel would tell the sender of packets that stay incomplete: between a figure and
# what it is compared with, on a slow machine.
keep_fragments() {
	local where
	for where in in_node 'in_pod a' 'in_pod b'; do
		$where sysctl -qw net.ipv4.ipfrag_time=3600 net.ipv6.ip6frag_time=3600
	done
	in_node sysctl -qw net.netfilter.nf_conntrack_frag6_timeout=3600
}

# What leaves or enters a pod; headers are enough.
capture() { # POD-in|POD-out
	start /dev/null "$dir/$1.err" in_node tcpdump -i "veth-${1%-*}" -Q "${1#*-}" -n -s 512 -B 65536 -U \
		-Z root --time-stamp-precision=nano -w "$dir/$1.pcap"
	capture_pids+=" $started"
	await 5 grep -q 'listening on' "$dir/$1.err"
}

# Sends from one end to another, all kinds and the random ones, and more as asked for.
generate() { # RUNNER... -- INTERFACE FROM FROM-MAC TO TO-MAC OPTIONS
	local runner=()
	while [[ $1 != -- ]]; do
		runner+=("$1")
		shift
	done
	"${runner[@]}" "$gen" -i "$2" --from "$(ends_of "$3"),$4" --to "$(ends_of "$5"),$6" \
		--mutations "${EXACT_MUTATIONS-2000}" "${@:7}" >"$dir/gen.out"
	cat "$dir/gen.out"
	run -1 grep ': 0$' "$dir/gen.out" # every kind
	[[ $(tail -n 1 "$dir/gen.out") =~ ^sent\ ([0-9]+) ]]
	sent=${BASH_REMATCH[1]}
}

ends_of() { # a|b|outside
	local v4=$1_v4 v6=$1_v6
	echo "${!v4},${!v6}"
}

bulk() { # ADDRESS...
	local address
	for address; do
		in_pod a iperf3 -c "$address" -n 2M >/dev/null
		in_pod a iperf3 -c "$address" -n 2M -R >/dev/null
	done
}

@test "exact: bulk TCP is sent, in packets larger than the wire and cut up" {
	start "$dir/iperf.out" "$dir/iperf.err" in_pod b iperf3 -s
	server_pid=$started
	await 5 listens in_pod b 5201
	bulk $b_v4 $b_v6
	# cut up between the hook and the capture
	in_node ethtool -K veth-b gso off tso off
	bulk $b_v4 $b_v6
	in_node ethtool -K veth-b gso on tso on
	# cut up before both
	in_pod a ethtool -K eth0 gso off tso off
	in_pod b ethtool -K eth0 gso off tso off
	bulk $b_v4 $b_v6
	in_pod a ethtool -K eth0 gso on tso on
	in_pod b ethtool -K eth0 gso on tso on
	stop "$server_pid"
}

@test "exact: all kinds and random packets are sent from pod to pod through the node" {
	generate in_pod a -- eth0 a "$pod_mac" b "$node_mac" --seed "$seed"
	((sent > 4000))
	generate in_pod b -- eth0 b "$pod_mac" a "$node_mac" --seed $((seed + 1))
	((sent > 4000))
}

@test "exact: all kinds and random packets are sent from the node to a pod" {
	generate in_node -- veth-a outside "$node_mac" a "$pod_mac" --seed $((seed + 2))
	((sent > 4000))
}

# The last packets of each capture. Somebody listens, so nobody answers; what comes after would be missed.
@test "exact: the captures are whole" {
	start /dev/null /dev/null in_pod a socat UDP4-RECV:9 /dev/null,ignoreeof
	start /dev/null /dev/null in_pod b socat UDP4-RECV:9 /dev/null,ignoreeof
	await 5 listens in_pod a 9
	await 5 listens in_pod b 9
	in_pod a bash -c "echo the last of a >/dev/udp/$b_v4/9"
	in_pod b bash -c "echo the last of b >/dev/udp/$a_v4/9"
	await 10 grep -q 'the last of a' "$dir/a-in.pcap"
	await 10 grep -q 'the last of a' "$dir/b-out.pcap"
	await 10 grep -q 'the last of b' "$dir/b-in.pcap"
	await 10 grep -q 'the last of b' "$dir/a-out.pcap"
	agent_status .ledger >"$dir/ledger.json"
	stop "$agent_pid"
	for pid in $capture_pids; do
		stop "$pid" INT
	done
	assert_equal "$(grep -h 'dropped by kernel' "$dir"/*.err | sort -u)" '0 packets dropped by kernel'
	"$root/tests/tools/count-packets" "$dir/captured.json" in:"$dir/a-in.pcap" in:"$dir/b-in.pcap" \
		out:"$dir/a-out.pcap" out:"$dir/b-out.pcap" >"$dir/captured"
	"$root/tests/tools/count-records" "$dir/flows.json" >"$dir/told"
}

@test "exact: packets captured are packets seen, and end in the same cells of the ledger" {
	cat "$dir/captured.json" "$dir/ledger.json"
	assert_equal "$(jq -cS '{seen, recorded, not_ip, malformed}' "$dir/ledger.json")" "$(jq -cS . "$dir/captured.json")"
	jq -e '.table_full == 0 and .in_doubt == 0 and .recorded == .told + .untold' "$dir/ledger.json"
	jq -e 'all(. > 100)' "$dir/captured.json"
}

@test "exact: packets, bytes, deliveries and TCP flags of each flow are those of the captures" {
	(($(wc -l <"$dir/captured") > 1000))
	diff "$dir/captured" "$dir/told" >"$dir/diff" || {
		echo "captured <, told >: $(grep -c '^[<>]' "$dir/diff") lines; EXACT_SEED=$seed"
		head -n 40 "$dir/diff"
		return 1
	}
}
