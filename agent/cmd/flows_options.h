/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_FLOWS_OPTIONS_H
#define PN_CMD_FLOWS_OPTIONS_H

#include "cmd/flows.h"

/*
 * Rows that `podonym flows` and `podonym drops` have in common, of struct pn_flows_options: which of
 * what is kept, which filters (the names are those of flow/filter.c), and how times and ends are
 * written.
 */

#define PN_FLOWS_PAST_OPTIONS                                                      \
	{                                                                          \
		.name = "last",                                                    \
		.type = PN_OPT_UINT,                                               \
		.arg = "N",                                                        \
		.offset = offsetof(struct pn_flows_options, last),                 \
		.min = 1,                                                          \
		.max = UINT32_MAX,                                                 \
		.help = "the newest N of those that are kept",                     \
	},                                                                         \
		{                                                                  \
			.name = "first",                                           \
			.type = PN_OPT_UINT,                                       \
			.arg = "N",                                                \
			.offset = offsetof(struct pn_flows_options, first),        \
			.min = 1,                                                  \
			.max = UINT32_MAX,                                         \
			.help = "the oldest N of those that are kept",             \
		},                                                                 \
		{                                                                  \
			.name = "all",                                             \
			.type = PN_OPT_FLAG,                                       \
			.offset = offsetof(struct pn_flows_options, all),          \
			.help = "all of those that are kept",                      \
		},                                                                 \
		{                                                                  \
			.name = "since",                                           \
			.type = PN_OPT_STRING,                                     \
			.arg = "TIME",                                             \
			.offset = offsetof(struct pn_flows_options, since),        \
			.help = "those whose last packet came since: 5m (ago) or " \
				"2006-01-02T15:04:05Z",                            \
		},                                                                 \
	{                                                                          \
		.name = "until", .type = PN_OPT_STRING, .arg = "TIME",             \
		.offset = offsetof(struct pn_flows_options, until),                \
		.help = "those whose last packet came until then",                 \
	}

#define PN_FLOWS_FILTER(option, value, words)                                        \
	{                                                                            \
		.name = option, .type = PN_OPT_ITEM, .arg = value,                   \
		.offset = offsetof(struct pn_flows_options, filters), .help = words, \
	}
#define PN_FLOWS_FILTER_EACH_END(option, value, words)                                \
	PN_FLOWS_FILTER(option, value, words),                                        \
		PN_FLOWS_FILTER("from-" option, value, "the same, of who opened it"), \
		PN_FLOWS_FILTER("to-" option, value, "the same, of who was called")

#define PN_FLOWS_FILTER_OPTIONS                                                                    \
	{                                                                                          \
		.name = "not",                                                                     \
		.type = PN_OPT_MARK,                                                               \
		.offset = offsetof(struct pn_flows_options, filters),                              \
		.help = "the next filter must not be met",                                         \
	},                                                                                         \
		{                                                                                  \
			.name = "namespace",                                                       \
			.letter = 'n',                                                             \
			.type = PN_OPT_ITEM,                                                       \
			.arg = "NS",                                                               \
			.offset = offsetof(struct pn_flows_options, filters),                      \
			.help = "the namespace of an end, or of the Service",                      \
		},                                                                                 \
		PN_FLOWS_FILTER("from-namespace", "NS", "the same, of who opened it"),             \
		PN_FLOWS_FILTER("to-namespace", "NS", "the same, of who was called"),              \
		{                                                                                  \
			.name = "all-namespaces",                                                  \
			.letter = 'A',                                                             \
			.type = PN_OPT_FLAG,                                                       \
			.offset = offsetof(struct pn_flows_options, all_namespaces),               \
			.help = "all namespaces, as without -n",                                   \
		},                                                                                 \
		PN_FLOWS_FILTER_EACH_END(                                                          \
			"pod", "NAME",                                                             \
			"a pod whose name begins with NAME, or with NS/NAME in a namespace"),      \
		PN_FLOWS_FILTER_EACH_END("workload", "NAME",                                       \
					 "a pod of the workload NAME, or KIND/NAME"),              \
		PN_FLOWS_FILTER_EACH_END(                                                          \
			"label", "SELECTOR",                                                       \
			"a pod or Service with these labels: app=web,tier!=db or 'app in (a,b)'"), \
		PN_FLOWS_FILTER("service", "NAME",                                                 \
				"a Service whose name begins with NAME, or with NS/NAME"),         \
		PN_FLOWS_FILTER("node", "NAME", "a node, and what runs on it"),                    \
		PN_FLOWS_FILTER_EACH_END("ip", "ADDRESS",                                          \
					 "an end's address, or its network; also the Service's"),  \
		PN_FLOWS_FILTER_EACH_END("cidr", "NETWORK", "an end's network: 10.0.0.0/8"),       \
		PN_FLOWS_FILTER_EACH_END("port", "PORT", "an end's port; also the Service's"),     \
		PN_FLOWS_FILTER("protocol", "NAME",                                                \
				"tcp, udp, icmp, icmpv4, icmpv6, sctp, or a number"),              \
		PN_FLOWS_FILTER("verdict", "WORD",                                                 \
				"forwarded, dropped or rejected on this node; denied by network "  \
				"policies; disagrees: the kernel did otherwise"),                  \
		PN_FLOWS_FILTER("drop-reason", "NAME",                                             \
				"the kernel's word for it: NETFILTER_DROP, NO_SOCKET, ..."),       \
		PN_FLOWS_FILTER("attribution", "WORD",                                             \
				"how the name of an end was found: cgroup, ip, ..."),              \
		PN_FLOWS_FILTER("id", "ID", "all records of one connection: flow_id of its JSON")

#define PN_FLOWS_OPTIONS                                                 \
	{                                                                \
		.name = "follow",                                        \
		.letter = 'f',                                           \
		.type = PN_OPT_FLAG,                                     \
		.offset = offsetof(struct pn_flows_options, follow),     \
		.help = "print records as they come, until interrupted", \
	},                                                               \
		PN_FLOWS_PAST_OPTIONS, PN_FLOWS_FILTER_OPTIONS

#define PN_FLOWS_STYLE_OPTIONS                                            \
	{                                                                 \
		.name = "time-format",                                    \
		.type = PN_OPT_CHOICE,                                    \
		.arg = "FORM",                                            \
		.offset = offsetof(struct pn_flows_options, time_format), \
		.preset = "clock",                                        \
		.choices = pn_flows_times,                                \
		.help = "form of times, except in JSON",                  \
	},                                                                \
	{                                                                 \
		.name = "numeric", .type = PN_OPT_FLAG,                   \
		.offset = offsetof(struct pn_flows_options, numeric),     \
		.help = "addresses instead of names, except in JSON",     \
	}

#endif
