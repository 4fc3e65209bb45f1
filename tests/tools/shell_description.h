/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_SHELL_DESCRIPTION_H
#define PN_TESTS_SHELL_DESCRIPTION_H

#include <jansson.h>

#include <podonym/informer.h>

/* How informer-shell's commands describe informers, and the reading of their members. */

static inline const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static inline double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static inline bool flag(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static inline unsigned int milliseconds(double seconds)
{
	return (unsigned int)(seconds * 1000);
}

/** shell_read_options() - from a description; all but the callbacks. Strings are borrowed from @d */
void shell_read_options(const json_t *d, struct pn_informer_options *ret);

/**
 * shell_make_informer() - of a resource
 *
 * Of a kind that the library has a struct for, if protobuf is asked for; JSON keeps all of an object.
 */
struct pn_informer *shell_make_informer(struct pn_factory *f, const json_t *resource,
					const struct pn_informer_options *options,
					struct pn_err *err);

#endif
