/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of `podonym top`, from records to sums: each goes into its pair, and with its id into its
 * connection. Both are bounded; what there is no room for is summed up apart, and nothing is left out
 * of the sum of all. cmd_top.c puts lines in as top_feed.c reads them.
 *
 * A line of drops says who sent the packet, not who opened the connection. Where a pair is known it
 * tells; else the flags of TCP, and for want of those the lower port is the one that is called.
 */
#include "cmd/top/top_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/top/top_name.h"
#include "cmd/top/top_private.h"

enum { WINDOWS_KEPT = 3, KEY_MAX = 2 * PN_TOP_NAME_MAX + 128 };

/* struct key - source NUL destination NUL protocol NUL, then what tells apart those of equal words */
struct key {
	char text[KEY_MAX];
	size_t len;
	size_t destination, protocol; /* where they begin */
	uint16_t port;
};

int pn_top_new(const struct pn_top_limits *limits, pn_nsec now, struct pn_top **ret)
{
	struct pn_top *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->limits = *limits;
	t->span = (struct pn_top_span) { .window = limits->window, .began = now };
	*ret = t;
	return 0;
}

/* --- finding and making -------------------------------------------------------------------------- */

static size_t add_word(struct key *k, const char *word)
{
	size_t at = k->len;

	k->len += strlen(word) + 1;
	memcpy(k->text + at, word, k->len - at);
	return at;
}

static void make_key(struct key *k, const struct pn_recorded_end *source,
		     const struct pn_recorded_end *destination, const char *protocol)
{
	char word[PN_TOP_NAME_MAX];

	k->len = 0;
	k->port = (uint16_t)destination->port;
	pn_top_workload(word, sizeof(word), source);
	(void)add_word(k, word);
	pn_top_workload(word, sizeof(word), destination);
	k->destination = add_word(k, word);
	pn_top_printable(word, 16, protocol);
	for (char *c = word; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	k->protocol = add_word(k, word);
	(void)snprintf(word, 80, "%u %.32s %.32s", k->port, source->workload_kind,
		       destination->workload_kind);
	(void)add_word(k, word);
}

static struct top_pair *find_pair(const struct pn_top *t, const struct key *k)
{
	struct top_pair *p;

	HASH_FIND(hh, t->pairs, k->text, k->len, p);
	return p;
}

static int add_pair(struct pn_top *t, const struct key *k, struct top_pair **ret)
{
	struct top_pair *p = calloc(1, sizeof(*p) + k->len);

	if (!p)
		return -ENOMEM;
	memcpy(p->key, k->text, k->len);
	p->source = p->key;
	p->destination = p->key + k->destination;
	p->protocol = p->key + k->protocol;
	p->port = k->port;
	p->id = ++t->last_id;
	HASH_ADD_KEYPTR(hh, t->pairs, p->key, k->len, p);
	if (!p->hh.tbl) {
		free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

/* @ret: NULL: there is no room */
static int get_pair(struct pn_top *t, const struct key *k, struct top_pair **ret)
{
	*ret = find_pair(t, k);
	if (*ret || HASH_COUNT(t->pairs) >= t->limits.pairs)
		return 0;
	return add_pair(t, k, ret);
}

static void add_to_lot(struct top_lot *l, const struct pn_top_span *span, pn_nsec now,
		       const uint64_t *figures)
{
	for (int i = 0; i < PN_TOP_FIGURES; i++)
		l->sums[i] += figures[i];
	pn_top_window_add(&l->window, span, now, figures);
	l->last = now;
}

static void add_to_pair(struct top_pair *p, const struct pn_top_span *span, pn_nsec now,
			const uint64_t *figures)
{
	for (int i = 0; i < PN_TOP_FIGURES; i++)
		p->sums[i] += figures[i];
	pn_top_window_add(&p->window, span, now, figures);
	p->last = now;
}

/* --- connections ---------------------------------------------------------------------------------- */

static int add_connection(struct pn_top *t, struct top_pair *p, uint64_t id,
			  const struct pn_recorded_flow *f, struct top_connection **ret)
{
	char source[PN_TOP_NAME_MAX], destination[PN_TOP_NAME_MAX];
	struct top_connection *c;
	size_t n_source, n_destination;

	pn_top_endpoint(source, sizeof(source), &f->source);
	pn_top_endpoint(destination, sizeof(destination), &f->destination);
	n_source = strlen(source) + 1;
	n_destination = strlen(destination) + 1;
	c = calloc(1, sizeof(*c) + n_source + n_destination);
	if (!c)
		return -ENOMEM;
	c->id = id;
	c->pair = p;
	c->source = memcpy(c->text, source, n_source);
	c->destination = memcpy(c->text + n_source, destination, n_destination);
	HASH_ADD(hh, t->connections, id, sizeof(c->id), c);
	if (!c->hh.tbl) {
		free(c);
		return -ENOMEM;
	}
	p->n_known++;
	*ret = c;
	return 0;
}

static void set_open(struct pn_top *t, struct top_connection *c, bool is_open)
{
	if (c->is_open == is_open)
		return;
	c->is_open = is_open;
	c->pair->n_open = is_open ? c->pair->n_open + 1 : c->pair->n_open - 1;
	t->n_open = is_open ? t->n_open + 1 : t->n_open - 1;
}

/* Of a connection whose ends have got other names there is another pair: it goes over to that one. */
static void move_to(struct pn_top *t, struct top_connection *c, struct top_pair *p)
{
	if (c->pair == p)
		return;
	set_open(t, c, false);
	c->pair->n_known--;
	c->pair = p;
	p->n_known++;
}

static int note_connection(struct pn_top *t, struct top_pair *p, const struct pn_recorded_flow *f,
			   const uint64_t *figures, pn_nsec now)
{
	uint64_t id = strtoull(f->id, NULL, 10);
	bool is_active = strcmp(f->told_as, "active") == 0;
	struct top_connection *c;
	int r;

	HASH_FIND(hh, t->connections, &id, sizeof(id), c);
	if (!c && HASH_COUNT(t->connections) >= t->limits.connections) {
		t->untracked++;
		return 0;
	}
	r = c ? 0 : add_connection(t, p, id, f, &c);
	if (r < 0)
		return r;
	move_to(t, c, p);
	set_open(t, c, is_active);
	pn_top_printable(c->state, sizeof(c->state),
			 *f->state && (is_active || strcmp(f->told_as, "closed") == 0)
				 ? f->state
				 : f->told_as);
	for (int i = 0; i < PN_TOP_FIGURES; i++)
		c->sums[i] += figures[i];
	c->rtt_us = f->rtt_us ? f->rtt_us : c->rtt_us;
	c->last = now;
	return 0;
}

/* --- what comes in -------------------------------------------------------------------------------- */

int pn_top_flow(struct pn_top *t, const struct pn_recorded_flow *f, pn_nsec now)
{
	const uint64_t figures[PN_TOP_FIGURES] = {
		[PN_TOP_BYTES] = f->source.bytes,
		[PN_TOP_BYTES_BACK] = f->destination.bytes,
		[PN_TOP_PACKETS] = f->source.packets,
		[PN_TOP_PACKETS_BACK] = f->destination.packets,
	};
	struct top_pair *p;
	struct key k;
	int r;

	add_to_lot(&t->all, &t->span, now, figures);
	make_key(&k, &f->source, &f->destination, f->transport);
	r = get_pair(t, &k, &p);
	if (r < 0)
		return r;
	if (!p) {
		add_to_lot(&t->others, &t->span, now, figures);
		return 0;
	}
	add_to_pair(p, &t->span, now, figures);
	p->rtt_us = f->rtt_us ? f->rtt_us : p->rtt_us;
	return *f->id ? note_connection(t, p, f, figures, now) : 0;
}

/* Did who sent the packet answer, rather than open? */
static bool is_reply(const struct pn_top *t, const struct pn_recorded_flow *f,
		     const struct key *forth, const struct key *back)
{
	const char *flags = f->source.tcp_flags;
	bool has_syn = strstr(flags, "SYN") != NULL, has_ack = strstr(flags, "ACK") != NULL;

	if (find_pair(t, forth))
		return false;
	if (find_pair(t, back) || (has_syn && has_ack))
		return true;
	return !has_syn && f->source.port && f->source.port < f->destination.port;
}

/* Into the reason's place, or that of the rarest one; so that they stay sorted. */
static void add_reason(struct top_pair *p, const struct pn_recorded_drop *d)
{
	struct pn_top_reason *at = p->reasons, one;
	char name[sizeof(at->name)];

	pn_top_printable(name, sizeof(name), *d->reason ? d->reason : d->location);
	while (at < p->reasons + PN_TOP_REASONS - 1 && at->packets && strcmp(at->name, name) != 0)
		at++;
	if (strcmp(at->name, name) != 0) {
		memcpy(at->name, name, sizeof(name));
		at->packets = 0;
	}
	at->packets += d->count;
	for (; at > p->reasons && at[-1].packets < at->packets; at--) {
		one = at[-1];
		at[-1] = *at;
		*at = one;
	}
}

int pn_top_drop(struct pn_top *t, const struct pn_recorded_flow *f, pn_nsec now)
{
	const uint64_t figures[PN_TOP_FIGURES] = { [PN_TOP_DROPS] = f->drop.count };
	struct key forth, back;
	struct top_pair *p;
	int r;

	add_to_lot(&t->all, &t->span, now, figures);
	make_key(&forth, &f->source, &f->destination, f->transport);
	make_key(&back, &f->destination, &f->source, f->transport);
	r = get_pair(t, is_reply(t, f, &forth, &back) ? &back : &forth, &p);
	if (r < 0)
		return r;
	if (!p) {
		add_to_lot(&t->others, &t->span, now, figures);
		return 0;
	}
	add_to_pair(p, &t->span, now, figures);
	add_reason(p, &f->drop);
	return 0;
}

/* --- what goes ------------------------------------------------------------------------------------ */

static void forget_connection(struct pn_top *t, struct top_connection *c)
{
	set_open(t, c, false);
	c->pair->n_known--;
	HASH_DEL(t->connections, c);
	free(c);
}

/* A pair goes after the last of its connections, which is never told later than the pair is. */
void pn_top_forget(struct pn_top *t, pn_nsec now)
{
	pn_nsec kept = WINDOWS_KEPT * t->limits.window;
	struct top_connection *c, *next_c;
	struct top_pair *p, *next;

	HASH_ITER (hh, t->connections, c, next_c)
		if (now >= c->last && now - c->last > kept)
			forget_connection(t, c);
	HASH_ITER (hh, t->pairs, p, next) {
		if (p->n_known || now < p->last || now - p->last <= kept)
			continue;
		HASH_DEL(t->pairs, p);
		free(p);
	}
}

void pn_top_free(struct pn_top *t)
{
	struct top_connection *c, *next_c;
	struct top_pair *p, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->connections, c, next_c)
		forget_connection(t, c);
	HASH_ITER (hh, t->pairs, p, next) {
		HASH_DEL(t->pairs, p);
		free(p);
	}
	free(t->rows);
	free(t->given);
	free(t);
}
