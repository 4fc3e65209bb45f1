/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "datapath/cgroups.h"

#define ID "d7dfb4a21fe1703a8537e60d5af248af729315d187b24a538102d14874c8117d"
#define UID "1e597579-417e-482f-bf65-5fe170c3aebd"
#define SLICE_UID "1e597579_417e_482f_bf65_5fe170c3aebd"
#define HASH "8daa50c3a64c9ff60bb9eab7b44b56fd"

/* As the projects' documentation, tests and issues show them. */
static const struct {
	const char *path, *uid;
} pods[] = {
	/* kubelet with systemd: the pod, its containers, what they make below */
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" SLICE_UID ".slice",
	  UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" SLICE_UID
	  ".slice/cri-containerd-" ID ".scope",
	  UID },
	{ "/kubepods.slice/kubepods-pod" SLICE_UID ".slice/cri-containerd-" ID ".scope", UID },
	{ "/kubepods.slice/kubepods-pod" SLICE_UID ".slice/cri-containerd-" ID ".scope/init", UID },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" SLICE_UID
	  ".slice/docker-" ID ".scope/kube-proxy",
	  UID },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" SLICE_UID
	  ".slice/crio-" ID ".scope/container",
	  UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" SLICE_UID
	  ".slice/crio-conmon-" ID ".scope",
	  UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH
	  ".slice/cri-containerd-" ID ".scope",
	  HASH },
	/* kubelet with cgroupfs: k3s, RKE, Talos, GKE */
	{ "/kubepods/besteffort/pod" UID, UID },
	{ "/kubepods/besteffort/pod" UID "/" ID, UID },
	{ "/kubepods/burstable/pod" HASH "/" ID, HASH },
	{ "/kubepods/pod" UID "/" ID, UID },
	{ "/kubepods/pod" UID "/crio-" ID, UID },
	{ "/kubepods/pod" UID "/crio-conmon-" ID, UID },
	/* a cgroup root of kubelet's own: kind, k3d */
	{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
	  "kubelet-kubepods-besteffort-pod" SLICE_UID ".slice/cri-containerd-" ID ".scope",
	  UID },
	{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" SLICE_UID
	  ".slice/cri-containerd-" ID ".scope",
	  UID },
	{ "/kubelet/kubepods/besteffort/pod" UID "/" ID, UID },
	{ "/k3s/kubepods/burstable/pod" UID "/" ID, UID },
	{ "/k3s.slice/k3s-kubepods.slice/k3s-kubepods-pod" SLICE_UID ".slice/cri-containerd-" ID
	  ".scope",
	  UID },
	{ "/a.slice/a-b.slice/a-b-kubepods.slice/a-b-kubepods-pod" SLICE_UID ".slice", UID },
	/* a node that is a container: kind and minikube, seen from the machine */
	{ "/docker/" ID "/kubelet/kubepods/besteffort/pod" UID "/" ID, UID },
	{ "/docker/" ID
	  "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" SLICE_UID
	  ".slice/crio-" ID ".scope",
	  UID },
	{ "/system.slice/docker-" ID ".scope/kubelet.slice/kubelet-kubepods.slice/"
	  "kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" HASH
	  ".slice/cri-containerd-" ID ".scope",
	  HASH },
	{ "/system.slice/docker-" ID ".scope/kubelet/kubepods/pod" UID "/" ID, UID },
	/* a cluster in a pod: the pod of this node */
	{ "/kubepods/besteffort/pod" UID "/" ID "/docker/" ID
	  "/kubelet/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/" ID,
	  UID },
	/* kubelet and runtime that do not agree on the driver */
	{ "/kubepods-burstable-pod" SLICE_UID ".slice:cri-containerd:" ID, UID },
	{ "/system.slice/containerd.service/kubepods-besteffort-pod" SLICE_UID
	  ".slice:cri-containerd:" ID,
	  UID },
	/* from a cgroup namespace below */
	{ "/../../kubepods-burstable-pod" SLICE_UID ".slice/cri-containerd-" ID ".scope", UID },
	{ "kubepods//besteffort/pod" UID "/", UID },
};

static const char *const others[] = {
	"",
	"/",
	"/..",
	"/init.scope",
	"/system.slice/sshd.service",
	"/system.slice/kubelet.service",
	"/system.slice/crio-conmon-" ID ".scope",
	"/user.slice/user-1000.slice/session-3.scope",
	"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	"/machine.slice/libpod_pod_" ID ".slice",
	"/podruntime/kubelet",
	"/podruntime.slice/podruntime-pod" SLICE_UID ".slice",
	"/docker/" ID,
	"/system.slice/docker-" ID ".scope",
	"/kubepods",
	"/kubepods/burstable",
	"/kubepods.slice/kubepods-besteffort.slice",
	"/kubepods/guaranteed/pod" UID,
	"/kubepods/besteffort/extra/pod" UID,
	"/kubepods/besteffort/besteffort/pod" UID,
	"/kubepods/pod",
	"/kubepods/pod" UID "0",
	"/kubepods/pod1e597579-417e-482f-bf65-5fe170c3aeb",
	"/kubepods/pod1E597579-417E-482F-BF65-5FE170C3AEBD",
	"/kubepods/podge597579-417e-482f-bf65-5fe170c3aebd",
	"/kubepods/pod" SLICE_UID,
	"/kubepods/pod" ID,
	"/kubepods/pods" UID,
	"/kubepods/besteffort-pod" UID,
	"/mykubepods/pod" UID,
	"/kubepods.slice/pod" UID,
	"/pod" UID "/" ID,
	"/besteffort/pod" UID,
	"/kubepods.slice/kubepods-pod" UID ".slice",
	"/kubepods.slice/kubepods-pod" SLICE_UID,
	"/kubepods.slice/kubepods-pod" SLICE_UID ".scope",
	"/kubepods.slice/kubepods-pod" SLICE_UID ".slicer",
	"/kubepods.slice/kubepods-pod" SLICE_UID "-x.slice",
	"/mykubepods-pod" SLICE_UID ".slice",
	"/kubepods-burstable-besteffort-pod" SLICE_UID ".slice",
	"/kubepods-guaranteed-pod" SLICE_UID ".slice",
	"/kubepods-pod1e597579_417e-482f_bf65-5fe170c3aebd.slice",
	"/kubepods-.slice",
	"/-.slice",
	"/.slice",
	"/.slice:",
};

static void pods_are_found_in_the_paths_of_each_project(void **state)
{
	char uid[PN_UID_LEN];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(pods); i++) {
		if (!pn_cgroup_parse_path(pods[i].path, uid))
			fail_msg("no pod in %s", pods[i].path);
		assert_string_equal(uid, pods[i].uid);
	}
}

static void what_looks_alike_is_no_pod(void **state)
{
	char uid[PN_UID_LEN] = "untouched";

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(others); i++) {
		if (pn_cgroup_parse_path(others[i], uid))
			fail_msg("%s is no pod's", others[i]);
		assert_string_equal(uid, "untouched");
	}
}

/* A cut path may end anywhere; what is found is a whole uid. */
static void a_path_cut_at_any_byte_is_read_to_its_end_only(void **state)
{
	char uid[PN_UID_LEN];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(pods); i++) {
		for (size_t len = 0; len <= strlen(pods[i].path); len++) {
			char *cut = strndup(pods[i].path, len);

			assert_non_null(cut);
			if (pn_cgroup_parse_path(cut, uid))
				assert_true(strlen(uid) == 36 || strlen(uid) == 32);
			free(cut);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_are_found_in_the_paths_of_each_project),
		cmocka_unit_test(what_looks_alike_is_no_pod),
		cmocka_unit_test(a_path_cut_at_any_byte_is_read_to_its_end_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
