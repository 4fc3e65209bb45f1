/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym flows: the request that options become, which the agent's own parser reads here, and what
 * is printed of the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/flows.h"
#include "serve/request.h"

static const pn_nsec now = 1000000 * PN_NSEC_PER_SEC;

static struct pn_flows_options plain(void)
{
	return (struct pn_flows_options) {
		.output = "json",
		.time_format = "clock",
		.color = "never",
	};
}

/* What the agent understands of it; to be given to pn_request_done(). */
static struct pn_request ask(const struct pn_flows_options *o)
{
	struct pn_request req;
	struct pn_err err = { "" };
	char *text;

	if (pn_flows_request("flows", o, now, &text, &err) < 0)
		fail_msg("%s", err.text);
	if (pn_request_parse(text, strlen(text), &req, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	free(text);
	return req;
}

/* The same, without its filter. */
static struct pn_view view_asked(const struct pn_flows_options *o)
{
	struct pn_request req = ask(o);

	pn_request_done(&req);
	return req.view;
}

static void assert_refused(const struct pn_flows_options *o, const char *words)
{
	struct pn_err err = { "" };
	char *text = NULL;

	assert_int_equal(pn_flows_request("flows", o, now, &text, &err), -EINVAL);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" has no \"%s\"", err.text, words);
	assert_null(text);
}

/* The same options, asked of another command. */
static void drops_are_asked_for_in_the_same_words(void **state)
{
	struct pn_flows_options o = plain();
	struct pn_request req;
	struct pn_err err = { "" };
	char *text;

	(void)state;
	o.filters.items[o.filters.n++] = (struct pn_option_item) { "port", "53" };
	assert_int_equal(pn_flows_request("drops", &o, now, &text, &err), 0);
	assert_int_equal(pn_request_parse(text, strlen(text), &req, &err), 0);
	assert_int_equal(req.command, PN_REQUEST_DROPS);
	assert_int_equal(req.view.past, PN_PAST_ALL);
	assert_non_null(req.view.filter);
	pn_request_done(&req);
	free(text);
}

static void without_a_wish_it_is_the_last_twenty(void **state)
{
	struct pn_flows_options o = plain();
	struct pn_view v = view_asked(&o);

	(void)state;
	assert_false(v.follow);
	assert_int_equal(v.past, PN_PAST_LAST);
	assert_int_equal(v.n, 20);
	assert_int_equal(v.style.format, PN_FORMAT_JSON);
	o.follow = true;
	v = view_asked(&o);
	assert_true(v.follow);
	assert_int_equal(v.past, PN_PAST_NONE);
	o.follow = false;
	o.since = "1h";
	v = view_asked(&o);
	assert_int_equal(v.past, PN_PAST_ALL);
}

static pn_nsec since(const char *text)
{
	struct pn_flows_options o = plain();

	o.since = text;
	return view_asked(&o).since;
}

static void times_are_ago_or_absolute(void **state)
{
	struct pn_flows_options o = plain();

	(void)state;
	assert_int_equal(since("5m"), now - 300 * PN_NSEC_PER_SEC);
	assert_int_equal(since("2026-03-19T12:03:04Z"), 1773921784 * PN_NSEC_PER_SEC);
	assert_int_equal(since("2026-03-19T12:03:04.5Z"),
			 1773921784 * PN_NSEC_PER_SEC + PN_NSEC_PER_SEC / 2);
	assert_int_equal(since("2026-03-19T12:03:04.123456789Z"), 1773921784123456789);
	assert_int_equal(since("2026-03-19T12:03:04.1234567891Z"), 1773921784123456789);
	assert_int_equal(since("2026-03-19T13:03:04+01:00"), 1773921784 * PN_NSEC_PER_SEC);
	assert_int_equal(since("2026-03-19T06:33:04-0530"), 1773921784 * PN_NSEC_PER_SEC);
	for (size_t i = 0; i < 7; i++) {
		o.until = (const char *const[]) { "5",
						  "",
						  "yesterday",
						  "2026-03-19",
						  "2026-03-19T12:03:04",
						  "2026-13-19T12:03:04Z",
						  "2026-03-19T12:03:04Z " }[i];
		assert_refused(&o, "--until");
	}
	o.until = "1969-12-31T23:59:59Z";
	assert_refused(&o, "--until");
}

static void put(struct pn_flows_options *o, const char *name, const char *value)
{
	o->filters.items[o->filters.n++] = (struct pn_option_item) { name, value };
}

static void filters_reach_the_agent(void **state)
{
	struct pn_flow_record r = { .proto = 17, .destination = { .port = 53 } };
	struct pn_flows_options o = plain();
	struct pn_request req;

	(void)state;
	put(&o, "protocol", "udp");
	put(&o, "not", NULL);
	put(&o, "port", "53");
	put(&o, "port", "54");
	req = ask(&o);
	assert_false(pn_filter_match(req.view.filter, &r));
	r.destination.port = 54;
	assert_true(pn_filter_match(req.view.filter, &r));
	r.proto = 6;
	assert_false(pn_filter_match(req.view.filter, &r));
	pn_request_done(&req);
}

static void forms_reach_the_agent(void **state)
{
	struct pn_flows_options o = plain();
	struct pn_view v;

	(void)state;
	o.output = "dict";
	o.time_format = "unix";
	o.numeric = true;
	v = view_asked(&o);
	assert_int_equal(v.style.format, PN_FORMAT_FIELDS);
	assert_int_equal(v.style.time, PN_TIME_UNIX);
	assert_true(v.style.numeric);
	o.output = "compact";
	o.color = "always";
	assert_int_equal(view_asked(&o).style.format, PN_FORMAT_COLOR);
}

static void what_does_not_go_together_is_refused(void **state)
{
	struct pn_flows_options o = plain();

	(void)state;
	o.first = 1;
	o.last = 1;
	assert_refused(&o, "--all, --first and --last");
	o.last = 0;
	o.follow = true;
	assert_refused(&o, "do not go together with -f");
	o = plain();
	o.all_namespaces = true;
	put(&o, "namespace", "shop");
	assert_refused(&o, "-A and -n");
	o = plain();
	put(&o, "port", "x");
	assert_refused(&o, "--port: \"x\" is not a port");
	o = plain();
	put(&o, "not", NULL);
	assert_refused(&o, "--not stands before no filter");
	put(&o, "not", NULL);
	assert_refused(&o, "--not stands twice");
}

static void requests_have_an_end(void **state)
{
	struct pn_flows_options o = plain();
	char name[254];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 20; i++)
		put(&o, "pod", name);
	assert_refused(&o, "the filters are too long together");
	o = plain();
	for (int i = 0; i < 65; i++)
		put(&o, "port", "1");
	assert_refused(&o, "64 filters at most");
}

/* --- the answer ------------------------------------------------------------------------------------ */

#define LINE "12:00:00.000\ta/b:1\tc/d:2\tTCP\t1 B/2 B\t1/1\t\tclosed\t10.0.0.1\t10.0.0.2\tip/ip\n"

/* @answer, sent in pieces of @step bytes; what is printed is in @ret. Return: pn_flows_print()'s */
static int print(const struct pn_flows_options *o, const char *answer, size_t step, char *ret,
		 size_t size)
{
	int fds[2], out = dup(STDOUT_FILENO), r;
	struct pn_err err = { "" };
	FILE *seen = tmpfile();
	pid_t pid;

	assert_non_null(seen);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (; *answer; answer += PN_MIN(step, strlen(answer)))
			(void)send(fds[0], answer, PN_MIN(step, strlen(answer)), 0);
		_exit(0);
	}
	(void)close(fds[0]);
	(void)dup2(fileno(seen), STDOUT_FILENO);
	r = pn_flows_print("flows", o, fds[1], &err);
	(void)waitpid(pid, NULL, 0);
	(void)fflush(stdout);
	(void)dup2(out, STDOUT_FILENO);
	rewind(seen);
	ret[fread(ret, 1, size - 1, seen)] = '\0';
	(void)fclose(seen);
	(void)close(out);
	(void)close(fds[1]);
	return r;
}

static void assert_printed(const struct pn_flows_options *o, const char *answer, int code,
			   const char *want)
{
	char seen[4096];

	for (size_t step = 1; step <= 64; step += 21) {
		assert_int_equal(print(o, answer, step, seen, sizeof(seen)), code);
		assert_string_equal(seen, want);
	}
}

static void lines_are_passed_on_and_notes_are_not(void **state)
{
	struct pn_flows_options o = plain();

	(void)state;
	assert_printed(&o, "{\"note\": \"gone\"}\n{\"event\":1}\n{\"event\":2}\n", 0,
		       "{\"event\":1}\n{\"event\":2}\n");
	assert_printed(&o, "{\"error\": \"no\"}\n", -EBADMSG, "");
}

static void a_list_has_a_line_for_each_field(void **state)
{
	struct pn_flows_options o = plain();

	(void)state;
	o.output = "dict";
	assert_printed(&o, LINE, 0,
		       "               TIME: 12:00:00.000\n"
		       "             SOURCE: a/b:1\n"
		       "        DESTINATION: c/d:2\n"
		       "           PROTOCOL: TCP\n"
		       "              BYTES: 1 B/2 B\n"
		       "            PACKETS: 1/1\n"
		       "              STATE: closed\n"
		       "     SOURCE ADDRESS: 10.0.0.1\n"
		       "DESTINATION ADDRESS: 10.0.0.2\n"
		       "        ATTRIBUTION: ip/ip\n"
		       "------------\n");
}

static void a_table_has_its_headings_and_is_aligned(void **state)
{
	struct pn_flows_options o = plain();

	(void)state;
	o.output = "table";
	assert_printed(
		&o, LINE LINE, 0,
		"TIME          SOURCE  DESTINATION  PROTOCOL  BYTES    PACKETS  SERVICE  STATE   "
		"SOURCE ADDRESS  DESTINATION ADDRESS  ATTRIBUTION\n"
		"12:00:00.000  a/b:1   c/d:2        TCP       1 B/2 B  1/1      -        closed  "
		"10.0.0.1        10.0.0.2             ip/ip\n"
		"12:00:00.000  a/b:1   c/d:2        TCP       1 B/2 B  1/1      -        closed  "
		"10.0.0.1        10.0.0.2             ip/ip\n");
	assert_printed(&o, "not a record\n", -EPROTO, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_are_asked_for_in_the_same_words),
		cmocka_unit_test(without_a_wish_it_is_the_last_twenty),
		cmocka_unit_test(times_are_ago_or_absolute),
		cmocka_unit_test(filters_reach_the_agent),
		cmocka_unit_test(forms_reach_the_agent),
		cmocka_unit_test(what_does_not_go_together_is_refused),
		cmocka_unit_test(requests_have_an_end),
		cmocka_unit_test(lines_are_passed_on_and_notes_are_not),
		cmocka_unit_test(a_list_has_a_line_for_each_field),
		cmocka_unit_test(a_table_has_its_headings_and_is_aligned),
	};

	return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
