/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster from a file: the text of one object after the other, from JSON or YAML, is cut down to
 * what somebody reads, decoded as an answer of the API server would be, and given to the set of
 * policies. A file is not a server: what is wrong in it is said, with its place, and ends the reading.
 */
#include "cmd/policy/cluster_file.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/policy/yaml_stream.h"
#include "kube/framing.h"
#include "kube/json_load.h"
#include "kube/json_trim.h"
#include "kube/kind.h"

enum { PIECE = 256 << 10, WHERE_LEN = 64, LIST_KIND_LEN = 64 };

/* Which objects are read, and how. */
static const struct {
	const char *group, *kind;
	enum pn_kind_id id;
} wanted[] = {
	{ "", "Pod", PN_KIND_POD },
	{ "", "Namespace", PN_KIND_NAMESPACE },
	{ "", "Node", PN_KIND_NODE },
	{ "", "Service", PN_KIND_SERVICE },
	{ "networking.k8s.io", "NetworkPolicy", PN_KIND_NETWORKPOLICY },
	{ "policy.networking.k8s.io", "ClusterNetworkPolicy", PN_KIND_GENERIC },
	{ "policy.networking.k8s.io", "AdminNetworkPolicy", PN_KIND_GENERIC },
	{ "policy.networking.k8s.io", "BaselineAdminNetworkPolicy", PN_KIND_GENERIC },
};

struct reading {
	struct pn_policy_set *set;
	struct pn_kind *generic;
	struct pn_buf trimmed;
	struct pn_err *reterr;
	bool only_policies;
	size_t n_policies;
	size_t n_items;
	char list_kind[LIST_KIND_LEN]; /* "PodList" */
	struct pn_buf single;	       /* JSON: the outer object, as long as it may be no list */
	bool is_list;
};

/* --- one object --- */

/* What cannot be trimmed is parsed as it is, for the sake of the message. */
static int trim_and_parse(struct reading *r, const struct pn_json_set *members, const char *json,
			  size_t len, json_t **ret)
{
	int err = pn_json_trim(members, PN_JSON_KEEP_LABELS, json, len, &r->trimmed);

	if (err == 0)
		return pn_json_load(r->trimmed.data, r->trimmed.len, ret, r->reterr);
	return err == -EBADMSG ? pn_json_load(json, len, ret, r->reterr) : err;
}

static const char *text_of(const json_t *tree, const char *field)
{
	const char *text = json_string_value(json_object_get(tree, field));

	return text ? text : "";
}

/* Items of a list that came straight from the API do not say what they are; the list does. */
static bool is_kind(const char *kind, const char *own, const char *list_kind)
{
	size_t n = strlen(kind);

	return *own ? strcmp(own, kind) == 0
		    : strncmp(list_kind, kind, n) == 0 && strcmp(list_kind + n, "List") == 0;
}

static bool is_group(const char *group, const char *api_version)
{
	size_t n = strlen(group);

	if (!*api_version)
		return true;
	if (!n)
		return !strchr(api_version, '/');
	return strncmp(api_version, group, n) == 0 && api_version[n] == '/';
}

/* Return: the row's number, or how many rows there are */
static size_t find_row(const json_t *type, const char *list_kind)
{
	size_t i = 0;

	while (i < PN_ARRAY_SIZE(wanted) &&
	       !(is_kind(wanted[i].kind, text_of(type, "kind"), list_kind) &&
		 is_group(wanted[i].group, text_of(type, "apiVersion"))))
		i++;
	return i;
}

static bool is_policy(size_t row)
{
	return wanted[row].id == PN_KIND_NETWORKPOLICY || wanted[row].id == PN_KIND_GENERIC;
}

/* What a person leaves out, and the API server would have set. */
static int complete(json_t *tree, const char *group, const char *kind)
{
	json_t *meta = json_object_get(tree, "metadata");
	bool is_namespaced = strcmp(kind, "Pod") == 0 || strcmp(kind, "Service") == 0 ||
			     strcmp(kind, "NetworkPolicy") == 0;
	int r = 0;

	if (is_namespaced && json_is_object(meta) && !*text_of(meta, "namespace"))
		r |= json_object_set_new(meta, "namespace", json_string("default"));
	if (!*text_of(tree, "kind"))
		r |= json_object_set_new(tree, "kind", json_string(kind));
	if (!*text_of(tree, "apiVersion"))
		r |= json_object_set_new(tree, "apiVersion",
					 json_sprintf("%s%sv1", group, *group ? "/" : ""));
	return r < 0 ? -ENOMEM : 0;
}

static int apply(struct pn_policy_set *set, const struct pn_kind *kind, const json_t *tree,
		 struct pn_err *reterr)
{
	const struct pn_decoding decoding = { .kind = kind, .keep_labels = true };
	struct pn_object *o;
	int err = kind->decode_json(&decoding, tree, &o, reterr);

	if (err < 0)
		return err;
	err = pn_policy_apply(set, NULL, o, reterr);
	pn_object_unref(o);
	return err;
}

int pn_cluster_apply(struct pn_policy_set *set, const struct pn_kind *kind, const char *group,
		     const char *kind_name, json_t *tree, struct pn_err *reterr)
{
	const json_t *meta = json_object_get(tree, "metadata");
	int err = complete(tree, group, kind_name);

	if (err == 0)
		err = apply(set, kind, tree, reterr);
	if (err < 0 && err != -ENOMEM)
		(void)pn_err_wrap(reterr, err, "%s %.63s%s%.253s", kind_name,
				  text_of(meta, "namespace"),
				  *text_of(meta, "namespace") ? "/" : "", text_of(meta, "name"));
	return err;
}

static int read_known(struct reading *r, size_t row, const char *json, size_t len)
{
	bool is_generic = wanted[row].id == PN_KIND_GENERIC;
	const struct pn_kind *kind = is_generic ? r->generic : pn_kind_get(wanted[row].id);
	json_t *tree;
	int err = trim_and_parse(r, pn_json_wanted_object(kind), json, len, &tree);

	if (err < 0)
		return err;
	err = pn_cluster_apply(r->set, kind, wanted[row].group, wanted[row].kind, tree, r->reterr);
	json_decref(tree);
	return err;
}

static int read_object(struct reading *r, const char *json, size_t len, const char *list_kind)
{
	static const struct pn_json_wanted members[] = {
		{ "apiVersion", sizeof("apiVersion") - 1, NULL, PN_JSON_ALWAYS },
		{ "kind", sizeof("kind") - 1, NULL, PN_JSON_ALWAYS },
	};
	static const struct pn_json_set type_set = { members, PN_ARRAY_SIZE(members), false };
	json_t *type;
	size_t row;
	int err = trim_and_parse(r, &type_set, json, len, &type);

	if (err < 0)
		return err;
	row = find_row(type, list_kind);
	json_decref(type);
	if (row == PN_ARRAY_SIZE(wanted) || (r->only_policies && !is_policy(row)))
		return 0;
	r->n_policies += is_policy(row);
	return read_known(r, row, json, len);
}

/* --- JSON --- */

static int on_item(void *data, const char *json, size_t len)
{
	struct reading *r = data;
	int err;

	r->is_list = true;
	r->n_items++;
	err = read_object(r, json, len, r->list_kind);
	if (err < 0 && err != -ENOMEM)
		(void)pn_err_wrap(r->reterr, err, "item %zu", r->n_items);
	return err;
}

/* Until the first item comes, the outer object may be the only one there is. */
static int on_member(void *data, const char *key, size_t key_len, const char *json, size_t len)
{
	struct reading *r = data;
	int err;

	if (key_len == 4 && memcmp(key, "kind", 4) == 0 && len > 2 && len < LIST_KIND_LEN)
		(void)snprintf(r->list_kind, sizeof(r->list_kind), "%.*s", (int)len - 2, json + 1);
	if (r->is_list)
		return 0;
	err = pn_buf_printf(&r->single, "%s\"%.*s\":", r->single.len ? "," : "{", (int)key_len,
			    key);
	if (err == 0)
		err = pn_buf_put(&r->single, json, len);
	return err == -EMSGSIZE ? pn_err_set(r->reterr, -EINVAL, "an object of more than 16 MiB")
				: err;
}

static int finish_single(struct reading *r)
{
	int err;

	if (r->is_list || !r->single.len)
		return 0;
	err = pn_buf_put(&r->single, "}", 1);
	return err < 0 ? err : read_object(r, r->single.data, r->single.len, "");
}

static int read_json(struct reading *r, FILE *in)
{
	static const struct pn_framing_ops ops = { on_item, on_member };
	PN_CLEANUP(pn_freep) char *piece = malloc(PIECE);
	struct pn_framing f;
	int err = 0;
	size_t n;

	if (!piece)
		return -ENOMEM;
	pn_framing_init(&f, PN_FRAMING_LIST, &ops, r);
	while (err == 0 && (n = fread(piece, 1, PIECE, in)) > 0)
		err = pn_framing_feed(&f, piece, n, r->reterr);
	if (err == 0)
		err = pn_framing_end(&f, r->reterr);
	pn_framing_done(&f);
	return err == 0 ? finish_single(r) : err;
}

/* --- YAML --- */

static int on_yaml_object(void *data, const char *json, size_t len, size_t line, const char *kind)
{
	struct reading *r = data;
	int err = read_object(r, json, len, kind);

	if (err < 0 && err != -ENOMEM)
		(void)pn_err_wrap(r->reterr, err, "line %zu", line);
	return err;
}

/* --- files --- */

/* The first character that means something; YAML may begin with '{' too, and is JSON then. */
static int first_char(FILE *in)
{
	int c;

	do
		c = fgetc(in);
	while (c != EOF && isspace(c));
	if (c != EOF)
		(void)ungetc(c, in);
	return c;
}

static int read_any(struct reading *r, FILE *in)
{
	int c = first_char(in), err;

	if (c == EOF && !ferror(in))
		return pn_err_set(r->reterr, -EINVAL, "there is nothing in it");
	err = c == '{' ? read_json(r, in) : pn_yaml_stream(in, on_yaml_object, r, r->reterr);
	if (ferror(in))
		return pn_err_set(r->reterr, -EIO, "%s", strerror(errno));
	return err;
}

static int read_stream(FILE *in, const char *name, struct reading *r)
{
	int err =
		pn_kind_new_generic("policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy",
				    "clusternetworkpolicies", false, &r->generic);

	r->trimmed = r->single = PN_BUF_INIT(PN_FRAMING_MAX_OBJECT);
	if (err == 0)
		err = read_any(r, in);
	if (err == -ENOMEM)
		err = pn_err_set(r->reterr, err, "out of memory");
	if (err < 0)
		(void)pn_err_wrap(r->reterr, err, "%s", name);
	pn_kind_free(r->generic);
	pn_buf_done(&r->trimmed);
	pn_buf_done(&r->single);
	return err;
}

static int read_path(const char *path, struct reading *r)
{
	FILE *in;
	int err;

	if (strcmp(path, "-") == 0)
		return read_stream(stdin, "standard input", r);
	in = fopen(path, "re");
	if (!in)
		return pn_err_set(r->reterr, -errno, "%s: %s", path, strerror(errno));
	err = read_stream(in, path, r);
	(void)fclose(in);
	return err;
}

int pn_cluster_read_stream(FILE *in, const char *name, struct pn_policy_set *set,
			   struct pn_err *reterr)
{
	struct reading r = { .set = set, .reterr = reterr };

	return read_stream(in, name, &r);
}

int pn_cluster_read(const char *path, struct pn_policy_set *set, struct pn_err *reterr)
{
	struct reading r = { .set = set, .reterr = reterr };

	return read_path(path, &r);
}

int pn_cluster_read_policies(const char *path, struct pn_policy_set *set, size_t *ret_n,
			     struct pn_err *reterr)
{
	struct reading r = { .set = set, .reterr = reterr, .only_policies = true };
	int err = read_path(path, &r);

	*ret_n = r.n_policies;
	return err;
}
