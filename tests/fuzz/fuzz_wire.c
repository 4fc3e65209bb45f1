/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes whole answers: the first byte chooses encoding, list or watch, and a piece size, the second
 * one the kind. The same bytes must give the same objects, and the same verdict, whole and in pieces.
 */
#include <errno.h>

#include "base/intern.h"
#include "kube/controller.h"
#include "kube/wire.h"
#include "tests/fuzz/check_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out, folded into a number. */
struct digest {
	uint64_t sum;
	int result;
};

static void fold(struct digest *d, const char *text)
{
	for (; *text; text++)
		d->sum = (d->sum ^ (uint8_t)*text) * 0x100000001b3u;
	d->sum = (d->sum ^ 0xff) * 0x100000001b3u;
}

static int on_item(void *data, const struct pn_object *obj)
{
	check_object(obj);
	fold(data, obj->name);
	fold(data, obj->resource_version);
	return 0;
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	assert(event < PN_EVENT_MAX);
	return on_item(data, obj);
}

static int on_bookmark(void *data, const char *resource_version, bool is_initial_end)
{
	check_name(resource_version, 127);
	fold(data, resource_version);
	fold(data, is_initial_end ? "end" : "");
	return 0;
}

static int on_error(void *data, const struct pn_status *status)
{
	assert(status->code >= 0 && status->retry_after_s >= -1);
	fold(data, status->reason);
	fold(data, status->message);
	return 0;
}

static void on_refused(void *data, const struct pn_err *why)
{
	assert(why->text[0]);
	fold(data, why->text);
}

static struct digest run(const struct pn_wire_config *config, bool is_list, const char *type,
			 const char *bytes, size_t len, size_t piece)
{
	static const struct pn_wire_ops ops = { on_item, on_event, on_bookmark, on_error,
						on_refused };
	struct digest d = { 0 };
	struct pn_err err = { "" };
	struct pn_wire *w = NULL;

	d.result = pn_wire_open(config, is_list ? PN_WIRE_LIST : PN_WIRE_WATCH, type, &ops, &d, &w,
				&err);
	assert(d.result == 0);
	for (size_t at = 0; at < len && d.result == 0; at += piece)
		d.result = pn_wire_feed(w, bytes + at, PN_MIN(piece, len - at), &err);
	if (d.result == 0)
		d.result = pn_wire_end(w, &err);
	assert(d.result == 0 || (err.text[0] && (d.result == -EBADMSG || d.result == -EMSGSIZE)));
	fold(&d, pn_wire_resource_version(w));
	fold(&d, pn_wire_continue(w));
	fold(&d, err.text);
	pn_wire_close(w);
	assert(pn_intern_count() == 0 && pn_controller_count() == 0);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_wire_config config = { .protobuf = true };
	const char *type, *bytes = (const char *)data + 2;
	struct digest whole, pieces;
	bool is_list;

	if (size < 2)
		return 0;
	is_list = data[0] & 1;
	type = data[0] & 2 ? "application/json" : "application/vnd.kubernetes.protobuf";
	config.kind = pn_kind_get((enum pn_kind_id)((data[1] & 0x3f) % PN_KIND_GENERIC));
	config.metadata_only = data[1] & 0x40;
	config.keep_labels = data[1] & 0x80;
	whole = run(&config, is_list, type, bytes, size - 2, size);
	pieces = run(&config, is_list, type, bytes, size - 2, 1 + (data[0] >> 2) % 16);
	assert(whole.result == pieces.result && whole.sum == pieces.sum);
	return 0;
}
