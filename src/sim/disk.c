/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.c - requests on files: each has its effect at a random later moment and is told of it then
 * or a little later, so that a death can fall between.
 */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HUNG_POLL_NS = 10000000,
	TOLD_LATER_PPM = SIM_PPM / 4,
	KEEP_PPM = SIM_PPM / 2,
	OPENED_FILES_MAX = 1 << 20,
};

void disk_start(struct disk *disk)
{
	assert(!disk->inodes && disk->journal_count == 0);
	disk->used_pages = disk->used_files = 0;
	disk->root = inode_new(disk, INODE_DIRECTORY);
	inode_ref(disk->root);
	inode_link(disk->root, 1, 0);
}

void disk_new(struct sim_node *node)
{
	const struct sim_options *options = &node->sim->options;
	struct disk *disk = (struct disk *)sim_allocate(sizeof(*disk));

	disk->node = node;
	disk->faults = (struct sim_disk){
		.total_bytes = options->disk_bytes,
		.total_files = options->disk_files,
		.delay_ns = options->disk_delay_ns,
		.sync_delay_ns = options->sync_delay_ns,
		.keep_ppm = KEEP_PPM,
	};
	node->disk = disk;
	disk_start(disk);
}

void disk_free(struct sim_node *node)
{
	names_free_all(node->disk);
	free(node->disk);
}

/* ---- Effects on files ---------------------------------------------------------------- */

static uint64_t total_size(const struct gw_bytes *pieces, uint32_t count)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (pieces[i].size > IO_TRANSFER_BYTES_MAX)
			return UINT64_MAX;
		size += pieces[i].size;
	}
	return size;
}

/* Of reads too: both kinds of pieces are laid out alike. */
static int check_transfer(const struct io_request *request, uint64_t *size)
{
	const struct sim_file *file = (const struct sim_file *)request->u.file.file;
	const struct gw_bytes *pieces = (const struct gw_bytes *)request->u.file.pieces;
	uint64_t offset = request->u.file.offset;

	*size = total_size(pieces, request->u.file.count);
	if (*size > IO_TRANSFER_BYTES_MAX || offset > file_bytes_max ||
	    *size > file_bytes_max - offset)
		return EFBIG;
	if (!(file->flags & IO_DIRECT))
		return 0;
	for (uint32_t i = 0; i < request->u.file.count; i++)
		if (pieces[i].size % IO_DIRECT_ALIGN_BYTES ||
		    (uintptr_t)pieces[i].data % IO_DIRECT_ALIGN_BYTES)
			return EINVAL;
	return offset % IO_DIRECT_ALIGN_BYTES ? EINVAL : 0;
}

static int read_file(struct disk *disk, struct io_request *request)
{
	struct sim_file *file = (struct sim_file *)request->u.file.file;
	const struct io_buffer *buffers = (const struct io_buffer *)request->u.file.pieces;
	uint64_t offset = request->u.file.offset, size, left;
	int os_error = check_transfer(request, &size);

	if (os_error)
		return os_error;
	if (!(file->flags & IO_READ))
		return EBADF;
	left = offset < file->inode->size ? file->inode->size - offset : 0;
	if (left > size)
		left = size;
	if (left > 0 && sim_random_chance(&disk->node->disk_random, disk->faults.rot_ppm))
		disk_rot_range(file->inode, offset, left);
	request->result = (int32_t)left;
	assert(left <= IO_TRANSFER_BYTES_MAX);
	for (uint32_t i = 0; left > 0; i++) {
		size_t part = buffers[i].size < left ? buffers[i].size : (size_t)left;

		if (pages_read(file->inode, offset, (uint8_t *)buffers[i].data, part) < 0) {
			sim_counted(disk_sim(disk), SIM_COUNT_DISK_ERROR);
			return EIO;
		}
		trace_data(disk_sim(disk), buffers[i].data, part);
		offset += part;
		left -= part;
	}
	sim_counted(disk_sim(disk), SIM_COUNT_READ);
	return 0;
}

/* The first `size` bytes of the request's go to their place. */
static void write_part(struct disk *disk, const struct io_request *request, uint64_t size)
{
	struct inode *inode = ((struct sim_file *)request->u.file.file)->inode;
	const struct gw_bytes *pieces = (const struct gw_bytes *)request->u.file.pieces;
	uint64_t offset = request->u.file.offset;
	bool astray = disk_is_misdirected(disk);

	for (uint32_t i = 0; size > 0; i++) {
		size_t part = pieces[i].size < size ? pieces[i].size : (size_t)size;

		assert(i < request->u.file.count);
		if (astray)
			disk_write_astray(disk, (const uint8_t *)pieces[i].data, part);
		else
			pages_write(inode, offset, (const uint8_t *)pieces[i].data, part);
		trace_data(disk_sim(disk), pieces[i].data, part);
		offset += part;
		size -= part;
	}
	if (offset > inode->size)
		pages_resize(inode, offset);
}

/* A write that did not end well: some of its bytes are there, none that there is no space for. */
static void write_cut(struct disk *disk, const struct io_request *request, uint64_t size)
{
	struct sim_random *random = &disk->node->disk_random;
	uint64_t cut = sim_random_below(random, 4) ? 1 + sim_random_below(random, size) : 0;
	uint64_t free_pages = disk->faults.total_bytes / PAGE_BYTES;
	struct inode *inode = ((struct sim_file *)request->u.file.file)->inode;

	free_pages = free_pages > disk->used_pages ? free_pages - disk->used_pages : 0;
	if (cut == 0 || pages_missing(inode, request->u.file.offset, cut) > free_pages)
		return;
	sim_counted(disk_sim(disk), SIM_COUNT_WRITE_PARTIAL);
	write_part(disk, request, cut);
}

static int space_for(struct disk *disk, struct inode *inode, uint64_t offset, uint64_t size)
{
	uint64_t total = disk->faults.total_bytes / PAGE_BYTES;
	uint64_t missing = pages_missing(inode, offset, size);

	if (missing == 0 || (disk->used_pages <= total && missing <= total - disk->used_pages))
		return 0;
	sim_counted(disk_sim(disk), SIM_COUNT_NO_SPACE);
	return ENOSPC;
}

static int write_file(struct disk *disk, struct io_request *request)
{
	struct sim_file *file = (struct sim_file *)request->u.file.file;
	uint64_t size;
	int os_error = check_transfer(request, &size);

	if (os_error)
		return os_error;
	if (!(file->flags & IO_WRITE))
		return EBADF;
	if (size == 0)
		return 0;
	os_error = space_for(disk, file->inode, request->u.file.offset, size);
	if (os_error == 0)
		os_error = disk_fault(disk, IO_OPERATION_PWRITEV);
	if (os_error) {
		write_cut(disk, request, size);
		return os_error;
	}
	sim_counted(disk_sim(disk), SIM_COUNT_WRITE);
	write_part(disk, request, size);
	return 0;
}

static int sync_file(struct disk *disk, struct inode *inode)
{
	int os_error = disk_fault(disk, IO_OPERATION_SYNC);

	assert(inode->type == INODE_FILE);
	if (os_error) {
		sim_counted(disk_sim(disk), SIM_COUNT_SYNC_FAILED);
		pages_lose(inode);
		return os_error;
	}
	if (disk_sync_lies(disk))
		return 0;
	sim_counted(disk_sim(disk), SIM_COUNT_SYNC);
	pages_sync(inode);
	return 0;
}

static bool range_fits(const struct io_request *request)
{
	return request->u.file.offset <= file_bytes_max &&
	       request->u.file.size <= file_bytes_max - request->u.file.offset;
}

static int reserve(struct disk *disk, struct io_request *request, struct inode *inode)
{
	int os_error = disk_fault(disk, IO_OPERATION_PREALLOCATE);

	if (!range_fits(request))
		return EFBIG;
	if (os_error == 0)
		os_error = space_for(disk, inode, request->u.file.offset, request->u.file.size);
	if (os_error == 0)
		pages_reserve(inode, request->u.file.offset, request->u.file.size);
	return os_error;
}

static int change_file(struct disk *disk, struct io_request *request, struct inode *inode)
{
	int os_error = disk_fault(disk, (enum io_operation)request->operation);

	if (os_error)
		return os_error;
	if (!range_fits(request))
		return EFBIG;
	if (request->operation == IO_OPERATION_TRUNCATE)
		pages_resize(inode, request->u.file.size);
	else if (request->u.file.size > 0)
		pages_punch(inode, request->u.file.offset, request->u.file.size);
	return 0;
}

static int file_effect(struct life *life, struct io_request *request)
{
	struct sim_file *file = (struct sim_file *)request->u.file.file;
	struct disk *disk = life->node->disk;
	int os_error;

	assert(file->life == life && file->inode && file->inode->opens > 0);
	switch (request->operation) {
	case IO_OPERATION_CLOSE:
		return disk_fault(disk, IO_OPERATION_CLOSE);
	case IO_OPERATION_SIZE:
		*request->u.file.size_out = file->inode->size;
		return 0;
	case IO_OPERATION_PREADV:
		os_error = disk_fault(disk, IO_OPERATION_PREADV);
		return os_error ? os_error : read_file(disk, request);
	case IO_OPERATION_PWRITEV:
		return write_file(disk, request);
	case IO_OPERATION_SYNC:
		return sync_file(disk, file->inode);
	case IO_OPERATION_PREALLOCATE:
		return reserve(disk, request, file->inode);
	case IO_OPERATION_TRUNCATE:
	case IO_OPERATION_PUNCH:
		return change_file(disk, request, file->inode);
	default: /* IO_OPERATION_FLUSH_RANGE promises nothing */
		return 0;
	}
}

/* ---- The moments of a request -------------------------------------------------------- */

static bool is_on_file(const struct io_request *request)
{
	return request->operation >= IO_OPERATION_CLOSE &&
	       request->operation <= IO_OPERATION_PUNCH;
}

static uint64_t delay(struct disk *disk, bool is_sync)
{
	struct sim_random *random = &disk->node->disk_random;
	uint64_t mean = is_sync ? disk->faults.sync_delay_ns : disk->faults.delay_ns;
	uint64_t delay_ns = sim_random_exponential(random, mean);

	if (sim_random_chance(random, disk->faults.slow_ppm)) {
		sim_counted(disk_sim(disk), SIM_COUNT_SLOW);
		delay_ns += disk->faults.slow_ns;
	}
	return delay_ns;
}

static void tell(struct life *life, struct io_request *request)
{
	struct sim_file *file = NULL;

	if (request->operation == IO_OPERATION_CLOSE)
		file = (struct sim_file *)request->u.file.file;
	request_finish(life, request);
	if (file) /* its name lasts until done has returned */
		disk_file_free(file);
}

static void tell_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	struct io_request *request = job->request;
	struct life *life = event->life;

	job_free(sim, job);
	tell(life, request);
}

/* The effect; whether another moment, the write's sync, is to come. */
static bool effect(struct life *life, struct job *job)
{
	struct io_request *request = job->request;
	struct disk *disk = life->node->disk;
	int os_error;

	if (request->state == IO_REQUEST_CANCELLED && request->operation != IO_OPERATION_CLOSE &&
	    sim_random_below(&disk->node->disk_random, 2)) {
		request->result = GW_E_CANCELLED;
		return false;
	}
	if (job->step == 1)
		os_error = sync_file(disk, ((struct sim_file *)request->u.file.file)->inode);
	else if (is_on_file(request))
		os_error = file_effect(life, request);
	else
		os_error = disk_path(life, request);
	if (os_error) {
		request->os_error = os_error;
		request->result = code_of_os_error(os_error);
		return false;
	}
	return job->step == 0 && request->operation == IO_OPERATION_PWRITEV &&
	       (request->u.file.flags & IO_WRITE_SYNC);
}

static void disk_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	struct io_request *request = job->request;
	struct life *life = event->life;
	struct disk *disk = life->node->disk;

	assert(life->alive && !job->told);
	if (disk->faults.hung) {
		event_add(sim, event, sim->now_ns + HUNG_POLL_NS);
		return;
	}
	if (!life_operation(life)) {
		job_free(sim, job);
		request_ghost(life, request);
		return;
	}
	if (effect(life, job)) {
		job->step = 1;
		assert(request->operation == IO_OPERATION_PWRITEV);
		event_add(sim, event, sim->now_ns + delay(disk, true));
		return;
	}
	if (sim_random_chance(&disk->node->disk_random, TOLD_LATER_PPM)) {
		job->told = true;
		event->run = tell_run;
		event_add(sim, event, sim->now_ns + delay(disk, false));
		return;
	}
	job_free(sim, job);
	tell(life, request);
}

void disk_submit(struct life *life, struct io_request *request)
{
	struct sim *sim = life->node->sim;
	bool is_sync = request->operation == IO_OPERATION_SYNC ||
		       request->operation == IO_OPERATION_SYNC_DIRECTORY;
	struct job *job = request_job(life, request, disk_run);

	event_add(sim, &job->event, sim->now_ns + delay(life->node->disk, is_sync));
}

/* ---- Deaths -------------------------------------------------------------------------- */

void disk_process_died(struct life *life)
{
	struct disk *disk = life->node->disk;

	for (struct event *event = life->events; event; event = event->next) {
		const struct job *job = (const struct job *)event;
		uint64_t size;

		if (!event->is_job || event->run != disk_run || job->step != 0 ||
		    job->request->operation != IO_OPERATION_PWRITEV)
			continue;
		if (check_transfer(job->request, &size) == 0 && size > 0)
			write_cut(disk, job->request, size);
	}
	for (struct sim_file *file = life->files; file; file = file->next) {
		if (file->flags & IO_LOCKED)
			file->inode->locked = false;
		inode_link(file->inode, 0, -1);
		inode_unref(file->inode);
		file->inode = NULL;
	}
}

void disk_life_done(struct life *life)
{
	while (life->files)
		disk_file_free(life->files);
	while (life->lists) {
		struct list_block *block = life->lists;

		life->lists = block->next;
		free(block);
	}
}

void disk_power_lost(struct sim_node *node)
{
	struct disk *disk = node->disk;

	assert(!sim_node_is_up(node));
	names_power_lost(disk);
	for (struct inode *inode = disk->inodes; inode; inode = inode->next)
		pages_power_lost(inode);
	assert(sim_disk_unsynced_bytes(node) == 0);
	disk->faults.hung = false;
}
