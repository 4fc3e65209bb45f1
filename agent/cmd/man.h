/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_MAN_H
#define PN_CMD_MAN_H

#include "cmd/options.h"

/** pn_man_command() - the manual page of one command, section 1, as source for man */
void pn_man_command(const struct pn_command *c, FILE *out);

/** pn_man_program() - that of the program, which names the commands */
void pn_man_program(const struct pn_command *const *commands, size_t n, FILE *out);

#endif
