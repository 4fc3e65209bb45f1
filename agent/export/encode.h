/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_ENCODE_H
#define PN_EXPORT_ENCODE_H

#include "base/buf.h"
#include "flow/record.h"

/** The forms a record can be written in; each is one line with its newline. */
enum pn_format {
	PN_FORMAT_COMPACT, /* for a person */
	PN_FORMAT_COLOR,   /* the same with ANSI colours */
	PN_FORMAT_JSON,	   /* OpenTelemetry attribute names, nested; schema_version in podonym. */
	PN_FORMAT_MAX,	   /* sentinel */
};

#define PN_SCHEMA_VERSION 1

/** pn_format_parse() - "compact", "color", "json". Return: 0 or -EINVAL */
int pn_format_parse(const char *name, enum pn_format *ret);

/** pn_encode() - append one line. Return: 0, -ENOMEM or -EMSGSIZE; then @out is as it was */
int pn_encode(enum pn_format format, const struct pn_flow_record *r, struct pn_buf *out);

#endif
