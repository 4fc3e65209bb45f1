/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The read side: who may have had an address or a port at a time. Called by the flow thread, and by
 * whoever else asks; place.c says what the answers mean.
 *
 * A claim covers every time at which its owner may have had the place, so the owners possible are
 * those whose claims cover the time; more than one is told apart from one, and never chosen among.
 */
#include "index/private.h"

#include <string.h>

static const struct pn_owner *owner_of(const struct pn_claim *c)
{
	/* pairs with the release in pn_claimant_rename() */
	return &atomic_load_explicit(&c->by->named, memory_order_acquire)->owner;
}

static bool covers(const struct pn_claim *c, pn_nsec when)
{
	pn_nsec until = pn_claim_until(c);

	return c->from <= when && (until == PN_NSEC_NEVER || when < until);
}

int pn_place_owners(const struct pn_place *p, pn_nsec when, const struct pn_owner **ret)
{
	/* pairs with the release in publish() */
	const struct pn_history *h = atomic_load_explicit(&p->history, memory_order_acquire);
	const struct pn_claim *found = NULL;
	unsigned int n = h ? h->n : 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!covers(&h->claims[i], when))
			continue;
		if (found)
			return 2;
		found = &h->claims[i];
	}
	if (!found)
		return 0;
	*ret = owner_of(found);
	return 1;
}

static int port_owners(const struct pn_index *idx, const struct pn_place_key *key, pn_nsec when,
		       const struct pn_owner **ret)
{
	const struct pn_place *p =
		pn_place_may_have_ports(idx, key->addr) ? pn_place_find(idx, key) : NULL;

	return p ? pn_place_owners(p, when, ret) : 0;
}

/* The address's place, under the name that others know it by. */
const struct pn_index_addr *pn_index_addr_find(const struct pn_index *idx,
					       const struct pn_addr *addr)
{
	struct pn_place_key key = pn_place_address(addr->b);

	return (const struct pn_index_addr *)pn_place_find(idx, &key);
}

int pn_index_addr_at(const struct pn_index_addr *a, pn_nsec when, const struct pn_owner **ret)
{
	return a ? pn_place_owners((const struct pn_place *)a, when, ret) : 0;
}

const struct pn_owner *pn_index_addr_sole(const struct pn_index_addr *a, pn_nsec *ret_since)
{
	const struct pn_place *p = (const struct pn_place *)a;
	const struct pn_history *h;

	if (!p)
		return NULL;
	/* pairs with the release in publish() */
	h = atomic_load_explicit(&p->history, memory_order_acquire);
	if (!h || h->n != 1 || !covers(&h->claims[0], PN_NSEC_NEVER))
		return NULL;
	*ret_since = h->claims[0].from;
	return owner_of(&h->claims[0]);
}

int pn_index_at(const struct pn_index *idx, const struct pn_addr *addr, pn_nsec when,
		const struct pn_owner **ret)
{
	return pn_index_addr_at(pn_index_addr_find(idx, addr), when, ret);
}

pn_nsec pn_index_heard_until(const struct pn_index *idx)
{
	return atomic_load_explicit(&idx->heard_until, memory_order_acquire);
}

bool pn_index_may_have_ports(const struct pn_index *idx, const struct pn_addr *addr)
{
	const struct pn_place_key key = pn_place_port(PN_PLACE_SERVICE, addr, 0, 0);

	return pn_place_may_have_ports(idx, key.addr);
}

int pn_index_host_port(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		       uint16_t port, pn_nsec when, const struct pn_owner **ret)
{
	struct pn_place_key key = pn_place_port(PN_PLACE_HOSTPORT, addr, proto, port);

	return port_owners(idx, &key, when, ret);
}

static bool is_a_nodes(const struct pn_index *idx, const struct pn_addr *addr, pn_nsec when)
{
	const struct pn_owner *owner = NULL;

	return pn_index_at(idx, addr, when, &owner) == 1 && owner->kind == PN_OWNER_NODE;
}

int pn_index_service(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		     uint16_t port, pn_nsec when, const struct pn_owner **ret)
{
	struct pn_place_key key = pn_place_port(PN_PLACE_SERVICE, addr, proto, port);
	int n = port_owners(idx, &key, when, ret);

	if (n)
		return n;
	key = pn_place_port(PN_PLACE_SERVICE, NULL, proto, port);
	if (!pn_place_may_have_ports(idx, key.addr) || !is_a_nodes(idx, addr, when))
		return 0;
	return port_owners(idx, &key, when, ret);
}

int pn_index_headless(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		      uint16_t port, pn_nsec when, const struct pn_owner **ret)
{
	struct pn_place_key key = pn_place_port(PN_PLACE_ENDPOINT, addr, proto, port);

	return port_owners(idx, &key, when, ret);
}
