/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_CONFINE_H
#define PN_DAEMON_CONFINE_H

#include <stdbool.h>

#include "base/err.h"
#include "kube/config.h"

/* What the agent may still do once it runs: capabilities, no_new_privs, a seccomp filter. */

enum { PN_CONFINE_FILES = 4 };

/**
 * struct pn_confine_config
 * @kube:	 is read again and again, and so decides as well
 * @files:	 are read again while the agent runs; NULL: none
 * @has_low_port: a port below 1024 is to be bound
 * @off:	 nothing is given up
 */
struct pn_confine_config {
	const struct pn_kube_config_source *kube;
	const char *files[PN_CONFINE_FILES];
	bool has_low_port, off;
};

/**
 * struct pn_confinement - what has been given up; zero is ready to use
 * @capabilities:     those kept, "net_admin, perfmon, bpf"; NULL: not known
 * @seccomp:	      "on", "off", "refused"
 * @capabilities_why, @seccomp_why: why it is more, or less, than usual; "": it is as usual
 * @runs_programs:    the kubeconfig names a credential plugin
 */
struct pn_confinement {
	char *capabilities;
	const char *seccomp;
	struct pn_err capabilities_why, seccomp_why;
	bool runs_programs;
};

/**
 * pn_confine_begin() - give up what starting does not need either; before there is another thread
 *
 * Capabilities are a thread's own, and threads begin with those of their maker. What cannot be given up
 * is said in @ret: the agent goes on.
 */
void pn_confine_begin(const struct pn_confine_config *config, struct pn_confinement *ret);

/** pn_confine_end() - all is loaded, opened and bound: the seccomp filter, for all threads */
void pn_confine_end(struct pn_confinement *c);

void pn_confine_done(struct pn_confinement *c);

#endif
