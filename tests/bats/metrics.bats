#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What the agent serves over HTTP, with real packets: figures that agree with the ledger, health that
# turns with what happens to the agent. promtool reads the answers where it is installed.

load helper

setup_file() {
	suite_begin
	cluster_up 10.79.0.1 fd00:79::1
	pod_up client 10.79.0.2 fd00:79::2
	pod_up server 10.79.0.3 fd00:79::3
	objects "$dir/objects.json" \
		"$(node bats-node 10.79.0.1 fd00:79::1)" \
		"$(pod test client 10.79.0.2 fd00:79::2)" \
		"$(pod test server 10.79.0.3 fd00:79::3)"
	start_testapi in_node --objects "$dir/objects.json"
	printf 'secret\n' >"$dir/token"
	start_agent in_node --server "$api_url" --http 10.79.0.1:9960 --http-token-file "$dir/token"
	await 10 agent_in_sync
	await 10 status_is '.metrics.pn_links_traced == 2'
	suite_export
}

teardown_file() {
	suite_end
}

get() { # PATH [CURL-OPTIONS]
	in_node curl -sS --noproxy '*' --max-time 10 -H "Authorization:${token- Bearer secret}" \
		"http://10.79.0.1:9960$1" "${@:2}"
}

code() { # PATH [CURL-OPTIONS]
	get "$1" -o /dev/null -w '%{http_code}' "${@:2}"
}

# The value of one sample; 0 if it is not there: metric podonym_flow_records_total
metric() { # NAME-WITH-LABELS
	get /metrics | awk -v name="$1" '
		substr($0, 1, length(name) + 1) == name " " { value = substr($0, length(name) + 2) }
		END { print value + 0 }'
}

@test "metrics: health and readiness, without a token" {
	assert_equal "$(token='' get /healthz)" ok
	assert_equal "$(token='' get /readyz)" ok
}

@test "metrics: the token is asked for" {
	assert_equal "$(code /metrics)" 200
	assert_equal "$(token='' code /metrics)" 401
	assert_equal "$(token=' Bearer secret2' code /metrics)" 401
}

@test "metrics: every cell of the status is there" {
	get /metrics >"$dir/metrics"
	agent_status '.metrics | keys[]' | sed 's/^pn_/podonym_/' | sort >"$dir/wanted"
	sed -n 's/^\(podonym_[a-z_]*\) .*/\1/p' "$dir/metrics" | sort >"$dir/found"
	run comm -23 "$dir/wanted" "$dir/found"
	assert_output ''
	[[ -s $dir/wanted ]]
}
