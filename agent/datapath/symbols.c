/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From addresses in the kernel to names of functions, for drops. The list of all symbols has 10 MB,
 * and of its 200,000 lines a node needs a few dozen in its life; so nothing of it is kept, and it is
 * read from front to back when a place is new.
 */
#include "datapath/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* No function is longer; an address behind the last one of a module belongs to none. */
#define MAX_FUNCTION_BYTES (1u << 20)

static bool is_function(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/* Return: how many digits there were, at most 16 */
static size_t parse_hex(const char *s, uint64_t *ret)
{
	size_t n = 0;

	for (*ret = 0; n < 16; n++) {
		char c = s[n];

		if (c >= '0' && c <= '9')
			*ret = *ret << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*ret = *ret << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return n;
}

static void take_name(struct pn_symbol *s, const char *name)
{
	size_t len = strcspn(name, ".\t \n");

	len = PN_MIN(len, sizeof(s->name) - 1);
	memcpy(s->name, name, len);
	s->name[len] = '\0';
}

uint64_t pn_symbols_line(const char *line, struct pn_symbol *symbols, uint64_t *starts, size_t n)
{
	uint64_t at;
	size_t digits = parse_hex(line, &at);

	if (!digits || line[digits] != ' ' || !line[digits + 1] || line[digits + 2] != ' ')
		return 0;
	if (!at || !is_function(line[digits + 1]))
		return at;
	for (size_t i = 0; i < n; i++) {
		uint64_t addr = symbols[i].addr;

		if (at > addr || at <= starts[i] || addr - at > MAX_FUNCTION_BYTES)
			continue;
		starts[i] = at;
		take_name(&symbols[i], line + digits + 3);
	}
	return at;
}

static void closep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* From the beginning of the file that @fd is open at; the stream has a descriptor of its own to close. */
static int open_stream(int fd, FILE **ret)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	*ret = copy < 0 || lseek(copy, 0, SEEK_SET) < 0 ? NULL : fdopen(copy, "r");
	if (*ret)
		return 0;
	pn_closep(&copy);
	return -errno;
}

/* @is_enough: stop at the first line that shows an address */
static int scan(int fd, struct pn_symbol *symbols, uint64_t *starts, size_t n, bool is_enough)
{
	PN_CLEANUP(pn_freep) char *line = NULL;
	PN_CLEANUP(closep) FILE *f = NULL;
	bool is_shown = false;
	size_t size = 0;
	int r = open_stream(fd, &f);

	if (r < 0)
		return r;
	while (!(is_shown && is_enough) && getline(&line, &size, f) > 0)
		if (pn_symbols_line(line, symbols, starts, n))
			is_shown = true;
	if (ferror(f))
		return -EIO;
	return is_shown ? 0 : -EACCES;
}

int pn_symbols_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int pn_symbols_are_shown(int fd)
{
	return scan(fd, NULL, NULL, 0, true);
}

int pn_symbols_find(int fd, struct pn_symbol *symbols, size_t n)
{
	PN_CLEANUP(pn_freep) uint64_t *starts = calloc(PN_MAX(n, (size_t)1), sizeof(*starts));

	for (size_t i = 0; i < n; i++)
		symbols[i].name[0] = '\0';
	return starts ? scan(fd, symbols, starts, n, false) : -ENOMEM;
}
