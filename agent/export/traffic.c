/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records tell, added up in two tables of series (series.c): traffic by pairs of ends, and drops by
 * pairs of ends and reason. The flow thread gives records, the control thread writes what there is.
 */
#include "export/traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/metric.h"
#include "export/series.h"
#include "export/traffic_labels.h"

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
	HINT_BITS = 12,
	N_HINTS = 1 << HINT_BITS,
	N_BUCKETS = PN_ARRAY_SIZE(buckets),
	FORTH = 0, /* from source to destination */
	BACK = 1,
	DIRECTIONS = 2,
};

struct counts {
	uint64_t bytes[DIRECTIONS], packets[DIRECTIONS], records;
	uint64_t rtt[N_BUCKETS + 1], rtt_sum_us;
};

struct drop_counts {
	uint64_t packets, bytes;
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
	struct pn_series *series, *drops;
};

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

/* What one owner has with others has places of its own, and so has what it has on several ports. */
static struct hint *place_of(struct pn_traffic *t, const struct hint *h)
{
	uint32_t n = h->destination_id + h->source_id * 0x85ebca6bu +
		     ((uint32_t)h->port << 8 | h->proto) * 0xc2b2ae35u;

	return &t->hints[pn_hash_spread(n, HINT_BITS)];
}

/* Has @known the series of @h? With the lock */
static bool is_known(const struct pn_traffic *t, const struct hint *known, const struct hint *h)
{
	return known->now == h->now && known->source == h->source &&
	       known->destination == h->destination && known->source_id == h->source_id &&
	       known->destination_id == h->destination_id && known->port == h->port &&
	       known->proto == h->proto && known->serial &&
	       known->serial == pn_series_serial(t->series, known->series);
}

/* With the lock. Return: as pn_series_find() */
static uint32_t look_up(struct pn_traffic *t, const struct pn_flow_record *r, struct hint *h)
{
	struct pn_labels l;
	const char *text = pn_traffic_name(r, t->config.labels, &l);
	uint32_t other = pn_series_other(t->series);
	uint32_t i = text ? pn_series_find(t->series, text, h->now) : other;

	if (i == other)
		return other;
	h->series = i;
	h->serial = pn_series_serial(t->series, i);
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
	if (i == pn_series_other(t->series))
		pn_metric_add(PN_METRIC_TRAFFIC_OTHER, 1);
	count(pn_series_touch(t->series, i, now), r);
	(void)pthread_mutex_unlock(&t->lock);
}

/* Lines of drops are few: a second for each sort at most. */
void pn_traffic_drop(struct pn_traffic *t, const struct pn_flow_record *r, pn_nsec now)
{
	struct pn_labels l;
	const char *text = pn_traffic_name(r, t->config.labels | PN_TRAFFIC_DROP, &l);
	struct drop_counts *c;
	uint32_t i;

	(void)pthread_mutex_lock(&t->lock);
	i = text ? pn_series_find(t->drops, text, now) : pn_series_other(t->drops);
	if (i == pn_series_other(t->drops))
		pn_metric_add(PN_METRIC_DROPS_OTHER, 1);
	c = pn_series_touch(t->drops, i, now);
	c->packets += r->drop.packets;
	c->bytes += r->drop.bytes;
	(void)pthread_mutex_unlock(&t->lock);
}

/* --- writing ------------------------------------------------------------------------------------- */

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

static void write_traffic(struct pn_exposition *e, const struct pn_series_copy *all)
{
	const struct counts *c;
	const char *name;

	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_traffic_bytes_total",
		       "bytes on the IP layer between two workloads; the source opened the "
		       "connections");
	for (uint32_t i = 0; (c = pn_series_at(all, i, &name)); i++)
		write_directions(e, name, c->bytes);
	pn_expo_family(
		e, PN_EXPO_COUNTER, "podonym_traffic_packets_total",
		"packets between two workloads; where connections are sampled, those left out are "
		"estimated, of bytes too");
	for (uint32_t i = 0; (c = pn_series_at(all, i, &name)); i++)
		write_directions(e, name, c->packets);
	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_traffic_records_total",
		       "flow records about two workloads");
	for (uint32_t i = 0; (c = pn_series_at(all, i, &name)); i++)
		pn_expo_value(e, name, c->records);
	pn_expo_family(e, PN_EXPO_HISTOGRAM, "podonym_traffic_rtt_seconds",
		       "smoothed round trip time of TCP connections between two workloads, once a "
		       "record");
	for (uint32_t i = 0; (c = pn_series_at(all, i, &name)); i++)
		write_rtt(e, name, c);
}

static void write_drops(struct pn_exposition *e, const struct pn_series_copy *all)
{
	const struct drop_counts *c;
	const char *name;

	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_drops_packets_total",
		       "packets that the kernel has thrown away; the source sent them");
	for (uint32_t i = 0; (c = pn_series_at(all, i, &name)); i++)
		pn_expo_value(e, name, c->packets);
	pn_expo_family(e, PN_EXPO_COUNTER, "podonym_drops_bytes_total",
		       "bytes of such packets, from the IP header on");
	for (uint32_t i = 0; (c = pn_series_at(all, i, &name)); i++)
		pn_expo_value(e, name, c->bytes);
}

int pn_traffic_write(struct pn_traffic *t, pn_nsec now, struct pn_exposition *e)
{
	struct pn_series_copy *traffic, *drops;
	int r = -ENOMEM;

	(void)pthread_mutex_lock(&t->lock);
	traffic = pn_series_copy(t->series, now);
	drops = pn_series_copy(t->drops, now);
	(void)pthread_mutex_unlock(&t->lock);
	if (traffic && drops) {
		write_traffic(e, traffic);
		write_drops(e, drops);
		r = 0;
	}
	(void)pthread_mutex_lock(&t->lock);
	pn_series_give_back(traffic);
	pn_series_give_back(drops);
	(void)pthread_mutex_unlock(&t->lock);
	return r;
}

/* --- life ---------------------------------------------------------------------------------------- */

static int make_tables(struct pn_traffic *t)
{
	struct pn_labels l;
	struct pn_series_config config = {
		.max = t->config.max_series,
		.idle = t->config.idle,
		.value_bytes = sizeof(struct counts),
		.other = pn_traffic_name_other(t->config.labels, &l),
		.n = PN_METRIC_TRAFFIC_SERIES,
		.n_ended = PN_METRIC_TRAFFIC_ENDED,
	};
	int r = pn_series_new(&config, &t->series);

	config.value_bytes = sizeof(struct drop_counts);
	config.other = pn_traffic_name_other(t->config.labels | PN_TRAFFIC_DROP, &l);
	config.n = PN_METRIC_DROPS_SERIES;
	config.n_ended = PN_METRIC_DROPS_ENDED;
	return r < 0 ? r : pn_series_new(&config, &t->drops);
}

int pn_traffic_new(const struct pn_traffic_config *config, struct pn_traffic **ret)
{
	struct pn_traffic *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->config = *config;
	(void)pthread_mutex_init(&t->lock, NULL);
	if (make_tables(t) < 0) {
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
	pn_series_free(t->series);
	pn_series_free(t->drops);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}
