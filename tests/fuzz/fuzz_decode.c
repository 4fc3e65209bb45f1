/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the decoders of JSON: the first byte chooses the kind, the rest is an object. What is kept
 * stays within its limits, nothing of a refused object stays behind, and of the text without what
 * nobody reads comes the same object.
 */
#include "base/intern.h"
#include "kube/controller.h"
#include "kube/json_trim.h"
#include "kube/kind.h"
#include "tests/fuzz/check_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int decode(const struct pn_decoding *d, const char *json, size_t len, struct pn_object **ret)
{
	struct pn_err err = { "" };
	json_t *tree = json_loadb(json, len, JSON_ALLOW_NUL, NULL);
	int r;

	if (!tree)
		return -1;
	r = d->kind->decode_json(d, tree, ret, &err);
	json_decref(tree);
	assert((r == 0) == (*ret != NULL) && (r == 0) == (err.text[0] == '\0'));
	return r;
}

static void check_same(const struct pn_object *a, const struct pn_object *b)
{
	assert(strcmp(a->name, b->name) == 0 && strcmp(a->name_space, b->name_space) == 0);
	assert(a->n_refused == b->n_refused && a->n_labels == b->n_labels);
	assert(a->n_annotations == b->n_annotations);
	assert(a->controller == b->controller && a->created_s == b->created_s);
	if (a->kind == PN_KIND_POD)
		assert(pn_object_pod(a)->n_addrs == pn_object_pod(b)->n_addrs &&
		       pn_object_pod(a)->n_host_ports == pn_object_pod(b)->n_host_ports &&
		       pn_object_pod(a)->n_host_addrs == pn_object_pod(b)->n_host_addrs);
	else if (a->kind == PN_KIND_SERVICE)
		assert(pn_object_service(a)->n_addrs == pn_object_service(b)->n_addrs &&
		       pn_object_service(a)->n_ports == pn_object_service(b)->n_ports);
	else if (a->kind == PN_KIND_ENDPOINTSLICE)
		assert(pn_object_endpointslice(a)->n_endpoints ==
			       pn_object_endpointslice(b)->n_endpoints &&
		       pn_object_endpointslice(a)->service == pn_object_endpointslice(b)->service);
	else if (a->kind == PN_KIND_GENERIC)
		assert(strcmp(pn_object_generic(a)->json, pn_object_generic(b)->json) == 0);
}

/* Text that cannot be trimmed was bad JSON, or is none of an object. */
static void check_trimmed(const struct pn_decoding *d, const char *json, size_t len,
			  const struct pn_object *want, bool is_json)
{
	struct pn_buf buf = PN_BUF_INIT(16 << 20);
	struct pn_object *obj = NULL;
	unsigned int keep = (d->keep_labels ? PN_JSON_KEEP_LABELS : 0) |
			    (d->annotations ? PN_JSON_KEEP_ANNOTATIONS : 0);

	if (pn_json_trim(pn_json_wanted_object(d->kind), keep, json, len, &buf) == 0) {
		assert(buf.len <= len);
		if (decode(d, buf.data, buf.len, &obj) == 0 && is_json) {
			assert(want);
			check_same(obj, want);
		} else if (is_json) {
			assert(!want);
		}
	} else {
		assert(!want);
	}
	pn_object_unref(obj);
	pn_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pn_kind *generic;
	const char *json = (const char *)data + 1;
	struct pn_object *obj = NULL;
	struct pn_decoding d = { 0 };
	int r;

	if (size < 1)
		return 0;
	if (!generic)
		assert(pn_kind_new_generic("g", "v1", "Any", "anys", true, &generic) == 0);
	d.kind = pn_kind_get((enum pn_kind_id)((data[0] & 0x7f) % PN_KIND_MAX));
	d.kind = d.kind ? d.kind : generic;
	d.keep_labels = data[0] & 0x80;
	d.annotations = d.keep_labels ? kept_annotations : NULL;
	r = decode(&d, json, size - 1, &obj);
	if (obj)
		check_object(obj);
	check_trimmed(&d, json, size - 1, obj, r != -1);
	pn_object_unref(obj);
	assert(pn_intern_count() == 0 && pn_controller_count() == 0);
	return 0;
}
