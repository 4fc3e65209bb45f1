/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This process in the eyes of the kernel (proc(5)), for the metrics called process_*.
 */
#include "daemon/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"

/* Numbers of fields of /proc/self/stat, as proc(5) counts them. */
enum {
	FIELD_STATE = 3, /* the first one behind the name */
	FIELD_USER = 14,
	FIELD_SYSTEM = 15,
	FIELD_THREADS = 20,
	FIELD_STARTED = 22,
	FIELD_BYTES = 23,
	FIELD_PAGES = 24,
	N_FIELDS,
};

/* Seconds since 1970; 0 if the kernel does not say. */
static double boot_time(void)
{
	static const char key[] = "btime ";
	FILE *f = fopen("/proc/stat", "re");
	unsigned long long seconds = 0;
	char line[4096];

	while (f && !seconds && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			seconds = strtoull(line + sizeof(key) - 1, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return (double)seconds;
}

/* Behind the name, which may have spaces and brackets in it. Return: are all of them there? */
static bool read_fields(uint64_t ret[static N_FIELDS])
{
	FILE *f = fopen("/proc/self/stat", "re");
	char line[1024], *at = NULL, *rest;
	int field = FIELD_STATE;

	if (f && fgets(line, sizeof(line), f))
		at = strrchr(line, ')');
	if (f)
		(void)fclose(f);
	if (!at)
		return false;
	for (at = strtok_r(at + 1, " ", &rest); at && field < N_FIELDS;
	     at = strtok_r(NULL, " ", &rest))
		ret[field++] = strtoull(at, NULL, 10);
	return field == N_FIELDS;
}

static void read_stat(struct pn_process *p)
{
	double hz = (double)sysconf(_SC_CLK_TCK);
	uint64_t fields[N_FIELDS];

	if (!read_fields(fields))
		return;
	p->cpu_s = (double)(fields[FIELD_USER] + fields[FIELD_SYSTEM]) / hz;
	p->started_s = boot_time() + (double)fields[FIELD_STARTED] / hz;
	p->n_threads = fields[FIELD_THREADS];
	p->virtual_bytes = fields[FIELD_BYTES];
	p->rss_bytes = fields[FIELD_PAGES] * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t n = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n - 1; /* that of the directory itself */
}

void pn_process_read(struct pn_process *ret)
{
	struct rlimit limit = { 0 };

	*ret = (struct pn_process) { 0 };
	read_stat(ret);
	ret->n_fds = count_fds();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->max_fds = limit.rlim_cur;
}
