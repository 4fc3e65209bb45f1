/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the client's loop until one thing has happened: an answer is complete, a pause is over,
 * time is up, or somebody wants us to stop. `podonym get` is the caller.
 */
#include "cmd/get/get_fetch.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"

struct pn_fetch {
	uv_loop_t loop;
	uv_timer_t deadline, pause;
	uv_signal_t sigint, sigterm;
	struct pn_client *client;
	bool is_late, is_interrupted;

	/* the request under way */
	struct pn_request *request;
	const struct pn_fetch_ops *ops;
	void *data;
	int http_status, result;
	struct pn_buf refusal;
	int retry_after_s;
	struct pn_err *err;
};

static void on_deadline(uv_timer_t *timer)
{
	struct pn_fetch *f = timer->data;

	f->is_late = true;
	uv_stop(&f->loop);
}

static void on_pause(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct pn_fetch *f = handle->data;

	(void)signum;
	f->is_interrupted = true;
	uv_stop(&f->loop);
}

int pn_fetch_new(const struct pn_kube_config *config, pn_nsec timeout, struct pn_fetch **ret,
		 struct pn_err *reterr)
{
	struct pn_fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	r = uv_loop_init(&f->loop);
	if (r < 0) {
		free(f);
		return pn_err_set(reterr, r, "starting the event loop: %s", uv_strerror(r));
	}
	(void)uv_timer_init(&f->loop, &f->deadline);
	(void)uv_timer_init(&f->loop, &f->pause);
	(void)uv_signal_init(&f->loop, &f->sigint);
	(void)uv_signal_init(&f->loop, &f->sigterm);
	f->deadline.data = f->pause.data = f->sigint.data = f->sigterm.data = f;
	(void)uv_timer_start(&f->deadline, on_deadline, timeout / PN_NSEC_PER_MSEC, 0);
	f->refusal = PN_BUF_INIT(PN_FETCH_MAX_REFUSAL);
	r = pn_client_new(&f->loop, config, &f->client, reterr);
	if (r < 0) {
		pn_fetch_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void pn_fetch_free(struct pn_fetch *f)
{
	if (!f)
		return;
	pn_client_free(f->client);
	uv_close((uv_handle_t *)&f->deadline, NULL);
	uv_close((uv_handle_t *)&f->pause, NULL);
	uv_close((uv_handle_t *)&f->sigint, NULL);
	uv_close((uv_handle_t *)&f->sigterm, NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&f->loop);
	pn_buf_done(&f->refusal);
	free(f);
}

const char *pn_fetch_server(const struct pn_fetch *f)
{
	return pn_client_server(f->client);
}

const char *pn_fetch_refusal(const struct pn_fetch *f)
{
	return f->refusal.data ? f->refusal.data : "";
}

int pn_fetch_until_interrupted(struct pn_fetch *f)
{
	int r;

	(void)uv_timer_stop(&f->deadline);
	r = uv_signal_start(&f->sigint, on_signal, SIGINT);
	return r < 0 ? r : uv_signal_start(&f->sigterm, on_signal, SIGTERM);
}

/* --- one request --- */

static void on_headers(void *data, const struct pn_response *response)
{
	struct pn_fetch *f = data;

	f->http_status = response->status;
	f->retry_after_s = response->retry_after_s;
	if (response->status == 200 && f->ops->open)
		f->result = f->ops->open(f->data, response->content_type);
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct pn_fetch *f = data;

	if (f->http_status != 200)
		return pn_buf_put(&f->refusal, bytes, len);
	if (f->result == 0)
		f->result = f->ops->data(f->data, bytes, len);
	return f->result;
}

static void on_done(void *data, int result, const struct pn_err *err)
{
	struct pn_fetch *f = data;

	f->request = NULL;
	if (f->result == 0 && result < 0)
		f->result = pn_err_set(f->err, result, "%s", err->text);
	uv_stop(&f->loop);
}

static const struct pn_request_ops request_ops = {
	.headers = on_headers,
	.data = on_data,
	.done = on_done,
};

/* Return: 0, or why the wait was ended from outside */
static int run(struct pn_fetch *f, struct pn_err *reterr)
{
	if (!f->is_late && !f->is_interrupted)
		(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	if (f->is_interrupted)
		return pn_err_set(reterr, -ECANCELED, "interrupted");
	if (f->is_late)
		return pn_err_set(reterr, -ETIMEDOUT,
				  "%s: no complete answer in time; see --timeout",
				  pn_fetch_server(f));
	return 0;
}

int pn_fetch_get(struct pn_fetch *f, const char *path, const char *accept, unsigned int idle_ms,
		 const struct pn_fetch_ops *ops, void *data, struct pn_status *ret_status,
		 struct pn_err *reterr)
{
	int r;

	pn_buf_reset(&f->refusal);
	f->ops = ops;
	f->data = data;
	f->err = reterr;
	f->http_status = f->result = 0;
	r = pn_client_get(f->client, path, accept, idle_ms, &request_ops, f, &f->request);
	if (r < 0)
		return pn_err_set(reterr, r, "asking for %s: %s", path, strerror(-r));
	r = run(f, reterr);
	pn_request_cancel(f->request);
	f->request = NULL;
	if (r < 0)
		return r;
	if (f->http_status == 0 || f->http_status == 200)
		return f->result;
	/* a refusal that was cut says enough by its status */
	pn_status_from_body(f->http_status, f->refusal.data, f->refusal.len, ret_status);
	if (f->retry_after_s >= 0)
		ret_status->retry_after_s = f->retry_after_s;
	return PN_FETCH_REFUSED;
}

int pn_fetch_pause(struct pn_fetch *f, pn_nsec time, struct pn_err *reterr)
{
	int r;

	(void)uv_timer_start(&f->pause, on_pause, time / PN_NSEC_PER_MSEC, 0);
	r = run(f, reterr);
	(void)uv_timer_stop(&f->pause);
	return r;
}
