/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set that has seen many changes says the same as one that has only seen how things are, and
 * holds nothing more; and there is an end to what is held.
 */
#include "tests/unit/policy/random_world.h"

enum { N_CHANGES = 3000, EVERY = 50, N_FLOWS = 60, MAX_OBJECTS = 128 };

/* All objects that are there. */
struct cluster {
	struct pn_object *v[MAX_OBJECTS];
	uint32_t n;
};

static bool is_same(const struct pn_object *a, const struct pn_object *b)
{
	char x[PN_KEY_LEN], y[PN_KEY_LEN];

	return a->kind == b->kind && strcmp(pn_object_key(a, x), pn_object_key(b, y)) == 0;
}

static uint32_t find(const struct cluster *c, const struct pn_object *o)
{
	uint32_t i = 0;

	while (i < c->n && !is_same(c->v[i], o))
		i++;
	return i;
}

static void change(struct world *w, struct cluster *c, struct pn_buf *text)
{
	struct pn_object *o, *old;
	uint32_t at;

	put_object(text);
	o = object_of(w, text->data);
	at = find(c, o);
	old = at < c->n ? c->v[at] : NULL;
	if (old && draw(3) == 0) {
		assert_int_equal(pn_policy_apply(w->set, old, NULL, NULL), 0);
		c->v[at] = c->v[--c->n];
		pn_object_unref(o);
	} else {
		assert_int_equal(pn_policy_apply(w->set, old, o, NULL), 0);
		assert_true(at < MAX_OBJECTS);
		c->v[at] = o;
		c->n += at == c->n;
	}
	pn_object_unref(old);
}

/* In an order of its own. */
static void build(struct world *w, const struct cluster *c)
{
	uint32_t start = draw(c->n + 1);

	for (uint32_t i = 0; i < c->n; i++)
		assert_int_equal(pn_policy_apply(w->set, NULL, c->v[(start + i * 7) % c->n], NULL),
				 0);
	for (uint32_t i = 0; i < c->n; i++) /* 7 may divide their number */
		assert_int_equal(pn_policy_apply(w->set, NULL, c->v[i], NULL), 0);
}

static void say_policy(void *data, const struct pn_policy *p, int64_t rule)
{
	struct pn_buf *b = data;

	PUT(" %s %s:%d", pn_policy_kind_name(pn_policy_kind(p)), pn_policy_key(p), (int)rule);
}

static void say(const struct world *w, const char *words, struct pn_buf *b)
{
	struct pn_policy_verdict v = verdict_of(w, words);
	struct asked a;

	ask(w, words, &a);
	pn_buf_reset(b);
	for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++) {
		PUT("%d %s", v.side[d].allow, pn_policy_reason_name(v.side[d].reason));
		pn_policy_each(w->set, &a.flow, (enum pn_policy_direction)d, &v.side[d], say_policy,
			       b);
		PUT("\n");
	}
	PUT("%x", pn_policy_depends(w->set, &a.flow, &v));
}

static void compare(const struct world *w, const struct cluster *c)
{
	struct pn_buf got = PN_BUF_INIT(64 << 10), want = PN_BUF_INIT(64 << 10);
	struct pn_policy_counts x, y;
	struct world fresh;
	char words[160];

	assert_int_equal(pn_policy_set_new(&fresh.set), 0);
	build(&fresh, c);
	pn_policy_count(w->set, &x);
	pn_policy_count(fresh.set, &y);
	assert_memory_equal(&x, &y, sizeof(x));
	for (unsigned int i = 0; i < N_FLOWS; i++) {
		draw_flow(w, words, sizeof(words));
		say(w, words, &got);
		say(&fresh, words, &want);
		if (strcmp(got.data, want.data) != 0)
			fail_msg("%s:\n%s\ninstead of\n%s", words, got.data, want.data);
	}
	pn_policy_set_free(fresh.set);
	pn_buf_done(&got);
	pn_buf_done(&want);
}

static void changes_lead_to_what_a_fresh_start_would(void **state)
{
	struct pn_buf text = PN_BUF_INIT(64 << 10);
	struct world *w = *state;
	struct cluster c = { 0 };
	struct pn_policy_counts counts;

	seed = 3;
	for (unsigned int i = 0; i < N_CHANGES; i++) {
		change(w, &c, &text);
		if (i % EVERY == 0)
			compare(w, &c);
	}
	while (c.n) {
		struct pn_object *o = c.v[--c.n];

		assert_int_equal(pn_policy_apply(w->set, o, NULL, NULL), 0);
		assert_int_equal(pn_policy_apply(w->set, o, NULL, NULL), 0); /* once more */
		pn_object_unref(o);
	}
	pn_policy_count(w->set, &counts);
	assert_memory_equal(&counts, &(struct pn_policy_counts) { 0 }, sizeof(counts));
	pn_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(changes_lead_to_what_a_fresh_start_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
