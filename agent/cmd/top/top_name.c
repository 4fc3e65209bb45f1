/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands at the end of a record, in the words of a compact line, for the tables of `podonym top`.
 */
#include "cmd/top/top_name.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

void pn_top_printable(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (; text[n] && n + 1 < size; n++)
		to[n] = (char)(text[n] >= ' ' && text[n] <= '~' ? text[n] : '?');
	to[n] = '\0';
}

/* "[@what][@within/]@name" */
static void put(char *to, size_t size, const char *what, const char *within, const char *name)
{
	char text[PN_TOP_NAME_MAX];

	(void)snprintf(text, sizeof(text), "%s%.80s%s%.300s", what, within, *within ? "/" : "",
		       name);
	pn_top_printable(to, size, text);
}

void pn_top_workload(char *to, size_t size, const struct pn_recorded_end *e)
{
	if (*e->workload_name)
		put(to, size, "", e->name_space, e->workload_name);
	else if (*e->pod)
		put(to, size, "", e->name_space, e->pod);
	else if (*e->process)
		put(to, size, "node/", e->node, e->process);
	else if (*e->node)
		put(to, size, "node/", "", e->node);
	else if (*e->network)
		put(to, size, "network/", "", e->network);
	else if (*e->service)
		put(to, size, "service/", e->service_space, e->service);
	else
		put(to, size, "", "", e->address);
}

void pn_top_endpoint(char *to, size_t size, const struct pn_recorded_end *e)
{
	bool is_v6 = strchr(e->address, ':') != NULL;
	char text[PN_TOP_NAME_MAX], port[24] = "";

	if (e->port)
		(void)snprintf(port, sizeof(port), ":%llu", (unsigned long long)e->port);
	(void)snprintf(text, sizeof(text), "%.260s%s%s%.60s%s%s", e->pod, *e->pod ? " " : "",
		       is_v6 && e->port ? "[" : "", e->address, is_v6 && e->port ? "]" : "", port);
	pn_top_printable(to, size, text);
}
