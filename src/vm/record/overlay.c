/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.c - layers of written sectors over a file. A sector is read from the topmost layer that
 * has it, or from the file.
 */
#include "overlay.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/fs.h>

struct layer {
	int file;
	uint8_t *has; /* a bit a sector */
};

struct answer {
	uint64_t id;
	int status;
	uint8_t *data;
	uint64_t size;
};

struct vm_overlay {
	struct vm_block block; /* first */
	int file;
	struct layer layers[VM_OVERLAY_LAYERS_MAX];
	unsigned layer_count;
	/* Of the block. */
	int signal; /* readable while there are answers */
	struct answer answers[VM_BLOCK_REQUESTS_MAX];
	size_t first, answer_count;
	uint8_t *taken; /* the data of the last answer */
};

/* ---- Layers ---------------------------------------------------------------------------------- */

static uint64_t map_bytes(const struct vm_overlay *overlay)
{
	return overlay->block.size / VM_BLOCK_SECTOR / 8 + 1;
}

static int open_temporary(struct gw_error *error)
{
	static const char *const places[] = {"/var/tmp", "/tmp"};
	int file = -1;

	for (size_t at = 0; file < 0 && at < sizeof(places) / sizeof(*places); at++)
		file = open(places[at], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return file < 0 ? gw_fail_errno(error, errno, "/tmp: no temporary file") : file;
}

int vm_overlay_push(struct vm_overlay *overlay, struct gw_error *error)
{
	struct layer *layer = &overlay->layers[overlay->layer_count];
	int file;

	if (overlay->layer_count == VM_OVERLAY_LAYERS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a disk of more than %d layers",
			       VM_OVERLAY_LAYERS_MAX);
	file = open_temporary(error);
	if (file < 0)
		return file;
	if (ftruncate(file, (off_t)overlay->block.size) < 0) {
		int code = gw_fail_errno(error, errno, "a temporary file of %llu bytes",
					 (unsigned long long)overlay->block.size);

		close(file);
		return code;
	}
	layer->has = calloc(map_bytes(overlay), 1);
	if (!layer->has) {
		close(file);
		return gw_fail(error, GW_E_NO_MEMORY, "an overlay: out of memory");
	}
	layer->file = file;
	overlay->layer_count++;
	return 0;
}

static void pop(struct vm_overlay *overlay)
{
	struct layer *layer = &overlay->layers[--overlay->layer_count];

	close(layer->file);
	free(layer->has);
}

unsigned vm_overlay_layers(const struct vm_overlay *overlay)
{
	return overlay->layer_count;
}

int vm_overlay_return(struct vm_overlay *overlay, unsigned layers, struct gw_error *error)
{
	assert(layers > 0 && layers <= overlay->layer_count);
	while (overlay->layer_count >= layers)
		pop(overlay);
	return vm_overlay_push(overlay, error);
}

/* ---- Reading and writing --------------------------------------------------------------------- */

static bool has(const struct layer *layer, uint64_t sector)
{
	return layer->has[sector / 8] >> (sector % 8) & 1;
}

static int file_of(const struct vm_overlay *overlay, uint64_t sector)
{
	for (unsigned at = overlay->layer_count; at-- > 0;)
		if (has(&overlay->layers[at], sector))
			return overlay->layers[at].file;
	return overlay->file;
}

bool vm_overlay_has(const struct vm_overlay *overlay, uint64_t sector)
{
	return file_of(overlay, sector) != overlay->file;
}

static int of_errno(void)
{
	return errno == ENOSPC || errno == EDQUOT ? GW_E_NO_SPACE : GW_E_IO;
}

static int read_all(int file, uint64_t offset, uint64_t size, uint8_t *to)
{
	while (size > 0) {
		ssize_t got = pread(file, to, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return GW_E_IO;
		offset += (uint64_t)got;
		to += got;
		size -= (uint64_t)got;
	}
	return 0;
}

static int write_all(int file, uint64_t offset, struct gw_bytes bytes)
{
	const uint8_t *from = bytes.data;

	for (size_t done = 0; done < bytes.size;) {
		ssize_t put = pwrite(file, from + done, bytes.size - done, (off_t)(offset + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return of_errno();
		done += (size_t)put;
	}
	return 0;
}

static int copy_sector(int from, int to, uint64_t offset)
{
	uint8_t sector[VM_BLOCK_SECTOR];
	int code = read_all(from, offset, sizeof(sector), sector);

	return code < 0 ? code : write_all(to, offset, (struct gw_bytes){sector, sizeof(sector)});
}

int vm_overlay_merge(struct vm_overlay *overlay, unsigned layer)
{
	struct layer *upper = &overlay->layers[layer], *lower = upper - 1;

	assert(layer > 0 && layer < overlay->layer_count);
	for (uint64_t sector = 0; sector < overlay->block.size / VM_BLOCK_SECTOR; sector++) {
		int code;

		if (!upper->has[sector / 8]) {
			sector |= 7;
			continue;
		}
		if (!has(upper, sector))
			continue;
		code = copy_sector(upper->file, lower->file, sector * VM_BLOCK_SECTOR);
		if (code < 0)
			return code;
		lower->has[sector / 8] |= (uint8_t)(1 << sector % 8);
	}
	close(upper->file);
	free(upper->has);
	overlay->layer_count--;
	memmove(upper, upper + 1, (overlay->layer_count - layer) * sizeof(*upper));
	return 0;
}

static void check_range(const struct vm_overlay *overlay, uint64_t offset, uint64_t size)
{
	assert(offset % VM_BLOCK_SECTOR == 0 && size % VM_BLOCK_SECTOR == 0);
	assert(offset <= overlay->block.size && size <= overlay->block.size - offset);
}

int vm_overlay_read(struct vm_overlay *overlay, uint64_t offset, uint64_t size, uint8_t *to)
{
	check_range(overlay, offset, size);
	for (uint64_t at = 0; at < size;) {
		uint64_t sector = (offset + at) / VM_BLOCK_SECTOR, end = at + VM_BLOCK_SECTOR;
		int file = file_of(overlay, sector), code;

		while (end < size && file_of(overlay, (offset + end) / VM_BLOCK_SECTOR) == file)
			end += VM_BLOCK_SECTOR;
		code = read_all(file, offset + at, end - at, to + at);
		if (code < 0)
			return code;
		at = end;
	}
	return 0;
}

static void take_over(struct vm_overlay *overlay, uint64_t offset, uint64_t size)
{
	struct layer *top = &overlay->layers[overlay->layer_count - 1];

	for (uint64_t sector = offset / VM_BLOCK_SECTOR;
	     sector < (offset + size) / VM_BLOCK_SECTOR; sector++)
		top->has[sector / 8] |= (uint8_t)(1 << sector % 8);
}

int vm_overlay_write(struct vm_overlay *overlay, uint64_t offset, const struct gw_bytes *pieces,
		     size_t piece_count)
{
	int file = overlay->layers[overlay->layer_count - 1].file;
	uint64_t size = 0, done = 0;

	for (size_t at = 0; at < piece_count; at++)
		size += pieces[at].size;
	check_range(overlay, offset, size);
	for (size_t at = 0; at < piece_count; done += pieces[at++].size) {
		int code = write_all(file, offset + done, pieces[at]);

		if (code < 0)
			return code;
	}
	take_over(overlay, offset, size);
	return 0;
}

int vm_overlay_clear(struct vm_overlay *overlay, uint64_t offset, uint64_t size)
{
	check_range(overlay, offset, size);
	if (size && fallocate(overlay->layers[overlay->layer_count - 1].file,
			      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			      (off_t)size) < 0)
		return of_errno();
	take_over(overlay, offset, size);
	return 0;
}

/* ---- As a block ------------------------------------------------------------------------------ */

static struct vm_overlay *of_block(struct vm_block *block)
{
	return (struct vm_overlay *)block;
}

static void put_answer(struct vm_overlay *overlay, struct answer answer)
{
	uint64_t one = 1;

	assert(overlay->answer_count < VM_BLOCK_REQUESTS_MAX);
	overlay->answers[(overlay->first + overlay->answer_count++) % VM_BLOCK_REQUESTS_MAX] =
		answer;
	if (write(overlay->signal, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

static void begin_read(struct vm_block *block, uint64_t id, uint64_t offset, uint64_t size)
{
	struct vm_overlay *overlay = of_block(block);
	struct answer answer = {.id = id, .size = size, .data = malloc(size ? size : 1)};

	answer.status = answer.data ? vm_overlay_read(overlay, offset, size, answer.data)
				    : GW_E_NO_MEMORY;
	put_answer(overlay, answer);
}

static void begin_write(struct vm_block *block, uint64_t id, uint64_t offset,
			const struct gw_bytes *pieces, size_t piece_count)
{
	int status = vm_overlay_write(of_block(block), offset, pieces, piece_count);

	put_answer(of_block(block), (struct answer){.id = id, .status = status});
}

static void begin_flush(struct vm_block *block, uint64_t id)
{
	put_answer(of_block(block), (struct answer){.id = id});
}

static void begin_discard(struct vm_block *block, uint64_t id, uint64_t offset, uint64_t size,
			  bool zeroes)
{
	(void)zeroes;
	put_answer(of_block(block),
		   (struct answer){.id = id,
				   .status = vm_overlay_clear(of_block(block), offset, size)});
}

static bool take(struct vm_block *block, struct vm_block_answer *out)
{
	struct vm_overlay *overlay = of_block(block);
	struct answer *answer = &overlay->answers[overlay->first];
	uint64_t ignored;

	if (overlay->answer_count == 0)
		return false;
	free(overlay->taken);
	overlay->taken = answer->data;
	*out = (struct vm_block_answer){.id = answer->id, .status = answer->status};
	if (answer->status == 0)
		out->data = (struct gw_bytes){answer->data, answer->size};
	overlay->first = (overlay->first + 1) % VM_BLOCK_REQUESTS_MAX;
	if (--overlay->answer_count == 0 &&
	    read(overlay->signal, &ignored, sizeof(ignored)) < 0)
		assert(errno == EAGAIN);
	return true;
}

bool vm_overlay_answer(const struct vm_overlay *overlay, size_t number,
		       struct vm_block_answer *out)
{
	const struct answer *answer =
		&overlay->answers[(overlay->first + number) % VM_BLOCK_REQUESTS_MAX];

	if (number >= overlay->answer_count)
		return false;
	*out = (struct vm_block_answer){.id = answer->id, .status = answer->status};
	if (answer->status == 0)
		out->data = (struct gw_bytes){answer->data, answer->size};
	return true;
}

static int descriptor(struct vm_block *block)
{
	return of_block(block)->signal;
}

static void free_block(struct vm_block *block)
{
	vm_overlay_close(of_block(block));
}

static const struct vm_block_kind overlay_kind = {
	.read = begin_read,
	.write = begin_write,
	.flush = begin_flush,
	.discard = begin_discard,
	.take = take,
	.descriptor = descriptor,
	.free = free_block,
};

/* ---- Made ------------------------------------------------------------------------------------ */

static int open_base(struct vm_overlay *overlay, const char *path, struct gw_error *error)
{
	struct stat about;
	uint64_t size;

	overlay->file = open(path, O_RDONLY | O_CLOEXEC);
	if (overlay->file < 0 || fstat(overlay->file, &about) < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (!S_ISREG(about.st_mode) && !S_ISBLK(about.st_mode))
		return gw_fail(error, GW_E_INVALID, "%s: not a disk", path);
	size = (uint64_t)about.st_size;
	if (S_ISBLK(about.st_mode) && ioctl(overlay->file, BLKGETSIZE64, &size) < 0)
		return gw_fail_errno(error, errno, "%s", path);
	overlay->block.size = size / VM_BLOCK_SECTOR * VM_BLOCK_SECTOR;
	if (overlay->block.size == 0)
		return gw_fail(error, GW_E_INVALID, "%s: a disk of no bytes", path);
	overlay->signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (overlay->signal < 0)
		return gw_fail_errno(error, errno, "%s", path);
	return vm_overlay_push(overlay, error);
}

int vm_overlay_open(struct vm_overlay **out, const char *path, bool read_only,
		    struct gw_error *error)
{
	struct vm_overlay *overlay = calloc(1, sizeof(*overlay));
	int code;

	if (!overlay)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
	overlay->block.kind = &overlay_kind;
	overlay->block.read_only = read_only;
	overlay->file = overlay->signal = -1;
	code = open_base(overlay, path, error);
	if (code < 0) {
		vm_overlay_close(overlay);
		return code;
	}
	*out = overlay;
	return 0;
}

void vm_overlay_close(struct vm_overlay *overlay)
{
	if (!overlay)
		return;
	while (overlay->layer_count > 0)
		pop(overlay);
	for (; overlay->answer_count > 0; overlay->answer_count--) {
		free(overlay->answers[overlay->first].data);
		overlay->first = (overlay->first + 1) % VM_BLOCK_REQUESTS_MAX;
	}
	free(overlay->taken);
	if (overlay->signal >= 0)
		close(overlay->signal);
	if (overlay->file >= 0)
		close(overlay->file);
	free(overlay);
}

struct vm_block *vm_overlay_block(struct vm_overlay *overlay)
{
	return &overlay->block;
}

uint64_t vm_overlay_size(const struct vm_overlay *overlay)
{
	return overlay->block.size;
}
