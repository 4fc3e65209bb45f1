// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's grace period, for tables that programs read while they are changed in two steps.
 */
#include "datapath/grace.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

/*
 * With one processor membarrier does not wait at all: whoever runs there now is not in the midst of a program.
 * Only on a real-time kernel he may be, because programs there are preempted as everybody is.
 */
static bool is_real_time_alone(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) == 1 && access("/sys/kernel/realtime", F_OK) == 0;
}

bool pn_grace_can_be_had(void)
{
	long commands = membarrier(MEMBARRIER_CMD_QUERY);

	return commands > 0 && commands & MEMBARRIER_CMD_GLOBAL && !is_real_time_alone();
}

int pn_grace(void)
{
	return membarrier(MEMBARRIER_CMD_GLOBAL) < 0 ? -errno : 0;
}
