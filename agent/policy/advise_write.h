/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_ADVISE_WRITE_H
#define PN_POLICY_ADVISE_WRITE_H

#include "policy/advise.h"
#include "policy/parties.h"

/*
 * Between advise.c, which finds out what is to be allowed, and advise_write.c, which writes that as
 * policies.
 */

/**
 * struct pn_edge - a party may talk to a peer, or be talked to
 * @peer: NULL: @addr
 * @node: NULL, or the node that has @addr
 */
struct pn_edge {
	const struct pn_party *party, *peer;
	const struct pn_policy_member *node;
	struct pn_addr addr;
	enum pn_policy_direction direction;
	uint16_t proto, port;
};

int pn_party_order(const struct pn_party *a, const struct pn_party *b);

/** pn_edge_peer_order() - 0: the same peer */
int pn_edge_peer_order(const struct pn_edge *a, const struct pn_edge *b);

/** struct pn_blocks_limit - see pn_blocks_cover() */
struct pn_blocks_limit {
	uint32_t most;
	const struct pn_cidr *avoid;
	uint32_t n_avoid;
};

/** pn_advised_key() - "namespace/advised-name" and @tail, such as an API server takes it */
void pn_advised_key(const char *name_space, const char *name, const char *tail,
		    char key[static PN_KEY_LEN]);

/** pn_advised_deny() - all pods, both directions. Return: 0 or -ENOMEM, as below */
int pn_advised_deny(const struct pn_policy_set *set, const char *key, struct pn_advised *ret);

/** pn_advised_party() - @edges: all of one party, in order, each once */
int pn_advised_party(const struct pn_edge *edges, uint32_t n, const struct pn_blocks_limit *limit,
		     const char *key, struct pn_advised *ret);

void pn_advised_done(struct pn_advised *a);

#endif
