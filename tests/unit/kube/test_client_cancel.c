/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are cancelled, clients that are freed, and very many requests at a time: nothing is
 * called back, left behind or starved.
 */
#include <sys/resource.h>

#include "tests/unit/kube/ahead_clock.h"
#include "tests/unit/kube/client_fixture.h"

static void cancelled_request_is_never_heard_of_again(void **state)
{
	struct result queued = { 0 }, headers = { .cancel_in_headers = true },
		      data = { .cancel_in_data = true }, done = { .cancel_in_done = true };
	struct fixture *f = *state;

	serve_https(f, answer_hello);
	start(f, &queued, "/", 0);
	cancel(&queued);
	get(f, &headers);
	get(f, &data);
	get(f, &done);
	assert_int_equal(queued.n_headers, 0);
	assert_int_equal(headers.n_headers, 1);
	assert_int_equal(headers.n_data + headers.n_done, 0);
	assert_int_equal(data.n_data, 1);
	assert_int_equal(data.n_done, 0);
	assert_body(&done, "hello");
	pn_request_cancel(NULL);
}

static void callback_may_cancel_another_request(void **state)
{
	struct result victim = { 0 }, killer = { 0 };
	struct fixture *f = *state;

	serve_https(f, answer_begin_and_hold);
	start(f, &victim, "/victim", 0);
	start(f, &killer, "/killer", 0);
	killer.victim = victim.request;
	killer.cancel_in_data = true;
	f->n_pending = 1;
	run(f);
	assert_int_equal(killer.n_data, 1);
	assert_int_equal(victim.n_done, 0);
}

static void refused_data_ends_the_request(void **state)
{
	struct result res = { .refuse_data = -EMSGSIZE };
	struct fixture *f = *state;

	serve_https(f, answer_begin_and_hold);
	get(f, &res);
	assert_ended(&res, -EMSGSIZE, "refused");
	assert_int_equal(res.n_data, 1);
}

static void client_may_be_freed_in_any_callback(void **state)
{
	struct result how[] = { { .free_in_headers = true },
				{ .free_in_data = true },
				{ .free_in_done = true } };
	struct fixture *f = *state;

	serve(f, tls("ip.crt", "ip.key"), answer_hello);
	for (size_t i = 0; i < PN_ARRAY_SIZE(how); i++) {
		struct result other = { 0 };

		make_client(f);
		start(f, &how[i], "/", 0);
		start(f, &other, "/", 0);
		run(f);
		assert_null(f->client);
		assert_int_equal(how[i].n_done, how[i].free_in_done ? 1 : 0);
	}
}

static void client_may_be_freed_with_requests_in_flight(void **state)
{
	struct result queued = { 0 }, running = { 0 };
	struct fixture *f = *state;

	serve_https(f, answer_begin_and_hold);
	start(f, &running, "/", 1000);
	while (!running.n_data)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	start(f, &queued, "/", 1000);
	pn_client_free(f->client);
	f->client = NULL;
	run(f);
	assert_int_equal(running.n_done + queued.n_done, 0);
}

static void queue_moves_on_when_running_requests_are_cancelled(void **state)
{
	enum { N = 200 };
	static struct result results[N];
	struct fixture *f = *state;
	int n_cancelled = 0;

	serve_http(f, answer_begin_and_hold);
	for (int i = 0; i < N; i++)
		start(f, &results[i], "/", 0);
	while (n_cancelled < N) {
		(void)uv_run(&f->loop, UV_RUN_ONCE);
		assert_true(atomic_load(&f->server.n_connections) <=
			    (unsigned int)n_cancelled + 90);
		for (int i = 0; i < N; i++) {
			if (!results[i].n_data || !results[i].request)
				continue;
			pn_request_cancel(PN_TAKE_PTR(results[i].request));
			n_cancelled++;
		}
	}
}

static void thousands_of_cancelled_requests_leave_nothing_behind(void **state)
{
	enum { ROUNDS = 50, EACH = 40 };
	static struct result results[EACH];
	struct fixture *f = *state;
	int n_handles = count_handles(&f->loop), n_fds = count_fds();

	serve_http(f, answer_hello);
	for (int round = 0; round < ROUNDS; round++) {
		memset(results, 0, sizeof(results));
		for (int i = 0; i < EACH; i++)
			start(f, &results[i], "/", 5000);
		for (int i = 0; i < round % 4; i++)
			(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		for (int i = 0; i < EACH; i++) {
			if (!results[i].n_done)
				pn_request_cancel(results[i].request);
		}
	}
	f->n_pending = 0;
	memset(results, 0, sizeof(results));
	get(f, &results[0]);
	assert_body(&results[0], "hello");
	pn_client_free(PN_TAKE_PTR(f->client));
	run(f);
	server_stop(&f->server);
	assert_int_equal(count_handles(&f->loop), n_handles);
	assert_int_equal(count_fds(), n_fds);
}

/* --- very many at a time --- */

static void raise_limit_of_files(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < n) {
		print_message("# this test needs %lu open files, the limit is %lu\n",
			      (unsigned long)n, (unsigned long)limit.rlim_max);
		skip();
	}
	limit.rlim_cur = PN_MAX(limit.rlim_cur, n);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Each is a thread of the server, which take ThreadSanitizer a minute. */
#ifdef __SANITIZE_THREAD__
enum { N_WATCHES = 300 };
#else
enum { N_WATCHES = 2000 };
#endif

static void two_thousand_watches_are_open_together(void **state)
{
	enum { N = N_WATCHES };
	static struct result results[N];
	struct fixture *f = *state;
	int n_fds = count_fds(), n_open = 0;

	raise_limit_of_files(3 * N);
	serve_http(f, answer_begin_and_hold);
	for (int i = 0; i < N; i++)
		start(f, &results[i], "/", 60000);
	while (n_open < N) {
		(void)uv_run(&f->loop, UV_RUN_ONCE);
		n_open = 0;
		for (int i = 0; i < N; i++)
			n_open += results[i].n_data;
	}
	for (int i = 0; i < N; i++)
		pn_request_cancel(results[i].request);
	pn_client_free(PN_TAKE_PTR(f->client));
	run(f);
	server_stop(&f->server);
	for (int i = 0; i < N; i++)
		assert_int_equal(results[i].n_done, 0);
	assert_int_equal(count_fds(), n_fds);
}

/* Nothing comes back for the first ones, not even headers: the others have their turn after a second. */
static bool answer_first_ones_with_silence(struct exchange *x)
{
	if (strstr(x->head, "GET /silent"))
		wait_until_closed(x);
	return answer_hello(x);
}

static void unanswered_requests_hold_up_nobody(void **state)
{
	enum { N = 10 }; /* as many as are opened at first */
	static struct result silent[N];
	struct result last = { 0 };
	struct fixture *f = *state;

	serve_http(f, answer_first_ones_with_silence);
	for (int i = 0; i < N; i++)
		start(f, &silent[i], "/silent", 0);
	while (atomic_load(&f->server.n_requests) < N)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	start(f, &last, "/", 0);
	while (!last.n_done) {
		(void)uv_run(&f->loop, UV_RUN_ONCE);
		ahead_ms += 1000;
	}
	assert_body(&last, "hello");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cancelled_request_is_never_heard_of_again),
		TEST(callback_may_cancel_another_request),
		TEST(refused_data_ends_the_request),
		TEST(client_may_be_freed_in_any_callback),
		TEST(client_may_be_freed_with_requests_in_flight),
		TEST(queue_moves_on_when_running_requests_are_cancelled),
		TEST(thousands_of_cancelled_requests_leave_nothing_behind),
		TEST(two_thousand_watches_are_open_together),
		TEST(unanswered_requests_hold_up_nobody),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
