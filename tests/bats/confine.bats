#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # variables of the helper; each test is a process with its own
#
# What the agent can no longer do once it runs, and what it still can. Each test has an agent of its own;
# the other suites' agents are confined too.

load helper

setup_file() {
	suite_begin
	two_pods 84 client server
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=testapi \
		-addext "subjectAltName=IP:127.0.0.1" -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
	echo secret >"$dir/token"
	start_testapi in_node --objects "$dir/objects.json" --token-file "$dir/token" \
		--tls-cert "$dir/cert" --tls-key "$dir/key"
	kubeconfig "$dir/kubeconfig" 'token: secret'
	suite_export
}

teardown_file() {
	suite_end
}

setup() {
	agent_pid=''
}

teardown() {
	stop "$agent_pid"
}

kubeconfig() { # FILE USER
	cat >"$1" <<-YAML
		apiVersion: v1
		kind: Config
		clusters: [{name: c, cluster: {server: "$api_url", certificate-authority: $dir/cert}}]
		users: [{name: u, user: {$2}}]
		contexts: [{name: x, context: {cluster: c, user: u}}]
		current-context: x
	YAML
}

# The lines of this key in the status of every thread, each value once.
threads() { # KEY
	sed -n "s/^$1:\s*//p" /proc/"$agent_pid"/task/*/status | sort -u
}

names_are_right() {
	await 15 agent_in_sync
	await 10 status_is '.metrics.pn_links_traced == 2'
	start /dev/null /dev/null in_pod server socat UDP4-RECV:9101 /dev/null,ignoreeof
	await 5 listens in_pod server 9101
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>/dev/udp/10.84.0.3/9101; for ((i = 0; i < 20; i++)); do printf 0 >&3; done'
	await 10 flow_is 20 'select(.source.k8s.pod.name == "client")'
}

flow_is() { # PACKETS FILTER
	[[ $(flow_sum "$2" .source.packets) == "$1" ]]
}

@test "confine: every thread has three capabilities, no new privileges and a filter" {
	rm -f "$dir/flows.json"
	start_agent in_node --kubeconfig "$dir/kubeconfig" --state none
	names_are_right
	assert_equal "$(threads CapPrm)" 000000c000001000
	assert_equal "$(threads CapEff)" 000000c000001000
	assert_equal "$(threads CapBnd)" 0000000000000000
	assert_equal "$(threads NoNewPrivs)" 1
	assert_equal "$(threads Seccomp)" 2
	run "$podonym" status --socket "$dir/socket"
	assert_line --regexp '^  capabilities +net_admin, perfmon, bpf$'
	assert_line --regexp '^  seccomp +on$'
}

@test "confine: off, all is kept" {
	start_agent in_node --kubeconfig "$dir/kubeconfig" --state none --confine off
	await 15 agent_in_sync
	assert_equal "$(threads NoNewPrivs)" 0
	assert_equal "$(threads CapEff)" "$(sed -n 's/^CapEff:\s*//p' /proc/self/status)"
	assert_equal "$(agent_status .privileges.seccomp.state)" off
}

@test "confine: a credential plugin runs, and the status says what that costs" {
	cat >"$dir/plugin" <<-'SH'
		#!/bin/sh
		echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "secret"}}'
	SH
	chmod +x "$dir/plugin"
	kubeconfig "$dir/exec" "exec: {apiVersion: client.authentication.k8s.io/v1, command: $dir/plugin, interactiveMode: Never}"
	start_agent in_node --kubeconfig "$dir/exec" --state none
	await 15 agent_in_sync
	assert_equal "$(agent_status .privileges.seccomp.state)" on
	run agent_status .privileges.seccomp.reason
	assert_output --partial 'credential plugin'
}

@test "confine: a plugin that a kubeconfig names later does not run, and why is said" {
	kubeconfig "$dir/later" 'token: wrong'
	rm "$dir/later"
	start_agent in_node --kubeconfig "$dir/later" --state none
	kubeconfig "$dir/later.new" "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}"
	mv "$dir/later.new" "$dir/later"
	await 20 status_is '.api.kinds | any(.error | contains("seccomp filter forbids it"))'
}

@test "confine: a kubeconfig of another user's is read again" {
	mkdir -m 700 "$dir/home"
	kubeconfig "$dir/home/config" 'token: secret'
	chmod 600 "$dir/home/config"
	chown -R 12345 "$dir/home"
	start_agent in_node --kubeconfig "$dir/home/config" --state none
	await 15 agent_in_sync
	assert_equal "$(agent_status .privileges.capabilities.kept)" 'dac_read_search, net_admin, perfmon, bpf'
	run agent_status .privileges.capabilities.reason
	assert_output --partial "$dir/home/config"
}

# All file systems but the suite's folder are read-only there.
read_only() { # COMMAND...
	# shellcheck disable=SC2016 # for the inner shell
	in_node unshare -m --propagation private bash -c '
		mount --rbind "$0" "$0" || exit
		for at in / $(findmnt -rno TARGET | grep -v "^$0" | grep -v "^/\(proc\|sys\)"); do
			mount -o remount,bind,ro "$at" 2>/dev/null
		done
		touch /tmp/written /run/written /var/written 2>/dev/null && exit 1
		exec "$@"' "$dir" "$@"
}

@test "confine: a read-only root is enough: it writes where it is told, and nowhere else" {
	rm -f "$dir/flows.json" "$dir/objects"
	start_agent read_only --kubeconfig "$dir/kubeconfig" --state "$dir/objects"
	names_are_right
	stop "$agent_pid"
	agent_pid=''
	[[ -s $dir/objects ]]
	run grep -i 'read-only' "$dir/agent.err"
	assert_output ''
}

# The machine's own list of groups is not touched.
with_group() { # COMMAND...
	# shellcheck disable=SC2016 # for the inner shell
	in_node unshare -m --propagation private bash -c '
		mount --bind "$0" /etc/group && exec "$@"' "$dir/group" "$@"
}

ask_as() { # GROUP
	setpriv --reuid 65534 --regid "$1" --clear-groups "$dir/podonym" status --live --quiet --socket "$dir/socket"
}

@test "confine: the socket is for root and the group podonym, where there is one" {
	cp "$podonym" "$dir/podonym" # the build may be where others cannot look
	chmod 755 "$dir"
	start_agent in_node --kubeconfig "$dir/kubeconfig" --state none
	assert_equal "$(stat -c '%a %u %g' "$dir/socket")" '660 0 0'
	run ! ask_as 4711
	stop "$agent_pid"

	(cat /etc/group; echo podonym:x:4711:) >"$dir/group"
	start_agent with_group --kubeconfig "$dir/kubeconfig" --state none
	await 5 ask_as 4711
	assert_equal "$(stat -c '%a %u %g' "$dir/socket")" '660 0 4711'
	run ! ask_as 4712
	assert_equal "$(agent_status .privileges.capabilities.kept)" 'net_admin, perfmon, bpf'
}
