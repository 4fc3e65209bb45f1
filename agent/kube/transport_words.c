/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failed request means to a person. libcurl says which step has failed; its text, the errno
 * below it, OpenSSL's verdict and the settings together say what is wrong and what to do.
 */
#include "kube/transport_words.h"

#include <errno.h>
#include <string.h>

/* libcurl says that it is the proxy's answer, but not with a code of its own. */
static bool is_proxy_refusal(CURLcode code, const char *text)
{
	return code == CURLE_PROXY || strstr(text, "from proxy after CONNECT") ||
	       strstr(text, "CONNECT tunnel failed");
}

static int explain_connect(const char *proxy, CURL *easy, const char *text, struct pn_err *reterr)
{
	long os_errno = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
	switch (os_errno) {
	case EMFILE:
	case ENFILE:
		return pn_err_set(reterr, -EIO, "%s: raise the limit (ulimit -n)",
				  strerror((int)os_errno));
	case ECONNREFUSED:
		if (proxy)
			return pn_err_set(reterr, -ECONNREFUSED,
					  "connection refused: is the proxy %s running?", proxy);
		return pn_err_set(reterr, -ECONNREFUSED,
				  "connection refused: is the API server running, %s",
				  "and is the address right?");
	case EHOSTUNREACH:
	case ENETUNREACH:
		return pn_err_set(reterr, -EHOSTUNREACH, "%s: check the network and the address",
				  strerror((int)os_errno));
	case ETIMEDOUT:
		return pn_err_set(reterr, -ETIMEDOUT, "the connection timed out");
	default:
		return pn_err_set(reterr, -ECONNREFUSED, "cannot connect: %s", text);
	}
}

static int explain_peer(const struct pn_kube_config *c, CURL *easy, const char *text,
			struct pn_err *reterr)
{
	long verdict =
		0; /* of OpenSSL: 0 good, 1 not asked because libcurl found the name wrong first */

	(void)curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	if (verdict <= 1)
		return pn_err_set(
			reterr, -EPROTO,
			"the certificate is for another name: %s; use a name that is in it, %s",
			text, "or set tls-server-name");
	return pn_err_set(reterr, -EPROTO,
			  "the certificate is not trusted: %s; is the CA (%s) right?", text,
			  c->ca_file  ? c->ca_file
			  : c->ca_pem ? "certificate-authority-data"
				      : "the system's, none is set");
}

/* libcurl does not say why it could not use a file; the file system may. */
static int explain_file(const char *path, const char *what, const char *text, struct pn_err *reterr)
{
	int error = path && access(path, R_OK) != 0 ? errno : 0;

	if (error == ENOENT || error == EACCES)
		return pn_err_set(reterr, -error, "%s %s: %s", what, path, strerror(error));
	return pn_err_set(reterr, -EPROTO, "%s%s%s cannot be used: %s", what, path ? " " : "",
			  path ? path : "", text);
}

static int explain_client_certificate(const struct pn_kube_config *c, const char *text,
				      struct pn_err *reterr)
{
	int r = explain_file(c->cert_file, "the client certificate", text, reterr);

	return r == -EPROTO ? explain_file(c->key_file, "the client certificate or its key", text,
					   reterr)
			    : r;
}

static int explain_cut(const char *text, struct pn_err *reterr)
{
	if (strstr(text, "alert"))
		return pn_err_set(reterr, -EPROTO, "the server refused the client certificate: %s",
				  text);
	return pn_err_set(reterr, -ECONNRESET, "the connection was cut: %s", text);
}

int pn_transport_words(const struct pn_kube_config *config, const char *proxy, CURL *easy,
		       CURLcode code, const char *text, struct pn_err *reterr)
{
	if (is_proxy_refusal(code, text))
		return pn_err_set(reterr, -EIO, "the proxy %s did not let us through: %s",
				  proxy ? proxy : "of the environment", text);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return pn_err_set(reterr, -EHOSTUNREACH, "%s: check the address and DNS", text);
	case CURLE_COULDNT_CONNECT:
		return explain_connect(proxy, easy, text, reterr);
	case CURLE_OPERATION_TIMEDOUT:
		return pn_err_set(reterr, -ETIMEDOUT, "no connection within %d s",
				  PN_CONNECT_TIMEOUT_S);
	case CURLE_PEER_FAILED_VERIFICATION:
		return explain_peer(config, easy, text, reterr);
	case CURLE_SSL_CACERT_BADFILE:
		return explain_file(config->ca_file, "the CA", text, reterr);
	case CURLE_SSL_CERTPROBLEM:
		return explain_client_certificate(config, text, reterr);
	case CURLE_SSL_CONNECT_ERROR:
		return pn_err_set(reterr, -EPROTO, "no TLS: %s; is this an https port?", text);
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return explain_cut(text, reterr);
	default:
		return pn_err_set(reterr, -EIO, "%s", text);
	}
}
