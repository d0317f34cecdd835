/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.c - headers and records, to bytes and back. Nothing read is believed.
 */
#include "format.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"

#include <assert.h>

/* The byte before the version. */
static const char magic[7] = {'g', 'w', 'v', 'm', 'l', 'o', 'g'};

enum {
	FLAG_READ_ONLY = 1,
	FLAG_NETWORK = 2,
	FLAG_BARE = 4,
	FLAG_FILE = 8, /* of the first file; the others follow */
	FLAGS = FLAG_FILE << VM_LOG_FILES,

	HAS_ID = 0x20,
	HAS_VALUE = 0x40,
	HAS_DATA = 0x80,
	KIND_MASK = 0x1f,

	HASH_BYTES = 16,
	ON_DISK_BYTES = 4,
};

const char *vm_log_file_name(enum vm_log_file_name name)
{
	static const char names[VM_LOG_FILES][12] = {"kernel", "initrd", "firmware", "disk"};

	assert(name < VM_LOG_FILES);
	return names[name];
}

/* ---- Headers, written ------------------------------------------------------------------------ */

static int put_number(struct base_buffer *out, uint64_t number, struct gw_error *error)
{
	uint8_t bytes[BASE_VARINT_MAX];

	return base_buffer_append(out, bytes, base_varint_put(bytes, number), error);
}

static int put_eight(struct base_buffer *out, uint64_t number, struct gw_error *error)
{
	uint8_t bytes[8];

	base_store64(bytes, number);
	return base_buffer_append(out, bytes, sizeof(bytes), error);
}

static int put_text(struct base_buffer *out, const char *text, struct gw_error *error)
{
	size_t size = text ? strlen(text) : 0;
	int code;

	if (size > VM_LOG_TEXT_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a text of %zu bytes in a log's header",
			       size);
	code = put_number(out, size, error);
	return code < 0 || size == 0 ? code : base_buffer_append(out, text, size, error);
}

static uint64_t flags_of(const struct vm_log_header *header)
{
	uint64_t flags = (header->disk_read_only ? FLAG_READ_ONLY : 0) |
			 (header->has_network ? FLAG_NETWORK : 0) |
			 (header->bare ? FLAG_BARE : 0);

	for (unsigned at = 0; at < VM_LOG_FILES; at++)
		flags |= header->files[at].there ? FLAG_FILE << at : 0;
	return flags;
}

static int put_file(struct base_buffer *out, const struct vm_log_file *file,
		    struct gw_error *error)
{
	int code = file->there ? put_text(out, file->path, error) : 0;

	if (code == 0 && file->there)
		code = put_eight(out, file->size, error);
	if (code == 0 && file->there)
		code = base_buffer_append(out, file->digest, VM_LOG_DIGEST_BYTES, error);
	return code;
}

static int put_body(struct base_buffer *out, const struct vm_log_header *header,
		    struct gw_error *error)
{
	const uint64_t numbers[] = {header->ram_size, header->start_ns, header->disk_bytes,
				    header->hash_interval};
	int code = put_number(out, VM_LOG_MACHINE_VERSION, error);

	if (code == 0)
		code = put_number(out, flags_of(header), error);
	for (size_t at = 0; code == 0 && at < sizeof(numbers) / sizeof(*numbers); at++)
		code = put_eight(out, numbers[at], error);
	if (code == 0)
		code = base_buffer_append(out, header->seed, VM_SEED_BYTES, error);
	if (code == 0)
		code = base_buffer_append(out, header->network_address, VM_NET_ADDRESS_BYTES,
					  error);
	if (code == 0)
		code = put_text(out, header->append, error);
	if (code == 0)
		code = put_text(out, header->made_by, error);
	for (unsigned at = 0; code == 0 && at < VM_LOG_FILES; at++)
		code = put_file(out, &header->files[at], error);
	return code;
}

int vm_log_put_header(struct base_buffer *out, const struct vm_log_header *header,
		      struct gw_error *error)
{
	size_t start = out->size;
	uint8_t prefix[VM_LOG_PREFIX_BYTES] = {0}, sum[4];
	int code = base_buffer_append(out, prefix, sizeof(prefix), error);

	if (code == 0)
		code = put_body(out, header, error);
	if (code < 0)
		return code;
	memcpy(out->data + start, magic, sizeof(magic));
	out->data[start + sizeof(magic)] = VM_LOG_VERSION;
	base_store32(out->data + start + 8, (uint32_t)(out->size - start - sizeof(prefix)));
	base_store32(sum, base_crc32c(0, out->data + start, out->size - start));
	assert(out->size - start + sizeof(sum) <= VM_LOG_HEADER_BYTES_MAX);
	return base_buffer_append(out, sum, sizeof(sum), error);
}

/* ---- Headers, read --------------------------------------------------------------------------- */

static bool take(struct gw_bytes *in, size_t size, const uint8_t **bytes)
{
	if (size > in->size)
		return false;
	*bytes = in->data;
	*in = (struct gw_bytes){*bytes + size, in->size - size};
	return true;
}

static bool take_number(struct gw_bytes *in, uint64_t *number)
{
	const uint8_t *bytes;
	size_t size = base_varint_get(in->data, in->size, number);

	return size > 0 && take(in, size, &bytes);
}

static bool take_eight(struct gw_bytes *in, uint64_t *number)
{
	const uint8_t *bytes;

	if (!take(in, 8, &bytes))
		return false;
	*number = base_load64(bytes);
	return true;
}

static bool take_copy(struct gw_bytes *in, void *to, size_t size)
{
	const uint8_t *bytes;

	if (!take(in, size, &bytes))
		return false;
	memcpy(to, bytes, size);
	return true;
}

/* There is room in texts for as much as is in the header, so it does not move. */
static bool take_text(struct gw_bytes *in, struct base_buffer *texts, const char **text)
{
	const uint8_t *bytes;
	uint64_t size;

	if (!take_number(in, &size) || size > VM_LOG_TEXT_BYTES_MAX || !take(in, size, &bytes) ||
	    memchr(bytes, 0, size))
		return false;
	assert(size < texts->capacity - texts->size);
	*text = (const char *)texts->data + texts->size;
	memcpy(texts->data + texts->size, bytes, size);
	texts->data[texts->size + size] = '\0';
	texts->size += size + 1;
	return true;
}

static bool take_file(struct gw_bytes *in, struct base_buffer *texts, struct vm_log_file *file)
{
	return !file->there || (take_text(in, texts, &file->path) && take_eight(in, &file->size) &&
				take_copy(in, file->digest, VM_LOG_DIGEST_BYTES));
}

static bool take_body(struct gw_bytes *in, struct vm_log_header *header, struct base_buffer *texts)
{
	uint64_t flags;

	if (!take_number(in, &flags) || flags >= FLAGS)
		return false;
	header->disk_read_only = flags & FLAG_READ_ONLY;
	header->has_network = flags & FLAG_NETWORK;
	header->bare = flags & FLAG_BARE;
	for (unsigned at = 0; at < VM_LOG_FILES; at++)
		header->files[at].there = flags & FLAG_FILE << at;
	if (!take_eight(in, &header->ram_size) || !take_eight(in, &header->start_ns) ||
	    !take_eight(in, &header->disk_bytes) || !take_eight(in, &header->hash_interval) ||
	    !take_copy(in, header->seed, VM_SEED_BYTES) ||
	    !take_copy(in, header->network_address, VM_NET_ADDRESS_BYTES) ||
	    !take_text(in, texts, &header->append) || !take_text(in, texts, &header->made_by))
		return false;
	for (unsigned at = 0; at < VM_LOG_FILES; at++)
		if (!take_file(in, texts, &header->files[at]))
			return false;
	return in->size == 0 && header->files[VM_LOG_KERNEL].there && header->hash_interval > 0;
}

int vm_log_header_size(const uint8_t prefix[VM_LOG_PREFIX_BYTES], size_t *size,
		       struct gw_error *error)
{
	uint32_t body = base_load32(prefix + 8);

	if (memcmp(prefix, magic, sizeof(magic)) != 0)
		return gw_fail(error, GW_E_CORRUPT, "not the log of a machine");
	if (prefix[sizeof(magic)] != VM_LOG_VERSION)
		return gw_fail(error, GW_E_VERSION, "a log of version %u; known is %d",
			       prefix[sizeof(magic)], VM_LOG_VERSION);
	if (body > VM_LOG_HEADER_BYTES_MAX - VM_LOG_PREFIX_BYTES - 4)
		return gw_fail(error, GW_E_CORRUPT, "its header says that it has %u bytes", body);
	*size = VM_LOG_PREFIX_BYTES + body + 4;
	return 0;
}

int vm_log_get_header(struct gw_bytes in, struct vm_log_header *header, struct base_buffer *texts,
		      struct gw_error *error)
{
	const uint8_t *bytes = in.data;
	struct gw_bytes body;
	uint64_t version;
	size_t size = 0;
	int code;

	if (in.size < VM_LOG_PREFIX_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "not the log of a machine");
	code = vm_log_header_size(bytes, &size, error);
	if (code < 0)
		return code;
	if (in.size != size || base_load32(bytes + size - 4) != base_crc32c(0, bytes, size - 4))
		return gw_fail(error, GW_E_CORRUPT, "checksum mismatch in its header");
	body = (struct gw_bytes){bytes + VM_LOG_PREFIX_BYTES, size - VM_LOG_PREFIX_BYTES - 4};
	if (take_number(&body, &version) && version != VM_LOG_MACHINE_VERSION)
		return gw_fail(error, GW_E_VERSION, "of a machine of version %llu; this is %d",
			       (unsigned long long)version, VM_LOG_MACHINE_VERSION);
	/* Each text is followed by a NUL where it had its size before. */
	code = base_buffer_reserve(texts, body.size + 2 + VM_LOG_FILES, error);
	if (code < 0)
		return code;
	*header = (struct vm_log_header){0};
	if (!take_body(&body, header, texts))
		return gw_fail(error, GW_E_CORRUPT, "a header that cannot be");
	return 0;
}

/* ---- Records --------------------------------------------------------------------------------- */

int vm_log_put_record(struct base_buffer *out, const struct vm_log_record *record, uint64_t before,
		      struct gw_error *error)
{
	uint8_t head[1 + 4 * BASE_VARINT_MAX];
	size_t size = 1;
	int code;

	assert(record->kind > 0 && record->kind < VM_LOG_KINDS && record->count >= before);
	assert(record->data.size <= VM_EVENT_DATA_BYTES_MAX);
	head[0] = (uint8_t)record->kind;
	size += base_varint_put(head + size, record->count - before);
	if (record->id) {
		head[0] |= HAS_ID;
		size += base_varint_put(head + size, record->id);
	}
	if (record->value) {
		head[0] |= HAS_VALUE;
		size += base_varint_put(head + size, base_zigzag(record->value));
	}
	if (record->data.size) {
		head[0] |= HAS_DATA;
		size += base_varint_put(head + size, record->data.size);
	}
	code = base_buffer_reserve(out, size + record->data.size, error);
	if (code == 0)
		code = base_buffer_append(out, head, size, error);
	if (code == 0 && record->data.size)
		code = base_buffer_append(out, record->data.data, record->data.size, error);
	return code;
}

/* Whether there is such a kind, with data of that size. */
static bool sound(const struct vm_log_record *record)
{
	switch (record->kind) {
	case VM_LOG_HASH:
		return record->data.size == HASH_BYTES;
	case VM_LOG_ON_DISK:
		return record->data.size == ON_DISK_BYTES;
	case VM_LOG_END:
	case VM_LOG_RESTART:
		return record->data.size == 0;
	}
	return record->kind > 0 && record->kind < VM_EVENT_KINDS;
}

static bool take_record(struct gw_bytes *in, uint64_t before, struct vm_log_record *record)
{
	const uint8_t *bytes;
	uint64_t delta, number = 0, size = 0;
	unsigned head;

	if (!take(in, 1, &bytes))
		return false;
	head = bytes[0];
	*record = (struct vm_log_record){.kind = head & KIND_MASK};
	if (!take_number(in, &delta) || delta > UINT64_MAX - before)
		return false;
	record->count = before + delta;
	if (head & HAS_ID && (!take_number(in, &record->id) || !record->id))
		return false;
	if (head & HAS_VALUE && (!take_number(in, &number) || !number))
		return false;
	record->value = base_unzigzag(number);
	if (head & HAS_DATA && (!take_number(in, &size) || !size))
		return false;
	if (size > VM_EVENT_DATA_BYTES_MAX || !take(in, size, &bytes))
		return false;
	record->data = (struct gw_bytes){bytes, size};
	return sound(record);
}

int vm_log_get_record(struct gw_bytes *in, uint64_t before, struct vm_log_record *record,
		      struct gw_error *error)
{
	if (!take_record(in, before, record))
		return gw_fail(error, GW_E_CORRUPT, "a record that cannot be, behind count %llu",
			       (unsigned long long)before);
	return 0;
}
