/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pages /healthz and /readyz say. Live is what a restart would mend; an API server that is
 * away is not, and only makes the agent not ready.
 */
#include "daemon/health.h"

static bool say_ok(bool ok, struct pn_buf *out)
{
	if (ok)
		(void)pn_buf_printf(out, "ok\n");
	return ok;
}

static bool is_live(const struct pn_health *h, struct pn_buf *out)
{
	if (h->drain_age <= h->drain_limit)
		return true;
	(void)pn_buf_printf(out,
			    "flow thread: has not begun to read the flow table for %llu s, it "
			    "should every %llu s at least\n",
			    (unsigned long long)(h->drain_age / PN_NSEC_PER_SEC),
			    (unsigned long long)(h->drain_limit / PN_NSEC_PER_SEC));
	return false;
}

bool pn_health_live(const struct pn_health *h, struct pn_buf *out)
{
	return say_ok(is_live(h, out), out);
}

bool pn_health_ready(const struct pn_health *h, struct pn_buf *out)
{
	bool ok = is_live(h, out);

	if (*h->server_error) {
		ok = false;
		(void)pn_buf_printf(out, "API server: %s\n", h->server_error);
	}
	if (*h->unsynced) {
		ok = false;
		(void)pn_buf_printf(out, "informers: not listed yet: %s\n", h->unsynced);
	}
	if (!h->maps_written) {
		ok = false;
		(void)pn_buf_printf(out, "maps: not all names are written yet\n");
	}
	if (h->n_links && !h->n_traced) {
		ok = false;
		(void)pn_buf_printf(out, "tracing: attached to none of %u interfaces\n",
				    h->n_links);
	}
	return say_ok(ok, out);
}
