/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TEST_WORLD_FIXTURE_H
#define PN_TEST_WORLD_FIXTURE_H

/*
 * A small world for the tracer: two pods, each a network namespace behind a veth, and between them
 * the node's namespace, which routes. Sockets of each, UDP traffic, and the entries that it makes.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "datapath/tracer.h"
#include "netns_fixture.h"
#include "table_fixture.h"

#define PATIENCE_S 60 /* others may have all processors */
#define N_POLLS (PATIENCE_S * 1000)

#define CLIENT "10.77.1.2"
#define SERVER "10.77.2.2"
#define SERVICE "10.96.0.10"

struct world {
	bool allowed;
	int node_netns_fd;
	struct pod client, server;
	struct pn_tracer *tracer;
	const struct pn_tracer_config *config; /* of a world that a group shares */
};

static struct world shared_world;

static inline void make_pod_link(const struct pod *pod, const char *name, int net)
{
	(void)run("ip link add %s type veth peer name eth0 netns %d && ip addr add 10.77.%d.1/24 "
		  "dev %s && ip link set %s up",
		  name, (int)pod->pid, net, name, name);
	(void)run("nsenter -t %d -n sh -c 'ip link set lo up && ip addr add 10.77.%d.2/24 dev eth0 "
		  "&& ip link set eth0 up && ip route add default via 10.77.%d.1'",
		  (int)pod->pid, net, net);
}

static inline bool make_pods(struct world *w)
{
	if (!pod_start(&w->client) || !pod_start(&w->server))
		return false;
	make_pod_link(&w->client, "pn-client", 1);
	make_pod_link(&w->server, "pn-server", 2);
	return run("echo 1 > /proc/sys/net/ipv4/ip_forward") == 0;
}

static inline bool world_make(struct world *w)
{
	if (!enter_node_netns())
		return false;
	w->node_netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return w->node_netns_fd >= 0 && make_pods(w);
}

/* false: failed. Without the right to, the tests skip. */
static inline bool world_attach(struct world *w)
{
	struct pn_err err;

	if (pn_tracer_attach(w->tracer, (int)if_nametoindex("pn-client"), &err) < 0 ||
	    pn_tracer_attach(w->tracer, (int)if_nametoindex("pn-server"), &err) < 0) {
		print_error("%s\n", err.text);
		return false;
	}
	return true;
}

static inline int world_start(struct world *w, const struct pn_tracer_config *config)
{
	struct pn_err err;

	*w = (struct world) { .allowed = geteuid() == 0 };
	if (!w->allowed) {
		print_message("needs root and ip(8): makes network namespaces\n");
		return 0;
	}
	if (!world_make(w))
		return -1;
	if (pn_tracer_new(config, &w->tracer, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return world_attach(w) ? 0 : -1;
}

static inline void world_stop(struct world *w)
{
	pn_tracer_free(w->tracer);
	if (!w->allowed)
		return;
	pod_stop(&w->client);
	pod_stop(&w->server);
	(void)close(w->node_netns_fd);
}

/* New pods, and nothing on the node of what a test has left there. */
static inline bool pods_again(struct world *w)
{
	pod_stop(&w->client);
	pod_stop(&w->server);
	(void)run("for link in pn-client pn-server; do ip link del $link; done 2>/dev/null");
	(void)run("nft flush ruleset 2>/dev/null");
	return make_pods(w);
}

struct key_list {
	struct pn_flow_key keys[1024];
	size_t n;
};

static inline void note_key(void *data, const struct pn_flow_key *key,
			    const struct pn_flow_value *value)
{
	struct key_list *l = data;

	(void)value;
	if (l->n < PN_ARRAY_SIZE(l->keys))
		l->keys[l->n++] = *key;
}

static inline bool empty_table(struct pn_tracer *t)
{
	static struct key_list l;
	struct pn_flow_value last;
	int r;

	l.n = 0;
	r = pn_tracer_drain(t, note_key, &l);
	for (size_t i = 0; i < l.n && (r == 0 || r == -ENOENT); i++)
		r = remove_entry(t, &l.keys[i], &last);
	return r == 0 || r == -ENOENT;
}

static inline bool world_again(struct world *w)
{
	(void)pn_tracer_detach(w->tracer, (int)if_nametoindex("pn-client"), NULL);
	(void)pn_tracer_detach(w->tracer, (int)if_nametoindex("pn-server"), NULL);
	return pods_again(w) && empty_table(w->tracer) && world_attach(w);
}

static inline int end_shared_world(void **state)
{
	(void)state;
	world_stop(&shared_world);
	shared_world = (struct world) {};
	return 0;
}

/*
 * Loading takes long in an emulated machine, so tests in a row that want the same have one tracer, and
 * with it the node that it was loaded for; each has pods of its own, and finds an empty table. The
 * group has end_shared_world() at its end.
 */
static inline int share_world(void **state, const struct pn_tracer_config *config)
{
	struct world *w = &shared_world;
	bool ok;

	*state = w;
	if (w->tracer && w->config == config) {
		ok = world_again(w);
	} else {
		(void)end_shared_world(NULL);
		ok = world_start(w, config) == 0;
		w->config = config;
	}
	return ok ? 0 : -1;
}

static inline struct world *world_of(void **state)
{
	struct world *w = *state;

	if (!w->allowed)
		skip();
	return w;
}

static inline struct sockaddr_in address(const char *addr, unsigned int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	assert_int_equal(inet_pton(AF_INET, addr, &a.sin_addr), 1);
	return a;
}

/* A UDP socket of the node. */
static inline int node_socket(const char *addr, unsigned int port)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_in a = address(addr, port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* And of a pod. A socket stays in the namespace that it was made in. */
static inline int pod_socket(struct world *w, const struct pod *pod, const char *addr,
			     unsigned int port)
{
	int fd;

	assert_int_equal(setns(pod->netns_fd, CLONE_NEWNET), 0);
	fd = node_socket(addr, port);
	assert_int_equal(setns(w->node_netns_fd, CLONE_NEWNET), 0);
	return fd;
}

static inline void send_to(int fd, const char *addr, unsigned int port, size_t len)
{
	struct sockaddr_in a = address(addr, port);
	char payload[64] = {};

	assert_int_equal(sendto(fd, payload, len, 0, (void *)&a, sizeof(a)), len);
}

/* Receives one datagram and sends it back. */
static inline void echo(int fd)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	char payload[64];
	ssize_t n;

	n = recvfrom(fd, payload, sizeof(payload), 0, (void *)&from, &from_len);
	assert_true(n > 0);
	assert_int_equal(sendto(fd, payload, (size_t)n, 0, (void *)&from, from_len), n);
}

static inline void receive(int fd)
{
	char payload[64];

	assert_true(recv(fd, payload, sizeof(payload), 0) > 0);
}

struct search {
	uint8_t proto;
	struct pn_addr low, high;
	struct pn_flow_key key;
	struct pn_flow_value value;
	int n;
};

static inline void match(void *data, const struct pn_flow_key *key,
			 const struct pn_flow_value *value)
{
	struct search *s = data;

	if (key->proto != s->proto || memcmp(key->addr[0], &s->low, sizeof(s->low)) != 0 ||
	    memcmp(key->addr[1], &s->high, sizeof(s->high)) != 0)
		return;
	s->key = *key;
	s->value = *value;
	s->n++;
}

/* The flows between the two, the lower address first: how many, and one of them. */
static inline struct search flows_between(struct world *w, uint8_t proto, const char *low,
					  const char *high)
{
	struct search s = { .proto = proto };

	assert_int_equal(pn_addr_parse(low, &s.low), 0);
	assert_int_equal(pn_addr_parse(high, &s.high), 0);
	assert_int_equal(pn_tracer_drain(w->tracer, match, &s), 0);
	return s;
}

static inline struct search udp_flow(struct world *w, const char *low, const char *high)
{
	struct search s = flows_between(w, IPPROTO_UDP, low, high);

	assert_int_equal(s.n, 1);
	return s;
}

static inline void exchange(struct world *w, const char *to, unsigned int port,
			    unsigned int server_port, int n)
{
	int client = pod_socket(w, &w->client, CLIENT, 4000);
	int server = pod_socket(w, &w->server, SERVER, server_port);

	for (int i = 0; i < n; i++) {
		send_to(client, to, port, 10);
		echo(server);
		receive(client);
	}
	(void)close(client);
	(void)close(server);
}

static inline void assert_tuple(const struct pn_flow_tuple *t, const char *opener,
				unsigned int port, const char *other, unsigned int other_port)
{
	struct pn_addr a, b;

	assert_int_equal(pn_addr_parse(opener, &a), 0);
	assert_int_equal(pn_addr_parse(other, &b), 0);
	assert_memory_equal(t->addr[0], &a, sizeof(a));
	assert_memory_equal(t->addr[1], &b, sizeof(b));
	assert_int_equal(ntohs(t->port[0]), port);
	assert_int_equal(ntohs(t->port[1]), other_port);
}

#endif
