/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_OTLP_H
#define PN_EXPORT_OTLP_H

#include "base/pb_write.h"
#include "export/encode.h"

/*
 * Messages of the OpenTelemetry protocol, by the field numbers of opentelemetry-proto 1.x. Private to
 * agent/export.
 */

/** struct pn_otlp_scratch - memory that pn_otlp_log() uses again and again; zeroed is ready */
struct pn_otlp_scratch {
	struct pn_buf json, line;
};

void pn_otlp_scratch_done(struct pn_otlp_scratch *s);

/**
 * pn_otlp_log() - appends a record as a field `log_records` of ScopeLogs
 *
 * Its attributes are the values of the JSON form by their joined paths, its body the compact line.
 *
 * Return: 0 or a negative errno and @out is as it was
 */
int pn_otlp_log(const struct pn_flow_record *r, struct pn_otlp_scratch *s, struct pn_buf *out);

/** pn_otlp_logs_len() - bytes of the first @max fields that pn_otlp_log() has written. @ret_n: how many there are */
size_t pn_otlp_logs_len(const char *logs, size_t len, uint64_t max, size_t *ret_n);

/** pn_otlp_logs_request() - an ExportLogsServiceRequest of them. @node: "" if not known. Return: 0 or a negative errno */
int pn_otlp_logs_request(const char *node, const char *logs, size_t len, struct pn_buf *out);

/** pn_otlp_metrics_request() - an ExportMetricsServiceRequest of base/metric.h; CLOCK_REALTIME. Return: as above */
int pn_otlp_metrics_request(const char *node, pn_nsec since, pn_nsec now, struct pn_buf *out);

/**
 * pn_otlp_rejected() - what an answer to a request says of success in part
 * @ret_why: printable, cut to @size; "": nothing
 *
 * Return: how many were rejected; what cannot be read says that none was
 */
uint64_t pn_otlp_rejected(const char *answer, size_t len, char *ret_why, size_t size);

/** pn_otlp_why() - the message of an answer that is an error: a google.rpc.Status, or text. As above */
void pn_otlp_why(const char *answer, size_t len, char *ret_why, size_t size);

#endif
