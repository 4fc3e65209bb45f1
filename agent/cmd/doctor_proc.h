/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_DOCTOR_PROC_H
#define PN_CMD_DOCTOR_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* What stands in files of /proc, a line at a time. A line that makes no sense says nothing. */

/** pn_proc_cgroup() - of /proc/PID/cgroup: the path in the unified hierarchy; @line loses its newline. Return: in @line, or NULL */
const char *pn_proc_cgroup(char *line);

/** struct pn_proc_fib - between the lines of /proc/PID/net/fib_trie; zeroed is ready to use */
struct pn_proc_fib {
	struct pn_addr addr;
	bool has_addr;
};

/** pn_proc_fib() - Return: is the line about an IPv4 address of the namespace's own? */
bool pn_proc_fib(struct pn_proc_fib *state, const char *line, struct pn_addr *ret);

/** pn_proc_inet6() - of /proc/PID/net/if_inet6. Return: is the line about an address that others may use? */
bool pn_proc_inet6(const char *line, struct pn_addr *ret);

/** pn_proc_is_plain() - neither loopback nor link-local nor unspecified: one that a pod or a node may have */
bool pn_proc_is_plain(const struct pn_addr *addr);

/** struct pn_proc_socket - @inode: what a descriptor's link leads to */
struct pn_proc_socket {
	struct pn_addr addr;
	uint16_t port;
	unsigned int state;
	uint64_t inode;
};

/** pn_proc_socket() - of /proc/PID/net/tcp, udp, tcp6, udp6. Return: is the line about a socket? */
bool pn_proc_socket(const char *line, struct pn_proc_socket *ret);

/** pn_proc_link() - the number in a link such as "net:[4026531840]" or "socket:[7]". Return: is it one of @kind? */
bool pn_proc_link(const char *link, const char *kind, uint64_t *ret);

#endif
