/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the client says it is: tokens from files, user names, impersonation.
 */
#include "kube/credentials.h"
#include "tests/unit/kube/client_fixture.h"

/* 401 for the token "old". */
static bool answer_by_token(struct exchange *x)
{
	if (strstr(x->head, "Authorization: Bearer old\r\n"))
		return say(x, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
	return answer_mirror(x);
}

/* --- token --- */

static void refused_token_is_read_again(void **state)
{
	struct result first = { 0 }, second = { 0 }, third = { 0 }, fourth = { 0 };
	struct fixture *f = *state;

	serve(f, tls("ip.crt", "ip.key"), answer_by_token);
	set(&f->config.token_file, in_dir("token"));
	make_client(f);
	get(f, &first);
	assert_ended(&first, -ENOENT, "the token cannot be read");
	assert_int_equal(atomic_load(&f->server.n_requests), 0);
	put("token", "old\n");
	get(f, &second);
	assert_int_equal(second.status, 401);
	put("token", "new\n");
	get(f, &third);
	assert_int_equal(third.status, 200);
	put("token", "newer\n");
	get(f, &fourth); /* what works is not read again so soon */
	assert_non_null(strstr(fourth.body, "\r\nAuthorization: Bearer new\r\n"));
}

static void token_follows_its_file(void **state)
{
	struct pn_token t = { .file = in_dir("token2") };
	struct pn_err err;

	(void)state;
	put("token2", " one\r\n");
	assert_int_equal(pn_token_refresh(&t, 1000, &err), 0);
	assert_string_equal(t.value, "one");
	put("token2", "two");
	assert_int_equal(pn_token_refresh(&t, 1000 + PN_TOKEN_FRESH_MS - 1, &err), 0);
	assert_string_equal(t.value, "one");
	assert_int_equal(pn_token_refresh(&t, 1000 + PN_TOKEN_FRESH_MS, &err), 0);
	assert_string_equal(t.value, "two");
	pn_token_done(&t);
}

static void old_token_is_kept_while_the_file_cannot_be_read(void **state)
{
	struct pn_token t = { .file = in_dir("token3") };
	struct pn_err err;

	(void)state;
	put("token3", "one");
	assert_int_equal(pn_token_refresh(&t, 0, &err), 0);
	put("token3", "");
	assert_int_equal(pn_token_refresh(&t, PN_TOKEN_FRESH_MS, &err), 0);
	assert_string_equal(t.value, "one");
	assert_int_equal(remove(in_dir("token3")), 0);
	assert_int_equal(pn_token_refresh(&t, PN_TOKEN_FRESH_MS, &err), 0);
	assert_string_equal(t.value, "one");
	pn_token_refused(&t, PN_TOKEN_FRESH_MS);
	assert_int_equal(pn_token_refresh(&t, PN_TOKEN_FRESH_MS, &err), -ENOENT);
	pn_token_done(&t);
}

static void refusal_of_an_older_request_spares_a_newer_token(void **state)
{
	struct pn_token t = { .file = in_dir("token4") };
	struct pn_err err;

	(void)state;
	put("token4", "one");
	assert_int_equal(pn_token_refresh(&t, 1000, &err), 0);
	pn_token_refused(&t, 999);
	assert_string_equal(t.value, "one");
	pn_token_refused(&t, 1000);
	assert_null(t.value);
	pn_token_done(&t);
}

static void token_that_never_changes_survives_a_refusal(void **state)
{
	struct pn_token t = { .value = strdup("one") };
	struct pn_err err;

	(void)state;
	pn_token_refused(&t, UINT64_MAX);
	assert_int_equal(pn_token_refresh(&t, UINT64_MAX, &err), 0);
	assert_string_equal(t.value, "one");
	pn_token_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused_token_is_read_again),
		TEST(token_follows_its_file),
		TEST(old_token_is_kept_while_the_file_cannot_be_read),
		TEST(refusal_of_an_older_request_spares_a_newer_token),
		TEST(token_that_never_changes_survives_a_refusal),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
