/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen of a flow, as `podonym policy explain` shows it: in words, and as JSON.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "cmd/policy/policy_explain.h"
#include "flow/drop_kind.h"

/* Behind what is there; what finds no room is left out. */
static void PN_PRINTF(3, 4) say(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

static const char *words_of(const char *kind)
{
	for (unsigned int k = 0; k < PN_DROP_KIND_MAX; k++)
		if (strcmp(kind, pn_drop_kind_name((enum pn_drop_kind)k)) == 0)
			return pn_drop_kind_words((enum pn_drop_kind)k);
	return kind;
}

static void say_packets(const struct pn_seen *s, char *buf, size_t size)
{
	if (!s->packets && !s->answers)
		return;
	say(buf, size, "%" PRIu64 " packet%s", s->packets, s->packets == 1 ? "" : "s");
	if (s->answers)
		say(buf, size, ", %" PRIu64 " back", s->answers);
	else
		say(buf, size, ", no answer");
	if (*s->state)
		say(buf, size, ", %s", s->state);
	say(buf, size, "; ");
}

static void say_drops(const struct pn_seen *s, char *buf, size_t size)
{
	for (unsigned int i = 0; i < s->n_drops; i++) {
		const struct pn_seen_drop *d = &s->drops[i];

		say(buf, size, "%" PRIu64 "x %s: %s%sin %s; ", d->count, words_of(d->kind),
		    d->reason, *d->reason ? " " : "", d->location);
	}
}

enum { TO_THE_SECOND = sizeof("2006-01-02T15:04:05") - 1 };

static void say_time(const char *time, char *buf, size_t size)
{
	say(buf, size, "%.*s%s", TO_THE_SECOND, time, strlen(time) > TO_THE_SECOND ? "Z" : "");
}

void pn_seen_words(const struct pn_seen *s, char *buf, size_t size)
{
	*buf = '\0';
	if (!*s->start) {
		say(buf, size, "nothing");
		return;
	}
	say_packets(s, buf, size);
	say_drops(s, buf, size);
	say_time(s->start, buf, size);
	if (strncmp(s->start, s->end, TO_THE_SECOND) != 0) {
		say(buf, size, " to ");
		say_time(s->end, buf, size);
	}
	if (s->others)
		say(buf, size, "; the newest of several connections");
}

json_t *pn_seen_json(const struct pn_seen *s)
{
	json_t *drops = json_array(), *doc;

	for (unsigned int i = 0; i < s->n_drops; i++)
		(void)json_array_append_new(
			drops, json_pack("{s:s, s:s, s:s, s:I}", "reason", s->drops[i].reason,
					 "location", s->drops[i].location, "kind", s->drops[i].kind,
					 "count", (json_int_t)s->drops[i].count));
	doc = json_pack("{s:s, s:I, s:I, s:I, s:o}", "what", pn_seen_name(pn_seen_what(s)),
			"packets", (json_int_t)s->packets, "answers", (json_int_t)s->answers,
			"delivered", (json_int_t)s->delivered, "drops", drops);
	if (*s->start)
		(void)json_object_update_new(doc,
					     json_pack("{s:s, s:s, s:s, s:s, s:b}", "flow_id",
						       s->id, "first", s->start, "last", s->end,
						       "state", s->state, "others", s->others));
	return doc;
}
