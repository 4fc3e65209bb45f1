#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What network policies make of each connection stands on its record, beside what the node did to it;
# and podonym policy explain says both of a recorded flow. Policies come from the API server, and
# nftables stands for the plugin that enforces them, or does not.

load helper

setup_file() {
	suite_begin
	cluster_up 10.83.0.1 fd00:83::1
	pod_up client 10.83.0.2 fd00:83::2
	pod_up server 10.83.0.3 fd00:83::3
	objects "$dir/objects.json" \
		"$(node bats-node 10.83.0.1 fd00:83::1)" \
		"$(labelled client 10.83.0.2 fd00:83::2)" \
		"$(labelled server 10.83.0.3 fd00:83::3)" \
		"$(policy server-closed '[{"ports": [{"port": 8001, "protocol": "TCP"}]}]')"
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods --name-wait 300ms
	await 10 status_is '.policy.state == "on"'
	start "$dir/server.out" "$dir/server.err" in_pod server socat TCP-LISTEN:8001,fork,reuseaddr \
		SYSTEM:cat
	server1=$started
	start "$dir/server.out" "$dir/server.err" in_pod server socat TCP-LISTEN:8002,fork,reuseaddr \
		SYSTEM:cat
	server2=$started
	await 5 listens in_pod server 8001
	await 5 listens in_pod server 8002
	await 20 is_settled 9
	export server1 server2
	suite_export
}

teardown_file() {
	stop "$server1" || true
	stop "$server2" || true
	suite_end
}

teardown() {
	in_node nft flush ruleset
	no_multicast_reports "$cluster-node"
}

# Has the last change of policies been so long ago that connections are held against them?
is_settled() { # UNUSED-PORT
	in_pod client bash -c "echo >/dev/udp/10.83.0.3/$1"
	flows 'select(.destination.port == '"$1"') | .podonym.policy' | jq -e 'any(. and (.late | not))'
}

labelled() { # NAME ADDRESS...
	pod test "$@" | jq -c '.metadata.labels = {app: .metadata.name}'
}

policy() { # NAME INGRESS-RULES: of the server
	jq -nc --argjson rules "$2" '{apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy",
		metadata: {namespace: "test", name: $ARGS.positional[0]},
		spec: {podSelector: {matchLabels: {app: "server"}}, policyTypes: ["Ingress"],
			ingress: $rules}}' --args "$1"
}

# Says something to the server, who says it again.
talk() { # PORT [SECONDS]
	in_pod client timeout "${2-60}" bash -c "exec 3<>/dev/tcp/10.83.0.3/$1 && echo hello >&3 && read -r <&3"
}

# Says something to the server, and waits for the record of its end.
talk_to_the_end() { # PORT
	local before
	before=$(newest "$1")
	talk "$1"
	await 10 has_ended "$1" "$before"
}

has_ended() { # PORT FLOW-ID-BEFORE
	local id
	id=$(newest "$1")
	[[ $id && $id != "$2" ]] &&
		[[ $(flows "select((.podonym.flow_id | tostring) == \"$id\" and .podonym.tcp.state == \"closed\")") != '[]' ]]
}

# Tries to, in vain, until its record says so.
try() { # PORT TEXT
	start /dev/null /dev/null in_pod client bash -c "exec 3<>/dev/tcp/10.83.0.3/$1"
	await 10 is_judged "$1" "$2"
	kill "$started" # which is still there
}

block() { # PORT
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				tcp dport $1 drop
			}
		}
	RULES
}

# What the records of the newest connection to a port of the server say of policies.
judged() { # PORT
	flows 'select(.destination.port == '"$1"' and .destination.k8s.pod.name == "server")' |
		jq -r '(max_by(.event.start).podonym.flow_id) as $id | map(select(.podonym.flow_id == $id).podonym.policy |
			"\(.expected) \(.name) \(.direction)\(if .late then " late" else "" end)\(
			if .disagrees then " disagrees" else "" end)") | max'
}

is_judged() { # PORT TEXT
	local is
	is=$(judged "$1")
	echo "$is"
	[[ $is == "$2" ]]
}

explain() { # ARGUMENTS
	in_node "$podonym" policy explain --server "$api_url" --socket "$dir/socket" "$@"
}

@test "verdict: allowed, and it goes through" {
	talk 8001
	await 10 is_judged 8001 'allowed server-closed ingress'
	run "$podonym" flows --all --port 8001 --verdict disagrees --socket "$dir/socket"
	assert_output ''
}

@test "verdict: denied, and the node drops it" {
	block 8003
	try 8003 'denied server-closed ingress'
	run "$podonym" flows --all --verdict denied --socket "$dir/socket"
	assert_output --partial 'test/server:8003'
	assert_output --partial '(denied by test/server-closed)'
	assert_output --partial 'dropped by netfilter'
	refute_output --partial ':8001'
}

@test "verdict: denied, and it goes through all the same" {
	talk 8002
	await 10 is_judged 8002 'denied server-closed ingress disagrees'
	run "$podonym" flows --all --verdict disagrees --socket "$dir/socket"
	assert_output --partial '(denied by test/server-closed, but went through)'
	status_is '.metrics.pn_policy_disagreeing_records_total > 0'
}

@test "verdict: allowed, and dropped as a policy would" {
	block 8001
	try 8001 'allowed server-closed ingress disagrees'
}

@test "verdict: a change of policies is for connections to come" {
	await 10 is_judged_late
	create "$(policy another '[{"ports": [{"port": 8006}]}]')"
	await 10 status_is '.policy.policies == 2'
	await 20 is_settled 10
	block 8006
	try 8006 'allowed another ingress disagrees'
	remove "$(policy another '[]')"
	await 10 status_is '.policy.policies == 1'
}

# It begins right after a change: nobody can say what was enforced. Who was held up meanwhile does so again.
is_judged_late() {
	replace "$(policy server-closed "[{\"ports\": [{\"port\": 8001}, {\"port\": $((10000 + RANDOM))}]}]")"
	talk_to_the_end 8002
	is_judged 8002 'denied server-closed ingress late'
}

@test "verdict: a tier that the server does not have is no failure" {
	run "$podonym" status --socket "$dir/socket"
	assert_line --regexp '^adminnetworkpolicies +no +0 .*cannot list adminnetworkpolicies: the server has none$'
	assert_line --regexp '^networkpolicies +yes +1 '
	refute_line --partial pn_kube_failures_total
	run cat "$dir/agent.err"
	refute_output --partial adminnetworkpolicies
}

# The flow_id of the newest connection to a port of the server.
newest() { # PORT
	flows 'select(.destination.port == '"$1"')' | jq -r 'max_by(.event.start).podonym.flow_id'
}

explained() { # JQ-FILTER ARGUMENTS
	explain -o json "${@:2}" | jq -c "$1"
}

@test "explain: a recorded flow, and that policies were not enforced" {
	await 20 is_settled 12
	talk_to_the_end 8002
	is_judged 8002 'denied server-closed ingress disagrees'
	run explained '[.verdict, .seen.what, .agrees, .src.pod, .dst.pod, .port]' --flow "$(newest 8002)"
	assert_output '["deny","through",false,"test/client","test/server",8002]'
	run explain --flow "$(newest 8002)"
	assert_line --regexp '^test/client .* -> test/server .* TCP 8002 +DENIED$'
	assert_line --regexp '^  seen +[0-9]+ packets, [0-9]+ back, closed; '
	assert_line --regexp '^  agrees +NO: not enforced'
	run explain --flow 1
	assert_failure 1
	assert_output --partial 'the agent keeps no record of 1'
	run explain --flow x
	assert_failure 2
}

asked_http() { # QUERY [CURL-OPTIONS]
	in_node curl -sS --noproxy '*' --max-time 60 "${@:2}" "http://127.0.0.1:9960/v1/explain?$1"
}

@test "explain: by HTTP, the same" {
	talk_to_the_end 8002
	is_judged 8002 'denied server-closed ingress disagrees'
	id=$(newest 8002)
	assert_equal "$(asked_http "flow=$id" | jq -S .)" "$(explain -o json --flow "$id" | jq -S .)"
	assert_equal "$(asked_http 'src=test/client&dst=test/server&port=TCP/8001' | jq -S .)" \
		"$(explain -o json test/client test/server TCP/8001 | jq -S .)"
	assert_equal "$(asked_http 'src=test/client&dst=192.0.2.7&port=53/udp' | jq -rc '[.verdict, .dst]')" \
		"$(explain -o json test/client 192.0.2.7 UDP/53 | jq -rc '[.verdict, .dst]')"
	assert_equal "$(asked_http flow=1 | jq -r '.error[:43]')" '--flow: the agent keeps no record of 1; see'
	assert_equal "$(asked_http 'src=test/none&dst=test/server&port=TCP/1' | jq -r .error)" 'no pod test/none'
	for query in '' flow=1\&src=a src=a\&dst=b flow=1\&flow=2 pod=a flow=x flow=-1 \
		src=a/b\&dst=c/d\&port={web,0,TCP/65536,ICMP/1} {'src=a&dst=c/d','src=a/b&dst=300.1.1.1'}\&port=80; do
		asked_http "$query" | jq -e .error
		assert_equal "$(asked_http "$query" -o /dev/null -w '%{http_code}')" 400
	done
	assert_equal "$(asked_http 'src=a/b&dst=c/d&port=TCP' | jq -r .error)" \
		'port: "TCP" is not PROTOCOL/PORT, as TCP/5432 or UDP/53'
}

# Other suites make drops on this machine, too; so each attempt makes one of its own.
is_last_drop() { # PORT
	! talk "$1" 1 || return 1
	explain -o json --last-drop >"$dir/last.json" && [[ $(jq .port "$dir/last.json") == "$1" ]] || return 1
	explain --last-drop >"$dir/last" && grep -q " TCP $1 " "$dir/last"
}

@test "explain: the last drop, denied and dropped" {
	block 8003
	await 10 is_last_drop 8003
	run jq -c '[.verdict, .seen.what, .agrees, .ingress_why[0].policy, .seen.drops[0].reason]' "$dir/last.json"
	assert_output '["deny","dropped",true,"test/server-closed","NETFILTER_DROP"]'
	run cat "$dir/last"
	assert_line --regexp '^  seen +.*[0-9]x dropped by netfilter \(policy-like\): NETFILTER_DROP in nft_do_chain; '
	assert_line '  agrees   yes'
	run explain --last-drop --flow 1
	assert_failure 2
}

@test "explain: ends by name, with what the agent has seen of them" {
	talk 8001
	await 10 is_seen through 8001
	run explained '[.verdict, .agrees]' test/client test/server TCP/8001
	assert_output '["allow",true]'
	run explained '[.seen.what, .agrees]' test/client test/server TCP/9999
	assert_output '["nothing",null]'
	run explain test/client test/server TCP/8001 --socket "$dir/none"
	assert_success
	refute_output --partial agrees
}

is_seen() { # WHAT PORT
	[[ $(explained .seen.what test/client test/server "TCP/$2") == "\"$1\"" ]]
}

@test "explain: an allowed flow that something else rejects; one that nobody listens for" {
	create "$(policy open '[{}]')"
	await 10 status_is '.policy.policies == 2'
	await 20 is_settled 11
	run ! talk 8009
	await 10 is_seen no-listener 8009
	run explain test/client test/server TCP/8009
	assert_line --partial 'agrees   yes: it is not policy: nobody listens there'
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				tcp dport 8010 reject with tcp reset
			}
		}
	RULES
	run ! talk 8010
	await 10 is_seen rejected 8010
	run explained '[.verdict, .agrees]' test/client test/server TCP/8010
	assert_output '["allow",false]'
}

@test "verdict: the history of an agent that was killed says it too" {
	# what the tests before have talked about
	await 10 status_is '.metrics | .pn_history_records_total == .pn_flow_records_total'
	stop "$agent_pid" KILL
	start_agent in_node --server "$api_url" --name-wait 300ms
	suite_export
	await 10 minutes_of denied 8002
	run -1 minutes_of denied 8001
	minutes_of disagrees 8002
	run "$podonym" flows --socket "$dir/socket" --since 1h --verdict disagrees --port 8002
	assert_output --partial '(denied by policies, but went through)'
}

minutes_of() { # VERDICT PORT: are there any in the history?
	"$podonym" flows --socket "$dir/socket" --since 1h --verdict "$1" --port "$2" -o json |
		jq -se 'any(.podonym.aggregate)'
}
