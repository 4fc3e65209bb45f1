#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The command line: what a person types, right and wrong. One API server and one agent for all.

load helper

setup_file() {
	suite_begin
	cluster_up 10.80.0.1 fd00:80::1
	objects "$dir/objects.json" "$(node bats-node 10.80.0.1)" \
		"$(pod shop web-1 10.0.0.1 fd00::1 | jq -c '.metadata.ownerReferences = [{apiVersion: "apps/v1",
			kind: "ReplicaSet", name: "web-7d9", uid: "rs-1", controller: true}]')" \
		"$(pod shop db 10.0.0.2)" "$(pod other db 10.0.0.3)" \
		"$(service shop db TCP 5432 10.96.0.1)" \
		'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}' \
		'{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"shop","name":"web-7d9","uid":"rs-1",
			"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"d-1","controller":true}]}}'
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url"
	await 10 agent_in_sync
	suite_export
}

teardown_file() {
	suite_end
}

get() { # ARGUMENTS
	in_node "$podonym" get --server "$api_url" "$@"
}

@test "cli: without arguments: the commands, and exit status 2" {
	run "$podonym"
	assert_failure 2
	assert_output --partial COMMANDS
}

@test "cli: --help is on standard output, with exit status 0, for each command" {
	run --separate-stderr "$podonym" --help
	assert_success
	for command in agent flows whois get status doctor cleanup completion man version; do
		assert_output --partial "$command"
	done
	for command in agent flows whois get status doctor cleanup completion man version; do
		run --separate-stderr "$podonym" "$command" --help
		assert_success
		assert_output --partial USAGE
		assert_output --partial EXAMPLES
	done
}

@test "cli: a wrong command: exit status 2 and the nearest right one" {
	run "$podonym" agnet
	assert_failure 2
	assert_output --partial 'did you mean "agent"?'
	run "$podonym" xyzzy
	assert_failure 2
	refute_output --partial 'did you mean'
}

@test "cli: a wrong option: exit status 2 and the nearest right one" {
	run "$podonym" agent --intervall 5s
	assert_failure 2
	assert_output --partial 'did you mean --interval?'
	run "$podonym" whois --pinpath=/x 10.0.0.1
	assert_failure 2
	assert_output --partial 'did you mean --pin-path?'
	run "$podonym" status -z
	assert_failure 2
	assert_output --partial 'unknown option -z'
}

@test "cli: a wrong value: exit status 2, the option and what it takes" {
	run "$podonym" agent --interval 5
	assert_failure 2
	assert_output --partial '--interval'
	assert_output --partial '500ms'
	run "$podonym" agent --format jsno
	assert_failure 2
	assert_output --partial 'did you mean json?'
	run "$podonym" agent --max-flows -1
	assert_failure 2
	run "$podonym" get pods --timeout
	assert_failure 2
	assert_output --partial 'needs a value'
	PODONYM_INTERVAL=soon run "$podonym" agent
	assert_failure 2
	assert_output --partial PODONYM_INTERVAL
}

@test "cli: version" {
	run "$podonym" version
	assert_success
	assert_output --partial podonym
	run "$podonym" --version
	assert_success
}

@test "cli: whois: pod with its workload, Service, node, of both families" {
	run whois 10.0.0.1 fd00::1 10.96.0.1 10.80.0.1
	assert_success
	assert_line --regexp '^10\.0\.0\.1 +pod +shop/web-1 +Deployment/web +bats-node'
	assert_line --regexp '^fd00::1 +pod +shop/web-1 '
	assert_line --regexp '^10\.96\.0\.1 +service +shop/db'
	assert_line --regexp '^10\.80\.0\.1 +node +bats-node'
}

@test "cli: whois: as JSON" {
	run whois 10.0.0.1 -o json
	assert_success
	assert_equal "$(jq -r '.. | .owner? // empty | .workload_kind + "/" + .workload_name' <<<"$output")" Deployment/web
}

@test "cli: whois: an unknown address is said to be unknown, a wrong one is wrong usage" {
	run whois 192.0.2.77
	assert_output --partial unknown
	run whois 10.0.0.256
	assert_failure 2
	assert_output --partial '10.0.0.256'
	run "$podonym" whois
	assert_failure 2
}

@test "cli: whois: without maps it says where it looked" {
	run "$podonym" whois --pin-path "$dir/bpf/nothing" 10.0.0.1
	assert_failure 1
	assert_output --partial "$dir/bpf/nothing"
}

@test "cli: get: a namespace, all, one by name, by address" {
	run get pods -n shop
	assert_success
	assert_output --partial web-1
	assert_equal "${#lines[@]}" 3
	run get po -A
	assert_equal "${#lines[@]}" 4
	run get pod db -n other -o wide
	assert_success
	assert_output --partial 10.0.0.3
	run get pods --by-ip fd00:0::0001
	assert_success
	assert_output --partial web-1
	run get pods -n nowhere
	assert_success
	assert_output 'No resources found in nowhere namespace.'
}

@test "cli: get: every kind that the agent watches, as a table and as JSON" {
	for kind in pods services nodes namespaces replicasets; do
		run get "$kind" -A
		assert_success
		run get "$kind" -A -o json
		assert_success
		assert_equal "$(jq '.items | length > 0' <<<"$output")" true
	done
}

@test "cli: get: a wrong kind, a wrong address: exit status 2" {
	run get pots
	assert_failure 2
	run get pods --by-ip 10.0.0
	assert_failure 2
	assert_output --partial 'not an IP address'
}

@test "cli: status: text, JSON, quiet" {
	run "$podonym" status --socket "$dir/socket"
	assert_success
	assert_output --partial 'in sync'
	assert_output --partial pods
	run "$podonym" status -o json --socket "$dir/socket"
	assert_success
	assert_equal "$(jq -r '.node + " " + (.synced | tostring)' <<<"$output")" 'bats-node true'
	run "$podonym" status --quiet --socket "$dir/socket"
	assert_success
	assert_output ''
}

@test "cli: status and flows without an agent: exit status 1 and where they looked" {
	for command in 'status' 'flows -f'; do
		# shellcheck disable=SC2086 # a command and its option
		run "$podonym" $command --socket "$dir/nobody"
		assert_failure 1
		assert_output --partial "$dir/nobody"
	done
}

@test "cli: options come from the environment too, flags go first" {
	PODONYM_SOCKET=$dir/socket run "$podonym" status --quiet
	assert_success
	PODONYM_SOCKET=$dir/nobody run "$podonym" status --quiet --socket "$dir/socket"
	assert_success
}

@test "cli: agent: a directory that is no BPF file system is named" {
	run in_node "$podonym" agent --server "$api_url" --output none --history off --socket "$dir/s" \
		--pin-path "$dir/plain"
	assert_failure 1
	assert_output --partial "$dir/plain"
}

@test "cli: agent: an output that cannot be opened is named" {
	run in_node "$podonym" agent --server "$api_url" --output "$dir/no/such/file" --history off \
		--socket "$dir/s" --pin-path "$dir/bpf/other"
	assert_failure 1
	assert_output --partial "$dir/no/such/file"
}
