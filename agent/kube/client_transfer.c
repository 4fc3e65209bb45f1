/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that runs, for client.c: what libcurl is given, and what it tells. What it still has for one that is
 * dead by now is refused.
 */
#include <errno.h>
#include <string.h>

#include "kube/client_private.h"
#include "kube/request_head.h"

/* --- what libcurl tells us --- */

static void report_headers(struct pn_request *r, int status)
{
	struct pn_response response;
	char type[PN_MEDIA_TYPE_LEN];

	pn_transport_response(r->easy, status, type, &response);
	if (status == 401)
		pn_auth_refused(r->client->auth, r->sent_ms);
	pn_request_opened(r);
	r->has_headers = true;
	r->ops->headers(r->data, &response);
}

static void heard(struct pn_request *r)
{
	r->heard_ms = r->client->heard_ms = uv_now(r->client->loop);
}

/* One line of headers at a time; an empty one ends them. Interim (1xx) answers and trailers do not count. */
static size_t on_header(char *line, size_t size, size_t n_bytes, void *data)
{
	struct pn_request *r = data;
	long status = 0;

	(void)size;
	if (r->state != PN_REQUEST_RUNNING)
		return CURL_WRITEFUNC_ERROR;
	heard(r);
	if (!r->has_headers && *line == '\r')
		(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200)
		report_headers(r, (int)status);
	return r->state == PN_REQUEST_RUNNING ? n_bytes : CURL_WRITEFUNC_ERROR;
}

static size_t on_body(char *bytes, size_t size, size_t n_bytes, void *data)
{
	struct pn_request *r = data;

	(void)size;
	if (r->state != PN_REQUEST_RUNNING)
		return CURL_WRITEFUNC_ERROR;
	heard(r);
	r->result = r->ops->data(r->data, bytes, n_bytes);
	return r->state == PN_REQUEST_RUNNING && r->result >= 0 ? n_bytes : CURL_WRITEFUNC_ERROR;
}

static void finish_transfer(struct pn_request *r, CURLcode code)
{
	struct pn_err err = { 0 };
	int result = 0;

	if (r->result < 0)
		result = pn_err_set(&err, r->result, "%s: the answer was refused: %s",
				    r->client->config.server, strerror(-r->result));
	else if (code != CURLE_OK || !r->has_headers) /* cut headers are fine with libcurl */
		result = pn_transport_explain(r->client->transport, r->easy,
					      code == CURLE_OK ? CURLE_GOT_NOTHING : code, r->error,
					      &err);
	if (result == -EPROTO)
		pn_auth_distrusted(r->client->auth, r->sent_ms);
	pn_request_finish(r, result, &err);
}

static void finish_transfers(struct pn_client *c)
{
	struct pn_request *r;
	CURLMsg *msg;
	int n_left;

	while ((msg = curl_multi_info_read(pn_curl_loop_multi(c->curl), &n_left))) {
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		if (msg->msg == CURLMSG_DONE && r->state == PN_REQUEST_RUNNING)
			finish_transfer(r, msg->data.result);
	}
}

void pn_transfers_act(struct pn_client *c, curl_socket_t fd, int events)
{
	int n_left;

	(void)curl_multi_socket_action(pn_curl_loop_multi(c->curl), fd, events, &n_left);
	finish_transfers(c);
}

/* --- what it is given --- */

static int set_headers(struct pn_request *r)
{
	const struct pn_client *c = r->client;
	const struct pn_request_head head = {
		.accept = r->accept,
		.token = pn_auth_token(c->auth),
		.basic = pn_auth_basic(c->auth),
		.impersonate = c->impersonate,
		.headers = c->headers,
		.host = pn_transport_host_header(c->transport),
	};

	return pn_request_head_make(&head, &r->headers);
}

/* Connections that know the client by an older certificate end, and what runs over them. */
static int use_certificates(struct pn_request *r)
{
	struct pn_client *c = r->client;
	struct pn_certificates *certificates = pn_auth_certificates(c->auth);
	int result;

	if (!certificates)
		return 0;
	result = pn_transport_use(c->transport, certificates);
	if (result == PN_CLIENT_CERTIFICATE_CHANGED)
		pn_curl_loop_hang_up(c->curl);
	r->certificates = pn_certificates_ref(certificates);
	return result;
}

int pn_transfer_start(struct pn_request *r)
{
	struct pn_client *c = r->client;
	CURL *easy;

	if (set_headers(r) < 0 || use_certificates(r) < 0)
		return -ENOMEM;
	easy = pn_transport_easy(c->transport);
	if (!easy)
		return -ENOMEM;
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->error);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
	if (curl_easy_setopt(easy, CURLOPT_URL, r->url) != CURLE_OK ||
	    curl_multi_add_handle(pn_curl_loop_multi(c->curl), easy) != CURLM_OK) {
		curl_easy_cleanup(easy);
		return -ENOMEM;
	}
	r->easy = easy;
	return 0;
}

void pn_transfer_drop(struct pn_request *r)
{
	if (r->easy) {
		(void)curl_multi_remove_handle(pn_curl_loop_multi(r->client->curl), r->easy);
		curl_easy_cleanup(r->easy);
	}
	pn_request_head_free(r->headers);
	pn_certificates_unref(r->certificates);
}
