/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `kafka` with librdkafka's own cluster in this process: what the ledger says is what a
 * consumer reads, with brokers that go and come back, refuse, or never answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/err.h"
#include "base/log.h"
#include "export/sink_kinds.h"
#include "tests/unit/export/exporter_fixture.h"

enum { API_PRODUCE = 0 }; /* of Kafka's protocol */

static const struct pn_sink_kind *const kinds[] = { &pn_sink_kind_kafka };

struct world {
	rd_kafka_t *host; /* of the cluster */
	rd_kafka_mock_cluster_t *cluster;
	struct pn_exporter *x;
};

static void ignore_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static rd_kafka_t *new_client(rd_kafka_type_t type, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256] = "";
	rd_kafka_t *rk;

	rd_kafka_conf_set_log_cb(conf, ignore_log);
	if (brokers)
		assert_int_equal(
			rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)),
			RD_KAFKA_CONF_OK);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(rk);
	return rk;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	pn_log_set_level(PN_LOG_ERR);
	w->host = new_client(RD_KAFKA_PRODUCER, NULL);
	w->cluster = rd_kafka_mock_cluster_new(w->host, 1);
	*state = w;
	return rd_kafka_mock_topic_create(w->cluster, "flows", 1, 1) ? -1 : 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pn_exporter_free(w->x);
	rd_kafka_mock_cluster_destroy(w->cluster);
	rd_kafka_destroy(w->host);
	free(w);
	return 0;
}

static void begin(struct world *w, const char *options)
{
	struct pn_err err = { "" };
	char spec[256];

	(void)snprintf(spec, sizeof(spec), "kafka:%s,topic=flows,retry-max=100ms%s",
		       rd_kafka_mock_cluster_bootstraps(w->cluster), options);
	(void)pn_exporter_new(spec, kinds, PN_ARRAY_SIZE(kinds), "n1", &w->x, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(pn_exporter_start(w->x), 0);
}

/* Reads from the only partition as many as there are. @ret_last: the last one, NULL: not wanted */
static uint64_t consume(const struct world *w, rd_kafka_message_t **ret_last)
{
	rd_kafka_t *rk =
		new_client(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(w->cluster));
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, "flows", NULL);
	rd_kafka_message_t *m;
	int64_t low = 0, high = 0;
	uint64_t n = 0;

	assert_int_equal(rd_kafka_query_watermark_offsets(rk, "flows", 0, &low, &high, 20000), 0);
	assert_int_equal(rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING), 0);
	while (n < (uint64_t)(high - low)) {
		m = rd_kafka_consume(topic, 0, 1000);
		if (!m)
			continue;
		if (!m->err && ++n == (uint64_t)(high - low) && ret_last) {
			(void)snprintf((char *)(*ret_last)->payload, (*ret_last)->len, "%.*s",
				       (int)m->len, (const char *)m->payload);
			(void)snprintf((char *)(*ret_last)->key, (*ret_last)->key_len, "%.*s",
				       (int)m->key_len, m->key ? (const char *)m->key : "");
		}
		rd_kafka_message_destroy(m);
	}
	(void)rd_kafka_consume_stop(topic, 0);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return n;
}

static void what_is_sent_is_what_a_consumer_reads(void **state)
{
	struct world *w = *state;
	char value[4096] = "", key[256] = "";
	rd_kafka_message_t last = {
		.payload = value, .len = sizeof(value), .key = key, .key_len = sizeof(key)
	};
	rd_kafka_message_t *p = &last;

	begin(w, ",compression=zstd");
	for (unsigned int i = 0; i < 20; i++)
		record(w->x, 100);
	await_nothing_waits(w->x);
	assert_int_equal(look(w->x).sent, 2000);
	assert_int_equal(consume(w, &p), 2000);
	assert_string_equal(key, "shop/Deployment/web>shop/StatefulSet/db");
	assert_non_null(strstr(value, "{\"event\":{\"start\":\"2026-03-19T"));
	assert_non_null(strstr(value, "\"flow_id\":\"99\""));
	assert_int_equal(value[strlen(value) - 1], '}');
}

static void other_forms_have_the_node_and_may_be_without_a_key(void **state)
{
	struct world *w = *state;
	char value[4096] = "", key[256] = "?";
	rd_kafka_message_t last = {
		.payload = value, .len = sizeof(value), .key = key, .key_len = sizeof(key)
	};
	rd_kafka_message_t *p = &last;

	begin(w, ",format=hubble,key=none,acks=1,x-linger.ms=1");
	record(w->x, 3);
	await_nothing_waits(w->x);
	assert_int_equal(consume(w, &p), 3);
	assert_string_equal(key, "");
	assert_non_null(strstr(value, "\"node_name\":\"n1\""));
}

static void a_broker_that_goes_and_comes_back_has_all_but_what_was_counted(void **state)
{
	struct world *w = *state;
	struct pn_exporter_stats s;

	begin(w, ",queue=256K,buffer=1M,x-reconnect.backoff.max.ms=100,x-retry.backoff.ms=10");
	record(w->x, 100);
	await_nothing_waits(w->x);
	assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
	record(w->x, 1);
	while (!look(w->x).retries)
		nap();
	while (!look(w->x).dropped[PN_LOSS_QUEUE_FULL]) {
		record(w->x, 100); /* librdkafka takes some of them, which is no sign of a broker */
		nap();
	}
	assert_non_null(strstr(look(w->x).error.text, "no broker can be reached"));
	assert_int_equal(rd_kafka_mock_broker_set_up(w->cluster, 1), 0);
	await_nothing_waits(w->x);
	record(w->x, 5);
	await_nothing_waits(w->x);
	s = look(w->x);
	assert_int_equal(s.sent, s.told - s.dropped[PN_LOSS_QUEUE_FULL]);
	assert_int_equal(consume(w, NULL), s.sent);
	while (*look(w->x).error.text) /* without a further record */
		nap();
}

static void what_a_broker_refuses_is_lost_with_its_words(void **state)
{
	struct world *w = *state;
	const rd_kafka_resp_err_t no = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
	struct pn_exporter_stats s;

	begin(w, ",acks=1");
	rd_kafka_mock_push_request_errors(w->cluster, API_PRODUCE, 1, no);
	record(w->x, 10);
	await_nothing_waits(w->x);
	while (!look(w->x).retries)
		record(w->x, 1);
	await_nothing_waits(w->x);
	s = look(w->x);
	assert_true(s.dropped[PN_LOSS_REFUSED] > 0);
	assert_int_equal(consume(w, NULL), s.told - s.dropped[PN_LOSS_REFUSED]);
}

static void what_is_not_confirmed_in_time_is_given_up(void **state)
{
	struct world *w = *state;

	begin(w, ",acks=1,timeout=1s");
	assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
	record(w->x, 10);
	await_nothing_waits(w->x);
	assert_int_equal(look(w->x).dropped[PN_LOSS_GIVEN_UP], 10);
	assert_int_equal(look(w->x).sent, 0);
}

static void at_the_end_what_no_broker_has_is_counted_as_lost(void **state)
{
	struct world *w = *state;

	begin(w, "");
	assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
	record(w->x, 10);
	pn_exporter_stop(w->x);
	pn_exporter_join(w->x);
	assert_int_equal(look(w->x).dropped[PN_LOSS_SHUTDOWN], 10);
}

/* Return: the error of @spec */
static const char *refusal(const char *spec)
{
	static struct pn_err err;
	struct pn_exporter *x = NULL;

	err = (struct pn_err) { "" };
	assert_true(pn_exporter_new(spec, kinds, 1, "n1", &x, &err) < 0);
	assert_null(x);
	return err.text;
}

static void properties_that_are_wrong_are_refused_at_the_start(void **state)
{
	char file[] = "/tmp/pn-kafka-XXXXXX", spec[96], want[128];
	int fd = mkstemp(file);

	(void)state;
	assert_string_equal(refusal("kafka:h,x-security.protocl=ssl"),
			    "No such configuration property: \"security.protocl\"");
	assert_string_equal(refusal("kafka:h,x-plugin.library.paths=/x.so"),
			    "property plugin.library.paths cannot be set here");
	assert_non_null(strstr(refusal("kafka:h,x-linger.ms=much"), "Invalid value"));
	assert_string_equal(refusal("kafka:h,x-=1"), "write x-NAME=VALUE");
	assert_string_equal(refusal("kafka:h,x-linger.ms"),
			    "x-linger.ms needs a value: x-linger.ms=...");
	assert_non_null(strstr(refusal("kafka:h,config=/none/x"), "/none/x: No such file"));
	assert_int_equal(write(fd, "# mine\n\nlinger.ms=3\nlinger\n", 27), 27);
	(void)close(fd);
	(void)snprintf(spec, sizeof(spec), "kafka:h,config=%s", file);
	(void)snprintf(want, sizeof(want), "config: %s:4: should be PROPERTY=VALUE", file);
	assert_string_equal(refusal(spec), want);
	(void)unlink(file);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_is_what_a_consumer_reads),
		TEST(other_forms_have_the_node_and_may_be_without_a_key),
		TEST(a_broker_that_goes_and_comes_back_has_all_but_what_was_counted),
		TEST(what_a_broker_refuses_is_lost_with_its_words),
		TEST(what_is_not_confirmed_in_time_is_given_up),
		TEST(at_the_end_what_no_broker_has_is_counted_as_lost),
		cmocka_unit_test(properties_that_are_wrong_are_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
