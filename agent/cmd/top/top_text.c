/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of `podonym top` as text: cells of the table, and the two lines above it.
 */
#include "cmd/top/top_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

const char *const pn_top_headings[PN_TOP_COLUMNS] = {
	"SOURCE", "DESTINATION", "PORT", "BYTES/S", "PACKETS/S", "CONNS", "DROPS/S",
	"REASON", "RTT",	 "LAST", "BYTES",   "PACKETS",	 "DROPS",
};

void pn_top_number(char *to, size_t size, double n)
{
	static const char prefixes[] = "\0kMGTPE";
	size_t i = 0;

	for (; n >= 999.5 && i + 2 < sizeof(prefixes); i++)
		n /= 1000;
	if (n == 0)
		(void)snprintf(to, size, "0");
	else if (n < 0.005)
		(void)snprintf(to, size, "<0.01");
	else if (n < 9.995 && (i || n != (double)(unsigned int)n))
		(void)snprintf(to, size, "%.2f%.1s", n, &prefixes[i]);
	else if (n < 99.95 && n != (double)(unsigned int)n)
		(void)snprintf(to, size, "%.1f%.1s", n, &prefixes[i]);
	else
		(void)snprintf(to, size, "%.0f%.1s", n, &prefixes[i]);
}

void pn_top_age(char *to, size_t size, pn_nsec then, pn_nsec now)
{
	unsigned long long s = now > then ? (now - then) / PN_NSEC_PER_SEC : 0;

	if (s < 120)
		(void)snprintf(to, size, "%llus", s);
	else
		(void)snprintf(to, size, "%llum", s / 60);
}

void pn_top_rtt(char *to, size_t size, uint64_t us)
{
	*to = '\0';
	if (us && us < 1000)
		(void)snprintf(to, size, "%lluus", (unsigned long long)us);
	else if (us)
		(void)snprintf(to, size, "%.1fms", (double)us / 1000);
}

static void put_rates(char *to, size_t size, double forth, double back)
{
	char a[16], b[16];

	pn_top_number(a, sizeof(a), forth);
	pn_top_number(b, sizeof(b), back);
	(void)snprintf(to, size, "%s/%s", a, b);
}

static void put_sums(char *to, size_t size, uint64_t forth, uint64_t back)
{
	(void)snprintf(to, size, "%llu/%llu", (unsigned long long)forth, (unsigned long long)back);
}

/* Those that no pair of its own stands for have neither names nor connections. */
static void put_pair(char *to, size_t size, enum pn_top_column column, const struct pn_top_row *r)
{
	if (column == PN_TOP_SOURCE)
		(void)snprintf(to, size, "%s", r->id ? r->source : "others");
	else if (column == PN_TOP_DESTINATION)
		(void)snprintf(to, size, "%s", r->destination);
	else if (column == PN_TOP_PORT && r->port)
		(void)snprintf(to, size, "%s/%u", r->protocol, r->port);
	else if (column == PN_TOP_PORT)
		(void)snprintf(to, size, "%s", r->protocol);
	else if (r->id)
		(void)snprintf(to, size, "%zu", r->n_connections);
}

void pn_top_cell(char *to, size_t size, enum pn_top_column column, const struct pn_top_row *r,
		 pn_nsec now)
{
	*to = '\0';
	switch (column) {
	case PN_TOP_SOURCE:
	case PN_TOP_DESTINATION:
	case PN_TOP_PORT:
	case PN_TOP_CONNECTIONS:
		put_pair(to, size, column, r);
		break;
	case PN_TOP_BYTE_RATE:
		put_rates(to, size, r->rates[PN_TOP_BYTES], r->rates[PN_TOP_BYTES_BACK]);
		break;
	case PN_TOP_PACKET_RATE:
		put_rates(to, size, r->rates[PN_TOP_PACKETS], r->rates[PN_TOP_PACKETS_BACK]);
		break;
	case PN_TOP_DROP_RATE:
		pn_top_number(to, size, r->rates[PN_TOP_DROPS]);
		break;
	case PN_TOP_REASON:
		(void)snprintf(to, size, "%s", r->reasons[0].name);
		break;
	case PN_TOP_RTT:
		pn_top_rtt(to, size, r->rtt_us);
		break;
	case PN_TOP_AGE:
		pn_top_age(to, size, r->last, now);
		break;
	case PN_TOP_BYTE_SUM:
		put_sums(to, size, r->sums[PN_TOP_BYTES], r->sums[PN_TOP_BYTES_BACK]);
		break;
	case PN_TOP_PACKET_SUM:
		put_sums(to, size, r->sums[PN_TOP_PACKETS], r->sums[PN_TOP_PACKETS_BACK]);
		break;
	case PN_TOP_DROP_SUM:
		(void)snprintf(to, size, "%llu", (unsigned long long)r->sums[PN_TOP_DROPS]);
		break;
	case PN_TOP_COLUMNS:
		break;
	}
}

/* --- above the table ------------------------------------------------------------------------------ */

static const char *state_of(const struct pn_top_agent *a)
{
	if (a->is_silent)
		return "does not answer";
	if (!*a->node)
		return "asked for its state";
	return a->is_synced ? "in sync" : "not in sync";
}

static void put_agent(char *to, size_t size, const struct pn_top_agent *a)
{
	const char *node = *a->node ? a->node : "-";

	if (!a->is_there)
		(void)snprintf(to, size, "no agent: %s", *a->why ? a->why : "calling it");
	else
		(void)snprintf(to, size, "node %s, %s%s%s", node, state_of(a),
			       *a->why ? ", without drops: " : "", a->why);
}

void pn_top_heading(char *to, size_t size, const struct pn_top_agent *agent, const char *filter,
		    pn_nsec realtime)
{
	time_t s = (time_t)(realtime / PN_NSEC_PER_SEC);
	char clock[16] = "", state[512];
	struct tm tm;
	int n;

	if (localtime_r(&s, &tm))
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	put_agent(state, sizeof(state), agent);
	n = snprintf(to, size, "podonym top  %s  %s%s%s", clock, state, *filter ? "  only " : "",
		     filter);
	if (n > 0 && (size_t)n < size && *agent->note)
		n += snprintf(to + n, size - (size_t)n, "  (%s)", agent->note);
	if (n > 0 && (size_t)n < size && agent->n_unread)
		(void)snprintf(to + n, size - (size_t)n, "  %llu lines not understood",
			       (unsigned long long)agent->n_unread);
}

void pn_top_summary(char *to, size_t size, const struct pn_top *t, size_t n_pairs, pn_nsec now)
{
	unsigned long long untracked = pn_top_untracked(t);
	char rate[PN_TOP_FIGURES][16];
	struct pn_top_row all;
	int n;

	pn_top_all(t, now, &all);
	for (int i = 0; i < PN_TOP_FIGURES; i++)
		pn_top_number(rate[i], sizeof(rate[i]), all.rates[i]);
	n = snprintf(to, size,
		     "%zu pairs, %zu connections  %s/%s bytes/s  %s/%s packets/s  %s drops/s",
		     n_pairs, all.n_connections, rate[PN_TOP_BYTES], rate[PN_TOP_BYTES_BACK],
		     rate[PN_TOP_PACKETS], rate[PN_TOP_PACKETS_BACK], rate[PN_TOP_DROPS]);
	if (n > 0 && (size_t)n < size && untracked)
		(void)snprintf(to + n, size - (size_t)n,
			       "  %llu records of connections without room", untracked);
}
