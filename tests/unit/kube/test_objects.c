/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects and the table of kinds: references, keys, look-up by any of a kind's names.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/intern.h"
#include "kube/decode.h"
#include "kube/kind.h"

static struct pn_object *make(const char *ns, const char *name)
{
	struct pn_meta meta = { ns, name, "uid", "1", "", "", "", 0, false };
	struct pn_object *obj = pn_object_new(PN_KIND_NAMESPACE, sizeof(*obj), &meta);

	assert_non_null(obj);
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
	assert_int_equal(atomic_load(&obj->n_refs), 1);
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

static void kinds_are_found_by_any_of_their_names(void **state)
{
	static const char *const names[][4] = {
		{ "Pod", "pods", "pod", "po" },
		{ "Service", "services", "SERVICE", "svc" },
		{ "Node", "nodes", "node", "no" },
		{ "Namespace", "namespaces", "namespace", "ns" },
		{ "ReplicaSet", "replicasets", "replicaset", "rs" },
	};

	(void)state;
	for (unsigned int i = 0; i < PN_KIND_MAX; i++) {
		assert_int_equal(pn_kind_get((enum pn_kind_id)i)->id, i);
		for (size_t k = 0; k < 4; k++)
			assert_ptr_equal(pn_kind_find(names[i][k]),
					 pn_kind_get((enum pn_kind_id)i));
	}
	assert_null(pn_kind_find("podss"));
	assert_null(pn_kind_find(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_reference_frees_object_and_strings),
		cmocka_unit_test(threads_share_an_object),
		cmocka_unit_test(key_holds_the_longest_names),
		cmocka_unit_test(phases_have_the_names_of_the_api),
		cmocka_unit_test(kinds_are_found_by_any_of_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
