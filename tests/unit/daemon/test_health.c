/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /healthz and /readyz say, for each thing that can be missing; and what the kernel says of this
 * process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/health.h"
#include "daemon/process.h"

static const struct pn_health well = {
	.drain_age = 5 * PN_NSEC_PER_SEC,
	.drain_limit = 25 * PN_NSEC_PER_SEC,
	.server_error = "",
	.unsynced = "",
	.maps_written = true,
	.n_links = 3,
	.n_traced = 3,
};

static void assert_says(const struct pn_health *h, bool live, bool ready, const char *words)
{
	struct pn_buf b = PN_BUF_INIT(4096);

	assert_int_equal(pn_health_live(h, &b), live);
	assert_string_equal(live ? b.data : "ok\n", "ok\n");
	pn_buf_reset(&b);
	assert_int_equal(pn_health_ready(h, &b), ready);
	if (!strstr(b.data, words))
		fail_msg("\"%s\" has no \"%s\"", b.data, words);
	pn_buf_done(&b);
}

static void agent_that_is_well_is_ok(void **state)
{
	struct pn_health h = well;

	(void)state;
	assert_says(&h, true, true, "ok\n");
	h.n_links = h.n_traced = 0; /* a node without pods */
	assert_says(&h, true, true, "ok\n");
	h.n_links = 3;
	h.n_traced = 2; /* is said by metrics and the log */
	assert_says(&h, true, true, "ok\n");
	h.drain_age = h.drain_limit;
	assert_says(&h, true, true, "ok\n");
}

static void flow_thread_that_stands_is_neither_live_nor_ready(void **state)
{
	struct pn_health h = well;

	(void)state;
	h.drain_age = h.drain_limit + 1;
	assert_says(&h, false, false, "flow thread: has not begun to read the flow table for 25 s");
}

static void each_thing_that_is_missing_is_named(void **state)
{
	struct pn_health h = well;

	(void)state;
	h.server_error = "no kubeconfig";
	assert_says(&h, true, false, "API server: no kubeconfig\n");
	h.unsynced = "pods, nodes";
	assert_says(&h, true, false, "\ninformers: not listed yet: pods, nodes\n");
	h.maps_written = false;
	assert_says(&h, true, false, "\nmaps: ");
	h.n_traced = 0;
	assert_says(&h, true, false, "\ntracing: attached to none of 3 interfaces\n");
}

static void process_is_read_from_the_kernel(void **state)
{
	struct pn_process before, after;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	pn_process_read(&before);
	(void)close(fd);
	pn_process_read(&after);
	assert_int_equal(before.n_fds, after.n_fds + 1);
	assert_true(after.n_fds >= 3 && after.max_fds > after.n_fds);
	assert_true(after.rss_bytes > 100000 && after.virtual_bytes >= after.rss_bytes);
	assert_true(after.n_threads >= 1);
	assert_true(after.cpu_s >= before.cpu_s && after.cpu_s < 1000);
	/* Within a day: the clock may have been set since the boot. */
	assert_true(after.started_s > (double)time(NULL) - 86400 &&
		    after.started_s < (double)time(NULL) + 86400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agent_that_is_well_is_ok),
		cmocka_unit_test(flow_thread_that_stands_is_neither_live_nor_ready),
		cmocka_unit_test(each_thing_that_is_missing_is_named),
		cmocka_unit_test(process_is_read_from_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
