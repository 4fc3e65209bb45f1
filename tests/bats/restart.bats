#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What happens when the agent is stopped, killed, or cut off from the API server: maps and programs
# stay and go on counting, the next agent takes over, and nothing is lost, told twice, or named wrongly.

load helper

setup() {
	suite_begin
	two_pods 82 one two
	start_testapi in_node --objects "$dir/objects.json" --verbose
	agent_of_two_pods --name-wait 200ms --state "$dir/state"
}

teardown() {
	kill -CONT "$api_pid" 2>/dev/null || true
	suite_end
}

# Policies are listed anew by each agent, and are no part of what is tested here.
start_again() {
	start_agent in_node --server "$api_url" --name-wait 200ms --state "$dir/state" --policy off
}

ping_once() { # N
	in_pod one ping -q -c "$1" -i 0.01 -W 1 10.82.0.3 >/dev/null
}

# Packets of all records between the two pods, both ways, under their names.
told() {
	flow_sum 'select(.source.k8s.pod.name == "one" and .destination.k8s.pod.name == "two")' \
		'.source.packets + .destination.packets'
}

told_is() { # N
	local is
	is=$(told)
	echo "told $is, not $1"
	[[ $is == "$1" ]]
}

@test "restart: packets are counted on while no agent is there, and the next one tells of them" {
	ping_once 10
	await 10 told_is 20
	stop "$agent_pid" KILL
	ping_once 15
	start_again
	await 10 told_is 50
	stop "$agent_pid" TERM
	ping_once 5
	start_again
	await 10 told_is 60
	await 10 status_is '.ledger.seen == .ledger.recorded'
}

@test "restart: a connection goes on under its id" {
	in_pod one ping -q -i 0.05 10.82.0.3 >/dev/null &
	disown
	await 10 has_records 2
	stop "$agent_pid" KILL
	start_again
	await 10 has_records 8
	run -0 flows 'select(.network.transport == "icmp" and .source.k8s.pod.name == "one")'
	run -0 jq -c '[.[].podonym.flow_id] | unique | length' <<<"$output"
	assert_output 1
}

has_records() { # N
	[[ $(flows 'select(.network.transport == "icmp")' | jq length) -ge $1 ]]
}

@test "restart: names are there before the API server is" {
	stop "$agent_pid" KILL
	stop "$api_pid" KILL
	rm -f "$dir/state"
	start_again
	owner_is 10.82.0.2 test/one
	ping_once 7
	await 30 told_is 14 # it has hoped for the API server meanwhile
}

@test "restart: names are certain as soon as all objects are known" {
	stop "$agent_pid" KILL
	rm -f "$dir/state"
	kill -STOP "$api_pid"
	start_again
	await 10 status_is '.uptime_s > 3'
	kill -CONT "$api_pid"
	await 10 agent_in_sync
	ping_once 1
	await 10 told_is 2
	run -0 flows 'select(.network.transport == "icmp" and .source.k8s.pod) | .podonym.attribution'
	assert_output '[{"source":"ip","destination":"ip"}]'
}

@test "restart: watches are resumed, nothing is listed" {
	create "$(pod test later 10.82.0.9)"
	await 10 owner_is 10.82.0.9 test/later
	stop "$agent_pid" TERM
	remove "$(pod test later 10.82.0.9)"
	create "$(pod test latest 10.82.0.10)"
	start_again
	await 10 agent_in_sync
	await 10 owner_is 10.82.0.10 test/latest
	await 10 owner_is 10.82.0.9 ''
	await 10 status_is '.metrics.pn_kube_watches_total == (.api.kinds | length)'
	status_is '.metrics.pn_kube_lists_total == 0'
}

@test "restart: a version that the server has forgotten leads to a list" {
	stop "$agent_pid" TERM
	remove "$(pod test two 10.82.0.3)"
	create "$(pod test three 10.82.0.3)"
	api POST /testapi/expire -o /dev/null
	start_again
	await 10 owner_is 10.82.0.3 test/three
	owner_is 10.82.0.2 test/one
}

@test "restart: a spoilt file of objects is said, and all is listed" {
	stop "$agent_pid" TERM
	head -c 100 /dev/urandom >"$dir/state"
	start_again
	await 10 agent_in_sync
	owner_is 10.82.0.2 test/one
	run -0 grep -c "$dir/state" "$dir/agent.err"
	assert_output 1
}

@test "restart: who asks an agent that is stuck is told so" {
	local command pid pids=()
	kill -STOP "$agent_pid"
	for command in status flows drops 'select --all'; do
		# shellcheck disable=SC2086 # words
		"$podonym" $command --socket "$dir/socket" >>"$dir/said" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		assert_equal "$status" 1
	done
	kill -CONT "$agent_pid"
	assert_equal "$(sort -u <(sed 's/.*: the agent/the agent/' "$dir/said"))" \
		'the agent there has said nothing for 15 s: it is stopped or stuck, see its log'
	assert_equal "$(wc -l <"$dir/said")" 4
	await 10 agent_in_sync
}

@test "restart: killed at random moments, nothing is lost, doubled or wrongly named" {
	KILLS=6 run "$root/tests/bench/kills" "$build"
	assert_success
}
