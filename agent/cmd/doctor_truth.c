/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the node's own truth for `podonym doctor`.
 *
 * Each process is looked at by a descriptor of its directory in /proc, so that no answer comes from
 * another process that got the same number. All that fails because something has gone is passed over.
 */
#include "cmd/doctor_truth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/doctor_proc.h"
#include "datapath/cgroups.h"

enum {
	MAX_ITEMS = 1 << 20, /* of one kind */
	MAX_DEPTH = 64,
	LINE_LEN = 1024,
	LINK_LEN = 64,
	TCP_LISTENS = 10,
	UDP_UNCONNECTED = 7,
};

/* Room for one more. Return: 0 or -ENOMEM */
static int grow(void *items, size_t n, size_t *cap, size_t size)
{
	size_t new_cap = *cap ? *cap * 2 : 16;
	void *new_items;

	if (n < *cap)
		return 0;
	if (n >= MAX_ITEMS)
		return -ENOMEM;
	new_items = reallocarray(*(void **)items, new_cap, size);
	if (!new_items)
		return -ENOMEM;
	*(void **)items = new_items;
	*cap = new_cap;
	return 0;
}

bool pn_addrs_has(const struct pn_addrs *a, const struct pn_addr *addr)
{
	for (size_t i = 0; i < a->n; i++) {
		if (pn_addr_eq(&a->items[i], addr))
			return true;
	}
	return false;
}

static int add_addr(struct pn_addrs *a, const struct pn_addr *addr)
{
	int r;

	if (!pn_proc_is_plain(addr) || pn_addrs_has(a, addr))
		return 0;
	r = grow(&a->items, a->n, &a->cap, sizeof(*a->items));
	if (r == 0)
		a->items[a->n++] = *addr;
	return r;
}

/* --- files -------------------------------------------------------------------------------------- */

/* Return: NULL if it is not there, or not any more */
static FILE *open_below(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !f)
		(void)close(fd);
	return f;
}

static DIR *open_dir_below(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		(void)close(fd);
	return dir;
}

static void filep_close(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static void dirp_close(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* Return: 0; -ENOENT: no link, or not of this kind; or another negative errno */
static int read_link(int dir_fd, const char *path, const char *kind, uint64_t *ret)
{
	char link[LINK_LEN];
	ssize_t n = readlinkat(dir_fd, path, link, sizeof(link) - 1);

	if (n < 0)
		return -errno;
	link[n] = '\0';
	return pn_proc_link(link, kind, ret) ? 0 : -ENOENT;
}

/* --- cgroups ------------------------------------------------------------------------------------ */

/* A cgroup that nobody is in has no sockets, and kubelet will remove it. */
static bool is_populated(int fd)
{
	PN_CLEANUP(filep_close) FILE *f = open_below(fd, "cgroup.events");
	char line[LINE_LEN];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "populated 0", strlen("populated 0")) == 0)
			return false;
	}
	return true;
}

static int add_cgroup(struct pn_truth *t, int fd, const char *path)
{
	struct pn_truth_cgroup cgroup;
	int r;

	if (!pn_cgroup_parse_path(path, cgroup.uid) || !is_populated(fd))
		return 0;
	if (pn_cgroup_id(fd, &cgroup.id) < 0)
		return 0;
	r = grow(&t->cgroups, t->n_cgroups, &t->cap_cgroups, sizeof(*t->cgroups));
	cgroup.path = r == 0 ? strdup(path) : NULL;
	if (!cgroup.path)
		return -ENOMEM;
	t->cgroups[t->n_cgroups++] = cgroup;
	return 0;
}

/* @path: PATH_MAX bytes, of the directory; names are appended for a moment */
static int read_cgroups(struct pn_truth *t, DIR *dir, char *path, int depth)
{
	size_t len = strlen(path);
	const struct dirent *d;
	int r = 0;

	while (r == 0 && (d = readdir(dir))) {
		PN_CLEANUP(dirp_close) DIR *below = NULL;

		if (d->d_type != DT_DIR || d->d_name[0] == '.' || depth == MAX_DEPTH ||
		    len + 1 + strlen(d->d_name) >= PATH_MAX)
			continue;
		below = open_dir_below(dirfd(dir), d->d_name);
		if (!below)
			continue;
		path[len] = '/';
		(void)stpcpy(path + len + 1, d->d_name);
		r = add_cgroup(t, dirfd(below), path);
		if (r == 0)
			r = read_cgroups(t, below, path, depth + 1);
		path[len] = '\0';
	}
	return r;
}

/* --- network namespaces ------------------------------------------------------------------------- */

static int read_fib(FILE *f, struct pn_addrs *ret)
{
	struct pn_proc_fib state = { .has_addr = false };
	struct pn_addr addr;
	char line[LINE_LEN];
	int r = 0;

	while (r == 0 && f && fgets(line, sizeof(line), f)) {
		if (pn_proc_fib(&state, line, &addr))
			r = add_addr(ret, &addr);
	}
	return r;
}

static int read_inet6(FILE *f, struct pn_addrs *ret)
{
	struct pn_addr addr;
	char line[LINE_LEN];
	int r = 0;

	while (r == 0 && f && fgets(line, sizeof(line), f)) {
		if (pn_proc_inet6(line, &addr))
			r = add_addr(ret, &addr);
	}
	return r;
}

/*
 * @proc_fd: directory of a process in the namespace. There may be no IPv6. Return: 1; 0: the process
 * has gone; or a negative errno
 */
static int read_addrs(int proc_fd, struct pn_addrs *ret)
{
	PN_CLEANUP(filep_close) FILE *v4 = open_below(proc_fd, "net/fib_trie");
	PN_CLEANUP(filep_close) FILE *v6 = open_below(proc_fd, "net/if_inet6");
	int r = read_fib(v4, ret);

	if (r == 0)
		r = read_inet6(v6, ret);
	return r < 0 ? r : v4 != NULL;
}

static int read_sockets_of(struct pn_truth *t, FILE *f, uint8_t proto)
{
	unsigned int takes = proto == IPPROTO_TCP ? TCP_LISTENS : UDP_UNCONNECTED;
	struct pn_proc_socket s;
	char line[LINE_LEN];
	int r = 0;

	while (r == 0 && f && fgets(line, sizeof(line), f)) {
		if (!pn_proc_socket(line, &s) || s.state != takes || !s.inode)
			continue;
		r = grow(&t->sockets, t->n_sockets, &t->cap_sockets, sizeof(*t->sockets));
		if (r == 0)
			t->sockets[t->n_sockets++] = (struct pn_truth_socket) {
				.addr = s.addr, .proto = proto, .port = s.port, .inode = s.inode
			};
	}
	return r;
}

static int by_inode(const void *a, const void *b)
{
	const struct pn_truth_socket *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static int read_sockets(struct pn_truth *t, int self_fd)
{
	static const struct {
		const char *path;
		uint8_t proto;
	} tables[] = { { "net/tcp", IPPROTO_TCP },
		       { "net/tcp6", IPPROTO_TCP },
		       { "net/udp", IPPROTO_UDP },
		       { "net/udp6", IPPROTO_UDP } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < PN_ARRAY_SIZE(tables); i++) {
		PN_CLEANUP(filep_close) FILE *f = open_below(self_fd, tables[i].path);

		r = read_sockets_of(t, f, tables[i].proto);
	}
	if (t->n_sockets)
		qsort(t->sockets, t->n_sockets, sizeof(*t->sockets), by_inode);
	return r;
}

/* --- processes ---------------------------------------------------------------------------------- */

/* struct process - one that is looked at; @uid is "" outside of pods */
struct process {
	int fd;
	pid_t pid;
	uint64_t net;
	char uid[PN_UID_LEN];
};

static const char *read_uid(int proc_fd, char *ret)
{
	PN_CLEANUP(filep_close) FILE *f = open_below(proc_fd, "cgroup");
	char line[PATH_MAX + 16];

	ret[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		const char *path = pn_proc_cgroup(line);

		if (path)
			(void)pn_cgroup_parse_path(path, ret);
	}
	return ret;
}

const struct pn_truth_pod *pn_truth_pod(const struct pn_truth *t, const char *uid)
{
	for (size_t i = 0; i < t->n_pods; i++) {
		if (strcmp(t->pods[i].uid, uid) == 0)
			return &t->pods[i];
	}
	return NULL;
}

static int add_pod(struct pn_truth *t, const struct process *p, struct pn_truth_pod **ret)
{
	const struct pn_truth_pod *known = pn_truth_pod(t, p->uid);
	int r;

	if (known) {
		*ret = &t->pods[known - t->pods];
		return 0;
	}
	r = grow(&t->pods, t->n_pods, &t->cap_pods, sizeof(*t->pods));
	if (r < 0)
		return r;
	*ret = &t->pods[t->n_pods++];
	**ret = (struct pn_truth_pod) { .pid = p->pid };
	(void)stpcpy((*ret)->uid, p->uid);
	return 0;
}

static int note_namespace(struct pn_truth *t, const struct process *p)
{
	struct pn_truth_pod *pod;
	int r = add_pod(t, p, &pod);

	if (r < 0)
		return r;
	for (size_t i = 0; i < pod->n_namespaces; i++) {
		if (pod->namespaces[i] == p->net)
			return 0;
	}
	r = grow(&pod->namespaces, pod->n_namespaces, &pod->cap_namespaces,
		 sizeof(*pod->namespaces));
	if (r == 0)
		r = read_addrs(p->fd, &pod->addrs);
	if (r <= 0)
		return r;
	pod->namespaces[pod->n_namespaces++] = p->net;
	return 0;
}

static void note_holder(struct pn_truth *t, const struct process *p, uint64_t inode)
{
	const struct pn_truth_socket key = { .inode = inode };
	struct pn_truth_socket *s = bsearch(&key, t->sockets, t->n_sockets, sizeof(key), by_inode);

	/* one that is handed on is still open where it came from: the pod's process counts */
	if (!s || (s->pid && !*p->uid))
		return;
	s->pid = p->pid;
	(void)stpcpy(s->uid, p->uid);
}

static void note_descriptors(struct pn_truth *t, const struct process *p)
{
	PN_CLEANUP(dirp_close) DIR *dir = open_dir_below(p->fd, "fd");
	const struct dirent *d;
	uint64_t inode;

	while (dir && t->n_sockets && (d = readdir(dir))) {
		if (read_link(dirfd(dir), d->d_name, "socket", &inode) == 0)
			note_holder(t, p, inode);
	}
}

/* The kernel answers "permission denied" of a process that has gone as well. */
static bool is_alive(int proc_fd)
{
	PN_CLEANUP(filep_close) FILE *f = open_below(proc_fd, "stat");

	return f && fgetc(f) != EOF;
}

/* @own_net: the node's network namespace */
static int note_process(struct pn_truth *t, int dir_fd, const char *name, uint64_t own_net)
{
	PN_CLEANUP(pn_closep) int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct process p = { .fd = fd, .pid = (pid_t)strtol(name, NULL, 10) };
	int r;

	if (fd < 0)
		return 0;
	(void)read_uid(fd, p.uid);
	r = read_link(fd, "ns/net", "net", &p.net);
	if ((r == -EACCES || r == -EPERM) && is_alive(fd)) {
		t->n_hidden++;
		return *p.uid ? -EPERM : 0;
	}
	if (r < 0)
		return 0;
	if (p.net == own_net)
		note_descriptors(t, &p);
	else if (*p.uid)
		return note_namespace(t, &p);
	return 0;
}

static int read_processes(struct pn_truth *t, DIR *proc, uint64_t own_net)
{
	const struct dirent *d;
	int r = 0;

	while (r == 0 && (d = readdir(proc))) {
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			r = note_process(t, dirfd(proc), d->d_name, own_net);
	}
	return r;
}

/* --- all ---------------------------------------------------------------------------------------- */

static int read_tree(struct pn_truth *t, const char *root, struct pn_err *reterr)
{
	PN_CLEANUP(dirp_close) DIR *dir = open_dir_below(AT_FDCWD, root);
	char path[PATH_MAX] = "";
	int r;

	if (!dir)
		return pn_err_set(reterr, -errno, "%s: %s", root, strerror(errno));
	r = read_cgroups(t, dir, path, 0);
	return r < 0 ? pn_err_set(reterr, r, "%s: %s", root, strerror(-r)) : 0;
}

static int read_proc(struct pn_truth *t, const char *root, struct pn_err *reterr)
{
	PN_CLEANUP(dirp_close) DIR *dir = open_dir_below(AT_FDCWD, root);
	PN_CLEANUP(pn_closep) int self_fd = -1;
	uint64_t own_net;
	int r;

	if (!dir)
		return pn_err_set(reterr, -errno, "%s: %s", root, strerror(errno));
	self_fd = openat(dirfd(dir), "self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = self_fd < 0 ? -errno : read_link(self_fd, "ns/net", "net", &own_net);
	if (r < 0)
		return pn_err_set(reterr, r, "%s/self: %s: is procfs mounted there?", root,
				  strerror(-r));
	r = read_addrs(self_fd, &t->own);
	if (r >= 0)
		r = read_sockets(t, self_fd);
	if (r == 0)
		r = read_processes(t, dir, own_net);
	if (r == -EPERM)
		return pn_err_set(reterr, r,
				  "%s: may not look into the processes of pods: run as root", root);
	return r < 0 ? pn_err_set(reterr, r, "%s: %s", root, strerror(-r)) : 0;
}

int pn_truth_read(const char *proc, const char *cgroup_root, struct pn_truth *ret,
		  struct pn_err *reterr)
{
	int r = cgroup_root ? read_tree(ret, cgroup_root, reterr) : 0;

	return r < 0 ? r : read_proc(ret, proc, reterr);
}

void pn_truth_done(struct pn_truth *t)
{
	for (size_t i = 0; i < t->n_cgroups; i++)
		free(t->cgroups[i].path);
	for (size_t i = 0; i < t->n_pods; i++) {
		free(t->pods[i].addrs.items);
		free(t->pods[i].namespaces);
	}
	free(t->cgroups);
	free(t->pods);
	free(t->sockets);
	free(t->own.items);
	*t = (struct pn_truth) { .n_pods = 0 };
}
