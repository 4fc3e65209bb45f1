/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_ASK_AGENT_H
#define PN_CMD_ASK_AGENT_H

#include <jansson.h>

#include "base/err.h"
#include "cmd/options.h"
#include "serve/socket.h"

/**
 * pn_ask_agent() - send a request to the agent that listens at @path, and wait for its answer
 * @request: one line of JSON, see serve/socket.h
 *
 * Return: the answer, a new reference; NULL with @reterr, the agent's refusal included
 */
json_t *pn_ask_agent(const char *path, const char *request, struct pn_err *reterr);

/** PN_SOCKET_OPTION() - the row --socket: @field of @values gets the path */
#define PN_SOCKET_OPTION(values, field)                                                       \
	{                                                                                     \
		.name = "socket", .type = PN_OPT_STRING, .arg = "PATH",                       \
		.offset = offsetof(values, field), .preset = PN_SOCKET_PATH, .has_env = true, \
		.help = "where the agent listens",                                            \
	}

#endif
