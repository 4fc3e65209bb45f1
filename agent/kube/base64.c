/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64, as it is in kubeconfigs, in PEM texts and in the header for a user name and password. What
 * is decoded may be a private key, so that nothing of it is left behind on the way.
 */
#include "kube/base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Return: bytes in @out, or -EINVAL; @out has room for all */
static ssize_t decode(const char *text, size_t len, char *out)
{
	unsigned int bits = 0, n_digits = 0, n_pads = 0;
	size_t n = 0;

	for (const char *p = text; p < text + len; p++) {
		int value = value_of(*p);

		if (*p == '\n' || *p == '\r')
			continue;
		if (*p == '=')
			n_pads++;
		else if (value < 0 || n_pads)
			return -EINVAL;
		bits = bits << 6 | (unsigned int)PN_MAX(value, 0);
		if (++n_digits % 4 == 0) {
			out[n++] = (char)(bits >> 16);
			out[n++] = (char)(bits >> 8);
			out[n++] = (char)bits;
		}
	}
	return n_digits % 4 || n_pads > 2 ? -EINVAL : (ssize_t)(n - n_pads);
}

int pn_base64_decode(const char *text, size_t len, char **ret, size_t *ret_len)
{
	size_t size = len / 4 * 3 + 4;
	char *out = calloc(1, size);
	ssize_t n;

	if (!out)
		return -ENOMEM;
	n = decode(text, len, out);
	if (n < 0) {
		explicit_bzero(out, size);
		free(out);
		return (int)n;
	}
	out[n] = '\0';
	*ret = out;
	*ret_len = (size_t)n;
	return 0;
}

char *pn_base64_encode(const char *bytes, size_t len)
{
	char *out = calloc(1, (len + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; out && i < len; i += 3) {
		unsigned int bits = 0;

		for (size_t k = i; k < i + 3; k++)
			bits = bits << 8 | (k < len ? (unsigned char)bytes[k] : 0);
		for (int shift = 18; shift >= 0; shift -= 6)
			*p++ = digits[bits >> shift & 63];
	}
	for (size_t n = (3 - len % 3) % 3; out && n; n--)
		p[-(ptrdiff_t)n] = '=';
	return out;
}
