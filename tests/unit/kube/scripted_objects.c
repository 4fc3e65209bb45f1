/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scripted server says, from the short texts of the tests to JSON or protobuf as an API
 * server writes them. The protobuf side knows the fields of a pod and of metadata, which is all that
 * the scenarios ask for.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kube/scripted_objects.h"

enum { MAX_IPS = 8, MAX_LABELS = 8 };

#define END_ANNOTATION "k8s.io/initial-events-end"

struct object {
	const char *name_space, *name, *version, *uid, *kind, *node;
	const char *ips[MAX_IPS], *keys[MAX_LABELS], *values[MAX_LABELS];
	unsigned int n_ips, n_labels;
	bool is_host, is_end;
	size_t pad;
};

/* --- texts --- */

char *api_next_part(char **rest)
{
	char *part, *end;

	if (!*rest)
		return NULL;
	part = strsep(rest, ",");
	while (isspace((unsigned char)*part))
		part++;
	end = part + strlen(part);
	while (end > part && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return *part ? part : api_next_part(rest);
}

static void parse_field(struct object *o, char *field)
{
	char *value = strchr(field, '=');

	if (!value)
		abort(); /* a mistake in the test */
	*value++ = '\0';
	if (strcmp(field, "uid") == 0)
		o->uid = value;
	else if (strcmp(field, "kind") == 0)
		o->kind = value;
	else if (strcmp(field, "node") == 0)
		o->node = value;
	else if (strcmp(field, "host") == 0)
		o->is_host = true;
	else if (strcmp(field, "end") == 0)
		o->is_end = true;
	else if (strcmp(field, "pad") == 0)
		o->pad = strtoul(value, NULL, 10);
	else if (strcmp(field, "ip") == 0 && o->n_ips < MAX_IPS)
		o->ips[o->n_ips++] = value;
	else if (strncmp(field, "label.", 6) == 0 && o->n_labels < MAX_LABELS) {
		o->keys[o->n_labels] = field + 6;
		o->values[o->n_labels++] = value;
	} else
		abort();
}

/* Cuts @text up; the object points into it. */
static struct object parse_object(const struct api *api, char *text)
{
	struct object o = { .kind = api->kind };
	char *name = strsep(&text, " "), *slash = strchr(name, '/'), *at, *field;

	o.name_space = slash ? name : api->is_cluster_scoped ? "" : "default";
	if (slash) {
		*slash = '\0';
		name = slash + 1;
	}
	at = strchr(name, '@');
	if (!at)
		abort();
	*at = '\0';
	o.name = name;
	o.uid = name;
	o.version = at + 1;
	while ((field = strsep(&text, " ")))
		if (*field)
			parse_field(&o, field);
	return o;
}

/* --- JSON --- */

static void json_member(FILE *out, const char *name, const char *value)
{
	if (value && *value)
		(void)fprintf(out, ",\"%s\":\"%s\"", name, value);
}

static void json_metadata(FILE *out, const struct object *o)
{
	(void)fprintf(out, "\"metadata\":{\"resourceVersion\":\"%s\"", o->version);
	json_member(out, "name", o->name);
	json_member(out, "namespace", *o->name ? o->name_space : "");
	json_member(out, "uid", o->uid);
	(void)fputs(",\"creationTimestamp\":null", out);
	for (unsigned int i = 0; i < o->n_labels; i++)
		(void)fprintf(out, "%s\"%s\":\"%s\"", i ? "," : ",\"labels\":{", o->keys[i],
			      o->values[i]);
	if (o->n_labels)
		(void)fputs("}", out);
	if (o->is_end)
		(void)fputs(",\"annotations\":{\"" END_ANNOTATION "\":\"true\"}", out);
	if (o->pad)
		(void)fprintf(out, ",\"annotations\":{\"pad\":\"%0*d\"}", (int)o->pad, 0);
	(void)fputs("}", out);
}

static void json_body(FILE *out, const struct object *o)
{
	json_metadata(out, o);
	if (!*o->name) {
		(void)fputs(",\"spec\":{\"containers\":null},\"status\":{}", out);
		return;
	}
	(void)fprintf(out, ",\"spec\":{\"hostNetwork\":%s", o->is_host ? "true" : "false");
	json_member(out, "nodeName", o->node);
	(void)fputs("},\"status\":{\"phase\":\"Running\"", out);
	for (unsigned int i = 0; i < o->n_ips; i++) {
		if (i == 0)
			(void)fprintf(out, ",\"podIP\":\"%s\",\"podIPs\":[", o->ips[i]);
		(void)fprintf(out, "%s{\"ip\":\"%s\"}", i ? "," : "", o->ips[i]);
	}
	(void)fprintf(out, "%s}", o->n_ips ? "]" : "");
}

/* --- protobuf --- */

static void proto_varint(FILE *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		(void)putc((int)(value & 0x7f) | 0x80, out);
	(void)putc((int)value, out);
}

static void proto_bytes(FILE *out, unsigned int field, const char *bytes, size_t len)
{
	proto_varint(out, field << 3 | 2);
	proto_varint(out, len);
	(void)fwrite(bytes, 1, len, out);
}

static void proto_text(FILE *out, unsigned int field, const char *text)
{
	if (text && *text)
		proto_bytes(out, field, text, strlen(text));
}

static void proto_number(FILE *out, unsigned int field, uint64_t value)
{
	proto_varint(out, field << 3);
	proto_varint(out, value);
}

/* A message inside another: written to a stream of its own, as its length comes first. */
struct proto {
	char *bytes;
	size_t len;
	FILE *out;
};

static FILE *proto_begin(struct proto *p)
{
	p->out = open_memstream(&p->bytes, &p->len);
	return p->out;
}

static void proto_end(struct proto *p, FILE *out, unsigned int field)
{
	(void)fclose(p->out);
	proto_bytes(out, field, p->bytes, p->len);
	free(p->bytes);
}

static void proto_pair(FILE *out, unsigned int field, const char *key, const char *value)
{
	struct proto pair;

	(void)proto_begin(&pair);
	proto_text(pair.out, 1, key);
	proto_text(pair.out, 2, value);
	proto_end(&pair, out, field);
}

static void proto_metadata(FILE *out, const struct object *o)
{
	struct proto meta;

	(void)proto_begin(&meta);
	proto_text(meta.out, 1, o->name);
	proto_text(meta.out, 3, *o->name ? o->name_space : "");
	proto_text(meta.out, 5, o->uid);
	proto_text(meta.out, 6, o->version);
	for (unsigned int i = 0; i < o->n_labels; i++)
		proto_pair(meta.out, 11, o->keys[i], o->values[i]);
	if (o->is_end)
		proto_pair(meta.out, 12, END_ANNOTATION, "true");
	proto_end(&meta, out, 1);
}

static void proto_body(FILE *out, const struct object *o)
{
	struct proto spec, status, ip;

	proto_metadata(out, o);
	(void)proto_begin(&spec);
	proto_text(spec.out, 10, o->node);
	proto_number(spec.out, 11, o->is_host);
	proto_end(&spec, out, 2);
	(void)proto_begin(&status);
	proto_text(status.out, 1, "Running");
	proto_text(status.out, 6, o->ips[0]);
	for (unsigned int i = 0; i < o->n_ips; i++) {
		(void)proto_begin(&ip);
		proto_text(ip.out, 1, o->ips[i]);
		proto_end(&ip, status.out, 12);
	}
	proto_end(&status, out, 3);
}

static void proto_status(FILE *out, int code, const char *reason)
{
	proto_text(out, 2, "Failure");
	proto_text(out, 3, reason);
	proto_text(out, 4, reason);
	proto_number(out, 6, (uint64_t)code);
}

/* The envelope of each message that does not lie in another: magic and runtime.Unknown. */
static void proto_envelope(FILE *out, const char *version, const char *kind, const char *raw,
			   size_t len)
{
	struct proto type;

	(void)fwrite("k8s\0", 1, 4, out);
	(void)proto_begin(&type);
	proto_text(type.out, 1, version);
	proto_text(type.out, 2, kind);
	proto_end(&type, out, 1);
	proto_bytes(out, 2, raw, len);
}

/* --- lists --- */

static void render_proto_list(const struct api *api, FILE *out, const char *kind,
			      const char *version, const char *token, char *rest)
{
	struct proto list, part;
	char *text;

	(void)proto_begin(&list);
	(void)proto_begin(&part);
	proto_text(part.out, 2, version);
	proto_text(part.out, 3, token);
	proto_end(&part, list.out, 1);
	while ((text = api_next_part(&rest))) {
		struct object o = parse_object(api, text);

		(void)proto_begin(&part);
		proto_body(part.out, &o);
		proto_end(&part, list.out, 2);
	}
	(void)fclose(list.out);
	proto_envelope(out, api->group_version, kind, list.bytes, list.len);
	free(list.bytes);
}

static void render_json_list(const struct api *api, FILE *out, const char *kind,
			     const char *version, const char *token, char *rest)
{
	const char *comma = "";
	char *text;

	(void)fprintf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{", kind,
		      api->list_kind ? "meta.k8s.io/v1" : api->group_version);
	(void)fprintf(out, "\"resourceVersion\":\"%s\"", version);
	json_member(out, "continue", token);
	(void)fputs("},\"items\":[", out);
	while ((text = api_next_part(&rest))) {
		struct object o = parse_object(api, text);

		(void)fprintf(out, "%s{", comma);
		json_body(out, &o);
		(void)fputs("}", out);
		comma = ",";
	}
	(void)fputs("]}\n", out);
}

char *api_render_list(const struct api *api, const char *version, const char *token,
		      const char *objects, size_t *ret_len)
{
	char *body = NULL, *copy = strdup(objects), kind[64];
	FILE *out = open_memstream(&body, ret_len);

	(void)snprintf(kind, sizeof(kind), "%sList", api->kind);
	(api->protobuf ? render_proto_list : render_json_list)(
		api, out, api->list_kind ? api->list_kind : kind, version, token, copy);
	(void)fclose(out);
	free(copy);
	return body;
}

static void json_status(FILE *out, int code, const char *reason, const char *message,
			const char *details)
{
	(void)fprintf(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},");
	(void)fprintf(out, "\"status\":\"Failure\",\"message\":\"%s\",\"reason\":\"%s\",", message,
		      reason);
	if (details)
		(void)fprintf(out, "\"details\":%s,", details);
	(void)fprintf(out, "\"code\":%d}\n", code);
}

char *api_render_status(int code, const char *reason, const char *message, const char *details,
			size_t *ret_len)
{
	char *body = NULL;
	FILE *out = open_memstream(&body, ret_len);

	json_status(out, code, reason, message, details);
	(void)fclose(out);
	return body;
}

/* --- events --- */

static void render_proto_event(const struct api *api, FILE *out, const char *type, char *text)
{
	struct proto raw, envelope, event, object;
	const char *kind = "Status";

	(void)proto_begin(&raw);
	if (strcmp(type, "ERROR") == 0) {
		int code = atoi(strsep(&text, " "));

		proto_status(raw.out, code, text);
	} else {
		struct object o = parse_object(api, text);

		proto_body(raw.out, &o);
		kind = o.kind;
	}
	(void)fclose(raw.out);
	(void)proto_begin(&envelope);
	proto_envelope(envelope.out, strcmp(kind, "Status") ? api->group_version : "v1", kind,
		       raw.bytes, raw.len);
	free(raw.bytes);
	(void)proto_begin(&event);
	proto_text(event.out, 1, type);
	(void)proto_begin(&object);
	proto_end(&envelope, object.out, 1);
	proto_end(&object, event.out, 2);
	(void)fclose(event.out);
	for (int shift = 24; shift >= 0; shift -= 8)
		(void)putc((int)(event.len >> shift) & 0xff, out);
	(void)fwrite(event.bytes, 1, event.len, out);
	free(event.bytes);
}

static void render_json_event(const struct api *api, FILE *out, const char *type, char *text)
{
	(void)fprintf(out, "{\"type\":\"%s\",\"object\":", type);
	if (strcmp(type, "ERROR") == 0) {
		int code = atoi(strsep(&text, " "));

		json_status(out, code, text, text, NULL);
	} else {
		struct object o = parse_object(api, text);

		(void)fprintf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", o.kind,
			      api->group_version);
		json_body(out, &o);
		(void)fputs("}", out);
	}
	(void)fputs("}\n", out);
}

char *api_render(const struct api *api, const char *events, size_t *ret_len)
{
	char *body = NULL, *copy = strdup(events), *rest = copy, *text;
	FILE *out = open_memstream(&body, ret_len);

	while ((text = api_next_part(&rest))) {
		const char *type = strsep(&text, " ");

		(api->protobuf ? render_proto_event : render_json_event)(api, out, type, text);
	}
	(void)fclose(out);
	free(copy);
	return body;
}
