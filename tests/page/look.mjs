// SPDX-License-Identifier: Apache-2.0
//
// The page of a real agent in a headless Chromium, for tests/bats/page.bats, by the keyboard alone:
//
//   node look.mjs URL TOKEN FOLDER    the agent's records have client -> server UDP/9101 forwarded and 9102 dropped

import assert from "node:assert/strict";
import {Browser} from "./chromium.mjs";

const [url, token, folder] = process.argv.slice(2);
const browser = await Browser.start();
const text = selector => browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
const shows = words => `[...document.querySelectorAll(".body .row:not([hidden])")].some(row =>
	${JSON.stringify(words)}.every(word => row.innerText.includes(word)))`;

async function filterFor(words) {
	await browser.key("/");
	await browser.evaluate("document.activeElement.select()");
	await browser.type(words);
	await browser.key("Enter");
}

try {
	const complaints = browser.complaints();
	await browser.send("Page.navigate", {url});
	await browser.until("document.getElementById('token-dialog')?.open");
	complaints.length = 0; // that it was refused without a token
	await browser.type(token);
	await browser.key("Enter");
	await browser.until(shows(["test/client", "test/server", "UDP/9101", "forwarded"]));
	await browser.until(shows(["test/client", "test/server", "UDP/9102", "dropped"]));
	await browser.until("document.getElementById('state').textContent.startsWith('following')");
	assert.equal(await text("#node"), "bats-node");

	await filterFor("namespace=test to-port=9102");
	await browser.until(`!${shows(["UDP/9101"])} && ${shows(["UDP/9102"])}`);
	assert.equal(await browser.evaluate("decodeURIComponent(location.hash)"), "#namespace=test to-port=9102");

	assert.equal(await browser.evaluate("document.activeElement.id"), "grid");
	await browser.key("ArrowDown");
	await browser.until("document.querySelector('#grid').getAttribute('aria-activedescendant')");
	await browser.key("ArrowRight");
	await browser.key("Enter");
	await browser.until("document.getElementById('focus-name').textContent === 'test/server'");
	await browser.until("document.querySelector('#callers button')?.innerText.includes('test/client')");
	assert.match(await text("#why-facts"), /NETFILTER_DROP in nft_do_chain/);
	assert.match(await text("#why-command"), /^podonym policy explain (--flow \d+|test\/client test\/server UDP\/9102)$/);
	await browser.evaluate("document.getElementById('why-ask').focus()");
	await browser.key("Enter");
	await browser.until("!document.getElementById('why-rules').hidden");
	assert.match(await text("#why-rules"), /Policies allow it\.[^]*ingress of the destination: allow[^]*has seen: dropped, which does not agree/);
	for (const theme of ["light", "dark"]) {
		await browser.theme(theme);
		await browser.screenshot(`${folder}/page-${theme}.png`);
	}
	const back = "getComputedStyle(document.body).backgroundColor";
	assert.equal(await browser.evaluate(back), "rgb(17, 22, 27)");
	await browser.key("Escape");
	await browser.until("document.getElementById('focus-name').textContent === 'All workloads'");
	await browser.key("p");
	await browser.until("document.getElementById('state').textContent.startsWith('paused')");
	await browser.key("p");
	await browser.key("?");
	await browser.until("document.getElementById('help').open");
	await browser.key("Escape");
	await browser.until("!document.getElementById('help').open");
	assert.deepEqual(complaints, []);

	await filterFor("port=http");
	await browser.until("document.getElementById('message').innerText.includes('\"http\" is not a port')");
	await filterFor("port");
	await browser.until("document.getElementById('message').innerText.includes('\"port\" has no value')");
	console.log("the page is as it should be");
} finally {
	await browser.stop();
}
process.exit(0);
