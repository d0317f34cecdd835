/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_look.c - see host_look.h.
 */
#include "host_look.h"

#include "base/buffer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { COMMAND_MAX = 4 << 20, COLUMNS_DEFAULT = 80 };

uint64_t mr_look_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Reads a file of /proc, whose size is not known beforehand; a NUL is put behind it. */
static int read_all(const char *path, struct base_buffer *buffer)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t more = 1;

	if (fd < 0)
		return -1;
	while (more > 0) {
		if (base_buffer_reserve(buffer, 4096, NULL) < 0)
			break;
		more = read(fd, buffer->data + buffer->size, 4095);
		if (more > 0)
			buffer->size += (size_t)more;
	}
	close(fd);
	if (more != 0)
		return -1;
	assert(buffer->size < buffer->capacity);
	buffer->data[buffer->size] = 0;
	return 0;
}

static uint64_t kib_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

uint64_t mr_look_memory(pid_t pid)
{
	struct base_buffer buffer = {0};
	uint64_t kib = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (read_all(path, &buffer) == 0)
		kib = kib_of((char *)buffer.data, "Pss_Anon:") +
		      kib_of((char *)buffer.data, "Pss_Shmem:");
	base_buffer_done(&buffer);
	return kib * 1024;
}

/* One block of memory: the pointers, then the words. */
static char **split_words(const struct base_buffer *buffer, size_t *count)
{
	size_t words = 0, room;
	char **list, *text;

	for (size_t i = 0; i < buffer->size; i++)
		words += buffer->data[i] == 0;
	room = (words + 1) * sizeof(*list);
	list = malloc(room + buffer->size);
	if (!list)
		return NULL;
	text = (char *)list + room;
	memcpy(text, buffer->data, buffer->size);
	for (size_t i = 0; i < words; i++) {
		list[i] = text;
		text += strlen(text) + 1;
	}
	assert(text <= (char *)list + room + buffer->size);
	list[words] = NULL;
	*count = words;
	return list;
}

char **mr_look_command(size_t *count)
{
	struct base_buffer buffer = {.size_max = COMMAND_MAX};
	char **list = NULL;

	*count = 0;
	if (read_all("/proc/self/cmdline", &buffer) == 0)
		list = split_words(&buffer, count);
	base_buffer_done(&buffer);
	return list;
}

unsigned mr_look_terminal(int descriptor)
{
	struct winsize size;

	if (!isatty(descriptor))
		return 0;
	if (ioctl(descriptor, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

int mr_look_save(const char *path, struct gw_bytes bytes, struct gw_error *error)
{
	FILE *file = fopen(path, "we");
	int code = 0;

	assert(bytes.data || bytes.size == 0);
	if (!file)
		return gw_fail_errno(error, errno, "%s", path);
	if (fwrite(bytes.data, 1, bytes.size, file) != bytes.size)
		code = gw_fail_errno(error, errno, "%s", path);
	if (fclose(file) != 0 && code == 0)
		code = gw_fail_errno(error, errno, "%s", path);
	return code;
}

void mr_look_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}
