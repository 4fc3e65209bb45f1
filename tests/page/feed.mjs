// SPDX-License-Identifier: Apache-2.0
//
// Stands for an agent with much traffic: the page's own files with the agent's policy of content, and streams of
// made-up records: so many pairs at once, then so many records a second. /bare is as little as a page can be.

import {readFileSync} from "node:fs";
import {createServer} from "node:http";

const folder = new URL("../../agent/serve/page/", import.meta.url);
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const BARE = '<!DOCTYPE html><title>bare</title><link rel="icon" href="data:,"><p>a page of one line';
const TYPES = {html: "text/html", css: "text/css", js: "text/javascript"};

const end = (kind, name, more) => ({address: "10.0.0.1", bytes: 0, packets: 0, ...more,
	k8s: {namespace: {name: "shop"}, pod: {name: `${name}-0`}, workload: {kind, name}, node: {name: "n1"}}});

// The nth pair of many: 100 clients, each of which calls many servers.
export function record(n, ago = 0) {
	const time = new Date(Date.now() - 1000 * ago).toISOString();
	const isDenied = n % 50 === 7;
	return {
		event: {start: time, end: time},
		source: end("Deployment", `client-${n % 100}`, {port: 40000, bytes: 1000 + n % 977, packets: 7}),
		destination: end("StatefulSet", `server-${Math.floor(n / 100)}`, {port: 5432, bytes: isDenied ? 0 : 5000, packets: 5}),
		network: {transport: "tcp", type: "ipv4"},
		podonym: {schema_version: 1, flow_id: String(n), state: "active",
			attribution: {source: "cgroup", destination: "ip"}, delivered: {source: 0, destination: 0},
			...(isDenied && {verdict: "dropped",
				drop: {reason: "NETFILTER_DROP", location: "nft_do_chain", kind: "netfilter", count: 3, bytes: 180},
				policy: {expected: "denied", kind: "NetworkPolicy", namespace: "shop", name: "closed", direction: "ingress"}})},
	};
}

const event = (n, ago) => `data: ${JSON.stringify(record(n, ago))}\n\n`;

function stream(response, pairs, perSecond) {
	response.writeHead(200, {"Content-Type": "text/event-stream"}).flushHeaders();
	for (let n = 0; n < pairs; n++)
		response.write(event(n, n * 37 % 890));
	let sent = 0;
	const since = Date.now();
	const timer = setInterval(() => {
		const due = (Date.now() - since) / 1000 * perSecond;
		for (; sent < due; sent++)
			response.write(event(sent * 7919 % pairs));
	}, 5);
	response.on("close", () => clearInterval(timer));
}

// Return: {url, stop()}
export async function startFeed(pairs, perSecond) {
	const server = createServer((request, response) => {
		const path = new URL(request.url, "http://feed").pathname;
		if (path === "/v1/flows")
			return stream(response, pairs, perSecond);
		if (path === "/v1/drops")
			return stream(response, 0, 0);
		if (path === "/v1/status")
			return response.end('{"node": "feed"}');
		if (path === "/bare")
			return response.writeHead(200, {"Content-Type": TYPES.html, "Content-Security-Policy": CSP}).end(BARE);
		const name = path === "/" ? "index.html" : path.slice(1);
		if (!TYPES[name.split(".")[1]])
			return response.writeHead(404).end(); // a browser's favicon.ico
		response.writeHead(200, {"Content-Type": TYPES[name.split(".")[1]], "Content-Security-Policy": CSP});
		response.end(readFileSync(new URL(name, folder)));
	});
	await new Promise(done => server.listen(0, "127.0.0.1", done));
	return {url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.closeAllConnections() || server.close()};
}
