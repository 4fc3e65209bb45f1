/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From settings to libcurl's options, and from libcurl's results to words. One easy handle is set up
 * when the client is made and copied for each request, so that a setting libcurl does not accept is
 * found at the start. Certificate files are given by name and read by libcurl for each new
 * connection; neither its cache of CA stores nor its TLS sessions outlive a change of the files.
 */
#include "kube/transport.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "base/version.h"

enum {
	CONNECT_TIMEOUT_S = 20,
	KEEPALIVE_S = 30,
	KEEPALIVE_INTERVAL_S = 10,
	UNACKNOWLEDGED_MS = 60000,
};

struct pn_transport {
	const struct pn_kube_config *config;
	bool is_https;
	char *host, *port; /* to connect to; IPv6 in brackets */
	char *base, *host_header;
	struct curl_slist *connect_to;
	CURL *template;
};

static void curl_url_cleanupp(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void curl_freep(char **s)
{
	curl_free(*s);
}

/* Both strings of libcurl's become ours, because the two have different allocators. */
static int get_part(CURLU *url, CURLUPart part, unsigned int flags, char **ret)
{
	PN_CLEANUP(curl_freep) char *text = NULL;

	if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
		return -EINVAL;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/*
 * tls-server-name: requests go to that name, so that libcurl verifies it, but connect to the real
 * address; the Host header stays the real one too.
 */
static int rename_host(struct pn_transport *t, CURLU *url)
{
	const char *name = t->config->tls_server_name;
	char *connect_to = NULL;
	int r;

	if (asprintf(&t->host_header, "Host: %s:%s", t->host, t->port) < 0) {
		t->host_header = NULL;
		return -ENOMEM;
	}
	if (curl_url_set(url, CURLUPART_HOST, name, 0) != CURLUE_OK)
		return -EINVAL;
	if (asprintf(&connect_to, "%s:%s:%s:%s", name, t->port, t->host, t->port) < 0)
		return -ENOMEM;
	t->connect_to = curl_slist_append(NULL, connect_to);
	r = t->connect_to ? 0 : -ENOMEM;
	free(connect_to);
	return r;
}

static int parse_server(struct pn_transport *t)
{
	PN_CLEANUP(curl_url_cleanupp) CURLU *url = curl_url();
	size_t len;
	int r;

	if (!url)
		return -ENOMEM;
	if (curl_url_set(url, CURLUPART_URL, t->config->server, 0) != CURLUE_OK)
		return -EINVAL;
	r = get_part(url, CURLUPART_HOST, 0, &t->host);
	if (r == 0)
		r = get_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &t->port);
	if (r == 0 && t->config->tls_server_name)
		r = rename_host(t, url);
	if (r == 0)
		r = get_part(url, CURLUPART_URL, 0, &t->base);
	if (r < 0)
		return r;
	t->is_https = strncmp(t->base, "https://", 8) == 0;
	len = strlen(t->base);
	while (len && t->base[len - 1] == '/')
		t->base[--len] = '\0';
	return 0;
}

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

/*
 * A connection whose peer has vanished is noticed within a minute, also while nothing is sent; a
 * program that we start does not inherit it.
 */
static int on_socket_made(void *data, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int ms = UNACKNOWLEDGED_MS;

	(void)data, (void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

/* The first failure of several options stays. */
#define SET(option, value)                                                       \
	do {                                                                     \
		if (code == CURLE_OK)                                            \
			code = curl_easy_setopt(t->template, (option), (value)); \
	} while (0)

/*
 * Requests that start together wait for the first connection and share it. libcurl 8.14 was seen to
 * keep them waiting when that connection turns out to be HTTP/1.1 and its answer, a watch, never
 * ends; up to 8.5 it goes on with connections of their own. Where it is not known to, nobody waits:
 * a few more connections at the start, and requests after that share one as before.
 */
static bool waits_only_for_http2(void)
{
	return curl_version_info(CURLVERSION_NOW)->version_num < CURL_VERSION_BITS(8, 6, 0);
}

static CURLcode set_connection(struct pn_transport *t)
{
	CURLcode code = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION,
	    t->is_https ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PIPEWAIT, waits_only_for_http2() ? 1L : 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT,
	    1L); /* a cancelled request does not wait for its name to be resolved */
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
	SET(CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	if (is_loopback(t->host))
		SET(CURLOPT_PROXY, "");
	if (t->connect_to)
		SET(CURLOPT_CONNECT_TO, t->connect_to);
	return code;
}

static struct curl_blob blob(char *pem)
{
	return (struct curl_blob) { .data = pem, .len = strlen(pem), .flags = CURL_BLOB_COPY };
}

static CURLcode set_tls(struct pn_transport *t)
{
	const struct pn_kube_config *c = t->config;
	CURLcode code = CURLE_OK;
	struct curl_blob pem;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, c->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, c->insecure ? 0L : 2L);
	if (c->ca_file || c->ca_pem)
		SET(CURLOPT_CAPATH, NULL); /* or the system's authorities would count as well */
	if (c->ca_file)
		SET(CURLOPT_CAINFO, c->ca_file);
	if (c->ca_pem) {
		pem = blob(c->ca_pem);
		SET(CURLOPT_CAINFO_BLOB, &pem);
	}
	if (c->cert_file)
		SET(CURLOPT_SSLCERT, c->cert_file);
	if (c->cert_pem) {
		pem = blob(c->cert_pem);
		SET(CURLOPT_SSLCERT_BLOB, &pem);
	}
	if (c->key_file)
		SET(CURLOPT_SSLKEY, c->key_file);
	if (c->key_pem) {
		pem = blob(c->key_pem);
		SET(CURLOPT_SSLKEY_BLOB, &pem);
	}
	return code;
}

/* The form of client-go's; one that begins with "curl" would be sent indented JSON. */
static CURLcode set_user_agent(struct pn_transport *t)
{
	CURLcode code = CURLE_OK;
	const char *arch;
	struct utsname uts;
	char agent[256];

	(void)uname(&uts);
	arch = uts.machine;
	if (strcmp(arch, "x86_64") == 0)
		arch = "amd64";
	else if (strcmp(arch, "aarch64") == 0)
		arch = "arm64";
	(void)snprintf(agent, sizeof(agent), "podonym/%s (linux/%s)", pn_version(), arch);
	SET(CURLOPT_USERAGENT, agent);
	return code;
}

#undef SET

static int make_template(struct pn_transport *t, struct pn_err *reterr)
{
	CURLcode code;

	t->template = curl_easy_init();
	if (!t->template)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	code = set_connection(t);
	if (code == CURLE_OK)
		code = set_user_agent(t);
	if (code == CURLE_OK && t->is_https)
		code = set_tls(t);
	if (code == CURLE_OUT_OF_MEMORY)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	if (code != CURLE_OK)
		return pn_err_set(reterr, -EINVAL, "%s: libcurl %s lacks something needed: %s",
				  t->config->server, curl_version_info(CURLVERSION_NOW)->version,
				  curl_easy_strerror(code));
	return 0;
}

int pn_transport_new(const struct pn_kube_config *config, struct pn_transport **ret,
		     struct pn_err *reterr)
{
	struct pn_transport *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	t->config = config;
	r = parse_server(t);
	if (r == -EINVAL)
		(void)pn_err_set(reterr, r, "%s: server \"%s\"%s%s: not a valid URL",
				 config->source, config->server,
				 config->tls_server_name ? " with tls-server-name " : "",
				 config->tls_server_name ? config->tls_server_name : "");
	else if (r < 0)
		(void)pn_err_set(reterr, r, "out of memory");
	else
		r = make_template(t, reterr);
	if (r < 0)
		pn_transport_free(t);
	else
		*ret = t;
	return r;
}

void pn_transport_free(struct pn_transport *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->template);
	curl_slist_free_all(t->connect_to);
	free(t->host);
	free(t->port);
	free(t->base);
	free(t->host_header);
	free(t);
}

CURL *pn_transport_easy(const struct pn_transport *t)
{
	return curl_easy_duphandle(t->template);
}

const char *pn_transport_base(const struct pn_transport *t)
{
	return t->base;
}

const char *pn_transport_host_header(const struct pn_transport *t)
{
	return t->host_header;
}

/* --- answers and results --- */

static void media_type(const char *header, char *buf, size_t size)
{
	size_t n = 0;

	while (header && header[n] && !strchr("; \t", header[n]) && n + 1 < size) {
		buf[n] = (char)tolower((unsigned char)header[n]);
		n++;
	}
	buf[n] = '\0';
}

static int retry_after(CURL *easy)
{
	struct curl_header *header;
	const char *digits;
	unsigned long seconds;

	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return -1;
	digits = header->value;
	if (!*digits || strspn(digits, "0123456789") != strlen(digits))
		return -1;
	seconds = strtoul(digits, NULL, 10);
	return (int)PN_MIN(seconds, (unsigned long)INT_MAX);
}

void pn_transport_response(CURL *easy, int status, char type[static PN_MEDIA_TYPE_LEN],
			   struct pn_response *ret)
{
	const char *header = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &header);
	media_type(header, type, PN_MEDIA_TYPE_LEN);
	*ret = (struct pn_response) {
		.status = status,
		.content_type = type,
		.retry_after_s = retry_after(easy),
	};
}

static int explain_connect(CURL *easy, const char *text, struct pn_err *reterr)
{
	long os_errno = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
	switch (os_errno) {
	case ECONNREFUSED:
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

static int explain_peer(const struct pn_transport *t, CURL *easy, const char *text,
			struct pn_err *reterr)
{
	const struct pn_kube_config *c = t->config;
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

static int explain(const struct pn_transport *t, CURL *easy, CURLcode code, const char *text,
		   struct pn_err *reterr)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return pn_err_set(reterr, -EHOSTUNREACH, "%s: check the address and DNS", text);
	case CURLE_COULDNT_CONNECT:
		return explain_connect(easy, text, reterr);
	case CURLE_OPERATION_TIMEDOUT:
		return pn_err_set(reterr, -ETIMEDOUT, "no connection within %d s",
				  CONNECT_TIMEOUT_S);
	case CURLE_PEER_FAILED_VERIFICATION:
		return explain_peer(t, easy, text, reterr);
	case CURLE_SSL_CACERT_BADFILE:
		return explain_file(t->config->ca_file, "the CA", text, reterr);
	case CURLE_SSL_CERTPROBLEM:
		return explain_client_certificate(t->config, text, reterr);
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

int pn_transport_explain(const struct pn_transport *t, CURL *easy, CURLcode code, const char *text,
			 struct pn_err *reterr)
{
	int r;

	r = explain(t, easy, code, *text ? text : curl_easy_strerror(code), reterr);
	return pn_err_wrap(reterr, r, "%s", t->config->server);
}
