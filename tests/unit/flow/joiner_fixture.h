/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_FLOW_JOINER_FIXTURE_H
#define PN_TESTS_FLOW_JOINER_FIXTURE_H

#include "tests/unit/flow/fixture.h"

/*
 * Pod "web" has 10.0.0.1, pod "db" has 10.0.0.2, Service "db" has 10.96.0.1:80; all else is outside
 * the cluster.
 */
static const struct way web_to_db = { "10.0.0.1", 4000, "10.0.0.2", 80, IPPROTO_TCP };
static const struct way web_to_vip = { "10.0.0.1", 4000, "10.96.0.1", 80, IPPROTO_TCP };
static const struct way web_to_outside = { "10.0.0.1", 4000, "192.0.2.9", 443, IPPROTO_TCP };
static const struct way outside_to_db = { "192.0.2.9", 5000, "10.0.0.2", 80, IPPROTO_TCP };

struct cluster {
	struct pod web, db;
	struct service service;
	struct node node;
};

static inline void populate(struct rig *r, struct cluster *c)
{
	pod_init(&c->web, "web", "uid-web", "10.0.0.1", 0);
	pod_init(&c->db, "db", "uid-db", "10.0.0.2", 0);
	service_init(&c->service, "db", "uid-svc", "10.96.0.1", 80, 0);
	node_init(&c->node, "n1", "uid-n1", "172.16.0.1");
	add(r->w, &c->web.p.meta);
	add(r->w, &c->db.p.meta);
	add(r->w, &c->service.s.meta);
	add(r->w, &c->node.n.meta);
}

/* Both halves of a connection through a Service, both pods here. */
static inline void make_translated(struct rig *r, uint64_t there, uint64_t here)
{
	struct entry *front, *behind;

	front = leave(r, web_to_vip, there);
	behind = enter(r, web_to_db, there);
	tell_behind(behind, web_to_db, web_to_vip);
	if (!here)
		return;
	leave(r, back(web_to_db), here);
	enter(r, back(web_to_vip), here);
	tell_nat(front, web_to_vip, web_to_db);
}

#endif
