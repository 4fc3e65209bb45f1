/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the settings are and where each is from, for `podonym config show`: as a document, which a
 * running agent can send, and of such a document the YAML.
 */
#include "cmd/settings_doc.h"

#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "cmd/option_value.h"
#include "kube/yaml_scalar.h"

enum { WHERE_COLUMN = 40, MAX_VALUE = 1 << 20 };

/* --- the document ------------------------------------------------------------------------------- */

/* "https://user:secret@host/" without the secret. */
static json_t *text_json(const char *text)
{
	const char *start = strstr(text, "://"), *at = NULL;
	size_t len;

	if (start) {
		start += 3;
		len = strcspn(start, "/?# ");
		at = memrchr(start, '@', len);
	}
	return at ? json_sprintf("%.*s***%s", (int)(start - text), text, at) : json_string(text);
}

static json_t *list_json(const struct pn_settings *s, const struct pn_option *o)
{
	json_t *list = json_array();
	const char *text;

	for (size_t n = 0; (text = pn_settings_text(s, o, n)); n++)
		(void)json_array_append_new(list, text_json(text));
	return list;
}

static json_t *value_json(const struct pn_settings *s, const struct pn_option *o)
{
	const char *text = pn_settings_text(s, o, 0);

	if (!text)
		return json_null();
	switch (o->type) {
	case PN_OPT_FLAG:
		return json_boolean(strcmp(text, "true") == 0);
	case PN_OPT_UINT:
		return json_integer(strtoll(text, NULL, 10));
	case PN_OPT_ITEM:
		return list_json(s, o);
	default:
		return text_json(text);
	}
}

/* Return: the word for it; @ret: new, or NULL */
static const char *origin(const struct pn_settings *s, const struct pn_option *o, json_t **ret)
{
	char env[PN_ENV_NAME_LEN];
	size_t line;

	switch (pn_settings_origin(s, o, &line)) {
	case PN_FROM_FLAG:
		*ret = json_sprintf("--%s", o->name);
		return "flag";
	case PN_FROM_ENV:
		pn_option_env_name(o, env);
		*ret = json_sprintf("$%s", env);
		return "environment";
	case PN_FROM_FILE:
		*ret = json_sprintf("%s:%zu", pn_settings_path(s), line);
		return "file";
	case PN_FROM_DEFAULT:
	case PN_FROM_NOWHERE:
		break;
	}
	*ret = NULL;
	return "default";
}

static json_t *setting_json(const struct pn_settings *started, const struct pn_settings *now,
			    const struct pn_option *o)
{
	const struct pn_settings *s = o->live ? now : started;
	json_t *where = NULL, *doc;
	const char *from = origin(s, o, &where);

	doc = json_pack("{s:s, s:o, s:s, s:o*, s:b}", "name", o->name, "value", value_json(s, o),
			"from", from, "where", where, "live", o->live);
	if (doc && !o->live && pn_settings_differ(started, now, o))
		(void)json_object_set_new(doc, "pending", value_json(now, o));
	return doc;
}

json_t *pn_settings_doc(const struct pn_settings *started, const struct pn_settings *now)
{
	const struct pn_option *o = pn_settings_command(started)->options;
	json_t *list = json_array();

	for (; o->name; o++) {
		if (o->type == PN_OPT_CONFIG)
			continue;
		if (json_array_append_new(list, setting_json(started, now, o)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:s?, s:o}", "file", pn_settings_path(now), "settings", list);
}

/* --- YAML --------------------------------------------------------------------------------------- */

/* Without quotes where every reader takes it for the same text. */
static bool is_plain(const char *text)
{
	struct pn_buf json = PN_BUF_INIT(MAX_VALUE);
	size_t len = strlen(text);
	bool plain;

	plain = len && strchr("/.:", text[len - 1]) != text + len - 1 &&
		strspn(text, "/.:=,_-@+abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len &&
		!strchr("-:=,@+.", text[0]) && pn_yaml_scalar(&json, text, len, true) == 0 &&
		json.data[0] == '"';
	pn_buf_done(&json);
	return plain;
}

static int put_value(struct pn_buf *out, const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_boolean(value))
		return pn_buf_printf(out, "%s", json_is_true(value) ? "true" : "false");
	if (json_is_integer(value))
		return pn_buf_printf(out, "%lld", (long long)json_integer_value(value));
	if (!text)
		return pn_buf_printf(out, "null");
	if (is_plain(text))
		return pn_buf_printf(out, "%s", text);
	return pn_yaml_quote(out, text, strlen(text));
}

static int put_list(struct pn_buf *out, const json_t *list)
{
	const json_t *value;
	size_t i;
	int r = pn_buf_printf(out, "[");

	json_array_foreach (list, i, value) {
		if (r == 0 && i)
			r = pn_buf_printf(out, ", ");
		if (r == 0)
			r = put_value(out, value);
	}
	return r == 0 ? pn_buf_printf(out, "]") : r;
}

static int put(struct pn_buf *out, const json_t *value)
{
	return json_is_array(value) ? put_list(out, value) : put_value(out, value);
}

static int put_setting(struct pn_buf *line, const json_t *setting)
{
	const json_t *value = json_object_get(setting, "value");
	const char *name = json_string_value(json_object_get(setting, "name"));
	const char *where = json_string_value(json_object_get(setting, "where"));
	const json_t *pending = json_object_get(setting, "pending");
	int r = pn_buf_printf(line, "%s%s: ", json_is_null(value) ? "# " : "", name ? name : "");

	if (r == 0 && !json_is_null(value))
		r = put(line, value);
	if (r == 0)
		r = pn_buf_printf(line, "%*s# %s",
				  line->len < WHERE_COLUMN ? (int)(WHERE_COLUMN - line->len) : 1,
				  "",
				  where			? where
				  : json_is_null(value) ? "not set"
							: "default");
	if (r == 0 && pending)
		r = pn_buf_printf(line, "; after a restart: ");
	if (r == 0 && pending)
		r = put(line, pending);
	return r;
}

void pn_settings_doc_yaml(const json_t *doc, FILE *out)
{
	const char *path = json_string_value(json_object_get(doc, "file"));
	struct pn_buf line = PN_BUF_INIT(MAX_VALUE);
	const json_t *setting;
	size_t i;

	(void)fprintf(out, "# config file: %s\n", path ? path : "none");
	json_array_foreach (json_object_get(doc, "settings"), i, setting) {
		pn_buf_reset(&line);
		if (put_setting(&line, setting) == 0)
			(void)fprintf(out, "%s\n", line.data);
	}
	pn_buf_done(&line);
}
