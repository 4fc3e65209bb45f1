/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_METRIC_H
#define PN_BASE_METRIC_H

#include <stdint.h>

/*
 * The agent's own figures: one relaxed atomic cell each, written by the thread that knows, read by
 * `podonym status` and /metrics. X(id, name, help); a name that ends in _total only ever grows, and
 * in /metrics podonym_ stands for pn_.
 */
#define PN_METRICS(X)                                                                              \
	X(KUBE_LISTS, "pn_kube_lists_total", "lists requested from the API server")                \
	X(KUBE_WATCHES, "pn_kube_watches_total", "watches opened")                                 \
	X(KUBE_EVENTS, "pn_kube_events_total", "watch events received, bookmarks included")        \
	X(KUBE_FAILURES, "pn_kube_failures_total", "lists and watches that ended in an error")     \
	X(KUBE_REFUSED, "pn_kube_objects_refused_total", "objects that could not be decoded")      \
	X(INDEX_ADDRESSES, "pn_index_addresses", "addresses that have an owner now")               \
	X(INDEX_REFUSED, "pn_index_addresses_refused_total",                                       \
	  "addresses left out: not an address, or too many on one object")                         \
	X(INDEX_FORGOTTEN, "pn_index_claims_forgotten_total",                                      \
	  "earlier owners forgotten before their time: too many for one address")                  \
	X(MAPS_WRITES, "pn_maps_writes_total", "entries written to the pinned maps")               \
	X(MAPS_DELETES, "pn_maps_deletes_total", "entries deleted from the pinned maps")           \
	X(MAPS_FAILURES, "pn_maps_failures_total", "map writes that the kernel refused")           \
	X(LINKS_TRACED, "pn_links_traced", "interfaces with tracing attached")                     \
	X(LINKS_FAILURES, "pn_links_failures_total", "interfaces where tracing could not attach")  \
	X(CGROUPS_FOLLOWED, "pn_cgroups_followed", "cgroups that are followed")                    \
	X(CGROUPS_REFUSED, "pn_cgroups_refused",                                                   \
	  "cgroups that are left out: too many, too deep, or not to be read")                      \
	X(CGROUPS_REREADS, "pn_cgroups_rereads_total",                                             \
	  "times that the cgroup tree was read again, because events were lost or cannot be had")  \
	X(FLOW_ACTIVE, "pn_flow_active", "entries in the kernel's flow table at the last drain")   \
	X(FLOW_RECORDS, "pn_flow_records_total", "flow records written")                           \
	X(FLOW_PACKETS, "pn_flow_packets_total", "packets in the flow records written")            \
	X(FLOW_TOLD, "pn_flow_sights_told_total",                                                  \
	  "packets in records, each as often as a hook saw it, earlier agents included")           \
	X(FLOW_IN_DOUBT, "pn_flow_sights_in_doubt_total",                                          \
	  "such packets in records that an agent was writing when it was killed")                  \
	X(FLOW_UNTOLD, "pn_flow_sights_untold",                                                    \
	  "such packets in the flow table that no record has told yet, at the last drain")         \
	X(FLOW_DRAINS, "pn_flow_drains_total", "times that the kernel's flow table has been read") \
	X(FLOW_LINES, "pn_flow_lines", "ways of connections that are counted in a line")           \
	X(FLOW_WAITING, "pn_flow_waiting", "connections whose first record waits for names")       \
	X(FLOW_UNJOURNALED, "pn_flow_unjournaled_total",                                           \
	  "connections beyond the journal's room: told again after a restart")                     \
	X(FLOW_OVERWRITTEN, "pn_flow_recent_overwritten_total",                                    \
	  "records told that are no longer kept for those who ask afterwards")                     \
	X(FLOW_DRAIN_FAILURES, "pn_flow_drain_failures_total",                                     \
	  "drains that could not be finished")                                                     \
	X(FLOW_ABANDONED, "pn_flow_abandoned_total",                                               \
	  "connections in a pinned flow table that this build could not go on with")               \
	X(SELECT_FAILURES, "pn_select_failures_total",                                             \
	  "addresses of a selection that the kernel did not take")                                 \
	X(DROPS_TOLD, "pn_drops_told_packets_total",                                               \
	  "packets that the kernel has thrown away and lines tell of")                             \
	X(DROPS_LINES, "pn_drops_lines_total", "lines about drops")                                \
	X(DROPS_FAILURES, "pn_drops_read_failures_total",                                          \
	  "times that drops could not be read or kept; they are read again")                       \
	X(CONFIG_RELOADS, "pn_config_reloads_total",                                               \
	  "times that the settings were read again and hold since")                                \
	X(CONFIG_FAILURES, "pn_config_reload_failures_total",                                      \
	  "times that the settings were read again in vain: those from before stay")               \
	X(DROPS_SERIES, "pn_drops_series", "pairs of ends and reasons that have series of drops")  \
	X(DROPS_ENDED, "pn_drops_series_ended_total",                                              \
	  "such series that ended, as nothing was dropped for --metrics-idle")                     \
	X(DROPS_OTHER, "pn_drops_other_lines_total",                                               \
	  "lines about drops counted under _other, as there was no room for one more series")      \
	X(POLICY_JUDGED, "pn_policy_judged_total", "connections held against network policies")    \
	X(POLICY_DENIED, "pn_policy_denied_total", "such connections that a policy denies")        \
	X(POLICY_DISAGREEING, "pn_policy_disagreeing_records_total",                               \
	  "records of connections that the kernel treats otherwise than policies say")             \
	X(EXPORT_DROPPED, "pn_export_records_dropped_total",                                       \
	  "records a sink did not take: reader too slow, or write failed")                         \
	X(EXPORT_DEAF, "pn_export_clients_deaf_total",                                             \
	  "clients that read nothing and had to give way to others")                               \
	X(HISTORY_RECORDS, "pn_history_records_total", "records written into the history")         \
	X(HISTORY_LOST, "pn_history_records_lost_total",                                           \
	  "records that are not in the history: no room, no disk, or the file was damaged")        \
	X(HISTORY_BYTES, "pn_history_bytes",                                                       \
	  "size of the history's file and of the log beside it")                                   \
	X(HISTORY_FAILURES, "pn_history_failures_total",                                           \
	  "times that the history could not be written or read")                                   \
	X(TRAFFIC_SERIES, "pn_traffic_series", "pairs of ends that have series of traffic")        \
	X(TRAFFIC_ENDED, "pn_traffic_series_ended_total",                                          \
	  "such pairs whose series ended, as they had been silent for --metrics-idle")             \
	X(TRAFFIC_OTHER, "pn_traffic_other_records_total",                                         \
	  "records counted under _other, as there was no room for one more pair")                  \
	X(SERVE_CLIENTS, "pn_serve_clients_total", "connections accepted on the unix socket")      \
	X(SERVE_REFUSED, "pn_serve_requests_refused_total", "requests refused on the unix socket") \
	X(HTTP_REQUESTS, "pn_http_requests_total", "requests over HTTP")                           \
	X(HTTP_REFUSED, "pn_http_requests_refused_total",                                          \
	  "such requests refused: unknown page, other method, no token")                           \
	X(HTTP_CUT, "pn_http_connections_cut_total",                                               \
	  "HTTP connections cut off: too slow, or the oldest of too many")

#define PN_METRIC_ENUM(id, name, help) PN_METRIC_##id,
enum pn_metric {
	PN_METRICS(PN_METRIC_ENUM) PN_METRIC_MAX, /* sentinel */
};
#undef PN_METRIC_ENUM

/** Any thread; relaxed order: a reader sees each figure, not a moment across figures. */
void pn_metric_add(enum pn_metric m, uint64_t n);
void pn_metric_set(enum pn_metric m, uint64_t value);
uint64_t pn_metric_get(enum pn_metric m);

const char *pn_metric_name(enum pn_metric m);
const char *pn_metric_help(enum pn_metric m);

#endif
