// SPDX-License-Identifier: Apache-2.0
//
// The page: two streams of records into the model, and the model onto the screen. Lines wait in a queue; each
// frame takes as many as fit into a few milliseconds, and draws once. While the queue is long no more is read,
// so an agent that is faster than the page sees a slow client, and says in the stream what it left out.

import {bytesText, countText, Model, parseFilter, PLOT_SECONDS} from "./model.js";
import {ask, follow, Refused} from "./stream.js";
import {Table} from "./table.js";
import {Panel} from "./panel.js";

const FRAME_MS = 6;
const ORDER_SHARE = 0.05; // of the time at most goes into putting rows in order
const QUEUE_LINES = 1000;
const BACKFILL_RECORDS = 10000;
const HIDDEN_MS = 500; // browsers draw no frames of a hidden page
const NOTE_MS = 30000;
const TOKEN_KEY = "podonym-token";

const $ = id => document.getElementById(id);
const clock = () => Date.now() / 1000;

const model = new Model();
const view = {isPaused: false, isDirty: true, orderedAt: 0, orderEvery: 1, pausedAt: 0, wantsFrame: false};
const queue = {lines: [], at: 0, waiting: []};
const streams = {stop: [], open: 0, problem: ""};
let rate = {since: clock(), records: 0, shown: 0};

const table = new Table($("grid"), model, {open: openCell, sort: () => redraw(true), scroll: () => redraw(false)});
const panel = new Panel(model, {focus: focusWorkload, close: closePanel, explain});

// --- frames ----------------------------------------------------------------------------------------

function wantFrame() {
	if (view.wantsFrame)
		return;
	view.wantsFrame = true;
	if (document.hidden)
		setTimeout(onFrame, HIDDEN_MS);
	else
		requestAnimationFrame(onFrame);
}

function redraw(inOrder) {
	if (inOrder)
		view.orderedAt = 0;
	view.isDirty = true;
	wantFrame();
}

function onFrame() {
	view.wantsFrame = false;
	takeLines();
	draw();
	if (queue.at < queue.lines.length)
		wantFrame();
}

function takeLines() {
	const until = performance.now() + (document.hidden ? 10 * FRAME_MS : FRAME_MS), now = clock();
	while (queue.at < queue.lines.length && performance.now() < until) {
		const [line, isDrop] = queue.lines[queue.at++];
		takeLine(line, isDrop, now);
		view.isDirty = true;
	}
	if (queue.at < queue.lines.length && queue.at < QUEUE_LINES)
		return;
	queue.lines.splice(0, queue.at);
	queue.at = 0;
	if (queue.lines.length < QUEUE_LINES)
		queue.waiting.splice(0).forEach(done => done());
}

function takeLine(line, isDrop, now) {
	let record;
	try {
		record = JSON.parse(line);
		if (record.error || record.note)
			return showMessage(record.error || record.note, !record.error);
		model.add(record, isDrop, now);
	} catch (e) {
		showMessage(`a line of the agent makes no sense here: ${e.message}`, false);
	}
}

function draw() {
	const now = view.isPaused ? view.pausedAt : clock();
	const isDue = now - view.orderedAt >= view.orderEvery;

	if (!view.isDirty && !isDue)
		return;
	view.isDirty = false;
	if (view.orderedAt === 0 || (isDue && !view.isPaused)) {
		const began = performance.now();
		view.orderedAt = now;
		table.setRows(model.sorted(table.sort.column, table.sort.down, now));
		panel.render(now);
		showState(now);
		view.orderEvery = Math.max(1, (performance.now() - began) / 1000 / ORDER_SHARE);
	}
	if (!document.hidden)
		table.render(now);
}

// --- what the page says of itself ----------------------------------------------------------------

function showState(now) {
	if (now - rate.since >= 1)
		rate = {since: now, records: model.records, shown: (model.records - rate.records) / (now - rate.since)};
	const words = [view.isPaused ? "paused" : streams.open === 2 ? "following" : "connecting",
		`${countText(model.pairs.size)} pairs`, `${countText(rate.shown)} records/s`,
		`${bytesText(model.plot.sum(0, now))} in 15 minutes`];
	if (model.forgotten)
		words.push(`${countText(model.forgotten)} older pairs forgotten: a filter helps`);
	const text = words.join(" · ");
	if ($("state").textContent !== text)
		$("state").textContent = text;
	table.setEmpty(streams.open === 2 ? "No records yet that this filter lets through." : "Waiting for the agent.");
}

// A note is about what has just come, an error about what is still so.
function showMessage(text, isNote) {
	clearTimeout(view.noteTimer);
	if (isNote)
		view.noteTimer = setTimeout(() => showMessage("", false), NOTE_MS);
	$("message").textContent = text;
	$("message").classList.toggle("note", isNote);
	$("message").hidden = !text;
}

// --- streams ---------------------------------------------------------------------------------------

const token = () => sessionStorage.getItem(TOKEN_KEY);

function pathOf(name, filter) {
	const query = new URLSearchParams(filter);
	query.append("follow", "1");
	query.append("last", BACKFILL_RECORDS);
	query.append("since", String(BigInt(Date.now() - PLOT_SECONDS * 1000) * 1000000n));
	return `v1/${name}?${query}`;
}

function start() {
	let filter;

	stop();
	try {
		filter = parseFilter($("filter").value);
	} catch (e) {
		$("filter").setAttribute("aria-invalid", "true");
		return showMessage(e.message, false);
	}
	$("filter").removeAttribute("aria-invalid");
	showMessage("", false);
	forget();
	streams.stop = ["flows", "drops"].map(name => openStream(name, filter));
	showNode();
}

function stop() {
	streams.stop.splice(0).forEach(f => f());
	streams.open = 0;
	queue.lines = [];
	queue.at = 0;
	queue.waiting.splice(0).forEach(done => done());
}

function forget() {
	model.reset();
	rate = {since: clock(), records: 0, shown: 0};
	redraw(true);
}

// After a break what the agent still has comes again: so both streams start afresh, and nothing counts twice.
function openStream(name, filter) {
	const isDrop = name === "drops";
	let wasLost = false, isCurrent = true;
	const end = follow(() => pathOf(name, filter), token(), {
		open: () => {
			if (!isCurrent)
				return;
			if (wasLost)
				return void start();
			streams.open++;
			redraw(true);
		},
		take: lines => {
			if (!isCurrent || wasLost)
				return;
			for (const line of lines)
				queue.lines.push([line, isDrop]);
			wantFrame();
			if (queue.lines.length - queue.at >= QUEUE_LINES)
				return new Promise(done => queue.waiting.push(done));
		},
		lost: (error, wait) => {
			if (!isCurrent)
				return;
			if (!wasLost)
				streams.open = Math.max(0, streams.open - 1);
			wasLost = true;
			onLost(error, wait);
		},
	});
	return () => {
		isCurrent = false;
		end();
	};
}

function onLost(error, wait) {
	redraw(true);
	if (error instanceof Refused && error.status === 401)
		return askToken();
	if (error instanceof Refused && error.status === 400)
		$("filter").setAttribute("aria-invalid", "true");
	const why = error instanceof Refused ? error.message : `the agent does not answer (${error.message})`;
	showMessage(wait ? `${why}; trying again in ${Math.round(wait)} s` : why, false);
}

function askToken() {
	if ($("token-dialog").open)
		return;
	if (token())
		showMessage("the agent does not take this token", false);
	$("token-dialog").showModal();
}

async function explain(query, signal) {
	const response = await ask(`v1/explain?${query}`, token(), signal, "application/json");
	if (response.status === 401)
		askToken();
	return response.headers.get("Content-Type") === "application/json" ? response.json() : {error: await response.text()};
}

async function showNode() {
	try {
		const response = await ask("v1/status", token());
		if (!response.ok)
			return;
		const node = (await response.json()).node;
		$("node").textContent = typeof node === "string" ? node : "";
		document.title = node ? `${node} - podonym` : "podonym";
	} catch {
		// the streams say it
	}
}

// --- what is chosen --------------------------------------------------------------------------------

function openCell(pair, column) {
	if (column === "from" || column === "to")
		focusWorkload(pair[column]);
	else
		panel.showWorkload(pair.to);
	panel.showPair(pair);
	redraw(true);
}

function focusWorkload(end) {
	panel.showWorkload(end);
	redraw(true);
}

function closePanel() {
	panel.showWorkload(null);
	$("grid").focus();
	redraw(true);
}

function setPaused(isPaused) {
	view.isPaused = isPaused;
	view.pausedAt = clock();
	$("pause").setAttribute("aria-pressed", isPaused);
	$("pause").textContent = isPaused ? "Go on" : "Pause";
	redraw(true);
}

// --- keys and forms --------------------------------------------------------------------------------

function applyFilter() {
	const text = $("filter").value.trim();
	history.replaceState(null, "", text ? `#${encodeURIComponent(text)}` : location.pathname + location.search);
	start();
}

function readHash() {
	try {
		$("filter").value = decodeURIComponent(location.hash.slice(1));
	} catch {
		$("filter").value = location.hash.slice(1);
	}
}

function onKey(e) {
	const isTyping = e.target.matches("input") || document.querySelector("dialog[open]");
	if (e.key === "Escape" && e.target === $("filter"))
		$("grid").focus();
	else if (isTyping || e.ctrlKey || e.altKey || e.metaKey)
		return;
	else if (e.key === "/")
		$("filter").focus();
	else if (e.key === "p")
		setPaused(!view.isPaused);
	else if (e.key === "?")
		$("help").showModal();
	else if (e.key === "Escape" && panel.isOpen())
		closePanel();
	else
		return;
	e.preventDefault();
}

document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => {
	view.wantsFrame = false; // the frame that was asked for may never come
	redraw(true);
});
$("filter-form").addEventListener("submit", e => {
	e.preventDefault();
	applyFilter();
	$("grid").focus();
});
$("filter").addEventListener("search", () => {
	if (!$("filter").value && location.hash)
		applyFilter();
});
$("pause").addEventListener("click", () => setPaused(!view.isPaused));
$("help-open").addEventListener("click", () => $("help").showModal());
$("token-form").addEventListener("submit", () => {
	sessionStorage.setItem(TOKEN_KEY, $("token").value.trim());
	$("token").value = "";
	start();
});
addEventListener("hashchange", () => {
	readHash();
	start();
});
setInterval(wantFrame, 1000);
readHash();
start();
