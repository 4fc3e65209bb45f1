/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts an object's JSON down to the members that its decoder reads, before a tree is made of it: a
 * tree costs a hundred times as much as passing over the text, and of a pod's nine kilobytes half a
 * one is read.
 */
#include "kube/json_trim.h"

#include <errno.h>
#include <string.h>

#include "kube/json_scan.h"

/* The output never becomes longer than the input, so there is room for it from the start. */
struct trim {
	const char *end;
	char *out;
	unsigned int keep;
};

/* Each of these takes the text at @p and returns what stands behind it, or NULL if it is not that. */
static const char *trim_value(struct trim *t, const char *p, const struct pn_json_set *set);

static const char *skip_space(const struct trim *t, const char *p)
{
	while (p < t->end && pn_json_is_space(*p))
		p++;
	return p;
}

static const char *expect(const struct trim *t, const char *p, char c)
{
	p = skip_space(t, p);
	return p < t->end && *p == c ? p + 1 : NULL;
}

static const char *skip_value(const struct trim *t, const char *p)
{
	struct pn_json_scan s = { 0 };

	if (p == t->end)
		return NULL;
	if (*p == '{' || *p == '[' || *p == '"')
		return pn_json_scan(&s, p, t->end);
	p = pn_json_scan_scalar(p, t->end);
	return p;
}

static void put(struct trim *t, const char *from, const char *to)
{
	memcpy(t->out, from, (size_t)(to - from));
	t->out += to - from;
}

static bool is_kept(const struct trim *t, const struct pn_json_wanted *w)
{
	if (w->when == PN_JSON_IF_KEPT_LABELS)
		return t->keep & PN_JSON_KEEP_LABELS;
	return w->when != PN_JSON_IF_KEPT_ANNOTATIONS || t->keep & PN_JSON_KEEP_ANNOTATIONS;
}

static const struct pn_json_wanted *find(const struct trim *t, const struct pn_json_set *set,
					 const char *key, size_t len)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct pn_json_wanted *w = &set->members[i];

		if (w->key_len == len && memcmp(w->key, key, len) == 0 && is_kept(t, w))
			return w;
	}
	return NULL;
}

/* @p: at a key's quote. A key with an escape may be any, so it is left to the parser. */
static const char *trim_member(struct trim *t, const char *p, const struct pn_json_set *set)
{
	struct pn_json_scan s = { 0 };
	const char *key = p, *key_end = pn_json_scan(&s, p, t->end);
	const struct pn_json_wanted *w;
	bool is_escaped;

	p = key_end ? expect(t, key_end, ':') : NULL;
	if (!p)
		return NULL;
	p = skip_space(t, p);
	is_escaped = memchr(key, '\\', (size_t)(key_end - key));
	w = is_escaped ? NULL : find(t, set, key + 1, (size_t)(key_end - key) - 2);
	if (w ? w->when == PN_JSON_NEVER : !set->keeps_rest && !is_escaped)
		return skip_value(t, p);
	if (t->out[-1] != '{')
		*t->out++ = ',';
	put(t, key, key_end);
	*t->out++ = ':';
	return trim_value(t, p, w ? w->in : NULL);
}

/* @p: behind the '{' */
static const char *trim_object(struct trim *t, const char *p, const struct pn_json_set *set)
{
	*t->out++ = '{';
	p = skip_space(t, p);
	if (p < t->end && *p == '}') {
		*t->out++ = '}';
		return p + 1;
	}
	for (;;) {
		p = skip_space(t, p);
		if (p == t->end || *p != '"')
			return NULL;
		p = trim_member(t, p, set);
		p = p ? skip_space(t, p) : t->end;
		if (p == t->end || (*p != ',' && *p != '}'))
			return NULL;
		if (*p++ == '}')
			break;
	}
	*t->out++ = '}';
	return p;
}

/* @p: behind the '[' */
static const char *trim_list(struct trim *t, const char *p, const struct pn_json_set *set)
{
	*t->out++ = '[';
	p = skip_space(t, p);
	if (p < t->end && *p == ']') {
		*t->out++ = ']';
		return p + 1;
	}
	for (;;) {
		p = skip_space(t, p);
		p = p < t->end && *p == '{' ? trim_object(t, p + 1, set) : trim_value(t, p, NULL);
		p = p ? skip_space(t, p) : t->end;
		if (p == t->end || (*p != ',' && *p != ']'))
			return NULL;
		*t->out++ = *p;
		if (*p++ == ']')
			return p;
	}
}

/* @set: NULL: all of it. What is not of the expected type is for the decoder to complain about. */
static const char *trim_value(struct trim *t, const char *p, const struct pn_json_set *set)
{
	const char *stop;

	if (set && p < t->end && *p == '{')
		return trim_object(t, p + 1, set);
	if (set && p < t->end && *p == '[')
		return trim_list(t, p + 1, set);
	stop = skip_value(t, p);
	if (stop)
		put(t, p, stop);
	return stop;
}

int pn_json_trim(const struct pn_json_set *set, unsigned int keep, const char *json, size_t len,
		 struct pn_buf *ret)
{
	struct trim t = { .end = json + len, .keep = keep };
	const char *p;
	int r;

	pn_buf_reset(ret);
	r = pn_buf_reserve(ret, len);
	if (r < 0)
		return r == -EMSGSIZE ? -EBADMSG : r;
	t.out = ret->data;
	p = expect(&t, json, '{');
	p = p ? trim_object(&t, p, set) : NULL;
	if (!p || skip_space(&t, p) != t.end)
		return -EBADMSG;
	ret->len = (size_t)(t.out - ret->data);
	ret->data[ret->len] = '\0';
	return 0;
}
