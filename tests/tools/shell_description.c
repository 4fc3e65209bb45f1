/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a description in JSON to an informer of the library.
 */
#include "shell_description.h"

#include <string.h>

#include "shell_objects.h"

static bool is_kind(const json_t *resource, const char *group, const char *plural)
{
	return strcmp(text(resource, "group"), group) == 0 &&
	       strcmp(text(resource, "plural"), plural) == 0;
}

struct pn_informer *shell_make_informer(struct pn_factory *f, const json_t *resource,
					const struct pn_informer_options *options,
					struct pn_err *err)
{
	static const struct {
		const char *group, *plural;
		enum pn_kind_id id;
	} typed[] = {
		{ "", "pods", PN_KIND_POD },
		{ "", "services", PN_KIND_SERVICE },
		{ "", "nodes", PN_KIND_NODE },
		{ "", "namespaces", PN_KIND_NAMESPACE },
		{ "apps", "replicasets", PN_KIND_REPLICASET },
		{ "batch", "jobs", PN_KIND_JOB },
		{ "discovery.k8s.io", "endpointslices", PN_KIND_ENDPOINTSLICE },
		{ "networking.k8s.io", "networkpolicies", PN_KIND_NETWORKPOLICY },
	};
	const struct pn_resource generic = {
		.group = text(resource, "group"),
		.version = text(resource, "version"),
		.kind = text(resource, "kind"),
		.plural = text(resource, "plural"),
		.is_cluster_scoped = flag(resource, "cluster"),
	};

	for (size_t i = 0; !options->json && i < sizeof(typed) / sizeof(typed[0]); i++)
		if (is_kind(resource, typed[i].group, typed[i].plural))
			return pn_factory_informer(f, typed[i].id, options, err);
	return pn_factory_generic_informer(f, &generic, options, err);
}

static void read_backoff(const json_t *b, struct pn_backoff_options *ret)
{
	if (!b)
		return;
	ret->initial_ms = (unsigned int)number(b, "initial_ms");
	ret->factor = (unsigned int)number(b, "factor");
	ret->cap_ms = (unsigned int)number(b, "cap_ms");
	ret->reset_ms = (unsigned int)number(b, "reset_ms");
	ret->no_jitter = number(b, "jitter") == 0;
}

void shell_read_options(const json_t *d, struct pn_informer_options *ret)
{
	*ret = (struct pn_informer_options) {
		.size = sizeof(*ret),
		.name_space = text(d, "namespace"),
		.field_selector = text(d, "field_selector"),
		.label_selector = text(d, "label_selector"),
		.list_mode = strcmp(text(d, "mode"), "watchlist") == 0 ? PN_LIST_STREAMING
								       : PN_LIST_PLAIN,
		.page_size = (unsigned int)number(d, "page_size"),
		.json = strcmp(text(d, "content"), "protobuf") != 0,
		.metadata_only = flag(d, "metadata_only"),
		.keep_labels = true,
		.resync_ms = milliseconds(number(d, "resync_s")),
		.min_watch_timeout_s = (unsigned int)number(d, "min_watch_timeout_s"),
		.internal_error_retry_ms = milliseconds(number(d, "max_internal_error_retry_s")),
		.transform = shell_transform(text(d, "transform")),
	};
	read_backoff(json_object_get(d, "backoff"), &ret->backoff);
}
