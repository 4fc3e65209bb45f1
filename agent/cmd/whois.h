/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_WHOIS_H
#define PN_CMD_WHOIS_H

#include <stdio.h>

#include "base/err.h"
#include "datapath/pinned_maps.h"

/*
 * The parts of `podonym whois`: what is asked (whois_ask.c), what the maps answer, and how that is
 * shown (whois_print.c).
 */

/**
 * struct pn_whois_question
 * @port:   in host byte order; 0: the address alone is asked about
 * @cgroup: not 0: this is asked about, and no address
 */
struct pn_whois_question {
	struct pn_addr addr;
	uint16_t port;
	uint8_t proto;
	uint64_t cgroup;
};

/** What an answer rests on; the names are those of `attribution` in flow records. */
enum pn_whois_by {
	PN_WHOIS_NONE,
	PN_WHOIS_CGROUP,
	PN_WHOIS_IP,
	PN_WHOIS_PORT,
	PN_WHOIS_SERVICE,
	PN_WHOIS_NODE,
	PN_WHOIS_CIDR,
	PN_WHOIS_MAX, /* sentinel */
};

/**
 * struct pn_whois_answer
 * @owner:   if @has_owner; for PN_WHOIS_CIDR of the network, as the address itself has none
 * @ip:      of the address, zero if the maps do not have it
 * @network: for PN_WHOIS_CIDR
 */
struct pn_whois_answer {
	struct pn_whois_question question;
	enum pn_whois_by by;
	uint32_t owner_id;
	struct pn_owner_value owner, previous;
	bool has_owner, has_previous;
	struct pn_ip_value ip;
	struct pn_cidr network;
};

/** pn_whois_parse() - ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT, with /tcp, /udp or /sctp. Return: 0 or -EINVAL with @reterr */
int pn_whois_parse(const char *text, struct pn_whois_question *ret, struct pn_err *reterr);

/**
 * pn_whois_parse_cgroup() - an id, a directory, or a path or a line as in /proc/PID/cgroup
 *
 * Return: 0; -EINVAL; -ENOENT there is no such cgroup; others, with @reterr
 */
int pn_whois_parse_cgroup(const char *text, struct pn_whois_question *ret, struct pn_err *reterr);

/** pn_whois_ask() - Return: 0, also if nothing is known, or a negative errno of the maps */
int pn_whois_ask(const struct pn_maps_reader *maps, const struct pn_whois_question *question,
		 struct pn_whois_answer *ret);

/** struct pn_whois_report - answers, collected to be shown together */
struct pn_whois_report;

int pn_whois_report_new(bool as_json, struct pn_whois_report **ret);
void pn_whois_report_free(struct pn_whois_report *r);

/** pn_whois_report_add() - Return: 0 or -ENOMEM */
int pn_whois_report_add(struct pn_whois_report *r, const struct pn_whois_answer *a);

/** pn_whois_report_print() - Return: 0 or -EIO */
int pn_whois_report_print(const struct pn_whois_report *r, FILE *out);

#endif
