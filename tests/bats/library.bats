#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of the helper
#
# The library as a stranger meets it: installed, found by pkg-config, its examples compiled with
# nothing but that, and run against an API server.

load helper

setup_file() {
	prefix=$(mktemp -d "${TMPDIR:-/tmp}/podonym-library.XXXXXX")
	export prefix
	make -C "$BATS_TEST_DIRNAME/../.." MODE="${MODE:-release}" install DESTDIR="$prefix" PREFIX=/usr >/dev/null
}

teardown_file() {
	rm -rf "$prefix"
}

setup() {
	suite_begin
	objects "$dir/objects.json" "$(node n1 192.0.2.1)" \
		"$(pod shop web-1 10.0.0.1 | owned_by ReplicaSet web-5d8)" "$(pod shop db-0 10.0.0.2 | owned_by StatefulSet db)" \
		"$(pod kube-system proxy 192.0.2.1 | on_host)" "$(pod kube-system cni 192.0.2.1 | on_host)" \
		"$(service shop web TCP 80 10.96.0.1)" "$(replicaset shop web-5d8 | owned_by Deployment web)"
}

teardown() {
	suite_end
}

owned_by() { # KIND NAME: an object on standard input
	jq -c '.metadata.ownerReferences = [{apiVersion: "apps/v1", kind: $ARGS.positional[0],
		name: $ARGS.positional[1], uid: ("u-" + $ARGS.positional[1]), controller: true}]' --args "$@"
}

on_host() {
	jq -c '.spec.hostNetwork = true'
}

replicaset() { # NAMESPACE NAME
	jq -nc '{apiVersion: "apps/v1", kind: "ReplicaSet",
		metadata: {namespace: $ARGS.positional[0], name: $ARGS.positional[1]}}' --args "$@"
}

# pkg-config for what was installed below $prefix; what that needs is where it always is.
pkg() {
	PKG_CONFIG_SYSROOT_DIR=$prefix PKG_CONFIG_PATH=$prefix/usr/lib/pkgconfig pkg-config "$@"
}

example() { # NAME OUT [FLAGS...]
	"${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror "$root/tests/examples/$1.c" "${@:3}" -o "$dir/$2"
}

sanitized() {
	[[ ${MODE:-release} != release && ${MODE:-release} != debug ]]
}

kubeconfig() {
	cat >"$dir/config" <<-YAML
		apiVersion: v1
		kind: Config
		current-context: c
		contexts: [{name: c, context: {cluster: c, user: u}}]
		clusters: [{name: c, cluster: {server: "$api_url"}}]
		users: [{name: u, user: {}}]
	YAML
	export KUBECONFIG=$dir/config
}

# What informers.c prints; the order of pods that share an address is not said.
check_informers() { # COMMAND...
	start_testapi env --objects "$dir/objects.json"
	kubeconfig
	run --separate-stderr timeout 20 "$@" shop/web-1 shop/none 10.0.0.2 192.0.2.1 10.96.0.1 10.9.9.9
	assert_success
	assert_equal "${lines[0]}" 'pod shop/web-1 of Deployment web on node bats-node'
	assert_equal "${lines[1]}" 'shop/none: no such pod'
	assert_equal "${lines[2]}" '10.0.0.2:'
	assert_equal "${lines[3]}" 'pod shop/db-0 of StatefulSet db on node bats-node'
	assert_equal "${lines[4]}" '192.0.2.1:'
	assert_equal "$(printf '%s\n' "${lines[@]:5:2}" | sort | cut -d' ' -f2 | paste -sd' ')" \
		'kube-system/cni kube-system/proxy'
	assert_equal "${lines[7]}" '10.96.0.1:'
	assert_equal "${lines[8]}" 'service shop/web'
	assert_equal "${lines[9]}" '10.9.9.9:'
	assert_equal "${#lines[@]}" 10
}

@test "library: what is installed is found by pkg-config" {
	run pkg --cflags podonym-informer
	assert_output --partial "-I$prefix/usr/include"
	run pkg --libs podonym-informer
	assert_output --partial -lpodonym-informer
	run pkg --modversion podonym-informer
	assert_success
	for file in lib/libpodonym-informer.so.0 lib/libpodonym-informer.so lib/libpodonym-informer.a \
		include/podonym/informer.h include/podonym/objects.h include/podonym/types.h bin/podonym; do
		[[ -e $prefix/usr/$file ]] || { echo "$file is missing"; return 1; }
	done
}

@test "library: informers.c with the shared library finds pods by key and by address" {
	sanitized && skip "the sanitizer's runtime would have to be linked"
	# shellcheck disable=SC2046 # words
	example informers shared $(pkg --cflags --libs podonym-informer)
	check_informers env LD_LIBRARY_PATH="$prefix/usr/lib" "$dir/shared"
	run env LD_LIBRARY_PATH="$prefix/usr/lib" ldd "$dir/shared"
	assert_output --partial "libpodonym-informer.so.0 => $prefix/usr/lib/libpodonym-informer.so.0"
}

@test "library: informers.c with the static library does the same" {
	sanitized && skip "the sanitizer's runtime would have to be linked"
	# Static is this library alone: what it needs is shared, as in most programs. (pkg-config's
	# --static would ask for the static parts of libcurl, down to LDAP.)
	# shellcheck disable=SC2046 # words
	example informers static $(pkg --cflags podonym-informer) "$prefix/usr/lib/libpodonym-informer.a" \
		$(pkg --libs $(pkg --print-requires-private podonym-informer)) -lpthread
	check_informers "$dir/static"
	run ldd "$dir/static"
	refute_output --partial libpodonym-informer
}

@test "library: informers.c says what is wrong when there is no cluster" {
	sanitized && skip "the sanitizer's runtime would have to be linked"
	# shellcheck disable=SC2046 # words
	example informers shared $(pkg --cflags --libs podonym-informer)
	run env -u KUBERNETES_SERVICE_HOST HOME=/nowhere KUBECONFIG=/does/not/exist \
		LD_LIBRARY_PATH="$prefix/usr/lib" "$dir/shared"
	assert_failure 1
	assert_output --partial 'informers: '
}

@test "library: own_loop.c follows a node's pods in a loop of its own" {
	sanitized && skip "the sanitizer's runtime would have to be linked"
	# shellcheck disable=SC2046 # words
	example own_loop own_loop $(pkg --cflags --libs podonym-informer)
	start_testapi env --objects "$dir/objects.json"
	kubeconfig
	mkfifo "$dir/in"
	LD_LIBRARY_PATH=$prefix/usr/lib "$dir/own_loop" bats-node <"$dir/in" >"$dir/out" 2>"$dir/own_loop.err" 3>&- &
	local pid=$!
	exec 7>"$dir/in"
	await 10 grep -q 'in sync' "$dir/out"
	create "$(pod shop new 10.0.0.9)"
	create "$(pod shop elsewhere 10.0.0.10 | jq -c '.spec.nodeName = "other"')"
	await 10 grep -q '^+ shop/new$' "$dir/out"
	remove "$(pod shop new)"
	await 10 grep -q '^- shop/new$' "$dir/out"
	assert_equal "$(grep -c '^=' "$dir/out")" 4
	run ! grep elsewhere "$dir/out"
	tasks=("/proc/$pid/task"/*)
	((${#tasks[@]} <= 2)) # liburcu has one that gives memory back; informers have none here
	echo >&7
	exec 7>&-
	wait "$pid"
}

@test "library: the shared library shows the public headers' functions and nothing else" {
	nm -D --defined-only "$prefix/usr/lib/libpodonym-informer.so.0" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort -u >"$dir/shown"
	run grep -v '^pn_' "$dir/shown"
	assert_output ''
	while read -r symbol; do
		grep -qw "$symbol" "$prefix/usr/include/podonym"/{informer,objects,types}.h ||
			{ echo "$symbol is in no public header"; return 1; }
	done <"$dir/shown"
	grep -hE '^(const|struct|enum|unsigned|void|int|bool|size_t)\b' "$prefix/usr/include/podonym"/{informer,objects,types}.h |
		grep -oE '\bpn_[a-z_]+\(' | tr -d '(' | sort -u >"$dir/declared"
	(($(wc -l <"$dir/declared") > 30))
	run comm -13 "$dir/shown" "$dir/declared"
	assert_output ''
}

@test "library: the headers stand alone in C11 and C++17, the typed functions too" {
	for header in informer objects types; do
		echo "#include <podonym/$header.h>" >"$dir/one.c"
		gcc -std=c11 -pedantic -Wall -Wextra -Werror -I"$prefix/usr/include" -fsyntax-only "$dir/one.c"
		g++ -x c++ -std=c++17 -pedantic -Wall -Wextra -Werror -I"$prefix/usr/include" -fsyntax-only "$dir/one.c"
	done
	cat >"$dir/typed.cc" <<-'CPP'
		#include <podonym/informer.h>
		#include <cstdio>

		static void added(void *, const pn_service *service, bool)
		{
			std::puts(service->meta.name);
		}

		static void types(const pn_service *service, pn_values *values)
		{
			pn_values_add(values, service->type);
		}

		int main()
		{
			static const pn_services_handler handler = { added, nullptr, nullptr, nullptr };
			static const pn_services_indexer by_type = { "type", types };
			pn_factory_options options = {};
			pn_factory *factory = nullptr;
			pn_services_iter it;

			options.size = sizeof(options);
			options.server = "http://127.0.0.1:9";
			if (pn_factory_new(&options, &factory, nullptr) < 0)
				return 1;
			pn_services *services = pn_factory_services(factory, nullptr, nullptr);
			pn_services_add_index(services, &by_type);
			pn_services_add_ip_index(services);
			pn_services_add_handler(services, &handler, nullptr, nullptr, nullptr);
			pn_read_begin();
			pn_services_by_index(services, "type", "ClusterIP", &it);
			bool none = !pn_services_next(&it) && !pn_services_get(services, "a/b");
			pn_read_end();
			pn_factory_free(factory);
			return none ? 0 : 1;
		}
	CPP
	sanitized && skip "the sanitizer's runtime would have to be linked"
	# shellcheck disable=SC2046 # words
	g++ -std=c++17 -pedantic -Wall -Wextra -Werror "$dir/typed.cc" $(pkg --cflags --libs podonym-informer) -o "$dir/typed"
	env LD_LIBRARY_PATH="$prefix/usr/lib" "$dir/typed"
}
