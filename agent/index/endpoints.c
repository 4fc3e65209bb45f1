/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind Services: does anybody serve, and who is an endpoint of a Service without an
 * address of its own. Called by index.c with EndpointSlices and Services, which are watched apart
 * from each other: a record by the Service's name is made by whoever comes first.
 *
 * A Service has any number of slices, and one that nobody serves is a Service without endpoints: its
 * clients are turned away. This can only be said when all slices are known. An endpoint serves if it
 * is ready, and also if it is about to end but serves until then: proxies fall back to such ones. It
 * holds for Services without a selector too, whose slices somebody else writes, but not for an
 * ExternalName, which is an alias in the DNS only.
 *
 * The endpoints of a headless Service are its places, ready or not: what connected to one that was
 * ready meant the Service also when it is no longer so. Where no port is declared nothing says which
 * connections are meant for the Service, so such endpoints are no places. Of an endpoint with several
 * addresses the first one counts, as for everybody who uses slices.
 */
#include "index/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/metric.h"

enum {
	KEY_LEN = PN_NAMESPACE_LEN + PN_NAME_LEN,
	/* The API allows a slice 1000 endpoints with 100 ports each, and nobody has that. */
	MAX_PLACES_OF_SLICE = 8192,
	/* Ending this many places one by one is cheaper than to go over all of a Service's. */
	MAX_SINGLE_ENDS = 64,
};

struct pn_endpoints_entry {
	UT_hash_handle hh;	       /* by the Service's namespace/name */
	struct cds_list_head services; /* one; for a moment two, when it is made anew */
	struct cds_list_head slices;
	size_t n_serving; /* endpoints */
	char key[];
};

struct pn_slice {
	UT_hash_handle hh; /* by uid */
	const struct pn_endpointslice *object;
	struct pn_endpoints_entry *entry;
	struct cds_list_head of_entry;
	char uid[];
};

/* --- the records -------------------------------------------------------------------------------- */

static void write_key(const char *name_space, const char *name, char key[static KEY_LEN])
{
	(void)stpcpy(stpcpy(stpcpy(key, name_space), "/"), name);
}

static struct pn_endpoints_entry *find(const struct pn_index *idx, const char *name_space,
				       const char *name)
{
	char key[KEY_LEN];
	struct pn_endpoints_entry *e;

	write_key(name_space, name, key);
	HASH_FIND_STR(idx->endpoints, key, e);
	return e;
}

static struct pn_endpoints_entry *find_or_add(struct pn_index *idx, const char *name_space,
					      const char *name)
{
	struct pn_endpoints_entry *e = find(idx, name_space, name);

	if (e)
		return e;
	e = calloc(1, sizeof(*e) + KEY_LEN);
	if (!e)
		return NULL;
	write_key(name_space, name, e->key);
	CDS_INIT_LIST_HEAD(&e->services);
	CDS_INIT_LIST_HEAD(&e->slices);
	HASH_ADD_KEYPTR(hh, idx->endpoints, e->key, strlen(e->key), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	return e;
}

static void drop_if_unused(struct pn_index *idx, struct pn_endpoints_entry *e)
{
	if (!cds_list_empty(&e->services) || !cds_list_empty(&e->slices))
		return;
	HASH_DEL(idx->endpoints, e);
	free(e);
}

static struct pn_slice *find_slice(const struct pn_index *idx, const char *uid)
{
	struct pn_slice *s;

	HASH_FIND_STR(idx->slices, uid, s);
	return s;
}

static struct pn_slice *add_slice(struct pn_index *idx, const char *uid)
{
	size_t len = strlen(uid);
	struct pn_slice *s = calloc(1, sizeof(*s) + len + 1);

	if (!s)
		return NULL;
	memcpy(s->uid, uid, len);
	HASH_ADD_KEYPTR(hh, idx->slices, s->uid, len, s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	return s;
}

/* One without an address that could be used serves nobody. */
static size_t n_serving(const struct pn_endpointslice *slice)
{
	size_t n = 0;

	for (uint32_t i = 0; i < slice->n_endpoints; i++) {
		const struct pn_endpoint *e = &slice->endpoints[i];

		if (e->n_addrs && (e->ready || e->serving))
			n++;
	}
	return n;
}

static void attach(struct pn_slice *s, struct pn_endpoints_entry *e,
		   const struct pn_endpointslice *object)
{
	(void)pn_object_ref(&object->meta);
	s->object = object;
	s->entry = e;
	cds_list_add_tail(&s->of_entry, &e->slices);
	e->n_serving += n_serving(object);
}

/* Return: what it was; the caller has the reference now */
static const struct pn_endpointslice *detach(struct pn_slice *s)
{
	if (!s->entry)
		return NULL;
	cds_list_del(&s->of_entry);
	s->entry->n_serving -= n_serving(s->object);
	s->entry = NULL;
	return PN_TAKE_PTR(s->object);
}

/* --- does anybody serve? ------------------------------------------------------------------------ */

static uint32_t flag_of(const struct pn_index *idx, const struct pn_endpoints_entry *e)
{
	return idx->endpoints_synced && (!e || !e->n_serving) ? PN_OWNER_NO_ENDPOINTS : 0;
}

static bool is_alias(const struct pn_object *service)
{
	return strcmp(pn_object_service(service)->type, "ExternalName") == 0;
}

static void set_flag(struct pn_owner *owner, uint32_t flag)
{
	owner->flags = (owner->flags & ~(uint32_t)PN_OWNER_NO_ENDPOINTS) | flag;
}

void pn_endpoints_describe(const struct pn_index *idx, const struct pn_object *service,
			   struct pn_owner *owner)
{
	set_flag(owner, is_alias(service)
				? 0
				: flag_of(idx, find(idx, service->name_space, service->name)));
}

static int publish(struct pn_index *idx, const struct pn_endpoints_entry *e)
{
	struct pn_claimant *c;
	int r = 0;

	PN_EACH (c, &e->services, of_endpoints) {
		struct pn_owner owner = *pn_claimant_named(c);
		int r2;

		set_flag(&owner, flag_of(idx, e));
		r2 = pn_claimant_rename(idx, c, &owner);
		r = r < 0 ? r : r2;
	}
	return r;
}

int pn_index_endpoints_synced(struct pn_index *idx)
{
	struct pn_endpoints_entry *e, *next;
	int r = 0;
	PN_RCU_WRITING();

	idx->endpoints_synced = true;
	HASH_ITER (hh, idx->endpoints, e, next) {
		int r2 = publish(idx, e);

		r = r < 0 ? r : r2;
	}
	return r;
}

/* --- who stands behind a Service, and which Services a pod stands behind -------------------------- */

void pn_index_backends(const struct pn_index *idx, const char *name_space, const char *service,
		       void (*fn)(void *data, const struct pn_endpoint *e), void *data)
{
	const struct pn_endpoints_entry *e = find(idx, name_space, service);
	const struct pn_slice *s;

	if (!e)
		return;
	PN_EACH (s, &e->slices, of_entry)
		for (uint32_t i = 0; i < s->object->n_endpoints; i++)
			fn(data, &s->object->endpoints[i]);
}

static bool has_pod_s_address(const struct pn_endpoint *e, const struct pn_pod *pod)
{
	for (uint32_t i = 0; i < e->n_addrs; i++)
		for (uint32_t n = 0; n < pod->n_addrs; n++)
			if (memcmp(e->addrs[i].b, pod->addrs[n].b, sizeof(pod->addrs[n].b)) == 0)
				return true;
	return false;
}

static bool has_endpoint(const struct pn_endpointslice *slice, const struct pn_pod *pod)
{
	for (uint32_t i = 0; i < slice->n_endpoints; i++) {
		const struct pn_endpoint *e = &slice->endpoints[i];

		if (strcmp(e->target_kind, "Pod") == 0 ? strcmp(e->target_name, pod->meta.name) == 0
						       : has_pod_s_address(e, pod))
			return true;
	}
	return false;
}

void pn_index_services_of(const struct pn_index *idx, const struct pn_pod *pod,
			  void (*fn)(void *data, const struct pn_endpointslice *slice), void *data)
{
	const struct pn_slice *s, *next;

	HASH_ITER (hh, idx->slices, s, next)
		if (strcmp(s->object->meta.name_space, pod->meta.name_space) == 0 &&
		    has_endpoint(s->object, pod))
			fn(data, s->object);
}

/* --- places of headless Services ---------------------------------------------------------------- */

/* struct cursor - walks over the places that a slice stands for */
struct cursor {
	const struct pn_endpointslice *slice;
	uint32_t endpoint, port, n;
};

/* Return: is there another one? Then its key is in @ret */
static bool next_place(struct cursor *at, struct pn_place_key *ret)
{
	for (; at->endpoint < at->slice->n_endpoints; at->endpoint++, at->port = 0) {
		const struct pn_endpoint *e = &at->slice->endpoints[at->endpoint];

		while (e->n_addrs && at->port < at->slice->n_ports) {
			const struct pn_endpoint_port *port = &at->slice->ports[at->port++];

			if (!port->port || !port->proto)
				continue;
			*ret = pn_place_port(PN_PLACE_ENDPOINT, &e->addrs[0], port->proto,
					     port->port);
			return at->n++ < MAX_PLACES_OF_SLICE;
		}
	}
	return false;
}

static int ask(struct pn_index *idx, struct pn_claimant *c, const struct pn_endpointslice *slice,
	       pn_nsec now)
{
	struct cursor at = { .slice = slice };
	struct pn_place_key key;
	int r = 0;

	while (r == 0 && next_place(&at, &key))
		r = pn_place_ask(idx, c, &key, now);
	if (at.n > MAX_PLACES_OF_SLICE)
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
	return r;
}

static int ask_for_all(struct pn_index *idx, struct pn_claimant *c, pn_nsec now)
{
	uint64_t round = ++idx->round;
	const struct pn_slice *s;
	int r = 0;

	PN_EACH (s, &c->endpoints->slices, of_entry) {
		if (r == 0)
			r = ask(idx, c, s->object, now);
	}
	return r < 0 ? r : pn_claimant_keep(idx, c, true, round, now);
}

static bool has_address(const struct pn_endpointslice *slice, const struct pn_place_key *key)
{
	for (uint32_t i = 0; i < slice->n_endpoints; i++) {
		const struct pn_endpoint *e = &slice->endpoints[i];

		if (e->n_addrs && memcmp(e->addrs[0].b, key->addr, sizeof(key->addr)) == 0)
			return true;
	}
	return false;
}

static bool has_port(const struct pn_endpointslice *slice, const struct pn_place_key *key)
{
	for (uint32_t i = 0; i < slice->n_ports; i++) {
		const struct pn_endpoint_port *p = &slice->ports[i];

		if (p->proto == key->proto && htons(p->port) == key->port_be)
			return true;
	}
	return false;
}

static bool is_listed(const struct pn_endpoints_entry *e, const struct pn_place_key *key)
{
	const struct pn_slice *s;

	PN_EACH (s, &e->slices, of_entry) {
		if (has_port(s->object, key) && has_address(s->object, key))
			return true;
	}
	return false;
}

static struct pn_rival *find_rival(const struct pn_index *idx, const struct pn_claimant *c,
				   const struct pn_place_key *key)
{
	const struct pn_place *p = pn_place_find(idx, key);
	struct pn_rival *r;

	if (!p)
		return NULL;
	PN_EACH (r, &p->rivals, of_place) {
		if (r->by == c)
			return r;
	}
	return NULL;
}

/* What the slice was and no slice is now. What was asked for in this round is still one's own. */
static int withdraw(struct pn_index *idx, struct pn_claimant *c, const struct pn_endpointslice *was,
		    pn_nsec now)
{
	struct cursor at = { .slice = was };
	struct pn_place_key key;
	unsigned int n = 0;
	int ret = 0;

	while (next_place(&at, &key)) {
		struct pn_rival *r = find_rival(idx, c, &key);

		if (!r || r->round == idx->round)
			continue;
		if (n++ == MAX_SINGLE_ENDS)
			return ask_for_all(idx, c, now);
		if (is_listed(c->endpoints, &key))
			continue;
		if (pn_place_withdraw(idx, r, now) < 0)
			ret = -ENOMEM;
	}
	return ret;
}

/* One slice of many has changed: the work is that of this slice. Either may be NULL. */
static int renew_places(struct pn_index *idx, const struct pn_endpoints_entry *e,
			const struct pn_endpointslice *was, const struct pn_endpointslice *slice,
			pn_nsec now)
{
	struct pn_claimant *c;
	int r = 0;

	PN_EACH (c, &e->services, of_endpoints) {
		int r2;

		if (!c->is_headless)
			continue;
		idx->round++;
		r2 = slice ? ask(idx, c, slice, now) : 0;
		r = r < 0 ? r : r2;
		r2 = was ? withdraw(idx, c, was, now) : 0;
		r = r < 0 ? r : r2;
	}
	return r;
}

/* --- Services ----------------------------------------------------------------------------------- */

void pn_endpoints_forget(struct pn_index *idx, struct pn_claimant *c)
{
	struct pn_endpoints_entry *e = PN_TAKE_PTR(c->endpoints);

	if (!e)
		return;
	cds_list_del(&c->of_endpoints);
	drop_if_unused(idx, e);
}

static int link_service(struct pn_index *idx, struct pn_claimant *c,
			const struct pn_object *service)
{
	struct pn_endpoints_entry *e;

	if (c->endpoints)
		return 0; /* an object keeps its name */
	e = find_or_add(idx, service->name_space, service->name);
	if (!e)
		return -ENOMEM;
	cds_list_add(&c->of_endpoints, &e->services);
	c->endpoints = e;
	return 0;
}

int pn_endpoints_service(struct pn_index *idx, struct pn_claimant *c,
			 const struct pn_object *service, pn_nsec now)
{
	int r;

	c->is_headless = !is_alias(service) && !pn_object_service(service)->n_addrs;
	if (is_alias(service))
		pn_endpoints_forget(idx, c);
	else {
		r = link_service(idx, c, service);
		if (r < 0)
			return r;
	}
	return c->is_headless ? ask_for_all(idx, c, now)
			      : pn_claimant_keep(idx, c, true, ++idx->round, now);
}

/* --- slices ------------------------------------------------------------------------------------- */

/* Of @was, which the caller gives back, to @slice; @e is the entry of both, or of the one there is. */
static int renew(struct pn_index *idx, struct pn_endpoints_entry *e,
		 const struct pn_endpointslice *was, const struct pn_endpointslice *slice,
		 pn_nsec now)
{
	int r = publish(idx, e);
	int r2 = renew_places(idx, e, was, slice, now);

	drop_if_unused(idx, e);
	return r < 0 ? r : r2;
}

static int forget(struct pn_index *idx, const char *uid, pn_nsec now)
{
	struct pn_slice *s = find_slice(idx, uid);
	const struct pn_endpointslice *was;
	struct pn_endpoints_entry *e;
	int r;

	if (!s)
		return 0;
	e = s->entry;
	was = detach(s);
	HASH_DEL(idx->slices, s);
	free(s);
	r = renew(idx, e, was, NULL, now);
	pn_object_unref(&was->meta);
	return r;
}

static int learn(struct pn_index *idx, const struct pn_endpointslice *slice, pn_nsec now)
{
	struct pn_endpoints_entry *e = find_or_add(idx, slice->meta.name_space, slice->service);
	struct pn_slice *s = find_slice(idx, slice->meta.uid);
	const struct pn_endpointslice *was = NULL;
	int r;

	if (e && !s)
		s = add_slice(idx, slice->meta.uid);
	if (!e || !s) {
		if (e)
			drop_if_unused(idx, e);
		return -ENOMEM;
	}
	was = detach(s);
	attach(s, e, slice);
	r = renew(idx, e, was, slice, now);
	if (was)
		pn_object_unref(&was->meta);
	return r;
}

/* One that names another Service now is another slice. */
static bool has_moved(const struct pn_index *idx, const struct pn_endpointslice *slice)
{
	const struct pn_slice *s = find_slice(idx, slice->meta.uid);

	return s && strcmp(s->object->service, slice->service) != 0;
}

int pn_endpoints_apply(struct pn_index *idx, const struct pn_object *old,
		       const struct pn_object *new)
{
	const struct pn_endpointslice *slice = pn_object_endpointslice(new);
	pn_nsec now = pn_clock_now(idx->clock);
	int r = 0, r2 = 0;

	if (old && (!new || strcmp(old->uid, new->uid) != 0))
		r = forget(idx, old->uid, now);
	if (slice && has_moved(idx, slice)) {
		r2 = forget(idx, new->uid, now);
		r = r < 0 ? r : r2;
	}
	if (slice && slice->service[0])
		r2 = learn(idx, slice, now);
	return r < 0 ? r : r2;
}

void pn_endpoints_drop_all(struct pn_index *idx)
{
	struct pn_slice *s, *next;

	HASH_ITER (hh, idx->slices, s, next) {
		struct pn_endpoints_entry *e = s->entry;

		pn_object_unref(&detach(s)->meta);
		HASH_DEL(idx->slices, s);
		free(s);
		drop_if_unused(idx, e);
	}
}
