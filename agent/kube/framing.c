/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts the text of an answer into objects, so that no tree of a whole list is ever built. The JSON
 * decoder of wire.c feeds it with pieces as they come from the network.
 *
 * Two small machines: the inner one, json_scan.c, follows one value to its end; the outer one
 * knows what may stand between values, which is nothing in a stream of objects and the members of
 * one object, "items" among them, in a list. A value that lies within one piece is handed on where
 * it lies; only one that is cut is copied together.
 */
#include "kube/framing.h"

#include <errno.h>
#include <string.h>

void pn_framing_init(struct pn_framing *f, enum pn_framing_mode mode,
		     const struct pn_framing_ops *ops, void *data)
{
	*f = (struct pn_framing) {
		.ops = ops,
		.data = data,
		.mode = mode,
		.state = mode == PN_FRAMING_LIST ? PN_FRAMING_BEGIN : PN_FRAMING_OBJECT,
		.value = PN_BUF_INIT(PN_FRAMING_MAX_OBJECT),
		.key = PN_BUF_INIT(PN_FRAMING_MAX_OBJECT),
	};
}

void pn_framing_done(struct pn_framing *f)
{
	pn_buf_done(&f->value);
	pn_buf_done(&f->key);
}

static int bad(uint64_t offset, const char *expected, struct pn_err *reterr)
{
	return pn_err_set(reterr, -EBADMSG, "invalid JSON at byte %llu: %s",
			  (unsigned long long)offset, expected);
}

static void begin_value(struct pn_framing *f, char c)
{
	f->in_value = true;
	f->is_scalar = c != '{' && c != '[' && c != '"';
	f->scan = (struct pn_json_scan) { 0 };
}

/* Return: behind the value's last byte, or NULL if it goes on beyond @end */
static const char *scan_value(struct pn_framing *f, const char *p, const char *end)
{
	return f->is_scalar ? pn_json_scan_scalar(p, end) : pn_json_scan(&f->scan, p, end);
}

static enum pn_framing_state state_after_value(enum pn_framing_state state)
{
	switch (state) {
	case PN_FRAMING_KEY:
		return PN_FRAMING_COLON;
	case PN_FRAMING_ITEM:
		return PN_FRAMING_ITEM_NEXT;
	case PN_FRAMING_MEMBER:
		return PN_FRAMING_MEMBER_NEXT;
	default:
		return PN_FRAMING_OBJECT;
	}
}

static int deliver(struct pn_framing *f, const char *json, size_t len)
{
	enum pn_framing_state was = f->state;

	f->in_value = false;
	f->state = state_after_value(was);
	switch (was) {
	case PN_FRAMING_KEY:
		pn_buf_reset(&f->key);
		return pn_buf_put(&f->key, json + 1, len - 2);
	case PN_FRAMING_MEMBER:
		return f->ops->member(f->data, f->key.data, f->key.len, json, len);
	default:
		return f->ops->object(f->data, json, len);
	}
}

static int too_long(const struct pn_framing *f, uint64_t offset, struct pn_err *reterr)
{
	return pn_err_set(reterr, -EMSGSIZE, "at byte %llu: %s of more than %zu bytes",
			  (unsigned long long)offset,
			  f->state == PN_FRAMING_KEY ? "a key" : "an object", f->value.max);
}

/* As much of the current value as there is. Return: bytes taken, or a negative errno */
static int take_value(struct pn_framing *f, const char *p, const char *end, uint64_t offset,
		      struct pn_err *reterr, size_t *ret_taken)
{
	const char *stop = scan_value(f, p, end);
	size_t n = (size_t)((stop ? stop : end) - p);
	int r;

	*ret_taken = n;
	if (n > f->value.max || f->value.len > f->value.max - n)
		return too_long(f, offset, reterr);
	if (stop && f->value.len == 0)
		return deliver(f, p, n);
	r = pn_buf_put(&f->value, p, n);
	if (r < 0 || !stop)
		return r;
	r = deliver(f, f->value.data, f->value.len);
	pn_buf_reset(&f->value);
	return r;
}

/* One byte of what stands between values. Return: what was expected instead, or NULL */
static const char *step(struct pn_framing *f, char c)
{
	switch (f->state) {
	case PN_FRAMING_BEGIN:
		f->state = PN_FRAMING_KEY_OR_END;
		return c == '{' ? NULL : "expected the '{' of a list";
	case PN_FRAMING_KEY_OR_END:
		f->state = PN_FRAMING_END;
		return c == '}' ? NULL : "expected a key or '}'";
	case PN_FRAMING_COLON:
		f->state = PN_FRAMING_MEMBER;
		return c == ':' ? NULL : "expected ':'";
	case PN_FRAMING_MEMBER:
		f->state = PN_FRAMING_ITEM_OR_END;
		return c == '[' ? NULL : "expected a value";
	case PN_FRAMING_ITEM_OR_END:
		f->state = PN_FRAMING_MEMBER_NEXT;
		return c == ']' ? NULL : "expected an object or ']'";
	case PN_FRAMING_ITEM_NEXT:
		f->state = c == ',' ? PN_FRAMING_ITEM : PN_FRAMING_MEMBER_NEXT;
		return c == ',' || c == ']' ? NULL : "expected ',' or ']'";
	case PN_FRAMING_MEMBER_NEXT:
		f->state = c == ',' ? PN_FRAMING_KEY : PN_FRAMING_END;
		return c == ',' || c == '}' ? NULL : "expected ',' or '}'";
	case PN_FRAMING_KEY:
		return "expected a key";
	case PN_FRAMING_END:
		return "expected nothing more";
	default:
		return "expected an object";
	}
}

/* Does a value begin with @c here? Then the state says which one. */
static bool value_begins(struct pn_framing *f, char c)
{
	bool is_items = f->key.len == 5 && memcmp(f->key.data, "items", 5) == 0;

	switch (f->state) {
	case PN_FRAMING_KEY_OR_END:
		if (c == '"')
			f->state = PN_FRAMING_KEY;
		return c == '"';
	case PN_FRAMING_ITEM_OR_END:
		if (c == '{')
			f->state = PN_FRAMING_ITEM;
		return c == '{';
	case PN_FRAMING_KEY:
		return c == '"';
	case PN_FRAMING_OBJECT:
	case PN_FRAMING_ITEM:
		return c == '{';
	case PN_FRAMING_MEMBER:
		return !(is_items && c == '[') && !strchr(",:]}", c);
	default:
		return false;
	}
}

int pn_framing_feed(struct pn_framing *f, const char *bytes, size_t len, struct pn_err *reterr)
{
	const char *p = bytes, *end = bytes + len, *wrong;
	uint64_t start = f->offset;
	size_t n;
	int r;

	while (p < end) {
		f->offset = start + (uint64_t)(p - bytes);
		if (!f->in_value && pn_json_is_space(*p)) {
			p++;
			continue;
		}
		if (!f->in_value && value_begins(f, *p))
			begin_value(f, *p);
		if (f->in_value) {
			r = take_value(f, p, end, f->offset, reterr, &n);
			if (r < 0)
				return r;
			p += n;
			continue;
		}
		wrong = step(f, *p++);
		if (wrong)
			return bad(f->offset, wrong, reterr);
	}
	f->offset = start + len;
	return 0;
}

int pn_framing_end(const struct pn_framing *f, struct pn_err *reterr)
{
	enum pn_framing_state want =
		f->mode == PN_FRAMING_LIST ? PN_FRAMING_END : PN_FRAMING_OBJECT;

	if (f->state == want && !f->in_value)
		return 0;
	return bad(f->offset, "the text ends in the middle", reterr);
}
