/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to lines. The sinks call this once a record and format; each form has a file of its own.
 */
#include "export/encode.h"

#include <errno.h>
#include <string.h>

#include "export/encode_line.h"

/* Nearly every line fits into the first; names at their longest, all escaped, into the second. */
static const size_t line_sizes[] = { 2048, 65536 };

static const char *const names[] = { "compact", "color", "json" };
_Static_assert(PN_ARRAY_SIZE(names) == PN_FORMAT_MAX, "a name for each format");

int pn_format_parse(const char *name, enum pn_format *ret)
{
	for (int i = 0; i < PN_FORMAT_MAX; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum pn_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void encode_line(enum pn_format format, const struct pn_flow_record *r, struct pn_text *t)
{
	switch (format) {
	case PN_FORMAT_COMPACT:
	case PN_FORMAT_COLOR:
		pn_encode_compact(r, format == PN_FORMAT_COLOR, t);
		break;
	case PN_FORMAT_JSON:
		pn_encode_json(r, t);
		break;
	case PN_FORMAT_MAX:
		t->full = true;
		break;
	}
}

int pn_encode(enum pn_format format, const struct pn_flow_record *r, struct pn_buf *out)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(line_sizes); i++) {
		struct pn_text t;
		int ret = pn_buf_reserve(out, line_sizes[i]);

		if (ret < 0)
			return ret;
		t = (struct pn_text) { .at = out->data + out->len,
				       .end = out->data + out->len + line_sizes[i] };
		encode_line(format, r, &t);
		if (!t.full) {
			out->len = (size_t)(t.at - out->data);
			out->data[out->len] = '\0';
			return 0;
		}
		out->data[out->len] = '\0';
	}
	return -EMSGSIZE;
}
