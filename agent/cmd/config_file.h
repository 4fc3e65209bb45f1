/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_CONFIG_FILE_H
#define PN_CMD_CONFIG_FILE_H

#include "cmd/options.h"

/*
 * The config file: a map in YAML whose keys are the names of a table's rows and whose values are what
 * the flags would be given.
 *
 *   interval: 10s
 *   select: namespace=shop
 *
 * An option that may be given several times takes a list. Anchors, aliases and tags are refused.
 */

#define PN_CONFIG_PATH "/etc/podonym/config.yaml"

/** Longest file, bytes. */
enum { PN_CONFIG_MAX_BYTES = 64 << 10 };

/** struct pn_complaints - who is told what is wrong, a line without its newline at a time */
struct pn_complaints {
	void (*tell)(void *data, const char *words);
	void *data;
};

/** struct pn_config_file - values in the order of the file; @line counts from 1 */
struct pn_config_file {
	char *path; /* NULL: there is none */
	struct pn_config_entry {
		const struct pn_option *option;
		char *text;
		size_t line;
	} * entries;
	size_t n;
};

/**
 * pn_config_file_parse() - the whole of a file or nothing
 * @text: NUL-terminated
 * @complaints: is told all that is wrong, up to where a text is no longer YAML: "PATH:LINE: words"
 *
 * Return: 0 and @ret for pn_config_file_done(); -EINVAL or -ENOMEM, which has been told
 */
int pn_config_file_parse(const struct pn_command *command, const char *path, const char *text,
			 const struct pn_complaints *complaints, struct pn_config_file *ret);

/** pn_config_file_read() - likewise. Return: also what open(2) and read(2) say, -EMSGSIZE; -ENOENT is not told */
int pn_config_file_read(const struct pn_command *command, const char *path,
			const struct pn_complaints *complaints, struct pn_config_file *ret);

void pn_config_file_done(struct pn_config_file *f);

#endif
