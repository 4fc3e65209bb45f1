/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_SHELL_OBJECTS_H
#define PN_TESTS_SHELL_OBJECTS_H

#include <jansson.h>

#include <podonym/informer.h>

/*
 * What informer-shell knows about objects: the functions that its commands call by name, and an
 * object as JSON in the API's shape.
 */

/** shell_object_json() - new */
json_t *shell_object_json(const struct pn_object *obj);

/** shell_transform() - by name. Return: NULL if there is none of that name */
typedef int (*shell_transform_fn)(void *data, struct json_t *object);
shell_transform_fn shell_transform(const char *name);

/** shell_filter() - by name. Return: NULL if there is none of that name */
typedef bool (*shell_filter_fn)(void *data, const struct pn_object *obj);
shell_filter_fn shell_filter(const char *name);

/** shell_indexer() - by function's name, to be added under another. Return: false if there is none of that name */
bool shell_indexer(const char *func, const char *name, struct pn_indexer *ret);

#endif
