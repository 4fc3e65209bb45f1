/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's cgroups, as they come and go; the agent tells the index of them. This file has the descriptors and
 * when there is something to do; what is known of the tree is up to cgroups_tree.c.
 */
#include "datapath/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/util.h"
#include "datapath/cgroups_private.h"

enum { MAX_READS = 64 }; /* then the caller's other work has its turn */

/* --- events ------------------------------------------------------------------------------------- */

/* Return: 1 if there may be more, 0, or a negative errno */
static int read_events(struct pn_cgroups *c)
{
	_Alignas(struct inotify_event) char buf[16384];
	ssize_t n = read(c->inotify_fd, buf, sizeof(buf));
	int r = 0;

	if (n < 0)
		return errno == EAGAIN ? 0 : errno == EINTR ? 1 : -errno;
	for (const char *at = buf; r == 0 && at < buf + n;) {
		const struct inotify_event *e = (const void *)at;

		r = pn_cgroup_tree_event(c, e);
		at += sizeof(*e) + e->len;
	}
	return r < 0 ? r : n > 0;
}

static void set_timer(struct pn_cgroups *c)
{
	bool want = c->asked || c->lacks_events || c->needs_reading;
	const struct itimerspec tick = { .it_value.tv_sec = want ? PN_CGROUPS_TICK_S : 0,
					 .it_interval.tv_sec = want ? PN_CGROUPS_TICK_S : 0 };

	if (want != c->timer_runs)
		(void)timerfd_settime(c->timer_fd, 0, &tick, NULL);
	c->timer_runs = want;
}

static int dispatch(struct pn_cgroups *c, struct pn_err *reterr)
{
	uint64_t n_ticks;
	int r = 1;

	if (read(c->timer_fd, &n_ticks, sizeof(n_ticks)) > 0)
		pn_cgroup_tree_tick(c);
	/* first, also where the tree cannot be read: with events left the descriptor would stay readable */
	for (int i = 0; r > 0 && i < MAX_READS; i++)
		r = read_events(c);
	if (r < 0) {
		c->needs_reading = true; /* of these events the rest is lost */
		return pn_err_set(reterr, r, "following cgroups: %s", strerror(-r));
	}
	return c->needs_reading ? pn_cgroup_tree_read(c, reterr) : 0;
}

int pn_cgroups_dispatch(struct pn_cgroups *c, struct pn_err *reterr)
{
	int r = dispatch(c, reterr);

	set_timer(c); /* after a failure too: that is when to try again */
	pn_metric_set(PN_METRIC_CGROUPS_FOLLOWED, c->n_nodes);
	pn_metric_set(PN_METRIC_CGROUPS_REFUSED, c->n_refused);
	return r;
}

/* --- life --------------------------------------------------------------------------------------- */

static int open_root(struct pn_cgroups *c, const char *root, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	struct statfs fs;
	uint64_t id;
	int r;

	c->path_len = strlen(root);
	while (c->path_len > 1 && root[c->path_len - 1] == '/')
		c->path_len--;
	if (root[0] != '/' || c->path_len >= sizeof(c->path))
		return pn_err_set(reterr, -EINVAL, "%s: need an absolute path", root);
	memcpy(c->path, root, c->path_len);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return pn_err_set(reterr, -errno, "%s: %s", root, strerror(errno));
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return pn_err_set(reterr, -EINVAL,
				  "%s is not a cgroup v2 file system: look for cgroup2 in "
				  "/proc/self/mountinfo",
				  root);
	r = pn_cgroup_id(fd, &id);
	if (r < 0)
		return pn_err_set(reterr, r, "%s: %s", root, strerror(-r));
	r = pn_cgroup_tree_init(c, id);
	return r < 0 ? pn_err_set(reterr, r, "no memory") : 0;
}

static int add_to_epoll(struct pn_cgroups *c, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return fd < 0 ? -errno : epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int open_descriptors(struct pn_cgroups *c, struct pn_err *reterr)
{
	int r;

	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return pn_err_set(reterr, -errno, "making an epoll descriptor: %s",
				  strerror(errno));
	c->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r = add_to_epoll(c, c->inotify_fd);
	if (r < 0)
		return pn_err_set(reterr, r,
				  "watching files: %s (fs.inotify.max_user_instances limits it)",
				  strerror(-r));
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	r = add_to_epoll(c, c->timer_fd);
	return r < 0 ? pn_err_set(reterr, r, "making a timer: %s", strerror(-r)) : 0;
}

static void cgroups_closep(struct pn_cgroups **c)
{
	pn_cgroups_close(*c);
}

int pn_cgroups_open(const char *root, const struct pn_cgroups_ops *ops, void *data,
		    struct pn_cgroups **ret, struct pn_err *reterr)
{
	PN_CLEANUP(cgroups_closep) struct pn_cgroups *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	c->ops = ops;
	c->data = data;
	c->epoll_fd = c->inotify_fd = c->timer_fd = -1;
	c->needs_reading = true;
	r = open_root(c, root, reterr);
	if (r == 0)
		r = open_descriptors(c, reterr);
	if (r < 0)
		return r;
	*ret = PN_TAKE_PTR(c);
	return 0;
}

void pn_cgroups_close(struct pn_cgroups *c)
{
	if (!c)
		return;
	pn_cgroup_tree_done(c);
	pn_closep(&c->timer_fd);
	pn_closep(&c->inotify_fd);
	pn_closep(&c->epoll_fd);
	free(c);
}

int pn_cgroups_fd(const struct pn_cgroups *c)
{
	return c->epoll_fd;
}
