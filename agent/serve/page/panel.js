// SPDX-License-Identifier: Apache-2.0
//
// Below the table: callers -> one workload -> callees with its last 15 minutes, and why a pair is forwarded
// or not. All text is put by textContent.

import {bytesText, countText, explainCommand, explainFacts, explainQueries, PLOT_SLOT, workloadKey} from "./model.js";

const MAX_PEERS = 50;
const PLOT_HEIGHT = 40;
const $ = id => document.getElementById(id);

function setText(e, text) {
	if (e.textContent !== text)
		e.textContent = text;
}

function setFacts(list, facts) {
	if ([...list.children].map(li => li.textContent).join("\n") === facts.join("\n"))
		return;
	list.replaceChildren(...facts.map(fact => {
		const item = document.createElement("li");
		item.textContent = fact;
		return item;
	}));
}

function span(className, text) {
	const e = document.createElement("span");
	e.className = className;
	e.textContent = text;
	return e;
}

// What is known of why, as sentences.
export function whyFacts(pair) {
	const p = pair.record.podonym, facts = [];
	const policy = p.policy, drop = p.drop;

	if (policy) {
		const name = policy.namespace ? `${policy.namespace}/${policy.name}` : policy.name;
		const by = policy.kind ? `: ${policy.kind} ${name} decides, for ${policy.direction}` : "";
		facts.push(`Policies make of it: ${policy.expected}${by}.`);
		if (policy.late)
			facts.push("Policies have changed about then: it may have been judged by others.");
		if (policy.disagrees)
			facts.push("The node has done otherwise than the policies say.");
	}
	if (drop)
		facts.push(`The kernel has thrown away ${countText(drop.count)} packets at the last count: ` +
			`${drop.reason ? `${drop.reason} in ` : ""}${drop.location} (${drop.kind}).`);
	if (pair.drops)
		facts.push(`Drops seen here: ${countText(pair.drops)}.`);
	if (!drop && !pair.drops)
		facts.push("This node has thrown away none of its packets.");
	if (!policy)
		facts.push("The agent has no word of policies for it.");
	return facts;
}

export class Panel {
	// on: focus(workload), close(), explain(query, signal): a promise of the agent's document
	constructor(model, on) {
		this.model = model;
		this.on = on;
		this.workload = null; // {id, name, kind}; null: all
		this.pair = null;
		this.asked = new AbortController(); // ends when another pair is looked at
		this.peers = {callers: [], callees: []};
		for (const side of ["callers", "callees"])
			$(side).addEventListener("click", e => {
				const button = e.target.closest("button");
				if (button)
					this.on.focus(this.peers[side][Number(button.dataset.at)].end);
			});
		$("focus-close").addEventListener("click", () => this.on.close());
		$("why-copy").addEventListener("click", () => this.copy());
		$("why-ask").addEventListener("click", () => this.explain());
		$("panel").hidden = false;
	}

	showWorkload(end) {
		this.workload = end && {id: workloadKey(end), name: end.name, kind: end.kind};
		this.showPair(null);
	}

	showPair(pair) {
		if (pair === this.pair)
			return;
		this.pair = pair;
		this.asked.abort();
		$("why-rules").hidden = true;
	}

	isOpen() {
		return Boolean(this.workload || this.pair);
	}

	render(now) {
		const w = this.workload;

		setText($("focus-name"), w ? w.name : "All workloads");
		setText($("focus-kind"), w ? w.kind : "");
		$("focus-close").hidden = !this.isOpen();
		$("callers").hidden = $("callees").hidden = !w;
		const plot = w ? this.model.workloads.get(w.id)?.plot : this.model.plot;
		this.peers = w ? this.model.around(w.id, now) : {callers: [], callees: []};
		for (const side of ["callers", "callees"])
			this.renderPeers($(side).querySelector("ol"), this.peers[side], side);
		this.renderRates(plot, now);
		this.renderPlot(plot, now);
		this.renderWhy();
	}

	renderRates(plot, now) {
		const drops = this.workload ? [...this.peers.callers, ...this.peers.callees].reduce((n, p) => n + p.drops, 0) : 0;
		const of = which => (plot ? plot.sum(which, now) : 0);
		setText($("focus-rates"), `last 15 minutes: ${bytesText(of(0))}, ${countText(of(1))} packets` +
			(this.workload ? `, ${countText(drops)} drops` : ""));
	}

	// Elements are used again, so that focus stays on them.
	renderPeers(list, peers, side) {
		const shown = peers.slice(0, MAX_PEERS);
		const wanted = shown.length + (peers.length === 0 || peers.length > MAX_PEERS ? 1 : 0);
		while (list.children.length > wanted)
			list.lastChild.remove();
		shown.forEach((peer, i) => this.renderPeer(list, i, peer));
		if (wanted === shown.length)
			return;
		const rest = list.children[shown.length] || list.appendChild(document.createElement("li"));
		const text = peers.length ? `and ${peers.length - MAX_PEERS} more: filter by workload` : `no ${side} seen`;
		if (rest.textContent !== text)
			rest.replaceChildren(text);
	}

	renderPeer(list, i, peer) {
		let button = list.children[i]?.querySelector("button");
		if (!button) {
			const item = list.children[i] || list.appendChild(document.createElement("li"));
			button = document.createElement("button");
			button.type = "button";
			button.dataset.at = i;
			button.append(span("", ""), span("drops", ""), span("rate", ""));
			item.replaceChildren(button);
		}
		const [name, drops, rate] = button.children;
		setText(name, peer.end.name);
		setText(drops, peer.drops ? `${countText(peer.drops)} drops` : "");
		setText(rate, `${bytesText(peer.bytes)}/s`);
		button.title = `${peer.end.kind} ${peer.end.name}, ${countText(peer.packets)} packets/s`;
	}

	renderPlot(plot, now) {
		const line = which => {
			const values = plot ? plot.list(which, now) : [];
			const peak = Math.max(...values, 0);
			const y = v => (PLOT_HEIGHT - 1 - (peak ? v / peak : 0) * (PLOT_HEIGHT - 3)).toFixed(2);
			return {peak: peak / PLOT_SLOT, points: values.map((v, i) => `${i} ${y(v)}`).join(" L")};
		};
		const bytes = line(0), packets = line(1);
		const path = points => (points ? `M${points}` : "");
		$("plot-bytes").setAttribute("d", path(bytes.points));
		$("plot-area").setAttribute("d", bytes.points && `M0 ${PLOT_HEIGHT} L${bytes.points} L89 ${PLOT_HEIGHT} Z`);
		$("plot-packets").setAttribute("d", path(packets.points));
		const words = [`bytes, peak ${bytesText(bytes.peak)}/s`, `packets, peak ${countText(packets.peak)}/s`];
		if ($("plot-peak").textContent === words.join(" · "))
			return;
		$("plot-peak").replaceChildren(span("key-bytes", words[0]), " · ", span("key-packets", words[1]));
		$("plot").setAttribute("aria-label", `The last 15 minutes: ${words.join("; ")}`);
	}

	renderWhy() {
		const pair = this.pair;
		$("why").hidden = !pair;
		if (!pair)
			return;
		setText($("why-pair"), `${pair.from.name} → ${pair.to.name} ${pair.protocol.toUpperCase()}` +
			`${pair.port ? `/${pair.port}` : ""}: ${pair.verdict}`);
		setFacts($("why-facts"), whyFacts(pair));
		setText($("why-command"), explainCommand(pair.record));
	}

	async explain() {
		this.asked.abort();
		const {signal} = this.asked = new AbortController(), list = $("why-rules");
		let facts = ["The agent does not answer."];
		try {
			for (const query of explainQueries(this.pair.record)) {
				const doc = await this.on.explain(query, signal);
				facts = doc.error ? [doc.error] : explainFacts(doc);
				if (!doc.error)
					break;
			}
		} catch (e) {
			facts = [e.message];
		}
		if (signal.aborted)
			return;
		setFacts(list, facts);
		list.hidden = false;
	}

	async copy() {
		try {
			await navigator.clipboard.writeText($("why-command").textContent);
			setText($("why-copy"), "Copied");
		} catch { // no permission, or no https: chosen, for Ctrl-C
			getSelection().selectAllChildren($("why-command"));
			setText($("why-copy"), "Press Ctrl-C");
		}
		setTimeout(() => setText($("why-copy"), "Copy"), 2000);
	}
}
