/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records say of a flow, and whether that agrees with policies: the table of signals. Lines are
 * written with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/policy/policy_explain.h"
#include "cmd/policy/seen.h"

/* Into @f, which borrows from @line. */
static void read_text(const char *text, char *line, size_t size, struct pn_recorded_flow *f)
{
	const char *wrong;

	(void)snprintf(line, size, "%s", text);
	for (char *c = line; *c; c++)
		if (*c == '\'')
			*c = '"';
	wrong = pn_record_line_read(line, strlen(line), f);
	if (wrong)
		fail_msg("%s: %s", text, wrong);
}

static void take(struct pn_seen *s, const char *text)
{
	struct pn_recorded_flow f;
	char line[1024];

	read_text(text, line, sizeof(line), &f);
	pn_seen_take(s, &f);
}

static void take_drop(struct pn_seen *s, const char *text)
{
	struct pn_recorded_flow f;
	char line[1024];

	read_text(text, line, sizeof(line), &f);
	pn_seen_take_drop(s, &f);
}

/* A record of the connection @id, which began at @start. @more: members of podonym, behind a comma */
#define RECORD(id, start, transport, sent, back, delivered, more)                                  \
	"{'event':{'start':'" start "','end':'" start "+'},'source':{'address':'10.0.0.1',"        \
	"'port':4000,'packets':" #sent ",'k8s':{'node':{'name':'n1'}}},'destination':{'address':"  \
	"'10.0.0.2','port':80,'packets':" #back ",'k8s':{'node':{'name':'" NODE "'}}},'network':{" \
	"'transport':'" transport "'},'podonym':{'flow_id':'" id                                   \
	"','delivered':{'source':" #delivered ",'destination':0}" more "}}"
#define NODE "n2"
#define TCP(state, from, to) \
	",'tcp':{'state':'" state "','flags':{'source':'" from "','destination':'" to "'}}"
#define DROP(reason, location, kind, count)                                      \
	",'drop':{'reason':'" reason "','location':'" location "','kind':'" kind \
	"','count':" #count "}"
#define SYN TCP("opening", "SYN", "")

static void each_signal_proves_what_it_proves(void **state)
{
	static const struct {
		const char *record;
		enum pn_seen_what what;
		enum pn_agreement denied, allowed;
	} cases[] = {
		{ RECORD("1", "1", "tcp", 3, 0, 0,
			 SYN DROP("NETFILTER_DROP", "nft_do_chain", "netfilter", 3)),
		  PN_SEEN_DROPPED, PN_AGREES, PN_DISAGREES },
		{ RECORD("1", "1", "tcp", 3, 0, 0,
			 SYN DROP("NOT_SPECIFIED", "nfqnl_reinject", "nfqueue", 3)),
		  PN_SEEN_DROPPED, PN_AGREES, PN_DISAGREES },
		{ RECORD("1", "1", "tcp", 3, 0, 3,
			 SYN DROP("TC_EGRESS", "__dev_queue_xmit", "tc_egress", 3)),
		  PN_SEEN_DROPPED, PN_AGREES, PN_DISAGREES },
		{ RECORD("1", "1", "tcp", 1, 1, 0,
			 TCP("refused", "SYN", "ACK|RST")
				 DROP("NETFILTER_DROP", "nft_do_chain", "rejected", 1)),
		  PN_SEEN_REJECTED, PN_AGREES, PN_DISAGREES },
		{ RECORD("1", "1", "tcp", 1, 1, 1,
			 TCP("refused", "SYN", "ACK|RST")
				 DROP("NO_SOCKET", "tcp_v4_rcv", "no_listener", 1)),
		  PN_SEEN_NO_LISTENER, PN_DISAGREES, PN_AGREES },
		{ RECORD("1", "1", "tcp", 1, 1, 1, TCP("refused", "SYN", "ACK|RST")),
		  PN_SEEN_NO_LISTENER, PN_DISAGREES, PN_AGREES },
		{ RECORD("1", "1", "tcp", 1, 1, 0, TCP("refused", "SYN", "ACK|RST")), PN_SEEN_RESET,
		  PN_UNDECIDED, PN_UNDECIDED },
		{ RECORD("1", "1", "tcp", 3, 0, 0, SYN), PN_SEEN_UNANSWERED, PN_AGREES,
		  PN_UNDECIDED },
		{ RECORD("1", "1", "tcp", 3, 0, 3, SYN), PN_SEEN_DELIVERED, PN_DISAGREES,
		  PN_AGREES },
		{ RECORD("1", "1", "tcp", 3, 2, 0, TCP("closed", "SYN|ACK", "SYN|ACK")),
		  PN_SEEN_THROUGH, PN_DISAGREES, PN_AGREES },
		{ RECORD("1", "1", "udp", 3, 2, 0, ""), PN_SEEN_THROUGH, PN_DISAGREES, PN_AGREES },
		{ RECORD("1", "1", "udp", 3, 0, 0, ""), PN_SEEN_UNANSWERED, PN_AGREES,
		  PN_UNDECIDED },
		{ RECORD("1", "1", "udp", 3, 0, 0, DROP("QUEUE_PURGE", "x", "queue", 3)),
		  PN_SEEN_LOST, PN_UNDECIDED, PN_AGREES },
#undef NODE
#define NODE "n1"
		{ RECORD("1", "1", "tcp", 3, 0, 0, SYN), PN_SEEN_UNDELIVERED, PN_AGREES,
		  PN_UNDECIDED },
		{ RECORD("1", "1", "tcp", 0, 0, 0, SYN), PN_SEEN_NOTHING, PN_UNDECIDED,
		  PN_UNDECIDED },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_seen s = { 0 };
		const char *words;

		take(&s, cases[i].record);
		assert_string_equal(pn_seen_name(pn_seen_what(&s)), pn_seen_name(cases[i].what));
		assert_int_equal(pn_seen_agreement(&s, false, &words), cases[i].denied);
		assert_int_equal(pn_seen_agreement(&s, true, &words), cases[i].allowed);
	}
}

static void a_change_of_policies_proves_nothing(void **state)
{
	struct pn_seen s = { 0 };
	const char *words;

	(void)state;
	take(&s, RECORD("1", "1", "udp", 3, 2, 0, ",'policy':{'expected':'denied','late':true}"));
	assert_int_equal(pn_seen_agreement(&s, false, &words), PN_UNDECIDED);
	assert_string_equal(words, "policies changed when the connection began");
	assert_int_equal(pn_seen_agreement(&s, true, &words), PN_AGREES);
}

static void the_newest_connection_counts_with_all_its_records(void **state)
{
	struct pn_seen s = { 0 };
	char words[512];

	(void)state;
	take(&s, RECORD("1", "2026-01", "udp", 1, 1, 0, ""));
	assert_false(s.others);
	take(&s, RECORD("2", "2026-03", "udp", 2, 0, 0, DROP("R", "f", "netfilter", 2)));
	take(&s, RECORD("3", "2026-02", "udp", 9, 9, 0, ""));
	take(&s, RECORD("2", "2026-03", "udp", 3, 0, 0, DROP("R", "f", "netfilter", 3)));
	assert_string_equal(s.id, "2");
	assert_int_equal(s.packets, 5);
	pn_seen_words(&s, words, sizeof(words));
	assert_string_equal(words,
			    "5 packets, no answer; 5x dropped by netfilter (policy-like): R in f; "
			    "2026-03 to 2026-03+; the newest of several connections");
	s = (struct pn_seen) { 0 };
	pn_seen_words(&s, words, sizeof(words));
	assert_string_equal(words, "nothing");
}

static void drops_count_for_their_own_ports(void **state)
{
	struct pn_seen s = { 0 };

	(void)state;
	take(&s, RECORD("1", "1", "udp", 3, 0, 0, ""));
	take_drop(&s, RECORD("", "1", "udp", 0, 0, 0, DROP("A", "f", "netfilter", 1)));
	take_drop(&s, RECORD("", "1", "udp", 0, 0, 0, DROP("B", "f", "netfilter", 2)));
	take_drop(&s, RECORD("", "1", "udp", 0, 0, 0, DROP("A", "f", "netfilter", 4)));
	take_drop(&s, RECORD("", "1", "tcp", 0, 0, 0, DROP("A", "f", "netfilter", 8)));
	take_drop(
		&s,
		"{'source':{'address':'10.0.0.1','port':4001},'destination':{'address':'10.0.0.2',"
		"'port':80},'network':{'transport':'udp'},'podonym':{'drop':{'reason':'A',"
		"'location':'f','kind':'netfilter','count':16}}}");
	assert_int_equal(s.n_drops, 2);
	assert_int_equal(s.drops[0].count, 5);
	assert_int_equal(s.drops[1].count, 2);
	for (int i = 0; i < 2 * PN_SEEN_DROPS; i++) { /* more sorts than there is room for */
		char text[1024];

		(void)snprintf(
			text, sizeof(text),
			"{'source':{'address':'10.0.0.1','port':4000},'destination':{'address':"
			"'10.0.0.2','port':80},'network':{'transport':'udp'},'podonym':{'drop':{"
			"'reason':'X%d','location':'f','kind':'netfilter','count':1}}}",
			i);
		take_drop(&s, text);
	}
	assert_int_equal(s.n_drops, PN_SEEN_DROPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signal_proves_what_it_proves),
		cmocka_unit_test(a_change_of_policies_proves_nothing),
		cmocka_unit_test(the_newest_connection_counts_with_all_its_records),
		cmocka_unit_test(drops_count_for_their_own_ports),
	};

	return cmocka_run_group_tests_name("seen", tests, NULL, NULL);
}
