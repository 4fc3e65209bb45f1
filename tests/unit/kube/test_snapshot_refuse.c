/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of what informers know that are not taken: of another place or time, damaged, or with content
 * that makes no sense. No file, whatever is in it, is the reason for more than a list.
 */
#include "snapshot_fixture.h"

#include <fcntl.h>

#include "base/version.h"
#include "kube/snapshot_file.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
