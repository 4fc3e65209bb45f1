/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the cgroup tree, for cgroups.c: which cgroups there are, how they are watched, what they are
 * called.
 *
 * A directory is watched first and read second. Events only say where to look: what is at a name now
 * is compared with what was known there, by the kernel's number, which is never given twice. So an
 * event that is late, or told of twice, does no harm, nor does a directory that was removed and made
 * again meanwhile. After a loss the same look is taken at every name.
 *
 * A cgroup that is neither of a pod nor a unit is called by its first process. A cgroup has none at
 * first: its file cgroup.events tells when one comes. And a process may start another program right
 * after, so it is asked for its name a few times more.
 *
 * The root is not reported: what the kernel does for itself and what nobody has moved lives there,
 * and one name for all of that would be wrong.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/util.h"
#include "datapath/cgroups_private.h"

/* Whoever may make cgroups chooses their names. */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned int)pn_hash_bytes(key, len))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

enum {
	MAX_CGROUPS = 65536,
	MAX_DEPTH = 64,	  /* each takes a descriptor while the tree is read */
	REREAD_TICKS = 5, /* without events */
	N_ASKS = 5,	  /* a process for its name, once a tick */
};

/* Of inotify, found by its number. */
struct pn_cgroup_watch {
	UT_hash_handle hh;
	struct pn_cgroup_node *node;
	int wd;
};

struct pn_cgroup_node {
	UT_hash_handle hh; /* among its parent's children, by name */
	struct pn_cgroup_node *parent, *children;
	struct pn_cgroup_node *asked_prev, *asked_next;
	struct pn_cgroup_watch dir, events;
	uint64_t id;
	char *shown; /* the name that was reported; NULL for one that says all by itself */
	uint32_t seen_in, path_len;
	uint8_t depth, asks_left;
	bool is_named;
	char name[];
};

/* --- paths -------------------------------------------------------------------------------------- */

/* Return: where the part below the root begins; valid until the next call */
static char *path_of(struct pn_cgroups *c, const struct pn_cgroup_node *n)
{
	char *end = c->path + c->path_len + n->path_len;

	*end = '\0';
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		end -= len;
		memcpy(end, n->name, len);
		*--end = '/';
	}
	return c->path + c->path_len;
}

/* Return: a descriptor of this very directory, or -ENOENT if another one is in its place */
static int open_node(struct pn_cgroups *c, const struct pn_cgroup_node *n)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	uint64_t id;
	int r;

	(void)path_of(c, n);
	fd = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = pn_cgroup_id(fd, &id);
	if (r == 0 && id != n->id)
		r = -ENOENT;
	return r < 0 ? r : PN_TAKE_FD(fd);
}

/* --- watches ------------------------------------------------------------------------------------ */

static void unwatch(struct pn_cgroups *c, struct pn_cgroup_watch *w)
{
	if (w->wd < 0)
		return;
	(void)inotify_rm_watch(c->inotify_fd, w->wd);
	HASH_DEL(c->watches, w);
	w->wd = -1;
}

static void events_lost(struct pn_cgroups *c)
{
	pn_metric_add(PN_METRIC_CGROUPS_REREADS, 1);
	c->needs_reading = true;
}

static void watch_refused(struct pn_cgroups *c, int err)
{
	if (!c->has_warned)
		pn_warn("datapath",
			"cgroups cannot all be watched, reading the tree every %d s: %s",
			PN_CGROUPS_TICK_S * REREAD_TICKS,
			err == ENOSPC ? "raise fs.inotify.max_user_watches" : strerror(err));
	c->lacks_events = c->has_warned = true;
}

/* By the open directory rather than by its path, which may lead to another one by now. */
static void watch(struct pn_cgroups *c, struct pn_cgroup_watch *w, int fd, const char *file,
		  uint32_t mask)
{
	char path[64];
	int wd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d%s", fd, file);
	wd = inotify_add_watch(c->inotify_fd, path, mask);
	if (wd < 0 && errno != ENOENT)
		watch_refused(c, errno);
	if (wd < 0 || wd == w->wd)
		return;
	unwatch(c, w);
	w->wd = wd;
	HASH_ADD_INT(c->watches, wd, w);
	if (w->hh.tbl)
		return;
	(void)inotify_rm_watch(c->inotify_fd, wd);
	w->wd = -1;
	watch_refused(c, ENOMEM);
}

/* --- names -------------------------------------------------------------------------------------- */

static void stop_asking(struct pn_cgroups *c, struct pn_cgroup_node *n)
{
	if (n->asks_left)
		DL_DELETE2(c->asked, n, asked_prev, asked_next);
	n->asks_left = 0;
}

static void start_asking(struct pn_cgroups *c, struct pn_cgroup_node *n)
{
	n->is_named = true;
	n->asks_left = N_ASKS;
	DL_APPEND2(c->asked, n, asked_prev, asked_next);
	unwatch(c, &n->events);
}

static void report(struct pn_cgroups *c, struct pn_cgroup_node *n, const char *name)
{
	const struct pn_cgroup cgroup = { .id = n->id, .pod_uid = "", .name = name };
	char *copy;

	if (n->shown && strcmp(n->shown, name) == 0)
		return;
	copy = strdup(name);
	if (!copy) {
		c->needs_reading = true;
		return;
	}
	free(n->shown);
	n->shown = copy;
	c->ops->appeared(c->data, &cgroup);
}

static void ask_for_name(struct pn_cgroups *c, struct pn_cgroup_node *n, int fd)
{
	char command[PN_COMMAND_LEN];
	int r = pn_cgroup_command(fd, command);

	if (r < 0 && !n->is_named) {
		watch(c, &n->events, fd, "/cgroup.events", IN_MODIFY);
		r = pn_cgroup_command(fd, command);
	}
	if (r == 0 && !n->is_named)
		start_asking(c, n);
	if (r == 0)
		report(c, n, command);
	else if (!n->shown)
		report(c, n, n->name);
}

static void ask_again(struct pn_cgroups *c, struct pn_cgroup_node *n)
{
	PN_CLEANUP(pn_closep) int fd = open_node(c, n);

	if (fd >= 0)
		ask_for_name(c, n, fd);
}

static void introduce(struct pn_cgroups *c, struct pn_cgroup_node *n, int fd)
{
	char uid[PN_UID_LEN];
	struct pn_cgroup cgroup = { .id = n->id, .pod_uid = "", .name = "" };

	if (pn_cgroup_parse_path(path_of(c, n), uid))
		cgroup.pod_uid = uid;
	else if (pn_cgroup_is_unit(n->name))
		cgroup.name = n->name;
	else
		return ask_for_name(c, n, fd);
	n->is_named = true;
	c->ops->appeared(c->data, &cgroup);
}

/* --- the tree ----------------------------------------------------------------------------------- */

static struct pn_cgroup_node *node_new(struct pn_cgroup_node *parent, const char *name, uint64_t id)
{
	size_t len = strlen(name);
	struct pn_cgroup_node *n = calloc(1, sizeof(*n) + len + 1);

	if (!n)
		return NULL;
	memcpy(n->name, name, len + 1);
	n->id = id;
	n->dir.wd = n->events.wd = -1;
	n->dir.node = n->events.node = n;
	if (!parent)
		return n;
	n->parent = parent;
	n->depth = (uint8_t)(parent->depth + 1);
	n->path_len = (uint32_t)(parent->path_len + 1 + len);
	HASH_ADD_KEYPTR(hh, parent->children, n->name, len, n);
	if (n->hh.tbl)
		return n;
	free(n);
	return NULL;
}

/* With all below it. @tell: whether the caller's ops hear of it */
static void forget(struct pn_cgroups *c, struct pn_cgroup_node *n, bool tell)
{
	struct pn_cgroup_node *child, *next;

	HASH_ITER (hh, n->children, child, next)
		forget(c, child, tell);
	stop_asking(c, n);
	unwatch(c, &n->dir);
	unwatch(c, &n->events);
	if (n->parent) {
		HASH_DEL(n->parent->children, n);
		c->n_nodes--;
		if (tell)
			c->ops->vanished(c->data, n->id);
	}
	free(n->shown);
	free(n);
}

static void forget_unseen(struct pn_cgroups *c, struct pn_cgroup_node *n)
{
	struct pn_cgroup_node *child, *next;

	HASH_ITER (hh, n->children, child, next) {
		if (child->seen_in != c->round)
			forget(c, child, true);
		else
			forget_unseen(c, child);
	}
}

static bool has_room(const struct pn_cgroups *c, const struct pn_cgroup_node *parent,
		     const char *name)
{
	return c->n_nodes < MAX_CGROUPS && parent->depth < MAX_DEPTH &&
	       c->path_len + parent->path_len + 1 + strlen(name) < sizeof(c->path);
}

static int look_at(struct pn_cgroups *c, struct pn_cgroup_node *parent, int parent_fd,
		   const char *name);

/* Return: 1, 0 at the end, which is also that of a directory which has been removed, or a negative errno */
static int next_entry(DIR *dir, const struct dirent **ret)
{
	errno = 0;
	*ret = readdir(dir);
	if (*ret)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* Takes @fd over. */
static int read_children(struct pn_cgroups *c, struct pn_cgroup_node *n, int fd)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int r;

	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((r = next_entry(dir, &d)) > 0) {
		if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0)
			r = look_at(c, n, dirfd(dir), d->d_name);
		if (r < 0)
			break;
	}
	(void)closedir(dir);
	return r;
}

static int enter(struct pn_cgroups *c, struct pn_cgroup_node *n, int fd)
{
	watch(c, &n->dir, fd, "", IN_CREATE | IN_DELETE | IN_ONLYDIR);
	return read_children(c, n, fd);
}

/* Makes what is known at a name equal to what is there. */
static int look_at(struct pn_cgroups *c, struct pn_cgroup_node *parent, int parent_fd,
		   const char *name)
{
	PN_CLEANUP(pn_closep)
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	bool is_new = false;
	struct pn_cgroup_node *n;
	uint64_t id = 0;

	HASH_FIND_STR(parent->children, name, n);
	if (r == 0)
		r = pn_cgroup_id(fd, &id);
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		return r;
	if (n && (r < 0 || n->id != id)) {
		forget(c, n, true);
		n = NULL;
	}
	if (r < 0)
		c->n_refused += r != -ENOENT && r != -ENODEV;
	if (r < 0)
		return 0;
	if (!n && !has_room(c, parent, name)) {
		c->n_refused++;
		return 0;
	}
	if (!n) {
		is_new = true;
		n = node_new(parent, name, id);
		if (!n)
			return -ENOMEM;
		c->n_nodes++;
		introduce(c, n, fd);
	} else if (c->is_reading && !n->is_named) {
		ask_for_name(c, n, fd);
	}
	n->seen_in = c->round;
	return is_new || c->is_reading ? enter(c, n, PN_TAKE_FD(fd)) : 0;
}

int pn_cgroup_tree_read(struct pn_cgroups *c, struct pn_err *reterr)
{
	int fd = open_node(c, c->root), r = fd;

	c->needs_reading = c->lacks_events = false;
	c->is_reading = true;
	c->n_refused = 0;
	c->round++;
	if (fd >= 0)
		r = enter(c, c->root, fd);
	c->is_reading = false;
	c->path[c->path_len] = '\0';
	if (r < 0) {
		c->needs_reading = true;
		return pn_err_set(reterr, r, "reading the cgroup tree at %s: %s", c->path,
				  strerror(-r));
	}
	forget_unseen(c, c->root);
	if (c->has_warned && !c->lacks_events)
		pn_info("datapath", "all cgroups are watched again");
	c->has_warned = c->lacks_events;
	return 0;
}

/* --- what happens, and time --------------------------------------------------------------------- */

int pn_cgroup_tree_event(struct pn_cgroups *c, const struct inotify_event *e)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct pn_cgroup_watch *w;

	if (e->mask & IN_Q_OVERFLOW) {
		events_lost(c);
		return 0;
	}
	HASH_FIND_INT(c->watches, &e->wd, w);
	if (!w)
		return 0;
	if (e->mask & IN_IGNORED) {
		HASH_DEL(c->watches, w);
		w->wd = -1;
		return 0;
	}
	if (w == &w->node->events) {
		ask_again(c, w->node);
		return 0;
	}
	if (!(e->mask & IN_ISDIR) || !e->len)
		return 0;
	fd = open_node(c, w->node);
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return fd;
	return fd < 0 ? 0 : look_at(c, w->node, fd, e->name);
}

void pn_cgroup_tree_tick(struct pn_cgroups *c)
{
	struct pn_cgroup_node *n, *next;

	DL_FOREACH_SAFE2(c->asked, n, next, asked_next)
	{
		ask_again(c, n);
		if (n->asks_left == 1)
			stop_asking(c, n);
		else
			n->asks_left--;
	}
	if (c->lacks_events && ++c->n_ticks % REREAD_TICKS == 0)
		events_lost(c);
}

/* --- life --------------------------------------------------------------------------------------- */

int pn_cgroup_tree_init(struct pn_cgroups *c, uint64_t id)
{
	c->root = node_new(NULL, "", id);
	return c->root ? 0 : -ENOMEM;
}

void pn_cgroup_tree_done(struct pn_cgroups *c)
{
	if (c->root)
		forget(c, c->root, false);
	c->root = NULL;
}
