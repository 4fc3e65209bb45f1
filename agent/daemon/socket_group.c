/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's socket and the group podonym, for agent.c. A file's owner may give it to a group that he
 * is in, and joining one takes CAP_SETGID, which is given up before the socket is there.
 */
#include "daemon/socket_group.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { MAX_GROUPS = 256 };

static bool is_member(gid_t group, const gid_t *groups, int n)
{
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return getegid() == group;
}

bool pn_socket_group_join(gid_t *ret)
{
	const struct group *g = getgrnam(PN_SOCKET_GROUP); /* NOLINT(concurrency-mt-unsafe) */
	gid_t groups[MAX_GROUPS + 1];
	int n;

	if (!g)
		return false;
	*ret = g->gr_gid;
	n = getgroups(MAX_GROUPS, groups);
	if (n < 0 || is_member(*ret, groups, n))
		return true;
	groups[n] = *ret;
	(void)setgroups((size_t)n + 1, groups);
	return true;
}

void pn_socket_group_give(const char *path, gid_t group)
{
	if (fchownat(AT_FDCWD, path, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) < 0)
		pn_warn("agent",
			"%s: cannot be given to the group %s: %s; only its owner can use it", path,
			PN_SOCKET_GROUP, strerror(errno));
}
