/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent gives up what it does not need, for agent.c, whoever has started it with however much: a
 * container with four capabilities, a service manager, a root shell. Three capabilities stay, because
 * interfaces come and go for as long as the agent runs, and programs are attached to them.
 *
 * Capabilities go before the second thread is there, as each thread has its own and nothing takes them
 * from all. The seccomp filter comes when everything is loaded, opened and bound, for all threads.
 */
#include "daemon/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "daemon/syscalls.h"

/* Attaching programs; reading kernel memory in them; maps, and opening pinned ones before Linux 5.19. */
static const unsigned int needed[] = { CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF };

/* What only some agents need on top. */
struct extra {
	bool reads_all, binds_low;
};

/* Kernels before 5.11 count maps against it, and raising it takes CAP_SYS_RESOURCE. */
static void raise_memlock(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
}

/* --- what is read again -------------------------------------------------------------------------- */

/* Of this thread, for a look at how it would be without. False: that cannot be. */
static bool use_file_capabilities(capng_act_t act)
{
	static const unsigned int all[] = { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH };

	if (capng_get_caps_process() < 0)
		return false;
	for (size_t i = 0; i < PN_ARRAY_SIZE(all); i++)
		if (capng_have_capability(CAPNG_PERMITTED, all[i]))
			(void)capng_update(act, CAPNG_EFFECTIVE, all[i]);
	return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

/* Return: 0, -EACCES with @reterr; other errors are found where the settings are used */
static int try_kube(const struct pn_kube_config_source *source, bool *ret_runs_programs,
		    struct pn_err *reterr)
{
	struct pn_kube_config settings = { 0 };

	if (pn_kube_config_load(source, &settings, reterr) == -EACCES)
		return -EACCES;
	*ret_runs_programs = settings.exec.command != NULL;
	pn_kube_config_done(&settings);
	return 0;
}

static int try_file(const char *path, struct pn_err *reterr)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

	if (path && fd < 0 && errno == EACCES)
		return pn_err_set(reterr, -EACCES, "%s: %s", path, strerror(EACCES));
	pn_closep(&fd);
	return 0;
}

/* Root's files can be read by their owner. Those of others, as a kubeconfig in a user's home, cannot. */
static bool reads_all(const struct pn_confine_config *config, struct pn_confinement *c)
{
	struct pn_err err = { "" };
	int r;

	if (!use_file_capabilities(CAPNG_DROP))
		return false;
	r = try_kube(config->kube, &c->runs_programs, &err);
	for (size_t i = 0; i < PN_CONFINE_FILES && r == 0; i++)
		r = try_file(config->files[i], &err);
	if (!use_file_capabilities(CAPNG_ADD) || r == 0 ||
	    !capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH))
		return false;
	(void)try_kube(config->kube, &c->runs_programs, NULL);
	(void)pn_err_set(&c->capabilities_why, 0, "dac_read_search for %s", err.text);
	return true;
}

/* --- capabilities -------------------------------------------------------------------------------- */

static void describe(struct pn_confinement *c)
{
	if (capng_get_caps_process() == 0)
		c->capabilities = capng_print_caps_text(CAPNG_PRINT_BUFFER, CAPNG_PERMITTED);
}

/* Those of @wanted that there are. Return: 0, -1 with errno */
static int select_only(const unsigned int *wanted, size_t n)
{
	bool had[8];

	if (capng_get_caps_process() < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, wanted[i]);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < n; i++)
		if (had[i])
			(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, wanted[i]);
	return 0;
}

/*
 * Emptying the bounding set takes CAP_SETPCAP, which a container does not have (libcap-ng complains on
 * standard error then); no_new_privs is enough.
 */
static void drop(struct extra extra, struct pn_confinement *c)
{
	unsigned int wanted[8];
	size_t n = PN_ARRAY_SIZE(needed);

	memcpy(wanted, needed, sizeof(needed));
	if (extra.reads_all)
		wanted[n++] = CAP_DAC_READ_SEARCH;
	if (extra.binds_low)
		wanted[n++] = CAP_NET_BIND_SERVICE;
	if (capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
		capng_clear(CAPNG_SELECT_ALL);
		if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
			pn_debug("agent", "the bounding set of capabilities stays as it is");
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (select_only(wanted, n) < 0 || capng_apply(CAPNG_SELECT_CAPS) < 0)
		(void)pn_err_set(&c->capabilities_why, 0, "giving them up failed: %s",
				 strerror(errno));
}

/* --- both ---------------------------------------------------------------------------------------- */

static void refuse(struct pn_confinement *c)
{
	c->seccomp = "refused";
	pn_warn("agent", "continuing without a seccomp filter: %s", c->seccomp_why.text);
}

void pn_confine_begin(const struct pn_confine_config *config, struct pn_confinement *c)
{
	struct extra extra = { .binds_low = config->has_low_port };

	*c = (struct pn_confinement) { .seccomp = "off" };
	if (config->off) {
		(void)pn_err_set(&c->seccomp_why, 0, "switched off");
		describe(c);
		return;
	}
	raise_memlock();
	extra.reads_all = reads_all(config, c);
	drop(extra, c);
	describe(c);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		(void)pn_err_set(&c->seccomp_why, 0, "no_new_privs: %s", strerror(errno));
	else if (pn_syscalls_prepare(&c->seccomp_why) == 0)
		return;
	refuse(c);
}

void pn_confine_end(struct pn_confinement *c)
{
	if (c->seccomp_why.text[0])
		return;
	if (pn_syscalls_filter(c->runs_programs, &c->seccomp_why) < 0) {
		refuse(c);
		return;
	}
	c->seccomp = "on";
	if (c->runs_programs)
		(void)pn_err_set(&c->seccomp_why, 0,
				 "a short list is refused, all else is allowed: the kubeconfig "
				 "names a credential plugin");
}

void pn_confine_done(struct pn_confinement *c)
{
	free(c->capabilities);
	c->capabilities = NULL;
}
