#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# podonym get: what somebody who knows kubectl types, and what comes.

load helper

setup() {
	suite_begin
	objects "$dir/objects.json" "$(node n1 192.0.2.1 2001:db8::1)" "$(node n2 192.0.2.2)" \
		"$(labelled web-1 app web 10.0.0.1 fd00::1)" "$(labelled web-2 app web 10.0.0.2)" \
		"$(labelled db app db 10.0.0.3)" "$(pod other db 10.0.0.4)" \
		"$(service shop db TCP 5432 10.96.0.1)" "$(widget shop gear 7 plain)" \
		'{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"namespace":"shop","name":"web","managedFields":[{"manager":"x"}]},"spec":{"replicas":1}}'
	start_testapi env --objects "$dir/objects.json"
}

teardown() {
	suite_end
}

labelled() { # NAME KEY VALUE ADDRESS...
	pod shop "$1" "${@:4}" | jq -c --arg key "$2" --arg value "$3" '.metadata.labels = {($key): $value}'
}

widget() { # NAMESPACE NAME SIZE NOTE
	jq -nc --arg ns "$1" --arg name "$2" --argjson size "$3" --arg note "$4" '{apiVersion: "example.com/v1",
		kind: "Widget", metadata: {namespace: $ns, name: $name}, spec: {size: $size, note: $note},
		status: {ready: true}}'
}

get() { # ARGUMENTS
	"$podonym" get --server "$api_url" "$@"
}

# In the background; its lines go to $dir/w, its exit status to $dir/w.status. Sets watch_pid.
follow() { # ARGUMENTS
	# shellcheck disable=SC2016 # for that shell to expand
	start "$dir/w" "$dir/w.err" bash -c '"${@:2}" & echo $! >"$1.pid"; wait $!; echo $? >"$1.status"' - "$dir/w" \
		"$podonym" get --server "$api_url" "$@"
	await 5 test -s "$dir/w.pid"
	watch_pid=$(cat "$dir/w.pid")
}

watches_are() { # COLLECTION N
	[[ $(api GET /testapi/status | jq ".watches.$1") == "$2" ]]
}

has_lines() { # FILE N
	(($(wc -l <"$1") == $2)) || { cat "$1"; return 1; }
}

@test "get: a table has the server's columns, with -o wide all of them" {
	run get pods -n shop
	assert_success
	assert_line --index 0 --regexp '^NAME    STATUS    AGE$'
	assert_line --index 1 --regexp '^db      Running   [0-9]+m$'
	run get pods -n shop -o wide
	assert_line --index 0 --regexp '^NAME    STATUS    AGE   IP         NODE$'
	assert_line --index 2 --regexp '^web-1   Running   0m    10.0.0.1   bats-node$'
	assert_equal "${#lines[@]}" 4
}

@test "get: -A has a column for the namespace, -n one namespace, else the context's" {
	run get pods -A
	assert_line --index 0 --regexp '^NAMESPACE   NAME    STATUS'
	assert_line --index 1 --regexp '^other       db      Running'
	run get nodes -A
	assert_line --index 0 --regexp '^NAME +AGE$'
	run --separate-stderr get pods
	assert_success
	assert_output ''
	assert_equal "$stderr" 'No resources found in default namespace.'
}

@test "get: --no-headers, --show-labels; no line ends in spaces" {
	create "$(widget shop unnoted 1 '')"
	run get pods -n shop --no-headers --show-labels
	assert_line --index 0 --regexp '^db +Running +[0-9]+m +app=db$'
	run get pods -n other --show-labels
	assert_line --index 1 --regexp '<none>$'
	run get widgets -n shop
	refute_output --regexp ' $'
	assert_line --regexp '^unnoted +1$'
}

@test "get: a kind by plural, singular, short name, kind and group, in any case" {
	for word in widgets widget wd WIDGETS Widget widgets.example.com widget.v1.example.com wd.example; do
		run get "$word" -n shop -o name
		assert_success
		assert_output widget.example.com/gear
	done
}

@test "get: a server that tells of its kinds group by group" {
	stop "$api_pid"
	start_testapi env --objects "$dir/objects.json" --old-discovery
	for word in wd Widget widgets.example.com widgets.v1.example.com; do
		run get "$word/gear" -n shop -o name
		assert_success
		assert_output widget.example.com/gear
	done
	run get gadgets
	assert_failure 2
	assert_output --partial 'did you mean widgets?'
}

@test "get: a kind of the agent's needs no question first, another one the questions it takes" {
	before=$(api GET /testapi/status | jq .requests)
	get pods -n shop
	assert_equal "$(api GET /testapi/status | jq .requests)" $((before + 1))
	get wd -n shop
	assert_equal "$(api GET /testapi/status | jq .requests)" $((before + 4))
}

@test "get: an unknown kind: exit status 2, a near one or those there are" {
	run get pots
	assert_failure 2
	assert_output --partial 'unknown kind "pots", did you mean pods?'
	run get certificates
	assert_failure 2
	assert_output --partial 'unknown kind "certificates"; the server has: '
	assert_output --partial ' widgets'
	run get pods.example.com
	assert_failure 2
}

@test "get: a server without a table for the kind: name and age" {
	run get rs -n shop
	assert_success
	assert_line --index 0 --regexp '^NAME   AGE$'
	assert_line --index 1 --regexp '^web    [0-9]+s$'
	run get rs web -n shop
	assert_line --index 1 --regexp '^web    [0-9]+s$'
	run get rs -A
	assert_line --index 1 --regexp '^shop        web    [0-9]+s$'
}

@test "get: -o json: a List, one object by its name, without managed fields" {
	run get pods -n shop -o json
	assert_equal "$(jq -c '[.apiVersion, .kind, .metadata.resourceVersion]' <<<"$output")" '["v1","List",""]'
	assert_equal "$(jq -c '[.items[] | .apiVersion, .kind] | unique' <<<"$output")" '["Pod","v1"]'
	assert_equal "$(jq -Sc '.items[1] | del(.apiVersion, .kind)' <<<"$output")" \
		"$(api GET /api/v1/namespaces/shop/pods | jq -Sc '.items[1]')"
	run get pod web-1 -n shop -o json
	assert_equal "$(jq -Sc . <<<"$output")" "$(api GET /api/v1/namespaces/shop/pods/web-1 | jq -Sc .)"
	run get rs web -n shop -o json
	assert_equal "$(jq .metadata.managedFields <<<"$output")" null
	run get rs web -n shop -o json --show-managed-fields
	assert_equal "$(jq -c .metadata.managedFields <<<"$output")" '[{"manager":"x"}]'
	run get pods -n nowhere -o json
	assert_success
	assert_equal "$(jq -c .items <<<"$output")" '[]'
}

@test "get: -o yaml: strings that mean something else in quotes, lines as a block" {
	create "$(widget shop odd 2 $'two\nlines\n' |
		jq -c '.spec += {yes: "no", number: "0123", version: "1e3", time: "2026-01-02T03:04:05Z", text: "a: b", none: null, list: [], map: {}, half: 0.5}')"
	run get widget odd -n shop -o yaml
	assert_success
	assert_output --partial $'spec:\n  half: 0.5\n  list: []\n  map: {}\n  none: null\n  note: |\n    two\n    lines\n  number: "0123"\n  size: 2\n  text: \'a: b\'\n  time: "2026-01-02T03:04:05Z"\n  version: "1e3"\n  "yes": "no"\nstatus:\n  ready: true'
	run get pods -n nowhere -o yaml
	assert_output $'apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: ""'
	run get widgets -n shop -o yaml
	assert_line --index 1 'items:'
	assert_line --index 2 '- apiVersion: example.com/v1'
}

@test "get: -o name has the group, unless it is the core's" {
	run get pods,rs,widgets -n shop -o name
	assert_output $'pod/db\npod/web-1\npod/web-2\nreplicaset.apps/web\nwidget.example.com/gear'
}

@test "get: labels and fields select" {
	run get pods -n shop -l app=web -o name
	assert_output $'pod/web-1\npod/web-2'
	run get pods -A --selector 'app!=web,app' -o name
	assert_output pod/db
	run get pods -A --field-selector metadata.name=db --no-headers
	assert_equal "${#lines[@]}" 2
	run get pods -A --field-selector status.color=red
	assert_failure 1
	assert_output --partial '400 BadRequest: field selectors'
}

@test "get: several names, kinds and pairs; the kind stands in front of the name then" {
	run get pods web-1 web-2 -n shop --no-headers
	assert_success
	assert_equal "${#lines[@]}" 2
	run get pods,widgets -n shop
	assert_line --index 1 --regexp '^pod/db '
	assert_line --regexp '^widget.example.com/gear +7 '
	assert_equal "$(grep -c '^$' <<<"$output")" 1
	run get pod/db svc/db -n shop -o json
	assert_equal "$(jq -c '[.items[].kind]' <<<"$output")" '["Pod","Service"]'
	run get all -n shop -o name
	assert_output $'pod/db\npod/web-1\npod/web-2\nservice/db\nreplicaset.apps/web'
}

@test "get: a name that is not there fails, the others are shown" {
	run --separate-stderr get pods nope web-1 -n shop --no-headers
	assert_failure 1
	assert_output --regexp '^web-1 '
	assert_equal "$stderr" "podonym get: pods \"nope\" not found in namespace shop, $api_url"
	run get pods nope -n shop --ignore-not-found
	assert_success
	assert_output ''
	run --separate-stderr get nodes nope -o json
	assert_failure 1
	assert_output ''
}

@test "get: words that make no sense: exit status 2" {
	for words in 'pods/ ' 'pods/a/b' 'pods, ' 'pods ..' 'pods web-1 -A' 'pods/web-1 services' 'pods web-1 -l app=web' \
		'pods,nodes -w' 'pods --by-ip 10.0.0' 'pods --by-ip 10.0.0.1 -w' 'widgets --by-ip 10.0.0.1' \
		'pods web-1 --by-ip 10.0.0.1' 'pods -o xml' 'pods -n a/b'; do
		# shellcheck disable=SC2086 # several words
		run get $words
		assert_failure 2
	done
}

@test "get: an answer of many pages is whole, and aligned as one table" {
	seq 1100 | jq -c '{apiVersion: "example.com/v1", kind: "Widget", metadata: {namespace: "many",
		name: ("w" + (. * . * . | tostring))}, spec: {size: .}}' | jq -s '{items: .}' >"$dir/many.json"
	stop "$api_pid"
	start_testapi env --objects "$dir/many.json"
	before=$(api GET /testapi/status | jq .requests)
	run get wd -n many
	assert_equal "${#lines[@]}" 1101
	assert_equal "$(cut -c 1-14 <<<"$output" | grep -c '   $')" 1101
	assert_equal "$(api GET /testapi/status | jq .requests)" $((before + 5))
	assert_equal "$(get wd -n many -o json | jq '[.items[].spec.size] | add')" 605550
	assert_equal "$(get wd -n many -o name | sort -u | wc -l)" 1100
}

@test "get: a list whose next page is refused is not taken for a whole one" {
	stop "$api_pid"
	seq 600 | jq -c '{apiVersion: "example.com/v1", kind: "Widget", metadata: {namespace: "many", name: "w\(.)"}}' |
		jq -s '{items: .}' >"$dir/many.json"
	start_testapi env --objects "$dir/many.json"
	api POST '/testapi/fail?status=500&after=1'
	run --separate-stderr get wd -n many -o json
	assert_failure 1
	assert_regex "$stderr" '500 InternalError'
	run jq . <<<"$output"
	assert_failure
}

@test "get: what is written to a terminal is text only" {
	create "$(widget shop rude 3 $'red \e[31m\x07\xc2\x9b and\nmore')"
	run get widgets rude -n shop --no-headers
	assert_output --regexp '^rude   3     red \^\[\[31m   and\.\.\.$'
}

@test "get: by address, of both families, pods, services and nodes" {
	run get pods --by-ip fd00:0::0001
	assert_success
	assert_line --index 1 --regexp '^shop        web-1 '
	run get pods,services,nodes --by-ip 10.96.0.1 -o name
	assert_output service/db
	run get nodes --by-ip 2001:db8::1 -o name
	assert_output node/n1
	run get pods --by-ip 10.0.0.1 -n other
	assert_failure 1
	assert_output --partial 'nothing with the address 10.0.0.1 found'
	assert_equal "$(get pods --by-ip 10.0.0.1 -o json | jq -r '.kind + " " + .items[].metadata.name')" 'List web-1'
}

@test "get: --watch shows what there is, then each change; interrupted it is done" {
	follow pods -n shop -w
	await 5 watches_are pods 1
	await 5 has_lines "$dir/w" 4
	replace "$(pod shop db 10.0.0.3 | jq -c '.status.phase = "Failed"')"
	create "$(pod shop new 10.0.0.9)"
	remove "$(pod shop web-1)"
	create "$(pod other elsewhere)"
	await 5 has_lines "$dir/w" 7
	assert_equal "$(tail -n 3 "$dir/w" | sed 's/  */ /g; s/ [0-9]*m$//')" $'db Failed\nnew Running\nweb-1 Running'
	kill -INT "$watch_pid"
	await 5 test -s "$dir/w.status"
	assert_equal "$(cat "$dir/w.status")" 0
	assert_equal "$(cat "$dir/w.err")" ''
}

@test "get: --watch goes on after a cut, and lists again when the server has forgotten" {
	follow widgets -n shop -w
	await 5 watches_are widgets 1
	api POST /testapi/cut
	await 10 watches_are widgets 1
	create "$(widget shop bolt 1 x)"
	await 5 has_lines "$dir/w" 3
	api POST '/testapi/raw?path=/apis/example.com/v1/widgets' --data-binary \
		'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}'
	await 5 has_lines "$dir/w" 5
	await 5 watches_are widgets 1
	assert_equal "$(tail -n 2 "$dir/w" | cut -d ' ' -f 1)" $'bolt\ngear'
	run cat "$dir/w.err"
	assert_output --partial 'listed again'
	create "$(widget shop nut 1 x)"
	await 5 has_lines "$dir/w" 6
	stop "$watch_pid"
	assert_equal "$(cat "$dir/w.status")" 0
}

@test "get: --watch waits for a server that is away" {
	follow widgets -n shop -w
	await 5 watches_are widgets 1
	stop "$api_pid"
	await 10 grep -q 'trying again' "$dir/w.err"
	start_testapi env --objects "$dir/objects.json" --port "${api_url##*:}"
	await 20 watches_are widgets 1
	create "$(widget shop bolt 1 x)"
	await 5 grep -q '^bolt' "$dir/w"
	stop "$watch_pid"
}

@test "get: --watch of one object, as JSON, with what happened, only from now on" {
	follow widget gear -n shop --watch-only --output-watch-events -o json
	await 5 watches_are widgets 1
	create "$(widget shop other 1 x)"
	replace "$(widget shop gear 8 x)"
	remove "$(widget shop gear 8 x)"
	await 5 grep -q DELETED "$dir/w"
	assert_equal "$(jq -c '[.type, .object.kind, .object.spec.size]' "$dir/w")" \
		$'["MODIFIED","Widget",8]\n["DELETED","Widget",8]'
	stop "$watch_pid"
	run get widget nope -n shop -w
	assert_failure 1
	assert_output --partial '"nope" not found'
}

@test "get: refusals say what, where and why" {
	api POST '/testapi/fail?status=403&count=1'
	run get pods -n shop
	assert_failure 1
	assert_output --partial "$api_url: cannot list pods in namespace shop: 403"
	assert_output --partial 'a role must allow it'
	api POST '/testapi/fail?status=403&count=1'
	run get pods,services -n shop --no-headers
	assert_failure 1
	assert_line --regexp '^service/db '
	stop "$api_pid"
	run get widgets
	assert_failure 1
	assert_output --partial refused
	run get pods --server http://192.0.2.1:1 --timeout 100ms
	assert_failure 1
}

@test "get: output that cannot be written is a failure" {
	for form in table json yaml name; do
		run bash -c '"$@" >/dev/full' - "$podonym" get --server "$api_url" pods -A -o "$form"
		assert_failure 1
		assert_output --partial 'No space left'
	done
}
