/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps in the tracer's pin directory: found, compared with what this build needs, replaced.
 * Called by tracer.c when it starts and by `podonym cleanup`.
 *
 * `layout` is taken away first and pinned last, so a directory that has it is complete, whenever an
 * agent was killed. Names that are not ours are never touched.
 */
#include "datapath/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "bpf/flow.h"
#include "datapath/bpffs.h"
#include "datapath/lines.h"

#define LAYOUT_NAME "layout"
/* Whoever drains the table keeps its journal in the notes, see flow/journal.h: a head, and bytes for each flow. */
#define NOTES_HEAD_PAGES 41
#define NOTES_PER_FLOW 64
#define MIN_PAIRS 4096
#define MAX_LINE_SETS (1u << 17) /* 16 MB, whatever room there is in the table */

static const struct {
	const char *name;
	uint32_t type, key_size, value_size;
} maps[] = {
	[PN_PIN_FLOWS] = { "flows", BPF_MAP_TYPE_HASH, sizeof(struct pn_flow_key),
			   sizeof(struct pn_flow_value) },
	[PN_PIN_LINES] = { "lines", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
			   sizeof(struct pn_flow_lines) },
	[PN_PIN_PAIRS] = { "pairs", BPF_MAP_TYPE_HASH, sizeof(struct pn_flow_key),
			   sizeof(struct pn_flow_value) },
	[PN_PIN_CPUS] = { "cpus", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
			  sizeof(struct pn_flow_cpu) },
	[PN_PIN_IDS] = { "ids", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct pn_flow_ids) },
	[PN_PIN_LINKS] = { "links", BPF_MAP_TYPE_HASH, sizeof(uint32_t),
			   sizeof(struct pn_flow_link) },
	[PN_PIN_NOTES] = { "notes", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), PN_NOTES_PAGE },
};
_Static_assert(PN_ARRAY_SIZE(maps) == PN_PIN_MAX, "a row for each map");

/* --- the directory ------------------------------------------------------------------------------ */

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int pn_pins_each(const char *dir, void (*visit)(void *data, const char *name), void *data)
{
	PN_CLEANUP(closedirp) DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return -errno;
	if (!pn_bpffs_has(dir)) /* what is called like our pins there is somebody's files */
		return -ENOTSUP;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			visit(data, e->d_name);
	return 0;
}

static int remove_pin(const char *dir, const char *name, struct pn_err *reterr)
{
	char path[PATH_MAX];
	int r;

	r = pn_bpffs_path(dir, name, path, reterr);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return pn_err_set(reterr, -errno, "removing %s: %s", path, strerror(errno));
	return 0;
}

int pn_pins_remove_maps(const char *dir, struct pn_err *reterr)
{
	int r;

	r = remove_pin(dir, LAYOUT_NAME, reterr);
	for (int i = 0; r == 0 && i < PN_PIN_MAX; i++)
		r = remove_pin(dir, maps[i].name, reterr);
	return r;
}

/* --- what an earlier agent left ----------------------------------------------------------------- */

/* Return: 0 and both set; -ENOENT; or another negative errno. */
static int open_pin(const char *dir, const char *name, int *ret, struct bpf_map_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);
	PN_CLEANUP(pn_closep) int fd = -1;
	char path[PATH_MAX];
	int r;

	r = pn_bpffs_path(dir, name, path, NULL);
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	memset(ret_info, 0, sizeof(*ret_info));
	r = bpf_obj_get_info_by_fd(fd, ret_info, &len);
	if (r < 0)
		return r;
	*ret = PN_TAKE_FD(fd);
	return 0;
}

/* 0 is no layout. */
static uint32_t read_layout(const char *dir)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	uint32_t zero = 0, layout = 0;
	struct bpf_map_info info;

	if (open_pin(dir, LAYOUT_NAME, &fd, &info) < 0 || info.type != BPF_MAP_TYPE_ARRAY ||
	    info.key_size != sizeof(zero) || info.value_size != sizeof(layout))
		return 0;
	return bpf_map_lookup_elem(fd, &zero, &layout) < 0 ? 0 : layout;
}

uint32_t pn_pins_max_pairs(uint32_t max_flows)
{
	return PN_MAX(max_flows / 4, (uint32_t)MIN_PAIRS);
}

/* One for each way of as many connections as there is room for. */
uint32_t pn_pins_line_sets(uint32_t max_flows)
{
	uint32_t n = PN_LINES_MIN_SETS;

	while (n < max_flows && n < MAX_LINE_SETS)
		n *= 2;
	return n;
}

uint32_t pn_pins_notes_pages(uint32_t max_flows)
{
	uint64_t n = (uint64_t)max_flows + pn_pins_max_pairs(max_flows);

	return NOTES_HEAD_PAGES +
	       (uint32_t)((n * NOTES_PER_FLOW + PN_NOTES_PAGE - 1) / PN_NOTES_PAGE);
}

static bool is_as_needed(enum pn_pin pin, const struct bpf_map_info *info, uint32_t max_flows)
{
	if (info->type != maps[pin].type || info->key_size != maps[pin].key_size ||
	    info->value_size != maps[pin].value_size)
		return false;
	if (pin == PN_PIN_PAIRS)
		return info->max_entries == pn_pins_max_pairs(max_flows);
	if (pin == PN_PIN_LINES)
		return info->max_entries >= 1 && info->max_entries <= MAX_LINE_SETS &&
		       !(info->max_entries & (info->max_entries - 1)) &&
		       (info->map_flags & BPF_F_MMAPABLE);
	if (pin == PN_PIN_CPUS)
		return info->max_entries == PN_CELL_MAX;
	if (pin == PN_PIN_NOTES)
		return info->max_entries >= pn_pins_notes_pages(max_flows) &&
		       (info->map_flags & BPF_F_MMAPABLE);
	return true;
}

static int open_maps(const char *dir, int ret[static PN_PIN_MAX])
{
	uint32_t max_flows = 0;
	struct bpf_map_info info;
	int r;

	for (int i = 0; i < PN_PIN_MAX; i++) {
		r = open_pin(dir, maps[i].name, &ret[i], &info);
		if (r < 0)
			return r;
		if (i == PN_PIN_FLOWS)
			max_flows = info.max_entries;
		if (!is_as_needed((enum pn_pin)i, &info, max_flows))
			return -EPROTO;
	}
	return 0;
}

static void close_maps(int fds[static PN_PIN_MAX])
{
	for (int i = 0; i < PN_PIN_MAX; i++) {
		pn_closep(&fds[i]);
		fds[i] = -1;
	}
}

/* Of a table whose entries have any size. */
static uint64_t count_entries(const char *dir)
{
	PN_CLEANUP(pn_closep) int fd = -1;
	PN_CLEANUP(pn_freep) char *key = NULL;
	struct bpf_map_info info;
	uint64_t n = 0;

	if (open_pin(dir, maps[PN_PIN_FLOWS].name, &fd, &info) < 0 ||
	    info.type != BPF_MAP_TYPE_HASH)
		return 0;
	key = calloc(1, info.key_size);
	if (!key || bpf_map_get_next_key(fd, NULL, key) < 0)
		return 0;
	do
		n++;
	while (n < info.max_entries && bpf_map_get_next_key(fd, key, key) == 0);
	return n;
}

int pn_pins_open(const char *dir, int ret[static PN_PIN_MAX], uint64_t *ret_n_lost,
		 struct pn_err *reterr)
{
	uint32_t layout;
	int r;

	for (int i = 0; i < PN_PIN_MAX; i++)
		ret[i] = -1;
	*ret_n_lost = 0;
	r = pn_bpffs_make_dir(dir, reterr);
	if (r < 0)
		return r;
	layout = read_layout(dir);
	if (layout == PN_FLOW_LAYOUT) {
		r = open_maps(dir, ret);
		if (r == 0)
			return 1;
		close_maps(ret);
		if (r == -EPERM)
			return pn_err_set(reterr, r, "opening the maps in %s: %s", dir,
					  strerror(-r));
		pn_debug("datapath", "the maps in %s are not complete: %s", dir, strerror(-r));
	}
	*ret_n_lost = count_entries(dir);
	return 0;
}

/* --- new ones ----------------------------------------------------------------------------------- */

static int pin(const char *dir, const char *name, int fd, struct pn_err *reterr)
{
	char path[PATH_MAX];
	int r;

	r = pn_bpffs_path(dir, name, path, reterr);
	if (r < 0)
		return r;
	r = bpf_obj_pin(fd, path);
	return r < 0 ? pn_err_set(reterr, r, "pinning %s: %s", path, strerror(-r)) : 0;
}

static int pin_layout(const char *dir, struct pn_err *reterr)
{
	const uint32_t zero = 0, layout = PN_FLOW_LAYOUT;
	PN_CLEANUP(pn_closep) int fd = -1;
	int r;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pn_layout", sizeof(zero), sizeof(layout), 1, NULL);
	if (fd < 0)
		return pn_err_set(reterr, fd, "making the map of the layout: %s", strerror(-fd));
	r = bpf_map_update_elem(fd, &zero, &layout, BPF_ANY);
	if (r < 0)
		return pn_err_set(reterr, r, "writing the map of the layout: %s", strerror(-r));
	return pin(dir, LAYOUT_NAME, fd, reterr);
}

int pn_pins_replace(const char *dir, const int fds[static PN_PIN_MAX], struct pn_err *reterr)
{
	int r;

	r = pn_pins_remove_maps(dir, reterr);
	for (int i = 0; r == 0 && i < PN_PIN_MAX; i++)
		r = pin(dir, maps[i].name, fds[i], reterr);
	return r < 0 ? r : pin_layout(dir, reterr);
}
