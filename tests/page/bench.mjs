// SPDX-License-Identifier: Apache-2.0
//
// tests/bench/page: figures of the page under load.

import {Browser} from "./chromium.mjs";
import {startFeed} from "./feed.mjs";

const PAIRS = 10000, PER_SECOND = 200, SECONDS = 20;

// Runs in the page before its own scripts: long tasks, and the time between two frames.
const WATCH = `
	globalThis.watch = {long: [], frames: []};
	new PerformanceObserver(list => watch.long.push(...list.getEntries().map(e => e.duration)))
		.observe({type: "longtask", buffered: true});
	{
		let last = performance.now();
		const tick = now => {
			watch.frames.push(now - last);
			last = now;
			requestAnimationFrame(tick);
		};
		requestAnimationFrame(tick);
	}`;

const PAINT = "Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime)";

const sleep = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
const folder = process.argv[2];
const feed = await startFeed(PAIRS, PER_SECOND);
const browser = await Browser.start();
try {
	const complaints = browser.complaints();
	await browser.send("Page.addScriptToEvaluateOnNewDocument", {source: WATCH});
	// The first time the browser starts a process for the page, the second time that is there.
	await browser.send("Page.navigate", {url: feed.url});
	await browser.until("document.querySelectorAll('.body .row').length > 0");
	console.log("first paint in a new process (ms):", await browser.evaluate(PAINT));
	await browser.send("Page.navigate", {url: `${feed.url}page.css`});
	await browser.until("location.pathname === '/page.css'");
	await browser.send("Page.navigate", {url: feed.url});
	await browser.until(`document.getElementById("grid")?.getAttribute("aria-rowcount") == ${PAIRS + 1}`, 60);
	console.log("all pairs there (ms):", await browser.evaluate("Math.round(performance.now())"));
	console.log("first paint (ms):", await browser.evaluate(PAINT));
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
