/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From settings to libcurl's options, and from libcurl's answers to ours. One easy handle is set up
 * when the client is made and copied for each request, so that a setting libcurl does not accept is
 * found at the start. Certificates are given to it as texts in memory. libcurl shares a connection
 * only among requests with the same ones, and neither its cache of CA stores nor its TLS sessions
 * outlive a change.
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
#include "kube/credentials.h"
#include "kube/file.h"
#include "kube/transport_words.h"

enum {
	KEEPALIVE_S = 30,
	KEEPALIVE_INTERVAL_S = 10,
	UNACKNOWLEDGED_MS = 60000,
};

struct pn_transport {
	const struct pn_kube_config *config;
	bool is_https;
	char *host, *port; /* to connect to; IPv6 in brackets */
	char *base, *host_header;
	char *proxy;	   /* to connect to; NULL: as the environment says */
	char *proxy_shown; /* for messages: without name and password */
	struct curl_slist *connect_to;
	struct pn_certificates *certificates;
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

/* kubectl leaves it to the proxy to resolve names; libcurl calls that socks5h. */
static int parse_proxy(struct pn_transport *t)
{
	const char *url = t->config->proxy_url, *rest = strstr(url, "://") + 3;
	const char *at = strrchr(rest, '@');
	bool is_socks = strncmp(url, "socks5://", 9) == 0;

	if (asprintf(&t->proxy, "%.*s%s%s", is_socks ? 6 : (int)(rest - url - 3), url,
		     is_socks ? "h://" : "://", rest) < 0)
		t->proxy = NULL;
	if (asprintf(&t->proxy_shown, "%.*s%s", (int)(rest - url), url, at ? at + 1 : rest) < 0)
		t->proxy_shown = NULL;
	return t->proxy && t->proxy_shown ? 0 : -ENOMEM;
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
	SET(CURLOPT_CONNECTTIMEOUT, (long)PN_CONNECT_TIMEOUT_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
	SET(CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	if (t->proxy) {
		SET(CURLOPT_PROXY, t->proxy);
		SET(CURLOPT_NOPROXY, ""); /* the environment's exceptions are not for this one */
	} else if (pn_kube_server_is_loopback(t->config->server)) {
		SET(CURLOPT_PROXY, "");
	}
	if (t->connect_to)
		SET(CURLOPT_CONNECT_TO, t->connect_to);
	return code;
}

static CURLcode set_tls(struct pn_transport *t)
{
	const struct pn_kube_config *c = t->config;
	CURLcode code = CURLE_OK;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, c->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, c->insecure ? 0L : 2L);
	SET(CURLOPT_PROXY_SSL_VERIFYPEER, c->insecure ? 0L : 1L);
	SET(CURLOPT_PROXY_SSL_VERIFYHOST, c->insecure ? 0L : 2L);
	if (c->ca_file || c->ca_pem) { /* or the system's authorities would count as well */
		SET(CURLOPT_CAPATH, NULL);
		SET(CURLOPT_PROXY_CAPATH, NULL);
	}
	return code;
}

static CURLcode set_pem(struct pn_transport *t, CURLoption option, char *pem)
{
	struct curl_blob blob = { .data = pem, .flags = CURL_BLOB_NOCOPY };

	if (!pem)
		return curl_easy_setopt(t->template, option, NULL);
	blob.len = strlen(pem);
	return curl_easy_setopt(t->template, option, &blob);
}

int pn_transport_use(struct pn_transport *t, struct pn_certificates *certificates)
{
	const struct pn_certificates *c = certificates;
	struct pn_certificates *old = t->certificates;
	bool is_other;

	if (c == old)
		return 0;
	if (set_pem(t, CURLOPT_CAINFO_BLOB, c->ca) != CURLE_OK ||
	    set_pem(t, CURLOPT_PROXY_CAINFO_BLOB, c->ca) != CURLE_OK ||
	    set_pem(t, CURLOPT_SSLCERT_BLOB, c->cert) != CURLE_OK ||
	    set_pem(t, CURLOPT_SSLKEY_BLOB, c->key) != CURLE_OK)
		return -ENOMEM;
	is_other = old && !(pn_pem_is_same(old->cert, c->cert) && pn_pem_is_same(old->key, c->key));
	pn_certificates_unref(old);
	t->certificates = pn_certificates_ref(certificates);
	return is_other ? PN_CLIENT_CERTIFICATE_CHANGED : 0;
}

/* The form of client-go's; one that begins with "curl" would be sent indented JSON. */
static CURLcode set_user_agent(struct pn_transport *t)
{
	CURLcode code = CURLE_OK;
	const char *arch;
	struct utsname uts;
	char agent[256];

	if (t->config->user_agent) {
		SET(CURLOPT_USERAGENT, t->config->user_agent);
		return code;
	}
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
	if (config->user_agent && !pn_header_is_safe(config->user_agent)) {
		pn_transport_free(t);
		return pn_err_set(reterr, -EINVAL,
				  "user agent: a control character cannot be in it");
	}
	r = parse_server(t);
	if (r == 0 && config->proxy_url)
		r = parse_proxy(t);
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
	pn_certificates_unref(t->certificates);
	free(t->base);
	free(t->host_header);
	pn_wipe_free(t->proxy);
	free(t->proxy_shown);
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

int pn_transport_explain(const struct pn_transport *t, CURL *easy, CURLcode code, const char *text,
			 struct pn_err *reterr)
{
	int r;

	r = pn_transport_words(t->config, t->proxy_shown, easy, code,
			       *text ? text : curl_easy_strerror(code), reterr);
	return pn_err_wrap(reterr, r, "%s", t->config->server);
}
