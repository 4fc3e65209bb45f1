#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# podonym policy check and advise: recorded flows held against policies, on clusters in files. Needs no
# cluster and no root.

load helper

setup() {
	shop=$BATS_TEST_TMPDIR/cluster.yaml
	flows=$BATS_TEST_TMPDIR/flows.jsonl
	change=$BATS_TEST_TMPDIR/change.yaml
	cat >"$shop" <<-'END'
		apiVersion: v1
		kind: Namespace
		metadata: {name: shop}
		---
		apiVersion: v1
		kind: Pod
		metadata:
		  labels: {app: web, pod-template-hash: 7d9}
		  name: web-7d9-abc
		  namespace: shop
		  ownerReferences: [{kind: ReplicaSet, name: web-7d9, uid: u1, controller: true}]
		spec: {nodeName: n1}
		status: {phase: Running, podIP: 10.1.0.10}
		---
		apiVersion: v1
		kind: Pod
		metadata:
		  labels: {app: db, statefulset.kubernetes.io/pod-name: db-0}
		  name: db-0
		  namespace: shop
		  ownerReferences: [{kind: StatefulSet, name: db, uid: u2, controller: true}]
		spec: {nodeName: n2}
		status: {phase: Running, podIP: 10.1.0.11}
		---
		apiVersion: v1
		kind: Node
		metadata: {name: n1}
		status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
		---
		apiVersion: v1
		kind: Node
		metadata: {name: n2}
		status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: web-closed, namespace: shop}
		spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
	END
	cat >"$change" <<-'END'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: db, namespace: shop}
		spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}
	END
	: >"$flows"
}

# Ends as "ADDRESS", "ADDRESS node NAME" or "ADDRESS pod NAME KIND NAME NODE", all of namespace shop.
flow() { # ID PROTO PORT STATE SOURCE DESTINATION
	jq -nc --arg id "$1" --arg proto "$2" --argjson port "$3" --arg state "$4" --arg src "$5" --arg dst "$6" '
		def side: split(" ") | {address: .[0], bytes: 40, packets: 1} +
			if .[1] == "node" then {k8s: {node: {name: .[2]}}}
			elif .[1] == "service" then {k8s: {service: {name: .[2], namespace: "shop"}}}
			elif .[1] == "pod" then {k8s: {namespace: {name: "shop"}, pod: {name: .[2]},
				workload: {kind: .[3], name: .[4]}, node: {name: .[5]}}} else {} end;
		{event: {start: "2026-11-29T12:00:00.000000000Z", end: "2026-11-29T12:00:0\($id).500000000Z"},
		 source: ($src | side + {port: 40000}), destination: ($dst | side + {port: $port}),
		 network: {transport: $proto, type: "ipv4"},
		 podonym: {schema_version: 1, flow_id: $id, attribution: {source: "ip", destination: "ip"}}}
		| if $state != "" then .podonym.tcp = {state: $state, flags: {source: "SYN", destination: ""}} else . end' >>"$flows"
}

web='10.1.0.10 pod web-7d9-abc Deployment web n1'
db='10.1.0.11 pod db-0 StatefulSet db n2'

check() { # ARGUMENTS
	"$podonym" policy check --cluster "$shop" --flows "$flows" "$@"
}

@test "policy check: what would break is named with its workloads, counts, time and policy: exit status 3" {
	flow 1 tcp 5432 established "$web" "$db"
	flow 1 tcp 5432 closed "$web" "$db"
	flow 2 tcp 5432 closed "$web" "$db"
	flow 3 udp 53 '' "$web" 198.51.100.7
	run check -f "$change"
	assert_failure 3
	assert_line --index 0 --regexp '^CHANGE +SOURCE +DESTINATION +PORT +CONNECTIONS +LAST SEEN +BY$'
	assert_line --index 1 --regexp '^newly denied +Deployment shop/web +StatefulSet shop/db +TCP/5432 +2 +2026-11-29T12:00:02Z +ingress: NetworkPolicy shop/db$'
	assert_line --index 2 'flows newly denied: 1, newly allowed: 0; still allowed: 1, still denied: 0'
	run check -f "$change" -o json
	assert_failure 3
	assert_equal "$(jq -c '[.broken, .changes[0].change, .changes[0].source.name, .changes[0].destination.kind,
		.changes[0].connections, .changes[0].why[0].policy, .changes[0].example.dst.pod]' <<<"$output")" \
		'[true,"newly-denied","web","StatefulSet",2,"shop/db","shop/db-0"]'
}

@test "policy check: nothing breaks: exit status 0; an object of the same name is replaced" {
	flow 1 tcp 5432 closed "$web" "$db"
	sed -i 's/policyTypes: .Ingress./ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]/' "$change"
	run check -f "$change"
	assert_success
	assert_line --index 0 'flows newly denied: 0, newly allowed: 0; still allowed: 1, still denied: 0'
	cat "$change" >>"$shop"
	sed -i '1i ---' "$shop" && sed -i 's/^apiVersion: networking/---\n&/' "$shop"
	sed -i 's/app: web}/app: api}/' "$change"
	run check -f "$change"
	assert_failure 3
	assert_line --index 1 --partial 'ingress: NetworkPolicy shop/db'
}

@test "policy check: --delete takes policies away, and what that opens is said" {
	flow 1 tcp 80 established "$db" "$web"
	run check --delete NetworkPolicy/shop/web-closed
	assert_success
	assert_line --index 1 --regexp '^newly allowed +StatefulSet shop/db +Deployment shop/web +TCP/80 +1 '
	run check --delete networkpolicy/shop/nothing
	assert_failure 1
	assert_output --partial 'the cluster has no NetworkPolicy shop/nothing'
	run check --delete shop/web-closed
	assert_failure 2
	assert_output --partial 'is not KIND/NAMESPACE/NAME'
}

@test "policy check: a pod that is gone is judged as another one of its workload" {
	flow 1 tcp 5432 closed '10.1.0.99 pod web-5f5-xyz Deployment web n3' "$db"
	flow 2 tcp 5432 closed '10.1.0.98 pod old-1 Deployment old n3' "$db"
	run check -f "$change"
	assert_failure 3
	assert_line --index 1 --partial 'Deployment shop/web'
	assert_line 'could not be judged:'
	assert_line '  records of a pod that is gone, as are all of its workload: 1 (first: shop/old-1 -> shop/db-0 tcp/5432)'
}

@test "policy check: what cannot be judged is counted, each sort with its first one" {
	flow 1 tcp 5432 closed "$web" "$db"
	flow 2 icmp 0 '' "$web" "$db"
	flow 3 tcp 80 opening "$web" '10.96.0.1 service db'
	flow 4 tcp 80 established "$web" '192.0.2.1 node n1'
	flow 5 tcp 0 '' "$web" "$db"
	echo '{"source": 7}' >>"$flows"
	sed -i '3s/"destination":"ip"/"destination":"service"/' "$flows"
	run check -f "$change"
	assert_failure 3
	assert_line 'records between a pod and its own node, which is always allowed: 1'
	assert_line --partial '  records that are none: 1 (first: line 6: '
	assert_line --partial '  records of a protocol that policies cannot name: 1'
	assert_line --partial '  records to a Service, and by which pod is not known: 1 (first: shop/web-7d9-abc -> 10.96.0.1 tcp/80)'
	assert_line --partial '  records without a port, '
	run check -f "$change" -o json
	assert_equal "$(jq -c '[.records, .own_node, ([.not_judged[].reason] | sort)]' <<<"$output")" \
		'[6,1,["no-port","protocol","service-only","unreadable"]]'
}

@test "policy check: what was only tried does not break, unless asked for" {
	flow 1 tcp 5432 opening "$web" "$db"
	flow 2 tcp 5432 refused "$web" "$db"
	run check -f "$change"
	assert_success
	assert_line --partial 'flows left out that were only tried (no answer, or refused): 1'
	run check -f "$change" --attempts
	assert_failure 3
}

@test "policy check: wrong usage and files that are none" {
	flow 1 tcp 5432 closed "$web" "$db"
	run "$podonym" policy check --cluster "$shop" -f "$change"
	assert_failure 2
	assert_output --partial 'needs --flows'
	run check
	assert_failure 2
	run check -f /nowhere
	assert_failure 1
	assert_output --partial '/nowhere: No such file'
	echo 'kind: NetworkPolicy' >"$change"
	run check -f "$change"
	assert_failure 1
	echo 'kind: Pod' >"$change"
	run check -f "$change"
	assert_failure 1
	assert_output --partial 'there is no policy in it'
	: >"$flows"
	run check --delete NetworkPolicy/shop/web-closed
	assert_failure 1
	assert_output --partial 'there is no flow in it'
	echo nonsense >"$flows"
	run check --delete NetworkPolicy/shop/web-closed
	assert_failure 1
	assert_output --partial 'line 1: not a JSON object'
}

advise() { # ARGUMENTS
	"$podonym" policy advise --cluster "$shop" --flows "$flows" "$@"
}

@test "policy advise: one policy that denies, one for each workload, by labels that last" {
	flow 1 tcp 5432 established "$web" "$db"
	flow 2 udp 53 '' "$web" 198.51.100.7
	flow 3 tcp 80 closed '198.51.100.8' "$web"
	flow 4 tcp 80 closed '192.0.2.2 node n2' "$web"
	flow 5 tcp 80 closed '192.0.2.1 node n1' "$web"
	run --separate-stderr advise
	assert_success
	assert_output - <<-'END'
		# namespace shop: what is not allowed below is denied
		# stays, and allows what it allows: NetworkPolicy shop/web-closed
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata:
		  name: advised-default-deny
		  namespace: shop
		spec:
		  podSelector: {}
		  policyTypes:
		  - Ingress
		  - Egress
		---
		# StatefulSet shop/db
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata:
		  name: advised-db
		  namespace: shop
		spec:
		  ingress:
		  - from:
		    - podSelector:
		        matchLabels:
		          app: web
		    ports:
		    - port: 5432
		      protocol: TCP
		  podSelector:
		    matchLabels:
		      app: db
		  policyTypes:
		  - Ingress
		---
		# Deployment shop/web
		# node n2 is 192.0.2.2
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata:
		  name: advised-web
		  namespace: shop
		spec:
		  egress:
		  - ports:
		    - port: 5432
		      protocol: TCP
		    to:
		    - podSelector:
		        matchLabels:
		          app: db
		  - ports:
		    - port: 53
		      protocol: UDP
		    to:
		    - ipBlock:
		        cidr: 198.51.100.7/32
		  ingress:
		  - from:
		    - ipBlock:
		        cidr: 192.0.2.2/32
		    - ipBlock:
		        cidr: 198.51.100.8/32
		    ports:
		    - port: 80
		      protocol: TCP
		  podSelector:
		    matchLabels:
		      app: web
		  policyTypes:
		  - Ingress
		  - Egress
	END
	assert_equal "$stderr" ''
}

@test "policy advise: with its policies nothing that was seen breaks, and what was not seen is denied" {
	flow 1 tcp 5432 established "$web" "$db"
	flow 2 udp 53 '' "$web" 198.51.100.7
	flow 3 tcp 80 closed 198.51.100.8 "$web"
	flow 4 tcp 8080 opening "$db" "$web"
	advise >"$change" 2>/dev/null
	run check -f "$change"
	assert_success
	printf -- '---\n' | cat - "$change" >>"$shop"
	for seen in 'shop/web-7d9-abc shop/db-0 TCP/5432' 'shop/web-7d9-abc 198.51.100.7 UDP/53' '198.51.100.8 shop/web-7d9-abc TCP/80'; do
		# shellcheck disable=SC2086 # words
		run "$podonym" policy explain --cluster "$shop" $seen
		assert_line --index 0 --partial ALLOWED
	done
	for unseen in 'shop/web-7d9-abc shop/db-0 TCP/5433' 'shop/db-0 shop/web-7d9-abc TCP/8080' 'shop/db-0 198.51.100.7 UDP/53' \
		'198.51.100.9 shop/web-7d9-abc TCP/80' 'shop/web-7d9-abc 198.51.100.7 TCP/53'; do
		# shellcheck disable=SC2086 # words
		run "$podonym" policy explain --cluster "$shop" $unseen
		assert_line --index 0 --partial DENIED
	done
	run --separate-stderr advise
	assert_success
	[[ $stderr == *'only tried (no answer, or refused): 1'* ]]
	assert_equal "$output" "$(cat "$change")"
}

@test "policy advise: many addresses become networks without pods and nodes in them" {
	local i
	for i in {2..250..2}; do flow 3 tcp 80 closed "192.0.2.$i" "$web"; done
	advise --max-blocks 4 >"$change"
	run cat "$change"
	assert_output --partial '# 125 addresses were seen; the '
	printf -- '---\n' | cat - "$change" >>"$shop"
	run "$podonym" policy explain --cluster "$shop" 192.0.2.201 shop/web-7d9-abc TCP/80
	assert_line --index 0 --partial ALLOWED
	sed -i 's/nodeName: n1/nodeName: n3/' "$shop"
	run "$podonym" policy explain --cluster "$shop" 192.0.2.1 shop/web-7d9-abc TCP/80
	assert_line --index 0 --partial DENIED
}

@test "policy advise: namespaces, and nothing to advise" {
	flow 1 tcp 5432 established "$web" "$db"
	run advise -n nowhere
	assert_failure 1
	assert_output --partial 'the cluster has no namespace "nowhere"'
	run --separate-stderr advise -n shop
	assert_success
	assert_line '  name: advised-db'
	flow 2 tcp 1 closed 198.51.100.1 198.51.100.2
	sed -i 1d "$flows"
	run advise
	assert_failure 1
	assert_output --partial 'nothing to advise'
	run "$podonym" policy advise --cluster "$shop"
	assert_failure 2
}

# --- from an API server --------------------------------------------------------------------------

serve() { # OBJECT...: of the shop, and more
	suite_begin
	objects "$dir/objects.json" "$(node n1 192.0.2.1)" '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}' \
		"$(pod shop web 10.1.0.10 | jq -c '.metadata.labels = {app: "web"}')" \
		"$(pod shop db 10.1.0.11 | jq -c '.metadata.labels = {app: "db"}')" "$(service shop db TCP 5432 10.96.0.1)" \
		'{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"namespace":"shop","name":"db"},
		  "spec":{"podSelector":{"matchLabels":{"app":"db"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"api"}}}]}]}}' "$@"
	start_testapi env --objects "$dir/objects.json"
}

teardown() {
	[[ -z ${dir-} ]] || suite_end
}

guard='{"apiVersion":"policy.networking.k8s.io/v1alpha2","kind":"ClusterNetworkPolicy","metadata":{"name":"guard"},
	"spec":{"tier":"Admin","priority":1,"subject":{"namespaces":{}},"egress":[{"action":"Deny","to":[{"networks":["198.51.100.0/24"]}]}]}}'

@test "policy: all three commands ask the API server for what a file would hold" {
	serve "$guard"
	run "$podonym" policy explain --server "$api_url" shop/web 10.1.0.11 TCP/5432
	assert_success
	assert_line --index 0 'shop/web (10.1.0.10) -> shop/db (10.1.0.11) TCP 5432   DENIED'
	assert_line '        rule 1: port matches, peer does not: wants app=api, has app=web'
	run "$podonym" policy explain --server "$api_url" shop/web 198.51.100.1 TCP/443
	assert_line --partial 'ClusterNetworkPolicy guard  rule 1  Deny'
	run "$podonym" policy explain --server "$api_url" shop/web 10.96.0.1 TCP/443
	assert_line --index 0 --partial 'shop/db (10.96.0.1, Service'
	flow 1 tcp 80 closed '10.1.0.11 pod db' '10.1.0.10 pod web'
	run "$podonym" policy check --server "$api_url" --delete NetworkPolicy/shop/db --flows "$flows"
	assert_success
	assert_line --index 0 'flows newly denied: 0, newly allowed: 0; still allowed: 1, still denied: 0'
	run --separate-stderr "$podonym" policy advise --server "$api_url" --flows "$flows"
	assert_success
	assert_line '# stays, and allows what it allows: NetworkPolicy shop/db'
	assert_line '  name: advised-web'
	assert_equal "$stderr" ''
}

@test "policy: many pages of the API server are one cluster" {
	local i
	serve
	jq --argjson one "$(pod shop more 10.2.0.1)" '.items += [range(1; 1101) as $i | $one | .metadata.name = "more-\($i)"]' \
		"$dir/objects.json" >"$dir/all.json"
	stop "$api_pid"
	start_testapi env --objects "$dir/all.json"
	for i in 1 600 1100; do
		run "$podonym" policy explain --server "$api_url" "shop/more-$i" shop/db TCP/5432
		assert_line --index 0 --partial DENIED
	done
}

@test "policy: what the API server does not show: gone without, or not at all" {
	serve
	api POST '/testapi/fail?status=403&count=1&after=1'
	run --separate-stderr "$podonym" policy explain --server "$api_url" shop/web shop/db TCP/5432
	assert_success
	assert_line --index 0 --partial DENIED
	[[ $stderr == "podonym policy explain: $api_url: cannot list nodes: 403 "*', continuing without them' ]]
	api POST '/testapi/fail?status=403&count=1&after=4'
	run "$podonym" policy explain --server "$api_url" shop/web shop/db TCP/5432
	assert_failure 1
	assert_output --partial "$api_url: cannot list networkpolicies: 403 "
	assert_output --partial 'a role must allow it'
	stop "$api_pid"
	run "$podonym" policy explain --server "$api_url" shop/web shop/db TCP/5432
	assert_failure 1
	assert_output --partial "${api_url#http://}"
}
