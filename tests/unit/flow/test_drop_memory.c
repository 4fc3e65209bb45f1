/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops where memory is short, at every point: what could not be kept is looked at again, and in the
 * end each packet is told once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "flow/drop_log.h"
#include "tests/unit/index/fixture.h"
#include "tests/unit/kube/failing_malloc.h"

enum { N_ENTRIES = 40, N_PACKETS = 3 };

static void count(void *data, const struct pn_flow_record *r)
{
	uint64_t *told = data;

	*told += r->drop.packets;
}

static int take_nothing_out(void *data, const struct pn_drop_key *key, struct pn_drop_value *ret)
{
	(void)data;
	(void)key;
	(void)ret;
	return -ENOENT;
}

static bool find_nothing(void *data, const struct pn_flow_key *key, struct pn_flow_value *ret)
{
	(void)data;
	(void)key;
	(void)ret;
	return false;
}

static const struct pn_drop_log_ops ops = {
	.record = count,
	.remove = take_nothing_out,
	.find = find_nothing,
};

static int look(struct pn_drop_log *l, unsigned int i)
{
	const struct pn_drop_value value = {
		.packets = N_PACKETS, .bytes = 300, .first_ns = 1, .last_ns = 1
	};
	struct pn_drop_key key = { .proto = IPPROTO_UDP, .reason = i % 2 };

	key.port[0] = (uint16_t)(i / 2);
	return pn_drop_log_entry(l, &key, &value, "NETFILTER_DROP", "nft_do_chain");
}

/* Return: as the log's functions; what failed is done once more */
static int go_through(const struct world *w, uint64_t *ret_told)
{
	const struct pn_drop_log_config config = {
		.clock = &w->clock,
		.index = w->idx,
		.pause = PN_NSEC_PER_SEC,
		.idle = PN_NSEC_PER_SEC,
		.hold = PN_NSEC_PER_SEC,
		.max = 2 * N_ENTRIES,
	};
	struct pn_drop_log *l = NULL;
	int r = pn_drop_log_new(&config, &ops, ret_told, &l);

	for (unsigned int i = 0; r == 0 && i < N_ENTRIES; i++) {
		r = look(l, i);
		if (r == -ENOMEM && has_failed)
			r = look(l, i);
	}
	if (r == 0)
		(void)pn_drop_log_tell(l, true);
	pn_drop_log_free(l);
	return r;
}

static void each_packet_is_told_once(void **state)
{
	const struct world *w = *state;
	unsigned long n = 0;

	need_malloc();
	do {
		uint64_t told = 0;
		int r;

		has_failed = false;
		n_until_failure = ++n;
		r = go_through(w, &told);
		n_until_failure = 0;
		if (n == 1) /* there is no log */
			assert_int_equal(r, -ENOMEM);
		else
			assert_int_equal(told, N_ENTRIES * N_PACKETS);
	} while (has_failed);
	assert_true(n > N_ENTRIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_packet_is_told_once, world_setup,
						world_teardown),
	};

	return cmocka_run_group_tests_name("drop_memory", tests, NULL, NULL);
}
