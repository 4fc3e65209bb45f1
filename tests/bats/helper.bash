# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the suites share: an API server, an agent, a cluster of namespaces, and waiting for events.
# A suite loads this file first. State lives in variables, so a suite that starts something in
# setup_file exports what its tests need (suite_export).

bats_require_minimum_version 1.5.0
# What their load.bash would do, with a process for each file, in front of each test.
for file in /usr/lib/bats/bats-{support,assert}/src/*.bash; do
	# shellcheck source=/dev/null
	. "$file"
done

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
build=$root/build/${MODE:-release}
podonym=$build/podonym
# What sanitizers do at the end of a process takes other system calls.
[[ ${MODE-} != @(asan|tsan) ]] || export PODONYM_CONFINE=off
testapi=$build/tests/tools/podonym-testapi

: "${cluster:=pn-bats-$$-$RANDOM}"
# shellcheck source=../../deploy/demo/cluster.bash
. "$root/deploy/demo/cluster.bash"

# --- waiting -------------------------------------------------------------------------------------

# Until the command succeeds; shows its last output when it does not within the time, which is that of a
# machine with nothing else to do: a busy one gets four times as long. Time in which the machine stood
# still is nobody's: whoever is waited for then gets some more looks.
await() { # SECONDS COMMAND...
	local deadline=$((SECONDS + 4 * $1)) out n_late=0
	until out=$("${@:2}" 2>&1); do
		if ((SECONDS >= deadline && ++n_late > 20)); then
			echo "not within $((4 * $1)) s: ${*:2}" "$out" >&2
			return 1
		fi
		sleep 0.05
	done
}

# Returns when the wall clock shows another second.
next_second() {
	local now
	printf -v now '%(%s)T' -1
	await 2 second_is_over "$now"
}

second_is_over() { # SECOND
	local now
	printf -v now '%(%s)T' -1
	((now > $1))
}

# Runs in the background, out of the way of bats' own descriptors. Sets started to its pid.
start() { # OUT ERR COMMAND...
	cluster_exec="exec" "${@:3}" >"$1" 2>"$2" 3>&- 4>&- </dev/null &
	started=$!
	disown
}

# Ends a process that was started and waits until it is gone; by force when that takes long, which is an error.
stop() { # PID [SIGNAL]
	[[ $1 ]] || return 0
	kill "-${2-TERM}" "$1" 2>/dev/null || return 0
	await 5 is_gone "$1" || { kill -KILL "$1"; return 1; }
}

is_gone() { # PID
	! kill -0 "$1" 2>/dev/null
}

# --- the API server ------------------------------------------------------------------------------

# Sets api_url and api_pid. The first argument is a command to run it under: "env", "in_node".
start_testapi() { # RUNNER [OPTIONS]
	start "$dir/api.out" "$dir/api.err" "$1" "$testapi" "${@:2}"
	api_pid=$started
	await 5 grep -q listening "$dir/api.out" || { cat "$dir/api.err"; return 1; }
	api_url=$(sed 's/.* //' "$dir/api.out")
	api_runner=$1
}

# Prints the answer's body; fails as curl does, with --fail.
api() { # METHOD PATH [CURL-OPTIONS]
	"$api_runner" curl -sS --fail --noproxy '*' --max-time 60 -X "$1" "${@:3}" "$api_url$2"
}

create() { # OBJECT: of any kind, in its namespace
	api POST "$(path_of "$1")" -o /dev/null --data-binary "$1"
}

replace() { # OBJECT
	api PUT "$(path_of "$1")/$(jq -r .metadata.name <<<"$1")" -o /dev/null --data-binary "$1"
}

remove() { # OBJECT
	api DELETE "$(path_of "$1")/$(jq -r .metadata.name <<<"$1")" -o /dev/null
}

path_of() { # OBJECT
	jq -r '(if .apiVersion == "v1" then "/api/v1" else "/apis/" + .apiVersion end)
		+ (if .metadata.namespace then "/namespaces/" + .metadata.namespace else "" end)
		+ "/" + (.kind | ascii_downcase | sub("y$"; "ie")) + "s"' <<<"$1"
}

pod() { # NAMESPACE NAME [ADDRESS...]
	jq -nc '{apiVersion: "v1", kind: "Pod",
		metadata: {namespace: $ARGS.positional[0], name: $ARGS.positional[1]},
		spec: {nodeName: "bats-node"},
		status: {phase: "Running", podIPs: [$ARGS.positional[2:][] | {ip: .}]}}' --args "$@"
}

service() { # NAMESPACE NAME PROTOCOL PORT ADDRESS...
	jq -nc '$ARGS.positional as $a | {apiVersion: "v1", kind: "Service",
		metadata: {namespace: $a[0], name: $a[1]},
		spec: {type: "ClusterIP", clusterIP: $a[4], clusterIPs: $a[4:],
			ports: [{protocol: $a[2], port: ($a[3] | tonumber)}]}}' --args "$@"
}

node() { # NAME ADDRESS...
	jq -nc '$ARGS.positional as $a | {apiVersion: "v1", kind: "Node", metadata: {name: $a[0]},
		status: {addresses: [$a[1:][] | {type: "InternalIP", address: .}]}}' --args "$@"
}

objects() { # FILE OBJECT...
	printf '%s\n' "${@:2}" | jq -s '{items: .}' >"$1"
}

# Does anyone, by TCP or UDP?
listens() { # RUNNER... PORT
	[[ $("${@:1:$#-1}" ss -Hlntu "sport = :${*: -1}") ]]
}

# --- cgroups -------------------------------------------------------------------------------------

# A tree of our own in the unified hierarchy. Sets cgroup; skips the suite's tests where there is none.
cgroup_up() {
	cgroup_root=$(findmnt -nt cgroup2 -o TARGET | head -n 1)
	[[ $cgroup_root && -w $cgroup_root ]] || skip 'cgroup2 is not mounted, or not writable'
	cgroup=$cgroup_root/$cluster
	mkdir "$cgroup"
	export cgroup cgroup_root
}

# A cgroup goes when the last process in it has.
cgroup_down() {
	local pid
	[[ ${cgroup-} && -d $cgroup ]] || return 0
	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done < <(find "$cgroup" -name cgroup.procs -exec cat {} +)
	await 5 cgroup_is_gone
}

cgroup_is_gone() {
	find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
	[[ ! -d $cgroup ]]
}

# The command's process, and so each of its sockets, belongs to a cgroup below ours.
in_cgroup() { # CGROUP COMMAND...
	mkdir -p "$cgroup/$1"
	if [[ ${cluster_exec-} ]]; then # in a process of its own already, see start
		echo "$BASHPID" >"$cgroup/$1/cgroup.procs"
		"${@:2}"
	else
		(echo "$BASHPID" >"$cgroup/$1/cgroup.procs" && "${@:2}")
	fi
}

# --- the agent -----------------------------------------------------------------------------------

# Starts the agent and waits until it answers. Sets agent_pid. Flow lines go to $dir/flows.json.
start_agent() { # RUNNER [OPTIONS]
	[[ -d $dir/bpf ]] || bpffs_up "$dir/bpf"
	start "$dir/agent.out" "$dir/agent.err" "$1" "$podonym" agent --node bats-node \
		--interval 200ms --output "$dir/flows.json" --format json --socket "$dir/socket" \
		--pin-path "$dir/bpf/podonym" --history "$dir/history.db" "${@:2}"
	agent_pid=$started
	await 30 agent_answers || { cat "$dir/agent.err"; return 1; }
}

agent_answers() {
	"$podonym" status --quiet --live --socket "$dir/socket"
}

agent_in_sync() {
	"$podonym" status --quiet --socket "$dir/socket"
}

agent_status() { # JQ-FILTER
	"$podonym" status -o json --socket "$dir/socket" | jq -r "$1"
}

# The agent's figures have reached a state: status_is '.index.addresses == 5'
status_is() { # JQ-CONDITION
	[[ $(agent_status "$1") == true ]]
}

whois() { # ADDRESS [OPTIONS]
	"$podonym" whois --pin-path "$dir/bpf/podonym" "$@"
}

# The map says so: owner_is 10.0.0.1 shop/web; an address nobody has belongs to ""
owner_is() { # ADDRESS NAMESPACE/NAME
	[[ $(whois "$1" -o json |
		jq -r '.. | .owner? // empty | .namespace + "/" + .name' | head -n 1) == "$2" ]]
}

# Flow lines, one JSON array of those that match: flows 'select(.network.transport == "udp")'. One that is
# just being written is not among them.
flows() { # JQ-FILTER
	head -n "$(wc -l <"$dir/flows.json")" "$dir/flows.json" | jq -cs "[.[] | $1]"
}

# A sum over the flow lines that match, as in flow_sum 'select(...)' .source.packets
flow_sum() { # JQ-FILTER FIELD
	flows "$1" | jq "[.[] | $2] | add // 0"
}

# --- two pods ------------------------------------------------------------------------------------

# A node, 10.NET.0.1 and fd00:NET::1, and two pods behind it, of the namespace "test". They and the
# other objects are in $dir/objects.json.
two_pods() { # NET POD POD [OBJECT...]
	cluster_up "10.$1.0.1" "fd00:$1::1"
	pod_up "$2" "10.$1.0.2" "fd00:$1::2"
	pod_up "$3" "10.$1.0.3" "fd00:$1::3"
	objects "$dir/objects.json" \
		"$(node bats-node "10.$1.0.1" "fd00:$1::1")" \
		"$(pod test "$2" "10.$1.0.2" "fd00:$1::2")" \
		"$(pod test "$3" "10.$1.0.3" "fd00:$1::3")" "${@:4}"
}

# Their agent, once it knows them and traces both.
agent_of_two_pods() { # [OPTIONS]
	start_agent in_node --server "$api_url" "$@"
	await_two_pods
}

await_two_pods() {
	await 10 agent_in_sync
	await 10 status_is '.metrics.pn_links_traced == 2'
}

# --- life of a suite -----------------------------------------------------------------------------

suite_export() {
	export cluster node_v4 node_v6 dir api_url api_pid api_runner agent_pid
}

# Both leave nothing behind, whatever the state.
suite_begin() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/podonym-bats.XXXXXX")
	api_url='' api_pid='' api_runner=env agent_pid=''
}

suite_end() {
	local status=0
	stop "$agent_pid" || status=1
	stop "$api_pid" || status=1
	if grep -sl 'ERROR: .*Sanitizer\|runtime error:' "$dir"/*.err; then
		cat "$dir"/*.err
		status=1
	fi
	cluster_down
	bpffs_down "$dir/bpf"
	rm -rf "$dir"
	return $status
}
