/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `ipfix` by UDP. Nobody acknowledges a datagram, but a machine on which nobody listens says
 * so: a datagram counts as sent when the next one has gone out without such a refusal, or a moment
 * has passed. One that is refused is sent again when the collector is back. What a network or a
 * receiver loses without a word is not known here.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "export/ipfix.h"
#include "export/sink_ipfix_private.h"

enum {
	REFUSAL_MS = 20, /* for a collector's machine to say that nobody listens there */
};

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

/* A refusal of a datagram before this one is an error of this one, which is not sent then. */
static int send_datagram(struct pn_ipfix_sink *f, const char *message, size_t len)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	if (poll(&p, 1, PN_IPFIX_CONNECT_MS) <= 0)
		return -EAGAIN;
	return send(f->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* @sequence: of the record that follows */
static int send_templates(struct pn_ipfix_sink *f, uint32_t sequence)
{
	struct pn_buf *t = &f->udp.next;
	int r;

	pn_buf_reset(t);
	r = pn_ipfix_templates((uint32_t)f->values.enterprise, (uint32_t)f->values.domain, sequence,
			       pn_ipfix_time(), t);
	for (size_t at = 0; r == 0 && at < t->len; at += pn_ipfix_message_len(t->data + at))
		r = send_datagram(f, t->data + at, pn_ipfix_message_len(t->data + at));
	f->udp.templates_at = pn_clock_now(&pn_clock_system) + f->values.template_refresh;
	f->udp.n_messages = 0;
	return r;
}

static void last_is_sent(struct pn_ipfix_sink *f)
{
	if (f->udp.n_in_doubt)
		pn_exporter_sent(f->exporter, f->udp.n_in_doubt);
	f->udp.n_in_doubt = 0;
}

static void last_is_in_doubt(struct pn_ipfix_sink *f, uint32_t n_records)
{
	f->udp.n_in_doubt = n_records;
	f->udp.sure_at = pn_clock_now(&pn_clock_system) + REFUSAL_MS * (PN_NSEC_PER_SEC / 1000);
}

/* Templates go out first, and by them it is seen whether anybody listens; then what was refused before. */
static int begin(struct pn_ipfix_sink *f, struct pn_err *reterr)
{
	int r = pn_ipfix_open_socket(f, reterr);

	if (r < 0)
		return r;
	r = send_templates(f, f->sequence - f->udp.n_in_doubt);
	if (r == 0)
		r = is_refused(f->fd, REFUSAL_MS);
	if (r == 0 && f->udp.n_in_doubt) {
		r = send_datagram(f, f->udp.last.data, f->udp.last.len);
		last_is_in_doubt(f, f->udp.n_in_doubt);
	}
	if (r == 0)
		return 0;
	pn_ipfix_close_socket(f);
	return pn_ipfix_fail(f, "sending", r, reterr);
}

static bool templates_are_due(const struct pn_ipfix_sink *f)
{
	return f->udp.n_messages >= f->values.template_packets ||
	       pn_clock_now(&pn_clock_system) >= f->udp.templates_at;
}

/* Return: how many records were sent, or a negative errno: the last datagram is in doubt as before */
static int send_next(struct pn_ipfix_sink *f, struct pn_batch *b)
{
	struct pn_buf *next = &f->udp.next, sent;
	size_t taken;
	int n, r;

	pn_buf_reset(next);
	n = pn_ipfix_message(b->bytes.data + b->at, b->bytes.len - b->at, f->max_message,
			     (uint32_t)f->values.domain, f->sequence, pn_ipfix_time(), next,
			     &taken);
	if (n < 0)
		return n;
	r = send_datagram(f, next->data, next->len);
	if (r < 0)
		return r;
	last_is_sent(f);
	sent = *next;
	*next = f->udp.last;
	f->udp.last = sent;
	b->at += taken;
	return n;
}

static int send_one(struct pn_ipfix_sink *f, struct pn_batch *b)
{
	int n = templates_are_due(f) ? send_templates(f, f->sequence) : 0;

	if (n == 0)
		n = send_next(f, b);
	if (n < 0)
		return n;
	last_is_in_doubt(f, (uint32_t)n);
	f->udp.n_messages++;
	f->sequence += (uint32_t)n;
	b->n_records -= (size_t)n;
	return 0;
}

/* A receiver's buffer is small, and nothing says when it is full. */
static void pause_for(const struct pn_ipfix_sink *f, size_t n_bytes)
{
	pn_nsec pause = n_bytes * PN_NSEC_PER_SEC / f->values.max_rate;
	const struct timespec ts = {
		.tv_sec = (time_t)(pause / PN_NSEC_PER_SEC),
		.tv_nsec = (long)(pause % PN_NSEC_PER_SEC),
	};

	(void)nanosleep(&ts, NULL);
}

int pn_ipfix_udp_send(struct pn_ipfix_sink *f, struct pn_batch *b, struct pn_err *reterr)
{
	int r = f->fd < 0 ? begin(f, reterr) : 0;
	size_t since = b->at;

	while (r == 0 && b->at < b->bytes.len) {
		r = send_one(f, b);
		if (r < 0)
			r = pn_ipfix_fail(f, "sending", r, reterr);
		if (b->at - since >= f->values.max_rate / 128 || b->at == b->bytes.len) {
			pause_for(f, b->at - since);
			since = b->at;
		}
	}
	if (r < 0 && r != -EAGAIN)
		pn_ipfix_close_socket(f);
	return r;
}

int pn_ipfix_udp_attend(struct pn_ipfix_sink *f, struct pn_err *reterr)
{
	int r;

	if (!f->udp.n_in_doubt)
		return 0;
	if (f->fd < 0)
		return begin(f, reterr);
	r = is_refused(f->fd, 0);
	if (r < 0) {
		pn_ipfix_close_socket(f);
		return pn_ipfix_fail(f, "sending", r, reterr);
	}
	if (pn_clock_now(&pn_clock_system) >= f->udp.sure_at)
		last_is_sent(f);
	return 0;
}
