/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes a reflector with its store behind it: the input is a sequence of answers, divided by the
 * byte 0xff; an answer's first byte chooses its status and how it ends, the rest is its body.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/intern.h"
#include "kube/reflector.h"
#include "kube/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pn_nsec now;

static pn_nsec fake_now(void *data)
{
	(void)data;
	return now;
}

static uint32_t fake_random(void *data)
{
	(void)data;
	return 0x80000000u;
}

static int on_list_begin(void *data)
{
	return pn_store_stage_begin(data);
}

static int on_list_item(void *data, const struct pn_object *obj)
{
	return pn_store_stage(data, obj);
}

static bool on_remove(void *data, const struct pn_object *last)
{
	char key[PN_KEY_LEN];

	assert(!pn_store_get(data, pn_object_key(last, key)));
	return true;
}

static bool on_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	char key[PN_KEY_LEN];

	assert(old != obj && pn_store_get(data, pn_object_key(obj, key)) == obj);
	return true;
}

static void on_list_end(void *data)
{
	static const struct pn_store_diff diff = { on_remove, on_put };

	pn_store_commit(data, &diff, data);
}

static void on_list_drop(void *data)
{
	pn_store_unstage(data);
}

static int on_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	const struct pn_object *old = NULL;
	char key[PN_KEY_LEN];
	int r = 0;

	if (event == PN_EVENT_DELETED)
		old = pn_store_remove(data, pn_object_key(obj, key));
	else
		r = pn_store_put(data, obj, &old);
	pn_object_unref(old);
	return r;
}

static void on_refused(void *data, const struct pn_err *why)
{
	(void)data;
	assert(why->text[0]);
}

static const struct pn_reflector_ops ops = {
	.list_begin = on_list_begin,
	.list_item = on_list_item,
	.list_end = on_list_end,
	.list_drop = on_list_drop,
	.event = on_event,
	.refused = on_refused,
};

static void ask(struct pn_reflector *r)
{
	struct pn_reflector_step s;

	pn_reflector_next(r, &s);
	if (!s.path) {
		assert(s.wait_ns > 0 && s.wait_ns <= 60 * PN_NSEC_PER_SEC);
		now += s.wait_ns;
		pn_reflector_next(r, &s);
	}
	assert(s.path && s.path[0] == '/');
	for (const char *c = s.path; *c; c++)
		assert(*c > ' ' && *c <= '~');
}

static void answer(struct pn_reflector *r, const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 200, 200, 401, 410, 429, 504, 0 };
	int status = size ? statuses[data[0] & 7] : 0;
	int result = size && data[0] & 8 ? -ECONNRESET : 0;
	int e = 0;

	if (status)
		pn_reflector_headers(r, status, data[0] & 16 ? "text/plain" : "application/json",
				     data[0] & 32 ? 3 : -1);
	if (status && size > 1)
		e = pn_reflector_data(r, (const char *)data + 1, size - 1);
	pn_reflector_done(r, e < 0 ? e : result, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_clock clock = { .now = fake_now, .random = fake_random };
	struct pn_reflector_config config = { .kind = pn_kind_get(PN_KIND_POD),
					      .clock = &clock,
					      .ops = &ops };
	const uint8_t *end = data + size;
	struct pn_reflector *r;
	struct pn_store *store;

	assert(pn_store_new(&store) == 0);
	assert(pn_store_add_index(store, "by-ip", pn_index_by_ip) == 0);
	config.data = store;
	assert(pn_reflector_new(&config, &r) == 0);
	for (unsigned int n = 0; data < end && n < 64; n++) {
		const uint8_t *stop = memchr(data, 0xff, (size_t)(end - data));

		stop = stop ? stop : end;
		ask(r);
		answer(r, data, (size_t)(stop - data));
		data = stop < end ? stop + 1 : end;
	}
	pn_reflector_free(r);
	pn_store_free(store);
	assert(pn_intern_count() == 0);
	return 0;
}
