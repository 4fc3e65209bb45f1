/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's answer to `podonym flows` and `podonym drops`, line by line. Compact lines and JSON are passed on as they
 * are; of fields with tabs between them a table or a list is made. Lines that are no records,
 * {"note": ...} and {"error": ...}, go to standard error.
 *
 * A table that ends is printed at its end, as wide as it must be. One that goes on has widths to
 * begin with, which grow.
 */
#include "cmd/flows.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/table.h"
#include "export/encode.h"
#include "serve/socket.h"

enum { READ_BYTES = 64 << 10, LINE_MAX_BYTES = 1 << 20 };

static const char *const headings[] = {
	"TIME",	       "SOURCE",  "DESTINATION", "PROTOCOL",	   "BYTES",
	"PACKETS",     "SERVICE", "STATE",	 "SOURCE ADDRESS", "DESTINATION ADDRESS",
	"ATTRIBUTION",
};
_Static_assert(PN_ARRAY_SIZE(headings) == PN_FIELD_MAX, "a heading for each field");

struct printer {
	const char *command;
	const struct pn_flows_options *o;
	struct pn_table *table; /* of a table that ends */
	size_t widths[PN_FIELD_MAX];
	bool refused;
	struct pn_err *err;
};

static int explain_output(struct printer *p)
{
	return pn_err_set(p->err, -errno, "standard output: %s", strerror(errno));
}

static void print_fields(struct printer *p, char *const *fields)
{
	for (size_t i = 0; i < PN_FIELD_MAX; i++) {
		const char *text = *fields[i] ? fields[i] : "-";
		bool is_last = i + 1 == PN_FIELD_MAX;

		p->widths[i] = PN_MAX(p->widths[i], strlen(text));
		(void)printf("%-*s%s", is_last ? 0 : (int)p->widths[i], text,
			     is_last ? "\n" : "  ");
	}
}

static int add_row(struct printer *p, char *const *fields)
{
	int r = 0;

	for (size_t i = 0; i < PN_FIELD_MAX && r == 0; i++)
		r = pn_table_cell(p->table, "%s", fields[i]);
	return r;
}

static void print_list(char *const *fields)
{
	for (size_t i = 0; i < PN_FIELD_MAX; i++) {
		if (*fields[i])
			(void)printf("%19s: %s\n", headings[i], fields[i]);
	}
	(void)puts("------------");
}

/* A line of fields. Return: 0, -ENOMEM, or -EPROTO: those are not the fields that are known here */
static int print_record(struct printer *p, char *line)
{
	char *fields[PN_FIELD_MAX], *at = line;
	size_t n = 0;

	while (at && n < PN_FIELD_MAX)
		fields[n++] = strsep(&at, "\t");
	if (n < PN_FIELD_MAX)
		return -EPROTO;
	if (strcmp(p->o->output, "dict") == 0)
		print_list(fields);
	else if (p->table)
		return add_row(p, fields);
	else
		print_fields(p, fields);
	return 0;
}

/* Return: is that what the line is? Then it was said. */
static bool say(struct printer *p, const char *line)
{
	PN_CLEANUP(json_decrefp) json_t *root = NULL;
	const char *text;

	if (strncmp(line, "{\"error\":", 9) != 0 && strncmp(line, "{\"note\":", 8) != 0)
		return false;
	root = json_loads(line, 0, NULL);
	p->refused = p->refused || json_object_get(root, "error");
	text = json_string_value(json_object_get(root, p->refused ? "error" : "note"));
	(void)fflush(stdout);
	(void)fprintf(stderr, "podonym %s: %s\n", p->command, text ? text : line);
	return true;
}

static int print_line(struct printer *p, char *line)
{
	if (say(p, line))
		return 0;
	if (strcmp(p->o->output, "table") == 0 || strcmp(p->o->output, "dict") == 0)
		return print_record(p, line);
	return puts(line) < 0 ? explain_output(p) : 0;
}

/* The whole lines of @buf. */
static int print_lines(struct printer *p, struct pn_buf *buf)
{
	char *at = buf->data, *end;
	int r = 0;

	while (r == 0 && (end = memchr(at, '\n', buf->len - (size_t)(at - buf->data)))) {
		*end = '\0';
		r = print_line(p, at);
		at = end + 1;
	}
	pn_buf_consume(buf, (size_t)(at - buf->data));
	if (r == 0 && fflush(stdout) < 0)
		r = explain_output(p);
	return r;
}

static int print_all(struct printer *p, int fd)
{
	struct pn_buf buf = PN_BUF_INIT(LINE_MAX_BYTES + READ_BYTES);
	ssize_t n;
	int r;

	do {
		r = pn_buf_reserve(&buf, READ_BYTES);
		n = r < 0 ? 0 : read(fd, buf.data + buf.len, READ_BYTES);
		if (n < 0 && errno != EINTR)
			r = pn_socket_explain(p->o->socket, -errno, p->err);
		if (n > 0) {
			buf.len += (size_t)n;
			r = print_lines(p, &buf);
		}
	} while (r == 0 && n != 0);
	pn_buf_done(&buf);
	return r;
}

/* Widths that most lines keep to; the heading is printed once. */
static int begin_table(struct printer *p)
{
	static const size_t usual[PN_FIELD_MAX] = { 12, 28, 28, 8, 16, 9, 12, 6, 15, 19, 0 };

	if (!p->o->follow && !p->o->no_headers) {
		p->table = pn_table_new(headings, PN_FIELD_MAX);
		return p->table ? 0 : -ENOMEM;
	}
	memcpy(p->widths, usual, sizeof(usual));
	if (p->o->no_headers)
		return 0;
	for (size_t i = 0; i < PN_FIELD_MAX; i++) {
		bool is_last = i + 1 == PN_FIELD_MAX;

		(void)printf("%-*s%s", (int)p->widths[i], headings[i], is_last ? "\n" : "  ");
	}
	return 0;
}

int pn_flows_print(const char *command, const struct pn_flows_options *o, int fd,
		   struct pn_err *reterr)
{
	struct printer p = { .command = command, .o = o, .err = reterr };
	int r = strcmp(o->output, "table") == 0 ? begin_table(&p) : 0;

	if (r == 0)
		r = print_all(&p, fd);
	if (r == 0 && p.table && !p.refused) {
		pn_table_print(p.table, stdout);
		r = fflush(stdout) < 0 ? explain_output(&p) : 0;
	}
	pn_table_free(p.table);
	if (r == -EPIPE)
		return 0;
	if (r == -EPROTO)
		return pn_err_set(reterr, r,
				  "the agent's lines are not understood: it is of another version");
	if (r == -ENOMEM || r == -EMSGSIZE)
		return pn_err_set(reterr, r,
				  "a line from the agent is too long, or memory is short");
	if (r < 0)
		return r;
	return p.refused ? -EBADMSG : 0;
}
