/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the decoders of protobuf: the first byte chooses the kind, the rest is a message. What is
 * kept stays within its limits, and nothing of a refused object stays behind.
 */
#include <stdlib.h>

#include "base/intern.h"
#include "kube/controller.h"
#include "kube/kind.h"
#include "tests/fuzz/check_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_object *obj = NULL;
	struct pn_err err = { "" };
	struct pn_decoding d = { 0 };
	int r;

	if (size < 1)
		return 0;
	d.kind = pn_kind_get((enum pn_kind_id)((data[0] & 0x7f) % PN_KIND_GENERIC));
	d.keep_labels = data[0] & 0x80;
	d.annotations = d.keep_labels ? kept_annotations : NULL;
	r = d.kind->decode_protobuf(&d, data + 1, size - 1, &obj, &err);
	assert((r == 0) == (obj != NULL) && (r == 0) == (err.text[0] == '\0'));
	if (obj)
		check_object(obj);
	pn_object_unref(obj);
	assert(pn_intern_count() == 0 && pn_controller_count() == 0);
	return 0;
}
