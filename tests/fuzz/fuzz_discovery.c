/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes discovery: the input is a sequence of answers, divided by the byte 0xff, to whatever is
 * asked. What is found must make sense, and questions must come to an end.
 */
#include <assert.h>
#include <string.h>

#include "kube/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_resource(const struct pn_api_resource *res)
{
	assert(*res->version && *res->plural && *res->kind);
	assert(!strpbrk(res->group, "/ ") && !strpbrk(res->version, "/ ") &&
	       !strpbrk(res->plural, "/ "));
	assert(!pn_resource_is_in(res->short_names, ""));
}

static void answer(struct pn_discovery *d, const char *bytes, size_t len)
{
	struct pn_err err = { "" };
	size_t half = len / 2;
	int r;

	r = pn_discovery_feed(d, bytes, half, &err);
	if (r == 0)
		r = pn_discovery_feed(d, bytes + half, len - half, &err);
	if (r == 0)
		r = pn_discovery_end(d, &err);
	assert((r < 0) == (err.text[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "widgets", "wd", "po", "widgets.example.com",
					     "widgets.v1.example.com" };
	const uint8_t *end = data + size, *stop;
	const struct pn_api_resource *res;
	struct pn_discovery *d;
	const char *path;

	assert(pn_discovery_new(&d) == 0);
	for (unsigned int n = 0; (path = pn_discovery_next(d)) && data < end; n++) {
		assert(path[0] == '/' && n < 2000);
		stop = memchr(data, 0xff, (size_t)(end - data));
		stop = stop ? stop : end;
		answer(d, (const char *)data, (size_t)(stop - data));
		data = stop < end ? stop + 1 : end;
	}
	for (size_t i = 0; (res = pn_discovery_at(d, i)); i++)
		check_resource(res);
	for (size_t i = 0; i < PN_ARRAY_SIZE(words); i++) {
		if (pn_discovery_find(d, words[i], &res))
			check_resource(res);
	}
	pn_discovery_free(d);
	return 0;
}
