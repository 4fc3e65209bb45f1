/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_POLICY_TABLE_H
#define PN_POLICY_TABLE_H

#include "base/hash.h"

/* uthash as this folder uses it: nobody outside can choose keys that fall together, and no memory
 * is an error: after HASH_ADD*() an entry whose hh.tbl is NULL is not in the table. */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned int)pn_hash_bytes(key, len))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
