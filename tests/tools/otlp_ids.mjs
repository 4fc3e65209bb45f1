// SPDX-License-Identifier: Apache-2.0
//
// A collector of OpenTelemetry's logs by HTTP, for tests of the sink `otlp`:
//
//   node otlp_ids.mjs PORT FILE
//
// Appends the podonym.flow_id of each log record to FILE, one a line, and then answers that it has them. What it
// cannot read it refuses, for good.

import {appendFileSync} from "node:fs";
import {createServer} from "node:http";
import {gunzipSync} from "node:zlib";

const [port, file] = process.argv.slice(2);

// Field numbers of opentelemetry-proto 1.x
const RESOURCE_LOGS = 1, SCOPE_LOGS = 2, LOG_RECORDS = 2, ATTRIBUTES = 6, KEY = 1, VALUE = 2, STRING_VALUE = 1;
const ID = "podonym.flow_id";

// Calls visit(from, to) for each field `number` that has a length, of the message from `at` to `end`.
function each(bytes, at, end, number, visit) {
	const varint = () => {
		let value = 0, factor = 1, byte;
		do {
			if (at >= end)
				throw new RangeError("cut off");
			byte = bytes[at++];
			value += (byte & 127) * factor;
			factor *= 128;
		} while (byte & 128);
		return value;
	};
	while (at < end) {
		const tag = varint(), type = tag & 7;
		let length = 0;
		if (type === 0)
			varint();
		else if (type === 2)
			length = varint();
		else if (type === 1 || type === 5)
			length = type === 1 ? 8 : 4;
		else
			throw new TypeError(`no such type: ${type}`);
		if (at + length > end)
			throw new RangeError("cut off");
		if (type === 2 && tag >> 3 === number)
			visit(at, at + length);
		at += length;
	}
}

function flowId(bytes, from, to) {
	let id;
	each(bytes, from, to, ATTRIBUTES, (at, end) => {
		let isIt = false;
		each(bytes, at, end, KEY, (a, z) => isIt = z - a === ID.length && bytes.latin1Slice(a, z) === ID);
		if (isIt)
			each(bytes, at, end, VALUE, (a, z) => each(bytes, a, z, STRING_VALUE,
				(first, last) => id = bytes.latin1Slice(first, last)));
	});
	if (id === undefined)
		throw new TypeError(`a log record has no ${ID}`);
	return id;
}

function flowIds(bytes) {
	const ids = [];
	each(bytes, 0, bytes.length, RESOURCE_LOGS, (at, end) =>
		each(bytes, at, end, SCOPE_LOGS, (a, z) =>
			each(bytes, a, z, LOG_RECORDS, (from, to) => ids.push(flowId(bytes, from, to)))));
	return ids;
}

function take(path, body, isPacked) {
	if (path === "/v1/logs")
		appendFileSync(file, flowIds(isPacked ? gunzipSync(body) : body).map(id => `${id}\n`).join(""));
	return path === "/v1/logs" || path === "/v1/metrics" ? 200 : 404;
}

createServer(async (request, response) => {
	const parts = [];
	try {
		for await (const part of request)
			parts.push(part);
	} catch {
		return; // the sender has gone
	}
	try {
		response.statusCode = take(request.url, Buffer.concat(parts), request.headers["content-encoding"] === "gzip");
		response.setHeader("Content-Type", "application/x-protobuf").end();
	} catch (e) {
		console.error(e);
		response.writeHead(400).end();
	}
}).listen(Number(port), "127.0.0.1");
