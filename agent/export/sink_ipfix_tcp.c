/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `ipfix` by TCP. A record counts as sent when the collector's kernel has acknowledged it; what
 * was not when a connection ends is sent again by the next one.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/err.h"
#include "export/ipfix.h"
#include "export/sink_ipfix_private.h"

enum {
	OUT_BYTES =
		1 << 20, /* messages that are not acknowledged; then batches stay in the queue */
};

/* Sequence numbers count records, so the next message's says how many are in this one. */
static uint32_t records_at(const struct pn_ipfix_sink *f, size_t at)
{
	size_t next = at + pn_ipfix_message_len(f->tcp.out.data + at);
	uint32_t end = f->sequence;

	if (next < f->tcp.out.len)
		end = pn_ipfix_message_sequence(f->tcp.out.data + next);
	return end - pn_ipfix_message_sequence(f->tcp.out.data + at);
}

static void forget_front(struct pn_ipfix_sink *f)
{
	if (f->tcp.front < f->tcp.out.len / 2)
		return;
	pn_buf_consume(&f->tcp.out, f->tcp.front);
	f->tcp.n_written -= f->tcp.front;
	f->tcp.front = 0;
}

/* What the other side has acknowledged is sent. */
static void retire(struct pn_ipfix_sink *f)
{
	uint64_t n_sent = 0;
	int n_unacked;

	if (f->fd < 0 || ioctl(f->fd, SIOCOUTQ, &n_unacked) < 0)
		return;
	while (f->tcp.front < f->tcp.out.len) {
		size_t end = f->tcp.front + pn_ipfix_message_len(f->tcp.out.data + f->tcp.front);

		if (end + (size_t)n_unacked > f->tcp.n_written)
			break;
		n_sent += records_at(f, f->tcp.front);
		f->tcp.front = end;
	}
	if (n_sent)
		pn_exporter_sent(f->exporter, n_sent);
	forget_front(f);
}

/* A connection has sequence numbers of its own, from 0 on, and templates in front. */
static int restart_stream(struct pn_ipfix_sink *f)
{
	struct pn_buf again = PN_BUF_INIT(PN_IPFIX_OUT_MAX_BYTES);
	uint32_t sequence = 0;
	size_t len = 0;
	int r = pn_ipfix_templates((uint32_t)f->values.enterprise, (uint32_t)f->values.domain, 0,
				   pn_ipfix_time(), &again);

	for (size_t at = f->tcp.front; r == 0 && at < f->tcp.out.len; at += len) {
		uint32_t n = records_at(f, at);

		len = pn_ipfix_message_len(f->tcp.out.data + at);
		if (!n) /* templates of the connection before */
			continue;
		r = pn_buf_put(&again, f->tcp.out.data + at, len);
		if (r == 0)
			pn_ipfix_set_sequence(again.data + again.len - len, sequence);
		sequence += n;
	}
	if (r < 0) {
		pn_buf_done(&again);
		return r;
	}
	pn_buf_done(&f->tcp.out);
	f->tcp.out = again;
	f->tcp.front = f->tcp.n_written = 0;
	f->sequence = sequence;
	return 0;
}

static int begin_tcp(struct pn_ipfix_sink *f, struct pn_err *reterr)
{
	int r = pn_ipfix_open_socket(f, reterr);

	if (r < 0)
		return r;
	r = restart_stream(f);
	if (r < 0) {
		pn_ipfix_close_socket(f);
		return pn_ipfix_fail(f, "sending", r, reterr);
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

static int write_out(struct pn_ipfix_sink *f)
{
	int r = is_closed(f->fd);

	while (r == 0 && f->tcp.n_written < f->tcp.out.len) {
		ssize_t n = send(f->fd, f->tcp.out.data + f->tcp.n_written,
				 f->tcp.out.len - f->tcp.n_written, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			r = errno == EINTR ? 0 : -errno;
		else
			f->tcp.n_written += (size_t)n;
	}
	return r;
}

/* With a connection, all that can be written is. Return: 0 or a negative errno with @reterr */
static int push(struct pn_ipfix_sink *f, struct pn_err *reterr)
{
	int r = f->fd < 0 ? begin_tcp(f, reterr) : 0;

	if (r < 0)
		return r;
	r = write_out(f);
	retire(f);
	if (r == 0)
		return 0;
	pn_ipfix_close_socket(f);
	if (r == -EPIPE)
		return pn_err_set(reterr, r, "%s port %s: the collector has closed the connection",
				  f->host, f->port);
	return pn_ipfix_fail(f, "sending", r, reterr);
}

static int add_messages(struct pn_ipfix_sink *f, struct pn_batch *b)
{
	while (b->at < b->bytes.len) {
		size_t taken;
		int n = pn_ipfix_message(b->bytes.data + b->at, b->bytes.len - b->at,
					 f->max_message, (uint32_t)f->values.domain, f->sequence,
					 pn_ipfix_time(), &f->tcp.out, &taken);

		if (n < 0)
			return n;
		f->sequence += (uint32_t)n;
		b->at += taken;
		b->n_records -= (size_t)n;
	}
	return 0;
}

/* The records of a batch wait in @out until they are acknowledged. */
int pn_ipfix_tcp_send(struct pn_ipfix_sink *f, struct pn_batch *b, struct pn_err *reterr)
{
	int r = push(f, reterr);

	if (r < 0)
		return r;
	if (f->tcp.out.len - f->tcp.front > OUT_BYTES)
		return -EAGAIN;
	r = add_messages(f, b);
	return r < 0 ? pn_ipfix_fail(f, "sending", r, reterr) : push(f, reterr);
}

int pn_ipfix_tcp_attend(struct pn_ipfix_sink *f, struct pn_err *reterr)
{
	return f->tcp.front < f->tcp.out.len ? push(f, reterr) : 0;
}
