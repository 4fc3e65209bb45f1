/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_PB_H
#define PN_BASE_PB_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The wire format of protocol buffers, read from memory: a message is a sequence of fields, each a
 * number, a wire type, and a value that is an integer or a string of bytes. Nothing is copied and
 * nothing is allocated; what a decoder has no use for costs a few nanoseconds.
 */

enum pn_pb_type {
	PN_PB_VARINT = 0,
	PN_PB_FIXED64 = 1,
	PN_PB_BYTES = 2, /* strings, messages, maps' entries */
	PN_PB_FIXED32 = 5,
};

/** struct pn_pb - the rest of a message; borrowed */
struct pn_pb {
	const uint8_t *at, *end;
};

/**
 * struct pn_pb_field
 * @value: VARINT; of the fixed types nothing is kept: no field that is read here has one
 * @bytes: BYTES
 */
struct pn_pb_field {
	uint32_t number;
	enum pn_pb_type type;
	uint64_t value;
	struct pn_pb bytes;
};

static inline size_t pn_pb_len(const struct pn_pb *m)
{
	return (size_t)(m->end - m->at);
}

static inline struct pn_pb pn_pb_from(const void *bytes, size_t len)
{
	return (struct pn_pb) { bytes, (const uint8_t *)bytes + len };
}

/** pn_pb_long_varint() - any varint of at most 64 bits. Return: false if it is cut off or longer */
bool pn_pb_long_varint(struct pn_pb *m, uint64_t *ret);

static inline bool pn_pb_varint(struct pn_pb *m, uint64_t *ret)
{
	if (pn_pb_len(m) >= 2) {
		uint8_t low = m->at[0], high = m->at[1];

		if (low < 0x80) {
			*ret = low;
			m->at++;
			return true;
		}
		if (high < 0x80) {
			*ret = (uint64_t)high << 7 | (low & 0x7f);
			m->at += 2;
			return true;
		}
	}
	return pn_pb_long_varint(m, ret);
}

/** pn_pb_tag() - split a field's tag. Return: false for what is none, and for groups, which nobody uses any more */
static inline bool pn_pb_tag(uint64_t tag, uint32_t *ret_number, enum pn_pb_type *ret_type)
{
	*ret_number = (uint32_t)(tag >> 3);
	*ret_type = (enum pn_pb_type)(tag & 7);
	/* types 0, 1, 2 and 5 as the bits of a mask */
	return tag >= 8 && tag <= UINT32_MAX && 0x27 >> (tag & 7) & 1;
}

static inline bool pn_pb_skip(struct pn_pb *m, uint64_t len)
{
	if (len > pn_pb_len(m))
		return false;
	m->at += len;
	return true;
}

/** pn_pb_read() - the next field. Return: 1; 0 at the end; -EBADMSG if this is no such message */
static inline int pn_pb_read(struct pn_pb *m, struct pn_pb_field *ret)
{
	uint64_t tag;

	if (m->at == m->end)
		return 0;
	if (!pn_pb_varint(m, &tag) || !pn_pb_tag(tag, &ret->number, &ret->type))
		return -EBADMSG;
	if (ret->type <= PN_PB_BYTES && ret->type != PN_PB_FIXED64) {
		if (!pn_pb_varint(m, &ret->value))
			return -EBADMSG;
		if (ret->type == PN_PB_VARINT)
			return 1;
		ret->bytes.at = m->at;
		if (!pn_pb_skip(m, ret->value))
			return -EBADMSG;
		ret->bytes.end = m->at;
		return 1;
	}
	return pn_pb_skip(m, ret->type == PN_PB_FIXED64 ? 8 : 4) ? 1 : -EBADMSG;
}

/** pn_pb_is() - is this text @want? */
static inline bool pn_pb_is(struct pn_pb text, const char *want)
{
	return pn_pb_len(&text) == strlen(want) && memcmp(text.at, want, strlen(want)) == 0;
}

#endif
