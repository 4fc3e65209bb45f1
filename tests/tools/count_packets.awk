# SPDX-License-Identifier: Apache-2.0
#
# From packets as tshark reads them to what an exact agent says of them: a line for each flow, of one
# direction, and a ledger. One line of input is one captured frame, in the order of time; count-packets
# makes them. `fields` has the names of its columns, `directions` those of the interfaces, `ledger` is
# the file for the sums, and `bytes` one with the IP packets, as hexadecimal digits, that tshark calls
# malformed.
#
#   SOURCE|DESTINATION|PROTOCOL|SPORT|DPORT|PACKETS|BYTES|DELIVERED|TCP-FLAGS
#
# tshark decodes; what is counted, and how, are these rules:
#
# Counting.  What an end sent is counted where it left a pod ("in"); if it never did, where it entered
#   one ("out"). Delivered is what entered a pod, always. Echoes are a flow for each identifier, and
#   their sum is one line.
# Bytes.  From the IP header to the end of the packet as it says itself: no Ethernet header, no tags, no
#   padding.
# Segments.  A packet larger than the wire allows is the segments that it will be cut into:
#   segments = payload / size of a segment, rounded up
#   bytes = payload + segments * (IP header + TCP or UDP header)
#   The size is in no capture. TCP of the kernel fills packets of `mtu` bytes; packet-gen sends to the
#   port 20000 + size.
# Ports.  ICMP has type.code instead, an echo (request or reply, whatever its identifier) that of a
#   request. Other protocols than TCP, UDP and SCTP have 0. Fragments have the ports of their first, if it was
#   captured before them, on whichever interface; ICMP's count as an echo if it was not.
# Not IP.  The type behind at most two tags is neither IPv4 nor IPv6. On its way in, the kernel has
#   taken one more tag out of the frame.
# Malformed.  The version is not that of the Ethernet type; the packet is longer than the frame, or
#   shorter than its header; a header does not end within the packet: an extension header, 20 bytes of
#   TCP or as many as it says, 8 of UDP or ICMP, 12 of SCTP; UDP says less than 8 bytes, or more than
#   there are, unless more fragments follow. Nothing is asked of a later fragment's payload, nor of
#   other protocols.
# Extension headers.  Hop-by-hop, routing, destination, fragment and authentication are skipped, up to
#   8; what comes then is the protocol.
# Options.  What is in them does not matter: where tshark finds one that does not fit and reads no
#   further, the rest is read from the bytes.
#
# Where a field is missing that such a packet must have, the flow is called "?" and agrees with nothing.

BEGIN {
	FS = "|"
	n = split(fields, names, " ")
	for (i = 1; i <= n; i++)
		column[names[i]] = i
	n = split("1 icmp 58 icmp 2 igmp 6 tcp 17 udp 47 gre 50 esp 51 ah 132 sctp", words, " ")
	for (i = 1; i < n; i += 2)
		name_of[words[i]] = words[i + 1]
	n = split("0 ipv6.hopopts 43 ipv6.routing 60 ipv6.dstopts 44 ipv6.fraghdr 51 ah", words, " ")
	for (i = 1; i < n; i += 2)
		extension[words[i]] = words[i + 1]
	n = split(directions, words, " ")
	for (i = 1; i <= n; i++)
		direction_of[i - 1] = words[i]
	while ((getline line <bytes) > 0) {
		split(line, words, "|")
		digits[words[1]] = words[2]
	}
}

# The outer packet's comes first; "" if there are not so many.
function nth(name, i, parts) {
	return split($(column[name]), parts, ",") < i ? "" : parts[i]
}

function first(name, value) {
	value = nth(name, 1)
	if (value == "")
		is_unclear = 1
	return value
}

function hex(text, value, i) {
	for (i = 1; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
	return value + 0
}

# So many bytes of the IP packet, as a number.
function raw(offset, len, text) {
	text = substr(digits[$(column["frame.number"])], 2 * offset + 1, 2 * len)
	if (length(text) < 2 * len)
		is_unclear = 1
	return hex(text)
}

# A field of a header that is at `headers`; @offset, @len: where it stands there.
function field(name, i, offset, len, value) {
	value = nth(name, i)
	if (value == "")
		return raw(headers + offset, len)
	return value ~ /^0x/ ? hex(substr(value, 3)) : value
}

# Versions of tshark differ in how they write these.
function is_true(value) {
	return value == "1" || value == "True"
}

function bit_or(a, b, bit, sum) {
	for (bit = 1; bit <= 128; bit *= 2)
		if (int(a / bit) % 2 || int(b / bit) % 2)
			sum += bit
	return sum + 0
}

# "" or why the frame is not counted. Sets at, where the IP header is, and type.
function walk_ethernet(max_tags, tags) {
	at = 14
	type = nth("eth.type", 1)
	max_tags = direction == "in" ? 3 : 2
	for (tags = 0; tags < max_tags && (type == "0x8100" || type == "0x88a8"); tags++) {
		if (frame_len < at + 4)
			return "malformed"
		type = nth("vlan.etype", tags + 1)
		at += 4
	}
	return type == "0x0800" || type == "0x86dd" ? "" : "not_ip"
}

function walk_ipv4(header) {
	if (frame_len < at + 20)
		return "malformed"
	if (nth("ip.version", 1) != 4)
		return "malformed"
	header = first("ip.hdr_len")
	total = first("ip.len")
	if (header < 20 || total < header || total > frame_len - at)
		return "malformed"
	src = first("ip.src")
	dst = first("ip.dst")
	proto = first("ip.proto")
	is_later = first("ip.frag_offset") > 0
	is_first = !is_later && is_true(first("ip.flags.mf"))
	packet_id = src " " dst " " first("ip.id") " " proto
	headers = header
	return ""
}

function walk_fragment(i) {
	packet_id = src " " dst " "
	if (nth("ipv6.fraghdr.nxt", i) == "") {
		is_later = raw(headers + 2, 2) >= 8
		is_first = !is_later && raw(headers + 3, 1) % 2
		packet_id = packet_id raw(headers + 4, 4)
	} else {
		is_later = nth("ipv6.fraghdr.offset", i) > 0
		is_first = !is_later && is_true(nth("ipv6.fraghdr.more", i))
		packet_id = packet_id hex(substr(nth("ipv6.fraghdr.ident", i), 3))
	}
}

function walk_extension(name, i, len) {
	if (total < headers + 8)
		return "malformed"
	if (name == "ipv6.fraghdr") {
		walk_fragment(i)
		len = 8
	} else if (name == "ah") {
		len = (field("ah.length", i, 1, 1) + 2) * 4
	} else {
		len = (field(name ".len", i, 1, 1) + 1) * 8
	}
	proto = field(name == "ah" ? "ah.next_header" : name ".nxt", i, 0, 1)
	headers += len
	return headers > total ? "malformed" : ""
}

function walk_ipv6(why, i, had) {
	if (frame_len < at + 40)
		return "malformed"
	if (nth("ipv6.version", 1) != 6)
		return "malformed"
	total = first("ipv6.plen") + 40
	if (total > frame_len - at)
		return "malformed"
	src = first("ipv6.src")
	dst = first("ipv6.dst")
	proto = first("ipv6.nxt")
	is_later = is_first = 0
	headers = 40
	split("", had)
	for (i = 0; i < 8 && !is_later && !is_unclear && proto in extension && !why; i++)
		why = walk_extension(extension[proto], ++had[proto])
	return why
}

function walk_tcp(header) {
	if (total < headers + 20)
		return "malformed"
	header = nth("tcp.hdr_len", 1)
	if (header == "")
		header = int(raw(headers + 12, 1) / 16) * 4
	if (header < 20 || total < headers + header)
		return "malformed"
	flags = nth("tcp.flags", 1)
	flags = flags == "" ? raw(headers + 13, 1) : hex(substr(flags, 3)) % 256
	return walk_ports("tcp", header)
}

function walk_ports(name, header) {
	sport = field(name ".srcport", 1, 0, 2)
	dport = field(name ".dstport", 1, 2, 2)
	headers += header
	return ""
}

function walk_udp(len) {
	if (total < headers + 8)
		return "malformed"
	len = field("udp.length", 1, 4, 2)
	if (len < 8 || (len > total - headers && !is_first))
		return "malformed"
	return walk_ports("udp", 8)
}

function walk_sctp() {
	return total < headers + 12 ? "malformed" : walk_ports("sctp", 12)
}

function walk_icmp(name, request, reply, ident, type, code) {
	if (total < headers + 8)
		return "malformed"
	type = field(name ".type", 1, 0, 1)
	code = field(name ".code", 1, 1, 1)
	if (type == request || type == reply)
		echo = field(ident, 1, 4, 2)
	if (type == reply || (type == 0 && code == 0))
		type = request
	if (type == request)
		code = 0
	sport = type "." code
	dport = "-"
	headers += 8
	return ""
}

function walk_transport() {
	sport = dport = flags = echo = 0
	if (is_later)
		return ""
	if (proto == 6)
		return walk_tcp()
	if (proto == 17)
		return walk_udp()
	if (proto == 132)
		return walk_sctp()
	if (proto == 1)
		return walk_icmp("icmp", 8, 0, "icmp.ident")
	if (proto == 58)
		return walk_icmp("icmpv6", 128, 129, "icmpv6.echo.identifier")
	return ""
}

# A first fragment leaves its ports for the later ones, which have none, for 30 s.
function join_fragment() {
	if (is_first) {
		ports_of[packet_id] = proto " " sport " " dport " " echo
		noted[packet_id] = time
	} else if (is_later && packet_id in noted && time - noted[packet_id] < 30) {
		split(ports_of[packet_id], words, " ")
		proto = words[1]
		sport = words[2]
		dport = words[3]
		echo = words[4]
	} else if (is_later && (proto == 1 || proto == 58)) {
		sport = proto == 1 ? "8.0" : "128.0"
		dport = "-"
	}
}

function segments(size, payload) {
	payload = total - headers
	if (proto != 6 && proto != 17)
		return 1
	if (dport >= 20500 && dport <= 21400)
		size = dport - 20000
	else if (proto == 6 && total > mtu)
		size = mtu - headers
	if (!size || payload <= size)
		return 1
	return int((payload + size - 1) / size)
}

function add(flow, n, bytes) {
	line_of[flow, echo] = flow
	packets[flow, echo, direction] += n
	sum[flow, echo, direction] += bytes
	flags_of[flow] = bit_or(flags_of[flow], flags)
}

{
	time = $(column["frame.time_epoch"])
	frame_len = $(column["frame.len"])
	direction = direction_of[$(column["frame.interface_id"])]
	is_unclear = is_later = is_first = 0
	n = 1
	why = walk_ethernet()
	if (!why)
		why = type == "0x0800" ? walk_ipv4() : walk_ipv6()
	if (!why)
		why = walk_transport()
	if (!why) {
		join_fragment()
		n = segments()
		if (is_unclear)
			src = dst = "?"
		add(src "|" dst "|" (proto in name_of ? name_of[proto] : proto) "|" sport "|" dport, n,
			total + (n - 1) * headers)
	}
	cell["seen"] += n
	cell[why ? why : "recorded"] += n
}

END {
	for (flow in line_of) {
		at = (flow, "in") in packets ? "in" : "out"
		line = line_of[flow]
		packets_of[line] += packets[flow, at]
		sum_of[line] += sum[flow, at]
		delivered_of[line] += packets[flow, "out"]
	}
	for (line in packets_of)
		printf "%s|%d|%d|%d|%d\n", line, packets_of[line], sum_of[line], delivered_of[line], flags_of[line]
	printf "{\"seen\":%d,\"recorded\":%d,\"not_ip\":%d,\"malformed\":%d}\n", cell["seen"],
		cell["recorded"], cell["not_ip"], cell["malformed"] >ledger
}
