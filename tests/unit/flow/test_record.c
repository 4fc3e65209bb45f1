/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a TCP connection has come, by the flags that its ends have shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_tell_the_state),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
