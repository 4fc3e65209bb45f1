/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_NOTIFY_H
#define PN_DAEMON_NOTIFY_H

/**
 * pn_notify() - tell the service manager, where it has asked for that: sd_notify(3)
 * @state: "READY=1", "STOPPING=1"
 */
void pn_notify(const char *state);

#endif
