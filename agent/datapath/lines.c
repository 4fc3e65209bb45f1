// SPDX-License-Identifier: Apache-2.0
/*
 * Lines in front of the flow table: who gets one, and when it is taken back. Called by tracer_table.c
 * for each entry that it reads.
 *
 *   free -> fresh: key and way are written; no program counts yet
 *   fresh -> in use: when the table is read again, after a grace period; programs count
 *   in use -> closed: programs begin to leave it alone
 *   closed -> free: after a grace period, by the program pn_settle_lines, which gives the counts to the table
 *
 * Which of these a line is in, is in the map as far as the next agent needs it: what has a state is closed for it.
 *
 * How many sets are in use follows the number of ways that are to have a line. To change it, all lines are closed
 * and given anew. The map is memory of the process only while the table is read, because mapped pages count as its own.
 */
#include "datapath/lines.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "datapath/grace.h"

/* Who has had a packet not longer ago, gets a line, and keeps it; keeps it also when all are given anew. */
#define GIVE_WITHIN (1 * PN_NSEC_PER_SEC)
#define KEEP_WITHIN (10 * PN_NSEC_PER_SEC)
/* And who has so many packets a second: reading a line costs as much as counting in it saves with a few packets. */
#define GIVE_RATE 1.0
#define KEEP_RATE 0.5

#define TAKES (PN_LINE_SENT | PN_LINE_DELIVERED)
#define WORD_BITS 64

/* struct line_bits - some of the lines; line n is n % PN_LINES_IN_SET of its set */
struct line_bits {
	uint64_t *words;
	uint32_t n; /* how many are in it */
};

struct pn_lines {
	struct pn_lines_config config;
	struct pn_flow_lines *sets; /* those in use, between begin and end */
	uint32_t n_mapped;
	struct line_bits taken, fresh, closed;
	struct line_bits met; /* of entries that have been read */
	uint32_t n_sets;      /* in use, a power of two; 0: none */
	uint32_t n_wanted;    /* lines, by the last whole reading */
	uint32_t n_asked_for; /* by this one */
	bool is_moving;	      /* another number of sets is to be in use */
	bool has_moved;	      /* it is, since this reading began */
	uint32_t tick, give_ticks, keep_ticks;
	uint64_t now_us;
};

/* --- some of the lines ---------------------------------------------------------------------------- */

static uint32_t n_lines(const struct pn_lines *l)
{
	return l->config.max_sets * PN_LINES_IN_SET;
}

static size_t n_words(const struct pn_lines *l)
{
	return (n_lines(l) + WORD_BITS - 1) / WORD_BITS;
}

static bool bits_have(const struct line_bits *b, uint32_t line)
{
	return b->words[line / WORD_BITS] >> line % WORD_BITS & 1;
}

static void bits_put(struct line_bits *b, uint32_t line)
{
	b->n += !bits_have(b, line);
	b->words[line / WORD_BITS] |= 1ull << line % WORD_BITS;
}

static void bits_drop(struct line_bits *b, uint32_t line)
{
	b->n -= bits_have(b, line);
	b->words[line / WORD_BITS] &= ~(1ull << line % WORD_BITS);
}

static void bits_clear(const struct pn_lines *l, struct line_bits *b)
{
	memset(b->words, 0, n_words(l) * sizeof(*b->words));
	b->n = 0;
}

/* --- the map -------------------------------------------------------------------------------------- */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int map(const struct pn_lines *l, size_t from, size_t len, void **ret)
{
	void *at =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, l->config.map_fd, (off_t)from);

	if (at == MAP_FAILED)
		return -errno;
	*ret = at;
	return 0;
}

/* The first @n sets. */
static int map_sets(struct pn_lines *l, uint32_t n)
{
	void *at = NULL;
	int r = n ? map(l, 0, n * sizeof(*l->sets), &at) : 0;

	if (r < 0)
		return r;
	l->sets = at;
	l->n_mapped = n;
	return 0;
}

static void unmap_sets(struct pn_lines *l)
{
	if (l->sets)
		(void)munmap(l->sets, l->n_mapped * sizeof(*l->sets));
	l->sets = NULL;
}

static struct pn_flow_line *line_at(const struct pn_lines *l, uint32_t line)
{
	return &l->sets[line / PN_LINES_IN_SET].line[line % PN_LINES_IN_SET];
}

/* Programs read it while this is written, and nobody else writes it. Mostly it is so already. */
static void set_state(struct pn_flow_line *line, uint8_t state)
{
	if (line->state != state)
		atomic_store_explicit((_Atomic uint8_t *)&line->state, state, memory_order_release);
}

/* --- whose line ------------------------------------------------------------------------------------- */

static uint32_t set_of(const struct pn_lines *l, const struct pn_flow_key *key, unsigned int way)
{
	__u64 addr[4];
	uint32_t ports;

	memcpy(addr, key->addr, sizeof(addr));
	memcpy(&ports, key->port, sizeof(ports));
	return pn_flow_line_hash(addr, ports, key->proto, way) & (l->n_sets - 1);
}

static bool is_of(const struct pn_flow_line *line, const struct pn_flow_key *key, unsigned int way)
{
	return line->state & PN_LINE_WAY_0 << way && line->proto == key->proto &&
	       memcmp(line->port, key->port, sizeof(key->port)) == 0 &&
	       memcmp(line->addr, key->addr, sizeof(key->addr)) == 0;
}

/* @set: where that one is just now. Return: the number of the line, or UINT32_MAX */
static uint32_t find_in(const struct pn_lines *l, uint32_t set, const struct pn_flow_lines *at,
			const struct pn_flow_key *key, unsigned int way)
{
	for (uint32_t i = 0; i < PN_LINES_IN_SET; i++) {
		uint32_t line = set * PN_LINES_IN_SET + i;

		if (bits_have(&l->taken, line) && is_of(&at->line[i], key, way))
			return line;
	}
	return UINT32_MAX;
}

static bool is_set_free(const struct pn_lines *l, uint32_t set)
{
	for (uint32_t i = 0; i < PN_LINES_IN_SET; i++)
		if (bits_have(&l->taken, set * PN_LINES_IN_SET + i))
			return false;
	return true;
}

static uint32_t find(const struct pn_lines *l, uint32_t set, const struct pn_flow_key *key,
		     unsigned int way)
{
	if (!l->n_sets || is_set_free(l, set))
		return UINT32_MAX;
	return find_in(l, set, &l->sets[set], key, way);
}

/* --- one line --------------------------------------------------------------------------------------- */

static bool is_within(const struct pn_lines *l, uint32_t tick, uint32_t ticks)
{
	return (int32_t)(l->tick - tick) <= (int32_t)ticks;
}

/* Of each answer conntrack is asked which backend it came from. */
static bool is_udp_of_service(const struct pn_flow_key *key, const struct pn_flow_value *v)
{
	return key->proto == IPPROTO_UDP &&
	       (v->state & (PN_FLOW_NAT | PN_FLOW_BEHIND_NAT)) == PN_FLOW_NAT;
}

/* All but counts has been seen of such packets. */
static uint8_t takes_of(const struct pn_lines *l, const struct pn_flow_key *key,
			const struct pn_flow_value *v, unsigned int way)
{
	const struct pn_flow_way *w = pn_flow_way(v, way);
	uint8_t takes = 0;

	if (w->sent.packets >= PN_MAX_LOOKS)
		takes |= PN_LINE_SENT;
	if (w->delivered.packets >= PN_MAX_LOOKS && !is_udp_of_service(key, v) &&
	    (v->state & PN_FLOW_NAT_DONE || !l->config.asks_nat))
		takes |= PN_LINE_DELIVERED;
	return takes;
}

static uint8_t flags_of(const struct pn_flow_value *v, unsigned int way)
{
	return v->tcp_flags[way] & (PN_LINE_PSH | PN_LINE_ACK);
}

/* Since the entry began. */
static double rate_of(const struct pn_lines *l, const struct pn_flow_value *v, unsigned int way)
{
	const struct pn_flow_way *w = pn_flow_way(v, way);
	uint64_t age_us = l->now_us - PN_MIN((uint64_t)v->start_us, l->now_us);
	uint64_t packets = PN_MAX(w->sent.packets, w->delivered.packets);

	return (double)packets * 1e6 / (double)PN_MAX(age_us, UINT64_C(1));
}

static bool can_have(const struct pn_lines *l, const struct pn_flow_key *key,
		     const struct pn_flow_value *v)
{
	return l->config.gives && (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP) &&
	       !((v->tcp_flags[0] | v->tcp_flags[1]) & (TH_FIN | TH_RST));
}

static bool is_to_get(const struct pn_lines *l, const struct pn_flow_key *key,
		      const struct pn_flow_value *v, unsigned int way)
{
	return can_have(l, key, v) && takes_of(l, key, v, way) &&
	       is_within(l, v->tick, l->give_ticks) &&
	       rate_of(l, v, way) >= (l->has_moved ? KEEP_RATE : GIVE_RATE);
}

static bool is_to_keep(const struct pn_lines *l, const struct pn_flow_key *key,
		       const struct pn_flow_value *v, unsigned int way)
{
	return can_have(l, key, v) && is_within(l, v->tick, l->keep_ticks) &&
	       rate_of(l, v, way) >= KEEP_RATE;
}

static void give(struct pn_lines *l, uint32_t set, const struct pn_flow_key *key,
		 const struct pn_flow_value *v, unsigned int way)
{
	uint32_t n = set * PN_LINES_IN_SET;
	struct pn_flow_line *line;

	if (!l->n_sets || l->is_moving)
		return;
	while (bits_have(&l->taken, n)) {
		if (++n % PN_LINES_IN_SET == 0)
			return;
	}
	line = line_at(l, n);
	memcpy(line->addr, key->addr, sizeof(line->addr));
	memcpy(line->port, key->port, sizeof(line->port));
	line->proto = key->proto;
	line->time = pn_flow_line_time(v->tick);
	set_state(line, (uint8_t)(PN_LINE_WAY_0 << way | flags_of(v, way)));
	bits_put(&l->taken, n);
	bits_put(&l->fresh, n);
	bits_put(&l->met, n);
}

static void close_line(struct pn_lines *l, uint32_t n, struct pn_flow_line *line)
{
	set_state(line, line->state & (uint8_t)~TAKES);
	bits_drop(&l->fresh, n);
	bits_put(&l->closed, n);
}

static void add_counts(struct pn_flow_way *way, const struct pn_flow_line *line)
{
	way->sent.packets += line->packets[0];
	way->sent.bytes += line->bytes[0];
	way->delivered.packets += line->packets[1];
	way->delivered.bytes += line->bytes[1];
}

static void add_line(const struct pn_lines *l, struct pn_flow_value *v, unsigned int way,
		     const struct pn_flow_line *line)
{
	uint32_t tick = pn_flow_line_tick(line->time, l->tick);

	add_counts(pn_flow_way(v, way), line);
	if ((int32_t)(tick - v->tick) > 0)
		v->tick = tick;
}

static bool is_used_up(const struct pn_flow_line *line)
{
	return PN_MAX(line->packets[0], line->packets[1]) >= PN_LINE_MAX_PACKETS / 2;
}

/* Of a line that is the entry's. */
static void go_on(struct pn_lines *l, uint32_t n, const struct pn_flow_key *key,
		  const struct pn_flow_value *v, unsigned int way)
{
	struct pn_flow_line *line = line_at(l, n);

	if (bits_have(&l->closed, n))
		return;
	if (l->is_moving || !is_to_keep(l, key, v, way) || is_used_up(line))
		close_line(l, n, line);
	else if (!bits_have(&l->fresh, n))
		set_state(line, line->state | takes_of(l, key, v, way) | flags_of(v, way));
}

/* --- all lines -------------------------------------------------------------------------------------- */

static int settle_some(struct pn_lines *l, const uint32_t numbers[static PN_LINES_SETTLED])
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = numbers,
		    .data_size_in = PN_LINES_SETTLED * sizeof(*numbers), .repeat = 1);
	int r = bpf_prog_test_run_opts(l->config.settle_fd, &opts);

	if (r < 0)
		return r;
	if (opts.retval)
		return -EIO;
	for (size_t i = 0; i < PN_LINES_SETTLED && numbers[i]; i++) {
		bits_drop(&l->closed, numbers[i] - 1);
		bits_drop(&l->taken, numbers[i] - 1);
	}
	return 0;
}

static int settle_closed(struct pn_lines *l)
{
	uint32_t numbers[PN_LINES_SETTLED] = {}, n = 0;
	int r = 0;

	for (uint32_t line = 0; r == 0 && l->closed.n && line < n_lines(l); line++) {
		if (!l->closed.words[line / WORD_BITS])
			line |= WORD_BITS - 1;
		else if (bits_have(&l->closed, line))
			numbers[n++] = line + 1;
		if (n < PN_LINES_SETTLED)
			continue;
		r = settle_some(l, numbers);
		memset(numbers, 0, sizeof(numbers));
		n = 0;
	}
	return r == 0 && n ? settle_some(l, numbers) : r;
}

/* Where this kernel refuses to say, and an earlier agent has left lines: no program runs for a second. */
static void wait_for_programs(void)
{
	const struct timespec second = { .tv_sec = 1 };

	if (pn_grace() < 0)
		(void)nanosleep(&second, NULL);
}

int pn_lines_settle(struct pn_lines *l)
{
	if (!l->fresh.n && !l->closed.n)
		return 0;
	wait_for_programs();
	bits_clear(l, &l->fresh);
	return settle_closed(l);
}

static uint32_t sets_for(const struct pn_lines *l, uint32_t n)
{
	uint32_t sets = PN_LINES_MIN_SETS;

	while (sets < n)
		sets *= 2;
	return n ? PN_MIN(sets, l->config.max_sets) : 0;
}

/* As many as are wanted, and up to four times that. */
static void choose_sets(struct pn_lines *l)
{
	uint32_t sets = sets_for(l, l->n_wanted);

	l->has_moved = false;
	if (sets > l->n_sets || sets < l->n_sets / 4)
		l->is_moving = true;
	if (!l->is_moving || l->taken.n)
		return;
	l->is_moving = false;
	l->has_moved = true;
	l->n_sets = sets;
	*l->config.mask = sets ? sets - 1 : 0;
}

int pn_lines_begin(struct pn_lines *l, const struct pn_ticks *ticks)
{
	int r = pn_lines_settle(l);

	if (r < 0)
		return r;
	choose_sets(l);
	l->n_asked_for = 0;
	bits_clear(l, &l->met);
	l->tick = ticks->tick;
	l->now_us = ticks->at / PN_NSEC_PER_USEC;
	l->keep_ticks = (uint32_t)(KEEP_WITHIN / ticks->len);
	l->give_ticks = (uint32_t)((l->has_moved ? KEEP_WITHIN : GIVE_WITHIN) / ticks->len);
	return map_sets(l, l->n_sets);
}

void pn_lines_expect(const struct pn_lines *l, const struct pn_flow_key *key)
{
	for (unsigned int way = 0; l->n_sets && way < 2; way++) {
		uint32_t set = set_of(l, key, way);

		if (!is_set_free(l, set))
			__builtin_prefetch(&l->sets[set]);
	}
}

void pn_lines_add(struct pn_lines *l, const struct pn_flow_key *key, struct pn_flow_value *v)
{
	for (unsigned int way = 0; way < 2; way++) {
		uint32_t set = set_of(l, key, way), n = find(l, set, key, way);

		if (n != UINT32_MAX) {
			bits_put(&l->met, n);
			add_line(l, v, way, line_at(l, n));
			go_on(l, n, key, v, way);
			l->n_asked_for += is_to_keep(l, key, v, way);
		} else if (is_to_get(l, key, v, way)) {
			give(l, set, key, v, way);
			l->n_asked_for++;
		}
	}
}

/* Somebody else has taken their entries out of the table. */
static void close_lost(struct pn_lines *l)
{
	for (size_t i = 0; i < n_words(l); i++) {
		uint64_t lost = l->taken.words[i] & ~l->met.words[i] & ~l->closed.words[i];

		for (; lost; lost &= lost - 1) {
			uint32_t n = (uint32_t)(i * WORD_BITS) + (uint32_t)__builtin_ctzll(lost);

			close_line(l, n, line_at(l, n));
		}
	}
}

void pn_lines_end(struct pn_lines *l, bool is_whole)
{
	if (is_whole) {
		l->n_wanted = l->n_asked_for;
		close_lost(l);
	}
	unmap_sets(l);
}

/* One page of the map is enough. */
static int close_alone(struct pn_lines *l, uint32_t n)
{
	size_t at = n * sizeof(struct pn_flow_line), page = at / page_size() * page_size();
	void *window = NULL;
	int r = map(l, page, page_size(), &window);

	if (r < 0)
		return r;
	close_line(l, n, (void *)((char *)window + (at - page)));
	(void)munmap(window, page_size());
	return 0;
}

/* Mostly the set is full of others' lines, so a copy is looked at first. */
static int leave(struct pn_lines *l, uint32_t set, const struct pn_flow_key *key, unsigned int way)
{
	struct pn_flow_lines copy;
	uint32_t n;
	int r = bpf_map_lookup_elem(l->config.map_fd, &set, &copy);

	if (r < 0)
		return r;
	n = find_in(l, set, &copy, key, way);
	if (n == UINT32_MAX)
		return 0;
	r = close_alone(l, n);
	return r < 0 ? r : -EAGAIN;
}

int pn_lines_leave(struct pn_lines *l, const struct pn_flow_key *key)
{
	int ret = 0;

	if (!l->n_sets)
		return l->taken.n ? -EAGAIN : 0; /* an earlier agent's */
	for (unsigned int way = 0; way < 2; way++) {
		uint32_t set = set_of(l, key, way);
		int r = is_set_free(l, set) ? 0 : leave(l, set, key, way);

		ret = r < 0 ? r : ret;
	}
	return ret;
}

uint32_t pn_lines_count(const struct pn_lines *l)
{
	return l->taken.n;
}

/* --- from the beginning ----------------------------------------------------------------------------- */

/* Where its own programs are still at work, they leave these lines alone from here on. */
static int adopt(struct pn_lines *l)
{
	int r = map_sets(l, l->config.max_sets);

	if (r < 0)
		return r;
	for (uint32_t n = 0; n < n_lines(l); n++) {
		if (!line_at(l, n)->state)
			continue;
		bits_put(&l->taken, n);
		close_line(l, n, line_at(l, n));
	}
	unmap_sets(l);
	return 0;
}

static void lines_freep(struct pn_lines **l)
{
	pn_lines_free(*l);
}

static int bits_init(struct line_bits *b, size_t words)
{
	b->words = calloc(words, sizeof(*b->words));
	return b->words ? 0 : -ENOMEM;
}

int pn_lines_new(const struct pn_lines_config *config, struct pn_lines **ret)
{
	PN_CLEANUP(lines_freep) struct pn_lines *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->config = *config;
	l->config.gives = config->gives && config->max_sets >= PN_LINES_MIN_SETS;
	r = bits_init(&l->taken, n_words(l));
	if (r == 0)
		r = bits_init(&l->met, n_words(l));
	if (r == 0)
		r = bits_init(&l->fresh, n_words(l));
	if (r == 0)
		r = bits_init(&l->closed, n_words(l));
	if (r == 0)
		r = adopt(l);
	if (r < 0)
		return r;
	*ret = PN_TAKE_PTR(l);
	return 0;
}

void pn_lines_free(struct pn_lines *l)
{
	if (!l)
		return;
	free(l->taken.words);
	free(l->met.words);
	free(l->fresh.words);
	free(l->closed.words);
	free(l);
}
