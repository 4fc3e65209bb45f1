/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate and key of the HTTP server, for http.c. The texts are kept, and each handshake gets objects
 * of its own from them, which GnuTLS frees with the session: so a pair can be replaced at any moment.
 */
#include "serve/http_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

enum { MAX_FILE_BYTES = 256 << 10, MAX_CHAIN = 16 };

struct file {
	const char *path;
	struct stat seen;
	gnutls_datum_t text; /* allocated */
};

struct pn_http_tls {
	struct file cert, key;
};

static struct pn_http_tls *serving;

/* --- files --------------------------------------------------------------------------------------- */

static void done(struct file *f)
{
	if (f->text.data)
		explicit_bzero(f->text.data, f->text.size);
	free(f->text.data);
	f->text = (gnutls_datum_t) { NULL, 0 };
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int fill(int fd, struct file *f)
{
	size_t size = (size_t)f->seen.st_size;
	ssize_t n;

	f->text.data = malloc(size + 1);
	if (!f->text.data)
		return -ENOMEM;
	while (f->text.size < size &&
	       (n = read(fd, f->text.data + f->text.size, size - f->text.size)) != 0) {
		if (n < 0)
			return -errno;
		f->text.size += (unsigned int)n;
	}
	return 0;
}

/* Return: 0, or a negative errno with @reterr; @f is for done() in both cases */
static int read_file(const char *path, struct file *f, struct pn_err *reterr)
{
	PN_CLEANUP(pn_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	*f = (struct file) { .path = path };
	if (fd < 0 || fstat(fd, &f->seen) < 0)
		return pn_err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(f->seen.st_mode) || f->seen.st_size > MAX_FILE_BYTES)
		return pn_err_set(reterr, -EINVAL, "%s: should be a file of at most %d KiB", path,
				  MAX_FILE_BYTES >> 10);
	r = fill(fd, f);
	return r < 0 ? pn_err_set(reterr, r, "%s: %s", path, strerror(-r)) : 0;
}

/* --- pairs --------------------------------------------------------------------------------------- */

static void free_certs(gnutls_pcert_st *certs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		gnutls_pcert_deinit(&certs[i]);
	gnutls_free(certs);
}

/* Return: 0, or an error of GnuTLS */
static int make_certs(const struct file *f, gnutls_pcert_st **ret, unsigned int *ret_n)
{
	gnutls_pcert_st *certs = gnutls_calloc(MAX_CHAIN, sizeof(*certs));
	int r = GNUTLS_E_MEMORY_ERROR;

	*ret_n = MAX_CHAIN;
	if (certs)
		r = gnutls_pcert_list_import_x509_raw(certs, ret_n, &f->text, GNUTLS_X509_FMT_PEM,
						      0);
	if (r < 0)
		gnutls_free(certs);
	else
		*ret = certs;
	return r;
}

static int make_key(const struct file *f, gnutls_privkey_t *ret)
{
	gnutls_privkey_t key;
	int r = gnutls_privkey_init(&key);

	if (r < 0)
		return r;
	r = gnutls_privkey_import_x509_raw(key, &f->text, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r < 0)
		gnutls_privkey_deinit(key);
	else
		*ret = key;
	return r;
}

static int explain(const char *path, const char *what, int error, struct pn_err *reterr)
{
	if (error >= 0)
		return 0;
	return pn_err_set(reterr, error == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL,
			  "%s: no %s in PEM: %s", path, what, gnutls_strerror(error));
}

static int check_match(const struct pn_http_tls *t, struct pn_err *reterr)
{
	gnutls_certificate_credentials_t both;
	int r = gnutls_certificate_allocate_credentials(&both);

	if (r < 0)
		return pn_err_set(reterr, -ENOMEM, "%s: %s", t->cert.path, gnutls_strerror(r));
	r = gnutls_certificate_set_x509_key_mem2(both, &t->cert.text, &t->key.text,
						 GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_certificate_free_credentials(both);
	if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return pn_err_set(reterr, -EINVAL,
				  "%s: is not the key of the first certificate in %s", t->key.path,
				  t->cert.path);
	return explain(t->cert.path, "certificate", r, reterr);
}

static int check(const struct pn_http_tls *t, struct pn_err *reterr)
{
	gnutls_pcert_st *certs;
	gnutls_privkey_t key;
	unsigned int n;
	int r = make_certs(&t->cert, &certs, &n);

	if (r < 0)
		return explain(t->cert.path, "certificate", r, reterr);
	free_certs(certs, n);
	r = make_key(&t->key, &key);
	if (r < 0)
		return explain(t->key.path, "private key without a password", r, reterr);
	gnutls_privkey_deinit(key);
	return check_match(t, reterr);
}

/* Return: 0, or a negative errno with @reterr; @ret is as it was then */
static int load(const char *cert_path, const char *key_path, struct pn_http_tls *ret,
		struct pn_err *reterr)
{
	struct pn_http_tls t = { .cert = { .path = cert_path } };
	int r = read_file(cert_path, &t.cert, reterr);

	if (r == 0)
		r = read_file(key_path, &t.key, reterr);
	if (r == 0)
		r = check(&t, reterr);
	if (r < 0) {
		done(&t.cert);
		done(&t.key);
		return r;
	}
	if (t.key.seen.st_mode & S_IROTH)
		pn_warn("http", "%s: everybody on this machine can read this key: chmod o= %s",
			key_path, key_path);
	done(&ret->cert);
	done(&ret->key);
	*ret = t;
	return 0;
}

/* --- handshakes ---------------------------------------------------------------------------------- */

/* Is the file another one than was looked at last? That counts as a look. */
static bool has_changed(struct file *f)
{
	struct stat now;

	if (stat(f->path, &now) < 0 || is_same(&now, &f->seen))
		return false;
	f->seen = now;
	return true;
}

static void look_again(struct pn_http_tls *t)
{
	bool has_cert = has_changed(&t->cert), has_key = has_changed(&t->key);
	struct pn_err err = { "" };

	if (!has_cert && !has_key)
		return;
	if (load(t->cert.path, t->key.path, t, &err) == 0)
		pn_info("http", "certificate and key read again file=%s", t->cert.path);
	else
		pn_warn("http", "%s; the certificate from before stays", err.text);
}

int pn_http_tls_pick(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		     gnutls_pcert_st **ret_certs, unsigned int *ret_n,
		     gnutls_ocsp_data_st **ret_ocsp, unsigned int *ret_n_ocsp,
		     gnutls_privkey_t *ret_key, unsigned int *ret_flags)
{
	gnutls_pcert_st *certs;
	unsigned int n;

	(void)session;
	(void)info;
	look_again(serving);
	if (make_certs(&serving->cert, &certs, &n) < 0)
		return -1;
	if (make_key(&serving->key, ret_key) < 0) {
		free_certs(certs, n);
		return -1;
	}
	*ret_certs = certs;
	*ret_n = n;
	*ret_ocsp = NULL;
	*ret_n_ocsp = 0;
	*ret_flags |= GNUTLS_CERT_RETR_DEINIT_ALL;
	return 0;
}

int pn_http_tls_new(const char *cert_path, const char *key_path, struct pn_http_tls **ret,
		    struct pn_err *reterr)
{
	struct pn_http_tls *t = calloc(1, sizeof(*t));
	int r = t ? load(cert_path, key_path, t, reterr) : pn_err_set(reterr, -ENOMEM, "no memory");

	if (r < 0) {
		free(t);
		return r;
	}
	serving = *ret = t;
	return 0;
}

void pn_http_tls_free(struct pn_http_tls *t)
{
	if (!t)
		return;
	serving = NULL;
	done(&t->cert);
	done(&t->key);
	free(t);
}
