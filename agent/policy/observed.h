/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_OBSERVED_H
#define PN_POLICY_OBSERVED_H

#include "policy/policy.h"
#include "policy/workloads.h"

/*
 * Flows that were seen, each pair of ends with protocol and port once, however many records there
 * are of it; and what a change of policies would mean for them.
 *
 * The ends are of a set, and the set's pods and nodes stay as they are as long as this is used; its
 * policies may change.
 */
struct pn_observed;

/** struct pn_observed_end - @workload: of a pod, else NULL */
struct pn_observed_end {
	UT_hash_handle hh;
	struct {
		const struct pn_policy_member *pod, *node;
		struct pn_addr addr;
	} key;
	struct pn_policy_end end;
	const struct pn_policy_workload *workload;
	uint32_t
		marks[2]; /* the last group that it was counted for, as source and as destination */
};

/** Enough for RFC 3339 with nanoseconds. */
enum { PN_OBSERVED_TIME_LEN = 36 };

/**
 * struct pn_observed_flow
 * @n_connections: that both ends took part in, as far as their protocol tells
 * @n_attempts:    TCP: that were not answered, or refused
 * @last_seen:     as text
 * @was_allowed:   see pn_observed_judge()
 */
struct pn_observed_flow {
	UT_hash_handle hh;
	struct {
		struct pn_observed_end *src, *dst;
		uint16_t port;
		uint16_t proto;
		uint32_t zero;
	} key;
	uint64_t n_connections, n_attempts;
	char last_seen[PN_OBSERVED_TIME_LEN];
	bool was_allowed;
};

/**
 * struct pn_sighting - a record of a flow
 * @connection: the same in all records of one connection
 * @end:        when it was seen last
 */
struct pn_sighting {
	struct pn_policy_end src, dst;
	uint8_t proto;
	uint16_t port;
	bool is_attempt;
	uint64_t connection;
	const char *end;
};

/** pn_observed_new() - Return: 0 or -ENOMEM */
int pn_observed_new(const struct pn_policy_set *set, struct pn_observed **ret);
void pn_observed_free(struct pn_observed *o);

const struct pn_policy_workloads *pn_observed_workloads(const struct pn_observed *o);

/** pn_observed_add() - Return: 0 or -ENOMEM */
int pn_observed_add(struct pn_observed *o, const struct pn_sighting *s);

/** pn_observed_each() - in the order in which they came; @fn returns 0 or what ends it */
int pn_observed_each(const struct pn_observed *o, int (*fn)(void *data, struct pn_observed_flow *f),
		     void *data);

/** pn_observed_flow() - as it is asked about */
static inline struct pn_policy_flow pn_observed_flow(const struct pn_observed_flow *f)
{
	return (struct pn_policy_flow) { &f->key.src->end, &f->key.dst->end, (uint8_t)f->key.proto,
					 f->key.port };
}

/** pn_observed_judge() - note for each flow whether the set allows it now, before it is changed */
void pn_observed_judge(struct pn_observed *o);

enum pn_whatif_change {
	PN_WHATIF_DENIED,  /* it was allowed */
	PN_WHATIF_ALLOWED, /* it was denied */
	PN_WHATIF_CHANGE_MAX,
};

/**
 * struct pn_whatif_group - flows between two workloads that change in the same way
 * @flows:  @n_flows of them, which differ in pods and addresses only
 * @n_src, @n_dst: how many different ends
 */
struct pn_whatif_group {
	enum pn_whatif_change change;
	uint32_t n_flows, n_src, n_dst;
	struct pn_observed_flow *const *flows;
	uint64_t n_connections, n_attempts;
	const char *last_seen;
};

/** struct pn_whatif - @n_allowed, @n_denied: pairs of ends for which nothing changes; @n_left_out: attempts alone */
struct pn_whatif {
	uint64_t n_allowed, n_denied, n_left_out;
	uint32_t n_changed;
	struct pn_observed_flow **changed; /* private */
};

/**
 * pn_whatif() - which flows the set judges in another way than when pn_observed_judge() was called
 * @with_attempts: also those of which only attempts were seen
 *
 * Return: 0, with @ret for pn_whatif_done(), or -ENOMEM
 */
int pn_whatif(struct pn_observed *o, bool with_attempts, struct pn_whatif *ret);
void pn_whatif_done(struct pn_whatif *w);

/**
 * pn_whatif_next() - the group that begins with the @at-th changed flow; the next one is at + n_flows
 *
 * Those that would be denied come first. Return: false behind the last
 */
bool pn_whatif_next(const struct pn_whatif *w, uint32_t at, struct pn_whatif_group *ret);

/** pn_observed_end_order() - by what people call them: workloads, nodes, then addresses, which are all the same */
int pn_observed_end_order(const struct pn_observed_end *a, const struct pn_observed_end *b);

#endif
