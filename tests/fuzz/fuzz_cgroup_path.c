/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the paths of cgroups: what is found is a uid or a hash, and stands in the path. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/cgroups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_uid(const char *path, const char *uid)
{
	char *slice_uid = strdup(uid);

	assert(slice_uid);
	assert(strlen(uid) == 36 || strlen(uid) == 32);
	assert(strspn(uid, "0123456789abcdef-") == strlen(uid));
	for (char *at = slice_uid; (at = strchr(at, '-'));)
		*at = '_';
	assert(strstr(path, uid) || strstr(path, slice_uid));
	free(slice_uid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char uid[PN_UID_LEN], *path = strndup((const char *)data, size);

	assert(path);
	if (pn_cgroup_parse_path(path, uid))
		check_uid(path, uid);
	free(path);
	return 0;
}
