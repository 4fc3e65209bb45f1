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

static const char *const formats[] = {
	"compact", "color", "json", "fields", "netobserv", "hubble"
};
_Static_assert(PN_ARRAY_SIZE(formats) == PN_FORMAT_MAX, "a name for each format");

static const char *const times[] = { "clock", "rfc3339", "rfc3339nano", "unix", "relative" };
_Static_assert(PN_ARRAY_SIZE(times) == PN_TIME_FORM_MAX, "a name for each form of times");

static int find(const char *const *names, int n, const char *name)
{
	int i = 0;

	while (i < n && strcmp(name, names[i]) != 0)
		i++;
	return i < n ? i : -EINVAL;
}

int pn_format_parse(const char *name, enum pn_format *ret)
{
	int i = find(formats, PN_FORMAT_MAX, name);

	if (i < 0)
		return i;
	*ret = (enum pn_format)i;
	return 0;
}

int pn_time_form_parse(const char *name, enum pn_time_form *ret)
{
	int i = find(times, PN_TIME_FORM_MAX, name);

	if (i < 0)
		return i;
	*ret = (enum pn_time_form)i;
	return 0;
}

static void encode_line(const struct pn_style *style, const struct pn_flow_record *r,
			struct pn_text *t)
{
	switch (style->format) {
	case PN_FORMAT_COMPACT:
	case PN_FORMAT_COLOR:
		pn_encode_compact(style, r, t);
		break;
	case PN_FORMAT_JSON:
		pn_encode_json(style, r, t);
		break;
	case PN_FORMAT_FIELDS:
		pn_encode_fields(style, r, t);
		break;
	case PN_FORMAT_NETOBSERV:
		pn_encode_netobserv(style, r, t);
		break;
	case PN_FORMAT_HUBBLE:
		pn_encode_hubble(style, r, t);
		break;
	case PN_FORMAT_MAX:
		t->full = true;
		break;
	}
}

int pn_encode_styled(const struct pn_style *style, const struct pn_flow_record *r,
		     struct pn_buf *out)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(line_sizes); i++) {
		struct pn_text t;
		int ret = pn_buf_reserve(out, line_sizes[i]);

		if (ret < 0)
			return ret;
		t = (struct pn_text) { .at = out->data + out->len,
				       .end = out->data + out->len + line_sizes[i] };
		encode_line(style, r, &t);
		if (!t.full) {
			out->len = (size_t)(t.at - out->data);
			out->data[out->len] = '\0';
			return 0;
		}
		out->data[out->len] = '\0';
	}
	return -EMSGSIZE;
}

int pn_encode(enum pn_format format, const struct pn_flow_record *r, struct pn_buf *out)
{
	const struct pn_style style = { .format = format };

	return pn_encode_styled(&style, r, out);
}
