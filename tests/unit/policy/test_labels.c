/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of labels and selectors: sharing, giving back, and that bits say what looking at each label
 * would have said, whatever came first. The same for networks and addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/cidr.h"
#include "base/intern.h"
#include "policy/labels.h"
#include "policy/private.h"

enum { N_KEYS = 4, N_VALUES = 3, MAX_PARTS = 4, N_ALIVE = 40 };

static const char *const keys[N_KEYS] = { "a", "b", "c", "d" };
static const char *const values[N_VALUES] = { "", "1", "2" };
static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* --- a naive reference --- */

struct labels {
	struct pn_label v[N_KEYS];
	uint32_t n;
};

struct selector {
	struct pn_label_selector s;
	struct pn_label labels[N_KEYS];
	struct pn_label_requirement requirements[MAX_PARTS];
	const char *values[MAX_PARTS][N_VALUES];
};

static void draw_labels(struct labels *l)
{
	l->n = 0;
	for (uint32_t i = 0; i < N_KEYS; i++)
		if (draw(2))
			l->v[l->n++] = (struct pn_label) { keys[i], values[draw(N_VALUES)] };
}

static void draw_requirement(struct selector *s, uint32_t i)
{
	struct pn_label_requirement *q = &s->requirements[i];

	q->key = keys[draw(N_KEYS)];
	q->op = (enum pn_selector_op)draw(PN_SELECTOR_OP_MAX);
	q->values = s->values[i];
	q->n_values =
		q->op == PN_SELECTOR_IN || q->op == PN_SELECTOR_NOT_IN ? 1 + draw(N_VALUES) : 0;
	for (uint32_t k = 0; k < q->n_values; k++)
		s->values[i][k] = values[draw(N_VALUES)];
}

static void draw_selector(struct selector *s)
{
	*s = (struct selector) { 0 };
	for (uint32_t i = 0; i < N_KEYS; i++)
		if (draw(4) == 0)
			s->labels[s->s.n_labels++] =
				(struct pn_label) { keys[i], values[draw(N_VALUES)] };
	s->s.n_requirements = draw(MAX_PARTS);
	for (uint32_t i = 0; i < s->s.n_requirements; i++)
		draw_requirement(s, i);
	s->s.labels = s->labels;
	s->s.requirements = s->requirements;
}

static const char *find(const struct labels *l, const char *key)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key, key) == 0)
			return l->v[i].value;
	return NULL;
}

static bool lists(const struct pn_label_requirement *q, const char *value)
{
	for (uint32_t i = 0; value && i < q->n_values; i++)
		if (strcmp(q->values[i], value) == 0)
			return true;
	return false;
}

static bool should_match(const struct selector *s, const struct labels *l)
{
	bool ok = true;

	for (uint32_t i = 0; i < s->s.n_labels; i++) {
		const char *value = find(l, s->labels[i].key);

		ok &= value && strcmp(value, s->labels[i].value) == 0;
	}
	for (uint32_t i = 0; i < s->s.n_requirements; i++) {
		const struct pn_label_requirement *q = &s->requirements[i];
		const char *value = find(l, q->key);

		if (q->op == PN_SELECTOR_IN)
			ok &= lists(q, value);
		else if (q->op == PN_SELECTOR_NOT_IN)
			ok &= !lists(q, value);
		else
			ok &= !value == (q->op == PN_SELECTOR_DOES_NOT_EXIST);
	}
	return ok;
}

/* --- sets and selectors that come and go --- */

struct alive {
	struct labels labels[N_ALIVE];
	struct pn_label_set *sets[N_ALIVE];
	struct selector likes[N_ALIVE];
	struct pn_selector *selectors[N_ALIVE];
};

static void change(struct pn_labels *w, struct alive *a)
{
	uint32_t i = draw(N_ALIVE);

	if (draw(2)) {
		pn_label_set_put(w, a->sets[i]);
		a->sets[i] = NULL;
		draw_labels(&a->labels[i]);
		if (draw(3))
			assert_int_equal(
				pn_label_set_get(w, a->labels[i].v, a->labels[i].n, &a->sets[i]),
				0);
		return;
	}
	pn_selector_put(w, a->selectors[i]);
	a->selectors[i] = NULL;
	draw_selector(&a->likes[i]);
	if (draw(3))
		assert_int_equal(pn_selector_get(w, &a->likes[i].s, &a->selectors[i]), 0);
}

static void compare(const struct alive *a)
{
	for (unsigned int i = 0; i < N_ALIVE; i++)
		for (unsigned int k = 0; a->sets[i] && k < N_ALIVE; k++)
			if (a->selectors[k])
				assert_int_equal(pn_label_set_has(a->sets[i],
								  pn_selector_id(a->selectors[k])),
						 should_match(&a->likes[k], &a->labels[i]));
}

static void bits_are_what_looking_would_say(void **state)
{
	struct alive *a = calloc(1, sizeof(*a));
	struct pn_labels *w = NULL;
	size_t n_sets, n_selectors;

	(void)state;
	seed = 1;
	assert_int_equal(pn_labels_new(&w), 0);
	for (unsigned int i = 0; i < 4000; i++) {
		change(w, a);
		if (i % 10 == 0)
			compare(a);
	}
	for (unsigned int i = 0; i < N_ALIVE; i++) {
		pn_label_set_put(w, a->sets[i]);
		pn_selector_put(w, a->selectors[i]);
	}
	pn_labels_count(w, &n_sets, &n_selectors);
	assert_int_equal(n_sets + n_selectors, 0);
	pn_labels_free(w);
	free(a);
	assert_int_equal(pn_intern_count(), 0);
}

/* Enough of both that the bits must grow many times while sets are there. */
static void many_selectors_and_sets_find_each_other(void **state)
{
	enum { N = 3000 };
	struct pn_selector **s = calloc(N, sizeof(struct pn_selector *));
	struct pn_label_set **sets = calloc(N, sizeof(struct pn_label_set *));
	struct pn_labels *w = NULL;
	char value[16];

	(void)state;
	assert_int_equal(pn_labels_new(&w), 0);
	for (unsigned int i = 0; i < N; i++) {
		struct pn_label label = { "n", value };
		struct pn_label_selector like = { .n_labels = 1, .labels = &label };

		(void)snprintf(value, sizeof(value), "%u", i);
		assert_int_equal(pn_label_set_get(w, &label, 1, &sets[i]), 0);
		(void)snprintf(value, sizeof(value), "%u", N - 1 - i);
		assert_int_equal(pn_selector_get(w, &like, &s[N - 1 - i]), 0);
	}
	for (unsigned int i = 0; i < N; i++)
		for (unsigned int k = i % 7; k < N; k += 7)
			assert_int_equal(pn_label_set_has(sets[i], pn_selector_id(s[k])), i == k);
	for (unsigned int i = 0; i < N; i++) {
		pn_label_set_put(w, sets[i]);
		pn_selector_put(w, s[i]);
	}
	pn_labels_free(w);
	free(s);
	free(sets);
}

static void equal_sets_and_equal_selectors_are_one(void **state)
{
	struct pn_label label = { "app", "web" };
	struct pn_label_selector like = { .n_labels = 1, .labels = &label };
	struct pn_label_set *a, *b;
	struct pn_selector *s, *t;
	struct pn_labels *w = NULL;
	size_t n_sets, n_selectors;

	(void)state;
	assert_int_equal(pn_labels_new(&w), 0);
	assert_int_equal(pn_label_set_get(w, &label, 1, &a), 0);
	assert_int_equal(pn_label_set_get(w, &label, 1, &b), 0);
	assert_int_equal(pn_selector_get(w, &like, &s), 0);
	assert_int_equal(pn_selector_get(w, &like, &t), 0);
	assert_ptr_equal(a, b);
	assert_ptr_equal(s, t);
	pn_label_set_put(w, a);
	pn_selector_put(w, s);
	assert_true(pn_label_set_has(b, pn_selector_id(t)));
	pn_labels_count(w, &n_sets, &n_selectors);
	assert_int_equal(n_sets, 1);
	assert_int_equal(n_selectors, 1);
	pn_label_set_put(w, b);
	pn_selector_put(w, t);
	pn_labels_free(w);
}

/* --- networks --- */

static bool should_have(const struct pn_addr *net, unsigned int prefix_len, const struct pn_addr *a)
{
	for (unsigned int bit = 0; bit < prefix_len; bit++)
		if ((net->b[bit / 8] ^ a->b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* Near each other, so that they often share a prefix. */
static void draw_addr(bool is_v4, char *text, size_t size)
{
	if (is_v4)
		(void)snprintf(text, size, "10.%u.%u.%u", draw(2), draw(2) * 255, draw(256));
	else
		(void)snprintf(text, size, "2001:db8:%x::%x", draw(2) << 15, draw(3));
}

static void a_network_has_the_addresses_with_its_first_bits(void **state)
{
	(void)state;
	seed = 2;
	for (unsigned int i = 0; i < 200000; i++) {
		bool is_v4 = draw(2), is_other_v4 = draw(8) ? is_v4 : !is_v4;
		unsigned int len = draw(is_v4 ? 33 : 129);
		char net[64], addr[64], cidr[80];
		struct pn_addr n, a;
		struct pn_cidr c;

		draw_addr(is_v4, net, sizeof(net));
		draw_addr(is_other_v4, addr, sizeof(addr));
		(void)snprintf(cidr, sizeof(cidr), "%s/%u", net, len);
		assert_int_equal(pn_cidr_parse(cidr, &c), 0);
		assert_int_equal(pn_addr_parse(net, &n), 0);
		assert_int_equal(pn_addr_parse(addr, &a), 0);
		assert_int_equal(pn_cidr_is_v4(&c), is_v4);
		if (pn_cidr_has(&c, &a) !=
		    (is_v4 == is_other_v4 && should_have(&n, len + (is_v4 ? 96 : 0), &a)))
			fail_msg("%s %s", cidr, addr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_what_looking_would_say),
		cmocka_unit_test(many_selectors_and_sets_find_each_other),
		cmocka_unit_test(equal_sets_and_equal_selectors_are_one),
		cmocka_unit_test(a_network_has_the_addresses_with_its_first_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
