/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_FLOW_FIXTURE_H
#define PN_TESTS_FLOW_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/intern.h"
#include "flow/joiner.h"
#include "tests/unit/index/fixture.h"

/*
 * A flow table made by hand in place of the kernel's, a joiner that reads it, and the records that
 * came out. The index is a real one, the journal lies in a block of the rig. Names do not wait unless
 * a test wants it.
 */
enum { MAX_ENTRIES = 512, MAX_RECORDS = 4096, MAX_SLOTS = 256 };

struct entry {
	struct pn_flow_key key;
	struct pn_flow_value value;
	bool used, has_lines;
};

struct rig {
	struct world *w;
	struct pn_clock clock;
	struct pn_joiner_config config;
	struct pn_joiner *joiner;
	struct pn_journal *journal;
	uint64_t notes[(PN_JOURNAL_HEAD_BYTES + MAX_SLOTS * PN_JOURNAL_SLOT_BYTES) / 8];
	size_t notes_len, n_reached, n_reachable; /* of notes, in bytes */
	struct entry entries[MAX_ENTRIES];
	uint64_t last_id;
	size_t n_records, n_written; /* n_written: of records, to the output */
	uint64_t n_lines;	     /* in the output */
	bool is_stuck;		     /* the output takes nothing */
	bool is_pipe;		     /* nobody knows what it has taken */
	void (*on_line)(struct rig *r, const struct pn_flow_record *rec);
	int remove_error; /* what removing an entry fails with, 0: it does not */
	void (*before_remove)(struct rig *r, struct entry *e);
	unsigned int n_judged;
	struct pn_record_policy verdict; /* of all connections; PN_EXPECTED_UNKNOWN: none yet */
	uint64_t seed;
	struct pn_flow_record records[MAX_RECORDS]; /* of the last round; the last member */
};

/* One way of a connection, as in "from here to there". */
struct way {
	const char *from;
	uint16_t from_port;
	const char *to;
	uint16_t to_port;
	uint8_t proto;
};

static inline struct way back(struct way w)
{
	return (struct way) { w.to, w.to_port, w.from, w.from_port, w.proto };
}

static inline uint32_t rig_random(struct rig *r)
{
	r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->seed >> 33);
}

static inline uint32_t fake_random(void *data)
{
	(void)data;
	return 4; /* the joiner only needs a key for its hash */
}

/* Return: the end that sends */
static inline int key_of(struct way w, struct pn_flow_key *ret)
{
	struct pn_addr from = addr(w.from), to = addr(w.to);
	uint16_t from_port = htons(w.from_port), to_port = htons(w.to_port);
	int order = memcmp(&from, &to, sizeof(from));
	int sender;

	if (order == 0)
		order = memcmp(&from_port, &to_port, sizeof(from_port));
	sender = order > 0;
	*ret = (struct pn_flow_key) { .proto = w.proto };
	memcpy(ret->addr[sender], &from, sizeof(from));
	memcpy(ret->addr[!sender], &to, sizeof(to));
	ret->port[sender] = from_port;
	ret->port[!sender] = to_port;
	return sender;
}

/* MAX_ENTRIES: there is none. */
static inline size_t find(const struct rig *r, const struct pn_flow_key *key)
{
	size_t i = 0;

	while (i < MAX_ENTRIES &&
	       (!r->entries[i].used || memcmp(&r->entries[i].key, key, sizeof(*key)) != 0))
		i++;
	return i;
}

/* A tick is a millisecond. */
static inline struct pn_ticks rig_ticks(const struct rig *r)
{
	pn_nsec now = pn_clock_now(&r->clock);

	return (struct pn_ticks) { (uint32_t)(now / PN_NSEC_PER_MSEC), now, PN_NSEC_PER_MSEC };
}

static inline struct entry *new_entry(struct rig *r, const struct pn_flow_key *key, int sender)
{
	struct entry *e;
	size_t i = 0;

	while (i < MAX_ENTRIES && r->entries[i].used)
		i++;
	assert_true(i < MAX_ENTRIES);
	e = &r->entries[i];
	*e = (struct entry) { .key = *key, .used = true };
	e->value.id = ++r->last_id;
	e->value.start_us = pn_clock_now(&r->clock) / 1000;
	e->value.state = sender & 1 ? PN_FLOW_OPENER : 0;
	return e;
}

/* The entry of a packet on this way, made if it is the first. */
static inline struct entry *entry_of(struct rig *r, struct way w, int *ret_sender)
{
	struct pn_flow_key key;
	struct entry *e;
	size_t i;

	*ret_sender = key_of(w, &key);
	i = find(r, &key);
	e = i < MAX_ENTRIES ? &r->entries[i] : new_entry(r, &key, *ret_sender);
	e->value.tick = rig_ticks(r).tick;
	return e;
}

/* Packets that leave a local pod, 100 bytes each. */
static inline struct entry *leave(struct rig *r, struct way w, uint64_t n)
{
	int sender;
	struct entry *e = entry_of(r, w, &sender);

	pn_flow_way(&e->value, sender)->sent.packets += n;
	pn_flow_way(&e->value, sender)->sent.bytes += n * 100;
	return e;
}

/* Packets that enter a local pod. */
static inline struct entry *enter(struct rig *r, struct way w, uint64_t n)
{
	int sender;
	struct entry *e = entry_of(r, w, &sender);

	pn_flow_way(&e->value, sender)->delivered.packets += n;
	pn_flow_way(&e->value, sender)->delivered.bytes += n * 100;
	return e;
}

static inline void show_flags(struct rig *r, struct way w, uint8_t flags)
{
	int sender;
	struct entry *e = entry_of(r, w, &sender);

	e->value.tcp_flags[sender] |= flags;
}

/* Conntrack has told this entry the connection's tuple on the other side. */
static inline void tell_nat(struct entry *e, struct way opened_as, struct way other)
{
	struct pn_addr from = addr(other.from), to = addr(other.to);
	struct pn_flow_key key;

	e->value.state &= (uint16_t)~PN_FLOW_OPENER;
	e->value.state |= key_of(opened_as, &key) & 1 ? PN_FLOW_OPENER : 0;
	assert_memory_equal(&key, &e->key, sizeof(key));
	e->value.state |= PN_FLOW_NAT | PN_FLOW_NAT_DONE | PN_FLOW_INITIATOR;
	memcpy(e->value.nat.addr[0], &from, sizeof(from));
	memcpy(e->value.nat.addr[1], &to, sizeof(to));
	e->value.nat.port[0] = htons(other.from_port);
	e->value.nat.port[1] = htons(other.to_port);
}

/* The same of an entry behind the translation. */
static inline void tell_behind(struct entry *e, struct way seen_as, struct way opened_as)
{
	tell_nat(e, seen_as, opened_as);
	e->value.state |= PN_FLOW_BEHIND_NAT;
}

static inline void keep_record(void *data, const struct pn_flow_record *record)
{
	struct rig *r = data;

	assert_true(r->n_records < MAX_RECORDS);
	r->records[r->n_records++] = *record;
}

static inline int remove_entry(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	struct rig *r = data;
	size_t i = find(r, key);

	if (r->remove_error)
		return r->remove_error;
	if (i == MAX_ENTRIES)
		return -ENOENT;
	if (r->entries[i].has_lines)
		return -EAGAIN;
	if (r->before_remove)
		r->before_remove(r, &r->entries[i]);
	*ret = r->entries[i].value;
	r->entries[i].used = false;
	return 0;
}

/* Entries that are counted in lines cannot go at once. */
static inline int leave_entry(void *data, const struct pn_flow_key *key)
{
	struct rig *r = data;
	size_t i = find(r, key);

	return i < MAX_ENTRIES && r->entries[i].has_lines ? -EAGAIN : 0;
}

static inline void judge(void *data, const struct pn_flow_record *record, pn_nsec start,
			 struct pn_record_policy *ret)
{
	struct rig *r = data;

	assert_true(start <= pn_clock_now(&r->clock));
	assert_true(record->proto);
	r->n_judged++;
	*ret = r->verdict;
	(void)pn_intern_ref(ret->by);
}

static const struct pn_joiner_ops rig_ops = {
	.record = keep_record,
	.leave = leave_entry,
	.remove = remove_entry,
	.judge = judge,
};

static inline struct pn_place rig_place(const struct rig *r)
{
	return (struct pn_place) { 1, r->is_pipe ? 0 : 2, r->n_lines };
}

/* Return: is everything written? */
static inline bool write_out(struct rig *r)
{
	struct pn_place place;

	while (!r->is_stuck && r->n_written < r->n_records) {
		r->n_lines++;
		if (r->on_line)
			r->on_line(r, &r->records[r->n_written]);
		r->n_written++;
	}
	if (r->n_written < r->n_records)
		return false;
	place = rig_place(r);
	pn_journal_commit(r->journal, &place);
	return true;
}

static inline void give_entries(struct rig *r)
{
	uint32_t first = rig_random(r); /* the kernel's order is any */

	for (uint32_t i = 0; i < MAX_ENTRIES; i++) {
		const struct entry *e = &r->entries[(first + i) % MAX_ENTRIES];

		if (e->used)
			assert_int_equal(pn_joiner_entry(r->joiner, &e->key, &e->value), 0);
	}
}

static inline void run_round(struct rig *r, bool shutdown)
{
	struct pn_ticks ticks = rig_ticks(r);

	memmove(r->records, r->records + r->n_written,
		(r->n_records - r->n_written) * sizeof(r->records[0]));
	r->n_records -= r->n_written;
	r->n_written = 0;
	pn_joiner_begin(r->joiner, &ticks);
	give_entries(r);
	pn_joiner_finish(r->joiner, shutdown, &rig_ops, r);
	while (write_out(r) && !shutdown && pn_joiner_sweep(r->joiner, &rig_ops, r))
		;
}

/* A round at that time, which must bring one record. */
static inline const struct pn_flow_record *only_record(struct rig *r, uint64_t ms)
{
	go_to(r->w, ms);
	run_round(r, false);
	assert_int_equal(r->n_records, 1);
	return &r->records[0];
}

static inline void no_record(struct rig *r, uint64_t ms)
{
	go_to(r->w, ms);
	run_round(r, false);
	assert_int_equal(r->n_records, 0);
}

static inline size_t entries_left(const struct rig *r)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_ENTRIES; i++)
		n += r->entries[i].used;
	return n;
}

static inline void assert_counts(const struct pn_flow_record *rec, uint64_t source,
				 uint64_t destination)
{
	assert_int_equal(rec->source.packets, source);
	assert_int_equal(rec->source.bytes, source * 100);
	assert_int_equal(rec->destination.packets, destination);
	assert_int_equal(rec->destination.bytes, destination * 100);
}

static inline void assert_end(const struct pn_record_end *e, const char *name, const char *address,
			      uint16_t port)
{
	struct pn_addr a = addr(address);

	assert_string_equal(e->owner ? e->owner->name : "-", name);
	assert_memory_equal(&e->addr, &a, sizeof(a));
	assert_int_equal(e->port, port);
}

static inline int rig_reach(void *data, size_t len)
{
	struct rig *r = data;

	if (len > r->n_reachable)
		return -ENOMEM;
	r->n_reached = PN_MAX(r->n_reached, len);
	return 0;
}

/* An agent begins with what is in the notes. */
static inline void begin(struct rig *r)
{
	const struct pn_notes notes = { r->notes, r->notes_len, rig_reach, r };
	struct pn_place since, place = rig_place(r);
	struct pn_written written = { false, 0 };

	assert_int_equal(pn_journal_open(&notes, &r->journal), 0);
	since = pn_journal_place(r->journal);
	written.is_known = since.ino && since.ino == place.ino;
	written.n_lines = r->n_lines - since.offset;
	assert_int_equal(pn_journal_settle(r->journal, written, &place), 0);
	r->config.journal = r->journal;
	r->n_records = r->n_written = 0;
	assert_int_equal(pn_joiner_new(&r->config, &r->joiner), 0);
}

/* As if it were killed: only what outlives the agent is left. */
static inline void die(struct rig *r)
{
	pn_joiner_free(r->joiner);
	pn_journal_free(r->journal);
	r->joiner = NULL;
	r->journal = NULL;
}

static inline void restart(struct rig *r)
{
	die(r);
	begin(r);
}

static inline int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	void *world;

	if (!r || world_setup(&world) < 0)
		return -1;
	r->w = world;
	r->clock = r->w->clock;
	r->clock.random = fake_random;
	r->seed = 7;
	r->notes_len = r->n_reachable = sizeof(r->notes);
	r->config = (struct pn_joiner_config) {
		.clock = &r->clock,
		.index = r->w->idx,
		.node_name = "n1",
		.settle = PN_JOINER_SETTLE,
		.idle_timeout = PN_JOINER_IDLE,
		.close_timeout = PN_JOINER_CLOSE,
	};
	*state = r;
	begin(r);
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *r = *state;
	void *world = r->w;

	die(r);
	free(r);
	return world_teardown(&world);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
