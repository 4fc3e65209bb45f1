/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_SETTINGS_H
#define PN_CMD_SETTINGS_H

#include "cmd/config_file.h"

/* A command's values and where each of them is from: flag, environment, config file, default. */
struct pn_settings;

/**
 * pn_settings_read() - values of the command from all that there is
 * @argv: behind the command's name; outlives the result. Operands are moved to its front
 * @complaints: is told what is wrong
 *
 * The command line and the environment are the process's for good, so that another call differs by what
 * the config file says now.
 *
 * Return: 0 and @ret for pn_settings_free(); -ECANCELED: help is asked for; -EINVAL, -ENOMEM, or what the
 * config file could not be read for, all of which have been told
 */
int pn_settings_read(const struct pn_command *command, int argc, char **argv,
		     const struct pn_complaints *complaints, struct pn_settings **ret);
void pn_settings_free(struct pn_settings *s);

/** pn_settings_values() - the command's struct. The strings in it live as long as @s */
const void *pn_settings_values(const struct pn_settings *s);
int pn_settings_operands(const struct pn_settings *s, char ***ret);
const struct pn_command *pn_settings_command(const struct pn_settings *s);
void pn_settings_arguments(const struct pn_settings *s, int *ret_argc, char ***ret_argv);

/** pn_settings_path() - the config file that was read; NULL: none */
const char *pn_settings_path(const struct pn_settings *s);

/** enum pn_origin - the higher ones win */
enum pn_origin { PN_FROM_NOWHERE, PN_FROM_DEFAULT, PN_FROM_FILE, PN_FROM_ENV, PN_FROM_FLAG };

/** pn_settings_origin() - @ret_line: of the file; 0 for what is not from there */
enum pn_origin pn_settings_origin(const struct pn_settings *s, const struct pn_option *o,
				  size_t *ret_line);

/** pn_settings_text() - the @n-th value of an option, as it was written; NULL: so many there are not */
const char *pn_settings_text(const struct pn_settings *s, const struct pn_option *o, size_t n);

/** pn_settings_differ() - does the option have other values? Both are of the same command */
bool pn_settings_differ(const struct pn_settings *a, const struct pn_settings *b,
			const struct pn_option *o);

#endif
