/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bearer token. A service account's token lives an hour or so and is replaced in its file by the
 * kubelet: so the file is read again every 50 s, at once when the server has refused what was read
 * before, and a moment when it cannot be read does no harm.
 */
#include "kube/credentials.h"

#include <errno.h>
#include <string.h>

#include "kube/file.h"

enum { MAX_TOKEN_BYTES = 64 << 10 };

int pn_token_check(const char *token, struct pn_err *reterr)
{
	if (!*token)
		return pn_err_set(reterr, -EINVAL, "the token is empty");
	for (; *token; token++) {
		if (*token <= ' ' || *token > '~')
			return pn_err_set(reterr, -EINVAL,
					  "the token holds a character that a token cannot have");
	}
	return 0;
}

bool pn_header_is_safe(const char *line)
{
	for (; *line; line++) {
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			return false;
	}
	return true;
}

static void trim(char *s)
{
	size_t begin = strspn(s, " \t\r\n"), len = strlen(s + begin);

	while (len && strchr(" \t\r\n", s[begin + len - 1]))
		len--;
	memmove(s, s + begin, len);
	explicit_bzero(s + len, strlen(s + len));
}

int pn_token_read(const char *path, char **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *token = NULL;
	int r;

	r = pn_file_read(path, MAX_TOKEN_BYTES, &token, reterr);
	if (r < 0)
		return r;
	trim(token);
	r = pn_token_check(token, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "%s", path);
	*ret = PN_TAKE_PTR(token);
	return 0;
}

int pn_token_refresh(struct pn_token *t, uint64_t now_ms, struct pn_err *reterr)
{
	char *value;
	int r;

	if (!t->file || (t->value && now_ms - t->read_ms < PN_TOKEN_FRESH_MS))
		return 0;
	r = pn_token_read(t->file, &value, reterr);
	if (r < 0)
		return t->value ? 0 : r;
	pn_wipe_free(t->value);
	t->value = value;
	t->read_ms = now_ms;
	return 0;
}

void pn_token_refused(struct pn_token *t, uint64_t sent_ms)
{
	if (!t->file || t->read_ms > sent_ms)
		return;
	pn_wipe_free(t->value);
	t->value = NULL;
}

void pn_token_done(struct pn_token *t)
{
	pn_wipe_free(t->value);
	*t = (struct pn_token) { 0 };
}
