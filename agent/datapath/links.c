/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces are host ends of pods' veth or netkit pairs; the agent attaches the tracer to them.
 * Frames have an Ethernet header at both, at netkit also in its mode L3.
 *
 * An end says in IFLA_LINK_NETNSID that its peer lives in another network namespace, and says
 * nothing of the kind while the peer is at home; so each message about a link is enough to decide.
 * When the peer moves, the kernel tells as soon as the carrier follows, which is before traffic.
 *
 * Events and dumps go the same way. When messages were lost, a new dump tells what is there, and
 * what it does not mention is gone: each dump has a number, each end carries the number of the
 * dump, or of the time after it, in which it was last seen.
 */
#include "datapath/links.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/rtnl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A node that starts many pods at once sends some hundred messages of 1-2 KB. */
#define RECEIVE_BUFFER_BYTES (1024 * 1024)
/*
 * Then the caller's other work has its turn; the descriptor is still readable. To attach waits for a lock of the
 * kernel's that who makes or removes many interfaces holds, a tenth of a second each time.
 */
#define MAX_RECEIVES 64
#define MAX_TURN (20 * PN_NSEC_PER_MSEC)

enum dump {
	DUMP_NEEDED,
	DUMP_RUNNING,
	DUMP_STALE, /* running, but something was lost meanwhile: another has to follow */
	DUMP_DONE,
};

struct end {
	struct end *next;
	int ifindex;
	char name[IF_NAMESIZE];
	uint32_t seen_in;
};

struct pn_links {
	const struct pn_links_ops *ops;
	void *data;
	struct nl_sock *sock;
	struct end *ends;
	enum dump dump;
	uint32_t dump_no;
	bool out_of_memory;
};

/* libnl's codes name fewer causes than errno; these are the ones that tell a caller something. */
static int fail(struct pn_err *reterr, int nl_err, const char *what)
{
	int code = -EIO;

	if (nl_err == -NLE_NOMEM)
		code = -ENOMEM;
	else if (nl_err == -NLE_PERM || nl_err == -NLE_NOACCESS)
		code = -EPERM;
	return pn_err_set(reterr, code, "%s: %s", what, nl_geterror(nl_err));
}

static void lost_something(struct pn_links *l)
{
	l->dump = l->dump == DUMP_RUNNING || l->dump == DUMP_STALE ? DUMP_STALE : DUMP_NEEDED;
}

static struct end **find(struct pn_links *l, int ifindex)
{
	struct end **at = &l->ends;

	while (*at && (*at)->ifindex != ifindex)
		at = &(*at)->next;
	return at;
}

/* @is_late: as of pn_links_ops.vanished() */
static void forget(struct pn_links *l, struct end **at, bool is_late)
{
	struct end *e = *at;

	*at = e->next;
	l->ops->vanished(l->data, e->ifindex, e->name, is_late);
	free(e);
}

static void add(struct pn_links *l, int ifindex, const char *name)
{
	struct end *e;

	e = calloc(1, sizeof(*e));
	if (!e) {
		l->out_of_memory = true;
		lost_something(l);
		return;
	}
	e->ifindex = ifindex;
	e->seen_in = l->dump_no;
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
	e->next = l->ends;
	l->ends = e;
	l->ops->appeared(l->data, ifindex, e->name);
}

/*
 * Another name is a rename as long as no message was lost. After a loss it may be another interface
 * that got the same index, so it is taken for one.
 */
static void note_end(struct pn_links *l, int ifindex, const char *name)
{
	struct end **at = find(l, ifindex), *e = *at;

	if (e && strcmp(e->name, name) != 0 && e->seen_in != l->dump_no) {
		forget(l, at, true);
		e = NULL;
	}
	if (!e) {
		add(l, ifindex, name);
		return;
	}
	e->seen_in = l->dump_no;
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
}

static bool is_pod_end(struct rtnl_link *link)
{
	const char *kind = rtnl_link_get_type(link);
	int32_t id;

	return kind && (strcmp(kind, "veth") == 0 || strcmp(kind, "netkit") == 0) &&
	       rtnl_link_get_link_netnsid(link, &id) == 0;
}

static void on_object(struct nl_object *obj, void *data)
{
	struct rtnl_link *link = (struct rtnl_link *)obj;
	int ifindex = rtnl_link_get_ifindex(link);
	const char *name = rtnl_link_get_name(link);
	struct pn_links *l = data;
	struct end **at;

	/* a bridge speaks of its ports in the same messages, "gone" when a port only leaves it */
	if (rtnl_link_get_family(link) != AF_UNSPEC || ifindex <= 0 || !name)
		return;
	if (nl_object_get_msgtype(obj) == RTM_NEWLINK && is_pod_end(link)) {
		note_end(l, ifindex, name);
		return;
	}
	at = find(l, ifindex);
	if (*at)
		forget(l, at, false);
}

static int on_message(struct nl_msg *msg, void *data)
{
	uint16_t type = nlmsg_hdr(msg)->nlmsg_type;

	struct pn_links *l = data;
	int r;

	if (type != RTM_NEWLINK && type != RTM_DELLINK)
		return NL_OK;
	r = nl_msg_parse(msg, on_object, l);
	if (r == -NLE_NOMEM) {
		l->out_of_memory = true;
		lost_something(l);
	} else if (r < 0) {
		pn_debug("datapath", "passing over a message about an interface: %s",
			 nl_geterror(r));
	}
	return NL_OK;
}

static int on_interrupted(struct nl_msg *msg, void *data)
{
	(void)msg;
	lost_something(data);
	return NL_OK;
}

static int on_finish(struct nl_msg *msg, void *data)
{
	struct pn_links *l = data;
	struct end **at = &l->ends;

	(void)msg;
	if (l->dump != DUMP_RUNNING) {
		l->dump = DUMP_NEEDED;
		return NL_OK;
	}
	l->dump = DUMP_DONE;
	while (*at) {
		if ((*at)->seen_in != l->dump_no)
			forget(l, at, true);
		else
			at = &(*at)->next;
	}
	return NL_OK;
}

static int request_dump(struct pn_links *l, struct pn_err *reterr)
{
	int r;

	r = nl_rtgen_request(l->sock, RTM_GETLINK, AF_UNSPEC, NLM_F_DUMP);
	if (r < 0)
		return fail(reterr, r, "asking for the list of interfaces");
	l->dump = DUMP_RUNNING;
	l->dump_no++;
	return 0;
}

static int open_socket(struct pn_links *l)
{
	int r;

	l->sock = nl_socket_alloc();
	if (!l->sock)
		return -NLE_NOMEM;
	nl_socket_disable_seq_check(l->sock); /* events have none */
	nl_socket_disable_auto_ack(l->sock);
	nl_socket_modify_cb(l->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, l);
	nl_socket_modify_cb(l->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, l);
	nl_socket_modify_cb(l->sock, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, l);

	r = nl_connect(l->sock, NETLINK_ROUTE);
	if (r < 0)
		return r;
	/* less room means more dumps, nothing worse */
	(void)nl_socket_set_buffer_size(l->sock, RECEIVE_BUFFER_BYTES, 0);
	r = nl_socket_set_nonblocking(l->sock);
	if (r < 0)
		return r;
	return nl_socket_add_memberships(l->sock, RTNLGRP_LINK, 0);
}

static void links_closep(struct pn_links **l)
{
	pn_links_close(*l);
}

int pn_links_open(const struct pn_links_ops *ops, void *data, struct pn_links **ret,
		  struct pn_err *reterr)
{
	PN_CLEANUP(links_closep) struct pn_links *l = NULL;
	int r;

	l = calloc(1, sizeof(*l));
	if (!l)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	l->ops = ops;
	l->data = data;
	r = open_socket(l);
	if (r < 0)
		return fail(reterr, r, "opening the netlink socket");
	r = request_dump(l, reterr);
	if (r < 0)
		return r;
	*ret = PN_TAKE_PTR(l);
	return 0;
}

void pn_links_close(struct pn_links *l)
{
	struct end *e;

	if (!l)
		return;
	while ((e = l->ends)) {
		l->ends = e->next;
		free(e);
	}
	nl_socket_free(l->sock);
	free(l);
}

int pn_links_fd(const struct pn_links *l)
{
	return nl_socket_get_fd(l->sock);
}

int pn_links_dispatch(struct pn_links *l, struct pn_err *reterr)
{
	pn_nsec begin = pn_clock_now(&pn_clock_system);
	int r;

	for (int i = 0; i < MAX_RECEIVES && pn_clock_now(&pn_clock_system) - begin < MAX_TURN;
	     i++) {
		r = l->dump == DUMP_NEEDED ? request_dump(l, reterr) : 0;
		if (r < 0)
			return r;
		r = nl_recvmsgs_default(l->sock);
		if (l->out_of_memory) {
			l->out_of_memory = false;
			return pn_err_set(reterr, -ENOMEM, "out of memory");
		}
		if (r == -NLE_AGAIN)
			return 0;
		if (r == -NLE_NOMEM) /* also what libnl makes of ENOBUFS */
			lost_something(l);
		else if (r < 0)
			return fail(reterr, r, "reading from the netlink socket");
	}
	return l->dump == DUMP_NEEDED ? request_dump(l, reterr) : 0;
}
