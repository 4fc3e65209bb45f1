/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to rows of a minute and a pair, and back to a record that filters and encoders read like
 * any other. The flow thread adds (history.c); the history's thread reads (history_read.c).
 *
 * The opener's port is no part of a pair, nor is what only one connection has. Names are copied once
 * a batch and pair, because a record only borrows them (history_names.c).
 */
#include "export/history_pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { TEXT_MAX_BYTES = 8 << 20, NAMES_MAX_BYTES = 4096 };

#define MINUTE (60 * PN_NSEC_PER_SEC)

const struct pn_history_column pn_history_columns[PN_HISTORY_SUM_MAX] = {
	[PN_HISTORY_RECORDS] = { "records", PN_HISTORY_ADD },
	[PN_HISTORY_CONNECTIONS] = { "connections", PN_HISTORY_ADD },
	[PN_HISTORY_ENDED] = { "ended", PN_HISTORY_ADD },
	[PN_HISTORY_PACKETS] = { "packets", PN_HISTORY_ADD },
	[PN_HISTORY_PACKETS_BACK] = { "packets_back", PN_HISTORY_ADD },
	[PN_HISTORY_BYTES] = { "bytes", PN_HISTORY_ADD },
	[PN_HISTORY_BYTES_BACK] = { "bytes_back", PN_HISTORY_ADD },
	[PN_HISTORY_DELIVERED] = { "delivered", PN_HISTORY_ADD },
	[PN_HISTORY_DELIVERED_BACK] = { "delivered_back", PN_HISTORY_ADD },
	[PN_HISTORY_RETRANSMITS] = { "retransmits", PN_HISTORY_ADD },
	[PN_HISTORY_RETRANSMITS_BACK] = { "retransmits_back", PN_HISTORY_ADD },
	[PN_HISTORY_DROPS] = { "drops", PN_HISTORY_ADD },
	[PN_HISTORY_DROPPED_BYTES] = { "dropped_bytes", PN_HISTORY_ADD },
	[PN_HISTORY_RTT_SUM] = { "rtt_sum", PN_HISTORY_ADD },
	[PN_HISTORY_RTTS] = { "rtts", PN_HISTORY_ADD },
	[PN_HISTORY_MIN_RTT] = { "min_rtt", PN_HISTORY_LEAST_KNOWN },
	[PN_HISTORY_TCP_FLAGS] = { "tcp_flags", PN_HISTORY_ANY_BIT },
	[PN_HISTORY_TCP_FLAGS_BACK] = { "tcp_flags_back", PN_HISTORY_ANY_BIT },
	[PN_HISTORY_FIRST] = { "first", PN_HISTORY_LEAST },
	[PN_HISTORY_LAST] = { "last", PN_HISTORY_MOST },
};

/* --- sets of keys --------------------------------------------------------------------------------- */

int pn_history_keys_init(struct pn_history_keys *k, uint32_t room)
{
	*k = (struct pn_history_keys) { .room = room, .n_slots = 64 };
	while (k->n_slots < 2 * room)
		k->n_slots *= 2;
	k->keys = calloc(room, sizeof(*k->keys));
	k->slots = calloc(k->n_slots, sizeof(*k->slots));
	return k->keys && k->slots ? 0 : -ENOMEM;
}

void pn_history_keys_done(struct pn_history_keys *k)
{
	free(k->keys);
	free(k->slots);
}

void pn_history_keys_clear(struct pn_history_keys *k)
{
	memset(k->slots, 0, k->n_slots * sizeof(*k->slots));
	k->n = 0;
}

static uint32_t *slot_of(const struct pn_history_keys *k, const struct pn_history_key *key)
{
	uint32_t at = (uint32_t)pn_hash_bytes(key, sizeof(*key)) & (k->n_slots - 1);

	while (k->slots[at] && memcmp(&k->keys[k->slots[at] - 1], key, sizeof(*key)) != 0)
		at = (at + 1) & (k->n_slots - 1);
	return &k->slots[at];
}

uint32_t pn_history_keys_find(const struct pn_history_keys *k, const struct pn_history_key *key)
{
	uint32_t slot = *slot_of(k, key);

	return slot ? slot - 1 : k->n;
}

void pn_history_keys_add(struct pn_history_keys *k, const struct pn_history_key *key)
{
	uint32_t *slot = slot_of(k, key);

	k->keys[k->n++] = *key;
	*slot = k->n;
}

/* --- from records --------------------------------------------------------------------------------- */

/* Is it an end that anybody may be? Of those there is no bound. */
static bool is_stranger(const struct pn_record_end *e)
{
	return !e->owner || e->owner->kind == PN_OWNER_RANGE;
}

static uint8_t flags_of(const struct pn_flow_record *r)
{
	return (uint8_t)((r->is_v4 ? PN_HISTORY_IS_V4 : 0) |
			 (r->is_collapsed ? PN_HISTORY_IS_COLLAPSED : 0) |
			 (r->is_headless ? PN_HISTORY_IS_HEADLESS : 0) |
			 (r->no_endpoints ? PN_HISTORY_NO_ENDPOINTS : 0) |
			 (r->drop.packets ? PN_HISTORY_HAS_DROP : 0) |
			 (r->disagrees ? PN_HISTORY_DISAGREES : 0));
}

static void no_address(struct pn_history_key *key, struct pn_addr *addr)
{
	*addr = (struct pn_addr) { { 0 } };
	if (key->flags & PN_HISTORY_IS_V4)
		addr->b[10] = addr->b[11] = 0xff;
	key->flags |= PN_HISTORY_MANY_ADDRESSES;
}

/* Such an end has any port as well, where it was called. */
static void put_together(struct pn_history_key *key, const struct pn_flow_record *r)
{
	if (is_stranger(&r->source))
		no_address(key, &key->source);
	if (!is_stranger(&r->destination))
		return;
	no_address(key, &key->destination);
	key->port = 0;
}

static void make_key(const struct pn_flow_record *r, bool many, struct pn_history_key *ret)
{
	const struct pn_owner *owners[PN_HISTORY_OWNERS];

	*ret = (struct pn_history_key) {
		.source = r->source.addr,
		.destination = r->destination.addr,
		.minute = (uint32_t)(r->end / MINUTE),
		.sampling = r->sampling,
		.port = r->destination.port,
		.attributions = { (uint8_t)r->source.attribution,
				  (uint8_t)r->destination.attribution },
		.proto = r->proto,
		.icmp_type = r->icmp_type,
		.icmp_code = r->icmp_code,
		.drop_kind = r->drop.packets ? (uint8_t)r->drop.kind : 0,
		.flags = flags_of(r),
		.expected = (uint8_t)r->policy.expected,
	};
	if (r->service && !r->is_headless) {
		ret->service = r->service_addr;
		ret->service_port = r->service_port;
	}
	pn_history_owners(r, owners);
	for (size_t i = 0; i < PN_HISTORY_OWNERS; i++) {
		ret->owners[i] = owners[i] ? owners[i]->id : 0;
		ret->kinds[i] = owners[i] ? (uint8_t)owners[i]->kind : PN_OWNER_NONE;
	}
	if (many)
		put_together(ret, r);
}

static uint64_t joined(enum pn_history_way way, uint64_t a, uint64_t b)
{
	switch (way) {
	case PN_HISTORY_ADD:
		return a + b;
	case PN_HISTORY_LEAST:
		return PN_MIN(a, b);
	case PN_HISTORY_LEAST_KNOWN:
		return a && b ? PN_MIN(a, b) : a | b;
	case PN_HISTORY_MOST:
		return PN_MAX(a, b);
	case PN_HISTORY_ANY_BIT:
		return a | b;
	}
	return 0;
}

static uint64_t ms_of_minute(pn_nsec when)
{
	return when % MINUTE / PN_NSEC_PER_MSEC;
}

static void make_sums(const struct pn_flow_record *r, uint64_t ret[static PN_HISTORY_SUM_MAX])
{
	bool has_ended = r->state != PN_FLOW_ACTIVE;
	bool began = r->start / MINUTE == r->end / MINUTE && r->start <= r->end;

	ret[PN_HISTORY_RECORDS] = 1;
	ret[PN_HISTORY_CONNECTIONS] = r->is_first;
	ret[PN_HISTORY_ENDED] = has_ended;
	ret[PN_HISTORY_PACKETS] = r->source.packets;
	ret[PN_HISTORY_PACKETS_BACK] = r->destination.packets;
	ret[PN_HISTORY_BYTES] = r->source.bytes;
	ret[PN_HISTORY_BYTES_BACK] = r->destination.bytes;
	ret[PN_HISTORY_DELIVERED] = r->source.delivered;
	ret[PN_HISTORY_DELIVERED_BACK] = r->destination.delivered;
	ret[PN_HISTORY_RETRANSMITS] = has_ended ? r->source.retransmits : 0;
	ret[PN_HISTORY_RETRANSMITS_BACK] = has_ended ? r->destination.retransmits : 0;
	ret[PN_HISTORY_DROPS] = r->drop.packets;
	ret[PN_HISTORY_DROPPED_BYTES] = r->drop.packets ? r->drop.bytes : 0;
	ret[PN_HISTORY_RTT_SUM] = r->rtt_us;
	ret[PN_HISTORY_RTTS] = r->rtt_us != 0;
	ret[PN_HISTORY_MIN_RTT] = r->min_rtt_us;
	ret[PN_HISTORY_TCP_FLAGS] = r->source.tcp_flags;
	ret[PN_HISTORY_TCP_FLAGS_BACK] = r->destination.tcp_flags;
	ret[PN_HISTORY_FIRST] = began ? ms_of_minute(r->start) : 0;
	ret[PN_HISTORY_LAST] = ms_of_minute(r->end);
}

struct pn_history_batch *pn_history_batch_new(uint32_t room)
{
	struct pn_history_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pn_history_names_forget(&b->names);
	b->text = PN_BUF_INIT(TEXT_MAX_BYTES);
	b->sums = calloc(room, sizeof(*b->sums));
	b->texts = calloc(room, sizeof(*b->texts));
	if (pn_history_keys_init(&b->keys, room) < 0 || !b->sums || !b->texts) {
		pn_history_batch_free(b);
		return NULL;
	}
	return b;
}

void pn_history_batch_free(struct pn_history_batch *b)
{
	if (!b)
		return;
	pn_history_keys_done(&b->keys);
	pn_buf_done(&b->text);
	free(b->sums);
	free(b->texts);
	free(b);
}

void pn_history_batch_clear(struct pn_history_batch *b)
{
	pn_history_keys_clear(&b->keys);
	pn_buf_reset(&b->text);
	pn_history_names_forget(&b->names);
	b->n_records = 0;
}

/* Its names are copied, too. */
static int add_pair(struct pn_history_batch *b, const struct pn_history_key *key,
		    const struct pn_flow_record *r, const uint64_t *sums)
{
	size_t at = b->text.len;
	uint32_t i = b->keys.n;

	if (i == b->keys.room)
		return -ENOSPC;
	if (pn_history_put_names(&b->text, r) < 0) {
		b->text.len = at;
		return -ENOMEM;
	}
	pn_history_keys_add(&b->keys, key);
	memcpy(b->sums[i], sums, sizeof(b->sums[i]));
	b->texts[i] = (struct pn_history_text) { (uint32_t)at, (uint32_t)(b->text.len - at) };
	return 0;
}

static void add_sums(uint64_t *to, const uint64_t *sums)
{
	for (size_t i = 0; i <= PN_HISTORY_RTTS; i++)
		to[i] += sums[i];
	for (size_t i = PN_HISTORY_RTTS + 1; i < PN_HISTORY_SUM_MAX; i++)
		to[i] = joined(pn_history_columns[i].way, to[i], sums[i]);
}

int pn_history_batch_add(struct pn_history_batch *b, const struct pn_flow_record *r, bool many,
			 bool *ret_stranger)
{
	uint64_t sums[PN_HISTORY_SUM_MAX];
	struct pn_history_key key;
	int ret = 0;
	uint32_t i;

	*ret_stranger = false;
	make_key(r, many, &key);
	key.names = pn_history_hash_names(&b->names, r);
	make_sums(r, sums);
	i = pn_history_keys_find(&b->keys, &key);
	if (i < b->keys.n) {
		add_sums(b->sums[i], sums);
	} else {
		ret = add_pair(b, &key, r, sums);
		*ret_stranger =
			ret == 0 && (is_stranger(&r->source) || is_stranger(&r->destination));
	}
	b->n_records += ret == 0;
	return ret;
}

/* --- and back ------------------------------------------------------------------------------------- */

/* The next string of @text. Return: NULL: there is none */
static const char *next_text(const char **at, const char *end)
{
	const char *s = *at;
	size_t n = strnlen(s, (size_t)(end - s));

	if (s + n == end)
		return NULL;
	*at = s + n + 1;
	return s;
}

static int make_owner(const struct pn_history_key *key, size_t i, const char **at, const char *end,
		      struct pn_owner *ret)
{
	const char *s[PN_HISTORY_STRINGS];

	if (key->kinds[i] == PN_OWNER_NONE || key->kinds[i] >= PN_OWNER_KIND_MAX)
		return -EBADMSG;
	for (size_t n = 0; n < PN_HISTORY_STRINGS; n++) {
		s[n] = next_text(at, end);
		if (!s[n])
			return -EBADMSG;
	}
	*ret = (struct pn_owner) {
		.id = key->owners[i],
		.kind = (enum pn_owner_kind)key->kinds[i],
		.uid = "",
		.name_space = s[0],
		.name = s[1],
		.workload_kind = s[2],
		.workload_name = s[3],
		.node = s[4],
		.zone = s[5],
		.region = s[6],
	};
	return 0;
}

static int make_owners(struct pn_history_row *row, const struct pn_history_key *key,
		       const char **at, const char *end)
{
	const struct pn_owner *owners[PN_HISTORY_OWNERS] = { NULL };

	for (size_t i = 0; i < PN_HISTORY_OWNERS; i++) {
		if (!key->owners[i])
			continue;
		if (make_owner(key, i, at, end, &row->owners[i]) < 0)
			return -EBADMSG;
		owners[i] = &row->owners[i];
	}
	/* Encoders know a destination that is its own Service by the pointer. */
	if (owners[2] && owners[1] && owners[1]->id == owners[2]->id)
		owners[2] = owners[1];
	row->record.source.owner = owners[0];
	row->record.destination.owner = owners[1];
	row->record.service = owners[2];
	return 0;
}

static int make_drop(struct pn_record_drop *d, const struct pn_history_key *key, const char **at,
		     const char *end)
{
	d->reason = d->location = "";
	if (!(key->flags & PN_HISTORY_HAS_DROP))
		return 0;
	d->reason = next_text(at, end);
	d->location = d->reason ? next_text(at, end) : NULL;
	d->kind = (enum pn_drop_kind)key->drop_kind;
	return d->location ? 0 : -EBADMSG;
}

static bool makes_sense(const struct pn_history_key *key)
{
	return key->attributions[0] < PN_ATTR_MAX && key->attributions[1] < PN_ATTR_MAX &&
	       key->drop_kind < PN_DROP_KIND_MAX && key->expected < PN_EXPECTED_MAX &&
	       !(key->flags & ~PN_HISTORY_FLAGS);
}

int pn_history_row_pair(struct pn_history_row *row, const void *key_bytes, size_t key_len,
			const char *text, size_t text_len)
{
	struct pn_history_key key;
	const char *end = text + text_len;

	if (key_len != sizeof(key))
		return -EBADMSG;
	memcpy(&key, key_bytes, sizeof(key));
	if (!makes_sense(&key))
		return -EBADMSG;
	*row = (struct pn_history_row) { .record = {
						 .proto = key.proto,
						 .icmp_type = key.icmp_type,
						 .icmp_code = key.icmp_code,
						 .is_v4 = key.flags & PN_HISTORY_IS_V4,
						 .is_collapsed =
							 key.flags & PN_HISTORY_IS_COLLAPSED,
						 .is_headless = key.flags & PN_HISTORY_IS_HEADLESS,
						 .no_endpoints =
							 key.flags & PN_HISTORY_NO_ENDPOINTS,
						 .policy = { .expected = (enum pn_expected)
										 key.expected },
						 .disagrees = key.flags & PN_HISTORY_DISAGREES,
						 .sampling = key.sampling,
						 .source = { .addr = key.source,
							     .attribution = key.attributions[0] },
						 .destination = { .addr = key.destination,
								  .port = key.port,
								  .attribution =
									  key.attributions[1] },
						 .service_addr = key.service,
						 .service_port = key.service_port,
					 } };
	row->aggregate.many_addresses = key.flags & PN_HISTORY_MANY_ADDRESSES;
	if (make_owners(row, &key, &text, end) < 0 ||
	    make_drop(&row->record.drop, &key, &text, end) < 0)
		return -EBADMSG;
	return text == end ? 0 : -EBADMSG;
}

static void make_end(struct pn_record_end *e, const uint64_t *sums, unsigned int back)
{
	e->packets = sums[PN_HISTORY_PACKETS + back];
	e->bytes = sums[PN_HISTORY_BYTES + back];
	e->delivered = sums[PN_HISTORY_DELIVERED + back];
	e->retransmits = (uint32_t)PN_MIN(sums[PN_HISTORY_RETRANSMITS + back], UINT32_MAX);
	e->tcp_flags = (uint16_t)sums[PN_HISTORY_TCP_FLAGS + back];
}

int pn_history_row_sums(struct pn_history_row *row, uint64_t minute,
			const uint64_t sums[static PN_HISTORY_SUM_MAX])
{
	struct pn_flow_record *r = &row->record;
	uint64_t n_rtts = sums[PN_HISTORY_RTTS];

	if (minute >= UINT32_MAX || sums[PN_HISTORY_FIRST] >= 60000 ||
	    sums[PN_HISTORY_LAST] >= 60000)
		return -EBADMSG;
	make_end(&r->source, sums, 0);
	make_end(&r->destination, sums, 1);
	r->drop.packets = sums[PN_HISTORY_DROPS];
	r->drop.bytes = sums[PN_HISTORY_DROPPED_BYTES];
	r->rtt_us = n_rtts ? (uint32_t)(sums[PN_HISTORY_RTT_SUM] / n_rtts) : 0;
	r->min_rtt_us = (uint32_t)sums[PN_HISTORY_MIN_RTT];
	row->aggregate.minute = minute * MINUTE;
	row->aggregate.n_records = sums[PN_HISTORY_RECORDS];
	row->aggregate.n_connections = sums[PN_HISTORY_CONNECTIONS];
	row->aggregate.n_ended = sums[PN_HISTORY_ENDED];
	r->start = row->aggregate.minute + sums[PN_HISTORY_FIRST] * PN_NSEC_PER_MSEC;
	r->end = row->aggregate.minute + sums[PN_HISTORY_LAST] * PN_NSEC_PER_MSEC;
	r->aggregate = &row->aggregate;
	return 0;
}
