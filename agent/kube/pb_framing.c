/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts protobuf from the network into objects. wire_pb.c feeds it with pieces as they come.
 *
 * A watch is easy: each event has its length in front of it. A list is an envelope
 * (runtime.Unknown) whose field `raw` is the list, whose fields `items` are the objects: two levels
 * of fields, of which a machine follows tags and lengths, byte by byte, while values are taken, or
 * skipped, as far as they reach. A value that lies within one piece is handed on where it lies.
 */
#include "kube/pb_framing.h"

#include <errno.h>
#include <string.h>

#include "kube/pb_numbers.h"

/* What an envelope or a list says about itself is small. */
enum { MAX_META = 64 << 10, KEPT_CAP = 1 << 20 };

void pn_pb_framing_init(struct pn_pb_framing *f, enum pn_framing_mode mode,
			const struct pn_pb_framing_ops *ops, void *data)
{
	*f = (struct pn_pb_framing) {
		.ops = ops,
		.data = data,
		.mode = mode,
		.state = mode == PN_FRAMING_LIST ? PN_PB_FRAMING_MAGIC : PN_PB_FRAMING_LENGTH,
		.value = PN_BUF_INIT(PN_FRAMING_MAX_OBJECT),
	};
}

void pn_pb_framing_done(struct pn_pb_framing *f)
{
	pn_buf_done(&f->value);
}

static int bad(const struct pn_pb_framing *f, const char *what, struct pn_err *reterr)
{
	return pn_err_set(reterr, -EBADMSG, "invalid protobuf at byte %llu: %s",
			  (unsigned long long)f->offset, what);
}

static int too_long(const struct pn_pb_framing *f, size_t max, struct pn_err *reterr)
{
	return pn_err_set(reterr, -EMSGSIZE, "at byte %llu: an object of more than %zu bytes",
			  (unsigned long long)f->offset, max);
}

/* Behind a field: is this the end of the list, or has it run over it? */
static int end_field(struct pn_pb_framing *f, struct pn_err *reterr)
{
	f->state = f->mode == PN_FRAMING_LIST ? PN_PB_FRAMING_TAG : PN_PB_FRAMING_LENGTH;
	if (!f->in_list || f->offset < f->list_end)
		return 0;
	f->in_list = false;
	return f->offset == f->list_end ? 0 : bad(f, "a field is longer than its list", reterr);
}

static bool is_object(const struct pn_pb_framing *f)
{
	return f->mode == PN_FRAMING_STREAM || (f->in_list && f->number == PB_LIST_ITEMS);
}

/* The kind within a TypeMeta. */
static int deliver_kind(struct pn_pb_framing *f, struct pn_pb m, struct pn_err *reterr)
{
	struct pn_pb_field part;
	int r;

	while ((r = pn_pb_read(&m, &part)) > 0) {
		if (part.number != PB_TYPE_META_KIND || part.type != PN_PB_BYTES)
			continue;
		r = f->ops->kind(f->data, (const char *)part.bytes.at, pn_pb_len(&part.bytes));
		if (r < 0)
			return r;
	}
	return r < 0 ? bad(f, "an envelope without a sound type", reterr) : 0;
}

static int deliver(struct pn_pb_framing *f, const void *bytes, size_t len, struct pn_err *reterr)
{
	if (is_object(f))
		return f->ops->object(f->data, bytes, len);
	if (f->in_list)
		return f->ops->meta(f->data, bytes, len);
	if (f->number == PB_UNKNOWN_TYPE_META)
		return deliver_kind(f, pn_pb_from(bytes, len), reterr);
	return len ? bad(f, "its content is encoded once more", reterr) : 0;
}

/* One large object in a thousand small ones is no reason to keep its memory. */
static void forget_value(struct pn_pb_framing *f)
{
	if (f->value.cap > KEPT_CAP)
		pn_buf_done(&f->value);
	else
		pn_buf_reset(&f->value);
}

/* The value begins here, and there are f->left bytes of it. */
static int begin_value(struct pn_pb_framing *f, struct pn_err *reterr)
{
	bool is_wanted =
		f->in_list ? f->number <= PB_LIST_ITEMS : f->number <= PB_UNKNOWN_CONTENT_ENCODING;
	size_t max = is_object(f) ? PN_FRAMING_MAX_OBJECT : MAX_META;

	f->state = PN_PB_FRAMING_SKIP;
	if (f->in_list && f->left > f->list_end - f->offset)
		return bad(f, "a field is longer than its list", reterr);
	if (f->mode == PN_FRAMING_LIST && !f->in_list && f->number == PB_UNKNOWN_RAW) {
		if (f->had_list)
			return bad(f, "two lists in one envelope", reterr);
		f->in_list = f->had_list = true;
		f->list_end = f->offset + f->left;
		return f->list_end < f->offset ? bad(f, "a length that cannot be", reterr)
					       : end_field(f, reterr);
	}
	if (f->mode == PN_FRAMING_LIST && !is_wanted)
		return f->left ? 0 : end_field(f, reterr);
	if (f->left > max)
		return too_long(f, max, reterr);
	f->state = PN_PB_FRAMING_VALUE;
	return 0;
}

static int begin_field(struct pn_pb_framing *f, uint64_t tag, struct pn_err *reterr)
{
	bool is_known;

	if (!pn_pb_tag(tag, &f->number, &f->type))
		return bad(f, "not a field", reterr);
	is_known =
		f->in_list ? f->number <= PB_LIST_ITEMS : f->number <= PB_UNKNOWN_CONTENT_ENCODING;
	if (is_known && f->type != PN_PB_BYTES)
		return bad(f, "a field of another type than the API's", reterr);
	switch (f->type) {
	case PN_PB_VARINT:
		f->state = PN_PB_FRAMING_VARINT;
		return 0;
	case PN_PB_BYTES:
		f->state = PN_PB_FRAMING_SIZE;
		return 0;
	default:
		f->left = f->type == PN_PB_FIXED64 ? 8 : 4;
		return begin_value(f, reterr);
	}
}

static int take_varint(struct pn_pb_framing *f, struct pn_err *reterr)
{
	struct pn_pb m = pn_pb_from(f->head, f->n_head);
	uint64_t value;

	if (!pn_pb_varint(&m, &value))
		return bad(f, "a number of more than 64 bits", reterr);
	f->n_head = 0;
	if (f->state == PN_PB_FRAMING_TAG)
		return begin_field(f, value, reterr);
	if (f->state == PN_PB_FRAMING_VARINT)
		return end_field(f, reterr);
	f->left = value;
	return begin_value(f, reterr);
}

static int take_four(struct pn_pb_framing *f, struct pn_err *reterr)
{
	const uint8_t *h = f->head;

	f->n_head = 0;
	if (f->mode == PN_FRAMING_STREAM) {
		f->left = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
		return begin_value(f, reterr);
	}
	f->state = PN_PB_FRAMING_TAG;
	return memcmp(h, PN_PB_MAGIC, PN_PB_MAGIC_LEN) == 0
		       ? 0
		       : bad(f, "it does not begin like an object of the API", reterr);
}

/* One byte of a varint, or of four. */
static int take_head(struct pn_pb_framing *f, uint8_t byte, struct pn_err *reterr)
{
	f->head[f->n_head++] = byte;
	f->offset++;
	if (f->in_list && f->offset > f->list_end)
		return bad(f, "a field is longer than its list", reterr);
	if (f->state == PN_PB_FRAMING_MAGIC || f->state == PN_PB_FRAMING_LENGTH)
		return f->n_head == 4 ? take_four(f, reterr) : 0;
	if (byte < 0x80 || f->n_head == sizeof(f->head))
		return take_varint(f, reterr);
	return f->in_list && f->offset >= f->list_end
		       ? bad(f, "a field is longer than its list", reterr)
		       : 0;
}

/* As much of the value as there is; f->left may be 0. */
static int take_value(struct pn_pb_framing *f, const uint8_t *p, size_t n, struct pn_err *reterr)
{
	int r = 0;

	f->offset += n;
	f->left -= n;
	if (f->state == PN_PB_FRAMING_SKIP)
		return f->left ? 0 : end_field(f, reterr);
	if (f->left || f->value.len) {
		r = pn_buf_put(&f->value, p, n);
		if (r < 0 || f->left)
			return r;
		r = deliver(f, f->value.data, f->value.len, reterr);
		forget_value(f);
	} else {
		r = deliver(f, p, n, reterr);
	}
	return r < 0 ? r : end_field(f, reterr);
}

int pn_pb_framing_feed(struct pn_pb_framing *f, const uint8_t *bytes, size_t len,
		       struct pn_err *reterr)
{
	const uint8_t *p = bytes, *end = bytes + len;
	size_t n;
	int r = 0;

	while (r >= 0) {
		if (f->state == PN_PB_FRAMING_VALUE || f->state == PN_PB_FRAMING_SKIP) {
			n = PN_MIN((size_t)(end - p), f->left);
			if (!n && f->left)
				break;
			r = take_value(f, p, n, reterr);
			p += n;
		} else if (p < end) {
			r = take_head(f, *p++, reterr);
		} else {
			break;
		}
	}
	return r < 0 ? r : 0;
}

int pn_pb_framing_end(const struct pn_pb_framing *f, struct pn_err *reterr)
{
	bool is_complete = f->mode == PN_FRAMING_LIST
				   ? f->state == PN_PB_FRAMING_TAG && f->had_list && !f->in_list
				   : f->state == PN_PB_FRAMING_LENGTH;

	return is_complete && !f->n_head ? 0 : bad(f, "it ends in the middle", reterr);
}
