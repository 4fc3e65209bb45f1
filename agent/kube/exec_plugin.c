/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a credential plugin: a program of the user's that prints a token or a certificate. It is
 * foreign code, so all that comes from it is bounded: its output, its words on standard error, its
 * time. It has ended when it has exited and both pipes are at their end; whatever goes wrong before
 * that ends in the same place, with the reason in @err.
 */
#include "kube/exec_plugin.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kube/file.h"

enum {
	MAX_OUTPUT = 256 << 10,
	MAX_WORDS = 256, /* the last ones of its standard error */
	TIMEOUT_S = 60,
	TIMEOUT_INTERACTIVE_S = 600, /* somebody has to find the second factor */
};

struct pn_exec_plugin {
	const struct pn_kube_config *config;
	pn_exec_done done;
	void *data;

	uv_process_t process;
	uv_pipe_t out, err_out;
	uv_timer_t timeout;
	int n_handles; /* not closed yet */
	int n_running; /* the process and the pipes that have not ended */
	bool is_interactive;
	bool is_spawned; /* the process handle is there */
	bool is_over;	 /* done or stopped: only waits for its handles */

	char *output; /* MAX_OUTPUT bytes and a NUL */
	size_t n_output;
	char words[MAX_WORDS + 1], chunk[MAX_WORDS];
	size_t n_words;
	int64_t exit_status;
	int signal;
	int result;
	struct pn_err err;
};

static void plugin_free(struct pn_exec_plugin *p)
{
	if (p->output)
		explicit_bzero(p->output, MAX_OUTPUT);
	free(p->output);
	free(p);
}

static void on_closed(uv_handle_t *handle)
{
	struct pn_exec_plugin *p = handle->data;

	if (--p->n_handles == 0)
		plugin_free(p);
}

static void close_handle(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

/* A process that still runs keeps its handle, or it would stay behind as a zombie. */
static void close_all(struct pn_exec_plugin *p)
{
	p->is_over = true;
	if (p->is_spawned && !uv_is_active((uv_handle_t *)&p->process))
		close_handle(&p->process);
	close_handle(&p->out);
	close_handle(&p->err_out);
	close_handle(&p->timeout);
}

/* With all that it has started; one that uses the terminal is in our own process group. */
static void kill_all(struct pn_exec_plugin *p)
{
	int pid = uv_process_get_pid(&p->process);

	if (uv_is_active((uv_handle_t *)&p->process))
		(void)kill(p->is_interactive ? pid : -pid, SIGKILL);
}

/* --- its end --- */

static int explain_exit(struct pn_exec_plugin *p)
{
	const char *colon = p->n_words ? ": " : "";

	if (p->signal)
		return pn_err_set(&p->err, -EIO, "it was ended by signal %d%s%s", p->signal, colon,
				  p->words);
	return pn_err_set(&p->err, -EIO, "it failed with exit code %d%s%s", (int)p->exit_status,
			  colon, p->words);
}

/* One line, without white space at the end: it goes into a message. */
static void tidy_words(struct pn_exec_plugin *p)
{
	for (size_t i = 0; i < p->n_words; i++) {
		if (iscntrl((unsigned char)p->words[i]))
			p->words[i] = ' ';
	}
	while (p->n_words && p->words[p->n_words - 1] == ' ')
		p->n_words--;
	p->words[p->n_words] = '\0';
}

static int judge(struct pn_exec_plugin *p, struct pn_exec_credential *ret)
{
	int r = p->result;

	tidy_words(p);
	if (r == 0 && (p->signal || p->exit_status))
		r = explain_exit(p);
	if (r == 0) {
		r = pn_exec_credential_parse(p->output, p->n_output, p->config->exec.api_version,
					     ret, &p->err);
		if (r < 0)
			(void)pn_err_wrap(&p->err, r, "what it printed cannot be used");
	}
	return r < 0 ? pn_err_wrap(&p->err, r, "the credential plugin \"%s\"",
				   p->config->exec.command)
		     : 0;
}

static void finish(struct pn_exec_plugin *p)
{
	struct pn_exec_credential credential = { 0 };
	int r = judge(p, &credential);

	close_all(p); /* nothing is freed before the loop comes round */
	p->done(p->data, r, &credential, &p->err);
	pn_exec_credential_done(&credential);
}

static void ended(struct pn_exec_plugin *p)
{
	if (--p->n_running == 0)
		finish(p);
}

/* Something that cannot be waited for: what it has started may hold the pipes open for ever. */
static void give_up(struct pn_exec_plugin *p, int result)
{
	p->result = result;
	kill_all(p);
	finish(p);
}

static void on_process_exit(uv_process_t *process, int64_t exit_status, int signal)
{
	struct pn_exec_plugin *p = process->data;

	if (p->is_over) {
		close_handle(process);
		return;
	}
	p->exit_status = exit_status;
	p->signal = signal;
	ended(p);
}

static void on_timeout(uv_timer_t *timer)
{
	struct pn_exec_plugin *p = timer->data;

	give_up(p, pn_err_set(&p->err, -ETIMEDOUT, "it has not ended within %d s",
			      p->is_interactive ? TIMEOUT_INTERACTIVE_S : TIMEOUT_S));
}

/* --- what it prints --- */

static void give_output(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct pn_exec_plugin *p = handle->data;

	(void)suggested;
	*ret = uv_buf_init(p->output + p->n_output, (unsigned int)(MAX_OUTPUT - p->n_output));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pn_exec_plugin *p = stream->data;

	(void)buf;
	if (n == UV_ENOBUFS) {
		give_up(p, pn_err_set(&p->err, -EMSGSIZE, "it printed more than %d KiB",
				      MAX_OUTPUT >> 10));
	} else if (n < 0) {
		close_handle(&p->out);
		ended(p);
	} else {
		p->n_output += (size_t)n;
	}
}

static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct pn_exec_plugin *p = handle->data;

	(void)suggested;
	*ret = uv_buf_init(p->chunk, sizeof(p->chunk));
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pn_exec_plugin *p = stream->data;
	size_t n_kept;

	(void)buf;
	if (n < 0) {
		close_handle(&p->err_out);
		ended(p);
		return;
	}
	n_kept = PN_MIN(p->n_words, (size_t)MAX_WORDS - (size_t)n);
	memmove(p->words, p->words + p->n_words - n_kept, n_kept);
	memcpy(p->words + n_kept, p->chunk, (size_t)n);
	p->n_words = n_kept + (size_t)n;
}

/* --- its beginning --- */

/* The arguments borrow their texts. */
static char **make_args(const struct pn_exec_settings *e)
{
	size_t n = 0;
	char **args;

	while (e->args && e->args[n])
		n++;
	args = calloc(n + 2, sizeof(*args));
	if (args) {
		args[0] = e->command;
		memcpy(args + 1, e->args ? e->args : args + 1, n * sizeof(*args));
	}
	return args;
}

static bool is_of(const char *line, const char *variable)
{
	size_t len = strcspn(variable, "=") + 1;

	return strncmp(line, variable, len) == 0;
}

static bool is_overridden(const struct pn_exec_settings *e, const char *variable)
{
	for (char **line = e->env; line && *line; line++) {
		if (is_of(*line, variable))
			return true;
	}
	return is_of("KUBERNETES_EXEC_INFO=", variable);
}

/* Our own environment with the settings' on top. Return: new list; NULL without memory */
static char **make_env(const struct pn_exec_settings *e, const char *info)
{
	PN_CLEANUP(pn_freep) char *last = NULL;
	char **env = NULL;
	int r = 0;

	if (asprintf(&last, "KUBERNETES_EXEC_INFO=%s", info) < 0) {
		last = NULL;
		return NULL;
	}
	for (char **variable = environ; *variable && r == 0; variable++) {
		if (!is_overridden(e, *variable))
			r = pn_strings_push(&env, *variable);
	}
	for (char **variable = e->env; variable && *variable && r == 0; variable++)
		r = pn_strings_push(&env, *variable);
	if (r == 0)
		r = pn_strings_push(&env, last);
	if (r == 0)
		return env;
	pn_strings_free(env);
	return NULL;
}

static int spawn(struct pn_exec_plugin *p, uv_loop_t *loop, char **args, char **env)
{
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&p->out },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&p->err_out },
	};
	uv_process_options_t options = {
		.exit_cb = on_process_exit,
		.file = args[0],
		.args = args,
		.env = env,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};

	if (p->is_interactive) {
		options.flags = 0;
		stdio[0] = (uv_stdio_container_t) { .flags = UV_INHERIT_FD, .data.fd = 0 };
		stdio[2] = (uv_stdio_container_t) { .flags = UV_INHERIT_FD, .data.fd = 2 };
	}
	p->is_spawned = true; /* even if it fails */
	p->n_handles++;
	return uv_spawn(loop, &p->process, &options);
}

static void watch(struct pn_exec_plugin *p)
{
	uint64_t seconds = p->is_interactive ? TIMEOUT_INTERACTIVE_S : TIMEOUT_S;

	p->n_running = 2;
	(void)uv_read_start((uv_stream_t *)&p->out, give_output, on_output);
	if (!p->is_interactive) {
		p->n_running++;
		(void)uv_read_start((uv_stream_t *)&p->err_out, give_chunk, on_words);
	}
	(void)uv_timer_start(&p->timeout, on_timeout, seconds * 1000, 0);
}

static void init_handles(struct pn_exec_plugin *p, uv_loop_t *loop)
{
	(void)uv_pipe_init(loop, &p->out, 0);
	(void)uv_pipe_init(loop, &p->err_out, 0);
	(void)uv_timer_init(loop, &p->timeout);
	p->process.data = p->out.data = p->err_out.data = p->timeout.data = p;
	p->n_handles = 3;
}

static int explain_spawn(const struct pn_exec_settings *e, int error, struct pn_err *reterr)
{
	if (error == -ENOENT)
		return pn_err_set(
			reterr, error, "the credential plugin \"%s\" was not found: %s", e->command,
			e->install_hint ? e->install_hint : "install it, or correct exec.command");
	return pn_err_set(reterr, error, "the credential plugin \"%s\" cannot be run: %s%s",
			  e->command, strerror(-error),
			  error == -ENOSYS
				  ? " (a seccomp filter forbids it; an agent that is started "
				    "with this kubeconfig allows it)"
				  : "");
}

/* Return: as for pn_exec_plugin_start(); on failure too the handles are there and need closing */
static int run(struct pn_exec_plugin *p, uv_loop_t *loop, const char *ca, struct pn_err *reterr)
{
	const struct pn_exec_settings *e = &p->config->exec;
	PN_CLEANUP(pn_freep) char *info = pn_exec_info(p->config, ca, p->is_interactive);
	PN_CLEANUP(pn_freep) char **args = make_args(e);
	char **env = info ? make_env(e, info) : NULL;
	int r = -ENOMEM;

	init_handles(p, loop);
	if (args && env)
		r = spawn(p, loop, args, env);
	pn_strings_free(env);
	return r < 0 ? explain_spawn(e, r, reterr) : 0;
}

int pn_exec_plugin_start(uv_loop_t *loop, const struct pn_kube_config *config, const char *ca,
			 pn_exec_done done, void *data, struct pn_exec_plugin **ret,
			 struct pn_err *reterr)
{
	bool has_terminal = isatty(STDIN_FILENO) == 1;
	struct pn_exec_plugin *p;
	int r;

	if (config->exec.interactive == PN_EXEC_ALWAYS && !has_terminal)
		return pn_err_set(reterr, -EINVAL,
				  "the credential plugin \"%s\" needs a terminal to ask at, %s",
				  config->exec.command, "and there is none");
	p = calloc(1, sizeof(*p));
	if (p)
		p->output = calloc(1, MAX_OUTPUT + 1);
	if (!p || !p->output) {
		free(p);
		return pn_err_set(reterr, -ENOMEM, "out of memory");
	}
	p->config = config;
	p->done = done;
	p->data = data;
	p->is_interactive = config->exec.interactive != PN_EXEC_NEVER && has_terminal;
	r = run(p, loop, ca, reterr);
	if (r < 0) {
		close_all(p);
		return r;
	}
	watch(p);
	*ret = p;
	return 0;
}

void pn_exec_plugin_stop(struct pn_exec_plugin *p)
{
	if (!p)
		return;
	kill_all(p);
	close_all(p);
}
