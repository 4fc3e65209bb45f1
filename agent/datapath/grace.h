/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_GRACE_H
#define PN_DATAPATH_GRACE_H

#include <stdbool.h>

/**
 * pn_grace_can_be_had() - false on kernels with processors that no tick interrupts (nohz_full), and on real-time
 * kernels with one processor
 */
bool pn_grace_can_be_had(void);

/**
 * pn_grace() - wait until every BPF program that is running now at a hook of the network has ended
 *
 * Takes some 10 ms and no time of a processor. Any thread. Return: 0 or a negative errno
 */
int pn_grace(void);

#endif
