// SPDX-License-Identifier: Apache-2.0
//
// Server-sent events by fetch(), because EventSource can send no header, and the token is one. Addresses
// are relative: the page may stand behind a proxy's path.

const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30000;
const PIECE = 65536; // characters that are cut at once: what the browser gives at once may be megabytes

// Cuts text that comes in pieces into events: {event, data}. Comments are dropped.
export class EventCutter {
	constructor() {
		this.rest = "";
	}

	push(text) {
		const parts = (this.rest + text).split("\n\n");
		this.rest = parts.pop();
		return parts.map(part => {
			const event = {event: "message", data: ""};
			for (const line of part.split("\n")) {
				if (line.startsWith("data: "))
					event.data += line.slice(6);
				else if (line.startsWith("event: "))
					event.event = line.slice(7);
			}
			return event;
		}).filter(e => e.data || e.event !== "message");
	}
}

export class Refused extends Error {
	constructor(status, text, retrySeconds) {
		super(text);
		this.status = status;
		this.retrySeconds = retrySeconds;
	}
}

async function refusal(response) {
	let text = (await response.text()).trim();
	try {
		text = JSON.parse(text).error || text;
	} catch {
		// plain text
	}
	return new Refused(response.status, text || response.statusText, Number(response.headers.get("Retry-After")));
}

export function ask(path, token, signal, accept = "text/event-stream") {
	const headers = {Accept: accept};
	if (token)
		headers["X-Podonym-Token"] = token;
	return fetch(path, {headers, signal, cache: "no-store", credentials: "same-origin"});
}

// Reads one answer to its end. take(lines) is waited for, so the agent sees who is slow, and counts it.
async function readOnce(path, token, signal, on) {
	const response = await ask(path, token, signal);
	if (!response.ok)
		throw await refusal(response);
	on.open();
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	const cutter = new EventCutter();
	for (;;) {
		const {value, done} = await reader.read();
		if (done)
			return;
		for (let at = 0; at < value.length; at += PIECE) {
			const events = cutter.push(value.slice(at, at + PIECE));
			const lines = events.filter(e => e.event === "message").map(e => e.data);
			if (lines.length)
				await on.take(lines);
		}
	}
}

const pause = (ms, signal) => new Promise(done => {
	const timer = setTimeout(done, ms);
	signal.addEventListener("abort", () => {
		clearTimeout(timer);
		done();
	}, {once: true});
});

// Follows a path again and again until stop(). on: open(), take(lines), lost(error, waitSeconds). What makes no
// sense to the agent, or needs a token, is not asked again.
export function follow(makePath, token, on) {
	const controller = new AbortController(), signal = controller.signal;
	(async () => {
		let wait = RETRY_MIN_MS;
		while (!signal.aborted) {
			let error = new Error("the agent has ended the stream");
			try {
				await readOnce(makePath(), token, signal, {
					open: () => {
						wait = RETRY_MIN_MS;
						on.open();
					},
					take: on.take,
				});
			} catch (e) {
				error = e;
			}
			if (signal.aborted)
				return;
			if (error instanceof Refused && error.status < 500 && error.status !== 429)
				return on.lost(error, 0);
			const ms = Math.max(wait, 1000 * (error.retrySeconds || 0));
			on.lost(error, ms / 1000);
			await pause(ms, signal);
			wait = Math.min(2 * wait, RETRY_MAX_MS);
		}
	})();
	return () => controller.abort();
}
