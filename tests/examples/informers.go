// SPDX-License-Identifier: Apache-2.0

// Who is behind an address? The program of informers.c with client-go, for comparison.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func podIPs(obj any) ([]string, error) {
	var ips []string
	for _, ip := range obj.(*corev1.Pod).Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	return ips, nil
}

func serviceIPs(obj any) ([]string, error) {
	service := obj.(*corev1.Service)
	ips := append([]string{}, service.Spec.ExternalIPs...)
	for _, ip := range service.Spec.ClusterIPs {
		if ip != corev1.ClusterIPNone {
			ips = append(ips, ip)
		}
	}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if ingress.IP != "" {
			ips = append(ips, ingress.IP)
		}
	}
	return ips, nil
}

func main() {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	services := factory.Core().V1().Services()
	replicaSets := factory.Apps().V1().ReplicaSets().Lister()
	if err := pods.Informer().AddIndexers(cache.Indexers{"ip": podIPs}); err != nil {
		log.Fatal(err)
	}
	if err := services.Informer().AddIndexers(cache.Indexers{"ip": serviceIPs}); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	factory.Start(ctx.Done())
	for _, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			log.Fatalf("no answer from %s", config.Host)
		}
	}

	// A pod's ReplicaSet belongs to a Deployment, which is the name that people know.
	printPod := func(pod *corev1.Pod) {
		owner := metav1.GetControllerOf(pod)
		if owner == nil {
			owner = &metav1.OwnerReference{}
		}
		if owner.Kind == "ReplicaSet" {
			rs, err := replicaSets.ReplicaSets(pod.Namespace).Get(owner.Name)
			if err == nil && metav1.GetControllerOf(rs) != nil {
				owner = metav1.GetControllerOf(rs)
			}
		}
		fmt.Printf("pod %s/%s of %s %s on node %s\n", pod.Namespace, pod.Name, owner.Kind,
			owner.Name, pod.Spec.NodeName)
	}
	for _, arg := range os.Args[1:] {
		if namespace, name, isKey := strings.Cut(arg, "/"); isKey {
			if pod, err := pods.Lister().Pods(namespace).Get(name); err == nil {
				printPod(pod)
			} else {
				fmt.Printf("%s: no such pod\n", arg)
			}
			continue
		}
		fmt.Printf("%s:\n", arg)
		found, err := pods.Informer().GetIndexer().ByIndex("ip", arg)
		if err != nil {
			log.Fatal(err)
		}
		for _, obj := range found { // several on a node's own network
			printPod(obj.(*corev1.Pod))
		}
		if found, err = services.Informer().GetIndexer().ByIndex("ip", arg); err != nil {
			log.Fatal(err)
		}
		for _, obj := range found {
			service := obj.(*corev1.Service)
			fmt.Printf("service %s/%s\n", service.Namespace, service.Name)
		}
	}
	cancel()
	factory.Shutdown()
}
