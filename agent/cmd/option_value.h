/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_OPTION_VALUE_H
#define PN_CMD_OPTION_VALUE_H

#include "cmd/options.h"

/**
 * pn_option_set() - @text, read as the row's type says, goes to its place in @values
 * @from: what the value is called in messages: "--interval", "PODONYM_INTERVAL", "interval"
 *
 * Strings are not copied.
 *
 * Return: 0, or -EINVAL with @reterr: the value, what is wrong with it, what would be right
 */
int pn_option_set(const struct pn_option *o, const char *from, const char *text, void *values,
		  struct pn_err *reterr);

/** pn_option_takes_value() - or is it given by its name alone? */
bool pn_option_takes_value(const struct pn_option *o);

/** pn_option_wanted() - what a value is, for messages: "a duration such as 5s" */
const char *pn_option_wanted(const struct pn_option *o);

enum { PN_ENV_NAME_LEN = 64 };

/** pn_option_env_name() - "PODONYM_PIN_PATH" */
void pn_option_env_name(const struct pn_option *o, char ret[static PN_ENV_NAME_LEN]);

#endif
