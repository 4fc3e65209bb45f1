/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes saved objects. The first byte chooses: any bytes as a file; blocks with the right checksums
 * and anything in them, so that what is behind the checksums is reached; or a message, of which an
 * object is made that has to be the same after it was saved and restored. Either all of a file is
 * taken or nothing of it, and then it is said why.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/intern.h"
#include "base/version.h"
#include "kube/controller.h"
#include "kube/encode.h"
#include "kube/informer_private.h"
#include "kube/snapshot.h"
#include "kube/snapshot_file.h"
#include "tests/fuzz/check_object.h"

#define assert_int_equal(a, b) assert((a) == (b))
#include "tests/unit/kube/object_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N = PN_KIND_GENERIC };

static struct pn_factory *factory;
static struct pn_informer *informers[N];
static char path[64];

/* A file of the corpus stays as young as it is. */
static pn_nsec standing_still(void *data)
{
	(void)data;
	return 1780000000 * PN_NSEC_PER_SEC;
}

static struct pn_clock stopped_clock;

static void remove_file(void)
{
	(void)unlink(path);
}

static void begin(void)
{
	static const struct pn_factory_options nowhere = { .size = sizeof(nowhere),
							   .server = "http://127.0.0.1:1" };
	static const struct pn_informer_options keep = { .size = sizeof(keep),
							 .keep_labels = true,
							 .keep_annotations = kept_annotations };

	if (!path[0]) {
		(void)snprintf(path, sizeof(path), "/tmp/fuzz-snapshot-%d", (int)getpid());
		(void)atexit(remove_file);
	}
	if (factory)
		return;
	stopped_clock = pn_clock_system;
	stopped_clock.realtime = standing_still;
	assert(pn_factory_new(&nowhere, &factory, NULL) == 0);
	factory->clock = &stopped_clock;
	for (int i = 0; i < N; i++) {
		informers[i] = pn_factory_informer(factory, (enum pn_kind_id)i,
						   i & 1 ? &keep : NULL, NULL);
		assert(informers[i]);
	}
}

static void end(void)
{
	pn_factory_free(factory);
	factory = NULL;
}

static void check_restored(int r, const struct pn_err *err)
{
	const struct pn_object *obj;
	struct pn_iter it;
	int n_synced = 0;

	pn_read_begin();
	for (int i = 0; i < N; i++) {
		n_synced += pn_informer_has_synced(informers[i]);
		pn_informer_each(informers[i], &it);
		while ((obj = pn_iter_next(&it)))
			check_object(obj);
	}
	pn_read_end();
	assert(r >= 0 ? r == n_synced : n_synced == 0 && strstr(err->text, path));
	if (n_synced)
		end();
	else
		assert(pn_intern_count() == 0 && pn_controller_count() == 0);
}

static void try_file(void)
{
	struct pn_err err = { "" };

	check_restored(pn_snapshot_restore(path, informers, N, "cluster", &err), &err);
}

static void write_bytes(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
}

static void put_head(struct pn_snapshot_writer *w)
{
	pn_pb_put_text(&w->block, PB_HEAD_BUILD, pn_version());
	pn_pb_put_text(&w->block, PB_HEAD_IDENTITY, "cluster");
	assert(pn_snapshot_write(w, PN_BLOCK_HEAD, NULL) == 0);
}

/* Each block as a type, two bytes of length, and what is in it. */
static void write_blocks(const uint8_t *data, size_t size, bool with_head)
{
	struct pn_snapshot_writer w;
	size_t len;

	assert(pn_snapshot_create(&w, path, NULL) == 0);
	if (with_head)
		put_head(&w);
	while (size >= 3) {
		len = PN_MIN((size_t)data[1] << 8 | data[2], size - 3);
		assert(pn_buf_put(&w.block.buf, data + 3, len) == 0);
		assert(pn_snapshot_write(&w, (enum pn_block)(data[0] % 6), NULL) == 0);
		data += 3 + len;
		size -= 3 + len;
	}
	assert(pn_snapshot_finish(&w, NULL) == 0);
	pn_snapshot_discard(&w);
}

static struct pn_object *again(const struct pn_decoding *d, const struct pn_object *obj)
{
	struct pn_pb_writer w = { .buf = PN_BUF_INIT(PN_BLOCK_MAX) };
	struct pn_object *ret = NULL;

	assert(pn_encode_pb(&w, obj) && w.error == 0);
	assert(d->kind->decode_protobuf(d, (const uint8_t *)w.buf.data, w.buf.len, &ret, NULL) ==
	       0);
	pn_buf_done(&w.buf);
	return ret;
}

/* What was left out once may have been what decided between two of one name. */
static void compare(struct pn_object *a, struct pn_object *b)
{
	struct pn_buf one = PN_BUF_INIT(64 << 20), other = PN_BUF_INIT(64 << 20);
	bool is_whole = a->n_refused == 0;

	a->n_refused = b->n_refused = 0;
	say_object(&one, a);
	say_object(&other, b);
	assert(!is_whole || strcmp(one.data, other.data) == 0);
	pn_buf_done(&one);
	pn_buf_done(&other);
}

static void try_message(const uint8_t *data, size_t size)
{
	struct pn_decoding d = { .kind = pn_kind_get((enum pn_kind_id)((data[0] & 0x7f) % N)) };
	struct pn_object *obj = NULL, *restored;

	d.keep_labels = data[0] & 0x80;
	d.annotations = d.keep_labels ? kept_annotations : NULL;
	if (d.kind->decode_protobuf(&d, data + 1, size - 1, &obj, NULL) < 0)
		return;
	restored = again(&d, obj);
	check_object(restored);
	compare(obj, restored);
	pn_object_unref(obj);
	pn_object_unref(restored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	begin();
	switch (data[0] & 3) {
	case 0:
		write_bytes(data + 1, size - 1);
		try_file();
		break;
	case 1:
	case 2:
		write_blocks(data + 1, size - 1, data[0] & 1);
		try_file();
		break;
	case 3:
		try_message(data + 1, size - 1);
		break;
	}
	return 0;
}
