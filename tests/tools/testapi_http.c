/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test server's side of HTTP: which request means what, and the answers that are not streams.
 * libmicrohttpd calls pn_testapi_handle(), first with the headers, then with the body in pieces,
 * then once more; only then the request is looked at.
 *
 * The answers are those of a Kubernetes API server, as far as a client that reads can tell: JSON
 * only, no admission, no validation beyond names, and a write is there at once.
 */
#include "testapi_http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "testapi_discovery.h"

enum {
	MAX_BODY = 16 << 20,
	DEFAULT_WATCH_S = 1800,
	MAX_WATCH_S = 24 * 3600,
};

struct request {
	struct pn_buf body;
	bool too_large;
};

/* --- questions --- */

const char *pn_query(struct MHD_Connection *conn, const char *name)
{
	const char *value = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, name);

	return value ? value : "";
}

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;
	uint64_t n;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end)
		return -EINVAL;
	*ret = n;
	return 0;
}

int pn_query_number(struct MHD_Connection *conn, const char *name, uint64_t absent, uint64_t *ret)
{
	const char *text = pn_query(conn, name);

	if (*text)
		return parse_number(text, ret);
	*ret = absent;
	return 0;
}

static bool query_is_true(struct MHD_Connection *conn, const char *name)
{
	const char *text = pn_query(conn, name);

	return strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
}

static const char *header(struct MHD_Connection *conn, const char *name)
{
	const char *value = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);

	return value ? value : "";
}

/* --- answers --- */

static struct MHD_Response *json_response(json_t *document)
{
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
	struct MHD_Response *response;

	json_decref(document);
	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (response)
		(void)MHD_add_response_header(response, "Content-Type", "application/json");
	return response;
}

static enum MHD_Result send_response(struct MHD_Connection *conn, unsigned int status,
				     struct MHD_Response *response)
{
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	r = MHD_queue_response(conn, status, response);
	MHD_destroy_response(response);
	return r;
}

enum MHD_Result pn_reply_json(struct MHD_Connection *conn, unsigned int status, json_t *document)
{
	return send_response(conn, status, json_response(document));
}

static json_t *status_document(unsigned int status, const char *reason, const char *message)
{
	return json_pack("{s:s, s:s, s:{}, s:s, s:s, s:s, s:i}", "kind", "Status", "apiVersion",
			 "v1", "metadata", "status", "Failure", "message", message, "reason",
			 reason, "code", (int)status);
}

enum MHD_Result pn_reply_status(struct MHD_Connection *conn, unsigned int status,
				const char *reason, const char *message)
{
	return pn_reply_json(conn, status, status_document(status, reason, message));
}

/* How the store's errors look from outside. */
static enum MHD_Result reply_error(struct MHD_Connection *conn, int error, const struct pn_err *err)
{
	static const struct {
		int error;
		unsigned int status;
		const char *reason;
	} answers[] = {
		{ -EINVAL, MHD_HTTP_BAD_REQUEST, "BadRequest" },
		{ -ENOENT, MHD_HTTP_NOT_FOUND, "NotFound" },
		{ -EEXIST, MHD_HTTP_CONFLICT, "AlreadyExists" },
		{ -ESTALE, MHD_HTTP_CONFLICT, "Conflict" },
	};

	for (size_t i = 0; i < PN_ARRAY_SIZE(answers); i++) {
		if (answers[i].error == error)
			return pn_reply_status(conn, answers[i].status, answers[i].reason,
					       err->text);
	}
	return pn_reply_status(conn, MHD_HTTP_INTERNAL_SERVER_ERROR, "InternalError", err->text);
}

static enum MHD_Result bad_request(struct MHD_Connection *conn, const char *message)
{
	return pn_reply_status(conn, MHD_HTTP_BAD_REQUEST, "BadRequest", message);
}

/* --- reading --- */

static int parse_field_selector(const char *text, struct pn_selection *sel)
{
	char copy[512], *rest = copy, *term;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	while ((term = strsep(&rest, ","))) {
		char *value = strchr(term, '=');

		if (!value)
			return *term ? -EINVAL : 0;
		*value++ = '\0';
		value += *value == '='; /* a=b and a==b are the same */
		if (strcmp(term, "metadata.name") == 0)
			(void)snprintf(sel->name, sizeof(sel->name), "%s", value);
		else if (strcmp(term, "spec.nodeName") == 0)
			(void)snprintf(sel->node, sizeof(sel->node), "%s", value);
		else
			return -EINVAL;
	}
	return 0;
}

static enum pn_shape wanted_shape(struct MHD_Connection *conn, const struct pn_collection *c)
{
	return pn_shape_wanted(header(conn, "Accept"), c);
}

static bool accepts_json(struct MHD_Connection *conn)
{
	const char *accept = header(conn, "Accept");

	return !*accept || strstr(accept, "*/*") || strstr(accept, "application/json");
}

static enum MHD_Result reply_too_large_version(struct MHD_Connection *conn)
{
	static const char message[] = "Too large resource version";
	json_t *document = status_document(MHD_HTTP_GATEWAY_TIMEOUT, "Timeout", message);

	(void)json_object_set_new(document, "details",
				  json_pack("{s:[{s:s, s:s}], s:i}", "causes", "reason",
					    "ResourceVersionTooLarge", "message", message,
					    "retryAfterSeconds", 1));
	return pn_reply_json(conn, MHD_HTTP_GATEWAY_TIMEOUT, document);
}

static enum MHD_Result reply_next_page(struct pn_testapi *api, struct MHD_Connection *conn,
				       const struct pn_selection *sel, size_t limit)
{
	json_t *document;
	int r;

	r = pn_lists_next(api->lists, pn_query(conn, "continue"), sel,
			  wanted_shape(conn, sel->collection), limit, &document);
	if (r == -ESTALE)
		return pn_reply_status(conn, MHD_HTTP_GONE, "Expired",
				       "The provided continue parameter is too old");
	if (r == -EINVAL)
		return bad_request(conn, "continue key is not valid");
	return pn_reply_json(conn, MHD_HTTP_OK, r < 0 ? NULL : document);
}

static enum MHD_Result list(struct pn_testapi *api, struct MHD_Connection *conn,
			    const struct pn_selection *sel)
{
	uint64_t limit, rv;

	if (pn_query_number(conn, "limit", 0, &limit) < 0)
		return bad_request(conn, "limit is not a number");
	if (*pn_query(conn, "continue"))
		return reply_next_page(api, conn, sel, limit);
	if (pn_query_number(conn, "resourceVersion", 0, &rv) < 0)
		return bad_request(conn, "resourceVersion is not a number");
	if (rv > pn_teststore_rv(api->store))
		return reply_too_large_version(conn);
	if (strcmp(pn_query(conn, "resourceVersion"), "0") == 0)
		limit = 0; /* as a real server: from its cache, the whole list at once */
	return pn_reply_json(conn, MHD_HTTP_OK,
			     pn_lists_first(api->lists, api->store, sel,
					    wanted_shape(conn, sel->collection), limit));
}

static enum MHD_Result watch(struct pn_testapi *api, struct MHD_Connection *conn,
			     const struct pn_selection *sel)
{
	struct pn_watch_request req = {
		.selection = *sel,
		.shape = wanted_shape(conn, sel->collection),
		.bookmarks = query_is_true(conn, "allowWatchBookmarks"),
		.mark_end = query_is_true(conn, "sendInitialEvents"),
	};
	uint64_t timeout;

	if (pn_query_number(conn, "resourceVersion", 0, &req.rv) < 0)
		return bad_request(conn, "resourceVersion is not a number");
	if (pn_query_number(conn, "timeoutSeconds", DEFAULT_WATCH_S, &timeout) < 0 ||
	    timeout > MAX_WATCH_S)
		return bad_request(conn, "timeoutSeconds is not a number up to 86400");
	if (req.mark_end && strcmp(pn_query(conn, "resourceVersionMatch"), "NotOlderThan") != 0)
		return pn_reply_status(
			conn, MHD_HTTP_UNPROCESSABLE_CONTENT, "Invalid",
			"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
	req.timeout_s = timeout ? (unsigned int)timeout : DEFAULT_WATCH_S;
	req.from_start = req.mark_end || req.rv == 0;
	return pn_watch_answer(&api->watches, api->store, conn, &req);
}

static enum MHD_Result read_collection(struct pn_testapi *api, struct MHD_Connection *conn,
				       const struct pn_path *path)
{
	struct pn_selection sel = { .collection = path->collection };

	if (!accepts_json(conn))
		return pn_reply_status(conn, MHD_HTTP_NOT_ACCEPTABLE, "NotAcceptable",
				       "only application/json is served");
	(void)strcpy(sel.name_space, path->name_space);
	if (parse_field_selector(pn_query(conn, "fieldSelector"), &sel) < 0)
		return bad_request(conn, "field selectors: metadata.name and spec.nodeName");
	if (strlen(pn_query(conn, "labelSelector")) >= sizeof(sel.labels))
		return bad_request(conn, "a label selector of more than 511 bytes");
	(void)strcpy(sel.labels, pn_query(conn, "labelSelector"));
	return query_is_true(conn, "watch") ? watch(api, conn, &sel) : list(api, conn, &sel);
}

static enum MHD_Result read_object(struct pn_testapi *api, struct MHD_Connection *conn,
				   const struct pn_path *path)
{
	json_t *object =
		pn_teststore_get(api->store, path->collection, path->name_space, path->name);
	struct pn_err err;

	if (!object)
		return reply_error(conn,
				   pn_err_set(&err, -ENOENT, "%s \"%s\" not found",
					      path->collection->plural, path->name),
				   &err);
	return pn_reply_json(conn, MHD_HTTP_OK,
			     pn_shape_object(wanted_shape(conn, path->collection), path->collection,
					     object, true));
}

/* --- writing --- */

static enum MHD_Result write_object(struct pn_testapi *api, struct MHD_Connection *conn,
				    const struct pn_path *path, const char *method,
				    const struct pn_buf *body)
{
	bool is_post = strcmp(method, "POST") == 0, is_put = strcmp(method, "PUT") == 0;
	json_auto_t *object = NULL;
	struct pn_err err;
	json_error_t where;
	json_t *stored;
	int r;

	if (is_post || is_put) {
		object = json_loadb(body->data ? body->data : "", body->len, 0, &where);
		if (!object)
			return bad_request(conn, where.text);
	}
	if (is_post && !*path->name)
		r = pn_teststore_create(api->store, path->collection, path->name_space, object,
					&stored, &err);
	else if (is_put && *path->name)
		r = pn_teststore_replace(api->store, path->collection, path->name_space, path->name,
					 object, &stored, &err);
	else if (strcmp(method, "DELETE") == 0 && *path->name)
		r = pn_teststore_remove(api->store, path->collection, path->name_space, path->name,
					&stored, &err);
	else
		return pn_reply_status(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "MethodNotAllowed",
				       "POST to a collection; PUT, DELETE to an object");
	if (r < 0)
		return reply_error(conn, r, &err);
	return pn_reply_json(conn, is_post ? MHD_HTTP_CREATED : MHD_HTTP_OK, json_incref(stored));
}

/* --- where a request goes --- */

/* "/api/v1" or "/apis/GROUP/VERSION" */
static size_t prefix_length(const char *url)
{
	int n = 0;

	if (strncmp(url, "/apis/", 6) != 0)
		return strlen("/api/v1");
	(void)sscanf(url, "/apis/%*[^/]/%*[^/]%n", &n);
	return (size_t)n;
}

void pn_path_parse(const char *url, struct pn_path *ret)
{
	size_t prefix_len = prefix_length(url);
	const char *rest = url + PN_MIN(prefix_len, strlen(url));
	char ns[64] = "", plural[64] = "", name[254] = "";
	int end = 0;

	*ret = (struct pn_path) { 0 };
	/* a namespace as an object itself is /namespaces/NAME; more behind it is inside of it */
	if (sscanf(rest, "/namespaces/%63[^/]/%63[^/]%n/%253[^/]%n", ns, plural, &end, name, &end) <
	    2) {
		*ns = '\0';
		if (sscanf(rest, "/%63[^/]%n/%253[^/]%n", plural, &end, name, &end) < 1)
			return;
	}
	if (rest[end] != '\0')
		return;
	ret->collection = pn_collection_find(url, prefix_len, plural, strlen(plural));
	(void)strcpy(ret->name_space, ns);
	(void)strcpy(ret->name, name);
}

/* An object of a namespaced kind has a namespace in its path, others have none. */
static bool path_makes_sense(const struct pn_path *path, const char *method)
{
	bool is_one = *path->name || strcmp(method, "POST") == 0;

	if (!path->collection)
		return false;
	if (!path->collection->namespaced)
		return !*path->name_space;
	return *path->name_space || !is_one;
}

static enum MHD_Result reply_failure(struct pn_testapi *api, struct MHD_Connection *conn)
{
	struct MHD_Response *response = json_response(status_document(
		api->failure.status, "InternalError", "this failure was asked for by a test"));
	char seconds[16];

	api->failure.n_left--;
	if (response && api->failure.retry_after_s) {
		(void)snprintf(seconds, sizeof(seconds), "%u", api->failure.retry_after_s);
		(void)MHD_add_response_header(response, "Retry-After", seconds);
	}
	return send_response(conn, api->failure.status, response);
}

static bool is_authorized(const struct pn_testapi *api, struct MHD_Connection *conn)
{
	const char *given = header(conn, "Authorization");

	return !api->token ||
	       (strncmp(given, "Bearer ", 7) == 0 && strcmp(given + 7, api->token) == 0);
}

static bool wants_aggregated(const struct pn_testapi *api, struct MHD_Connection *conn)
{
	return !api->old_discovery && strstr(header(conn, "Accept"), "as=APIGroupDiscoveryList");
}

static enum MHD_Result dispatch(struct pn_testapi *api, struct MHD_Connection *conn,
				const char *url, const char *method, const struct pn_buf *body)
{
	bool is_get = strcmp(method, "GET") == 0, is_proxy;
	json_t *discovery;
	struct pn_path path;

	if (strncmp(url, "/testapi/", 9) == 0)
		return pn_control_handle(api, conn, url + 9, method, body->data ? body->data : "",
					 body->len);
	api->n_requests++;
	if (!is_authorized(api, conn))
		return pn_reply_status(conn, MHD_HTTP_UNAUTHORIZED, "Unauthorized", "Unauthorized");
	if (strcmp(url, "/readyz") == 0)
		return pn_reply_json(conn, MHD_HTTP_OK, json_object());
	if (strcmp(url, "/version") == 0)
		return pn_reply_json(conn, MHD_HTTP_OK,
				     json_pack("{s:s, s:s, s:s}", "major", "1", "minor", "36",
					       "gitVersion", "v1.36.0-podonym-testapi"));
	discovery = is_get ? pn_discovery_document(url, wants_aggregated(api, conn)) : NULL;
	if (discovery)
		return pn_reply_json(conn, MHD_HTTP_OK, discovery);
	is_proxy = is_get && pn_proxy_is_path(url);
	pn_path_parse(url, &path);
	if (!is_proxy && !path_makes_sense(&path, method))
		return pn_reply_status(conn, MHD_HTTP_NOT_FOUND, "NotFound",
				       "the server could not find the requested resource");
	if (is_get && api->failure.n_left && !api->failure.n_before--) {
		api->failure.n_before = 0;
		return reply_failure(api, conn);
	}
	if (is_proxy)
		return pn_proxy_answer(&api->proxies, api->store, conn, url);
	if (!is_get)
		return write_object(api, conn, &path, method, body);
	return *path.name ? read_object(api, conn, &path) : read_collection(api, conn, &path);
}

enum MHD_Result pn_testapi_handle(void *data, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **request)
{
	struct pn_testapi *api = data;
	struct request *r = *request;

	(void)version;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		r->body = PN_BUF_INIT(MAX_BODY);
		*request = r;
		return MHD_YES;
	}
	if (*upload_len) {
		r->too_large |= pn_buf_put(&r->body, upload, *upload_len) < 0;
		*upload_len = 0;
		return MHD_YES;
	}
	if (api->verbose)
		pn_info("testapi", "%s %s", method, url);
	if (r->too_large)
		return pn_reply_status(conn, MHD_HTTP_CONTENT_TOO_LARGE, "RequestEntityTooLarge",
				       "the limit is 16 MiB");
	return dispatch(api, conn, url, method, &r->body);
}

void pn_testapi_completed(void *data, struct MHD_Connection *conn, void **request,
			  enum MHD_RequestTerminationCode how)
{
	struct request *r = *request;

	(void)data, (void)conn, (void)how;
	if (!r)
		return;
	pn_buf_done(&r->body);
	free(r);
	*request = NULL;
}
