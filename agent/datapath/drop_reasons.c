/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of drop reasons from the kernel's BTF. Used by drops.c.
 *
 * The names of the core are copied once and the BTF is given back: it is 6 MB. A subsystem's reasons
 * have its number in the upper 16 bits; their names are looked up when one is met, because their
 * module may come later than we do.
 */
#include "datapath/drop_reasons.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TRACEPOINT "btf_trace_kfree_skb"
#define ICMP_TRACEPOINT "btf_trace_icmp_send"
#define REASON_PREFIX "SKB_DROP_REASON_"
#define SUBSYSTEM_PREFIX "SKB_DROP_REASON_SUBSYS_"

enum { NAME_LEN = 64 };

struct name {
	uint32_t number;
	char text[NAME_LEN];
};

struct names {
	struct name *all;
	size_t n;
};

/* One that was asked for and is none of the core's. */
struct other {
	struct other *next;
	struct name name;
};

struct pn_drop_reasons {
	bool exist, trace_icmp;
	struct names core, subsystems;
	struct other *others;
};

/* Subsystems by the beginning of their names; where the kernel has their reasons. */
static const struct {
	const char *subsystem, *module, *type;
} homes[] = {
	{ "OPENVSWITCH", "openvswitch", "ovs_drop_reason" },
	{ "MAC80211", "mac80211", "mac80211_drop_reason" },
};

static void btf_freep(struct btf **btf)
{
	btf__free(*btf);
}

static void set_name(struct name *ret, uint32_t number, const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(text, prefix, len) == 0)
		text += len;
	else if (strncmp(text, "SKB_", 4) == 0) /* SKB_CONSUMED */
		text += 4;
	ret->number = number;
	(void)snprintf(ret->text, sizeof(ret->text), "%s", text);
}

/* Return: 0; -ENOENT: no such enum; -ENOMEM */
static int read_enum(const struct btf *btf, const char *type, const char *prefix, struct names *ret)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	size_t n = t ? btf_vlen(t) : 0;
	struct name *all;

	if (!n)
		return -ENOENT;
	all = calloc(n, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct btf_enum *e = &btf_enum(t)[i];

		set_name(&all[i], (uint32_t)e->val, btf__name_by_offset(btf, e->name_off), prefix);
	}
	*ret = (struct names) { all, n };
	return 0;
}

static const struct name *find(const struct names *names, uint32_t number)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->all[i].number == number)
			return &names->all[i];
	return NULL;
}

/* How many arguments the tracepoint's programs get, one for their own data included; 0: there is no such tracepoint */
static unsigned int count_arguments(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, TRACEPOINT, BTF_KIND_TYPEDEF);
	const struct btf_type *t;

	if (id < 0)
		return 0;
	t = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
	if (!t || !btf_is_ptr(t))
		return 0;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? btf_vlen(t) : 0;
}

static int read_core(struct pn_drop_reasons *r, const struct btf *btf)
{
	int ret = read_enum(btf, "skb_drop_reason", REASON_PREFIX, &r->core);

	if (ret < 0)
		return ret;
	ret = read_enum(btf, "skb_drop_reason_subsys", SUBSYSTEM_PREFIX, &r->subsystems);
	return ret == -ENOENT ? 0 : ret; /* since 6.4 */
}

static void reasons_freep(struct pn_drop_reasons **r)
{
	pn_drop_reasons_free(*r);
}

int pn_drop_reasons_new(struct pn_drop_reasons **ret, struct pn_err *reterr)
{
	PN_CLEANUP(reasons_freep) struct pn_drop_reasons *r = calloc(1, sizeof(*r));
	PN_CLEANUP(btf_freep) struct btf *btf = NULL;
	unsigned int n;
	int e = 0;

	if (!r)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return pn_err_set(reterr, -errno, "the kernel's BTF cannot be read: %s",
				  strerror(errno));
	n = count_arguments(btf);
	if (n < 3)
		return pn_err_set(reterr, -ENOTSUP, "the kernel has no tracepoint kfree_skb");
	r->exist = n > 3;
	r->trace_icmp = btf__find_by_name_kind(btf, ICMP_TRACEPOINT, BTF_KIND_TYPEDEF) > 0;
	if (r->exist)
		e = read_core(r, btf);
	if (e < 0)
		return pn_err_set(reterr, e, "the kernel's names of drop reasons: %s",
				  strerror(-e));
	*ret = PN_TAKE_PTR(r);
	return 0;
}

void pn_drop_reasons_free(struct pn_drop_reasons *r)
{
	if (!r)
		return;
	while (r->others) {
		struct other *next = r->others->next;

		free(r->others);
		r->others = next;
	}
	free(r->core.all);
	free(r->subsystems.all);
	free(r);
}

bool pn_drop_reasons_exist(const struct pn_drop_reasons *r)
{
	return r->exist;
}

bool pn_drop_reasons_trace_icmp(const struct pn_drop_reasons *r)
{
	return r->trace_icmp;
}

bool pn_drop_reasons_number(const struct pn_drop_reasons *r, const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < r->core.n; i++) {
		if (strcmp(r->core.all[i].text, name) != 0)
			continue;
		*ret = r->core.all[i].number;
		return true;
	}
	return false;
}

/* @type of @module, which may be built in. Return: was the name found? */
static bool look_in_module(const char *module, const char *type, struct name *name)
{
	PN_CLEANUP(btf_freep) struct btf *kernel = btf__load_vmlinux_btf();
	PN_CLEANUP(btf_freep)
	struct btf *split = kernel ? btf__load_module_btf(module, kernel) : NULL;
	struct names names = { NULL, 0 };
	const struct name *found = NULL;

	if (kernel && read_enum(split ? split : kernel, type, "", &names) == 0)
		found = find(&names, name->number);
	if (found)
		*name = *found;
	free(names.all);
	return found;
}

static void name_other(const struct pn_drop_reasons *r, struct name *name)
{
	const struct name *subsystem = find(&r->subsystems, name->number >> 16);

	if (!r->exist || !subsystem || !(name->number >> 16)) {
		(void)snprintf(name->text, sizeof(name->text), "REASON_%u", name->number);
		return;
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(homes); i++)
		if (strncmp(subsystem->text, homes[i].subsystem, strlen(homes[i].subsystem)) == 0 &&
		    look_in_module(homes[i].module, homes[i].type, name))
			return;
	(void)snprintf(name->text, sizeof(name->text), "%.40s_%u", subsystem->text,
		       name->number & 0xffff);
}

const char *pn_drop_reasons_name(struct pn_drop_reasons *r, uint32_t reason)
{
	const struct name *core = find(&r->core, reason);
	struct other *o = r->others;

	if (core)
		return core->text;
	while (o && o->name.number != reason)
		o = o->next;
	if (o)
		return o->name.text;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->name.number = reason;
	name_other(r, &o->name);
	o->next = r->others;
	r->others = o;
	return o->name.text;
}
