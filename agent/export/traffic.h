/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_TRAFFIC_H
#define PN_EXPORT_TRAFFIC_H

#include "base/clock.h"
#include "base/err.h"
#include "export/exposition.h"
#include "flow/record.h"

/*
 * Who talks to whom, as series for Prometheus: what records tell is added up for each pair of ends
 * under the labels that were chosen. There are so many series at most; what finds no room is added to
 * one whose labels are all "_other", and counted. A series goes when no record has come for it for
 * some time: its pods are gone, or silent. Drops have series of their own, likewise, with the reason.
 *
 * Threads: the flow thread gives records, the control thread writes them out. They meet at a lock,
 * held for one record by the first and for the time of copying all counts by the second.
 */
struct pn_traffic;

/** What the ends of a series are named by; bits. */
enum pn_traffic_labels {
	PN_TRAFFIC_NAMESPACE = 1 << 0, /* source_namespace, destination_namespace */
	PN_TRAFFIC_WORKLOAD =
		1 << 1,		  /* source_kind, source_workload, the same of the destination */
	PN_TRAFFIC_POD = 1 << 2,  /* source_pod, destination_pod */
	PN_TRAFFIC_PORT = 1 << 3, /* destination_port, transport */
};

/* Of drops, beside the others and not to be chosen: reason, kind. */
#define PN_TRAFFIC_DROP (1 << 4)

#define PN_TRAFFIC_LABELS "namespace,workload"

/** pn_traffic_parse_labels() - names with commas between them. Return: 0, or -EINVAL with @reterr */
int pn_traffic_parse_labels(const char *text, unsigned int *ret, struct pn_err *reterr);

/**
 * struct pn_traffic_config
 * @max_series: room for so many, of traffic and of drops, beside "_other"; their memory is taken at once
 * @labels:	enum pn_traffic_labels
 * @idle:	a series without a record for so long goes, ns
 */
struct pn_traffic_config {
	uint32_t max_series;
	unsigned int labels;
	pn_nsec idle;
};

/** pn_traffic_new() - Return: 0 or -ENOMEM */
int pn_traffic_new(const struct pn_traffic_config *config, struct pn_traffic **ret);

/** pn_traffic_free() - when no other thread uses it; NULL is allowed */
void pn_traffic_free(struct pn_traffic *t);

/** pn_traffic_record() - add one record; @now: of the same clock each time, ns. Cannot fail */
void pn_traffic_record(struct pn_traffic *t, const struct pn_flow_record *r, pn_nsec now);

/** pn_traffic_drop() - add one line of drops, likewise */
void pn_traffic_drop(struct pn_traffic *t, const struct pn_flow_record *r, pn_nsec now);

/** pn_traffic_write() - all families of the series that there are. Return: 0 or -ENOMEM, and nothing is written */
int pn_traffic_write(struct pn_traffic *t, pn_nsec now, struct pn_exposition *e);

#endif
