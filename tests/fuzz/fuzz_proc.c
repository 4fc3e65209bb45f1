/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the lines of /proc that `podonym doctor` reads: each is something in full, or nothing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor_proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_line(struct pn_proc_fib *fib, char *line)
{
	struct pn_proc_socket socket;
	struct pn_addr addr;
	const char *path;
	uint64_t number;

	if (pn_proc_fib(fib, line, &addr))
		assert(pn_addr_is_v4(&addr));
	if (pn_proc_inet6(line, &addr))
		assert(strlen(line) > 32);
	if (pn_proc_socket(line, &socket))
		assert(strlen(line) > 8);
	if (pn_proc_link(line, "net", &number) || pn_proc_link(line, "socket", &number))
		assert(line[strlen(line) - 1] == ']');
	path = pn_proc_cgroup(line);
	assert(!path || *path == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_proc_fib fib = { .has_addr = false };
	char *text = strndup((const char *)data, size), *next = text;

	assert(text);
	while (next) {
		char *line = strsep(&next, "\n");

		read_line(&fib, line);
	}
	free(text);
	return 0;
}
