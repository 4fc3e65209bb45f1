#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# HTTP with TLS: who is trusted, certificates that are renewed while the agent runs, files that are no good.

load helper

setup_file() {
	suite_begin
	cluster_up 10.86.0.1 fd00:86::1
	printf 'secret\n' >"$dir/token"
	certify first
	use first
	start_agent in_node --server http://127.0.0.1:1 --state none --http 10.86.0.1:9960 \
		--http-cert "$dir/tls/crt" --http-key "$dir/tls/key" --http-token-file "$dir/token"
	await 10 get first /healthz
	suite_export
}

teardown_file() {
	suite_end
}

# A certificate that is its own root: $dir/NAME.crt and .key
certify() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext "subjectAltName=IP:10.86.0.1" -keyout "$dir/$1.key" -out "$dir/$1.crt" 2>/dev/null
}

# As Kubernetes replaces the files of a Secret: all at once, by a link to another folder.
use() { # CERTIFICATE [KEY]
	local set
	set=$(mktemp -d "$dir/set.XXXXXX")
	cp "$dir/$1.crt" "$set/crt"
	install -m 600 "$dir/${2-$1}.key" "$set/key"
	ln -sfn "$set" "$dir/tls.new"
	mv -T "$dir/tls.new" "$dir/tls"
}

get() { # ROOT PATH [CURL-OPTIONS]
	in_node curl -sS --fail --noproxy '*' --max-time 60 --cacert "$dir/$1.crt" "https://10.86.0.1:9960$2" \
		-H "Authorization: Bearer ${token-secret}" "${@:3}"
}

said() { # WORDS
	grep -qF "$1" "$dir/agent.err"
}

@test "https: for who trusts the certificate, and has the token" {
	assert_equal "$(get first /healthz)" ok
	run -0 get first /metrics
	assert_line --regexp '^podonym_build_info'
	token=other run -22 get first /metrics
	run -60 in_node curl -sS --noproxy '*' --max-time 60 https://10.86.0.1:9960/healthz
}

@test "https: TLS 1.2 and 1.3, nothing older, and no HTTP beside it" {
	assert_equal "$(get first /healthz --tlsv1.2 --tls-max 1.2)" ok
	assert_equal "$(get first /healthz --tlsv1.3)" ok
	run -35 get first /healthz --tlsv1.1 --tls-max 1.1 --ciphers DEFAULT:@SECLEVEL=0
	run ! in_node curl -sS --fail --noproxy '*' --max-time 60 http://10.86.0.1:9960/healthz
	assert_equal "$(get first /healthz)" ok
}

@test "https: a renewed certificate is served at once; a bad pair is said, and the one from before stays" {
	certify second
	certify third
	use second
	assert_equal "$(get second /healthz)" ok
	run -60 get first /healthz
	use third first
	assert_equal "$(get second /healthz)" ok
	said "$dir/tls/key: is not the key of the first certificate in $dir/tls/crt; the certificate from before stays"
	rm "$dir/tls"
	assert_equal "$(get second /healthz)" ok
	use third
	assert_equal "$(get third /healthz)" ok
	use third
	chmod 644 "$dir/tls/key"
	assert_equal "$(get third /healthz)" ok
	said "everybody on this machine can read this key"
}

refused() { # CERT KEY WORDS
	run -2 "$podonym" agent --http 127.0.0.1:9 --http-cert "$1" --http-key "$2"
	assert_output --partial "$3"
}

@test "https: files that are no good are refused at the start, by name" {
	certify a
	certify b
	refused "$dir/a.crt" "$dir/b.key" "$dir/b.key: is not the key of the first certificate in $dir/a.crt"
	refused "$dir/none" "$dir/a.key" "$dir/none: No such file"
	refused "$dir/a.key" "$dir/a.key" "$dir/a.key: no certificate in PEM"
	refused "$dir/a.crt" "$dir/a.crt" "$dir/a.crt: no private key without a password in PEM"
	refused "$dir/a.crt" "$dir" "$dir: should be a file"
	run -2 "$podonym" agent --http-cert "$dir/a.crt"
	assert_output --partial 'given together'
}
