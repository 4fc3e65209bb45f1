/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_COMPLETION_H
#define PN_CMD_COMPLETION_H

#include "cmd/options.h"

/*
 * Scripts by which shells complete the program's words, written from the tables of the commands: an
 * option that a table has is completed, with its choices, or with files where its value is one.
 */

void pn_completion_bash(const struct pn_command *const *commands, size_t n, FILE *out);
void pn_completion_zsh(const struct pn_command *const *commands, size_t n, FILE *out);
void pn_completion_fish(const struct pn_command *const *commands, size_t n, FILE *out);

#endif
