/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is of a kind now, page by page, or one object by its name.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cmd/get/get.h"
#include "cmd/get/get_list.h"

enum { IDLE_MS = 60 * 1000 };

static const char page_size[] = "500";

void pn_get_complain(struct pn_get *g, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout); /* so that the two do not cross on a terminal */
	(void)fputs("podonym get: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	g->has_failed = true;
}

static const char *advice(int code)
{
	switch (code) {
	case 401:
		return "; the token is expired or not accepted";
	case 403:
		return "; a role must allow it";
	case 410:
		return "; it took too long, please try again";
	default:
		return "";
	}
}

int pn_get_refused(struct pn_get *g, const struct pn_get_target *t, const char *verb,
		   const struct pn_status *st)
{
	const char *in = *t->name_space ? " in namespace " : "", *ns = t->name_space;
	const char *server = pn_fetch_server(g->fetch);

	if (*t->name && st->code == 404)
		return pn_err_set(&g->err, PN_GET_MISSING, "%s \"%s\" not found%s%s, %s",
				  t->res->plural, t->name, in, ns, server);
	return pn_err_set(&g->err, PN_GET_MISSING, "%s: cannot %s %s%s%s%s%s: %d%s%s%s%s%s", server,
			  verb, t->res->plural, *t->name ? "/" : "", t->name, in, ns, st->code,
			  *st->reason ? " " : "", st->reason, *st->message ? ": " : "", st->message,
			  advice(st->code));
}

/* --- what comes --- */

static int on_columns(void *data, const json_t *columns)
{
	struct pn_get *g = data;

	return pn_printer_columns(g->printer, columns);
}

static int on_row(void *data, const char *change, const json_t *row)
{
	struct pn_get *g = data;

	return pn_printer_row(g->printer, change, row);
}

static int on_object(void *data, const char *change, json_t *object)
{
	struct pn_get *g = data;

	return pn_printer_object(g->printer, change, object);
}

const struct pn_body_ops pn_get_print_ops = {
	.columns = on_columns,
	.row = on_row,
	.object = on_object,
};

/* For a list that is only asked for its version. */
static int skip_tree(void *data, const json_t *columns)
{
	(void)data, (void)columns;
	return 0;
}

static int skip_row(void *data, const char *change, const json_t *row)
{
	(void)data, (void)change, (void)row;
	return 0;
}

static int skip_object(void *data, const char *change, json_t *object)
{
	(void)data, (void)change, (void)object;
	return 0;
}

static const struct pn_body_ops skip_ops = {
	.columns = skip_tree,
	.row = skip_row,
	.object = skip_object,
};

const char *pn_get_accept(const struct pn_get *g, bool is_list)
{
	if (pn_printer_wants_rows(g->printer))
		return "application/json;as=Table;v=v1;g=meta.k8s.io,"
		       "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
	if (strcmp(g->options->output, "name") != 0)
		return "application/json";
	return is_list ? "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
			 "application/json"
		       : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
			 "application/json";
}

static int on_open(void *data, const char *content_type)
{
	struct pn_get_stream *s = data;

	if (strcmp(content_type, "application/json") == 0)
		return 0;
	return pn_err_set(&s->get->err, -EPROTO, "%s: an answer in %.64s instead of JSON",
			  pn_fetch_server(s->get->fetch),
			  *content_type ? content_type : "no content type");
}

static int say(struct pn_get *g, int r)
{
	if (r == -ENOMEM)
		return pn_err_set(&g->err, r, "out of memory");
	if (r == -EBADMSG && !*g->err.text)
		return pn_err_set(&g->err, r, "%s: a table without usable columns",
				  pn_fetch_server(g->fetch));
	if (r == -EMSGSIZE && !*g->err.text)
		return pn_err_set(&g->err, r, "%s: a row too long to be shown",
				  pn_fetch_server(g->fetch));
	return r;
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct pn_get_stream *s = data;
	int r;

	r = pn_body_feed(&s->body, bytes, len, &s->get->err);
	if (r == 0 && s->flushes)
		r = pn_printer_flush(s->get->printer);
	return r < 0 && !s->body.has_error ? say(s->get, r) : r;
}

const struct pn_fetch_ops pn_get_stream_ops = { .open = on_open, .data = on_data };

/* --- requests --- */

static int fetch(struct pn_get *g, const char *path, bool is_list, struct pn_get_stream *s,
		 struct pn_status *st)
{
	int r;

	r = pn_fetch_get(g->fetch, path, pn_get_accept(g, is_list), IDLE_MS, &pn_get_stream_ops, s,
			 st, &g->err);
	if (r == 0)
		r = pn_body_end(&s->body, &g->err);
	return r;
}

static int get_one(struct pn_get *g, const struct pn_get_target *t, struct pn_buf *path)
{
	struct pn_get_stream s = { .get = g };
	struct pn_status st;
	int r;

	r = pn_get_path(g, t, true, path);
	if (r < 0)
		return r;
	pn_body_init(&s.body, PN_BODY_ONE, &pn_get_print_ops, g);
	r = fetch(g, path->data, false, &s, &st);
	pn_body_done(&s.body);
	if (r != PN_FETCH_REFUSED)
		return r;
	if (st.code == 404 && g->options->ignore_not_found)
		return 0;
	return pn_get_refused(g, t, "get", &st);
}

/*
 * A list whose pages took longer than the server remembers goes on, if the server says how: what is
 * left is of a later moment then.
 */
static bool fresh_token(const struct pn_get *g, const struct pn_status *st,
			char token[static PN_CONTINUE_LEN])
{
	json_auto_t *tree = NULL;
	const char *fresh;

	if (!pn_status_gone(st) || !*token)
		return false;
	tree = json_loads(pn_fetch_refusal(g->fetch), 0, NULL);
	fresh = json_string_value(json_object_get(json_object_get(tree, "metadata"), "continue"));
	if (!fresh || !*fresh || strcmp(fresh, token) == 0 || strlen(fresh) >= PN_CONTINUE_LEN)
		return false;
	memcpy(token, fresh, strlen(fresh) + 1);
	return true;
}

static int page_path(struct pn_get *g, const struct pn_get_target *t, const char *token,
		     struct pn_buf *path)
{
	int r = pn_get_path(g, t, false, path);

	if (r == 0)
		r = pn_get_query(path, "limit", page_size);
	if (r == 0)
		r = pn_get_query(path, "continue", token);
	return r < 0 ? pn_err_set(&g->err, r, "asking for a page: %s", strerror(-r)) : 0;
}

/* @token becomes that of the next page, "" after the last one. Return: as pn_get_list() */
static int get_page(struct pn_get *g, const struct pn_get_target *t, const char *path,
		    char token[static PN_CONTINUE_LEN], char *version)
{
	struct pn_get_stream s = { .get = g };
	bool skips = version && g->options->watch_only, is_first = !*token;
	struct pn_status st;
	int r;

	pn_body_init(&s.body, PN_BODY_LIST, skips ? &skip_ops : &pn_get_print_ops, g);
	r = fetch(g, path, true, &s, &st);
	pn_body_done(&s.body);
	if (r == PN_FETCH_REFUSED && fresh_token(g, &st, token))
		return 0;
	if (r == PN_FETCH_REFUSED) {
		(void)pn_get_refused(g, t, "list", &st);
		return is_first ? PN_GET_MISSING : -EIO; /* a List that ends here is not whole */
	}
	if (r < 0)
		return r;
	if (version && is_first)
		memcpy(version, s.body.resource_version, sizeof(s.body.resource_version));
	memcpy(token, s.body.continue_token, PN_CONTINUE_LEN);
	if (skips)
		*token = '\0';
	return 0;
}

static int get_pages(struct pn_get *g, const struct pn_get_target *t, char *version,
		     struct pn_buf *path)
{
	size_t n_before = pn_printer_count(g->printer);
	char token[PN_CONTINUE_LEN] = "";
	int r;

	do {
		r = page_path(g, t, token, path);
		if (r == 0)
			r = get_page(g, t, path->data, token, version);
	} while (r == 0 && *token);
	if (r == 0 && *t->name && !g->options->watch_only &&
	    pn_printer_count(g->printer) == n_before)
		return pn_get_refused(g, t, "get", &(struct pn_status) { .code = 404 });
	return r;
}

int pn_get_list(struct pn_get *g, const struct pn_get_target *t, char *ret_version)
{
	struct pn_buf path = PN_BUF_INIT(PN_GET_MAX_PATH);
	int r;

	g->err.text[0] = '\0';
	if (*t->name && !ret_version)
		r = get_one(g, t, &path);
	else
		r = get_pages(g, t, ret_version, &path);
	pn_buf_done(&path);
	return r;
}
