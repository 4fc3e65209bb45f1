// SPDX-License-Identifier: Apache-2.0
//
// The parts of the page that need no browser: node --test tests/page

import assert from "node:assert/strict";
import {test} from "node:test";
import {agoText, bytesText, countText, endOf, explainCommand, explainFacts, explainQueries, MAX_PAIRS, Model, parseFilter, PLOT_SLOTS, shellWord, verdictOf, Window,
	workloadKey} from "../../agent/serve/page/model.js";
import {EventCutter} from "../../agent/serve/page/stream.js";
import {record} from "./feed.mjs";

const NOW = Math.ceil(Date.now() / 1000) + 5;

function at(seconds, change = r => r) {
	const r = record(1);
	r.event.start = r.event.end = new Date(1000 * seconds).toISOString();
	return change(r) || r;
}

test("window: sums, and forgets as time passes", () => {
	const w = new Window(3, 10);
	w.add(100, 5, 1);
	w.add(112, 7, 1);
	assert.equal(w.sum(0, 112), 12);
	assert.deepEqual(w.list(0, 119), [0, 5, 7]);
	assert.equal(w.sum(0, 129), 12);
	assert.equal(w.sum(0, 130), 7);
	assert.equal(w.sum(1, 139), 1);
	assert.equal(w.sum(0, 500), 0);
});

test("window: late ones count where they belong, too late ones nowhere", () => {
	const w = new Window(3, 10);
	w.add(130, 1, 0);
	w.add(115, 2, 0);
	w.add(105, 4, 0);
	assert.deepEqual(w.list(0, 130), [2, 0, 1]);
	assert.equal(w.sum(0, 130), 3);
});

test("filter: words as of the command", () => {
	assert.deepEqual(parseFilter("  namespace=shop not-port=53  --pod=a/b "),
		[["namespace", "shop"], ["not-port", "53"], ["pod", "a/b"]]);
	assert.deepEqual(parseFilter(""), []);
});

test("filter: what is wrong is said", () => {
	assert.throws(() => parseFilter("shop"), /"shop" has no value/);
	assert.throws(() => parseFilter("port="), /"port=" has no value/);
	assert.throws(() => parseFilter("=shop"), /is no filter/);
	assert.throws(() => parseFilter("format=compact"), /is no filter/);
});

test("names: the workload, else the pod, the process, the Service, the node, the network, the address", () => {
	const name = end => [endOf(end).kind, endOf(end).name];
	const shop = {namespace: {name: "shop"}};
	assert.deepEqual(name({address: "1", k8s: {...shop, pod: {name: "p"}, workload: {kind: "Job", name: "w"}}}), ["Job", "shop/w"]);
	assert.deepEqual(name({address: "1", k8s: {...shop, pod: {name: "p"}}}), ["Pod", "shop/p"]);
	assert.deepEqual(name({address: "1", k8s: {node: {name: "n"}}, process: {name: "sshd"}}), ["Process", "sshd"]);
	assert.deepEqual(name({address: "1", k8s: {service: {name: "db", namespace: "shop"}}}), ["Service", "shop/db"]);
	assert.deepEqual(name({address: "1", k8s: {node: {name: "n"}}}), ["Node", "n"]);
	assert.deepEqual(name({address: "1", network: {name: "office"}}), ["Network", "office"]);
	assert.deepEqual(name({address: "1"}), ["Address", "1"]);
	assert.equal(endOf({address: "1", k8s: {...shop, pod: {name: "p"}}}, "stale").name, "shop/p?");
});

test("verdict: what the node did, and what policies say", () => {
	assert.equal(verdictOf({}), "forwarded");
	assert.equal(verdictOf({verdict: "rejected", policy: {expected: "denied"}}), "rejected");
	assert.equal(verdictOf({policy: {expected: "denied"}}), "denied");
	assert.equal(verdictOf({verdict: "dropped", policy: {expected: "allowed", disagrees: true}}), "disagrees");
	assert.equal(verdictOf({drop: {count: 1}}), "lost");
});

test("model: records of a pair add up, both directions", () => {
	const m = new Model();
	const pair = m.add(at(NOW - 2), false, NOW);
	assert.equal(m.add(at(NOW - 1), false, NOW), pair);
	assert.equal(m.pairs.size, 1);
	assert.equal(pair.bytes, 2 * (1001 + 5000));
	assert.equal(pair.packets, 24);
	assert.equal(pair.seen, NOW - 1);
	assert.equal(m.plot.sum(0, NOW), pair.bytes);
	assert.equal(m.workloads.get(workloadKey(pair.to)).plot.sum(1, NOW), 24);
});

test("model: a rate is that of the last 30 s, or since the pair is there", () => {
	const m = new Model();
	const pair = m.add(at(NOW - 10), false, NOW);
	assert.equal(m.rate(pair, 0, NOW), pair.bytes / 10);
	assert.equal(m.rate(pair, 1, NOW + 40), 0);
});

test("model: another port or verdict is another pair", () => {
	const m = new Model();
	m.add(at(NOW), false, NOW);
	m.add(at(NOW, r => void (r.destination.port = 80)), false, NOW);
	m.add(at(NOW, r => void (r.podonym.verdict = "dropped")), false, NOW);
	assert.equal(m.pairs.size, 3);
});

test("model: drops are counted from the stream of drops alone", () => {
	const m = new Model();
	const dropped = r => void Object.assign(r.podonym, {verdict: "dropped", drop: {count: 4, location: "f", kind: "netfilter"}});
	const pair = m.add(at(NOW, dropped), false, NOW);
	assert.equal(pair.drops, 0);
	m.add(at(NOW, r => {
		dropped(r);
		delete r.podonym.flow_id;
	}), true, NOW);
	assert.equal(pair.drops, 4);
	assert.equal(pair.record.podonym.flow_id, "1", "the record with an id is kept");
	assert.equal(pair.bytes, 1001 + 5000);
});

test("model: a minute of the history is spread over it, and is no rate", () => {
	const m = new Model(), minute = Math.floor(NOW / 60) * 60 - 120;
	const pair = m.add(at(minute + 30, r => void (r.podonym.aggregate = {minute: new Date(1000 * minute).toISOString()})),
		false, NOW);
	assert.equal(m.plot.list(1, NOW).filter(n => n > 0).length, 6);
	assert.equal(Math.round(m.plot.sum(1, NOW)), 12);
	assert.equal(m.plot.list(0, NOW).length, PLOT_SLOTS);
	assert.equal(m.rate(pair, 0, NOW), 0);
});

test("model: who calls, and who is called", () => {
	const m = new Model();
	const pair = m.add(at(NOW), false, NOW);
	m.add(at(NOW, r => void (r.source.k8s.workload.name = "other")), false, NOW);
	m.add(at(NOW, r => void ([r.source, r.destination] = [r.destination, r.source])), false, NOW);
	const {callers, callees} = m.around(workloadKey(pair.to), NOW);
	assert.deepEqual(callers.map(c => c.end.name).sort(), ["shop/client-1", "shop/other"]);
	assert.deepEqual(callees.map(c => c.end.name), ["shop/client-1"]);
});

test("model: of too many pairs the ones seen least lately go", () => {
	const m = new Model();
	const first = m.add(record(0), false, NOW);
	for (let n = 1; n < MAX_PAIRS; n++)
		m.add(record(n), false, NOW);
	m.add(record(0), false, NOW);
	m.add(record(MAX_PAIRS), false, NOW);
	assert.equal(m.forgotten, MAX_PAIRS / 10);
	assert.equal(m.pairs.size, MAX_PAIRS - MAX_PAIRS / 10 + 1);
	assert.ok(m.pairs.has(first.id));
	assert.deepEqual(new Set(m.sorted("seen", true, NOW)), new Set(m.pairs.values()));
	assert.ok(m.workloads.size < 1000);
});

test("model: order", () => {
	const m = new Model();
	for (const n of [3, 1, 2])
		m.add(record(n), false, NOW);
	assert.deepEqual(m.sorted("from", false, NOW).map(p => p.from.name), ["shop/client-1", "shop/client-2", "shop/client-3"]);
	assert.deepEqual(m.sorted("from", true, NOW).map(p => p.from.name), ["shop/client-3", "shop/client-2", "shop/client-1"]);
	m.add(record(2), false, NOW + 1);
	m.add(record(0), false, NOW + 1);
	assert.deepEqual(m.sorted("from", false, NOW + 1).map(p => p.from.name),
		["shop/client-0", "shop/client-1", "shop/client-2", "shop/client-3"]);
});

test("events: cut wherever the network cuts them", () => {
	const text = 'data: {"a":1}\n\n: keep-alive\n\ndata: {"b":2}\n\nevent: end\ndata:\n\n';
	for (let size = 1; size < text.length; size++) {
		const cutter = new EventCutter(), events = [];
		for (let i = 0; i < text.length; i += size)
			events.push(...cutter.push(text.slice(i, i + size)));
		assert.deepEqual(events, [{event: "message", data: '{"a":1}'}, {event: "message", data: '{"b":2}'},
			{event: "end", data: ""}]);
	}
});

test("command: by the flow's id, else by its ends, and nothing that a shell would take for its own", () => {
	assert.equal(explainCommand(record(7)), "podonym policy explain --flow 7");
	const r = record(7);
	delete r.podonym.flow_id;
	assert.equal(explainCommand(r), "podonym policy explain shop/client-7-0 shop/server-0-0 TCP/5432");
	assert.deepEqual(explainQueries(r), ["src=shop%2Fclient-7-0&dst=shop%2Fserver-0-0&port=TCP%2F5432"]);
	assert.deepEqual(explainQueries(record(7)), ["flow=7", ...explainQueries(r)]);
	assert.equal(shellWord("a'; rm -rf /"), "'a'\\''; rm -rf /'");
});

test("explanation: who decides, and what each rule wanted", () => {
	const doc = {verdict: "deny", egress: "allow", egress_reason: "default", egress_why: [], ingress: "deny", ingress_reason: "isolated",
		ingress_why: [{kind: "NetworkPolicy", policy: "shop/db", effect: "isolates", missed: [
			{rule: 0, port: true, peer: false, wanted: {app: "api", tier: {operator: "In", values: ["a", "b"]}}, has: {app: "web", tier: null}},
			{rule: 1, port: false, peer: true, wanted_port: "TCP 80", has_port: "TCP 5432"}]},
			{kind: "ClusterNetworkPolicy", policy: "all", effect: "Deny", rule: 2, rule_name: "last"}],
		depends_on_plugin: [], fix: [{kind: "NetworkPolicy", policy: "shop/db", direction: "ingress", change: "add-peer"}],
		seen: {what: "through"}, agrees: false, agreement: "not enforced"};
	assert.deepEqual(explainFacts(doc), ["Policies deny it.", "egress of the source: allow, default",
		"ingress of the destination: deny, isolated", "NetworkPolicy shop/db: isolates",
		"rule 0 wants app=api tier In a,b; there is app=web no tier", "rule 1 wants TCP 80; there is TCP 5432",
		'ClusterNetworkPolicy all: Deny by rule 2 "last"',
		"add-peer in NetworkPolicy shop/db (ingress) would allow it: see --fix of the command.",
		"The node has seen: through, which does not agree: not enforced"]);
});

test("words", () => {
	assert.deepEqual([0, 5, 0.5, 2.25, 1234567].map(countText), ["0", "5", "0.50", "2.3", "1,234,567"]);
	assert.deepEqual([0, 999, 1000, 15300, 999600, 2.5e9].map(bytesText), ["0 B", "999 B", "1.0 kB", "15 kB", "1.0 MB", "2.5 GB"]);
	assert.deepEqual([0, 30, 120, 7200].map(agoText), ["now", "30 s ago", "2 min ago", "2 h ago"]);
});
