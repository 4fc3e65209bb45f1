/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the agents are: the pods that have their labels, for agents.c.
 */
#include "cmd/cluster/pods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/get/get_body.h"

enum { MAX_PATH_BYTES = 16 << 10, MAX_REFUSAL_BYTES = 64 << 10 };

struct pn_pods {
	struct pn_client *client;
	const struct pn_cluster_options *o;
	const struct pn_pods_ops *ops;
	void *data;
	struct pn_request *request;
	struct pn_body body;
	struct pn_buf refusal;
	char next[PN_CONTINUE_LEN]; /* where the page at hand begins */
	int http_status;
	struct pn_err err;
};

static const char *text_at(const json_t *object, const char *part, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(object, part), key));

	return text ? text : "";
}

static int on_object(void *data, const char *change, json_t *pod)
{
	struct pn_pods *p = data;
	const char *phase = text_at(pod, "status", "phase");

	(void)change;
	if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
		return 0;
	return p->ops->pod(p->data, text_at(pod, "metadata", "name"),
			   text_at(pod, "spec", "nodeName"));
}

/* Nobody asked for a Table. */
static int on_columns(void *data, const json_t *columns)
{
	(void)data;
	(void)columns;
	return -EPROTO;
}

static int on_row(void *data, const char *change, const json_t *row)
{
	(void)change;
	return on_columns(data, row);
}

static const struct pn_body_ops body_ops = {
	.columns = on_columns,
	.row = on_row,
	.object = on_object,
};

static int ask(struct pn_pods *p);

static void on_headers(void *data, const struct pn_response *response)
{
	struct pn_pods *p = data;

	p->http_status = response->status;
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct pn_pods *p = data;

	if (p->http_status == 200)
		return pn_body_feed(&p->body, bytes, len, &p->err);
	return pn_buf_put(&p->refusal, bytes, len);
}

static int refused(struct pn_pods *p)
{
	struct pn_status st;

	pn_status_from_body(p->http_status, p->refusal.data, p->refusal.len, &st);
	return pn_err_set(&p->err, -EACCES, "cannot list pods in namespace %s: %d %s%s%s%s",
			  p->o->name_space, st.code, st.reason, *st.message ? ": " : "", st.message,
			  st.code == 403 ? "; a role must allow list on pods there" : "");
}

static void on_done(void *data, int result, const struct pn_err *err)
{
	struct pn_pods *p = data;
	int r = result;

	p->request = NULL;
	if (r < 0 && !*p->err.text)
		p->err = *err;
	if (r == 0 && p->http_status != 200)
		r = refused(p);
	if (r == 0)
		r = pn_body_end(&p->body, &p->err);
	(void)snprintf(p->next, sizeof(p->next), "%s", r == 0 ? p->body.continue_token : "");
	pn_body_done(&p->body);
	if (r == 0 && *p->next) {
		r = ask(p);
		if (r == 0)
			return;
		(void)pn_err_set(&p->err, r, "out of memory");
	}
	p->ops->done(p->data, r, &p->err);
}

static const struct pn_request_ops request_ops = {
	.headers = on_headers,
	.data = on_data,
	.done = on_done,
};

static int make_path(const struct pn_pods *p, struct pn_buf *path)
{
	int r = pn_buf_printf(path, "/api/v1/namespaces/");

	r = r < 0 ? r : pn_buf_put_escaped(path, p->o->name_space);
	r = r < 0 ? r : pn_buf_printf(path, "/pods?limit=500&labelSelector=");
	r = r < 0 ? r : pn_buf_put_escaped(path, p->o->selector);
	if (r == 0 && *p->next) {
		r = pn_buf_printf(path, "&continue=");
		r = r < 0 ? r : pn_buf_put_escaped(path, p->next);
	}
	return r;
}

static int ask(struct pn_pods *p)
{
	struct pn_buf path = PN_BUF_INIT(MAX_PATH_BYTES);
	int r = make_path(p, &path);

	p->http_status = 0;
	p->err.text[0] = '\0';
	pn_body_init(&p->body, PN_BODY_LIST, &body_ops, p);
	if (r == 0)
		r = pn_client_get(p->client, path.data, "application/json",
				  (unsigned int)(p->o->timeout / PN_NSEC_PER_MSEC), &request_ops, p,
				  &p->request);
	if (r < 0)
		pn_body_done(&p->body);
	pn_buf_done(&path);
	return r;
}

int pn_pods_list(struct pn_client *client, const struct pn_cluster_options *o,
		 const struct pn_pods_ops *ops, void *data, struct pn_pods **ret)
{
	struct pn_pods *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->client = client;
	p->o = o;
	p->ops = ops;
	p->data = data;
	p->refusal = PN_BUF_INIT(MAX_REFUSAL_BYTES);
	r = ask(p);
	if (r < 0)
		free(p);
	else
		*ret = p;
	return r;
}

void pn_pods_free(struct pn_pods *p)
{
	if (!p)
		return;
	if (p->request) {
		pn_request_cancel(p->request);
		pn_body_done(&p->body);
	}
	pn_buf_done(&p->refusal);
	free(p);
}
