/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.c - requests wait in a queue of fixed size, as long as a device may have requests; the
 * thread takes the oldest, carries it out, and marks it done; a descriptor says so to the loop.
 */
#include "disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/fs.h>

struct job {
	uint64_t id;
	enum vm_block_operation operation;
	uint64_t offset, size;
	uint8_t *bytes; /* of a read or write */
	int status;
};

enum { JOBS = VM_BLOCK_REQUESTS_MAX };

struct disk {
	struct vm_block block; /* first */
	int file;
	int signal; /* readable while a job is done and not taken */
	pthread_t thread;
	bool has_thread;
	uint8_t *answered; /* the bytes of the last answer */
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t more;
	/* A ring: taken <= done <= begun. */
	struct job jobs[JOBS];
	uint64_t taken, done, begun;
	bool ending;
};

/* ---- The thread ------------------------------------------------------------------------------ */

static int of_errno(int number)
{
	return number == ENOSPC || number == EDQUOT ? GW_E_NO_SPACE : GW_E_IO;
}

static int read_all(const struct disk *disk, const struct job *job)
{
	for (uint64_t at = 0; at < job->size;) {
		ssize_t got = pread(disk->file, job->bytes + at, job->size - at,
				    (off_t)(job->offset + at));

		if (got < 0 && errno != EINTR)
			return of_errno(errno);
		if (got == 0) /* the file was cut meanwhile */
			return GW_E_IO;
		if (got > 0)
			at += (uint64_t)got;
	}
	return 0;
}

static int write_all(const struct disk *disk, const uint8_t *bytes, uint64_t size, uint64_t offset)
{
	for (uint64_t at = 0; at < size;) {
		ssize_t put = pwrite(disk->file, bytes + at, size - at, (off_t)(offset + at));

		if (put < 0 && errno != EINTR)
			return of_errno(errno);
		if (put > 0)
			at += (uint64_t)put;
	}
	return 0;
}

static int write_zeroes(const struct disk *disk, const struct job *job)
{
	static const uint8_t zeroes[64 << 10];

	for (uint64_t at = 0; at < job->size; at += sizeof(zeroes)) {
		uint64_t left = job->size - at;
		int status = write_all(disk, zeroes, left < sizeof(zeroes) ? left : sizeof(zeroes),
				       job->offset + at);

		if (status < 0)
			return status;
	}
	return 0;
}

static int clear(const struct disk *disk, const struct job *job)
{
	int how = job->operation == VM_BLOCK_DISCARD ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	if (fallocate(disk->file, how | FALLOC_FL_KEEP_SIZE, (off_t)job->offset,
		      (off_t)job->size) == 0)
		return 0;
	return write_zeroes(disk, job);
}

static int carry_out(const struct disk *disk, const struct job *job)
{
	switch (job->operation) {
	case VM_BLOCK_READ:
		return read_all(disk, job);
	case VM_BLOCK_WRITE:
		return write_all(disk, job->bytes, job->size, job->offset);
	case VM_BLOCK_FLUSH:
		return fdatasync(disk->file) < 0 ? of_errno(errno) : 0;
	case VM_BLOCK_DISCARD:
	case VM_BLOCK_ZEROES:
		return clear(disk, job);
	}
	assert(!"an operation that is known");
	return GW_E_INVALID;
}

static void *work(void *context)
{
	struct disk *disk = context;
	const uint64_t one = 1;

	pthread_mutex_lock(&disk->lock);
	while (!disk->ending) {
		struct job *job = &disk->jobs[disk->done % JOBS];

		if (disk->done == disk->begun) {
			pthread_cond_wait(&disk->more, &disk->lock);
			continue;
		}
		pthread_mutex_unlock(&disk->lock);
		/* Nobody else touches a job that is begun and not done. */
		if (job->status == 0)
			job->status = carry_out(disk, job);
		pthread_mutex_lock(&disk->lock);
		disk->done++;
		if (write(disk->signal, &one, sizeof(one)) < 0)
			assert(errno == EAGAIN); /* it is readable, then */
	}
	pthread_mutex_unlock(&disk->lock);
	return NULL;
}

/* ---- What the machine's side does ------------------------------------------------------------ */

static struct disk *of(struct vm_block *block)
{
	return (struct disk *)block;
}

static void begin(struct disk *disk, struct job job)
{
	pthread_mutex_lock(&disk->lock);
	assert(disk->begun - disk->taken < JOBS);
	disk->jobs[disk->begun++ % JOBS] = job;
	pthread_cond_signal(&disk->more);
	pthread_mutex_unlock(&disk->lock);
}

/* With memory for its bytes, or a status that says that there is none. */
static struct job job_of(uint64_t id, enum vm_block_operation operation, uint64_t offset,
			 uint64_t size)
{
	struct job job = {.id = id, .operation = operation, .offset = offset, .size = size};

	if (operation == VM_BLOCK_READ || operation == VM_BLOCK_WRITE) {
		job.bytes = malloc(size ? size : 1);
		if (!job.bytes)
			job.status = GW_E_NO_MEMORY;
	}
	return job;
}

static void begin_read(struct vm_block *block, uint64_t id, uint64_t offset, uint64_t size)
{
	begin(of(block), job_of(id, VM_BLOCK_READ, offset, size));
}

static void begin_write(struct vm_block *block, uint64_t id, uint64_t offset,
			const struct gw_bytes *pieces, size_t piece_count)
{
	uint64_t size = 0, at = 0;
	struct job job;

	for (size_t piece = 0; piece < piece_count; piece++)
		size += pieces[piece].size;
	job = job_of(id, VM_BLOCK_WRITE, offset, size);
	for (size_t piece = 0; piece < piece_count && job.bytes; piece++) {
		memcpy(job.bytes + at, pieces[piece].data, pieces[piece].size);
		at += pieces[piece].size;
	}
	begin(of(block), job);
}

static void begin_flush(struct vm_block *block, uint64_t id)
{
	begin(of(block), job_of(id, VM_BLOCK_FLUSH, 0, 0));
}

static void begin_discard(struct vm_block *block, uint64_t id, uint64_t offset, uint64_t size,
			  bool zeroes)
{
	begin(of(block), job_of(id, zeroes ? VM_BLOCK_ZEROES : VM_BLOCK_DISCARD, offset, size));
}

static bool take(struct vm_block *block, struct vm_block_answer *answer)
{
	struct disk *disk = of(block);
	struct job job = {0};
	uint64_t signals;
	bool there;

	free(disk->answered);
	disk->answered = NULL;
	pthread_mutex_lock(&disk->lock);
	there = disk->taken < disk->done;
	if (there)
		job = disk->jobs[disk->taken++ % JOBS];
	if (disk->taken == disk->done && read(disk->signal, &signals, sizeof(signals)) < 0)
		assert(errno == EAGAIN);
	pthread_mutex_unlock(&disk->lock);
	if (!there)
		return false;
	disk->answered = job.bytes;
	*answer = (struct vm_block_answer){.id = job.id, .status = job.status};
	if (job.operation == VM_BLOCK_READ && job.status == 0)
		answer->data = (struct gw_bytes){job.bytes, job.size};
	return true;
}

static int descriptor(struct vm_block *block)
{
	return of(block)->signal;
}

static void end(struct vm_block *block)
{
	struct disk *disk = of(block);

	if (disk->has_thread) {
		pthread_mutex_lock(&disk->lock);
		disk->ending = true;
		pthread_cond_signal(&disk->more);
		pthread_mutex_unlock(&disk->lock);
		pthread_join(disk->thread, NULL);
	}
	for (; disk->taken < disk->begun; disk->taken++)
		free(disk->jobs[disk->taken % JOBS].bytes);
	pthread_cond_destroy(&disk->more);
	pthread_mutex_destroy(&disk->lock);
	free(disk->answered);
	if (disk->signal >= 0)
		close(disk->signal);
	if (disk->file >= 0)
		close(disk->file);
	free(disk);
}

static const struct vm_block_kind file_kind = {
	.read = begin_read,
	.write = begin_write,
	.flush = begin_flush,
	.discard = begin_discard,
	.take = take,
	.descriptor = descriptor,
	.free = end,
};

/* ---- Opened and closed ----------------------------------------------------------------------- */

static int size_of(struct disk *disk, const char *path, struct gw_error *error)
{
	struct stat about;
	uint64_t size = 0;

	if (fstat(disk->file, &about) < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (S_ISBLK(about.st_mode)) {
		if (ioctl(disk->file, BLKGETSIZE64, &size) < 0)
			return gw_fail_errno(error, errno, "%s: its size", path);
	} else if (S_ISREG(about.st_mode)) {
		size = (uint64_t)about.st_size;
	} else {
		return gw_fail(error, GW_E_INVALID, "%s: neither a file nor a block device", path);
	}
	if (size < VM_BLOCK_SECTOR)
		return gw_fail(error, GW_E_INVALID, "%s: too small for a disk", path);
	disk->block.size = size - size % VM_BLOCK_SECTOR;
	return 0;
}

static int open_file(struct disk *disk, const char *path, bool read_only, struct gw_error *error)
{
	disk->file = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (disk->file < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (flock(disk->file, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 &&
	    errno == EWOULDBLOCK)
		return gw_fail(error, GW_E_BUSY, "%s: another machine uses it", path);
	return size_of(disk, path, error);
}

int vm_disk_open(struct vm_block **block, const char *path, bool read_only, struct gw_error *error)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	int code;

	if (!disk)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
	disk->block = (struct vm_block){.kind = &file_kind, .read_only = read_only};
	disk->file = disk->signal = -1;
	pthread_mutex_init(&disk->lock, NULL);
	pthread_cond_init(&disk->more, NULL);
	code = open_file(disk, path, read_only, error);
	if (code == 0) {
		disk->signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (disk->signal < 0)
			code = gw_fail_errno(error, errno, "%s: a descriptor", path);
	}
	if (code == 0) {
		int failed = pthread_create(&disk->thread, NULL, work, disk);

		disk->has_thread = failed == 0;
		if (failed)
			code = gw_fail_errno(error, failed, "%s: a thread", path);
	}
	if (code < 0) {
		end(&disk->block);
		return code;
	}
	*block = &disk->block;
	return 0;
}

void vm_disk_close(struct vm_block *block)
{
	if (block)
		block->kind->free(block);
}
