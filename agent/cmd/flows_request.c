/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `podonym flows` and `podonym drops` ask the agent, from the command's options. Filters are compiled here as well,
 * only to refuse what makes no sense before anybody is asked.
 */
#include "cmd/flows.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/color.h"
#include "flow/filter.h"
#include "serve/request.h"

enum { DEFAULT_LAST = 20 };

const char *const pn_flows_times[] = {
	"clock", "rfc3339", "rfc3339nano", "unix", "relative", NULL
};

/* "5m": so long ago; "2026-11-29T19:20:00Z", "2026-11-29T19:20:00.5+01:00". */
static int parse_instant(const char *text, pn_nsec now, pn_nsec *ret)
{
	struct tm tm = { 0 };
	const char *at;
	pn_nsec ago, ns = 0;
	time_t s;

	if (pn_duration_parse(text, &ago) == 0) {
		*ret = now > ago ? now - ago : 0;
		return 0;
	}
	at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!at)
		return -EINVAL;
	if (*at == '.') {
		pn_nsec digit = PN_NSEC_PER_SEC / 10;

		for (at++; *at >= '0' && *at <= '9'; at++, digit /= 10)
			ns += (pn_nsec)(*at - '0') * digit;
	}
	if (strcmp(at, "Z") != 0) {
		struct tm zone = { 0 };
		const char *end = *at == '+' || *at == '-' ? strptime(at, "%z", &zone) : NULL;

		if (!end || *end)
			return -EINVAL;
		tm.tm_sec -= (int)zone.tm_gmtoff;
	}
	s = timegm(&tm);
	if (s < 0)
		return -EINVAL;
	*ret = (pn_nsec)s * PN_NSEC_PER_SEC + ns;
	return 0;
}

static int put_instant(json_t *root, const char *key, const char *text, pn_nsec now,
		       struct pn_err *reterr)
{
	pn_nsec t;

	if (!text)
		return 0;
	if (parse_instant(text, now, &t) < 0)
		return pn_err_set(
			reterr, -EINVAL,
			"--%s: \"%.64s\" is neither a duration such as 5m nor a time such as "
			"2006-01-02T15:04:05Z",
			key, text);
	return json_object_set_new(root, key, json_integer((json_int_t)t));
}

static int check_together(const struct pn_flows_options *o, struct pn_err *reterr)
{
	if ((o->first && o->last) || (o->all && (o->first || o->last)))
		return pn_err_set(reterr, -EINVAL, "--all, --first and --last do not go together");
	if (o->follow && (o->first || o->until))
		return pn_err_set(reterr, -EINVAL,
				  "--first and --until do not go together with -f");
	return 0;
}

/* Without a wish: the last few records, all drops. */
static int put_past(json_t *root, const char *command, const struct pn_flows_options *o,
		    pn_nsec now, struct pn_err *reterr)
{
	uint32_t last = o->last;
	int r = 0;

	if (!o->follow && !o->all && !o->first && !o->last && !o->since && !o->until &&
	    strcmp(command, "flows") == 0)
		last = DEFAULT_LAST;
	if (!o->follow)
		r |= json_object_set_new(root, "follow", json_false());
	if (o->all)
		r |= json_object_set_new(root, "all", json_true());
	if (o->first)
		r |= json_object_set_new(root, "first", json_integer(o->first));
	if (last)
		r |= json_object_set_new(root, "last", json_integer(last));
	if (r == 0)
		r = put_instant(root, "since", o->since, now, reterr);
	return r < 0 ? r : put_instant(root, "until", o->until, now, reterr);
}

/* @filter: to try it */
static int put_filter(json_t *list, const struct pn_option_item *item, bool negate,
		      struct pn_filter *filter, struct pn_err *reterr)
{
	json_t *one;
	int r = pn_filter_add(filter, item->name, negate, item->value, reterr);

	if (r == -E2BIG)
		return -EINVAL;
	if (r < 0)
		return pn_err_wrap(reterr, r, "--%s", item->name);
	one = json_pack("{s:s}", item->name, item->value);
	if (negate)
		(void)json_object_set_new(one, "not", json_true());
	return json_array_append_new(list, one);
}

static int put_filters(json_t *root, const struct pn_flows_options *o, struct pn_err *reterr)
{
	PN_CLEANUP(pn_filter_freep) struct pn_filter *filter = NULL;
	json_t *list;
	bool negate = false;
	int r;

	if (!o->filters.n)
		return 0;
	list = json_array();
	if (json_object_set_new(root, "filters", list) < 0)
		return -ENOMEM;
	r = pn_filter_new(&filter);
	for (size_t i = 0; r == 0 && i < o->filters.n; i++) {
		const struct pn_option_item *item = &o->filters.items[i];
		bool is_not = !item->value;

		if (is_not && negate)
			return pn_err_set(reterr, -EINVAL, "--not stands twice before one filter");
		if (!is_not)
			r = put_filter(list, item, negate, filter, reterr);
		negate = is_not;
	}
	if (r == 0 && negate)
		return pn_err_set(reterr, -EINVAL, "--not stands before no filter");
	return r;
}

static bool has_namespace(const struct pn_flows_options *o)
{
	for (size_t i = 0; i < o->filters.n; i++) {
		if (strcmp(o->filters.items[i].name, "namespace") == 0)
			return true;
	}
	return false;
}

const char *pn_flows_format(const struct pn_flows_options *o)
{
	if (strcmp(o->output, "json") == 0)
		return "json";
	if (strcmp(o->output, "compact") != 0)
		return "fields";
	return pn_color_wanted(o->color) ? "color" : "compact";
}

static int put_style(json_t *root, const struct pn_flows_options *o)
{
	int r = json_object_set_new(root, "format", json_string(pn_flows_format(o)));

	if (r == 0 && strcmp(o->time_format, "clock") != 0)
		r = json_object_set_new(root, "time_format", json_string(o->time_format));
	if (r == 0 && o->numeric)
		r = json_object_set_new(root, "numeric", json_true());
	return r;
}

int pn_flows_request(const char *command, const struct pn_flows_options *o, pn_nsec now, char **ret,
		     struct pn_err *reterr)
{
	PN_CLEANUP(json_decrefp) json_t *root = json_pack("{s:s}", "command", command);
	PN_CLEANUP(pn_freep) char *text = NULL;
	int r = check_together(o, reterr);

	if (r < 0)
		return r;
	if (o->all_namespaces && has_namespace(o))
		return pn_err_set(reterr, -EINVAL, "-A and -n do not go together");
	r = put_style(root, o);
	if (r == 0)
		r = put_past(root, command, o, now, reterr);
	if (r == 0)
		r = put_filters(root, o, reterr);
	if (r == -EINVAL)
		return r;
	text = r == 0 ? json_dumps(root, JSON_COMPACT) : NULL;
	if (!text)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	if (strlen(text) > PN_REQUEST_MAX)
		return pn_err_set(
			reterr, -EINVAL,
			"the filters are too long together: the request would have %zu bytes, "
			"and may have %d",
			strlen(text), PN_REQUEST_MAX);
	*ret = PN_TAKE_PTR(text);
	return 0;
}
