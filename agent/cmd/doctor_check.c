/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the pinned maps and the node's truth disagree, for `podonym doctor`.
 *
 * Only what both sides can know is compared. A pod may have addresses that Kubernetes never hears of
 * (a second network), listen at ports it does not declare, or hide its addresses from the node (a
 * sandbox with a network stack of its own); that is counted and is no disagreement.
 */
#include "cmd/doctor_check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "cmd/maps_words.h"

enum {
	TEXT_LEN = 512,
	HASH_LEN = 32,
	MAX_DISAGREEMENTS = 1 << 20,
};

struct examination {
	const struct pn_truth *truth;
	const struct pn_maps_reader *maps;
	struct pn_diagnosis *result;
	struct pn_meta_value meta;
	pn_nsec now;
};

/* struct answer - what podonym says: the owner, or that there is none */
struct answer {
	struct pn_owner_value owner;
	bool found;
};

const char *pn_check_name(enum pn_check check)
{
	static const char *const names[] = { "cgroup", "address", "pod", "port", "node" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_CHECK_MAX, "a name for each check");

	return names[check];
}

const char *pn_verdict_name(enum pn_verdict verdict)
{
	static const char *const names[] = { "wrong", "missing", "stale" };
	_Static_assert(PN_ARRAY_SIZE(names) == PN_VERDICT_MAX, "a name for each verdict");

	return names[verdict];
}

/* --- disagreements ------------------------------------------------------------------------------ */

static void item_done(struct pn_disagreement *item)
{
	free(item->subject);
	free(item->truth);
	free(item->podonym);
}

void pn_diagnosis_done(struct pn_diagnosis *d)
{
	for (size_t i = 0; i < d->n; i++)
		item_done(&d->items[i]);
	free(d->items);
	*d = (struct pn_diagnosis) { .n = 0 };
}

static bool has(const struct pn_diagnosis *d, const struct pn_disagreement *item)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct pn_disagreement *other = &d->items[i];

		if (other->check == item->check && other->verdict == item->verdict &&
		    strcmp(other->subject, item->subject) == 0)
			return true;
	}
	return false;
}

void pn_diagnosis_keep(struct pn_diagnosis *d, const struct pn_diagnosis *earlier)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (has(earlier, &d->items[i]))
			d->items[n++] = d->items[i];
		else
			item_done(&d->items[i]);
	}
	d->n = n;
}

size_t pn_diagnosis_count(const struct pn_diagnosis *d, enum pn_check check,
			  enum pn_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->items[i].check == check && d->items[i].verdict == verdict;
	return n;
}

static int make_room(struct pn_diagnosis *d)
{
	size_t cap = d->cap ? d->cap * 2 : 64;
	struct pn_disagreement *items;

	if (d->n < d->cap)
		return 0;
	items = cap > MAX_DISAGREEMENTS ? NULL : reallocarray(d->items, cap, sizeof(*items));
	if (!items)
		return -ENOMEM;
	d->items = items;
	d->cap = cap;
	return 0;
}

static int disagree(struct examination *e, enum pn_check check, enum pn_verdict verdict,
		    const char *subject, const char *truth, const char *podonym)
{
	struct pn_disagreement item = {
		.check = check,
		.verdict = verdict,
		.subject = strdup(subject),
		.truth = strdup(truth),
		.podonym = strdup(podonym),
	};

	if (!item.subject || !item.truth || !item.podonym || make_room(e->result) < 0) {
		item_done(&item);
		return -ENOMEM;
	}
	e->result->items[e->result->n++] = item;
	return 0;
}

/* --- both sides in words ------------------------------------------------------------------------ */

static const char *answer_text(const struct answer *a, char buf[static TEXT_LEN])
{
	const struct pn_owner_value *o = &a->owner;

	if (!a->found)
		return "nothing";
	(void)snprintf(buf, TEXT_LEN, "%s %s%s%s%s%s", pn_owner_kind_name(o->kind), o->name_space,
		       *o->name_space ? "/" : "", o->name, *o->uid ? " uid " : "", o->uid);
	return buf;
}

static PN_PRINTF(2, 3) const char *text(char buf[static TEXT_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, TEXT_LEN, fmt, ap);
	va_end(ap);
	return buf;
}

/* A static pod's cgroups tell a hash of its manifest, and the maps the uid of its mirror. */
static bool is_pod(const struct answer *a, const char *uid)
{
	return a->found && a->owner.kind == PN_OWNER_POD &&
	       (strlen(uid) == HASH_LEN || strcmp(a->owner.uid, uid) == 0);
}

static enum pn_verdict verdict_of(const struct answer *a)
{
	return a->found ? PN_VERDICT_WRONG : PN_VERDICT_MISSING;
}

/* --- what podonym says -------------------------------------------------------------------------- */

/* @r, @id: what a map said. Return: 0 or a negative errno */
static int ask_owner(const struct examination *e, int r, uint32_t id, struct answer *ret)
{
	*ret = (struct answer) { .found = false };
	if (r == 0 && id)
		r = pn_maps_reader_owner(e->maps, id, &ret->owner);
	ret->found = r == 0 && id;
	return r == -ENOENT ? 0 : r;
}

static int ask_ip(const struct examination *e, const struct pn_addr *addr,
		  struct pn_ip_value *ret_ip, struct answer *ret)
{
	struct pn_ip_value ip = { .owner = 0 };
	int r = pn_maps_reader_ip(e->maps, addr, &ip);

	if (ret_ip)
		*ret_ip = ip;
	return ask_owner(e, r, ip.owner, ret);
}

/* --- the checks --------------------------------------------------------------------------------- */

static int check_cgroup(struct examination *e, const struct pn_truth_cgroup *c)
{
	char truth[TEXT_LEN], podonym[TEXT_LEN];
	struct answer a;
	uint32_t id = 0;
	int r = pn_maps_reader_cgroup(e->maps, c->id, &id);

	r = ask_owner(e, r, id, &a);
	if (r < 0)
		return r;
	e->result->n_checked[PN_CHECK_CGROUP]++;
	if (is_pod(&a, c->uid))
		return 0;
	return disagree(e, PN_CHECK_CGROUP, verdict_of(&a), c->path,
			text(truth, "pod uid %s", c->uid), answer_text(&a, podonym));
}

static int check_addr(struct examination *e, const struct pn_truth_pod *pod,
		      const struct pn_addr *addr, const struct answer *a)
{
	char truth[TEXT_LEN], podonym[TEXT_LEN], subject[PN_ADDR_STRLEN];

	e->result->n_checked[PN_CHECK_ADDRESS]++;
	if (is_pod(a, pod->uid))
		return 0;
	return disagree(e, PN_CHECK_ADDRESS, verdict_of(a), pn_addr_format(addr, subject),
			text(truth, "pod uid %s, process %d", pod->uid, (int)pod->pid),
			answer_text(a, podonym));
}

/* Of one family: as long as one address is right, those that nobody knows are of other networks. */
static int check_family(struct examination *e, const struct pn_truth_pod *pod, bool v4)
{
	size_t n_unknown = 0, n_right = 0;
	struct answer a;
	int r = 0;

	for (size_t i = 0; r == 0 && i < pod->addrs.n; i++) {
		if (pn_addr_is_v4(&pod->addrs.items[i]) != v4)
			continue;
		r = ask_ip(e, &pod->addrs.items[i], NULL, &a);
		n_unknown += r == 0 && !a.found;
		n_right += r == 0 && is_pod(&a, pod->uid);
		if (r == 0 && a.found)
			r = check_addr(e, pod, &pod->addrs.items[i], &a);
	}
	if (n_right) {
		e->result->n_extra += n_unknown;
		return r;
	}
	for (size_t i = 0; r == 0 && n_unknown && i < pod->addrs.n; i++) {
		if (pn_addr_is_v4(&pod->addrs.items[i]) != v4)
			continue;
		r = ask_ip(e, &pod->addrs.items[i], NULL, &a);
		if (r == 0 && !a.found)
			r = check_addr(e, pod, &pod->addrs.items[i], &a);
	}
	return r;
}

static bool somebody_has(const struct pn_truth *t, const struct pn_addr *addr)
{
	for (size_t i = 0; i < t->n_pods; i++) {
		if (pn_addrs_has(&t->pods[i].addrs, addr))
			return true;
	}
	return false;
}

/* An address that podonym has for a pod of this node. */
static int check_entry(struct examination *e, const struct pn_addr *addr,
		       const struct pn_ip_value *ip, const struct answer *a)
{
	char podonym[TEXT_LEN], owner[TEXT_LEN], subject[PN_ADDR_STRLEN];
	const struct pn_truth_pod *pod;

	if (a->owner.flags & PN_OWNER_HOST_NETWORK)
		return 0;
	pod = pn_truth_pod(e->truth, a->owner.uid);
	if (pod && !pod->addrs.n) {
		e->result->n_unseen++;
		return 0;
	}
	e->result->n_checked[PN_CHECK_POD]++;
	if (somebody_has(e->truth, addr))
		return 0; /* if that is somebody else, check_addr() says so */
	return disagree(e, PN_CHECK_POD, PN_VERDICT_STALE, pn_addr_format(addr, subject),
			"in no network namespace of a pod",
			text(podonym, "%.400s for %.0f s", answer_text(a, owner),
			     e->now > ip->since_ns
				     ? (double)(e->now - ip->since_ns) / PN_NSEC_PER_SEC
				     : 0));
}

/* struct entries - of `ip`, of this node */
struct entries {
	struct pn_addrs pods, nodes;
	bool no_memory;
};

static void collect(void *data, const struct pn_addr *addr, const struct pn_ip_value *ip)
{
	struct entries *all = data;
	struct pn_addrs *list = ip->flags & PN_IP_HOST ? &all->nodes : &all->pods;
	size_t cap = list->cap ? list->cap * 2 : 256;

	if (!ip->owner || !(ip->flags & PN_IP_LOCAL) || (ip->flags & PN_IP_TERMINATING) ||
	    all->no_memory)
		return;
	if (list->n == list->cap) {
		struct pn_addr *items = reallocarray(list->items, cap, sizeof(*items));

		all->no_memory = !items;
		if (!items)
			return;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->n++] = *addr;
}

static int check_entries(struct examination *e, const struct pn_addrs *addrs)
{
	struct pn_ip_value ip;
	struct answer a;
	int r = 0;

	for (size_t i = 0; r == 0 && i < addrs->n; i++) {
		r = ask_ip(e, &addrs->items[i], &ip, &a);
		if (r == 0 && a.found && a.owner.kind == PN_OWNER_POD)
			r = check_entry(e, &addrs->items[i], &ip, &a);
	}
	return r;
}

/* The node may have addresses that are on none of its interfaces, but not only such. */
static int check_node_entries(struct examination *e, const struct pn_addrs *nodes)
{
	char podonym[TEXT_LEN], subject[PN_ADDR_STRLEN];
	size_t n_here = 0;
	int r = 0;

	for (size_t i = 0; i < nodes->n; i++)
		n_here += pn_addrs_has(&e->truth->own, &nodes->items[i]);
	e->result->n_checked[PN_CHECK_NODE] += n_here;
	if (n_here) {
		e->result->n_elsewhere = nodes->n - n_here;
		return 0;
	}
	for (size_t i = 0; r == 0 && i < nodes->n; i++) {
		e->result->n_checked[PN_CHECK_NODE]++;
		r = disagree(e, PN_CHECK_NODE, PN_VERDICT_WRONG,
			     pn_addr_format(&nodes->items[i], subject), "on no interface here",
			     text(podonym, "node %s", e->meta.node));
	}
	return r;
}

/* Services may have addresses on the node's interfaces (IPVS), pods and other nodes may not. */
static int check_own_addr(struct examination *e, const struct pn_addr *addr)
{
	char truth[TEXT_LEN], podonym[TEXT_LEN], subject[PN_ADDR_STRLEN];
	struct answer a;
	int r = ask_ip(e, addr, NULL, &a);
	bool is_ours;

	if (r < 0 || !a.found || a.owner.kind == PN_OWNER_SERVICE)
		return r;
	is_ours = a.owner.kind == PN_OWNER_NODE &&
		  (!*e->meta.node || strcmp(a.owner.name, e->meta.node) == 0);
	if (is_ours)
		return 0;
	e->result->n_checked[PN_CHECK_NODE]++;
	return disagree(e, PN_CHECK_NODE, PN_VERDICT_WRONG, pn_addr_format(addr, subject),
			text(truth, "node %s", e->meta.node), answer_text(&a, podonym));
}

static int check_own_addrs(struct examination *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->truth->own.n; i++)
		r = check_own_addr(e, &e->truth->own.items[i]);
	return r;
}

static const char *port_text(const struct pn_truth_socket *s, const struct pn_addr *addr,
			     char buf[static TEXT_LEN])
{
	char address[PN_ADDR_STRLEN];
	bool v4 = pn_addr_is_v4(addr);

	return text(buf, "%s %s%s%s:%u", s->proto == IPPROTO_TCP ? "tcp" : "udp", v4 ? "" : "[",
		    pn_addr_format(addr, address), v4 ? "" : "]", s->port);
}

/* Return: 1 if podonym knows the port, 0 if not, or a negative errno */
static int check_port_at(struct examination *e, const struct pn_truth_socket *s,
			 const struct pn_addr *addr)
{
	char subject[TEXT_LEN], truth[TEXT_LEN], podonym[TEXT_LEN];
	struct answer a;
	uint32_t id = 0;
	int r = pn_maps_reader_hostport(e->maps, addr, s->proto, s->port, &id);

	r = ask_owner(e, r, id, &a);
	if (r < 0 || !a.found)
		return r;
	/* a pod with a network of its own is behind a translation, and whoever listens here is not */
	if (!(a.owner.flags & PN_OWNER_HOST_NETWORK))
		return 1;
	e->result->n_checked[PN_CHECK_PORT]++;
	if (is_pod(&a, s->uid))
		return 1;
	r = disagree(e, PN_CHECK_PORT, PN_VERDICT_WRONG, port_text(s, addr, subject),
		     text(truth, "%s%s, process %d", *s->uid ? "pod uid " : "no pod", s->uid,
			  (int)s->pid),
		     answer_text(&a, podonym));
	return r < 0 ? r : 1;
}

/* Does a socket that is bound to an address take what comes for another? */
static bool is_bound_to(const struct pn_addr *bound, const struct pn_addr *addr)
{
	static const struct pn_addr any_v6, any_v4 = { { [10] = 0xff, [11] = 0xff } };

	if (pn_addr_eq(bound, &any_v6))
		return true;
	return pn_addr_eq(bound, &any_v4) ? pn_addr_is_v4(addr) : pn_addr_eq(bound, addr);
}

static int check_port(struct examination *e, const struct pn_truth_socket *s)
{
	bool is_known = false, is_reachable = false;
	int r = 0;

	if (!s->pid)
		return 0;
	for (size_t i = 0; r >= 0 && i < e->truth->own.n; i++) {
		const struct pn_addr *addr = &e->truth->own.items[i];

		if (!is_bound_to(&s->addr, addr))
			continue;
		is_reachable = true;
		r = check_port_at(e, s, addr);
		is_known = is_known || r > 0;
	}
	e->result->n_undeclared += *s->uid && is_reachable && !is_known;
	return r < 0 ? r : 0;
}

/* --- all ---------------------------------------------------------------------------------------- */

static int check_map_ip(struct examination *e)
{
	struct entries all = { .no_memory = false };
	int r = pn_maps_reader_each_ip(e->maps, collect, &all);

	if (r == 0 && all.no_memory)
		r = -ENOMEM;
	if (r == 0)
		r = check_entries(e, &all.pods);
	if (r == 0)
		r = check_node_entries(e, &all.nodes);
	free(all.pods.items);
	free(all.nodes.items);
	return r;
}

static int check_all(struct examination *e)
{
	const struct pn_truth *t = e->truth;
	int r = pn_maps_reader_meta(e->maps, &e->meta);

	for (size_t i = 0; r == 0 && i < t->n_cgroups; i++)
		r = check_cgroup(e, &t->cgroups[i]);
	for (size_t i = 0; r == 0 && i < t->n_pods; i++) {
		r = check_family(e, &t->pods[i], true);
		if (r == 0)
			r = check_family(e, &t->pods[i], false);
	}
	if (r == 0)
		r = check_map_ip(e);
	if (r == 0)
		r = check_own_addrs(e);
	for (size_t i = 0; r == 0 && i < t->n_sockets; i++)
		r = check_port(e, &t->sockets[i]);
	return r;
}

int pn_diagnose(const struct pn_truth *truth, const struct pn_maps_reader *maps,
		struct pn_diagnosis *ret, struct pn_err *reterr)
{
	struct examination e = {
		.truth = truth,
		.maps = maps,
		.result = ret,
		.now = pn_clock_now(&pn_clock_system),
	};
	int r = check_all(&e);

	ret->n_hidden = truth->n_hidden;
	return r < 0 ? pn_err_set(reterr, r, "comparing with the maps: %s", strerror(-r)) : 0;
}
