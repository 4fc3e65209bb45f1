/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents that are killed between any two stores of the journal, any two lines of the output and any
 * two removals from the flow table. After each of these instants another agent goes on from a copy of
 * what would be left, meets more packets, and in the end every packet must stand in the output once.
 * Some of these agents are killed as well.
 *
 * The journal is compiled into this program, with a hook behind each store.
 */
static void stored(void);
#define PN_JOURNAL_STORED() stored()
static unsigned long n_steps;
#define PN_JOURNAL_N_STEPS n_steps
/* clang-format off */
#include "tests/unit/flow/fixture.h"
#include "agent/flow/journal.c"
#include "agent/flow/slots.c"
#include "agent/flow/steps.c"
/* clang-format on */

enum { N_CONNS = 4, MAX_DEPTH = 2, SAMPLE = 60, FEW_STEPS = 3 };
enum { FIRST_DELIVERED = 2 }; /* from this one on packets are seen twice on this node */

static const struct way ways[N_CONNS] = {
	{ "10.0.0.1", 4000, "192.0.2.9", 443, IPPROTO_TCP }, /* one entry */
	{ "192.0.2.9", 4001, "10.0.0.2", 80, IPPROTO_TCP },  /* counted where it arrives */
	{ "10.0.0.1", 4002, "10.96.0.1", 80, IPPROTO_TCP }, /* an entry on each side of a Service */
	{ "10.0.0.1", 4003, "10.96.0.1", 53, IPPROTO_UDP }, /* the same, and another backend */
};

/* An agent's world, and what its output says; by connection and end. */
struct scene {
	uint64_t passed[N_CONNS][2], told[N_CONNS][2], delivered[N_CONNS][2];
	uint64_t n_lost; /* packets that came at the very removal of an entry */
	struct rig rig;	 /* last, because its own last member is not copied */
};

static struct scene *scenes[MAX_DEPTH + 1]; /* the agent, the next ones */
static int depth;
static bool is_watched;
static uint64_t n_instants, chance_seed = 1;

static void count_line(struct rig *r, const struct pn_flow_record *rec)
{
	struct scene *s = scenes[depth];
	unsigned int i = rec->source.port - 4000u;

	assert_ptr_equal(r, &s->rig);
	assert_true(i < N_CONNS);
	s->told[i][0] += rec->source.packets;
	s->told[i][1] += rec->destination.packets;
	s->delivered[i][0] += rec->source.delivered;
	s->delivered[i][1] += rec->destination.delivered;
	stored();
}

static struct way behind(unsigned int i, bool second)
{
	struct way w = ways[i];

	w.to = second ? "10.0.0.3" : "10.0.0.2";
	return w;
}

/* One packet there and one back through the Service, with both its entries. */
static void ask_service(struct rig *r, unsigned int i, bool second)
{
	struct way b = behind(i, second);
	struct entry *front = leave(r, ways[i], 1);

	tell_behind(enter(r, b, 1), b, ways[i]);
	(void)leave(r, back(b), 1);
	(void)enter(r, back(ways[i]), 1);
	tell_nat(front, ways[i], b);
}

static void more_packets(struct scene *s)
{
	struct rig *r = &s->rig;

	(void)leave(r, ways[0], 1);
	(void)enter(r, back(ways[0]), 1);
	(void)enter(r, ways[1], 1);
	(void)leave(r, back(ways[1]), 1);
	ask_service(r, 2, false);
	ask_service(r, 3, false);
	for (unsigned int i = 0; i < N_CONNS; i++) {
		s->passed[i][0]++;
		s->passed[i][1]++;
	}
}

static void second_backend(struct scene *s)
{
	ask_service(&s->rig, 3, true);
	s->passed[3][0]++;
	s->passed[3][1]++;
}

static void close_all(struct rig *r)
{
	for (unsigned int i = 0; i < N_CONNS; i++) {
		if (ways[i].proto == IPPROTO_TCP)
			show_flags(r, ways[i], TH_RST);
	}
}

/* Packets and deliveries that are in no record. */
static uint64_t missing(const struct scene *s)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < N_CONNS; i++) {
		for (unsigned int end = 0; end < 2; end++) {
			if (s->told[i][end] > s->passed[i][end])
				fail_msg("connection %u end %u: %llu told, %llu passed", i, end,
					 (unsigned long long)s->told[i][end],
					 (unsigned long long)s->passed[i][end]);
			n += s->passed[i][end] - s->told[i][end];
			if (i >= FIRST_DELIVERED)
				n += s->passed[i][end] - s->delivered[i][end];
		}
	}
	return n;
}

/* Goes on until nothing is left. */
static void live_on(struct scene *s)
{
	struct rig *r = &s->rig;
	pn_nsec t = r->w->fake.t;
	uint64_t n_in_doubt;

	r->is_stuck = false;
	begin(r);
	more_packets(s);
	go_to(r->w, t / PN_NSEC_PER_MSEC + 5000);
	run_round(r, false);
	go_to(r->w, t / PN_NSEC_PER_MSEC + 100000);
	run_round(r, false);
	assert_int_equal(entries_left(r), 0);
	assert_int_equal(pn_joiner_count(r->joiner), 0);
	n_in_doubt = pn_journal_totals(r->journal).n_in_doubt;
	die(r);
	if (missing(s) > s->n_lost + n_in_doubt)
		fail_msg("%llu packets are in no record, %llu in doubt",
			 (unsigned long long)missing(s), (unsigned long long)n_in_doubt);
	if (!r->is_pipe && !s->n_lost && n_steps != FEW_STEPS)
		assert_int_equal(n_in_doubt, 0);
	r->w->fake.t = t;
}

static bool is_sampled(void)
{
	chance_seed = chance_seed * 6364136223846793005u + 1442695040888963407u;
	return (chance_seed >> 33) % SAMPLE == 0;
}

/* If the agent were killed now, the next one would find this. */
static void stored(void)
{
	if (!is_watched || depth == MAX_DEPTH || (depth > 0 && !is_sampled()))
		return;
	n_instants++;
	memcpy(scenes[depth + 1], scenes[depth],
	       offsetof(struct scene, rig) + offsetof(struct rig, records));
	depth++;
	live_on(scenes[depth]);
	depth--;
}

static void before_removal(struct rig *r, struct entry *e)
{
	(void)r;
	(void)e;
	stored();
}

/* The opener of the first connection sends one more, too late for any round. */
static void packet_at_removal(struct rig *r, struct entry *e)
{
	struct pn_flow_key key;
	int sender = key_of(ways[0], &key);

	stored();
	if (depth == 0 && memcmp(&key, &e->key, sizeof(key)) == 0) {
		pn_flow_way(&e->value, sender)->sent.packets++;
		pn_flow_way(&e->value, sender)->sent.bytes += 100;
		scenes[0]->passed[0][0]++;
		scenes[0]->n_lost++;
	}
	(void)r;
}

static int scenes_setup(void **state)
{
	void *rig;

	for (int i = 0; i <= MAX_DEPTH; i++) {
		scenes[i] = calloc(1, sizeof(*scenes[i]));
		if (!scenes[i])
			return -1;
	}
	if (rig_setup(&rig) < 0)
		return -1;
	scenes[0]->rig = *(struct rig *)rig;
	free(rig);
	scenes[0]->rig.config.clock = &scenes[0]->rig.clock;
	die(&scenes[0]->rig);
	scenes[0]->rig.on_line = count_line;
	scenes[0]->rig.before_remove = before_removal;
	begin(&scenes[0]->rig);
	depth = 0;
	n_instants = 0;
	n_steps = PN_JOURNAL_MAX_STEPS;
	*state = scenes[0];
	return 0;
}

static int scenes_teardown(void **state)
{
	struct scene *s = *state;
	void *world = s->rig.w;

	is_watched = false;
	die(&s->rig);
	for (int i = 0; i <= MAX_DEPTH; i++)
		free(scenes[i]);
	return world_teardown(&world);
}

static void round_at(struct scene *s, uint64_t ms)
{
	go_to(s->rig.w, ms);
	is_watched = true;
	run_round(&s->rig, false);
	is_watched = false;
}

static void killed_while_it_tells(void **state)
{
	struct scene *s = *state;

	more_packets(s);
	round_at(s, 1000);
	more_packets(s);
	second_backend(s);
	round_at(s, 2000);
	more_packets(s);
	round_at(s, 3000);
	assert_int_equal(missing(s), 0);
	assert_true(n_instants > 100);
}

static void killed_while_connections_end(void **state)
{
	struct scene *s = *state;

	more_packets(s);
	second_backend(s);
	round_at(s, 1000);
	more_packets(s);
	close_all(&s->rig);
	go_to(s->rig.w, 1000);
	round_at(s, 4000);
	round_at(s, 70000);
	assert_int_equal(entries_left(&s->rig), 0);
	assert_int_equal(missing(s), 0);
	assert_true(n_instants > 100);
}

static void killed_while_the_output_is_behind(void **state)
{
	struct scene *s = *state;

	more_packets(s);
	round_at(s, 1000);
	s->rig.is_stuck = true;
	more_packets(s);
	round_at(s, 2000);
	s->rig.is_stuck = false;
	round_at(s, 3000);
	assert_int_equal(missing(s), 0);
}

/* What can neither be taken back nor found in the file is in doubt, and nothing is told twice. */
static void killed_while_the_output_is_far_behind(void **state)
{
	struct scene *s = *state;

	n_steps = FEW_STEPS;
	more_packets(s);
	round_at(s, 1000);
	s->rig.is_stuck = true;
	more_packets(s);
	round_at(s, 2000);
	more_packets(s);
	round_at(s, 3000);
	s->rig.is_stuck = false;
	round_at(s, 4000);
	assert_int_equal(missing(s), 0);
}

static void killed_while_a_last_packet_comes(void **state)
{
	struct scene *s = *state;

	s->rig.before_remove = packet_at_removal;
	more_packets(s);
	round_at(s, 1000);
	close_all(&s->rig);
	round_at(s, 4000);
	assert_int_equal(missing(s), 0); /* this agent lives */
	assert_int_equal(s->n_lost, 1);
}

static void killed_while_it_stops(void **state)
{
	struct scene *s = *state;

	more_packets(s);
	go_to(s->rig.w, 50);
	is_watched = true;
	run_round(&s->rig, true);
	is_watched = false;
	assert_int_equal(missing(s), 0);
}

/* Nobody knows what a pipe has taken: what is in doubt is listed, and nothing is told twice. */
static void killed_while_it_writes_to_a_pipe(void **state)
{
	struct scene *s = *state;

	s->rig.is_pipe = true;
	more_packets(s);
	go_to(s->rig.w, 1000);
	run_round(&s->rig, false);
	more_packets(s);
	round_at(s, 2000);
	assert_int_equal(missing(s), 0);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scenes_setup, scenes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(killed_while_it_tells),
		SCENE_TEST(killed_while_connections_end),
		SCENE_TEST(killed_while_the_output_is_behind),
		SCENE_TEST(killed_while_the_output_is_far_behind),
		SCENE_TEST(killed_while_a_last_packet_comes),
		SCENE_TEST(killed_while_it_stops),
		SCENE_TEST(killed_while_it_writes_to_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
