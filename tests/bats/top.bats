#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# podonym top against a running agent and real packets: as text, whose sums are exact, and on a terminal,
# which tmux plays.

load helper

setup_file() {
	suite_begin
	two_pods 86 client server
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods --name-wait 500ms
	for port in 9001 9003 9004; do
		start /dev/null /dev/null in_pod server socat "UDP6-RECV:$port,ipv6-v6only=0" /dev/null,ignoreeof
		await 5 listens in_pod server "$port"
	done
	suite_export
}

teardown_file() {
	suite_end
}

setup() {
	top_pid='' terminal_options=() n_terminals=0
}

teardown() {
	stop "$top_pid"
	leave_terminal
	in_node nft flush ruleset
	no_multicast_reports "$cluster-node"
}

# N datagrams of 100 bytes.
send() { # PORT N
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>"/dev/udp/10.86.0.3/$0"; for ((i = 0; i < $1; i++)); do printf "%0100d" 0 >&3; done' "$@"
}

# --- as text --------------------------------------------------------------------------------------

batch() { # OPTIONS
	start "$dir/top.out" "$dir/top.err" "$podonym" top --socket "$dir/socket" --interval 200ms "$@"
	top_pid=$started
	await 10 grep -q 'node bats-node, in sync' "$dir/top.out"
}

# The newest whole table has such a row; without an argument all of its rows.
newest() {
	awk '/^podonym top/ { whole = now; now = "" } { now = now $0 "\n" } END { printf "%s", whole }' \
		"$dir/top.out"
}

has_row() { # PATTERN
	newest | tr -s ' ' | grep -Eq -- "$1"
}

@test "top --batch: bytes, packets and drops of a pair, each once" {
	in_node nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority 0
				udp dport 9002 drop
			}
		}
	RULES
	batch --batch 1000
	send 9001 30
	send 9002 5
	await 10 has_row '^test/client test/server UDP/9001 .* 3840/0 30/0 0$'
	await 10 has_row '^test/client test/server UDP/9002 .* NETFILTER_DROP .* 640/0 5/0 5$'
	send 9001 20
	await 10 has_row '^test/client test/server UDP/9001 .* 6400/0 50/0 0$'
	stop "$top_pid"
	# Sums only grow, and what was told once is never told again.
	assert_equal "$(tr -s ' ' <"$dir/top.out" | grep -o 'UDP/9001 .*' | cut -d ' ' -f 9 | sort -nc 2>&1)" ''
	assert_equal "$(tr -s ' ' <"$dir/top.out" | grep 'UDP/9001' | tail -n 1 | grep -o '[^ ]* [^ ]* [^ ]*$')" \
		'6400/0 50/0 0'
	refute [ -s "$dir/top.err" ]
}

@test "top --batch: filters are the agent's; N tables, then the end" {
	batch --batch 1000 --not --port 9001 -n test
	send 9001 3
	send 9003 4
	await 10 has_row '^test/client test/server UDP/9003 .* 512/0 4/0 '
	run newest
	assert_output --partial 'only not-port=9001 namespace=test'
	refute_output --partial UDP/9001
	run "$podonym" top --batch 2 --interval 100ms --socket "$dir/socket"
	assert_success
	assert_equal "$(grep -c '^podonym top' <<<"$output")" 2
}

@test "top: what makes no sense is refused" {
	run -1 "$podonym" top --batch 1 --socket "$dir/nobody"
	assert_output --partial 'no agent is running there'
	run -2 "$podonym" top --batch 1 --port 0 --socket "$dir/socket"
	assert_output --partial '"0" is not a port'
	run -1 "$podonym" top --socket "$dir/socket" </dev/null
	assert_output --partial 'this is not a terminal'
}

# --- on a terminal --------------------------------------------------------------------------------

# A server of its own for each terminal, as one that was told to end may still answer.
on_terminal() { # COMMAND...
	tmux -L "$cluster-$BATS_TEST_NUMBER-$n_terminals" "$@"
}

leave_terminal() {
	on_terminal kill-server 2>/dev/null || true
	: $((n_terminals++))
}

# A terminal of 120 x 30 in which the command runs; what stty says before and after, and its status.
terminal() { # OPTIONS
	rm -f "$dir"/{before,after,status,pid}
	# shellcheck disable=SC2016 # for the inner shell
	(unset NO_COLOR && on_terminal -f /dev/null new-session -d -x 120 -y 30 "${terminal_options[@]}" bash --norc -c '
		cd "$0"; stty -g >before; bash -c '\''echo $$ >pid; exec "$@"'\'' top "$@"; echo $? >status
		stty -g >after; exec sleep 1000' "$dir" \
		"$podonym" top --interval 200ms --socket "$dir/socket" "$@" 3>&- 4>&-)
	await 10 shows 'q quit'
}

keys() { # KEY...
	on_terminal send-keys "$@"
}

screen() {
	on_terminal capture-pane -p
}

shows() { # PATTERN
	screen | tee /dev/stderr | grep -Eq -- "$1"
}

shows_not() { # PATTERN
	! shows "$1"
}

# It has ended so, and the terminal is as it was.
assert_restored() { # STATUS
	await 10 test -s "$dir/after"
	assert_equal "$(cat "$dir/status")" "$1"
	assert_equal "$(cat "$dir/after")" "$(cat "$dir/before")"
	await 10 terminal_is 01
}

# The alternate screen and the cursor, as far as the terminal has read what was written to it.
terminal_is() { # FLAGS
	[[ $(on_terminal display -p '#{alternate_on}#{cursor_flag}') == "$1" ]]
}

@test "top: draws, sorts, filters, shows a pair, fits another size, quits" {
	terminal
	await 10 shows 'node bats-node, in sync'
	send 9001 10
	await 10 shows '^test/client +test/server +UDP/9001'
	keys n
	await 10 shows 'by name'
	keys / 'port=x' Enter
	await 10 shows '"x" is not a port'
	keys / 'port=9004' Enter
	await 10 shows 'only port=9004'
	await 10 shows '^0 pairs'
	send 9001 1
	send 9004 2
	await 10 shows '^test/client +test/server +UDP/9004'
	shows_not UDP/9001
	keys Enter
	await 10 shows 'client 10.86.0.2:[0-9]+ -> server 10.86.0.3:9004  256/0 bytes  2/0 packets'
	keys Escape
	await 10 shows_not 'CONNECTIONS'
	on_terminal resize-window -x 70 -y 12
	await 10 shows '^test/client +test/server +UDP/9004 +[^ ]+ +[^ ]+$'
	keys '?'
	await 10 shows 'sort by bytes, packets'
	keys q
	assert_restored 0
}

@test "top: a signal ends it, and the terminal is as it was" {
	terminal
	kill -TERM "$(cat "$dir/pid")"
	assert_restored 0
	leave_terminal
	terminal
	keys C-c
	assert_restored 0
	leave_terminal
	terminal --sort drops
	await 10 shows 'by drops'
}

@test "top: colours, unless NO_COLOR" {
	terminal
	send 9001 1
	await 10 shows '^test/client +test/server +UDP/9001'
	await 10 has_colours
	leave_terminal
	terminal_options=(-e NO_COLOR=1)
	terminal
	send 9001 1
	await 10 shows '^test/client +test/server +UDP/9001'
	run ! has_colours
}

has_colours() {
	on_terminal capture-pane -pe | grep -q $'\e\[[0-9;]*3[0-7]m'
}

@test "top: the agent does not answer, goes and comes back" {
	terminal
	await 10 shows 'node bats-node, in sync'
	kill -STOP "$agent_pid"
	await 20 shows 'node bats-node, does not answer'
	kill -CONT "$agent_pid"
	await 20 shows 'node bats-node, in sync'
	stop "$agent_pid"
	await 10 shows 'no agent: .*no agent is running there'
	start_agent in_node --server "$api_url" --name-wait 500ms
	await 20 shows 'node bats-node, in sync'
	stop "$agent_pid"
}
