/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_VIEW_H
#define PN_EXPORT_VIEW_H

#include "export/encode.h"
#include "flow/filter.h"

/** Which of the records that are kept somebody wants. */
enum pn_past {
	PN_PAST_NONE,
	PN_PAST_ALL,
	PN_PAST_FIRST, /* the oldest n */
	PN_PAST_LAST,  /* the newest n */
};

/**
 * struct pn_view - what one client wants to see
 * @filter: owned; NULL: every record
 * @past, @n: of the records that are kept, those that @filter lets through
 * @since, @until: of those, whose last packet came then; CLOCK_REALTIME
 * @follow: and those that come from now on
 */
struct pn_view {
	struct pn_style style;
	struct pn_filter *filter;
	enum pn_past past;
	uint32_t n;
	pn_nsec since, until;
	bool follow;
};

/** pn_view_wants() - of what has been */
static inline bool pn_view_wants(const struct pn_view *v, const struct pn_flow_record *r)
{
	return r->end >= v->since && r->end <= v->until && pn_filter_match(v->filter, r);
}

#endif
