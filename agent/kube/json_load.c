/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of an object to a tree of jansson. Without memory jansson says that the syntax is
 * bad, which would cost an object for good, or leaves a character out and says nothing. So its
 * allocations pass here, and a tree is not believed if one of them failed.
 */
#include "kube/json_load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static _Thread_local bool is_out_of_memory;

static void *json_alloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		is_out_of_memory = true;
	return p;
}

__attribute__((constructor)) static void watch_json_memory(void)
{
	json_set_alloc_funcs(json_alloc, free);
}

/*
 * The last of two members with one name wins, as in Go; NUL characters are legal in annotations,
 * so a text with one must not cost the whole list. jansson itself stops at a depth of 2048.
 */
int pn_json_load(const char *json, size_t len, json_t **ret, struct pn_err *reterr)
{
	json_error_t error;
	json_t *tree;

	is_out_of_memory = false;
	tree = json_loadb(json, len, JSON_ALLOW_NUL, &error);
	if (is_out_of_memory) {
		json_decref(tree);
		return -ENOMEM;
	}
	if (!tree)
		return pn_err_set(reterr, -EBADMSG, "invalid JSON at byte %d of an object: %s",
				  error.position, error.text);
	*ret = tree;
	return 0;
}
