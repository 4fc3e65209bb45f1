/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_HTTP_H
#define PN_TESTAPI_HTTP_H

#include <microhttpd.h>

#include "testapi_list.h"
#include "testapi_proxy.h"
#include "testapi_store.h"
#include "testapi_watch.h"

/**
 * struct pn_testapi - the server's state; one thread
 * @token:   what clients must bear; NULL: anybody may
 * @verbose: name each request on standard error
 * @old_discovery: tell of the kinds group by group only
 */
struct pn_testapi {
	struct pn_teststore *store;
	struct pn_lists *lists;
	struct pn_watches watches;
	struct pn_proxies proxies;
	const char *token;
	bool verbose, old_discovery;
	uint64_t n_requests;
	struct {
		unsigned int status, n_before, n_left, retry_after_s;
	} failure; /* what /testapi/fail asked for */
};

/** pn_testapi_handle() - libmicrohttpd's access handler; @data is the struct pn_testapi */
enum MHD_Result pn_testapi_handle(void *data, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **request);

/** pn_testapi_completed() - libmicrohttpd's notification that a request is over */
void pn_testapi_completed(void *data, struct MHD_Connection *conn, void **request,
			  enum MHD_RequestTerminationCode how);

/** pn_reply_json() - takes @document over; NULL: out of memory, the connection is closed */
enum MHD_Result pn_reply_json(struct MHD_Connection *conn, unsigned int status, json_t *document);

/** pn_reply_status() - a Status object, as the API answers failures */
enum MHD_Result pn_reply_status(struct MHD_Connection *conn, unsigned int status,
				const char *reason, const char *message);

/** pn_query() - a parameter of the request's URL; "" if absent */
const char *pn_query(struct MHD_Connection *conn, const char *name);

/** pn_query_number() - Return: 0, or -EINVAL for anything but a decimal number; absent is @absent */
int pn_query_number(struct MHD_Connection *conn, const char *name, uint64_t absent, uint64_t *ret);

/**
 * struct pn_path - where a request's path leads
 * @collection: NULL: nowhere
 * @name:       "" for the collection itself
 */
struct pn_path {
	const struct pn_collection *collection;
	char name_space[64], name[254];
};

/** pn_path_parse() - "/api/v1/pods", "/apis/apps/v1/namespaces/shop/replicasets/web-7d9", ... */
void pn_path_parse(const char *url, struct pn_path *ret);

/** pn_control_handle() - what is below /testapi/; see testapi_control.c */
enum MHD_Result pn_control_handle(struct pn_testapi *api, struct MHD_Connection *conn,
				  const char *verb, const char *method, const char *body,
				  size_t body_len);

#endif
