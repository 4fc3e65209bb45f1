/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files with settings and secrets in them: kubeconfigs, CA certificates, tokens. Read whole,
 * never beyond a maximum, and overwritten when they are freed. The settings check them when they
 * are loaded, the client reads tokens again while it runs.
 */
#include "kube/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void pn_wipe_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* Return: bytes read, at most @len; less only at the end of the file; or a negative errno */
static ssize_t read_full(int fd, char *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Never waits for somebody to open the other end of a named pipe, but does wait for what is in it. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

int pn_file_read(const char *path, size_t max_bytes, char **ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_wipe_freep) char *data = NULL;
	PN_CLEANUP(pn_closep) int fd = -1;
	ssize_t n;

	fd = open_file(path);
	if (fd < 0)
		return pn_err_set(reterr, fd, "%s: %s", path, strerror(-fd));
	data = calloc(1, max_bytes + 2);
	if (!data)
		return pn_err_set(reterr, -ENOMEM, "%s: out of memory", path);
	n = read_full(fd, data, max_bytes + 1);
	if (n < 0)
		return pn_err_set(reterr, (int)n, "%s: %s", path, strerror((int)-n));
	if ((size_t)n > max_bytes)
		return pn_err_set(reterr, -EMSGSIZE, "%s: larger than %zu bytes", path, max_bytes);
	if (strlen(data) != (size_t)n)
		return pn_err_set(reterr, -EINVAL, "%s: holds a NUL byte, so it is not text", path);
	*ret = PN_TAKE_PTR(data);
	return 0;
}
