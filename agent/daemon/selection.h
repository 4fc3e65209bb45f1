/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DAEMON_SELECTION_H
#define PN_DAEMON_SELECTION_H

#include "datapath/select.h"

/*
 * What a user writes to say which connections are recorded:
 *
 *   selection = rule { "or" rule }          any rule is enough
 *   rule      = term { term }               of each sort of term one must be met
 *   term      = "namespace=" name { "," name }
 *             | "label=" selector              as kubectl -l takes it, see base/label_selector.h
 *             | "cidr=" network { "," network }
 *             | "port=" port [ "-" port ] { "," ... }
 *             | "protocol=" name or number { "," ... }   see base/protocol.h
 *             | "drops"                        it has lost a packet in the last five minutes
 *
 * Either end of a connection may meet a term. Labels are those of one pod or Service, and all selectors must
 * hold; with namespaces in the same rule it is in one of these. Of the other sorts any value is enough. A
 * Service also meets what any pod behind it meets: what a client sends has the Service's address only.
 *
 * Terms end at blanks, but a selector goes on in brackets, around commas, and before "in", "notin", "=" and "!=".
 * With a blank before "=" its value may have one too; "label=app= x" asks for an empty value, and x is a term.
 */

/** Longest selection, its NUL included: what a request can carry. */
enum { PN_EXPRESSION_SIZE = 2048 };

/** struct pn_expression - @text: as it was written; @selection points into the struct */
struct pn_expression {
	struct pn_selection selection;
	struct pn_select_term terms[PN_SELECT_MAX_TERMS];
	char text[PN_EXPRESSION_SIZE], words[PN_EXPRESSION_SIZE];
};

/**
 * pn_expression_parse() - @text: "" selects everything
 * @ret: to be freed with pn_expression_free(); must not be moved
 *
 * Return: 0; -EINVAL with @reterr: the term, what is wrong with it, what would be right; -ENOMEM
 */
int pn_expression_parse(const char *text, struct pn_expression **ret, struct pn_err *reterr);

/** pn_expression_free() - NULL is allowed */
void pn_expression_free(struct pn_expression *e);
void pn_expression_freep(struct pn_expression **e);

/**
 * pn_expression_owner() - the rules whose namespaces and labels an owner has, a bit each
 * @o: its object; NULL: there is none, and it meets no labels
 */
uint32_t pn_expression_owner(const struct pn_selection *s, const char *name_space,
			     const struct pn_object *o);

#endif
