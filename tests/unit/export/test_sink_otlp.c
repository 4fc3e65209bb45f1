/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `otlp` with a collector in this process, which answers as it is told: what the ledger says
 * is what the collector has, and each answer has the effect that the protocol gives it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/pb.h"
#include "export/otlp.h"
#include "export/sink_kinds.h"
#include "tests/unit/export/exporter_fixture.h"

enum { BODY_BYTES = 4 << 20 };

static const struct pn_sink_kind *const kinds[] = { &pn_sink_kind_otlp };

/*
 * struct collector - @status is the answer to logs, from the lock on; @at_ms: when the first and the second
 * request came
 */
struct collector {
	struct MHD_Daemon *daemon;
	unsigned int port;
	pthread_mutex_t lock;
	unsigned int status;
	const char *answer, *retry_after;
	size_t answer_len;
	uint64_t n_logs, n_requests, n_metrics; /* logs: those answered with 200 */
	int64_t at_ms[2];
	char first[8192]; /* "name=value\n" of the first record taken */
	char seen_token[32];
	struct pn_exporter *x;
};

/* --- what the collector reads -------------------------------------------------------------------- */

static struct pn_pb need(struct pn_pb m, uint32_t number)
{
	struct pn_pb_field f;

	while (pn_pb_read(&m, &f) > 0) {
		if (f.number == number && f.type == PN_PB_BYTES)
			return f.bytes;
	}
	fail_msg("no field %u", number);
	return m;
}

static void add_attribute(char *to, size_t size, struct pn_pb attribute)
{
	struct pn_pb key = need(attribute, 1), any = need(attribute, 2);
	struct pn_pb_field f = { 0 };
	size_t len = strlen(to);

	assert_int_equal(pn_pb_read(&any, &f), 1);
	if (f.number == 1)
		(void)snprintf(to + len, size - len, "%.*s=%.*s\n", (int)pn_pb_len(&key), key.at,
			       (int)f.value, f.bytes.at);
	else
		(void)snprintf(to + len, size - len, "%.*s=%llu\n", (int)pn_pb_len(&key), key.at,
			       (unsigned long long)f.value);
}

static void add_attributes(char *to, size_t size, struct pn_pb m, uint32_t number)
{
	struct pn_pb_field f;

	while (pn_pb_read(&m, &f) > 0) {
		if (f.number == number)
			add_attribute(to, size, f.bytes);
	}
}

static uint64_t count_fields(struct pn_pb m, uint32_t number)
{
	struct pn_pb_field f;
	uint64_t n = 0;
	int r;

	while ((r = pn_pb_read(&m, &f)) > 0)
		n += f.number == number;
	assert_int_equal(r, 0);
	return n;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void take(struct collector *c, const char *url, struct pn_pb request)
{
	struct pn_pb resource = need(request, 1), scope = need(resource, 2);

	if (strcmp(url, "/v1/metrics") == 0) {
		c->n_metrics = count_fields(scope, 2);
		return;
	}
	assert_string_equal(url, "/v1/logs");
	if (c->n_requests < 2)
		c->at_ms[c->n_requests] = now_ms();
	c->n_requests++;
	if (c->status != 200)
		return;
	c->n_logs += count_fields(scope, 2);
	if (*c->first)
		return;
	add_attributes(c->first, sizeof(c->first), need(resource, 1), 1);
	add_attributes(c->first, sizeof(c->first), need(scope, 2), 6);
}

static void unpack(char *packed, size_t len, char *to, size_t *ret_len)
{
	z_stream z = {
		.next_in = (Bytef *)packed,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)to,
		.avail_out = BODY_BYTES,
	};

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	*ret_len = z.total_out;
	(void)inflateEnd(&z);
}

static enum MHD_Result reply(struct collector *c, struct MHD_Connection *connection)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		c->answer_len, (void *)(uintptr_t)c->answer, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result r;

	if (c->retry_after)
		(void)MHD_add_response_header(response, "Retry-After", c->retry_after);
	r = MHD_queue_response(connection, c->status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result finish(struct collector *c, struct MHD_Connection *connection,
			      const char *url, struct pn_buf *body)
{
	const char *encoding =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Encoding");
	const char *token = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Token");
	char *plain = malloc(BODY_BYTES);
	size_t len = body->len;
	enum MHD_Result r;

	assert_non_null(plain);
	if (encoding)
		unpack(body->data, body->len, plain, &len);
	(void)pthread_mutex_lock(&c->lock);
	take(c, url, pn_pb_from(encoding ? plain : body->data, len));
	(void)snprintf(c->seen_token, sizeof(c->seen_token), "%s", token ? token : "");
	r = reply(c, connection);
	(void)pthread_mutex_unlock(&c->lock);
	free(plain);
	return r;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct pn_buf *body = *state;

	(void)version;
	assert_string_equal(method, "POST");
	if (!body) {
		body = calloc(1, sizeof(*body));
		assert_non_null(body);
		*body = PN_BUF_INIT(BODY_BYTES);
		*state = body;
		return MHD_YES;
	}
	if (*upload_size) {
		assert_int_equal(pn_buf_put(body, upload, *upload_size), 0);
		*upload_size = 0;
		return MHD_YES;
	}
	return finish(data, connection, url, body);
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode why)
{
	(void)data;
	(void)connection;
	(void)why;
	if (*state)
		pn_buf_done(*state);
	free(*state);
}

/* --- begin and end ------------------------------------------------------------------------------- */

/* @port: 0: any */
static void listen_on(struct collector *c, unsigned int port)
{
	c->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL, NULL,
				     on_request, c, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				     MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
	assert_non_null(c->daemon);
	c->port = MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void stop_listening(struct collector *c)
{
	if (c->daemon)
		MHD_stop_daemon(c->daemon);
	c->daemon = NULL;
}

static int setup(void **state)
{
	struct collector *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	pn_log_set_level(PN_LOG_ERR);
	(void)pthread_mutex_init(&c->lock, NULL);
	c->status = 200;
	c->answer = "";
	listen_on(c, 0);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct collector *c = *state;

	pn_exporter_free(c->x);
	stop_listening(c);
	free(c);
	return 0;
}

static void begin(struct collector *c, const char *options)
{
	struct pn_err err = { "" };
	char spec[256];

	(void)snprintf(spec, sizeof(spec), "otlp:http://127.0.0.1:%u/,retry-max=100ms%s", c->port,
		       options);
	(void)pn_exporter_new(spec, kinds, PN_ARRAY_SIZE(kinds), "n1", &c->x, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(pn_exporter_start(c->x), 0);
}

static void answer(struct collector *c, unsigned int status, const char *body, size_t len,
		   const char *retry_after)
{
	(void)pthread_mutex_lock(&c->lock);
	c->status = status;
	c->answer = body;
	c->answer_len = len;
	c->retry_after = retry_after;
	(void)pthread_mutex_unlock(&c->lock);
}

static uint64_t get(struct collector *c, const uint64_t *figure)
{
	uint64_t n;

	(void)pthread_mutex_lock(&c->lock);
	n = *figure;
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}

/* --- tests --------------------------------------------------------------------------------------- */

static void what_is_sent_is_what_the_collector_has(void **state)
{
	struct collector *c = *state;

	begin(c, ",batch=20,header-X-Token=abc");
	for (unsigned int i = 0; i < 10; i++)
		record(c->x, 100);
	await_nothing_waits(c->x);
	assert_int_equal(look(c->x).sent, 1000);
	assert_int_equal(get(c, &c->n_logs), 1000);
	assert_true(get(c, &c->n_requests) >= 50);
	assert_string_equal(c->seen_token, "abc");
}

static void attributes_have_the_names_of_the_conventions(void **state)
{
	static const char *const want[] = {
		"service.name=podonym\n",
		"k8s.node.name=n1\n",
		"\nevent.start=2026-03-19T",
		"\nsource.address=10.0.0.1\n",
		"\nsource.port=43210\n",
		"\nsource.k8s.namespace.name=shop\n",
		"\nsource.k8s.pod.name=we\"b\\\x01\n",
		"\nsource.k8s.workload.kind=Deployment\n",
		"\ndestination.address=10.0.1.2\n",
		"\ndestination.k8s.service.port=5432\n",
		"\nnetwork.transport=tcp\n",
		"\npodonym.flow_id=18446744073709551615\n",
		"\npodonym.delivered.destination=14\n",
	};
	struct collector *c = *state;
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;

	owner.name = "we\"b\\\x01";
	r.source.owner = &owner;
	begin(c, ",compression=none");
	pn_exporter_record(c->x, &r);
	pn_exporter_flush(c->x);
	await_nothing_waits(c->x);
	for (size_t i = 0; i < PN_ARRAY_SIZE(want); i++) {
		if (!strstr(c->first, want[i]))
			fail_msg("no %s in %s", want[i], c->first);
	}
}

static void a_collector_that_goes_and_comes_back_has_all_but_what_was_counted(void **state)
{
	struct collector *c = *state;
	struct pn_exporter_stats s;

	begin(c, ",queue=256K,metrics=off");
	record(c->x, 10);
	await_nothing_waits(c->x);
	stop_listening(c);
	while (!look(c->x).dropped[PN_LOSS_QUEUE_FULL] || !look(c->x).retries) {
		record(c->x, 100);
		nap();
	}
	assert_true(*look(c->x).error.text);
	listen_on(c, c->port);
	await_nothing_waits(c->x);
	record(c->x, 5);
	await_nothing_waits(c->x);
	s = look(c->x);
	assert_int_equal(s.sent, s.told - s.dropped[PN_LOSS_QUEUE_FULL]);
	assert_int_equal(c->n_logs, s.sent);
	assert_string_equal(s.error.text, "");
}

static void what_was_rejected_in_part_is_counted(void **state)
{
	static const char partial[] = "\x0a\x08\x08\x03\x12\x04late";
	struct collector *c = *state;

	begin(c, "");
	answer(c, 200, partial, sizeof(partial) - 1, NULL);
	record(c->x, 10);
	await_nothing_waits(c->x);
	assert_int_equal(look(c->x).dropped[PN_LOSS_REFUSED], 3);
	assert_int_equal(look(c->x).sent, 7);
}

static void what_is_no_message_to_the_collector_is_lost_at_once(void **state)
{
	static const char bad[] = "\x08\x03\x12\x07no good";
	struct collector *c = *state;

	begin(c, "");
	answer(c, 400, bad, sizeof(bad) - 1, NULL);
	record(c->x, 10);
	await_nothing_waits(c->x);
	assert_int_equal(look(c->x).dropped[PN_LOSS_REFUSED], 10);
	assert_int_equal(look(c->x).retries, 0);
	answer(c, 200, "", 0, NULL);
	record(c->x, 1);
	await_nothing_waits(c->x);
	assert_int_equal(look(c->x).sent, 1);
}

static void a_busy_collector_says_when_to_come_back(void **state)
{
	struct collector *c = *state;
	struct pn_exporter_stats s;

	begin(c, "");
	answer(c, 429, "slow down", 9, "2");
	record(c->x, 10);
	while (!look(c->x).retries)
		nap();
	s = look(c->x);
	assert_non_null(strstr(s.error.text, "/v1/logs: status 429: slow down"));
	assert_int_equal(s.waiting, 10);
	answer(c, 200, "", 0, NULL);
	await_nothing_waits(c->x);
	s = look(c->x);
	assert_int_equal(s.sent, 10);
	assert_int_equal(s.retries, c->n_requests - 1); /* one, if this thread was in time */
	assert_true(c->at_ms[1] - c->at_ms[0] >= 1900);
}

static void figures_come_without_records(void **state)
{
	struct collector *c = *state;

	begin(c, ",metrics=1s");
	while (!get(c, &c->n_metrics))
		nap();
	assert_int_equal(c->n_metrics, PN_METRIC_MAX);
}

static void what_is_wrong_is_said_at_the_start(void **state)
{
	static const struct {
		const char *spec, *error;
	} cases[] = {
		{ "otlp:collector:4318",
		  "\"collector:4318\" should be http://HOST:4318 or https://HOST:4318" },
		{ "otlp:http://h,metrics=often",
		  "metrics: \"often\" should be off or a time of 1s at least" },
		{ "otlp:http://h,ca=/none/x", "ca: /none/x: No such file or directory" },
		{ "otlp:http://h,headers=/none/x", "headers: /none/x: No such file or directory" },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_exporter *x = NULL;
		struct pn_err err = { "" };

		assert_true(pn_exporter_new(cases[i].spec, kinds, 1, "", &x, &err) < 0);
		assert_string_equal(err.text, cases[i].error);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_is_what_the_collector_has),
		TEST(attributes_have_the_names_of_the_conventions),
		TEST(a_collector_that_goes_and_comes_back_has_all_but_what_was_counted),
		TEST(what_was_rejected_in_part_is_counted),
		TEST(what_is_no_message_to_the_collector_is_lost_at_once),
		TEST(a_busy_collector_says_when_to_come_back),
		TEST(figures_come_without_records),
		cmocka_unit_test(what_is_wrong_is_said_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
