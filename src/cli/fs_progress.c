/* SPDX-License-Identifier: Apache-2.0 */
/* fs_progress.c - how far a copy is, on a terminal: one line, which is gone at the end. */
#include "cli/fs.h"

#include <inttypes.h>
#include <unistd.h>

enum { DRAW_MS = 200, NAME_BYTES_MAX = 40 };

/* Nothing of it moves the cursor; of a long name the end. */
static void set_name(struct cli_fs_progress *progress, const char *name)
{
	size_t size = strlen(name), from = size > NAME_BYTES_MAX ? size - NAME_BYTES_MAX : 0;

	_Static_assert(sizeof(progress->name) > NAME_BYTES_MAX, "a name has room");
	memcpy(progress->name, name + from, size - from + 1);
	for (char *at = progress->name; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	}
}

static void draw(struct cli_fs_progress *progress, uint64_t now_ns)
{
	uint64_t us = (now_ns - progress->began_ns) / 1000 + 1;

	fprintf(stderr, "\r%s  %" PRIu64, progress->name, progress->bytes / 1000000);
	if (progress->total)
		fprintf(stderr, " of %" PRIu64 " MB  %" PRIu64 " %%", progress->total / 1000000,
			progress->bytes < progress->total
				? progress->bytes * 100 / progress->total
				: UINT64_C(100));
	else
		fputs(" MB", stderr);
	fprintf(stderr, "  %" PRIu64 " MB/s\033[K", progress->bytes / us);
	(void)fflush(stderr);
	progress->drawn_ns = now_ns;
}

void cli_fs_progress_begin(struct cli_fs *fs, const char *name, uint64_t total)
{
	fs->progress = (struct cli_fs_progress){.is_on = !fs->json && isatty(STDERR_FILENO),
						.total = total,
						.began_ns = gw_now_ns()};
	set_name(&fs->progress, name);
}

void cli_fs_progress_add(struct cli_fs *fs, uint64_t bytes)
{
	struct cli_fs_progress *progress = &fs->progress;
	uint64_t now_ns;

	progress->bytes += bytes;
	if (!progress->is_on)
		return;
	now_ns = gw_now_ns();
	if (progress->drawn_ns == 0 || now_ns - progress->drawn_ns >= DRAW_MS * UINT64_C(1000000))
		draw(progress, now_ns);
}

void cli_fs_progress_end(struct cli_fs *fs)
{
	if (fs->progress.drawn_ns != 0)
		fputs("\r\033[K", stderr);
	fs->progress = (struct cli_fs_progress){0};
}
