/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_ENCODE_LINE_H
#define PN_EXPORT_ENCODE_LINE_H

#include "export/encode.h"
#include "export/text.h"

/* One record as one line, newline included; private to agent/export. t->full: it did not fit. */
void pn_encode_json(const struct pn_style *style, const struct pn_flow_record *r,
		    struct pn_text *t);
void pn_encode_compact(const struct pn_style *style, const struct pn_flow_record *r,
		       struct pn_text *t);
void pn_encode_fields(const struct pn_style *style, const struct pn_flow_record *r,
		      struct pn_text *t);
void pn_encode_netobserv(const struct pn_style *style, const struct pn_flow_record *r,
			 struct pn_text *t);
void pn_encode_hubble(const struct pn_style *style, const struct pn_flow_record *r,
		      struct pn_text *t);

#endif
