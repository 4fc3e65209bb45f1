/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selections as users write them: what they mean, whom they mean, what is said of wrong ones, and where memory
 * is short.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/label_selector.h"
#include "daemon/selection.h"
#include "tests/unit/kube/failing_malloc.h"

static struct pn_expression *parse(const char *text)
{
	struct pn_expression *e = NULL;
	struct pn_err err = { "" };

	if (pn_expression_parse(text, &e, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(e->text, text);
	return e;
}

static const struct pn_select_term *term(const struct pn_expression *e, size_t i,
					 enum pn_select_sort sort, unsigned int rule)
{
	assert_true(i < e->selection.n_terms);
	assert_int_equal(e->terms[i].sort, sort);
	assert_int_equal(e->terms[i].rule, rule);
	return &e->terms[i];
}

static void nothing_selects_everything(void **state)
{
	struct pn_expression *e = parse(" \t ");

	(void)state;
	assert_int_equal(e->selection.n_rules, 0);
	pn_expression_free(e);
}

static void each_sort_of_term(void **state)
{
	struct pn_expression *e =
		parse("namespace=shop,web port=443,8000-8100 protocol=TCP,icmp,47 or "
		      "cidr=10.1.2.3/8,fd00::1 label=app=web,!old,tier!=db,zone label=a");
	const struct pn_select_term *t;

	(void)state;
	assert_int_equal(e->selection.n_rules, 2);
	assert_int_equal(e->selection.n_terms, 12);
	assert_string_equal(term(e, 0, PN_SELECT_NAMESPACE, 0)->name, "shop");
	assert_string_equal(term(e, 1, PN_SELECT_NAMESPACE, 0)->name, "web");
	t = term(e, 2, PN_SELECT_PORT, 0);
	assert_true(t->first == 443 && t->last == 443);
	t = term(e, 3, PN_SELECT_PORT, 0);
	assert_true(t->first == 8000 && t->last == 8100);
	assert_int_equal(term(e, 4, PN_SELECT_PROTOCOL, 0)->proto, 6);
	assert_int_equal(term(e, 5, PN_SELECT_PROTOCOL, 0)->proto, 1);
	assert_int_equal(term(e, 6, PN_SELECT_PROTOCOL, 0)->proto, 58);
	assert_int_equal(term(e, 7, PN_SELECT_PROTOCOL, 0)->proto, 47);
	t = term(e, 8, PN_SELECT_CIDR, 1);
	assert_int_equal(t->cidr.prefix_len, 104);
	assert_int_equal(t->cidr.addr.b[13], 0);
	assert_int_equal(term(e, 9, PN_SELECT_CIDR, 1)->cidr.prefix_len, 128);
	assert_int_equal(term(e, 10, PN_SELECT_LABEL, 1)->labels->n_requirements, 4);
	assert_int_equal(term(e, 11, PN_SELECT_LABEL, 1)->labels->n_requirements, 1);
	pn_expression_free(e);
}

/* Of a selector, and a term behind it. */
static void a_selector_ends_where_the_next_term_begins(void **state)
{
	static const struct {
		const char *selector;
		uint32_t n_requirements;
	} cases[] = {
		{ "app=web", 1 },
		{ "app==web,zone", 2 },
		{ "app", 1 },
		{ "!app", 1 },
		{ "! app", 1 },
		{ "app=", 1 },
		{ "app=,zone=", 2 },
		{ "in", 1 },
		{ "app in (web,api)", 1 },
		{ "app in(web)", 1 },
		{ "app  notin \t ( web , api )  ,\n !old", 2 },
		{ "app, zone", 2 },
		{ "app ,zone", 2 },
		{ "app,! zone", 2 },
		{ "app = web", 1 },
		{ "app != web", 1 },
		{ "app ==web", 1 },
		{ "notin notin (in)", 1 },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		for (int is_rule = 0; is_rule < 2; is_rule++) {
			struct pn_expression *e;

			(void)snprintf(text, sizeof(text), "label=%s%s port=80", cases[i].selector,
				       is_rule ? " or" : "");
			e = parse(text);
			assert_int_equal(e->selection.n_terms, 2);
			assert_int_equal(term(e, 0, PN_SELECT_LABEL, 0)->labels->n_requirements,
					 cases[i].n_requirements);
			(void)term(e, 1, PN_SELECT_PORT, (unsigned int)is_rule);
			pn_expression_free(e);
		}
	}
}

static void drops_is_a_word_alone(void **state)
{
	struct pn_expression *e = parse("drops or drops port=53");

	(void)state;
	assert_int_equal(e->selection.n_rules, 2);
	assert_int_equal(e->selection.n_terms, 3);
	(void)term(e, 0, PN_SELECT_DROPS, 0);
	(void)term(e, 1, PN_SELECT_DROPS, 1);
	(void)term(e, 2, PN_SELECT_PORT, 1);
	pn_expression_free(e);
}

static void assert_refused(const char *text, const char *words)
{
	struct pn_expression *e = NULL;
	struct pn_err err = { "" };

	assert_int_equal(pn_expression_parse(text, &e, &err), -EINVAL);
	assert_null(e);
	if (!strstr(err.text, words))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, words);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	assert_refused("prot=tcp", "prot=tcp: not a term, did you mean");
	assert_refused("port=80 shop", "shop: not a term; there are namespace=");
	assert_refused("port", "port: not a term");
	assert_refused("port=", "port=: a value is missing: write port=VALUE");
	assert_refused("port=80,,81", "port=80,,81: a value is missing");
	assert_refused("port=0", "\"0\" is not a port from 1 to 65535");
	assert_refused("port=65536", "\"65536\" is not a port");
	assert_refused("port=9-8", "\"9-8\" is not a port");
	assert_refused("port=1-4096,5000", "more than 4096 ports");
	assert_refused("protocol=tpc", "did you mean tcp?");
	assert_refused("protocol=256", "protocol=256: \"256\" is not a protocol; write tcp, udp");
	assert_refused("cidr=10.0.0.0/33", "such as cidr=10.0.0.0/8");
	assert_refused("cidr=shop", "\"shop\" is not a network");
	assert_refused("namespace=a_b", "not the name of a namespace");
	assert_refused("label==web", "label==web: \"=web\": a key is missing; write app=web");
	assert_refused("label=!=web", "a key is missing");
	assert_refused("label=!", "a key is missing");
	assert_refused("label= port=80", "label=: a value is missing: write label=VALUE");
	assert_refused("label=app=a=b", "label=app=a=b: \"app=a=b\": that is no selector");
	assert_refused("label=app in web", "label=app in: \"app in\"");
	assert_refused("label=app in (web port=80", "a bracket is missing");
	assert_refused("label=app web", "web: not a term");
	assert_refused("or port=80", "has no rule before it");
	assert_refused("or", "has no rule before it");
	assert_refused("port=80 or", "stands between two rules");
	assert_refused("port=80 or or port=81", "stands between two rules");
}

static void what_is_too_much_is_said(void **state)
{
	char text[PN_EXPRESSION_SIZE + 8] = "port=1";

	(void)state;
	for (int i = 0; i < 32; i++)
		(void)strcat(text, " or port=1");
	assert_refused(text, "more than 32 rules");
	(void)strcpy(text, "protocol=0");
	for (int i = 0; i < 256; i++)
		(void)strcat(text, ",1");
	assert_refused(text, "more than 256 values");
	text[strlen(text) - 2] = '\0';
	(void)strcat(text, " label=app");
	assert_refused(text, "label=app: more than 256 values");
	(void)strcpy(text, "label=");
	memset(text + 6, 'a', PN_LABEL_SELECTOR_MAX + 1);
	text[6 + PN_LABEL_SELECTOR_MAX + 1] = '\0';
	assert_refused(text, "is longer than 1024 bytes");
	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_refused(text, "longer than 2047 bytes");
}

static void no_memory_at_any_point(void **state)
{
	static const char text[] = "label=app in (web,api),zone port=80 or label=!app label=tier";
	struct pn_expression *e = NULL;
	struct pn_err err;
	int r = -ENOMEM;

	(void)state;
	if (!CAN_FAIL)
		skip();
	for (unsigned long n = 1; r < 0; n++) {
		n_until_failure = n;
		r = pn_expression_parse(text, &e, &err);
		n_until_failure = 0;
		assert_true(r == 0 ? n == 5 : r == -ENOMEM && !e);
	}
	pn_expression_free(e);
}

/* --- whom it means ------------------------------------------------------------------------------ */

static const struct pn_label web[] = { { "app", "web" }, { "tier", "front" } };
static const struct pn_object pod = { .kind = PN_KIND_POD, .labels = web, .n_labels = 2 };

static uint32_t rules(const char *text, const char *name_space, const struct pn_object *o)
{
	struct pn_expression *e = parse(text);
	uint32_t bits = pn_expression_owner(&e->selection, name_space, o);

	pn_expression_free(e);
	return bits;
}

static void labels_must_all_hold_and_one_namespace(void **state)
{
	(void)state;
	assert_int_equal(rules("namespace=a,shop", "shop", NULL), 1);
	assert_int_equal(rules("namespace=a,shop", "b", NULL), 0);
	assert_int_equal(rules("label=app=web", "shop", &pod), 1);
	assert_int_equal(rules("label=app=web,tier", "shop", &pod), 1);
	assert_int_equal(rules("label=app=web label=tier=back", "shop", &pod), 0);
	assert_int_equal(rules("label=app!=web", "shop", &pod), 0);
	assert_int_equal(rules("label=app!=db,!zone", "shop", &pod), 1);
	assert_int_equal(rules("label=!app", "shop", &pod), 0);
	assert_int_equal(rules("label=app in (db,web),!zone", "shop", &pod), 1);
	assert_int_equal(rules("label=app notin (db,web)", "shop", &pod), 0);
	assert_int_equal(rules("label=app label=tier in (back)", "shop", &pod), 0);
	assert_int_equal(rules("label=zone notin (a) or label=tier=front", "shop", &pod), 3);
	assert_int_equal(rules("namespace=shop label=app=web", "shop", &pod), 1);
	assert_int_equal(rules("namespace=other label=app=web", "shop", &pod), 0);
}

static void rules_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(
		rules("namespace=a or namespace=shop or label=app=web or label=app=db or port=1",
		      "shop", &pod),
		1 << 1 | 1 << 2);
}

/* A Service has no labels that count, and none that it lacks. */
static void who_has_no_object_meets_no_labels(void **state)
{
	(void)state;
	assert_int_equal(rules("namespace=shop label=!app", "shop", NULL), 0);
	assert_int_equal(rules("port=80", "shop", &pod), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_selects_everything),
		cmocka_unit_test(each_sort_of_term),
		cmocka_unit_test(a_selector_ends_where_the_next_term_begins),
		cmocka_unit_test(drops_is_a_word_alone),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(what_is_too_much_is_said),
		cmocka_unit_test(no_memory_at_any_point),
		cmocka_unit_test(labels_must_all_hold_and_one_namespace),
		cmocka_unit_test(rules_are_told_apart),
		cmocka_unit_test(who_has_no_object_meets_no_labels),
	};

	return cmocka_run_group_tests_name("selection", tests, NULL, NULL);
}
