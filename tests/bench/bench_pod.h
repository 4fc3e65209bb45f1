/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BENCH_BENCH_POD_H
#define PN_BENCH_BENCH_POD_H

#include <stdio.h>

#include "index/index.h"

/**
 * apply_pod() - tell @idx of the pod that has address @a, or that it has gone
 * @i:	  makes its name
 * @life: of another life of the address it is another pod
 *
 * Return: as pn_index_apply()
 */
static inline int apply_pod(struct pn_index *idx, struct pn_addr a, unsigned int i,
			    unsigned int life, bool gone)
{
	static const struct pn_controller controller = { "ReplicaSet", "checkout-6d5c7b9f4",
							 "rs-uid" };
	char name[64], uid[40];
	struct pn_pod p = {
		.meta = {
			.kind = PN_KIND_POD,
			.name_space = "production",
			.name = name,
			.uid = uid,
			.resource_version = "1",
			.created_s = 1,
			.controller = &controller,
		},
		.phase = PN_POD_RUNNING,
		.node_name = "node-17",
		.n_addrs = 1,
		.addrs = &a,
	};

	(void)snprintf(name, sizeof(name), "checkout-6d5c7b9f4-%05u", i);
	(void)snprintf(uid, sizeof(uid), "%08x-1c4b-4f0e-9d3a-%012x", i, life);
	return pn_index_apply(idx, gone ? &p.meta : NULL, gone ? NULL : &p.meta);
}

#endif
