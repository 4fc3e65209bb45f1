/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym flows: flow lines of the running agent, as they come. The agent writes the lines; this
 * end only asks and copies.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/commands.h"
#include "serve/socket.h"

struct flows_options {
	bool follow;
	const char *output, *color, *socket;
};

static bool wants_color(const char *when)
{
	if (strcmp(when, "auto") == 0)
		return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return strcmp(when, "always") == 0;
}

static const char *wanted_format(const struct flows_options *o)
{
	if (strcmp(o->output, "json") == 0)
		return "json";
	return wants_color(o->color) ? "color" : "compact";
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

/* Return: 0 when the agent ended the stream, or when nobody reads our output any more. */
static int copy(int from, int to)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = read(from, chunk, sizeof(chunk));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		r = write_all(to, chunk, (size_t)n);
		if (r < 0)
			return r == -EPIPE ? 0 : r;
	}
}

static int run(const void *values, int n_operands, char **operands)
{
	const struct flows_options *o = values;
	PN_CLEANUP(pn_closep) int fd = -1;
	struct pn_err err = { "" };
	char request[96];
	int r;

	(void)n_operands;
	(void)operands;
	if (!o->follow) {
		(void)fprintf(stderr, "podonym flows: past flows are not kept; add -f to follow "
				      "the ones to come\n");
		return PN_EXIT_USAGE;
	}
	(void)snprintf(request, sizeof(request), "{\"command\": \"flows\", \"format\": \"%s\"}",
		       wanted_format(o));
	fd = pn_socket_connect(o->socket, request, &err);
	if (fd < 0) {
		(void)fprintf(stderr, "podonym flows: %s\n", err.text);
		return PN_EXIT_FAILED;
	}
	r = copy(fd, STDOUT_FILENO);
	if (r < 0) {
		(void)fprintf(stderr, "podonym flows: reading from the agent: %s\n", strerror(-r));
		return PN_EXIT_FAILED;
	}
	return PN_EXIT_DONE;
}

static const char *const outputs[] = { "compact", "json", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct pn_option options[] = {
	{
		.name = "follow",
		.letter = 'f',
		.type = PN_OPT_FLAG,
		.offset = offsetof(struct flows_options, follow),
		.help = "print flows as they come, until interrupted",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = PN_OPT_CHOICE,
		.arg = "FORM",
		.offset = offsetof(struct flows_options, output),
		.preset = "compact",
		.choices = outputs,
		.help = "form of the lines",
	},
	{
		.name = "color",
		.type = PN_OPT_CHOICE,
		.arg = "WHEN",
		.offset = offsetof(struct flows_options, color),
		.preset = "auto",
		.choices = colors,
		.help = "colours in compact lines",
	},
	{
		.name = "socket",
		.type = PN_OPT_STRING,
		.arg = "PATH",
		.offset = offsetof(struct flows_options, socket),
		.preset = PN_SOCKET_PATH,
		.has_env = true,
		.help = "where the agent listens",
	},
	PN_OPTION_END,
};

const struct pn_command pn_cmd_flows = {
	.name = "flows",
	.operands = "",
	.summary = "flow lines of the running agent",
	.description = "  Prints a line for each connection that the agent on this node sees, with "
		       "the pods\n"
		       "  on both ends, at each of the agent's intervals and when the connection "
		       "is over.\n"
		       "  Ends when the agent does.\n",
	.examples = "  podonym flows -f\n"
		    "  podonym flows -f -o json | jq .source.k8s.pod.name\n",
	.options = options,
	.values_size = sizeof(struct flows_options),
	.run = run,
};
