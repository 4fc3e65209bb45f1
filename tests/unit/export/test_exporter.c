/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exporter with a kind of sink that the test drives: whatever the receiver does, records told are
 * those sent, dropped and waiting together. And the kind `file`, with files that are moved away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "export/sink_kinds.h"
#include "tests/unit/export/exporter_fixture.h"

/* --- a sink that does as it is told -------------------------------------------------------------- */

enum { RECORD_BYTES = 1000 };

static struct world {
	pthread_mutex_t lock;
	int answer;	   /* of send() */
	bool keeps;	   /* takes records over, and confirms them when it is attended to */
	bool refuses;	   /* loses what it is given */
	bool does_not_fit; /* of encode() */
	uint64_t n_kept, n_calls;
	struct pn_exporter *x;
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int fake_open(const struct pn_sink_setup *setup, void **ret, struct pn_err *reterr)
{
	if (strcmp(setup->target, "bad") == 0)
		return pn_err_set(reterr, -EINVAL, "no such place");
	world.x = setup->exporter;
	*ret = &world;
	return 0;
}

static int fake_encode(void *sink, const struct pn_flow_record *r, struct pn_buf *out)
{
	static const char bytes[RECORD_BYTES];
	struct world *w = sink;

	(void)r;
	return w->does_not_fit ? -EMSGSIZE : pn_buf_put(out, bytes, sizeof(bytes));
}

static int fake_send(void *sink, struct pn_batch *b, struct pn_err *reterr)
{
	struct world *w = sink;
	int r;

	(void)pthread_mutex_lock(&w->lock);
	w->n_calls++;
	r = w->answer;
	if (r == 0 && w->keeps)
		w->n_kept += b->n_records;
	else if (r == 0 && w->refuses)
		pn_exporter_lost(w->x, PN_LOSS_REFUSED, b->n_records);
	else if (r == 0)
		pn_exporter_sent(w->x, b->n_records);
	(void)pthread_mutex_unlock(&w->lock);
	return r < 0 ? pn_err_set(reterr, r, "nobody there") : 0;
}

static int fake_attend(void *sink, struct pn_err *reterr)
{
	struct world *w = sink;

	(void)reterr;
	(void)pthread_mutex_lock(&w->lock);
	if (!w->keeps && w->n_kept) {
		pn_exporter_sent(w->x, w->n_kept);
		w->n_kept = 0;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

static void fake_close(void *sink)
{
	(void)sink;
}

static const struct pn_sink_option no_options[] = { { .name = NULL } };

static const struct pn_sink_kind fake = {
	.name = "fake",
	.target = "PLACE",
	.options = no_options,
	.attend_ms = 1,
	.open = fake_open,
	.encode = fake_encode,
	.send = fake_send,
	.attend = fake_attend,
	.close = fake_close,
};

static const struct pn_sink_kind *const kinds[] = { &fake, &pn_sink_kind_file };

static void set_answer(int answer)
{
	(void)pthread_mutex_lock(&world.lock);
	world.answer = answer;
	(void)pthread_mutex_unlock(&world.lock);
}

static struct pn_exporter *begin(const char *spec)
{
	struct pn_exporter *x = NULL;
	struct pn_err err = { "" };

	world = (struct world) { .lock = PTHREAD_MUTEX_INITIALIZER };
	pn_log_set_level(PN_LOG_ERR);
	assert_int_equal(pn_exporter_new(spec, kinds, PN_ARRAY_SIZE(kinds), "n1", &x, &err), 0);
	assert_int_equal(pn_exporter_start(x), 0);
	return x;
}

/* --- the queue ----------------------------------------------------------------------------------- */

static void what_is_told_is_sent(void **state)
{
	struct pn_exporter *x = begin("fake:there");

	(void)state;
	for (unsigned int i = 0; i < 50; i++) {
		record(x, i);
		(void)look(x);
	}
	await_nothing_waits(x);
	assert_int_equal(look(x).sent, 49 * 50 / 2);
	assert_int_equal(look(x).retries, 0);
	pn_exporter_free(x);
}

static void while_the_receiver_is_away_the_queue_fills_and_the_rest_is_counted(void **state)
{
	struct pn_exporter *x = begin("fake:there,queue=200K,retry-max=100ms");
	struct pn_exporter_stats s;

	(void)state;
	set_answer(-ECONNREFUSED);
	record(x, 1000);
	while (look(x).retries < 2)
		nap();
	s = look(x);
	assert_string_equal(s.error.text, "nobody there");
	assert_true(s.dropped[PN_LOSS_QUEUE_FULL] > 0);
	assert_true(s.waiting * RECORD_BYTES <= 200 << 10);
	assert_true((s.waiting + 66) * RECORD_BYTES > 200 << 10); /* all but less than a batch */
	set_answer(0);
	await_nothing_waits(x);
	record(x, 5);
	await_nothing_waits(x);
	assert_int_equal(look(x).told, 1005);
	assert_int_equal(look(x).sent, 1005 - s.dropped[PN_LOSS_QUEUE_FULL]);
	assert_string_equal(look(x).error.text, "");
	pn_exporter_free(x);
}

static void what_a_sink_has_taken_over_waits_until_it_is_confirmed(void **state)
{
	struct pn_exporter *x = begin("fake:there");
	uint64_t n_kept = 0;

	(void)state;
	world.keeps = true;
	record(x, 100);
	while (n_kept != 100) {
		nap();
		(void)pthread_mutex_lock(&world.lock);
		n_kept = world.n_kept;
		(void)pthread_mutex_unlock(&world.lock);
	}
	assert_int_equal(look(x).waiting, 100);
	(void)pthread_mutex_lock(&world.lock);
	world.keeps = false;
	(void)pthread_mutex_unlock(&world.lock);
	await_nothing_waits(x);
	assert_int_equal(look(x).sent, 100);
	pn_exporter_free(x);
}

static void what_is_refused_or_does_not_fit_is_counted_as_that(void **state)
{
	struct pn_exporter *x = begin("fake:there");

	(void)state;
	world.refuses = true;
	record(x, 7);
	await_nothing_waits(x);
	world.does_not_fit = true;
	record(x, 3);
	assert_int_equal(look(x).dropped[PN_LOSS_REFUSED], 7);
	assert_int_equal(look(x).dropped[PN_LOSS_NOT_ENCODED], 3);
	assert_int_equal(look(x).told, 10);
	pn_exporter_free(x);
}

static void at_the_end_what_waits_is_tried_once_more_and_then_lost(void **state)
{
	struct pn_exporter *x = begin("fake:there,retry-max=1h");
	struct pn_exporter_stats s;

	(void)state;
	set_answer(-ECONNREFUSED);
	record(x, 10);
	while (look(x).retries < 1)
		nap();
	set_answer(0);
	pn_exporter_stop(x); /* long before the pause is over */
	pn_exporter_join(x);
	assert_int_equal(look(x).sent, 10);
	pn_exporter_free(x);

	x = begin("fake:there");
	set_answer(-ECONNREFUSED);
	record(x, 10);
	pn_exporter_stop(x);
	pn_exporter_join(x);
	s = look(x);
	assert_int_equal(s.dropped[PN_LOSS_SHUTDOWN], 10);
	assert_int_equal(s.waiting, 0);
	pn_exporter_free(x);
}

static void a_place_that_cannot_be_opened_is_refused_with_its_words(void **state)
{
	struct pn_exporter *x = NULL;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(pn_exporter_new("fake:bad", kinds, PN_ARRAY_SIZE(kinds), "", &x, &err),
			 -EINVAL);
	assert_string_equal(err.text, "no such place");
	assert_null(x);
}

/* --- files --------------------------------------------------------------------------------------- */

struct place {
	char dir[32], spec[128], file[64];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	(void)strcpy(p->dir, "/tmp/pn-export-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	(void)snprintf(p->file, sizeof(p->file), "%s/flows", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[64];
	int r;

	(void)snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	r = system(command); /* NOLINT(cert-env33-c) */
	free(p);
	return r;
}

static const char *spec_of(struct place *p, const char *options)
{
	(void)snprintf(p->spec, sizeof(p->spec), "file:%s%s", p->file, options);
	return p->spec;
}

/* Lines of PATH and what stands behind it; each is whole. -1: there is no such file */
static long lines_of(const struct place *p, const char *suffix, long *ret_size)
{
	char path[96], c = '\n';
	long n = 0, size = 0;
	FILE *f;
	int got;

	(void)snprintf(path, sizeof(path), "%s%s", p->file, suffix);
	f = fopen(path, "re");
	if (!f)
		return -1;
	for (; (got = fgetc(f)) != EOF; size++) {
		c = (char)got;
		n += c == '\n';
	}
	(void)fclose(f);
	assert_true(c == '\n');
	if (ret_size)
		*ret_size = size;
	return n;
}

static void files_are_rotated_by_size_and_end_in_whole_lines(void **state)
{
	struct place *p = *state;
	struct pn_exporter *x = begin(spec_of(p, ",max-size=8K,keep=2"));
	long n[3], size[3];

	for (int i = 0; i < 10; i++)
		record(x, 7);
	await_nothing_waits(x);
	assert_int_equal(look(x).sent, 70);
	n[0] = lines_of(p, "", &size[0]);
	n[1] = lines_of(p, ".1", &size[1]);
	n[2] = lines_of(p, ".2", &size[2]);
	assert_int_equal(lines_of(p, ".3", NULL), -1);
	for (int i = 0; i < 3; i++)
		assert_true(n[i] > 0 && size[i] <= 8192);
	assert_int_equal(n[1], n[2]);
	assert_true(size[1] > 8192 - size[1] / n[1]); /* one line more would not have fit */
	pn_exporter_free(x);
}

static void a_line_longer_than_a_file_may_be_has_one_of_its_own(void **state)
{
	struct place *p = *state;
	struct pn_exporter *x = begin(spec_of(p, ",max-size=4K,keep=3"));
	struct pn_owner owner = owner_web;
	struct pn_flow_record r = sample_record();
	char *name = calloc(1, 6001);

	assert_non_null(name);
	memset(name, 'x', 6000);
	owner.name = name;
	r.source.owner = &owner;
	for (int i = 0; i < 3; i++)
		pn_exporter_record(x, &r);
	pn_exporter_flush(x);
	await_nothing_waits(x);
	assert_int_equal(lines_of(p, "", NULL), 1);
	assert_int_equal(lines_of(p, ".1", NULL), 1);
	assert_int_equal(lines_of(p, ".2", NULL), 1);
	assert_int_equal(lines_of(p, ".3", NULL), -1);
	pn_exporter_free(x);
	free(name);
}

static void without_any_to_keep_an_old_file_is_removed(void **state)
{
	struct place *p = *state;
	struct pn_exporter *x = begin(spec_of(p, ",max-size=8K,keep=0"));
	long size;

	record(x, 70);
	await_nothing_waits(x);
	assert_true(lines_of(p, "", &size) > 0 && size <= 8192);
	assert_int_equal(lines_of(p, ".1", NULL), -1);
	pn_exporter_free(x);
}

static void a_file_that_somebody_has_moved_away_is_made_anew(void **state)
{
	struct place *p = *state;
	struct pn_exporter *x = begin(spec_of(p, ""));
	char moved[96];

	record(x, 5);
	await_nothing_waits(x);
	(void)snprintf(moved, sizeof(moved), "%s.old", p->file);
	assert_int_equal(rename(p->file, moved), 0);
	record(x, 3);
	await_nothing_waits(x);
	assert_int_equal(lines_of(p, ".old", NULL), 5);
	assert_int_equal(lines_of(p, "", NULL), 3);
	assert_int_equal(unlink(p->file), 0);
	record(x, 2);
	await_nothing_waits(x);
	assert_int_equal(lines_of(p, "", NULL), 2);
	pn_exporter_free(x);
}

static void a_torn_line_of_another_process_is_ended(void **state)
{
	struct place *p = *state;
	struct pn_exporter *x;
	int fd = open(p->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "half", 4), 4);
	(void)close(fd);
	x = begin(spec_of(p, ",format=netobserv"));
	record(x, 1);
	await_nothing_waits(x);
	assert_int_equal(lines_of(p, "", NULL), 2);
	pn_exporter_free(x);
}

static void a_folder_that_goes_is_waited_for(void **state)
{
	struct place *p = *state;
	struct pn_exporter *x = begin(spec_of(p, ",retry-max=100ms"));

	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(rmdir(p->dir), 0);
	record(x, 4);
	while (!look(x).retries)
		nap();
	assert_non_null(strstr(look(x).error.text, "cannot be opened: No such file"));
	assert_int_equal(mkdir(p->dir, 0700), 0);
	await_nothing_waits(x);
	assert_int_equal(lines_of(p, "", NULL), 4);
	pn_exporter_free(x);
}

static void what_is_no_file_is_refused(void **state)
{
	struct pn_exporter *x = NULL;
	struct pn_err err = { "" };

	(void)state;
	assert_int_equal(
		pn_exporter_new("file:/dev/null", kinds, PN_ARRAY_SIZE(kinds), "", &x, &err),
		-EINVAL);
	assert_string_equal(err.text, "/dev/null: is no regular file; --output writes to others");
	assert_int_equal(pn_exporter_new("file:/none/x", kinds, PN_ARRAY_SIZE(kinds), "", &x, &err),
			 -ENOENT);
	assert_null(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_sent),
		cmocka_unit_test(
			while_the_receiver_is_away_the_queue_fills_and_the_rest_is_counted),
		cmocka_unit_test(what_a_sink_has_taken_over_waits_until_it_is_confirmed),
		cmocka_unit_test(what_is_refused_or_does_not_fit_is_counted_as_that),
		cmocka_unit_test(at_the_end_what_waits_is_tried_once_more_and_then_lost),
		cmocka_unit_test(a_place_that_cannot_be_opened_is_refused_with_its_words),
		cmocka_unit_test_setup_teardown(files_are_rotated_by_size_and_end_in_whole_lines,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_longer_than_a_file_may_be_has_one_of_its_own,
						setup, teardown),
		cmocka_unit_test_setup_teardown(without_any_to_keep_an_old_file_is_removed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_that_somebody_has_moved_away_is_made_anew,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_line_of_another_process_is_ended, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_goes_is_waited_for, setup, teardown),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
