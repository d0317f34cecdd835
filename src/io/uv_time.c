/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_time.c - clocks and chance of the real io.
 */
#include "io/uv_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t real_now_ns(struct io *io)
{
	(void)io;
	return uv_hrtime();
}

int64_t real_wall_ns(struct io *io)
{
	struct timespec now;

	(void)io;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int digit(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	if (letter >= 'a' && letter <= 'f')
		return letter - 'a' + 10;
	return -1;
}

int real_boot_id_read(struct io_uv *io, struct gw_error *error)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t size;
	size_t digits = 0;

	if (file < 0)
		return gw_fail_errno(error, errno, "cannot open %s", path);
	size = read(file, text, sizeof(text));
	close(file);
	for (ssize_t i = 0; i < size && digits < 2 * sizeof(io->boot_id); i++) {
		int value = digit(text[i]);

		if (value < 0)
			continue; /* a dash */
		io->boot_id[digits / 2] |= (uint8_t)(digits % 2 ? value : value << 4);
		digits++;
	}
	if (digits < 2 * sizeof(io->boot_id))
		return gw_fail(error, GW_E_CORRUPT, "%s: not the id of a boot", path);
	return 0;
}

void real_boot_id(struct io *io, uint8_t id[16])
{
	memcpy(id, real_of(io)->boot_id, sizeof(real_of(io)->boot_id));
}

/* getrandom cannot fail for sizes that need no second call, but by a signal. */
static void fill_random(uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = getrandom(bytes, size < 256 ? size : 256, 0);

		if (got <= 0)
			continue;
		bytes += got;
		size -= (size_t)got;
	}
}

/* Small requests are served from bytes fetched before, which are wiped as they are given out. */
void real_random_bytes(struct io *io, void *data, size_t size)
{
	struct io_uv *uv = real_of(io);
	uint8_t *from;

	if (size > sizeof(uv->random) / 4) {
		fill_random(data, size);
		return;
	}
	if (uv->random_left < size) {
		fill_random(uv->random, sizeof(uv->random));
		uv->random_left = sizeof(uv->random);
	}
	uv->random_left -= size;
	from = uv->random + uv->random_left;
	memcpy(data, from, size);
	explicit_bzero(from, size);
}

/* The fair choice is the caller's. */
uint32_t real_pick(struct io *io, uint32_t n)
{
	(void)io;
	(void)n;
	return 0;
}
