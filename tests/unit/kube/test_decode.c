/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders: what is kept of good objects, what of odd ones, and which objects are refused.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/metric.h"
#include "kube/controller.h"
#include "kube/kind.h"

/* So that the tables below can be read: ' stands for ". */
static json_t *tree_of(const char *text)
{
	json_error_t error;
	char *json = strdup(text);
	json_t *tree;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	tree = json_loads(json, JSON_ALLOW_NUL, &error);
	if (!tree)
		fail_msg("%s: %s", text, error.text);
	free(json);
	return tree;
}

static int try_decode(enum pn_kind_id kind, const char *text, struct pn_object **ret,
		      struct pn_err *err)
{
	json_t *tree = tree_of(text);
	struct pn_decoding decoding = { pn_kind_get(kind), false };
	int r = decoding.kind->decode_json(&decoding, tree, ret, err);

	json_decref(tree);
	return r;
}

static struct pn_object *decode(enum pn_kind_id kind, const char *text)
{
	struct pn_object *obj = NULL;
	struct pn_err err = { "" };

	if (try_decode(kind, text, &obj, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(obj->kind, kind);
	return obj;
}

static void check_addrs(const struct pn_addr *addrs, uint32_t n, const char *want)
{
	char text[PN_ADDR_STRLEN];
	struct pn_buf got = PN_BUF_INIT(4096);

	assert_int_equal(pn_buf_put(&got, "", 0), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(
			pn_buf_printf(&got, "%s%s", i ? " " : "", pn_addr_format(&addrs[i], text)),
			0);
	assert_string_equal(got.data, want);
	pn_buf_done(&got);
}

static int nothing_stays_interned(void **state)
{
	(void)state;
	assert_int_equal(pn_intern_count(), 0);
	assert_int_equal(pn_controller_count(), 0);
	return 0;
}

static void pod_keeps_what_names_a_packet(void **state)
{
	struct pn_object *obj = decode(
		PN_KIND_POD,
		"{'metadata':{'namespace':'shop','name':'web-1','uid':'u-1','resourceVersion':'42',"
		"'creationTimestamp':'2024-02-29T12:00:01Z','deletionTimestamp':null,"
		"'annotations':{'x':'a\\u0000b'},"
		"'ownerReferences':[{'kind':'Other','name':'o','uid':'u-o'},"
		"{'kind':'ReplicaSet','name':'web','uid':'u-rs','controller':true}]},"
		"'spec':{'nodeName':'node-a','containers':[{'ports':[{'containerPort':80,"
		"'hostPort':8080},{'containerPort':81}]},{'ports':null}],"
		"'initContainers':[{'ports':[{'containerPort':53,'hostPort':53,'protocol':'UDP'}]}]"
		"},"
		"'status':{'phase':'Running','podIP':'10.0.0.1','podIPs':[{'ip':'10.0.0.1'},"
		"{'ip':'fd00::1'}],'startTime':'2024-02-29T12:00:02.123456Z'}}");
	const struct pn_pod *pod = pn_object_pod(obj);
	char key[PN_KEY_LEN];

	(void)state;
	assert_string_equal(pn_object_key(obj, key), "shop/web-1");
	assert_string_equal(obj->uid, "u-1");
	assert_string_equal(obj->resource_version, "42");
	assert_int_equal(obj->created_s, 1709208001);
	assert_string_equal(obj->controller->kind, "ReplicaSet");
	assert_string_equal(obj->controller->name, "web");
	assert_string_equal(obj->controller->uid, "u-rs");
	assert_string_equal(pod->node_name, "node-a");
	assert_int_equal(pod->phase, PN_POD_RUNNING);
	assert_false(pod->host_network);
	assert_false(obj->terminating);
	assert_int_equal(pod->start_time_s, 1709208002);
	check_addrs(pod->addrs, pod->n_addrs, "10.0.0.1 fd00::1");
	assert_int_equal(pod->n_host_ports, 2);
	assert_int_equal(pod->host_ports[0].host_port, 8080);
	assert_int_equal(pod->host_ports[0].container_port, 80);
	assert_int_equal(pod->host_ports[0].proto, IPPROTO_TCP);
	assert_int_equal(pod->host_ports[1].proto, IPPROTO_UDP);
	assert_int_equal(obj->n_refused, 0);
	pn_object_unref(obj);
}

static void absent_and_null_fields_are_empty(void **state)
{
	static const char *const texts[] = {
		"{'metadata':{'name':'a'}}",
		"{'metadata':{'name':'a','namespace':null,'uid':null,'resourceVersion':null,"
		"'ownerReferences':null,'creationTimestamp':null},'spec':null,'status':null}",
		"{'metadata':{'name':'a','ownerReferences':[]},'spec':{'containers':null,"
		"'initContainers':null,'nodeName':null,'hostNetwork':null},"
		"'status':{'phase':null,'podIP':null,'podIPs':null,'startTime':null}}",
	};

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(texts); i++) {
		struct pn_object *obj = decode(PN_KIND_POD, texts[i]);
		const struct pn_pod *pod = pn_object_pod(obj);
		char key[PN_KEY_LEN];

		assert_string_equal(pn_object_key(obj, key), "a");
		assert_string_equal(obj->uid, "");
		assert_string_equal(obj->controller->kind, "");
		assert_string_equal(obj->controller->uid, "");
		assert_int_equal(obj->created_s, 0);
		assert_string_equal(pod->node_name, "");
		assert_int_equal(pod->phase, PN_POD_PHASE_UNKNOWN);
		assert_int_equal(pod->n_addrs, 0);
		pn_object_unref(obj);
	}
}

static void pod_ip_stands_in_for_absent_pod_ips(void **state)
{
	struct pn_object *obj = decode(PN_KIND_POD, "{'metadata':{'name':'a'},'status':{'podIP':"
						    "'10.0.0.9','podIPs':[]}}");

	(void)state;
	check_addrs(pn_object_pod(obj)->addrs, pn_object_pod(obj)->n_addrs, "10.0.0.9");
	pn_object_unref(obj);
}

/* A pod with @n addresses, an empty one in front and the first one again at the end. */
static struct pn_object *pod_with_addresses(unsigned int n)
{
	struct pn_buf text = PN_BUF_INIT(1 << 20);
	struct pn_object *obj;

	assert_int_equal(
		pn_buf_printf(&text, "{'metadata':{'name':'a'},'status':{'podIPs':[{'ip':''}"), 0);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(pn_buf_printf(&text, ",{'ip':'10.0.%u.%u'}", i >> 8, i & 255), 0);
	assert_int_equal(pn_buf_printf(&text, ",{'ip':'10.0.0.0'}]}}"), 0);
	obj = decode(PN_KIND_POD, text.data);
	pn_buf_done(&text);
	return obj;
}

static void too_many_addresses_are_left_out_and_counted(void **state)
{
	uint64_t before = pn_metric_get(PN_METRIC_INDEX_REFUSED);
	struct pn_object *fifty = pod_with_addresses(50);
	struct pn_object *many = pod_with_addresses(500);

	(void)state;
	assert_int_equal(pn_object_pod(fifty)->n_addrs, 50);
	assert_int_equal(fifty->n_refused, 0);
	assert_int_equal(pn_object_pod(many)->n_addrs, PN_MAX_ADDRS);
	assert_int_equal(many->n_refused, 500 - PN_MAX_ADDRS);
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_REFUSED) - before, 500 - PN_MAX_ADDRS);
	pn_object_unref(fifty);
	pn_object_unref(many);
}

static void addresses_and_ports_that_make_no_sense_cost_only_themselves(void **state)
{
	struct pn_object *obj = decode(
		PN_KIND_POD,
		"{'metadata':{'name':'a'},'spec':{'containers':[{'ports':[{'hostPort':65536},"
		"{'hostPort':-1},{'hostPort':1,'containerPort':70000},{'hostPort':1,'protocol':'X'}"
		","
		"{'hostPort':65535,'containerPort':1,'protocol':'SCTP'}]}]},"
		"'status':{'podIPs':[{'ip':'10.0.0.256'},{'ip':'10.0.0.1/24'},{'ip':'x'},{},"
		"{'ip':'::ffff:10.0.0.1'},{'ip':'10.0.0.1'}]}}");
	const struct pn_pod *pod = pn_object_pod(obj);

	(void)state;
	check_addrs(pod->addrs, pod->n_addrs, "10.0.0.1");
	assert_int_equal(pod->n_host_ports, 1);
	assert_int_equal(pod->host_ports[0].host_port, 65535);
	assert_int_equal(pod->host_ports[0].proto, IPPROTO_SCTP);
	assert_int_equal(obj->n_refused, 3 + 4);
	pn_object_unref(obj);
}

static void fields_of_the_wrong_type_refuse_the_object(void **state)
{
	/* the text behind the metadata's name, and the field that the message names */
	static const char *const table[][2] = {
		{ "'uid':7},'spec':{", "uid" },
		{ "'namespace':[]},'spec':{", "namespace" },
		{ "'resourceVersion':1},'spec':{", "resourceVersion" },
		{ "'creationTimestamp':'yesterday'},'spec':{", "creationTimestamp" },
		{ "'creationTimestamp':'2024-02-29T12:00:01+01:00'},'spec':{",
		  "creationTimestamp" },
		{ "'ownerReferences':{}},'spec':{", "ownerReferences" },
		{ "'ownerReferences':[1]},'spec':{", "ownerReferences" },
		{ "'ownerReferences':[{'controller':'yes'}]},'spec':{", "controller" },
		{ "'a':1},'spec':{'nodeName':{}", "nodeName" },
		{ "'a':1},'spec':{'nodeName':'a/b'", "nodeName" },
		{ "'a':1},'spec':{'nodeName':'a\\u0000b'", "nodeName" },
		{ "'a':1},'spec':{'nodeName':'a\\nb'", "nodeName" },
		{ "'a':1},'spec':{'hostNetwork':1", "hostNetwork" },
		{ "'a':1},'spec':{'containers':{}", "containers" },
		{ "'a':1},'spec':{'containers':[[]]", "containers" },
		{ "'a':1},'spec':{'containers':[{'ports':[80]}]", "ports" },
		{ "'a':1},'spec':{'containers':[{'ports':[{'hostPort':'80'}]}]", "hostPort" },
		{ "'a':1},'spec':{'containers':[{'ports':[{'hostPort':1.5}]}]", "hostPort" },
		{ "'a':1},'spec':[],'x':{", "spec" },
		{ "'a':1},'status':'','x':{", "status" },
		{ "'a':1},'status':{'podIPs':['10.0.0.1']", "podIPs" },
		{ "'a':1},'status':{'podIPs':[{'ip':1}]", "ip" },
		{ "'a':1},'status':{'startTime':5", "startTime" },
	};
	struct pn_object *obj = NULL;
	struct pn_err err;
	char text[512];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		(void)snprintf(text, sizeof(text), "{'metadata':{'name':'a',%s}}", table[i][0]);
		assert_int_equal(try_decode(PN_KIND_POD, text, &obj, &err), -EINVAL);
		assert_null(obj);
		if (strncmp(err.text, table[i][1], strlen(table[i][1])) != 0)
			fail_msg("%s: \"%s\"", text, err.text);
	}
	assert_int_equal(try_decode(PN_KIND_POD, "{}", &obj, &err), -EINVAL);
	assert_int_equal(try_decode(PN_KIND_POD, "{'metadata':[]}", &obj, &err), -EINVAL);
}

struct limit {
	const char *before, *after;
	unsigned int longest;
};

static void names_at_their_longest_pass_and_longer_ones_do_not(void **state)
{
	static const struct limit table[] = {
		{ "{'metadata':{'name':'", "'}}", 253 },
		{ "{'metadata':{'name':'a','namespace':'", "'}}", 63 },
		{ "{'metadata':{'name':'a','uid':'", "'}}", 39 },
		{ "{'metadata':{'name':'a','resourceVersion':'", "'}}", 127 },
		{ "{'metadata':{'name':'a'},'spec':{'nodeName':'", "'}}", 253 },
		{ "{'metadata':{'name':'a','ownerReferences':[{'controller':true,'kind':'", "'}]}}",
		  63 },
		{ "{'metadata':{'name':'a','ownerReferences':[{'controller':true,'name':'", "'}]}}",
		  253 },
		{ "{'metadata':{'name':'a','ownerReferences':[{'controller':true,'uid':'", "'}]}}",
		  39 },
	};
	char name[300], text[512];
	struct pn_object *obj;

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		int n = (int)table[i].longest;

		(void)snprintf(text, sizeof(text), "%s%.*s%s", table[i].before, n, name,
			       table[i].after);
		pn_object_unref(decode(PN_KIND_POD, text));
		(void)snprintf(text, sizeof(text), "%s%.*s%s", table[i].before, n + 1, name,
			       table[i].after);
		assert_int_equal(try_decode(PN_KIND_POD, text, &obj, NULL), -EINVAL);
	}
}

static void service_keeps_addresses_and_ports(void **state)
{
	struct pn_object *obj = decode(
		PN_KIND_SERVICE,
		"{'metadata':{'namespace':'shop','name':'web'},'spec':{'type':'LoadBalancer',"
		"'clusterIP':'10.96.0.1','clusterIPs':['10.96.0.1','fd00::96'],"
		"'externalIPs':['192.0.2.7'],'ports':[{'name':'http','port':80,'nodePort':30080},"
		"{'port':53,'protocol':'UDP'},{'port':0},{'port':65536}]},"
		"'status':{'loadBalancer':{'ingress':[{'ip':'198.51.100.1'},{'hostname':'x.y'}]}}"
		"}");
	const struct pn_service *svc = pn_object_service(obj);

	(void)state;
	assert_string_equal(svc->type, "LoadBalancer");
	check_addrs(svc->addrs, svc->n_addrs, "10.96.0.1 fd00::96 192.0.2.7 198.51.100.1");
	assert_int_equal(svc->n_ports, 2);
	assert_string_equal(svc->ports[0].name, "http");
	assert_int_equal(svc->ports[0].port, 80);
	assert_int_equal(svc->ports[0].node_port, 30080);
	assert_int_equal(svc->ports[0].proto, IPPROTO_TCP);
	assert_string_equal(svc->ports[1].name, "");
	assert_int_equal(svc->ports[1].proto, IPPROTO_UDP);
	assert_int_equal(obj->n_refused, 2);
	pn_object_unref(obj);
}

static void headless_service_has_no_address(void **state)
{
	struct pn_object *obj =
		decode(PN_KIND_SERVICE, "{'metadata':{'name':'a'},'spec':{'clusterIP':'None',"
					"'clusterIPs':['None'],'externalIPs':['192.0.2.7']}}");

	(void)state;
	assert_int_equal(pn_object_service(obj)->n_addrs, 0);
	assert_int_equal(obj->n_refused, 0);
	pn_object_unref(obj);
}

static void node_keeps_internal_and_external_addresses(void **state)
{
	struct pn_object *obj =
		decode(PN_KIND_NODE, "{'metadata':{'name':'n'},'status':{'addresses':["
				     "{'type':'Hostname','address':'n'},"
				     "{'type':'InternalIP','address':'192.0.2.1'},"
				     "{'type':'ExternalIP','address':'2001:db8::1'}]}}");

	(void)state;
	check_addrs(pn_object_node(obj)->addrs, pn_object_node(obj)->n_addrs,
		    "192.0.2.1 2001:db8::1");
	pn_object_unref(obj);
}

static void metadata_is_enough_for_namespaces_and_replicasets(void **state)
{
	static const char text[] = "{'metadata':{'name':'a','ownerReferences':[{'kind':'Deployment'"
				   ",'name':'d','uid':'u','controller':true}]}}";
	struct pn_object *rs = decode(PN_KIND_REPLICASET, text);
	struct pn_object *ns = decode(PN_KIND_NAMESPACE, text);

	(void)state;
	assert_string_equal(rs->controller->name, "d");
	assert_ptr_equal(rs->controller->name, ns->controller->name);
	pn_object_unref(rs);
	pn_object_unref(ns);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_stays_interned)
	static const struct CMUnitTest tests[] = {
		TEST(pod_keeps_what_names_a_packet),
		TEST(absent_and_null_fields_are_empty),
		TEST(pod_ip_stands_in_for_absent_pod_ips),
		TEST(too_many_addresses_are_left_out_and_counted),
		TEST(addresses_and_ports_that_make_no_sense_cost_only_themselves),
		TEST(fields_of_the_wrong_type_refuse_the_object),
		TEST(names_at_their_longest_pass_and_longer_ones_do_not),
		TEST(service_keeps_addresses_and_ports),
		TEST(headless_service_has_no_address),
		TEST(node_keeps_internal_and_external_addresses),
		TEST(metadata_is_enough_for_namespaces_and_replicasets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
