/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster from its API server: one list of each kind that policies have a use for, page by page,
 * each object into the set as it comes. The file that cluster_file.c reads instead holds the same.
 */
#include "cmd/policy/cluster_live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/get/get_body.h"
#include "cmd/get/get_fetch.h"
#include "cmd/policy/cluster_file.h"

enum { IDLE_MS = 60 * 1000, PATH_MAX_LEN = 16 << 10 };

/* What is listed. @is_needed: no verdict is worth anything without. */
static const struct listed {
	enum pn_kind_id id;
	const char *group, *version, *kind, *plural;
	bool is_needed;
} kinds[] = {
	{ PN_KIND_NAMESPACE, "", "v1", "Namespace", "namespaces", true },
	{ PN_KIND_NODE, "", "v1", "Node", "nodes", false },
	{ PN_KIND_SERVICE, "", "v1", "Service", "services", false },
	{ PN_KIND_POD, "", "v1", "Pod", "pods", true },
	{ PN_KIND_NETWORKPOLICY, "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies",
	  true },
	{ PN_KIND_GENERIC, "policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy",
	  "clusternetworkpolicies", false },
	{ PN_KIND_GENERIC, "policy.networking.k8s.io", "v1alpha1", "AdminNetworkPolicy",
	  "adminnetworkpolicies", false },
	{ PN_KIND_GENERIC, "policy.networking.k8s.io", "v1alpha1", "BaselineAdminNetworkPolicy",
	  "baselineadminnetworkpolicies", false },
};

struct listing {
	struct pn_policy_set *set;
	struct pn_fetch *fetch;
	const char *command;
	const struct listed *kind;
	const struct pn_kind *decoded_as;
	struct pn_body body;
	struct pn_err *reterr;
};

/* --- an answer --- */

static int on_object(void *data, const char *change, json_t *object)
{
	struct listing *l = data;

	(void)change;
	return pn_cluster_apply(l->set, l->decoded_as, l->kind->group, l->kind->kind, object,
				l->reterr);
}

/* Nobody asked for a Table. */
static int on_columns(void *data, const json_t *columns)
{
	struct listing *l = data;

	(void)columns;
	return pn_err_set(l->reterr, -EPROTO, "a table instead of a list");
}

static int on_row(void *data, const char *change, const json_t *row)
{
	(void)change;
	return on_columns(data, row);
}

static int on_open(void *data, const char *content_type)
{
	struct listing *l = data;

	if (strcmp(content_type, "application/json") == 0)
		return 0;
	return pn_err_set(l->reterr, -EPROTO, "an answer in %.64s instead of JSON",
			  *content_type ? content_type : "no content type");
}

static int on_data(void *data, const char *bytes, size_t len)
{
	struct listing *l = data;

	return pn_body_feed(&l->body, bytes, len, l->reterr);
}

/* --- lists --- */

/* Return: 0 to go on without, or a negative errno */
static int refused(const struct listing *l, const struct pn_status *st)
{
	const struct listed *k = l->kind;

	if (st->code == 404 && k->id == PN_KIND_GENERIC)
		return 0; /* this server has no such kind */
	if (k->is_needed || (st->code != 403 && st->code != 404))
		return pn_err_set(l->reterr, -EACCES, "cannot list %s: %d %s: %s%s", k->plural,
				  st->code, st->reason, st->message,
				  st->code == 403 ? "; a role must allow it" : "");
	(void)fprintf(stderr, "podonym %s: %s: cannot list %s: %d %s, continuing without them\n",
		      l->command, pn_fetch_server(l->fetch), k->plural, st->code, st->reason);
	return 0;
}

static int make_path(const struct listed *k, const char *token, struct pn_buf *path)
{
	int r;

	pn_buf_reset(path);
	r = pn_buf_printf(path, "%s%s/%s/%s?limit=500", *k->group ? "/apis/" : "/api", k->group,
			  k->version, k->plural);
	if (r == 0 && *token) {
		r = pn_buf_printf(path, "&continue=");
		r = r < 0 ? r : pn_buf_put_escaped(path, token);
	}
	return r;
}

/* Return: 0, with @token for the next page, "" behind the last; or a negative errno */
static int get_page(struct listing *l, const char *path, char token[static PN_CONTINUE_LEN])
{
	static const struct pn_body_ops body_ops = { on_columns, on_row, on_object };
	static const struct pn_fetch_ops fetch_ops = { on_open, on_data };
	struct pn_status st;
	int r;

	pn_body_init(&l->body, PN_BODY_LIST, &body_ops, l);
	r = pn_fetch_get(l->fetch, path, "application/json", IDLE_MS, &fetch_ops, l, &st,
			 l->reterr);
	if (r == 0)
		r = pn_body_end(&l->body, l->reterr);
	memcpy(token, l->body.continue_token, PN_CONTINUE_LEN);
	pn_body_done(&l->body);
	return r == PN_FETCH_REFUSED ? refused(l, &st) : r;
}

static int get_list(struct listing *l, struct pn_buf *path)
{
	char token[PN_CONTINUE_LEN] = "";
	int r;

	do {
		r = make_path(l->kind, token, path);
		if (r == 0)
			r = get_page(l, path->data, token);
	} while (r == 0 && *token);
	return r;
}

static int list_kind(struct listing *l, const struct listed *k)
{
	struct pn_buf path = PN_BUF_INIT(PATH_MAX_LEN);
	struct pn_kind *generic = NULL;
	int r = 0;

	l->kind = k;
	if (k->id == PN_KIND_GENERIC)
		r = pn_kind_new_generic(k->group, k->version, k->kind, k->plural, false, &generic);
	l->decoded_as = generic ? generic : pn_kind_get(k->id);
	if (r == 0)
		r = get_list(l, &path);
	pn_kind_free(generic);
	pn_buf_done(&path);
	return r;
}

static int list_all(struct listing *l)
{
	int r = 0;

	for (size_t i = 0; i < PN_ARRAY_SIZE(kinds) && r == 0; i++)
		r = list_kind(l, &kinds[i]);
	if (r == -ENOMEM)
		(void)pn_err_set(l->reterr, r, "out of memory");
	if (r < 0 && !strstr(l->reterr->text, pn_fetch_server(l->fetch)))
		(void)pn_err_wrap(l->reterr, r, "%s", pn_fetch_server(l->fetch));
	return r;
}

static int fetch_all(const struct pn_cluster_source *source, struct pn_policy_set *set,
		     struct pn_err *reterr)
{
	struct listing l = { .set = set, .command = source->command, .reterr = reterr };
	struct pn_kube_config config = { 0 };
	int r = pn_kube_config_load(&source->kube, &config, reterr);

	if (r == 0)
		r = pn_fetch_new(&config, source->timeout, &l.fetch, reterr);
	else
		(void)pn_err_wrap(reterr, r, "no --cluster FILE, and no API server");
	if (r == 0)
		r = list_all(&l);
	pn_fetch_free(l.fetch);
	pn_kube_config_done(&config);
	return r;
}

bool pn_cluster_is_stdin(const struct pn_cluster_source *source)
{
	return source->file && strcmp(source->file, "-") == 0;
}

int pn_cluster_load(const struct pn_cluster_source *source, struct pn_policy_set *set,
		    struct pn_err *reterr)
{
	bool has_file = source->file && *source->file;
	int r = has_file ? pn_cluster_read(source->file, set, reterr)
			 : fetch_all(source, set, reterr);

	return r == -EINVAL ? -EBADMSG : r;
}
