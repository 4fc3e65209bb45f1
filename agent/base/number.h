/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BASE_NUMBER_H
#define PN_BASE_NUMBER_H

#include <stdint.h>

#include "base/clock.h"

/* Numbers as users write them: on the command line, in files, in requests. */

/** pn_number_parse() - digits only, no sign and no space, at most @max. Return: 0 or -EINVAL */
int pn_number_parse(const char *text, uint64_t max, uint64_t *ret);

/** pn_duration_parse() - "500ms", "5s", "2m", "1h". Return: 0 or -EINVAL */
int pn_duration_parse(const char *text, pn_nsec *ret);

/** pn_size_parse() - bytes: "512", "64K", "100M", "2G", by powers of 1024. Return: 0 or -EINVAL */
int pn_size_parse(const char *text, uint64_t *ret);

#endif
