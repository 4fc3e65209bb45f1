/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking away what outlives the agent on purpose, for `podonym cleanup`.
 *
 * The directory's lock is the agent's: who holds it knows that none is alive, and that none starts.
 */
#include "datapath/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "datapath/pinned_maps_private.h"
#include "datapath/tracer.h"

static int lock(const char *dir, int fd, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int meta_fd = -1;
	struct pn_meta_value meta = { .agent_pid = 0 };

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return pn_err_set(reterr, -errno, "locking %s: %s", dir, strerror(errno));
	if (pn_map_open(dir, PN_MAP_META, true, &meta_fd, NULL) == 0)
		(void)pn_map_read_meta(meta_fd, &meta);
	return pn_err_set(reterr, -EBUSY, "an agent uses %s (pid %u): stop it first", dir,
			  meta.agent_pid);
}

/* Entries at any depth that are no directories. */
static size_t count_pins(const char *dir)
{
	char path[PATH_MAX];
	const struct dirent *d;
	struct stat st;
	size_t n = 0;
	DIR *list = opendir(dir);

	while (list && (d = readdir(list))) {
		int len = snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);

		if (d->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof(path) ||
		    lstat(path, &st) < 0)
			continue;
		n += S_ISDIR(st.st_mode) ? count_pins(path) : 1;
	}
	if (list)
		(void)closedir(list);
	return n;
}

static int remove_trace(const char *dir, struct pn_cleanup *ret, struct pn_err *reterr)
{
	char path[PATH_MAX];
	size_t n_before;
	int r = snprintf(path, sizeof(path), "%s/trace", dir);

	if (r < 0 || (size_t)r >= sizeof(path))
		return pn_err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", dir);
	n_before = count_pins(path);
	r = pn_tracer_cleanup(path, reterr);
	ret->n_trace = n_before - PN_MIN(n_before, count_pins(path));
	return r;
}

/* `meta` last: while it is there, readers find out that an agent is missing. */
static int remove_maps(const char *dir, struct pn_cleanup *ret, struct pn_err *reterr)
{
	char path[PATH_MAX];

	for (int i = PN_MAP_MAX - 1; i >= 0; i--) {
		int r = pn_map_path(dir, (enum pn_map_id)i, sizeof(path), path, reterr);

		if (r < 0)
			return r;
		if (unlink(path) == 0)
			ret->n_maps++;
		else if (errno != ENOENT)
			return pn_err_set(reterr, -errno, "removing %s: %s", path, strerror(errno));
	}
	return 0;
}

int pn_cleanup(const char *dir, struct pn_cleanup *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct statfs fs;
	int r;

	*ret = (struct pn_cleanup) { .n_maps = 0 };
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return pn_err_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC)
		return pn_err_set(reterr, -EINVAL,
				  "%s is not on a BPF file system, nothing is removed", dir);
	r = lock(dir, fd, reterr);
	if (r == 0)
		r = remove_trace(dir, ret, reterr);
	if (r == 0)
		r = remove_maps(dir, ret, reterr);
	if (r < 0)
		return r;
	if (rmdir(dir) == 0)
		return 0;
	return pn_err_set(reterr, -errno, "removing %s: %s%s", dir, strerror(errno),
			  errno == ENOTEMPTY ? ": what is left there is not podonym's" : "");
}
