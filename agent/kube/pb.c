/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope that the API puts around what it sends as protocol buffers. Used where answers and lines
 * of a watch are read.
 */
#include "kube/pb.h"

#include "kube/pb_numbers.h"

static bool read_kind(struct pn_pb type_meta, struct pn_pb *ret)
{
	struct pn_pb_field f;
	int r;

	while ((r = pn_pb_read(&type_meta, &f)) > 0) {
		if (f.number != PB_TYPE_META_KIND)
			continue;
		if (f.type != PN_PB_BYTES)
			return false;
		*ret = f.bytes;
	}
	return r == 0;
}

static bool read_envelope_field(const struct pn_pb_field *f, struct pn_pb *ret_kind,
				struct pn_pb *ret_raw)
{
	if (f->number > PB_UNKNOWN_CONTENT_ENCODING)
		return true;
	if (f->type != PN_PB_BYTES)
		return false;
	if (f->number == PB_UNKNOWN_TYPE_META)
		return read_kind(f->bytes, ret_kind);
	if (f->number == PB_UNKNOWN_RAW)
		*ret_raw = f->bytes;
	return f->number == PB_UNKNOWN_RAW || pn_pb_len(&f->bytes) == 0;
}

int pn_pb_unwrap(struct pn_pb m, struct pn_pb *ret_kind, struct pn_pb *ret_raw)
{
	struct pn_pb kind = pn_pb_from("", 0), raw = pn_pb_from("", 0);
	struct pn_pb_field f;
	int r;

	if (pn_pb_len(&m) < PN_PB_MAGIC_LEN || memcmp(m.at, PN_PB_MAGIC, PN_PB_MAGIC_LEN) != 0)
		return -EBADMSG;
	m.at += PN_PB_MAGIC_LEN;
	while ((r = pn_pb_read(&m, &f)) > 0)
		if (!read_envelope_field(&f, &kind, &raw))
			return -EBADMSG;
	if (r < 0)
		return r;
	*ret_kind = kind;
	*ret_raw = raw;
	return 0;
}
