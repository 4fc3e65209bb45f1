/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CA and the client's certificate. Both are renewed in their files while we run, and a file may
 * be looked at in the middle of that: so a state is replaced only by a whole one. Connections are
 * made from texts in memory, never from the files themselves.
 */
#include "kube/certificates.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/base64.h"
#include "kube/file.h"

#define BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define END_CERTIFICATE "-----END CERTIFICATE-----"

enum { MAX_PEM_BYTES = 1 << 20 };

/* --- PEM --- */

/* Is this one ASN.1 SEQUENCE, and nothing behind it? What is inside is for the TLS library to say. */
static bool is_sequence(const unsigned char *der, size_t len)
{
	size_t n_length = len > 1 && der[1] & 0x80 ? der[1] & 0x7fU : 0, body = 0;

	if (len < 2 || der[0] != 0x30 || n_length > 4 || len < 2 + n_length)
		return false;
	if (!n_length)
		return len == 2 + (size_t)der[1];
	for (size_t i = 0; i < n_length; i++)
		body = body << 8 | der[2 + i];
	return len == 2 + n_length + body;
}

static int check_block(const char *base64, size_t len, struct pn_err *reterr)
{
	char *der;
	size_t der_len;
	bool good;

	if (pn_base64_decode(base64, len, &der, &der_len) < 0)
		return pn_err_set(reterr, -EINVAL, "a certificate in it is not base64");
	good = is_sequence((const unsigned char *)der, der_len);
	free(der);
	return good ? 0
		    : pn_err_set(reterr, -EINVAL, "a certificate in it is damaged or incomplete");
}

int pn_pem_check_certificate(const char *pem, struct pn_err *reterr)
{
	const char *begin = strstr(pem, BEGIN_CERTIFICATE), *end;
	int r = 0;

	if (!begin)
		return pn_err_set(reterr, -EINVAL, "not PEM: there is no line \"%s\"",
				  BEGIN_CERTIFICATE);
	for (; begin && r == 0; begin = strstr(end, BEGIN_CERTIFICATE)) {
		begin += strlen(BEGIN_CERTIFICATE);
		end = strstr(begin, END_CERTIFICATE);
		if (!end)
			return pn_err_set(reterr, -EINVAL, "a certificate in it has no line \"%s\"",
					  END_CERTIFICATE);
		r = check_block(begin, (size_t)(end - begin), reterr);
	}
	return r;
}

int pn_pem_check_key(const char *pem, struct pn_err *reterr)
{
	if (!strstr(pem, "-----BEGIN ") || !strstr(pem, "-----END "))
		return pn_err_set(
			reterr, -EINVAL,
			"not PEM: there are no lines \"-----BEGIN ...\" and \"-----END ...\"");
	return 0;
}

int pn_pem_read(const char *path, pn_pem_check *check, char **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *pem = NULL;
	int r;

	r = pn_file_read(path, MAX_PEM_BYTES, &pem, reterr);
	if (r < 0)
		return r;
	r = check(pem, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "%s", path);
	*ret = PN_TAKE_PTR(pem);
	return 0;
}

/* --- states --- */

struct pn_certificates *pn_certificates_ref(struct pn_certificates *c)
{
	c->n_refs++;
	return c;
}

void pn_certificates_unref(struct pn_certificates *c)
{
	if (!c || --c->n_refs)
		return;
	pn_wipe_free(c->ca);
	pn_wipe_free(c->cert);
	pn_wipe_free(c->key);
	free(c);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

/* The three texts are borrowed. Nothing happens when they are those of now. */
static int replace(struct pn_certificate_source *s, const char *ca, const char *cert,
		   const char *key, struct pn_err *reterr)
{
	struct pn_certificates *c;

	if (s->now && is_same(s->now->ca, ca) && is_same(s->now->cert, cert) &&
	    is_same(s->now->key, key))
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	c->n_refs = 1;
	if (copy(ca, &c->ca) < 0 || copy(cert, &c->cert) < 0 || copy(key, &c->key) < 0) {
		pn_certificates_unref(c);
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	pn_certificates_unref(s->now);
	s->now = c;
	return 0;
}

/* --- where they come from --- */

/* @pem if that is set, else what is in the file; NULL if neither is. */
static int load(const char *file, const char *pem, pn_pem_check *check, const char *what,
		char **ret, struct pn_err *reterr)
{
	int r;

	if (file)
		r = pn_pem_read(file, check, ret, reterr);
	else if (copy(pem, ret) < 0)
		r = pn_err_set(reterr, -ENOMEM, "out of memory");
	else
		r = 0;
	return r < 0 ? pn_err_wrap(reterr, r, "%s", what) : 0;
}

static int load_client(const struct pn_certificate_source *s, char **ret_cert, char **ret_key,
		       struct pn_err *reterr)
{
	const struct pn_kube_config *c = s->config;
	int r;

	if (s->brought_cert) {
		r = load(NULL, s->brought_cert, NULL, "the client certificate", ret_cert, reterr);
		return r < 0 ? r
			     : load(NULL, s->brought_key, NULL, "the client key", ret_key, reterr);
	}
	r = load(c->cert_file, c->cert_pem, pn_pem_check_certificate, "the client certificate",
		 ret_cert, reterr);
	return r < 0 ? r
		     : load(c->key_file, c->key_pem, pn_pem_check_key, "the client key", ret_key,
			    reterr);
}

static bool is_due(const char *file, uint64_t read_ms, uint64_t fresh_ms, uint64_t now_ms)
{
	return !read_ms || (file && now_ms - read_ms >= fresh_ms);
}

static int refresh_ca(struct pn_certificate_source *s, uint64_t now_ms, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *ca = NULL;
	int r;

	if (s->now && !is_due(s->config->ca_file, s->ca_ms, PN_CA_FRESH_MS, now_ms))
		return 0;
	r = load(s->config->ca_file, s->config->ca_pem, pn_pem_check_certificate, "the CA", &ca,
		 reterr);
	if (r == 0)
		r = replace(s, ca, s->now ? s->now->cert : NULL, s->now ? s->now->key : NULL,
			    reterr);
	if (r < 0 && !s->now)
		return r;
	s->ca_ms = PN_MAX(now_ms, (uint64_t)1);
	return 0;
}

static int refresh_client(struct pn_certificate_source *s, uint64_t now_ms, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *cert = NULL;
	PN_CLEANUP(pn_wipe_freep) char *key = NULL;
	int r;

	if (!is_due(s->config->cert_file, s->client_ms, PN_CLIENT_CERTIFICATE_FRESH_MS, now_ms))
		return 0;
	r = load_client(s, &cert, &key, reterr);
	if (r == 0)
		r = replace(s, s->now->ca, cert, key, reterr);
	if (r < 0 && !s->now->cert)
		return r;
	s->client_ms = PN_MAX(now_ms, (uint64_t)1);
	return 0;
}

int pn_certificate_source_refresh(struct pn_certificate_source *s, uint64_t now_ms,
				  struct pn_err *reterr)
{
	int r = refresh_ca(s, now_ms, reterr);

	return r < 0 ? r : refresh_client(s, now_ms, reterr);
}

void pn_certificate_source_doubt(struct pn_certificate_source *s)
{
	s->ca_ms = s->client_ms = 0;
}

int pn_certificate_source_bring(struct pn_certificate_source *s, const char *cert, const char *key)
{
	char *new_cert, *new_key;

	if (copy(cert, &new_cert) < 0)
		return -ENOMEM;
	if (copy(key, &new_key) < 0) {
		pn_wipe_free(new_cert);
		return -ENOMEM;
	}
	pn_wipe_free(s->brought_cert);
	pn_wipe_free(s->brought_key);
	s->brought_cert = new_cert;
	s->brought_key = new_key;
	s->client_ms = 0;
	return 0;
}

void pn_certificate_source_done(struct pn_certificate_source *s)
{
	pn_certificates_unref(s->now);
	pn_wipe_free(s->brought_cert);
	pn_wipe_free(s->brought_key);
	*s = (struct pn_certificate_source) { .config = s->config };
}
