/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is the same, byte for byte, whether what it says of owners is remembered or not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "export/encode.h"
#include "export/owner_json.h"
#include "tests/unit/export/record_fixture.h"

static void assert_same(struct pn_owner_texts *texts, const struct pn_flow_record *r)
{
	const struct pn_style style = { .format = PN_FORMAT_JSON, .texts = texts };
	struct pn_buf want = PN_BUF_INIT(1 << 20), got = PN_BUF_INIT(1 << 20);

	assert_int_equal(pn_encode(PN_FORMAT_JSON, r, &want), 0);
	for (int i = 0; i < 2; i++) { /* written, then copied */
		assert_int_equal(pn_encode_styled(&style, r, &got), 0);
		assert_string_equal(got.data, want.data);
		pn_buf_reset(&got);
	}
	pn_buf_done(&want);
	pn_buf_done(&got);
}

static void assert_same_for(struct pn_owner_texts *texts, const struct pn_owner *o)
{
	struct pn_flow_record r = sample_record();

	r.source.owner = o;
	assert_same(texts, &r);
	r.destination.owner = o;
	assert_same(texts, &r);
	r.service = NULL;
	assert_same(texts, &r);
}

static void every_kind_of_owner_is_remembered_as_it_is(void **state)
{
	struct pn_owner_texts *texts = pn_owner_texts_new();
	struct pn_owner owners[PN_OWNER_KIND_MAX];

	(void)state;
	for (int i = 0; i < PN_OWNER_KIND_MAX; i++) {
		owners[i] = owner_web;
		owners[i].kind = (enum pn_owner_kind)i;
		owners[i].zone = i % 2 ? "zone \"a\"" : "";
		owners[i].region = i % 3 ? "r" : "";
		assert_same_for(texts, &owners[i]);
	}
	assert_same_for(texts, NULL);
	pn_owner_texts_free(texts);
}

static void another_owner_in_the_same_memory_has_its_own_names(void **state)
{
	struct pn_owner_texts *texts = pn_owner_texts_new();
	struct pn_owner o = owner_web;

	(void)state;
	assert_same_for(texts, &o);
	pn_owner_texts_forget(texts);
	o.name = "another";
	assert_same_for(texts, &o);
	pn_owner_texts_free(texts);
}

static void there_may_be_more_owners_than_room(void **state)
{
	enum { N = 6000, LEN = 300 };
	struct pn_owner_texts *texts = pn_owner_texts_new();
	struct pn_owner *owners = calloc(N, sizeof(*owners));
	char(*names)[LEN] = calloc(N, LEN);

	(void)state;
	assert_non_null(owners);
	assert_non_null(names);
	for (int i = 0; i < N; i++) {
		(void)snprintf(names[i], LEN, "%0250d", i);
		owners[i] = owner_web;
		owners[i].name = names[i];
	}
	for (int i = 0; i < 2 * N; i++)
		assert_same_for(texts, &owners[i % N]);
	pn_owner_texts_free(texts);
	free(names);
	free(owners);
}

static void names_that_are_too_long_to_remember_are_written(void **state)
{
	enum { LEN = 1200 };
	struct pn_owner_texts *texts = pn_owner_texts_new();
	char *name = calloc(1, LEN + 1);
	struct pn_owner o = owner_web;

	(void)state;
	assert_non_null(name);
	memset(name, '\x01', LEN);
	for (size_t len = LEN; len; len /= 2) {
		name[len] = '\0';
		o.name = o.zone = name;
		assert_same_for(texts, &o);
		pn_owner_texts_forget(texts);
	}
	pn_owner_texts_free(texts);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_owner_is_remembered_as_it_is),
		cmocka_unit_test(another_owner_in_the_same_memory_has_its_own_names),
		cmocka_unit_test(there_may_be_more_owners_than_room),
		cmocka_unit_test(names_that_are_too_long_to_remember_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
