/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the log of a machine as a file: written from its start to its end, once; read from any
 * place that was reached before. What the bytes are is said in format.h.
 */
#ifndef VM_RECORD_LOG_H
#define VM_RECORD_LOG_H

#include "format.h"

/* A place between two records. */
struct vm_log_place {
	uint64_t group;  /* where in the file the group begins */
	size_t record;   /* where in the group's body the next record begins; 0: at its front */
	uint64_t before; /* the count of the record before it */
};

/* ---- Written --------------------------------------------------------------------------------- */

struct vm_log_writer;

/* Makes the file; GW_E_EXISTS: there is one. path must live as long. */
int vm_log_create(struct vm_log_writer **writer, const char *path,
		  const struct vm_log_header *header, struct gw_error *error) GW_MUST_CHECK;

/* Records are put together to groups; counts never go down. What a failure was is said again by
 * whatever is called next; the file is then good to its last whole group. */
int vm_log_append(struct vm_log_writer *writer, const struct vm_log_record *record,
		  struct gw_error *error) GW_MUST_CHECK;
/* Writes what was appended, as a group. It is then the kernel's: it survives this process. */
int vm_log_flush(struct vm_log_writer *writer, struct gw_error *error) GW_MUST_CHECK;
/* Where the next record will be; what was appended is flushed first. */
int vm_log_end(struct vm_log_writer *writer, struct vm_log_place *place, struct gw_error *error)
	GW_MUST_CHECK;
/* Bytes in the file and still to be written. */
uint64_t vm_log_size(const struct vm_log_writer *writer);
/* Flushes and frees; also after a failure. */
int vm_log_close(struct vm_log_writer *writer, struct gw_error *error) GW_MUST_CHECK;

/* ---- Read ------------------------------------------------------------------------------------ */

struct vm_log_reader;

/* path must live as long. */
int vm_log_open(struct vm_log_reader **reader, const char *path, struct gw_error *error)
	GW_MUST_CHECK;
void vm_log_reader_free(struct vm_log_reader *reader);
const struct vm_log_header *vm_log_header(const struct vm_log_reader *reader);

/* 1: the next record, good until the next call; 0: there is none; GW_E_CORRUPT, GW_E_IO. */
int vm_log_next(struct vm_log_reader *reader, struct vm_log_record *record,
		struct gw_error *error) GW_MUST_CHECK;
/* After the end: whether a group was cut off there. */
bool vm_log_torn(const struct vm_log_reader *reader);

struct vm_log_place vm_log_place(const struct vm_log_reader *reader);
/* To a place that vm_log_place or vm_log_end told of this log; GW_E_INVALID: there is none. */
int vm_log_seek(struct vm_log_reader *reader, const struct vm_log_place *place,
		struct gw_error *error) GW_MUST_CHECK;

#endif
