/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders: what is kept of good objects, what of odd ones, and which objects are refused. Each good
 * object is read from JSON and from the protobuf that protobuf-c makes of it.
 */
#include <malloc.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/metric.h"
#include "tests/unit/kube/decode_fixture.h"

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
		"{'ip':'fd00::1'}],'hostIP':'192.0.2.1','hostIPs':[{'ip':'192.0.2.1'},"
		"{'ip':'2001:db8::1'}],'startTime':'2024-02-29T12:00:02.123456Z'}}");
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
	check_addrs(pod->host_addrs, pod->n_host_addrs, "192.0.2.1 2001:db8::1");
	assert_int_equal(pod->n_host_ports, 2);
	assert_int_equal(pod->host_ports[0].host_port, 8080);
	assert_int_equal(pod->host_ports[0].container_port, 80);
	assert_int_equal(pod->host_ports[0].proto, IPPROTO_TCP);
	assert_int_equal(pod->host_ports[1].proto, IPPROTO_UDP);
	assert_int_equal(obj->n_refused, 0);
	pn_object_unref(obj);
}

static void ports_with_a_name_are_kept_if_their_container_goes_on(void **state)
{
	struct pn_object *obj = decode(
		PN_KIND_POD,
		"{'metadata':{'name':'a'},'spec':{'containers':[{'ports':[{'name':'http',"
		"'containerPort':8080},{'containerPort':81},{'name':'far','containerPort':70000},"
		"{'name':'dns','containerPort':53,'protocol':'UDP'}]}],'initContainers':["
		"{'restartPolicy':'Always','ports':[{'name':'side','containerPort':9}]},"
		"{'ports':[{'name':'once','containerPort':10}]}]}}");
	const struct pn_pod *pod = pn_object_pod(obj);

	(void)state;
	assert_int_equal(pod->n_named_ports, 3);
	assert_string_equal(pod->named_ports[0].name, "http");
	assert_int_equal(pod->named_ports[0].port, 8080);
	assert_int_equal(pod->named_ports[0].proto, IPPROTO_TCP);
	assert_false(pod->named_ports[0].is_init);
	assert_string_equal(pod->named_ports[1].name, "dns");
	assert_int_equal(pod->named_ports[1].proto, IPPROTO_UDP);
	assert_string_equal(pod->named_ports[2].name, "side");
	assert_true(pod->named_ports[2].is_init);
	assert_int_equal(obj->n_refused, 1);
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
		"'status':{'phase':null,'podIP':null,'podIPs':null,'hostIP':null,'hostIPs':null,'"
		"startTime':null}}",
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
		assert_int_equal(pod->n_host_addrs, 0);
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

static void host_ip_stands_in_for_absent_host_ips(void **state)
{
	struct pn_object *obj = decode(PN_KIND_POD, "{'metadata':{'name':'a'},'status':{'hostIP':"
						    "'192.0.2.9','hostIPs':[]}}");

	(void)state;
	check_addrs(pn_object_pod(obj)->host_addrs, pn_object_pod(obj)->n_host_addrs, "192.0.2.9");
	pn_object_unref(obj);
}

static void host_addresses_are_kept_once_and_bad_ones_counted(void **state)
{
	struct pn_object *obj = decode(
		PN_KIND_POD,
		"{'metadata':{'name':'a'},'status':{'hostIP':'192.0.2.9','hostIPs':[{},"
		"{'ip':'192.0.2.1'},{'ip':'x'},{'ip':'::ffff:192.0.2.1'},{'ip':'2001:db8::1'}]}}");

	(void)state;
	check_addrs(pn_object_pod(obj)->host_addrs, pn_object_pod(obj)->n_host_addrs,
		    "192.0.2.1 2001:db8::1");
	assert_int_equal(obj->n_refused, 1);
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
	/* once an encoding */
	assert_int_equal(pn_metric_get(PN_METRIC_INDEX_REFUSED) - before, 2 * (500 - PN_MAX_ADDRS));
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

static void annotations_are_kept_by_their_names(void **state)
{
	static const char text[] = "{'metadata':{'name':'a','labels':{'z':'1'},'annotations':{"
				   "'b':'two words','c':'3','a':'','d':'left out'}}}";
	static const char *const names[] = { "c", "b", "a", "e", NULL };
	struct pn_decoding decoding = { .kind = pn_kind_get(PN_KIND_POD), .annotations = names };
	struct pn_object *obj = decode_with(&decoding, text);

	(void)state;
	assert_int_equal(obj->n_labels, 0);
	assert_int_equal(obj->n_annotations, 3);
	assert_string_equal(pn_object_annotation(obj, "a"), "");
	assert_string_equal(pn_object_annotation(obj, "b"), "two words");
	assert_string_equal(pn_object_annotation(obj, "c"), "3");
	assert_null(pn_object_annotation(obj, "d"));
	pn_object_unref(obj);
	decoding.keep_labels = true;
	obj = decode_with(&decoding, text);
	assert_string_equal(pn_object_label(obj, "z"), "1");
	assert_null(pn_object_label(obj, "a"));
	assert_string_equal(pn_object_annotation(obj, "c"), "3");
	pn_object_unref(obj);
	assert_int_equal(pn_intern_count(), 0);
}

static void labels_are_kept_where_they_are_wanted_and_sorted(void **state)
{
	static const char text[] = "{'metadata':{'name':'a','labels':{'b':'2','a/x':'1','c':'',"
				   "'bad value':'','d':'a b'}}}";
	struct pn_decoding decoding = { .kind = pn_kind_get(PN_KIND_POD), .keep_labels = true };
	struct pn_object *obj = decode_with(&decoding, text);

	(void)state;
	assert_int_equal(obj->n_labels, 3);
	assert_string_equal(obj->labels[0].key, "a/x");
	assert_string_equal(pn_object_label(obj, "b"), "2");
	assert_string_equal(pn_object_label(obj, "c"), "");
	assert_null(pn_object_label(obj, "d"));
	assert_int_equal(obj->n_refused, 2);
	pn_object_unref(obj);
	obj = decode(PN_KIND_POD, text);
	assert_null(obj->labels);
	assert_null(pn_object_label(obj, "b"));
	pn_object_unref(obj);
}

static void node_keeps_the_ranges_of_its_pods(void **state)
{
	(void)state;
	check_decoded(PN_KIND_NODE,
		      "{'metadata':{'name':'n'},'spec':{'podCIDR':'10.1.0.0/24','podCIDRs':"
		      "['10.1.0.7/24','fd00:1::/64','10.1.0.0/33','x','10.1.0.0/','10.1.0.0/ 8']}}",
		      " cidrs=10.1.0.0/120 fd00:1::/64");
	check_decoded(PN_KIND_NODE, "{'metadata':{'name':'n'},'spec':{'podCIDR':'10.1.0.0/24'}}",
		      " cidrs=10.1.0.0/120");
}

static void slice_keeps_who_stands_behind_a_service(void **state)
{
	(void)state;
	check_decoded(
		PN_KIND_ENDPOINTSLICE,
		"{'metadata':{'namespace':'shop','name':'web-x','labels':{'kubernetes.io/"
		"service-name':"
		"'web','x':'y'}},'addressType':'IPv4','ports':[{'name':'http','port':8080,'"
		"protocol':"
		"'TCP'},{'port':null},{'port':70000}],'endpoints':[{'addresses':['10.0.0.1','10.0."
		"0.2',"
		"'x'],'conditions':{'ready':true,'serving':true,'terminating':false},'nodeName':'"
		"n1',"
		"'zone':'z1','targetRef':{'kind':'Pod','namespace':'shop','name':'web-1','uid':'u'}"
		"},"
		"{'addresses':['10.0.0.3'],'conditions':{'ready':false,'terminating':true}},{}]}",
		"IPv4 service=web port=http:8080/6 port=:0/6\n"
		"10.0.0.1 10.0.0.2 ready serving node=n1 zone=z1 target=Pod:shop/web-1\n"
		"10.0.0.3 serving terminating node= zone= target=:/\n"
		" ready serving node= zone= target=:/");
	check_decoded(PN_KIND_ENDPOINTSLICE,
		      "{'metadata':{'name':'f'},'addressType':'FQDN','endpoints':[{'addresses':["
		      "'a.example.com']}]}",
		      "FQDN service=\n ready serving node= zone= target=:/");
}

static void a_job_is_its_metadata(void **state)
{
	struct pn_object *obj =
		decode(PN_KIND_JOB,
		       "{'metadata':{'namespace':'a','name':'j','deletionTimestamp':"
		       "'2024-02-29T12:00:01Z','ownerReferences':[{'kind':'CronJob','name':'c',"
		       "'uid':'u','controller':true}]}}");

	(void)state;
	assert_ptr_equal(pn_object_job(obj), obj);
	assert_string_equal(obj->controller->kind, "CronJob");
	assert_true(obj->terminating);
	pn_object_unref(obj);
}

static void generic_object_is_its_text_without_managed_fields(void **state)
{
	struct pn_kind *kind;
	struct pn_object *obj;
	json_t *tree =
		tree_of("{'kind':'Widget', 'metadata':{'name':'w','namespace':'a','managedFields':"
			"[{}],'labels':{'x':'y'}}, 'spec':{'size':1.5,'z':'\\u0000'}}");

	(void)state;
	assert_int_equal(pn_kind_new_generic("example.com", "v1", "Widget", "widgets", true, &kind),
			 0);
	obj = decode_as(&(struct pn_decoding) { .kind = kind, .keep_labels = true }, tree, false);
	assert_string_equal(pn_object_generic(obj)->json,
			    "{\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\",\"namespace\":\"a\","
			    "\"labels\":{\"x\":\"y\"}},\"spec\":{\"size\":1.5,\"z\":\"\\u0000\"}}");
	assert_int_equal(pn_object_generic(obj)->len, strlen(pn_object_generic(obj)->json));
	assert_string_equal(pn_object_label(obj, "x"), "y");
	pn_object_unref(obj);
	pn_kind_free(kind);
	json_decref(tree);
}

static void times_are_seconds_since_1970(void **state)
{
	static const struct {
		const char *text;
		long long want;
	} table[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-02-29T23:59:59Z", 951868799 },
		{ "1999-12-31T00:00:00.5Z", 946598400 },
		{ "2100-03-01T00:00:00Z", 4107542400 },
		{ "0001-01-01T00:00:00Z", -62135596800 },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(table); i++) {
		struct pn_object *obj;

		(void)snprintf(text, sizeof(text),
			       "{'metadata':{'name':'a','creationTimestamp':'%s'}}", table[i].text);
		obj = decode(PN_KIND_POD, text);
		assert_int_equal(obj->created_s, table[i].want);
		pn_object_unref(obj);
	}
}

static void a_pod_takes_little_memory(void **state)
{
	struct pn_object *obj =
		decode(PN_KIND_POD, "{'metadata':{'namespace':'team-001','name':'checkout-service-"
				    "00001-7c9d5b8f64-x2k4z',"
				    "'uid':'0d8c9a4e-4d1c-4a7b-a2c1-0123456789ab','resourceVersion'"
				    ":'1234567'},'status':"
				    "{'podIPs':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}]}}");

	(void)state;
	assert_true(malloc_usable_size(obj) <= 264);
	pn_object_unref(obj);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_stays_interned)
	static const struct CMUnitTest tests[] = {
		TEST(pod_keeps_what_names_a_packet),
		TEST(ports_with_a_name_are_kept_if_their_container_goes_on),
		TEST(absent_and_null_fields_are_empty),
		TEST(pod_ip_stands_in_for_absent_pod_ips),
		TEST(host_ip_stands_in_for_absent_host_ips),
		TEST(host_addresses_are_kept_once_and_bad_ones_counted),
		TEST(too_many_addresses_are_left_out_and_counted),
		TEST(addresses_and_ports_that_make_no_sense_cost_only_themselves),
		TEST(fields_of_the_wrong_type_refuse_the_object),
		TEST(names_at_their_longest_pass_and_longer_ones_do_not),
		TEST(service_keeps_addresses_and_ports),
		TEST(headless_service_has_no_address),
		TEST(node_keeps_internal_and_external_addresses),
		TEST(metadata_is_enough_for_namespaces_and_replicasets),
		TEST(annotations_are_kept_by_their_names),
		TEST(labels_are_kept_where_they_are_wanted_and_sorted),
		TEST(node_keeps_the_ranges_of_its_pods),
		TEST(slice_keeps_who_stands_behind_a_service),
		TEST(a_job_is_its_metadata),
		TEST(generic_object_is_its_text_without_managed_fields),
		TEST(times_are_seconds_since_1970),
		TEST(a_pod_takes_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
