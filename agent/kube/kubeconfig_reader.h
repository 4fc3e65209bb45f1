/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_KUBECONFIG_READER_H
#define PN_KUBE_KUBECONFIG_READER_H

#include <errno.h>

#include "kube/config.h"
#include "kube/yaml_tree.h"

/*
 * What the files of the kubeconfig reader share: where the reader is, and tables of fields that
 * become members of struct pn_kube_config as they are.
 */
struct pn_kubeconfig_source;

struct pn_kubeconfig_reader {
	struct pn_kubeconfig_source *sources;
	size_t n_sources;
	const char *path;     /* of what is being read now; for messages and for relative paths */
	struct pn_yaml *yaml; /* the same file */
	struct pn_kube_config *config;
	struct pn_err *err;
};

enum pn_kubeconfig_field_type {
	PN_FIELD_TEXT,
	PN_FIELD_PATH,	  /* relative to the file */
	PN_FIELD_COMMAND, /* the same if there is a slash in it */
	PN_FIELD_BASE64,  /* PEM inside */
};

struct pn_kubeconfig_field {
	const char *key;
	enum pn_kubeconfig_field_type type;
	size_t offset;
};

#define PN_FIELD(key, type, member)                                \
	{                                                          \
		key, type, offsetof(struct pn_kube_config, member) \
	}

static inline int pn_kubeconfig_no_memory(struct pn_kubeconfig_reader *rd)
{
	return pn_err_set(rd->err, -ENOMEM, "out of memory");
}

/** pn_kubeconfig_read_fields() - the table ends with an empty row. Return: 0, -EINVAL, -ENOMEM */
int pn_kubeconfig_read_fields(struct pn_kubeconfig_reader *rd, struct yaml_node_s *map,
			      const struct pn_kubeconfig_field *fields);

/** pn_kubeconfig_read_impersonation() - "as" and what belongs to it, as header lines */
int pn_kubeconfig_read_impersonation(struct pn_kubeconfig_reader *rd, struct yaml_node_s *user);

/** pn_kubeconfig_read_exec() - the credential plugin */
int pn_kubeconfig_read_exec(struct pn_kubeconfig_reader *rd, struct yaml_node_s *user);

#endif
