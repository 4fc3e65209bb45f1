/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_SOCKET_GROUP_H
#define PN_DAEMON_SOCKET_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* Who may ask the agent, beside its own user: the members of this group, where there is one. */
#define PN_SOCKET_GROUP "podonym"

/**
 * pn_socket_group_join() - become a member, so that the socket can be given to the group later
 * without a capability; before there is another thread
 *
 * Return: is there such a group?
 */
bool pn_socket_group_join(gid_t *ret);

/** pn_socket_group_give() - what cannot be given is logged, and stays ours */
void pn_socket_group_give(const char *path, gid_t group);

#endif
