/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Prometheus reads, byte by byte, and which form a request's Accept header asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/metric.h"
#include "export/exposition.h"

static void write_some(struct pn_exposition *e)
{
	struct pn_labels l;

	pn_expo_family(e, PN_EXPO_COUNTER, "a_things_total", "things done");
	pn_expo_value(e, "", 18446744073709551615u);
	pn_expo_family(e, PN_EXPO_GAUGE, "b_seconds", "time left");
	pn_expo_real(e, pn_label(&l, "kind", "pods"), 0.25);
	pn_expo_real(e, pn_label(&l, "kind", "nodes"), INFINITY);
	pn_expo_family(e, PN_EXPO_HISTOGRAM, "c_seconds", "times");
	pn_expo_part(e, "_bucket", "x=\"y\"", "le=\"+Inf\"", 7);
	pn_expo_part_real(e, "_sum", "x=\"y\"", "", 1.5);
	pn_expo_part(e, "_count", "", "", 7);
	pn_expo_family(e, PN_EXPO_INFO, "d_info", "what it is");
	pn_expo_value(e, "", 1);
	pn_expo_end(e);
}

static void assert_written(enum pn_expo_form form, const char *wanted)
{
	struct pn_buf out = PN_BUF_INIT(1 << 16);
	struct pn_exposition e = { .form = form, .out = &out };

	write_some(&e);
	assert_int_equal(e.error, 0);
	assert_string_equal(out.data, wanted);
	pn_buf_done(&out);
}

#define SAMPLES_A "a_things_total 18446744073709551615\n"
#define REST                                                              \
	"# HELP b_seconds time left\n# TYPE b_seconds gauge\n"            \
	"b_seconds{kind=\"pods\"} 0.25\nb_seconds{kind=\"nodes\"} +Inf\n" \
	"# HELP c_seconds times\n# TYPE c_seconds histogram\n"            \
	"c_seconds_bucket{x=\"y\",le=\"+Inf\"} 7\nc_seconds_sum{x=\"y\"} 1.5\nc_seconds_count 7\n"

static void text_form(void **state)
{
	(void)state;
	assert_written(
		PN_EXPO_TEXT,
		"# HELP a_things_total things done\n# TYPE a_things_total counter\n" SAMPLES_A REST
		"# HELP d_info what it is\n# TYPE d_info gauge\nd_info 1\n");
}

static void openmetrics_form(void **state)
{
	(void)state;
	assert_written(PN_EXPO_OPENMETRICS,
		       "# HELP a_things things done\n# TYPE a_things counter\n" SAMPLES_A REST
		       "# HELP d what it is\n# TYPE d info\nd_info 1\n# EOF\n");
}

static void no_room_is_an_error(void **state)
{
	struct pn_buf out = PN_BUF_INIT(64);
	struct pn_exposition e = { .out = &out };

	(void)state;
	write_some(&e);
	assert_int_equal(e.error, -EMSGSIZE);
	pn_buf_done(&out);
}

static void assert_label(const char *value, const char *wanted)
{
	struct pn_labels l;

	assert_string_equal(pn_label(&l, "v", value), wanted);
}

static void label_values_are_escaped(void **state)
{
	(void)state;
	assert_label("", "v=\"\"");
	assert_label("a b=c,{d}", "v=\"a b=c,{d}\"");
	assert_label("say \"hi\"\\\n", "v=\"say \\\"hi\\\"\\\\\\n\"");
	assert_label("\t\x01", "v=\"\t\x01\"");
	assert_label("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f",
		     "v=\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f\"");
	assert_label("a\xff"
		     "b\xc3",
		     "v=\"a\xef\xbf\xbd"
		     "b\xef\xbf\xbd\"");
	assert_label("\xed\xa0\x80", "v=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void labels_that_do_not_fit_are_left_out_whole(void **state)
{
	static char huge[PN_LABELS_LEN + 1];
	struct pn_labels l;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	pn_labels_begin(&l);
	pn_labels_put(&l, "a", "1");
	pn_labels_put(&l, "b", huge);
	pn_labels_put(&l, "c", "3");
	assert_string_equal(pn_labels_end(&l), "a=\"1\"");
	assert_true(l.text.full);
	/* the longest that fits: v="..." and the NUL */
	huge[PN_LABELS_LEN - sizeof("v=\"\"")] = '\0';
	assert_int_equal(strlen(pn_label(&l, "v", huge)), PN_LABELS_LEN - 1);
	assert_false(l.text.full);
}

static void accept_chooses_the_form(void **state)
{
	static const struct {
		const char *accept;
		enum pn_expo_form form;
	} cases[] = {
		{ "", PN_EXPO_TEXT },
		{ "*/*", PN_EXPO_TEXT },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", PN_EXPO_TEXT },
		{ "application/openmetrics-text", PN_EXPO_OPENMETRICS },
		{ "Application/OpenMetrics-Text; version=1.0.0", PN_EXPO_OPENMETRICS },
		/* Prometheus 2.42 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  PN_EXPO_OPENMETRICS },
		{ "text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.8",
		  PN_EXPO_TEXT },
		{ "text/plain;q=0.9 , application/openmetrics-text ; q=0.95", PN_EXPO_OPENMETRICS },
		{ "application/openmetrics-text;q=0", PN_EXPO_TEXT },
		{ "application/openmetrics-text;q=0.000,text/plain;q=0", PN_EXPO_TEXT },
		{ "application/openmetrics-text;q=nonsense", PN_EXPO_TEXT },
		{ "application/openmetrics-textual", PN_EXPO_TEXT },
		{ ",,;q=1,;;,", PN_EXPO_TEXT },
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(cases); i++) {
		if (pn_exposition_choose(cases[i].accept) != cases[i].form)
			fail_msg("\"%s\"", cases[i].accept);
	}
}

static void helps_of_the_cells_need_no_escape(void **state)
{
	(void)state;
	for (enum pn_metric m = 0; m < PN_METRIC_MAX; m++) {
		assert_int_equal(strncmp(pn_metric_name(m), "pn_", 3), 0);
		assert_null(strpbrk(pn_metric_help(m), "\"\\\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_form),
		cmocka_unit_test(openmetrics_form),
		cmocka_unit_test(no_room_is_an_error),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(labels_that_do_not_fit_are_left_out_whole),
		cmocka_unit_test(accept_chooses_the_form),
		cmocka_unit_test(helps_of_the_cells_need_no_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
