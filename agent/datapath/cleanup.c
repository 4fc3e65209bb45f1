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
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/bpffs.h"
#include "datapath/pinned_maps_private.h"
#include "datapath/tracer.h"

/* Entries at any depth that are no directories. */
static size_t count_pins(const char *dir)
{
	char path[PATH_MAX];
	const struct dirent *d;
	struct stat st;
	size_t n = 0;
	DIR *list = opendir(dir);

	while (list && (d = readdir(list))) {
		if (d->d_name[0] == '.' || pn_bpffs_path(dir, d->d_name, path, NULL) < 0 ||
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
	int r = pn_bpffs_path(dir, "trace", path, reterr);

	if (r < 0)
		return r;
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
		int r = pn_bpffs_path(dir, pn_map_layouts[i].name, path, reterr);

		if (r < 0)
			return r;
		if (unlink(path) == 0)
			ret->n_maps++;
		else if (errno != ENOENT)
			return pn_err_set(reterr, -errno, "removing %s: %s", path, strerror(errno));
	}
	return 0;
}

/* The folder of all layouts, `podonym`, goes with the last of them. */
static void remove_parent(const char *dir)
{
	char path[PATH_MAX];
	const char *parent, *name;

	if (pn_bpffs_path(dir, "", path, NULL) < 0)
		return;
	parent = dirname(path);
	name = strrchr(parent, '/');
	if (name && strcmp(name, "/podonym") == 0)
		(void)rmdir(parent);
}

int pn_cleanup(const char *dir, struct pn_cleanup *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	int r;

	*ret = (struct pn_cleanup) { .n_maps = 0 };
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return pn_err_set(reterr, -errno, "%s: %s", dir, strerror(errno));
	if (!pn_bpffs_has(dir))
		return pn_err_set(reterr, -EINVAL,
				  "%s is not on a BPF file system, nothing is removed", dir);
	r = pn_map_lock(fd, dir, reterr);
	if (r == 0)
		r = remove_trace(dir, ret, reterr);
	if (r == 0)
		r = remove_maps(dir, ret, reterr);
	if (r < 0)
		return r;
	if (rmdir(dir) == 0) {
		remove_parent(dir);
		return 0;
	}
	return pn_err_set(reterr, -errno, "removing %s: %s%s", dir, strerror(errno),
			  errno == ENOTEMPTY ? ": what is left there is not podonym's" : "");
}
