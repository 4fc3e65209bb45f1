#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# podonym policy explain: as it is typed, on clusters in files. Needs no cluster and no root.

load helper

setup() {
	shop=$BATS_TEST_TMPDIR/cluster.yaml
	cat >"$shop" <<-'END'
		# a shop: db only for api, and nothing else for anybody
		apiVersion: v1
		kind: Namespace
		metadata: {name: shop, labels: {team: a}}
		---
		apiVersion: v1
		items:
		- apiVersion: v1
		  kind: Pod
		  metadata:
		    annotations: {note: "kind: NetworkPolicy"}
		    labels: &web {app: web, pod-template-hash: 7d9}
		    name: web-7d9
		    namespace: shop
		  spec: {nodeName: n1}
		  status: {phase: Running, podIP: 10.1.0.10, podIPs: [{ip: 10.1.0.10}, {ip: "fd00::10"}]}
		- apiVersion: v1
		  kind: Pod
		  metadata: {labels: {app: db}, name: db-0, namespace: shop}
		  spec:
		    containers:
		    - name: db
		      ports:
		      - {containerPort: 5432, name: pg}
		    nodeName: n1
		  status: {phase: Running, podIP: 10.1.0.11}
		- apiVersion: v1
		  kind: Service
		  metadata: {name: db, namespace: shop}
		  spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], ports: [{port: 5432}], type: ClusterIP}
		- apiVersion: v1
		  kind: Node
		  metadata: {name: n1}
		  status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
		- apiVersion: example.com/v1
		  kind: NetworkPolicy
		  metadata: {name: another-kind, namespace: shop}
		  spec: {podSelector: 7}
		kind: List
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: default-deny, namespace: shop}
		spec: {podSelector: {}, policyTypes: [Ingress]}
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: db-from-api, namespace: shop}
		spec:
		  podSelector: {matchLabels: {app: db}}
		  ingress:
		  - from: [{podSelector: {matchLabels: {app: api}}}]
		    ports: [{port: pg}]
		  - from: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.0/28]}}]
	END
}

explain() { # ARGUMENTS
	"$podonym" policy explain --cluster "$shop" "$@"
}

@test "policy: a denial names both ends, who isolates, and what each rule wanted" {
	run explain shop/web-7d9 shop/db-0 TCP/5432
	assert_success
	assert_line --index 0 'shop/web-7d9 (10.1.0.10) -> shop/db-0 (10.1.0.11) TCP 5432   DENIED'
	assert_line --regexp '^  egress +of shop/web-7d9 +allowed +no policy selects it for egress$'
	assert_line --regexp '^  ingress of shop/db-0 +denied +isolated by 2 policies, no rule matches$'
	assert_line '      NetworkPolicy shop/default-deny  has no ingress rules'
	assert_line '        rule 1: port matches, peer does not: wants app=api, has app=web'
	assert_line '        rule 2: port matches, peer does not: wants 198.51.100.0/24 except 198.51.100.0/28, has 10.1.0.10'
	assert_line '  nearest fix   NetworkPolicy shop/db-from-api, ingress: one more peer in rule 1: podSelector app=web'
	refute_output --partial $'\e'
}

@test "policy: an allowed flow names the rule; addresses stand for pods" {
	run explain 198.51.100.16 10.1.0.11 udp/53
	assert_success
	assert_line --index 0 '198.51.100.16 (outside the cluster) -> shop/db-0 (10.1.0.11) UDP 53   ALLOWED'
	assert_line '      NetworkPolicy shop/db-from-api  rule 2  Allow'
	assert_line --regexp '^  depends on the network plugin +DENIED with a client that comes through a Service'
	run explain 198.51.100.15 10.1.0.11 53/udp
	assert_output --partial DENIED
	run explain shop/web-7d9 fd00::1 443
	assert_line --index 0 'shop/web-7d9 (fd00::10) -> fd00::1 (outside the cluster) TCP 443   ALLOWED'
}

@test "policy: a node and its own pod; what depends on the plugin" {
	run explain 192.0.2.1 shop/db-0 TCP/80
	assert_line --index 0 --partial 'n1 (192.0.2.1, node) -> shop/db-0'
	assert_line --index 0 --partial ALLOWED
	assert_output --partial 'a pod and its own node always reach each other'
	run explain shop/db-0 shop/db-0 TCP/80
	assert_line --index 0 --partial ALLOWED
	assert_line --regexp '^  depends on the network plugin +DENIED with policies that hold from a pod to itself'
}

@test "policy: -o json says the same, with rules from 0" {
	run explain shop/web-7d9 shop/db-0 TCP/5432 -o json
	assert_success
	assert_equal "$(jq -r '.verdict + " " + .egress + " " + .ingress' <<<"$output")" 'deny allow deny'
	assert_equal "$(jq -c '[.egress_why, [.ingress_why[] | [.kind, .policy]]]' <<<"$output")" \
		'[[],[["NetworkPolicy","shop/db-from-api"],["NetworkPolicy","shop/default-deny"]]]'
	assert_equal "$(jq -c '.ingress_why[0].missed[0]' <<<"$output")" \
		'{"rule":0,"port":true,"peer":false,"wanted":{"app":"api"},"has":{"app":"web"}}'
	assert_equal "$(jq -c '.fix[0] | [.policy, .direction, .rule, .change]' <<<"$output")" \
		'["shop/db-from-api","ingress",0,"add-peer"]'
	assert_equal "$(jq -c '[.src.pod, .src.ip, .dst.node, .protocol, .port]' <<<"$output")" \
		'["shop/web-7d9","10.1.0.10","n1","TCP",5432]'
}

@test "policy: --fix is a patch, and what it leads to is allowed" {
	run --separate-stderr explain shop/web-7d9 shop/db-0 TCP/5432 --fix
	assert_success
	assert_line --index 1 '# kubectl patch networkpolicy db-from-api -n shop --type=json --patch-file=FILE'
	assert_line --index 2 -- '- op: add'
	assert_line --index 3 '  path: /spec/ingress/0/from/-'
	assert_line '        app: web'
	sed -i 's/{app: api}}}\]/&\n    - podSelector: {matchLabels: {app: web}}/; s/from: \[{podSelector: {matchLabels: {app: api}}}\]/from:\n    - podSelector: {matchLabels: {app: api}}/' "$shop"
	run explain shop/web-7d9 shop/db-0 TCP/5432
	assert_line --index 0 --partial ALLOWED
}

@test "policy: --fix without a rule that is near is a policy to be applied as it is" {
	run --separate-stderr explain shop/db-0 shop/web-7d9 TCP/80 --fix
	assert_success
	assert_line --index 1 '# kubectl apply -f FILE'
	assert_line 'kind: NetworkPolicy'
	printf -- '---\n%s\n' "$output" >>"$shop"
	run explain shop/db-0 shop/web-7d9 TCP/80
	assert_line --index 0 --partial ALLOWED
	run --separate-stderr explain shop/db-0 shop/web-7d9 TCP/80 --fix
	assert_success
	assert_output ''
	[[ $stderr == *'nothing to change'* ]]
}

@test "policy: tiers: the rule that denies, one that passed on, and a rule in front as the fix" {
	cat >>"$shop" <<-'END'
		---
		apiVersion: policy.networking.k8s.io/v1alpha2
		kind: ClusterNetworkPolicy
		metadata: {name: guard}
		spec:
		  tier: Admin
		  priority: 10
		  subject: {namespaces: {}}
		  ingress:
		  - {name: pass-udp, action: Pass, from: [{namespaces: {}}], protocols: [{udp: {}}]}
		  - {name: "no \x1b[31mtcp", action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {}}]}
	END
	run explain shop/db-0 shop/web-7d9 TCP/80
	assert_line '      ClusterNetworkPolicy guard  rule 2 no ?[31mtcp  Deny'
	assert_line --partial 'a rule in front of rule 2: Accept from'
	run explain shop/db-0 shop/web-7d9 UDP/80
	assert_line '      ClusterNetworkPolicy guard  rule 1 pass-udp  Pass'
	assert_line '      NetworkPolicy shop/default-deny  has no ingress rules'
	run explain shop/db-0 shop/web-7d9 TCP/80 -o json
	assert_equal "$(jq -r '.ingress_why[0].rule_name' <<<"$output")" $'no \e[31mtcp'
}

@test "policy: colours only where they are wanted" {
	run explain shop/web-7d9 shop/db-0 TCP/5432 --color always
	assert_output --partial $'\e[31mDENIED\e[0m'
	run explain shop/web-7d9 shop/db-0 TCP/5432 --color never
	refute_output --partial $'\e'
}

@test "policy: the same cluster as a JSON List, as single objects, and from standard input" {
	local list=$BATS_TEST_TMPDIR/list.json
	cat >"$list" <<-'END'
		{"apiVersion": "v1", "kind": "List", "items": [
		{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "\u0079"}, "managedFields": [{}]},
		 "status": {"podIP": "10.0.0.1"}},
		{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "namespace": "default"}, "status": {"podIP": "10.0.0.2"}},
		{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"},
		 "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"x": "y"}}}]}]}}]}
	END
	run "$podonym" policy explain --cluster "$list" default/a default/b TCP/1
	assert_line --index 0 --partial ALLOWED
	run "$podonym" policy explain --cluster - default/b default/a TCP/1 <"$list"
	assert_line --index 0 --partial DENIED
	jq -c '.items[0]' "$list" >"$BATS_TEST_TMPDIR/one.json"
	run "$podonym" policy explain --cluster "$BATS_TEST_TMPDIR/one.json" default/a 10.0.0.2 TCP/1
	assert_line --index 0 'default/a (10.0.0.1) -> 10.0.0.2 (outside the cluster) TCP 1   ALLOWED'
	jq -c '{kind: "PodList", items: [.items[0] | del(.kind, .apiVersion)]}' "$list" >"$BATS_TEST_TMPDIR/pods.json"
	PODONYM_CLUSTER=$BATS_TEST_TMPDIR/pods.json run "$podonym" policy explain default/a default/a TCP/1
	assert_line --index 0 --partial ALLOWED
}

@test "policy: --flows: a line for each line, in order, errors among them" {
	cat >"$BATS_TEST_TMPDIR/flows" <<-'END'
		{"src": "shop/web-7d9", "dst": "10.1.0.11", "protocol": "TCP", "port": 5432}

		{"port": 80, "protocol": "UDP", "extra": [1, {"a": "}"}], "dst": "192.0.2.9", "src": "shop\/web-7d9"}
		{"src": "shop/web", "dst": "10.1.0.11", "protocol": "TCP", "port": 5432}
		{"src": "shop/web-7d9", "dst": "10.1.0.11", "protocol": "TCP"}
		{"src": "shop/web-7d9", "dst": "10.1.0.11", "protocol": "ICMP", "port": 1}
		{"src": "shop/web-7d9", "dst": 10, "protocol": "TCP", "port": 1}
		{"src": "shop/web-7d9", "dst": "10.1.0
		{"src": "shop/web-7d9", "dst":
		nonsense
	END
	printf '{"src": "shop/db-0", "dst": "shop/db-0", "protocol": "TCP", "port": 1}' >>"$BATS_TEST_TMPDIR/flows"
	run --separate-stderr explain --flows - -o json <"$BATS_TEST_TMPDIR/flows"
	assert_failure 1
	assert_equal "$(jq -r '.verdict // .error' <<<"$output")" "deny
allow
no pod shop/web, did you mean shop/web-7d9?
needs src, dst, protocol and port
protocol: not TCP, UDP or SCTP
src, dst and protocol must be strings
not a JSON object
not a JSON object
not a JSON object
allow"
	assert_equal "$(jq -c 'select(.verdict == "deny") | [.ingress, .ingress_why[1].policy]' <<<"$output")" \
		'["deny","shop/default-deny"]'
	assert_equal "$(tail -n 1 <<<"$output" | jq -c .depends_on_plugin)" '["same-pod"]'
}

@test "policy: --flows answers what it has before more comes" {
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	explain --flows - <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	exec 5>"$BATS_TEST_TMPDIR/in" 6<"$BATS_TEST_TMPDIR/out"
	for port in 1 2 3; do
		echo "{\"src\": \"shop/db-0\", \"dst\": \"shop/web-7d9\", \"protocol\": \"TCP\", \"port\": $port}" >&5
		read -r -t 60 line <&6
		[[ $line == '{"verdict":"deny",'* ]]
	done
	exec 5>&-
	wait "$!"
	exec 6<&-
}

@test "policy: --flows with --fix" {
	run explain --flows - --fix <<<'{"src": "shop/web-7d9", "dst": "shop/db-0", "protocol": "TCP", "port": 5432}'
	assert_success
	assert_equal "$(jq -c '.fix[0].patch[0].path' <<<"$output")" '"/spec/ingress/0/from/-"'
}

@test "policy: wrong usage says what to do: exit status 2" {
	run "$podonym" policy explain --kubeconfig /nowhere shop/web-7d9 shop/db-0 TCP/5432
	assert_failure 1
	assert_output --partial 'no --cluster FILE, and no API server: '
	assert_output --partial '/nowhere'
	run explain shop/web-7d9 shop/db-0
	assert_failure 2
	run explain shop/web-7d9 shop/db-0 TCP/5432 more
	assert_failure 2
	for port in XTP/1 TCP/0 TCP/65536 TCP/ /80 http TCP/http -1; do
		run explain -- shop/web-7d9 shop/db-0 "$port"
		assert_failure 2
		assert_output --partial 'is not PROTOCOL/PORT'
	done
	run explain web shop/db-0 TCP/5432
	assert_failure 2
	assert_output --partial '"web" is neither namespace/pod nor an address'
	run explain --flows file
	assert_failure 2
	run explain --flows - shop/web-7d9 shop/db-0 TCP/5432
	assert_failure 2
	run "$podonym" policy explain --cluster - --flows -
	assert_failure 2
	run "$podonym" policy
	assert_failure 2
	assert_output --partial 'policy explain'
	run "$podonym" policy explian
	assert_failure 2
	assert_output --partial 'did you mean "policy explain"?'
}

@test "policy: help, in all ways to ask for it" {
	for words in 'policy explain --help' 'help policy explain'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$podonym" $words
		assert_success
		assert_output --partial 'podonym policy explain [OPTIONS] SRC DST PROTOCOL/PORT'
	done
	run --separate-stderr "$podonym" policy --help
	assert_success
	assert_output --partial 'policy explain'
	run --separate-stderr "$podonym" --help
	assert_output --partial 'policy explain'
}

@test "policy: ends that are not there: what is near, and what a Service is" {
	run explain shop/web shop/db-0 TCP/5432
	assert_failure 1
	assert_output --partial 'no pod shop/web, did you mean shop/web-7d9?'
	run explain shop/web-7d9 shop/db TCP/5432
	assert_failure 1
	assert_output --partial 'shop/db is a Service'
	run explain shop/web-7d9 10.96.0.1 TCP/5432
	assert_success
	assert_line --index 0 --partial 'shop/db (10.96.0.1, Service: policies see its pods)'
	run explain other/x shop/db-0 TCP/5432
	assert_failure 1
	assert_output --partial 'no pod other/x'
}

# Exit status 1, and a message with the words.
refused() { # TEXT WORDS...
	printf '%s' "$1" >"$BATS_TEST_TMPDIR/broken"
	run "$podonym" policy explain --cluster "$BATS_TEST_TMPDIR/broken" a/b c/d TCP/1
	assert_failure 1
	for words in "${@:2}"; do
		assert_output --partial "$words"
	done
}

@test "policy: a file that is none is refused with the place" {
	run "$podonym" policy explain --cluster /nowhere a/b c/d TCP/1
	assert_failure 1
	assert_output --partial '/nowhere: No such file'
	run "$podonym" policy explain --cluster / a/b c/d TCP/1
	assert_failure 1
	assert_output --partial 'directory'
	refused '' 'nothing in it'
	refused '{"items": [{"kind": "Pod"' 'JSON'
	refused '{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7}}]}' 'item 1: Pod' 'name: not a string'
	refused $'kind: Pod\nmetadata: [\n' 'line 3: not YAML'
	refused $'- a\n- b\n' 'line 1: not an object'
	refused $'a: 1\n---\nkind: Pod\nmetadata:\n  name: a\n  labels: {a: 1}\n' 'line 3: Pod' 'labels: not a string'
	refused $'a: *nothing\n' 'line 1: an alias of nothing'
	refused $'a: {<<: {b: c}}\n' 'line 1: merging maps'
}

@test "policy: a policy that no API server would take is refused with its name" {
	refused $'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\nspec: {podSelector: {}, ingress: [{from: [{}]}]}\n' \
		'NetworkPolicy n/p' 'not valid'
	refused $'apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Allow, to: [{nodes: {}}]}]}\n' \
		'line 1: ClusterNetworkPolicy c: spec.egress[0]: action: not Accept, Deny or Pass'
}
