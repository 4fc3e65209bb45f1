#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The agent and an API server that is not there, not well or not honest: names stay as they were,
# the failure is named, and all is made good when the server is well again. Each test has a node
# of its own (a network namespace without pods) and an agent in it.

load helper

setup() {
	suite_begin
	cluster_up 10.79.0.1 fd00:79::1
	objects "$dir/objects.json" "$(node bats-node 10.79.0.1)" \
		"$(pod shop web 10.0.0.1 fd00::1)" "$(pod shop db 10.0.0.2)" \
		"$(service shop db TCP 5432 10.96.0.1)"
}

teardown() {
	suite_end
}

start_both() {
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url"
	await 10 agent_in_sync
	await 10 all_are_watched
}

# All kinds that the agent wants.
all_are_watched() {
	local kinds
	kinds=$(agent_status '[.api.kinds[].kind]')
	[[ $(api GET /testapi/status | jq --argjson kinds "$kinds" \
		'[.watches[$kinds[]]] | length > 0 and all(. >= 1)') == true ]]
}

# What the agent says about the server, or about one of the kinds.
errors() {
	agent_status '[.api.error, .api.kinds[].error] | map(select(. != "")) | unique | join("; ")'
}

says() { # TEXT
	[[ $(errors) == *"$1"* ]]
}

# https with a certificate for 127.0.0.1 and a token; the kubeconfig speaks to api_url with them.
make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=testapi \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/$1.key" -out "$dir/$1.pem" 2>/dev/null
}

make_kubeconfig() { # CA-FILE TOKEN-FILE
	cat >"$dir/kubeconfig" <<-CONFIG
		apiVersion: v1
		kind: Config
		current-context: bats
		clusters:
		- name: bats
		  cluster: {server: "$api_url", certificate-authority: "$1"}
		users:
		- name: bats
		  user: {tokenFile: "$2"}
		contexts:
		- name: bats
		  context: {cluster: bats, user: bats, namespace: shop}
	CONFIG
}

get() { # ARGUMENTS
	in_node "$podonym" get "$@"
}

@test "connection: a server that refuses: get fails at once, the agent waits for it" {
	start_testapi in_node
	stop "$api_pid"
	run get pods -A --server "$api_url"
	assert_failure 1
	assert_output --partial 'refused'
	start_agent in_node --server "$api_url"
	await 10 says refused
	run "$podonym" status --quiet --socket "$dir/socket"
	assert_failure 1
	start_testapi in_node --objects "$dir/objects.json" --port "${api_url##*:}"
	await 20 agent_in_sync
	owner_is 10.0.0.1 shop/web
	assert_equal "$(errors)" ''
}

@test "connection: a wrong token is named, a right one is picked up from its file" {
	make_certificate ca
	echo right >"$dir/server-token"
	echo wrong >"$dir/token"
	start_testapi in_node --objects "$dir/objects.json" --token-file "$dir/server-token" \
		--tls-cert "$dir/ca.pem" --tls-key "$dir/ca.key"
	make_kubeconfig "$dir/ca.pem" "$dir/token"
	run get pods --kubeconfig "$dir/kubeconfig"
	assert_failure 1
	assert_output --partial 401
	start_agent in_node --kubeconfig "$dir/kubeconfig"
	await 10 says 401
	echo right >"$dir/token"
	await 30 agent_in_sync
	owner_is 10.0.0.2 shop/db
	run grep -rE 'wrong|right' "$dir/agent.err"
	assert_failure # secrets are not logged
}

@test "connection: a CA file that is not the server's, or missing, is named" {
	make_certificate ca
	make_certificate other
	echo token >"$dir/token"
	start_testapi in_node --objects "$dir/objects.json" --tls-cert "$dir/ca.pem" --tls-key "$dir/ca.key"
	make_kubeconfig "$dir/other.pem" "$dir/token"
	run get pods --kubeconfig "$dir/kubeconfig"
	assert_failure 1
	assert_output --partial certificate
	make_kubeconfig "$dir/missing.pem" "$dir/token"
	run get pods --kubeconfig "$dir/kubeconfig"
	assert_failure 1
	assert_output --partial "$dir/missing.pem"
	make_kubeconfig "$dir/ca.pem" "$dir/token"
	run get pods --kubeconfig "$dir/kubeconfig"
	assert_success
}

# A credential plugin that brings what is in a file; each run leaves a line in another.
make_plugin() { # TOKEN-FILE
	cat >"$dir/plugin" <<-PLUGIN
		#!/bin/sh
		echo "\$1 \$KUBERNETES_EXEC_INFO" >>"$dir/runs"
		printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
		printf '"status":{"token":"%s"}}' "\$(cat "$1")"
	PLUGIN
	chmod +x "$dir/plugin"
}

make_plugin_kubeconfig() { # COMMAND: no context in it
	cat >"$dir/plugin-kubeconfig" <<-CONFIG
		users:
		- name: bats
		  user:
		    exec:
		      apiVersion: client.authentication.k8s.io/v1
		      command: $1
		      args: [login]
		      interactiveMode: Never
		      provideClusterInfo: true
		      installHint: ask the cluster's owner for it
	CONFIG
}

use_kubeconfigs() { # LIST
	export KUBECONFIG=$1
}

@test "connection: a credential plugin of one kubeconfig, the cluster of another" {
	make_certificate ca
	echo right >"$dir/token"
	start_testapi in_node --objects "$dir/objects.json" --token-file "$dir/token" \
		--tls-cert "$dir/ca.pem" --tls-key "$dir/ca.key"
	make_plugin "$dir/token"
	make_plugin_kubeconfig ./plugin
	make_kubeconfig "$dir/ca.pem" "$dir/missing-token" # its user is hidden by the first file's
	use_kubeconfigs "$dir/plugin-kubeconfig:$dir/absent:$dir/kubeconfig"
	run get pods
	assert_success
	assert_output --partial web
	assert_equal "$(wc -l <"$dir/runs")" 1
	run cat "$dir/runs"
	assert_output --partial "login {"
	assert_output --partial "\"server\":\"$api_url\""
	make_plugin_kubeconfig ./absent
	run get pods
	assert_failure 1
	assert_output --partial "$dir/./absent"
	assert_output --partial "ask the cluster's owner for it"
}

@test "connection: a credential plugin runs again when the server refuses what it brought" {
	make_certificate ca
	echo right >"$dir/server-token"
	echo wrong >"$dir/token"
	start_testapi in_node --objects "$dir/objects.json" --token-file "$dir/server-token" \
		--tls-cert "$dir/ca.pem" --tls-key "$dir/ca.key"
	make_plugin "$dir/token"
	make_plugin_kubeconfig ./plugin
	make_kubeconfig "$dir/ca.pem" "$dir/missing-token"
	use_kubeconfigs "$dir/plugin-kubeconfig:$dir/kubeconfig"
	start_agent in_node
	await 10 says 401
	echo right >"$dir/token"
	await 30 agent_in_sync
	owner_is 10.0.0.1 shop/web
	run grep -rE 'wrong|right' "$dir/agent.err"
	assert_failure # secrets are not logged
}

@test "connection: a proxy that is not there is named, its password is not" {
	start_testapi in_node --objects "$dir/objects.json"
	make_kubeconfig /dev/null /dev/null
	sed -i 's|cluster: {|cluster: {proxy-url: "http://me:secret@127.0.0.1:9", |' "$dir/kubeconfig"
	run get pods --kubeconfig "$dir/kubeconfig"
	assert_failure 1
	assert_output --partial 'is the proxy http://127.0.0.1:9 running?'
	refute_output --partial secret
}

@test "connection: the server is away for 3 s: names stay, what changed meanwhile comes after" {
	start_both
	stop "$api_pid"
	await 10 says refused
	objects "$dir/objects.json" "$(node bats-node 10.79.0.1)" "$(pod shop web 10.0.0.1)" "$(pod shop new 10.0.0.3)"
	sleep 3 # this is what is tested: an absence of 3 s
	owner_is 10.0.0.1 shop/web
	owner_is 10.0.0.2 shop/db
	start_testapi in_node --objects "$dir/objects.json" --port "${api_url##*:}"
	await 30 owner_is 10.0.0.3 shop/new
	await 30 owner_is 10.0.0.2 ''
	owner_is 10.0.0.1 shop/web
	await 30 says ''
}

@test "connection: history is expired: the agent lists again and misses nothing" {
	local before
	start_both
	before=$(agent_status .metrics.pn_kube_lists_total)
	# changes that nobody sees: watches are cut, and fail when they are opened again
	api POST '/testapi/fail?status=429&count=1000&retryAfter=1'
	api POST /testapi/cut
	await 10 nothing_is_watched
	remove "$(pod shop db)"
	create "$(pod shop new 10.0.0.3)"
	api POST /testapi/expire
	api POST '/testapi/fail?count=0'
	await 20 owner_is 10.0.0.3 shop/new
	await 20 owner_is 10.0.0.2 ''
	owner_is 10.0.0.1 shop/web
	(($(agent_status .metrics.pn_kube_lists_total) > before))
}

nothing_is_watched() {
	[[ $(api GET /testapi/status | jq '[.watches[]] | add') == 0 ]]
}

@test "connection: watches cut in the middle of an object: the half is not taken, the next watch goes on" {
	start_both
	for i in 1 2 3; do
		api POST /testapi/cut
		create "$(pod shop "new$i" "10.0.1.$i")"
		await 30 owner_is "10.0.1.$i" "shop/new$i"
	done
	owner_is 10.0.0.1 shop/web
	owner_is 10.0.0.2 shop/db
}

@test "connection: garbage on the watches is counted, named, and survived" {
	start_both
	before=$(agent_status .metrics.pn_kube_failures_total)
	api POST /testapi/garbage
	create "$(pod shop new 10.0.0.3)"
	await 30 owner_is 10.0.0.3 shop/new
	owner_is 10.0.0.1 shop/web
	(($(agent_status .metrics.pn_kube_failures_total) > before))
}

@test "connection: errors of the server: named while they last, tried again with patience" {
	start_testapi in_node --objects "$dir/objects.json"
	api POST '/testapi/fail?status=500&count=1000'
	started_at=$SECONDS
	start_agent in_node --server "$api_url" --policy off # lists of policies would fail in the others' place
	await 10 says 500
	api POST '/testapi/fail?status=500&count=3'
	await 40 agent_in_sync
	requests=$(api GET /testapi/status | jq .requests)
	((requests < 40 + 8 * (SECONDS - started_at))) # without patience there would be more than a thousand
	owner_is 10.0.0.1 shop/web
}

@test "connection: an object of another kind on a watch is dropped, those behind it are taken" {
	start_both
	api POST '/testapi/raw?path=/api/v1/pods' --data-binary '{"type":"ADDED","object":{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s","namespace":"shop","uid":"u","resourceVersion":"1"}}}'
	create "$(pod shop new 10.0.0.3)"
	await 10 owner_is 10.0.0.3 shop/new
	run get secrets --server "$api_url"
	assert_failure 2
	assert_output --partial 'unknown kind "secrets"'
	assert_output --partial pods
}

@test "connection: objects that make no sense are refused one by one" {
	start_both
	api POST '/testapi/raw?path=/api/v1/pods' --data-binary '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":7}}}'
	api POST '/testapi/raw?path=/api/v1/pods' --data-binary '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1"}}'
	create "$(pod shop odd 10.0.0.300 10.0.0.9/32 '' fd00::9)"
	await 10 owner_is fd00::9 shop/odd
	status_is '.metrics.pn_index_addresses_refused_total >= 2 or .metrics.pn_kube_objects_refused_total >= 2'
	owner_is 10.0.0.1 shop/web
}

@test "connection: a pod with 50 addresses has them all, one with 100 is cut at the limit" {
	start_both
	# shellcheck disable=SC2046 # a list of addresses
	create "$(pod shop many $(printf '10.1.0.%d ' {1..50}))"
	for i in {1..50}; do
		await 10 owner_is "10.1.0.$i" shop/many
	done
	# shellcheck disable=SC2046 # a list of addresses
	create "$(pod shop too-many $(printf '10.2.0.%d ' {1..100}))"
	create "$(pod shop next 10.0.0.4)" # on the same watch: when this is known, so is the one before
	await 10 owner_is 10.0.0.4 shop/next
	owner_is 10.2.0.1 shop/too-many
	owner_is 10.2.0.64 shop/too-many
	owner_is 10.2.0.65 ''
	remove "$(pod shop many)"
	await 10 owner_is 10.1.0.50 ''
	await 10 owner_is 10.1.0.1 ''
}

@test "connection: names at their longest arrive whole" {
	start_both
	namespace=$(printf 'n%.0s' {1..63})
	name=$(printf 'p%.0s' {1..253})
	create "$(pod "$namespace" "$name" 10.0.0.9 | jq -c --arg node "$name" '.spec.nodeName = $node')"
	await 10 owner_is 10.0.0.9 "$namespace/$name"
	run get pods -n "$namespace" --server "$api_url"
	assert_success
	assert_output --partial "$name"
}

@test "connection: a host-network pod does not take its node's address" {
	start_both
	create "$(pod kube-system proxy 10.79.0.1 | jq -c '.spec.hostNetwork = true')"
	create "$(pod shop next 10.0.0.4)" # on the same watch: when this is known, so is the one before
	await 10 owner_is 10.0.0.4 shop/next
	assert_equal "$(whois 10.79.0.1 -o json | jq -r '.. | .owner? // empty | .kind + " " + .name')" 'node bats-node'
}

@test "connection: of two pods with one address the newer has it, and a late deletion takes nothing" {
	start_both
	create "$(pod shop newer 10.0.0.1 | jq -c '.metadata.creationTimestamp = "2100-01-01T00:00:00Z"')"
	await 10 owner_is 10.0.0.1 shop/newer
	remove "$(pod shop web)"
	await 10 owner_is fd00::1 ''
	owner_is 10.0.0.1 shop/newer
}

@test "connection: 3,000 pods arrive whole, in pages" {
	jq -nc '{items: [range(3000) | {apiVersion: "v1", kind: "Pod",
		metadata: {namespace: "load", name: "pod-\(.)"}, spec: {nodeName: "bats-node"},
		status: {phase: "Running", podIPs: [{ip: "10.\(16 + . / 65536 | floor).\(. / 256 | floor).\(. % 256)"}]}}]}' \
		>"$dir/objects.json"
	start_both
	assert_equal "$(agent_status '.api.kinds[] | select(.kind == "pods") | .objects')" 3000
	assert_equal "$(agent_status .index.addresses)" 3000
	owner_is 10.16.11.183 load/pod-2999
}

@test "connection: a second agent on the same maps is refused, the first goes on" {
	start_both
	run in_node "$podonym" agent --server "$api_url" --output none --socket "$dir/socket2" --pin-path "$dir/bpf/podonym" \
		--history off
	assert_failure 1
	assert_output --partial 'agent'
	run in_node "$podonym" agent --server "$api_url" --output none --socket "$dir/socket" --pin-path "$dir/bpf/podonym2" \
		--history off
	assert_failure 1
	agent_in_sync
}

@test "connection: an agent that is killed leaves its names, the next one takes over" {
	start_both
	stop "$agent_pid" KILL
	owner_is 10.0.0.1 shop/web
	remove "$(pod shop db)"
	start_agent in_node --server "$api_url"
	await 10 agent_in_sync
	await 10 owner_is 10.0.0.2 ''
	owner_is 10.0.0.1 shop/web
}
