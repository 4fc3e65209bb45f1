/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series of traffic: what is added to which, what finds no room, what ends, and two threads at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metric.h"
#include "export/traffic.h"
#include "tests/unit/export/record_fixture.h"

enum { DEFAULT = PN_TRAFFIC_NAMESPACE | PN_TRAFFIC_WORKLOAD, IDLE = 1000 };

#define WEB_TO_DB                                                                               \
	"source_namespace=\"shop\",source_kind=\"Deployment\",source_workload=\"web\","         \
	"destination_namespace=\"shop\",destination_kind=\"StatefulSet\",destination_workload=" \
	"\"db\""
#define OTHER                                                                            \
	"source_namespace=\"_other\",source_kind=\"_other\",source_workload=\"_other\"," \
	"destination_namespace=\"_other\",destination_kind=\"_other\","                  \
	"destination_workload=\"_other\""

static struct pn_traffic *new_traffic(uint32_t max, unsigned int labels)
{
	const struct pn_traffic_config config = { max, labels, IDLE };
	struct pn_traffic *t = NULL;

	assert_int_equal(pn_traffic_new(&config, &t), 0);
	return t;
}

static char *text_of(struct pn_traffic *t, pn_nsec now)
{
	struct pn_buf out = PN_BUF_INIT(1 << 24);
	struct pn_exposition e = { .out = &out };

	assert_int_equal(pn_traffic_write(t, now, &e), 0);
	assert_int_equal(e.error, 0);
	return out.data;
}

static void assert_has(struct pn_traffic *t, pn_nsec now, const char *line, bool wanted)
{
	char *text = text_of(t, now);

	if (!!strstr(text, line) != wanted)
		fail_msg("%s: %s\n%s", wanted ? "missing" : "there", line, text);
	free(text);
}

/* The n-th of many pairs. */
static void record_nth(struct pn_traffic *t, unsigned int n, pn_nsec now)
{
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;
	char name[32];

	(void)snprintf(name, sizeof(name), "web-%u", n);
	owner.workload_name = name;
	owner.id = 1000 + n;
	r.source.owner = &owner;
	pn_traffic_record(t, &r, now);
}

static void records_of_a_pair_are_added_up(void **state)
{
	struct pn_traffic *t = new_traffic(10, DEFAULT);
	struct pn_flow_record r = sample_record();

	(void)state;
	pn_traffic_record(t, &r, 1);
	pn_traffic_record(t, &r, 2);
	assert_has(t, 3,
		   "podonym_traffic_bytes_total{" WEB_TO_DB
		   ",direction=\"to_destination\"} 24000\n",
		   true);
	assert_has(t, 3, "bytes_total{" WEB_TO_DB ",direction=\"to_source\"} 6000\n", true);
	assert_has(t, 3, "packets_total{" WEB_TO_DB ",direction=\"to_destination\"} 36\n", true);
	assert_has(t, 3, "packets_total{" WEB_TO_DB ",direction=\"to_source\"} 28\n", true);
	assert_has(t, 3, "podonym_traffic_records_total{" WEB_TO_DB "} 2\n", true);
	assert_has(t, 3, "_other", false);
	pn_traffic_free(t);
}

static void sampled_connection_stands_for_others(void **state)
{
	struct pn_traffic *t = new_traffic(10, DEFAULT);
	struct pn_flow_record r = sample_record();

	(void)state;
	r.sampling = 10;
	pn_traffic_record(t, &r, 1);
	assert_has(t, 3, "packets_total{" WEB_TO_DB ",direction=\"to_destination\"} 180\n", true);
	assert_has(t, 3, "bytes_total{" WEB_TO_DB ",direction=\"to_source\"} 30000\n", true);
	assert_has(t, 3, "podonym_traffic_records_total{" WEB_TO_DB "} 1\n", true);
	pn_traffic_free(t);
}

static void drops_have_series_by_reason(void **state)
{
	struct pn_traffic *t = new_traffic(1, DEFAULT);
	struct pn_flow_record r = sample_record();

	(void)state;
	r.drop = (struct pn_record_drop) {
		.packets = 3,
		.bytes = 120,
		.reason = "NETFILTER_DROP",
		.location = "nft_do_chain",
		.kind = PN_DROP_NETFILTER,
	};
	pn_traffic_drop(t, &r, 1);
	pn_traffic_drop(t, &r, 2);
	assert_has(t, 3,
		   "podonym_drops_packets_total{" WEB_TO_DB
		   ",reason=\"NETFILTER_DROP\",kind=\"netfilter\"} 6\n",
		   true);
	assert_has(t, 3, "podonym_drops_bytes_total{" WEB_TO_DB ",reason=\"NETFILTER_DROP\"", true);
	assert_has(t, 3, "podonym_traffic_records_total{", false);
	r.drop.reason = "NO_SOCKET"; /* there is room for one */
	r.drop.kind = PN_DROP_NO_LISTENER;
	pn_traffic_drop(t, &r, 3);
	assert_has(t, 3, "packets_total{" OTHER ",reason=\"_other\",kind=\"_other\"} 3\n", true);
	assert_int_equal(pn_metric_get(PN_METRIC_DROPS_OTHER), 1);
	assert_has(t, 1 + IDLE + 1, "reason=\"NETFILTER_DROP\"", false);
	pn_traffic_free(t);
}

static void round_trip_times_fall_into_their_buckets(void **state)
{
	static const uint32_t us[] = { 1, 250, 251, 1000, 500000, 500001, 4000000 };
	struct pn_traffic *t = new_traffic(10, DEFAULT);
	struct pn_flow_record r = sample_record();

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(us); i++) {
		r.rtt_us = us[i];
		pn_traffic_record(t, &r, 1);
	}
	r.rtt_us = 0; /* not known: no observation */
	pn_traffic_record(t, &r, 1);
	assert_has(t, 1, "rtt_seconds_bucket{" WEB_TO_DB ",le=\"0.00025\"} 2\n", true);
	assert_has(t, 1, "rtt_seconds_bucket{" WEB_TO_DB ",le=\"0.0005\"} 3\n", true);
	assert_has(t, 1, "rtt_seconds_bucket{" WEB_TO_DB ",le=\"0.001\"} 4\n", true);
	assert_has(t, 1, "rtt_seconds_bucket{" WEB_TO_DB ",le=\"0.5\"} 5\n", true);
	assert_has(t, 1, "rtt_seconds_bucket{" WEB_TO_DB ",le=\"+Inf\"} 7\n", true);
	assert_has(t, 1, "rtt_seconds_sum{" WEB_TO_DB "} 5.001503\n", true);
	assert_has(t, 1, "rtt_seconds_count{" WEB_TO_DB "} 7\n", true);
	pn_traffic_free(t);
}

static void pair_without_tcp_has_no_histogram(void **state)
{
	struct pn_traffic *t = new_traffic(10, DEFAULT);
	struct pn_flow_record r = sample_record();

	(void)state;
	r.proto = IPPROTO_UDP;
	pn_traffic_record(t, &r, 1);
	assert_has(t, 1, "rtt_seconds_count", false);
	assert_has(t, 1, "records_total{" WEB_TO_DB "} 1\n", true);
	pn_traffic_free(t);
}

static void every_owner_has_a_kind_and_a_name(void **state)
{
	struct pn_traffic *t = new_traffic(10, PN_TRAFFIC_WORKLOAD);
	struct pn_flow_record r = sample_record();
	struct pn_owner bare = owner_web;

	(void)state;
	bare.workload_kind = bare.workload_name = "";
	r.source.owner = &bare;
	r.destination.owner = &owner_service;
	pn_traffic_record(t, &r, 1);
	r.source.owner = &owner_process;
	r.destination.owner = &owner_range;
	pn_traffic_record(t, &r, 1);
	r.source.owner = NULL;
	pn_traffic_record(t, &r, 1);
	assert_has(t, 1,
		   "records_total{source_kind=\"Pod\",source_workload=\"web-7d9\","
		   "destination_kind=\"Service\",destination_workload=\"db\"} 1\n",
		   true);
	assert_has(t, 1,
		   "records_total{source_kind=\"Process\",source_workload=\"sshd.service\","
		   "destination_kind=\"Range\",destination_workload=\"office\"} 1\n",
		   true);
	assert_has(t, 1,
		   "records_total{source_kind=\"\",source_workload=\"\","
		   "destination_kind=\"Range\",destination_workload=\"office\"} 1\n",
		   true);
	pn_traffic_free(t);
}

/* All at one time, as the records of one round are. */
static void pairs_are_told_apart_within_a_round(void **state)
{
	struct pn_traffic *t = new_traffic(10, PN_TRAFFIC_WORKLOAD | PN_TRAFFIC_PORT);
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;

	(void)state;
	r.source.owner = &owner;
	for (int i = 0; i < 3; i++)
		pn_traffic_record(t, &r, 7);
	r.destination.port = 80;
	pn_traffic_record(t, &r, 7);
	owner.id = 77; /* another one in the same memory */
	owner.workload_name = "late";
	pn_traffic_record(t, &r, 7);
	owner.workload_name = "later"; /* the same one has changed, and is told in another round */
	pn_traffic_record(t, &r, 8);
	assert_has(t, 8,
		   "\"web\",destination_kind=\"StatefulSet\",destination_workload=\"db\","
		   "destination_port=\"5432\",transport=\"tcp\"} 3\n",
		   true);
	assert_has(t, 8,
		   "\"web\",destination_kind=\"StatefulSet\",destination_workload=\"db\","
		   "destination_port=\"80\",transport=\"tcp\"} 1\n",
		   true);
	assert_has(t, 8, "source_workload=\"late\"", true);
	assert_has(t, 8, "source_workload=\"later\"", true);
	pn_traffic_free(t);
}

static void pods_and_ports_when_asked_for(void **state)
{
	struct pn_traffic *t = new_traffic(10, PN_TRAFFIC_POD | PN_TRAFFIC_PORT);
	struct pn_flow_record r = sample_record();

	(void)state;
	pn_traffic_record(t, &r, 1);
	r.destination.owner = &owner_service;
	r.proto = 132;
	pn_traffic_record(t, &r, 1);
	r.proto = 47;
	r.destination.port = 0;
	pn_traffic_record(t, &r, 1);
	assert_has(t, 1,
		   "records_total{source_pod=\"web-7d9\",destination_pod=\"db-0\","
		   "destination_port=\"5432\",transport=\"tcp\"} 1\n",
		   true);
	assert_has(t, 1, "destination_pod=\"\",destination_port=\"5432\",transport=\"sctp\"} 1\n",
		   true);
	assert_has(t, 1, "destination_pod=\"\",destination_port=\"\",transport=\"47\"} 1\n", true);
	pn_traffic_free(t);
}

static void what_finds_no_room_is_counted_as_other(void **state)
{
	struct pn_traffic *t = new_traffic(3, DEFAULT);
	uint64_t before = pn_metric_get(PN_METRIC_TRAFFIC_OTHER);

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		record_nth(t, i, 1);
	record_nth(t, 0, 2);
	assert_has(t, 2, "\"web-2\"", true);
	assert_has(t, 2, "\"web-3\"", false);
	assert_has(t, 2, "records_total{" OTHER "} 2\n", true);
	assert_has(t, 2, "rtt_seconds_count{" OTHER "} 2\n", true);
	assert_int_equal(pn_metric_get(PN_METRIC_TRAFFIC_OTHER), before + 2);
	assert_int_equal(pn_metric_get(PN_METRIC_TRAFFIC_SERIES), 3);
	pn_traffic_free(t);
}

static void names_too_long_are_counted_as_other(void **state)
{
	static char huge[PN_LABELS_LEN];
	struct pn_traffic *t = new_traffic(3, DEFAULT);
	struct pn_flow_record r = sample_record();
	struct pn_owner owner = owner_web;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	owner.workload_name = huge;
	r.source.owner = &owner;
	pn_traffic_record(t, &r, 1);
	assert_has(t, 1, "records_total{" OTHER "} 1\n", true);
	pn_traffic_free(t);
}

static void silent_pairs_end_and_make_room(void **state)
{
	struct pn_traffic *t = new_traffic(2, DEFAULT);
	uint64_t before = pn_metric_get(PN_METRIC_TRAFFIC_ENDED);

	(void)state;
	record_nth(t, 0, 100);
	record_nth(t, 1, 200);
	record_nth(t, 0, 300);
	assert_has(t, 200 + IDLE - 1, "\"web-1\"", true);
	assert_has(t, 200 + IDLE, "\"web-1\"", false);
	assert_has(t, 200 + IDLE, "\"web-0\"", true);
	record_nth(t, 2, 200 + IDLE);
	/* full, but one of them has been silent: nobody has to ask first */
	record_nth(t, 3, 300 + IDLE);
	assert_has(t, 300 + IDLE, "\"web-3\"", true);
	assert_has(t, 300 + IDLE, "_other", false);
	assert_int_equal(pn_metric_get(PN_METRIC_TRAFFIC_ENDED), before + 2);
	/* one that comes back begins anew */
	record_nth(t, 0, 5000);
	assert_has(t, 5000,
		   "source_workload=\"web-0\",destination_namespace=\"shop\",destination_kind="
		   "\"StatefulSet\",destination_workload=\"db\"} 1\n",
		   true);
	pn_traffic_free(t);
}

static void room_for_none_leaves_other(void **state)
{
	struct pn_traffic *t = new_traffic(0, DEFAULT);

	(void)state;
	record_nth(t, 0, 1);
	assert_has(t, 1, "records_total{" OTHER "} 1\n", true);
	pn_traffic_free(t);
}

/* Against a plain model: many pairs come and go, each count is right at each look. */
static void counts_agree_with_a_model(void **state)
{
	enum { PAIRS = 200, ROUNDS = 20000, MAX = 64 };
	struct pn_traffic *t = new_traffic(MAX, DEFAULT);
	pn_nsec last[PAIRS] = { 0 };
	unsigned int count[PAIRS] = { 0 }, n, n_alive, seed = 7;
	char *text;

	(void)state;
	for (pn_nsec now = 10000; now < 10000 + ROUNDS; now++) {
		n = (unsigned int)rand_r(&seed) % (now / 1000 % 2 ? MAX : PAIRS);
		for (unsigned int i = n_alive = 0; i < PAIRS; i++) {
			if (count[i] && now >= last[i] + IDLE)
				count[i] = 0;
			n_alive += count[i] > 0;
		}
		record_nth(t, n, now);
		if (count[n] || n_alive < MAX) {
			count[n]++;
			last[n] = now;
		}
		if (now % 997)
			continue;
		text = text_of(t, now);
		for (unsigned int i = 0; i < PAIRS; i++) {
			char wanted[512];

			(void)snprintf(wanted, sizeof(wanted),
				       "records_total{source_namespace=\"shop\",source_kind="
				       "\"Deployment\",source_workload=\"web-%u\",destination_"
				       "namespace=\"shop\",destination_kind=\"StatefulSet\","
				       "destination_workload=\"db\"} %u\n",
				       i, count[i]);
			assert_int_equal(!!strstr(text, wanted), count[i] > 0);
		}
		free(text);
	}
	pn_traffic_free(t);
}

struct writer {
	struct pn_traffic *t;
	atomic_bool is_over;
};

static void *write_again_and_again(void *data)
{
	struct writer *w = data;

	for (int i = 0; i < 200; i++)
		free(text_of(w->t, 1));
	w->is_over = true;
	return NULL;
}

static void one_thread_counts_while_another_writes(void **state)
{
	struct writer w = { .t = new_traffic(50, DEFAULT) };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_again_and_again, &w), 0);
	for (unsigned int i = 0; i < 20000 || !w.is_over; i++)
		record_nth(w.t, i % 70, i);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pn_traffic_free(w.t);
}

static void labels_are_names_with_commas(void **state)
{
	unsigned int labels = 99;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(pn_traffic_parse_labels("namespace,workload", &labels, NULL), 0);
	assert_int_equal(labels, DEFAULT);
	assert_int_equal(pn_traffic_parse_labels("port,pod,port", &labels, NULL), 0);
	assert_int_equal(labels, PN_TRAFFIC_POD | PN_TRAFFIC_PORT);
	assert_int_equal(pn_traffic_parse_labels("", &labels, &err), -EINVAL);
	assert_int_equal(pn_traffic_parse_labels("pod,", &labels, &err), -EINVAL);
	assert_int_equal(pn_traffic_parse_labels("pods", &labels, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"pods\" is no label"));
	assert_int_equal(labels, PN_TRAFFIC_POD | PN_TRAFFIC_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_a_pair_are_added_up),
		cmocka_unit_test(sampled_connection_stands_for_others),
		cmocka_unit_test(drops_have_series_by_reason),
		cmocka_unit_test(round_trip_times_fall_into_their_buckets),
		cmocka_unit_test(pair_without_tcp_has_no_histogram),
		cmocka_unit_test(every_owner_has_a_kind_and_a_name),
		cmocka_unit_test(pairs_are_told_apart_within_a_round),
		cmocka_unit_test(pods_and_ports_when_asked_for),
		cmocka_unit_test(what_finds_no_room_is_counted_as_other),
		cmocka_unit_test(names_too_long_are_counted_as_other),
		cmocka_unit_test(silent_pairs_end_and_make_room),
		cmocka_unit_test(room_for_none_leaves_other),
		cmocka_unit_test(counts_agree_with_a_model),
		cmocka_unit_test(one_thread_counts_while_another_writes),
		cmocka_unit_test(labels_are_names_with_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
