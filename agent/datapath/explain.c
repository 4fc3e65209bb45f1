/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libbpf and the verifier explain themselves through one callback for the whole process. All goes
 * to the debug log; the line that names the cause is kept for whoever is loading on this thread:
 * the verifier's last, else libbpf's first.
 */
#include "datapath/explain.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"

static _Thread_local struct pn_explanation *explaining;

static bool is_verifier_noise(const char *line)
{
	return !*line || strncmp(line, "-- ", 3) == 0 || strncmp(line, "processed ", 10) == 0;
}

static void keep_verifier_words(struct pn_explanation *e, char *log)
{
	char *rest = log, *line;

	(void)strsep(&rest, "\n"); /* "prog 'x': -- BEGIN PROG LOAD LOG --" */
	while ((line = strsep(&rest, "\n")))
		if (!is_verifier_noise(line) && !strstr(line, "END PROG LOAD LOG"))
			(void)snprintf(e->text, sizeof(e->text), "%s", line);
	e->by_verifier = true;
}

static int PN_PRINTF(2, 0)
	on_libbpf_message(enum libbpf_print_level level, const char *fmt, va_list args)
{
	PN_CLEANUP(pn_freep) char *text = NULL;
	int n = vasprintf(&text, fmt, args);

	if (n < 0) {
		text = NULL;
		return n;
	}
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	if (level != LIBBPF_DEBUG)
		pn_debug("datapath", "%s", text);
	if (!explaining || level != LIBBPF_WARN)
		return n;
	if (strstr(text, "BEGIN PROG LOAD LOG"))
		keep_verifier_words(explaining, text);
	else if (!explaining->by_verifier && !explaining->text[0])
		(void)snprintf(explaining->text, sizeof(explaining->text), "%s", text);
	return n;
}

void pn_libbpf_explain_to_log(void)
{
	(void)libbpf_set_print(on_libbpf_message);
}

void pn_explain_begin(struct pn_explanation *e)
{
	*e = (struct pn_explanation) { .text = "" };
	explaining = e;
}

void pn_explain_end(void)
{
	explaining = NULL;
}
