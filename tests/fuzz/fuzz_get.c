/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what `podonym get` makes of an answer: the first byte chooses the form of the answer and of
 * the output, the rest is the body. Tables must come out without control characters.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/get/get_body.h"
#include "cmd/get/object_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_columns(void *data, const json_t *columns)
{
	return pn_printer_columns(data, columns);
}

static int on_row(void *data, const char *change, const json_t *row)
{
	return pn_printer_row(data, change, row);
}

static int on_object(void *data, const char *change, json_t *object)
{
	return pn_printer_object(data, change, object);
}

static const struct pn_body_ops ops = { on_columns, on_row, on_object };

static int feed(struct pn_printer *p, enum pn_body_form form, const char *bytes, size_t len)
{
	struct pn_body body;
	struct pn_err err;
	int r;

	pn_body_init(&body, form, &ops, p);
	r = pn_body_feed(&body, bytes, len / 2, &err);
	if (r == 0)
		r = pn_body_feed(&body, bytes + len / 2, len - len / 2, &err);
	if (r == 0)
		r = pn_body_end(&body, &err);
	assert(strlen(body.resource_version) < sizeof(body.resource_version));
	pn_body_done(&body);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pn_api_resource widget = {
		.group = "example.com",
		.version = "v1",
		.plural = "widgets",
		.kind = "Widget",
	};
	unsigned int choice = size ? data[0] : 0;
	struct pn_printer_options options = {
		.output = (enum pn_output)(choice % 5),
		.as_documents = choice & 32,
		.with_kind = choice & 64,
		.with_event = choice & 64,
		.with_labels = choice & 128,
	};
	PN_CLEANUP(pn_freep) char *text = NULL;
	struct pn_printer *p;
	size_t len;
	FILE *out;

	if (!size)
		return 0;
	out = open_memstream(&text, &len);
	p = pn_printer_new(&options, out);
	assert(out && p && pn_printer_kind(p, &widget, choice & 16) == 0);
	if (feed(p, (enum pn_body_form)(choice / 5 % 3), (const char *)data + 1, size - 1) == 0)
		(void)pn_printer_end(p);
	else
		(void)pn_printer_flush(p);
	for (size_t i = 0; pn_printer_wants_rows(p) && i < len; i++)
		assert((unsigned char)text[i] >= ' ' || text[i] == '\n');
	pn_printer_free(p);
	(void)fclose(out);
	return 0;
}
