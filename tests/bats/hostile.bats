#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# A thousand clients that mean harm, on the socket and on HTTP: meanwhile others are answered in time, and
# each packet is told once. One cluster and one agent serve all tests.

load helper

attackers=()

setup_file() {
	suite_begin
	two_pods 85 client server
	start_testapi in_node --objects "$dir/objects.json"
	agent_of_two_pods --http 10.85.0.1:9960 --http-host friend.example --disable cgroup
	start /dev/null /dev/null in_pod server socat -u UDP4-RECV:9101,rcvbuf=1000000 OPEN:/dev/null
	await 5 listens in_pod server 9101
	await 5 healthy
	# for a user of his own, who may use the socket; the build may be where he cannot look
	cp "$build/tests/tools/hostile" "$dir/hostile"
	chmod 755 "$dir"
	chgrp 4711 "$dir/socket"
	suite_export
}

teardown_file() {
	suite_end
}

teardown() {
	local pid
	for pid in "${attackers[@]}"; do
		stop "$pid"
	done
}

attack() { # MODE N TARGET [REQUEST]
	start "$dir/hostile.out" "$dir/hostile.err" in_node setpriv --reuid 65534 --regid 4711 \
		--clear-groups "$dir/hostile" "$@"
	attackers+=("$started")
	await 10 grep -q ready "$dir/hostile.out"
}

get() { # PATH
	in_node curl -sS --fail --noproxy '*' --max-time 5 "http://10.85.0.1:9960$1"
}

healthy() {
	[[ $(get /healthz) == ok ]]
}

told() {
	flow_sum 'select(.destination.port == 9101 and .destination.k8s.pod.name == "server")' .source.packets
}

told_is() { # N
	[[ $(told) == "$1" ]]
}

# While somebody attacks: a command answers within five seconds each time, and so does HTTP unless others are
# many there (then the oldest connection goes, which may be ours: it answers again at once).
others_are_served() {
	local before
	before=$(told)
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>/dev/udp/10.85.0.3/9101; for ((i = 0; i < 200; i++)); do printf 0 >&3; done'
	for _ in 1 2 3; do
		timeout 5 "$podonym" status --quiet --live --socket "$dir/socket"
	done
	await 10 healthy
	await 10 told_is $((before + 200))
}

# What it held for them is given back: descriptors, but for a few.
is_calm() { # DESCRIPTORS
	local n
	n=$(find "/proc/$agent_pid/fd" -mindepth 1 | wc -l)
	echo "$n descriptors"
	((n <= $1 + 2))
}

# All kinds at once; then they leave, and others come.
suffer() { # TARGET REQUEST...
	local before
	before=$(find "/proc/$agent_pid/fd" -mindepth 1 | wc -l)
	for request in "${@:2}"; do
		attack idle 300 "$1"
		attack slow 200 "$1"
		attack huge 100 "$1"
		attack garbage 100 "$1"
		attack half 150 "$1" "$request"
		attack deaf 150 "$1" "$request"
		others_are_served
		teardown
		attackers=()
	done
	await 15 is_calm "$before"
	agent_in_sync
	(($(sed -n 's/^VmHWM:\s*\([0-9]*\).*/\1/p' "/proc/$agent_pid/status") < 200000))
}

@test "hostile: a thousand clients of the socket" {
	suffer "$dir/socket" $'{"command": "flows", "follow": true}\n' $'{"command": "status"}\n'
}

@test "hostile: a thousand clients of HTTP" {
	suffer 10.85.0.1:9960 $'GET /metrics HTTP/1.1\r\nHost: 10.85.0.1\r\n\r\n'
}

code() { # HOST PATH
	in_node curl -sS --noproxy '*' --max-time 60 -o "$dir/said" -w '%{http_code}' -H "Host: $1" "http://10.85.0.1:9960$2"
}

@test "hostile: somebody else's name for our address opens health alone" {
	for path in / /metrics /v1/status '/v1/flows?last=1'; do
		assert_equal "$(code rebound.example:9960 "$path")" 421
		grep -q -- '--http-host NAME' "$dir/said"
		assert_equal "$(code friend.example:9960 "$path")" 200
		assert_equal "$(code bats-node "$path")" 200
		assert_equal "$(code localhost:1 "$path")" 200
	done
	assert_equal "$(code rebound.example /healthz)" 200
	assert_equal "$(code rebound.example /readyz)" 200
}
