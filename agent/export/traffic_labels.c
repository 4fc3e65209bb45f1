/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a record's ends to the labels of a series. A pod goes by what controls it, anything else by its
 * own kind and name; an end without a name has empty labels, which all such ends share.
 */
#include "export/traffic_labels.h"

#include <errno.h>
#include <netinet/in.h>

/* No namespace, kind, pod or port can be called so. */
#define OTHER "_other"

static const struct {
	const char *word;
	enum pn_traffic_labels bit;
} words[] = {
	{ "namespace", PN_TRAFFIC_NAMESPACE },
	{ "workload", PN_TRAFFIC_WORKLOAD },
	{ "pod", PN_TRAFFIC_POD },
	{ "port", PN_TRAFFIC_PORT },
};

/* Names of the labels of one end. */
struct end_labels {
	const char *name_space, *kind, *workload, *pod;
};

static const struct end_labels source_labels = { "source_namespace", "source_kind",
						 "source_workload", "source_pod" };
static const struct end_labels destination_labels = { "destination_namespace", "destination_kind",
						      "destination_workload", "destination_pod" };

int pn_traffic_parse_labels(const char *text, unsigned int *ret, struct pn_err *reterr)
{
	unsigned int labels = 0;

	do {
		size_t len = strcspn(text, ","), i = 0;

		while (i < PN_ARRAY_SIZE(words) &&
		       (strlen(words[i].word) != len || strncmp(words[i].word, text, len) != 0))
			i++;
		if (i == PN_ARRAY_SIZE(words))
			return pn_err_set(reterr, -EINVAL,
					  "\"%.*s\" is no label; there are: namespace, workload, "
					  "pod, port",
					  (int)len, text);
		labels |= words[i].bit;
		text += len;
	} while (*text++ == ',');
	*ret = labels;
	return 0;
}

static const char *kind_of(const struct pn_owner *o)
{
	static const char *const kinds[] = { "", "Pod", "Service", "Node", "Process", "Range" };
	_Static_assert(PN_ARRAY_SIZE(kinds) == PN_OWNER_KIND_MAX, "a word for each kind");

	return *o->workload_kind ? o->workload_kind : kinds[o->kind];
}

static void put_end(struct pn_labels *l, const struct end_labels *names, const struct pn_owner *o,
		    unsigned int labels)
{
	if (labels & PN_TRAFFIC_NAMESPACE)
		pn_labels_put(l, names->name_space, o ? o->name_space : "");
	if (labels & PN_TRAFFIC_WORKLOAD) {
		pn_labels_put(l, names->kind, o ? kind_of(o) : "");
		pn_labels_put(l, names->workload,
			      !o		  ? ""
			      : *o->workload_name ? o->workload_name
						  : o->name);
	}
	if (labels & PN_TRAFFIC_POD)
		pn_labels_put(l, names->pod, o && o->kind == PN_OWNER_POD ? o->name : "");
}

static void put_port(struct pn_labels *l, const struct pn_flow_record *r)
{
	char port[8], proto[8] = "";
	const char *name = proto;
	struct pn_text t = { port, port + sizeof(port) - 1, false };

	pn_text_u64(&t, r->destination.port);
	*t.at = '\0';
	t = (struct pn_text) { proto, proto + sizeof(proto) - 1, false };
	pn_text_u64(&t, r->proto);
	*t.at = '\0';
	if (r->proto == IPPROTO_TCP)
		name = "tcp";
	else if (r->proto == IPPROTO_UDP)
		name = "udp";
	else if (r->proto == IPPROTO_SCTP)
		name = "sctp";
	else if (r->proto == IPPROTO_ICMP || r->proto == IPPROTO_ICMPV6)
		name = "icmp";
	pn_labels_put(l, "destination_port", r->destination.port ? port : "");
	pn_labels_put(l, "transport", name);
}

static void put_reason(struct pn_labels *l, const char *reason, const char *kind)
{
	pn_labels_put(l, "reason", reason);
	pn_labels_put(l, "kind", kind);
}

const char *pn_traffic_name(const struct pn_flow_record *r, unsigned int labels,
			    struct pn_labels *l)
{
	const char *text;

	pn_labels_begin(l);
	put_end(l, &source_labels, r->source.owner, labels);
	put_end(l, &destination_labels, r->destination.owner, labels);
	if (labels & PN_TRAFFIC_PORT)
		put_port(l, r);
	if (labels & PN_TRAFFIC_DROP)
		put_reason(l, r->drop.reason, pn_drop_kind_name(r->drop.kind));
	text = pn_labels_end(l);
	return l->text.full ? NULL : text;
}

const char *pn_traffic_name_other(unsigned int labels, struct pn_labels *l)
{
	const struct end_labels *const ends[] = { &source_labels, &destination_labels };

	pn_labels_begin(l);
	for (size_t i = 0; i < PN_ARRAY_SIZE(ends); i++) {
		if (labels & PN_TRAFFIC_NAMESPACE)
			pn_labels_put(l, ends[i]->name_space, OTHER);
		if (labels & PN_TRAFFIC_WORKLOAD) {
			pn_labels_put(l, ends[i]->kind, OTHER);
			pn_labels_put(l, ends[i]->workload, OTHER);
		}
		if (labels & PN_TRAFFIC_POD)
			pn_labels_put(l, ends[i]->pod, OTHER);
	}
	if (labels & PN_TRAFFIC_PORT) {
		pn_labels_put(l, "destination_port", OTHER);
		pn_labels_put(l, "transport", OTHER);
	}
	if (labels & PN_TRAFFIC_DROP)
		put_reason(l, OTHER, OTHER);
	return pn_labels_end(l);
}
