/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_SERVE_PAGE_FILES_H
#define PN_SERVE_PAGE_FILES_H

#include "serve/http.h"

enum { PN_PAGE_N_FILES = 8 };

/** The page for browsers, which reads /v1/flows and /v1/drops: what is in the folder page, below "/" */
extern const struct pn_http_file pn_page_files[PN_PAGE_N_FILES];

#endif
