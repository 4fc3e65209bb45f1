/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_FILE_H
#define PN_KUBE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/** pn_wipe_free() - overwrite a text and free it; NULL is allowed */
void pn_wipe_free(char *secret);

static inline void pn_wipe_freep(char **secret)
{
	pn_wipe_free(*secret);
}

/**
 * pn_file_read() - a whole small text file
 * @max_bytes: refuse what is larger
 * @ret:       on 0, NUL-terminated without a NUL inside; the caller's, for pn_wipe_free()
 *
 * Return: 0; -EMSGSIZE too large; -EINVAL a NUL byte; or what open(2) and read(2) say. @reterr
 * names the file.
 */
int pn_file_read(const char *path, size_t max_bytes, char **ret, struct pn_err *reterr);

#endif
