/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `ipfix`: messages to a collector by UDP or TCP. Its functions are called by exporter.c,
 * nearly all on the sender's thread; the messages are made by ipfix.c.
 *
 * By UDP a record counts as sent when the network has taken it. By TCP it does when the collector's
 * kernel has acknowledged it; what was not when a connection ends is sent again by the next one.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "base/number.h"
#include "export/ipfix.h"
#include "export/sink_kinds.h"

enum {
	IP_UDP_HEADERS = 48, /* of IPv6 and UDP */
	TCP_MESSAGE = 16 << 10,
	OUT_BYTES =
		1 << 20, /* messages that are not acknowledged; then batches stay in the queue */
	OUT_MAX_BYTES = 4 << 20,
	CONNECT_MS = 2000,
	REFUSAL_MS = 20, /* for a collector's machine to say that nobody listens there */
	DEAD_PEER_MS = 30000,
	ATTEND_MS = 20,
	DEFAULT_PORT = 4739, /* IANA: ipfix */
};

struct values {
	uint64_t enterprise, domain, mtu, template_packets, max_rate;
	pn_nsec template_refresh;
};

struct ipfix_sink {
	struct pn_exporter *exporter;
	struct values values;
	bool is_tcp;
	char *host;
	char port[6];
	size_t max_message;
	int fd;
	uint32_t sequence; /* of the next record */

	/* UDP: when templates are due. */
	pn_nsec templates_at;
	uint64_t n_messages;

	/* TCP: whole messages from @front on; in UDP the one that is sent now. */
	struct pn_buf out;
	size_t front, n_written;
};

static const struct pn_sink_option options[] = {
	{
		.name = "enterprise",
		.type = PN_SINK_NUMBER,
		.preset = "32473", /* PN_IPFIX_EXAMPLE_PEN */
		.min = 1,
		.max = UINT32_MAX,
		.offset = offsetof(struct values, enterprise),
	},
	{
		.name = "domain",
		.type = PN_SINK_NUMBER,
		.preset = "1",
		.max = UINT32_MAX,
		.offset = offsetof(struct values, domain),
	},
	{
		.name = "mtu",
		.type = PN_SINK_NUMBER,
		.preset = "1400",
		.min = 576,
		.max = 65000,
		.offset = offsetof(struct values, mtu),
	},
	{
		.name = "template-refresh",
		.type = PN_SINK_DURATION,
		.preset = "1m",
		.min = PN_NSEC_PER_SEC,
		.max = 86400 * PN_NSEC_PER_SEC,
		.offset = offsetof(struct values, template_refresh),
	},
	{
		.name = "template-packets",
		.type = PN_SINK_NUMBER,
		.preset = "4096",
		.min = 1,
		.max = UINT32_MAX,
		.offset = offsetof(struct values, template_packets),
	},
	{
		.name = "max-rate",
		.type = PN_SINK_SIZE,
		.preset = "8M",
		.min = 64 << 10,
		.max = UINT64_C(1) << 34,
		.offset = offsetof(struct values, max_rate),
	},
	{ .name = NULL },
};

static uint32_t export_time(void)
{
	return (uint32_t)(pn_clock_realtime(&pn_clock_system) / PN_NSEC_PER_SEC);
}

/* --- connections --------------------------------------------------------------------------------- */

static int fail(const struct ipfix_sink *f, const char *what, int r, struct pn_err *reterr)
{
	return pn_err_set(reterr, r, "%s port %s: %s: %s", f->host, f->port, what, strerror(-r));
}

/* Return: 0 or a negative errno: what came of a connect() that had to wait */
static int wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&p, 1, CONNECT_MS) <= 0)
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

static int open_socket(struct ipfix_sink *f, struct pn_err *reterr)
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
		return fail(f, "connecting", fd, reterr);
	f->fd = fd;
	return 0;
}

static void close_socket(struct ipfix_sink *f)
{
	if (f->fd >= 0)
		(void)close(PN_TAKE_FD(f->fd));
}

/* Has a machine said that nobody listens there? @ms: waits so long for it */
static int is_refused(int fd, int ms)
{
	struct pollfd p = { .fd = fd };
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&p, 1, ms) > 0)
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return -error;
}

/* --- UDP ----------------------------------------------------------------------------------------- */

static int send_datagram(struct ipfix_sink *f, const char *message, size_t len)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	if (poll(&p, 1, CONNECT_MS) <= 0)
		return -EAGAIN;
	return send(f->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_templates(struct ipfix_sink *f)
{
	int r;

	pn_buf_reset(&f->out);
	r = pn_ipfix_templates((uint32_t)f->values.enterprise, (uint32_t)f->values.domain,
			       f->sequence, export_time(), &f->out);
	for (size_t at = 0; r == 0 && at < f->out.len; at += pn_ipfix_message_len(f->out.data + at))
		r = send_datagram(f, f->out.data + at, pn_ipfix_message_len(f->out.data + at));
	f->templates_at = pn_clock_now(&pn_clock_system) + f->values.template_refresh;
	f->n_messages = 0;
	return r;
}

/* Templates go out first, and by them it is seen whether anybody listens. */
static int begin_udp(struct ipfix_sink *f, struct pn_err *reterr)
{
	int r = open_socket(f, reterr);

	if (r < 0)
		return r;
	r = send_templates(f);
	if (r == 0)
		r = is_refused(f->fd, REFUSAL_MS);
	return r < 0 ? fail(f, "sending", r, reterr) : 0;
}

static bool templates_are_due(const struct ipfix_sink *f)
{
	return f->n_messages >= f->values.template_packets ||
	       pn_clock_now(&pn_clock_system) >= f->templates_at;
}

static int send_one(struct ipfix_sink *f, struct pn_batch *b)
{
	size_t taken;
	int n, r = 0;

	if (templates_are_due(f))
		r = send_templates(f);
	if (r < 0)
		return r;
	pn_buf_reset(&f->out);
	n = pn_ipfix_message(b->bytes.data + b->at, b->bytes.len - b->at, f->max_message,
			     (uint32_t)f->values.domain, f->sequence, export_time(), &f->out,
			     &taken);
	if (n < 0)
		return n;
	r = send_datagram(f, f->out.data, f->out.len);
	if (r < 0)
		return r;
	f->n_messages++;
	f->sequence += (uint32_t)n;
	b->at += taken;
	b->n_records -= (size_t)n;
	pn_exporter_sent(f->exporter, (uint64_t)n);
	return 0;
}

/* A receiver's buffer is small, and nothing says when it is full. */
static void pause_for(const struct ipfix_sink *f, size_t n_bytes)
{
	pn_nsec pause = n_bytes * PN_NSEC_PER_SEC / f->values.max_rate;
	const struct timespec ts = {
		.tv_sec = (time_t)(pause / PN_NSEC_PER_SEC),
		.tv_nsec = (long)(pause % PN_NSEC_PER_SEC),
	};

	(void)nanosleep(&ts, NULL);
}

static int send_udp(struct ipfix_sink *f, struct pn_batch *b, struct pn_err *reterr)
{
	int r = f->fd < 0 ? begin_udp(f, reterr) : 0;
	size_t since = b->at;

	while (r == 0 && b->at < b->bytes.len) {
		r = send_one(f, b);
		if (r < 0)
			r = fail(f, "sending", r, reterr);
		if (b->at - since >= f->values.max_rate / 128 || b->at == b->bytes.len) {
			pause_for(f, b->at - since);
			since = b->at;
		}
	}
	if (r < 0 && r != -EAGAIN)
		close_socket(f);
	return r;
}

/* --- TCP ----------------------------------------------------------------------------------------- */

/* Sequence numbers count records, so the next message's says how many are in this one. */
static uint32_t records_at(const struct ipfix_sink *f, size_t at)
{
	size_t next = at + pn_ipfix_message_len(f->out.data + at);
	uint32_t end = f->sequence;

	if (next < f->out.len)
		end = pn_ipfix_message_sequence(f->out.data + next);
	return end - pn_ipfix_message_sequence(f->out.data + at);
}

static void forget_front(struct ipfix_sink *f)
{
	if (f->front < f->out.len / 2)
		return;
	pn_buf_consume(&f->out, f->front);
	f->n_written -= f->front;
	f->front = 0;
}

/* What the other side has acknowledged is sent. */
static void retire(struct ipfix_sink *f)
{
	uint64_t n_sent = 0;
	int n_unacked;

	if (f->fd < 0 || ioctl(f->fd, SIOCOUTQ, &n_unacked) < 0)
		return;
	while (f->front < f->out.len) {
		size_t end = f->front + pn_ipfix_message_len(f->out.data + f->front);

		if (end + (size_t)n_unacked > f->n_written)
			break;
		n_sent += records_at(f, f->front);
		f->front = end;
	}
	if (n_sent)
		pn_exporter_sent(f->exporter, n_sent);
	forget_front(f);
}

/* A connection has sequence numbers of its own, from 0 on, and templates in front. */
static int restart_stream(struct ipfix_sink *f)
{
	struct pn_buf again = PN_BUF_INIT(OUT_MAX_BYTES);
	uint32_t sequence = 0;
	size_t len = 0;
	int r = pn_ipfix_templates((uint32_t)f->values.enterprise, (uint32_t)f->values.domain, 0,
				   export_time(), &again);

	for (size_t at = f->front; r == 0 && at < f->out.len; at += len) {
		uint32_t n = records_at(f, at);

		len = pn_ipfix_message_len(f->out.data + at);
		if (!n) /* templates of the connection before */
			continue;
		r = pn_buf_put(&again, f->out.data + at, len);
		if (r == 0)
			pn_ipfix_set_sequence(again.data + again.len - len, sequence);
		sequence += n;
	}
	if (r < 0) {
		pn_buf_done(&again);
		return r;
	}
	pn_buf_done(&f->out);
	f->out = again;
	f->front = f->n_written = 0;
	f->sequence = sequence;
	return 0;
}

static int begin_tcp(struct ipfix_sink *f, struct pn_err *reterr)
{
	int r = open_socket(f, reterr);

	if (r < 0)
		return r;
	r = restart_stream(f);
	if (r < 0) {
		close_socket(f);
		return fail(f, "sending", r, reterr);
	}
	return 0;
}

/* A collector never answers, so the end is all that can be read. Return: 0 or a negative errno */
static int is_closed(int fd)
{
	char ignored[256];
	ssize_t n;

	do
		n = recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	while (n > 0);
	if (n == 0)
		return -EPIPE;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int write_out(struct ipfix_sink *f)
{
	int r = is_closed(f->fd);

	while (r == 0 && f->n_written < f->out.len) {
		ssize_t n = send(f->fd, f->out.data + f->n_written, f->out.len - f->n_written,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			r = errno == EINTR ? 0 : -errno;
		else
			f->n_written += (size_t)n;
	}
	return r;
}

/* With a connection, all that can be written is. Return: 0 or a negative errno with @reterr */
static int push(struct ipfix_sink *f, struct pn_err *reterr)
{
	int r = f->fd < 0 ? begin_tcp(f, reterr) : 0;

	if (r < 0)
		return r;
	r = write_out(f);
	retire(f);
	if (r == 0)
		return 0;
	close_socket(f);
	if (r == -EPIPE)
		return pn_err_set(reterr, r, "%s port %s: the collector has closed the connection",
				  f->host, f->port);
	return fail(f, "sending", r, reterr);
}

static int add_messages(struct ipfix_sink *f, struct pn_batch *b)
{
	while (b->at < b->bytes.len) {
		size_t taken;
		int n = pn_ipfix_message(b->bytes.data + b->at, b->bytes.len - b->at,
					 f->max_message, (uint32_t)f->values.domain, f->sequence,
					 export_time(), &f->out, &taken);

		if (n < 0)
			return n;
		f->sequence += (uint32_t)n;
		b->at += taken;
		b->n_records -= (size_t)n;
	}
	return 0;
}

/* The records of a batch wait in @out until they are acknowledged. */
static int send_tcp(struct ipfix_sink *f, struct pn_batch *b, struct pn_err *reterr)
{
	int r = push(f, reterr);

	if (r < 0)
		return r;
	if (f->out.len - f->front > OUT_BYTES)
		return -EAGAIN;
	r = add_messages(f, b);
	return r < 0 ? fail(f, "sending", r, reterr) : push(f, reterr);
}

/* --- the kind ------------------------------------------------------------------------------------ */

static int ipfix_send(void *sink, struct pn_batch *b, struct pn_err *reterr)
{
	struct ipfix_sink *f = sink;

	return f->is_tcp ? send_tcp(f, b, reterr) : send_udp(f, b, reterr);
}

static int ipfix_attend(void *sink, struct pn_err *reterr)
{
	struct ipfix_sink *f = sink;

	return f->is_tcp && f->front < f->out.len ? push(f, reterr) : 0;
}

static int ipfix_encode(void *sink, const struct pn_flow_record *r, struct pn_buf *out)
{
	const struct ipfix_sink *f = sink;

	return pn_ipfix_record(r, f->max_message - PN_IPFIX_HEADER_LEN - PN_IPFIX_SET_HEADER_LEN,
			       out);
}

static void ipfix_close(void *sink)
{
	struct ipfix_sink *f = sink;

	close_socket(f);
	pn_buf_done(&f->out);
	free(f->host);
	free(f);
}

/* HOST, HOST:PORT, [ADDRESS]:PORT */
static int parse_host(struct ipfix_sink *f, const char *text)
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

static int parse_target(struct ipfix_sink *f, const char *target, struct pn_err *reterr)
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
	struct ipfix_sink *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	f->fd = -1;
	f->exporter = setup->exporter;
	f->values = *(const struct values *)setup->values;
	f->out = PN_BUF_INIT(OUT_MAX_BYTES);
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
	.values_size = sizeof(struct values),
	.attend_ms = ATTEND_MS,
	.open = ipfix_open,
	.encode = ipfix_encode,
	.send = ipfix_send,
	.attend = ipfix_attend,
	.close = ipfix_close,
};
