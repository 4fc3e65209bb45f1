/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_CLIENT_LOOP_H
#define PN_KUBE_CLIENT_LOOP_H

#include <curl/curl.h>
#include <uv.h>

/*
 * A libcurl multi handle that lives in a libuv loop: its sockets and its timer are handles of the
 * loop. For client.c and client_transfer.c only.
 */
struct pn_curl_loop;

/**
 * pn_curl_act - something is due: call curl_multi_socket_action() with these
 *
 * It may free the struct pn_curl_loop.
 */
typedef void (*pn_curl_act)(void *data, curl_socket_t fd, int events);

/** pn_curl_loop_new() - Return: 0 or -ENOMEM */
int pn_curl_loop_new(uv_loop_t *loop, pn_curl_act act, void *data, struct pn_curl_loop **ret);

/** pn_curl_loop_free() - all easy handles must be gone. The memory goes when the loop has run once more. */
void pn_curl_loop_free(struct pn_curl_loop *l);

CURLM *pn_curl_loop_multi(struct pn_curl_loop *l);

/** pn_curl_loop_hang_up() - shut down every socket in use: what runs over them ends as if cut by the peer */
void pn_curl_loop_hang_up(struct pn_curl_loop *l);

#endif
