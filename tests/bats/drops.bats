#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What the node drops, in every way that a network policy or a mistake makes it: a line for each, with
# both pods, the kernel's reason and place, what that means, and each packet counted.

load helper

drop_by=$build/tests/tools/drop-by

setup_file() {
	suite_begin
	two_pods 81 client server
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods --name-wait 500ms
	suite_export
}

teardown_file() {
	suite_end
}

setup() {
	follower='' dropper=''
}

teardown() {
	stop "$follower"
	stop "$dropper"
	cgroup_down
	in_node nft flush ruleset
	in_node iptables-legacy -F
	no_multicast_reports "$cluster-node"
}

# Lines between client and server that match, as one JSON array, of what the agent holds or of a file.
lines() { # FILTER [FILE]
	if [[ ${2-} ]]; then cat "$2"; else "$podonym" drops -o json --socket "$dir/socket"; fi |
		jq -cs '[.[] | select([.source.k8s.pod.name, .destination.k8s.pod.name] | sort == ["client", "server"])
		| select('"$1"')]'
}

# Sums up what lines of one sort say: kind, reason, place, and how many packets.
dropped() { # FILTER [FILE]
	lines "$@" | jq -r 'group_by(.podonym.drop | [.kind, .reason, .location]) | map(
		"\(.[0].podonym.drop | "\(.kind) \(.reason) \(.location)") \(map(.podonym.drop.count) | add)") | join(", ")'
}

is_dropped() { # FILTER TEXT [FILE]
	local is
	is=$(dropped "$1" ${3+"$3"})
	echo "$is"
	[[ $is == "$2" ]]
}

# What the flow records of these connections say of drops.
is_recorded() { # FLOW-FILTER TEXT
	local is
	is=$(flows "$1" | jq -r 'map(select(.podonym.drop)) | "\(.[0].podonym | "\(.verdict) \(.drop.reason) \(
		.drop.location)") \(map(.podonym.drop.count) | add)"')
	echo "$is"
	[[ $is == "$2" ]]
}

is_unanswered() { # FLOW-FILTER
	[[ $(flows "select($1) | .podonym.tcp.state" | jq -r 'unique | join(" ")') == opening ]]
}

# So many UDP packets of the client, each sent.
send_udp() { # PORT COUNT [ADDRESS]
	local i
	for ((i = 0; i < $2; i++)); do
		in_pod client bash -c "echo hello >/dev/udp/${3-10.81.0.3}/$1"
	done
}

@test "nftables: drop" {
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				udp dport 5000 drop
			}
		}
	RULES
	send_udp 5000 3
	await 10 is_dropped '.destination.port == 5000' 'netfilter NETFILTER_DROP nft_do_chain 3'
	await 10 is_recorded 'select(.destination.port == 5000)' \
		'dropped NETFILTER_DROP nft_do_chain 3'
	run "$podonym" flows --last 3 --verdict dropped --drop-reason NETFILTER_DROP --port 5000 \
		--socket "$dir/socket"
	assert_output --partial 'test/client'
	assert_output --partial 'dropped by netfilter'
	run "$podonym" flows --last 3 --verdict forwarded --port 5000 --socket "$dir/socket"
	refute_output --partial ':5000'
}

@test "nftables: the policy of a chain, and a chain at an interface" {
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0; policy drop
				udp dport != 5012 accept
			}
		}
		table netdev filter {
			chain ingress {
				type filter hook ingress device veth-client priority 0
				udp dport 5013 drop
			}
		}
	RULES
	send_udp 5012 2
	send_udp 5013 2
	await 10 is_dropped '.destination.port == 5012' 'netfilter NETFILTER_DROP nft_do_chain 2'
	await 10 is_dropped '.destination.port == 5013' 'netfilter NETFILTER_DROP nft_do_chain 2'
}

@test "nftables: reject with reset" {
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				tcp dport 5001 reject with tcp reset
			}
		}
	RULES
	run ! in_pod client bash -c 'echo >/dev/tcp/10.81.0.3/5001'
	await 10 is_dropped '.destination.port == 5001' 'rejected NETFILTER_DROP nft_do_chain 1'
}

@test "nftables: reject with ICMP, both families" {
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				udp dport 5002 reject
			}
		}
	RULES
	send_udp 5002 1
	await 10 is_dropped '.destination.port == 5002 and .network.type == "ipv4"' \
		'rejected NETFILTER_DROP nft_do_chain 1'
	send_udp 5002 1 fd00:81::3
	await 10 is_dropped '.destination.port == 5002 and .network.type == "ipv6"' \
		'rejected NETFILTER_DROP nft_do_chain 1'
}

# Starts a program that drops packets.
drop_by() { # HOW WHAT
	start "$BATS_TEST_TMPDIR/ready" "$BATS_TEST_TMPDIR/dropper.err" in_node "$drop_by" "$@"
	dropper=$started
	await 10 grep -q ready "$BATS_TEST_TMPDIR/ready"
}

@test "NFQUEUE: a program says drop" {
	drop_by nfqueue 7
	in_node iptables-legacy -A FORWARD -p udp --dport 5007 -j NFQUEUE --queue-num 7
	send_udp 5007 2
	await 10 is_dropped '.destination.port == 5007' 'nfqueue NOT_SPECIFIED nfqnl_reinject 2'
}

@test "a BPF program at tcx" {
	drop_by tcx veth-client || skip "$(cat "$BATS_TEST_TMPDIR/dropper.err")"
	send_udp 5008 2
	await 10 is_dropped '.destination.port == 5008' 'tc_ingress TC_INGRESS __netif_receive_skb_core 2'
}

@test "a BPF program at tcx, on the way out" {
	drop_by tcx-egress veth-server || skip "$(cat "$BATS_TEST_TMPDIR/dropper.err")"
	send_udp 5014 2
	await 10 is_dropped '.destination.port == 5014' 'tc_egress TC_EGRESS __dev_queue_xmit 2'
}

@test "a BPF program of a cgroup" {
	cgroup_up
	mkdir "$cgroup/dropped"
	drop_by cgroup "$cgroup/dropped"
	run ! in_cgroup dropped in_pod client bash -c 'echo hello >/dev/udp/10.81.0.3/5009'
	await 10 is_dropped '.destination.port == 5009' 'cgroup BPF_CGROUP_EGRESS ip_finish_output 1'
}

@test "nobody listens" {
	run ! in_pod client bash -c 'echo >/dev/tcp/10.81.0.3/5003'
	await 10 is_dropped '.destination.port == 5003 and .network.transport == "tcp"' 'no_listener NO_SOCKET tcp_v4_rcv 1'
	send_udp 5003 2
	await 10 is_dropped '.destination.port == 5003 and .network.transport == "udp"' 'no_listener NO_SOCKET __udp4_lib_rcv 2'
}

# Nothing that a policy would do is seen, only that nobody answers.
@test "the peer is gone" {
	pod_up gone 10.81.0.4 fd00:81::4
	in_pod gone ip link set eth0 down
	run ! in_pod client timeout 2 bash -c 'echo >/dev/tcp/10.81.0.4/5015'
	await 10 is_unanswered '.destination.port == 5015'
	run jq -rs '.[].podonym.drop.kind | select(IN("queue", "neighbor", "other") | not)' \
		<("$podonym" drops --port 5015 -o json --socket "$dir/socket")
	assert_output ''
}

@test "an answered ping is no drop, whatever its sockets" {
	in_pod client ping -q -c 2 -i 0.2 -W 5 10.81.0.3
	in_pod client ping -q -c 2 -i 0.2 -W 5 fd00:81::3
	in_pod client bash -c 'echo hello >/dev/udp/10.81.0.3/5999'
	await 10 is_dropped '.destination.port == 5999' 'no_listener NO_SOCKET __udp4_lib_rcv 1'
	run lines '.network.transport | startswith("icmp")'
	assert_output '[]'
}

@test "iptables: DROP and REJECT" {
	in_node iptables-legacy -A FORWARD -p udp --dport 5004 -j DROP
	in_node iptables-nft -A FORWARD -p udp --dport 5005 -j DROP
	in_node iptables-legacy -A FORWARD -p tcp --dport 5006 -j REJECT --reject-with tcp-reset
	send_udp 5004 2
	send_udp 5005 2
	run ! in_pod client bash -c 'echo >/dev/tcp/10.81.0.3/5006'
	await 10 is_dropped '.destination.port == 5004' 'netfilter NETFILTER_DROP nf_hook_slow 2'
	await 10 is_dropped '.destination.port == 5005' 'netfilter NETFILTER_DROP nft_do_chain 2'
	await 10 is_dropped '.destination.port == 5006' 'rejected NETFILTER_DROP nf_hook_slow 1'
}

# One drop after the other until the follower has been told of one.
follower_is_told() { # FILE
	send_udp 5010 1
	[[ -s $1 ]]
}

# How many lines this prints.
n_lines() { # OPTIONS
	"$podonym" drops --socket "$dir/socket" "$@" | wc -l
}

@test "only those that are asked for, as of flows" {
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				udp dport 5016-5017 drop
			}
		}
	RULES
	send_udp 5016 1
	await 10 is_dropped '.destination.port == 5016' 'netfilter NETFILTER_DROP nft_do_chain 1'
	send_udp 5017 2
	await 10 is_dropped '.destination.port == 5017' 'netfilter NETFILTER_DROP nft_do_chain 2'
	ours=(--to-pod test/server --from-ip 10.81.0.2 --cidr 10.81.0.0/24 --protocol udp --drop-reason netfilter_drop --port 5016)
	assert_equal "$(n_lines "${ours[@]}")" 1
	assert_equal "$(n_lines "${ours[@]}" --port 5017)" 3 # packets of the second have ports of their own
	assert_equal "$(n_lines "${ours[@]}" --port 5017 --not --port 5016)" 2
	assert_equal "$(n_lines "${ours[@]}" -n test --since 5m)" 1
	assert_equal "$(n_lines "${ours[@]}" -n nobody)" 0
	assert_equal "$(n_lines "${ours[@]}" --until 5m)" 0
	assert_equal "$(n_lines "${ours[@]}" --not --drop-reason NETFILTER_DROP)" 0
	run "$podonym" drops --last 1 --cidr 10.81.0.0/24 --protocol udp --numeric --socket "$dir/socket"
	assert_output --regexp ' 10\.81\.0\.2:[0-9]+ -> 10\.81\.0\.3:5017 UDP 1x dropped by netfilter'
	run -2 "$podonym" drops --port http --socket "$dir/socket"
	assert_output --partial '--port: "http" is not a port'

	start "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/err" "$podonym" drops -f --all --port 5016 --socket "$dir/socket"
	follower=$started
	await 10 grep -q :5016 "$BATS_TEST_TMPDIR/lines"
	send_udp 5017 1
	send_udp 5016 1
	await 10 is_told_twice "$BATS_TEST_TMPDIR/lines"
	run ! grep :5017 "$BATS_TEST_TMPDIR/lines"
}

is_told_twice() { # FILE
	(($(wc -l <"$1") == 2))
}

@test "drops -f: a flood is a line a second, and each packet is in one" {
	local out=$BATS_TEST_TMPDIR/lines begun n
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				udp dport 5010-5011 drop
			}
		}
	RULES
	start "$out" "$BATS_TEST_TMPDIR/err" "$podonym" drops -f -o json --socket "$dir/socket"
	follower=$started
	await 10 follower_is_told "$out"

	begun=$SECONDS
	in_pod client bash -c 'exec 3>/dev/udp/10.81.0.3/5011; for ((i = 0; i < 50000; i++)); do echo >&3; done'
	await 10 is_dropped '.destination.port == 5011' 'netfilter NETFILTER_DROP nft_do_chain 50000' "$out"
	n=$(lines '.destination.port == 5011' "$out" | jq length)
	echo "$n lines in $((SECONDS - begun)) s"
	((n <= SECONDS - begun + 2))
}

@test "without the feature there are no drops, and it says so" {
	stop "$agent_pid"
	start_agent in_node --server "$api_url" --disable drops
	suite_export
	await 10 status_is '[.features[] | select(.name == "drops")][0] | .state == "off" and .reason == "switched off"'
	run ! "$podonym" drops --socket "$dir/socket"
	assert_output --partial 'this agent does not see drops: switched off'
	stop "$agent_pid"
}
