# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Where tests/bench/traffic and tests/bench/soak_flows measure, for both to source: pods on a bridge, an
# API server that knows a thousand of them, and the agent.
#
#   <cluster>-a                    <cluster>-node                    <cluster>-b
#     eth0 10.91.0.1 ----- veth-a ---- br0 ---- veth-b ----- eth0 10.91.0.2, and all of 10.92.0.0/16
#
# All are network namespaces, so nothing touches the machine's own network. Neighbours of a and b are
# written down and IPv6 is off, so that what passes was sent on purpose. 10.92.0.1 and those that follow
# are the addresses of the pods load/server-1 and so on, a is load/client.
#
# The script that sources this sets name, build and dir, and calls rig_clean_up when it ends.

: "${name:?}" "${build:?}" "${dir:?}"
N_PODS=1000
cluster=pn-$name-$$
# shellcheck source=../../deploy/demo/cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/../../deploy/demo/cluster.bash"

client_uid=00000000-0000-4000-8000-000000000000
server_uid=00000000-0000-4000-8000-000000000001
agent='' cgroup=''

fail() { # WHAT
	echo "$name: $1" >&2
	tail -qn 5 "$dir"/*.err >&2
	exit 1
}

await() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		((SECONDS < deadline)) || fail "not within $1 s: ${*:2}"
		sleep 0.05
	done
}

is_gone() { # PID
	! kill -0 "$1" 2>/dev/null
}

rig_needs_root() {
	((EUID != 0)) || return 0
	echo '  skipped: needs root'
	exit 0
}

rig_clean_up() {
	set +e # to the end, whatever fails
	trap '' INT TERM HUP
	disown -a
	cluster=pn-$name-$$ # not that of another rig which is just being made; its name begins with this
	cluster_down # with all processes in it
	cgroups_down
	bpffs_down "$dir/bpf"
	rm -rf "$dir"
}

# --- the network ---------------------------------------------------------------------------------

no_ipv6() { # NETNS
	nsenter --net="/run/netns/$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}

bridged_pod_up() { # POD ADDRESS
	ip netns add "$cluster-$1"
	no_ipv6 "$cluster-$1"
	ip -n "$cluster-node" link add "veth-$1" type veth peer name eth0 netns "$cluster-$1"
	ip -n "$cluster-node" link set "veth-$1" master br0 up
	ip -n "$cluster-$1" link set lo up
	ip -n "$cluster-$1" link set eth0 up
	ip -n "$cluster-$1" addr add "$2/16" dev eth0
	[[ $1 == b ]] || ip -n "$cluster-$1" route add 10.92.0.0/16 via 10.91.0.2
}

mac_of() { # POD
	ip -n "$cluster-$1" -j link show eth0 | jq -r '.[0].address'
}

rig_up() {
	ip netns add "$cluster-node"
	no_ipv6 "$cluster-node"
	ip -n "$cluster-node" link set lo up
	ip -n "$cluster-node" link add br0 type bridge mcast_snooping 0
	ip -n "$cluster-node" link set br0 up
	bridged_pod_up a 10.91.0.1
	bridged_pod_up b 10.91.0.2
	ip -n "$cluster-a" neigh add 10.91.0.2 lladdr "$(mac_of b)" dev eth0
	ip -n "$cluster-b" neigh add 10.91.0.1 lladdr "$(mac_of a)" dev eth0
	ip -n "$cluster-b" route add local 10.92.0.0/16 dev lo
	# A closed connection lingers no longer than it has to: its port is wanted again.
	in_pod a sysctl -qw net.ipv4.tcp_max_tw_buckets=256
	in_pod b sysctl -qw net.ipv4.tcp_max_tw_buckets=256
}

# --- who sends -----------------------------------------------------------------------------------

cgroups_up() {
	local root
	root=$(findmnt -nt cgroup2 -o TARGET | head -n 1) || true
	if [[ $root ]] && mkdir "$root/$cluster.slice" 2>/dev/null; then
		cgroup=$root/$cluster.slice
	fi
}

cgroups_down() { # a cgroup can go when the last process in it has, which has been killed
	local i
	for ((i = 0; i < 100; i++)); do
		[[ $cgroup && -d $cgroup ]] || return 0
		find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
	done
}

# In the network and the cgroup of a pod. In the background only: the command takes the shell's place.
as_pod() { # POD UID COMMAND...
	local own=$cgroup/kubepods-pod${2//-/_}.slice
	if [[ $cgroup ]]; then
		mkdir -p "$own"
		echo "$BASHPID" >"$own/cgroup.procs"
	fi
	cluster_exec="exec" in_pod "$1" "${@:3}"
}

start_sink() {
	as_pod b $server_uid "${on_first_cpu[@]}" "$build/tests/bench/traffic_sink" >"$dir/$cluster.sink" 2>"$dir/$cluster.sink.err" &
	disown
	await 5 grep -q ready "$dir/$cluster.sink"
}

# Sender and receiver each have a processor for themselves, if there are two.
on_first_cpu=() on_last_cpu=()
if (($(nproc) > 1)); then
	on_first_cpu=(taskset -c 0) on_last_cpu=(taskset -c "$(($(nproc) - 1))")
fi

# Sets sender. What it says goes to $dir/sent.
start_sender() { # TRAFFIC_GEN-ARGUMENTS
	as_pod a $client_uid "${on_last_cpu[@]}" "$build/tests/bench/traffic_gen" "$@" >"$dir/sent" 2>"$dir/sent.err" &
	sender=$!
}

stop_sender() {
	kill "$sender" 2>/dev/null || true
	wait "$sender" || fail 'the sender failed'
}

# --- the API server and the agent ----------------------------------------------------------------

write_objects() {
	jq -nc --argjson n "$N_PODS" --arg client "$client_uid" '
		def uid($i): "00000000-0000-4000-8000-" + ("000000000000" + ($i | tostring))[-12:];
		def pod($name; $uid; $ip): {apiVersion: "v1", kind: "Pod",
			metadata: {namespace: "load", name: $name, uid: $uid, ownerReferences: [{
				apiVersion: "apps/v1", kind: "ReplicaSet", name: "server-6d5c7b9f4",
				uid: "rs", controller: true}]},
			spec: {nodeName: "bench-node"}, status: {phase: "Running", podIPs: [{ip: $ip}]}};
		{items: [pod("client"; $client; "10.91.0.1"), (range(1; $n + 1) |
			pod("server-\(.)"; uid(.); "10.92.\(. / 256 | floor).\(. % 256)"))]}' >"$dir/objects.json"
}

start_api() {
	write_objects
	cluster_exec="exec" in_node "$build/tests/tools/podonym-testapi" --objects "$dir/objects.json" >"$dir/api.out" 2>"$dir/api.err" &
	disown
	await 5 grep -q listening "$dir/api.out"
}

status() { # JQ-FILTER
	"$build/podonym" status -o json --socket "$dir/socket" | jq -r "$1"
}

status_is() { # JQ-CONDITION
	[[ $(status "$1") == true ]]
}

# Traces both pods and knows all names when it returns.
start_agent() { # [OPTIONS]
	[[ -d $dir/bpf ]] || bpffs_up "$dir/bpf"
	cluster_exec="exec" in_node "$build/podonym" agent --server "$(sed 's/.* //' "$dir/api.out")" \
		--node bench-node --output "$dir/flows.json" --format json --socket "$dir/socket" \
		--pin-path "$dir/bpf/podonym" --state none --history "$dir/history.db" --log-level warn "$@" 2>"$dir/agent.err" &
	agent=$!
	disown
	await 10 "$build/podonym" status --quiet --socket "$dir/socket"
	await 10 status_is ".metrics.pn_links_traced == 2 and .index.addresses > $N_PODS"
}

# The next one starts with an empty table.
stop_agent() {
	kill "$agent"
	await 10 is_gone "$agent"
	agent=''
	in_node "$build/podonym" cleanup --pin-path "$dir/bpf/podonym" >/dev/null
	rm -f "$dir/flows.json"
}
