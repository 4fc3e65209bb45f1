/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This process in the eyes of the kernel (proc(5)), for the metrics called process_*.
 */
#include "cmd/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/util.h"

/* Seconds since 1970; 0 if the kernel does not say. */
static double boot_time(void)
{
	FILE *f = fopen("/proc/stat", "re");
	unsigned long long seconds = 0;
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "btime %llu", &seconds) == 1)
			break;
	}
	if (f)
		(void)fclose(f);
	return (double)seconds;
}

/* The fields behind the name, which may have spaces and brackets in it. */
static void read_stat(struct pn_process *p)
{
	FILE *f = fopen("/proc/self/stat", "re");
	double hz = (double)sysconf(_SC_CLK_TCK);
	unsigned long long user, system, started, threads, bytes, pages;
	char line[1024];
	const char *fields = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;

	if (f)
		(void)fclose(f);
	if (!fields ||
	    sscanf(fields,
		   ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
		   "%llu %*d %llu %llu %llu",
		   &user, &system, &threads, &started, &bytes, &pages) != 6)
		return;
	p->cpu_s = (double)(user + system) / hz;
	p->started_s = boot_time() + (double)started / hz;
	p->n_threads = threads;
	p->virtual_bytes = bytes;
	p->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
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
