#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The API server of the other suites speaks the protocol as a real one does; so what the agent does
# with it there, it does in a cluster.


load helper

setup() {
	suite_begin
	objects "$dir/objects.json" "$(node n1 192.0.2.1)" "$(pod shop api 10.0.0.2)" \
		"$(pod shop db 10.0.0.3)" "$(pod shop web 10.0.0.1)" "$(pod kube-system dns 10.0.0.4)" \
		"$(service shop db TCP 5432 10.96.0.1)" \
		'{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"shop","name":"web-1"},"spec":{"replicas":1}}'
}

teardown() {
	suite_end
}

# A watch in the background; its lines go to $dir/NAME.
watch() { # NAME PATH-AND-QUERY
	start "$dir/$1" "$dir/$1.err" curl -sSN --noproxy '*' "$api_url$2"
	watch_pid=$started
}

watches_are() { # COLLECTION N
	[[ $(api GET /testapi/status | jq ".watches.$1") == "$2" ]]
}

has_lines() { # FILE N
	(($(wc -l <"$1") >= $2))
}

status_of() { # METHOD PATH [CURL-OPTIONS]
	curl -s --noproxy '*' --max-time 60 -o "$dir/body" -w '%{http_code}' -X "$1" "${@:3}" "$api_url$2"
}

@test "testapi: a list has its kind, a version and items without kind, in order" {
	start_testapi env --objects "$dir/objects.json"
	run api GET /api/v1/pods
	assert_success
	assert_equal "$(jq -r '.kind + " " + .apiVersion' <<<"$output")" 'PodList v1'
	assert_equal "$(jq -c '[.items[].metadata.name]' <<<"$output")" '["dns","api","db","web"]'
	assert_equal "$(jq -c '[.items[].kind] | unique' <<<"$output")" '[null]'
	assert_equal "$(jq '[.items[].metadata | .uid, .resourceVersion, .creationTimestamp] | map(. != null) | all' \
		<<<"$output")" true
}

@test "testapi: a namespace's collection, a field selector and one object by its name" {
	start_testapi env --objects "$dir/objects.json"
	assert_equal "$(api GET /api/v1/namespaces/shop/pods | jq '.items | length')" 3
	assert_equal "$(api GET '/api/v1/pods?fieldSelector=metadata.name%3Ddb' | jq -r '.items[].metadata.name')" db
	assert_equal "$(api GET '/api/v1/pods?fieldSelector=spec.nodeName=none' | jq '.items | length')" 0
	assert_equal "$(api GET /api/v1/namespaces/shop/pods/db | jq -r .kind)" Pod
	assert_equal "$(api GET /api/v1/nodes/n1 | jq -r .metadata.name)" n1
	assert_equal "$(api GET '/api/v1/pods?labelSelector=app' | jq '.items | length')" 0
	assert_equal "$(api GET '/api/v1/pods?labelSelector=app%21%3Dweb' | jq '.items | length')" 4
}

@test "testapi: a Table where it is asked for and the kind has columns; in a watch they are told once" {
	start_testapi env --objects "$dir/objects.json"
	table='Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
	assert_equal "$(api GET /api/v1/nodes -H "$table" |
		jq -c '[.kind, .columnDefinitions[0].name, .rows[0].cells[0], .rows[0].object.metadata.name]')" \
		'["Table","Name","n1","n1"]'
	assert_equal "$(api GET /api/v1/nodes/n1 -H "$table" | jq -c '[.kind, (.rows | length)]')" '["Table",1]'
	assert_equal "$(api GET /apis/apps/v1/replicasets -H "$table" | jq -r .kind)" ReplicaSetList
	start "$dir/w" "$dir/w.err" curl -sSN --noproxy '*' -H "$table" "$api_url/api/v1/pods?watch=true"
	await 5 has_lines "$dir/w" 4
	assert_equal "$(jq -c '.object | [.kind, (.columnDefinitions | length > 0)]' "$dir/w" | sort | uniq -c | tr -s ' ')" \
		$' 3 ["Table",false]\n 1 ["Table",true]'
}

@test "testapi: tells of its kinds in two answers, or group by group" {
	start_testapi env
	aggregated='Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
	assert_equal "$(api GET /api -H "$aggregated" | jq -c '[.items[0].versions[0].resources[].resource]')" \
		'["pods","services","nodes","namespaces"]'
	assert_equal "$(api GET /apis -H "$aggregated" | jq -c '[.items[] | .metadata.name + "/" + .versions[0].version]')" \
		'["apps/v1","discovery.k8s.io/v1","networking.k8s.io/v1","policy.networking.k8s.io/v1alpha2","example.com/v1"]'
	assert_equal "$(api GET /apis | jq -c '[.kind, .groups[1].preferredVersion.version]')" '["APIGroupList","v1"]'
	assert_equal "$(api GET /apis/example.com/v1 | jq -c '[.kind, .resources[].kind]')" '["APIResourceList","Widget"]'
}

@test "testapi: pages show one moment, even if the cluster changes between them" {
	start_testapi env --objects "$dir/objects.json"
	first=$(api GET '/api/v1/pods?limit=3')
	assert_equal "$(jq '.items | length' <<<"$first")" 3
	assert_equal "$(jq .metadata.remainingItemCount <<<"$first")" 1
	remove "$(pod shop web)"
	create "$(pod shop xtra 10.0.0.9)"
	second=$(api GET "/api/v1/pods?limit=3&continue=$(jq -r .metadata.continue <<<"$first")")
	assert_equal "$(jq -c '[.items[].metadata.name]' <<<"$second")" '["web"]'
	assert_equal "$(jq .metadata.continue <<<"$second")" null
	assert_equal "$(jq .metadata.resourceVersion <<<"$second")" "$(jq .metadata.resourceVersion <<<"$first")"
}

@test "testapi: with resourceVersion 0 the limit is ignored" {
	start_testapi env --objects "$dir/objects.json"
	assert_equal "$(api GET '/api/v1/pods?limit=1&resourceVersion=0' | jq '.items | length')" 4
}

@test "testapi: an expired continue token is 410, a list from the future 504" {
	start_testapi env --objects "$dir/objects.json"
	token=$(api GET '/api/v1/pods?limit=1' | jq -r .metadata.continue)
	api POST /testapi/expire
	assert_equal "$(status_of GET "/api/v1/pods?limit=1&continue=$token")" 410
	assert_equal "$(jq -r '.kind + " " + .reason' "$dir/body")" 'Status Expired'
	assert_equal "$(status_of GET '/api/v1/pods?resourceVersion=99999999999999')" 504
	assert_equal "$(jq -r '.details.causes[0].reason' "$dir/body")" ResourceVersionTooLarge
	assert_equal "$(status_of GET '/api/v1/pods?continue=nonsense')" 400
}

@test "testapi: a watch tells what happened since, then what happens" {
	start_testapi env --objects "$dir/objects.json"
	rv=$(api GET /api/v1/pods | jq -r .metadata.resourceVersion)
	create "$(pod shop new 10.0.0.7)"
	watch w "/api/v1/pods?watch=true&resourceVersion=$rv"
	await 5 has_lines "$dir/w" 1
	replace "$(pod shop new 10.0.0.8)"
	remove "$(pod shop new)"
	await 5 has_lines "$dir/w" 3
	run jq -r '.type + " " + .object.metadata.name + " " + (.object.status.podIPs[0].ip // "-")' "$dir/w"
	assert_output $'ADDED new 10.0.0.7\nMODIFIED new 10.0.0.8\nDELETED new 10.0.0.8'
	assert_equal "$(jq -s '[.[].object.metadata.resourceVersion | tonumber] | . == sort and (. | unique | length) == 3' "$dir/w")" true
	assert_equal "$(jq -r -s '[.[].object.kind] | unique | .[]' "$dir/w")" Pod
}

@test "testapi: a watch without a version begins with what there is" {
	start_testapi env --objects "$dir/objects.json"
	watch w '/api/v1/namespaces/shop/pods?watch=true'
	await 5 has_lines "$dir/w" 3
	create "$(pod kube-system other 10.0.0.7)"
	create "$(pod shop mine 10.0.0.8)"
	await 5 has_lines "$dir/w" 4
	assert_equal "$(jq -r .object.metadata.name "$dir/w" | paste -sd ' ')" 'api db web mine'
}

@test "testapi: a streaming list ends with a bookmark that says so" {
	start_testapi env --objects "$dir/objects.json"
	watch w '/api/v1/pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
	await 5 has_lines "$dir/w" 5
	assert_equal "$(tail -n 1 "$dir/w" | jq -r '.type + " " + .object.metadata.annotations["k8s.io/initial-events-end"]')" \
		'BOOKMARK true'
	assert_equal "$(status_of GET '/api/v1/pods?watch=true&sendInitialEvents=true')" 422
}

@test "testapi: to a watch that selects, an object appears and vanishes as it matches" {
	start_testapi env --objects "$dir/objects.json"
	watch w '/api/v1/pods?watch=true&fieldSelector=spec.nodeName=n2'
	await 5 watches_are pods 1
	replace "$(pod shop web 10.0.0.1 | jq -c '.spec.nodeName = "n2"')"
	replace "$(pod shop web 10.0.0.1 | jq -c '.spec.nodeName = "n2" | .status.phase = "Failed"')"
	replace "$(pod shop web 10.0.0.1)"
	await 5 has_lines "$dir/w" 3
	assert_equal "$(jq -r .type "$dir/w" | paste -sd ' ')" 'ADDED MODIFIED DELETED'
}

@test "testapi: bookmarks only go to those who asked" {
	start_testapi env --objects "$dir/objects.json"
	watch with '/api/v1/nodes?watch=true&allowWatchBookmarks=true'
	watch without '/api/v1/nodes?watch=true'
	await 5 watches_are nodes 2
	api POST /testapi/bookmark
	create "$(node n2 192.0.2.2)"
	await 5 has_lines "$dir/with" 3
	await 5 has_lines "$dir/without" 2
	assert_equal "$(jq -r .type "$dir/with" | paste -sd ' ')" 'ADDED BOOKMARK ADDED'
	assert_equal "$(jq -r .type "$dir/without" | paste -sd ' ')" 'ADDED ADDED'
}

@test "testapi: a watch from a forgotten version is 200, an ERROR with 410, and the end" {
	start_testapi env --objects "$dir/objects.json" --history 3
	rv=$(api GET /api/v1/pods | jq -r .metadata.resourceVersion)
	for i in 1 2 3 4; do
		create "$(pod shop "p$i" "10.0.1.$i")"
	done
	assert_equal "$(status_of GET "/api/v1/pods?watch=true&resourceVersion=$rv")" 200
	assert_equal "$(jq -r '.type + " " + .object.kind + " " + (.object.code | tostring)' "$dir/body")" \
		'ERROR Status 410'
}

@test "testapi: a watch ends cleanly when its time is up" {
	start_testapi env --objects "$dir/objects.json"
	run api GET '/api/v1/nodes?watch=true&timeoutSeconds=1'
	assert_success
	assert_equal "$(jq -r .type <<<"$output")" ADDED
}

@test "testapi: cut breaks every watch in the middle of an object" {
	start_testapi env --objects "$dir/objects.json"
	watch w "/api/v1/pods?watch=true&resourceVersion=$(api GET /api/v1/pods | jq -r .metadata.resourceVersion)"
	await 5 watches_are pods 1
	api POST /testapi/cut
	await 5 is_gone "$watch_pid"
	run cat "$dir/w.err"
	assert_output --partial 'outstanding read data remaining'
	run jq . "$dir/w"
	assert_failure
	assert_output --partial 'Unfinished'
}

@test "testapi: garbage and raw reach the watches byte by byte" {
	start_testapi env --objects "$dir/objects.json"
	watch nodes '/api/v1/nodes?watch=true'
	watch pods "/api/v1/pods?watch=true&resourceVersion=$(api GET /api/v1/pods | jq -r .metadata.resourceVersion)"
	await 5 watches_are pods 1
	await 5 has_lines "$dir/nodes" 1
	api POST '/testapi/raw?path=/api/v1/pods' --data-binary $'{"type": "NONSENSE"}\n'
	await 5 has_lines "$dir/pods" 1
	assert_equal "$(cat "$dir/pods")" '{"type": "NONSENSE"}'
	api POST /testapi/garbage
	await 5 has_lines "$dir/nodes" 2
	run jq . "$dir/nodes"
	assert_failure
	assert_equal "$(status_of POST '/testapi/raw?path=/api/v1/nothing' -d x)" 400
}

@test "testapi: fail answers the next requests with that status, then all is well" {
	start_testapi env --objects "$dir/objects.json"
	api POST '/testapi/fail?status=429&count=2&retryAfter=7'
	assert_equal "$(status_of GET /api/v1/pods -D "$dir/headers")" 429
	run cat "$dir/headers"
	assert_output --partial 'Retry-After: 7'
	assert_equal "$(status_of GET /api/v1/nodes)" 429
	assert_equal "$(status_of GET /api/v1/nodes)" 200
}

@test "testapi: metadata only, in lists and watches" {
	start_testapi env --objects "$dir/objects.json"
	accept='Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'
	run api GET /apis/apps/v1/replicasets -H "$accept"
	assert_equal "$(jq -r '.kind + " " + .items[0].kind + " " + (.items[0].spec | tostring)' <<<"$output")" \
		'PartialObjectMetadataList PartialObjectMetadata null'
	run api GET '/apis/apps/v1/replicasets?watch=1&timeoutSeconds=1' -H "${accept/List;/;}"
	assert_equal "$(jq -r '.object | .kind + " " + .metadata.name + " " + (.spec | tostring)' <<<"$output")" \
		'PartialObjectMetadata web-1 null'
	assert_equal "$(status_of GET /api/v1/pods -H 'Accept: application/vnd.kubernetes.protobuf')" 406
}

@test "testapi: with a token, nobody else is let in" {
	echo 'secret ' >"$dir/token"
	start_testapi env --token-file "$dir/token"
	assert_equal "$(status_of GET /api/v1/pods)" 401
	assert_equal "$(jq -r .reason "$dir/body")" Unauthorized
	assert_equal "$(status_of GET /api/v1/pods -H 'Authorization: Bearer wrong')" 401
	assert_equal "$(status_of GET /api/v1/pods -H 'Authorization: Bearer secret')" 200
}

@test "testapi: over TLS" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=testapi \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
	start_testapi env --objects "$dir/objects.json" --tls-cert "$dir/cert" --tls-key "$dir/key"
	assert_equal "${api_url%%:*}" https
	assert_equal "$(api GET /api/v1/nodes --cacert "$dir/cert" | jq -r '.items[].metadata.name')" n1
}

@test "testapi: writes that make no sense are refused with a Status" {
	start_testapi env --objects "$dir/objects.json"
	pods=/api/v1/namespaces/shop/pods
	assert_equal "$(status_of POST $pods -d "$(pod shop web)")" 409
	assert_equal "$(jq -r .reason "$dir/body")" AlreadyExists
	assert_equal "$(status_of POST $pods -d "$(pod elsewhere x)")" 400
	assert_equal "$(status_of POST $pods -d "$(node x)")" 400
	assert_equal "$(status_of POST $pods -d '{')" 400
	assert_equal "$(status_of POST $pods -d '[]')" 400
	assert_equal "$(status_of PUT $pods/none -d "$(pod shop none)")" 404
	assert_equal "$(status_of PUT $pods/web -d "$(pod shop web | jq -c '.metadata.resourceVersion = "1"')")" 409
	assert_equal "$(status_of DELETE $pods/none)" 404
	assert_equal "$(status_of PATCH $pods/web)" 405
	assert_equal "$(status_of POST /api/v1/pods -d "$(pod shop y)")" 404
	assert_equal "$(api GET /api/v1/pods | jq '.items | length')" 4
}

@test "testapi: paths that lead nowhere are 404" {
	start_testapi env --objects "$dir/objects.json"
	for path in / /api/v1/ /api/v1/secrets /api/v2 /api/v2/pods /apis/apps /apis/apps/v1/pods /api/v1/pods/web \
		/api/v1/pods/ /api/v1/namespaces/shop/nodes /api/v1/namespaces/shop/pods/web/log /testapi/none; do
		assert_equal "$path $(status_of GET "$path")" "$path 404"
	done
}

@test "testapi: a stopping server cuts its watches, the next one goes on above its versions" {
	start_testapi env --objects "$dir/objects.json"
	before=$(api GET /api/v1/nodes | jq -r .metadata.resourceVersion)
	watch w '/api/v1/nodes?watch=true'
	await 5 watches_are nodes 1
	stop "$api_pid"
	await 5 is_gone "$watch_pid"
	run cat "$dir/w.err"
	assert_output --partial 'outstanding read data remaining'
	start_testapi env --objects "$dir/objects.json" --port "${api_url##*:}"
	after=$(api GET /api/v1/nodes | jq -r .metadata.resourceVersion)
	((after > before))
}

@test "testapi: an objects file that makes no sense is refused by its line or object" {
	echo '[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}]' >"$dir/bad.json"
	run "$testapi" --objects "$dir/bad.json"
	assert_failure 1
	assert_output --partial 'bad.json: object 0: no such kind: "Secret"'
	printf '{"items": [\n' >"$dir/bad.json"
	run "$testapi" --objects "$dir/bad.json"
	assert_failure 1
	assert_output --partial 'bad.json:'
	run "$testapi" --bogus
	assert_failure 2
}
