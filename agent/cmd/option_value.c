/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of an option to its value, by the option's row, whether it was a flag, an environment
 * variable or a line of the config file. Every refusal names the value and what would be right.
 */
#include "cmd/option_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static int set_choice(const struct pn_option *o, const char *from, const char *text,
		      const char **ret, struct pn_err *reterr)
{
	char list[256] = "";
	const char *near;
	size_t n = 0;

	for (; o->choices[n]; n++) {
		size_t len = strlen(list);

		if (strcmp(text, o->choices[n]) == 0) {
			*ret = o->choices[n];
			return 0;
		}
		(void)snprintf(list + len, sizeof(list) - len, "%s%s", n ? ", " : "",
			       o->choices[n]);
	}
	near = pn_nearest(text, o->choices, n);
	return pn_err_set(reterr, -EINVAL, "%s: \"%s\" is not one of %s%s", from, text, list,
			  pn_meant(near, "", "").text);
}

static int set_uint(const struct pn_option *o, const char *from, const char *text, uint32_t *ret,
		    struct pn_err *reterr)
{
	uint64_t n;

	if (pn_number_parse(text, o->max, &n) < 0 || n < o->min)
		return pn_err_set(reterr, -EINVAL, "%s: \"%s\" is not a number from %llu to %llu",
				  from, text, (unsigned long long)o->min,
				  (unsigned long long)o->max);
	*ret = (uint32_t)n;
	return 0;
}

static int set_duration(const struct pn_option *o, const char *from, const char *text, pn_nsec *ret,
			struct pn_err *reterr)
{
	pn_nsec ns;

	if (pn_duration_parse(text, &ns) < 0)
		return pn_err_set(reterr, -EINVAL,
				  "%s: \"%s\" is not a duration; write 500ms, 5s, 2m or 1h", from,
				  text);
	if (ns < o->min || ns > o->max)
		return pn_err_set(reterr, -EINVAL, "%s: \"%s\" is not between %llums and %llus",
				  from, text, (unsigned long long)(o->min / PN_NSEC_PER_MSEC),
				  (unsigned long long)(o->max / PN_NSEC_PER_SEC));
	*ret = ns;
	return 0;
}

static int set_flag(const char *from, const char *text, bool *ret, struct pn_err *reterr)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return pn_err_set(reterr, -EINVAL, "%s: \"%s\" is neither true nor false", from,
				  text);
	*ret = text[0] == 't';
	return 0;
}

static int add_item(const struct pn_option *o, const char *from, const char *text,
		    struct pn_option_items *list, struct pn_err *reterr)
{
	if (list->n == PN_ARRAY_SIZE(list->items))
		return pn_err_set(reterr, -EINVAL,
				  "%s: too many options of this kind, more than %zu", from,
				  list->n);
	list->items[list->n++] = (struct pn_option_item) {
		.name = o->name,
		.value = o->type == PN_OPT_MARK ? NULL : text,
	};
	return 0;
}

int pn_option_set(const struct pn_option *o, const char *from, const char *text, void *values,
		  struct pn_err *reterr)
{
	void *at = (char *)values + o->offset;
	int r = o->check ? o->check(text, reterr) : 0;

	if (r < 0)
		return pn_err_wrap(reterr, r, "%s", from);
	switch (o->type) {
	case PN_OPT_FLAG:
		return set_flag(from, text, at, reterr);
	case PN_OPT_STRING:
	case PN_OPT_CONFIG:
		*(const char **)at = text;
		return 0;
	case PN_OPT_CHOICE:
		return set_choice(o, from, text, at, reterr);
	case PN_OPT_UINT:
		return set_uint(o, from, text, at, reterr);
	case PN_OPT_DURATION:
		return set_duration(o, from, text, at, reterr);
	case PN_OPT_ITEM:
	case PN_OPT_MARK:
		return add_item(o, from, text, at, reterr);
	}
	return -EINVAL;
}

bool pn_option_takes_value(const struct pn_option *o)
{
	return o->type != PN_OPT_FLAG && o->type != PN_OPT_MARK;
}

const char *pn_option_wanted(const struct pn_option *o)
{
	switch (o->type) {
	case PN_OPT_FLAG:
		return "true or false";
	case PN_OPT_UINT:
		return "a number";
	case PN_OPT_DURATION:
		return "a duration such as 5s";
	case PN_OPT_CHOICE:
		return "one word";
	case PN_OPT_ITEM:
		return "a text, or a list of texts,";
	default:
		return "a text";
	}
}

void pn_option_env_name(const struct pn_option *o, char ret[static PN_ENV_NAME_LEN])
{
	(void)snprintf(ret, PN_ENV_NAME_LEN, "PODONYM_%s", o->name);
	for (char *p = ret; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}
