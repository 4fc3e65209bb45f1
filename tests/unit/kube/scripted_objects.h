/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_SCRIPTED_OBJECTS_H
#define PN_TESTS_SCRIPTED_OBJECTS_H

#include "tests/unit/kube/scripted_server.h"

/** api_render_list() - the body of a list; free() it */
char *api_render_list(const struct api *api, const char *version, const char *token,
		      const char *objects, size_t *ret_len);

/** api_render_status() - the body of a Status in JSON; free() it */
char *api_render_status(int code, const char *reason, const char *message, const char *details,
			size_t *ret_len);

/** api_next_part() - cuts the next entry off a list of entries with commas. Return: NULL at the end */
char *api_next_part(char **rest);

#endif
