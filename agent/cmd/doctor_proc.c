/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of /proc that `podonym doctor` takes for the truth.
 */
#include "cmd/doctor_proc.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

const char *pn_proc_cgroup(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	return strncmp(line, "0::/", 4) == 0 ? line + 3 : NULL;
}

/*
 * An address is on one line, "|-- 10.0.0.1", and what it is on those that follow it: "/32 host
 * LOCAL" for one of our own.
 */
bool pn_proc_fib(struct pn_proc_fib *state, const char *line, struct pn_addr *ret)
{
	char text[16], kind[8];
	unsigned int prefix_len;

	line += strspn(line, " ");
	if (sscanf(line, "|-- %15[0-9.]", text) == 1) {
		state->has_addr = pn_addr_parse(text, &state->addr) == 0;
		return false;
	}
	if (!state->has_addr || sscanf(line, "/%2u host %7s", &prefix_len, kind) != 2 ||
	    prefix_len != 32 || strcmp(kind, "LOCAL") != 0)
		return false;
	*ret = state->addr;
	return true;
}

/* @n_words: of 32 bits each, as the kernel prints them: the number that the bytes in memory make */
static bool parse_words(const char *hex, size_t n_words, uint8_t *ret)
{
	for (size_t i = 0; i < n_words; i++) {
		unsigned int word;
		uint32_t bytes;

		if (sscanf(hex + 8 * i, "%8x", &word) != 1)
			return false;
		bytes = word;
		memcpy(ret + 4 * i, &bytes, sizeof(bytes));
	}
	return true;
}

/* ADDRESS IFINDEX PREFIX-LENGTH SCOPE FLAGS NAME */
bool pn_proc_inet6(const char *line, struct pn_addr *ret)
{
	enum { SCOPE_HOST = 0x10, SCOPE_LINK = 0x20, FLAG_DUPLICATE = 0x08 };
	unsigned int scope, flags;
	struct pn_addr addr;
	char hex[33];

	if (sscanf(line, "%32[0-9a-f]%*[ ]%*x %*x %x %x", hex, &scope, &flags) != 3 ||
	    strlen(hex) != 32)
		return false;
	if (scope == SCOPE_HOST || scope == SCOPE_LINK || (flags & FLAG_DUPLICATE))
		return false;
	for (size_t i = 0; i < sizeof(addr.b); i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		addr.b[i] = (uint8_t)byte;
	}
	*ret = addr;
	return true;
}

bool pn_proc_is_plain(const struct pn_addr *addr)
{
	static const struct pn_addr unspecified;
	const uint8_t *b = addr->b;

	if (pn_addr_is_loopback(addr) || pn_addr_eq(addr, &unspecified))
		return false;
	if (pn_addr_is_v4(addr))
		return !(b[12] == 169 && b[13] == 254) && b[12] != 0;
	return !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

/* NUMBER: ADDRESS:PORT ADDRESS:PORT STATE TX:RX TIMER RETRANSMITS UID TIMEOUT INODE ... */
bool pn_proc_socket(const char *line, struct pn_proc_socket *ret)
{
	static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
	struct pn_proc_socket s = { .port = 0 };
	unsigned long long inode;
	unsigned int port;
	size_t n_words;
	char hex[33];

	if (sscanf(line, " %*u: %32[0-9A-F]:%4x %*[0-9A-F]:%*4x %2x %*s %*s %*s %*s %*s %20llu",
		   hex, &port, &s.state, &inode) != 4)
		return false;
	n_words = strlen(hex) / 8;
	if (strlen(hex) == 8)
		memcpy(s.addr.b, v4_prefix, sizeof(v4_prefix));
	else if (strlen(hex) != 32)
		return false;
	if (!parse_words(hex, n_words, s.addr.b + (n_words == 1 ? sizeof(v4_prefix) : 0)))
		return false;
	s.port = (uint16_t)port;
	s.inode = inode;
	*ret = s;
	return true;
}

bool pn_proc_link(const char *link, const char *kind, uint64_t *ret)
{
	size_t len = strlen(kind);
	unsigned long long number;
	char *end;

	if (strncmp(link, kind, len) != 0 || strncmp(link + len, ":[", 2) != 0)
		return false;
	link += len + 2;
	if (*link < '0' || *link > '9')
		return false;
	errno = 0;
	number = strtoull(link, &end, 10);
	if (errno || strcmp(end, "]") != 0)
		return false;
	*ret = number;
	return true;
}
