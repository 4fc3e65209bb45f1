/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_NAMES_H
#define PN_DAEMON_NAMES_H

#include <podonym/informer.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "index/index.h"
#include "kube/config.h"

/*
 * Where names come from and go to, on the control thread: informers, the cgroup tree and the file of
 * ranges feed the index, and what changed in it is written to the pinned maps once per turn of the
 * loop. The flow thread reads the index; nobody else is told.
 */
struct pn_names;

/**
 * struct pn_names_config - all strings are borrowed and outlive it
 * @kube:	 where to find the settings of the API server; read again and again until they make sense
 * @pin_path:	 where the maps are pinned; @max_addrs: room in them
 * @ranges_path: names for networks, see daemon/ranges.h; NULL: none
 * @state_path:	 where the objects are kept for the next start; NULL: nowhere
 * @cgroup_root: where cgroup v2 is mounted; NULL: not followed
 * @changed:	 called after each change of an object that the index has been told of; NULL for what was not
 * @synced:	 called when every list is complete; @data is its argument
 * @watch:	 called before @factory is started, for informers of others; NULL when it is about to go.
 *		 Return: 0, or a negative errno with @reterr
 * @tick:	 called once a second
 */
struct pn_names_config {
	const struct pn_clock *clock;
	struct pn_kube_config_source kube;
	const char *node_name, *pin_path, *ranges_path, *state_path, *cgroup_root;
	uint32_t max_addrs;
	void (*changed)(void *data, const struct pn_object *old, const struct pn_object *new);
	void (*synced)(void *data);
	int (*watch)(void *data, struct pn_factory *factory, struct pn_err *reterr);
	void (*tick)(void *data);
	void *data;
};

/**
 * pn_names_start() - @loop: runs nothing before it is run
 *
 * What is pinned from before is taken over: its owner ids stay, its entries serve until the lists are
 * complete. Without an API server it goes on trying.
 *
 * Return: 0, or a negative errno with @reterr; @ret has to be stopped and freed in both cases
 */
int pn_names_start(uv_loop_t *loop, const struct pn_names_config *config, struct pn_names **ret,
		   struct pn_err *reterr);

/** pn_names_stop() - closes its handles, keeps the index; the objects are saved. NULL is allowed */
void pn_names_stop(struct pn_names *n);

/** pn_names_free() - after the loop has run out of handles and no thread reads the index; NULL is allowed */
void pn_names_free(struct pn_names *n);

/** Both belong to @n. */
struct pn_index *pn_names_index(const struct pn_names *n);
int pn_names_ip_map_fd(const struct pn_names *n);

/** pn_names_pod(), pn_names_service() - with its labels. Return: borrowed until pn_read_end(); NULL: unknown */
const struct pn_object *pn_names_pod(const struct pn_names *n, const char *name_space,
				     const char *name);
const struct pn_object *pn_names_service(const struct pn_names *n, const char *name_space,
					 const char *name);

/**
 * pn_names_set_ranges() - another file with names for networks, see daemon/ranges.h; "": none
 *
 * Return: 0, or a negative errno with @reterr: the names from before stay
 */
int pn_names_set_ranges(struct pn_names *n, const char *path, struct pn_err *reterr);

/** pn_names_ranges() - the path in force, borrowed until another one is; "": none */
const char *pn_names_ranges(const struct pn_names *n);

/** pn_names_each() - every object, pods first, between pn_read_begin() and pn_read_end() */
void pn_names_each(const struct pn_names *n, void (*fn)(void *data, const struct pn_object *o),
		   void *data);

/** pn_names_are_synced() - has the index every object of the first lists? */
bool pn_names_are_synced(const struct pn_names *n);

/** pn_names_maps_are_written() - have the pinned maps what the index had when this turn of the loop began? */
bool pn_names_maps_are_written(const struct pn_names *n);

/** pn_names_map_room() - room for entries in a pinned map, "ip" for one; 0: not known */
uint32_t pn_names_map_room(const struct pn_names *n, const char *map);

/** pn_names_informers() - Return: how many; 0: none yet, and @ret_error says why. @ret_server: "" then */
size_t pn_names_informers(const struct pn_names *n, struct pn_informer *const **ret,
			  const char **ret_server, const char **ret_error);

#endif
