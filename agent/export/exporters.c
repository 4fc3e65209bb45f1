/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All exporters of the agent, and the kinds that there are. The flow thread gives each record once.
 */
#include <errno.h>

#include "base/err.h"
#include "export/sink_kinds.h"
#include "export/sink_spec.h"

static const struct pn_sink_kind *const kinds[] = {
	&pn_sink_kind_file,
	&pn_sink_kind_ipfix,
	&pn_sink_kind_kafka,
	&pn_sink_kind_otlp,
};

struct pn_exporters {
	struct pn_exporter *all[PN_MAX_EXPORTERS];
	size_t n;
};

int pn_exporters_new(struct pn_exporters **ret)
{
	struct pn_exporters *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	*ret = e;
	return 0;
}

int pn_exporters_add(struct pn_exporters *e, const char *spec, const char *node,
		     struct pn_err *reterr)
{
	int r;

	if (e->n == PN_MAX_EXPORTERS)
		return pn_err_set(reterr, -E2BIG, "more than %d sinks", PN_MAX_EXPORTERS);
	r = pn_exporter_new(spec, kinds, PN_ARRAY_SIZE(kinds), node, &e->all[e->n], reterr);
	if (r < 0)
		return pn_err_wrap(reterr, r, "%.100s", spec);
	e->n++;
	return 0;
}

int pn_exporters_check(const char *spec, struct pn_err *reterr)
{
	struct pn_sink_spec parsed = { 0 };
	int r = pn_sink_spec_parse(spec, kinds, PN_ARRAY_SIZE(kinds), &parsed, reterr);

	pn_sink_spec_done(&parsed);
	return r;
}

int pn_exporters_start(struct pn_exporters *e)
{
	int r = 0;

	for (size_t i = 0; i < pn_exporters_count(e) && r == 0; i++)
		r = pn_exporter_start(e->all[i]);
	return r;
}

void pn_exporters_record(struct pn_exporters *e, const struct pn_flow_record *r)
{
	for (size_t i = 0; i < pn_exporters_count(e); i++)
		pn_exporter_record(e->all[i], r);
}

void pn_exporters_flush(struct pn_exporters *e)
{
	for (size_t i = 0; i < pn_exporters_count(e); i++)
		pn_exporter_flush(e->all[i]);
}

void pn_exporters_stop(struct pn_exporters *e)
{
	for (size_t i = 0; i < pn_exporters_count(e); i++)
		pn_exporter_stop(e->all[i]);
	for (size_t i = 0; i < pn_exporters_count(e); i++)
		pn_exporter_join(e->all[i]);
}

size_t pn_exporters_count(const struct pn_exporters *e)
{
	return e ? e->n : 0;
}

void pn_exporters_stats(struct pn_exporters *e, size_t i, struct pn_exporter_stats *ret)
{
	pn_exporter_stats(e->all[i], ret);
}

void pn_exporters_free(struct pn_exporters *e)
{
	for (size_t i = 0; i < pn_exporters_count(e); i++)
		pn_exporter_free(e->all[i]);
	free(e);
}
