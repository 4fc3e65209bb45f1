// SPDX-License-Identifier: Apache-2.0
//
// A headless Chromium driven by its DevTools protocol over a pair of pipes (--remote-debugging-pipe): messages
// are JSON, ended by NUL. Needs nothing but node and the browser.

import {spawn} from "node:child_process";
import {mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

const ANSWER_MS = 60000;

export class Browser {
	static async start() {
		const b = new Browser();
		b.profile = mkdtempSync(join(tmpdir(), "podonym-page."));
		b.process = spawn("chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
			"--window-size=1280,800", `--user-data-dir=${b.profile}`, "--remote-debugging-pipe", "about:blank"],
		{stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: {...process.env, HOME: b.profile}});
		b.waiting = new Map();
		b.listeners = [];
		b.id = 0;
		b.read(b.process.stdio[4]);
		const {targetInfos} = await b.send("Target.getTargets");
		await b.attach(targetInfos.find(t => t.type === "page").targetId);
		return b;
	}

	async attach(targetId) {
		this.session = undefined;
		this.session = (await this.send("Target.attachToTarget", {targetId, flatten: true})).sessionId;
		this.tab = targetId;
		for (const domain of ["Page", "Runtime", "Log"])
			await this.send(`${domain}.enable`);
	}

	// Another tab instead of this one: the process behind it has shown nothing yet.
	async newTab() {
		const old = this.tab;
		this.session = undefined;
		await this.attach((await this.send("Target.createTarget", {url: "about:blank"})).targetId);
		await this.send("Target.closeTarget", {targetId: old});
	}

	read(pipe) {
		let rest = "";
		pipe.setEncoding("utf8");
		pipe.on("data", text => {
			const parts = (rest + text).split("\0");
			rest = parts.pop();
			for (const part of parts)
				this.onMessage(JSON.parse(part));
		});
	}

	onMessage(message) {
		const waiting = this.waiting.get(message.id);
		if (!waiting)
			return this.listeners.forEach(f => f(message));
		this.waiting.delete(message.id);
		if (message.error)
			waiting.reject(new Error(message.error.message));
		else
			waiting.resolve(message.result);
	}

	send(method, params = {}) {
		const id = ++this.id;
		this.process.stdio[3].write(JSON.stringify({id, method, params, sessionId: this.session}) + "\0");
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
			const done = f => value => {
				clearTimeout(timer);
				f(value);
			};
			this.waiting.set(id, {resolve: done(resolve), reject: done(reject)});
		});
	}

	// What the page and the browser complain of, from now on: exceptions, CSP, failed requests.
	complaints() {
		const list = [];
		this.listeners.push(({method, params}) => {
			if (method === "Runtime.exceptionThrown")
				list.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
			else if (method === "Log.entryAdded" && params.entry.level === "error")
				list.push(`${params.entry.text} ${params.entry.url || ""}`);
		});
		return list;
	}

	// The value of an expression in the page; promises are waited for.
	async evaluate(expression) {
		const r = await this.send("Runtime.evaluate", {expression, awaitPromise: true, returnByValue: true});
		if (r.exceptionDetails)
			throw new Error(`${expression}: ${r.exceptionDetails.exception?.description}`);
		return r.result.value;
	}

	// Until an expression is true.
	async until(expression, seconds = 20) {
		const end = Date.now() + 1000 * seconds;
		while (!await this.evaluate(expression)) {
			if (Date.now() > end)
				throw new Error(`not within ${seconds} s: ${expression}\nthe page shows: ${
					await this.evaluate("document.body.innerText.slice(0, 1000)")}`);
			await new Promise(done => setTimeout(done, 50));
		}
	}

	async key(key, text) {
		const code = {Enter: 13, Escape: 27, ArrowUp: 38, ArrowDown: 40, ArrowLeft: 37, ArrowRight: 39, Tab: 9}[key];
		const params = {key, text: text ?? (key.length === 1 ? key : key === "Enter" ? "\r" : undefined),
			windowsVirtualKeyCode: code};
		await this.send("Input.dispatchKeyEvent", {type: params.text ? "keyDown" : "rawKeyDown", ...params});
		await this.send("Input.dispatchKeyEvent", {type: "keyUp", key, windowsVirtualKeyCode: code});
	}

	type(text) {
		return this.send("Input.insertText", {text});
	}

	theme(name) {
		return this.send("Emulation.setEmulatedMedia", {features: [{name: "prefers-color-scheme", value: name}]});
	}

	async screenshot(file) {
		const {data} = await this.send("Page.captureScreenshot", {format: "png"});
		writeFileSync(file, Buffer.from(data, "base64"));
	}

	// Asked first: its other processes write to the profile until they have ended.
	async stop() {
		const gone = new Promise(done => this.process.once("exit", done));
		const timer = setTimeout(() => this.process.kill("SIGKILL"), ANSWER_MS / 4);
		this.session = undefined;
		this.send("Browser.close").catch(() => {});
		await gone;
		clearTimeout(timer);
		rmSync(this.profile, {recursive: true, force: true, maxRetries: 10, retryDelay: 100});
	}
}
