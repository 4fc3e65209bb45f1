/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes what Prometheus reads, for daemon/metrics_doc.c and traffic.c. The two forms differ in the head
 * of a family, in which the _total of a counter is left out, and in the end.
 */
#include "export/exposition.h"

#include <math.h>
#include <stdio.h>

static const struct {
	const char *word[PN_EXPO_FORM_MAX];
	const char *suffix; /* of samples, that OpenMetrics leaves out of the family's name */
} types[] = {
	[PN_EXPO_COUNTER] = { { "counter", "counter" }, "_total" },
	[PN_EXPO_GAUGE] = { { "gauge", "gauge" }, "" },
	[PN_EXPO_HISTOGRAM] = { { "histogram", "histogram" }, "" },
	[PN_EXPO_INFO] = { { "gauge", "info" }, "_info" },
};
_Static_assert(PN_ARRAY_SIZE(types) == PN_EXPO_TYPE_MAX, "a row for each type");

const char *const pn_expo_content_types[PN_EXPO_FORM_MAX] = {
	[PN_EXPO_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[PN_EXPO_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

static void put(struct pn_exposition *e, const char *s, size_t len)
{
	int r = pn_buf_put(e->out, s, len);

	if (r < 0 && !e->error)
		e->error = r;
}

static void put_string(struct pn_exposition *e, const char *s)
{
	put(e, s, strlen(s));
}

static void head(struct pn_exposition *e, const char *keyword, size_t name_len, const char *rest)
{
	put_string(e, keyword);
	put(e, e->name, name_len);
	put(e, " ", 1);
	put_string(e, rest);
	put(e, "\n", 1);
}

void pn_expo_family(struct pn_exposition *e, enum pn_expo_type type, const char *name,
		    const char *help)
{
	size_t len = strlen(name), suffix = strlen(types[type].suffix);

	e->name = name;
	if (e->form == PN_EXPO_OPENMETRICS && suffix < len &&
	    strcmp(name + len - suffix, types[type].suffix) == 0)
		len -= suffix;
	head(e, "# HELP ", len, help);
	head(e, "# TYPE ", len, types[type].word[e->form]);
}

static void sample(struct pn_exposition *e, const char *suffix, const char *labels,
		   const char *more, const char *value, size_t len)
{
	put_string(e, e->name);
	put_string(e, suffix);
	if (*labels || *more) {
		put(e, "{", 1);
		put_string(e, labels);
		put(e, ",", *labels && *more);
		put_string(e, more);
		put(e, "}", 1);
	}
	put(e, " ", 1);
	put(e, value, len);
	put(e, "\n", 1);
}

void pn_expo_part(struct pn_exposition *e, const char *suffix, const char *labels, const char *more,
		  uint64_t value)
{
	char digits[24];
	struct pn_text t = { digits, digits + sizeof(digits), false };

	pn_text_u64(&t, value);
	sample(e, suffix, labels, more, digits, (size_t)(t.at - digits));
}

void pn_expo_part_real(struct pn_exposition *e, const char *suffix, const char *labels,
		       const char *more, double value)
{
	char digits[40] = "+Inf";

	if (isfinite(value))
		(void)snprintf(digits, sizeof(digits), "%.15g", value);
	sample(e, suffix, labels, more, digits, strlen(digits));
}

void pn_expo_value(struct pn_exposition *e, const char *labels, uint64_t value)
{
	pn_expo_part(e, "", labels, "", value);
}

void pn_expo_real(struct pn_exposition *e, const char *labels, double value)
{
	pn_expo_part_real(e, "", labels, "", value);
}

void pn_expo_end(struct pn_exposition *e)
{
	if (e->form == PN_EXPO_OPENMETRICS)
		put_string(e, "# EOF\n");
}

void pn_labels_begin(struct pn_labels *l)
{
	l->text = (struct pn_text) { l->buf, l->buf + sizeof(l->buf) - 1, false };
}

static bool is_plain(unsigned char c)
{
	return c && c < 0x80 && c != '"' && c != '\\' && c != '\n';
}

/* One character that is not plain. Return: bytes taken from @s */
static size_t put_special(struct pn_text *t, const unsigned char *s)
{
	size_t len = pn_text_utf8_len(s);

	if (len) {
		pn_text_put(t, (const char *)s, len);
		return len;
	}
	if (*s >= 0x80) {
		pn_text_string(t, "\xef\xbf\xbd");
	} else {
		pn_text_char(t, '\\');
		pn_text_char(t, *s == '\n' ? 'n' : (char)*s);
	}
	return 1;
}

static void put_value(struct pn_text *t, const char *value)
{
	const unsigned char *at = (const unsigned char *)value;

	while (*at && !t->full) {
		const unsigned char *plain = at;

		while (is_plain(*at))
			at++;
		pn_text_put(t, (const char *)plain, (size_t)(at - plain));
		if (*at)
			at += put_special(t, at);
	}
}

/* A label that does not fit leaves no part of it. */
void pn_labels_put(struct pn_labels *l, const char *name, const char *value)
{
	struct pn_text *t = &l->text;
	char *before = t->at;

	if (t->at > l->buf)
		pn_text_char(t, ',');
	pn_text_string(t, name);
	pn_text_put(t, "=\"", 2);
	put_value(t, value);
	pn_text_char(t, '"');
	if (t->full)
		t->at = t->end = before;
}

const char *pn_labels_end(struct pn_labels *l)
{
	*l->text.at = '\0';
	return l->buf;
}

const char *pn_label(struct pn_labels *l, const char *name, const char *value)
{
	pn_labels_begin(l);
	pn_labels_put(l, name, value);
	return pn_labels_end(l);
}
