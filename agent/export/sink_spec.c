/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From --sink KIND:TARGET,option=value,... to a kind and its values, for pn_exporter_new(). The words
 * are cut out of a copy of the text; the kind's table says what each of them may be.
 */
#include "export/sink_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/number.h"

enum {
	MAX_SPEC_LEN = 4096,
	MAX_NAMES = 32, /* kinds, or options of one kind */
	LIST_LEN = 256,
};

/* Options of every kind; their offsets point into struct pn_sink_spec. */
static const struct pn_sink_option common_options[] = {
	{
		.name = "queue",
		.type = PN_SINK_SIZE,
		.preset = "16M",
		.min = 64 << 10,
		.max = UINT64_C(4) << 30,
		.offset = offsetof(struct pn_sink_spec, max_queue),
	},
	{
		.name = "retry-max",
		.type = PN_SINK_DURATION,
		.preset = "30s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 3600 * PN_NSEC_PER_SEC,
		.offset = offsetof(struct pn_sink_spec, retry_max),
	},
	{ .name = NULL },
};

/* @what: "sink", "option of file" */
static int refuse_word(struct pn_err *reterr, const char *what, const char *word,
		       const char *const *names, size_t n)
{
	const char *near = pn_nearest(word, names, n);
	char list[LIST_LEN] = "";

	if (near)
		return pn_err_set(reterr, -EINVAL, "\"%.60s\" is no %s%s", word, what,
				  pn_meant(near, "", "").text);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list);

		(void)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", names[i]);
	}
	return pn_err_set(reterr, -EINVAL, "\"%.60s\" is no %s; there are: %s", word, what, list);
}

static int set_choice(const struct pn_sink_option *o, const char *text, const char **ret,
		      struct pn_err *reterr)
{
	size_t n = 0;

	for (; o->choices[n]; n++) {
		if (strcmp(text, o->choices[n]) == 0) {
			*ret = o->choices[n];
			return 0;
		}
	}
	return pn_err_wrap(reterr, refuse_word(reterr, "such value", text, o->choices, n), "%s",
			   o->name);
}

static int set_number(const struct pn_sink_option *o, const char *text, uint64_t *ret,
		      struct pn_err *reterr)
{
	bool is_size = o->type == PN_SINK_SIZE;
	uint64_t n;
	int r = is_size ? pn_size_parse(text, &n) : pn_number_parse(text, UINT64_MAX, &n);

	if (r < 0)
		return pn_err_set(reterr, r, "%s: \"%.60s\" is not a %s", o->name, text,
				  is_size ? "size; write 64K, 100M or 2G" : "number");
	if (n < o->min || n > o->max)
		return pn_err_set(reterr, -EINVAL, "%s: \"%.60s\" is not between %llu and %llu",
				  o->name, text, (unsigned long long)o->min,
				  (unsigned long long)o->max);
	*ret = n;
	return 0;
}

static int set_duration(const struct pn_sink_option *o, const char *text, pn_nsec *ret,
			struct pn_err *reterr)
{
	pn_nsec ns;

	if (pn_duration_parse(text, &ns) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "%s: \"%.60s\" is not a duration; write 500ms, 5s, 2m or 1h",
				  o->name, text);
	if (ns < o->min || ns > o->max)
		return pn_err_set(reterr, -EINVAL, "%s: \"%.60s\" is not between %llums and %llus",
				  o->name, text, (unsigned long long)(o->min / PN_NSEC_PER_MSEC),
				  (unsigned long long)(o->max / PN_NSEC_PER_SEC));
	*ret = ns;
	return 0;
}

static int set_value(const struct pn_sink_option *o, const char *text, void *values,
		     struct pn_err *reterr)
{
	void *at = (char *)values + o->offset;

	switch (o->type) {
	case PN_SINK_NUMBER:
	case PN_SINK_SIZE:
		return set_number(o, text, at, reterr);
	case PN_SINK_DURATION:
		return set_duration(o, text, at, reterr);
	case PN_SINK_CHOICE:
		return set_choice(o, text, at, reterr);
	case PN_SINK_TEXT:
		*(const char **)at = text;
		return 0;
	case PN_SINK_PAIRS:
		break; /* has no preset; see add_pair() */
	}
	return -EINVAL;
}

/* @name: what stands behind the prefix */
static int add_pair(const struct pn_sink_option *o, const char *name, const char *text,
		    void *values, struct pn_err *reterr)
{
	struct pn_sink_pairs *pairs = (void *)((char *)values + o->offset);

	if (!*name)
		return pn_err_set(reterr, -EINVAL, "write %sNAME=VALUE", o->name);
	if (pairs->n == PN_SINK_MAX_PAIRS)
		return pn_err_set(reterr, -EINVAL, "more than %d options %sNAME", PN_SINK_MAX_PAIRS,
				  o->name);
	pairs->names[pairs->n] = name;
	pairs->values[pairs->n++] = text;
	return 0;
}

static int set_presets(const struct pn_sink_option *options, void *values, struct pn_err *reterr)
{
	int r = 0;

	for (const struct pn_sink_option *o = options; o->name && r == 0; o++) {
		if (o->preset)
			r = set_value(o, o->preset, values, reterr);
	}
	return r;
}

static const struct pn_sink_option *find_option(const struct pn_sink_option *options,
						const char *name)
{
	for (const struct pn_sink_option *o = options; o->name; o++) {
		if (strcmp(o->name, name) == 0)
			return o;
		if (o->type == PN_SINK_PAIRS && strncmp(o->name, name, strlen(o->name)) == 0)
			return o;
	}
	return NULL;
}

static int refuse_option(const struct pn_sink_kind *kind, const char *word, struct pn_err *reterr)
{
	const char *names[MAX_NAMES];
	char what[64];
	size_t n = 0;

	for (const struct pn_sink_option *o = kind->options; o->name && n < MAX_NAMES; o++)
		names[n++] = o->name;
	for (const struct pn_sink_option *o = common_options; o->name && n < MAX_NAMES; o++)
		names[n++] = o->name;
	(void)snprintf(what, sizeof(what), "option of a sink of kind %s", kind->name);
	return refuse_word(reterr, what, word, names, n);
}

/* One "option=value", NUL-terminated. @seen: a bit for each option of the kind, then the common ones */
static int take_option(struct pn_sink_spec *spec, char *word, uint64_t *seen, struct pn_err *reterr)
{
	char *value = strchr(word, '=');
	const struct pn_sink_option *o;
	void *values = spec->values;
	unsigned int bit;

	if (value)
		*value++ = '\0';
	o = find_option(spec->kind->options, word);
	bit = o ? (unsigned int)(o - spec->kind->options) : MAX_NAMES;
	if (!o) {
		o = find_option(common_options, word);
		if (!o)
			return refuse_option(spec->kind, word, reterr);
		bit += (unsigned int)(o - common_options);
		values = spec;
	}
	if (!value || !*value)
		return pn_err_set(reterr, -EINVAL, "%.60s needs a value: %.60s=...", word, word);
	if (o->type == PN_SINK_PAIRS)
		return add_pair(o, word + strlen(o->name), value, values, reterr);
	if (*seen & UINT64_C(1) << bit)
		return pn_err_set(reterr, -EINVAL, "%s is given twice", o->name);
	*seen |= UINT64_C(1) << bit;
	return set_value(o, value, values, reterr);
}

static int find_kind(const char *name, const struct pn_sink_kind *const *kinds, size_t n,
		     const struct pn_sink_kind **ret, struct pn_err *reterr)
{
	const char *names[MAX_NAMES];

	for (size_t i = 0; i < n && i < MAX_NAMES; i++) {
		names[i] = kinds[i]->name;
		if (strcmp(name, kinds[i]->name) == 0) {
			*ret = kinds[i];
			return 0;
		}
	}
	return refuse_word(reterr, "kind of sink", name, names, PN_MIN(n, (size_t)MAX_NAMES));
}

static int take_target(struct pn_sink_spec *spec, char *target, struct pn_err *reterr)
{
	if (!target || !*target)
		return pn_err_set(reterr, -EINVAL, "write %s:%s", spec->kind->name,
				  spec->kind->target);
	spec->target = target;
	if (asprintf(&spec->name, "%s:%s", spec->kind->name, target) < 0) {
		spec->name = NULL;
		return -ENOMEM;
	}
	spec->values = calloc(1, PN_MAX(spec->kind->values_size, (size_t)1));
	return spec->values ? 0 : -ENOMEM;
}

static int parse(struct pn_sink_spec *spec, const struct pn_sink_kind *const *kinds, size_t n_kinds,
		 struct pn_err *reterr)
{
	char *rest = spec->text, *head = strsep(&rest, ","), *target = head, *word;
	char *name = strsep(&target, ":");
	uint64_t seen = 0;
	int r;

	r = find_kind(name, kinds, n_kinds, &spec->kind, reterr);
	if (r == 0)
		r = take_target(spec, target, reterr);
	if (r == 0)
		r = set_presets(common_options, spec, reterr);
	if (r == 0)
		r = set_presets(spec->kind->options, spec->values, reterr);
	while (r == 0 && (word = strsep(&rest, ",")))
		r = take_option(spec, word, &seen, reterr);
	return r;
}

int pn_sink_spec_parse(const char *text, const struct pn_sink_kind *const *kinds, size_t n_kinds,
		       struct pn_sink_spec *ret, struct pn_err *reterr)
{
	struct pn_sink_spec spec = { 0 };
	int r = -ENOMEM;

	if (strlen(text) > MAX_SPEC_LEN)
		return pn_err_set(reterr, -EINVAL, "more than %d characters", MAX_SPEC_LEN);
	spec.text = strdup(text);
	if (spec.text)
		r = parse(&spec, kinds, n_kinds, reterr);
	if (r == -ENOMEM)
		(void)pn_err_set(reterr, r, "no memory");
	if (r < 0) {
		pn_sink_spec_done(&spec);
		return r;
	}
	*ret = spec;
	return 0;
}

void pn_sink_spec_done(struct pn_sink_spec *spec)
{
	free(spec->values);
	free(spec->name);
	free(spec->text);
}
