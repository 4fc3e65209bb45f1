/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the unified hierarchy is mounted, by the kernel's table of mounts.
 *
 * There may be several mounts of it. In a container, /sys/fs/cgroup shows the container's own part
 * as "/", and a mount of the host's shows that it lies above: "/../..". The highest one is the best.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/cgroups_private.h"

enum { MAX_LINE = 16384 };

/* struct mount - one line, cut at its blanks */
struct mount {
	char *root, *path, *type;
};

/* Return: the byte that "\\123" stands for; 0 for anything else */
static unsigned int octal(const char *text)
{
	unsigned int byte = 0;

	if (*text != '\\' || strspn(text + 1, "01234567") < 3)
		return 0;
	for (int i = 1; i <= 3; i++)
		byte = byte * 8 + (unsigned int)(text[i] - '0');
	return byte < 256 ? byte : 0;
}

/* The table writes blank, tab, newline and backslash as three octal digits. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		unsigned int byte = octal(text);

		*out++ = byte ? (char)byte : *text;
		text += byte ? 4 : 1;
	}
	*out = '\0';
}

/* ID PARENT MAJOR:MINOR ROOT PATH OPTIONS [TAG...] - TYPE ... */
static bool parse_line(char *line, struct mount *ret)
{
	char *save, *word = strtok_r(line, " \n", &save);

	for (int i = 0; word && i < 5; i++) {
		if (i == 3)
			ret->root = word;
		else if (i == 4)
			ret->path = word;
		word = strtok_r(NULL, " \n", &save);
	}
	while (word && strcmp(word, "-") != 0)
		word = strtok_r(NULL, " \n", &save);
	if (!word)
		return false;
	ret->type = strtok_r(NULL, " \n", &save);
	if (!ret->type)
		return false;
	unescape(ret->path);
	return true;
}

/* How high up in the hierarchy a mount begins. 0: only a part of what this process sees. */
static unsigned int height(const char *root)
{
	unsigned int n = 1;

	if (strcmp(root, "/") == 0)
		return n;
	for (; strncmp(root, "/..", 3) == 0; root += 3)
		n++;
	return *root ? 0 : n;
}

static int not_found(bool has_v1, struct pn_err *reterr)
{
	if (has_v1)
		return pn_err_set(
			reterr, -ENOENT,
			"only version 1 of cgroups is mounted: sockets of host-network pods "
			"and of the node's processes cannot be told apart. Boot with "
			"systemd.unified_cgroup_hierarchy=1");
	return pn_err_set(
		reterr, -ENOENT,
		"cgroup v2 is not mounted: sockets of host-network pods and of the node's "
		"processes cannot be told apart. In a container mount the host's "
		"/sys/fs/cgroup and give its place with --cgroup-root");
}

int pn_cgroups_root_in(const char *mounts, char *ret, size_t size, struct pn_err *reterr)
{
	unsigned int best = 0;
	bool found = false, has_v1 = false;
	char line[MAX_LINE];
	FILE *f = fopen(mounts, "re");

	if (!f)
		return pn_err_set(reterr, -errno, "%s: %s", mounts, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		struct mount m = { 0 };

		if (!parse_line(line, &m))
			continue;
		has_v1 = has_v1 || strcmp(m.type, "cgroup") == 0;
		if (strcmp(m.type, "cgroup2") != 0 || strlen(m.path) >= size)
			continue;
		if (found && height(m.root) <= best)
			continue;
		found = true;
		best = height(m.root);
		(void)stpcpy(ret, m.path);
	}
	(void)fclose(f);
	return found ? 0 : not_found(has_v1, reterr);
}

int pn_cgroups_find_root(char *ret, size_t size, struct pn_err *reterr)
{
	return pn_cgroups_root_in("/proc/self/mountinfo", ret, size, reterr);
}
