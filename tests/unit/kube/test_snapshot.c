/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What informers know, saved and restored: that all of it comes back, and that no file, whatever is in
 * it, is the reason for more than a list.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/version.h"
#include "kube/informer_private.h"
#include "kube/snapshot.h"
#include "kube/snapshot_file.h"
#include "tests/unit/kube/behaviour.h"
#include "tests/unit/kube/failing_malloc.h"
#include "tests/unit/kube/object_text.h"

#define IDENTITY "https://10.96.0.1"

static char dir[] = "/tmp/podonym-snapshot-XXXXXX";
static char path[64], temporary[80];

enum { N = 3 };
static const enum pn_kind_id kinds[N] = { PN_KIND_POD, PN_KIND_NODE, PN_KIND_NAMESPACE };

/* Informers of a process: before nobody's server, never started. */
struct process {
	struct pn_factory *factory;
	struct pn_informer *informers[N];
	struct pn_err err;
};

static struct process begin_process(const struct pn_informer_options *options)
{
	static const struct pn_factory_options nowhere = { .size = sizeof(nowhere),
							   .server = "http://127.0.0.1:1" };
	struct process p = { .factory = NULL };

	assert_int_equal(pn_factory_new(&nowhere, &p.factory, NULL), 0);
	for (int i = 0; i < N; i++) {
		p.informers[i] = pn_factory_informer(p.factory, kinds[i], options, NULL);
		assert_non_null(p.informers[i]);
	}
	return p;
}

static void end_process(struct process *p)
{
	pn_factory_free(p->factory);
}

static int save(struct process *p)
{
	return pn_snapshot_save(path, p->informers, N, IDENTITY, &p->err);
}

static int restore(struct process *p)
{
	return pn_snapshot_restore(path, p->informers, N, IDENTITY, &p->err);
}

static void error_has(const struct process *p, const char *text)
{
	if (!strstr(p->err.text, text) || !strstr(p->err.text, path))
		fail_msg("the error is \"%s\"", p->err.text);
}

static void knows_nothing(const struct process *p)
{
	for (int i = 0; i < N; i++) {
		assert_false(pn_informer_has_synced(p->informers[i]));
		assert_int_equal(pn_informer_count(p->informers[i]), 0);
	}
}

static struct pn_object *new_object(const struct pn_informer *inf, const char *json)
{
	const struct pn_decoding d = { .kind = inf->kind, .keep_labels = inf->options.keep_labels };
	struct pn_object *obj = NULL;
	json_t *tree = json_loads(json, 0, NULL);

	assert_int_equal(d.kind->decode_json(&d, tree, &obj, NULL), 0);
	json_decref(tree);
	return obj;
}

static void learn(struct pn_informer *inf, const char *version, unsigned int n)
{
	const struct pn_object **objects = calloc(n + 1, sizeof(*objects));
	char json[400];

	for (unsigned int i = 0; i < n; i++) {
		(void)snprintf(json, sizeof(json),
			       "{\"metadata\":{\"name\":\"o-%u\",\"resourceVersion\":\"%u\","
			       "\"labels\":{\"a\":\"%u\"}},\"spec\":{\"nodeName\":\"node\"},"
			       "\"status\":{\"phase\":\"Running\",\"podIP\":\"10.%u.%u.%u\"}}",
			       i, i + 1, i, i >> 16, i >> 8 & 255, i & 255);
		objects[i] = new_object(inf, json);
	}
	assert_int_equal(pn_informer_restore(inf, objects, n, version), 0);
	for (unsigned int i = 0; i < n; i++)
		pn_object_unref(objects[i]);
	free(objects);
}

/* A process that knows @n objects of each kind, and a file of it. */
static void save_some(unsigned int n)
{
	struct process p = begin_process(NULL);

	learn(p.informers[0], "100", n);
	learn(p.informers[1], "101", n);
	learn(p.informers[2], "102", 0);
	if (save(&p) != 0)
		fail_msg("%s", p.err.text);
	end_process(&p);
}

static void holds_some(unsigned int n)
{
	struct process p = begin_process(NULL);

	assert_int_equal(restore(&p), N);
	assert_int_equal(pn_informer_count(p.informers[0]), n);
	assert_int_equal(pn_informer_count(p.informers[1]), n);
	end_process(&p);
}

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

/* --- files that are not taken --- */

static void missing_file_is_no_error_of_note(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	(void)unlink(path);
	assert_int_equal(restore(&p), -ENOENT);
	error_has(&p, "No such file");
	knows_nothing(&p);
	end_process(&p);
}

static void file_of_another_cluster_is_not_taken(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	save_some(3);
	assert_int_equal(pn_snapshot_restore(path, p.informers, N, "https://10.96.0.2", &p.err),
			 -ESTALE);
	error_has(&p, "another cluster");
	knows_nothing(&p);
	end_process(&p);
}

static void identity_tells_servers_and_authorities_apart(void **state)
{
	char url[] = "https://10.96.0.1:443", other_url[] = "https://10.96.0.2:443";
	char ca[] = "one", other_ca[] = "other", missing[] = "/nowhere/ca.crt";
	const struct pn_kube_config configs[] = {
		{ .server = url },
		{ .server = other_url },
		{ .server = url, .ca_pem = ca },
		{ .server = url, .ca_pem = other_ca },
	};
	const struct pn_kube_config without = { .server = url, .ca_file = missing };
	char texts[4][PN_SNAPSHOT_IDENTITY_LEN], again[PN_SNAPSHOT_IDENTITY_LEN];

	(void)state;
	for (int i = 0; i < 4; i++) {
		(void)pn_snapshot_identity(&configs[i], texts[i]);
		assert_string_equal(pn_snapshot_identity(&configs[i], again), texts[i]);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(texts[i], texts[k]);
	}
	assert_string_equal(pn_snapshot_identity(&without, again), texts[0]);
}

static pn_nsec wall;

static pn_nsec fake_wall(void *data)
{
	(void)data;
	return wall;
}

static void file_of_another_time_is_not_taken(void **state)
{
	struct process p = begin_process(NULL);
	struct pn_clock clock = pn_clock_system;
	pn_nsec now = pn_clock_realtime(&pn_clock_system);

	(void)state;
	save_some(3);
	clock.realtime = fake_wall;
	p.factory->clock = &clock;
	wall = now + (PN_SNAPSHOT_MAX_AGE_S + 100) * PN_NSEC_PER_SEC;
	assert_int_equal(restore(&p), -ESTALE);
	error_has(&p, "not of the last 600 seconds");
	wall = now - (PN_SNAPSHOT_MAX_AGE_S + 100) * PN_NSEC_PER_SEC;
	assert_int_equal(restore(&p), -ESTALE);
	error_has(&p, "not of the last 600 seconds");
	wall = 0;
	assert_int_equal(restore(&p), -ESTALE);
	knows_nothing(&p);
	wall = now + (PN_SNAPSHOT_MAX_AGE_S - 100) * PN_NSEC_PER_SEC;
	assert_int_equal(restore(&p), N);
	p.factory->clock = &pn_clock_system;
	end_process(&p);
}

/* A server that is away does not make them young. */
static void objects_stay_as_old_as_they_are(void **state)
{
	struct process p = begin_process(NULL);
	struct pn_clock clock = pn_clock_system;
	pn_nsec now = pn_clock_realtime(&pn_clock_system);

	(void)state;
	save_some(3);
	clock.realtime = fake_wall;
	p.factory->clock = &clock;
	wall = now + (PN_SNAPSHOT_MAX_AGE_S - 100) * PN_NSEC_PER_SEC;
	assert_int_equal(restore(&p), N);
	assert_int_equal(save(&p), 0);
	p.factory->clock = &pn_clock_system;
	end_process(&p);
	p = begin_process(NULL);
	p.factory->clock = &clock;
	wall = now + (PN_SNAPSHOT_MAX_AGE_S + 100) * PN_NSEC_PER_SEC;
	assert_int_equal(restore(&p), -ESTALE);
	p.factory->clock = &pn_clock_system;
	end_process(&p);
}

static size_t read_file(char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, to, size);

	(void)close(fd);
	assert_in_range(n, 1, size - 1);
	return (size_t)n;
}

static void write_file(const char *from, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, from, len), len);
	(void)close(fd);
}

static void file_cut_anywhere_is_not_taken(void **state)
{
	struct process p = begin_process(NULL);
	char file[4096];
	size_t len;

	(void)state;
	save_some(3);
	len = read_file(file, sizeof(file));
	for (size_t n = 0; n < len; n++) {
		write_file(file, n);
		assert_int_equal(restore(&p), -EBADMSG);
		error_has(&p, "ends too early");
	}
	file[len] = 0;
	write_file(file, len + 1);
	assert_int_equal(restore(&p), -EBADMSG);
	error_has(&p, "behind the end");
	knows_nothing(&p);
	end_process(&p);
}

static void file_with_any_bit_flipped_is_not_taken(void **state)
{
	struct process p = begin_process(NULL);
	char file[4096];
	size_t len;

	(void)state;
	save_some(3);
	len = read_file(file, sizeof(file));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		file[bit / 8] ^= (char)(1 << bit % 8);
		write_file(file, len);
		assert_int_equal(restore(&p), -EBADMSG);
		assert_true(strstr(p.err.text, "damaged at byte") ||
			    strstr(p.err.text, "does not hold saved objects"));
		file[bit / 8] ^= (char)(1 << bit % 8);
	}
	knows_nothing(&p);
	write_file(file, len);
	assert_int_equal(restore(&p), N);
	end_process(&p);
}

/* Whole blocks, each as it was. */
static void file_without_one_of_its_blocks_is_not_taken(void **state)
{
	struct process p = begin_process(NULL);
	size_t at[16], n = 0, len, size;
	char file[4096], other[4096];
	uint32_t block_len;

	(void)state;
	save_some(3);
	len = read_file(file, sizeof(file));
	for (at[0] = 8; at[n] < len; n++) {
		memcpy(&block_len, file + at[n] + 12, sizeof(block_len));
		at[n + 1] = at[n] + 16 + block_len;
	}
	assert_int_equal(at[n], len);
	assert_true(n >= 6);
	for (size_t i = 0; i < n; i++) {
		memcpy(other, file, at[i]);
		size = len - at[i + 1];
		memcpy(other + at[i], file + at[i + 1], size);
		write_file(other, at[i] + size);
		assert_int_equal(restore(&p), -EBADMSG);
	}
	knows_nothing(&p);
	end_process(&p);
}

static void file_of_others_is_not_taken(void **state)
{
	struct process p = begin_process(NULL);

	(void)state;
	save_some(3);
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(restore(&p), -EPERM);
	error_has(&p, "others");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(restore(&p), -EPERM);
	error_has(&p, "not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(restore(&p), -EPERM);
	assert_int_equal(rmdir(path), 0);
	write_file("", 0);
	assert_int_equal(truncate(path, (off_t)PN_SNAPSHOT_MAX_BYTES + 1), 0);
	assert_int_equal(restore(&p), -EFBIG);
	error_has(&p, "larger than");
	assert_int_equal(unlink(path), 0);
	knows_nothing(&p);
	end_process(&p);
}

/* --- files with the right checksums and the wrong things in them --- */

static const char pod[] = "\x0a\x03\x0a\x01"
			  "a"; /* metadata: name: a */

static void put_block(struct pn_snapshot_writer *w, enum pn_block type)
{
	assert_int_equal(pn_snapshot_write(w, type, NULL), 0);
}

static void put_head(struct pn_snapshot_writer *w, const char *build)
{
	pn_pb_put_text(&w->block, PB_HEAD_BUILD, build);
	pn_pb_put_text(&w->block, PB_HEAD_IDENTITY, IDENTITY);
	put_block(w, PN_BLOCK_HEAD);
}

static void put_kind(struct pn_snapshot_writer *w, const char *version, uint64_t count)
{
	pn_pb_put_text(&w->block, PB_KIND_SELECTION, "/v1 pods\n\n\n");
	pn_pb_put_text(&w->block, PB_KIND_VERSION, version);
	pn_pb_put_int(&w->block, PB_KIND_COUNT, count);
	pn_pb_put_int(&w->block, PB_KIND_AS_OF,
		      pn_clock_realtime(&pn_clock_system) / PN_NSEC_PER_SEC);
	put_block(w, PN_BLOCK_KIND);
}

static void put_pods(struct pn_snapshot_writer *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		pn_pb_put_bytes(&w->block, PB_OBJECTS_OBJECT, pod, sizeof(pod) - 1);
	put_block(w, PN_BLOCK_OBJECTS);
}

static void put_raw(struct pn_snapshot_writer *w, enum pn_block type, const char *bytes)
{
	assert_int_equal(pn_buf_put(&w->block.buf, bytes, strlen(bytes)), 0);
	put_block(w, type);
}

static void write_good(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 2);
	put_pods(w, 2);
}

static void write_no_head(struct pn_snapshot_writer *w)
{
	put_kind(w, "5", 0);
}

static void write_nothing(struct pn_snapshot_writer *w)
{
	(void)w;
}

static void write_odd_head(struct pn_snapshot_writer *w)
{
	put_raw(w, PN_BLOCK_HEAD, "\x0a\x7f");
}

static void write_another_build(struct pn_snapshot_writer *w)
{
	put_head(w, "v0.0.0");
}

static void write_kind_twice(struct pn_snapshot_writer *w)
{
	write_good(w);
	put_kind(w, "5", 0);
}

static void write_no_version(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "", 0);
}

static void write_long_version(struct pn_snapshot_writer *w)
{
	char text[200];

	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	put_head(w, pn_version());
	put_kind(w, text, 0);
}

static void write_odd_kind(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_raw(w, PN_BLOCK_KIND, "\x0a\x7f");
}

static void write_huge_count(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", UINT64_MAX);
}

static void write_more_pods(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 2);
	put_pods(w, 1);
	put_pods(w, 2);
}

static void write_fewer_pods(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 2);
	put_pods(w, 1);
}

static void write_no_pod(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 1);
	pn_pb_put_bytes(&w->block, PB_OBJECTS_OBJECT, "\x0a", 1);
	put_block(w, PN_BLOCK_OBJECTS);
}

static void write_pod_without_name(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 1);
	pn_pb_put_bytes(&w->block, PB_OBJECTS_OBJECT, "", 0);
	put_block(w, PN_BLOCK_OBJECTS);
}

static void write_odd_objects(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 1);
	put_raw(w, PN_BLOCK_OBJECTS, "\x0a\x7f");
}

static void write_number_for_an_object(struct pn_snapshot_writer *w)
{
	put_head(w, pn_version());
	put_kind(w, "5", 1);
	pn_pb_put_int(&w->block, PB_OBJECTS_OBJECT, 1);
	put_block(w, PN_BLOCK_OBJECTS);
}

static void write_unknown_block(struct pn_snapshot_writer *w)
{
	write_good(w);
	put_raw(w, (enum pn_block)77, "");
}

static void write_second_head(struct pn_snapshot_writer *w)
{
	write_good(w);
	put_head(w, pn_version());
}

static void wrong_content_is_named(void **state)
{
	static const struct {
		void (*write)(struct pn_snapshot_writer *w);
		int result;
		const char *words;
	} files[] = {
		{ write_good, 1, NULL },
		{ write_nothing, -EBADMSG, "no head" },
		{ write_no_head, -EBADMSG, "no head" },
		{ write_odd_head, -EBADMSG, "no head" },
		{ write_another_build, -ESTALE, "another build" },
		{ write_kind_twice, -EBADMSG, "second time" },
		{ write_no_version, -EBADMSG, "without a version" },
		{ write_long_version, -EBADMSG, "without a version" },
		{ write_odd_kind, -EBADMSG, "no kind" },
		{ write_huge_count, -EBADMSG, "too many objects" },
		{ write_more_pods, -EBADMSG, "more objects" },
		{ write_fewer_pods, -EBADMSG, "fewer objects" },
		{ write_no_pod, -EBADMSG, "protobuf" },
		{ write_pod_without_name, -EBADMSG, "name: missing" },
		{ write_odd_objects, -EBADMSG, "no objects" },
		{ write_number_for_an_object, -EBADMSG, "something else" },
		{ write_unknown_block, -EBADMSG, "unknown type" },
		{ write_second_head, -EBADMSG, "unknown type" },
	};
	struct pn_snapshot_writer w;
	struct process p;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(files); i++) {
		assert_int_equal(pn_snapshot_create(&w, path, NULL), 0);
		files[i].write(&w);
		assert_int_equal(pn_snapshot_finish(&w, NULL), 0);
		pn_snapshot_discard(&w);
		p = begin_process(NULL);
		assert_int_equal(restore(&p), files[i].result);
		if (files[i].words) {
			error_has(&p, files[i].words);
			knows_nothing(&p);
		}
		end_process(&p);
	}
}

/* --- saving that does not come to its end --- */

/* In another process: half a file is written, @tell hears of it, and then nothing more happens. */
static void begin_to_save(int tell)
{
	struct pn_snapshot_writer w;

	if (pn_snapshot_create(&w, path, NULL) != 0)
		_exit(1);
	write_good(&w);
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

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/objects", dir);
	(void)snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
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
		cmocka_unit_test(missing_file_is_no_error_of_note),
		cmocka_unit_test(file_of_another_cluster_is_not_taken),
		cmocka_unit_test(identity_tells_servers_and_authorities_apart),
		cmocka_unit_test(file_of_another_time_is_not_taken),
		cmocka_unit_test(objects_stay_as_old_as_they_are),
		cmocka_unit_test(file_cut_anywhere_is_not_taken),
		cmocka_unit_test(file_with_any_bit_flipped_is_not_taken),
		cmocka_unit_test(file_without_one_of_its_blocks_is_not_taken),
		cmocka_unit_test(file_of_others_is_not_taken),
		cmocka_unit_test(wrong_content_is_named),
		cmocka_unit_test(old_file_outlives_a_kill_while_saving),
		cmocka_unit_test(old_file_outlives_a_full_disk),
		cmocka_unit_test(name_that_leads_elsewhere_is_not_followed),
		cmocka_unit_test(directory_that_is_not_there_is_named),
		cmocka_unit_test(saving_without_memory_leaves_the_old_file),
		cmocka_unit_test(restoring_without_memory_is_said),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
