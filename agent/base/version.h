/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_VERSION_H
#define PN_BASE_VERSION_H

/** pn_version() - what `git describe` said when this was built: "v0.1.0", or "v0.1.0-3-gabc1234-dirty" */
const char *pn_version(void);

#endif
