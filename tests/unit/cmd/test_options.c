/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/options.h"

struct values {
	bool flag;
	const char *text, *choice;
	uint32_t number;
	pn_nsec time;
	struct pn_option_items items;
};

static struct values seen;
static int n_seen;
static const char *operand_seen;
static char items_seen[2048];

static int remember(const void *values, int n_operands, char **operands)
{
	seen = *(const struct values *)values;
	n_seen = n_operands;
	items_seen[0] = '\0';
	for (size_t i = 0; i < seen.items.n; i++) {
		const struct pn_option_item *item = &seen.items.items[i];
		size_t len = strlen(items_seen);

		(void)snprintf(items_seen + len, sizeof(items_seen) - len, "%s%s=%s", i ? " " : "",
			       item->name, item->value ? item->value : "(none)");
	}
	operand_seen = n_operands ? operands[0] : NULL;
	return 42;
}

static const char *const choices[] = { "compact", "json", NULL };

static const struct pn_option options[] = {
	{ .name = "flag",
	  .letter = 'f',
	  .type = PN_OPT_FLAG,
	  .offset = offsetof(struct values, flag),
	  .help = "" },
	{ .name = "text",
	  .letter = 't',
	  .type = PN_OPT_STRING,
	  .arg = "T",
	  .offset = offsetof(struct values, text),
	  .has_env = true,
	  .help = "" },
	{ .name = "choice",
	  .letter = 'o',
	  .type = PN_OPT_CHOICE,
	  .arg = "C",
	  .offset = offsetof(struct values, choice),
	  .preset = "compact",
	  .choices = choices,
	  .help = "" },
	{ .name = "number",
	  .type = PN_OPT_UINT,
	  .arg = "N",
	  .offset = offsetof(struct values, number),
	  .preset = "7",
	  .min = 1,
	  .max = 100,
	  .help = "" },
	{ .name = "long-time",
	  .type = PN_OPT_DURATION,
	  .arg = "D",
	  .offset = offsetof(struct values, time),
	  .preset = "5s",
	  .min = PN_NSEC_PER_MSEC,
	  .max = 60 * PN_NSEC_PER_SEC,
	  .has_env = true,
	  .help = "" },
	{ .name = "item",
	  .letter = 'i',
	  .type = PN_OPT_ITEM,
	  .arg = "I",
	  .offset = offsetof(struct values, items),
	  .help = "" },
	{ .name = "mark",
	  .letter = 'm',
	  .type = PN_OPT_MARK,
	  .offset = offsetof(struct values, items),
	  .help = "" },
	PN_OPTION_END,
};

static const struct pn_command command = {
	.name = "test",
	.operands = "[WORD]",
	.summary = "",
	.description = "",
	.examples = "",
	.n_operands_max = 1,
	.options = options,
	.values_size = sizeof(struct values),
	.run = remember,
};

/* Runs the command with words up to NULL. */
static int run(const char *const *words)
{
	char *argv[160] = { NULL };
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = strdup(words[argc]);
	char *kept[160];

	memcpy(kept, argv, sizeof(kept));
	int r = pn_command_main(&command, argc, argv);

	for (int i = 0; i < argc; i++)
		free(kept[i]);
	return r;
}

#define RUN(...) run((const char *const[]) { __VA_ARGS__, NULL })

static void defaults_come_from_the_table(void **state)
{
	const char *const none[] = { NULL };

	(void)state;
	assert_int_equal(run(none), 42);
	assert_false(seen.flag);
	assert_null(seen.text);
	assert_string_equal(seen.choice, "compact");
	assert_int_equal(seen.number, 7);
	assert_int_equal(seen.time, 5 * PN_NSEC_PER_SEC);
	assert_int_equal(n_seen, 0);
}

static void every_way_of_writing_an_option_works(void **state)
{
	(void)state;
	assert_int_equal(RUN("--number", "9", "--choice=json", "-f", "--long-time=250ms"), 42);
	assert_int_equal(seen.number, 9);
	assert_string_equal(seen.choice, "json");
	assert_true(seen.flag);
	assert_int_equal(seen.time, 250 * PN_NSEC_PER_MSEC);
	assert_int_equal(RUN("-fojson"), 42);
	assert_true(seen.flag);
	assert_string_equal(seen.choice, "json");
	assert_int_equal(RUN("-fo", "json", "word"), 42);
	assert_int_equal(n_seen, 1);
	assert_int_equal(RUN("--", "-f"), 42);
	assert_false(seen.flag);
	assert_int_equal(n_seen, 1);
}

static void the_environment_is_below_the_flag_and_above_the_default(void **state)
{
	(void)state;
	assert_int_equal(setenv("PODONYM_LONG_TIME", "2s", 1), 0);
	assert_int_equal(RUN("-f"), 42);
	assert_int_equal(seen.time, 2 * PN_NSEC_PER_SEC);
	assert_int_equal(RUN("--long-time", "3s"), 42);
	assert_int_equal(seen.time, 3 * PN_NSEC_PER_SEC);
	assert_int_equal(setenv("PODONYM_LONG_TIME", "soon", 1), 0);
	assert_int_equal(RUN("-f"), PN_EXIT_USAGE);
	assert_int_equal(unsetenv("PODONYM_LONG_TIME"), 0);
	assert_int_equal(setenv("PODONYM_CHOICE", "json", 1), 0);
	assert_int_equal(RUN("-f"), 42);
	assert_string_equal(seen.choice, "compact");
	assert_int_equal(unsetenv("PODONYM_CHOICE"), 0);
}

static void items_keep_their_order(void **state)
{
	const char *words[150];
	const size_t most = PN_ARRAY_SIZE(seen.items.items);

	(void)state;
	assert_int_equal(RUN("--item", "a", "-m", "-fib", "--mark", "-mi", "c", "--item=", "word"),
			 42);
	assert_string_equal(items_seen,
			    "item=a mark=(none) item=b mark=(none) mark=(none) item=c item=");
	assert_true(seen.flag);
	assert_int_equal(n_seen, 1);
	assert_int_equal(RUN("--mark=true"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--item"), PN_EXIT_USAGE);

	for (size_t i = 0; i <= most; i++)
		words[i] = "-m";
	words[most] = NULL;
	assert_int_equal(run(words), 42);
	words[most] = "-m";
	words[most + 1] = NULL;
	assert_int_equal(run(words), PN_EXIT_USAGE);
}

static void wrong_usage_is_refused(void **state)
{
	(void)state;
	assert_int_equal(RUN("--nubmer", "9"), PN_EXIT_USAGE);
	assert_int_equal(RUN("-x"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--number"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--number", "0"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--number", "101"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--number", "-1"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--number", "7x"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--number", "99999999999999999999999"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--choice", "jsno"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--long-time", "61s"), PN_EXIT_USAGE);
	assert_int_equal(RUN("--flag=maybe"), PN_EXIT_USAGE);
	assert_int_equal(RUN("one", "two"), PN_EXIT_USAGE);
}

static void the_nearest_name_is_found(void **state)
{
	static const char *const names[] = { "interval", "output", "format", "pin-path" };

	(void)state;
	assert_string_equal(pn_nearest("intreval", names, PN_ARRAY_SIZE(names)), "interval");
	assert_string_equal(pn_nearest("outptu", names, PN_ARRAY_SIZE(names)), "output");
	assert_string_equal(pn_nearest("inter", names, PN_ARRAY_SIZE(names)), "interval");
	assert_null(pn_nearest("zebra", names, PN_ARRAY_SIZE(names)));
	assert_null(pn_nearest("", names, PN_ARRAY_SIZE(names)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_come_from_the_table),
		cmocka_unit_test(every_way_of_writing_an_option_works),
		cmocka_unit_test(the_environment_is_below_the_flag_and_above_the_default),
		cmocka_unit_test(items_keep_their_order),
		cmocka_unit_test(wrong_usage_is_refused),
		cmocka_unit_test(the_nearest_name_is_found),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
