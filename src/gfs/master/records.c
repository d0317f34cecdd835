/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.c - records of the operation log to bytes and back, by a table of what each kind has.
 */
#include "gfs/master/records.h"

#include <assert.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"
#include "gfs/master/keys.h"

/* Numbers of fields are not written; their order in a kind is. */
enum field {
	END,
	OPTIONS,
	MODE,
	USER,
	GROUP,
	GOAL,
	CHUNK_LOG2,
	ID,
	INDEX,
	LENGTH,
	MODIFIED,
	COLLECT,
	COUNT,
	HANDLE,
	VERSION,
	INCARNATION,
	SERVER,
	WRITER,
	CLIENT_FIRST,
	CLIENT_SECOND,
	NUMBERS, /* below: numbers */
	PATH,
	TO,
	UUID,
	ADDRESS,
	RACK,
	BYTES, /* below: bytes */
	SET,
};

#define OFFSET(field) offsetof(struct gfs_record, field)
static const size_t offsets[] = {
	[OPTIONS] = OFFSET(options),
	[MODE] = OFFSET(mode),
	[USER] = OFFSET(user),
	[GROUP] = OFFSET(group),
	[GOAL] = OFFSET(goal),
	[CHUNK_LOG2] = OFFSET(chunk_log2),
	[ID] = OFFSET(id),
	[INDEX] = OFFSET(index),
	[LENGTH] = OFFSET(length),
	[MODIFIED] = OFFSET(modified_ms),
	[COLLECT] = OFFSET(collect_ms),
	[COUNT] = OFFSET(count),
	[HANDLE] = OFFSET(handle),
	[VERSION] = OFFSET(version),
	[INCARNATION] = OFFSET(incarnation),
	[SERVER] = OFFSET(server),
	[WRITER] = OFFSET(writer),
	[CLIENT_FIRST] = OFFSET(client_first),
	[CLIENT_SECOND] = OFFSET(client_second),
	[PATH] = OFFSET(path),
	[TO] = OFFSET(to),
	[UUID] = OFFSET(uuid),
	[ADDRESS] = OFFSET(address),
	[RACK] = OFFSET(rack),
};

/* Of format 1, for ever. */
enum { FIELDS_MAX = 11 };
static const uint8_t fields[GFS_RECORD_KINDS][FIELDS_MAX] = {
	[GFS_RECORD_CREATE] = {OPTIONS, MODE, USER, GROUP, GOAL, CHUNK_LOG2, PATH, INCARNATION,
			       SET},
	[GFS_RECORD_MKDIR] = {MODE, USER, GROUP, PATH},
	[GFS_RECORD_DELETE] = {OPTIONS, ID, PATH},
	[GFS_RECORD_UNDELETE] = {ID, PATH, TO},
	[GFS_RECORD_RENAME] = {OPTIONS, PATH, TO},
	[GFS_RECORD_SET] = {OPTIONS, MODE, USER, GROUP, MODIFIED, GOAL, COLLECT, PATH},
	[GFS_RECORD_TRUNCATE] = {LENGTH, PATH},
	[GFS_RECORD_SNAPSHOT] = {PATH, TO},
	[GFS_RECORD_LENGTH] = {ID, LENGTH, PATH},
	[GFS_RECORD_COLLECT] = {COUNT},
	[GFS_RECORD_CHUNK_ADD] = {ID, INDEX, PATH, INCARNATION, SET},
	[GFS_RECORD_CHUNK_COPY] = {ID, INDEX, HANDLE, PATH},
	[GFS_RECORD_CHUNK_COPIED] = {HANDLE},
	[GFS_RECORD_GRANT] = {HANDLE, VERSION, INCARNATION, SET},
	[GFS_RECORD_RELEASE] = {HANDLE, VERSION},
	[GFS_RECORD_VERSION] = {HANDLE, VERSION},
	[GFS_RECORD_SERVER] = {UUID, ADDRESS, RACK},
	[GFS_RECORD_DRAIN] = {OPTIONS, SERVER},
	[GFS_RECORD_WRITER_OPEN] = {END},
	[GFS_RECORD_WRITER_KEEP] = {WRITER},
	[GFS_RECORD_WRITER_CLOSE] = {WRITER},
	[GFS_RECORD_CLIENT] = {CLIENT_FIRST, CLIENT_SECOND},
	[GFS_RECORD_TICK] = {END},
};

static uint64_t *number_of(struct gfs_record *record, enum field field)
{
	assert(field > END && field < NUMBERS);
	return (uint64_t *)(void *)((uint8_t *)record + offsets[field]);
}

static uint64_t number_in(const struct gfs_record *record, enum field field)
{
	uint64_t number;

	assert(field > END && field < NUMBERS);
	memcpy(&number, (const uint8_t *)record + offsets[field], sizeof(number));
	return number;
}

static struct gw_bytes *bytes_of(struct gfs_record *record, enum field field)
{
	assert(field > NUMBERS && field < BYTES);
	return (struct gw_bytes *)(void *)((uint8_t *)record + offsets[field]);
}

static struct gw_bytes bytes_in(const struct gfs_record *record, enum field field)
{
	struct gw_bytes bytes;

	assert(field > NUMBERS && field < BYTES);
	memcpy(&bytes, (const uint8_t *)record + offsets[field], sizeof(bytes));
	return bytes;
}

static uint32_t record_crc(const uint8_t *start, size_t size)
{
	uint32_t crc = base_crc32c(0, start + GFS_RECORD_HEAD_BYTES, size - GFS_RECORD_HEAD_BYTES);

	return base_crc32c(crc, start, 4);
}

/* ---- To bytes ------------------------------------------------------------------------------- */

static uint8_t *set_encode(const struct gfs_set *set, uint8_t *at)
{
	assert(set->count <= GFS_GOAL_MAX);
	at += base_varint_put(at, set->count);
	for (uint32_t i = 0; i < set->count; i++)
		at += base_varint_put(at, set->servers[i]);
	return at;
}

static uint8_t *field_encode(const struct gfs_record *record, enum field field, uint8_t *at)
{
	struct gw_bytes bytes;

	if (field < NUMBERS)
		return at + base_varint_put(at, number_in(record, field));
	if (field == SET)
		return set_encode(&record->set, at);
	bytes = bytes_in(record, field);
	at += base_varint_put(at, bytes.size);
	if (bytes.size > 0)
		memcpy(at, bytes.data, bytes.size);
	return at + bytes.size;
}

int gfs_record_encode(const struct gfs_record *record, struct base_buffer *out,
		      struct gw_error *error)
{
	size_t room = GFS_RECORD_HEAD_BYTES + RPC_DUP_CALL_BYTES +
		      (FIELDS_MAX + GFS_GOAL_MAX + 1) * BASE_VARINT_MAX + record->path.size +
		      record->to.size + record->uuid.size + record->address.size +
		      record->rack.size;
	int code = base_buffer_reserve(out, room, error);
	uint8_t *start, *at;

	assert(record->kind > 0 && record->kind < GFS_RECORD_KINDS);
	if (code < 0)
		return code;
	start = out->data + out->size;
	at = start + GFS_RECORD_HEAD_BYTES;
	start[0] = GFS_RECORD_FORMAT;
	start[1] = record->kind;
	start[2] = record->has_call ? GFS_RECORD_CALL : 0;
	start[3] = 0;
	if (record->has_call) {
		rpc_dup_call_encode(&record->call, at);
		at += RPC_DUP_CALL_BYTES;
	}
	for (const uint8_t *field = fields[record->kind]; *field != END; field++)
		at = field_encode(record, (enum field)*field, at);
	assert((size_t)(at - start) <= room);
	base_store32(start + 4, record_crc(start, (size_t)(at - start)));
	out->size += (size_t)(at - start);
	return 0;
}

/* ---- And back ------------------------------------------------------------------------------- */

/* Each returns how many bytes it took of at[0..left), 0 when that cannot be. */

static size_t set_decode(const uint8_t *at, size_t left, struct gfs_set *set)
{
	uint64_t number;
	size_t size = base_varint_get(at, left, &number);

	if (size == 0 || number > GFS_GOAL_MAX)
		return 0;
	set->count = (uint32_t)number;
	for (uint32_t i = 0; i < set->count; i++) {
		size_t took = base_varint_get(at + size, left - size, &number);

		if (took == 0 || number == 0 || number > GFS_SERVERS_MAX)
			return 0;
		set->servers[i] = (uint16_t)number;
		for (uint32_t j = 0; j < i; j++)
			if (set->servers[j] == set->servers[i])
				return 0;
		size += took;
	}
	return size;
}

static bool bytes_fit(enum field field, struct gw_bytes bytes)
{
	switch (field) {
	case PATH:
		return gfs_path_check(bytes, NULL) == 0;
	case TO: /* empty: as PATH */
		return bytes.size == 0 || gfs_path_check(bytes, NULL) == 0;
	case UUID:
		return bytes.size == GFS_SERVER_UUID_BYTES;
	case ADDRESS:
		return bytes.size > 0 && bytes.size <= GFS_ADDRESS_BYTES_MAX;
	default:
		assert(field == RACK);
		return bytes.size <= GFS_RACK_BYTES_MAX;
	}
}

static size_t field_decode(struct gfs_record *record, enum field field, const uint8_t *at,
			   size_t left)
{
	struct gw_bytes *bytes;
	uint64_t size;
	size_t head;

	if (field < NUMBERS)
		return base_varint_get(at, left, number_of(record, field));
	if (field == SET)
		return set_decode(at, left, &record->set);
	head = base_varint_get(at, left, &size);
	if (head == 0 || size > left - head)
		return 0;
	bytes = bytes_of(record, field);
	*bytes = (struct gw_bytes){at + head, size};
	return bytes_fit(field, *bytes) ? head + size : 0;
}

static int head_check(const uint8_t *start, size_t size, struct gw_error *error)
{
	if (size < GFS_RECORD_HEAD_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "a record of %zu bytes", size);
	if (base_load32(start + 4) != record_crc(start, size))
		return gw_fail(error, GW_E_CORRUPT, "a record with a wrong checksum");
	if (start[0] != GFS_RECORD_FORMAT)
		return gw_fail(error, GW_E_VERSION, "a record of version %u; %d is known",
			       start[0], GFS_RECORD_FORMAT);
	if (start[1] == 0 || start[1] >= GFS_RECORD_KINDS || (start[2] & ~GFS_RECORD_CALL) ||
	    start[3] != 0)
		return gw_fail(error, GW_E_CORRUPT, "a record of kind %u with flags %u", start[1],
			       start[2]);
	return 0;
}

int gfs_record_decode(struct gw_bytes bytes, struct gfs_record *record, struct gw_error *error)
{
	const uint8_t *start = bytes.data;
	size_t at = GFS_RECORD_HEAD_BYTES;
	int code = head_check(start, bytes.size, error);

	if (code < 0)
		return code;
	*record = (struct gfs_record){.kind = start[1], .has_call = start[2] & GFS_RECORD_CALL};
	if (record->has_call) {
		if (bytes.size - at < RPC_DUP_CALL_BYTES)
			return gw_fail(error, GW_E_CORRUPT, "a record that ends in its call");
		rpc_dup_call_decode(start + at, &record->call);
		at += RPC_DUP_CALL_BYTES;
	}
	for (const uint8_t *field = fields[record->kind]; *field != END; field++) {
		size_t took = field_decode(record, (enum field)*field, start + at,
					   bytes.size - at);

		if (took == 0)
			return gw_fail(error, GW_E_CORRUPT,
				       "a record of kind %u: its field %d cannot be read",
				       record->kind, (int)(field - fields[record->kind]));
		at += took;
	}
	if (at != bytes.size)
		return gw_fail(error, GW_E_CORRUPT, "a record of kind %u: %zu bytes too many",
			       record->kind, bytes.size - at);
	return 0;
}
