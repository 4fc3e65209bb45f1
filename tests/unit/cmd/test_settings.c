/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Config files: what of them is taken, which errors are told with which line, and what goes before what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/settings.h"
#include "cmd/settings_doc.h"

struct values {
	const char *config, *text, *form;
	bool flag;
	uint32_t number;
	pn_nsec time;
	struct pn_option_items items;
};

static const char *const forms[] = { "compact", "json", NULL };

static int check_even(const char *text, struct pn_err *reterr)
{
	return strlen(text) % 2 ? pn_err_set(reterr, -EINVAL, "\"%s\" is odd", text) : 0;
}

static const struct pn_option options[] = {
	{ .name = "config",
	  .type = PN_OPT_CONFIG,
	  .arg = "FILE",
	  .preset = "/nonexistent/c.yaml",
	  .offset = offsetof(struct values, config),
	  .help = "" },
	{ .name = "text",
	  .type = PN_OPT_STRING,
	  .arg = "T",
	  .check = check_even,
	  .has_env = true,
	  .offset = offsetof(struct values, text),
	  .help = "" },
	{ .name = "form",
	  .letter = 'o',
	  .type = PN_OPT_CHOICE,
	  .arg = "F",
	  .choices = forms,
	  .preset = "compact",
	  .offset = offsetof(struct values, form),
	  .help = "" },
	{ .name = "flag",
	  .type = PN_OPT_FLAG,
	  .offset = offsetof(struct values, flag),
	  .help = "" },
	{ .name = "number",
	  .type = PN_OPT_UINT,
	  .arg = "N",
	  .preset = "7",
	  .min = 1,
	  .max = 100,
	  .has_env = true,
	  .live = true,
	  .offset = offsetof(struct values, number),
	  .help = "" },
	{ .name = "long-time",
	  .type = PN_OPT_DURATION,
	  .arg = "D",
	  .preset = "5s",
	  .max = 60 * PN_NSEC_PER_SEC,
	  .offset = offsetof(struct values, time),
	  .help = "" },
	{ .name = "item",
	  .type = PN_OPT_ITEM,
	  .arg = "I",
	  .has_env = true,
	  .offset = offsetof(struct values, items),
	  .help = "" },
	PN_OPTION_END,
};

static const struct pn_command command = {
	.name = "test",
	.operands = "",
	.options = options,
	.values_size = sizeof(struct values),
};

static char told[8192];

static void tell(void *data, const char *words)
{
	size_t len = strlen(told);

	(void)data;
	(void)snprintf(told + len, sizeof(told) - len, "%s%s", len ? "\n" : "", words);
}

static const struct pn_complaints complaints = { .tell = tell };

/* Takes what of the file is right; what is not is in `told`. */
static int parse(const char *text, struct pn_config_file *ret)
{
	told[0] = '\0';
	return pn_config_file_parse(&command, "f", text, &complaints, ret);
}

static void assert_refused(const char *text, const char *words)
{
	struct pn_config_file f;

	assert_int_equal(parse(text, &f), -EINVAL);
	assert_string_equal(told, words);
}

static void values_are_taken_in_order_with_their_lines(void **state)
{
	struct pn_config_file f;

	(void)state;
	assert_int_equal(
		parse("# c\ntext: ab\n\nitem:\n- x\n- \"y z\"\nnumber: 3\nflag: true\n", &f), 0);
	assert_int_equal(f.n, 5);
	assert_string_equal(f.entries[0].text, "ab");
	assert_int_equal(f.entries[0].line, 2);
	assert_string_equal(f.entries[2].option->name, "item");
	assert_string_equal(f.entries[2].text, "y z");
	assert_int_equal(f.entries[2].line, 6);
	assert_int_equal(f.entries[4].line, 8);
	pn_config_file_done(&f);
	assert_int_equal(parse("item: x\n", &f), 0);
	assert_int_equal(f.n, 1);
	pn_config_file_done(&f);
	assert_int_equal(parse("", &f), 0);
	assert_int_equal(f.n, 0);
	pn_config_file_done(&f);
}

static void each_error_has_its_line(void **state)
{
	(void)state;
	assert_refused("\ntxt: ab\n", "f:2: unknown key \"txt\", did you mean text?");
	assert_refused("zebra: {a: [b]}\n", "f:1: unknown key \"zebra\"; see: podonym test --help");
	assert_refused("config: f\n", "f:1: unknown key \"config\"; see: podonym test --help");
	assert_refused("text: abc\n", "f:1: text: \"abc\" is odd");
	assert_refused("number: [1]\n", "f:1: number: is a list where a number belongs");
	assert_refused("number: 0\n", "f:1: number: \"0\" is not a number from 1 to 100");
	assert_refused("long-time: {a: b}\n",
		       "f:1: long-time: is a map where a duration such as 5s belongs");
	assert_refused("flag: yes\n", "f:1: flag: \"yes\" is neither true nor false");
	assert_refused("item: [a, [b], c]\n", "f:1: item: each entry of the list has to be a text");
	assert_refused("item: {a: b}\n",
		       "f:1: item: is a map where a text, or a list of texts, belongs");
	assert_refused("text: ~\n", "f:1: text: has no value; leave the key out for the default");
	assert_refused("text: &a ab\n", "f:1: text: tags (!) and anchors (&) are not supported");
	assert_refused("text: *a\n", "f:1: text: is an alias (*) where a text belongs");
	assert_refused("? [a]\n: b\n", "f:1: a key has to be one word");
	assert_refused("ab\n", "f:1: not a map: a line is KEY: VALUE");
	assert_refused("text: ab\n--- \ntext: cd\n",
		       "f:2: a second document (---): a config file has one");
	assert_refused("text: ab\ntext: \xff\n",
		       "f:2: not UTF-8 text: invalid leading UTF-8 octet");
}

static void all_errors_are_told_up_to_twenty(void **state)
{
	char text[2048] = "";

	(void)state;
	assert_refused("text: abc\nnumber: x\ntext: ab\nform: jsn\n",
		       "f:1: text: \"abc\" is odd\n"
		       "f:2: number: \"x\" is not a number from 1 to 100\n"
		       "f:3: text: is there twice, first in line 1\n"
		       "f:4: form: \"jsn\" is not one of compact, json, did you mean json?");
	for (int i = 0; i < 25; i++)
		(void)strcat(text, "zebra: 1\n");
	assert_int_equal(parse(text, &(struct pn_config_file) { .n = 0 }), -EINVAL);
	assert_non_null(strstr(told, "\nf:20: "));
	assert_null(strstr(told, "\nf:21: "));
	assert_non_null(strstr(told, "\nf: 5 more errors"));
}

static void too_many_of_a_list_are_refused(void **state)
{
	char text[1024] = "item: [a";

	(void)state;
	for (int i = 0; i < 128; i++)
		(void)strcat(text, ", a");
	(void)strcat(text, "]\n");
	assert_refused(text, "f:1: item: too many options of this kind, more than 128");
}

/* --- with flags and variables ------------------------------------------------------------------- */

static char path[64];

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_path(void **state)
{
	int fd;

	(void)state;
	(void)strcpy(path, "/tmp/pn-settings-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static struct pn_settings *read_with(const char *const *words)
{
	static char *argv[16];
	struct pn_settings *s = NULL;
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	told[0] = '\0';
	return pn_settings_read(&command, argc, argv, &complaints, &s) == 0 ? s : NULL;
}

#define READ(...) read_with((const char *const[]) { __VA_ARGS__, NULL })

static const struct pn_option *row(const char *name)
{
	const struct pn_option *o = options;

	while (strcmp(o->name, name) != 0)
		o++;
	return o;
}

static void a_flag_goes_before_the_environment_before_the_file(void **state)
{
	const struct values *v;
	struct pn_settings *s;
	size_t line;

	(void)state;
	write_file("text: ab\nnumber: 2\nlong-time: 2s\nitem: [a, b]\n");
	assert_int_equal(setenv("PODONYM_NUMBER", "3", 1), 0);
	s = READ("--config", path, "--text=cd", "-o", "json");
	assert_non_null(s);
	v = pn_settings_values(s);
	assert_string_equal(v->text, "cd");
	assert_int_equal(v->number, 3);
	assert_int_equal(v->time, 2 * PN_NSEC_PER_SEC);
	assert_int_equal(v->items.n, 2);
	assert_int_equal(pn_settings_origin(s, row("text"), &line), PN_FROM_FLAG);
	assert_int_equal(pn_settings_origin(s, row("number"), &line), PN_FROM_ENV);
	assert_int_equal(pn_settings_origin(s, row("long-time"), &line), PN_FROM_FILE);
	assert_int_equal(line, 3);
	assert_int_equal(pn_settings_origin(s, row("flag"), &line), PN_FROM_NOWHERE);
	pn_settings_free(s);
	s = READ("--config", path, "--item", "c", "--number", "4", "--number", "5");
	v = pn_settings_values(s);
	assert_int_equal(v->items.n, 1);
	assert_string_equal(v->items.items[0].value, "c");
	assert_int_equal(v->number, 5);
	assert_string_equal(pn_settings_text(s, row("number"), 0), "5");
	assert_null(pn_settings_text(s, row("number"), 1));
	pn_settings_free(s);
	assert_int_equal(unsetenv("PODONYM_NUMBER"), 0);
}

static void only_a_default_file_may_be_missing(void **state)
{
	struct pn_settings *s;

	(void)state;
	s = READ("--text", "ab");
	assert_non_null(s);
	assert_null(pn_settings_path(s));
	pn_settings_free(s);
	assert_null(READ("--config", "/nonexistent/c.yaml"));
	assert_string_equal(told, "/nonexistent/c.yaml: No such file or directory");
	s = READ("--config", "none");
	assert_non_null(s);
	pn_settings_free(s);
	write_file("number: x\n");
	assert_null(READ("--config", path, "--number", "1"));
}

static void another_value_is_noticed_another_place_is_not(void **state)
{
	struct pn_settings *a, *b;

	(void)state;
	write_file("number: 7\nitem: [a, b]\n");
	a = READ("--config", path);
	write_file("\nitem: [a]\ntext: ab\n");
	b = READ("--config", path);
	assert_false(pn_settings_differ(a, b, row("number")));
	assert_true(pn_settings_differ(a, b, row("item")));
	assert_true(pn_settings_differ(a, b, row("text")));
	assert_false(pn_settings_differ(a, b, row("form")));
	pn_settings_free(a);
	pn_settings_free(b);
}

static const json_t *setting(const json_t *doc, const char *name)
{
	const json_t *each;
	size_t i;

	json_array_foreach (json_object_get(doc, "settings"), i, each)
		if (strcmp(json_string_value(json_object_get(each, "name")), name) == 0)
			return each;
	fail_msg("no setting %s", name);
	return NULL;
}

static void what_is_shown_is_in_force_or_pending_and_no_secret(void **state)
{
	struct pn_settings *a, *b;
	json_t *doc;

	(void)state;
	write_file("number: 8\n");
	a = READ("--config", path);
	write_file("number: 9\nlong-time: 1s\ntext: http://u:p@h/a\n");
	b = READ("--config", path);
	assert_non_null(b);
	doc = pn_settings_doc(a, b);
	assert_int_equal(json_integer_value(json_object_get(setting(doc, "number"), "value")), 9);
	assert_null(json_object_get(setting(doc, "number"), "pending"));
	assert_string_equal(json_string_value(json_object_get(setting(doc, "long-time"), "value")),
			    "5s");
	assert_string_equal(
		json_string_value(json_object_get(setting(doc, "long-time"), "pending")), "1s");
	assert_string_equal(json_string_value(json_object_get(setting(doc, "text"), "pending")),
			    "http://***@h/a");
	json_decref(doc);
	pn_settings_free(a);
	pn_settings_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_taken_in_order_with_their_lines),
		cmocka_unit_test(each_error_has_its_line),
		cmocka_unit_test(all_errors_are_told_up_to_twenty),
		cmocka_unit_test(too_many_of_a_list_are_refused),
		cmocka_unit_test(a_flag_goes_before_the_environment_before_the_file),
		cmocka_unit_test(only_a_default_file_may_be_missing),
		cmocka_unit_test(another_value_is_noticed_another_place_is_not),
		cmocka_unit_test(what_is_shown_is_in_force_or_pending_and_no_secret),
	};

	return cmocka_run_group_tests_name("settings", tests, make_path, remove_path);
}
