#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# podonym doctor and cleanup on a little node: pods are namespaces with a process each, in cgroups with
# the names that kubelet gives. Each test makes a disagreement of its own and undoes it, the last ones
# stop the agent. Skips where cgroup v2 cannot be written.

load helper

web_uid=11111111-d0c7-4111-8111-111111111111
db_uid=22222222-d0c7-4222-8222-222222222222
exporter_uid=33333333-d0c7-4333-8333-333333333333
static_hash=d0c70123456789abd0c70123456789ab

setup_file() {
	suite_begin
	cgroup_up
	cluster_up 10.81.0.1 fd00:81::1
	pod_up web 10.81.0.2 fd00:81::2
	pod_up db 10.81.0.3 fd00:81::3
	objects "$dir/objects.json" \
		"$(node bats-node 10.81.0.1 fd00:81::1)" \
		"$(web)" "$(db)" "$(exporter)" "$(static)"
	start_in_pod web "kubepods/besteffort/pod$web_uid/c1"
	start_in_pod db "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${db_uid//-/_}.slice/cri-containerd-1.scope"
	start_listener "kubepods/pod$exporter_uid/c1" 9100
	start_listener "kubepods/burstable/pod$static_hash/c1" 9101
	start_testapi in_node --objects "$dir/objects.json"
	start_agent in_node --server "$api_url" --cgroup-root "$cgroup"
	await 10 agent_in_sync
	suite_export
}

teardown_file() {
	cgroup_down
	suite_end
}

# What a test that failed has changed is made good for those behind it.
teardown() {
	[[ ! ${BATS_TEST_COMPLETED-} ]] || return 0
	stop "${started-}"
	for pod in "$(pod shop thief)" "$(pod shop ghost)" "$(pod ops late)"; do
		remove "$pod" || true
	done
	create "$(web)" || true
	create "$(db)" || true
}

# --- the node ------------------------------------------------------------------------------------

# Sets started to the pid of the process that is put into the cgroup.
enter_cgroup() { # CGROUP
	mkdir -p "$cgroup/$1"
	echo "$started" >"$cgroup/$1/cgroup.procs"
}

start_in_pod() { # POD CGROUP
	start /dev/null /dev/null in_pod "$1" sleep 1000
	enter_cgroup "$2"
}

start_listener() { # CGROUP PORT
	start /dev/null /dev/null in_node socat "TCP6-LISTEN:$2,fork,ipv6-v6only=0" PIPE
	enter_cgroup "$1"
	await 5 listens in_node "$2"
}

with_uid() { # UID OBJECT
	jq -c --arg uid "$1" '.metadata.uid = $uid' <<<"$2"
}

on_host() { # PORT OBJECT
	jq -c --argjson port "$1" '.spec.hostNetwork = true
		| .spec.containers = [{name: "c", ports: [{containerPort: $port, hostPort: $port, protocol: "TCP"}]}]
		| .status.hostIP = "10.81.0.1" | .status.hostIPs = [.status.podIPs[]]' <<<"$2"
}

web() {
	with_uid $web_uid "$(pod shop web 10.81.0.2 fd00:81::2)"
}

db() {
	with_uid $db_uid "$(pod shop db 10.81.0.3 fd00:81::3)"
}

exporter() {
	on_host 9100 "$(with_uid $exporter_uid "$(pod ops exporter 10.81.0.1 fd00:81::1)")"
}

static() {
	on_host 9101 "$(with_uid 44444444-4444-4444-8444-444444444444 "$(pod kube-system static 10.81.0.1 fd00:81::1)")" |
		jq -c --arg hash $static_hash '.metadata.annotations = {"kubernetes.io/config.hash": $hash}'
}

doctor() { # [OPTIONS]
	in_node "$podonym" doctor --pin-path "$dir/bpf/podonym" --cgroup-root "$cgroup" "$@"
}

# The answer that the doctor gives by then: doctor_says '.wrong == 1'
doctor_says() { # JQ-CONDITION
	[[ $(doctor -o json | tee "$dir/doctor.json" | jq "$1") == true ]]
}

# A disagreement, and what stands on both sides of it.
disagreement() { # CHECK SUBJECT
	jq -r --arg check "$1" --arg subject "$2" '.disagreements[]
		| select(.check == $check and (.subject | endswith($subject)))
		| .verdict + ": " + .node_says + " / " + .podonym_says' "$dir/doctor.json"
}

agrees() {
	doctor >/dev/null
}

# --- tests ---------------------------------------------------------------------------------------

@test "doctor: names that are right: exit status 0, everything was checked" {
	await 10 agrees
	run doctor
	assert_success
	refute_output --partial 'NODE SAYS'
	assert_line --regexp '^all +[1-9][0-9]* +0 +0 +0 +0\.00 %'
	doctor_says '.error_percent == 0 and ([.checks[].checked] | all(. > 0))'
	doctor_says '.checks.address.checked >= 4 and .checks.port.checked >= 4 and .checks.cgroup.checked >= 8'
}

@test "doctor: an address with the name of another pod: wrong, with both sides" {
	remove "$(web)"
	create "$(with_uid 55555555-5555-4555-8555-555555555555 "$(pod shop thief 10.81.0.2 fd00:81::2)")"
	await 10 owner_is 10.81.0.2 shop/thief
	run doctor
	assert_failure 1
	assert_line --regexp '^address +wrong +10\.81\.0\.2 .*'$web_uid'.*pod shop/thief'
	remove "$(pod shop thief)"
	create "$(web)"
	await 10 agrees
}

@test "doctor: a pod that has gone and that nobody has told of: stale, and since when" {
	create "$(with_uid 66666666-6666-4666-8666-666666666666 "$(pod shop ghost 10.81.0.66)")"
	await 10 owner_is 10.81.0.66 shop/ghost
	run doctor_says '.stale == 1 and .wrong == 0 and .missing == 0'
	assert_success
	run disagreement pod 10.81.0.66
	assert_output --regexp '^stale: .*pod shop/ghost uid 66666666.* for [0-9]+ s'
	remove "$(pod shop ghost)"
	await 10 agrees
}

@test "doctor: a pod that Kubernetes does not tell of: missing" {
	remove "$(db)"
	await 10 doctor_says '.checks.address.missing == 2'
	run disagreement address 10.81.0.3
	assert_output --regexp "^missing: pod uid $db_uid, process [0-9]+ / nothing"
	create "$(db)"
	await 10 agrees
}

@test "doctor: a port of a host-network pod that a process of the node has taken: wrong" {
	create "$(on_host 9200 "$(with_uid 77777777-7777-4777-8777-777777777777 "$(pod ops late 10.81.0.1 fd00:81::1)")")"
	start_listener outside.slice 9200
	await 10 doctor_says '.checks.port.wrong == 2'
	run disagreement port 10.81.0.1:9200
	assert_output --regexp '^wrong: no pod, process [0-9]+ / pod ops/late'
	remove "$(pod ops late)"
	stop "$started"
	await 10 agrees
}

@test "doctor: pods that come and go meanwhile are no disagreement" {
	local i
	for i in 1 2 3 4 5; do
		create "$(with_uid "88888888-8888-4888-8888-88888888888$i" "$(pod shop "brief-$i" "10.81.0.10$i")")"
		remove "$(pod shop "brief-$i")"
	done
	await 10 agrees
}

@test "doctor: where it cannot look: exit status 1 and the place; a wrong option: 2" {
	run doctor --proc /nowhere
	assert_failure 1
	assert_output --partial /nowhere
	run doctor --cgroup-root /proc/nowhere
	assert_failure 1
	assert_output --partial /proc/nowhere
	run doctor --pin-path "$dir/nothing"
	assert_failure 1
	assert_output --partial 'is the agent running'
	run doctor --proof /x
	assert_failure 2
	run doctor operand
	assert_failure 2
}

@test "cleanup: refuses while an agent is alive, and names it" {
	run "$podonym" cleanup --pin-path "$dir/bpf/podonym"
	assert_failure 1
	assert_output --partial "pid $agent_pid"
	await 5 owner_is 10.81.0.2 shop/web
}

@test "doctor: after the agent's end: the names that are pinned" {
	stop "$agent_pid"
	run doctor
	assert_success
	assert_output --partial 'no agent is running'
}

@test "cleanup: takes all away, and says so; then there is nothing" {
	run in_node "$podonym" cleanup --pin-path "$dir/bpf/podonym"
	assert_success
	assert_output --regexp 'removed 7 maps of names and [1-9][0-9]* pins of the tracer'
	[[ ! -e $dir/bpf/podonym ]]
	run in_node "$podonym" cleanup --pin-path "$dir/bpf/podonym"
	assert_success
	assert_output --partial 'nothing is pinned'
}

@test "cleanup: the folder of all layouts goes with the last of them" {
	mkdir -p "$dir/bpf/podonym/v1" "$dir/bpf/podonym/v2"
	run in_node "$podonym" cleanup --pin-path "$dir/bpf/podonym/v1"
	assert_success
	[[ ! -e $dir/bpf/podonym/v1 && -d $dir/bpf/podonym/v2 ]]
	run in_node "$podonym" cleanup --pin-path "$dir/bpf/podonym/v2/"
	assert_success
	[[ ! -e $dir/bpf/podonym && -d $dir/bpf ]]
}

@test "cleanup: touches nothing that is not on a BPF file system, nothing that is not podonym's" {
	mkdir -p "$dir/plain"
	touch "$dir/plain/owner"
	run "$podonym" cleanup --pin-path "$dir/plain"
	assert_failure 1
	assert_output --partial 'not on a BPF file system'
	[[ -e $dir/plain/owner ]]
	mkdir -p "$dir/bpf/podonym/other"
	run in_node "$podonym" cleanup --pin-path "$dir/bpf/podonym"
	assert_failure 1
	assert_output --partial "not podonym's"
	[[ -d $dir/bpf/podonym/other ]]
}
