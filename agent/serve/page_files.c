/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the folder page inside the program, for daemon/web.c. The assembler takes them as they
 * are, relative to the project's folder, from which everything is built: so no tool stands between what
 * is written and what is served, also for another processor.
 */
#include "serve/page_files.h"

/* Two symbols around the file's bytes. */
#define EMBED(symbol, name)                                                         \
	__asm__(".pushsection .rodata, \"a\"\n"                                     \
		".globl pn_page_" #symbol ", pn_page_" #symbol "_end\n"             \
		".hidden pn_page_" #symbol "\n.hidden pn_page_" #symbol "_end\n"    \
		"pn_page_" #symbol ":\n.incbin \"agent/serve/page/" name "\"\n"     \
		"pn_page_" #symbol "_end:\n.byte 0\n.popsection\n");                \
	extern const char pn_page_##symbol[] __attribute__((visibility("hidden"))); \
	extern const char pn_page_##symbol##_end[] __attribute__((visibility("hidden")))

EMBED(html, "index.html");
EMBED(css, "page.css");
EMBED(start, "start.js");
EMBED(page, "page.js");
EMBED(model, "model.js");
EMBED(stream, "stream.js");
EMBED(table, "table.js");
EMBED(panel, "panel.js");

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

const struct pn_http_file pn_page_files[PN_PAGE_N_FILES] = {
	{ "/", HTML, pn_page_html, pn_page_html_end },
	{ "/page.css", CSS, pn_page_css, pn_page_css_end },
	{ "/start.js", SCRIPT, pn_page_start, pn_page_start_end },
	{ "/page.js", SCRIPT, pn_page_page, pn_page_page_end },
	{ "/model.js", SCRIPT, pn_page_model, pn_page_model_end },
	{ "/stream.js", SCRIPT, pn_page_stream, pn_page_stream_end },
	{ "/table.js", SCRIPT, pn_page_table, pn_page_table_end },
	{ "/panel.js", SCRIPT, pn_page_panel, pn_page_panel_end },
};
