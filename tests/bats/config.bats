#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The config file: what is wrong in one, what goes before what, how settings are shown; and an agent that
# reads it again while connections come and go, of which no packet may be missing or told twice.

load helper

setup_file() {
	suite_begin
	cluster_up 10.86.0.1 fd00:86::1
	pod_up web 10.86.0.2 fd00:86::2
	pod_up client 10.86.0.3 fd00:86::3
	objects "$dir/objects.json" \
		"$(node bats-node 10.86.0.1 fd00:86::1)" \
		"$(pod shop web 10.86.0.2 fd00:86::2)" \
		"$(pod test client 10.86.0.3 fd00:86::3)"
	start_testapi in_node --objects "$dir/objects.json"
	bpffs_up "$dir/bpf"
	write_config 'interval: 200ms'
	start "$dir/notified" /dev/null socat -u UNIX-RECV:"$dir/notify" -
	notify_pid=$started
	await 5 test -S "$dir/notify"
	NOTIFY_SOCKET=$dir/notify start "$dir/agent.out" "$dir/agent.err" \
		in_node "$podonym" agent --config "$dir/config.yaml"
	agent_pid=$started
	await 30 agent_in_sync || { cat "$dir/agent.err"; return 1; }
	await 10 status_is '.metrics.pn_links_traced == 2'
	start /dev/null /dev/null in_pod web socat UDP4-RECVFROM:7000,fork PIPE
	await 5 listens in_pod web 7000
	suite_export
	export notify_pid
}

teardown_file() {
	stop "$notify_pid" || true
	suite_end
}

setup() {
	unset "${!PODONYM_@}"
}

# The settings of a test that failed are not those of the next.
teardown() {
	[[ ! ${BATS_TEST_COMPLETED-} ]] || return 0
	touch "$dir/enough"
	write_config 'interval: 200ms'
	reload || true
}

# What this suite's agent needs, and then the lines given.
write_config() { # LINE...
	cat >"$dir/config.new" <<-EOF
		server: $api_url
		node: bats-node
		format: json
		output: $dir/flows.json
		socket: $dir/socket
		pin-path: $dir/bpf/podonym
		name-wait: 500ms
		state: none
		history: $dir/history.db
		http: none
	EOF
	printf '%s\n' "$@" >>"$dir/config.new"
	mv "$dir/config.new" "$dir/config.yaml"
}

# Has the agent read the file again, to its end?
reload() {
	local before
	before=$(times_read)
	kill -HUP "$agent_pid"
	await 10 has_read $((before + 1))
}

times_read() {
	agent_status '.metrics | .pn_config_reloads_total + .pn_config_reload_failures_total'
}

has_read() { # TIMES
	(($(times_read) >= $1))
}

running() { # NAME JQ-CONDITION: of the running agent's setting
	"$podonym" config show --running -o json --socket "$dir/socket" |
		jq -e --arg name "$1" ".settings[] | select(.name == \$name) | $2" >/dev/null
}

range_is() { # ADDRESS NAME
	whois "$1" -o json | grep -q "\"$2\""
}

range_is_not() { # ADDRESS NAME
	! range_is "$@"
}

# A packet there and one back, from ports that the kernel chooses.
ask() { # TIMES
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'for ((i = 0; i < $0; i++)); do
		exec 3<>/dev/udp/10.86.0.2/7000 && echo ask >&3
		[[ $(timeout 20 dd bs=64 count=1 status=none <&3) == ask ]] || exit 1; done' "$1"
}

# Many packets of one connection, and a few of many, again and again until it is enough; a line for each time.
talk() {
	until [[ -e $dir/enough ]]; do
		in_pod client ping -q -c 300 -i 0.01 -W 10 10.86.0.2 >"$dir/ping" || return
		grep -q '300 packets transmitted' "$dir/ping" || return
		ask 20 || return
		echo >>"$dir/rounds"
	done
}

all_is_told() {
	status_is '.ledger | .untold == 0 and .in_doubt == 0'
}

# Packets from the client in all lines.
sent() { # PROTOCOL [SIDE]
	flow_sum "select(.network.transport == \"$1\" and .source.address == \"10.86.0.3\")" ".${2-source}.packets"
}

@test "config: each error is told with its line and what would be right" {
	local line told
	while read -r line; do
		told=${line#* => }
		printf '# a line before it\n%b\n' "${line% => *}" >"$BATS_TEST_TMPDIR/c.yaml"
		run -1 "$podonym" config check "$BATS_TEST_TMPDIR/c.yaml"
		assert_output --partial "c.yaml:$told"
	done <<-'EOF'
		intervall: 5s => 2: unknown key "intervall", did you mean interval?
		interval: 2h => 2: interval: "2h" is not between 100ms and 3600s
		node: a\ninterval: [5s] => 3: interval: is a list where a duration such as 5s belongs
		sample: 0 => 2: sample: "0" is not a number from 1 to 65535
		node: a\n\nnode: b => 4: node: is there twice, first in line 2
		node: a\n---\nnode: b => 3: a second document
		node: "a => 3: not YAML: found unexpected end of stream
		node: a\nsocket: \xff => 3: not UTF-8 text
		select: namspace=a => 2: select: namspace=a: not a term, did you mean namespace=?
		http: 127.0.0.1 => 2: http: 
		metrics-labels: pot => 2: metrics-labels: 
		disable: tcx,nta => 2: disable: "nta" is not a feature
	EOF
}

@test "config: all errors of a file at once, files that cannot be read, files without settings" {
	printf 'nod: a\nsample: x\nsocket: /s\nformat: yes\n' >"$BATS_TEST_TMPDIR/c.yaml"
	run -1 "$podonym" config check "$BATS_TEST_TMPDIR/c.yaml"
	assert_equal "${#lines[@]}" 3
	run -2 "$podonym" agent --config "$BATS_TEST_TMPDIR/c.yaml"
	assert_line --partial 'c.yaml:2: sample: "x" is not a number'
	run -1 "$podonym" config check "$BATS_TEST_TMPDIR/none.yaml"
	assert_output --partial 'No such file'
	run -2 "$podonym" agent --config "$BATS_TEST_TMPDIR/none.yaml"
	assert_output --partial 'No such file'
	head -c 70000 /dev/zero | tr '\0' '#' >"$BATS_TEST_TMPDIR/c.yaml"
	run -1 "$podonym" config check "$BATS_TEST_TMPDIR/c.yaml"
	assert_output --partial 'larger than 65536 bytes'
	for text in '' '# nothing\n' '---\n' '{}\n' '\xef\xbb\xbfnode: a\n'; do
		printf '%b' "$text" >"$BATS_TEST_TMPDIR/c.yaml"
		run -0 "$podonym" config check "$BATS_TEST_TMPDIR/c.yaml"
	done
}

@test "config: a flag goes before the environment, that before the file, that before the default" {
	printf 'interval: 1s\nsample: 2\nnode: file\n' >"$BATS_TEST_TMPDIR/c.yaml"
	export PODONYM_CONFIG=$BATS_TEST_TMPDIR/c.yaml PODONYM_SAMPLE=3 PODONYM_NODE=environment
	run -0 "$podonym" config show -- --node flag
	assert_line --regexp '^interval: 1s +# .*/c.yaml:1$'
	assert_line --regexp '^sample: 3 +# .PODONYM_SAMPLE$'
	assert_line --regexp '^node: flag +# --node$'
	assert_line --regexp '^format: compact +# default$'
	assert_line --regexp '^# select: +# not set$'
	run -0 "$podonym" config show --config /dev/null
	assert_line --regexp '^interval: 5s +# default$'
	PODONYM_SAMPLE=none run -1 "$podonym" config show
	assert_output --partial 'PODONYM_SAMPLE: "none" is not a number'
}

@test "config: what is shown is a config file that says the same" {
	"$podonym" config show --config "$dir/config.yaml" -- --select 'namespace=shop or port=80' \
		--node '# "x": y' --server https://me:secret@api/ >"$BATS_TEST_TMPDIR/c.yaml"
	run -0 "$podonym" config check "$BATS_TEST_TMPDIR/c.yaml"
	run -1 grep secret "$BATS_TEST_TMPDIR/c.yaml"
	"$podonym" config show --config "$BATS_TEST_TMPDIR/c.yaml" -o json >"$BATS_TEST_TMPDIR/c.json"
	run -0 jq -r '.settings[] | select(.name == ("select", "node", "server")) | .value' \
		"$BATS_TEST_TMPDIR/c.json"
	assert_output "https://***@api/
# \"x\": y
namespace=shop or port=80"
}

@test "config: the example has every option, and is right with and without its comments" {
	local name
	"$podonym" config example >"$BATS_TEST_TMPDIR/c.yaml"
	run -0 "$podonym" config check "$BATS_TEST_TMPDIR/c.yaml"
	assert_output --partial 'values: 0'
	for name in $("$podonym" agent --help | sed -n 's/^  [ -].[ ,] --\([a-z-]*\).*/\1/p'); do
		[[ $name == config ]] || grep -q "^#$name: " "$BATS_TEST_TMPDIR/c.yaml"
	done
	sed -n 's/^#\([a-z-]*: \)/\1/p' "$BATS_TEST_TMPDIR/c.yaml" >"$BATS_TEST_TMPDIR/d.yaml"
	run -1 "$podonym" config check "$BATS_TEST_TMPDIR/d.yaml" # names of values are no values
	refute_output --partial 'unknown key'
	refute_output --partial 'not YAML'
}

@test "config: the service manager is told that the agent is ready" {
	await 5 grep -q '^READY=1' "$dir/notified"
}

@test "config: settings change at once, without a packet missing or told twice" {
	local i pid n
	rm -f "$dir/enough" "$dir/rounds"
	talk 3>&- &
	pid=$!
	for ((i = 0; ; i++)); do
		((i < 3)) || touch "$dir/enough"
		kill -0 $pid 2>/dev/null || break
		write_config "interval: $((i % 2 * 100 + 100))ms" \
			"$( ((i % 3)) && echo "select: port=7000 or protocol=icmp or namespace=n$i")"
		reload
	done
	wait $pid
	n=$(wc -l <"$dir/rounds")
	echo "read again $i times, talked $n times"
	((i > 2))
	await 15 all_is_told
	assert_equal "$(sent icmp) $(sent icmp destination)" "$((n * 300)) $((n * 300))"
	assert_equal "$(sent udp) $(sent udp destination)" "$((n * 20)) $((n * 20))"
	# between one cell and the next a packet may come
	await 5 status_is '.ledger | .seen == .recorded + .collapsed + .not_ip + .malformed + .table_full + .not_selected + .not_sampled'
}

@test "config: a selection, an interval and what is logged hold from then on" {
	local before
	before=$(sent udp)
	write_config 'interval: 300ms' 'select: port=9' 'log-level: err'
	reload
	running interval '.value == "300ms" and .live and .from == "file" and (.where | endswith(":11"))'
	status_is '.selection.expression == "port=9"'
	run -0 wc -l "$dir/agent.err"
	write_config 'interval: 300ms' 'select: port=8' 'log-level: err'
	reload
	assert_equal "$(wc -l "$dir/agent.err")" "$output"
	ask 2
	await 15 all_is_told
	assert_equal "$(sent udp)" "$before"
	write_config 'interval: 200ms'
	reload
	status_is '.selection.expression == ""'
	ask 2
	await 15 all_is_told
	assert_equal "$(sent udp)" $((before + 2))
}

@test "config: the file with names for networks may be another one, or none" {
	echo '10.99.0.0/16 office' >"$dir/ranges"
	write_config 'interval: 200ms' "ranges: $dir/ranges"
	reload
	await 10 range_is 10.99.0.1 office
	write_config 'interval: 200ms'
	reload
	await 10 range_is_not 10.99.0.1 office
}

@test "config: a file with an error changes nothing, and says so" {
	write_config 'interval: 1s' 'samlpe: 3'
	reload
	grep -q "config: $dir/config.yaml:12: unknown key \"samlpe\", did you mean sample?" "$dir/agent.err"
	running interval '.value == "200ms"'
	status_is '.config.error | contains(":12: unknown key")'
	status_is '.metrics.pn_config_reload_failures_total == 1'
	run -0 "$podonym" status --socket "$dir/socket"
	assert_output --partial 'refused     '
	write_config 'interval: 1s' "ranges: $dir/nowhere" 'select: port=1'
	reload
	running interval '.value == "200ms"'
	status_is '.selection.expression == ""'
	status_is '.config.error | contains("nowhere: No such file")'
	rm "$dir/config.yaml"
	reload
	status_is '.config.error | contains("config.yaml: No such file")'
	write_config 'interval: 200ms'
	reload
	status_is '.config == {file: "'"$dir"'/config.yaml", error: "", pending: ""}'
}

@test "config: what waits for a restart is named" {
	write_config 'interval: 200ms' 'max-flows: 1000' 'recent: 5'
	reload
	grep -q 'config: max-flows changed; takes effect after a restart' "$dir/agent.err"
	status_is '.config.pending == "max-flows, recent"'
	running recent '.value == 4096 and .pending == 5 and (.live | not)'
	run -0 "$podonym" config show --running --socket "$dir/socket"
	assert_line --regexp '^max-flows: 131072 +# default; after a restart: 1000$'
	write_config 'interval: 200ms'
	reload
	status_is '.config.pending == ""'
}
