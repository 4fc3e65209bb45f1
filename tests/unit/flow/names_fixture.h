/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_FLOW_NAMES_FIXTURE_H
#define PN_TESTS_FLOW_NAMES_FIXTURE_H

#include "tests/unit/flow/fixture.h"

/*
 * Node "n1" has 172.16.0.1 and is this one, node "n2" has 172.16.0.2; pod "web" has 10.0.0.1, pod "db" has
 * 10.0.0.2. Pods of the host network and a process of the node are known by their cgroups.
 */

static const struct way gossip = { "10.0.0.1", 7946, "10.0.0.2", 7946, IPPROTO_UDP };

enum { CGROUP_A = 101, CGROUP_B = 102, CGROUP_SSHD = 103 };

struct cluster {
	struct node n1, n2;
	struct pod web, db, agent_a, agent_b; /* the agents are of the host network */
};

static inline void make_agent(struct pod *p, const char *name, const char *uid, const char *node,
			      const char *address)
{
	pod_init(p, name, uid, address, 0);
	p->p.node_name = node;
	p->p.host_network = true;
	pod_add_host_addr(p, address);
}

static inline void populate(struct rig *r, struct cluster *c)
{
	const struct pn_cgroup groups[] = {
		{ CGROUP_A, "uid-a", "" },
		{ CGROUP_B, "uid-b", "" },
		{ CGROUP_SSHD, "", "sshd.service" },
	};

	node_init(&c->n1, "n1", "uid-n1", "172.16.0.1");
	node_init(&c->n2, "n2", "uid-n2", "172.16.0.2");
	pod_init(&c->web, "web", "uid-web", "10.0.0.1", 0);
	pod_init(&c->db, "db", "uid-db", "10.0.0.2", 0);
	make_agent(&c->agent_a, "agent-a", "uid-a", "n1", "172.16.0.1");
	make_agent(&c->agent_b, "agent-b", "uid-b", "n1", "172.16.0.1");
	add(r->w, &c->n1.n.meta);
	add(r->w, &c->n2.n.meta);
	add(r->w, &c->web.p.meta);
	add(r->w, &c->db.p.meta);
	add(r->w, &c->agent_a.p.meta);
	for (size_t i = 0; i < PN_ARRAY_SIZE(groups); i++)
		assert_int_equal(pn_index_cgroup_add(r->w->idx, &groups[i]), 0);
}

/* The kernel has seen the socket of the end that sends on this way. */
static inline void show_cgroup(struct rig *r, struct way w, uint64_t id)
{
	int sender;
	struct entry *e = entry_of(r, w, &sender);

	e->value.cgroups.low[sender] = (uint32_t)id;
}

static inline void assert_named(const struct pn_record_end *e, enum pn_attribution attribution,
				const char *name)
{
	assert_string_equal(pn_attribution_name(e->attribution), pn_attribution_name(attribution));
	assert_string_equal(e->owner ? e->owner->name : "-", name);
}

#endif
