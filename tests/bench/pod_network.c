/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/pod_network.h"

#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <stdlib.h>

#define NODE_MAC "02:00:00:00:00:01"
#define POD_MAC "02:00:00:00:00:02"
#define GATEWAY_V4 "169.254.1.1"
#define GATEWAY_V6 "fe80::1"

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "pod_network: %s: %s\n", what, nl_geterror(r));
	exit(1);
}

static struct nl_sock *connect_socket(void)
{
	struct nl_sock *s = nl_socket_alloc();

	check(s ? nl_connect(s, NETLINK_ROUTE) : -NLE_NOMEM, "a netlink socket");
	return s;
}

static struct nl_addr *parse(const char *text, int family)
{
	struct nl_addr *a = NULL;

	check(nl_addr_parse(text, family, &a), text);
	return a;
}

static void set_mac(struct rtnl_link *link, const char *text)
{
	struct nl_addr *mac = parse(text, AF_LLC);

	rtnl_link_set_addr(link, mac);
	nl_addr_put(mac);
}

static void add_veth(struct nl_sock *s, const char *peer_name, pid_t pid)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;

	if (!link)
		check(-NLE_NOMEM, "a veth");
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, "eth0");
	set_mac(link, POD_MAC);
	rtnl_link_set_name(peer, peer_name);
	rtnl_link_set_ns_pid(peer, pid);
	set_mac(peer, NODE_MAC);
	check(rtnl_link_add(s, link, NLM_F_CREATE | NLM_F_EXCL), "adding a veth");
	rtnl_link_put(peer);
	rtnl_link_veth_release(link);
}

/* Without an address that the kernel makes itself: it would speak for it. */
static void set_up(struct nl_sock *s, int ifindex)
{
	struct rtnl_link *link = rtnl_link_alloc(), *change = rtnl_link_alloc();

	rtnl_link_set_ifindex(link, ifindex);
	check(rtnl_link_inet6_set_addr_gen_mode(change, rtnl_link_inet6_str2addrgenmode("none")),
	      "address generation");
	check(rtnl_link_change(s, link, change, 0), "address generation");
	rtnl_link_put(change);
	change = rtnl_link_alloc();
	rtnl_link_set_flags(change, IFF_UP);
	check(rtnl_link_change(s, link, change, 0), "setting an interface up");
	rtnl_link_put(change);
	rtnl_link_put(link);
}

static void add_address(struct nl_sock *s, int ifindex, const char *text)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local = parse(text, AF_UNSPEC);

	rtnl_addr_set_ifindex(addr, ifindex);
	check(rtnl_addr_set_local(addr, local), text);
	rtnl_addr_set_flags(addr, IFA_F_NODAD);
	check(rtnl_addr_add(s, addr, 0), "adding an address");
	nl_addr_put(local);
	rtnl_addr_put(addr);
}

static void add_neighbour(struct nl_sock *s, int ifindex, const char *text, const char *mac_text)
{
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *to = parse(text, AF_UNSPEC), *mac = parse(mac_text, AF_LLC);

	rtnl_neigh_set_ifindex(n, ifindex);
	check(rtnl_neigh_set_dst(n, to), text);
	rtnl_neigh_set_lladdr(n, mac);
	rtnl_neigh_set_state(n, NUD_PERMANENT);
	check(rtnl_neigh_add(s, n, NLM_F_CREATE | NLM_F_REPLACE), "adding a neighbour");
	nl_addr_put(to);
	nl_addr_put(mac);
	rtnl_neigh_put(n);
}

static void add_route(struct nl_sock *s, int ifindex, int family, const char *to, const char *via)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *dst = parse(to, family), *gateway;

	check(rtnl_route_set_family(route, (uint8_t)family), to);
	check(rtnl_route_set_dst(route, dst), to);
	rtnl_route_set_scope(route, via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	rtnl_route_nh_set_ifindex(hop, ifindex);
	if (via) {
		gateway = parse(via, family);
		rtnl_route_nh_set_gateway(hop, gateway);
		nl_addr_put(gateway);
	}
	rtnl_route_add_nexthop(route, hop);
	check(rtnl_route_add(s, route, NLM_F_CREATE | NLM_F_REPLACE), "adding a route");
	nl_addr_put(dst);
	rtnl_route_put(route);
}

void pn_pod_end_make(const char *v4, const char *v6, const char *peer, pid_t pid)
{
	struct nl_sock *s = connect_socket();
	int ifindex;

	add_veth(s, peer, pid);
	ifindex = (int)if_nametoindex("eth0");
	set_up(s, ifindex);
	add_address(s, ifindex, v4);
	add_address(s, ifindex, v6);
	add_neighbour(s, ifindex, GATEWAY_V4, NODE_MAC);
	add_neighbour(s, ifindex, GATEWAY_V6, NODE_MAC);
	add_route(s, ifindex, AF_INET, GATEWAY_V4, NULL);
	add_route(s, ifindex, AF_INET, "default", GATEWAY_V4);
	add_route(s, ifindex, AF_INET6, "default", GATEWAY_V6);
	nl_socket_free(s);
}

void pn_host_end_make(const char *v4, const char *v6, const char *peer)
{
	struct nl_sock *s = connect_socket();
	int ifindex = (int)if_nametoindex(peer);

	set_up(s, ifindex);
	add_neighbour(s, ifindex, v4, POD_MAC);
	add_neighbour(s, ifindex, v6, POD_MAC);
	add_route(s, ifindex, AF_INET, v4, NULL);
	add_route(s, ifindex, AF_INET6, v6, NULL);
	nl_socket_free(s);
}

void pn_pod_end_remove(void)
{
	struct nl_sock *s = connect_socket();
	struct rtnl_link *link = rtnl_link_alloc();

	rtnl_link_set_name(link, "eth0");
	check(rtnl_link_delete(s, link), "removing a veth");
	rtnl_link_put(link);
	nl_socket_free(s);
}
