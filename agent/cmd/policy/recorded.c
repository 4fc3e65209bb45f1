/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to flows that policies can be asked about. Records are older than the cluster that is
 * looked at: pods have gone, addresses have other owners. A record's names count before its
 * addresses, and what cannot be judged is counted with an example.
 */
#include "cmd/policy/recorded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "cmd/lines.h"
#include "cmd/policy/flow_line.h"

static const struct {
	const char *name, *words;
} fates[] = {
	[PN_RECORD_TAKEN] = { "taken", "judged" },
	[PN_RECORD_OWN_NODE] = { "own-node",
				 "between a pod and its own node, which is always allowed" },
	[PN_RECORD_UNREADABLE] = { "unreadable", "that are none" },
	[PN_RECORD_PROTOCOL] = { "protocol", "of a protocol that policies cannot name" },
	[PN_RECORD_PORT] = { "no-port", "without a port, as the agent's full table told them "
					"together" },
	[PN_RECORD_AMBIGUOUS] = { "ambiguous", "with an address that several may have had" },
	[PN_RECORD_STALE] = { "stale", "with an address that another pod may have had by then" },
	[PN_RECORD_SERVICE] = { "service-only", "to a Service, and by which pod is not known" },
	[PN_RECORD_GONE] = { "pod-gone", "of a pod that is gone, as are all of its workload" },
};
_Static_assert(PN_ARRAY_SIZE(fates) == PN_RECORD_FATE_MAX, "words for each fate");

const char *pn_record_fate_name(enum pn_record_fate fate)
{
	return fates[fate].name;
}

const char *pn_record_fate_words(enum pn_record_fate fate)
{
	return fates[fate].words;
}

/* --- ends --- */

static const char *node_of(const struct pn_policy_member *pod)
{
	return pn_object_pod(pn_policy_member_object(pod))->node_name;
}

/* On the same node if there is one, since a pod and its own node are a case of their own. */
static const struct pn_policy_member *pod_like(const struct pn_policy_workloads *workloads,
					       const struct pn_recorded_end *e)
{
	const struct pn_policy_workload *w = pn_policy_workload_find(
		workloads, e->name_space, e->workload_kind, e->workload_name);

	for (uint32_t i = 0; w && i < w->n_pods; i++)
		if (strcmp(node_of(w->pods[i]), e->node) == 0)
			return w->pods[i];
	return w ? w->pods[0] : NULL;
}

static enum pn_record_fate resolve_pod(const struct pn_policy_set *set,
				       const struct pn_policy_workloads *workloads,
				       const struct pn_recorded_end *e, const struct pn_addr *addr,
				       struct pn_policy_end *ret)
{
	const struct pn_policy_member *pod;
	char key[PN_KEY_LEN];

	(void)snprintf(key, sizeof(key), "%s/%s", e->name_space, e->pod);
	pod = pn_policy_find(set, PN_KIND_POD, key, strlen(key));
	if (!pod && *e->workload_kind)
		pod = pod_like(workloads, e);
	if (!pod)
		return PN_RECORD_GONE;
	pn_policy_end_pod(set, pod, ret);
	pn_policy_end_family(ret, addr);
	return PN_RECORD_TAKEN;
}

static void resolve_node(const struct pn_policy_set *set, const struct pn_recorded_end *e,
			 const struct pn_addr *addr, struct pn_policy_end *ret)
{
	const struct pn_policy_member *node =
		pn_policy_find(set, PN_KIND_NODE, e->node, strlen(e->node));

	if (node)
		*ret = (struct pn_policy_end) { .node = node, .addr = *addr, .has_addr = true };
	else
		pn_policy_end_addr(set, addr, ret);
}

static enum pn_record_fate resolve_end(const struct pn_policy_set *set,
				       const struct pn_policy_workloads *workloads,
				       const struct pn_recorded_end *e, struct pn_policy_end *ret)
{
	struct pn_addr addr;

	if (pn_addr_parse(e->address, &addr) < 0)
		return PN_RECORD_UNREADABLE;
	if (strcmp(e->attribution, "stale") == 0)
		return PN_RECORD_STALE;
	if (*e->pod)
		return resolve_pod(set, workloads, e, &addr, ret);
	if (strcmp(e->attribution, "ambiguous") == 0)
		return PN_RECORD_AMBIGUOUS;
	if (*e->node)
		resolve_node(set, e, &addr, ret);
	else
		pn_policy_end_addr(set, &addr, ret);
	return ret->service || strcmp(e->attribution, "service") == 0 ? PN_RECORD_SERVICE
								      : PN_RECORD_TAKEN;
}

/* By the record's word for where the pod ran: it may be gone, or on another node by now. */
static bool is_own_node(const struct pn_recorded_end *pod, const struct pn_recorded_end *other)
{
	return *pod->pod && *pod->node && !*other->pod && strcmp(pod->node, other->node) == 0;
}

/* --- one record --- */

static bool is_attempt(const struct pn_recorded_flow *f)
{
	return strcmp(f->state, "opening") == 0 || strcmp(f->state, "refused") == 0;
}

enum pn_record_fate pn_record_resolve(const struct pn_policy_set *set,
				      const struct pn_policy_workloads *workloads,
				      const struct pn_recorded_flow *f, struct pn_sighting *ret)
{
	struct pn_sighting s = { .end = f->end, .is_attempt = is_attempt(f) };
	enum pn_record_fate fate;

	s.proto = pn_flow_proto(f->transport);
	if (!s.proto)
		return PN_RECORD_PROTOCOL;
	if (f->is_collapsed || !f->destination.port || f->destination.port > UINT16_MAX)
		return PN_RECORD_PORT;
	s.port = (uint16_t)f->destination.port;
	if (is_own_node(&f->source, &f->destination) || is_own_node(&f->destination, &f->source))
		return PN_RECORD_OWN_NODE;
	fate = resolve_end(set, workloads, &f->source, &s.src);
	if (fate == PN_RECORD_TAKEN)
		fate = resolve_end(set, workloads, &f->destination, &s.dst);
	s.connection = pn_hash_bytes(f->id, strlen(f->id));
	if (fate == PN_RECORD_TAKEN)
		*ret = s;
	return fate;
}

/* --- all of them --- */

struct reading {
	const struct pn_policy_set *set;
	struct pn_recorded *to;
};

static void put_end(char *buf, size_t size, const struct pn_recorded_end *e)
{
	size_t len = strlen(buf);

	if (*e->pod)
		(void)snprintf(buf + len, size - len, "%s/%s", e->name_space, e->pod);
	else
		(void)snprintf(buf + len, size - len, "%s", e->address);
}

static void note_example(char *buf, size_t size, const struct pn_recorded_flow *f)
{
	size_t len;

	put_end(buf, size, &f->source);
	len = strlen(buf);
	(void)snprintf(buf + len, size - len, " -> ");
	put_end(buf, size, &f->destination);
	len = strlen(buf);
	(void)snprintf(buf + len, size - len, " %s", f->transport);
	len = strlen(buf);
	if (f->destination.port)
		(void)snprintf(buf + len, size - len, "/%u", (unsigned int)f->destination.port);
}

static void count(struct pn_recorded *to, enum pn_record_fate fate,
		  const struct pn_recorded_flow *f, const char *wrong)
{
	char *example = to->fates[fate].example;

	if (to->fates[fate].n++ || fate == PN_RECORD_TAKEN)
		return;
	if (fate == PN_RECORD_UNREADABLE)
		(void)snprintf(example, PN_RECORD_EXAMPLE_LEN, "line %llu: %s",
			       (unsigned long long)to->n_lines, wrong);
	else
		note_example(example, PN_RECORD_EXAMPLE_LEN, f);
}

static int take_line(void *data, char *line, size_t len)
{
	const struct reading *r = data;
	struct pn_recorded_flow f;
	struct pn_sighting s;
	enum pn_record_fate fate = PN_RECORD_UNREADABLE;
	const char *wrong = pn_record_line_read(line, len, &f);

	r->to->n_lines++;
	if (!wrong) {
		fate = pn_record_resolve(r->set, pn_observed_workloads(r->to->flows), &f, &s);
		wrong = "an address is none";
	}
	count(r->to, fate, &f, wrong);
	return fate == PN_RECORD_TAKEN ? pn_observed_add(r->to->flows, &s) : 0;
}

static int read_lines(const char *path, struct reading *r)
{
	static const struct pn_lines_ops ops = { .line = take_line };
	PN_CLEANUP(pn_closep) int fd = -1;

	if (strcmp(path, "-") == 0)
		return pn_lines_read(STDIN_FILENO, &ops, r);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : pn_lines_read(fd, &ops, r);
}

static int check(const struct pn_recorded *r, const char *name, struct pn_err *reterr)
{
	if (!r->n_lines)
		return pn_err_set(reterr, -ENODATA, "%s: there is no flow in it", name);
	if (r->fates[PN_RECORD_UNREADABLE].n == r->n_lines)
		return pn_err_set(reterr, -EBADMSG, "%s: %s", name,
				  r->fates[PN_RECORD_UNREADABLE].example);
	return 0;
}

static int read_file(const char *path, const struct pn_policy_set *set, struct pn_recorded *ret,
		     struct pn_err *reterr)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	struct reading r = { .set = set, .to = ret };
	int err;

	*ret = (struct pn_recorded) { 0 };
	err = pn_observed_new(set, &ret->flows);
	if (err == 0)
		err = read_lines(path, &r);
	if (err == -EMSGSIZE)
		(void)pn_err_set(reterr, err, "%s: line %llu: longer than 64 KiB", name,
				 (unsigned long long)ret->n_lines + 1);
	else if (err < 0)
		(void)pn_err_set(reterr, err, "%s: %s", name, strerror(-err));
	else
		err = check(ret, name, reterr);
	if (err < 0)
		pn_recorded_done(ret);
	return err;
}

int pn_recorded_load(const struct pn_cluster_source *cluster, const char *command, const char *path,
		     struct pn_policy_set *set, struct pn_recorded *ret, struct pn_err *reterr)
{
	struct pn_cluster_source source = *cluster;
	int r;

	source.command = command;
	r = pn_cluster_load(&source, set, reterr);
	return r < 0 ? r : read_file(path, set, ret, reterr);
}

void pn_recorded_done(struct pn_recorded *r)
{
	pn_observed_free(r->flows);
	r->flows = NULL;
}
