#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The page that the agent serves: its files and their headers, and with real packets what a browser makes
# of it. The parts without a browser are tested by node.

load helper

setup_file() {
	suite_begin
	two_pods 85 client server
	start_testapi in_node --objects "$dir/objects.json"
	printf 'secret\n' >"$dir/token"
	agent_of_two_pods --http 10.85.0.1:9960 --http-token-file "$dir/token"
	await 10 get /
	suite_export
}

teardown_file() {
	suite_end
}

get() { # PATH [CURL-OPTIONS]
	in_node curl -sS --noproxy '*' --max-time 60 "http://10.85.0.1:9960$1" "${@:2}"
}

packets() { # PORT N
	# shellcheck disable=SC2016 # for the inner shell
	in_pod client bash -c 'exec 3<>"/dev/udp/10.85.0.3/$0"; for ((i = 0; i < $1; i++)); do printf 0 >&3; done' "$@"
}

# A program, not the function of the helper.
need() { # PROGRAM
	type -P "$1" >/dev/null || skip "$1 is not installed"
}

@test "page: each file is the one in the sources, without a token, with its type" {
	while read -r path file type; do
		get "$path" -o "$dir/got" -w '%{http_code} %{content_type}' >"$dir/said"
		assert_equal "$(cat "$dir/said")" "200 $type; charset=utf-8"
		cmp "$dir/got" "$root/agent/serve/page/$file"
	done <<-FILES
		/ index.html text/html
		/page.css page.css text/css
		/start.js start.js text/javascript
		/page.js page.js text/javascript
		/model.js model.js text/javascript
		/stream.js stream.js text/javascript
		/table.js table.js text/javascript
		/panel.js panel.js text/javascript
	FILES
	assert_equal "$(find "$root/agent/serve/page" -type f | wc -l)" 8
}

@test "page: nothing from elsewhere, no markup from names, no frames" {
	get / -D - -o /dev/null | tr -d '\r' >"$dir/head"
	csp=$(sed -n 's/^Content-Security-Policy: //p' "$dir/head")
	for rule in "default-src 'none'" "script-src 'self'" "style-src 'self'" "connect-src 'self'" \
		"img-src 'self' data:" "base-uri 'none'" "form-action 'none'" "frame-ancestors 'none'"; do
		[[ "$csp;" == *"$rule;"* ]] || fail "no $rule in: $csp"
	done
	grep -qx 'X-Content-Type-Options: nosniff' "$dir/head"
	grep -qx 'Referrer-Policy: no-referrer' "$dir/head"
	run grep -rnE 'https?://|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|style="|(src|href)="/' \
		"$root/agent/serve/page"
	assert_output ''
}

@test "page: a browser that has it already is told so" {
	tag=$(get / -D - -o /dev/null | tr -d '\r' | sed -n 's/^ETag: //p')
	[[ $tag == '"'*'"' ]]
	assert_equal "$(get / -o /dev/null -w '%{http_code} %{size_download}' -H "If-None-Match: $tag")" '304 0'
	assert_equal "$(get / -o /dev/null -w '%{http_code}' -H 'If-None-Match: "other"')" 200
	[[ $(get /page.js -D - -o /dev/null) != *"$tag"* ]]
	get / -I | tr -d '\r' | grep -qx "ETag: $tag"
	assert_equal "$(get / -o /dev/null -w '%{http_code}' -X POST)" 405
}

@test "page: the records themselves need the token" {
	assert_equal "$(get /v1/flows?last=1 -o /dev/null -w '%{http_code}')" 401
	assert_equal "$(get /v1/flows?last=1 -o /dev/null -w '%{http_code}' -H 'X-Podonym-Token: secret')" 200
}

@test "page: what it adds up, filters, rates and the cutting of events" {
	need node
	run command node --test --test-reporter=tap "$root/tests/page/model.test.mjs"
	assert_success
}

@test "page: in a browser, by the keyboard, in both themes" {
	need node
	need chromium
	need nft
	start /dev/null /dev/null in_pod server socat UDP4-RECV:9101 /dev/null,ignoreeof
	await 5 listens in_pod server 9101
	in_node nft 'add table inet p; add chain inet p f { type filter hook forward priority 0; }; add rule inet p f udp dport 9102 drop'
	packets 9101 5
	packets 9102 5
	await 10 in_flows 9101
	run in_node node "$root/tests/page/look.mjs" http://10.85.0.1:9960/ secret "${PAGE_SCREENSHOTS-$dir}"
	assert_output 'the page is as it should be'
}

in_flows() { # PORT
	[[ $(flow_sum "select(.destination.port == $1)" .source.packets) == 5 ]]
}
