/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_log.c - see disk_log.h. Everything that waits uses one request; what comes next is the
 * function that was passed to it.
 */
#include "sim/disk_log.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "io/rare.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MAGIC = 0x4c445747, /* "GWDL" */
	VERSION = 1,
	HEADER_BYTES = 20,
	RECORD_BYTES = 16, /* without the payload */
	NAME_DIGITS = 16,
	PATH_BYTES = 32,
};

struct disk_log {
	struct io *io;
	struct disk_log_user *user;
	struct disk_log_options options;
	struct io_request request;
	struct io_file *file; /* open; NULL: none */
	/* Recovery. */
	struct io_list list;
	uint64_t *segments;            /* their first records */
	size_t segment_count, segment; /* the one that is read */
	struct io_buffer buffer;
	/* The last segment. */
	uint64_t first;       /* its first record */
	uint64_t next;        /* number of the next record */
	uint8_t *bytes;       /* all of it, DISK_LOG_SEGMENT_MAX */
	size_t size;          /* of it that is right */
	size_t size_next;     /* with the batch under way */
	uint32_t batch_count;
	struct gw_bytes piece;
	char path[PATH_BYTES];
};

/* Planted bugs of the batch under way strike where the next record's number can be divided by
 * seven, which the log's own tests do not meet, so that it takes a seed to find them. */
#define SEVENTH_BUG(log, name) ((log)->next % 7 == 0 && IO_BUG((log)->io, name))

/* Zeros from *size up to the next whole sector, which *size is then. */
static void fill_sector(struct disk_log *log, size_t *size)
{
	size_t whole = (*size + DISK_LOG_SECTOR_BYTES - 1) / DISK_LOG_SECTOR_BYTES *
		       DISK_LOG_SECTOR_BYTES;

	assert(whole <= DISK_LOG_SEGMENT_MAX);
	memset(log->bytes + *size, 0, whole - *size);
	*size = whole;
}

static void fail(struct disk_log *log)
{
	struct gw_error error = {0};

	(void)io_request_error(&log->request, &error);
	log->user->failed(log->user, &error);
}

/* Begins every done: the log, or NULL after a failure. */
static struct disk_log *log_of(struct io_request *request, int result)
{
	struct disk_log *log = request->data;

	if (result >= 0)
		return log;
	fail(log);
	return NULL;
}

static void name_segment(struct disk_log *log, uint64_t first)
{
	assert(!io_under_way(&log->request)); /* it may still use the path */
	snprintf(log->path, sizeof(log->path), "log/%016" PRIx64, first);
}

/* ---- A segment gets its name --------------------------------------------------------------- */

static void ready(struct disk_log *log)
{
	if (log->batch_count > 0)
		log->user->acknowledged(log->user, log->next - log->batch_count, log->batch_count);
	log->user->ready(log->user, log->next - 1);
}

static void named_durably(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (log)
		ready(log);
}

static void renamed(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (!log)
		return;
	if (log->options.without_sync || SEVENTH_BUG(log, "disk-log.no-directory-sync"))
		ready(log);
	else
		io_sync_directory(log->io, request, "log", named_durably);
}

static void written_anew(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (!log)
		return;
	name_segment(log, log->first);
	io_rename(log->io, request, "log/new", log->path, 0, renamed);
}

static void opened_new(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);
	bool sync;

	if (!log)
		return;
	sync = !log->options.without_sync && !SEVENTH_BUG(log, "disk-log.rename-unsynced");
	log->piece = (struct gw_bytes){log->bytes, log->size};
	io_pwritev(log->io, request, log->file, &log->piece, 1, 0, sync ? IO_WRITE_SYNC : 0,
		   written_anew);
}

static void closed_old(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (!log)
		return;
	log->file = NULL;
	io_open(log->io, request, "log/new", IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE, 0600,
		&log->file, opened_new);
}

/* Makes log->bytes the segment that begins with log->first, then goes on with ready. */
static void install(struct disk_log *log)
{
	assert(log->first > 0 && log->first <= log->next);
	assert(log->size >= HEADER_BYTES && log->size <= DISK_LOG_SEGMENT_MAX);
	if (log->file) {
		io_close(log->io, &log->request, log->file, closed_old);
		return;
	}
	io_open(log->io, &log->request, "log/new", IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE,
		0600, &log->file, opened_new);
}

/* An empty segment that begins with the next record. */
static void begin_segment(struct disk_log *log)
{
	log->first = log->next;
	base_store32(log->bytes, MAGIC);
	base_store32(log->bytes + 4, VERSION);
	base_store64(log->bytes + 8, log->first);
	base_store32(log->bytes + 16, base_crc32c(0, log->bytes, 16));
	log->size = HEADER_BYTES;
	fill_sector(log, &log->size);
}

/* ---- Appending ------------------------------------------------------------------------------ */

static void batch_durable(struct disk_log *log)
{
	assert(log->batch_count > 0 && log->size_next > log->size);
	log->size = log->size_next;
	log->next += log->batch_count;
	if (log->size <= log->options.segment_bytes) {
		ready(log);
		return;
	}
	IO_PROBE(log->io, "disk-log.segment-full");
	begin_segment(log);
	install(log);
}

static void batch_synced(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (log)
		batch_durable(log);
}

static void batch_written(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (log)
		io_sync(log->io, request, log->file, batch_synced);
}

static void append_record(struct disk_log *log, uint64_t number, struct gw_bytes payload)
{
	uint8_t *at = log->bytes + log->size_next;

	assert(payload.size <= DISK_LOG_PAYLOAD_MAX);
	assert(RECORD_BYTES + payload.size <= DISK_LOG_SEGMENT_MAX - log->size_next);
	base_store32(at + 4, (uint32_t)payload.size);
	base_store64(at + 8, number);
	memcpy(at + RECORD_BYTES, payload.data, payload.size);
	base_store32(at, base_crc32c(0, at + 4, RECORD_BYTES - 4 + payload.size));
	log->size_next += RECORD_BYTES + payload.size;
}

static void write_batch(struct disk_log *log)
{
	struct io_request *request = &log->request;
	bool sync = !log->options.without_sync && !SEVENTH_BUG(log, "disk-log.no-sync");

	log->piece = (struct gw_bytes){log->bytes + log->size, log->size_next - log->size};
	if (sync && IO_RARE(log->io, "disk-log.sync-apart"))
		io_pwritev(log->io, request, log->file, &log->piece, 1, log->size, 0,
			   batch_written);
	else
		io_pwritev(log->io, request, log->file, &log->piece, 1, log->size,
			   sync ? IO_WRITE_SYNC : 0, batch_synced);
}

void disk_log_append(struct disk_log *log, const struct gw_bytes *payloads, uint32_t count)
{
	assert(count > 0 && count <= DISK_LOG_BATCH_MAX);
	assert(log->file && !io_under_way(&log->request));
	log->size_next = log->size;
	log->batch_count = count;
	for (uint32_t i = 0; i < count; i++)
		append_record(log, log->next + i, payloads[i]);
	if (!SEVENTH_BUG(log, "disk-log.shared-sector"))
		fill_sector(log, &log->size_next);
	if (SEVENTH_BUG(log, "disk-log.acknowledge-early"))
		log->user->acknowledged(log->user, log->next, count);
	write_batch(log);
}

/* ---- Recovery ------------------------------------------------------------------------------- */

/* The size of the whole record at offset, 0 when there is none. */
static size_t check_record(struct disk_log *log, size_t offset, size_t end)
{
	const uint8_t *at = log->bytes + offset;
	uint32_t payload;

	assert(offset <= end && end <= DISK_LOG_SEGMENT_MAX);
	if (end - offset < RECORD_BYTES)
		return 0;
	payload = base_load32(at + 4);
	if (payload > DISK_LOG_PAYLOAD_MAX || payload > end - offset - RECORD_BYTES ||
	    base_load64(at + 8) != log->next)
		return 0;
	if (base_load32(at) != base_crc32c(0, at + 4, RECORD_BYTES - 4 + payload) &&
	    !(payload > DISK_LOG_SECTOR_BYTES / 4 && IO_BUG(log->io, "disk-log.no-checksum")))
		return 0;
	return RECORD_BYTES + payload;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* Moves log->size to the next record, over the zeros that may fill a sector up before it; its size,
 * or 0 when there is none: then log->size stays. */
static size_t find_record(struct disk_log *log, size_t end)
{
	size_t size = check_record(log, log->size, end);
	size_t next = (log->size / DISK_LOG_SECTOR_BYTES + 1) * DISK_LOG_SECTOR_BYTES;

	if (size > 0 || next >= end || !all_zero(log->bytes + log->size, next - log->size))
		return size;
	size = check_record(log, next, end);
	if (size > 0)
		log->size = next;
	return size;
}

static bool has_header(const struct disk_log *log, size_t end)
{
	return end >= HEADER_BYTES && base_load32(log->bytes) == MAGIC &&
	       base_load32(log->bytes + 16) == base_crc32c(0, log->bytes, 16);
}

static void tell(struct disk_log *log, enum disk_log_trouble trouble)
{
	if (!SEVENTH_BUG(log, "disk-log.silent-loss"))
		log->user->trouble(log->user, trouble);
}

/* Takes in the segment that was read; false when it does not belong here. */
static bool take_segment(struct disk_log *log, uint64_t first, size_t end)
{
	size_t size;

	if (!has_header(log, end) || base_load64(log->bytes + 8) != first || first != log->next) {
		begin_segment(log);
		return false;
	}
	log->first = first;
	log->size = HEADER_BYTES;
	while ((size = find_record(log, end)) > 0) {
		const uint8_t *at = log->bytes + log->size;

		log->user->record(log->user, log->next++,
				  (struct gw_bytes){at + RECORD_BYTES, size - RECORD_BYTES});
		log->size += size;
	}
	if (!all_zero(log->bytes + log->size, end - log->size)) {
		IO_PROBE(log->io, "disk-log.tail");
		tell(log, DISK_LOG_TAIL);
	}
	fill_sector(log, &log->size);
	return true;
}

static void read_next_segment(struct disk_log *log);

/* Segments behind the end of a log that was cut are removed, so that they are not read again. */
static void removed(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (!log)
		return;
	if (++log->segment < log->segment_count) {
		name_segment(log, log->segments[log->segment]);
		io_unlink(log->io, request, log->path, removed);
		return;
	}
	install(log);
}

static void end_recovery(struct disk_log *log)
{
	if (log->segment < log->segment_count) {
		IO_PROBE(log->io, "disk-log.lost");
		tell(log, DISK_LOG_LOST);
		name_segment(log, log->segments[log->segment]);
		io_unlink(log->io, &log->request, log->path, removed);
	} else if (IO_BUG(log->io, "disk-log.trust-the-cache") && log->file) {
		ready(log);
	} else {
		install(log);
	}
}

static void closed_segment(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (!log)
		return;
	log->file = NULL;
	read_next_segment(log);
}

/* Whether the segment is one of ours that we cannot read; then the log has failed. */
static bool is_of_other_version(struct disk_log *log, size_t end)
{
	struct gw_error error = {0};

	if (!has_header(log, end) || base_load32(log->bytes + 4) == VERSION)
		return false;
	(void)gw_fail(&error, GW_E_VERSION, "%s: version %u of a log, not %u", log->path,
		      base_load32(log->bytes + 4), VERSION);
	log->user->failed(log->user, &error);
	return true;
}

static void read_segment(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);
	bool more;

	if (!log || is_of_other_version(log, (size_t)result))
		return;
	more = take_segment(log, log->segments[log->segment], (size_t)result);
	log->segment += more;
	if (more && log->segment < log->segment_count)
		io_close(log->io, request, log->file, closed_segment);
	else
		end_recovery(log);
}

static void opened_segment(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (!log)
		return;
	log->buffer = (struct io_buffer){log->bytes, DISK_LOG_SEGMENT_MAX};
	io_preadv(log->io, request, log->file, &log->buffer, 1, 0, read_segment);
}

static void read_next_segment(struct disk_log *log)
{
	assert(log->segment < log->segment_count && !log->file);
	name_segment(log, log->segments[log->segment]);
	io_open(log->io, &log->request, log->path, IO_READ | IO_WRITE, 0, &log->file,
		opened_segment);
}

/* Keeps the numbers of the segments that were listed; false when there is no memory. */
static bool keep_segments(struct disk_log *log)
{
	log->segments = calloc(log->list.count + 1, sizeof(*log->segments));
	for (size_t i = 0; log->segments && i < log->list.count; i++) {
		const char *name = log->list.entries[i].name;
		char *end;
		uint64_t first = strtoull(name, &end, 16);

		if (strlen(name) == NAME_DIGITS && *end == '\0')
			log->segments[log->segment_count++] = first;
	}
	io_list_free(log->io, &log->list);
	return log->segments != NULL;
}

static void listed(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);
	struct gw_error error = {0};

	if (!log)
		return;
	if (!keep_segments(log)) {
		(void)gw_fail(&error, GW_E_NO_MEMORY, "no memory for a list of segments");
		log->user->failed(log->user, &error);
	} else if (log->segment_count > 0) {
		read_next_segment(log);
	} else {
		begin_segment(log);
		end_recovery(log);
	}
}

static void parent_synced(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result);

	if (log)
		io_list(log->io, request, "log", &log->list, listed);
}

static void made_directory(struct io_request *request, int result)
{
	struct disk_log *log = log_of(request, result == GW_E_EXISTS ? 0 : result);

	if (log)
		io_sync_directory(log->io, request, ".", parent_synced);
}

struct disk_log *disk_log_new(struct io *io, const struct disk_log_options *options,
			      struct disk_log_user *user)
{
	struct disk_log *log = calloc(1, sizeof(*log));

	assert(options->segment_bytes < DISK_LOG_SEGMENT_MAX / 2);
	if (!log)
		return NULL;
	log->bytes = calloc(1, DISK_LOG_SEGMENT_MAX);
	if (!log->bytes) {
		free(log);
		return NULL;
	}
	log->io = io;
	log->user = user;
	log->options = *options;
	log->request.data = log;
	log->next = 1;
	io_mkdir(io, &log->request, "log", 0700, made_directory);
	return log;
}

void disk_log_free(struct disk_log *log)
{
	if (!log)
		return;
	free(log->segments);
	free(log->bytes);
	free(log);
}
