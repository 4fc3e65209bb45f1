/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of series of traffic. All of its memory but for the names is taken at the start, and touched
 * as it is used: slots, found by a hash of the name through chains of slot numbers, and in a list by the time of their last
 * record, so that those to end are at its end.
 *
 * Counts are copied out under the lock and written without it. Names are not copied: they never
 * change, and a count of who uses them, guarded by the lock as well, keeps them until they are written.
 */
#include "export/traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/metric.h"
#include "export/traffic_labels.h"

#define NONE UINT32_MAX

/* Upper bounds of the buckets; behind the last there is one more, without. */
static const struct {
	uint32_t us;
	const char *label;
} buckets[] = {
	{ 250, "le=\"0.00025\"" }, { 500, "le=\"0.0005\"" }, { 1000, "le=\"0.001\"" },
	{ 2500, "le=\"0.0025\"" }, { 5000, "le=\"0.005\"" }, { 10000, "le=\"0.01\"" },
	{ 25000, "le=\"0.025\"" }, { 50000, "le=\"0.05\"" }, { 100000, "le=\"0.1\"" },
	{ 500000, "le=\"0.5\"" },
};

enum {
	N_HINTS = 4096, /* a power of two */
	N_BUCKETS = PN_ARRAY_SIZE(buckets),
	FORTH = 0, /* from source to destination */
	BACK = 1,
	DIRECTIONS = 2,
};

struct counts {
	uint64_t bytes[DIRECTIONS], packets[DIRECTIONS], records;
	uint64_t rtt[N_BUCKETS + 1], rtt_sum_us;
};

struct name {
	uint32_t n_users;
	uint64_t hash;
	char text[];
};

struct series {
	uint32_t chain;	       /* the next one of the same hash, or of those that are free */
	uint32_t newer, older; /* by the time of the last record */
	uint64_t serial;       /* no two that were ever in this place have the same */
	pn_nsec last;
	struct name *name;
	struct counts counts;
};

/*
 * Which series a pair of owners had a moment ago, which saves its name. Owners stay where they are while
 * the flow thread tells its records, which have the same time then; and an id is nobody else's ever.
 */
struct hint {
	const struct pn_owner *source, *destination;
	uint32_t source_id, destination_id, series;
	uint16_t port;
	uint8_t proto;
	uint64_t serial;
	pn_nsec now;
};

struct pn_traffic {
	struct pn_traffic_config config;
	struct hint hints[N_HINTS]; /* of the flow thread */
	pthread_mutex_t lock;	    /* guards all that follows */
	uint64_t n_added;
	uint32_t *heads, n_heads;
	struct series *series;	  /* the last one is "_other" */
	uint32_t free, n_touched; /* those before the second have been used, or are */
	uint32_t newest, oldest, n;
};

/* What was there at one moment. */
struct copy {
	uint32_t n;
	struct sample {
		struct name *name;
		struct counts counts;
	} samples[];
};

/* --- names --------------------------------------------------------------------------------------- */

/* Return: NULL without memory */
static struct name *new_name(const char *text, size_t len, uint64_t hash)
{
	struct name *n = malloc(sizeof(*n) + len + 1);

	if (!n)
		return NULL;
	n->n_users = 1;
	n->hash = hash;
	memcpy(n->text, text, len + 1);
	return n;
}

static void leave_name(struct name *n)
{
	if (n && --n->n_users == 0)
		free(n);
}

/* --- the table ----------------------------------------------------------------------------------- */

static void list_remove(struct pn_traffic *t, uint32_t i)
{
	const struct series *s = &t->series[i];

	*(s->newer == NONE ? &t->newest : &t->series[s->newer].older) = s->older;
	*(s->older == NONE ? &t->oldest : &t->series[s->older].newer) = s->newer;
}

static void list_put_newest(struct pn_traffic *t, uint32_t i)
{
	struct series *s = &t->series[i];

	s->newer = NONE;
	s->older = t->newest;
	*(t->newest == NONE ? &t->oldest : &t->series[t->newest].newer) = i;
	t->newest = i;
}

static uint32_t *head_of(struct pn_traffic *t, uint64_t hash)
{
	return &t->heads[hash & (t->n_heads - 1)];
}

static uint32_t find(struct pn_traffic *t, const char *text, uint64_t hash)
{
	uint32_t i = *head_of(t, hash);

	while (i != NONE &&
	       (t->series[i].name->hash != hash || strcmp(t->series[i].name->text, text) != 0))
		i = t->series[i].chain;
	return i;
}

static void end_series(struct pn_traffic *t, uint32_t i)
{
	struct series *s = &t->series[i];
	uint32_t *at = head_of(t, s->name->hash);

	while (*at != i)
		at = &t->series[*at].chain;
	*at = s->chain;
	list_remove(t, i);
	leave_name(PN_TAKE_PTR(s->name));
	s->serial = 0;
	s->chain = t->free;
	t->free = i;
	t->n--;
	pn_metric_add(PN_METRIC_TRAFFIC_ENDED, 1);
}

static void end_idle(struct pn_traffic *t, pn_nsec now)
{
	while (t->oldest != NONE && now >= t->series[t->oldest].last + t->config.idle)
		end_series(t, t->oldest);
	pn_metric_set(PN_METRIC_TRAFFIC_SERIES, t->n);
}

static bool is_full(const struct pn_traffic *t)
{
	return t->free == NONE && t->n_touched == t->config.max_series;
}

/* There is one. */
static uint32_t take_slot(struct pn_traffic *t)
{
	uint32_t i = t->free;

	if (i == NONE)
		return t->n_touched++;
	t->free = t->series[i].chain;
	return i;
}

/* Return: its number; NONE: no room, or no memory */
static uint32_t add(struct pn_traffic *t, const char *text, size_t len, uint64_t hash)
{
	uint32_t i, *head = head_of(t, hash);
	struct name *name = is_full(t) ? NULL : new_name(text, len, hash);

	if (!name)
		return NONE;
	i = take_slot(t);
	t->series[i] = (struct series) {
		.chain = *head,
		.serial = ++t->n_added,
		.name = name,
	};
	*head = i;
	list_put_newest(t, i);
	pn_metric_set(PN_METRIC_TRAFFIC_SERIES, ++t->n);
	return i;
}

static uint32_t find_or_add(struct pn_traffic *t, const char *text, pn_nsec now)
{
	size_t len = strlen(text);
	uint64_t hash = pn_hash_bytes(text, len);
	uint32_t i = find(t, text, hash);

	if (i != NONE)
		return i;
	if (is_full(t))
		end_idle(t, now);
	return add(t, text, len, hash);
}

/* --- a record ------------------------------------------------------------------------------------ */

static void count_rtt(struct counts *c, uint32_t us)
{
	size_t i = 0;

	while (i < N_BUCKETS && us > buckets[i].us)
		i++;
	c->rtt[i]++;
	c->rtt_sum_us += us;
}

/* A sampled connection stands for others, which no record tells. */
static void count(struct counts *c, const struct pn_flow_record *r)
{
	uint64_t n = PN_MAX(r->sampling, 1u);

	c->bytes[FORTH] += n * r->source.bytes;
	c->bytes[BACK] += n * r->destination.bytes;
	c->packets[FORTH] += n * r->source.packets;
	c->packets[BACK] += n * r->destination.packets;
	c->records++;
	if (r->proto == IPPROTO_TCP && r->rtt_us)
		count_rtt(c, r->rtt_us);
}

static struct hint hint_of(const struct pn_traffic *t, const struct pn_flow_record *r, pn_nsec now)
{
	const struct pn_owner *source = r->source.owner, *destination = r->destination.owner;
	bool with_port = t->config.labels & PN_TRAFFIC_PORT;

	return (struct hint) {
		.source = source,
		.destination = destination,
		.source_id = source ? source->id : 0,
		.destination_id = destination ? destination->id : 0,
		.port = with_port ? r->destination.port : 0,
		.proto = with_port ? r->proto : 0,
		.now = now,
	};
}

static struct hint *place_of(struct pn_traffic *t, const struct hint *h)
{
	return &t->hints[pn_hash_pair((uintptr_t)h->source, (uintptr_t)h->destination,
				      (uint64_t)h->port << 8 | h->proto) &
			 (N_HINTS - 1)];
}

/* Has @known the series of @h? With the lock */
static bool is_known(const struct pn_traffic *t, const struct hint *known, const struct hint *h)
{
	return known->now == h->now && known->source == h->source &&
	       known->destination == h->destination && known->source_id == h->source_id &&
	       known->destination_id == h->destination_id && known->port == h->port &&
	       known->proto == h->proto && known->serial &&
	       known->serial == t->series[known->series].serial;
}

/* With the lock. Return: as find_or_add() */
static uint32_t look_up(struct pn_traffic *t, const struct pn_flow_record *r, struct hint *h)
{
	struct pn_labels l;
	const char *text = pn_traffic_name(r, t->config.labels, &l);
	uint32_t i = text ? find_or_add(t, text, h->now) : NONE;

	if (i == NONE)
		return NONE;
	h->series = i;
	h->serial = t->series[i].serial;
	*place_of(t, h) = *h;
	return i;
}

void pn_traffic_record(struct pn_traffic *t, const struct pn_flow_record *r, pn_nsec now)
{
	struct hint h = hint_of(t, r, now);
	const struct hint *known = place_of(t, &h);
	uint32_t i;

	(void)pthread_mutex_lock(&t->lock);
	i = is_known(t, known, &h) ? known->series : look_up(t, r, &h);
	if (i == NONE) {
		i = t->config.max_series;
		pn_metric_add(PN_METRIC_TRAFFIC_OTHER, 1);
	} else if (t->newest != i) {
		list_remove(t, i);
		list_put_newest(t, i);
	}
	t->series[i].last = now;
	count(&t->series[i].counts, r);
	(void)pthread_mutex_unlock(&t->lock);
}

/* --- writing ------------------------------------------------------------------------------------- */

static void copy_series(struct copy *c, struct series *s)
{
	s->name->n_users++;
	c->samples[c->n++] = (struct sample) { .name = s->name, .counts = s->counts };
}

/* Return: NULL without memory; else for give_back() */
static struct copy *copy_all(struct pn_traffic *t, pn_nsec now)
{
	size_t max = (size_t)t->config.max_series + 1;
	struct copy *c = malloc(sizeof(*c) + max * sizeof(c->samples[0]));
	struct series *other = &t->series[t->config.max_series];

	if (!c)
		return NULL;
	c->n = 0;
	(void)pthread_mutex_lock(&t->lock);
	end_idle(t, now);
	for (uint32_t i = t->newest; i != NONE; i = t->series[i].older)
		copy_series(c, &t->series[i]);
	if (other->counts.records)
		copy_series(c, other);
	(void)pthread_mutex_unlock(&t->lock);
	return c;
}

static void give_back(struct pn_traffic *t, struct copy *c)
{
	(void)pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < c->n; i++)
		leave_name(c->samples[i].name);
	(void)pthread_mutex_unlock(&t->lock);
	free(c);
}

static void write_directions(struct pn_exposition *e, const char *labels,
			     const uint64_t values[DIRECTIONS])
{
	pn_expo_part(e, "", labels, "direction=\"to_destination\"", values[FORTH]);
	pn_expo_part(e, "", labels, "direction=\"to_source\"", values[BACK]);
}

/* Buckets are cumulative. A pair without a TCP connection has no histogram. */
static void write_rtt(struct pn_exposition *e, const char *labels, const struct counts *c)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= N_BUCKETS; i++)
		n += c->rtt[i];
	if (!n)
		return;
	n = 0;
	for (size_t i = 0; i < N_BUCKETS; i++) {
		n += c->rtt[i];
		pn_expo_part(e, "_bucket", labels, buckets[i].label, n);
	}
	n += c->rtt[N_BUCKETS];
	pn_expo_part(e, "_bucket", labels, "le=\"+Inf\"", n);
	pn_expo_part_real(e, "_sum", labels, "", (double)c->rtt_sum_us / 1e6);
	pn_expo_part(e, "_count", labels, "", n);
}

static void write_all(struct pn_exposition *e, const struct copy *c)
{
	const struct sample *s, *end = c->samples + c->n;

	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_traffic_bytes_total",
		       "bytes on the IP layer between two workloads; the source opened the "
		       "connections");
	for (s = c->samples; s < end; s++)
		write_directions(e, s->name->text, s->counts.bytes);
	pn_expo_family(
		e, PN_EXPO_COUNTER, "podonym_traffic_packets_total",
		"packets between two workloads; where connections are sampled, those left out are "
		"estimated, of bytes too");
	for (s = c->samples; s < end; s++)
		write_directions(e, s->name->text, s->counts.packets);
	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_traffic_records_total",
		       "flow records about two workloads");
	for (s = c->samples; s < end; s++)
		pn_expo_value(e, s->name->text, s->counts.records);
	pn_expo_family(e, PN_EXPO_HISTOGRAM, "podonym_traffic_rtt_seconds",
		       "smoothed round trip time of TCP connections between two workloads, once a "
		       "record");
	for (s = c->samples; s < end; s++)
		write_rtt(e, s->name->text, &s->counts);
}

int pn_traffic_write(struct pn_traffic *t, pn_nsec now, struct pn_exposition *e)
{
	struct copy *c = copy_all(t, now);

	if (!c)
		return -ENOMEM;
	write_all(e, c);
	give_back(t, c);
	return 0;
}

/* --- life ---------------------------------------------------------------------------------------- */

static uint32_t heads_for(uint32_t n_series)
{
	uint32_t n = 16;

	while (n < n_series)
		n *= 2;
	return n;
}

static int make_table(struct pn_traffic *t)
{
	uint32_t max = t->config.max_series;
	struct pn_labels l;
	const char *other = pn_traffic_name_other(t->config.labels, &l);

	t->n_heads = heads_for(max);
	t->heads = malloc(t->n_heads * sizeof(t->heads[0]));
	t->series = calloc((size_t)max + 1, sizeof(t->series[0]));
	if (!t->heads || !t->series)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_heads; i++)
		t->heads[i] = NONE;
	t->free = t->newest = t->oldest = NONE;
	t->series[max].name = new_name(other, strlen(other), 0);
	return t->series[max].name ? 0 : -ENOMEM;
}

int pn_traffic_new(const struct pn_traffic_config *config, struct pn_traffic **ret)
{
	struct pn_traffic *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->config = *config;
	(void)pthread_mutex_init(&t->lock, NULL);
	if (make_table(t) < 0) {
		pn_traffic_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void pn_traffic_free(struct pn_traffic *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_touched; i++)
		leave_name(t->series[i].name);
	if (t->series)
		leave_name(t->series[t->config.max_series].name);
	free(t->series);
	free(t->heads);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}
