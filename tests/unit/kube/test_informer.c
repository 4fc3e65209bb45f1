/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole informer on a real loop against a scripted server: what handlers and the store see, and
 * that stopping and freeing at awkward moments is clean.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "kube/informer.h"
#include "tests/unit/kube/https_server.h"

/* What the server does with its n-th request: @ask must be in the request's first line. */
struct reply {
	const char *ask;
	const char *body;
	bool is_held; /* the answer is not complete until the client goes away */
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	struct server server;
	struct pn_client *client;
	struct pn_informer *inf;
	struct pn_buf seen;
	const char *until;
	bool stops_at_first_add;
};

/* Set before the server's threads start. */
static const struct reply *replies;
static unsigned int n_replies;

static bool answer(struct exchange *x)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				   "Connection: close\r\n\r\n";
	char *line_end = strstr(x->head, "\r\n");

	*line_end = '\0';
	if (x->n >= n_replies || !strstr(x->head, replies[x->n].ask)) {
		(void)say(x, "HTTP/1.1 400 Unexpected\r\nConnection: close\r\n\r\n");
		(void)say(x, x->head);
		return false;
	}
	if (say(x, head) && say(x, replies[x->n].body) && replies[x->n].is_held)
		wait_until_closed(x);
	return false;
}

/* --- handlers: every call is a word --- */

static void word(struct fixture *f, const char *sign, const struct pn_object *obj, const char *end)
{
	assert_int_equal(
		pn_buf_printf(&f->seen, "%s%s@%s%s ", sign, obj->name, obj->resource_version, end),
		0);
	if (f->until && strcmp(f->seen.data, f->until) == 0)
		uv_stop(&f->loop);
}

static void on_add(void *data, const struct pn_object *obj, bool is_initial)
{
	struct fixture *f = data;
	char key[PN_KEY_LEN];

	assert_ptr_equal(pn_informer_get(f->inf, pn_object_key(obj, key)), obj);
	word(f, "+", obj, is_initial ? "!" : "");
	if (f->stops_at_first_add)
		pn_informer_stop(f->inf);
}

static void on_update(void *data, const struct pn_object *old, const struct pn_object *new)
{
	struct fixture *f = data;

	assert_string_equal(old->name, new->name);
	word(f, old->uid[0] && strcmp(old->uid, new->uid) != 0 ? "~~" : "~", new, "");
}

static void on_remove(void *data, const struct pn_object *last, bool is_stale)
{
	struct fixture *f = data;
	char key[PN_KEY_LEN];

	assert_null(pn_informer_get(f->inf, pn_object_key(last, key)));
	word(f, "-", last, is_stale ? "?" : "");
}

static void on_synced(void *data)
{
	struct fixture *f = data;

	assert_int_equal(pn_buf_printf(&f->seen, "synced "), 0);
	if (f->until && strcmp(f->seen.data, f->until) == 0)
		uv_stop(&f->loop);
}

static const struct pn_handler handler = {
	.add = on_add, .update = on_update, .remove = on_remove, .synced = on_synced
};
static const struct pn_handler deaf = { .add = NULL };

/* --- fixture --- */

static void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing has happened for 30 s");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(uv_loop_init(&f->loop), 0);
	(void)uv_timer_init(&f->loop, &f->guard);
	f->seen = PN_BUF_INIT(1 << 20);
	assert_int_equal(pn_buf_put(&f->seen, "", 0), 0);
	*state = f;
	return 0;
}

/* To the end of all that the client still had to do. */
static void run_to_the_end(struct fixture *f)
{
	pn_client_free(f->client);
	f->client = NULL;
	if (!uv_is_closing((uv_handle_t *)&f->guard))
		uv_close((uv_handle_t *)&f->guard, NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pn_informer_free(f->inf);
	run_to_the_end(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	server_stop(&f->server);
	pn_buf_done(&f->seen);
	free(f);
	assert_int_equal(pn_intern_count(), 0);
	return 0;
}

static void begin(struct fixture *f, const struct reply *script, unsigned int n)
{
	char server[64];
	struct pn_kube_config config = { .source = server, .server = server };
	struct pn_informer_config inf = { .clock = &pn_clock_system,
					  .kind = pn_kind_get(PN_KIND_POD) };

	replies = script;
	n_replies = n;
	assert_int_equal(server_start(&f->server, NULL, answer), 0);
	(void)snprintf(server, sizeof(server), "http://127.0.0.1:%u", f->server.port);
	assert_int_equal(pn_client_new(&f->loop, &config, &f->client, NULL), 0);
	inf.client = f->client;
	assert_int_equal(pn_informer_new(&f->loop, &inf, &f->inf), 0);
	assert_int_equal(pn_informer_add_handler(f->inf, &deaf, NULL), 0);
	assert_int_equal(pn_informer_add_handler(f->inf, &handler, f), 0);
}

#define BEGIN(f, ...)                                                    \
	do {                                                             \
		static const struct reply script_[] = { __VA_ARGS__ };   \
		begin(f, script_, sizeof(script_) / sizeof(script_[0])); \
	} while (0)

/* Until the handlers have said @want. */
static void run_until(struct fixture *f, const char *want)
{
	f->until = want;
	(void)uv_timer_start(&f->guard, on_guard, 30000, 0);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	(void)uv_timer_stop(&f->guard);
	assert_string_equal(f->seen.data, want);
}

#define POD(name, uid, rv)                                                        \
	"{\"metadata\":{\"namespace\":\"n\",\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"resourceVersion\":\"" rv "\"},\"status\":{\"podIP\":\"10.0.0.1\"}}"
#define LIST(rv, items) \
	"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" rv "\"},\"items\":[" items "]}"
#define EVENT(type, name, uid, rv)                                                         \
	"{\"type\":\"" type "\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"namespace\":" \
	"\"n\",\"name\":\"" name "\",\"uid\":\"" uid "\",\"resourceVersion\":\"" rv "\"}}}\n"
#define GONE "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n"

static void handlers_hear_the_list_and_every_event(void **state)
{
	struct fixture *f = *state;
	struct pn_informer_status st;

	BEGIN(f,
	      { "resourceVersion=0", LIST("5", POD("a", "u", "3") "," POD("b", "u", "4")), false },
	      { "watch=true", EVENT("ADDED", "c", "u", "6"), false },
	      { "resourceVersion=6",
		EVENT("MODIFIED", "c", "u", "6") EVENT("MODIFIED", "a", "u", "7")
			EVENT("ADDED", "b", "v", "8") EVENT("DELETED", "a", "u", "9")
				EVENT("DELETED", "x", "u", "10") EVENT("MODIFIED", "d", "u", "11"),
		true });
	pn_informer_status(f->inf, &st);
	assert_false(st.synced);
	assert_string_equal(st.kind, "pods");
	assert_string_equal(st.resource_version, "");
	assert_int_equal(st.last_contact, 0);
	assert_int_equal(pn_informer_start(f->inf), 0);
	assert_int_equal(pn_informer_start(f->inf), 0);
	run_until(f, "+a@3! +b@4! synced +c@6 ~a@7 ~~b@8 -a@9 +d@11 ");
	pn_informer_status(f->inf, &st);
	assert_true(st.synced);
	assert_int_equal(st.n_objects, 3);
	assert_int_equal(pn_informer_count(f->inf), 3);
	assert_int_equal(st.n_failures, 0);
	assert_true(st.last_contact > 0);
}

static void empty_list_is_synced(void **state)
{
	struct fixture *f = *state;

	BEGIN(f, { "resourceVersion=0", LIST("5", ""), false }, { "watch=true", "", true });
	assert_int_equal(pn_informer_start(f->inf), 0);
	run_until(f, "synced ");
}

static void later_list_tells_what_was_missed(void **state)
{
	struct fixture *f = *state;

	BEGIN(f,
	      { "resourceVersion=0",
		LIST("5", POD("a", "u", "3") "," POD("b", "u", "4") "," POD("c", "u", "4") "," POD(
				  "d", "u", "4")),
		false },
	      { "watch=true", GONE, true },
	      { "resourceVersion=5",
		LIST("20", POD("e", "u", "9") "," POD("c", "w", "8") "," POD("a", "u", "7") "," POD(
				   "d", "u", "4")),
		false },
	      { "resourceVersion=20", "", true });
	assert_int_equal(pn_informer_start(f->inf), 0);
	run_until(f, "+a@3! +b@4! +c@4! +d@4! synced -b@4? +e@9 ~~c@8 ~a@7 ");
}

static bool count_visit(const struct pn_object *obj, void *data)
{
	(void)obj;
	++*(int *)data;
	return true;
}

static void store_is_read_by_key_and_index_also_when_stopped(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	BEGIN(f,
	      { "resourceVersion=0", LIST("5", POD("a", "u", "3") "," POD("b", "u", "4")), false },
	      { "watch=true", "", true });
	assert_int_equal(pn_informer_add_index(f->inf, "by-ip", pn_index_by_ip), 0);
	assert_int_equal(pn_informer_start(f->inf), 0);
	run_until(f, "+a@3! +b@4! synced ");
	assert_int_equal(pn_informer_add_index(f->inf, "namespace", pn_index_by_namespace), 0);
	assert_int_equal(pn_informer_add_index(f->inf, "namespace", pn_index_by_namespace),
			 -EEXIST);
	pn_informer_stop(f->inf);
	assert_string_equal(pn_informer_get(f->inf, "n/b")->resource_version, "4");
	assert_null(pn_informer_get(f->inf, "n/c"));
	pn_informer_each(f->inf, count_visit, &n);
	assert_int_equal(n, 2);
	assert_int_equal(pn_informer_by_index(f->inf, "by-ip", "10.0.0.1", count_visit, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(pn_informer_by_index(f->inf, "namespace", "n", count_visit, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(pn_informer_by_index(f->inf, "by-ip", "10.0.0.2", count_visit, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(pn_informer_by_index(f->inf, "x", "n", count_visit, &n), -ENOENT);
	assert_int_equal(pn_informer_start(f->inf), -ECANCELED);
}

static void handler_that_stops_in_a_list_hears_no_more(void **state)
{
	struct fixture *f = *state;

	BEGIN(f,
	      { "resourceVersion=0", LIST("5", POD("a", "u", "3") "," POD("b", "u", "4")), false });
	f->stops_at_first_add = true;
	assert_int_equal(pn_informer_start(f->inf), 0);
	run_until(f, "+a@3! ");
	run_to_the_end(f);
	assert_string_equal(f->seen.data, "+a@3! ");
	assert_int_equal(pn_informer_count(f->inf), 2);
}

static void handler_that_stops_in_a_watch_hears_no_more(void **state)
{
	struct fixture *f = *state;

	BEGIN(f, { "resourceVersion=0", LIST("5", ""), false },
	      { "watch=true", EVENT("ADDED", "a", "u", "6") EVENT("ADDED", "b", "u", "7"), true });
	f->stops_at_first_add = true;
	assert_int_equal(pn_informer_start(f->inf), 0);
	run_until(f, "synced +a@6 ");
	run_to_the_end(f);
	assert_string_equal(f->seen.data, "synced +a@6 ");
}

static void free_takes_a_request_under_way_with_it(void **state)
{
	struct fixture *f = *state;

	BEGIN(f, { "resourceVersion=0", "{\"kind\":\"PodList\",\"items\":[" POD("a", "u", "3"),
		   true });
	assert_int_equal(pn_informer_start(f->inf), 0);
	while (atomic_load(&f->server.n_requests) == 0)
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	pn_informer_free(f->inf);
	f->inf = NULL;
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_string_equal(f->seen.data, "");
}

static void absent_server_is_named_in_the_status(void **state)
{
	struct fixture *f = *state;
	struct pn_informer_status st;

	BEGIN(f, { "", "", false });
	server_stop(&f->server);
	assert_int_equal(pn_informer_start(f->inf), 0);
	do {
		(void)uv_run(&f->loop, UV_RUN_ONCE);
		pn_informer_status(f->inf, &st);
	} while (st.n_failures == 0);
	assert_false(st.synced);
	assert_non_null(strstr(st.last_error, "cannot list pods: "));
	assert_non_null(strstr(st.last_error, "127.0.0.1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(handlers_hear_the_list_and_every_event),
		TEST(empty_list_is_synced),
		TEST(later_list_tells_what_was_missed),
		TEST(store_is_read_by_key_and_index_also_when_stopped),
		TEST(handler_that_stops_in_a_list_hears_no_more),
		TEST(handler_that_stops_in_a_watch_hears_no_more),
		TEST(free_takes_a_request_under_way_with_it),
		TEST(absent_server_is_named_in_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
