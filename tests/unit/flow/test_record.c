/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from the fields of a record: how far a TCP connection has come; whether the kernel did
 * what policies say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "flow/record.h"

static void flags_tell_the_state(void **state)
{
	static const struct {
		unsigned int opener, answerer;
		enum pn_tcp_state want;
	} cases[] = {
		{ TH_SYN, 0, PN_TCP_OPENING },
		{ TH_SYN, TH_SYN | TH_ACK, PN_TCP_OPENING },
		{ TH_SYN, TH_RST | TH_ACK, PN_TCP_REFUSED },
		{ TH_SYN | TH_ACK, TH_SYN | TH_ACK, PN_TCP_ESTABLISHED },
		{ TH_ACK | TH_PUSH, TH_ACK, PN_TCP_ESTABLISHED },
		{ TH_ACK, 0, PN_TCP_ESTABLISHED },
		{ TH_SYN | TH_ACK | TH_FIN, TH_SYN | TH_ACK, PN_TCP_CLOSING },
		{ TH_SYN | TH_ACK, TH_SYN | TH_ACK | TH_FIN, PN_TCP_CLOSING },
		{ TH_SYN | TH_ACK | TH_FIN, TH_SYN | TH_ACK | TH_FIN, PN_TCP_CLOSED },
		{ TH_SYN | TH_ACK | TH_RST, TH_SYN | TH_ACK, PN_TCP_RESET },
		{ TH_SYN | TH_ACK, TH_SYN | TH_ACK | TH_RST, PN_TCP_RESET },
		{ TH_SYN | TH_RST, 0, PN_TCP_RESET },
		{ TH_ACK, TH_RST, PN_TCP_RESET },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++)
		assert_string_equal(
			pn_tcp_state_name(pn_tcp_state_of(cases[i].opener, cases[i].answerer)),
			pn_tcp_state_name(cases[i].want));
}

/* An opening, and what an agent has seen of it. */
struct fared {
	uint8_t proto;
	enum pn_expected expected;
	unsigned int flags, answer_flags;
	uint64_t packets, answers, delivered, dropped;
	enum pn_drop_kind kind;
	bool disagrees;
};

static struct pn_flow_record record_of(const struct fared *f)
{
	return (struct pn_flow_record) {
		.proto = f->proto,
		.source = { .packets = f->packets,
			    .delivered = f->delivered,
			    .tcp_flags = (uint16_t)f->flags },
		.destination = { .packets = f->answers, .tcp_flags = (uint16_t)f->answer_flags },
		.drop = { .packets = f->dropped, .kind = f->kind },
		.policy = { .expected = f->expected },
	};
}

static void the_kernel_disagrees_with_policies(void **state)
{
#define ALLOWED PN_EXPECTED_ALLOWED
#define DENIED PN_EXPECTED_DENIED
	static const struct fared cases[] = {
		/* what should not have gone through */
		{ IPPROTO_TCP, DENIED, TH_SYN | TH_ACK, TH_SYN | TH_ACK, 3, 2, 0, 0, 0, true },
		{ IPPROTO_TCP, DENIED, TH_SYN, 0, 3, 0, 0, 0, 0, false },
		{ IPPROTO_TCP, DENIED, TH_SYN, 0, 3, 0, 0, 3, PN_DROP_NETFILTER, false },
		{ IPPROTO_TCP, DENIED, TH_SYN, TH_RST | TH_ACK, 1, 1, 0, 0, 0, false },
		{ IPPROTO_TCP, DENIED, TH_SYN, TH_RST | TH_ACK, 1, 1, 1, 0, 0, true },
		{ IPPROTO_TCP, DENIED, TH_SYN, 0, 3, 0, 3, 3, PN_DROP_TC_EGRESS, false },
		{ IPPROTO_TCP, DENIED, TH_ACK, TH_ACK, 3, 2, 0, 0, 0, true },
		{ IPPROTO_UDP, DENIED, 0, 0, 3, 0, 0, 0, 0, false },
		{ IPPROTO_UDP, DENIED, 0, 0, 3, 1, 0, 0, 0, true },
		{ IPPROTO_UDP, DENIED, 0, 0, 3, 0, 3, 0, 0, true },
		/* what should have */
		{ IPPROTO_TCP, ALLOWED, TH_SYN | TH_ACK, TH_SYN | TH_ACK, 3, 2, 3, 0, 0, false },
		{ IPPROTO_TCP, ALLOWED, TH_SYN, 0, 3, 0, 0, 3, PN_DROP_NETFILTER, true },
		{ IPPROTO_TCP, ALLOWED, TH_SYN, 0, 3, 0, 0, 3, PN_DROP_TC_INGRESS, true },
		{ IPPROTO_TCP, ALLOWED, TH_SYN, 0, 1, 0, 0, 1, PN_DROP_NO_LISTENER, false },
		{ IPPROTO_TCP, ALLOWED, TH_SYN | TH_ACK, TH_SYN | TH_ACK, 9, 9, 8, 1,
		  PN_DROP_NETFILTER, false },
		{ IPPROTO_TCP, ALLOWED, TH_SYN, 0, 3, 0, 0, 0, 0, false },
		{ IPPROTO_UDP, ALLOWED, 0, 0, 3, 0, 0, 3, PN_DROP_NFQUEUE, true },
		{ IPPROTO_UDP, ALLOWED, 0, 0, 3, 0, 0, 3, PN_DROP_QUEUE, false },
		{ IPPROTO_UDP, PN_EXPECTED_UNKNOWN, 0, 0, 3, 0, 0, 3, PN_DROP_NFQUEUE, false },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		struct pn_flow_record r = record_of(&cases[i]);

		if (pn_record_disagrees(&r) != cases[i].disagrees)
			fail_msg("case %zu", i);
		r.policy.is_late = true;
		assert_false(pn_record_disagrees(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_tell_the_state),
		cmocka_unit_test(the_kernel_disagrees_with_policies),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
