/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_PB_WRITE_H
#define PN_BASE_PB_WRITE_H

#include "base/buf.h"

/*
 * The counterpart of pb.h: fields of protocol buffers appended to a buffer. The first failure is kept
 * in @error, and what follows does nothing, so a whole message is written before anybody asks.
 */

/**
 * struct pn_pb_writer
 * @error: 0, -ENOMEM, or -EMSGSIZE beyond the buffer's maximum
 */
struct pn_pb_writer {
	struct pn_buf buf;
	int error;
};

/** pn_pb_put_int() - a varint, 0 too */
void pn_pb_put_int(struct pn_pb_writer *w, uint32_t number, uint64_t value);

/** pn_pb_put_fixed64() - eight bytes, 0 too; a double by its bits */
void pn_pb_put_fixed64(struct pn_pb_writer *w, uint32_t number, uint64_t value);

/** pn_pb_put_bytes() - also if there are none */
void pn_pb_put_bytes(struct pn_pb_writer *w, uint32_t number, const void *bytes, size_t len);

/** pn_pb_put_text() - nothing for "", which is what an absent field is read as */
void pn_pb_put_text(struct pn_pb_writer *w, uint32_t number, const char *text);

/** pn_pb_begin() - what is put until pn_pb_end() is a message in a field of the one around it. Return: for pn_pb_end() */
size_t pn_pb_begin(struct pn_pb_writer *w, uint32_t number);
void pn_pb_end(struct pn_pb_writer *w, size_t begun);

#endif
