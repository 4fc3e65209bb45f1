/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the OpenTelemetry protocol, and the few fields of its answers. Called by sink_otlp.c.
 *
 * Attributes are taken from the JSON form of a record, whose joined paths are their names: what one
 * form says, the other does, too.
 */
#include "export/otlp.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/metric.h"
#include "base/pb.h"
#include "base/version.h"

enum {
	LINE_MAX_BYTES = 128 << 10,
	PATH_BYTES = 128,
	MAX_DEPTH = 8,
};

enum { /* opentelemetry/proto/ */
       PB_REQUEST_RESOURCE = 1,
       PB_RESOURCE = 1,
       PB_SCOPE_ITEMS = 2,
       PB_RESOURCE_ATTRIBUTES = 1,
       PB_SCOPE = 1,
       PB_SCOPE_NAME = 1,
       PB_SCOPE_VERSION = 2,
       PB_ITEMS = 2, /* of ScopeLogs and ScopeMetrics */

       PB_KEY = 1,
       PB_VALUE = 2,
       PB_ANY_STRING = 1,
       PB_ANY_BOOL = 2,
       PB_ANY_INT = 3,

       PB_LOG_TIME = 1,
       PB_LOG_SEVERITY = 2,
       PB_LOG_SEVERITY_TEXT = 3,
       PB_LOG_BODY = 5,
       PB_LOG_ATTRIBUTES = 6,
       PB_LOG_OBSERVED = 11,
       PB_LOG_EVENT_NAME = 12,
       SEVERITY_INFO = 9,
       SEVERITY_WARN = 13,

       PB_METRIC_NAME = 1,
       PB_METRIC_DESCRIPTION = 2,
       PB_METRIC_GAUGE = 5,
       PB_METRIC_SUM = 7,
       PB_POINTS = 1,
       PB_SUM_TEMPORALITY = 2,
       PB_SUM_IS_MONOTONIC = 3,
       CUMULATIVE = 2,
       PB_POINT_SINCE = 2,
       PB_POINT_TIME = 3,
       PB_POINT_INT = 6,

       PB_ANSWER_PARTIAL = 1,
       PB_PARTIAL_REJECTED = 1,
       PB_PARTIAL_MESSAGE = 2,
       PB_STATUS_MESSAGE = 2, /* google.rpc.Status */
};

void pn_otlp_scratch_done(struct pn_otlp_scratch *s)
{
	pn_buf_done(&s->json);
	pn_buf_done(&s->line);
}

/* --- attributes ---------------------------------------------------------------------------------- */

static void put_string_attribute(struct pn_pb_writer *w, uint32_t number, const char *key,
				 const char *value)
{
	size_t attribute = pn_pb_begin(w, number), any;

	pn_pb_put_text(w, PB_KEY, key);
	any = pn_pb_begin(w, PB_VALUE);
	pn_pb_put_bytes(w, PB_ANY_STRING, value, strlen(value));
	pn_pb_end(w, any);
	pn_pb_end(w, attribute);
}

static unsigned int hex_digit(char c)
{
	return c <= '9' ? (unsigned int)(c - '0') : (unsigned int)((c | 0x20) - 'a' + 10);
}

/* The character behind a backslash at *@at: itself, or of u00XX the last two digits. */
static char unescape(char **at)
{
	char c = *(*at)++;

	if (c != 'u')
		return c;
	*at += 4;
	return (char)(hex_digit((*at)[-2]) << 4 | hex_digit((*at)[-1]));
}

/* The string whose first character is at *@at, without its escapes, ended by a NUL; *@at is then behind it. */
static char *take_string(char **at)
{
	char *start = *at, *to = start;

	while (**at != '"') {
		char c = *(*at)++;

		*to++ = c == '\\' ? unescape(at) : c;
	}
	(*at)++;
	*to = '\0';
	return start;
}

static uint64_t take_number(char **at)
{
	uint64_t n = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		n = n * 10 + (uint64_t)(**at - '0');
	return n;
}

/* A number, or true. */
static void put_plain(struct pn_pb_writer *w, const char *path, char **at)
{
	size_t attribute = pn_pb_begin(w, PB_LOG_ATTRIBUTES), any;

	pn_pb_put_text(w, PB_KEY, path);
	any = pn_pb_begin(w, PB_VALUE);
	if (**at == 't') {
		*at += strlen("true");
		pn_pb_put_int(w, PB_ANY_BOOL, 1);
	} else {
		pn_pb_put_int(w, PB_ANY_INT, take_number(at));
	}
	pn_pb_end(w, any);
	pn_pb_end(w, attribute);
}

/* struct path - of the value that is read: "source.k8s.pod.name" */
struct path {
	char text[PATH_BYTES];
	size_t above[MAX_DEPTH]; /* lengths of what stands before the members of each object */
	size_t depth, len;
};

static bool enter_object(struct path *p)
{
	if (p->depth == MAX_DEPTH)
		return false;
	p->above[p->depth++] = p->len;
	return true;
}

static bool enter_member(struct path *p, const char *key)
{
	size_t len = p->above[p->depth - 1], key_len = strlen(key);

	if (len + 1 + key_len >= PATH_BYTES)
		return false;
	if (len)
		p->text[len++] = '.';
	memcpy(p->text + len, key, key_len + 1);
	p->len = len + key_len;
	return true;
}

/* @json: as pn_encode_json() writes it, of nothing but objects, strings, numbers and true; written over */
static int put_attributes(struct pn_pb_writer *w, char *json)
{
	struct path path = { .depth = 0 };
	char *at = json;
	bool fits = true;

	while (fits && *at && *at != '\n') {
		if (*at == '{') {
			fits = enter_object(&path);
			at++;
		} else if (*at == '}') {
			path.depth--;
			at++;
		} else if (*at == ',') {
			at++;
		} else if (*at == '"') {
			at++;
			fits = enter_member(&path, take_string(&at));
			at++; /* the colon */
			if (*at == '"') {
				at++;
				put_string_attribute(w, PB_LOG_ATTRIBUTES, path.text,
						     take_string(&at));
			} else if (*at != '{') {
				put_plain(w, path.text, &at);
			}
		} else {
			fits = false;
		}
	}
	return fits ? 0 : -EMSGSIZE;
}

/* --- logs ---------------------------------------------------------------------------------------- */

static void put_body(struct pn_pb_writer *w, const struct pn_buf *line)
{
	size_t any = pn_pb_begin(w, PB_LOG_BODY);

	pn_pb_put_bytes(w, PB_ANY_STRING, line->data, line->len - 1); /* without its newline */
	pn_pb_end(w, any);
}

static int put_log(struct pn_pb_writer *w, const struct pn_flow_record *r,
		   struct pn_otlp_scratch *s)
{
	size_t log = pn_pb_begin(w, PB_ITEMS);
	int ret;

	pn_pb_put_fixed64(w, PB_LOG_TIME, r->end);
	pn_pb_put_int(w, PB_LOG_SEVERITY, r->is_drop ? SEVERITY_WARN : SEVERITY_INFO);
	pn_pb_put_text(w, PB_LOG_SEVERITY_TEXT, r->is_drop ? "WARN" : "INFO");
	put_body(w, &s->line);
	ret = put_attributes(w, s->json.data);
	pn_pb_put_fixed64(w, PB_LOG_OBSERVED, r->end);
	pn_pb_put_text(w, PB_LOG_EVENT_NAME, r->is_drop ? "podonym.drop" : "podonym.flow");
	pn_pb_end(w, log);
	return ret < 0 ? ret : w->error;
}

int pn_otlp_log(const struct pn_flow_record *r, struct pn_otlp_scratch *s, struct pn_buf *out)
{
	static const struct pn_style line = { .format = PN_FORMAT_COMPACT,
					      .time = PN_TIME_RFC3339 };
	struct pn_pb_writer w = { .buf = *out };
	size_t start = out->len;
	int ret;

	s->json.max = s->line.max = LINE_MAX_BYTES;
	pn_buf_reset(&s->json);
	pn_buf_reset(&s->line);
	ret = pn_encode(PN_FORMAT_JSON, r, &s->json);
	if (ret == 0)
		ret = pn_encode_styled(&line, r, &s->line);
	if (ret < 0)
		return ret;
	ret = put_log(&w, r, s);
	*out = w.buf;
	if (ret < 0)
		out->len = start;
	return ret;
}

size_t pn_otlp_logs_len(const char *logs, size_t len, uint64_t max, size_t *ret_n)
{
	struct pn_pb rest = pn_pb_from(logs, len);
	struct pn_pb_field f;

	*ret_n = 0;
	while (*ret_n < max && pn_pb_read(&rest, &f) > 0)
		++*ret_n;
	return len - pn_pb_len(&rest);
}

/* --- requests ------------------------------------------------------------------------------------ */

/* struct request - messages that are open while the items are written */
struct request {
	struct pn_pb_writer w;
	size_t resource, scope;
};

static struct request begin_request(const char *node, const struct pn_buf *out)
{
	struct request q = { .w = { .buf = *out } };
	size_t inner;

	q.resource = pn_pb_begin(&q.w, PB_REQUEST_RESOURCE);
	inner = pn_pb_begin(&q.w, PB_RESOURCE);
	put_string_attribute(&q.w, PB_RESOURCE_ATTRIBUTES, "service.name", "podonym");
	put_string_attribute(&q.w, PB_RESOURCE_ATTRIBUTES, "service.version", pn_version());
	if (*node)
		put_string_attribute(&q.w, PB_RESOURCE_ATTRIBUTES, "k8s.node.name", node);
	pn_pb_end(&q.w, inner);
	q.scope = pn_pb_begin(&q.w, PB_SCOPE_ITEMS);
	inner = pn_pb_begin(&q.w, PB_SCOPE);
	pn_pb_put_text(&q.w, PB_SCOPE_NAME, "podonym");
	pn_pb_put_text(&q.w, PB_SCOPE_VERSION, pn_version());
	pn_pb_end(&q.w, inner);
	return q;
}

static int end_request(struct request *q, struct pn_buf *out)
{
	pn_pb_end(&q->w, q->scope);
	pn_pb_end(&q->w, q->resource);
	*out = q->w.buf;
	return q->w.error;
}

int pn_otlp_logs_request(const char *node, const char *logs, size_t len, struct pn_buf *out)
{
	struct request q = begin_request(node, out);

	if (q.w.error == 0)
		q.w.error = pn_buf_put(&q.w.buf, logs, len);
	return end_request(&q, out);
}

static void put_point(struct pn_pb_writer *w, pn_nsec since, pn_nsec now, uint64_t value)
{
	size_t point = pn_pb_begin(w, PB_POINTS);

	pn_pb_put_fixed64(w, PB_POINT_SINCE, since);
	pn_pb_put_fixed64(w, PB_POINT_TIME, now);
	pn_pb_put_fixed64(w, PB_POINT_INT, value);
	pn_pb_end(w, point);
}

/* As in /metrics, but for the _total of a sum: a receiver that wants it there puts it there. */
static void put_name(struct pn_pb_writer *w, const char *name, bool is_sum)
{
	char text[PATH_BYTES] = "podonym_";
	const char *rest = name + strlen("pn_");
	size_t len = strlen(rest) - (is_sum ? strlen("_total") : 0);

	len = PN_MIN(len, sizeof(text) - strlen(text) - 1);
	pn_pb_put_text(w, PB_METRIC_NAME, strncat(text, rest, len));
}

static void put_metric(struct pn_pb_writer *w, enum pn_metric m, pn_nsec since, pn_nsec now)
{
	const char *name = pn_metric_name(m), *end = strrchr(name, '_');
	bool is_sum = end && strcmp(end, "_total") == 0;
	size_t metric = pn_pb_begin(w, PB_ITEMS), data;

	put_name(w, name, is_sum);
	pn_pb_put_text(w, PB_METRIC_DESCRIPTION, pn_metric_help(m));
	data = pn_pb_begin(w, is_sum ? PB_METRIC_SUM : PB_METRIC_GAUGE);
	put_point(w, since, now, pn_metric_get(m));
	if (is_sum) {
		pn_pb_put_int(w, PB_SUM_TEMPORALITY, CUMULATIVE);
		pn_pb_put_int(w, PB_SUM_IS_MONOTONIC, 1);
	}
	pn_pb_end(w, data);
	pn_pb_end(w, metric);
}

int pn_otlp_metrics_request(const char *node, pn_nsec since, pn_nsec now, struct pn_buf *out)
{
	struct request q = begin_request(node, out);

	for (enum pn_metric m = 0; m < PN_METRIC_MAX; m++)
		put_metric(&q.w, m, since, now);
	return end_request(&q, out);
}

/* --- answers ------------------------------------------------------------------------------------- */

/* What others have written goes to a log: nothing of it may act on a terminal. */
static void print_text(struct pn_pb text, char *ret, size_t size)
{
	size_t len = PN_MIN(pn_pb_len(&text), size - 1);

	for (size_t i = 0; i < len; i++)
		ret[i] = text.at[i] < 0x20 || text.at[i] >= 0x7f ? ' ' : (char)text.at[i];
	ret[len] = '\0';
}

/* The last field @number of bytes. Return: false: there is none, or this is no such message */
static bool find_bytes(struct pn_pb m, uint32_t number, struct pn_pb *ret)
{
	struct pn_pb_field f;
	bool found = false;
	int r;

	while ((r = pn_pb_read(&m, &f)) > 0) {
		if (f.number != number || f.type != PN_PB_BYTES)
			continue;
		*ret = f.bytes;
		found = true;
	}
	return r == 0 && found;
}

uint64_t pn_otlp_rejected(const char *answer, size_t len, char *ret_why, size_t size)
{
	struct pn_pb partial = pn_pb_from("", 0), text = partial;
	struct pn_pb_field f;
	uint64_t n = 0;
	int r;

	ret_why[0] = '\0';
	if (!len || !find_bytes(pn_pb_from(answer, len), PB_ANSWER_PARTIAL, &partial))
		return 0;
	while ((r = pn_pb_read(&partial, &f)) > 0) {
		if (f.number == PB_PARTIAL_REJECTED && f.type == PN_PB_VARINT)
			n = f.value;
		else if (f.number == PB_PARTIAL_MESSAGE && f.type == PN_PB_BYTES)
			text = f.bytes;
	}
	if (r < 0)
		return 0;
	print_text(text, ret_why, size);
	return n;
}

void pn_otlp_why(const char *answer, size_t len, char *ret_why, size_t size)
{
	struct pn_pb text = pn_pb_from(answer ? answer : "", len), message = text;

	if (len && find_bytes(text, PB_STATUS_MESSAGE, &message))
		text = message;
	print_text(text, ret_why, size);
}
