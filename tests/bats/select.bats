#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# Which connections the agent records: said at its start, changed while it runs, with namespaces and
# labels as they change; those that have lost packets; samples of connections through a Service; and what
# a wrong selection is told.

load helper

setup_file() {
	suite_begin
	cluster_up 10.82.0.1 fd00:82::1
	pod_up web 10.82.0.2 fd00:82::2
	pod_up client 10.82.0.3 fd00:82::3
	pod_up stranger 10.82.0.4 fd00:82::4
	objects "$dir/objects.json" \
		"$(node bats-node 10.82.0.1 fd00:82::1)" \
		"$(pod shop web 10.82.0.2 fd00:82::2 | labelled app web)" \
		"$(pod test client 10.82.0.3 fd00:82::3 | labelled app client)" \
		"$(pod other stranger 10.82.0.4 fd00:82::4)" \
		"$(service test front UDP 7000 10.98.2.1 fd00:98:2::1)"
	service_up udp 7000 10.98.2.1 10.82.0.2 fd00:98:2::1 fd00:82::2
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url" --name-wait 500ms --select "namespace=shop"
	await 10 agent_in_sync
	await 10 status_is '.metrics.pn_links_traced == 3'
	for pod in web client stranger; do
		start /dev/null /dev/null in_pod "$pod" socat UDP6-RECVFROM:7000,fork,ipv6-v6only=0 PIPE
		await 5 listens in_pod "$pod" 7000
	done
	suite_export
}

teardown_file() {
	suite_end
}

labelled() { # KEY VALUE: the pod on standard input
	jq -c --arg key "$1" --arg value "$2" '.metadata.labels = {($key): $value}'
}

select_is() { # WORD...: the agent takes it
	run -0 "$podonym" select --socket "$dir/socket" "$@"
}

# One packet there and one back, from ports that the kernel chooses: connections of their own.
ask() { # POD ADDRESS [TIMES]
	# shellcheck disable=SC2016 # for the inner shell
	in_pod "$1" bash -c 'for ((i = 0; i < $1; i++)); do
		exec 3<>"/dev/udp/$0/7000" && echo ask >&3
		[[ $(timeout 20 dd bs=64 count=1 status=none <&3) == ask ]] || exit 1; done' "$2" "${3-1}"
}

all_is_told() {
	status_is '.ledger | .untold == 0 and .in_doubt == 0' &&
		status_is '.ledger | .seen == .recorded + .collapsed + .not_ip + .malformed + .table_full + .not_selected + .not_sampled'
}

# Who spoke UDP on port 7000 since the file had so many lines: "client web"
speakers() { # LINES
	tail -n "+$(($1 + 1))" "$dir/flows.json" | jq -rs '[.[] | select(.network.transport == "udp" and
		.destination.port == 7000) | .source.k8s.pod.name + " " + .destination.k8s.pod.name] |
		unique | join(", ")'
}

lines() {
	wc -l <"$dir/flows.json"
}

slice() { # what stands behind the Service front: a pod of its namespace
	jq -nc '{apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
		metadata: {namespace: "test", name: "front-x", labels: {"kubernetes.io/service-name": "front"}},
		addressType: "IPv4", ports: [{port: 7000, protocol: "UDP"}],
		endpoints: [{addresses: ["10.82.0.3"], conditions: {ready: true},
			targetRef: {kind: "Pod", namespace: "test", name: "client"}}]}'
}

# The connections between all pods, of which some are recorded.
ask_around() {
	ask client 10.82.0.2
	ask client fd00:82::2
	ask stranger 10.82.0.2
	ask client 10.82.0.4
	ask stranger fd00:82::3
}

@test "select: only connections of a namespace are recorded, each packet of others is counted" {
	local before
	before=$(lines)
	ask_around
	await 15 all_is_told
	assert_equal "$(speakers "$before")" "client web, stranger web"
	status_is '.selection == {expression: "namespace=shop", sampling: 1, addresses: 2}'
	status_is '.ledger.not_selected >= 8'
	run -0 "$podonym" status --socket "$dir/socket"
	assert_output --partial "recorded    namespace=shop"
}

@test "select: another selection holds at once" {
	local before
	before=$(lines)
	select_is label=app=client cidr=fd00:82::4 or namespace=nobody
	assert_line --regexp '^selection +label=app=client cidr=fd00:82::4 or namespace=nobody$'
	ask_around
	await 15 all_is_told
	assert_equal "$(speakers "$before")" "stranger client"
	select_is
	assert_line --regexp '^addresses +2$'
}

@test "select: labels as kubectl -l takes them, and other terms behind them" {
	local before
	before=$(lines)
	select_is 'label=app in (client, none),!old' cidr=fd00:82::4 or 'label=app notin (web,client),app' port=7000
	ask_around
	await 15 all_is_told
	assert_equal "$(speakers "$before")" "stranger client"
	before=$(lines)
	select_is 'label=app in (web)' port=7000
	assert_line --regexp '^selection +label=app in \(web\) port=7000$'
	assert_line --regexp '^addresses +2$'
	ask_around
	await 15 all_is_told
	assert_equal "$(speakers "$before")" "client web, stranger web"
}

@test "select: labels are followed" {
	local before
	select_is label=app=late port=7000
	before=$(lines)
	replace "$(pod other stranger 10.82.0.4 fd00:82::4 | labelled app late)"
	await 5 status_is '.selection.addresses == 2'
	ask_around
	await 15 all_is_told
	assert_equal "$(speakers "$before")" "client stranger, stranger client, stranger web"
	replace "$(pod other stranger 10.82.0.4 fd00:82::4)"
	await 5 status_is '.selection.addresses == 0'
	before=$(lines)
	ask_around
	await 15 all_is_told
	assert_equal "$(speakers "$before")" ""
}

@test "select: a Service's address belongs to its namespace, its backend to another" {
	local before
	select_is namespace=test protocol=udp
	before=$(lines)
	ask stranger 10.98.2.1
	ask stranger 10.82.0.2
	await 15 all_is_told
	assert_equal "$(speakers "$before")" "stranger web"
	assert_equal "$(tail -n "+$((before + 1))" "$dir/flows.json" |
		jq -s '[.[].source.packets] | add')" 1
}

# How many packets of a question through the Service and its answer are recorded.
goes_through_service() { # PACKETS
	local before
	before=$(lines)
	ask stranger 10.98.2.1
	ask stranger 10.82.0.2
	await 15 all_is_told
	assert_equal "$(tail -n "+$((before + 1))" "$dir/flows.json" | jq -rs 'map(select(
		.destination.k8s.service.name == "front")) | map(.source.packets, .destination.packets) | add')" "$1"
}

@test "select: a Service counts by its own labels, and by those of the pods behind it" {
	select_is label=role=face
	goes_through_service null
	replace "$(service test front UDP 7000 10.98.2.1 fd00:98:2::1 | labelled role face)"
	await 5 status_is '.selection.addresses == 2'
	goes_through_service 2
	replace "$(service test front UDP 7000 10.98.2.1 fd00:98:2::1)"
	await 5 status_is '.selection.addresses == 0'

	create "$(slice)"
	replace "$(pod test client 10.82.0.3 fd00:82::3 | labelled role face)"
	await 5 status_is '.selection.addresses == 4'
	goes_through_service 2
	remove "$(slice)"
	await 5 status_is '.selection.addresses == 2'
	replace "$(pod test client 10.82.0.3 fd00:82::3 | labelled app client)"
	await 5 status_is '.selection.addresses == 0'
}

is_told() { # PORT LINES: since the file had so many
	tail -n "+$(($2 + 1))" "$dir/flows.json" | grep -q "\"port\":$1,"
}

@test "select: connections that have lost a packet, from then on" {
	local before
	status_is '.features[] | select(.name == "drops") | .state == "on"' || skip "this kernel shows no drops"
	select_is drops protocol=udp
	before=$(lines)
	in_node nft add table inet lossy
	in_node nft add chain inet lossy forward '{ type filter hook forward priority 0; }'
	in_node nft add rule inet lossy forward udp dport 7001 drop
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>/dev/udp/10.82.0.2/7001
		until [[ -e $0 ]]; do echo more >&3; sleep 0.1; done' "$dir/seen" &
	ask client 10.82.0.2
	await 15 is_told 7001 "$before"
	touch "$dir/seen"
	wait $!
	await 15 all_is_told
	in_node nft delete table inet lossy
	assert_equal "$(tail -n "+$((before + 1))" "$dir/flows.json" | jq -cs 'map(select(
		.destination.port >= 7000 and .destination.port <= 7001) |
		[.destination.port, .podonym.verdict]) | unique')" '[[7001,"dropped"]]'
}

# One in four of 700: four and a half standard deviations are 52 connections.
@test "select: samples through a Service are whole, say what they stand for, and add up" {
	local before sum
	select_is --all --sample 4
	before=$(lines)
	ask client 10.98.2.1 700
	await 15 all_is_told
	tail -n "+$((before + 1))" "$dir/flows.json" | jq -c 'select(.network.transport == "udp" and
		.destination.k8s.service.name == "front")' >"$dir/samples"
	run jq -s 'map(select(.podonym.sampling != 4 or .source.packets != .destination.packets or
		.podonym.delivered.source != .source.packets)) | length' "$dir/samples"
	assert_output 0
	sum=$(jq -s 'map(.source.packets * .podonym.sampling) | add' "$dir/samples")
	echo "700 connections, estimated $sum"
	((sum >= 492 && sum <= 908))
	run jq -s 'map(select(.network.transport == "udp" and .destination.port == 7000 and
		.destination.k8s.service == null)) | length' <(tail -n "+$((before + 1))" "$dir/flows.json")
	assert_output 0
}

@test "select: what is wrong is said, and nothing changes" {
	select_is port=443 --sample 3
	run -1 "$podonym" select --socket "$dir/socket" namspace=shop
	assert_output --partial 'namspace=shop: not a term, did you mean namespace=?'
	run -1 "$podonym" select --socket "$dir/socket" label=app in web
	assert_output --partial 'label=app in: "app in": "in" and "notin" stand before values in brackets; write app=web'
	run -1 "$podonym" select --socket "$dir/socket" port=0
	assert_output --partial 'port=0: "0" is not a port from 1 to 65535'
	run -2 "$podonym" select --socket "$dir/socket" --all port=80
	assert_output --partial 'either or'
	run -2 "$podonym" select --socket "$dir/socket" --sample 0
	assert_output --partial '"0" is not a number from 1 to 65535'
	run -2 "$podonym" agent --select protocol=tpc --sample 2
	assert_output --partial 'did you mean tcp?'
	status_is '.selection == {expression: "port=443", sampling: 3, addresses: 0}'
}

@test "select: the next agent goes by its own options" {
	stop "$agent_pid"
	start_agent in_node --server "$api_url" --name-wait 500ms --sample 2
	echo "$agent_pid" >"$dir/agent.pid"
	status_is '.selection == {expression: "", sampling: 2, addresses: 0}'
	stop "$agent_pid"
	start_agent in_node --server "$api_url" --name-wait 500ms
	status_is '.selection == {expression: "", sampling: 1, addresses: 0}'
	stop "$agent_pid"
}
