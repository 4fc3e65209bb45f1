/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTAPI_SHAPE_H
#define PN_TESTAPI_SHAPE_H

#include "testapi_store.h"

/** enum pn_shape - what a client asked for in its Accept header */
enum pn_shape {
	PN_SHAPE_WHOLE,
	PN_SHAPE_METADATA, /* PartialObjectMetadata */
	PN_SHAPE_TABLE,	   /* of the kinds that have columns; the others stay whole */
};

/** pn_shape_wanted() - @accept: the header; a collection without columns makes no Tables */
enum pn_shape pn_shape_wanted(const char *accept, const struct pn_collection *c);

/**
 * pn_shape_object() - one object in this shape, as in a watch or by its name
 * @with_columns: a Table says what its columns are
 *
 * Return: a new reference; NULL without memory
 */
json_t *pn_shape_object(enum pn_shape shape, const struct pn_collection *c, json_t *object,
			bool with_columns);

/** pn_shape_list() - objects begin to end of @items as a list; takes @metadata over. Return: as above */
json_t *pn_shape_list(enum pn_shape shape, const struct pn_collection *c, const json_t *items,
		      size_t begin, size_t end, json_t *metadata);

#endif
