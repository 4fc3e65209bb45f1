/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a request's head that libcurl does not write by itself. Some are secret, so they are
 * wiped wherever a copy has been.
 */
#include "kube/request_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/file.h"

static int add(struct curl_slist **lines, const char *name, const char *value)
{
	struct curl_slist *longer;
	char *line;

	if (asprintf(&line, "%s%s", name, value) < 0)
		return -ENOMEM;
	longer = curl_slist_append(*lines, line);
	pn_wipe_free(line);
	if (!longer)
		return -ENOMEM;
	*lines = longer;
	return 0;
}

int pn_request_head_make(const struct pn_request_head *head, struct curl_slist **ret)
{
	struct curl_slist *lines = NULL;
	int r;

	r = add(&lines, "Accept: ", head->accept);
	if (r == 0 && head->token)
		r = add(&lines, "Authorization: Bearer ", head->token);
	else if (r == 0 && head->basic)
		r = add(&lines, "Authorization: Basic ", head->basic);
	for (char *const *line = head->impersonate; line && *line && r == 0; line++)
		r = add(&lines, *line, "");
	for (char *const *line = head->headers; line && *line && r == 0; line++)
		r = add(&lines, *line, "");
	if (r == 0 && head->host)
		r = add(&lines, head->host, "");
	if (r < 0)
		pn_request_head_free(lines);
	else
		*ret = lines;
	return r;
}

void pn_request_head_free(struct curl_slist *lines)
{
	for (struct curl_slist *line = lines; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(lines);
}
