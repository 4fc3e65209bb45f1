/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory at every point of reading settings: it is told as such, never taken for a file with an
 * error, and nothing stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/settings.h"
#include "tests/unit/kube/failing_malloc.h"

struct values {
	const char *config, *text;
	struct pn_option_items items;
};

static const struct pn_option options[] = {
	{
		.name = "config",
		.type = PN_OPT_CONFIG,
		.arg = "FILE",
		.offset = offsetof(struct values, config),
	},
	{
		.name = "text",
		.type = PN_OPT_STRING,
		.arg = "TEXT",
		.offset = offsetof(struct values, text),
	},
	{
		.name = "item",
		.type = PN_OPT_ITEM,
		.arg = "ITEM",
		.offset = offsetof(struct values, items),
	},
	PN_OPTION_END,
};

static const struct pn_command command = {
	.name = "test",
	.operands = "",
	.options = options,
	.values_size = sizeof(struct values),
};

static char told[256];

static void tell(void *data, const char *words)
{
	(void)data;
	(void)snprintf(told, sizeof(told), "%s", words);
}

static void lack_of_memory_is_told_as_such(void **state)
{
	static const char text[] = "text: a\nitem:\n- a\n- 'b'\n- |\n  c\n- d\n";
	static const struct pn_complaints complaints = { .tell = tell };
	char path[] = "/tmp/pn-settings-XXXXXX", flag[] = "--config", item[] = "--item=e";
	int fd = mkstemp(path), r = -ENOMEM;

	(void)state;
	need_malloc();
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(close(fd), 0);
	for (unsigned long n = 1; r == -ENOMEM; n++) {
		char *argv[] = { flag, path, item };
		struct pn_settings *s = NULL;

		told[0] = '\0';
		has_failed = false;
		n_until_failure = n;
		r = pn_settings_read(&command, 3, argv, &complaints, &s);
		n_until_failure = 0;
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		assert_true(!has_failed || strstr(told, "out of memory"));
		pn_settings_free(s);
	}
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lack_of_memory_is_told_as_such),
	};

	return cmocka_run_group_tests_name("settings memory", tests, NULL, NULL);
}
