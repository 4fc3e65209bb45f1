// SPDX-License-Identifier: Apache-2.0
//
// tests/bench/page: figures of the page under load.

import {mkdirSync} from "node:fs";
import {Browser} from "./chromium.mjs";
import {startFeed} from "./feed.mjs";

const PAIRS = 10000, PER_SECOND = 200, SECONDS = 20, NAVIGATIONS = 9, REST_SECONDS = 0.7;

// Runs in the page before its own scripts: long tasks, the first row, and the time between two frames.
const WATCH = `
	globalThis.watch = {long: [], frames: [], row: 0};
	new PerformanceObserver(list => watch.long.push(...list.getEntries().map(e => e.duration)))
		.observe({type: "longtask", buffered: true});
	{
		let last = performance.now();
		const tick = now => {
			watch.frames.push(now - last);
			last = now;
			if (!watch.row && document.querySelector(".body .row"))
				watch.row = now;
			requestAnimationFrame(tick);
		};
		requestAnimationFrame(tick);
	}`;

const PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
const ROW = "watch.row";

const sleep = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
const folder = process.argv[2];
mkdirSync(folder, {recursive: true});
const feed = await startFeed(PAIRS, PER_SECOND);
const browser = await Browser.start();

// Opens an address, and takes a time of it once it is there. Questions meanwhile would cost it time.
async function timed(path, what) {
	const url = `${feed.url}${path}`;
	await browser.send("Page.navigate", {url});
	await sleep(REST_SECONDS);
	await browser.until(`location.href === "${url}" && Boolean(${what})`);
	return Math.round(await browser.evaluate(what));
}

// In a tab whose process has shown nothing yet, and once more there: the page, and as the floor a bare one.
async function firstPaints() {
	const times = {"bare page, new tab": [], "bare page, again": [], "the page, new tab": [], "the page, again": [],
		"its first row, again": []};
	const put = (name, ms) => times[name].push(ms);
	for (let i = 0; i < NAVIGATIONS; i++)
		for (const [name, path] of [["bare page", "bare"], ["the page", ""]]) {
			await browser.newTab();
			await browser.send("Page.addScriptToEvaluateOnNewDocument", {source: WATCH});
			await sleep(REST_SECONDS);
			put(`${name}, new tab`, await timed(path, PAINT));
			await timed("page.css", PAINT);
			await sleep(REST_SECONDS);
			put(`${name}, again`, await timed(path, PAINT));
			if (!path) {
				await browser.until(ROW);
				put("its first row, again", Math.round(await browser.evaluate(ROW)));
			}
		}
	for (const [name, all] of Object.entries(times)) {
		all.sort((a, b) => a - b);
		console.log(`first paint (ms): ${name}: median ${all[NAVIGATIONS >> 1]} of ${all.join(" ")}`);
	}
}

try {
	await firstPaints();
	await timed("bare", PAINT);
	await sleep(REST_SECONDS);
	const complaints = browser.complaints();
	await timed("", PAINT);
	await browser.until(`document.getElementById("grid").getAttribute("aria-rowcount") == ${PAIRS + 1}`, 60);
	console.log("all pairs there (ms):", await browser.evaluate("Math.round(performance.now())"));
	console.log("loaded (ms):", await browser.evaluate(`[performance.getEntriesByType("navigation")[0],
		...performance.getEntriesByType("resource")].map(e => (e.name.split("/").pop() || "/") + " " +
		Math.round(e.startTime) + "-" + Math.round(e.responseEnd)).join(", ")`));
	console.log("long tasks while they came (ms):", await browser.evaluate("watch.long.map(Math.round).join(' ')") || "none");
	await sleep(2);
	await browser.evaluate("watch.long = [], watch.frames = [], 0");
	await sleep(SECONDS);
	const [long, frames, rows] = await browser.evaluate(`[watch.long, watch.frames,
		document.querySelectorAll(".body .row").length]`);
	frames.sort((a, b) => a - b);
	const at = share => Math.round(frames[Math.min(frames.length - 1, Math.floor(share * frames.length))]);
	console.log(`${SECONDS} s of ${PER_SECOND} records/s: ${frames.length} frames, between two (ms): median ${at(0.5)}, ` +
		`99 % ${at(0.99)}, longest ${at(1)}; long tasks (ms): ${long.map(Math.round).join(" ") || "none"}`);
	console.log("rows in the DOM:", rows);
	await browser.evaluate(`document.querySelectorAll("[role=columnheader] button")[3].click();
		document.getElementById("grid").focus()`);
	await browser.until("document.querySelector('.body .row .dropped')");
	for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "Enter"])
		await browser.key(key);
	await browser.until('document.querySelectorAll("#callers button").length > 0');
	for (const theme of ["light", "dark"]) {
		await browser.theme(theme);
		await sleep(1.5);
		await browser.screenshot(`${folder}/page-${theme}.png`);
	}
	console.log("complaints:", complaints.length ? complaints.join("\n") : "none");
} finally {
	await browser.stop();
	feed.stop();
}
process.exit(0);
