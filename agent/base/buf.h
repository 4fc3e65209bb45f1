/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_BUF_H
#define PN_BASE_BUF_H

#include "base/util.h"

/**
 * struct pn_buf - bytes that grow up to a maximum given at birth
 * @data: NUL-terminated for the convenience of text; NULL while nothing was ever put in
 * @len:  bytes in use, without the NUL
 *
 * Remote sizes meet @max before they meet malloc.
 */
struct pn_buf {
	char *data;
	size_t len, cap, max;
};

#define PN_BUF_INIT(max_bytes) ((struct pn_buf) { .max = (max_bytes) })

void pn_buf_done(struct pn_buf *b);

/** pn_buf_reset() - forget the bytes, keep the memory */
void pn_buf_reset(struct pn_buf *b);

/** pn_buf_put() - Return: 0, -ENOMEM, or -EMSGSIZE beyond the maximum; then @b is as it was */
int pn_buf_put(struct pn_buf *b, const void *data, size_t len);

/** pn_buf_printf() - as pn_buf_put() */
int pn_buf_printf(struct pn_buf *b, const char *fmt, ...) PN_PRINTF(2, 3);

/** pn_buf_put_escaped() - @text as a segment of a URL's path or a value of its query. Return: as pn_buf_put(), but a part may be in @b then */
int pn_buf_put_escaped(struct pn_buf *b, const char *text);

/** pn_buf_reserve() - room for @len more bytes at data + len. Return: as pn_buf_put() */
int pn_buf_reserve(struct pn_buf *b, size_t len);

/** pn_buf_consume() - drop @len bytes from the front; @len <= b->len */
void pn_buf_consume(struct pn_buf *b, size_t len);

#endif
