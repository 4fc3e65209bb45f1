/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of pins: made where a BPF file system is mounted, and nowhere else. Called by whoever
 * pins or finds something.
 */
#include "datapath/bpffs.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

bool pn_bpffs_has(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

int pn_bpffs_make_dir(const char *dir, struct pn_err *reterr)
{
	char path[PATH_MAX], *slash;

	if (dir[0] != '/' || strlen(dir) >= sizeof(path))
		return pn_err_set(reterr, -EINVAL, "%s: need an absolute path", dir);
	(void)stpcpy(path, dir);
	while (access(path, F_OK) < 0 && (slash = strrchr(path, '/')) != path)
		*slash = '\0'; /* up to the last directory that exists */
	if (!pn_bpffs_has(path))
		return pn_err_set(reterr, -ENOENT,
				  "%s is not on a BPF file system: mount -t bpf bpf /sys/fs/bpf",
				  dir);
	while (strlen(path) < strlen(dir)) {
		path[strlen(path)] = '/'; /* and down again */
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return pn_err_set(reterr, -errno, "making %s: %s", path, strerror(errno));
	}
	return 0;
}

int pn_bpffs_path(const char *dir, const char *name, char ret[static PATH_MAX],
		  struct pn_err *reterr)
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_MAX)
		return pn_err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", dir);
	return 0;
}
