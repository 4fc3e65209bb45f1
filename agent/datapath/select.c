// SPDX-License-Identifier: Apache-2.0
/*
 * Selections, written into the maps of bpf/select.bpf.h. Made by tracer.c with the programs; the agent
 * says what is selected and whose addresses these are.
 *
 * There are two banks, and the lowest bit of the word `selecting` is the one in force. Before the
 * other one is written, every program that may still read it has ended: the kernel's grace period.
 *
 * Connections that have lost packets are in a map beside the banks. The flow thread writes it and changes
 * the word, as the control thread does: therefore the lock.
 */
#include "datapath/select.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "datapath/grace.h"

#define BANK_BITS 32

struct pn_select {
	struct pn_select_maps maps;
	pthread_mutex_t lock;
	uint32_t word;	      /* under the lock: the last that was in force; the next one differs */
	uint32_t in_force;    /* bank */
	uint32_t bank;	      /* that pn_select_owner() writes */
	bool is_all[2];	      /* the bank says nothing: everything is recorded */
	bool is_for_drops[2]; /* a rule of the bank wants connections that have lost packets */
	size_t n_owners[2];
	_Atomic uint32_t sampling;
};

uint32_t pn_selection_rules(const struct pn_selection *s, enum pn_select_sort sort)
{
	uint32_t rules = 0;

	for (size_t i = 0; i < s->n_terms; i++)
		if (s->terms[i].sort == sort)
			rules |= 1u << s->terms[i].rule;
	return rules;
}

int pn_select_new(const struct pn_select_maps *maps, struct pn_select **ret)
{
	struct pn_select *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->maps = *maps;
	s->is_all[0] = s->is_all[1] = true;
	atomic_init(&s->sampling, 1);
	(void)pthread_mutex_init(&s->lock, NULL);
	*ret = s;
	return 0;
}

void pn_select_free(struct pn_select *s)
{
	if (s)
		(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* --- a bank is cleared -------------------------------------------------------------------------- */

/* @bank_at: where in the key it stands. Keys are at most as long as those of networks. */
static int clear_map(int fd, size_t bank_at, uint32_t bank)
{
	struct pn_select_cidr kept, next, *at = NULL;
	uint32_t of;

	while (bpf_map_get_next_key(fd, at, &next) == 0) {
		memcpy(&of, (const char *)&next + bank_at, sizeof(of));
		if (of != bank) {
			kept = next;
			at = &kept;
			continue;
		}
		if (bpf_map_delete_elem(fd, &next) < 0)
			return -errno;
	}
	return 0;
}

/* Nobody reads the bank that is not in force, once all programs that were running have ended. */
static int clear_bank(struct pn_select *s, uint32_t bank)
{
	int r;

	(void)pn_grace();
	r = clear_map(s->maps.owners_fd, offsetof(struct pn_select_addr, bank), bank);
	if (r == 0)
		r = clear_map(s->maps.cidrs_fd, offsetof(struct pn_select_cidr, in.bank), bank);
	if (r == 0)
		r = clear_map(s->maps.ports_fd, offsetof(struct pn_select_port, bank), bank);
	s->n_owners[bank] = 0;
	return r;
}

/* --- and written -------------------------------------------------------------------------------- */

/* The kernel finds the smallest network only, so that one has the rules of those around it as well. */
static int write_cidr(struct pn_select *s, const struct pn_selection *sel, const struct pn_cidr *c)
{
	struct pn_select_cidr key = {
		.prefix_len = BANK_BITS + c->prefix_len,
		.in.bank = s->bank,
	};
	uint32_t rules = 0;

	for (size_t i = 0; i < sel->n_terms; i++)
		if (sel->terms[i].sort == PN_SELECT_CIDR && pn_cidr_covers(&sel->terms[i].cidr, c))
			rules |= 1u << sel->terms[i].rule;
	memcpy(key.in.addr, c->addr.b, sizeof(key.in.addr));
	return bpf_map_update_elem(s->maps.cidrs_fd, &key, &rules, BPF_ANY);
}

/* Nor does it know families: all of IPv4, which lies in ::/0 as it is written here, has rules of its own. */
static int write_network(struct pn_select *s, const struct pn_selection *sel,
			 const struct pn_cidr *c)
{
	static const struct pn_cidr v4 = { .addr.b = { [10] = 0xff, 0xff }, .prefix_len = 96 };
	int r = write_cidr(s, sel, c);

	return r < 0 || pn_cidr_is_v4(c) ? r : write_cidr(s, sel, &v4);
}

static int write_ports(struct pn_select *s, const struct pn_select_term *t)
{
	int r = 0;

	for (uint32_t port = t->first; r == 0 && port <= t->last; port++) {
		const struct pn_select_port key = { .bank = s->bank,
						    .port = htons((uint16_t)port) };
		uint32_t rules = 0;

		(void)bpf_map_lookup_elem(s->maps.ports_fd, &key, &rules);
		rules |= 1u << t->rule;
		r = bpf_map_update_elem(s->maps.ports_fd, &key, &rules, BPF_ANY);
	}
	return r;
}

static int write_terms(struct pn_select *s, const struct pn_selection *sel)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sel->n_terms; i++) {
		const struct pn_select_term *t = &sel->terms[i];

		if (t->sort == PN_SELECT_CIDR)
			r = write_network(s, sel, &t->cidr);
		else if (t->sort == PN_SELECT_PORT)
			r = write_ports(s, t);
	}
	return r;
}

/* Without any rule there is one that has no terms. */
static void write_rules(struct pn_select_rules *to, const struct pn_selection *sel)
{
	uint32_t n = (uint32_t)PN_MAX(sel->n_rules, (size_t)1);
	uint32_t all = n < 32 ? (1u << n) - 1 : UINT32_MAX;

	to->without_owner = all & ~(pn_selection_rules(sel, PN_SELECT_NAMESPACE) |
				    pn_selection_rules(sel, PN_SELECT_LABEL));
	to->without_cidr = all & ~pn_selection_rules(sel, PN_SELECT_CIDR);
	to->without_port = all & ~pn_selection_rules(sel, PN_SELECT_PORT);
	to->without_drops = all & ~pn_selection_rules(sel, PN_SELECT_DROPS);
	for (size_t proto = 0; proto < PN_ARRAY_SIZE(to->proto); proto++)
		to->proto[proto] = all & ~pn_selection_rules(sel, PN_SELECT_PROTOCOL);
	for (size_t i = 0; i < sel->n_terms; i++)
		if (sel->terms[i].sort == PN_SELECT_PROTOCOL)
			to->proto[sel->terms[i].proto] |= 1u << sel->terms[i].rule;
}

int pn_select_prepare(struct pn_select *s, const struct pn_selection *selection, uint32_t sampling,
		      struct pn_err *reterr)
{
	int r;

	s->bank = !s->in_force;
	r = clear_bank(s, s->bank);
	if (r == 0)
		r = write_terms(s, selection);
	if (r < 0) {
		pn_select_abort(s);
		return pn_err_set(reterr, r, "writing the selection: %s", strerror(-r));
	}
	write_rules(&s->maps.banks[s->bank], selection);
	s->maps.banks[s->bank].sampling = sampling > 1 ? sampling : 0;
	s->is_all[s->bank] = !selection->n_rules && sampling <= 1;
	s->is_for_drops[s->bank] = pn_selection_rules(selection, PN_SELECT_DROPS);
	return 0;
}

/* --- in force ----------------------------------------------------------------------------------- */

/* Another word, which is not 0 and has this bank: refusals of before do not hold any more. */
static void change_word(struct pn_select *s, uint32_t bank)
{
	s->word = ((s->word | 1) + 1) | bank;
	if (s->word < 2)
		s->word += 2;
	__atomic_store_n(s->maps.selecting, s->is_all[bank] ? 0 : s->word, __ATOMIC_RELEASE);
}

static void put_in_force(struct pn_select *s, uint32_t bank)
{
	(void)pthread_mutex_lock(&s->lock);
	s->in_force = bank;
	change_word(s, bank);
	(void)pthread_mutex_unlock(&s->lock);
}

void pn_select_commit(struct pn_select *s)
{
	uint32_t sampling = s->maps.banks[s->bank].sampling;

	put_in_force(s, s->bank);
	atomic_store_explicit(&s->sampling, sampling ? sampling : 1, memory_order_relaxed);
}

void pn_select_abort(struct pn_select *s)
{
	s->bank = s->in_force;
}

int pn_select_owner(struct pn_select *s, const struct pn_addr *addr, uint32_t rules)
{
	struct pn_select_addr key = { .bank = s->bank };
	uint32_t before = 0;
	int r;

	memcpy(key.addr, addr->b, sizeof(key.addr));
	(void)bpf_map_lookup_elem(s->maps.owners_fd, &key, &before);
	if (before == rules)
		return 0;
	r = rules ? bpf_map_update_elem(s->maps.owners_fd, &key, &rules, BPF_ANY)
		  : bpf_map_delete_elem(s->maps.owners_fd, &key);
	if (r < 0)
		return r;
	s->n_owners[s->bank] += !before;
	s->n_owners[s->bank] -= !rules;
	if (rules & ~before && s->bank == s->in_force)
		put_in_force(s, s->bank);
	return 0;
}

int pn_select_lost(struct pn_select *s, const struct pn_flow_key *key)
{
	uint64_t now = pn_clock_now(&pn_clock_system), before = 0;
	bool is_known = bpf_map_lookup_elem(s->maps.lost_fd, key, &before) == 0 &&
			now - before < PN_SELECT_LOST_NS;
	int r = bpf_map_update_elem(s->maps.lost_fd, key, &now, BPF_ANY);

	if (r < 0 || is_known)
		return r;
	(void)pthread_mutex_lock(&s->lock);
	if (s->is_for_drops[s->in_force])
		change_word(s, s->in_force);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

uint32_t pn_select_sampling(const struct pn_select *s)
{
	return atomic_load_explicit(&s->sampling, memory_order_relaxed);
}

size_t pn_select_count(const struct pn_select *s)
{
	return s->n_owners[s->in_force];
}
