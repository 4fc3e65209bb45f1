/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_INDEX_FIXTURE_H
#define PN_TESTS_INDEX_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "index/index.h"

/*
 * Objects made by hand and a clock that the test owns. The wall clock begins at second 1,000,000 and
 * the monotonic one at second 1,000, so second s of a test is (WALL_S + s) of an object's timestamps
 * and at(s) of the index.
 */
#define WALL_S 1000000
#define BOOT_S 1000

struct fake_clock {
	pn_nsec t; /* since the start of the test */
};

static inline pn_nsec at_ms(uint64_t ms)
{
	return BOOT_S * PN_NSEC_PER_SEC + ms * PN_NSEC_PER_MSEC;
}

static inline pn_nsec at(uint64_t s)
{
	return at_ms(s * 1000);
}

static inline pn_nsec fake_now(void *data)
{
	return BOOT_S * PN_NSEC_PER_SEC + ((struct fake_clock *)data)->t;
}

static inline pn_nsec fake_realtime(void *data)
{
	return WALL_S * PN_NSEC_PER_SEC + ((struct fake_clock *)data)->t;
}

struct world {
	struct fake_clock fake;
	struct pn_clock clock;
	struct pn_index *idx;
};

static inline void go_to(struct world *w, uint64_t ms)
{
	w->fake.t = ms * PN_NSEC_PER_MSEC;
}

static inline struct pn_addr addr(const char *text)
{
	struct pn_addr a;

	assert_int_equal(pn_addr_parse(text, &a), 0);
	return a;
}

static inline struct pn_cidr cidr(const char *address, uint8_t prefix_len)
{
	return (struct pn_cidr) { addr(address), prefix_len };
}

/* Less than @n, and the same again for the same @seed. */
static inline unsigned int draw_below(unsigned int *seed, unsigned int n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % n;
}

/* A pod that runs on node "n1" with one or two addresses; fields may be changed afterwards. */
struct pod {
	struct pn_pod p;
	struct pn_addr addrs[2], host_addrs[2];
	struct pn_host_port host_ports[2];
};

/* For as long as a test may want it. */
static inline const struct pn_controller *controller_of(const char *kind, const char *name,
							const char *uid)
{
	static struct pn_controller made[8192];
	static unsigned int n;
	struct pn_controller *c = &made[n++ % PN_ARRAY_SIZE(made)];

	*c = (struct pn_controller) { kind, name, uid };
	return c;
}

static inline void fill_meta(struct pn_object *o, enum pn_kind_id kind, const char *name,
			     const char *uid, int64_t created_s)
{
	*o = (struct pn_object) {
		.n_refs = 1,
		.kind = (uint8_t)kind,
		.name_space = kind == PN_KIND_NODE ? "" : "shop",
		.name = name,
		.uid = uid,
		.resource_version = "1",
		.created_s = WALL_S + created_s,
		.controller = controller_of("", "", ""),
	};
}

static inline void pod_init(struct pod *p, const char *name, const char *uid, const char *address,
			    int64_t start_s)
{
	memset(p, 0, sizeof(*p));
	fill_meta(&p->p.meta, PN_KIND_POD, name, uid, start_s - 1);
	p->p.phase = PN_POD_RUNNING;
	p->p.start_time_s = WALL_S + start_s;
	p->p.node_name = "n1";
	p->p.addrs = p->addrs;
	if (address) {
		p->addrs[0] = addr(address);
		p->p.n_addrs = 1;
	}
}

static inline void pod_add_host_port(struct pod *p, uint16_t port)
{
	p->p.host_ports = p->host_ports;
	p->host_ports[p->p.n_host_ports++] = (struct pn_host_port) { port, port, 6 };
}

static inline void pod_add_host_addr(struct pod *p, const char *address)
{
	p->p.host_addrs = p->host_addrs;
	p->host_addrs[p->p.n_host_addrs++] = addr(address);
}

static inline void pod_add_addr(struct pod *p, const char *address)
{
	p->addrs[p->p.n_addrs++] = addr(address);
}

struct service {
	struct pn_service s;
	struct pn_addr addrs[2];
	struct pn_service_port ports[2];
};

static inline void service_init(struct service *s, const char *name, const char *uid,
				const char *address, uint16_t port, int64_t created_s)
{
	memset(s, 0, sizeof(*s));
	fill_meta(&s->s.meta, PN_KIND_SERVICE, name, uid, created_s);
	s->s.type = "ClusterIP";
	s->s.addrs = s->addrs;
	s->s.ports = s->ports;
	s->addrs[0] = addr(address);
	s->s.n_addrs = 1;
	s->ports[0] = (struct pn_service_port) { .name = "", .port = port, .proto = 6 };
	s->s.n_ports = 1;
}

struct node {
	struct pn_node n;
	struct pn_addr addrs[2];
	struct pn_cidr cidrs[2];
};

static inline void node_init(struct node *n, const char *name, const char *uid, const char *address)
{
	memset(n, 0, sizeof(*n));
	fill_meta(&n->n.meta, PN_KIND_NODE, name, uid, 0);
	n->n.addrs = n->addrs;
	n->addrs[0] = addr(address);
	n->n.n_addrs = 1;
}

static inline void node_add_cidr(struct node *n, const char *address, uint8_t prefix_len)
{
	n->n.pod_cidrs = n->cidrs;
	n->cidrs[n->n.n_pod_cidrs++] = cidr(address, prefix_len);
}

static inline void replicaset_init(struct pn_object *rs, const char *name, const char *uid,
				   const char *deployment)
{
	fill_meta(rs, PN_KIND_REPLICASET, name, uid, 0);
	if (deployment)
		rs->controller = controller_of("Deployment", deployment, "d-uid");
}

static inline void add(struct world *w, const struct pn_object *o)
{
	assert_int_equal(pn_index_apply(w->idx, NULL, o), 0);
}

static inline void update(struct world *w, const struct pn_object *old, const struct pn_object *new)
{
	assert_int_equal(pn_index_apply(w->idx, old, new), 0);
}

static inline void del(struct world *w, const struct pn_object *o)
{
	assert_int_equal(pn_index_apply(w->idx, o, NULL), 0);
}

/* What a look-up answered: the owner's name, "-" for nobody, "?" for several. */
static inline const char *name_of(int n, const struct pn_owner *o)
{
	static const char *const none[] = { "-", NULL, "?" };

	assert_in_range(n, 0, 2);
	return n == 1 ? o->name : none[n];
}

static inline const char *name_at(const struct world *w, const char *address, pn_nsec when)
{
	const struct pn_owner *o = NULL;
	struct pn_addr a = addr(address);
	int n = pn_index_at(w->idx, &a, when, &o);

	return name_of(n, o);
}

static inline const char *name_now(const struct world *w, const char *address)
{
	return name_at(w, address, PN_NSEC_NEVER);
}

static inline const struct pn_owner *owner_now(const struct world *w, const char *address)
{
	struct pn_addr a = addr(address);
	const struct pn_owner *o = NULL;

	assert_int_equal(pn_index_at(w->idx, &a, PN_NSEC_NEVER, &o), 1);
	return o;
}

typedef int (*port_fn)(const struct pn_index *idx, const struct pn_addr *addr, uint8_t proto,
		       uint16_t port, pn_nsec when, const struct pn_owner **ret);

/* TCP: @look_up is pn_index_service, pn_index_host_port or pn_index_headless. */
static inline const char *port_at(const struct world *w, port_fn look_up, const char *address,
				  uint16_t port, pn_nsec when)
{
	const struct pn_owner *o = NULL;
	struct pn_addr a = addr(address);
	int n = look_up(w->idx, &a, 6, port, when, &o);

	return name_of(n, o);
}

static inline const char *port_now(const struct world *w, port_fn look_up, const char *address,
				   uint16_t port)
{
	return port_at(w, look_up, address, port, PN_NSEC_NEVER);
}

static inline const char *network_of(const struct world *w, const char *address)
{
	const struct pn_owner *o = NULL;
	struct pn_addr a = addr(address);
	int n = pn_index_cidr(w->idx, &a, &o);

	return name_of(n, o);
}

static inline int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	w->clock = (struct pn_clock) { fake_now, fake_realtime, NULL, &w->fake };
	pn_index_reader_begin();
	*state = w;
	return pn_index_new(&w->clock, "n1", &w->idx);
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	pn_index_reader_end();
	pn_index_free(w->idx);
	free(w);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
