/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_ENCODE_H
#define PN_EXPORT_ENCODE_H

#include "base/buf.h"
#include "flow/record.h"

struct pn_owner_texts;

/** The forms a record can be written in; each is one line with its newline. */
enum pn_format {
	PN_FORMAT_COMPACT,   /* for a person */
	PN_FORMAT_COLOR,     /* the same with ANSI colours */
	PN_FORMAT_JSON,	     /* OpenTelemetry attribute names, nested; schema_version in podonym. */
	PN_FORMAT_FIELDS,    /* enum pn_field with tabs between, for who makes a table of them */
	PN_FORMAT_NETOBSERV, /* JSON with the fields of NetObserv's flows */
	PN_FORMAT_HUBBLE,    /* JSON as `hubble observe -o json` writes it */
	PN_FORMAT_MAX,	     /* sentinel */
};

/** The fields of a line of PN_FORMAT_FIELDS, in their order; one that says nothing is empty. */
enum pn_field {
	PN_FIELD_TIME,
	PN_FIELD_SOURCE, /* as in a compact line */
	PN_FIELD_DESTINATION,
	PN_FIELD_PROTOCOL,
	PN_FIELD_BYTES, /* what the opener sent, and what it got */
	PN_FIELD_PACKETS,
	PN_FIELD_SERVICE,
	PN_FIELD_STATE,
	PN_FIELD_SOURCE_ADDRESS,
	PN_FIELD_DESTINATION_ADDRESS,
	PN_FIELD_ATTRIBUTION, /* of the source, and of the destination */
	PN_FIELD_MAX,	      /* sentinel */
};

/** How times are written for a person. */
enum pn_time_form {
	PN_TIME_CLOCK,	     /* 15:04:05.000, local */
	PN_TIME_RFC3339,     /* 2006-01-02T15:04:05Z */
	PN_TIME_RFC3339NANO, /* 2006-01-02T15:04:05.000000000Z */
	PN_TIME_UNIX,	     /* 1136214245.000: seconds since 1970 */
	PN_TIME_RELATIVE,    /* 4.2s ago */
	PN_TIME_FORM_MAX,    /* sentinel */
};

/**
 * struct pn_style - how records are written
 * @time, @numeric, @now: of all forms but JSON
 * @numeric: addresses where names would stand
 * @now: what PN_TIME_RELATIVE counts from, CLOCK_REALTIME
 * @texts: of JSON: where the text of owners is remembered, NULL: nowhere; see export/owner_json.h
 * @node: this node, for PN_FORMAT_NETOBSERV and PN_FORMAT_HUBBLE; NULL: not known
 */
struct pn_style {
	enum pn_format format;
	enum pn_time_form time;
	bool numeric;
	pn_nsec now;
	struct pn_owner_texts *texts;
	const char *node;
};

#define PN_SCHEMA_VERSION 1

/** pn_format_parse() - "compact", "color", "json", ... Return: 0 or -EINVAL */
int pn_format_parse(const char *name, enum pn_format *ret);

/** pn_time_form_parse() - "clock", "rfc3339", "rfc3339nano", "unix", "relative". Return: 0 or -EINVAL */
int pn_time_form_parse(const char *name, enum pn_time_form *ret);

/** pn_encode() - append one line. Return: 0, -ENOMEM or -EMSGSIZE; then @out is as it was */
int pn_encode(enum pn_format format, const struct pn_flow_record *r, struct pn_buf *out);

/** pn_encode_styled() - the same */
int pn_encode_styled(const struct pn_style *style, const struct pn_flow_record *r,
		     struct pn_buf *out);

#endif
