/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects back into messages: whatever a decoder keeps of an object is the same after it went through
 * its message. fuzz_snapshot says the same of any object at all.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/intern.h"
#include "kube/controller.h"
#include "kube/encode.h"
#include "kube/kind.h"
#include "tests/unit/kube/object_text.h"

static const char *const annotations[] = { "kubernetes.io/config.hash", "empty", NULL };

#define META                                                                            \
	"'metadata':{'name':'a','namespace':'n','uid':'u-1','resourceVersion':'42',"    \
	"'creationTimestamp':'2026-07-01T10:00:00Z','labels':{'app':'web','empty':''}," \
	"'annotations':{'kubernetes.io/config.hash':'abc','empty':'','other':'x'},"     \
	"'ownerReferences':[{'kind':'ReplicaSet','name':'web-1','uid':'u-2','controller':true}]}"

static struct pn_object *from_json(const struct pn_decoding *d, const char *text)
{
	struct pn_object *obj = NULL;
	struct pn_err err = { "" };
	char *json = strdup(text);
	json_t *tree;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	tree = json_loads(json, 0, NULL);
	assert_non_null(tree);
	if (d->kind->decode_json(d, tree, &obj, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	json_decref(tree);
	free(json);
	return obj;
}

static struct pn_object *through_message(const struct pn_decoding *d, const struct pn_object *obj)
{
	struct pn_pb_writer w = { .buf = PN_BUF_INIT(32 << 20) };
	struct pn_object *again = NULL;
	struct pn_err err = { "" };

	assert_true(pn_encode_pb(&w, obj));
	assert_int_equal(w.error, 0);
	if (d->kind->decode_protobuf(d, (const uint8_t *)w.buf.data, w.buf.len, &again, &err) != 0)
		fail_msg("%s", err.text);
	pn_buf_done(&w.buf);
	return again;
}

/* What was left out once does not come back. */
static void say_all_but_refused(struct pn_buf *b, struct pn_object *obj)
{
	obj->n_refused = 0;
	say_object(b, obj);
}

static void stays_the_same(enum pn_kind_id kind, bool keep, const char *text)
{
	const struct pn_decoding d = { .kind = pn_kind_get(kind),
				       .keep_labels = keep,
				       .annotations = keep ? annotations : NULL };
	struct pn_object *obj = from_json(&d, text), *again = through_message(&d, obj);
	struct pn_buf want = PN_BUF_INIT(1 << 20), got = PN_BUF_INIT(1 << 20);

	say_all_but_refused(&want, obj);
	say_all_but_refused(&got, again);
	assert_string_equal(got.data, want.data);
	pn_buf_done(&want);
	pn_buf_done(&got);
	pn_object_unref(obj);
	pn_object_unref(again);
}

static void check(enum pn_kind_id kind, const char *text)
{
	stays_the_same(kind, false, text);
	stays_the_same(kind, true, text);
}

static void pods_stay_the_same(void **state)
{
	(void)state;
	check(PN_KIND_POD, "{" META "}");
	check(PN_KIND_POD,
	      "{" META ",'spec':{'nodeName':'node-1','hostNetwork':true,'containers':[{'ports':["
	      "{'hostPort':80,'containerPort':8080},{'hostPort':53,'protocol':'UDP'}]},"
	      "{'ports':[{'hostPort':132,'containerPort':1,'protocol':'SCTP'}]}]},"
	      "'status':{'phase':'Running','startTime':'2026-07-01T10:00:05Z','podIP':'10.0.0.1',"
	      "'podIPs':[{'ip':'10.0.0.1'},{'ip':'fd00::1'}],'hostIP':'192.168.0.1',"
	      "'hostIPs':[{'ip':'192.168.0.1'},{'ip':'fe80::1'}]}}");
	check(PN_KIND_POD,
	      "{" META ",'spec':{'containers':[{'ports':[{'name':'http','containerPort':80},"
	      "{'name':'dns','containerPort':53,'protocol':'UDP'}]}],'initContainers':["
	      "{'restartPolicy':'Always','ports':[{'name':'side','containerPort':9}]}]}}");
	check(PN_KIND_POD, "{'metadata':{'name':'a','deletionTimestamp':'2026-07-01T10:00:00Z'},"
			   "'status':{'phase':'Succeeded'}}");
	check(PN_KIND_POD, "{'metadata':{'name':'a'},'status':{'phase':'Failed'}}");
	check(PN_KIND_POD, "{'metadata':{'name':'a'},'status':{'phase':'Odd'}}");
	check(PN_KIND_POD, "{'metadata':{'name':'a','creationTimestamp':'1969-01-01T00:00:00Z'}}");
}

static void services_stay_the_same(void **state)
{
	(void)state;
	check(PN_KIND_SERVICE,
	      "{" META ",'spec':{'type':'LoadBalancer','clusterIP':'10.96.0.10','clusterIPs':["
	      "'10.96.0.10','fd00::10'],'externalIPs':['192.0.2.1'],'ports':[{'name':'dns',"
	      "'port':53,'protocol':'UDP','nodePort':30053},{'port':80}]},"
	      "'status':{'loadBalancer':{'ingress':[{'ip':'198.51.100.1'}]}}}");
	check(PN_KIND_SERVICE, "{" META ",'spec':{'type':'ClusterIP','clusterIP':'None',"
			       "'externalIPs':['192.0.2.1'],'ports':[{'port':80}]}}");
}

static void nodes_stay_the_same(void **state)
{
	(void)state;
	check(PN_KIND_NODE,
	      "{" META ",'spec':{'podCIDRs':['10.244.1.0/24','fd00:1::/64','0.0.0.0/0','::/0',"
	      "'::ffff:10.0.0.0/104','::ffff:0:0/90']},'status':{'addresses':["
	      "{'type':'InternalIP','address':'192.168.0.1'},"
	      "{'type':'ExternalIP','address':'2001:db8::1'},"
	      "{'type':'Hostname','address':'node-1'}]}}");
}

static void metadata_stays_the_same(void **state)
{
	(void)state;
	check(PN_KIND_NAMESPACE, "{" META "}");
	check(PN_KIND_REPLICASET, "{" META "}");
	check(PN_KIND_JOB, "{" META "}");
	check(PN_KIND_JOB, "{'metadata':{'name':'a'}}");
}

static void slices_stay_the_same(void **state)
{
	static const char rest[] =
		"'endpoints':[{'addresses':['10.0.0.1','10.0.0.2'],"
		"'conditions':{'ready':false,'serving':true,'terminating':true},'nodeName':'node-1'"
		","
		"'zone':'z','targetRef':{'kind':'Pod','namespace':'n','name':'a'}},"
		"{'addresses':['10.0.0.3'],'conditions':{'serving':false}},{'addresses':[]}],"
		"'ports':[{'name':'web','port':80},{'port':53,'protocol':'UDP'},{'name':'all'}]}";
	char text[2048];

	(void)state;
	(void)snprintf(text, sizeof(text), "{" META ",'addressType':'IPv4',%s", rest);
	check(PN_KIND_ENDPOINTSLICE, text);
	(void)snprintf(text, sizeof(text),
		       "{'metadata':{'name':'a','labels':{'kubernetes.io/service-name':'web'}},"
		       "'addressType':'FQDN',%s",
		       rest);
	check(PN_KIND_ENDPOINTSLICE, text);
}

static void policies_stay_the_same(void **state)
{
	(void)state;
	check(PN_KIND_NETWORKPOLICY, "{" META ",'spec':{'podSelector':{}}}");
	check(PN_KIND_NETWORKPOLICY,
	      "{" META ",'spec':{'podSelector':{'matchLabels':{'app':'web'},'matchExpressions':["
	      "{'key':'tier','operator':'In','values':['a','','b']},"
	      "{'key':'x','operator':'DoesNotExist'},{'key':'y','operator':'Exists'},"
	      "{'key':'z','operator':'NotIn','values':['q']}]},'policyTypes':['Egress'],"
	      "'ingress':[{}],'egress':[{'ports':[{'port':80},{'protocol':'UDP','port':1000,"
	      "'endPort':2000},{'port':'http'},{'protocol':'SCTP'}],'to':[{'podSelector':{}},"
	      "{'namespaceSelector':{'matchLabels':{'env':'prod'}},'podSelector':{}},"
	      "{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16','10.2.0.0/16']}}]}]}}");
}

static void policies_that_are_not_understood_stay_so(void **state)
{
	(void)state;
	check(PN_KIND_NETWORKPOLICY, "{" META ",'spec':{'podSelector':{},'policyTypes':['Odd']}}");
	check(PN_KIND_NETWORKPOLICY,
	      "{" META ",'spec':{'podSelector':{},'ingress':[{'ports':[{'port':-1}]}]}}");
}

/* Lengths of one, two and three bytes. */
static void long_objects_stay_the_same(void **state)
{
	struct pn_buf text = PN_BUF_INIT(1 << 20);

	(void)state;
	for (unsigned int n = 1; n <= 1000; n *= 10) {
		pn_buf_reset(&text);
		assert_int_equal(pn_buf_printf(&text, "{'metadata':{'name':'a','labels':{'l':''"),
				 0);
		for (unsigned int i = 0; i < n; i++)
			assert_int_equal(pn_buf_printf(&text, ",'label-%u':'value-%u'", i, i), 0);
		assert_int_equal(pn_buf_printf(&text, "}}}"), 0);
		check(PN_KIND_NAMESPACE, text.data);
	}
	pn_buf_done(&text);
}

static void generic_objects_have_no_message(void **state)
{
	struct pn_pb_writer w = { .buf = PN_BUF_INIT(1 << 20) };
	struct pn_object obj = { .kind = PN_KIND_GENERIC };

	(void)state;
	assert_false(pn_encode_pb(&w, &obj));
	assert_int_equal(w.buf.len, 0);
}

static void message_that_does_not_fit_is_said(void **state)
{
	const struct pn_decoding d = { .kind = pn_kind_get(PN_KIND_NAMESPACE) };
	struct pn_object *obj = from_json(&d, "{" META "}");
	struct pn_pb_writer w;

	(void)state;
	for (size_t max = 0; max < 64; max++) {
		w = (struct pn_pb_writer) { .buf = PN_BUF_INIT(max) };
		assert_true(pn_encode_pb(&w, obj));
		assert_int_equal(w.error, -EMSGSIZE);
		assert_true(w.buf.len <= max);
		pn_buf_done(&w.buf);
	}
	pn_object_unref(obj);
}

static int nothing_stays_interned(void **state)
{
	(void)state;
	assert_int_equal(pn_intern_count(), 0);
	assert_int_equal(pn_controller_count(), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_stay_the_same),
		cmocka_unit_test(services_stay_the_same),
		cmocka_unit_test(nodes_stay_the_same),
		cmocka_unit_test(metadata_stays_the_same),
		cmocka_unit_test(slices_stay_the_same),
		cmocka_unit_test(policies_stay_the_same),
		cmocka_unit_test(policies_that_are_not_understood_stay_so),
		cmocka_unit_test(long_objects_stay_the_same),
		cmocka_unit_test(generic_objects_have_no_message),
		cmocka_unit_test(message_that_does_not_fit_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_stays_interned);
}
