#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# More connections than the flow table has room for: every packet is still told, once, under the names
# of both ends.

load helper

setup_file() {
	suite_begin
	two_pods 79 client server \
		"$(service test front UDP 7000 10.98.1.1 fd00:98:1::1)"
	service_up udp 7000 10.98.1.1 10.79.0.3 fd00:98:1::1 fd00:79::3
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods --max-flows 8
	suite_export
}

teardown_file() {
	suite_end
}

# Asks from N ports of its own, three times each, and waits for the answers.
ask_from_ports() { # ADDRESS N
	local i
	for ((i = 0; i < $2; i++)); do
		# shellcheck disable=SC2016 # for the inner shell
		in_pod client bash -c 'exec 3<>"/dev/udp/$0/7000"; for i in 1 2 3; do
			echo ask >&3; [[ $(timeout 20 dd bs=64 count=1 status=none <&3) == ask ]] || exit 1; done' "$1"
	done
}

sum_of_both_ways() { # FIELD
	echo $(($(flow_sum 'select(.network.transport == "udp")' ".source.$1") +
		$(flow_sum 'select(.network.transport == "udp")' ".destination.$1")))
}

all_is_told() {
	status_is '.ledger | .untold == 0 and .in_doubt == 0'
}

@test "full: all packets of 40 connections are told once where the table has room for 8" {
	start /dev/null /dev/null in_pod server socat UDP6-RECVFROM:7000,fork,ipv6-v6only=0 PIPE
	await 5 listens in_pod server 7000
	ask_from_ports 10.79.0.3 20
	ask_from_ports fd00:79::3 20
	await 15 all_is_told
	assert_equal "$(sum_of_both_ways packets)" 240
	status_is '.ledger | .collapsed > 100 and .table_full == 0'
	# between one cell and the next a packet may come
	await 5 status_is '.ledger | .seen == .recorded + .collapsed + .not_ip + .malformed + .table_full + .not_selected + .not_sampled'
	run cat "$dir/agent.err"
	assert_output --partial 'the flow table is full'
}

@test "full: what collapsed is named" {
	collapsed='select(.podonym.collapsed and .network.transport == "udp")'
	assert_equal "$(flows "$collapsed" | jq -c '[.[] | [.source.k8s.pod.name, .destination.k8s.pod.name]] | unique')" \
		'[["client","server"]]'
	assert_equal "$(flows "$collapsed | select(.source.port or .destination.port)")" '[]'
}

@test "full: through a Service each way is told once" {
	before=$(sum_of_both_ways packets)
	ask_from_ports 10.98.1.1 20
	await 15 all_is_told
	assert_equal $(($(sum_of_both_ways packets) - before)) 120
	await 5 status_is '.ledger | .seen == .recorded + .collapsed + .not_ip + .malformed + .table_full + .not_selected + .not_sampled'
}
