/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discovery: which paths are asked, what a word means after their answers, and answers that make no
 * sense.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kube/discovery.h"

static int setup(void **state)
{
	struct pn_discovery *d = NULL;
	int r = pn_discovery_new(&d);

	*state = d;
	return r;
}

static int teardown(void **state)
{
	pn_discovery_free(*state);
	return 0;
}

/* The next path must be @path; its answer is @text, in pieces of 3 bytes. Return: of the last call */
static int answer(struct pn_discovery *d, const char *path, const char *text)
{
	struct pn_err err = { "" };
	int r = 0;

	assert_string_equal(pn_discovery_next(d), path);
	for (size_t at = 0; text && at < strlen(text) && r == 0; at += 3)
		r = pn_discovery_feed(d, text + at, PN_MIN(strlen(text + at), (size_t)3), &err);
	if (text && r == 0)
		r = pn_discovery_end(d, &err);
	assert_int_equal(r < 0, err.text[0] != '\0');
	return r;
}

static const struct pn_api_resource *found(struct pn_discovery *d, const char *word)
{
	static const struct pn_api_resource none;
	const struct pn_api_resource *res = &none;

	assert_int_equal(pn_discovery_find(d, word, &res), 1);
	return res;
}

static void assert_unknown(struct pn_discovery *d, const char *word)
{
	const struct pn_api_resource *res;

	assert_int_equal(pn_discovery_find(d, word, &res), 0);
}

static void assert_is(struct pn_discovery *d, const char *word, const char *group,
		      const char *version, const char *plural)
{
	const struct pn_api_resource *res = found(d, word);

	assert_string_equal(res->group, group);
	assert_string_equal(res->version, version);
	assert_string_equal(res->plural, plural);
}

static const char core[] =
	"{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":\"\"},\"versions\":"
	"["
	"{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"secrets\",\"responseKind\":{\"kind\":\"Secret\"},\"scope\":\"Namespaced\","
	"\"singularResource\":\"secret\",\"verbs\":[\"get\",\"list\"]},"
	"{\"resource\":\"bindings\",\"responseKind\":{\"kind\":\"Binding\"},\"scope\":"
	"\"Namespaced\","
	"\"singularResource\":\"binding\",\"verbs\":[\"create\"]}]}]}]}";

static const char groups[] =
	"{\"kind\":\"APIGroupDiscoveryList\",\"items\":["
	"{\"metadata\":{\"name\":\"example.com\"},\"versions\":["
	"{\"version\":\"v2\",\"resources\":["
	"{\"resource\":\"widgets\",\"responseKind\":{\"kind\":\"Widget\"},\"scope\":\"Cluster\","
	"\"singularResource\":\"widget\",\"verbs\":[\"list\"],\"shortNames\":[\"wd\",\"wdg\"],"
	"\"categories\":[\"all\"]}]},"
	"{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"widgets\",\"responseKind\":{\"kind\":\"Widget\"},\"scope\":\"Cluster\","
	"\"singularResource\":\"widget\",\"verbs\":[\"list\"]}]}]},"
	"{\"metadata\":{\"name\":\"other.org\"},\"versions\":[{\"version\":\"v1\",\"resources\":["
	"{\"resource\":\"widgets\",\"responseKind\":{\"kind\":\"Widget\"},\"scope\":\"Namespaced\","
	"\"singularResource\":\"widget\",\"verbs\":[\"list\"]},"
	"{\"resource\":\"wd\",\"responseKind\":{\"kind\":\"Wd\"},\"scope\":\"Namespaced\","
	"\"singularResource\":\"\",\"verbs\":[\"list\"]}]}]}]}";

static void kinds_of_the_agent_need_no_answer(void **state)
{
	struct pn_discovery *d = *state;

	assert_is(d, "po", "", "v1", "pods");
	assert_is(d, "Node", "", "v1", "nodes");
	assert_is(d, "RS", "apps", "v1", "replicasets");
	assert_true(found(d, "pods")->is_namespaced);
	assert_false(found(d, "nodes")->is_namespaced);
	assert_unknown(d, "secrets");
}

static void two_aggregated_answers_tell_all(void **state)
{
	struct pn_discovery *d = *state;

	assert_int_equal(answer(d, "/api", core), 0);
	assert_is(d, "SECRET", "", "v1", "secrets");
	assert_int_equal(answer(d, "/apis", groups), 0);
	assert_is(d, "widget", "example.com", "v2", "widgets");
	assert_is(d, "wdg", "example.com", "v2", "widgets");
	assert_true(pn_resource_is_in(found(d, "wdg")->categories, "all"));
	assert_false(found(d, "wdg")->is_namespaced);
	assert_null(pn_discovery_next(d));
	assert_unknown(d, "gadgets");
}

static void a_group_and_a_version_can_be_asked_for(void **state)
{
	struct pn_discovery *d = *state;

	assert_int_equal(answer(d, "/api", core), 0);
	assert_int_equal(answer(d, "/apis", groups), 0);
	assert_is(d, "widgets.other.org", "other.org", "v1", "widgets");
	assert_is(d, "widgets.v1.example.com", "example.com", "v1", "widgets");
	assert_is(d, "widgets.other", "other.org", "v1", "widgets");
	assert_is(d, "secrets.v1.", "", "v1", "secrets");
	assert_unknown(d, "widgets.v3.example.com");
	assert_unknown(d, "pods.example.com");
	assert_is(d, "wd", "other.org", "v1", "wd"); /* a whole name goes before a short one */
}

static void what_cannot_be_listed_is_only_meant_when_nothing_else_is(void **state)
{
	struct pn_discovery *d = *state;

	assert_int_equal(answer(d, "/api", core), 0);
	assert_unknown(d, "bindings");
	assert_int_equal(answer(d, "/apis", groups), 0);
	assert_is(d, "bindings", "", "v1", "bindings");
	assert_false(found(d, "bindings")->can_list);
}

static void an_older_server_is_asked_group_by_group(void **state)
{
	struct pn_discovery *d = *state;

	assert_int_equal(answer(d, "/api", "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}"), 0);
	assert_int_equal(
		answer(d, "/api/v1",
		       "{\"resources\":[{\"name\":\"secrets\",\"singularName\":\"\",\"kind\":"
		       "\"Secret\","
		       "\"namespaced\":true,\"verbs\":[\"list\"]},{\"name\":\"pods/"
		       "log\",\"kind\":\"Pod\","
		       "\"singularName\":\"\",\"namespaced\":true,\"verbs\":[\"list\"]}]}"),
		0);
	assert_is(d, "secret", "", "v1", "secrets");
	assert_null(pn_discovery_at(d, 1));
	assert_int_equal(
		answer(d, "/apis",
		       "{\"groups\":[{\"name\":\"gone.org\",\"versions\":[{\"version\":\"v1\"}]},"
		       "{\"name\":\"example.com\",\"versions\":[{\"version\":\"v2\"},{\"version\":"
		       "\"v1\"}],"
		       "\"preferredVersion\":{\"version\":\"v1\"}}]}"),
		0);
	assert_int_equal(answer(d, "/apis/gone.org/v1", NULL), 0); /* it did not answer */
	assert_int_equal(answer(d, "/apis/example.com/v1",
				"{\"resources\":[{\"name\":\"widgets\",\"singularName\":\"widget\","
				"\"kind\":\"Widget\",\"namespaced\":false,\"verbs\":[\"list\"]}]}"),
			 0);
	assert_is(d, "widget", "example.com", "v1", "widgets");
	assert_int_equal(answer(d, "/apis/example.com/v2", "{}"), 0);
	assert_null(pn_discovery_next(d));
}

static void what_makes_no_sense_is_left_out(void **state)
{
	struct pn_discovery *d = *state;

	assert_int_equal(
		answer(d, "/api",
		       "{\"versions\":{},\"resources\":[1,{\"name\":7},{\"name\":\"a "
		       "b\",\"kind\":\"A\"}],"
		       "\"items\":[{},{\"metadata\":{\"name\":5}},{\"metadata\":{\"name\":\"x\"},"
		       "\"versions\":[3,{\"version\":\"v1\",\"resources\":{}},{\"version\":\"v1\","
		       "\"resources\":[null,[],{\"resource\":\"r\"},{\"resource\":\"r\","
		       "\"responseKind\":"
		       "{\"kind\":\"R\"},\"verbs\":\"list\"}]}]}]}"),
		0);
	assert_null(pn_discovery_at(d, 0));
}

static void text_that_is_not_json_is_refused(void **state)
{
	struct pn_discovery *d = *state;

	assert_int_equal(answer(d, "/api", "<html>"), -EBADMSG);
	assert_int_equal(answer(d, "/apis", "{\"items\":[{\"metadata\": nonsense}]}"), -EBADMSG);
	assert_null(pn_discovery_next(d));
}

static void an_answer_cut_in_the_middle_is_refused(void **state)
{
	assert_int_equal(answer(*state, "/api", "{\"items\":[{}"), -EBADMSG);
}

static void words_are_found_in_lists_whole(void **state)
{
	(void)state;
	assert_true(pn_resource_is_in("a,bc,d", "bc"));
	assert_true(pn_resource_is_in("a,bc,d", "D"));
	assert_false(pn_resource_is_in("a,bc,d", "b"));
	assert_false(pn_resource_is_in("a,bc,d", ""));
	assert_false(pn_resource_is_in("", "a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(kinds_of_the_agent_need_no_answer),
		TEST(two_aggregated_answers_tell_all),
		TEST(a_group_and_a_version_can_be_asked_for),
		TEST(what_cannot_be_listed_is_only_meant_when_nothing_else_is),
		TEST(an_older_server_is_asked_group_by_group),
		TEST(what_makes_no_sense_is_left_out),
		TEST(text_that_is_not_json_is_refused),
		TEST(an_answer_cut_in_the_middle_is_refused),
		cmocka_unit_test(words_are_found_in_lists_whole),
	};

	return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
