/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_TABLE_FIXTURE_H
#define PN_TESTS_TABLE_FIXTURE_H

#include <errno.h>

#include "datapath/tracer.h"

static inline void visit_nothing(void *data, const struct pn_flow_key *key,
				 const struct pn_flow_value *value)
{
	(void)data;
	(void)key;
	(void)value;
}

/* An entry that is counted in lines goes once these are settled. */
static inline int remove_entry(struct pn_tracer *t, const struct pn_flow_key *key,
			       struct pn_flow_value *ret)
{
	int r = pn_tracer_remove(t, key, ret);

	if (r != -EAGAIN)
		return r;
	r = pn_tracer_settle(t);
	return r < 0 ? r : pn_tracer_remove(t, key, ret);
}

#endif
