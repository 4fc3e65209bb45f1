#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# kubectl podonym: two agents with namespaces of their own behind the API server's pod proxy, and a third
# pod where nobody listens.

load helper

setup_file() {
	suite_begin
	cluster_up 10.87.0.1 fd00:87::1
	pod_up client 10.87.0.2 fd00:87::2
	pod_up server 10.87.0.3 fd00:87::3
	objects "$dir/objects.json" \
		"$(node node-a 10.87.0.1 fd00:87::1)" \
		"$(pod test client 10.87.0.2 fd00:87::2)" \
		"$(pod test server 10.87.0.3 fd00:87::3)" \
		"$(agent_pod agent-a node-a 10.87.0.1)" \
		"$(agent_pod agent-b node-b 10.87.0.2)" \
		"$(agent_pod agent-c node-c 10.87.0.3)"
	start_testapi in_node --objects "$dir/objects.json"
	printf 'secret\n' >"$dir/token"
	start_agent in_node --server "$api_url" --node node-a --http 10.87.0.1:9960 --http-token-file "$dir/token" \
		--disable cgroup
	bpffs_up "$dir/bpf-b"
	start /dev/null "$dir/agent-b.err" in_pod client "$podonym" agent --server http://127.0.0.1:1 --node node-b \
		--interval 200ms --http 10.87.0.2:9960 --http-token-file "$dir/token" --disable cgroup --socket "$dir/socket-b" \
		--output "$dir/flows-b.json" --history "$dir/history-b.db" --pin-path "$dir/bpf-b/podonym"
	echo "$started" >"$dir/agent-b.pid"
	await 30 "$podonym" status --quiet --live --socket "$dir/socket-b" || { cat "$dir/agent-b.err"; return 1; }
	await 30 agent_in_sync
	ln -s "$podonym" "$dir/kubectl-podonym"
	suite_export
}

teardown_file() {
	stop "$(cat "$dir/agent-b.pid")" || true
	bpffs_down "$dir/bpf-b"
	suite_end
}

agent_pod() { # NAME NODE ADDRESS
	jq -nc '$ARGS.positional as $a | {apiVersion: "v1", kind: "Pod",
		metadata: {namespace: "podonym-system", name: $a[0], labels: {"app.kubernetes.io/name": "podonym"}},
		spec: {nodeName: $a[1], hostNetwork: true},
		status: {phase: "Running", podIP: $a[2], podIPs: [{ip: $a[2]}]}}' --args "$@"
}

kubectl_podonym() { # COMMAND [OPTIONS]
	in_node "$dir/kubectl-podonym" "$1" --server "$api_url" --http-token-file "$dir/token" "${@:2}"
}

udp_packets() { # PORT N
	start /dev/null /dev/null in_pod server socat "UDP4-RECV:$1" /dev/null,ignoreeof
	await 5 listens in_pod server "$1"
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>"/dev/udp/10.87.0.3/$0"; for ((i = 0; i < $1; i++)); do printf 0 >&3; done' "$@"
}

told_by_both() { # PORT
	kubectl_podonym flows --all --port "$1" -o json >"$dir/merged.json" 2>"$dir/merged.err"
	[[ $(jq -rs '[.[].k8s.node.name] | unique | join(" ")' "$dir/merged.json") == 'node-a node-b' ]]
}

# An agent is heard through the proxy as it is on its socket.
told_as_alone() { # PORT
	local alone merged
	alone=$("$podonym" flows --all --port "$1" -o json --socket "$dir/socket" | jq -s length)
	told_by_both "$1"
	merged=$(jq -s 'map(select(.k8s.node.name == "node-a")) | length' "$dir/merged.json")
	echo "alone $alone, merged $merged"
	((alone >= 2 && alone == merged))
}

@test "records of all nodes come in the order of time, each with its node" {
	udp_packets 7001 5
	udp_packets 7001 3
	await 30 told_by_both 7001
	run -0 jq -es '[.[].event.end] | . == sort and length >= 2' "$dir/merged.json"
	run -0 jq -es 'all(.[]; .destination.port == 7001 or .source.port == 7001)' "$dir/merged.json"
	await 10 told_as_alone 7001
}

@test "compact lines begin with the node, and the time of this place" {
	udp_packets 7002 5
	await 30 told_by_both 7002
	run -4 --separate-stderr kubectl_podonym flows --all --port 7002
	assert_line --regexp '^node-a [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} test/client:[0-9]+ -> test/server:7002 UDP '
	assert_line --regexp '^node-b [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} .* UDP '
}

@test "a node that does not answer is named, with the reason, and the exit status says so" {
	run -4 --separate-stderr kubectl_podonym flows --last 1
	assert_regex "$stderr" 'node node-c: does not answer: 503 ServiceUnavailable: .*10\.87\.0\.3:9960'
	run -1 --separate-stderr kubectl_podonym flows --agents-port 1
	assert_regex "$stderr" 'node node-a: does not answer'
	run -1 --separate-stderr kubectl_podonym flows --agents-namespace nowhere
	assert_regex "$stderr" 'no pod in namespace nowhere has the labels app.kubernetes.io/name=podonym'
}

@test "following shows what comes from all nodes" {
	local asked_a asked_b
	asked_a=$(requests_of socket) asked_b=$(requests_of socket-b)
	start "$dir/follow.out" "$dir/follow.err" kubectl_podonym flows -f --port 7003 --delay 100ms
	local pid=$started
	await 30 grep -q 'node node-c: does not answer' "$dir/follow.err"
	await 30 has_asked "$asked_a" socket
	await 30 has_asked "$asked_b" socket-b
	udp_packets 7003 4
	await 30 grep -q '^node-a .*:7003' "$dir/follow.out"
	await 30 grep -q '^node-b .*:7003' "$dir/follow.out"
	stop "$pid" INT
}

requests_of() { # SOCKET
	"$podonym" status -o json --socket "$dir/$1" | jq '.metrics.pn_http_requests_total'
}

# Has a request come since there were so many? It is for the records to come, and answered with them at once.
has_asked() { # N SOCKET
	(($(requests_of "$2") > $1))
}

@test "a missing right is named" {
	api POST '/testapi/fail?status=403&count=3&after=1' -o /dev/null
	run -1 --separate-stderr kubectl_podonym flows
	assert_regex "$stderr" 'node node-a: does not answer: 403 .*a role must allow get on pods/proxy there'
	api POST '/testapi/fail?status=403&count=1' -o /dev/null
	run -1 --separate-stderr kubectl_podonym flows
	assert_regex "$stderr" 'cannot list pods in namespace podonym-system: 403 .*a role must allow list on pods there'
}

@test "without the token the agents do not answer" {
	run -1 --separate-stderr in_node "$dir/kubectl-podonym" flows --server "$api_url"
	assert_regex "$stderr" 'node node-b: does not answer: 401 .*see --http-token-file'
}

@test "status has a row for each node" {
	run -4 --separate-stderr kubectl_podonym status
	assert_line --index 0 --regexp '^NODE +AGENT +VERSION '
	assert_line --regexp '^node-a +well '
	assert_line --regexp '^node-b +not in sync '
	assert_line --regexp '^node-c +no answer '
	run -4 --separate-stderr kubectl_podonym status -o json
	assert_equal "$(jq -r '[.[].node] | join(" ")' <<<"$output")" 'node-a node-b node-c'
}

@test "drops come the same way; other commands are the program's own" {
	run -4 --separate-stderr kubectl_podonym drops
	refute_regex "$stderr" 'node-a|node-b'
	run -0 "$dir/kubectl-podonym" policy explain --help
	run -2 kubectl_podonym flows --port http
	assert_output --partial 'is not a port'
}
