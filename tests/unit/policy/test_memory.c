/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory at every point: a history of changes is gone through again and again, each time
 * with another allocation failing. What failed is done once more, and in the end all is as it is
 * when nothing has failed.
 */
#include <errno.h>

#include "policy/advise.h"
#include "policy/explain.h"
#include "tests/unit/policy/random_world.h"

#include "tests/unit/kube/failing_malloc.h"

enum { N_STEPS = 60, N_FLOWS = 40 };

/* A change: an object that comes or changes, or one that goes. */
struct step {
	struct pn_object *object;
	bool goes;
};

static void make_steps(const struct world *w, struct step steps[N_STEPS])
{
	struct pn_buf text = PN_BUF_INIT(64 << 10);

	seed = 5;
	for (unsigned int i = 0; i < N_STEPS; i++) {
		put_object(&text);
		steps[i].object = object_of(w, text.data);
		steps[i].goes = i > N_STEPS / 2 && draw(4) == 0;
	}
	pn_buf_done(&text);
}

static int take(struct pn_policy_set *set, const struct step *s)
{
	return pn_policy_apply(set, s->goes ? s->object : NULL, s->goes ? NULL : s->object, NULL);
}

static int build(struct pn_policy_set **ret, const struct step steps[N_STEPS])
{
	int r = pn_policy_set_new(ret);

	for (unsigned int i = 0; r == 0 && i < N_STEPS; i++) {
		r = take(*ret, &steps[i]);
		if (r == -ENOMEM && has_failed)
			r = take(*ret, &steps[i]);
	}
	return r;
}

static void say_policy(void *data, const struct pn_policy *p, int64_t rule)
{
	struct pn_buf *b = data;

	PUT(" %s:%d", pn_policy_key(p), (int)rule);
}

static void describe(struct pn_policy_set *set, struct pn_buf *b)
{
	const struct world w = { .set = set };
	struct pn_policy_counts c;
	struct pn_policy_verdict v;
	struct asked a;
	char words[160];

	pn_policy_count(set, &c);
	PUT("%zu %zu %zu %zu %zu %zu\n", c.n_pods, c.n_namespaces, c.n_nodes, c.n_policies,
	    c.n_label_sets, c.n_selectors);
	seed = 6;
	for (unsigned int i = 0; i < N_FLOWS; i++) {
		draw_flow(&w, words, sizeof(words));
		ask(&w, words, &a);
		v = verdict_of(&w, words);
		PUT("%d", v.allow);
		for (unsigned int d = 0; d < PN_POLICY_DIRECTION_MAX; d++)
			pn_policy_each(set, &a.flow, (enum pn_policy_direction)d, &v.side[d],
				       say_policy, b);
		PUT("\n");
	}
}

static void a_change_that_failed_can_be_done_again(void **state)
{
	struct pn_buf want = PN_BUF_INIT(64 << 10), got = PN_BUF_INIT(64 << 10);
	struct step steps[N_STEPS];
	const struct world *w = *state;
	unsigned long n;

	need_malloc();
	make_steps(w, steps);
	has_failed = true;
	for (n = 0; has_failed; n++) {
		struct pn_policy_set *set = NULL;
		int r;

		has_failed = false;
		n_until_failure = n; /* 0 at first: nothing fails */
		r = build(&set, steps);
		n_until_failure = 0;
		if (r < 0 && !set) {
			assert_true(has_failed);
			continue;
		}
		assert_int_equal(r, 0);
		pn_buf_reset(&got);
		describe(set, &got);
		pn_policy_set_free(set);
		if (n == 0) {
			assert_int_equal(pn_buf_put(&want, got.data, got.len), 0);
			has_failed = true;
		}
		assert_string_equal(got.data, want.data);
	}
	assert_true(n > 500);
	for (unsigned int i = 0; i < N_STEPS; i++)
		pn_object_unref(steps[i].object);
	pn_buf_done(&want);
	pn_buf_done(&got);
}

static void an_explanation_fails_whole(void **state)
{
	const struct world *w = *state;
	struct pn_explanation *e = NULL;
	char spec[3800] = "'podSelector':{},'ingress':[";
	struct asked a;
	int r = -ENOMEM;

	need_malloc();
	for (unsigned int i = 0; i < 40; i++)
		(void)snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec),
			       "%s{'from':[{'podSelector':{'matchLabels':{'app':'%u'}}}]}",
			       i ? "," : "", i);
	(void)snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec), "]");
	pod(w, "a", "x", "'app':'x'", "10.0.0.1");
	pod(w, "a", "y", "'app':'y'", "10.0.0.2");
	policy(w, "a", "p", spec);
	ask(w, "a/x a/y TCP/80", &a);
	for (unsigned long n = 1; r == -ENOMEM; n++) {
		n_until_failure = n;
		has_failed = false;
		r = pn_policy_explain(w->set, &a.flow, &e);
		n_until_failure = 0;
		assert_int_equal(r < 0, has_failed);
	}
	assert_int_equal(pn_explanation_side(e, PN_POLICY_INGRESS)->policies[0].n_missed, 40);
	pn_explanation_free(e);
}

/* --- recorded flows --- */

static int see(const struct world *w, struct pn_observed *o, const char *words, uint64_t connection)
{
	struct pn_sighting s = sighting(w, words);

	s.connection = connection;
	s.end = "1";
	return pn_observed_add(o, &s);
}

static int see_all(const struct world *w, struct pn_observed *o)
{
	static const char *const words[] = {
		"a/x a/y TCP/80",	"a/x a/y TCP/81",	   "a/y b/z UDP/53",
		"192.0.2.1 a/y TCP/80", "198.51.100.1 a/y TCP/80", "198.51.100.9 a/y TCP/80",
		"a/w b/z TCP/80",	"b/z fd00::1 TCP/443",	   "a/v a/w TCP/1",
	};
	int r = 0;

	for (unsigned int i = 0; i < PN_ARRAY_SIZE(words) && r == 0; i++)
		r = see(w, o, words[i], i);
	return r;
}

static int gather(void *data, const struct pn_advised *a)
{
	json_t *all = data;

	return json_array_append(all, a->document) < 0 ||
			       json_array_append_new(all, json_string(a->comment)) < 0
		       ? -ENOMEM
		       : 0;
}

/* Return: the policies as text, or NULL without memory */
static char *advise(const struct world *w, uint32_t *ret_changed)
{
	const struct pn_advise_options options = { NULL, false, 2 };
	struct pn_observed *o = NULL;
	struct pn_whatif whatif;
	json_t *all = json_array();
	char *text = NULL;
	int r = all ? pn_observed_new(w->set, &o) : -ENOMEM;

	if (r == 0)
		r = see_all(w, o);
	if (r == 0)
		r = pn_whatif(o, false, &whatif);
	if (r == 0) {
		*ret_changed = whatif.n_changed;
		pn_whatif_done(&whatif);
		r = pn_policy_advise(w->set, o, &options, gather, all, NULL);
	}
	n_until_failure = 0;
	assert_true(r == 0 || (r == -ENOMEM && has_failed));
	if (r == 0)
		text = json_dumps(all, 0);
	json_decref(all);
	pn_observed_free(o);
	return text;
}

static void advice_is_whole_or_not_there(void **state)
{
	const struct world *w = *state;
	uint32_t n_changed = 0;
	unsigned long n;
	char *want;

	need_malloc();
	pod(w, "a", "v", "'app':'v'", "10.0.0.5");
	pod(w, "a", "w", "'app':'v','tier':'w'", "10.0.0.4");
	pod(w, "a", "x", "'app':'x'", "10.0.0.1");
	pod(w, "a", "y", "'app':'y','version':'1'", "10.0.0.2");
	pod(w, "b", "z", "'app':'z'", "10.0.0.3");
	policy(w, "a", "p", "'podSelector':{'matchLabels':{'app':'y'}}");
	want = advise(w, &n_changed);
	assert_non_null(want);
	assert_int_equal(n_changed, 4); /* nothing was judged before */
	has_failed = true;
	for (n = 1; has_failed; n++) {
		char *got;

		has_failed = false;
		n_until_failure = n;
		got = advise(w, &n_changed);
		if (got)
			assert_string_equal(got, want);
		free(got);
	}
	assert_true(n > 300);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_that_failed_can_be_done_again),
		TEST(an_explanation_fails_whole),
		TEST(advice_is_whole_or_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
