/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes a reflector: the input's first byte is its configuration, the rest a sequence of answers,
 * divided by the byte 0xff; an answer's first byte chooses its status and how it ends, what follows
 * is its body. Whatever comes, the calls keep to their order, a pause is neither nothing nor for
 * ever, and the same request comes again and again only as time passes or after an event.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/intern.h"
#include "kube/reflector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MAX_ANSWERS = 64,
	MAX_IDLE_REQUESTS = 8, /* the same again, while no time passes and no event comes */
};

/* What the reflector has told so far. */
struct listener {
	pn_nsec now;
	bool is_listing, has_list, is_late;

	/* How often the same has been asked for since this time and this event. */
	char path[1 << 14];
	pn_nsec asked_at;
	uint64_t n_events;
	unsigned int n_idle;
};

static pn_nsec fake_now(void *data)
{
	return ((struct listener *)data)->now;
}

static uint32_t fake_random(void *data)
{
	(void)data;
	return 0x80000000u;
}

static int on_list_begin(void *data)
{
	struct listener *l = data;

	assert(!l->is_listing);
	l->is_listing = true;
	return 0;
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	struct listener *l = data;

	assert(l->is_listing && obj->name[0]);
	return 0;
}

static void on_list_end(void *data)
{
	struct listener *l = data;

	assert(l->is_listing);
	l->is_listing = false;
	l->has_list = true;
}

static void on_list_drop(void *data)
{
	struct listener *l = data;

	assert(l->is_listing);
	l->is_listing = false;
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	struct listener *l = data;

	assert(!l->is_listing && l->has_list && event < PN_EVENT_MAX && obj->name[0]);
	return 0;
}

static void on_refused(void *data, const struct pn_err *why)
{
	(void)data;
	assert(why->text[0]);
}

static void on_failed(void *data, int code, const char *reason, const char *message)
{
	(void)data;
	assert(code >= 0 && reason && message[0]);
}

static void on_late_end(void *data)
{
	struct listener *l = data;

	assert(!l->is_late);
	l->is_late = true;
}

static const struct pn_reflector_ops ops = {
	.list_begin = on_list_begin,
	.list_item = on_list_item,
	.list_remove = on_list_item,
	.list_end = on_list_end,
	.list_drop = on_list_drop,
	.event = on_event,
	.refused = on_refused,
	.failed = on_failed,
	.late_end = on_late_end,
};

static void count_idle(const struct pn_reflector *r, struct listener *l, const char *path)
{
	struct pn_reflector_status st;

	pn_reflector_status(r, &st);
	if (l->now != l->asked_at || st.n_events != l->n_events || strcmp(path, l->path) != 0)
		l->n_idle = 0;
	assert(++l->n_idle <= MAX_IDLE_REQUESTS);
	l->asked_at = l->now;
	l->n_events = st.n_events;
	assert(strlen(path) < sizeof(l->path));
	memcpy(l->path, path, strlen(path) + 1);
}

static void ask(struct pn_reflector *r, struct listener *l)
{
	struct pn_reflector_step s;

	pn_reflector_next(r, &s);
	if (!s.path) {
		assert(s.wait_ns > 0 && s.wait_ns <= 60 * PN_NSEC_PER_SEC);
		l->now += s.wait_ns;
		pn_reflector_next(r, &s);
	}
	assert(s.path && s.path[0] == '/' && s.accept[0] && s.idle_ms > 0);
	for (const char *c = s.path; *c; c++)
		assert(*c > ' ' && *c <= '~');
	count_idle(r, l, s.path);
}

static void answer(struct pn_reflector *r, struct listener *l, const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 200, 200, 401, 410, 429, 504, 0 };
	int status = size ? statuses[data[0] & 7] : 0;
	int result = size && data[0] & 8 ? -ECONNRESET : 0;
	int e = 0;

	l->is_late = false;
	if (size && data[0] & 64) {
		pn_reflector_late(r);
		if (pn_reflector_deadline(r) != PN_NSEC_NEVER)
			l->now = pn_reflector_deadline(r);
		pn_reflector_late(r);
		pn_reflector_late(r);
	}
	if (size && data[0] & 128)
		l->now += PN_NSEC_PER_SEC;
	if (status)
		pn_reflector_headers(r, status, data[0] & 16 ? "text/plain" : "application/json",
				     data[0] & 32 ? 3 : -1);
	if (status && size > 1)
		e = pn_reflector_data(r, (const char *)data + 1, size - 1);
	pn_reflector_done(r, e < 0 ? e : result, NULL);
	(void)pn_reflector_server_is_back(r);
}

static struct pn_reflector_config config_of(uint8_t bits)
{
	return (struct pn_reflector_config) {
		.wire = { .kind = pn_kind_get(PN_KIND_POD), .keep_labels = bits & 1 },
		.streaming = bits & 2,
		.page_size = bits & 4 ? 2 : 0,
		.internal_error_retry = bits & 8 ? 10 * PN_NSEC_PER_SEC : 0,
		.label_selector = bits & 16 ? "a in (b)" : NULL,
		.name_space = bits & 32 ? "n" : NULL,
		.ops = &ops,
	};
}

static void play(struct pn_reflector *r, struct listener *l, const uint8_t *data,
		 const uint8_t *end)
{
	for (unsigned int n = 0; data < end && n < MAX_ANSWERS; n++) {
		const uint8_t *stop = memchr(data, 0xff, (size_t)(end - data));

		stop = stop ? stop : end;
		ask(r, l);
		answer(r, l, data, (size_t)(stop - data));
		data = stop < end ? stop + 1 : end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_reflector_config config = config_of(size ? data[0] : 0);
	struct listener l = { 0 };
	struct pn_clock clock = { .now = fake_now, .random = fake_random, .data = &l };
	struct pn_reflector *r;

	config.clock = &clock;
	config.data = &l;
	assert(pn_reflector_new(&config, &r) == 0);
	if (size > 1)
		play(r, &l, data + 1, data + size);
	pn_reflector_free(r);
	assert(pn_intern_count() == 0);
	return 0;
}
