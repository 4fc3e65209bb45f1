/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods in the paths of cgroups.
 *
 * kubelet gives the names, container runtimes only the ones below a pod's own. Its cgroupfs driver
 * makes a directory for each step, its systemd driver a slice whose name repeats the slices above it
 * and in which '-' separates them, so that the dashes of a uid are written as '_':
 *
 *   [ROOT/]kubepods/[burstable/|besteffort/]podUID/...
 *   [.../][ROOT-]kubepods-[burstable-|besteffort-]podUID.slice/...
 *
 * ROOT is kubelet's --cgroup-root: "kubelet" with kind, "k3s" with k3d. A runtime that is set to
 * cgroupfs below a kubelet that is set to systemd takes the slice's name for a part of a directory's:
 * kubepods-podUID.slice:cri-containerd:ID.
 *
 * In a cluster inside a pod of another one the outer pod counts: that one is this node's.
 */
#include <stddef.h>
#include <string.h>

#include <podonym/maps.h>

#include "base/util.h"
#include "datapath/cgroups.h"

enum {
	UUID_LEN = 36,
	HASH_LEN = 32, /* kubelet's own hash of a static pod's manifest, in the uid's place */
};

/* A part of a path or of a slice's name; not terminated. */
struct word {
	const char *at;
	size_t len;
};

static bool is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

static bool take_prefix(struct word *w, const char *prefix)
{
	size_t len = strlen(prefix);

	if (w->len < len || memcmp(w->at, prefix, len) != 0)
		return false;
	w->at += len;
	w->len -= len;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_hash(struct word w)
{
	for (size_t i = 0; i < w.len; i++) {
		if (!is_hex(w.at[i]))
			return false;
	}
	return w.len == HASH_LEN;
}

static bool is_uuid(struct word w, char separator)
{
	for (size_t i = 0; i < w.len; i++) {
		bool separates = i == 8 || i == 13 || i == 18 || i == 23;

		if (separates ? w.at[i] != separator : !is_hex(w.at[i]))
			return false;
	}
	return w.len == UUID_LEN;
}

/* @w: what may be "podUID". Return: is it? */
static bool take_pod(struct word w, char separator, char *ret)
{
	_Static_assert(UUID_LEN < PN_UID_LEN, "room for a uid");

	if (!take_prefix(&w, "pod") || (!is_uuid(w, separator) && !is_hash(w)))
		return false;
	for (size_t i = 0; i < w.len; i++)
		ret[i] = w.at[i] == '_' ? '-' : w.at[i];
	ret[w.len] = '\0';
	return true;
}

/* Cuts the suffix ".slice" off, and what a confused runtime has appended to it. */
static bool cut_slice(struct word *w)
{
	static const char suffix[] = ".slice";
	const char *colon = memchr(w->at, ':', w->len);
	size_t len = colon ? (size_t)(colon - w->at) : w->len;

	if (len < sizeof(suffix) - 1)
		return false;
	len -= sizeof(suffix) - 1;
	if (memcmp(w->at + len, suffix, sizeof(suffix) - 1) != 0)
		return false;
	w->len = len;
	return true;
}

/* @name: of a slice, without the suffix */
static bool parse_slice(struct word name, char *ret)
{
	while (!take_prefix(&name, "kubepods-")) {
		const char *dash = memchr(name.at, '-', name.len);

		if (!dash)
			return false;
		name.len -= (size_t)(dash + 1 - name.at);
		name.at = dash + 1;
	}
	if (!take_prefix(&name, "burstable-"))
		(void)take_prefix(&name, "besteffort-");
	return take_pod(name, '_', ret);
}

static struct word next_word(const char **path)
{
	struct word w = { .at = *path + strspn(*path, "/") };

	w.len = strcspn(w.at, "/");
	*path = w.at + w.len;
	return w;
}

bool pn_cgroup_parse_path(const char *path, char *ret)
{
	bool below_kubepods = false, below_class = false;

	for (;;) {
		struct word w = next_word(&path), name = w;

		if (!w.len)
			return false;
		if ((below_kubepods || below_class) && take_pod(w, '-', ret))
			return true;
		if (cut_slice(&name) && parse_slice(name, ret))
			return true;
		below_class = below_kubepods && (is(w, "burstable") || is(w, "besteffort"));
		below_kubepods = is(w, "kubepods");
	}
}
