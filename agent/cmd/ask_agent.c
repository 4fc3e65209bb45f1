// SPDX-License-Identifier: Apache-2.0
/*
 * One question to the running agent, and its answer: for the commands that want one document.
 */
#include "cmd/ask_agent.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "serve/socket.h"

enum { MAX_DOCUMENT = 1 << 20 };

static int read_all(int fd, struct pn_buf *out)
{
	for (;;) {
		ssize_t n;
		int r = pn_buf_reserve(out, 4096);

		if (r < 0)
			return r;
		n = read(fd, out->data + out->len, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		out->len += (size_t)n;
	}
}

static json_t *parse(const char *path, const struct pn_buf *text, struct pn_err *reterr)
{
	json_error_t where;
	json_t *doc = json_loadb(text->data, text->len, 0, &where);
	const char *refusal = json_string_value(json_object_get(doc, "error"));

	if (!doc)
		(void)pn_err_set(reterr, -EPROTO, "%s: the answer makes no sense: %s", path,
				 where.text);
	if (!refusal)
		return doc;
	(void)pn_err_set(reterr, -EINVAL, "%s", refusal);
	json_decref(doc);
	return NULL;
}

json_t *pn_ask_agent(const char *path, const char *request, struct pn_err *reterr)
{
	struct pn_buf text = PN_BUF_INIT(MAX_DOCUMENT);
	json_t *doc = NULL;
	int fd, r;

	fd = pn_socket_connect(path, request, reterr);
	if (fd < 0)
		return NULL;
	r = read_all(fd, &text);
	(void)close(fd);
	if (r < 0)
		(void)pn_socket_explain(path, r, reterr);
	else
		doc = parse(path, &text, reterr);
	pn_buf_done(&text);
	return doc;
}
