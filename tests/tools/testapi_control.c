/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test may do to the server while it runs, below /testapi/. Each verb provokes one thing
 * that a real API server does on a bad day. They need no token.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "testapi_http.h"

struct verb {
	const char *method, *name;
	enum MHD_Result (*run)(struct pn_testapi *api, struct MHD_Connection *conn,
			       const char *body, size_t len);
};

static enum MHD_Result done(struct MHD_Connection *conn)
{
	return pn_reply_json(conn, MHD_HTTP_OK, json_object());
}

static enum MHD_Result bookmark(struct pn_testapi *api, struct MHD_Connection *conn,
				const char *body, size_t len)
{
	(void)body, (void)len;
	pn_watches_bookmark(&api->watches, pn_teststore_rv(api->store));
	return done(conn);
}

static enum MHD_Result expire(struct pn_testapi *api, struct MHD_Connection *conn, const char *body,
			      size_t len)
{
	(void)body, (void)len;
	pn_teststore_expire(api->store);
	pn_lists_expire(api->lists);
	return done(conn);
}

static enum MHD_Result cut(struct pn_testapi *api, struct MHD_Connection *conn, const char *body,
			   size_t len)
{
	(void)body, (void)len;
	pn_watches_cut(&api->watches, api->store);
	return done(conn);
}

static enum MHD_Result garbage(struct pn_testapi *api, struct MHD_Connection *conn,
			       const char *body, size_t len)
{
	static const char nonsense[] = "{\"type\": ]]\x80\xff\n";

	(void)body, (void)len;
	pn_watches_raw(&api->watches, NULL, nonsense, sizeof(nonsense) - 1);
	return done(conn);
}

static enum MHD_Result raw(struct pn_testapi *api, struct MHD_Connection *conn, const char *body,
			   size_t len)
{
	struct pn_path path;

	pn_path_parse(pn_query(conn, "path"), &path);
	if (!path.collection || *path.name)
		return pn_reply_status(conn, MHD_HTTP_BAD_REQUEST, "BadRequest",
				       "path must be a collection, for example /api/v1/pods");
	pn_watches_raw(&api->watches, path.collection, body, len);
	return done(conn);
}

static enum MHD_Result fail(struct pn_testapi *api, struct MHD_Connection *conn, const char *body,
			    size_t len)
{
	uint64_t status, count, retry_after, after;

	(void)body, (void)len;
	if (pn_query_number(conn, "status", 500, &status) < 0 || status < 400 || status > 599 ||
	    pn_query_number(conn, "count", 1, &count) < 0 || count > 1000 ||
	    pn_query_number(conn, "after", 0, &after) < 0 || after > 1000 ||
	    pn_query_number(conn, "retryAfter", 0, &retry_after) < 0 || retry_after > 3600)
		return pn_reply_status(
			conn, MHD_HTTP_BAD_REQUEST, "BadRequest",
			"status from 400 to 599, count and after to 1000, retryAfter to "
			"3600");
	api->failure.status = (unsigned int)status;
	api->failure.n_before = (unsigned int)after;
	api->failure.n_left = (unsigned int)count;
	api->failure.retry_after_s = (unsigned int)retry_after;
	return done(conn);
}

/* For a test that waits until its client has come so far. */
static enum MHD_Result status(struct pn_testapi *api, struct MHD_Connection *conn, const char *body,
			      size_t len)
{
	const struct pn_collection *c;
	json_t *watches = json_object();
	char rv[24];

	(void)body, (void)len;
	for (size_t i = 0; (c = pn_collection_get(i)); i++) {
		size_t n = pn_watches_count(&api->watches, c);

		if (strcmp(c->api_version, "example.com/v1") == 0 && !n)
			continue; /* nobody has to watch the custom kind */
		(void)json_object_set_new(watches, c->plural, json_integer((json_int_t)n));
	}
	(void)snprintf(rv, sizeof(rv), "%" PRIu64, pn_teststore_rv(api->store));
	return pn_reply_json(conn, MHD_HTTP_OK,
			     json_pack("{s:s, s:I, s:i, s:o}", "resourceVersion", rv, "requests",
				       (json_int_t)api->n_requests, "failuresLeft",
				       (int)api->failure.n_left, "watches", watches));
}

static const struct verb verbs[] = {
	{ "POST", "bookmark", bookmark }, /* a bookmark to every watch that asked for them */
	{ "POST", "expire", expire },	/* forget history: watches and pages from before get 410 */
	{ "POST", "cut", cut },		/* break every watch in the middle of an object */
	{ "POST", "garbage", garbage }, /* no JSON, on every watch */
	{ "POST", "raw", raw },		/* the body as it is, on the watches of ?path= */
	{ "POST", "fail", fail }, /* ?status=500&count=3&after=1&retryAfter=1: the next requests */
	{ "GET", "status", status }, /* open watches by collection, version, requests */
};

enum MHD_Result pn_control_handle(struct pn_testapi *api, struct MHD_Connection *conn,
				  const char *verb, const char *method, const char *body,
				  size_t body_len)
{
	for (size_t i = 0; i < PN_ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, verb) == 0 && strcmp(verbs[i].method, method) == 0)
			return verbs[i].run(api, conn, body, body_len);
	}
	return pn_reply_status(conn, MHD_HTTP_NOT_FOUND, "NotFound", "no such verb of /testapi/");
}
