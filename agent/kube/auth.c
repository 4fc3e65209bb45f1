/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to the API server, and who it is to us. Each of the sources below knows when its time
 * has come; this file asks them in one place before a request, and forgets what the server has
 * refused. A plugin's times are on the loop's clock from the moment it has ended, and what it has
 * brought is used for a moment even if it says that it is no longer good: requests are waiting for
 * it, and a wrong clock must not make it run for each of them.
 */
#include "kube/auth.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kube/base64.h"
#include "kube/credentials.h"
#include "kube/exec_plugin.h"
#include "kube/file.h"

enum { MIN_USE_MS = 1000 };

struct pn_auth {
	uv_loop_t *loop;
	const struct pn_kube_config *config;
	bool is_https, is_local; /* local: http on this host */
	struct pn_token token;
	char *basic;
	struct pn_certificate_source certificates;

	struct pn_exec_plugin *plugin; /* while it runs */
	bool has_brought;	       /* it has ended well, and what it brought still counts */
	uint64_t brought_ms, expires_ms;
	char *brought_token;

	pn_auth_changed changed;
	void *data;
};

/* --- the plugin --- */

static void forget_brought(struct pn_auth *a)
{
	pn_wipe_free(a->brought_token);
	a->brought_token = NULL;
	a->has_brought = false;
}

static uint64_t expiry_ms(uint64_t now_ms, int64_t expires_s)
{
	int64_t left_s = expires_s == INT64_MAX ? INT64_MAX : expires_s - (int64_t)time(NULL);

	if (left_s >= INT64_MAX / 2000)
		return UINT64_MAX;
	return now_ms + PN_MAX((uint64_t)(PN_MAX(left_s, (int64_t)0) * 1000), (uint64_t)MIN_USE_MS);
}

static int take_brought(struct pn_auth *a, struct pn_exec_credential *c)
{
	if (pn_certificate_source_bring(&a->certificates, c->cert, c->key) < 0)
		return -ENOMEM;
	forget_brought(a);
	a->brought_token = PN_TAKE_PTR(c->token);
	a->brought_ms = uv_now(a->loop);
	a->expires_ms = expiry_ms(a->brought_ms, c->expires_s);
	a->has_brought = true;
	return 0;
}

static void on_plugin_done(void *data, int result, struct pn_exec_credential *credential,
			   const struct pn_err *err)
{
	struct pn_auth *a = data;
	struct pn_err no_memory;

	a->plugin = NULL;
	if (result == 0 && take_brought(a, credential) < 0) {
		result = pn_err_set(&no_memory, -ENOMEM, "out of memory");
		err = &no_memory;
	}
	if (result < 0)
		result = -EIO;
	a->changed(a->data, result, err);
}

static int prepare_plugin(struct pn_auth *a, uint64_t now_ms, struct pn_err *reterr)
{
	int r;

	if (!a->plugin && a->has_brought && now_ms < a->expires_ms)
		return 0;
	if (!a->plugin) {
		forget_brought(a);
		r = pn_exec_plugin_start(a->loop, a->config, a->certificates.now->ca,
					 on_plugin_done, a, &a->plugin, reterr);
		if (r < 0)
			return r;
	}
	return PN_AUTH_WAIT;
}

/* --- before a request --- */

/* What pn_client_get() promises about results. */
static int narrow(int result, int other)
{
	return result == -ENOENT || result == -EACCES ? result : other;
}

int pn_auth_prepare(struct pn_auth *a, uint64_t now_ms, struct pn_err *reterr)
{
	int r;

	if (!a->is_https && !a->is_local)
		return 0;
	r = pn_token_refresh(&a->token, now_ms, reterr);
	if (r < 0)
		return pn_err_wrap(reterr, narrow(r, -EIO), "the token cannot be read");
	if (!a->is_https)
		return 0;
	r = pn_certificate_source_refresh(&a->certificates, now_ms, reterr);
	if (r < 0)
		return narrow(r, -EPROTO);
	if (!a->config->exec.command)
		return 0;
	r = prepare_plugin(a, now_ms, reterr);
	return r < 0 ? narrow(r, -EIO) : r;
}

bool pn_auth_is_waiting(const struct pn_auth *a)
{
	return a->plugin;
}

const char *pn_auth_token(const struct pn_auth *a)
{
	return a->brought_token ? a->brought_token : a->token.value;
}

const char *pn_auth_basic(const struct pn_auth *a)
{
	return a->basic;
}

struct pn_certificates *pn_auth_certificates(const struct pn_auth *a)
{
	return a->certificates.now;
}

/* --- after one --- */

void pn_auth_refused(struct pn_auth *a, uint64_t sent_ms)
{
	pn_token_refused(&a->token, sent_ms);
	if (a->has_brought && a->brought_ms <= sent_ms)
		forget_brought(a);
}

void pn_auth_distrusted(struct pn_auth *a, uint64_t sent_ms)
{
	pn_certificate_source_doubt(&a->certificates);
	if (a->certificates.brought_cert)
		pn_auth_refused(a, sent_ms);
}

/* --- life --- */

static int make_basic(struct pn_auth *a)
{
	const struct pn_kube_config *c = a->config;
	char *text;

	if (!c->username)
		return 0;
	if (asprintf(&text, "%s:%s", c->username, c->password ? c->password : "") < 0)
		return -ENOMEM;
	a->basic = pn_base64_encode(text, strlen(text));
	pn_wipe_free(text);
	return a->basic ? 0 : -ENOMEM;
}

static int use_config(struct pn_auth *a)
{
	const struct pn_kube_config *c = a->config;

	a->certificates.config = c;
	a->token.file = c->token_file;
	if (c->token && !c->token_file) {
		a->token.value = strdup(c->token);
		if (!a->token.value)
			return -ENOMEM;
	}
	return make_basic(a);
}

int pn_auth_new(uv_loop_t *loop, const struct pn_kube_config *config, pn_auth_changed changed,
		void *data, struct pn_auth **ret, struct pn_err *reterr)
{
	struct pn_auth *a = calloc(1, sizeof(*a));

	if (!a)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	a->loop = loop;
	a->config = config;
	a->changed = changed;
	a->data = data;
	a->is_https = strncmp(config->server, "https://", 8) == 0;
	a->is_local = !a->is_https && pn_kube_server_is_loopback(config->server);
	if (a->is_local)
		a->token.file = config->token_file;
	if (a->is_https && use_config(a) < 0) {
		pn_auth_free(a);
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	*ret = a;
	return 0;
}

void pn_auth_free(struct pn_auth *a)
{
	if (!a)
		return;
	pn_exec_plugin_stop(a->plugin);
	pn_token_done(&a->token);
	pn_certificate_source_done(&a->certificates);
	pn_wipe_free(a->basic);
	pn_wipe_free(a->brought_token);
	free(a);
}
