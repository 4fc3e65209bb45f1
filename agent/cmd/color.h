/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_COLOR_H
#define PN_CMD_COLOR_H

#include "cmd/options.h"

extern const char *const pn_color_choices[];

/** PN_COLOR_OPTION() - the row --color; @what of the output is coloured */
#define PN_COLOR_OPTION(values, field, what)                                                      \
	{                                                                                         \
		.name = "color", .type = PN_OPT_CHOICE, .arg = "WHEN",                            \
		.offset = offsetof(values, field), .preset = "auto", .choices = pn_color_choices, \
		.help = "colours in " what,                                                       \
	}

/** pn_color_wanted() - "auto" is for a terminal, unless $NO_COLOR is set (no-color.org) */
bool pn_color_wanted(const char *when);

#endif
