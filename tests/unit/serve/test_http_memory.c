/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server where memory is short, at every point of a request: the client is answered or sees the end of
 * its connection, and the next one is served.
 */
#include "tests/unit/serve/http_fixture.h"

#include "tests/unit/kube/failing_malloc.h"

/* The request has come before the server looks, so that what is short may be short for the connection itself. */
static void ask_until_nothing_fails(struct server *s, const char *request)
{
	char answer[4096];

	has_failed = true;
	for (unsigned long n = 1; has_failed; n++) {
		int fd = ask(s, request);

		has_failed = false;
		n_until_failure = n;
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
		n_until_failure = 0;
		while (s->n_streams)
			(void)close(s->streams[--s->n_streams]);
		(void)read_to_end(s, fd, answer, sizeof(answer));
		assert_still_serves(s);
	}
	assert_memory_equal(answer, "HTTP/1.1 200", 12);
}

static void each_request_ends_without_memory_at_any_point(void **state)
{
	struct server *s = *state;

	if (!CAN_FAIL)
		skip();
	assert_answer(s, ask(s, GET("/stream?refuse=a")), "400", "a");
	ask_until_nothing_fails(s, GET("/fresh"));
	ask_until_nothing_fails(s, GET("/kept"));
	ask_until_nothing_fails(s, GET("/stream?n=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(each_request_ends_without_memory_at_any_point),
	};

	return cmocka_run_group_tests_name("http_memory", tests, NULL, NULL);
}
