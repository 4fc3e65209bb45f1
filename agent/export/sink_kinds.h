/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_SINK_KINDS_H
#define PN_EXPORT_SINK_KINDS_H

#include "export/exporter.h"

/* The kinds of sinks, each in a file sink_NAME.c; private to agent/export. */

/** PATH: lines; options format, max-size, max-age, keep */
extern const struct pn_sink_kind pn_sink_kind_file;

/** udp://HOST:PORT or tcp://HOST:PORT; options enterprise, domain, mtu, template-refresh, template-packets */
extern const struct pn_sink_kind pn_sink_kind_ipfix;

/** BROKER[:PORT][;BROKER...]; options topic, format, key, acks, compression, buffer, timeout, config, x-PROPERTY */
extern const struct pn_sink_kind pn_sink_kind_kafka;

/** http://HOST:PORT or https://HOST:PORT; options compression, batch, timeout, metrics, ca, headers, header-NAME */
extern const struct pn_sink_kind pn_sink_kind_otlp;

#endif
