/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `podonym policy explain --flows`: lines of flows in, lines of verdicts out, as many as possible.
 * Nothing is allocated for a line. A line that does not fit behind those that wait to be written
 * makes them go out first; one that fits nowhere makes the room larger.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/lines.h"
#include "cmd/policy/flow_line.h"
#include "cmd/policy/policy_explain.h"
#include "export/json_writer.h"

enum { ROOM_FIRST = 64 << 10, OUT_FIRST = 256 << 10, OUT_MAX = 64 << 20 };

struct answers {
	const struct pn_policy_set *set;
	int out;
	bool with_fix, has_failed;
	struct pn_buf pending;
};

/* --- one answer --- */

/* A value of a list: no key, a comma behind it. */
static void put_item(struct pn_json *j, const char *word)
{
	pn_text_char(&j->text, '"');
	pn_text_string(&j->text, word);
	pn_text_put(&j->text, "\",", 2);
}

static void open_list(struct pn_json *j, const char *key)
{
	pn_json_put_key(j, key);
	pn_text_char(&j->text, '[');
}

static void close_list(struct pn_json *j)
{
	if (!j->text.full && j->text.at[-1] == ',')
		j->text.at--;
	pn_text_put(&j->text, "],", 2);
}

struct why {
	struct pn_json *j;
	enum pn_policy_direction direction;
};

static void put_policy(void *data, const struct pn_policy *p, int64_t rule)
{
	const struct why *w = data;

	pn_json_put_open(w->j, NULL);
	pn_json_put_word(w->j, "kind", pn_policy_kind_name(pn_policy_kind(p)));
	pn_json_put_string(w->j, "policy", pn_policy_key(p));
	if (rule >= 0) {
		const char *name = pn_policy_rule_name(p, w->direction, (uint32_t)rule);

		pn_json_put_u64(w->j, "rule", (uint64_t)rule);
		if (*name)
			pn_json_put_string(w->j, "rule_name", name);
		pn_json_put_word(w->j, "effect",
				 pn_policy_rule_action(p, w->direction, (uint32_t)rule));
	} else {
		pn_json_put_word(w->j, "effect", "isolates");
	}
	pn_json_put_close(w->j);
}

static void put_side(struct pn_json *j, const struct pn_policy_set *set,
		     const struct pn_policy_flow *flow, const struct pn_policy_verdict *v,
		     enum pn_policy_direction d)
{
	static const char *const keys[] = { "egress_why", "ingress_why" };
	static const char *const reasons[] = { "egress_reason", "ingress_reason" };
	struct why w = { j, d };

	pn_json_put_word(j, reasons[d], pn_policy_reason_name(v->side[d].reason));
	open_list(j, keys[d]);
	pn_policy_each(set, flow, d, &v->side[d], put_policy, &w);
	close_list(j);
}

static const char *word_of(bool allow)
{
	return allow ? "allow" : "deny";
}

/* A list of its own tree; only asked for by people who debug, so it may cost. */
static void put_fixes(struct pn_json *j, const struct pn_policy_set *set,
		      const struct pn_policy_flow *flow)
{
	PN_CLEANUP(pn_freep) char *text = NULL;
	struct pn_explanation *e;
	json_t *fixes;

	if (pn_policy_explain(set, flow, &e) < 0)
		return;
	fixes = pn_policy_fixes_json(set, flow, e);
	text = json_dumps(fixes, JSON_COMPACT);
	json_decref(fixes);
	pn_explanation_free(e);
	pn_json_put_key(j, "fix");
	pn_text_string(&j->text, text ? text : "[]");
	pn_text_char(&j->text, ',');
}

static void put_answer(struct pn_json *j, const struct pn_policy_set *set,
		       const struct pn_policy_flow *flow, bool with_fix)
{
	struct pn_policy_verdict v;
	uint32_t depends;

	pn_policy_evaluate(set, flow->src, flow->dst, flow->proto, flow->port, &v);
	depends = pn_policy_depends(set, flow, &v);
	pn_json_put_open(j, NULL);
	pn_json_put_word(j, "verdict", word_of(v.allow));
	pn_json_put_word(j, "egress", word_of(v.side[PN_POLICY_EGRESS].allow));
	pn_json_put_word(j, "ingress", word_of(v.side[PN_POLICY_INGRESS].allow));
	put_side(j, set, flow, &v, PN_POLICY_EGRESS);
	put_side(j, set, flow, &v, PN_POLICY_INGRESS);
	open_list(j, "depends_on_plugin");
	for (unsigned int r = 0; r < PN_READING_MAX; r++)
		if (depends >> r & 1)
			put_item(j, pn_policy_reading_name((enum pn_policy_reading)r));
	close_list(j);
	if (with_fix)
		put_fixes(j, set, flow);
	pn_json_put_end(j);
}

static void put_error(struct pn_json *j, const char *what)
{
	pn_json_put_open(j, NULL);
	pn_json_put_string(j, "error", what);
	pn_json_put_end(j);
}

/* --- output --- */

static int write_pending(void *data)
{
	struct answers *a = data;
	const char *at = a->pending.data;
	size_t left = a->pending.len;

	while (left) {
		ssize_t n = write(a->out, at, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			left -= (size_t)n;
		}
	}
	pn_buf_reset(&a->pending);
	return 0;
}

/* Room for at least so much behind what waits. */
static int make_room(struct answers *a, size_t room)
{
	int r = 0;

	if (a->pending.len && a->pending.len + room > a->pending.cap)
		r = write_pending(a);
	return r == 0 ? pn_buf_reserve(&a->pending, room) : r;
}

/* @flow is NULL for a line that is answered with @error. */
static int answer(struct answers *a, const struct pn_policy_flow *flow, const char *error)
{
	for (size_t room = ROOM_FIRST;; room *= 4) {
		struct pn_json j = { 0 };
		char *start;
		int r = make_room(a, room);

		if (r < 0)
			return r;
		start = a->pending.data + a->pending.len;
		j.text = (struct pn_text) { start, start + room, false };
		if (flow)
			put_answer(&j, a->set, flow, a->with_fix);
		else
			put_error(&j, error);
		if (j.text.full)
			continue;
		a->pending.len += (size_t)(j.text.at - start);
		return 0;
	}
}

/* --- input --- */

static int answer_line(void *data, char *line, size_t len)
{
	struct answers *a = data;
	struct pn_asked_flow asked = { 0 };
	struct pn_flow_line l;
	struct pn_err err = { "" };
	const char *wrong = pn_flow_line_read(line, len, &l);

	if (!wrong && pn_asked_flow_ends(a->set, l.src, l.dst, &asked, &err) < 0)
		wrong = err.text;
	if (wrong) {
		a->has_failed = true;
		return answer(a, NULL, wrong);
	}
	asked.flow.proto = l.proto;
	asked.flow.port = l.port;
	return answer(a, &asked.flow, NULL);
}

static const struct pn_lines_ops ops = { .line = answer_line, .rest = write_pending };

int pn_policy_answer_flows(const struct pn_policy_set *set, int in, int out, bool with_fix)
{
	struct answers a = {
		.set = set, .out = out, .with_fix = with_fix, .pending = PN_BUF_INIT(OUT_MAX)
	};
	int r = pn_buf_reserve(&a.pending, OUT_FIRST);

	if (r == 0)
		r = pn_lines_read(in, &ops, &a);
	pn_buf_done(&a.pending);
	return r < 0 ? r : a.has_failed;
}
