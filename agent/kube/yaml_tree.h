/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_YAML_TREE_H
#define PN_KUBE_YAML_TREE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * A small YAML (or JSON) file as a tree, looked into by key. Nodes are libyaml's, borrowed from the
 * tree. Every look-up takes the map to look in; a NULL map is an empty one. A key that is absent,
 * or null, is not an error: the answer is NULL then. Something of the wrong type is: -EINVAL, and
 * @reterr names line and key.
 */
struct pn_yaml;
struct yaml_node_s;

/** pn_yaml_new() - parse the first document. Return: 0, -ENOMEM, or -EINVAL with @reterr */
int pn_yaml_new(const char *text, size_t len, struct pn_yaml **ret, struct pn_err *reterr);

void pn_yaml_free(struct pn_yaml *y);

static inline void pn_yaml_freep(struct pn_yaml **y)
{
	pn_yaml_free(*y);
}

/** pn_yaml_root() - the outermost map. Return: as all look-ups below */
int pn_yaml_root(struct pn_yaml *y, struct yaml_node_s **ret, struct pn_err *reterr);

int pn_yaml_map(struct pn_yaml *y, struct yaml_node_s *map, const char *key,
		struct yaml_node_s **ret, struct pn_err *reterr);

/** pn_yaml_text() - any scalar, as it is written; "" counts as absent */
int pn_yaml_text(struct pn_yaml *y, struct yaml_node_s *map, const char *key, const char **ret,
		 struct pn_err *reterr);

/** pn_yaml_bool() - false if absent */
int pn_yaml_bool(struct pn_yaml *y, struct yaml_node_s *map, const char *key, bool *ret,
		 struct pn_err *reterr);

int pn_yaml_list(struct pn_yaml *y, struct yaml_node_s *map, const char *key,
		 struct yaml_node_s **ret, struct pn_err *reterr);

/** pn_yaml_item() - the n-th of a list of maps; *ret is NULL beyond its end */
int pn_yaml_item(struct pn_yaml *y, struct yaml_node_s *list, size_t n, struct yaml_node_s **ret,
		 struct pn_err *reterr);

/** pn_yaml_text_item() - the n-th of a list of scalars, "" as it is; *ret is NULL beyond its end */
int pn_yaml_text_item(struct pn_yaml *y, struct yaml_node_s *list, size_t n, const char **ret,
		      struct pn_err *reterr);

/** pn_yaml_key() - the n-th key of a map; *ret is NULL beyond its end */
int pn_yaml_key(struct pn_yaml *y, struct yaml_node_s *map, size_t n, const char **ret,
		struct pn_err *reterr);

/**
 * pn_yaml_json() - what stands under a key, as JSON
 * @out: gets nothing if the key is absent
 *
 * Return: 0, -ENOMEM, or -EINVAL: nested too deeply, or larger than @out may grow
 */
int pn_yaml_json(struct pn_yaml *y, struct yaml_node_s *map, const char *key, struct pn_buf *out,
		 struct pn_err *reterr);

/** pn_yaml_is_empty() - is there nothing at all in the file but perhaps comments? */
bool pn_yaml_is_empty(struct pn_yaml *y);

/** pn_yaml_has() - is there something other than null, "" or an empty list or map? */
bool pn_yaml_has(struct pn_yaml *y, struct yaml_node_s *map, const char *key);

/** pn_yaml_line() - where a node begins, counted from 1 */
size_t pn_yaml_line(const struct yaml_node_s *node);

#endif
