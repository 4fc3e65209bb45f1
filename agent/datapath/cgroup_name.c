/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be asked of one cgroup: its number, and who lives there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/cgroups_private.h"

int pn_cgroup_id(int fd, uint64_t *ret)
{
	union {
		struct file_handle head;
		char bytes[sizeof(struct file_handle) + sizeof(*ret)];
	} handle = { .head.handle_bytes = sizeof(*ret) };
	struct stat st;
	int mount_id;

	if (name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) == 0 &&
	    handle.head.handle_bytes == sizeof(*ret)) {
		memcpy(ret, handle.head.f_handle, sizeof(*ret));
		return 0;
	}
	/* a sandbox may forbid the call; where inode numbers have 64 bits they are the same */
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

bool pn_cgroup_is_unit(const char *name)
{
	static const char *const suffixes[] = { ".service", ".slice", ".socket", ".mount",
						".swap",    ".timer", ".path" };
	size_t len = strlen(name);

	for (size_t i = 0; i < PN_ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && strcmp(name + len - n, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* A command is any bytes that a process chose. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
	}
}

static int read_command(long pid, char ret[static PN_COMMAND_LEN])
{
	char path[64];
	FILE *f;
	bool ok;

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return -ENOENT;
	ok = fgets(ret, PN_COMMAND_LEN, f) != NULL;
	(void)fclose(f);
	if (!ok)
		return -ENOENT;
	ret[strcspn(ret, "\n")] = '\0';
	make_printable(ret);
	return *ret ? 0 : -ENOENT;
}

int pn_cgroup_command(int fd, char ret[static PN_COMMAND_LEN])
{
	char text[32], command[PN_COMMAND_LEN];
	int procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC), r = -ENOENT;
	FILE *f;

	if (procs < 0)
		return -ENOENT;
	f = fdopen(procs, "r");
	if (!f) {
		(void)close(procs);
		return -ENOMEM;
	}
	/* one that has just ended is passed over; 0 is a process that this pid namespace cannot see */
	while (r < 0 && fgets(text, sizeof(text), f)) {
		long pid = strtol(text, NULL, 10);

		if (pid > 0)
			r = read_command(pid, command);
	}
	(void)fclose(f);
	if (r == 0)
		(void)stpcpy(ret, command);
	return r;
}
