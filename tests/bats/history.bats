#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# What was told in the last hours is there without set-up, also when the agent was killed or its ring
# of records is small; and nothing is told twice.

load helper

setup() {
	suite_begin
	two_pods 89 one two
	start_testapi in_node --objects "$dir/objects.json"
	start_again
}

teardown() {
	! mountpoint -q "$dir/disk" || umount --lazy "$dir/disk"
	suite_end
}

start_again() { # [OPTIONS]
	agent_of_two_pods --name-wait 200ms --state "$dir/state" "$@"
}

ask_flows() { # OPTIONS
	"$podonym" flows --socket "$dir/socket" "$@"
}

# Packets from one to two in what is asked for, and how many lines of minutes and of connections there are.
asked() { # OPTIONS
	ask_flows --from-pod test/one --to-pod test/two -o json "$@" 2>/dev/null |
		jq -sc '[(map(.source.packets) | add // 0), ([.[] | select(.podonym.aggregate)] | length > 0),
			([.[] | select(.podonym.flow_id)] | length > 0)]'
}

asked_is() { # JSON OPTIONS
	local is
	is=$(asked "${@:2}")
	echo "$is, not $1"
	[[ $is == "$1" ]]
}

ping_some() { # N
	in_pod one ping -q -c "$1" -i 0.01 -W 1 10.89.0.3 >/dev/null
}

# As many records as were told are in the file, or counted as lost.
all_is_counted() {
	status_is '.metrics | .pn_history_records_total + .pn_history_records_lost_total == .pn_flow_records_total'
}

lost() {
	agent_status .metrics.pn_history_records_lost_total
}

@test "history: what an agent has told that was killed" {
	ping_some 1 # more may be of two minutes
	await 10 asked_is '[1,false,true]' --since 1h
	await 10 all_is_counted
	assert_equal "$(lost)" 0
	stop "$agent_pid" KILL
	start_again
	await 10 asked_is '[1,true,false]' --since 1h
	ping_some 5
	await 10 asked_is '[6,true,true]' --since 1h
	asked_is '[6,true,true]' --all --protocol icmp
	asked_is '[0,false,false]' --all --protocol tcp
	asked_is '[0,false,false]' --until 1h
	run ask_flows --from-pod test/one --to-pod test/two --first 1
	assert_output --regexp ' test/one -> test/two ICMP echo 84 B/84 B 1/1 packets \(in a minute: 1 new connection, [0-9]+ records?\)$'
	assert_equal "$(stat -c %a "$dir/history.db")" 600
}

@test "history: what the ring has no room for, once, also for one that follows" {
	stop "$agent_pid"
	start_again --recent 1
	for n in 1 2 3; do
		ping_some 4
		await 10 asked_is "[$((4 * n)),true,false]" --since 1h
	done
	start "$dir/follow.json" "$dir/follow.err" "$podonym" flows -f --since 1h -o json --from-pod test/one \
		--to-pod test/two --socket "$dir/socket"
	await 10 followed 12
	ping_some 3
	await 10 followed 15
}

followed() { # PACKETS
	[[ $(jq -s 'map(.source.packets) | add // 0' "$dir/follow.json") == "$1" ]]
}

@test "history: without one, or where it cannot be, the agent goes on" {
	stop "$agent_pid"
	start_again --history off
	status_is '[.features[] | select(.name == "history")][0].state == "off"'
	stop "$agent_pid"
	start_again --history "$dir/no/such/file"
	await 10 status_is '[.features[] | select(.name == "history")][0].state == "failing"'
	ping_some 2
	await 10 asked_is '[2,false,true]' --since 1h
	await 10 status_is '.metrics.pn_history_records_lost_total > 0'
	run -2 "$podonym" agent --history-size 1M
	assert_output --partial '--history-size: must be from 8M to 64G'
	run -2 "$podonym" agent --history-size big
	assert_output --partial '"big" is not a size such as 64M or 1G'
}

@test "history: a disk that is full, and then no longer" {
	local before
	stop "$agent_pid"
	mkdir "$dir/disk"
	mount -t tmpfs -o size=2m tmpfs "$dir/disk"
	start_again --history "$dir/disk/history.db"
	ping_some 10
	await 10 asked_is '[10,false,true]' --since 1h
	await 10 all_is_counted
	assert_equal "$(lost)" 0

	run dd if=/dev/zero of="$dir/disk/other" bs=4k status=none
	assert_output --partial 'No space left on device'
	for n in 1 2; do
		before=$(lost)
		ping_some 7
		await 10 asked_is "[$((10 + 7 * n)),false,true]" --since 1h
		await 10 all_is_counted
		(($(lost) > before))
	done
	status_is '[.features[] | select(.name == "history")][0] | .state == "failing" and (.reason | test("full"))'
	assert_equal "$(grep -c 'going on without it, trying again' "$dir/agent.err")" 1

	rm "$dir/disk/other"
	before=$(lost)
	ping_some 5
	await 10 asked_is '[29,false,true]' --since 1h
	await 10 all_is_counted
	assert_equal "$(lost)" "$before"
	await 10 status_is '[.features[] | select(.name == "history")][0].state == "on"'
	stop "$agent_pid" KILL
	start_again --history "$dir/disk/history.db"
	await 10 asked_is '[15,true,false]' --since 1h
	run grep aside "$dir/agent.err"
	assert_failure
}
