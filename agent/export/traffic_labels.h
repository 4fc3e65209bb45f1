/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_TRAFFIC_LABELS_H
#define PN_EXPORT_TRAFFIC_LABELS_H

#include "export/traffic.h"

/* What a series is called; private to agent/export. @labels: enum pn_traffic_labels and PN_TRAFFIC_DROP. */

/** pn_traffic_name() - Return: as pn_labels_end(); NULL: the names are longer than a series may have */
const char *pn_traffic_name(const struct pn_flow_record *r, unsigned int labels,
			    struct pn_labels *l);

/** pn_traffic_name_other() - the series of all that found no room */
const char *pn_traffic_name_other(unsigned int labels, struct pn_labels *l);

#endif
