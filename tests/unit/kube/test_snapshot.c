/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What informers know, saved and restored: that all of it comes back, and that a good file outlives
 * every save that does not come to its end. Files that are not taken: test_snapshot_refuse.c.
 */
#include "snapshot_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "kube/snapshot_file.h"
#include "tests/unit/kube/failing_malloc.h"
#include "tests/unit/kube/object_text.h"

/* --- the usual way --- */

static void all_objects_come_back_with_their_version(void **state)
{
	struct pn_informer_status st;
	struct process p;

	(void)state;
	save_some(1000); /* more than a block */
	p = begin_process(NULL);
	assert_int_equal(restore(&p), N);
	for (int i = 0; i < N; i++) {
		pn_informer_status(p.informers[i], &st);
		assert_true(st.is_synced);
		assert_int_equal(st.n_objects, i == 2 ? 0 : 1000);
		assert_int_equal(strtol(st.watch_version, NULL, 10), 100 + i);
	}
	end_process(&p);
}

static void objects_are_the_same_as_before(void **state)
{
	static const struct pn_informer_options labels = { .size = sizeof(labels),
							   .keep_labels = true };
	struct process before = begin_process(&labels), after = begin_process(&labels);
	struct pn_buf want = PN_BUF_INIT(1 << 20), got = PN_BUF_INIT(1 << 20);
	const struct pn_object *obj;
	struct pn_iter it;
	char key[PN_KEY_LEN];

	(void)state;
	learn(before.informers[0], "7", 50);
	assert_int_equal(save(&before), 0);
	assert_int_equal(restore(&after), 1);
	pn_read_begin();
	pn_informer_each(before.informers[0], &it);
	while ((obj = pn_iter_next(&it))) {
		say_object(&want, obj);
		say_object(&got, pn_informer_get(after.informers[0], pn_object_key(obj, key)));
	}
	pn_read_end();
	assert_string_equal(got.data, want.data);
	pn_buf_done(&want);
	pn_buf_done(&got);
	end_process(&before);
	end_process(&after);
}

static void file_is_for_its_owner_alone(void **state)
{
	struct stat st;

	(void)state;
	save_some(1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(access(temporary, F_OK), 0);
}

static void kinds_that_are_not_in_sync_are_left_out(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	learn(p.informers[1], "5", 3);
	assert_int_equal(save(&p), 0);
	end_process(&p);
	p = begin_process(NULL);
	assert_int_equal(restore(&p), 1);
	assert_true(pn_informer_has_synced(p.informers[1]));
	assert_false(pn_informer_has_synced(p.informers[0]));
	end_process(&p);
}

static void who_knows_nothing_saves_nothing(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	save_some(3);
	assert_int_equal(save(&p), -EAGAIN);
	error_has(&p, "nothing is known");
	assert_int_equal(pn_snapshot_save(path, p.informers, 0, IDENTITY, &p.err), -EAGAIN);
	assert_int_not_equal(access(temporary, F_OK), 0);
	end_process(&p);
	holds_some(3);
}

static void other_selections_are_not_restored(void **state)
{
	static const char *const annotations[] = { "a", NULL };
	const struct pn_informer_options others[] = {
		{ .size = sizeof(others[0]), .keep_labels = true },
		{ .size = sizeof(others[0]), .metadata_only = true },
		{ .size = sizeof(others[0]), .label_selector = "a=b" },
		{ .size = sizeof(others[0]), .field_selector = "metadata.name=b" },
		{ .size = sizeof(others[0]), .name_space = "n" },
		{ .size = sizeof(others[0]), .keep_annotations = annotations },
	};
	struct process p;

	(void)state;
	save_some(3);
	for (size_t i = 0; i < PN_ARRAY_SIZE(others); i++) {
		p = begin_process(&others[i]);
		assert_int_equal(restore(&p), 0);
		knows_nothing(&p);
		end_process(&p);
	}
}

static void started_informers_are_left_alone(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	save_some(3);
	assert_int_equal(pn_informer_start(p.informers[0]), 0);
	assert_int_equal(restore(&p), -EBUSY);
	error_has(&p, "pods");
	end_process(&p);
}

/* --- with a server --- */

static void next_process_goes_on_where_this_one_was(void **state)
{
	struct behaviour *b = *state;
	struct pn_err err = { "" };

	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	fetch_list(b, "5", "a@3 ip=10.0.0.1, b@4");
	api_send(&b->api, "MODIFIED b@6, BOOKMARK @9");
	log_is(b->h, "add default/a@3 init, add default/b@4 init, synced, update default/b@4->6");
	until(strcmp(status_of(b).watch_version, "9") == 0);
	assert_int_equal(pn_snapshot_save(path, &b->inf, 1, IDENTITY, &err), 0);
	pn_registration_free(b->h->registration);
	b->h->registration = NULL;
	pn_factory_free(b->factory);
	b->factory = NULL;
	prepare(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	assert_int_equal(pn_snapshot_restore(path, &b->inf, 1, IDENTITY, &err), 1);
	start(b);
	log_is_any_order(b->h, "add default/a@3 init, add default/b@6 init, synced");
	api_expect(&b->api, "WATCH resourceVersion=9");
	api_stream(&b->api);
	api_send(&b->api, "DELETED a@10");
	log_is(b->h, "delete default/a@10");
}

static void check_state(const struct pn_informer_state *s)
{
	assert_int_equal(s->n, 1);
	assert_string_equal(s->objects[0]->resource_version, s->version);
}

/* Each event changes the one object and the version: whenever they are looked at, they are of one moment. */
static void objects_and_version_are_of_one_moment(void **state)
{
	struct behaviour *b = *state;
	struct pn_informer_state s;
	char *events = NULL, last[32];
	unsigned int n_seen = 0;
	size_t len;
	FILE *out = open_memstream(&events, &len);

	for (unsigned int rv = 1000; rv < 1400; rv++)
		(void)fprintf(out, "%sMODIFIED a@%u", rv > 1000 ? ", " : "", rv);
	(void)fclose(out);
	begin(b, .list_mode = PN_LIST_PLAIN, .backoff = NEVER);
	b->h->ignores_rest = true;
	fetch_list(b, "5", "a@5");
	(void)snprintf(last, sizeof(last), "%u", 1399);
	b->api.chunk_bytes = 100;
	api_send(&b->api, events);
	do {
		assert_int_equal(pn_informer_state(b->inf, &s), 0);
		check_state(&s);
		n_seen += strcmp(s.version, last) == 0;
		pn_informer_state_done(&s);
	} while (!n_seen);
	free(events);
}

/* --- saving that does not come to its end --- */

/* In another process: the beginning of a file is written, @tell hears of it, and then nothing more happens. */
static void begin_to_save(int tell)
{
	struct pn_snapshot_writer w;

	if (pn_snapshot_create(&w, path, NULL) != 0)
		_exit(1);
	pn_pb_put_text(&w.block, PB_HEAD_IDENTITY, IDENTITY);
	if (pn_snapshot_write(&w, PN_BLOCK_HEAD, NULL) != 0)
		_exit(1);
	if (write(tell, "x", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

static void old_file_outlives_a_kill_while_saving(void **state)
{
	int pipe_fds[2], status;
	char byte;
	pid_t pid;

	(void)state;
	save_some(3);
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		begin_to_save(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(access(temporary, F_OK), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	holds_some(3);
	save_some(4); /* what was left behind is in nobody's way */
	holds_some(4);
	assert_int_not_equal(access(temporary, F_OK), 0);
}

static void old_file_outlives_a_full_disk(void **state)
{
	const struct rlimit little = { 4096, 4096 };
	struct process p;
	int status;
	pid_t pid;

	(void)state;
	save_some(3);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &little);
		p = begin_process(NULL);
		learn(p.informers[0], "100", 1000);
		_exit(save(&p) == -EFBIG && strstr(p.err.text, path) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_not_equal(access(temporary, F_OK), 0);
	holds_some(3);
}

static void name_that_leads_elsewhere_is_not_followed(void **state)
{
	char victim[80], text[8] = "";
	int fd;

	(void)state;
	(void)snprintf(victim, sizeof(victim), "%s/victim", dir);
	fd = open(victim, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "mine", 4), 4);
	assert_int_equal(symlink(victim, temporary), 0);
	save_some(3);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	assert_string_equal(text, "mine");
	(void)close(fd);
	(void)unlink(victim);
	holds_some(3);
}

static void directory_that_is_not_there_is_named(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	learn(p.informers[0], "5", 1);
	assert_int_equal(pn_snapshot_save("/nowhere/state", p.informers, N, IDENTITY, &p.err),
			 -ENOENT);
	assert_non_null(strstr(p.err.text, "/nowhere/state: No such file"));
	end_process(&p);
}

/* --- lack of memory at every point --- */

/*
 * With another allocation failing each time, until none does. Some are made smaller, and may fail.
 * Return: what @act did; whether there is more to try is in has_failed
 */
static int with_failure(int (*act)(struct process *p), struct process *p, unsigned long nth,
			int success)
{
	int r;

	has_failed = false;
	n_until_failure = nth;
	r = act(p);
	n_until_failure = 0;
	assert_true(r == success || (has_failed && r == -ENOMEM));
	if (r < 0)
		error_has(p, "emory");
	return r;
}

static void saving_without_memory_leaves_the_old_file(void **state)
{
	unsigned long n = 0, n_failed = 0;
	struct process p;

	(void)state;
	need_malloc();
	p = begin_process(NULL);
	learn(p.informers[0], "200", 300);
	do {
		save_some(3);
		if (with_failure(save, &p, ++n, 0) < 0) {
			n_failed++;
			assert_int_not_equal(access(temporary, F_OK), 0);
			holds_some(3);
		}
	} while (has_failed);
	assert_true(n_failed > 3);
	end_process(&p);
}

static void restoring_without_memory_is_said(void **state)
{
	unsigned long n = 0, n_failed = 0;
	struct process p;

	(void)state;
	need_malloc();
	save_some(3);
	do {
		p = begin_process(NULL);
		n_failed += with_failure(restore, &p, ++n, N) < 0;
		end_process(&p);
	} while (has_failed);
	assert_true(n_failed > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_objects_come_back_with_their_version),
		cmocka_unit_test(objects_are_the_same_as_before),
		cmocka_unit_test(file_is_for_its_owner_alone),
		cmocka_unit_test(kinds_that_are_not_in_sync_are_left_out),
		cmocka_unit_test(who_knows_nothing_saves_nothing),
		cmocka_unit_test(other_selections_are_not_restored),
		cmocka_unit_test(started_informers_are_left_alone),
		scenario(next_process_goes_on_where_this_one_was),
		scenario(objects_and_version_are_of_one_moment),
		cmocka_unit_test(old_file_outlives_a_kill_while_saving),
		cmocka_unit_test(old_file_outlives_a_full_disk),
		cmocka_unit_test(name_that_leads_elsewhere_is_not_followed),
		cmocka_unit_test(directory_that_is_not_there_is_named),
		cmocka_unit_test(saving_without_memory_leaves_the_old_file),
		cmocka_unit_test(restoring_without_memory_is_said),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
