/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind an address? Informers for pods, services and ReplicaSets, found by key and by IP.
 *
 *	cc informers.c $(pkg-config --cflags --libs podonym-informer) -o informers
 *	./informers shop/web-1 10.0.0.1 192.0.2.1
 */
#include <stdio.h>
#include <string.h>

#include <podonym/informer.h>

static struct pn_pods *pods;
static struct pn_services *services;
static struct pn_replicasets *replicasets;

/* A pod's ReplicaSet belongs to a Deployment, which is the name that people know. */
static void print_pod(const struct pn_pod *pod)
{
	const struct pn_controller *owner = pod->meta.controller;
	const struct pn_replicaset *rs;
	char key[PN_KEY_LEN];

	snprintf(key, sizeof(key), "%s/%s", pod->meta.name_space, owner->name);
	rs = pn_replicasets_get(replicasets, key);
	if (rs && strcmp(owner->kind, "ReplicaSet") == 0 && *rs->meta.controller->name)
		owner = rs->meta.controller;
	printf("pod %s/%s of %s %s on node %s\n", pod->meta.name_space, pod->meta.name, owner->kind,
	       owner->name, pod->node_name);
}

static void print_key(const char *key)
{
	const struct pn_pod *pod = pn_pods_get(pods, key);

	if (pod)
		print_pod(pod);
	else
		printf("%s: no such pod\n", key);
}

static void print_owners(const char *ip)
{
	struct pn_pods_iter pod_it;
	struct pn_services_iter service_it;
	const struct pn_service *service;
	const struct pn_pod *pod;

	printf("%s:\n", ip);
	pn_pods_by_ip(pods, ip, &pod_it);
	while ((pod = pn_pods_next(&pod_it))) /* several on a node's own network */
		print_pod(pod);
	pn_services_by_ip(services, ip, &service_it);
	while ((service = pn_services_next(&service_it)))
		printf("service %s/%s\n", service->meta.name_space, service->meta.name);
}

int main(int argc, char **argv)
{
	struct pn_factory *factory = NULL;
	struct pn_err err;

	if (pn_factory_new(NULL, &factory, &err) < 0 ||
	    !(pods = pn_factory_pods(factory, NULL, &err)) ||
	    !(services = pn_factory_services(factory, NULL, &err)) ||
	    !(replicasets = pn_factory_replicasets(factory, NULL, &err))) {
		fprintf(stderr, "informers: %s\n", err.text);
		pn_factory_free(factory);
		return 1;
	}
	pn_pods_add_ip_index(pods);
	pn_services_add_ip_index(services);

	pn_factory_start(factory);
	if (pn_factory_wait_for_sync(factory, 30000) < 0) {
		fprintf(stderr, "informers: no answer from %s\n", pn_factory_server(factory));
		pn_factory_free(factory);
		return 1;
	}

	pn_read_begin();
	for (int i = 1; i < argc; i++)
		strchr(argv[i], '/') ? print_key(argv[i]) : print_owners(argv[i]);
	pn_read_end();

	pn_factory_free(factory);
	return 0;
}
