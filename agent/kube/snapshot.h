/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_SNAPSHOT_H
#define PN_KUBE_SNAPSHOT_H

#include <podonym/informer.h>

#include "kube/config.h"

/*
 * What informers know, in a file, so that the next process goes on where this one was instead of
 * listing everything again.
 *
 *	pn_snapshot_identity(&config, identity);
 *	pn_snapshot_restore(path, informers, n, identity, &err);	informers made, not started
 *	pn_factory_start(factory);
 *	...
 *	pn_snapshot_save(path, informers, n, identity, &err);		on a worker thread
 *
 * When to save: at a clean stop, and every 60 seconds if there were events (PN_METRIC_KUBE_EVENTS,
 * bookmarks count). An API server goes back at least 75 seconds, and in a quiet cluster much further;
 * etcd forgets after five to ten minutes. A bookmark comes about once a minute for each kind and
 * moves the version without an object having changed. What is older costs one refused watch.
 *
 * Where: on a disk. In memory (a tmpfs) it takes about 0.3 KB for a pod.
 *
 * A file that is missing, damaged, too old, by another build, or of another cluster is never the
 * reason for anything but a list: pn_snapshot_restore() says why it was not taken. Kinds that are
 * not in the file, or were selected differently, are listed as well. Generic kinds and informers
 * with a custom store are left out.
 *
 * One thing cannot be told: a cluster whose etcd was set back to a backup while the agent was not
 * running. Versions are from the future then, and the server is silent until it comes to them, as it
 * is to every watch that was open meanwhile.
 */

/**
 * Objects that the server last vouched for longer ago than this, by the wall clock and in either
 * direction, are not taken: their names could be those of others by now.
 */
#define PN_SNAPSHOT_MAX_AGE_S 600

/** Larger files are neither written nor read. */
#define PN_SNAPSHOT_MAX_BYTES ((uint64_t)256 << 20)

/** Bytes that pn_snapshot_identity() may write, the NUL included. */
#define PN_SNAPSHOT_IDENTITY_LEN 512

/**
 * pn_snapshot_identity() - what tells a cluster from others before anybody has spoken to it: the API
 *                          server's URL and the authorities that vouch for it
 *
 * Return: @buf, of PN_SNAPSHOT_IDENTITY_LEN bytes
 */
const char *pn_snapshot_identity(const struct pn_kube_config *config, char *buf);

/**
 * pn_snapshot_save() - write what is in the stores of those informers that are in sync
 * @path:     replaced in one step: at any moment, after SIGKILL too, it is the old file or the new one
 * @identity: of the cluster; any text
 *
 * Any thread, one at a time for a path; it blocks. The loop is held up for as long as it takes to copy
 * a pointer for each object. The informers are not freed meanwhile.
 *
 * Return: 0; -EAGAIN if no informer is in sync; -EFBIG; -ENOMEM; what the file system says. The old
 * file stays then, and @reterr names the path.
 */
int pn_snapshot_save(const char *path, struct pn_informer *const *informers, size_t n,
		     const char *identity, struct pn_err *reterr);

/**
 * pn_snapshot_restore() - give informers that are not started yet what is in the file
 *
 * Nothing is restored before the whole file has been checked.
 *
 * Return: how many informers were restored; -ENOENT: no file; -EBADMSG: damaged, or no such file;
 * -ESTALE: too old, by another build or of another cluster; -EPERM: not this user's own file; -EFBIG;
 * -ENOMEM; -EBUSY: an informer is started. @reterr says what and where.
 */
int pn_snapshot_restore(const char *path, struct pn_informer *const *informers, size_t n,
			const char *identity, struct pn_err *reterr);

#endif
