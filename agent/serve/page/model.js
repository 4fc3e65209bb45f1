// SPDX-License-Identifier: Apache-2.0
//
// What the page knows: records of the agent added up by pair, and by workload over the last 15 minutes.
// No DOM here, and no clock: whoever calls says what time it is, in seconds since 1970.

export const RATE_SECONDS = 30;
const RATE_SLOT = 5;
const RATE_SLOTS = RATE_SECONDS / RATE_SLOT;
export const PLOT_SECONDS = 900;
export const PLOT_SLOT = 10;
export const PLOT_SLOTS = PLOT_SECONDS / PLOT_SLOT;
export const MAX_PAIRS = 20000;

// Sums of the last n * width seconds, in slots that are used again in turn. Two values a slot.
export class Window {
	constructor(slots, width) {
		this.slots = slots;
		this.width = width;
		this.sums = new Float64Array(2 * slots);
		this.newest = -Infinity;
	}

	// Forgets slots that time has passed over.
	turn(slot) {
		if (slot <= this.newest)
			return;
		if (this.newest === -Infinity)
			this.newest = slot; // all are empty
		for (let i = Math.max(slot - this.slots, this.newest) + 1; i <= slot; i++)
			this.sums[2 * (i % this.slots)] = this.sums[2 * (i % this.slots) + 1] = 0;
		this.newest = slot;
	}

	add(time, bytes, packets) {
		const slot = Math.floor(time / this.width);
		this.turn(slot);
		if (slot <= this.newest - this.slots)
			return; // too old
		this.sums[2 * (slot % this.slots)] += bytes;
		this.sums[2 * (slot % this.slots) + 1] += packets;
	}

	// Of one of the two, over the window that ends now.
	sum(which, now) {
		this.turn(Math.floor(now / this.width));
		let sum = 0;
		for (let i = which; i < this.sums.length; i += 2)
			sum += this.sums[i];
		return sum;
	}

	// The oldest first.
	list(which, now) {
		const last = Math.floor(now / this.width);
		this.turn(last);
		return Array.from({length: this.slots},
			(_, i) => this.sums[2 * ((last - this.slots + 1 + i) % this.slots) + which]);
	}
}

// --- filters ---------------------------------------------------------------------------------------

// What a request has beside filters; the page sets these itself.
const NO_FILTERS = new Set(["follow", "last", "first", "since", "until", "all", "format", "fields", "numeric",
	"time_format", "color"]);

// "namespace=shop not-port=53" -> [["namespace", "shop"], ["not-port", "53"]]; throws what is wrong with it.
// Which filters there are, the agent knows.
export function parseFilter(text) {
	return text.split(/\s+/).filter(Boolean).map(word => {
		const at = word.indexOf("=");
		const key = (at < 0 ? word : word.slice(0, at)).replace(/^--/, "");
		if (at < 0 || at === word.length - 1)
			throw new Error(`"${word}" has no value: write ${key}=..., as in namespace=shop or not-port=53`);
		if (!key || NO_FILTERS.has(key))
			throw new Error(`"${word}" is no filter, as namespace=shop or not-port=53 are`);
		return [key, word.slice(at + 1)];
	});
}

// --- names -----------------------------------------------------------------------------------------

// What one end of a record is called, the workload before the pod: {name, kind, pod, address}. A stale name is
// another than the sure one.
export function endOf(end, attribution) {
	const named = nameOf(end);
	return attribution === "stale" ? {...named, name: `${named.name}?`} : named;
}

function nameOf(end) {
	const k8s = end.k8s || {};
	const namespace = k8s.namespace?.name;
	const within = name => namespace ? `${namespace}/${name}` : name;
	const pod = k8s.pod ? within(k8s.pod.name) : "";
	const address = end.address;

	if (k8s.workload)
		return {name: within(k8s.workload.name), kind: k8s.workload.kind, pod, address};
	if (pod)
		return {name: pod, kind: "Pod", pod, address};
	if (end.process)
		return {name: end.process.name, kind: "Process", pod, address};
	if (k8s.service && !k8s.node)
		return {name: `${k8s.service.namespace}/${k8s.service.name}`, kind: "Service", pod, address};
	if (k8s.node)
		return {name: k8s.node.name, kind: "Node", pod, address};
	if (end.network)
		return {name: end.network.name, kind: "Network", pod, address};
	return {name: address, kind: "Address", pod, address};
}

// "dropped", "rejected": the node did it; "denied": policies say so; "disagrees": and the node did otherwise.
export function verdictOf(podonym) {
	if (podonym.policy?.disagrees)
		return "disagrees";
	if (podonym.verdict)
		return podonym.verdict;
	if (podonym.policy?.expected === "denied")
		return "denied";
	return podonym.drop ? "lost" : "forwarded";
}

const key = (...parts) => JSON.stringify(parts);
const workloadKey = end => key(end.kind, end.name);

// --- the model -------------------------------------------------------------------------------------

export class Model {
	constructor() {
		this.reset();
	}

	reset() {
		this.pairs = new Map(); // the one seen last is the last
		this.order = []; // the same, as they were last sorted; new ones at the end
		this.workloads = new Map();
		this.plot = new Window(PLOT_SLOTS, PLOT_SLOT);
		this.records = 0;
		this.forgotten = 0;
		this.version = 0; // another one: pairs have come or gone
	}

	// A record as the agent writes it; isDrop: of the stream of drops. Returns the pair.
	//
	// Drops stand in both streams where they belong to a connection: only /v1/drops counts them.
	add(record, isDrop, now) {
		const p = record.podonym;
		const how = record.podonym.attribution;
		const from = endOf(record.source, how?.source), to = endOf(record.destination, how?.destination);
		const port = record.destination.port || 0, protocol = record.network.transport;
		const verdict = verdictOf(p);
		const id = key(from.kind, from.name, to.kind, to.name, protocol, port, verdict);
		const end = Math.min(Date.parse(record.event.end) / 1000, now);
		let pair = this.pairs.get(id);

		this.records++;
		if (!pair) {
			this.makeRoom();
			pair = {id, from, to, protocol, port, verdict, bytes: 0, packets: 0, drops: 0,
				window: new Window(RATE_SLOTS, RATE_SLOT), first: end, seen: end, record,
				fromId: workloadKey(from), toId: workloadKey(to), plots: this.plotsOf(from, to)};
			this.order.push(pair);
			this.version++;
		} else {
			this.pairs.delete(id);
		}
		this.pairs.set(id, pair);
		pair.seen = Math.max(pair.seen, end);
		if (!isDrop || !pair.record.podonym.flow_id)
			pair.record = record;
		this.count(pair, record, isDrop, end);
		return pair;
	}

	count(pair, record, isDrop, end) {
		const p = record.podonym;
		if (isDrop) {
			pair.drops += p.drop?.count || 0;
			return;
		}
		const bytes = (record.source.bytes || 0) + (record.destination.bytes || 0);
		const packets = (record.source.packets || 0) + (record.destination.packets || 0);
		const minute = p.aggregate && Date.parse(p.aggregate.minute) / 1000;
		pair.bytes += bytes;
		pair.packets += packets;
		if (minute === undefined)
			pair.window.add(end, bytes, packets);
		for (const plot of pair.plots) {
			if (minute === undefined) {
				plot.add(end, bytes, packets);
				continue;
			}
			const parts = 60 / PLOT_SLOT; // a minute's sum, spread over it
			for (let i = 0; i < parts; i++)
				plot.add(minute + i * PLOT_SLOT, bytes / parts, packets / parts);
		}
	}

	plotsOf(from, to) {
		const source = this.workload(from).plot, destination = this.workload(to).plot;
		return source === destination ? [this.plot, source] : [this.plot, source, destination];
	}

	workload(end) {
		const id = workloadKey(end);
		let w = this.workloads.get(id);
		if (!w) {
			w = {id, name: end.name, kind: end.kind, plot: new Window(PLOT_SLOTS, PLOT_SLOT)};
			this.workloads.set(id, w);
		}
		return w;
	}

	// The tenth that was seen least lately goes, and workloads that no pair names any more.
	makeRoom() {
		if (this.pairs.size < MAX_PAIRS)
			return;
		let n = MAX_PAIRS / 10;
		this.forgotten += n;
		for (const id of this.pairs.keys()) {
			if (n-- <= 0)
				break;
			this.pairs.delete(id);
		}
		this.order = this.order.filter(pair => this.pairs.has(pair.id));
		const named = new Set();
		for (const pair of this.pairs.values())
			named.add(pair.fromId).add(pair.toId);
		for (const id of this.workloads.keys())
			if (!named.has(id))
				this.workloads.delete(id);
	}

	// A second: over the window, or since the pair was first seen.
	rate(pair, which, now) {
		const age = Math.min(Math.max(now - pair.first, RATE_SLOT), RATE_SECONDS);
		return pair.window.sum(which, now) / age;
	}

	// Who calls a workload and whom it calls: [{end, bytes, packets, drops, pairs}], the busiest first.
	around(id, now) {
		const callers = new Map(), callees = new Map();
		for (const pair of this.pairs.values()) {
			if (pair.toId === id)
				this.addPeer(callers, pair.fromId, pair.from, pair, now);
			if (pair.fromId === id)
				this.addPeer(callees, pair.toId, pair.to, pair, now);
		}
		const busiest = map => [...map.values()].sort((a, b) => b.bytes - a.bytes || b.total - a.total);
		return {callers: busiest(callers), callees: busiest(callees)};
	}

	addPeer(peers, id, end, pair, now) {
		const peer = peers.get(id) || {id, end, bytes: 0, packets: 0, total: 0, drops: 0, pairs: []};
		peer.bytes += this.rate(pair, 0, now);
		peer.packets += this.rate(pair, 1, now);
		peer.total += pair.bytes;
		peer.drops += pair.drops;
		peer.pairs.push(pair);
		peers.set(id, peer);
	}

	// What is nearly in order, as it is from one second to the next, is sorted fast.
	sorted(column, down, now) {
		const value = {
			from: p => p.from.name,
			to: p => p.to.name,
			port: p => p.port,
			verdict: p => p.verdict,
			bytes: p => this.rate(p, 0, now),
			packets: p => this.rate(p, 1, now),
			drops: p => p.drops,
			seen: p => p.seen,
		}[column];
		const order = down ? -1 : 1;
		for (const pair of this.order)
			pair.value = value(pair);
		this.order.sort((p, q) => p.value < q.value ? -order : p.value > q.value ? order :
			q.bytes - p.bytes || (p.id < q.id ? -1 : 1));
		return [...this.order];
	}
}

export {workloadKey};

// --- words -----------------------------------------------------------------------------------------

export function bytesText(n) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let i = 0;
	for (; n >= 999.5 && i < units.length - 1; i++)
		n /= 1000;
	return `${n >= 99.5 || i === 0 ? Math.round(n) : n.toPrecision(2)} ${units[i]}`;
}

// By hand: the first toLocaleString() of a page loads locales, and holds a frame up.
export function countText(n) {
	if (n < 99.5 && !Number.isInteger(n))
		return n.toPrecision(2);
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function agoText(seconds) {
	if (seconds < 1.5)
		return "now";
	if (seconds < 90)
		return `${Math.round(seconds)} s ago`;
	return seconds < 5400 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

// A word for a shell, in quotes where it needs them.
export function shellWord(word) {
	return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

// How podonym policy explain takes the ends of a pair's last record: source, destination, protocol and port.
function explainEnds(record) {
	const from = endOf(record.source), to = endOf(record.destination);
	const port = record.destination.port ? `/${record.destination.port}` : "";
	return [from.pod || from.address, to.pod || to.address, record.network.transport.toUpperCase() + port];
}

// The command that says why.
export function explainCommand(record) {
	const id = record.podonym.flow_id;
	return `podonym policy explain ${id ? `--flow ${shellWord(id)}` : explainEnds(record).map(shellWord).join(" ")}`;
}

// The same as queries of v1/explain: when the agent keeps no record of the flow any more, the next one will do.
export function explainQueries(record) {
	const [src, dst, port] = explainEnds(record), id = record.podonym.flow_id;
	return [...(id ? [{flow: id}] : []), {src, dst, port}].map(q => new URLSearchParams(q).toString());
}

function labelText([key, value]) {
	if (value === null)
		return `no ${key}`;
	return typeof value === "object" ? `${key} ${value.operator} ${value.values.join(",")}` : `${key}=${value}`;
}

// What a rule wanted, or what there is: its members that begin with a word.
function conditionText(missed, word) {
	return Object.entries(missed).filter(([key]) => key.startsWith(word)).map(([, value]) =>
		(value && typeof value === "object" ? Object.entries(value).map(labelText).join(" ") : `${value}`)).join(", ");
}

function deciderTexts(p) {
	const rule = r => `rule ${r.rule}${r.rule_name ? ` "${r.rule_name}"` : ""}`;
	return [`${p.kind} ${p.policy}: ${p.effect}${p.rule === undefined ? "" : ` by ${rule(p)}`}`,
		...(p.missed || []).map(m => `${rule(m)} wants ${conditionText(m, "wanted")}; there is ${conditionText(m, "has")}`)];
}

// The document of v1/explain as sentences.
export function explainFacts(doc) {
	const facts = [`Policies ${doc.verdict} it.`];
	for (const [side, of] of [["egress", "source"], ["ingress", "destination"]])
		facts.push(`${side} of the ${of}: ${doc[side]}, ${doc[`${side}_reason`]}`, ...doc[`${side}_why`].flatMap(deciderTexts));
	for (const plugin of doc.depends_on_plugin)
		facts.push(`Network plugins differ here: ${plugin}`);
	for (const fix of doc.fix)
		facts.push(`${fix.change} in ${fix.kind} ${fix.policy} (${fix.direction}) would allow it: see --fix of the command.`);
	if (doc.seen)
		facts.push(`The node has seen: ${doc.seen.what}${doc.agrees === null ? "" : `, which ${doc.agrees ? "agrees" : "does not agree"}`}` +
			`${doc.agreement ? `: ${doc.agreement}` : ""}`);
	return facts;
}
