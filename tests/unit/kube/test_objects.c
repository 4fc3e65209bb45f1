/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects, their shared controllers and the table of kinds: references, keys, look-up by any of a
 * kind's names.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/intern.h"
#include "kube/controller.h"
#include "kube/decode.h"
#include "kube/kind.h"
#include "kube/object_copy.h"

static struct pn_object *make(const char *ns, const char *name)
{
	struct pn_controller controller = { "ReplicaSet", "rs", "u" };
	struct pn_object like = { .kind = PN_KIND_NAMESPACE,
				  .name_space = ns,
				  .name = name,
				  .uid = "uid",
				  .resource_version = "1",
				  .controller = &controller };
	struct pn_object *obj = NULL;

	assert_int_equal(pn_object_copy(&like, &obj), 0);
	return obj;
}

static void last_reference_frees_object_and_strings(void **state)
{
	struct pn_object *obj = make("ns", "a");

	(void)state;
	assert_ptr_equal(pn_object_ref(obj), obj);
	pn_object_unref(obj);
	assert_string_equal(obj->name_space, "ns");
	pn_object_unref(obj);
	pn_object_unref(NULL);
	assert_int_equal(pn_intern_count(), 0);
	assert_int_equal(pn_controller_count(), 0);
}

static void *ref_and_unref(void *data)
{
	for (int i = 0; i < 10000; i++)
		pn_object_unref(pn_object_ref(data));
	pn_object_unref(data);
	return NULL;
}

static void threads_share_an_object(void **state)
{
	struct pn_object *obj = make("ns", "a");
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref,
						(void *)(uintptr_t)pn_object_ref(obj)),
				 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(threads); i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(obj->n_refs, 1);
	pn_object_unref(obj);
	assert_int_equal(pn_intern_count(), 0);
}

static void key_holds_the_longest_names(void **state)
{
	char ns[PN_OBJECT_NAMESPACE_LEN], name[PN_OBJECT_NAME_LEN], key[PN_KEY_LEN];
	struct pn_object *obj;

	(void)state;
	memset(ns, 's', sizeof(ns));
	ns[sizeof(ns) - 1] = '\0';
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	obj = make(ns, name);
	assert_int_equal(strlen(pn_object_key(obj, key)), PN_KEY_LEN - 1);
	pn_object_unref(obj);
	obj = make("", "only");
	assert_string_equal(pn_object_key(obj, key), "only");
	pn_object_unref(obj);
}

static void phases_have_the_names_of_the_api(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PN_POD_PHASE_MAX; i++)
		assert_int_equal(pn_pod_phase_parse(pn_pod_phase_name((enum pn_pod_phase)i)), i);
	assert_string_equal(pn_pod_phase_name(PN_POD_SUCCEEDED), "Succeeded");
	assert_int_equal(pn_pod_phase_parse("running"), PN_POD_PHASE_UNKNOWN);
}

static void equal_controllers_are_the_same_pointer(void **state)
{
	struct pn_controller like = { "Job", "j", "u-1" }, other = { "Job", "j", "u-2" };
	const struct pn_controller *a, *b, *none;

	(void)state;
	a = pn_controller_get(&like);
	b = pn_controller_get(&(struct pn_controller) { "Job", "j", "u-1" });
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, &like);
	b = pn_controller_get(&other);
	assert_ptr_not_equal(a, b);
	assert_int_equal(pn_controller_count(), 2);
	pn_controller_unref(a);
	pn_controller_unref(a);
	assert_string_equal(b->uid, "u-2");
	pn_controller_unref(b);
	pn_controller_unref(NULL);
	none = pn_controller_get(&(struct pn_controller) { "", "", "" });
	assert_string_equal(none->uid, "");
	pn_controller_unref(none);
	assert_int_equal(pn_controller_count(), 0);
	assert_int_equal(pn_intern_count(), 0);
}

static struct pn_controller nth(unsigned int i, char *name)
{
	(void)snprintf(name, 16, "rs-%u", i);
	return (struct pn_controller) { "ReplicaSet", name, name };
}

static void many_controllers_are_told_apart(void **state)
{
	static const struct pn_controller *all[5000];
	struct pn_controller like;
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < PN_ARRAY_SIZE(all); i++) {
		like = nth(i, name);
		all[i] = pn_controller_get(&like);
	}
	for (unsigned int i = 0; i < PN_ARRAY_SIZE(all); i++) {
		like = nth(i, name);
		assert_ptr_equal(pn_controller_get(&like), all[i]);
		assert_string_equal(all[i]->name, name);
		pn_controller_unref(all[i]);
	}
	for (unsigned int i = 0; i < PN_ARRAY_SIZE(all); i++)
		pn_controller_unref(all[i]);
	assert_int_equal(pn_controller_count(), 0);
}

static void *get_and_unref(void *data)
{
	struct pn_controller like;
	char name[16];

	(void)data;
	for (unsigned int i = 0; i < 20000; i++) {
		like = nth(i % 97, name);
		pn_controller_unref(pn_controller_get(&like));
	}
	return NULL;
}

static void threads_share_controllers(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, get_and_unref, NULL), 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(threads); i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(pn_controller_count(), 0);
	assert_int_equal(pn_intern_count(), 0);
}

static void an_object_is_only_what_it_is(void **state)
{
	struct pn_object *obj = make("", "a");

	(void)state;
	assert_ptr_equal(pn_object_namespace(obj), obj);
	assert_null(pn_object_pod(obj));
	assert_null(pn_object_generic(obj));
	assert_null(pn_object_pod(NULL));
	pn_object_unref(obj);
}

static void kinds_are_found_by_any_of_their_names(void **state)
{
	static const char *const names[][5] = {
		{ "Pod", "pods", "pod", "po", "v1" },
		{ "Service", "services", "SERVICE", "svc", "v1" },
		{ "Node", "nodes", "node", "no", "v1" },
		{ "Namespace", "namespaces", "namespace", "ns", "v1" },
		{ "ReplicaSet", "replicasets", "replicaset", "rs", "apps/v1" },
		{ "Job", "jobs", "job", "JOBS", "batch/v1" },
		{ "EndpointSlice", "endpointslices", "endpointslice", "EndpointSlices",
		  "discovery.k8s.io/v1" },
		{ "NetworkPolicy", "networkpolicies", "networkpolicy", "netpol",
		  "networking.k8s.io/v1" },
	};
	char where[64];

	(void)state;
	for (unsigned int i = 0; i < PN_KIND_GENERIC; i++) {
		const struct pn_kind *k = pn_kind_get((enum pn_kind_id)i);

		assert_int_equal(k->id, i);
		for (size_t n = 0; n < 4; n++)
			assert_ptr_equal(pn_kind_find(names[i][n]), k);
		(void)snprintf(where, sizeof(where), "%s%s%s", k->group, k->group[0] ? "/" : "",
			       k->version);
		assert_string_equal(where, names[i][4]);
	}
	assert_null(pn_kind_find("podss"));
	assert_null(pn_kind_find(""));
	assert_null(pn_kind_get(PN_KIND_GENERIC));
}

static void generic_kinds_are_words_that_fit_into_a_path(void **state)
{
	static const char *const bad[][4] = {
		{ "a/b", "v1", "K", "ks" }, { "g", "", "K", "ks" },    { "g", "v1", "", "ks" },
		{ "g", "v1", "K", "" },	    { "g", "v1", "K", ".." },  { "g", "v1", "K", "a?b" },
		{ "g", "v1", "K", "k%2f" }, { "g", "v 1", "K", "ks" },
	};
	struct pn_kind *k = NULL;

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(bad); i++)
		assert_int_equal(
			pn_kind_new_generic(bad[i][0], bad[i][1], bad[i][2], bad[i][3], true, &k),
			-EINVAL);
	assert_null(k);
	assert_int_equal(pn_kind_new_generic("", "v1", "ConfigMap", "configmaps", true, &k), 0);
	assert_string_equal(k->plural, "configmaps");
	assert_null(k->decode_protobuf);
	pn_kind_free(k);
	pn_kind_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_reference_frees_object_and_strings),
		cmocka_unit_test(threads_share_an_object),
		cmocka_unit_test(key_holds_the_longest_names),
		cmocka_unit_test(phases_have_the_names_of_the_api),
		cmocka_unit_test(equal_controllers_are_the_same_pointer),
		cmocka_unit_test(many_controllers_are_told_apart),
		cmocka_unit_test(threads_share_controllers),
		cmocka_unit_test(an_object_is_only_what_it_is),
		cmocka_unit_test(generic_kinds_are_words_that_fit_into_a_path),
		cmocka_unit_test(kinds_are_found_by_any_of_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
