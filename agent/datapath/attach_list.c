/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces are traced, for tracer.c. At the start that is what the pinned links of an earlier
 * agent say; the names of the pins are believed only as far as the kernel confirms them.
 */
#include "datapath/attach_list.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "datapath/pins.h"

struct pn_attachment *pn_attach_list_find(const struct pn_attach_list *l, int ifindex)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->all[i].ifindex == ifindex)
			return &l->all[i];
	return NULL;
}

/* One that is attached to nothing yet. */
static struct pn_attachment *append(struct pn_attach_list *l, int ifindex)
{
	size_t cap = l->cap ? l->cap * 2 : 16;
	struct pn_attachment *grown;

	if (l->n == l->cap) {
		grown = reallocarray(l->all, cap, sizeof(*grown));
		if (!grown)
			return NULL;
		l->all = grown;
		l->cap = cap;
	}
	l->all[l->n] = (struct pn_attachment) {
		.ifindex = ifindex,
		.link_fd = { -1, -1 },
		.is_clsact = l->config.use_clsact,
	};
	return &l->all[l->n++];
}

static void forget(struct pn_attach_list *l, struct pn_attachment *a)
{
	*a = l->all[--l->n];
}

int pn_attach_list_add(struct pn_attach_list *l, int ifindex, struct pn_err *reterr)
{
	struct pn_attachment *a;
	int r;

	a = append(l, ifindex);
	if (!a)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	r = pn_attach(a, l->config.prog_fd, l->config.pin_dir, reterr);
	if (r < 0)
		forget(l, a);
	return r;
}

void pn_attach_list_remove(struct pn_attach_list *l, struct pn_attachment *a)
{
	pn_attach_undo(a, l->config.pin_dir);
	forget(l, a);
}

void pn_attach_list_done(struct pn_attach_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->config.pin_dir)
			pn_attach_leave(&l->all[i]);
		else
			pn_attach_undo(&l->all[i], NULL);
	}
	free(l->all);
	free(l->config.pin_dir);
}

/* --- taking over -------------------------------------------------------------------------------- */

struct adopting {
	struct pn_attach_list *list;
	bool out_of_memory;
};

static void adopt_link(struct adopting *ad, int ifindex, enum pn_hook hook)
{
	struct pn_attach_list *l = ad->list;
	struct pn_attachment *a;
	int r, fd;

	r = pn_attach_adopt(l->config.pin_dir, ifindex, hook, l->config.prog_fd[hook], &fd);
	if (r < 0) {
		pn_debug("datapath", "a pinned link is not taken over: %s ifindex=%d", strerror(-r),
			 ifindex);
		return;
	}
	a = pn_attach_list_find(l, ifindex);
	a = a ? a : append(l, ifindex);
	if (!a) {
		ad->out_of_memory = true;
		(void)close(fd);
		return;
	}
	a->link_fd[hook] = fd;
	a->is_adopted = true;
}

static void on_pin(void *data, const char *name)
{
	struct adopting *ad = data;
	enum pn_hook hook;
	int ifindex;

	if (!pn_attach_parse_pin(name, &ifindex, &hook))
		return;
	if (ad->list->config.use_clsact)
		pn_attach_drop(ad->list->config.pin_dir, name);
	else
		adopt_link(ad, ifindex, hook);
}

/* The agent may have ended between one hook of an interface and the other. */
static void complete(struct pn_attach_list *l)
{
	struct pn_err err;

	for (size_t i = l->n; i-- > 0;) {
		struct pn_attachment *a = &l->all[i];

		if (pn_attach(a, l->config.prog_fd, l->config.pin_dir, &err) < 0) {
			pn_debug("datapath", "%s", err.text);
			forget(l, a);
		}
	}
}

int pn_attach_list_adopt(struct pn_attach_list *l, struct pn_err *reterr)
{
	struct adopting ad = { .list = l };
	int r;

	if (!l->config.use_clsact)
		(void)pn_attach_sweep_clsact(); /* they would count what the links count */
	r = pn_pins_each(l->config.pin_dir, on_pin, &ad);
	if (r == 0 && ad.out_of_memory)
		r = -ENOMEM;
	if (r < 0)
		return pn_err_set(reterr, r, "taking over the links in %s: %s", l->config.pin_dir,
				  strerror(-r));
	complete(l);
	return 0;
}
