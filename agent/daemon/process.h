/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_PROCESS_H
#define PN_DAEMON_PROCESS_H

#include <stdint.h>

/** struct pn_process - what the kernel says of this process; what it does not say is 0 */
struct pn_process {
	double cpu_s;	  /* user and system */
	double started_s; /* since 1970 */
	uint64_t rss_bytes, virtual_bytes;
	uint64_t n_threads, n_fds, max_fds;
};

void pn_process_read(struct pn_process *ret);

#endif
