/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_EXPLAIN_H
#define PN_DATAPATH_EXPLAIN_H

#include <stdbool.h>

/* Why the kernel refused a program: the one line of what libbpf and the verifier say. */

/** struct pn_explanation - @text: "" if nobody said anything */
struct pn_explanation {
	char text[256];
	bool by_verifier;
};

/** pn_libbpf_explain_to_log() - what libbpf has to say goes to the debug log from now on, not to standard error */
void pn_libbpf_explain_to_log(void);

/** pn_explain_begin() - what is said on this thread until pn_explain_end() is looked through for @e, emptied first */
void pn_explain_begin(struct pn_explanation *e);
void pn_explain_end(void);

#endif
