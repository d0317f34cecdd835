/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - the log of a machine as bytes: what it started from, then what came in, in groups of
 * records. Numbers are little-endian; a varint is as in base/varint.h.
 *
 *     header   magic "gwvmlog" and the version in 1 byte; size of the body in 4; the body; CRC-32C
 *              of all that in 4
 *     group    size of the body in 4; CRC-32C of the body in 4; the body: the count that deltas
 *              begin at as a varint, then records
 *     record   1 byte: the kind in the low 5 bits, and which of id, value and data are there; the
 *              count as a varint, less the count of the record before; id as a varint; value as a
 *              zigzag varint; data: its size as a varint, its bytes
 *
 * The body of a header has, in this order: version of the machine as a varint; flags as a varint;
 * size of RAM, first time of the clock, size of the disk, instructions between two hashes, each in
 * 8; seed; address on the network; then, each a varint of its size and its bytes, the kernel's
 * command line and who made the log; then, for each of enum vm_log_file_name, path (as those),
 * size in 8 and SHA-256, if its flag is set.
 *
 * A log may end anywhere: it is good to its last whole group.
 */
#ifndef VM_RECORD_FORMAT_H
#define VM_RECORD_FORMAT_H

#include "vm/machine/machine.h"

#include "base/buffer.h"

enum {
	VM_LOG_VERSION = 1,
	VM_LOG_MACHINE_VERSION = 1, /* another when the same events would give another run */
	VM_LOG_DIGEST_BYTES = 32,
	VM_LOG_TEXT_BYTES_MAX = 4096, /* paths, command line */
	VM_LOG_PREFIX_BYTES = 12,     /* of a header: what says how long it is */
	VM_LOG_HEADER_BYTES_MAX = 64 << 10,
	VM_LOG_GROUP_PREFIX_BYTES = 8,
	VM_LOG_RECORD_BYTES_MAX = 1 + 4 * 10 + VM_EVENT_DATA_BYTES_MAX,
	VM_LOG_GROUP_BYTES = 64 << 10, /* one that is longer is closed */
	VM_LOG_GROUP_BYTES_MAX = VM_LOG_GROUP_BYTES + 10 + VM_LOG_RECORD_BYTES_MAX,
};

/* The files that a machine starts from. */
enum vm_log_file_name {
	VM_LOG_KERNEL,
	VM_LOG_INITRD,
	VM_LOG_FIRMWARE,
	VM_LOG_DISK,
	VM_LOG_FILES,
};

struct vm_log_file {
	bool there;
	const char *path;
	uint64_t size;
	uint8_t digest[VM_LOG_DIGEST_BYTES];
};

struct vm_log_header {
	bool disk_read_only, has_network, bare;
	uint64_t ram_size, start_ns, disk_bytes, hash_interval;
	uint8_t seed[VM_SEED_BYTES];
	uint8_t network_address[VM_NET_ADDRESS_BYTES];
	const char *append, *made_by;
	struct vm_log_file files[VM_LOG_FILES]; /* DISK: whether there is one */
};

/* What records are besides the events of VM_EVENT_TABLE; for ever, as those. */
enum vm_log_kind {
	VM_LOG_HASH = 24,  /* data: vm_machine_hash without RAM in 8, of RAM in 8 */
	VM_LOG_ON_DISK,    /* a BLOCK whose data is on the disk; data: its CRC-32C in 4 */
	VM_LOG_END,        /* value: enum vm_pause; the last */
	VM_LOG_RESTART,    /* the machine started again */
	VM_LOG_KINDS = 32,
};

struct vm_log_record {
	unsigned kind; /* enum vm_event_kind or vm_log_kind */
	uint64_t count, id;
	int64_t value;
	struct gw_bytes data; /* decoded: in the group's bytes */
};

/* "kernel", "disk". */
const char *vm_log_file_name(enum vm_log_file_name name);

/* Appends a header. GW_E_TOO_LARGE, GW_E_NO_MEMORY. */
int vm_log_put_header(struct base_buffer *out, const struct vm_log_header *header,
		      struct gw_error *error) GW_MUST_CHECK;
/* The size of a header of which the prefix is there. GW_E_CORRUPT, GW_E_VERSION. */
int vm_log_header_size(const uint8_t prefix[VM_LOG_PREFIX_BYTES], size_t *size,
		       struct gw_error *error) GW_MUST_CHECK;
/* Strings are copied into texts, which stays. GW_E_CORRUPT, GW_E_VERSION, GW_E_NO_MEMORY. */
int vm_log_get_header(struct gw_bytes in, struct vm_log_header *header, struct base_buffer *texts,
		      struct gw_error *error) GW_MUST_CHECK;

/* Appends a record behind one (or a group's beginning) at count `before`. */
int vm_log_put_record(struct base_buffer *out, const struct vm_log_record *record, uint64_t before,
		      struct gw_error *error) GW_MUST_CHECK;
/* Takes the first record off *in. GW_E_CORRUPT. */
int vm_log_get_record(struct gw_bytes *in, uint64_t before, struct vm_log_record *record,
		      struct gw_error *error) GW_MUST_CHECK;

#endif
