/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the framing: the first byte chooses list or stream and a piece size; the same text must
 * give the same objects, and the same verdict, whole and in pieces.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "kube/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out, folded into a number. */
struct digest {
	uint64_t sum;
	int result;
};

static void fold(struct digest *d, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		d->sum = (d->sum ^ (uint8_t)bytes[i]) * 0x100000001b3u;
	d->sum = (d->sum ^ len) * 0x100000001b3u;
}

static int on_object(void *data, const char *json, size_t len)
{
	assert(len >= 2 && json[0] == '{');
	fold(data, json, len);
	return 0;
}

static int on_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	assert(len > 0);
	fold(data, key, key_len);
	fold(data, json, len);
	return 0;
}

static struct digest run(const char *text, size_t len, bool is_list, size_t piece)
{
	static const struct pn_framing_ops ops = { on_object, on_member };
	struct digest d = { 0 };
	struct pn_framing f;

	pn_framing_init(&f, is_list ? PN_FRAMING_LIST : PN_FRAMING_STREAM, &ops, &d);
	for (size_t at = 0; at < len && d.result == 0; at += piece)
		d.result = pn_framing_feed(&f, text + at, PN_MIN(piece, len - at), NULL);
	if (d.result == 0)
		d.result = pn_framing_end(&f, NULL);
	pn_framing_done(&f);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, pieces;
	bool is_list;

	if (size < 1)
		return 0;
	is_list = data[0] & 1;
	whole = run((const char *)data + 1, size - 1, is_list, size);
	pieces = run((const char *)data + 1, size - 1, is_list, 1 + (data[0] >> 1) % 16);
	assert(whole.result == pieces.result && whole.sum == pieces.sum);
	return 0;
}
