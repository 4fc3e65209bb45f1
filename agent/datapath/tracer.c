// SPDX-License-Identifier: Apache-2.0
/*
 * The user space side of bpf/flow.bpf.c: loads it, attaches it, and takes over what an agent before has
 * left. The agent's control thread owns it and tells it which interfaces; what there is to read is
 * tracer_table.c.
 *
 * With a pin directory the maps and the attachments outlive the process. A start changes nothing
 * until the programs are loaded; then the maps are settled, and only then the links get the new
 * programs, so that at any moment each link runs a program whose maps are, or were, the pinned ones.
 */
#include "datapath/tracer_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <podonym/maps.h>

#include "base/metric.h"
#include "datapath/explain.h"

/* Of the notes, mapped at a time. */
#define NOTES_STEP (256 << 10)

/* A map of another layout would be refused by the verifier, in words that help nobody. */
static int check_ip_map(int fd, struct pn_err *reterr)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	int r;

	if (fd < 0)
		return 0;
	r = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (r < 0)
		return pn_err_set(reterr, r, "the map of addresses: %s", strerror(-r));
	if (info.type != BPF_MAP_TYPE_HASH || info.key_size != sizeof(struct pn_ip_key) ||
	    info.value_size != sizeof(struct pn_ip_value))
		return pn_err_set(reterr, -EPROTO, "the map of addresses has another layout");
	return 0;
}

/* --- maps --------------------------------------------------------------------------------------- */

static int make_notes_map(uint32_t max_flows, int *ret)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "notes", sizeof(uint32_t), PN_NOTES_PAGE,
				pn_pins_notes_pages(max_flows), &opts);

	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

/* The pages of a map are resident as soon as they are mapped. */
static int reach_notes(void *data, size_t len)
{
	struct pn_tracer *t = data;
	size_t from = t->notes_reached;
	int flags = t->notes_fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	if (len <= from)
		return 0;
	if (len > t->notes.len)
		return -EINVAL;
	len = PN_MIN((len + NOTES_STEP - 1) / NOTES_STEP * NOTES_STEP, t->notes.len);
	if (mmap((char *)t->notes.at + from, len - from, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
		 t->notes_fd, (off_t)from) == MAP_FAILED)
		return -errno;
	t->notes_reached = len;
	return 0;
}

/* Only address space; what is needed of it comes later. @fd: as notes_fd, taken over */
static int reserve_notes(struct pn_tracer *t, int fd, struct pn_err *reterr)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	size_t notes_len;
	void *at;
	int r;

	t->notes_fd = fd;
	r = bpf_obj_get_info_by_fd(t->programs.map_fd[PN_PIN_FLOWS], &info, &len);
	if (r < 0)
		return pn_err_set(reterr, r, "asking for the size of the flow table: %s",
				  strerror(-r));
	t->max_flows = info.max_entries;
	notes_len = (size_t)pn_pins_notes_pages(info.max_entries) * PN_NOTES_PAGE;
	at = mmap(NULL, notes_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return pn_err_set(reterr, -errno, "address space for the notes: %s",
				  strerror(errno));
	t->notes = (struct pn_notes) { at, notes_len, reach_notes, t };
	return 0;
}

static int replace_maps(struct pn_tracer *t, const struct pn_tracer_config *config, int *ret_notes,
			struct pn_err *reterr)
{
	int r, fds[PN_PIN_MAX];

	r = make_notes_map(config->max_flows, ret_notes);
	if (r < 0)
		return pn_err_set(reterr, r, "making the map of notes: %s", strerror(-r));
	memcpy(fds, t->programs.map_fd, sizeof(fds));
	fds[PN_PIN_NOTES] = *ret_notes;
	return pn_pins_replace(config->pin_dir, fds, reterr);
}

static void close_maps(int (*fds)[PN_PIN_MAX])
{
	for (int i = 0; i < PN_PIN_MAX; i++)
		pn_closep(&(*fds)[i]);
}

static void note_lost(uint64_t n)
{
	if (!n)
		return;
	pn_metric_add(PN_METRIC_FLOW_ABANDONED, n);
	pn_warn("datapath",
		"the pinned flow table is another build's or damaged, its connections begin anew "
		"connections=%llu",
		(unsigned long long)n);
}

static int load_unpinned(struct pn_tracer *t, const struct pn_tracer_config *config,
			 struct pn_err *reterr)
{
	const int none[PN_PIN_MAX] = { [0 ... PN_PIN_MAX - 1] = -1 };
	int r;

	r = pn_programs_load(config, none, &t->programs, reterr);
	return r < 0 ? r : reserve_notes(t, -1, reterr);
}

static int load_pinned(struct pn_tracer *t, const struct pn_tracer_config *config,
		       struct pn_err *reterr)
{
	PN_CLEANUP(close_maps) int fds[PN_PIN_MAX] = { [0 ... PN_PIN_MAX - 1] = -1 };
	uint64_t n_lost;
	bool is_adopted;
	int r;

	r = pn_pins_open(config->pin_dir, fds, &n_lost, reterr);
	if (r < 0)
		return r;
	is_adopted = r > 0;
	r = pn_programs_load(config, fds, &t->programs, reterr);
	if (r == 0 && !is_adopted)
		r = replace_maps(t, config, &fds[PN_PIN_NOTES], reterr);
	if (r < 0)
		return r;
	note_lost(n_lost);
	return reserve_notes(t, PN_TAKE_FD(fds[PN_PIN_NOTES]), reterr);
}

/* --- attachments -------------------------------------------------------------------------------- */

static unsigned int read_link(struct pn_tracer *t, int ifindex, struct pn_addr *ret_addrs)
{
	static const struct pn_addr none;
	const uint32_t key = (uint32_t)ifindex;
	struct pn_flow_link link;
	unsigned int n = 0;

	if (bpf_map_lookup_elem(t->programs.map_fd[PN_PIN_LINKS], &key, &link) < 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		memcpy(ret_addrs[n].b, link.addr[i], sizeof(ret_addrs[n].b));
		n += !pn_addr_eq(&ret_addrs[n], &none);
	}
	return n;
}

/* What is not noted without memory ends when it has been idle. */
static void note_left(struct pn_tracer *t, int ifindex)
{
	struct pn_addr *grown = reallocarray(t->left, t->n_left + 2, sizeof(*grown));

	if (!grown)
		return;
	t->left = grown;
	t->n_left += read_link(t, ifindex, &t->left[t->n_left]);
}

/* A filter goes with its interface; where there is one, it is still the same interface. */
static bool is_still_there(const struct pn_tracer *t, int ifindex)
{
	return pn_attach_list_find(&t->attachments, ifindex) ||
	       (t->attachments.config.use_clsact && pn_attach_has_clsact(ifindex));
}

/*
 * What an interface that is not ours any more remembers would be told of the next one. And whoever got its
 * address was counted in the entries of the one before, if they use the same ports.
 */
static void forget_links_of_others(struct pn_tracer *t)
{
	int fd = t->programs.map_fd[PN_PIN_LINKS];
	uint32_t kept, next, *at = NULL;

	while (bpf_map_get_next_key(fd, at, &next) == 0) {
		if (is_still_there(t, (int)next)) {
			kept = next;
			at = &kept;
			continue;
		}
		note_left(t, (int)next);
		if (bpf_map_delete_elem(fd, &next) < 0)
			break;
	}
}

static int take_over(struct pn_tracer *t, struct pn_err *reterr)
{
	int r;

	r = pn_attach_list_adopt(&t->attachments, reterr);
	if (r < 0)
		return r;
	forget_links_of_others(t);
	pn_metric_set(PN_METRIC_LINKS_TRACED, t->attachments.n);
	return 0;
}

static void attach_sockets(struct pn_tracer *t, const struct pn_tracer_config *config)
{
	bool *is_on = &t->programs.is_on[PN_PART_HOST];

	if (*is_on && pn_attach_sockets(config->cgroup_root, t->programs.prog_fd, config->pin_dir,
					t->socket_link_fd, &t->programs.reason[PN_PART_HOST]) < 0)
		*is_on = false;
	if (!*is_on && config->pin_dir)
		pn_attach_drop_sockets(config->pin_dir);
}

static void choose_hook(struct pn_tracer *t, bool force_clsact)
{
	const char *reason = "";

	if (force_clsact)
		reason = "switched off";
	else if (!pn_attach_has_tcx(t->programs.prog_fd[PN_HOOK_INGRESS]))
		reason = "the kernel has no tcx (it came with Linux 6.6)";
	t->attachments.config.use_clsact = *reason;
	t->features[PN_FEATURE_HOOK] = (struct pn_feature) {
		.name = "hook",
		.state = *reason ? "clsact" : "tcx",
		.reason = reason,
	};
}

static void describe(struct pn_tracer *t, enum pn_tracer_feature feature, const char *name,
		     enum pn_part part)
{
	bool is_on = t->programs.is_on[part];

	t->features[feature] = (struct pn_feature) {
		.name = name,
		.state = is_on ? "on" : "off",
		.reason = is_on ? "" : t->programs.reason[part].text,
	};
}

static int attach_all(struct pn_tracer *t, const struct pn_tracer_config *config,
		      struct pn_err *reterr)
{
	struct pn_attach_list *l = &t->attachments;
	int r = 0;

	choose_hook(t, config->force_clsact);
	memcpy(l->config.prog_fd, t->programs.prog_fd, sizeof(l->config.prog_fd));
	if (config->pin_dir) {
		l->config.pin_dir = strdup(config->pin_dir);
		r = l->config.pin_dir ? take_over(t, reterr)
				      : pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	if (r < 0)
		return r;
	attach_sockets(t, config);
	describe(t, PN_FEATURE_NAT, "nat", PN_PART_NAT);
	describe(t, PN_FEATURE_CGROUP, "cgroup", PN_PART_CGROUP);
	describe(t, PN_FEATURE_HOST, "host", PN_PART_HOST);
	describe(t, PN_FEATURE_TCP, "tcp", PN_PART_TCP);
	describe(t, PN_FEATURE_LINES, "lines", PN_PART_LINES);
	return 0;
}

/* --- what is recorded ---------------------------------------------------------------------------- */

static int start_lines(struct pn_tracer *t, struct pn_err *reterr)
{
	int r = pn_lines_new(&t->programs.lines, &t->lines);

	return r < 0 ? pn_err_set(reterr, r, "the lines of the flow table: %s", strerror(-r)) : 0;
}

static int start_selection(struct pn_tracer *t, const struct pn_tracer_config *config,
			   struct pn_err *reterr)
{
	static const struct pn_selection everything;
	int r;

	r = pn_select_new(&t->programs.select, &t->select);
	if (r < 0)
		return pn_err_set(reterr, r, "out of memory");
	r = pn_select_prepare(t->select, config->selection ? config->selection : &everything,
			      config->sampling, reterr);
	if (r == 0)
		pn_select_commit(t->select);
	return r;
}

/* --- the tracer --------------------------------------------------------------------------------- */

static void tracer_freep(struct pn_tracer **t)
{
	pn_tracer_free(*t);
}

int pn_tracer_new(const struct pn_tracer_config *config, struct pn_tracer **ret,
		  struct pn_err *reterr)
{
	PN_CLEANUP(tracer_freep) struct pn_tracer *t = NULL;
	int r;

	if (!config->max_flows)
		return pn_err_set(reterr, -EINVAL, "a flow table needs room for at least one flow");
	t = calloc(1, sizeof(*t));
	if (!t)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	t->socket_link_fd[0] = t->socket_link_fd[1] = t->notes_fd = -1;
	r = check_ip_map(config->ip_map_fd, reterr);
	if (r < 0)
		return r;
	r = pn_tracer_table_init(t);
	if (r < 0)
		return pn_err_set(reterr, r, "preparing to read the flow table: %s", strerror(-r));

	r = config->pin_dir ? load_pinned(t, config, reterr) : load_unpinned(t, config, reterr);
	if (r == 0)
		r = start_lines(t, reterr);
	if (r == 0)
		r = start_selection(t, config, reterr);
	if (r == 0)
		r = attach_all(t, config, reterr);
	if (r < 0)
		return r;
	*ret = PN_TAKE_PTR(t);
	return 0;
}

void pn_tracer_free(struct pn_tracer *t)
{
	if (!t)
		return;
	pn_attach_list_done(&t->attachments);
	for (size_t i = 0; i < PN_ARRAY_SIZE(t->socket_link_fd); i++)
		pn_closep(&t->socket_link_fd[i]);
	if (t->notes.at)
		(void)munmap(t->notes.at, t->notes.len);
	pn_closep(&t->notes_fd);
	pn_select_free(t->select);
	pn_lines_free(t->lines);
	pn_programs_release(&t->programs);
	pn_tracer_table_done(t);
	free(t->left);
	free(t);
}

static void forget_link(struct pn_tracer *t, int ifindex)
{
	const uint32_t key = (uint32_t)ifindex;

	(void)bpf_map_delete_elem(t->programs.map_fd[PN_PIN_LINKS], &key);
}

int pn_tracer_attach(struct pn_tracer *t, int ifindex, struct pn_err *reterr)
{
	struct pn_attachment *a = pn_attach_list_find(&t->attachments, ifindex);
	int r;

	if (a && a->is_adopted) {
		a->is_adopted = false;
		return 0;
	}
	if (a)
		return pn_err_set(reterr, -EEXIST, "interface %d is traced already", ifindex);
	if (!is_still_there(t, ifindex))
		forget_link(t, ifindex);
	r = pn_attach_list_add(&t->attachments, ifindex, reterr);
	if (r < 0)
		return r;
	pn_metric_set(PN_METRIC_LINKS_TRACED, t->attachments.n);
	return 0;
}

unsigned int pn_tracer_detach(struct pn_tracer *t, int ifindex, struct pn_addr *ret_addrs)
{
	struct pn_attachment *a = pn_attach_list_find(&t->attachments, ifindex);
	unsigned int n;

	if (!a)
		return 0;
	pn_attach_list_remove(&t->attachments, a);
	n = ret_addrs ? read_link(t, ifindex, ret_addrs) : 0;
	forget_link(t, ifindex);
	pn_metric_set(PN_METRIC_LINKS_TRACED, t->attachments.n);
	return n;
}

size_t pn_tracer_left(const struct pn_tracer *t, const struct pn_addr **ret)
{
	*ret = t->left;
	return t->n_left;
}

const struct pn_notes *pn_tracer_notes(const struct pn_tracer *t)
{
	return &t->notes;
}

struct pn_select *pn_tracer_select(const struct pn_tracer *t)
{
	return t->select;
}

uint32_t pn_tracer_sampling(const struct pn_tracer *t)
{
	return pn_select_sampling(t->select);
}

uint32_t pn_tracer_max_flows(const struct pn_tracer *t)
{
	return t->max_flows;
}

size_t pn_tracer_features(const struct pn_tracer *t, const struct pn_feature **ret)
{
	*ret = t->features;
	return PN_FEATURE_MAX;
}

int pn_tracer_prog_fd(const struct pn_tracer *t, enum pn_hook hook)
{
	return t->programs.prog_fd[hook];
}

static void drop_pinned_link(void *data, const char *name)
{
	enum pn_hook hook;
	int ifindex;

	if (pn_attach_parse_pin(name, &ifindex, &hook))
		pn_attach_drop(data, name);
}

int pn_tracer_cleanup(const char *pin_dir, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *dir = strdup(pin_dir);
	int r;

	if (!dir)
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	pn_libbpf_explain_to_log();
	r = pn_attach_sweep_clsact();
	if (r < 0)
		return pn_err_set(reterr, r, "removing filters from interfaces: %s", strerror(-r));
	r = pn_pins_each(dir, drop_pinned_link, dir);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return pn_err_set(reterr, r, "%s: %s", dir, strerror(-r));
	pn_attach_drop_sockets(dir);
	r = pn_pins_remove_maps(dir, reterr);
	if (r < 0)
		return r;
	if (rmdir(dir) < 0 && errno != ENOENT)
		return pn_err_set(reterr, -errno, "removing %s: %s%s", dir, strerror(errno),
				  errno == ENOTEMPTY ? " (what is left there is not ours)" : "");
	return 0;
}
