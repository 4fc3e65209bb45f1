/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the kernel drops packets: from addresses to functions, and which of these tell something by
 * themselves. Used by drops.c.
 */
#include "datapath/drop_places.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "datapath/symbols.h"

/* Policies are enforced here without a reason given. */
static const char *const unspecified_places[] = {
	"nfqnl_reinject", "nf_reinject",	"netkit_xmit",
	"ovs_",		  "do_execute_actions", /* of Open vSwitch */
};

/* Before Linux 5.17. Some also drop for other reasons; most of those come seldom. */
static const char *const silent_places[] = {
	"nf_hook_slow", "nft_do_chain",	      "__netif_receive_skb_core", "__dev_queue_xmit",
	"tcp_v4_rcv",	"tcp_v6_rcv",	      "__udp4_lib_rcv",		  "__udp6_lib_rcv",
	"ip_forward",	"ip6_forward",	      "ip_finish_output",	  "ip6_finish_output",
	"ip_error",	"ip_rcv_finish_core",
};

/* An answer to ping is shown to the sockets made for it, beside the raw one that most pings have. */
static const char *const places_of_copies[] = { "ping_rcv" };

static bool is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (strcmp(name, names[i]) == 0 ||
		    (names[i][len - 1] == '_' && strncmp(name, names[i], len) == 0))
			return true;
	}
	return false;
}

void pn_drop_places_done(struct pn_drop_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->all[i]);
	free(p->all);
	*p = (struct pn_drop_places) { NULL, 0 };
}

/* Return: the first that is not below @addr */
static size_t position(const struct pn_drop_places *p, uint64_t addr)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (p->all[middle]->addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct pn_drop_place *pn_drop_places_find(const struct pn_drop_places *p, uint64_t addr)
{
	size_t i = position(p, addr);

	return i < p->n && p->all[i]->addr == addr ? p->all[i] : NULL;
}

static int add(struct pn_drop_places *p, uint64_t addr, const char *name)
{
	struct pn_drop_place *place = calloc(1, sizeof(*place));
	size_t i = position(p, addr);
	struct pn_drop_place **all = realloc(p->all, (p->n + 1) * sizeof(*all));

	if (all)
		p->all = all;
	if (!all || !place) {
		free(place);
		return -ENOMEM;
	}
	place->addr = addr;
	if (*name)
		(void)snprintf(place->name, sizeof(place->name), "%s", name);
	else
		(void)snprintf(place->name, sizeof(place->name), "0x%" PRIx64, addr);
	place->has_copies = is_among(name, places_of_copies, PN_ARRAY_SIZE(places_of_copies));
	place->tells.unspecified =
		is_among(name, unspecified_places, PN_ARRAY_SIZE(unspecified_places));
	place->tells.no_reason = place->tells.unspecified ||
				 is_among(name, silent_places, PN_ARRAY_SIZE(silent_places));
	memmove(all + i + 1, all + i, (p->n - i) * sizeof(*all));
	all[i] = place;
	p->n++;
	return 0;
}

int pn_drop_places_add(struct pn_drop_places *p, int symbols_fd, const uint64_t *addrs, size_t n)
{
	PN_CLEANUP(pn_freep) struct pn_symbol *symbols = calloc(n, sizeof(*symbols));
	int r = 0;

	if (!symbols)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		symbols[i].addr =
			addrs[i] - 1; /* of the call; what is given is where it returns to */
	(void)pn_symbols_find(symbols_fd, symbols, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!pn_drop_places_find(p, addrs[i]))
			r = add(p, addrs[i], symbols[i].name);
	return r;
}
