/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_METRICS_DOC_H
#define PN_DAEMON_METRICS_DOC_H

#include "daemon/web.h"
#include "export/exposition.h"

/**
 * pn_metrics_doc() - the page /metrics; control thread
 * @out: what it is written to; has its maximum already
 *
 * Return: 0, or a negative errno and @out is no whole page
 */
int pn_metrics_doc(const struct pn_web_parts *parts, enum pn_expo_form form, struct pn_buf *out);

#endif
