/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the running agent on standard output, for `podonym flows` and `podonym drops`. The agent
 * writes the lines; this end only asks and copies. A refusal is one line too, and goes to standard
 * error.
 */
#include "cmd/lines.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/options.h"
#include "serve/socket.h"

static bool wants_color(const char *when)
{
	if (strcmp(when, "auto") == 0)
		return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return strcmp(when, "always") == 0;
}

const char *pn_lines_format(const char *output, const char *color)
{
	if (strcmp(output, "json") == 0)
		return "json";
	return wants_color(color) ? "color" : "compact";
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The agent's words if this is a refusal. Return: is it one? */
static bool explain_refusal(const char *command, const char *text, size_t len)
{
	json_t *doc = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	const char *why = json_string_value(json_object_get(doc, "error"));

	if (why)
		(void)fprintf(stderr, "podonym %s: the agent says: %s\n", command, why);
	json_decref(doc);
	return why;
}

/* Return: bytes, 0 at the end, or a negative errno */
static ssize_t read_some(int fd, char *chunk, size_t size)
{
	ssize_t n;

	do
		n = read(fd, chunk, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int copy(const char *command, int from)
{
	bool is_first = true;
	char chunk[16384];
	ssize_t n;

	while ((n = read_some(from, chunk, sizeof(chunk))) > 0) {
		int r;

		if (is_first && explain_refusal(command, chunk, (size_t)n))
			return PN_EXIT_FAILED;
		is_first = false;
		r = write_all(STDOUT_FILENO, chunk, (size_t)n);
		if (r == -EPIPE) /* nobody reads on */
			return PN_EXIT_DONE;
		n = r;
		if (r < 0)
			break;
	}
	if (n < 0)
		(void)fprintf(stderr, "podonym %s: reading from the agent: %s\n", command,
			      strerror((int)-n));
	return n < 0 ? PN_EXIT_FAILED : PN_EXIT_DONE;
}

int pn_lines_print(const char *command, const char *socket, const char *request)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct pn_err err = { "" };

	fd = pn_socket_connect(socket, request, &err);
	if (fd < 0) {
		(void)fprintf(stderr, "podonym %s: %s\n", command, err.text);
		return PN_EXIT_FAILED;
	}
	return copy(command, fd);
}
