// SPDX-License-Identifier: Apache-2.0
//
// The table of pairs. However many there are, the DOM has the rows that can be seen: row i is shown by
// element i % n, so scrolling by one row changes one element. The grid keeps the focus, and says by
// aria-activedescendant which cell is meant (WAI-ARIA, grid pattern).
//
// All text is put by textContent: names are what others have called their workloads.

import {agoText, bytesText, countText} from "./model.js";

const ROW_PX = 26;

// id, heading, is it a number, its text
const COLUMNS = [
	["from", "From", false, p => p.from.name],
	["to", "To", false, p => p.to.name],
	["port", "Port", false, p => p.protocol.toUpperCase() + (p.port ? `/${p.port}` : "")],
	["verdict", "Verdict", false, p => p.verdict],
	["bytes", "Bytes/s", true, (p, model, now) => bytesText(model.rate(p, 0, now))],
	["packets", "Packets/s", true, (p, model, now) => countText(model.rate(p, 1, now))],
	["drops", "Drops", true, p => countText(p.drops)],
	["seen", "Last seen", true, (p, model, now) => agoText(now - p.seen)],
];

function element(tag, className, role) {
	const e = document.createElement(tag);
	e.className = className;
	if (role)
		e.setAttribute("role", role);
	return e;
}

function setText(e, text) {
	if (e.textContent !== text)
		e.textContent = text;
}

export class Table {
	// on: open(pair, columnId), sort()
	constructor(grid, model, on) {
		this.grid = grid;
		this.model = model;
		this.on = on;
		this.rows = [];
		this.pool = [];
		this.sort = {column: "bytes", down: true};
		this.at = -1; // the chosen row
		this.chosen = "";
		this.column = 0;
		this.body = element("div", "body", "rowgroup");
		this.space = element("div", "", "presentation");
		this.empty = element("p", "empty");
		this.body.append(this.space, this.empty);
		this.body.tabIndex = -1;
		grid.append(this.makeHead(), this.body);
		grid.setAttribute("aria-colcount", COLUMNS.length);
		grid.addEventListener("keydown", e => this.onKey(e));
		this.body.addEventListener("scroll", () => this.on.scroll(), {passive: true});
		this.body.addEventListener("click", e => this.onClick(e));
		new ResizeObserver(() => this.on.scroll()).observe(this.body);
	}

	makeHead() {
		const group = element("div", "", "rowgroup"), head = element("div", "row head", "row");
		this.headings = COLUMNS.map(([id, text, isNumber]) => {
			const cell = element("div", isNumber ? "cell number" : "cell", "columnheader");
			const button = element("button", "");
			button.type = "button";
			button.textContent = text;
			button.addEventListener("click", () => this.setSort(id));
			cell.append(button);
			head.append(cell);
			return cell;
		});
		group.append(head);
		this.showSort();
		return group;
	}

	setSort(id) {
		const isText = !COLUMNS.find(c => c[0] === id)[2];
		const down = this.sort.column === id ? !this.sort.down : !isText;
		this.sort = {column: id, down};
		this.showSort();
		this.on.sort();
	}

	showSort() {
		COLUMNS.forEach(([id, text], i) => {
			const isIt = id === this.sort.column;
			this.headings[i].setAttribute("aria-sort", isIt ? (this.sort.down ? "descending" : "ascending") : "none");
			setText(this.headings[i].firstChild, isIt ? `${text} ${this.sort.down ? "↓" : "↑"}` : text);
		});
	}

	setRows(rows) {
		this.rows = rows;
		this.at = this.chosen ? rows.findIndex(p => p.id === this.chosen) : -1;
		this.space.style.height = `${rows.length * ROW_PX}px`;
		this.grid.setAttribute("aria-rowcount", rows.length + 1);
	}

	setEmpty(text) {
		setText(this.empty, text);
	}

	makeRow(n) {
		const row = element("div", "row", "row");
		COLUMNS.forEach(([, , isNumber], i) => {
			const cell = element("div", isNumber ? "cell number" : "cell", "gridcell");
			cell.id = `cell-${n}-${i}`;
			cell.setAttribute("aria-colindex", i + 1);
			row.append(cell);
		});
		this.space.append(row);
		return {row, index: -1};
	}

	// Writes what has changed of the rows in sight.
	render(now) {
		const first = Math.floor(this.body.scrollTop / ROW_PX);
		const n = Math.ceil(this.body.clientHeight / ROW_PX) + 2;

		this.empty.hidden = this.rows.length > 0;
		while (this.pool.length < n)
			this.pool.push(this.makeRow(this.pool.length));
		const size = this.pool.length;
		for (let i = first; i < first + size; i++)
			this.renderRow(this.pool[i % size], i, now);
		const isSeen = this.at >= first && this.at < first + size;
		if (isSeen)
			this.grid.setAttribute("aria-activedescendant", `cell-${this.at % size}-${this.column}`);
		else
			this.grid.removeAttribute("aria-activedescendant");
	}

	renderRow(slot, i, now) {
		const pair = this.rows[i], row = slot.row;

		row.hidden = !pair;
		if (!pair)
			return;
		if (slot.index !== i) {
			slot.index = i;
			row.style.transform = `translateY(${i * ROW_PX}px)`;
			row.setAttribute("aria-rowindex", i + 2);
		}
		const isChosen = i === this.at;
		row.setAttribute("aria-selected", isChosen);
		COLUMNS.forEach(([id, , , text], c) => {
			const cell = row.children[c];
			setText(cell, text(pair, this.model, now));
			cell.classList.toggle("current", isChosen && c === this.column);
			if (id === "verdict" && cell.className !== `cell ${pair.verdict}` && !cell.classList.contains("current"))
				cell.className = `cell ${pair.verdict}`;
			if (id === "drops")
				cell.classList.toggle("dropped", pair.drops > 0);
		});
	}

	choose(at, column) {
		if (!this.rows.length)
			return;
		this.at = Math.max(0, Math.min(at, this.rows.length - 1));
		this.column = Math.max(0, Math.min(column, COLUMNS.length - 1));
		this.chosen = this.rows[this.at].id;
		const top = this.at * ROW_PX, height = this.body.clientHeight;
		if (top < this.body.scrollTop)
			this.body.scrollTop = top;
		else if (top + ROW_PX > this.body.scrollTop + height)
			this.body.scrollTop = top + ROW_PX - height;
		this.on.scroll();
	}

	onKey(e) {
		if (e.target !== this.grid || e.altKey || e.metaKey)
			return;
		const page = Math.max(1, Math.floor(this.body.clientHeight / ROW_PX) - 1), last = this.rows.length - 1;
		const moves = {
			ArrowDown: [this.at + 1, this.column],
			ArrowUp: [this.at - 1, this.column],
			ArrowRight: [this.at, this.column + 1],
			ArrowLeft: [this.at, this.column - 1],
			PageDown: [this.at + page, this.column],
			PageUp: [this.at - page, this.column],
			Home: e.ctrlKey ? [0, this.column] : [this.at, 0],
			End: e.ctrlKey ? [last, this.column] : [this.at, COLUMNS.length - 1],
		};
		if (Object.hasOwn(moves, e.key))
			this.choose(...moves[e.key]);
		else if ((e.key === "Enter" || e.key === " ") && this.at >= 0)
			this.on.open(this.rows[this.at], COLUMNS[this.column][0]);
		else
			return;
		e.preventDefault();
	}

	onClick(e) {
		const cell = e.target.closest(".cell");
		const slot = cell && this.pool.find(s => s.row === cell.parentElement);
		if (!slot || !this.rows[slot.index])
			return;
		this.grid.focus({preventScroll: true});
		this.choose(slot.index, [...slot.row.children].indexOf(cell));
		this.on.open(this.rows[slot.index], COLUMNS[this.column][0]);
	}
}
