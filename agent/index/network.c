/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks: those that the configuration gives a name to, and what a look-up of the smallest one that
 * has an address needs. A network is a place like any other; nodes ask for theirs in wishes.c.
 *
 * There are few prefix lengths in use at a time. Their set is kept beside the table, so a look-up
 * costs one probe for each of them from the longest on, and needs no tree that changes under readers.
 */
#include "index/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"

enum {
	V4_BITS = 32,
	V4_FIRST_BIT = PN_ADDR_BITS - V4_BITS,
	WORD_BITS = 64,
};

struct pn_place_key pn_place_network(const uint8_t addr[static 16], uint8_t prefix_len)
{
	struct pn_place_key key = { .prefix_len = prefix_len, .sort = PN_PLACE_NETWORK };
	unsigned int n = prefix_len / 8u, rest = prefix_len % 8u;

	memcpy(key.addr, addr, n);
	if (rest)
		key.addr[n] = (uint8_t)(addr[n] & 0xff00u >> rest);
	return key;
}

void pn_network_count(struct pn_index *idx, uint8_t prefix_len, bool more)
{
	struct pn_lengths *l = &idx->lengths;
	uint64_t bit = 1ull << prefix_len % WORD_BITS;
	_Atomic(uint64_t) *word = &l->set[prefix_len / WORD_BITS];

	if (more && l->n[prefix_len]++ == 0)
		atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
	else if (!more && --l->n[prefix_len] == 0)
		atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
}

/* The longest of at most @most; -1: none. */
static int longest(const struct pn_index *idx, int most)
{
	for (int w = most / WORD_BITS; most >= 0 && w >= 0; w--) {
		uint64_t set = atomic_load_explicit(&idx->lengths.set[w], memory_order_relaxed);

		if (w == most / WORD_BITS)
			set &= UINT64_MAX >> (WORD_BITS - 1 - most % WORD_BITS);
		if (set)
			return w * WORD_BITS + WORD_BITS - 1 - __builtin_clzll(set);
	}
	return -1;
}

int pn_index_cidr(const struct pn_index *idx, const struct pn_addr *addr,
		  const struct pn_owner **ret)
{
	/* what is wider than all of IPv4 is a network of IPv6 */
	int least = pn_addr_is_v4(addr) ? V4_FIRST_BIT : 0;

	for (int len = longest(idx, PN_ADDR_BITS); len >= least; len = longest(idx, len - 1)) {
		struct pn_place_key key = pn_place_network(addr->b, (uint8_t)len);
		const struct pn_place *p = pn_place_find(idx, &key);
		int n = p ? pn_place_owners(p, PN_NSEC_NEVER, ret) : 0;

		if (n)
			return n;
	}
	return 0;
}

/* --- named ones --------------------------------------------------------------------------------- */

/* "range:10.0.0.0/8"; where that would be too long, the address as digits without colons. */
static void uid_of(const struct pn_place_key *key, char ret[static PN_UID_LEN])
{
	char text[PN_ADDR_STRLEN];
	struct pn_addr addr;
	unsigned int len = key->prefix_len;
	int n;

	memcpy(addr.b, key->addr, sizeof(addr.b));
	pn_addr_format(&addr, text);
	if (pn_addr_is_v4(&addr) && len >= V4_FIRST_BIT)
		len -= V4_FIRST_BIT;
	n = snprintf(ret, PN_UID_LEN, "range:%s/%u", text, len);
	if (n < PN_UID_LEN)
		return;
	n = snprintf(ret, PN_UID_LEN, "r:");
	for (size_t i = 0; i < sizeof(addr.b); i++)
		n += snprintf(ret + n, (size_t)(PN_UID_LEN - n), "%02x", addr.b[i]);
	(void)snprintf(ret + n, (size_t)(PN_UID_LEN - n), "/%u", len);
}

static int find_or_add(struct pn_index *idx, const struct pn_owner *owner, struct pn_claimant **ret)
{
	struct pn_claimant *c = pn_claimant_find(idx, owner->uid);

	if (!c)
		return pn_claimant_new(idx, owner, ret);
	if (c->kind != PN_OWNER_RANGE)
		return -EINVAL;
	*ret = c;
	return pn_claimant_rename(idx, c, owner);
}

static int ask(struct pn_index *idx, const struct pn_range *range, pn_nsec now)
{
	struct pn_place_key key;
	char uid[PN_UID_LEN];
	struct pn_claimant *c;
	struct pn_owner owner = {
		.kind = PN_OWNER_RANGE,
		.uid = uid,
		.name_space = "",
		.name = range->name,
		.workload_kind = "",
		.workload_name = "",
		.node = "",
		.zone = "",
		.region = "",
	};
	int r;

	if (range->cidr.prefix_len > PN_ADDR_BITS || !range->name[0] ||
	    strlen(range->name) >= PN_NAME_LEN) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return 0;
	}
	key = pn_place_network(range->cidr.addr.b, range->cidr.prefix_len);
	uid_of(&key, uid);
	r = find_or_add(idx, &owner, &c);
	if (r == -EINVAL) {
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return 0;
	}
	if (r < 0)
		return r;
	c->confirmed = true;
	pn_claimant_revive(idx, c);
	return pn_place_ask(idx, c, &key, now);
}

/* It asks for one network, or for none that was let in. */
static bool is_asked_for(const struct pn_claimant *c, uint64_t round)
{
	const struct pn_rival *r;

	PN_EACH (r, &c->rivals, of_claimant) {
		if (r->round == round)
			return true;
	}
	return false;
}

int pn_index_set_ranges(struct pn_index *idx, const struct pn_range *ranges, size_t n)
{
	pn_nsec now = pn_clock_now(idx->clock);
	struct pn_claimant *c, *next;
	uint64_t round;
	int ret = 0;
	PN_RCU_WRITING();

	round = ++idx->round;
	for (size_t i = 0; i < n; i++) {
		int r = ask(idx, &ranges[i], now);

		ret = ret < 0 ? ret : r;
	}
	if (ret < 0)
		return ret; /* those that are no longer named stay until all others are there */
	HASH_ITER (hh, idx->by_uid, c, next) {
		if (c->kind != PN_OWNER_RANGE || c->gone || is_asked_for(c, round))
			continue;
		if (pn_claimant_release(idx, c, now) < 0)
			ret = -ENOMEM;
	}
	return ret;
}
