/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_SINK_SPEC_H
#define PN_EXPORT_SINK_SPEC_H

#include "export/exporter.h"

/**
 * struct pn_sink_spec - what one --sink says
 * @name:      KIND:TARGET
 * @values:    of the kind's options; freed by pn_sink_spec_done()
 * @max_queue: bytes that may wait
 * @retry_max: the longest pause between attempts
 */
struct pn_sink_spec {
	const struct pn_sink_kind *kind;
	char *name, *text; /* strings of @values lie in @text */
	const char *target;
	void *values;
	uint64_t max_queue;
	pn_nsec retry_max;
};

/**
 * pn_sink_spec_parse() - KIND:TARGET,option=value,...; whole or not at all
 *
 * Return: 0, -ENOMEM, or -EINVAL; then @reterr names the word that is wrong and the right one next to it
 */
int pn_sink_spec_parse(const char *text, const struct pn_sink_kind *const *kinds, size_t n_kinds,
		       struct pn_sink_spec *ret, struct pn_err *reterr);

/** pn_sink_spec_done() - a zeroed one is allowed */
void pn_sink_spec_done(struct pn_sink_spec *spec);

#endif
