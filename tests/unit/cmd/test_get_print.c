/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of `podonym get`, from the bytes of an answer to what is printed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "cmd/get/get_body.h"
#include "cmd/get/get_columns.h"
#include "cmd/get/object_print.h"

static const struct pn_api_resource widget = {
	.group = "example.com",
	.version = "v1",
	.plural = "widgets",
	.singular = "widget",
	.kind = "Widget",
	.is_namespaced = true,
};

static const struct pn_api_resource pod = {
	.group = "", .version = "v1", .plural = "pods", .kind = "Pod"
};

/* A printer and what it has printed. */
struct page {
	struct pn_printer *printer;
	FILE *out;
	char *text;
	size_t len;
	struct pn_err err;
};

static int on_columns(void *data, const json_t *columns)
{
	return pn_printer_columns(((struct page *)data)->printer, columns);
}

static int on_row(void *data, const char *change, const json_t *row)
{
	return pn_printer_row(((struct page *)data)->printer, change, row);
}

static int on_object(void *data, const char *change, json_t *object)
{
	return pn_printer_object(((struct page *)data)->printer, change, object);
}

static const struct pn_body_ops ops = { on_columns, on_row, on_object };

static void begin(struct page *p, struct pn_printer_options options, bool with_namespace)
{
	*p = (struct page) { 0 };
	p->out = open_memstream(&p->text, &p->len);
	p->printer = pn_printer_new(&options, p->out);
	assert_non_null(p->printer);
	assert_int_equal(pn_printer_kind(p->printer, &widget, with_namespace), 0);
}

/* An answer with @text, in pieces of @piece bytes. */
static int feed(struct page *p, enum pn_body_form form, const char *text, size_t piece)
{
	struct pn_body body;
	int r = 0;

	pn_body_init(&body, form, &ops, p);
	for (size_t at = 0; at < strlen(text) && r == 0; at += piece)
		r = pn_body_feed(&body, text + at, PN_MIN(piece, strlen(text + at)), &p->err);
	if (r == 0)
		r = pn_body_end(&body, &p->err);
	pn_body_done(&body);
	return r;
}

static void assert_printed(struct page *p, const char *text)
{
	assert_int_equal(pn_printer_end(p->printer), 0);
	assert_string_equal(p->text, text);
}

static void end(struct page *p)
{
	pn_printer_free(p->printer);
	(void)fclose(p->out);
	free(p->text);
}

#define TABLE_HEAD                                                                             \
	"{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"1\"},\"columnDefinitions\":[" \
	"{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\",\"priority\":0},"          \
	"{\"name\":\"Size\",\"type\":\"integer\",\"priority\":0},"                             \
	"{\"name\":\"Note\",\"type\":\"string\",\"priority\":1}],\"rows\":["

#define ROW(name, size, note)                                                                  \
	"{\"cells\":[\"" name "\"," size "," note "],\"object\":{\"metadata\":{\"namespace\":" \
	"\"shop\",\"labels\":{\"b\":\"2\",\"a\":\"1\"}}}}"

static const char table[] =
	TABLE_HEAD ROW("gear", "7", "\"x\"") "," ROW("long-name", "null", "null") "]}";

static void a_table_shows_what_the_server_thinks_matters(void **state)
{
	struct page p;

	(void)state;
	for (size_t piece = 1; piece < sizeof(table); piece += 7) {
		begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_TABLE }, false);
		assert_int_equal(feed(&p, PN_BODY_LIST, table, piece), 0);
		assert_printed(&p, "NAME        SIZE\ngear        7\nlong-name\n");
		end(&p);
	}
}

static void wide_tables_have_all_columns_and_those_asked_for(void **state)
{
	struct pn_printer_options options = {
		.output = PN_OUTPUT_WIDE,
		.with_kind = true,
		.with_event = true,
		.with_labels = true,
	};
	struct page p;

	(void)state;
	begin(&p, options, true);
	assert_int_equal(feed(&p, PN_BODY_LIST, table, 1000), 0);
	assert_printed(
		&p, "EVENT   NAMESPACE   NAME                           SIZE   NOTE   LABELS\n"
		    "ADDED   shop        widget.example.com/gear        7      x      a=1,b=2\n"
		    "ADDED   shop        widget.example.com/long-name                 a=1,b=2\n");
	end(&p);
}

static void headings_stand_once_and_widths_stay(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_TABLE }, false);
	assert_int_equal(feed(&p, PN_BODY_LIST, table, 1000), 0);
	assert_int_equal(pn_printer_flush(p.printer), 0);
	assert_int_equal(feed(&p, PN_BODY_LIST, TABLE_HEAD ROW("b", "1", "null") "]}", 1000), 0);
	assert_printed(&p, "NAME        SIZE\ngear        7\nlong-name\nb           1\n");
	end(&p);
}

static void a_second_kind_is_a_table_of_its_own(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_TABLE, .with_kind = true },
	      false);
	assert_int_equal(feed(&p, PN_BODY_LIST, TABLE_HEAD ROW("b", "1", "null") "]}", 1000), 0);
	assert_int_equal(pn_printer_kind(p.printer, &pod, false), 0);
	assert_int_equal(feed(&p, PN_BODY_LIST, TABLE_HEAD ROW("c", "2.5", "null") "]}", 1000), 0);
	assert_printed(&p, "NAME                   SIZE\nwidget.example.com/b   1\n\n"
			   "NAME    SIZE\npod/c   2.5\n");
	end(&p);
}

static void cells_are_text_on_one_line(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_WIDE, .no_headings = true },
	      false);
	assert_int_equal(
		feed(&p, PN_BODY_LIST,
		     TABLE_HEAD ROW("\\u001b[2J\\u0007", "true", "[1,\\u0022a\\u0022]") "]}", 1000),
		-EBADMSG);
	assert_int_equal(feed(&p, PN_BODY_LIST,
			      TABLE_HEAD ROW("\\u001b[2J\\u0007", "true", "[1,\"a\"]") "," ROW(
				      "\\u00e9\\u00e9", "1", "\"a\\nb\"") "]}",
			      1000),
			 0);
	assert_printed(&p, "^[[2J    true   [1,\"a\"]\n\xc3\xa9\xc3\xa9       1      a...\n");
	end(&p);
}

static void rows_without_columns_are_refused(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_TABLE }, false);
	assert_int_equal(
		feed(&p, PN_BODY_LIST, "{\"kind\":\"Table\",\"rows\":[{\"cells\":[]}]}", 9),
		-EBADMSG);
	end(&p);
}

static void objects_in_place_of_a_table_have_name_and_age(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_TABLE }, true);
	assert_int_equal(
		feed(&p, PN_BODY_LIST,
		     "{\"items\":[{\"metadata\":{\"namespace\":\"shop\",\"name\":\"gear\"}}]}", 9),
		0);
	assert_printed(&p, "NAMESPACE   NAME   AGE\nshop        gear   <unknown>\n");
	end(&p);
}

static void an_age_is_worded_as_the_server_does(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} ages[] = {
		{ -1, "0s" },
		{ 119, "119s" },
		{ 120, "2m" },
		{ 150, "2m30s" },
		{ 600, "10m" },
		{ 179 * 60 + 59, "179m" },
		{ 3 * 3600, "3h" },
		{ 3 * 3600 + 60, "3h1m" },
		{ 47 * 3600, "47h" },
		{ 2 * 86400, "2d" },
		{ 49 * 3600, "2d1h" },
		{ 729 * 86400, "729d" },
		{ 731 * 86400, "2y1d" },
		{ INT64_C(8) * 365 * 86400, "8y" },
	};
	char buf[48];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(ages); i++) {
		pn_age_format(ages[i].s, buf);
		assert_string_equal(buf, ages[i].text);
	}
}

static const char list[] =
	"{\"metadata\":{\"continue\":\"\"},\"items\":[{\"spec\":{\"text\":\"<a&b>"
	"\\u2028\\u0001\\\"\","
	"\"half\":0.5,\"one\":1.0,\"big\":1e300,\"list\":[],\"map\":{},\"no\":null,\"yes\":true},"
	"\"metadata\":{\"name\":\"gear\",\"managedFields\":[1]}}]}";

static void json_is_a_list_with_keys_in_order(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_JSON }, false);
	assert_int_equal(feed(&p, PN_BODY_LIST, list, 5), 0);
	assert_printed(
		&p,
		"{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n"
		"            \"apiVersion\": \"example.com/v1\",\n"
		"            \"kind\": \"Widget\",\n"
		"            \"metadata\": {\n                \"name\": \"gear\"\n            },\n"
		"            \"spec\": {\n                \"big\": 1e+300,\n"
		"                \"half\": 0.5,\n                \"list\": [],\n"
		"                \"map\": {},\n                \"no\": null,\n"
		"                \"one\": 1,\n                \"text\": \"\\u003ca\\u0026b\\u003e"
		"\\u2028\\u0001\\\"\",\n                \"yes\": true\n            }\n"
		"        }\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n"
		"        \"resourceVersion\": \"\"\n    }\n}\n");
	end(&p);
}

static void a_list_with_nothing_in_it_is_a_list(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_JSON }, false);
	assert_int_equal(feed(&p, PN_BODY_LIST, "{\"items\":null}", 5), 0);
	assert_printed(
		&p, "{\n    \"apiVersion\": \"v1\",\n    \"items\": [],\n    \"kind\": \"List\",\n"
		    "    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n");
	end(&p);
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_YAML }, false);
	assert_printed(
		&p, "apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: \"\"\n");
	end(&p);
}

static void yaml_is_plain_where_that_is_safe(void **state)
{
	static const char *const quoted[] = { "",     "yes",	  "NO",
					      "Null", "~",	  "12",
					      "1e3",  "0x1f",	  "0o17",
					      "1_0",  "12:30",	  "+.inf",
					      ".5",   "2026-1-2", "2026-01-02T03:04:05.6Z",
					      "<<" };
	static const char *const plain[] = { "web", "yEs",	"1.2.3", "0b12",	"0x",
					     "v1",  "10.0.0.1", "12:60", "2026-01-02x", "1e",
					     "a_1", "/x",	"e3" };
	char doc[256], want[256];
	struct page p;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(quoted) + PN_ARRAY_SIZE(plain); i++) {
		bool is_quoted = i < PN_ARRAY_SIZE(quoted);
		const char *s = is_quoted ? quoted[i] : plain[i - PN_ARRAY_SIZE(quoted)];
		const char *quote = is_quoted ? "\"" : "";

		(void)snprintf(doc, sizeof(doc),
			       "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"s\":\"%s\"}", s);
		(void)snprintf(want, sizeof(want), "apiVersion: v1\nkind: K\ns: %s%s%s\n", quote, s,
			       quote);
		begin(&p,
		      (struct pn_printer_options) { .output = PN_OUTPUT_YAML,
						    .as_documents = true },
		      false);
		assert_int_equal(feed(&p, PN_BODY_ONE, doc, 1000), 0);
		assert_printed(&p, want);
		end(&p);
	}
}

static void a_number_too_large_for_an_integer_is_shown(void **state)
{
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_YAML, .as_documents = true },
	      false);
	assert_int_equal(feed(&p, PN_BODY_ONE,
			      "{\"apiVersion\":\"v1\",\"big\":10000000000000000000,\"kind\":\"K\","
			      "\"small\":7}",
			      1000),
			 0);
	assert_printed(&p, "apiVersion: v1\nbig: 10000000000000000000\nkind: K\nsmall: 7\n");
	end(&p);
}

static void events_are_documents(void **state)
{
	static const char events[] =
		"{\"type\":\"ADDED\",\"object\":{\"kind\":\"K\",\"apiVersion\":\"v1\",\"metadata\":"
		"{\"resourceVersion\":\"5\"}}}{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":"
		"{\"resourceVersion\":\"6\"}}}{\"type\":\"DELETED\",\"object\":{\"kind\":\"K\","
		"\"apiVersion\":\"v1\",\"x\":\"a\\nb\\n\"}}";
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_YAML, .as_documents = true },
	      false);
	assert_int_equal(feed(&p, PN_BODY_WATCH, events, 4), 0);
	assert_printed(&p, "apiVersion: v1\nkind: K\nmetadata:\n  resourceVersion: \"5\"\n---\n"
			   "apiVersion: v1\nkind: K\nx: |\n  a\n  b\n");
	end(&p);
}

static void a_watch_remembers_where_it_stands(void **state)
{
	static const char events[] = "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\",\"rows\":["
				     "{\"object\":{\"metadata\":"
				     "{\"resourceVersion\":\"7\"}}}]}}";
	struct pn_body body;
	struct page p;

	(void)state;
	begin(&p, (struct pn_printer_options) { .output = PN_OUTPUT_NAME }, false);
	pn_body_init(&body, PN_BODY_WATCH, &ops, &p);
	assert_int_equal(pn_body_feed(&body, events, strlen(events), &p.err), -EBADMSG);
	assert_string_equal(body.resource_version, "7");
	pn_body_done(&body);
	pn_body_init(&body, PN_BODY_WATCH, &ops, &p);
	assert_int_equal(
		pn_body_feed(&body, "{\"type\":\"ERROR\",\"object\":{\"code\":410}}", 39, &p.err),
		-ECANCELED);
	assert_true(body.has_error);
	assert_int_equal(body.error.code, 410);
	pn_body_done(&body);
	end(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_shows_what_the_server_thinks_matters),
		cmocka_unit_test(wide_tables_have_all_columns_and_those_asked_for),
		cmocka_unit_test(headings_stand_once_and_widths_stay),
		cmocka_unit_test(a_second_kind_is_a_table_of_its_own),
		cmocka_unit_test(cells_are_text_on_one_line),
		cmocka_unit_test(rows_without_columns_are_refused),
		cmocka_unit_test(objects_in_place_of_a_table_have_name_and_age),
		cmocka_unit_test(an_age_is_worded_as_the_server_does),
		cmocka_unit_test(json_is_a_list_with_keys_in_order),
		cmocka_unit_test(a_list_with_nothing_in_it_is_a_list),
		cmocka_unit_test(yaml_is_plain_where_that_is_safe),
		cmocka_unit_test(a_number_too_large_for_an_integer_is_shown),
		cmocka_unit_test(events_are_documents),
		cmocka_unit_test(a_watch_remembers_where_it_stands),
	};

	return cmocka_run_group_tests_name("get print", tests, NULL, NULL);
}
