/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoders of all kinds need, whatever the encoding: lists that grow, text that is checked,
 * addresses, labels. A bad address costs that address, not the object: the rest of what the object
 * says is still true.
 */
#include "kube/decode.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/metric.h"
#include "kube/kind.h"
#include "kube/object_copy.h"

/* More strings than this in one list are refused one by one. */
enum { MAX_TEXTS = 1024 };

static const struct pn_controller no_controller = { "", "", "" };

void pn_draft_begin(struct pn_draft *d, const struct pn_decoding *decoding, struct pn_err *err,
		    struct pn_object *meta, enum pn_kind_id kind)
{
	d->err = err;
	d->error = 0;
	d->n_refused = 0;
	d->refusal = NULL;
	d->keep_labels = decoding->keep_labels;
	d->annotations = decoding->annotations;
	d->watch_label = NULL;
	d->label_value = "";
	d->scratch.n_first = d->scratch.total = 0;
	d->scratch.is_full = false;
	d->scratch.chunks = NULL;
	meta->kind = (uint8_t)kind;
	meta->name_space = meta->name = meta->uid = meta->resource_version = "";
	meta->controller = &no_controller;
}

int pn_draft_finish(struct pn_draft *d, struct pn_object *meta, struct pn_object **ret)
{
	int r;

	if (!meta->name[0])
		pn_draft_wrong(d, "name", "missing");
	meta->n_refused = (uint16_t)PN_MIN(d->n_refused, UINT16_MAX);
	r = d->error ? d->error : pn_object_copy(meta, ret);
	pn_scratch_done(&d->scratch);
	return r;
}

void pn_draft_wrong(struct pn_draft *d, const char *field, const char *expected)
{
	if (!d->error)
		d->error = pn_err_set(d->err, -EINVAL, "%s: %s", field, expected);
}

void *pn_draft_alloc(struct pn_draft *d, size_t size)
{
	void *p = pn_scratch_alloc(&d->scratch, size);

	if (d->scratch.is_full)
		pn_draft_wrong(d, "object", "holds too much");
	else if (!p)
		d->error = -ENOMEM;
	return p;
}

/* Room for four, then for twice as many whenever the number is a power of two. */
void *pn_draft_more(struct pn_draft *d, const void *array, uint32_t n, size_t size, uint32_t max)
{
	void *to;

	if (n >= max) {
		d->n_refused++;
		return NULL;
	}
	if (n && (n < 4 || (n & (n - 1))))
		return (void *)(uintptr_t)array;
	to = pn_draft_alloc(d, size * (n ? 2 * (size_t)n : 4));
	return to && n ? memcpy(to, array, n * size) : to;
}

bool pn_draft_text(struct pn_draft *d, const char *field, const char *text, size_t len, size_t size)
{
	if (len >= size)
		pn_draft_wrong(d, field, "too long");
	else if (memchr(text, '\0', len))
		pn_draft_wrong(d, field, "a NUL character inside");
	else
		return true;
	return false;
}

static bool is_printable(char c)
{
	return c > ' ' && c <= '~';
}

static bool is_name_char(char c)
{
	return is_printable(c) && c != '/';
}

/*
 * The same of eight characters at once. Below 0x80, which comes first, a sum stays within its byte
 * and has the top bit if the character is at least '!', more than '~', or not '/'.
 */
static bool are_name_chars(uint64_t w)
{
	const uint64_t each = 0x0101010101010101, top = each * 0x80;

	return !(w & top) && (((w + each * (0x80 - '!')) & ~(w + each * (0x80 - 0x7f)) &
			       ((w ^ each * '/') + each * 0x7f)) &
			      top) == top;
}

static bool is_name(const char *text, size_t len)
{
	uint64_t w;

	for (; len >= sizeof(w); text += sizeof(w), len -= sizeof(w)) {
		memcpy(&w, text, sizeof(w));
		if (!are_name_chars(w))
			return false;
	}
	while (len && is_name_char(*text)) {
		text++;
		len--;
	}
	return !len;
}

bool pn_draft_name(struct pn_draft *d, const char *field, const char *text, size_t len, size_t size)
{
	if (len < size && is_name(text, len))
		return true;
	if (pn_draft_text(d, field, text, len, size))
		pn_draft_wrong(d, field, "characters that no name has");
	return false;
}

void pn_texts_add(struct pn_draft *d, struct pn_texts *texts, const char *text)
{
	const char **v = pn_draft_more(d, texts->v, texts->n, sizeof(*v), MAX_TEXTS);

	if (!v)
		return;
	v[texts->n++] = text;
	texts->v = v;
}

static bool has(const struct pn_addr_list *list, const struct pn_addr *addr)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (pn_addr_eq(&list->v[i], addr))
			return true;
	return false;
}

void pn_addr_list_add(struct pn_draft *d, struct pn_addr_list *list, const char *text)
{
	struct pn_addr addr, *v;
	int r;

	if (!text[0])
		return;
	r = pn_addr_parse(text, &addr);
	if (r == 0 && has(list, &addr))
		return;
	if (r < 0 || list->n == PN_MAX_ADDRS) {
		d->n_refused++;
		pn_metric_add(PN_METRIC_INDEX_REFUSED, 1);
		return;
	}
	v = pn_draft_more(d, list->v, list->n, sizeof(*v), PN_MAX_ADDRS);
	if (!v)
		return;
	v[list->n++] = addr;
	list->v = v;
}

bool pn_is_label_text(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && is_printable(text[n]))
		n++;
	return n < size && !text[n];
}

void pn_label_list_add(struct pn_draft *d, struct pn_label_list *list, const char *key,
		       const char *value)
{
	struct pn_label *v;

	if (!key[0] || !pn_is_label_text(key, PN_LABEL_KEY_LEN) ||
	    !pn_is_label_text(value, PN_LABEL_VALUE_LEN)) {
		d->n_refused++;
		return;
	}
	v = pn_draft_more(d, list->v, list->n, sizeof(*v), PN_MAX_LABELS);
	if (!v)
		return;
	v[list->n++] = (struct pn_label) { key, value };
	list->v = v;
}

/* Insertion keeps the order of equal keys, and costs little for what is nearly always sorted. */
void pn_label_list_sort(struct pn_label_list *list)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		struct pn_label l = list->v[i];
		uint32_t at = n;
		int order = 1;

		while (at && (order = strcmp(list->v[at - 1].key, l.key)) > 0)
			at--;
		if (at && order == 0) {
			list->v[at - 1].value = l.value;
			continue;
		}
		memmove(&list->v[at + 1], &list->v[at], (n - at) * sizeof(l));
		list->v[at] = l;
		n++;
	}
	list->n = n;
}

void pn_draft_label(struct pn_draft *d, struct pn_label_list *list, const char *key,
		    const char *value)
{
	if (d->keep_labels)
		pn_label_list_add(d, list, key, value);
	if (d->watch_label && strcmp(key, d->watch_label) == 0)
		d->label_value = pn_is_label_text(value, PN_LABEL_VALUE_LEN) ? value : "";
}

static bool is_kept(const struct pn_draft *d, const char *key)
{
	for (const char *const *name = d->annotations; name && *name; name++)
		if (strcmp(*name, key) == 0)
			return true;
	return false;
}

void pn_draft_annotation(struct pn_draft *d, struct pn_label_list *list, const char *key,
			 const char *value)
{
	struct pn_label *v = NULL;

	if (is_kept(d, key))
		v = pn_draft_more(d, list->v, list->n, sizeof(*v), PN_MAX_LABELS);
	if (!v)
		return;
	v[list->n++] = (struct pn_label) { key, value };
	list->v = v;
}

/* One list, so that the many objects without annotations do not pay for another pointer. */
void pn_draft_labels(struct pn_draft *d, struct pn_object *meta, struct pn_label_list *labels,
		     struct pn_label_list *annotations)
{
	pn_label_list_sort(labels);
	pn_label_list_sort(annotations);
	for (uint32_t i = 0; i < annotations->n; i++) {
		struct pn_label *v =
			pn_draft_more(d, labels->v, labels->n + i, sizeof(*v), 2 * PN_MAX_LABELS);

		if (!v)
			return;
		v[labels->n + i] = annotations->v[i];
		labels->v = v;
	}
	meta->labels = labels->v;
	meta->n_labels = labels->n;
	meta->n_annotations = annotations->n;
}

void pn_draft_controller(struct pn_draft *d, struct pn_object *meta, const char *kind,
			 const char *name, const char *uid)
{
	struct pn_controller *c = pn_draft_alloc(d, sizeof(*c));

	if (!c)
		return;
	*c = (struct pn_controller) { kind, name, uid };
	meta->controller = c;
}

uint8_t pn_proto_parse(const char *name)
{
	if (!name[0] || strcmp(name, "TCP") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "UDP") == 0)
		return IPPROTO_UDP;
	if (strcmp(name, "SCTP") == 0)
		return IPPROTO_SCTP;
	return 0;
}
