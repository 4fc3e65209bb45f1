#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # variables of the helper; each test is a subshell
#
# Sinks with receivers of others: what nfcapd (UDP), libfixbuf (TCP), kcat and a collector of logs (OTLP) have
# read is what the ledger says. Records are made up by sink-feed, which hands them over as the flow thread does.

load helper

feed=$build/tests/tools/sink-feed

setup() {
	dir=$(mktemp -d "${TMPDIR:-/tmp}/podonym-bats.XXXXXX")
	feed_pid='' receiver_pid='' broker_pid=''
}

teardown() {
	exec 7>&-
	stop "$feed_pid"
	stop "$receiver_pid"
	stop "$broker_pid" KILL
	rm -rf "$dir"
}

# Its standard input is descriptor 7.
start_feed() { # SPEC...
	mkfifo "$dir/in"
	cluster_exec='' "$feed" "$@" <"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- 4>&- &
	feed_pid=$!
	disown
	exec 7>"$dir/in"
}

# The last ledger of the only sink.
ledger() { # FILTER
	tail -n 1 "$dir/out" | jq -r "$1"
}

ledger_is() { # FILTER: asks for a new one
	local n
	n=$(wc -l <"$dir/out")
	echo stats >&7
	await 5 has_more_lines "$n"
	tail -n 1 "$dir/out"
	[[ $(ledger ".told == .sent + .waiting + .queue_full + .not_encoded + .refused + .given_up + .shutdown and ($1)") == true ]]
}

has_more_lines() { # N
	(($(wc -l <"$dir/out") > $1))
}

end_feed() {
	exec 7>&-
	await 10 is_gone "$feed_pid"
	feed_pid=''
}

need() { # PROGRAM PACKAGE
	type -P "$1" >/dev/null || skip "$1 is not installed (package $2)" # a program, no function of the helper
}

# A port that nobody has, of UDP or TCP, and that nobody else on this machine is likely to look for.
free_port() {
	local port
	for port in $(shuf -i 20000-31999 -n 100); do
		listens env "$port" || { echo "$port"; return; }
	done
	return 1
}

start_nfcapd() { # PORT
	mkdir -p "$dir/nf"
	start "$dir/nfcapd.out" "$dir/nfcapd.err" nfcapd -b 127.0.0.1 -p "$1" -w "$dir/nf" -t 3600 7>&-
	receiver_pid=$started
	await 10 listens env "$1"
}

# What comes by one connection, byte for byte: that is an IPFIX file, too.
start_collector() { # PORT FILE
	start /dev/null "$2.err" socat -u "TCP4-LISTEN:$1,bind=127.0.0.1,reuseaddr" "CREATE:$2" 7>&-
	receiver_pid=$started
	await 10 has_begun "$1" "$2"
}

# Listens, or has somebody to listen to already.
has_begun() { # PORT FILE
	listens env "$1" || [[ -e $2 ]]
}

records_in() { # FILE
	ipfixDump --in "$1" --stats 2>&1 | sed -n 's/.*, \([0-9]*\) Data Records.*/\1/p'
}

@test "sinks: ipfix by UDP: nfcapd has what the ledger says" {
	need nfcapd nfdump
	port=$(free_port)
	start_nfcapd "$port"
	start_feed "ipfix:udp://127.0.0.1:$port,max-rate=2M,template-packets=50"
	echo 'records 8000 0' >&7
	await 30 ledger_is '.sent == 8000'
	end_feed
	stop "$receiver_pid"
	receiver_pid=''
	run grep -h Ident: "$dir/nfcapd.out" "$dir/nfcapd.err"
	assert_output --partial 'Flows: 8000,'
	assert_output --partial 'Sequence Errors: 0, Bad Packets: 0'
	# Packets from 1 to 1000 of the opener, 14 of the answerer, a hundred bytes and 3000.
	run nfdump -R "$dir/nf" -I
	assert_line "Packets: $((8 * 500500 + 8000 * 14))"
	assert_line "Bytes: $((8 * 500500 * 100 + 8000 * 3000))"
}

@test "sinks: ipfix by UDP: nobody listens: nothing is given away, and all comes when somebody does" {
	need nfcapd nfdump
	port=$(free_port)
	start_feed "ipfix:udp://127.0.0.1:$port,retry-max=200ms"
	echo 'records 500 0' >&7
	await 10 ledger_is '.retries > 1 and .waiting == 500 and (.error | contains("refused"))'
	start_nfcapd "$port"
	await 10 ledger_is '.sent == 500 and .error == ""'
	stop_nfcapd 500
	# The first datagram has gone out before the refusal comes.
	echo 'records 500 0' >&7
	await 10 ledger_is '.waiting == 500 and (.error | contains("refused"))'
	start_nfcapd "$port"
	await 10 ledger_is '.sent == 1000 and .error == ""'
	stop_nfcapd 500
}

# It says so when it ends.
stop_nfcapd() { # FLOWS
	stop "$receiver_pid"
	receiver_pid=''
	run grep -h Ident: "$dir/nfcapd.out" "$dir/nfcapd.err"
	assert_output --partial "Flows: $1,"
	refute_output --regexp 'Sequence Errors: [1-9]'
}

@test "sinks: ipfix by TCP: a collector that goes and comes back has all but what was counted as lost" {
	need ipfixDump libfixbuf-tools
	port=$(free_port)
	start_collector "$port" "$dir/first"
	start_feed "ipfix:tcp://127.0.0.1:$port,queue=1M,retry-max=200ms"
	echo 'records 3000 0' >&7
	await 10 ledger_is '.sent == 3000'
	stop "$receiver_pid"
	echo 'records 9000 0' >&7
	await 10 ledger_is '.told == 12000 and .queue_full > 0 and .waiting > 0 and .retries > 0'
	start_collector "$port" "$dir/second"
	await 10 ledger_is '.waiting == 0'
	echo 'records 100 0' >&7
	await 10 ledger_is '.told == 12100 and .waiting == 0'
	end_feed
	await 5 is_gone "$receiver_pid"
	assert_equal "$(records_in "$dir/first")" 3000
	assert_equal "$(records_in "$dir/second")" $((9100 - $(ledger .queue_full)))
}

@test "sinks: ipfix by TCP: what a collector's machine has not acknowledged is sent again" {
	need ipfixDump libfixbuf-tools
	port=$(free_port)
	start_collector "$port" "$dir/first"
	start_feed "ipfix:tcp://127.0.0.1:$port,retry-max=200ms"
	echo 'records 100 0' >&7
	await 10 ledger_is '.sent == 100'
	# It reads no more: its kernel takes what fits, and refuses the rest when it is killed.
	kill -STOP "$receiver_pid"
	echo 'records 29900 0' >&7
	await 10 ledger_is '.sent > 100 and .waiting > 0'
	stop "$receiver_pid" KILL
	await 10 ledger_is '.retries > 0 and .error != ""' # and sends no more
	before=$(ledger .sent)
	start_collector "$port" "$dir/second"
	await 10 ledger_is '.sent == 30000'
	end_feed
	await 5 is_gone "$receiver_pid"
	assert_equal "$(records_in "$dir/second")" $((30000 - before))
}

@test "sinks: tshark reads templates, both directions and our names" {
	port=$(free_port)
	start /dev/null "$dir/tcpdump.err" tcpdump -i lo -U -c 4 -w "$dir/pcap" "udp port $port"
	receiver_pid=$started
	await 20 grep -q 'listening on' "$dir/tcpdump.err"
	start_udp_hole "$port"
	start_feed "ipfix:udp://127.0.0.1:$port,enterprise=4711,domain=5"
	await 20 captured_all
	run tshark -r "$dir/pcap" -d "udp.port==$port,cflow" -V
	assert_success
	assert_output --partial 'Observation Domain Id: 5'
	assert_output --partial 'SrcAddr: 10.0.0.1'
	assert_output --partial 'SrcAddr: fd00::1'
	assert_output --partial 'Reverse'
	assert_output --partial '4711'
	refute_output --partial 'Malformed'
}

start_udp_hole() { # PORT
	start /dev/null /dev/null socat -u "UDP4-RECV:$1,bind=127.0.0.1" /dev/null 7>&-
	hole_pid=$started
	await 5 listens env "$1"
}

captured_all() { # records go on until there is enough
	echo 'records 2 0' >&7
	is_gone "$receiver_pid" && stop "$hole_pid"
}

# librdkafka's broker in memory, inside a kcat that has nothing to send; it says where it listens.
start_broker() {
	mkfifo "$dir/nothing"
	kcat -P -b none -X test.mock.num.brokers=1 -t none <>"$dir/nothing" >/dev/null 2>"$dir/broker" 3>&- 4>&- 7>&- &
	broker_pid=$!
	disown
	await 10 grep -q 'replaced with' "$dir/broker"
	broker=$(sed -n 's/.*replaced with //p' "$dir/broker")
}

@test "sinks: kafka: kcat reads what the ledger says, also from a broker that stood still" {
	need kcat kcat
	start_broker
	start_feed "kafka:$broker,topic=flows,queue=2M,buffer=1M,retry-max=200ms"
	echo 'records 1000 0' >&7
	await 30 ledger_is '.sent == 1000'
	kill -STOP "$broker_pid"
	await 30 feed_until '.queue_full > 0'
	kill -CONT "$broker_pid"
	await 30 ledger_is '.waiting == 0'
	end_feed
	sent=$(ledger .sent)
	kcat -C -b "$broker" -t flows -o beginning -c "$sent" -e -f '%k\t%s\n' >"$dir/read" 2>"$dir/kcat.err"
	(($(wc -l <"$dir/read") == sent))
	[[ $(cut -f 2 "$dir/read" | jq -r .podonym.flow_id | sort -u | wc -l) -eq $sent ]]
	[[ $(cut -f 1 "$dir/read" | sort -u) == 'shop/Deployment/web>shop/StatefulSet/db' ]]
}

feed_until() { # FILTER
	echo 'records 500 0' >&7
	ledger_is "$1"
}

start_otlp() { # PORT
	start /dev/null "$dir/otlp.err" env node "$root/tests/tools/otlp_ids.mjs" "$1" "$dir/otlp" 7>&-
	receiver_pid=$started
	await 10 listens env "$1"
}

@test "sinks: otlp: a collector that goes and comes back has all but what was counted as lost, once each" {
	need node nodejs
	port=$(free_port)
	start_otlp "$port"
	start_feed "otlp:http://127.0.0.1:$port,queue=1M,retry-max=200ms"
	echo 'records 500 0' >&7
	await 10 ledger_is '.sent == 500'
	stop "$receiver_pid"
	await 30 feed_until '.queue_full > 0 and .retries > 0'
	start_otlp "$port"
	await 10 ledger_is '.waiting == 0 and .error == ""'
	echo 'records 100 0' >&7
	await 10 ledger_is '.waiting == 0'
	end_feed
	assert_equal "$(wc -l <"$dir/otlp")" "$(ledger .sent)"
	assert_equal "$(sort -u "$dir/otlp" | wc -l)" "$(ledger .sent)"
	assert_equal "$(ledger '.told - .queue_full')" "$(ledger .sent)"
	assert_equal "$(cat "$dir/otlp.err")" ''
}

@test "sinks: lines in files that are rotated, in each form" {
	start_feed "file:$dir/flows.json,format=hubble,max-size=100K,keep=2"
	echo 'records 1000 0' >&7
	await 10 ledger_is '.sent == 1000'
	end_feed
	for file in "$dir"/flows.json{,.1,.2}; do
		jq -e -s 'length > 0 and all(.flow.verdict == "FORWARDED" and .node_name == "feed-node")' "$file" >/dev/null
		(($(stat -c %s "$file") <= 102400))
	done
	[[ ! -e $dir/flows.json.3 ]]
}

@test "sinks: a wrong word is named with the right one" {
	run "$podonym" agent --sink fiel:/x
	assert_failure 2
	assert_output --partial '"fiel" is no kind of sink, did you mean file?'
	run "$podonym" agent --sink "file:$dir/x,keeep=3"
	assert_failure 2
	assert_output --partial '"keeep" is no option of a sink of kind file, did you mean keep?'
	run "$podonym" agent --sink ipfix:collector:4739
	assert_failure 2
	assert_output --partial 'should be udp://HOST:PORT or tcp://HOST:PORT'
	[[ ! -e $dir/x ]]
}
