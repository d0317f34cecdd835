/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.c - drives ISA-L's inflate, zstd and lz4 by the same loop: hand the codec packed bytes and
 * room, take what it makes, until the room is full or the file has ended. A codec is a table of
 * four functions.
 */
#include "unpack.h"

#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
	PACKED_SIZE = 128 << 10, /* packed bytes that are read at once */
};

struct codec {
	const char *format; /* its name in errors */
	/* Are these the first bytes of such a file? */
	bool (*begins)(const uint8_t *data, size_t size);
	/* Before the first byte of a file. */
	int (*start)(struct mr_unpack *unpack, struct gw_error *error);
	/* Unpacks from unpack->in to unpack->out and moves both on. Sets unpack->complete to
	 * whether the file could end behind what has been taken. */
	int (*step)(struct mr_unpack *unpack, struct gw_error *error);
	void (*free)(struct mr_unpack *unpack);
};

struct mr_unpack {
	struct mr_unpack_source source;
	const struct codec *codec; /* NULL: plain */
	uint64_t position;         /* of the next byte of the file to be read */
	uint64_t unpacked;         /* bytes handed out by earlier reads */
	const uint8_t *in;
	size_t in_size;
	uint8_t *room, *out;       /* where this read began to write, and where it goes on */
	size_t out_size;           /* left of the room */
	bool complete;
	struct inflate_state *gzip;
	ZSTD_DCtx *zstd;
	LZ4F_dctx *lz4;
	uint8_t packed[PACKED_SIZE];
};

static uint64_t unpacked_now(const struct mr_unpack *unpack)
{
	return unpack->unpacked + (uint64_t)(unpack->out - unpack->room);
}

static int fail_corrupt(const struct mr_unpack *unpack, const char *reason, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT,
		       "%s: corrupt %s data behind unpacked byte %" PRIu64 ": %s",
		       unpack->source.path, unpack->codec->format, unpacked_now(unpack), reason);
}

static int fail_memory(const struct mr_unpack *unpack, struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "%s: unpacking it: out of memory",
		       unpack->source.path);
}

/* ---- .gz ------------------------------------------------------------------------------------- */

static bool gzip_begins(const uint8_t *data, size_t size)
{
	return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

static void gzip_reset(struct inflate_state *state)
{
	isal_inflate_reset(state);
	state->crc_flag = ISAL_GZIP;
}

static int gzip_start(struct mr_unpack *unpack, struct gw_error *error)
{
	if (!unpack->gzip) {
		unpack->gzip = malloc(sizeof *unpack->gzip);
		if (!unpack->gzip)
			return fail_memory(unpack, error);
		isal_inflate_init(unpack->gzip);
	}
	gzip_reset(unpack->gzip);
	return 0;
}

static const char *gzip_reason(int code)
{
	switch (code) {
	case ISAL_INVALID_BLOCK:
		return "invalid block";
	case ISAL_INVALID_SYMBOL:
		return "invalid symbol";
	case ISAL_INVALID_LOOKBACK:
		return "refers to data before its beginning";
	case ISAL_INVALID_WRAPPER:
		return "no gzip member where one is expected";
	case ISAL_UNSUPPORTED_METHOD:
		return "unknown method of compression";
	case ISAL_INCORRECT_CHECKSUM:
		return "checksum mismatch";
	default:
		return "unknown error";
	}
}

/* Between members: zeros, with which tapes and some tools fill up a file, are passed over as gzip
 * does. True when there is a member to go on with. */
static bool gzip_next_member(struct mr_unpack *unpack)
{
	while (unpack->in_size > 0 && *unpack->in == 0) {
		unpack->in++;
		unpack->in_size--;
	}
	if (unpack->in_size == 0)
		return false;
	gzip_reset(unpack->gzip);
	return true;
}

static int gzip_step(struct mr_unpack *unpack, struct gw_error *error)
{
	struct inflate_state *state = unpack->gzip;
	size_t made;
	int code;

	if (state->block_state == ISAL_BLOCK_FINISH && !gzip_next_member(unpack))
		return 0;
	/* The library only reads what it is given; its prototype does not say so. */
	state->next_in = (uint8_t *)(uintptr_t)unpack->in;
	state->avail_in = (uint32_t)unpack->in_size;
	state->next_out = unpack->out;
	state->avail_out = unpack->out_size < INT32_MAX ? (uint32_t)unpack->out_size : INT32_MAX;
	code = isal_inflate(state);
	made = (size_t)(state->next_out - unpack->out);
	/* Fed with broken data the library has been seen to count wrong, so trust nothing. */
	if (made > unpack->out_size)
		return fail_corrupt(unpack, "more data than room", error);
	unpack->out += made;
	unpack->out_size -= made;
	if (code != ISAL_DECOMP_OK)
		return fail_corrupt(unpack, gzip_reason(code), error);
	if (state->avail_in > unpack->in_size)
		return fail_corrupt(unpack, "needs data behind its end", error);
	unpack->in += unpack->in_size - state->avail_in;
	unpack->in_size = state->avail_in;
	unpack->complete = state->block_state == ISAL_BLOCK_FINISH;
	return 0;
}

static void gzip_free(struct mr_unpack *unpack)
{
	free(unpack->gzip);
}

/* ---- .zst ------------------------------------------------------------------------------------ */

static uint32_t magic_of(const uint8_t *data, size_t size)
{
	return size < 4 ? 0 : (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
			      (uint32_t)data[3] << 24;
}

/* zstd and lz4 share this range of magics for frames that hold no data. */
static bool is_skippable(uint32_t magic)
{
	return (magic & 0xfffffff0) == 0x184d2a50;
}

static bool zstd_begins(const uint8_t *data, size_t size)
{
	uint32_t magic = magic_of(data, size);

	return magic == ZSTD_MAGICNUMBER || is_skippable(magic);
}

static int window_log(uint64_t bytes)
{
	int log = 10;

	while (log < 31 && 2ull << log <= bytes)
		log++;
	return log;
}

static int zstd_start(struct mr_unpack *unpack, struct gw_error *error)
{
	size_t result;

	if (!unpack->zstd)
		unpack->zstd = ZSTD_createDCtx();
	if (!unpack->zstd)
		return fail_memory(unpack, error);
	result = ZSTD_DCtx_reset(unpack->zstd, ZSTD_reset_session_and_parameters);
	if (!ZSTD_isError(result))
		result = ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax,
						window_log(unpack->source.window_max));
	return ZSTD_isError(result) ? fail_corrupt(unpack, ZSTD_getErrorName(result), error) : 0;
}

static int zstd_fail(const struct mr_unpack *unpack, size_t result, struct gw_error *error)
{
	ZSTD_ErrorCode code = ZSTD_getErrorCode(result);

	if (code == ZSTD_error_frameParameter_windowTooLarge)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: was packed with a window of more than "
			       "%" PRIu64 " bytes; give more --memory", unpack->source.path,
			       unpack->source.window_max);
	if (code == ZSTD_error_memory_allocation)
		return fail_memory(unpack, error);
	return fail_corrupt(unpack, ZSTD_getErrorName(result), error);
}

static int zstd_step(struct mr_unpack *unpack, struct gw_error *error)
{
	ZSTD_inBuffer in = {unpack->in, unpack->in_size, 0};
	ZSTD_outBuffer out = {unpack->out, unpack->out_size, 0};
	size_t result;

	/* Asked for more behind the last frame, zstd begins to expect a header. */
	if (unpack->complete && unpack->in_size == 0)
		return 0;
	result = ZSTD_decompressStream(unpack->zstd, &out, &in);
	if (ZSTD_isError(result))
		return zstd_fail(unpack, result, error);
	assert(in.pos <= in.size && out.pos <= out.size);
	unpack->in += in.pos;
	unpack->in_size -= in.pos;
	unpack->out += out.pos;
	unpack->out_size -= out.pos;
	unpack->complete = result == 0;
	return 0;
}

static void zstd_free(struct mr_unpack *unpack)
{
	ZSTD_freeDCtx(unpack->zstd);
}

/* ---- .lz4 ------------------------------------------------------------------------------------ */

static bool lz4_begins(const uint8_t *data, size_t size)
{
	uint32_t magic = magic_of(data, size);

	return magic == LZ4F_MAGICNUMBER || is_skippable(magic);
}

static int lz4_start(struct mr_unpack *unpack, struct gw_error *error)
{
	if (unpack->lz4)
		LZ4F_resetDecompressionContext(unpack->lz4);
	else if (LZ4F_isError(LZ4F_createDecompressionContext(&unpack->lz4, LZ4F_VERSION)))
		return fail_memory(unpack, error);
	return 0;
}

static int lz4_step(struct mr_unpack *unpack, struct gw_error *error)
{
	size_t in_size = unpack->in_size, out_size = unpack->out_size;
	size_t result;

	if (unpack->complete && unpack->in_size == 0)
		return 0;
	result = LZ4F_decompress(unpack->lz4, unpack->out, &out_size, unpack->in, &in_size, NULL);
	/* The numbers of errors are not in the stable part of the interface. */
	if (LZ4F_isError(result) && strstr(LZ4F_getErrorName(result), "allocation_failed"))
		return fail_memory(unpack, error);
	if (LZ4F_isError(result))
		return fail_corrupt(unpack, LZ4F_getErrorName(result), error);
	assert(in_size <= unpack->in_size && out_size <= unpack->out_size);
	unpack->in += in_size;
	unpack->in_size -= in_size;
	unpack->out += out_size;
	unpack->out_size -= out_size;
	unpack->complete = result == 0;
	return 0;
}

static void lz4_free(struct mr_unpack *unpack)
{
	LZ4F_freeDecompressionContext(unpack->lz4);
}

static const struct codec codecs[] = {
	[MR_GZIP] = {"gzip", gzip_begins, gzip_start, gzip_step, gzip_free},
	[MR_ZSTD] = {"zstd", zstd_begins, zstd_start, zstd_step, zstd_free},
	[MR_LZ4] = {"lz4", lz4_begins, lz4_start, lz4_step, lz4_free},
};

/* ---- The loop -------------------------------------------------------------------------------- */

/* Reads packed bytes when none are left, as far as there are more. */
static int refill(struct mr_unpack *unpack, struct gw_error *error)
{
	struct mr_file *file = unpack->source.file;
	uint64_t left = unpack->source.end - unpack->position;
	size_t size = left < PACKED_SIZE ? (size_t)left : PACKED_SIZE;
	int result;

	assert(unpack->position <= unpack->source.end && unpack->in_size <= PACKED_SIZE);
	if (unpack->in_size > 0 || size == 0)
		return 0;
	result = file->store->operations->read_at(file, unpack->position, unpack->packed, size,
						  error);
	if (result < 0)
		return result;
	assert(size <= unpack->source.end - unpack->position);
	unpack->position += size;
	unpack->in = unpack->packed;
	unpack->in_size = size;
	return 0;
}

int mr_unpack_open(struct mr_unpack **made, const struct mr_unpack_source *source,
		   struct gw_error *error)
{
	struct mr_unpack *unpack = *made;
	int result;

	assert(source->begin <= source->end);
	if (!unpack) {
		unpack = malloc(sizeof *unpack);
		if (!unpack)
			return gw_fail(error, GW_E_NO_MEMORY, "%s: reading it: out of memory",
				       source->path);
		unpack->gzip = NULL;
		unpack->zstd = NULL;
		unpack->lz4 = NULL;
		*made = unpack;
	}
	unpack->source = *source;
	unpack->codec = NULL;
	unpack->position = source->begin;
	unpack->unpacked = 0;
	unpack->room = unpack->out = NULL;
	unpack->in_size = 0;
	unpack->complete = false;
	if (source->compression == MR_PLAIN)
		return 0;
	assert((size_t)source->compression < sizeof codecs / sizeof codecs[0]);
	unpack->codec = &codecs[source->compression];
	result = refill(unpack, error);
	if (result < 0)
		return result;
	if (!unpack->codec->begins(unpack->in, unpack->in_size))
		return gw_fail(error, GW_E_CORRUPT, "%s: its name says %s, its first bytes do not",
			       source->path, unpack->codec->format);
	return unpack->codec->start(unpack, error);
}

static int read_plain(struct mr_unpack *unpack, void *data, size_t size, size_t *got,
		      struct gw_error *error)
{
	struct mr_file *file = unpack->source.file;
	uint64_t left = unpack->source.end - unpack->position;
	int result;

	assert(unpack->position <= unpack->source.end && !unpack->codec);
	if (size > left)
		size = (size_t)left;
	result = file->store->operations->read_at(file, unpack->position, data, size, error);
	if (result < 0)
		return result;
	unpack->position += size;
	*got = size;
	return 0;
}

int mr_unpack_read(struct mr_unpack *unpack, void *data, size_t size, size_t *got,
		   struct gw_error *error)
{
	int result = 0;

	*got = 0;
	if (!unpack->codec)
		return read_plain(unpack, data, size, got, error);
	unpack->room = unpack->out = data;
	unpack->out_size = size;
	while (unpack->out_size > 0) {
		size_t in_before, out_before = unpack->out_size;

		result = refill(unpack, error);
		if (result < 0)
			return result;
		in_before = unpack->in_size;
		result = unpack->codec->step(unpack, error);
		if (result < 0)
			return result;
		if (in_before != unpack->in_size || out_before != unpack->out_size)
			continue;
		/* Nothing more comes out and nothing more goes in. */
		if (unpack->in_size == 0 && unpack->position < unpack->source.end)
			continue;
		if (unpack->in_size == 0 && unpack->complete)
			break;
		return gw_fail(error, GW_E_TRUNCATED,
			       "%s: the %s data is cut off behind unpacked byte %" PRIu64,
			       unpack->source.path, unpack->codec->format, unpacked_now(unpack));
	}
	assert(unpack->out_size <= size);
	*got = size - unpack->out_size;
	unpack->unpacked += *got;
	unpack->room = unpack->out;
	return 0;
}

void mr_unpack_free(struct mr_unpack *unpack)
{
	if (!unpack)
		return;
	for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
		if (codecs[i].free)
			codecs[i].free(unpack);
	}
	free(unpack);
}
