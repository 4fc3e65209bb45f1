/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_SNAPSHOT_FILE_H
#define PN_KUBE_SNAPSHOT_FILE_H

#include "base/err.h"
#include "base/pb_write.h"
#include "kube/pb.h"

/*
 * A file of blocks: eight bytes that say what it is, then blocks, the last of which is an END. Before
 * each block stand 16 bytes: a checksum (8), the type (4), the length (4), all little-endian. A checksum
 * covers the type, the length, the bytes and the checksum before it, so that no block can be changed,
 * left out, moved or taken from another file.
 *
 * Blocks are messages as protocol buffers have them:
 *
 *   HEAD     build 1, identity 2
 *   KIND     selection 1, resourceVersion 2, number of objects 3, as of when 4 (seconds since 1970)
 *   OBJECTS  any number of messages 1; they belong to the KIND before them
 *   END      number of blocks before it 1
 */
enum pn_block {
	PN_BLOCK_HEAD = 1,
	PN_BLOCK_KIND,
	PN_BLOCK_OBJECTS,
	PN_BLOCK_END,
};

enum { PB_HEAD_BUILD = 1, PB_HEAD_IDENTITY = 2 };
enum { PB_KIND_SELECTION = 1, PB_KIND_VERSION = 2, PB_KIND_COUNT = 3, PB_KIND_AS_OF = 4 };
enum { PB_OBJECTS_OBJECT = 1 };
enum { PB_END_COUNT = 1 };

/* A block is written when it is longer than the first; one object never makes it longer than the second. */
enum { PN_BLOCK_FULL = 128 << 10 };

enum { PN_BLOCK_MAX = 32 << 20 };

/** pn_snapshot_sum() - 64 bits that change with every byte; not against an adversary */
uint64_t pn_snapshot_sum(uint64_t seed, const void *data, size_t len);

/**
 * struct pn_snapshot_writer
 * @block: what goes into the next block
 */
struct pn_snapshot_writer {
	struct pn_pb_writer block;
	const char *path;
	char *temporary;
	int fd;
	uint64_t sum, n_bytes, n_blocks;
};

/** pn_snapshot_create() - beside @path, which outlives the writer. Return: 0, or a negative errno with @reterr */
int pn_snapshot_create(struct pn_snapshot_writer *w, const char *path, struct pn_err *reterr);

/** pn_snapshot_write() - @w->block as a block, and it is empty again. Return: as above */
int pn_snapshot_write(struct pn_snapshot_writer *w, enum pn_block type, struct pn_err *reterr);

/** pn_snapshot_finish() - writes the END, and the file is the one at the path. Return: as above */
int pn_snapshot_finish(struct pn_snapshot_writer *w, struct pn_err *reterr);

/** pn_snapshot_discard() - gives all back; a file that is not finished is gone */
void pn_snapshot_discard(struct pn_snapshot_writer *w);

/**
 * struct pn_snapshot_reader
 * @type, @block: of the block that was read last; borrowed until the next one
 * @at:           where in the file it begins
 */
struct pn_snapshot_reader {
	enum pn_block type;
	struct pn_pb block;
	uint64_t at;

	const char *path;
	int fd;
	uint64_t sum, n_bytes, n_blocks;
	struct pn_buf buf;
};

/** pn_snapshot_open() - @path outlives the reader. Return: 0; -ENOENT, -EPERM, -EBADMSG, ... with @reterr */
int pn_snapshot_open(struct pn_snapshot_reader *r, const char *path, struct pn_err *reterr);

/** pn_snapshot_read() - the next block. Return: 1; 0 after the END, which must be the file's too; -EBADMSG, -ENOMEM, ... with @reterr */
int pn_snapshot_read(struct pn_snapshot_reader *r, struct pn_err *reterr);

/** pn_snapshot_damaged() - Return: -EBADMSG, and @reterr says that the block read last is wrong, and how */
int pn_snapshot_damaged(const struct pn_snapshot_reader *r, const char *what,
			struct pn_err *reterr);

/** pn_snapshot_close() - as often as one likes */
void pn_snapshot_close(struct pn_snapshot_reader *r);

#endif
