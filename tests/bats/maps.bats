#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The pinned maps as others see them: podonym whois with addresses, ports, networks and cgroups, and a
# program that is not podonym's, tests/bpf/drop_counter. One agent serves all tests of the file.

load helper
counter=$build/tests/bpf/drop_counter

setup_file() {
	suite_begin
	cluster_up 10.82.0.1 fd00:82::1
	pod_up client 10.82.0.2 fd00:82::2
	objects "$dir/objects.json" \
		"$(node bats-node 10.82.0.1 fd00:82::1 | jq -c '.spec = {podCIDR: "10.82.0.0/24",
			podCIDRs: ["10.82.0.0/24", "fd00:82::/64"]}')" \
		"$(pod shop client 10.82.0.2 fd00:82::2)" \
		"$(node_pod exporter 9100)" \
		"$(service shop db TCP 5432 10.96.0.1)" \
		"$(service shop web TCP 80 10.96.0.2 | jq -c '.spec.type = "NodePort" | .spec.ports[0].nodePort = 30080')"
	printf '%s\n' '172.16.0.0/12 office' '172.20.0.0/16 lab' '2001:db8::/32 partner' >"$dir/ranges"
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url" --ranges "$dir/ranges"
	await 10 agent_in_sync
	suite_export
}

# A test that starts another agent leaves its number behind.
teardown_file() {
	[[ ! -e $dir/agent.pid ]] || agent_pid=$(<"$dir/agent.pid")
	suite_end
}

teardown() {
	stop "${counter_pid-}" INT || true
	cgroup_down
}

node_pod() { # NAME PORT: in the node's network
	jq -nc '$ARGS.positional as $a | {apiVersion: "v1", kind: "Pod",
		metadata: {namespace: "kube-system", name: $a[0], uid: "66666666-6666-4666-8666-666666666666"},
		spec: {nodeName: "bats-node", hostNetwork: true, containers: [{name: "c",
			ports: [{hostPort: ($a[1] | tonumber), containerPort: ($a[1] | tonumber), protocol: "TCP"}]}]},
		status: {phase: "Running", hostIP: "10.82.0.1", hostIPs: [{ip: "10.82.0.1"}, {ip: "fd00:82::1"}],
			podIPs: [{ip: "10.82.0.1"}, {ip: "fd00:82::1"}]}}' --args "$@"
}

json() { # JQ-FILTER OPERAND...: of the first answer
	whois "${@:2}" -o json | jq -r ".[0] | $1"
}

json_is() { # EXPECTED JQ-FILTER OPERAND...
	[[ $(json "${@:2}" 2>/dev/null) == "$1" ]]
}

# --- whois ---------------------------------------------------------------------------------------

@test "maps: whois: a port of a node is the pod's that declares it, of either family" {
	run -0 whois 10.82.0.1:9100 '[fd00:82::1]:9100/tcp'
	assert_line --regexp '^10\.82\.0\.1:9100/tcp +pod +kube-system/exporter .*host network'
	assert_line --regexp '^\[fd00:82::1\]:9100/tcp +pod +kube-system/exporter '
	run -0 json '.attribution + " " + (.owner.host_network | tostring)' 10.82.0.1:9100
	assert_output 'port true'
}

@test "maps: whois: another port of a node is the node's" {
	run -0 whois 10.82.0.1:9100/udp 10.82.0.1:22 10.82.0.1
	refute_output --partial exporter
	assert_line --regexp '^10\.82\.0\.1:22/tcp +node +bats-node'
}

@test "maps: whois: a Service by its address and port, and by its node port on each node" {
	run -0 whois 10.96.0.1:5432 10.82.0.1:30080 '[fd00:82::1]:30080'
	assert_line --regexp '^10\.96\.0\.1:5432/tcp +service +shop/db'
	assert_line --regexp '^10\.82\.0\.1:30080/tcp +service +shop/web .*node port'
	assert_line --regexp '^\[fd00:82::1\]:30080/tcp +service +shop/web '
}

@test "maps: whois: a Service that nobody stands behind is said to be so" {
	await 5 json_is true .owner.no_endpoints 10.96.0.1
	run -0 whois 10.96.0.1
	assert_output --partial 'no endpoints'
}

@test "maps: whois: an address that nobody has is shown with the smallest network" {
	run -0 whois 172.20.1.1 172.30.1.1 2001:db8::7 10.82.0.77
	assert_line --regexp "^172\.20\.1\.1 +network +lab .*nobody's, but in 172\.20\.0\.0/16"
	assert_line --regexp "^172\.30\.1\.1 +network +office .*nobody's, but in 172\.16\.0\.0/12"
	assert_line --regexp "^2001:db8::7 +network +partner .*nobody's, but in 2001:db8::/32"
	assert_line --regexp "^10\.82\.0\.77 +network +bats-node .*nobody's, but in 10\.82\.0\.0/24"
	run -0 json '.attribution + " " + .network.cidr + " " + (.owner | tostring)' 172.20.1.1
	assert_output 'cidr 172.20.0.0/16 null'
}

@test "maps: whois: what nothing is known of fails" {
	run -1 whois 203.0.113.9
	assert_output --partial unknown
}

@test "maps: whois: a cgroup by its number, directory and line of /proc" {
	cgroup_up
	local path=kubepods/pod66666666-6666-4666-8666-666666666666/eeee id
	in_cgroup "$path" true
	id=$(stat -c %i "$cgroup/$path")
	await 5 json_is exporter .owner.name --cgroup "$id"
	json_is exporter .owner.name --cgroup "$cgroup/$path"
	json_is exporter .owner.name --cgroup "0::/$cluster/$path"
	json_is exporter .owner.name --cgroup "/$cluster/$path"
	json_is cgroup .attribution --cgroup "$id"
	in_cgroup system.slice/clock.service true
	await 5 json_is process .owner.kind --cgroup "$cgroup/system.slice/clock.service"
}

@test "maps: whois: a wrong operand says what is wrong with it, with exit status 2" {
	local -A wrong=([10.0.0.1:]='from 1 to 65535' [10.0.0.1:70000]='from 1 to 65535'
		[10.0.0.1:80/icmp]='tcp, udp or sctp' ['[fd00::1']='not an IP address' [web-1]='not an IP address')
	for operand in "${!wrong[@]}"; do
		run -2 whois "$operand"
		assert_output --partial "\"$operand\""
		assert_output --partial "${wrong[$operand]}"
	done
	run -2 whois --all 10.0.0.1
	assert_output --partial '--all by itself'
	run -1 whois --cgroup /no/such
	assert_output --partial '/no/such'
}

@test "maps: whois: an address that went from one pod to another tells of both" {
	create "$(pod shop first 10.82.0.9)"
	await 5 owner_is 10.82.0.9 shop/first
	remove "$(pod shop first 10.82.0.9)"
	create "$(pod shop second 10.82.0.9)"
	await 5 owner_is 10.82.0.9 shop/second
	run -0 json '.previous_owner.name + " " + (.both_possible_ms | type)' 10.82.0.9
	assert_output 'first number'
	remove "$(pod shop second 10.82.0.9)"
}

# --- another program -----------------------------------------------------------------------------

start_counter() { # OPTIONS
	start "$dir/counter.out" "$dir/counter.err" env "$counter" --pin-path "$dir/bpf/podonym" "$@"
	counter_pid=$started
	await 10 grep -q ready "$dir/counter.out" || { cat "$dir/counter.err"; return 1; }
}

counts() { # what it prints now
	kill -USR1 "$counter_pid"
	grep -q "$1" "$dir/counter.out"
}

@test "maps: another program counts drops by workload" {
	start_counter
	in_pod client bash -c 'for i in {1..20}; do echo >/dev/udp/10.82.0.2/9; done' || true
	await 5 counts '^shop/client -> shop/client: [0-9]* drops'
}

@test "maps: another program finds a pod all the time, also while there is no agent" {
	start_counter --expect 10.82.0.2
	stop "$agent_pid" KILL
	start_agent in_node --server "$api_url" --ranges "$dir/ranges"
	echo "$agent_pid" >"$dir/agent.pid"
	await 10 agent_in_sync
	await 5 counts '^10.82.0.2 shop/client: [1-9]'
	stop "$counter_pid" INT
	run -0 tail -n 1 "$dir/counter.out"
	assert_output --regexp ' [1-9][0-9]* look-ups, 0 misses, 0 changes$'
}

@test "maps: another program says so when it expects what is not there" {
	start_counter --expect 203.0.113.9
	await 5 counts ' [1-9][0-9]* misses'
}

@test "maps: without maps another program says where it looked" {
	run -1 "$counter" --pin-path "$dir/bpf/nothing"
	assert_output --partial "$dir/bpf/nothing/meta"
	assert_output --partial 'is podonym running'
}

# --- a later version -----------------------------------------------------------------------------

# A directory as an agent of version 2 might leave it, with room for more in `meta`.
later_maps() { # DIR VALUE-SIZE
	mkdir -p "$1"
	bpftool map create "$1/meta" type array key 4 value "$2" entries 1 name meta
	# shellcheck disable=SC2046 # as many words as bytes
	bpftool map update pinned "$1/meta" key 0 0 0 0 value 2 0 0 0 $(printf '0%.0s ' $(seq 5 "$2"))
}

@test "maps: readers and the agent meet maps of a later version: both numbers, and nothing is touched" {
	for size in 304 320; do
		local later=$dir/bpf/later-$size
		later_maps "$later" "$size"
		run -1 "$podonym" whois --pin-path "$later" 10.0.0.1
		assert_output --partial 'version 2, this podonym uses 1'
		run -1 "$counter" --pin-path "$later"
		assert_output --partial 'version 2, this program was built for version 1'
		run -1 "$podonym" agent --server "$api_url" --pin-path "$later" --socket "$dir/later" --output none \
			--history off
		assert_output --partial 'version 2, this podonym uses 1'
		run -0 ls "$later"
		assert_output meta
		run -1 "$podonym" status --socket "$dir/later"
	done
}

@test "maps: the example in lookup.bpf.h is a program, and so is its loader" {
	local header=$root/include/podonym/lookup.bpf.h include="-I$root/include"
	mkdir "$dir/example"
	sed -n '/, count.bpf.c:$/,/^ \* and its loader/p' "$header" |
		sed -n 's/^ \*\t//p; s/^ \*$//p' >"$dir/example/count.bpf.c"
	sed -n '/^ \*\t#include <podonym.lookup.h>/,/^ \*\t}$/p' "$header" |
		sed -n 's/^ \*\t//p; s/^ \*$//p' >"$dir/example/loader.c"
	cd "$dir/example"
	clang -std=gnu11 -target bpf -mcpu=v2 -g -O2 -Wall -Wextra -Werror "$include" \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" -c -o count.bpf.o count.bpf.c
	bpftool prog load count.bpf.o "$dir/bpf/count"
	rm "$dir/bpf/count"
	bpftool gen skeleton count.bpf.o name count_bpf >count.skel.h
	cc -Wall -Wextra -Werror "$include" '-Dattach_and_print(skel)=0' -o loader loader.c -lbpf
	run ./loader
	[[ $status == 0 || $output == "count: /sys/fs/bpf/podonym/v1/meta: "* ]]
}
