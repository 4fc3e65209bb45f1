/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `ipfix`: messages to a collector by UDP or TCP. Its functions are called by exporter.c,
 * nearly all on the sender's thread; the messages are made by ipfix.c. Here are its options and its
 * sockets; sink_ipfix_udp.c and sink_ipfix_tcp.c send.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/number.h"
#include "export/ipfix.h"
#include "export/sink_ipfix_private.h"
#include "export/sink_kinds.h"

enum {
	IP_UDP_HEADERS = 48, /* of IPv6 and UDP */
	TCP_MESSAGE = 16 << 10,
	DEAD_PEER_MS = 30000,
	ATTEND_MS = 20,
	DEFAULT_PORT = 4739, /* IANA: ipfix */
};

static const struct pn_sink_option options[] = {
	{
		.name = "enterprise",
		.type = PN_SINK_NUMBER,
		.preset = "32473", /* PN_IPFIX_EXAMPLE_PEN */
		.min = 1,
		.max = UINT32_MAX,
		.offset = offsetof(struct pn_ipfix_values, enterprise),
	},
	{
		.name = "domain",
		.type = PN_SINK_NUMBER,
		.preset = "1",
		.max = UINT32_MAX,
		.offset = offsetof(struct pn_ipfix_values, domain),
	},
	{
		.name = "mtu",
		.type = PN_SINK_NUMBER,
		.preset = "1400",
		.min = 576,
		.max = 65000,
		.offset = offsetof(struct pn_ipfix_values, mtu),
	},
	{
		.name = "template-refresh",
		.type = PN_SINK_DURATION,
		.preset = "1m",
		.min = PN_NSEC_PER_SEC,
		.max = 86400 * PN_NSEC_PER_SEC,
		.offset = offsetof(struct pn_ipfix_values, template_refresh),
	},
	{
		.name = "template-packets",
		.type = PN_SINK_NUMBER,
		.preset = "4096",
		.min = 1,
		.max = UINT32_MAX,
		.offset = offsetof(struct pn_ipfix_values, template_packets),
	},
	{
		.name = "max-rate",
		.type = PN_SINK_SIZE,
		.preset = "8M",
		.min = 64 << 10,
		.max = UINT64_C(1) << 34,
		.offset = offsetof(struct pn_ipfix_values, max_rate),
	},
	{ .name = NULL },
};

uint32_t pn_ipfix_time(void)
{
	return (uint32_t)(pn_clock_realtime(&pn_clock_system) / PN_NSEC_PER_SEC);
}

/* --- connections --------------------------------------------------------------------------------- */

int pn_ipfix_fail(const struct pn_ipfix_sink *f, const char *what, int r, struct pn_err *reterr)
{
	return pn_err_set(reterr, r, "%s port %s: %s: %s", f->host, f->port, what, strerror(-r));
}

/* Return: 0 or a negative errno: what came of a connect() that had to wait */
static int wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&p, 1, PN_IPFIX_CONNECT_MS) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static int connect_to(const struct addrinfo *a)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	const int dead_ms = DEAD_PEER_MS;
	int r = 0;

	fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? wait_connected(fd) : -errno;
	if (r < 0)
		return r;
	if (a->ai_socktype == SOCK_STREAM)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
	return PN_TAKE_FD(fd);
}

/* A resolver that does not answer must not hold up the end of the agent. */
static void be_quick_in_resolving(void)
{
	if (!(_res.options & RES_INIT) && res_init() < 0)
		return;
	_res.retrans = 1;
	_res.retry = 1;
}

int pn_ipfix_open_socket(struct pn_ipfix_sink *f, struct pn_err *reterr)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = f->is_tcp ? SOCK_STREAM : SOCK_DGRAM,
	};
	struct addrinfo *all;
	int fd = -EADDRNOTAVAIL, r;

	be_quick_in_resolving();
	r = getaddrinfo(f->host, f->port, &hints, &all);
	if (r != 0)
		return pn_err_set(reterr, -EADDRNOTAVAIL, "%s: %s", f->host, gai_strerror(r));
	for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next)
		fd = connect_to(a);
	freeaddrinfo(all);
	if (fd < 0)
		return pn_ipfix_fail(f, "connecting", fd, reterr);
	f->fd = fd;
	return 0;
}

void pn_ipfix_close_socket(struct pn_ipfix_sink *f)
{
	if (f->fd >= 0)
		(void)close(PN_TAKE_FD(f->fd));
}

/* --- the kind ------------------------------------------------------------------------------------ */

static int ipfix_send(void *sink, struct pn_batch *b, struct pn_err *reterr)
{
	struct pn_ipfix_sink *f = sink;

	return f->is_tcp ? pn_ipfix_tcp_send(f, b, reterr) : pn_ipfix_udp_send(f, b, reterr);
}

static int ipfix_attend(void *sink, struct pn_err *reterr)
{
	struct pn_ipfix_sink *f = sink;

	return f->is_tcp ? pn_ipfix_tcp_attend(f, reterr) : pn_ipfix_udp_attend(f, reterr);
}

static int ipfix_encode(void *sink, const struct pn_flow_record *r, struct pn_buf *out)
{
	const struct pn_ipfix_sink *f = sink;

	return pn_ipfix_record(r, f->max_message - PN_IPFIX_HEADER_LEN - PN_IPFIX_SET_HEADER_LEN,
			       out);
}

static void ipfix_close(void *sink)
{
	struct pn_ipfix_sink *f = sink;

	pn_ipfix_close_socket(f);
	pn_buf_done(&f->udp.last);
	pn_buf_done(&f->udp.next);
	pn_buf_done(&f->tcp.out);
	free(f->host);
	free(f);
}

/* HOST, HOST:PORT, [ADDRESS]:PORT */
static int parse_host(struct pn_ipfix_sink *f, const char *text)
{
	bool is_bracketed = *text == '[';
	size_t len = is_bracketed ? strcspn(++text, "]") : strcspn(text, ":");
	const char *rest = text + len + (is_bracketed && text[len]);
	uint64_t port = DEFAULT_PORT;

	if (!len || (is_bracketed && text[len] != ']') || (*rest && *rest != ':'))
		return -EINVAL;
	if (*rest && (pn_number_parse(rest + 1, 65535, &port) < 0 || !port))
		return -EINVAL;
	(void)snprintf(f->port, sizeof(f->port), "%u", (unsigned int)port);
	f->host = strndup(text, len);
	return f->host ? 0 : -ENOMEM;
}

static int parse_target(struct pn_ipfix_sink *f, const char *target, struct pn_err *reterr)
{
	int r = -EINVAL;

	f->is_tcp = strncmp(target, "tcp://", 6) == 0;
	if (f->is_tcp || strncmp(target, "udp://", 6) == 0)
		r = parse_host(f, target + 6);
	if (r == -EINVAL)
		return pn_err_set(reterr, r,
				  "\"%.60s\" should be udp://HOST:PORT or tcp://HOST:PORT, IPv6 "
				  "addresses in brackets",
				  target);
	return r < 0 ? pn_err_set(reterr, r, "no memory") : 0;
}

static int ipfix_open(const struct pn_sink_setup *setup, void **ret, struct pn_err *reterr)
{
	struct pn_ipfix_sink *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	f->fd = -1;
	f->exporter = setup->exporter;
	f->values = *(const struct pn_ipfix_values *)setup->values;
	f->udp.last = f->udp.next = f->tcp.out = PN_BUF_INIT(PN_IPFIX_OUT_MAX_BYTES);
	r = parse_target(f, setup->target, reterr);
	if (r < 0) {
		ipfix_close(f);
		return r;
	}
	f->max_message = f->is_tcp ? TCP_MESSAGE : f->values.mtu - IP_UDP_HEADERS;
	*ret = f;
	return 0;
}

const struct pn_sink_kind pn_sink_kind_ipfix = {
	.name = "ipfix",
	.target = "udp://HOST:PORT",
	.options = options,
	.values_size = sizeof(struct pn_ipfix_values),
	.attend_ms = ATTEND_MS,
	.open = ipfix_open,
	.encode = ipfix_encode,
	.send = ipfix_send,
	.attend = ipfix_attend,
	.close = ipfix_close,
};
