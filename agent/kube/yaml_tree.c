/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML trees for the kubeconfig reader; the only file that knows libyaml. A file is gone through
 * once as a stream of events, which costs no memory, to see that it is not built to hurt (nesting,
 * anchors, sheer number), and only then loaded as a tree.
 */
#include "kube/yaml_tree.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "kube/yaml_scalar.h"

enum {
	MAX_DEPTH = 32,
	MAX_ANCHORS = 64, /* libyaml compares each with all before it */
	MAX_NODES = 100000,
};

struct pn_yaml {
	yaml_document_t doc;
};

static int syntax_error(const yaml_parser_t *p, struct pn_err *reterr)
{
	if (p->error == YAML_MEMORY_ERROR)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	return pn_err_set(reterr, -EINVAL, "line %zu: not YAML: %s", p->problem_mark.line + 1,
			  p->problem ? p->problem : "it cannot be read");
}

struct shape {
	unsigned int depth, n_anchors, n_nodes;
};

static int check_event(const yaml_event_t *e, struct shape *s, struct pn_err *reterr)
{
	const char *excess = NULL;

	switch (e->type) {
	case YAML_MAPPING_START_EVENT:
		s->n_anchors += e->data.mapping_start.anchor != NULL;
		s->depth++;
		break;
	case YAML_SEQUENCE_START_EVENT:
		s->n_anchors += e->data.sequence_start.anchor != NULL;
		s->depth++;
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		s->depth--;
		break;
	case YAML_SCALAR_EVENT:
		s->n_anchors += e->data.scalar.anchor != NULL;
		break;
	default:
		break;
	}
	s->n_nodes++;
	if (s->depth > MAX_DEPTH)
		excess = "nested too deeply";
	else if (s->n_anchors > MAX_ANCHORS)
		excess = "too many anchors";
	else if (s->n_nodes > MAX_NODES)
		excess = "too many entries";
	if (excess)
		return pn_err_set(reterr, -EINVAL, "line %zu: %s", e->start_mark.line + 1, excess);
	return 0;
}

static int check_shape(const char *text, size_t len, struct pn_err *reterr)
{
	struct shape shape = { 0 };
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!end && r == 0) {
		if (!yaml_parser_parse(&parser, &event)) {
			r = syntax_error(&parser, reterr);
			break;
		}
		end = event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
		r = check_event(&event, &shape, reterr);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return r;
}

int pn_yaml_new(const char *text, size_t len, struct pn_yaml **ret, struct pn_err *reterr)
{
	struct pn_yaml *y;
	yaml_parser_t parser;
	int r;

	r = check_shape(text, len, reterr);
	if (r < 0)
		return r;
	y = calloc(1, sizeof(*y));
	if (!y || !yaml_parser_initialize(&parser)) {
		free(y);
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &y->doc)) {
		*ret = y;
	} else {
		r = syntax_error(&parser, reterr);
		free(y);
	}
	yaml_parser_delete(&parser);
	return r;
}

void pn_yaml_free(struct pn_yaml *y)
{
	if (!y)
		return;
	yaml_document_delete(&y->doc);
	free(y);
}

size_t pn_yaml_line(const struct yaml_node_s *node)
{
	return node->start_mark.line + 1;
}

static bool is_text(const yaml_node_t *node, const char *text)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
	       memcmp(node->data.scalar.value, text, strlen(text)) == 0;
}

static bool is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const yaml_node_t *node)
{
	return is_plain(node) && pn_yaml_is_null((const char *)node->data.scalar.value);
}

/* Of a key that is there twice the last one counts, as for kubectl. */
static yaml_node_t *get(struct pn_yaml *y, const yaml_node_t *map, const char *key)
{
	yaml_node_t *found = NULL;

	if (!map)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		if (is_text(yaml_document_get_node(&y->doc, p->key), key))
			found = yaml_document_get_node(&y->doc, p->value);
	}
	return found && !is_null(found) ? found : NULL;
}

bool pn_yaml_is_empty(struct pn_yaml *y)
{
	const yaml_node_t *root = yaml_document_get_root_node(&y->doc);

	return !root || is_null(root);
}

int pn_yaml_root(struct pn_yaml *y, struct yaml_node_s **ret, struct pn_err *reterr)
{
	yaml_node_t *root = yaml_document_get_root_node(&y->doc);

	if (pn_yaml_is_empty(y))
		return pn_err_set(reterr, -EINVAL, "the file is empty");
	if (root->type != YAML_MAPPING_NODE)
		return pn_err_set(reterr, -EINVAL, "line %zu: not a map of settings",
				  pn_yaml_line(root));
	*ret = root;
	return 0;
}

int pn_yaml_map(struct pn_yaml *y, struct yaml_node_s *map, const char *key,
		struct yaml_node_s **ret, struct pn_err *reterr)
{
	yaml_node_t *node = get(y, map, key);

	if (node && node->type != YAML_MAPPING_NODE)
		return pn_err_set(reterr, -EINVAL, "line %zu: %s: must be a map",
				  pn_yaml_line(node), key);
	*ret = node;
	return 0;
}

static int scalar_text(const yaml_node_t *node, const char *what, const char **ret,
		       struct pn_err *reterr)
{
	if (node->type != YAML_SCALAR_NODE)
		return pn_err_set(reterr, -EINVAL, "line %zu: %s: must be a text",
				  pn_yaml_line(node), what);
	if (strlen((const char *)node->data.scalar.value) != node->data.scalar.length)
		return pn_err_set(reterr, -EINVAL, "line %zu: %s: holds a NUL", pn_yaml_line(node),
				  what);
	*ret = (const char *)node->data.scalar.value;
	return 0;
}

int pn_yaml_text(struct pn_yaml *y, struct yaml_node_s *map, const char *key, const char **ret,
		 struct pn_err *reterr)
{
	yaml_node_t *node = get(y, map, key);
	const char *text = NULL;
	int r = 0;

	if (node)
		r = scalar_text(node, key, &text, reterr);
	if (r == 0)
		*ret = text && *text ? text : NULL;
	return r;
}

int pn_yaml_bool(struct pn_yaml *y, struct yaml_node_s *map, const char *key, bool *ret,
		 struct pn_err *reterr)
{
	static const char *const words[] = { "false", "False", "FALSE", "true", "True", "TRUE" };
	yaml_node_t *node = get(y, map, key);

	if (!node) {
		*ret = false;
		return 0;
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(words); i++) {
		if (is_plain(node) && is_text(node, words[i])) {
			*ret = i >= PN_ARRAY_SIZE(words) / 2;
			return 0;
		}
	}
	return pn_err_set(reterr, -EINVAL, "line %zu: %s: must be true or false",
			  pn_yaml_line(node), key);
}

int pn_yaml_list(struct pn_yaml *y, struct yaml_node_s *map, const char *key,
		 struct yaml_node_s **ret, struct pn_err *reterr)
{
	yaml_node_t *node = get(y, map, key);

	if (node && node->type != YAML_SEQUENCE_NODE)
		return pn_err_set(reterr, -EINVAL, "line %zu: %s: must be a list",
				  pn_yaml_line(node), key);
	*ret = node;
	return 0;
}

int pn_yaml_item(struct pn_yaml *y, struct yaml_node_s *list, size_t n, struct yaml_node_s **ret,
		 struct pn_err *reterr)
{
	yaml_node_t *node = NULL;

	if (list && n < (size_t)(list->data.sequence.items.top - list->data.sequence.items.start))
		node = yaml_document_get_node(&y->doc, list->data.sequence.items.start[n]);
	if (node && node->type != YAML_MAPPING_NODE)
		return pn_err_set(reterr, -EINVAL, "line %zu: must be a map", pn_yaml_line(node));
	*ret = node;
	return 0;
}

int pn_yaml_text_item(struct pn_yaml *y, struct yaml_node_s *list, size_t n, const char **ret,
		      struct pn_err *reterr)
{
	const yaml_node_t *node = NULL;

	*ret = NULL;
	if (list && n < (size_t)(list->data.sequence.items.top - list->data.sequence.items.start))
		node = yaml_document_get_node(&y->doc, list->data.sequence.items.start[n]);
	return node ? scalar_text(node, "an item", ret, reterr) : 0;
}

int pn_yaml_key(struct pn_yaml *y, struct yaml_node_s *map, size_t n, const char **ret,
		struct pn_err *reterr)
{
	const yaml_node_t *node = NULL;

	*ret = NULL;
	if (map && n < (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start))
		node = yaml_document_get_node(&y->doc, map->data.mapping.pairs.start[n].key);
	return node ? scalar_text(node, "a key", ret, reterr) : 0;
}

bool pn_yaml_has(struct pn_yaml *y, struct yaml_node_s *map, const char *key)
{
	yaml_node_t *node = get(y, map, key);

	if (!node)
		return false;
	switch (node->type) {
	case YAML_SEQUENCE_NODE:
		return node->data.sequence.items.top > node->data.sequence.items.start;
	case YAML_MAPPING_NODE:
		return node->data.mapping.pairs.top > node->data.mapping.pairs.start;
	default:
		return node->data.scalar.length > 0;
	}
}

/* --- as JSON --- */

static int put_key(struct pn_buf *out, const yaml_node_t *node)
{
	return pn_yaml_quote(out, (const char *)node->data.scalar.value, node->data.scalar.length);
}

static int put_scalar(struct pn_buf *out, const yaml_node_t *node)
{
	return pn_yaml_scalar(out, (const char *)node->data.scalar.value, node->data.scalar.length,
			      is_plain(node));
}

static int put_node(struct pn_yaml *y, int index, unsigned int depth, struct pn_buf *out);

static int put_list(struct pn_yaml *y, const yaml_node_t *node, unsigned int depth,
		    struct pn_buf *out)
{
	int r = pn_buf_put(out, "[", 1);

	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top && r == 0; i++) {
		if (i > node->data.sequence.items.start)
			r = pn_buf_put(out, ",", 1);
		if (r == 0)
			r = put_node(y, *i, depth, out);
	}
	return r == 0 ? pn_buf_put(out, "]", 1) : r;
}

static int put_map(struct pn_yaml *y, const yaml_node_t *node, unsigned int depth,
		   struct pn_buf *out)
{
	int r = pn_buf_put(out, "{", 1);

	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top && r == 0; p++) {
		const yaml_node_t *key = yaml_document_get_node(&y->doc, p->key);

		if (key->type != YAML_SCALAR_NODE)
			return -EINVAL;
		if (p > node->data.mapping.pairs.start)
			r = pn_buf_put(out, ",", 1);
		if (r == 0)
			r = put_key(out, key);
		if (r == 0)
			r = pn_buf_put(out, ":", 1);
		if (r == 0)
			r = put_node(y, p->value, depth, out);
	}
	return r == 0 ? pn_buf_put(out, "}", 1) : r;
}

/* An alias may lead back to where it stands: the depth ends that, the size of @out the rest. */
static int put_node(struct pn_yaml *y, int index, unsigned int depth, struct pn_buf *out)
{
	const yaml_node_t *node = yaml_document_get_node(&y->doc, index);

	if (depth == MAX_DEPTH)
		return -EINVAL;
	switch (node->type) {
	case YAML_SEQUENCE_NODE:
		return put_list(y, node, depth + 1, out);
	case YAML_MAPPING_NODE:
		return put_map(y, node, depth + 1, out);
	default:
		return put_scalar(out, node);
	}
}

int pn_yaml_json(struct pn_yaml *y, struct yaml_node_s *map, const char *key, struct pn_buf *out,
		 struct pn_err *reterr)
{
	const yaml_node_t *node = get(y, map, key);
	int r;

	if (!node)
		return 0;
	r = put_node(y, (int)(node - y->doc.nodes.start) + 1, 0, out);
	if (r == -ENOMEM)
		return pn_err_set(reterr, r, "out of memory");
	if (r < 0)
		return pn_err_set(reterr, -EINVAL, "line %zu: %s: too large or too deep",
				  pn_yaml_line(node), key);
	return 0;
}
