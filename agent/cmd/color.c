/* SPDX-License-Identifier: Apache-2.0 */
/* Whether standard output gets colours. */
#include "cmd/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const pn_color_choices[] = { "auto", "always", "never", NULL };

bool pn_color_wanted(const char *when)
{
	if (strcmp(when, "auto") == 0)
		return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return strcmp(when, "always") == 0;
}
