// SPDX-License-Identifier: Apache-2.0
/* Selectors of labels: what each says of a pod, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/label_selector.h"

static const struct pn_label labels[] = {
	{ "app", "web" },
	{ "empty", "" },
	{ "example.com/tier", "front_1.a" },
};

static bool selects(const char *text)
{
	struct pn_label_selector *s;
	struct pn_err err = { "" };
	bool does;

	if (pn_label_selector_parse(text, &s, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	does = pn_label_selector_matches(s, labels, PN_ARRAY_SIZE(labels));
	free(s);
	return does;
}

static void each_form_says_what_it_says_in_kubectl(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "app=web", true },
		{ "app==web", true },
		{ "app = web", true },
		{ "app=we", false },
		{ "app=webs", false },
		{ "app!=web", false },
		{ "app!=api", true },
		{ "none!=web", true },
		{ "none=web", false },
		{ "none=", false },
		{ "empty=", true },
		{ "empty!=", false },
		{ "app=", false },
		{ "app", true },
		{ "!app", false },
		{ "none", false },
		{ "!none", true },
		{ "! none", true },
		{ "app in (web)", true },
		{ "app in (api, web)", true },
		{ "app in(api,db)", false },
		{ "app notin (api,db)", true },
		{ "app notin (api,web)", false },
		{ "none notin (api)", true },
		{ "none in (api)", false },
		{ "empty in (,a)", true },
		{ "example.com/tier=front_1.a", true },
		{ "app=web,example.com/tier", true },
		{ " app in (web,x) , !none , empty= ", true },
		{ "app in (web,x),none", false },
		{ "in in (a)", false },
		{ "notin", false },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		if (selects(cases[i].text) != cases[i].want)
			fail_msg("%s: %d", cases[i].text, !cases[i].want);
	}
}

static void assert_refused(const char *text, const char *words)
{
	struct pn_label_selector *s = NULL;
	struct pn_err err = { "" };

	assert_int_equal(pn_label_selector_parse(text, &s, &err), -EINVAL);
	assert_null(s);
	if (!strstr(err.text, words))
		fail_msg("%s: \"%s\" has no \"%s\"", text, err.text, words);
}

static void what_is_no_selector_is_refused_with_words(void **state)
{
	char longest[PN_LABEL_SELECTOR_MAX + 2] = "", value[80] = "app=", key[400] = "";

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	memset(value + 4, 'a', 64);
	memset(key, 'a', 318);
	assert_refused("", "a key is missing");
	assert_refused(",", "a key is missing");
	assert_refused("app,", "a key is missing");
	assert_refused("=web", "a key is missing");
	assert_refused("!", "a key is missing");
	assert_refused("!!app", "a key is missing");
	assert_refused("!app=web", "before a key alone");
	assert_refused("app=web=x", "no selector of labels");
	assert_refused("app web", "no selector of labels");
	assert_refused("app<1", "no selector of labels");
	assert_refused("app in web", "values in brackets");
	assert_refused("app in (web", "a bracket is missing");
	assert_refused("app in (web) x", "no selector of labels");
	assert_refused("app=a/b", "a value has at most 63");
	assert_refused(value, "a value has at most 63");
	assert_refused(key, "a key is too long");
	assert_refused(longest, "is longer than 1024 bytes");
	assert_refused("app=\x1b[2J", "no selector of labels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_says_what_it_says_in_kubectl),
		cmocka_unit_test(what_is_no_selector_is_refused_with_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
