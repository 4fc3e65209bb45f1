/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets changed at random. All kinds are composed once and kept; a mutant begins as one of them,
 * of a kind that was drawn first, so that kinds with few packets have their share.
 */
#include "tests/tools/packet_mutate.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

enum {
	MAX_KINDS = 64,
	MAC_LEN = 12,
	MIN_LEN = 14,
};

/* The packets of one kind are first[i] up to first[i + 1]. */
struct originals {
	struct packet *packets;
	size_t n, room;
	size_t first[MAX_KINDS + 1];
	size_t n_kinds;
	bool failed;
};

static void keep(void *data, const struct packet *p, const struct packet_gso *gso)
{
	struct originals *o = data;
	struct packet *more;

	if (gso || o->failed)
		return;
	if (o->n == o->room) {
		o->room = o->room ? 2 * o->room : 1024;
		more = reallocarray(o->packets, o->room, sizeof(*more));
		if (!more) {
			o->failed = true;
			return;
		}
		o->packets = more;
	}
	o->packets[o->n++] = *p;
}

static void compose_all(const struct packet_sender *s, struct originals *o)
{
	struct packet_sender keeper = *s;

	keeper.send = keep;
	keeper.data = o;
	for (const struct packet_kind *k = packet_kinds; k->name && o->n_kinds < MAX_KINDS; k++) {
		o->first[o->n_kinds] = o->n;
		k->send_all(&keeper);
		if (o->n > o->first[o->n_kinds])
			o->n_kinds++;
	}
	o->first[o->n_kinds] = o->n;
}

/* SplitMix64: every seed is a good one. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

static size_t draw_below(uint64_t *state, size_t n)
{
	return (size_t)(draw(state) % n);
}

/* Mostly in the headers, where it matters. */
static size_t draw_place(uint64_t *state, const struct packet *p)
{
	size_t n = p->len - MAC_LEN;

	if (draw_below(state, 4))
		n = PN_MIN(n, 70);
	return MAC_LEN + draw_below(state, n);
}

static void mutate(uint64_t *state, struct packet *p)
{
	static const uint8_t remarkable[] = { 0,  1,  6,    17,	  43,	44,  51,
					      58, 60, 0x45, 0x7f, 0x80, 0xff };
	size_t at = draw_place(state, p), n;

	switch (draw_below(state, 6)) {
	case 0:
		p->b[at] = (uint8_t)draw(state);
		break;
	case 1:
		p->b[at] ^= (uint8_t)(1U << draw_below(state, 8));
		break;
	case 2:
		p->b[at] = remarkable[draw_below(state, sizeof(remarkable))];
		break;
	case 3: /* a little more or less than it was */
		p->b[at] = (uint8_t)(p->b[at] + draw_below(state, 9) - 4);
		break;
	case 4:
		p->len = PN_MAX(at, (size_t)MIN_LEN);
		break;
	default:
		n = draw_below(state, 64);
		memset(p->b + p->len, (int)draw_below(state, 256), n);
		p->len += n;
		break;
	}
}

int packet_mutate(const struct packet_sender *s, size_t n, uint64_t seed)
{
	struct originals o = {};
	uint64_t state = seed;

	compose_all(s, &o);
	for (size_t i = 0; i < n && !o.failed; i++) {
		size_t kind = draw_below(&state, o.n_kinds);
		size_t size = o.first[kind + 1] - o.first[kind];
		struct packet p = o.packets[o.first[kind] + draw_below(&state, size)];

		for (size_t k = 1 + draw_below(&state, 4); k > 0; k--)
			mutate(&state, &p);
		if (i % 2 && p.ip_at)
			packet_seal(p.b, p.len, p.ip_at);
		s->send(s->data, &p, NULL);
	}
	free(o.packets);
	return o.failed ? -ENOMEM : 0;
}
