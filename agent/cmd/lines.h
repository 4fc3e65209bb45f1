/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_LINES_H
#define PN_CMD_LINES_H

/* What commands have in common that print lines which the agent has written. */

/** pn_lines_format() - @output: "json", else for a person; @color: "auto", "always", "never". Return: name of a format of the socket */
const char *pn_lines_format(const char *output, const char *color);

/**
 * pn_lines_print() - ask the agent at @socket, copy its lines to standard output until it ends them
 * @command: for messages
 *
 * Return: the exit status; after PN_EXIT_FAILED standard error has the reason
 */
int pn_lines_print(const char *command, const char *socket, const char *request);

#endif
