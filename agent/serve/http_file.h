/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_HTTP_FILE_H
#define PN_SERVE_HTTP_FILE_H

#include <microhttpd.h>

#include "serve/http.h"

/**
 * pn_http_file_response() - a file's content, or that it has not changed
 * @known:      the request's header If-None-Match; NULL: it has none
 * @ret_status: 200 or 304
 *
 * For http_answer.c only. Return: to be queued, and to be given back; NULL without memory
 */
struct MHD_Response *pn_http_file_response(const struct pn_http_file *file, const char *known,
					   unsigned int *ret_status);

#endif
