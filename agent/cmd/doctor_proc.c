/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of /proc that `podonym doctor` takes for the truth.
 */
#include "cmd/doctor_proc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

const char *pn_proc_cgroup(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	return strncmp(line, "0::/", 4) == 0 ? line + 3 : NULL;
}

/* A part of a line between blanks; not terminated, empty at the end. */
struct word {
	const char *at;
	size_t len;
};

static struct word next_word(const char **line)
{
	struct word w = { .at = *line + strspn(*line, " \t\n") };

	w.len = strcspn(w.at, " \t\n");
	*line = w.at + w.len;
	return w;
}

static void skip_words(const char **line, int n)
{
	while (n--)
		(void)next_word(line);
}

static bool is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

/* @max_len: digits. Return: are these hexadecimal digits and nothing else? */
static bool parse_hex(struct word w, size_t max_len, uint32_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t value = 0;

	if (!w.len || w.len > max_len)
		return false;
	for (size_t i = 0; i < w.len; i++) {
		const char *digit =
			strchr(digits, w.at[i] | ('A' <= w.at[i] && w.at[i] <= 'F' ? 0x20 : 0));

		if (!w.at[i] || !digit)
			return false;
		value = value << 4 | (uint32_t)(digit - digits);
	}
	*ret = value;
	return true;
}

/*
 * An address is on one line, "|-- 10.0.0.1", and what it is on those that follow it: "/32 host
 * LOCAL" for one of our own.
 */
bool pn_proc_fib(struct pn_proc_fib *state, const char *line, struct pn_addr *ret)
{
	struct word first = next_word(&line), second = next_word(&line);
	char text[16];

	if (is(first, "|--")) {
		state->has_addr = false;
		if (second.len >= sizeof(text))
			return false;
		memcpy(text, second.at, second.len);
		text[second.len] = '\0';
		state->has_addr = !strchr(text, ':') && pn_addr_parse(text, &state->addr) == 0;
		return false;
	}
	if (!state->has_addr || !is(first, "/32") || !is(second, "host") ||
	    !is(next_word(&line), "LOCAL"))
		return false;
	*ret = state->addr;
	return true;
}

/* ADDRESS IFINDEX PREFIX-LENGTH SCOPE FLAGS NAME */
bool pn_proc_inet6(const char *line, struct pn_addr *ret)
{
	enum { SCOPE_HOST = 0x10, SCOPE_LINK = 0x20, FLAG_DUPLICATE = 0x08 };
	struct word hex = next_word(&line);
	uint32_t scope, flags, byte;
	struct pn_addr addr;

	skip_words(&line, 2);
	if (hex.len != 2 * sizeof(addr.b) || !parse_hex(next_word(&line), 8, &scope) ||
	    !parse_hex(next_word(&line), 8, &flags))
		return false;
	if (scope == SCOPE_HOST || scope == SCOPE_LINK || (flags & FLAG_DUPLICATE))
		return false;
	for (size_t i = 0; i < sizeof(addr.b); i++) {
		if (!parse_hex((struct word) { hex.at + 2 * i, 2 }, 2, &byte))
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

/* The kernel prints words of 32 bits: the numbers that the bytes in memory make. */
static bool parse_addr(struct word hex, struct pn_addr *ret)
{
	static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t *out = ret->b;
	uint32_t bytes;

	if (hex.len == 8) {
		memcpy(out, v4_prefix, sizeof(v4_prefix));
		out += sizeof(v4_prefix);
	} else if (hex.len != 32) {
		return false;
	}
	for (size_t i = 0; i < hex.len; i += 8, out += sizeof(bytes)) {
		if (!parse_hex((struct word) { hex.at + i, 8 }, 8, &bytes))
			return false;
		memcpy(out, &bytes, sizeof(bytes));
	}
	return true;
}

static bool parse_number(struct word w, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	if (!w.len || *w.at < '0' || *w.at > '9')
		return false;
	errno = 0;
	number = strtoull(w.at, &end, 10);
	if (errno || end != w.at + w.len)
		return false;
	*ret = number;
	return true;
}

/* NUMBER: ADDRESS:PORT ADDRESS:PORT STATE TX:RX TIMER RETRANSMITS UID TIMEOUT INODE ... */
bool pn_proc_socket(const char *line, struct pn_proc_socket *ret)
{
	struct word number = next_word(&line), local = next_word(&line), addr = local, port;
	struct pn_proc_socket s = { .port = 0 };
	uint32_t port_number, state;

	if (!number.len || number.at[number.len - 1] != ':')
		return false;
	addr.len = strcspn(local.at, ": \t\n");
	if (addr.len >= local.len)
		return false;
	port = (struct word) { addr.at + addr.len + 1, local.len - addr.len - 1 };
	skip_words(&line, 1);
	if (!parse_addr(addr, &s.addr) || !parse_hex(port, 4, &port_number) ||
	    !parse_hex(next_word(&line), 2, &state))
		return false;
	skip_words(&line, 5);
	if (!parse_number(next_word(&line), &s.inode))
		return false;
	s.port = (uint16_t)port_number;
	s.state = state;
	*ret = s;
	return true;
}

bool pn_proc_link(const char *link, const char *kind, uint64_t *ret)
{
	size_t len = strlen(kind);
	struct word number;

	if (strncmp(link, kind, len) != 0 || strncmp(link + len, ":[", 2) != 0)
		return false;
	number.at = link + len + 2;
	number.len = strcspn(number.at, "]");
	return strcmp(number.at + number.len, "]") == 0 && parse_number(number, ret);
}
