/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving what informers know, and giving it to the next ones.
 *
 * Each kind is saved as it was at one moment, objects and version together (informer_restore.c), so a
 * watch from that version tells exactly what has changed since: no event comes twice, none is missed,
 * and no object goes back in time. Kinds are of different moments, as they are in the stores, too.
 *
 * Objects are written as the API's own messages with the fields that are kept, and the decoders that
 * read them from the server read them from the file as well. So what a hostile or damaged file may
 * hold has met every check and limit already. But a build that reads a field more would find it empty
 * in the file of an older one, and believe it. Hence a file is only taken by the build that wrote it;
 * an upgrade lists. Everything that decides what is kept of an object is part of the selection by which
 * an informer finds its kind again.
 *
 * The agent calls this; it saves on a worker thread.
 */
#include "kube/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "kube/encode.h"
#include "kube/file.h"
#include "kube/informer_private.h"
#include "kube/snapshot_file.h"

enum {
	MAX_SELECTION = 64 << 10,
	MAX_OBJECTS = 4 << 20, /* of a kind */
	MAX_CA = 1 << 20,
};

static int out_of_memory(const char *path, struct pn_err *reterr)
{
	return pn_err_set(reterr, -ENOMEM, "%s: out of memory", path);
}

/* --- what belongs to what --- */

const char *pn_snapshot_identity(const struct pn_kube_config *config, char *buf)
{
	PN_CLEANUP(pn_wipe_freep) char *file = NULL;
	const char *ca = config->ca_pem;
	uint64_t sum;

	if (!ca && config->ca_file && pn_file_read(config->ca_file, MAX_CA, &file, NULL) == 0)
		ca = file;
	sum = pn_snapshot_sum(0, config->server, strlen(config->server));
	if (ca)
		sum = pn_snapshot_sum(sum, ca, strlen(ca));
	(void)snprintf(buf, PN_SNAPSHOT_IDENTITY_LEN, "%016" PRIx64 " %s", sum, config->server);
	return buf;
}

/* Generic kinds are only read as JSON. */
static bool can_be_saved(const struct pn_informer *inf)
{
	return inf->built_in && inf->kind->decode_protobuf;
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

/* Which objects, and what of them, one a line. */
static int put_selection(struct pn_buf *b, const struct pn_informer *inf)
{
	const struct pn_informer_options *o = &inf->options;
	const struct pn_kind *k = inf->kind;
	int r = pn_buf_printf(b, "%s/%s %s%s%s\n%s\n%s\n%s", k->group, k->version, k->plural,
			      o->metadata_only ? " metadata" : "", o->keep_labels ? " labels" : "",
			      text_of(inf->name_space), text_of(inf->field_selector),
			      text_of(inf->label_selector));

	for (const char *const *a = o->keep_annotations; a && *a && r == 0; a++)
		r = pn_buf_printf(b, "\n%s", *a);
	return r;
}

/* --- saving --- */

static int save_head(struct pn_snapshot_writer *w, const char *identity, struct pn_err *reterr)
{
	pn_pb_put_text(&w->block, PB_HEAD_BUILD, pn_version());
	pn_pb_put_text(&w->block, PB_HEAD_IDENTITY, identity);
	return pn_snapshot_write(w, PN_BLOCK_HEAD, reterr);
}

static int save_kind(struct pn_snapshot_writer *w, const struct pn_informer *inf,
		     const struct pn_informer_state *s, struct pn_err *reterr)
{
	struct pn_buf selection = PN_BUF_INIT(MAX_SELECTION);
	int r = put_selection(&selection, inf);

	if (r == 0)
		pn_pb_put_bytes(&w->block, PB_KIND_SELECTION, selection.data, selection.len);
	pn_buf_done(&selection);
	if (r < 0)
		return pn_err_set(reterr, r, "%s: %s: %s", w->path, inf->kind->plural,
				  strerror(-r));
	pn_pb_put_text(&w->block, PB_KIND_VERSION, s->version);
	pn_pb_put_int(&w->block, PB_KIND_COUNT, s->n);
	pn_pb_put_int(&w->block, PB_KIND_AS_OF, s->as_of / PN_NSEC_PER_SEC);
	return pn_snapshot_write(w, PN_BLOCK_KIND, reterr);
}

static int save_objects(struct pn_snapshot_writer *w, const struct pn_informer_state *s,
			struct pn_err *reterr)
{
	size_t m;
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++) {
		m = pn_pb_begin(&w->block, PB_OBJECTS_OBJECT);
		(void)pn_encode_pb(&w->block, s->objects[i]);
		pn_pb_end(&w->block, m);
		if (w->block.buf.len > PN_BLOCK_FULL || w->block.error)
			r = pn_snapshot_write(w, PN_BLOCK_OBJECTS, reterr);
	}
	if (r == 0 && w->block.buf.len)
		r = pn_snapshot_write(w, PN_BLOCK_OBJECTS, reterr);
	return r;
}

/* Return: 1 if it was, 0 if there is nothing to save of it */
static int save_informer(struct pn_snapshot_writer *w, struct pn_informer *inf,
			 struct pn_err *reterr)
{
	struct pn_informer_state s = { .n = 0 };
	int r = can_be_saved(inf) ? pn_informer_state(inf, &s) : -EAGAIN;

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return out_of_memory(w->path, reterr);
	r = save_kind(w, inf, &s, reterr);
	if (r == 0)
		r = save_objects(w, &s, reterr);
	pn_informer_state_done(&s);
	return r < 0 ? r : 1;
}

int pn_snapshot_save(const char *path, struct pn_informer *const *informers, size_t n,
		     const char *identity, struct pn_err *reterr)
{
	PN_CLEANUP(pn_snapshot_discard) struct pn_snapshot_writer w = { .fd = -1 };
	size_t n_saved = 0;
	int r;

	if (!n)
		return pn_err_set(reterr, -EAGAIN, "%s: there is nothing to save", path);
	r = pn_snapshot_create(&w, path, reterr);
	if (r == 0)
		r = save_head(&w, identity, reterr);
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = save_informer(&w, informers[i], reterr);
		n_saved += r > 0;
	}
	if (r < 0)
		return r;
	if (!n_saved)
		return pn_err_set(reterr, -EAGAIN, "%s: nothing is known yet", path);
	return pn_snapshot_finish(&w, reterr);
}

/* --- restoring --- */

/**
 * struct loaded - what the file has for an informer
 * @is_there: the file has its kind
 * @as_of:    see struct pn_informer_state
 * @n_said:   how many objects there should be
 */
struct loaded {
	struct pn_informer *inf;
	bool is_there;
	char version[PN_OBJECT_RV_LEN];
	pn_nsec as_of;
	const struct pn_object **objects;
	size_t n, n_said, cap;
};

/**
 * struct loading
 * @now: whose objects come; NULL: nobody wants them
 */
struct loading {
	struct pn_snapshot_reader file;
	const char *identity;
	struct loaded *all, *now;
	size_t n;
	struct pn_err *err;
};

static int damaged(struct loading *l, const char *what)
{
	return pn_snapshot_damaged(&l->file, what, l->err);
}

/* A field of a block, of which each should be there once. Return: false at the end, or if this is none */
static bool next_field(struct pn_pb *m, struct pn_pb_field *ret, int *error)
{
	int r = pn_pb_read(m, ret);

	if (r < 0)
		*error = r;
	return r > 0;
}

static int load_head(struct loading *l)
{
	struct pn_pb m = l->file.block, build = { NULL, NULL }, identity = { NULL, NULL };
	struct pn_pb_field f;
	int r = 0;

	while (next_field(&m, &f, &r)) {
		if (f.number == PB_HEAD_BUILD && f.type == PN_PB_BYTES)
			build = f.bytes;
		else if (f.number == PB_HEAD_IDENTITY && f.type == PN_PB_BYTES)
			identity = f.bytes;
	}
	if (r < 0)
		return damaged(l, "no head");
	if (!pn_pb_is(build, pn_version()))
		return pn_err_set(l->err, -ESTALE, "%s: saved by another build", l->file.path);
	if (!pn_pb_is(identity, l->identity))
		return pn_err_set(l->err, -ESTALE, "%s: of another cluster", l->file.path);
	return 0;
}

/* Return: 1 and @l->now if somebody wants it, else 0; or a negative errno */
static int find_informer(struct loading *l, struct pn_pb selection)
{
	struct pn_buf b = PN_BUF_INIT(MAX_SELECTION);
	int r = 0;

	l->now = NULL;
	for (size_t i = 0; i < l->n && r == 0 && !l->now; i++) {
		pn_buf_reset(&b);
		r = can_be_saved(l->all[i].inf) ? put_selection(&b, l->all[i].inf) : 0;
		if (r == 0 && b.len && pn_pb_is(selection, b.data))
			l->now = &l->all[i];
	}
	pn_buf_done(&b);
	if (r == -ENOMEM)
		return out_of_memory(l->file.path, l->err);
	return l->now != NULL;
}

/* By the wall clock, which may have been set meanwhile. */
static bool is_recent(const struct loaded *kind)
{
	pn_nsec now = pn_clock_realtime(kind->inf->factory->clock), as_of = kind->as_of;
	pn_nsec apart = now > as_of ? now - as_of : as_of - now;

	return apart <= PN_SNAPSHOT_MAX_AGE_S * PN_NSEC_PER_SEC;
}

static int take_kind(struct loading *l, struct pn_pb version, uint64_t count, uint64_t as_of_s)
{
	size_t len = pn_pb_len(&version);

	if (l->now->is_there)
		return damaged(l, "a kind for the second time");
	if (!len || len >= sizeof(l->now->version) || memchr(version.at, '\0', len))
		return damaged(l, "a kind without a version");
	if (count > MAX_OBJECTS)
		return damaged(l, "too many objects");
	memcpy(l->now->version, version.at, len);
	l->now->version[len] = '\0';
	l->now->n_said = (size_t)count;
	l->now->as_of = PN_MIN(as_of_s, UINT32_MAX) * PN_NSEC_PER_SEC;
	l->now->is_there = true;
	return 0;
}

static int load_kind(struct loading *l)
{
	struct pn_pb m = l->file.block, selection = { NULL, NULL }, version = { NULL, NULL };
	struct pn_pb_field f;
	uint64_t count = 0, as_of_s = 0;
	int r = 0;

	while (next_field(&m, &f, &r)) {
		if (f.number == PB_KIND_SELECTION && f.type == PN_PB_BYTES)
			selection = f.bytes;
		else if (f.number == PB_KIND_VERSION && f.type == PN_PB_BYTES)
			version = f.bytes;
		else if (f.number == PB_KIND_COUNT && f.type == PN_PB_VARINT)
			count = f.value;
		else if (f.number == PB_KIND_AS_OF && f.type == PN_PB_VARINT)
			as_of_s = f.value;
	}
	if (r < 0)
		return damaged(l, "no kind");
	r = find_informer(l, selection);
	return r > 0 ? take_kind(l, version, count, as_of_s) : r;
}

static int keep(struct loading *l, const struct pn_object *obj)
{
	struct loaded *to = l->now;
	size_t cap = to->cap ? 2 * to->cap : 64;
	const struct pn_object **v;

	if (to->n == to->cap) {
		v = realloc(to->objects, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		to->objects = v;
		to->cap = cap;
	}
	to->objects[to->n++] = obj;
	return 0;
}

static int load_object(struct loading *l, struct pn_pb m)
{
	const struct pn_informer *inf = l->now->inf;
	const struct pn_decoding decoding = {
		.kind = inf->kind,
		.keep_labels = inf->options.keep_labels,
		.annotations = inf->options.keep_annotations,
	};
	struct pn_object *obj;
	struct pn_err why = { "" };
	int r;

	if (l->now->n == l->now->n_said)
		return damaged(l, "more objects than there should be");
	r = inf->kind->decode_protobuf(&decoding, m.at, pn_pb_len(&m), &obj, &why);
	if (r == -ENOMEM)
		return out_of_memory(l->file.path, l->err);
	if (r < 0)
		return damaged(l, why.text);
	r = keep(l, obj);
	if (r == 0)
		return 0;
	pn_object_unref(obj);
	return out_of_memory(l->file.path, l->err);
}

static int load_objects(struct loading *l)
{
	struct pn_pb m = l->file.block;
	struct pn_pb_field f;
	int r = 0, error = 0;

	while (l->now && r == 0 && next_field(&m, &f, &error)) {
		if (f.number != PB_OBJECTS_OBJECT || f.type != PN_PB_BYTES)
			return damaged(l, "something else than an object");
		r = load_object(l, f.bytes);
	}
	return r == 0 && error < 0 ? damaged(l, "no objects") : r;
}

static int load_block(struct loading *l)
{
	switch (l->file.type) {
	case PN_BLOCK_KIND:
		return load_kind(l);
	case PN_BLOCK_OBJECTS:
		return load_objects(l);
	default:
		return damaged(l, "a block of an unknown type");
	}
}

static int check_counts(struct loading *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->all[i].n != l->all[i].n_said)
			return damaged(l, "fewer objects than there should be");
	return 0;
}

static int load_file(struct loading *l)
{
	int r = pn_snapshot_read(&l->file, l->err);

	if (r > 0)
		r = l->file.type == PN_BLOCK_HEAD ? load_head(l) : damaged(l, "no head");
	else if (r == 0)
		r = damaged(l, "no head");
	while (r == 0) {
		r = pn_snapshot_read(&l->file, l->err);
		if (r <= 0)
			break;
		r = load_block(l);
	}
	return r < 0 ? r : check_counts(l);
}

static int restore_all(struct loading *l)
{
	int n_restored = 0, n_old = 0, r;

	for (size_t i = 0; i < l->n; i++) {
		struct loaded *from = &l->all[i];

		n_old += from->is_there && !is_recent(from);
		if (!from->is_there || !is_recent(from))
			continue;
		r = pn_informer_restore_as_of(from->inf, from->objects, from->n, from->version,
					      from->as_of);
		if (r < 0)
			return pn_err_set(l->err, r, "%s: %s: %s", l->file.path,
					  from->inf->kind->plural, strerror(-r));
		n_restored++;
	}
	if (n_old && !n_restored)
		return pn_err_set(l->err, -ESTALE, "%s: not of the last %d seconds", l->file.path,
				  PN_SNAPSHOT_MAX_AGE_S);
	return n_restored;
}

static void loading_done(struct loading *l)
{
	for (size_t i = 0; l->all && i < l->n; i++) {
		for (size_t k = 0; k < l->all[i].n; k++)
			pn_object_unref(l->all[i].objects[k]);
		free(l->all[i].objects);
	}
	free(l->all);
	pn_snapshot_close(&l->file);
}

int pn_snapshot_restore(const char *path, struct pn_informer *const *informers, size_t n,
			const char *identity, struct pn_err *reterr)
{
	PN_CLEANUP(loading_done)
	struct loading l = { .file.fd = -1, .identity = identity, .n = n, .err = reterr };
	int r;

	if (!n)
		return 0;
	l.all = calloc(n, sizeof(*l.all));
	if (!l.all)
		return out_of_memory(path, reterr);
	for (size_t i = 0; i < n; i++)
		l.all[i].inf = informers[i];
	r = pn_snapshot_open(&l.file, path, reterr);
	if (r == 0)
		r = load_file(&l);
	return r < 0 ? r : restore_all(&l);
}
