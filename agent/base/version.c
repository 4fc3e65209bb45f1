/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The version, in a file of its own: the Makefile passes PN_VERSION to this object only, so that a
 * commit does not rebuild everything else.
 */
#include "base/version.h"

const char *pn_version(void)
{
	return PN_VERSION;
}
