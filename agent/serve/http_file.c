/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the page in a browser, for http_answer.c. A browser keeps them and asks each time whether they are
 * still the same: the tag (RFC 9110, 8.8.3) is a hash of the content, so another agent's page is
 * taken at once, be it newer or older.
 *
 * Names in a cluster are other people's text. The content security policy (CSP Level 3) holds even if
 * one of them should become markup: scripts and styles are files of this agent, nothing is loaded from
 * or sent to anybody else, and the page stands in no frame.
 */
#include "serve/http_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static const struct {
	const char *name, *value;
} headers[] = {
	{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache" },
	{ MHD_HTTP_HEADER_CONNECTION, "close" },
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	  "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Referrer-Policy", "no-referrer" },
	{ "X-Content-Type-Options", "nosniff" },
};

/* FNV-1a, 64 bits. */
static void tag_of(const struct pn_http_file *file, char *ret, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *c = file->data; c < file->end; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
	(void)snprintf(ret, size, "\"%016" PRIx64 "\"", hash);
}

struct MHD_Response *pn_http_file_response(const struct pn_http_file *file, const char *known,
					   unsigned int *ret_status)
{
	size_t len = (size_t)(file->end - file->data);
	struct MHD_Response *r;
	char tag[32];

	tag_of(file, tag, sizeof(tag));
	*ret_status = known && strstr(known, tag) ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
	/* The library does not write to a buffer that it does not own. */
	r = MHD_create_response_from_buffer(*ret_status == MHD_HTTP_OK ? len : 0,
					    (void *)(uintptr_t)file->data, MHD_RESPMEM_PERSISTENT);
	if (!r)
		return NULL;
	for (size_t i = 0; i < PN_ARRAY_SIZE(headers); i++)
		(void)MHD_add_response_header(r, headers[i].name, headers[i].value);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, tag);
	return r;
}
