/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_OPTIONS_H
#define PN_CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/nearest.h"
#include "base/number.h"

/*
 * Commands and their options are rows of tables: parsing, --help, the PODONYM_* environment variables
 * and the keys of the config file all come from the same row. A value is, in this order: the flag, the
 * environment variable (PODONYM_ and the name, '-' as '_'), what the config file says (of a command
 * that has one), the default. What differs from call to call (the form of the output, a filter) has no
 * variable, so that one command's settings never reach another.
 */

enum pn_option_type {
	PN_OPT_FLAG,	 /* bool */
	PN_OPT_STRING,	 /* const char *; "" and NULL are different: NULL was not given */
	PN_OPT_CHOICE,	 /* const char *, one of a list */
	PN_OPT_UINT,	 /* uint32_t between min and max */
	PN_OPT_DURATION, /* pn_nsec: "500ms", "5s", "2m", "1h", between min and max */
	PN_OPT_ITEM, /* struct pn_option_items, which takes it with its name: given as often as wanted */
	PN_OPT_MARK,   /* the same without a value */
	PN_OPT_CONFIG, /* const char *: the config file, whose keys are all other rows; "none" */
};

enum { PN_OPTION_ITEMS_MAX = 128 };

/** struct pn_option_items - what several options have in common: the order in which they were given */
struct pn_option_items {
	size_t n;
	struct pn_option_item {
		const char *name, *value;
	} items[PN_OPTION_ITEMS_MAX];
};

/**
 * struct pn_option - one row
 * @letter:      the short form, or 0
 * @arg:         name of the value in --help; NULL for a flag and a mark
 * @offset:      where the value goes in the command's struct
 * @preset:      default as text, parsed like a value given; NULL: zero
 * @choices:     PN_OPT_CHOICE: NULL-terminated
 * @min, @max:   PN_OPT_UINT and PN_OPT_DURATION (ns)
 * @has_env:     read the environment variable
 * @check:       PN_OPT_STRING and PN_OPT_ITEM: refuses a value with words, -EINVAL; NULL: any is right
 * @live:        a config file that is read again changes it at once, see pn_settings_differ()
 */
struct pn_option {
	const char *name;
	char letter;
	enum pn_option_type type;
	const char *arg;
	size_t offset;
	const char *preset;
	const char *const *choices;
	uint64_t min, max;
	bool has_env, live;
	int (*check)(const char *text, struct pn_err *reterr);
	const char *help;
};

struct pn_settings;

/** Ends a table of options. */
#define PN_OPTION_END        \
	{                    \
		.name = NULL \
	}

/**
 * struct pn_command - a subcommand
 * @operands:    of the usage line: "ADDRESS..."
 * @status:      NULL, or an exit status of its own for --help: "3 not the same"
 * @n_operands_min, @n_operands_max: how many are accepted
 * @values_size: size of the struct that the options' offsets point into
 * @run:         @values is that struct, filled. Return: the exit status
 * @run_settings: instead of @run, for a command that wants to know where values are from, see settings.h
 */
struct pn_command {
	const char *name, *operands, *summary, *description, *examples, *status;
	int n_operands_min, n_operands_max;
	const struct pn_option *options;
	size_t values_size;
	int (*run)(const void *values, int n_operands, char **operands);
	int (*run_settings)(const struct pn_settings *settings);
};

/** Exit statuses of every command. */
enum {
	PN_EXIT_DONE = 0,
	PN_EXIT_FAILED = 1,
	PN_EXIT_USAGE = 2,
};

/**
 * pn_command_main() - parse @argv (after the command's name) and run the command
 *
 * Return: its exit status; PN_EXIT_USAGE after saying on standard error what is wrong.
 */
int pn_command_main(const struct pn_command *command, int argc, char **argv);

/** pn_command_help() - the manual page of one command */
void pn_command_help(const struct pn_command *command, FILE *out);

#endif
