#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What the agent serves over HTTP, with real packets: figures that agree with the ledger, health that
# turns with what happens to the agent. promtool reads the answers where it is installed.

load helper

setup_file() {
	suite_begin
	two_pods 79 client server
	start_testapi in_node --objects "$dir/objects.json"
	printf 'secret\n' >"$dir/token"
	start_web_agent --server "$api_url" --sink "file:$dir/sink,format=netobserv"
	await_two_pods
	suite_export
}

# Takes over from the one before. The node's own sockets are left out: reading figures changes none.
start_web_agent() { # OPTIONS
	[[ ! -e $dir/agent.pid ]] || stop "$(cat "$dir/agent.pid")"
	start_agent in_node --http 10.79.0.1:9960 --http-token-file "$dir/token" --disable cgroup "$@"
	echo "$agent_pid" >"$dir/agent.pid"
	await 10 get /healthz
}

teardown_file() {
	agent_pid=$(cat "$dir/agent.pid")
	suite_end
}

get() { # PATH [CURL-OPTIONS]
	in_node curl -sS --noproxy '*' --max-time 60 -H "Authorization:${token- Bearer secret}" \
		"http://10.79.0.1:9960$1" "${@:2}"
}

code() { # PATH [CURL-OPTIONS]
	get "$1" -o /dev/null -w '%{http_code}' "${@:2}"
}

# The samples of a name that have all these labels, added up: metric NAME 'a="b"'; fails if there are none.
# Of an answer that was kept, if there is one.
metric() { # NAME [LABEL...]
	if [[ ${answer-} ]]; then cat "$answer"; else get /metrics; fi | grep "^$1[{ ]" | awk -v labels="${*:2}" '
		BEGIN { n = split(labels, label, " ") }
		{ for (i = 1; i <= n; i++) if (!index($0, label[i])) next; sum += $NF; found = 1 }
		END { if (!found) exit 1; print sum }'
}

metric_is() { # VALUE NAME [LABEL...]
	[[ $(metric "${@:2}") == "$1" ]]
}

udp_packets() { # PORT N
	start /dev/null /dev/null in_pod server socat "UDP4-RECV:$1" /dev/null,ignoreeof
	await 5 listens in_pod server "$1"
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>"/dev/udp/10.79.0.3/$0"; for ((i = 0; i < $1; i++)); do printf 0 >&3; done' "$@"
}

# Is nothing on its way, and do the traffic, the records and the status say the same?
totals_agree() {
	local told traffic
	[[ $(agent_status '.ledger.untold') == 0 ]] || return 1
	told=$(agent_status '.metrics.pn_flow_packets_total')
	traffic=$(metric podonym_traffic_packets_total)
	echo "told $told, by traffic $traffic"
	[[ $traffic == "$told" && $(metric podonym_flow_packets_total) == "$told" ]]
}

ledger_agrees() {
	local status metrics
	status=$(agent_status '.ledger | "\(.seen) \(.recorded) \(.collapsed + .not_ip + .malformed + .table_full) \(.told)"')
	metrics="$(metric podonym_ledger_seen_packets_total) $(metric podonym_ledger_packets_total 'outcome="recorded"')"
	metrics+=" $(($(metric podonym_ledger_packets_total) - ${metrics##* })) $(metric podonym_flow_sights_told_total)"
	echo "status $status, metrics $metrics"
	[[ $status == "$metrics" ]]
}

need_promtool() {
	command -v promtool >/dev/null || skip 'promtool is not installed (package prometheus)'
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

@test "metrics: traffic between workloads, each packet once, as the records and the ledger say" {
	udp_packets 9101 40
	pair=('source_workload="client"' 'destination_workload="server"' 'direction="to_destination"')
	await 10 metric_is 40 podonym_traffic_packets_total "${pair[@]}"
	assert_equal "$(metric podonym_traffic_bytes_total "${pair[@]}")" $((40 * (20 + 8 + 1)))
	assert_equal "$(metric podonym_traffic_packets_total 'source_namespace="test"' 'source_kind="Pod"')" 40
	await 10 totals_agree
	await 10 ledger_agrees
}

@test "metrics: drops between workloads, with the reason" {
	command -v nft >/dev/null || skip 'nft is not installed'
	in_node nft 'add table inet m; add chain inet m f { type filter hook forward priority 0; }; add rule inet m f udp dport 9103 drop'
	udp_packets 9103 4
	local what=('source_workload="client"' 'destination_workload="server"' 'reason="NETFILTER_DROP"' 'kind="netfilter"')
	await 10 metric_is 4 podonym_drops_packets_total "${what[@]}"
	in_node nft delete table inet m
	assert_equal "$(metric podonym_drops_bytes_total "${what[@]}")" $((4 * (20 + 8 + 1)))
	metric podonym_drops_uncounted_total 'cause="table_full"'
}

# The sum of a sink's samples.
sink_metric() { # NAME
	metric "podonym_sink_records_$1" "sink=\"file:$dir/sink\""
}

sink_agrees() {
	local status metrics
	status=$(agent_status '.sinks[0] | "\(.told) \(.sent) \(.waiting) \([.dropped[]] | add)"')
	metrics="$(sink_metric told_total) $(sink_metric sent_total) $(sink_metric waiting) $(sink_metric dropped_total)"
	echo "status $status, metrics $metrics, lines $(wc -l <"$dir/sink")"
	[[ $status == "$metrics" && $(agent_status .metrics.pn_flow_records_total) == "$(wc -l <"$dir/sink")" &&
		$status == "$(wc -l <"$dir/sink") $(wc -l <"$dir/sink") 0 0" ]]
}

@test "metrics: a sink has every record, and says so" {
	local before
	await 10 totals_agree
	before=$(metric podonym_traffic_packets_total 'destination_workload="server"' || echo 0)
	udp_packets 9106 5
	await 10 metric_is $((before + 5)) podonym_traffic_packets_total 'destination_workload="server"'
	await 10 sink_agrees
	jq -se 'any(.SrcK8S_Name == "client" and .DstK8S_Name == "server" and .DstPort == 9106 and .Packets == 5)' "$dir/sink"
	run "$podonym" status --socket "$dir/socket"
	assert_line "  file:$dir/sink"
	assert_line --regexp '^    told [1-9][0-9]*, sent [1-9][0-9]*, waiting 0, retries 0, dropped 0$'
}

@test "metrics: the round trip time of TCP" {
	start /dev/null /dev/null in_pod server socat TCP4-LISTEN:9102,fork PIPE
	await 5 listens in_pod server 9102
	head -c 100000 /dev/zero | in_pod client socat -t 60 - TCP:10.79.0.3:9102 >/dev/null
	await 10 metric podonym_traffic_rtt_seconds_count 'source_workload="client"'
	answer=$dir/rtt # of one moment
	get /metrics >"$answer"
	n=$(metric podonym_traffic_rtt_seconds_count 'source_workload="client"')
	((n > 0))
	assert_equal "$(metric podonym_traffic_rtt_seconds_bucket 'source_workload="client"' 'le="+Inf"')" "$n"
}

@test "metrics: promtool finds nothing to say" {
	need_promtool
	udp_packets 9104 3
	await 10 metric podonym_traffic_records_total 'destination_workload="server"'
	get /metrics >"$dir/metrics"
	run promtool check metrics <"$dir/metrics"
	assert_success
	assert_output ''
}

@test "metrics: alert rules and dashboard use what there is, and the rules say when they should" {
	get /metrics | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort >"$dir/families"
	cat "$root"/deploy/monitoring/{podonym-alerts.yaml,dashboard.json} | grep -oE '(podonym|process)_[a-z_]+' |
		sed 's/_bucket$//' | sort -u >"$dir/used"
	grep -q podonym_traffic_rtt_seconds "$dir/used"
	run comm -13 "$dir/families" "$dir/used"
	assert_output ''
	jq -e '.panels | length > 5' "$root/deploy/monitoring/dashboard.json"
	need_promtool
	promtool check rules "$root/deploy/monitoring/podonym-alerts.yaml"
	promtool test rules "$root/deploy/monitoring/podonym-alerts-test.yaml"
}

# It asks for OpenMetrics, and refuses an answer with one line that it does not understand.
@test "metrics: Prometheus itself reads them, with the token" {
	command -v prometheus >/dev/null || skip 'prometheus is not installed'
	udp_packets 9105 3
	await 10 metric podonym_traffic_records_total 'destination_workload="server"'
	cat >"$dir/prometheus.yml" <<-YAML
		scrape_configs:
		  - job_name: podonym
		    scrape_interval: 1s
		    authorization: {credentials_file: $dir/token}
		    static_configs: [{targets: ["10.79.0.1:9960"]}]
	YAML
	start "$dir/prometheus.out" "$dir/prometheus.err" in_node prometheus --config.file "$dir/prometheus.yml" \
		--storage.tsdb.path "$dir/tsdb" --web.listen-address 127.0.0.1:9090
	prometheus=$started
	await 30 prometheus_has_read
	stop "$prometheus"
}

ask_prometheus() { # EXPRESSION
	in_node curl -sS --noproxy '*' -G --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
		jq -r '.data.result[0].value[1]'
}

prometheus_has_read() {
	local target
	target=$(in_node curl -sS --noproxy '*' http://127.0.0.1:9090/api/v1/targets | jq -c '.data.activeTargets[0] | [.health, .lastError]')
	echo "$target"
	[[ $target == '["up",""]' && $(ask_prometheus 'sum(podonym_traffic_packets_total{destination_workload="server"})') == $(metric podonym_traffic_packets_total 'destination_workload="server"') ]]
}

@test "metrics: OpenMetrics for who asks for it" {
	get /metrics -H 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5' -D "$dir/head" >"$dir/metrics"
	grep -qi '^content-type: application/openmetrics-text' "$dir/head"
	assert_equal "$(tail -n 1 "$dir/metrics")" '# EOF'
	grep -qx '# TYPE podonym_flow_records counter' "$dir/metrics"
	grep -q '^podonym_flow_records_total ' "$dir/metrics"
}

@test "metrics: unknown paths and other methods" {
	run get /nothing
	assert_line /metrics
	assert_line /readyz
	assert_equal "$(code /nothing)" 404
	assert_equal "$(code /metrics -X POST -d x)" 405
	assert_equal "$(code /metrics -I)" 200
}

# This one and the next have agents of their own.
@test "metrics: a pair that is silent loses its series" {
	start_web_agent --server "$api_url" --metrics-idle 5s
	udp_packets 9107 3
	await 10 is_recorded 9107 3 # who looks late does not meet the series
	await 30 series_are_gone
}

is_recorded() { # PORT PACKETS
	[[ $(flow_sum "select(.destination.port == $1)" .source.packets) == "$2" ]]
}

series_are_gone() {
	(($(metric podonym_traffic_series_ended_total) > 0)) &&
		! metric podonym_traffic_records_total 'destination_workload="server"'
}

@test "metrics: ready when the API server has been read, and the maps are written" {
	start_web_agent --state none --kubeconfig "$dir/kubeconfig"
	assert_equal "$(code /healthz)" 200
	assert_equal "$(code /readyz)" 503
	run get /readyz
	assert_output --partial 'API server:'
	cat >"$dir/kubeconfig.new" <<-YAML
		apiVersion: v1
		kind: Config
		clusters: [{name: c, cluster: {server: "$api_url"}}]
		users: [{name: u, user: {}}]
		contexts: [{name: x, context: {cluster: c, user: u}}]
		current-context: x
	YAML
	mv "$dir/kubeconfig.new" "$dir/kubeconfig"
	await 20 is_ready
	assert_equal "$(get /readyz)" ok
}

is_ready() {
	[[ $(code /readyz) == 200 ]]
}
